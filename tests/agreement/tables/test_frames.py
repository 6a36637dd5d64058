"""Every profession that may exchange files has one frame of its own."""

from datetime import date

import pytest

from caisse.agreement.errors import WrongUse
from caisse.agreement.tables.frames import frame_of, frames
from caisse.agreement.tables.professions import catalogue_on

DAY = date(2026, 11, 22)


def test_whoever_may_exchange_has_a_frame_and_nobody_elses() -> None:
    found = {
        key: frame_of(key, DAY)
        for key, one in catalogue_on(DAY).professions.items()
        if one.offered and one.exchange_on(DAY) != "not_offered"
    }
    assert len(set(found.values())) == len(found)
    assert found["laboratories"] == "LAB"


def test_doctors_have_none() -> None:
    with pytest.raises(WrongUse):
        frame_of("doctors", DAY)


def test_every_frame_says_what_it_rests_on() -> None:
    assert all((one.standing == "ours") is not bool(one.source) for one in frames())
