"""Many officers allot codes at once, from one range: no code twice, none skipped, a full range is said."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import pytest
from django.db import connection, transaction

from caisse.fund.registry import actions, published
from caisse.fund.registry.errors import PeriodsOverlap, RangeFull
from caisse.fund.registry.models import ProviderCode
from tests.fund.registry.test_codes import code_of, person

OFFICERS, EACH = 6, 6


@pytest.fixture
def said(db, now):
    return {"by": "test", "at": now}


def test_many_officers_at_once_and_some_of_them_give_up(said):
    providers = [[person(said, f"P {n}") for _ in range(EACH)] for n in range(OFFICERS)]
    together = threading.Barrier(OFFICERS)

    class GivesUp(Exception):
        pass

    def officer(mine: list[int]) -> list[int]:
        together.wait(30)
        done = []
        try:
            for turn, provider in enumerate(mine):
                try:
                    with transaction.atomic():
                        code = code_of(said, provider)
                        if turn % 3 == 1:
                            raise GivesUp
                    done.append(code)
                except GivesUp:
                    pass
        finally:
            connection.close()
        return done

    with ThreadPoolExecutor(OFFICERS) as pool:
        codes = [code for found in pool.map(officer, providers) for code in found]
    assert len(codes) == len(set(codes)) == OFFICERS * 4
    assert sorted(codes) == list(ProviderCode.objects.order_by("code").values_list("code", flat=True))
    # What was given up had been told to nobody, so it is no gap either.
    assert sorted(code // 100 for code in codes) == list(range(min(codes) // 100, min(codes) // 100 + 24))


def test_one_provider_asked_for_by_two_officers_gets_one_code(said):
    provider, together = person(said), threading.Barrier(2)

    def officer(_n: int) -> int:
        together.wait(30)
        try:
            return code_of(said, provider)
        except PeriodsOverlap:
            return 0
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(map(bool, pool.map(officer, range(2)))) == [False, True]
    assert ProviderCode.objects.count() == 1


def test_a_full_range_is_said_and_leaves_nothing_behind(said, monkeypatch):
    small = replace(published.code_range("doctors", date(2026, 1, 1)), first=900_000, last=900_002)
    monkeypatch.setattr(published, "code_range", lambda *_args, **_more: small)
    codes = [code_of(said) for _ in range(3)]
    actions.withdraw_code(code=codes[0], valid_until=date(2020, 1, 1), **said)
    with pytest.raises(RangeFull, match="900000 to 900002"):
        code_of(said)
    assert ProviderCode.objects.count() == 3
