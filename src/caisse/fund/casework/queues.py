"""The desk's queues: which cases wait for whom. A case at work stands in exactly one queue of the office."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Q, QuerySet

from caisse.fund.casework.lifecycle import CLOSED
from caisse.fund.casework.models import Case

#: queue -> which cases are in it, whoever looks
OFFICE: Mapping[str, Q] = {
    "new": Q(state="submitted"),
    "in_review": Q(state="in_review"),
    "to_confirm": Q(state="proposed"),
    "incomplete": Q(state="incomplete"),
    "signatures": Q(state="awaiting_signatures"),
    "board": Q(state="awaiting_board"),
    "cooling_off": Q(state="cooling_off"),
    "by_mail": Q(state="draft", door="mail"),
}
#: All queues in the order of the desk; "mine" and "overdue" cut across the others, "closed" is the archive.
QUEUES = ("mine", *OFFICE, "overdue", "closed")


@dataclass(frozen=True, slots=True)
class Filter:
    """What an officer narrows a queue down to; empty fields do not narrow."""

    kind: str = ""
    profession: str = ""
    text: str = ""


def queue(name: str, *, officer_id: int, on: date, narrowed: Filter = Filter()) -> QuerySet[Case]:
    """The cases of a queue or "all", oldest state first; raises KeyError for a queue that does not exist."""
    found = Case.objects.filter(_of(name, officer_id, on)).select_related("assigned_to")
    if narrowed.kind:
        found = found.filter(kind=narrowed.kind)
    if narrowed.profession:
        found = found.filter(profession=narrowed.profession)
    if narrowed.text:
        found = found.filter(_matching(narrowed.text))
    return found.order_by("-state_at" if name == "closed" else "state_at", "pk")


def counts(*, officer_id: int, on: date) -> dict[str, int]:
    """How many cases are in each queue, in one query."""
    return Case.objects.aggregate(
        **{name: Count("pk", filter=_of(name, officer_id, on)) for name in QUEUES if name != "closed"}
    )


def _of(name: str, officer_id: int, on: date) -> Q:
    if name == "all":
        # A draft that was not handed in is nobody's business yet.
        return ~Q(state="draft") | Q(door="mail")
    if name == "mine":
        return Q(assigned_to_id=officer_id) & ~Q(state__in=CLOSED)
    if name == "overdue":
        return Q(due_on__lt=on) & ~Q(state__in=CLOSED)
    if name == "closed":
        return Q(state__in=CLOSED)
    if name == "to_confirm":
        # Nobody confirms an own proposal.
        return OFFICE[name] & ~Q(
            decisions__proposed_by_id=officer_id, decisions__final_at=None, decisions__returned_at=None
        )
    return OFFICE[name]


def _matching(text: str) -> Q:
    """Cases whose number, code, mail address or name on the sheet begins with or holds the text."""
    wanted = text.strip()
    found = Q(number__icontains=wanted) | Q(email__icontains=wanted) | Q(provider__name__icontains=wanted)
    for field in ("family_name", "given_name", "business_name"):
        found |= Q(**{f"sheet__{field}__icontains": wanted})
    digits = wanted.replace("-", "").replace(" ", "")
    return found | Q(code=int(digits)) if digits.isdecimal() and len(digits) == 8 else found
