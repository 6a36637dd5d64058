"""What the register says no to before anybody is asked to sign; the rules are dated data."""

from datetime import date, timedelta

import pytest

from caisse.agreement.identifiers import provider_code
from caisse.agreement.tables.professions import catalogue_on
from caisse.agreement.validity import add_months
from caisse.fund.casework import queries
from caisse.fund.casework.actions import decisions
from caisse.fund.casework.actions import signatures as signing
from caisse.fund.casework.errors import NotAllowed, StillMissing
from caisse.fund.casework.models import Case
from caisse.fund.registry import actions as registry
from caisse.fund.registry import queries as register
from tests.fund.casework.associations.members import (
    all_sign,
    asked,
    filed,
    founded,
    in_review,
    join,
    leave,
    member,
    owner_of,
)
from tests.fund.casework.office import Office


def told(office: Office, case: Case) -> str:
    """The English text of what keeps the case from being submitted; it is tried, too."""
    lacking = queries.missing(case, on=office.today)
    if lacking:
        with pytest.raises(StillMissing):
            office.submit(case)
    for one in lacking:
        assert all(one.detail[language] for language in ("fr", "de", "en"))
    return " ".join(one.detail["en"] for one in lacking)


def founding(office: Office, *codes: int, **sheet: str) -> Case:
    given = {"members": " ".join(map(str, codes)), "effective_from": str(office.today), **sheet}
    return filed(office, codes[0], facts={"founding": True}, **given)


def test_members_are_of_one_speciality_where_the_catalogue_says_so(office: Office) -> None:
    one, two = (key for key, _ in zip(specialities("doctors"), range(2), strict=False))
    anna = member(office, "Anna", profession="doctors", speciality=one)
    bernd = member(office, "Bernd", profession="doctors", speciality=two)
    carla = member(office, "Carla", profession="doctors", speciality=one)
    assert "another speciality" in told(office, founding(office, anna, bernd, speciality=one))
    assert told(office, founding(office, anna, carla, speciality=one)) == ""


def specialities(profession: str) -> list[str]:
    return [one.key for one in catalogue_on(date(2026, 11, 22)).specialities_of(profession)]


def test_members_are_of_one_profession(office: Office) -> None:
    anna, dora = member(office, "Anna"), member(office, "Dora", profession="dieticians")
    assert "another profession" in told(office, founding(office, anna, dora))


def test_members_codes_hold_on_the_day(office: Office) -> None:
    anna, bernd = member(office, "Anna"), member(office, "Bernd")
    registry.withdraw_code(code=bernd, valid_until=office.today, by="test", at=office.tick())
    assert "is not valid on" in told(office, founding(office, anna, bernd))
    assert (
        told(office, founding(office, anna, bernd, effective_from=str(office.today - timedelta(days=1))))
        == ""
    )


def test_one_alone_and_nobody_twice(office: Office) -> None:
    anna = member(office, "Anna")
    assert told(office, founding(office, anna)) != ""
    assert told(office, founding(office, anna, anna)) != ""


def test_unknown_codes_and_common_codes_are_no_members(office: Office) -> None:
    anna, bernd, carla = (member(office, name) for name in ("Anna", "Bernd", "Carla"))
    assert "not registered" in told(office, founding(office, anna, int(provider_code.make(349000))))
    common = founded(office, [anna, bernd])
    assert "common code" in told(office, founding(office, carla, common))


def test_a_code_belongs_to_one_association(office: Office) -> None:
    anna, bernd, carla, dora = (member(office, name) for name in ("Anna", "Bernd", "Carla", "Dora"))
    first = founded(office, [anna, bernd])
    assert "belongs to another association" in told(office, founding(office, carla, anna))
    second = founded(office, [carla, dora], name="Les Chênes")
    assert "belongs to another association" in told(office, join(office, first, carla, office.today))
    assert "already" in told(office, join(office, second, carla, office.today))


def test_only_members_leave_and_not_on_the_day_they_join(office: Office) -> None:
    anna, bernd, carla = (member(office, name) for name in ("Anna", "Bernd", "Carla"))
    common = founded(office, [anna, bernd])
    assert "does not belong" in told(office, leave(office, common, carla, office.today))
    case = filed(
        office, anna, facts={"joining": True, "leaving": True}, association_code=str(common),
        joining_members=str(carla), leaving_members=str(carla), effective_from=str(office.today),
    )  # fmt: skip
    assert "cannot join and leave" in told(office, case)


