"""What an officer looks at besides the case itself: its letters, whom else it concerns, the Board."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from caisse.fund import printing
from caisse.fund.casework.lifecycle import CLOSED, STANDING_DOCUMENTS
from caisse.fund.casework.models import BoardItem, BoardSession, Case, CaseDocument, Letter
from caisse.fund.casework.queries import sheet_values
from caisse.fund.casework.telling import TELLING_FIELDS, plain, plain_field
from caisse.fund.registry import queries as register
from caisse.fund.registry.models import Provider


def case_of_number(number: str) -> Case | None:
    """The case of that number; a draft not handed in is the applicant's alone, unless it came by mail."""
    found = Case.objects.select_related("assigned_to", "provider", "about").filter(number=number)
    return found.exclude(~Q(door="mail"), state="draft").first()


def document_of(case: Case, document_id: int) -> CaseDocument | None:
    """A document of the case, standing or not; None for one of another case."""
    return case.documents.filter(pk=document_id).first()


def letter_of(case: Case, letter_id: int) -> Letter | None:
    """A letter of the case that is made; None for one of another case."""
    return case.letters.filter(pk=letter_id, made_at__isnull=False).first()


def letters_of(case: Case) -> list[tuple[Letter, str]]:
    """The letters of the case that are made, the latest first, with what each is about."""
    return [(one, subject_of(one)) for one in case.letters.filter(made_at__isnull=False).order_by("-pk")]


def subject_of(letter: Letter) -> str:
    """What a letter is about, in its own language."""
    return printing.subject(letter.kind, letter.language, letter.content)


def version_of(case: Case) -> str:
    """A mark of everything a decision rests on; it differs as soon as somebody judged, asked or answered."""
    parts = [case.state, case.state_at.isoformat(), case.profession]
    parts += [str(case.submissions.count()), str(case.questions.count())]
    parts += [
        f"{pk} {kind} {part} {state} {at}"
        for pk, kind, part, state, at in case.documents.filter(state__in=STANDING_DOCUMENTS)
        .order_by("pk")
        .values_list("pk", "kind", "part", "state", "judged_at")
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Related:
    """Other cases and providers with the same telling field; ``fields`` says by which."""

    cases: list[tuple[Case, tuple[str, ...]]]
    providers: list[tuple[Provider, tuple[str, ...]]]


def related(case: Case, *, limit: int = 20) -> Related:
    """Cases and providers that seem to be the same person or establishment, the latest first.

    The case this one is about, and those about this one, belong to them whatever their sheets say.
    Compared are national number, legal person number, licence number and IBAN, however they were typed.
    """
    values = {**case.sheet, **sheet_values(case)} if case.profession else dict(case.sheet)
    told = {name: plain(str(values.get(name, ""))) for name in TELLING_FIELDS}
    told = {name: value for name, value in told.items() if value}
    return Related(_related_cases(case, told, limit), _related_providers(case, told))


def _related_cases(case: Case, told: dict[str, str], limit: int) -> list[tuple[Case, tuple[str, ...]]]:
    found = _alike(case, told).order_by("-opened_at")[:limit]
    return [
        (one, tuple(name for name, value in told.items() if getattr(one, f"plain_{name}") == value))
        for one in found
    ]


def _alike(case: Case, told: dict[str, str]) -> QuerySet[Case]:
    same = Q(provider_id=case.provider_id) if case.provider_id else Q(pk__in=[])
    same |= Q(about_id=case.pk) | Q(pk=case.about_id)
    fields = {f"plain_{name}": plain_field(name) for name in told}
    for name, value in told.items():
        same |= Q(**{f"plain_{name}": value})
    return Case.objects.annotate(**fields).filter(same).exclude(pk=case.pk)


def _related_providers(case: Case, told: dict[str, str]) -> list[tuple[Provider, tuple[str, ...]]]:
    found: dict[int, tuple[Provider, list[str]]] = {}
    for name, value in told.items():
        for provider in register.providers_with(name, value):
            found.setdefault(provider.pk, (provider, []))[1].append(name)
    if case.provider is not None:
        found.setdefault(case.provider.pk, (case.provider, []))
    return [(provider, tuple(names)) for provider, names in found.values()]


def open_renewals(provider_ids: Iterable[int]) -> dict[int, str]:
    """Provider -> number of the open case by which a licence is renewed."""
    found = Case.objects.filter(provider_id__in=list(provider_ids), kind="licence_renewal")
    return dict(found.exclude(state__in=CLOSED).order_by("opened_at").values_list("provider_id", "number"))


def cases_of_provider(provider_id: int, *, limit: int = 50) -> list[Case]:
    """The cases of a provider, the latest first."""
    return list(Case.objects.filter(provider_id=provider_id).order_by("-opened_at")[:limit])


def letters_to_provider(provider_id: int, *, limit: int = 50) -> list[Letter]:
    """The letters of a provider, about cases or not, the latest first."""
    found = Letter.objects.filter(Q(provider_id=provider_id) | Q(case__provider_id=provider_id))
    return list(found.select_related("case").order_by("-ordered_at", "-pk")[:limit])


def sessions(*, limit: int = 24) -> list[BoardSession]:
    """The sessions of the Board, the latest day first."""
    return list(BoardSession.objects.order_by("-day")[:limit])


def session_of(session_id: int) -> BoardSession | None:
    """A session of the Board."""
    return BoardSession.objects.select_related("agenda", "minutes").filter(pk=session_id).first()


def items_of(session: BoardSession) -> list[BoardItem]:
    """The agenda of a session, in its order."""
    return list(session.items.select_related("case", "case__provider").order_by("position"))


def waiting_for_board() -> QuerySet[Case]:
    """Cases on the agenda of a session that is not held, the first to have come first."""
    return Case.objects.filter(state="awaiting_board").order_by("state_at")
