"""A year of a register: providers whose licences and codes end on random days, some continued, and what must follow.

`course` is an oracle: it walks through the days of each provider by itself, knows no table and no query of ours.
`year_cases` has the associations and the cases of such a year, with theirs.
"""

import os
import random
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain, repeat
from pathlib import Path

from django.db import connection, transaction

from caisse.agreement.identifiers import national_number, provider_code
from caisse.fund import daily
from caisse.fund.casework.actions.letters import make_letter
from caisse.fund.casework.clock import running
from caisse.fund.casework.models import Letter
from caisse.fund.exchange.models import Account
from caisse.fund.registry import actions, revisions
from caisse.fund.registry.models import (
    Licence,
    LicencePeriod,
    LicensedCode,
    Provider,
    ProviderCode,
    ProviderNumber,
    Site,
    SiteAddress,
)
from tests.fund.casework.clock.year_cases import (
    Group,
    Waiting,
    enter_groups,
    enter_waiting,
    group_letters,
    waiting,
)

ROOT = Path(__file__).parents[4]
DAY = timedelta(days=1)
BEGIN = date(2015, 1, 1)
WARNINGS = (90, 30, 7)
#: profession, kind of licence, and what its end does to the code (professions.toml and licences.toml)
MIX = (
    ("doctors", "authorisation_to_practise", "suspended"),
    ("physiotherapists", "authorisation_to_practise", "suspended"),
    ("nurses", "authorisation_to_practise", "suspended"),
    ("dentists", "service_declaration", "ended"),
    ("opticians", "establishment_authorisation", "suspended"),
    ("pharmacists", "ministerial_concession", "ended"),
)


@dataclass(frozen=True, slots=True)
class Life:
    """What happens to one provider: the end of its licence, or of its code; when and from when it is continued.

    ``aged``: the licence itself has no end; its holder's seventieth birthday is.
    """

    number: int
    profession: str
    kind: str
    effect: str
    language: str
    ends: date | None
    planned: bool
    proven_on: date | None
    continued_from: date | None
    aged: bool = False

    @property
    def code(self) -> int:
        return int(provider_code.make(200_000 + self.number))


@dataclass(frozen=True, slots=True)
class World:
    """Everything a time holds: providers, associations of two or three dentists, cases that wait."""

    first: date
    days: int
    lives: list[Life]
    groups: list[Group]
    cases: list[Waiting]

    @property
    def last(self) -> date:
        return self.first + (self.days - 1) * DAY


