"""The demonstration office is full of cases in all states, and everything about it is sound."""

from collections import Counter
from datetime import datetime

import pytest

from caisse.agreement.identifiers import provider_code
from caisse.fund.access.queries import holders_of
from caisse.fund.casework import following, queries
from caisse.fund.casework.lifecycle import CASE
from caisse.fund.casework.models import BoardSession, Case, Entry
from caisse.fund.demo import load_office
from caisse.fund.demo.scenes import SCENES
from caisse.fund.exchange.store import Store
from caisse.fund.home import Home
from caisse.fund.registry import queries as register
from caisse.fund.verification import Report, verify_files


@pytest.mark.timeout(600)
def test_the_office_shows_every_state_and_nothing_in_it_is_broken(db: Home, now: datetime) -> None:
    seen: list[int] = []
    assert load_office(by="test", at=now, watch=lambda _what, done, _all: seen.append(done)) == {
        "cases": len(SCENES), "staff": 6
    }  # fmt: skip
    assert seen == list(range(len(SCENES)))
    # An appeal is a case of its own beside the one it is about.
    assert Case.objects.count() == len(SCENES) + 1
    states = Counter(Case.objects.values_list("state", flat=True))
    assert set(states) == set(CASE)
    assert {case.language for case in Case.objects.all()} == {"fr", "de", "en"}
    assert not Entry.objects.filter(at__gt=now).exists()

    granted = Case.objects.filter(kind="new_code", state="granted")
    codes = [case.code for case in granted]
    assert len(set(codes)) == len(codes) >= 14 and all(provider_code.is_valid(str(code)) for code in codes)
    assert all(register.standing(code, now.date()).state == "valid" for code in codes)
    assert sorted(BoardSession.objects.values_list("state", flat=True)) == ["held", "planned"]
    assert holders_of("supervisor", now.date()).count() == 1
    # Something is near its end for each of the warnings, 90, 30 and 7 days ahead.
    assert sorted(one.days for one in following.ending_licences(now.date())) == [6, 22, 76]

    report = Report()
    verify_files(Store(db.documents), queries.stored_documents(), report)
    assert report.problems == [] and report.orphans == 0 and report.files > 100
