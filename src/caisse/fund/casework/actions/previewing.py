"""Letters before they are written: the act is carried out, its letters are read, and everything is undone."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import pikepdf
from django.db import transaction
from django.db.models import F

from caisse.fund import printing
from caisse.fund.casework.actions import decisions, examination, letters
from caisse.fund.casework.actions.decisions import Verdict
from caisse.fund.casework.actions.moving import locked
from caisse.fund.casework.models import Letter


@dataclass(frozen=True, slots=True)
class Preview:
    """A letter as it would be written: its kind, its language and the PDF."""

    kind: str
    language: str
    pdf: bytes


def preview_ask_back(
    *, case_id: int, questions: list[tuple[str, str]], officer_id: int, at: datetime
) -> list[Preview]:
    """The letter that asking back would bring; raises what asking back raises, and changes nothing."""
    return _undone(
        lambda: examination.ask_back(case_id=case_id, questions=questions, officer_id=officer_id, at=at)
    )


def preview_decision(*, case_id: int, verdict: Verdict, officer_id: int, at: datetime) -> list[Preview]:
    """The letter that a decision would bring once it is confirmed; raises what deciding raises."""
    by = f"user {officer_id}"

    def decide() -> None:
        decisions.propose_decision(case_id=case_id, verdict=verdict, officer_id=officer_id, at=at)
        case = locked(case_id)
        if case.state == "proposed":
            decisions.conclude(case, decisions.open_decision(case), by=by, at=at)

    return _undone(decide)


def preview_confirmation(*, case_id: int, officer_id: int, at: datetime) -> list[Preview]:
    """The letter that confirming a colleague's proposal would bring."""
    return _undone(lambda: decisions.confirm_decision(case_id=case_id, officer_id=officer_id, at=at))


def together(previews: Sequence[Preview]) -> bytes:
    """All letters of an act as one PDF to look at, one after the other."""
    if len(previews) == 1:
        return previews[0].pdf
    with pikepdf.new() as joined:
        for one in previews:
            with pikepdf.open(io.BytesIO(one.pdf)) as letter:
                joined.pages.extend(letter.pages)
        written = io.BytesIO()
        joined.save(written)
    return written.getvalue()


def _undone(act: Callable[[], object]) -> list[Preview]:
    with transaction.atomic(), letters.only_ordered() as ordered:
        act()
        # Those of the case itself first: its effect may write to others.
        found = list(Letter.objects.filter(pk__in=ordered).order_by(F("case_id").asc(nulls_last=True), "pk"))
        transaction.set_rollback(True)
    # Made afterwards: nothing is locked while a letter is typeset.
    return [
        Preview(one.kind, one.language, printing.render(one.kind, one.language, one.content)) for one in found
    ]
