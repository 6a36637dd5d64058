"""What else a year holds: applicants who never come back, members who do not sign, associations that shrink.

Beside each, what must follow, walked through without any table or query of ours.
"""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db import transaction

from caisse.agreement.identifiers import provider_code
from caisse.fund.casework.actions import applications
from caisse.fund.casework.models import Case, Letter, Signature
from caisse.fund.notices.models import Mail
from caisse.fund.registry.models import Association, Membership, Provider, ProviderCode

DAY = timedelta(days=1)
BEGIN = date(2015, 1, 1)
#: After how many days who is waited for is reminded, and the case closed; the state it waits in; its letter.
COURSES = {
    "draft": (76, 90, "draft", ""),
    "question": (23, 60, "incomplete", "closed_unanswered"),
    "signature": (46, 60, "awaiting_signatures", "closed_unsigned"),
}
ANSWER_DAYS, SIGNATURE_DAYS = 30, 60


@dataclass(frozen=True, slots=True)
class Waiting:
    """A case that waits from a day on, for ever: for its applicant, or for a signer (a code)."""

    number: int
    what: str
    since: date
    language: str
    signer: int

    @property
    def email(self) -> str:
        return f"w{self.number}@example.lu"


def waiting(count: int, first: date, days: int, codes: Sequence[int], seed: int = 5) -> list[Waiting]:
    """Cases by chance, some of them from before the first day, so that a short time sees each closed."""
    chance = random.Random(seed)
    return [
        Waiting(
            number, tuple(COURSES)[number % 3], first + DAY * chance.randint(-80, days - 1),
            chance.choice(("fr", "de", "en")), chance.choice(codes),
        )
        for number in range(count)
    ]  # fmt: skip


@transaction.atomic
def enter_waiting(one: Waiting) -> None:
    """Let the case wait; done already, nothing happens."""
    if Case.objects.filter(email=one.email).exists():
        return
    day = one.since
    at = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
    kind, profession = ("association", "doctors") if one.what == "signature" else ("new_code", "doctors")
    new = applications.NewCase(kind, profession, one.email, one.language, "portal")
    opened = applications.open_case(new=new, by="office", at=at)
    state = COURSES[one.what][2]
    if state == "draft":
        return
    days = ANSWER_DAYS if one.what == "question" else SIGNATURE_DAYS
    Case.objects.filter(pk=opened.case_id).update(
        state=state, submitted_at=at, state_at=at, due_on=day + days * DAY
    )
    if one.what == "signature":
        Signature.objects.create(
            case_id=opened.case_id, signer_code=one.signer, role="member", language="fr", asked_at=at,
            statement="Je confirme.",
        )  # fmt: skip


def course_of(one: Waiting, first: date) -> tuple[date | None, date]:
    """The day of its reminder, if there is one, and the day it is closed, when the clock begins on ``first``.

    What a reminder of a draft or of a signature promises is kept though it comes late; one to answer a
    question is not written when the time to answer is over, for that time has days of grace.
    """
    remind, close, _state, _letter = COURSES[one.what]
    told, closed = max(first, one.since + remind * DAY), max(first, one.since + close * DAY)
    if one.what == "question":
        return told if told < one.since + ANSWER_DAYS * DAY else None, closed
    return told, max(closed, told + 14 * DAY)


def waiting_expected(
    cases: Iterable[Waiting], first: date, last: date
) -> dict[str, tuple[str, int, Counter]]:
    """By applicant: the state on the last day, the reminders, and the letters by kind and address."""
    found = {}
    for one in cases:
        _remind, _close, state, letter = COURSES[one.what]
        reminded, closes = course_of(one, first)
        closed = closes <= last
        letters: Counter = Counter()
        if closed and letter:
            letters[letter, one.email] += 1
        if closed and one.what == "signature":
            letters[letter, "signer"] += 1
        told = int(reminded is not None and reminded <= last)
        found[one.email] = ("lapsed" if closed else state, told, letters)
    return found


def waiting_found(cases: Iterable[Waiting]) -> dict[str, tuple[str, int, Counter]]:
    """The same as the database has it."""
    mails = Counter(Mail.objects.filter(about_type="case").values_list("about_id", flat=True))
    letters: dict[str, Counter] = {}
    for number, kind, to in Letter.objects.exclude(case=None).values_list("case__number", "kind", "to"):
        who = to if to.startswith("w") else "signer"
        letters.setdefault(number, Counter())[kind, who] += 1
    wanted = {one.email for one in cases}
    rows = Case.objects.filter(email__in=wanted).values_list("email", "number", "state")
    return {email: (state, mails[number], letters.get(number, Counter())) for email, number, state in rows}


@dataclass(frozen=True, slots=True)
class Group:
    """An association: its number, and its members with the first day each has no code any more, if any."""

    number: int
    members: tuple[tuple[int, date | None], ...]

    @property
    def code(self) -> int:
        return int(provider_code.make(950_000 + self.number))

    def ended_on(self) -> date | None:
        """The first day on which fewer than two have a code, and with it the association."""
        ends = sorted(end for _code, end in self.members if end)
        return ends[len(self.members) - 2] if len(ends) > len(self.members) - 2 else None

    def told(self) -> list[int]:
        """Who belonged until then, or to the end."""
        ended = self.ended_on()
        return [code for code, end in self.members if ended and (end is None or end >= ended)]


def enter_groups(groups: Iterable[Group], revision: int) -> None:
    """Enter the associations with their members and their common codes."""
    for group in groups:
        provider = Provider.objects.create(name=f"Association {group.number}", kind="association")
        Association.objects.create(
            provider=provider, profession="dentists", founded_on=BEGIN, revision=revision
        )
        given = {"valid_from": BEGIN, "revision": revision}
        ProviderCode.objects.create(provider=provider, code=group.code, profession="dentists", **given)
        rows = ProviderCode.objects.in_bulk([code for code, _end in group.members], field_name="code")
        Membership.objects.bulk_create(
            Membership(association_id=provider.pk, member=row, **given) for row in rows.values()
        )


def group_letters(groups: Iterable[Group], first: date, last: date) -> Counter:
    """Letters about associations: of their end, and the statements of the years before, by code or common code."""
    found: Counter = Counter()
    days = [first + n * DAY for n in range((last - first).days + 1)]
    years = {day.year - 1 for day in days if day >= date(day.year, 1, 1) + 59 * DAY}
    for group in groups:
        ended = group.ended_on()
        if ended and ended <= last:
            found[group.code, "association_ended", str(ended), None] += len(group.told())
        for year in years:
            for code, _end in group.members:
                found[code, "annual_statement", str(year), None] += 1
    return found