def world(providers: int, first: date, days: int, seed: int = 7) -> World:
    """A world by chance, always the same for the same size, time and seed."""
    all_lives = lives(providers, first, days, seed)
    dentists = [one for one in all_lives if one.profession == "dentists"]
    members = [(one.code, _left_on(one, first, days)) for one in dentists]
    groups = []
    while len(members) > 2:
        size = 2 + len(groups) % 2
        groups.append(Group(len(groups), tuple(members[:size])))
        members = members[size:]
    cases = waiting(max(12, providers // 20), first, days, [one.code for one in all_lives])
    return World(first, days, all_lives, groups, cases)


def _left_on(one: Life, first: date, days: int) -> date | None:
    """The first day outside its association, which it does not enter again when its licence is continued."""
    return one.ends if course(one, first, days).closed_on else None


def lives(count: int, first: date, days: int, seed: int) -> list[Life]:
    """Providers by chance: a third without any end, a tenth with a code for a limited time, two in five continued."""
    chance, made = random.Random(seed), []
    for number in range(count):
        profession, kind, effect = chance.choice(MIX)
        ends = None if chance.random() < 0.33 else first + DAY * chance.randint(1, days + 100)
        planned = ends is not None and chance.random() < 0.15
        proven = start = None
        if ends and not planned and chance.random() < 0.4:
            proven = ends + DAY * chance.randint(-60, 60)
            start = ends + DAY * chance.choice((0, 0, 0, 12))
        language = chance.choice(("fr", "de", "en"))
        aged = kind == "ministerial_concession" and ends is not None and not planned and not proven
        made.append(Life(number, profession, kind, effect, language, ends, planned, proven, start, aged))
    return made


@transaction.atomic
def enter(world: World) -> None:
    """Enter it into the register as one change; those with a planned end have an account of the exchange."""
    all_lives, at = world.lives, noon(world.first - DAY)
    revision = revisions.take(action="test", by="test", at=at)
    period = {"valid_from": BEGIN, "revision": revision}
    providers = Provider.objects.bulk_create(
        Provider(name=f"Exemple {one.number}", language=one.language, email=f"p{one.number}@example.lu")
        for one in all_lives
    )
    sites = Site.objects.bulk_create(Site(provider=provider) for provider in providers)
    SiteAddress.objects.bulk_create(
        SiteAddress(site=site, street="Rue du Fort", house_number="7", postcode="1234", locality="Exempleville",
                    **period) for site in sites
    )  # fmt: skip
    codes = ProviderCode.objects.bulk_create(
        ProviderCode(provider=provider, code=one.code, profession=one.profession, site=site,
                     valid_until=one.ends if one.planned else None, **period)
        for one, provider, site in zip(all_lives, providers, sites, strict=True)
    )  # fmt: skip
    held = [(one, code) for one, code in zip(all_lives, codes, strict=True) if not one.planned]
    licences = Licence.objects.bulk_create(
        Licence(provider=code.provider, kind=one.kind, number=f"A-{one.number}", revision=revision)
        for one, code in held
    )
    LicencePeriod.objects.bulk_create(
        LicencePeriod(licence=licence, valid_until=None if one.aged else one.ends, **period)
        for (one, _code), licence in zip(held, licences, strict=True)
    )
    LicensedCode.objects.bulk_create(
        LicensedCode(licence=licence, code=code, revision=revision)
        for (_one, code), licence in zip(held, licences, strict=True)
    )
    Account.objects.bulk_create(
        Account(user=f"{one.code:08d}-lab", provider_code=one.code, frame="LAB", created_at=at)
        for one in all_lives
        if one.planned
    )
    ProviderNumber.objects.bulk_create(
        ProviderNumber(
            provider=provider, kind="national", number=_born_seventy_before(one), revision=revision
        )
        for one, provider in zip(all_lives, providers, strict=True)
        if one.aged
    )
    enter_groups(world.groups, revision)
    for case in world.cases:
        if case.since < world.first:
            enter_waiting(case)


def _born_seventy_before(one: Life) -> str:
    day = one.ends or BEGIN
    return national_number.make(day.year - 70, day.month, day.day, one.number % 1000)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 11, tzinfo=UTC)


def live(world: World, told: Callable[[date, float], None] | None = None) -> None:
    """Each day the office enters what comes that day, then the clock goes through it; resumes anywhere."""
    first, days = world.first, world.days
    proven: dict[date, list[Life]] = {}
    for one in world.lives:
        if one.proven_on:
            proven.setdefault(max(one.proven_on, first), []).append(one)
    opened: dict[date, list[Waiting]] = {}
    for case in world.cases:
        opened.setdefault(case.since, []).append(case)
    last = running.ClockDay.objects.filter(ended_at__isnull=False).order_by("-day").first()
    for number in range(max(0, (last.day - first).days) if last else 0, days):
        day = first + DAY * number
        for one in proven.get(day, ()):
            _enter_continuation(one, day)
        for case in opened.get(day, ()):
            enter_waiting(case)
        began = time.perf_counter()
        report = _look(day)
        if report.troubles or not report.finished:
            raise SystemExit(f"{day}: {report.troubles}")
        if told:
            told(day, time.perf_counter() - began)


def _look(day: date) -> running.Report:
    """Go through a day; while the database still holds the clock's lock for a killed process, look again."""
    patience = time.monotonic() + 120
    while True:
        report = running.run(daily.STEPS, until=day, now=lambda: noon(day))
        if report.finished or report.troubles or time.monotonic() > patience:
            return report
        time.sleep(0.02)


def pass_again(world: World) -> None:
    """Go through the last day once more, as a worker does every minute; nothing is due."""
    report = _look(world.last)
    if report.done or not report.finished:
        raise SystemExit(f"done twice: {report.done}")


@transaction.atomic
def _enter_continuation(one: Life, day: date) -> None:
    provider = ProviderCode.objects.get(code=one.code).provider_id
    if Licence.objects.filter(provider=provider, number=f"R-{one.number}").exists():
        return
    actions.record_licence(
        provider_id=provider, kind=one.kind, number=f"R-{one.number}", valid_from=one.continued_from,
        codes=[one.code], by="office", at=noon(day) - timedelta(hours=2),
    )  # fmt: skip


@dataclass(slots=True)
class Course:
    """What must have become of one provider: letters by (kind, day, what), and the days the code changed."""

    letters: Counter
    closed_on: date | None = None
    reopened_on: date | None = None


def course(one: Life, first: date, days: int) -> Course:
    """Walk through the days of one provider."""
    found, warned = Course(Counter()), set()
    if one.ends is None:
        return found
    for day in (first + DAY * n for n in range(days)):
        proven = one.proven_on is not None and one.proven_on <= day
        if not (proven and one.continued_from == one.ends) and found.closed_on is None:
            left = (one.ends - day).days
            step = min((warning for warning in WARNINGS if warning >= left), default=None)
            if left <= 0:
                found.closed_on = day
                effect = "ended" if one.planned else one.effect
                found.letters["code_lapsed", str(one.ends), effect] += 1
            elif step and step not in warned:
                warned.add(step)
                found.letters["licence_warning", str(one.ends), left] += 1
        if found.closed_on and not found.reopened_on and proven and one.continued_from <= day:
            found.reopened_on = day
            gap = str(one.ends) if one.continued_from > one.ends else None
            found.letters["code_reopened", str(one.continued_from), gap] += 1
    return found


def state_known(one: Life, lived: Course, on: date, known: date) -> str:
    """How the code stood on a day, as it was known in the evening of another."""
    if one.planned and one.ends:
        return "ended" if on >= one.ends else "valid"
    if lived.closed_on is None or lived.closed_on > known or on < one.ends:
        return "valid"
    if lived.reopened_on and lived.reopened_on <= known:
        return "valid" if on >= one.continued_from else "suspended"
    return one.effect


def letters_written() -> Counter:
    """What the register's holders were written, as `course` counts it, with the code in front."""
    found: Counter = Counter()
    for kind, content in Letter.objects.filter(case=None).values_list("kind", "content"):
        if kind == "licence_warning":
            found[content["code"], kind, content["valid_until"], content["days_left"]] += 1
        elif kind == "code_lapsed":
            found[content["code"], kind, content["effective_on"], content["effect"]] += 1
        elif kind == "association_ended":
            found[content["code"], kind, content["valid_until"], None] += 1
        elif kind == "annual_statement":
            found[content["member_codes"][0], kind, str(content["year"]), None] += 1
        else:
            found[content["code"], kind, content["effective_on"], content["gap_from"]] += 1
    return found


def letters_expected(world: World) -> Counter:
    """The same as the oracles say it."""
    of_lives = Counter(
        {
            (one.code, *what): number
            for one in world.lives
            for what, number in course(one, world.first, world.days).letters.items()
        }
    )
    return of_lives + group_letters(world.groups, world.first, world.last)


def make_all_letters() -> int:
    """What the jobs do: every letter that waits is made, one a transaction."""
    waiting = Letter.objects.filter(made_at__isnull=True).order_by("pk").values_list("pk", "ordered_at")
    return sum(make_letter(letter_id=one, by="worker", at=at) for one, at in list(waiting))


def make_all_letters_killed(pauses: Iterator[float]) -> int:
    """Let letters be made by a process that is killed after each pause and begun again; the kills."""
    kills = 0
    while True:
        command = [sys.executable, "-m", "tests.fund.casework.clock.letter_maker"]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as maker:
            assert maker.stdout is not None
            if maker.stdout.readline() != "ready\n":
                raise SystemExit("the maker of letters did not start")
            try:
                if maker.wait(next(pauses)):
                    raise SystemExit(f"the maker of letters ended with {maker.returncode}")
                return kills
            except subprocess.TimeoutExpired:
                maker.kill()
        kills += 1


def so_often(times: int, pause: Callable[[], float]) -> Iterator[float]:
    """So many pauses before a kill, then time enough to come through."""
    return chain((pause() for _ in range(times)), repeat(1e6))


def killed_until_done(work: Callable[[], object], pauses: Iterator[float]) -> int:
    """Run ``work`` in a child that is killed after each pause and begun again, until it comes through; the kills."""
    kills = 0
    while True:
        connection.close()
        child = os.fork()
        if not child:
            code = 1
            try:
                work()
                code = 0
            except BaseException:
                traceback.print_exc()
                raise
            finally:
                sys.stderr.flush()
                os._exit(code)
        until = time.monotonic() + next(pauses)
        while time.monotonic() < until:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                if status:
                    raise SystemExit(f"the child ended with {status}")
                return kills
            time.sleep(0.002)
        os.kill(child, signal.SIGKILL)
        _pid, status = os.waitpid(child, 0)
        if status == 0:
            return kills
        kills += 1