def test_strangers_cannot_change_an_association(office: Office) -> None:
    anna, bernd, carla, dora = (member(office, name) for name in ("Anna", "Bernd", "Carla", "Dora"))
    common = founded(office, [anna, bernd])
    assert "None of your codes" in told(office, join(office, common, carla, office.today, by=dora))
    assert "None of your codes" in told(
        office, filed(office, dora, facts={"dissolving": True}, association_code=str(common), effective_from=str(office.today))
    )  # fmt: skip


def test_an_individual_code_is_no_association(office: Office) -> None:
    anna, bernd = member(office, "Anna"), member(office, "Bernd")
    assert "not the common code" in told(office, join(office, bernd, anna, office.today))


def test_a_change_is_told_within_the_time_the_catalogue_gives(office: Office) -> None:
    months = catalogue_on(office.today).period("change_notice_months")
    earliest = add_months(office.today, -months)
    anna, bernd = member(office, "Anna"), member(office, "Bernd")
    assert told(office, founding(office, anna, bernd, effective_from=str(earliest))) == ""
    before = str(earliest - timedelta(days=1))
    assert "cannot take effect before" in told(office, founding(office, anna, bernd, effective_from=before))


def test_a_change_that_was_told_in_time_may_be_decided_later(office: Office) -> None:
    anna, bernd = member(office, "Anna"), member(office, "Bernd")
    day = add_months(office.today, -1)
    case = in_review(office, founding(office, anna, bernd, effective_from=str(day)))
    office.tick(days=20)
    signing.ask_signatures(case_id=case.pk, officer_id=office.user("officer"), at=office.tick())
    result = office.grant(all_sign(office, case)).decisions.get().result
    assert result["valid_from"] == str(day)
    assert len(register.members_of(result["association"], day)) == 2


def test_a_change_back_in_time_needs_whoever_was_a_member_then(office: Office) -> None:
    anna, bernd, carla, dora = (member(office, name) for name in ("Anna", "Bernd", "Carla", "Dora"))
    common = founded(office, [anna, bernd, carla])
    office.tick(days=10)
    first = office.today
    case = all_sign(office, asked(office, leave(office, common, carla, first)))
    office.grant(case)
    back = asked(office, join(office, common, dora, first - timedelta(days=5)))
    assert carla in back.signatures.values_list("signer_code", flat=True)


def test_changes_of_one_association_come_one_by_one(office: Office) -> None:
    anna, bernd, carla, dora = (member(office, name) for name in ("Anna", "Bernd", "Carla", "Dora"))
    common = founded(office, [anna, bernd])
    first, second = join(office, common, carla, office.today), join(office, common, dora, office.today)
    first = office.submit(first)
    assert "under way" in told(office, second)
    from caisse.fund.casework.actions import examination

    examination.take_case(case_id=first.pk, officer_id=office.user("officer"), at=office.tick())
    signing.ask_signatures(case_id=first.pk, officer_id=office.user("officer"), at=office.tick())
    office.grant(all_sign(office, first))
    assert told(office, second) == ""
    assert len(asked(office, second).signatures.all()) == 4


def test_of_two_foundings_with_one_member_the_second_is_not_entered(office: Office) -> None:
    anna, bernd, carla = (member(office, name) for name in ("Anna", "Bernd", "Carla"))
    one = all_sign(office, asked(office, founding(office, anna, bernd)))
    two = all_sign(office, asked(office, founding(office, carla, anna)))
    office.grant(one)
    with pytest.raises(NotAllowed, match="another association"):
        office.grant(two)
    two.refresh_from_db()
    assert two.state == "proposed"
    assert register.memberships_of(register.provider_by_code(carla).pk) == []
    decisions.return_proposal(
        case_id=two.pk, reason="belongs elsewhere", officer_id=office.user("supervisor"), at=office.tick()
    )


def test_whoever_owns_a_member_acts_for_the_association(office: Office) -> None:
    from caisse.fund.access.queries import may_act_for

    anna, bernd, carla = (member(office, name) for name in ("Anna", "Bernd", "Carla"))
    common = founded(office, [anna, bernd, carla])
    association = register.standing(common, office.today).provider_id

    def acts(name: str) -> bool:
        return may_act_for(owner_of(office, name), association, "owner", office.today)

    assert acts("Anna") and acts("Bernd") and acts("Carla")
    office.tick(days=2)
    office.grant(all_sign(office, asked(office, leave(office, common, carla, office.today))))
    assert acts("Anna") and acts("Bernd") and not acts("Carla")
