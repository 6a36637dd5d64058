"""Nobody joins or leaves an association before everybody has signed exactly that."""

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from django.db import IntegrityError, connection, transaction

from caisse.fund.access.actions import end_mandate, grant_mandate
from caisse.fund.access.models import User
from caisse.fund.casework import consents, queries, signature_records
from caisse.fund.casework.actions import decisions, examination
from caisse.fund.casework.actions import signatures as signing
from caisse.fund.casework.errors import (
    CaseMoved,
    NotForYou,
    NotOffered,
    NotSigned,
    OwnCase,
    ReasonNeeded,
    UnknownCase,
)
from caisse.fund.casework.models import Case, Signature
from caisse.fund.exchange import receipts
from caisse.fund.notices.models import Mail
from caisse.fund.registry import queries as register
from caisse.fund.signature_commands import verify
from tests.fund.casework.associations.members import (
    all_sign,
    answer_again,
    asked,
    filed,
    founded,
    granted,
    in_review,
    join,
    leave,
    member,
    owner_of,
    proof,
    sign,
)
from tests.fund.casework.office import Office, text_of


def founding(office: Office, *codes: int) -> Case:
    return filed(
        office, codes[0], facts={"founding": True}, association_name="Les Tilleuls",
        members=" ".join(map(str, codes)), effective_from=str(office.today),
    )  # fmt: skip


def test_an_association_is_founded_when_all_have_signed(office: Office) -> None:
    anna, bernd = member(office, "Anna"), member(office, "Bernd", language="de")
    case = asked(office, founding(office, anna, bernd))
    assert case.state == "awaiting_signatures"
    mails = {mail.to: mail for mail in Mail.objects.filter(about_type="case")}
    assert {"anna@practice.example", "bernd@practice.example"} <= set(mails)
    assert "freiberufliche Vereinigung „Les Tilleuls“" in mails["bernd@practice.example"].text
    assert "association libérale « Les Tilleuls »" in mails["anna@practice.example"].text
    case = all_sign(office, case)
    assert case.state == "in_review"
    case = office.grant(case)
    result = case.decisions.get().result
    assert str(result["code"]).startswith("95")
    day = office.today
    assert [one.code for one in register.members_of(result["association"], day)] == sorted([anna, bernd])
    assert register.members_of(result["association"], day - timedelta(days=1)) == []
    assert register.standing(result["code"], day).state == "valid"
    letters = case.letters.filter(kind="association_founded")
    assert sorted(letters.values_list("to", "language")) == [
        ("anna@practice.example", "fr"), ("bernd@practice.example", "de"),
    ]  # fmt: skip
    assert "Bernd" in text_of(office.home, letters.first().sha256)


def test_one_missing_signature_stops_the_grant(office: Office) -> None:
    anna, bernd = member(office, "Anna"), member(office, "Bernd")
    case = in_review(office, founding(office, anna, bernd))
    verdict = decisions.Verdict("granted")
    officer = office.user("officer")
    with pytest.raises(NotSigned):
        decisions.propose_decision(case_id=case.pk, verdict=verdict, officer_id=officer, at=office.tick())
    signing.ask_signatures(case_id=case.pk, officer_id=officer, at=office.tick())
    sign(office, case.signatures.get(signer_code=anna))
    with pytest.raises(CaseMoved):
        decisions.propose_decision(case_id=case.pk, verdict=verdict, officer_id=officer, at=office.tick())
    sign(office, case.signatures.get(signer_code=bernd))
    # Another day than the one that was signed needs other signatures.
    later = decisions.Verdict("granted", effective_from=office.today + timedelta(days=1))
    with pytest.raises(NotSigned):
        decisions.propose_decision(case_id=case.pk, verdict=later, officer_id=officer, at=office.tick())


def test_what_changed_between_proposal_and_confirmation_is_not_entered_unsigned(office: Office) -> None:
    anna, bernd, carla = (member(office, name) for name in ("Anna", "Bernd", "Carla"))
    common = founded(office, [anna, bernd])
    case = all_sign(office, asked(office, join(office, common, carla, office.today)))
    decisions.propose_decision(
        case_id=case.pk, verdict=decisions.Verdict("granted"), officer_id=office.user("officer"),
        at=office.tick(),
    )  # fmt: skip
    dora = member(office, "Dora")
    association = register.standing(common, office.today).provider_id
    from caisse.fund.registry.actions import add_member

    add_member(association_id=association, member=dora, valid_from=office.today, by="test", at=office.tick())
    with pytest.raises(NotSigned):
        decisions.confirm_decision(case_id=case.pk, officer_id=office.user("supervisor"), at=office.tick())
    assert carla not in [one.code for one in register.members_of(association)]


def test_only_the_owner_signs_and_only_with_two_factors_proved_just_now(office: Office) -> None:
    anna, bernd = member(office, "Anna"), member(office, "Bernd")
    case = asked(office, founding(office, anna, bernd))
    row = case.signatures.get(signer_code=bernd)
    at = office.tick()

    def give(name: str, evidence: object) -> None:
        signing.give_signature(signature_id=row.pk, user=owner_of(office, name), evidence=evidence, at=at)

    with pytest.raises(UnknownCase):
        give("Anna", proof(at))
    for evidence in (None, {}, proof(at, age=301), proof(at, age=-60), {"method": "totp"}, {"at": 1}):
        with pytest.raises(NotForYou):
            give("Bernd", evidence)
    end_mandate(
        user=owner_of(office, "Bernd"), provider_id=register.provider_by_code(bernd).pk, scope="owner",
        valid_until=office.today, why="test", by="test", at=at,
    )  # fmt: skip
    with pytest.raises(UnknownCase):
        give("Bernd", proof(at))
    row.refresh_from_db()
    assert row.signed_at is None and row.record == ""


def test_a_signature_is_given_once(office: Office) -> None:
    anna, bernd = member(office, "Anna"), member(office, "Bernd")
    case = asked(office, founding(office, anna, bernd))
    row = case.signatures.get(signer_code=anna)
    sign(office, row)
    with pytest.raises(CaseMoved):
        sign(office, row)
    with pytest.raises(IntegrityError), transaction.atomic():
        Signature.objects.filter(pk=row.pk).update(record="")


def test_a_record_proves_off_line_who_signed_what(office: Office) -> None:
    anna, bernd = member(office, "Anna"), member(office, "Bernd")
    case = asked(office, founding(office, anna, bernd))
    row = case.signatures.get(signer_code=anna)
    record = sign(office, row)
    keys = signature_records.read_keys(receipts.public_keys(office.home))
    told = signature_records.read_record(record, keys)
    assert (told.case, told.code, told.method) == (case.number, anna, "strong_sign_in")
    assert told.statement == row.statement and told.evidence["method"] == "totp"
    assert told.user == owner_of(office, "Anna").pk
    head, body, mark = record.split(".")
    for changed in (f"{head}.{body[:-2]}AA.{mark}", f"{head}.{body}.{mark[:-4]}AAAA", "nothing", ""):
        with pytest.raises(signature_records.RecordRefused):
            signature_records.read_record(changed, keys)
    with pytest.raises(signature_records.RecordRefused):
        signature_records.read_record(record, {})
    with connection.cursor() as cursor:
        cursor.execute("SELECT data::text FROM audit_event WHERE action = 'case.signed'")
        (data,) = cursor.fetchone()
    assert signature_records.sha256_of(record) in data
    assert "Anna" not in data


def test_a_changed_row_is_found_by_verify(office: Office) -> None:
    anna, bernd = member(office, "Anna"), member(office, "Bernd")
    case = asked(office, founding(office, anna, bernd))
    row = case.signatures.get(signer_code=anna)
    sign(office, row)
    keys = signature_records.read_keys(receipts.public_keys(office.home))
    assert list(consents.broken_records(keys)) == []
    Signature.objects.filter(pk=row.pk).update(statement="Something else")
    assert "differs from its record" in next(consents.broken_records(keys))
    assert "not one of the fund's" in next(consents.broken_records({}))


def test_the_command_verifies_a_record_without_the_database(office: Office, tmp_path: Path) -> None:
    anna, bernd = member(office, "Anna"), member(office, "Bernd")
    case = asked(office, founding(office, anna, bernd))
    record, keys = tmp_path / "record.jws", tmp_path / "jwks.json"
    record.write_text(sign(office, case.signatures.get(signer_code=anna)))
    keys.write_bytes(receipts.public_keys(office.home))
    given = [str(record), "--keys", str(keys), "--home", str(tmp_path)]
    done = CliRunner().invoke(verify, given)
    assert done.exit_code == 0 and "Les Tilleuls" in done.output and f"code {anna}" in done.output
    record.write_text(record.read_text()[:-8] + "AAAAAAAA")
    assert isinstance(CliRunner().invoke(verify, given).exception, signature_records.RecordRefused)


def test_a_receipt_is_no_signature(office: Office) -> None:
    keys = signature_records.read_keys(receipts.public_keys(office.home))
    receipt = receipts.sign_claims(receipts.signing_key(office.home), {"case": "1"}, receipts.MEDIA_TYPE)
    with pytest.raises(signature_records.RecordRefused):
        signature_records.read_record(receipt, keys)


def test_a_refusal_stops_the_case_and_tells_the_officer(office: Office) -> None:
    anna, bernd = member(office, "Anna"), member(office, "Bernd")
    case = asked(office, founding(office, anna, bernd))
    sign(office, case.signatures.get(signer_code=anna))
    row = case.signatures.get(signer_code=bernd)
    given = {"signature_id": row.pk, "user": owner_of(office, "Bernd")}
    with pytest.raises(ReasonNeeded):
        signing.refuse_signature(**given, reason=" ", at=office.tick())
    signing.refuse_signature(**given, reason="Je ne connais pas cette association.", at=office.tick())
    case.refresh_from_db()
    assert case.state == "in_review"
    assert case.entries.get(kind="signature_refused").text == "Je ne connais pas cette association."
    with pytest.raises(NotSigned):
        decisions.propose_decision(
            case_id=case.pk, verdict=decisions.Verdict("granted"), officer_id=office.user("officer"),
            at=office.tick(),
        )  # fmt: skip
    # Asked again, Anna's signature still counts, Bernd has to say it anew.
    assert signing.ask_signatures(case_id=case.pk, officer_id=office.user("officer"), at=office.tick()) == 1
    assert [one.signer_code for one in queries.unsigned(case)] == [bernd]


def test_another_statement_makes_given_signatures_void(office: Office) -> None:
    anna, bernd, carla = (member(office, name) for name in ("Anna", "Bernd", "Carla"))
    case = all_sign(office, asked(office, founding(office, anna, bernd)))
    examination.ask_back(
        case_id=case.pk, questions=[("sheet:members", "Carla ?")], officer_id=office.user("officer"),
        at=office.tick(),
    )  # fmt: skip
    case.refresh_from_db()
    case = answer_again(office, case, members=f"{anna} {bernd} {carla}")
    assert consents.lacking(case) == sorted([anna, bernd, carla])
    assert signing.ask_signatures(case_id=case.pk, officer_id=office.user("officer"), at=office.tick()) == 3
    assert case.signatures.filter(void_at__isnull=False, signed_at__isnull=False).count() == 2
    assert granted_members(office, all_sign(office, Case.objects.get(pk=case.pk))) == sorted(
        [anna, bernd, carla]
    )


def granted_members(office: Office, case: Case) -> list[int]:
    result = office.grant(case).decisions.get(final_at__isnull=False).result
    return [one.code for one in register.members_of(result["association"], office.today)]


def test_the_same_statement_keeps_its_signatures(office: Office) -> None:
    anna, bernd = member(office, "Anna"), member(office, "Bernd")
    case = all_sign(office, asked(office, founding(office, anna, bernd)))
    examination.ask_back(
        case_id=case.pk, questions=[("", "Pourquoi ?")], officer_id=office.user("officer"), at=office.tick()
    )
    from caisse.fund.casework.actions.applications import answer_question

    question = case.questions.get()
    answer_question(
        question_id=question.pk, case_id=case.pk, answer="Parce que.", by="test", at=office.tick()
    )
    case.refresh_from_db()
    case = office.submit(case)
    assert consents.lacking(case) == []
    assert office.grant(case).state == "granted"


def test_other_kinds_of_cases_need_no_signature(office: Office) -> None:
    case = office.reviewed("doctors")
    with pytest.raises(NotOffered):
        signing.ask_signatures(case_id=case.pk, officer_id=office.user("officer"), at=office.tick())


def test_who_joins_and_who_leaves_sign_too(office: Office) -> None:
    anna, bernd, carla = (member(office, name) for name in ("Anna", "Bernd", "Carla"))
    common = founded(office, [anna, bernd])
    case = asked(office, join(office, common, carla, office.today))
    roles = dict(case.signatures.values_list("signer_code", "role"))
    assert roles == {anna: "member", bernd: "member", carla: "joining"}
    case = office.grant(all_sign(office, case))
    assert set(case.letters.filter(kind="association_changed").values_list("to", flat=True)) == {
        "anna@practice.example", "bernd@practice.example", "carla@practice.example",
    }  # fmt: skip
    day = office.today + timedelta(days=10)
    case = asked(office, leave(office, common, anna, day))
    assert dict(case.signatures.values_list("signer_code", "role"))[anna] == "leaving"
    case = office.grant(all_sign(office, case))
    association = case.decisions.get().result["association"]
    assert [one.code for one in register.members_of(association, day - timedelta(days=1))] == [
        anna,
        bernd,
        carla,
    ]
    assert [one.code for one in register.members_of(association, day)] == [bernd, carla]


def test_fewer_than_two_end_the_association_its_code_and_its_account(office: Office) -> None:
    from caisse.fund.exchange.actions import create_account

    anna, bernd = member(office, "Anna"), member(office, "Bernd")
    common = founded(office, [anna, bernd])
    account = create_account(
        provider_code=common, frame="KIN", password="geheim", by="test", at=office.tick()
    )
    office.tick(days=3)
    day = office.today
    case = granted(office, leave(office, common, anna, day))
    assert register.standing(common, day).state == "ended"
    assert register.standing(common, day - timedelta(days=1)).state == "valid"
    account.refresh_from_db()
    assert not account.active
    assert set(case.letters.filter(kind="association_ended").values_list("to", flat=True)) == {
        "anna@practice.example", "bernd@practice.example",
    }  # fmt: skip


def test_both_may_leave_on_the_same_day(office: Office) -> None:
    anna, bernd = member(office, "Anna"), member(office, "Bernd")
    common = founded(office, [anna, bernd])
    day = office.today + timedelta(days=5)
    case = filed(
        office, anna, facts={"leaving": True}, association_code=str(common), effective_from=str(day),
        leaving_members=f"{anna} {bernd}",
    )  # fmt: skip
    case = granted(office, case)
    assert register.members_of(case.decisions.get().result["association"], day) == []
    assert register.standing(common, day).state == "ended"


def test_an_association_is_dissolved_by_all(office: Office) -> None:
    anna, bernd = member(office, "Anna"), member(office, "Bernd")
    common = founded(office, [anna, bernd])
    day = office.today + timedelta(days=30)
    case = filed(
        office, bernd, facts={"dissolving": True}, association_code=str(common), effective_from=str(day)
    )
    case = granted(office, case)
    assert register.standing(common, day).state == "ended"
    letter = case.letters.filter(kind="association_ended").first()
    assert letter.content["why"] == "dissolved"


def test_a_member_whose_code_ends_belongs_no_longer(office: Office) -> None:
    anna, bernd = member(office, "Anna"), member(office, "Bernd")
    common = founded(office, [anna, bernd])
    case = filed(office, anna, kind="end_of_activity", last_day=str(office.today - timedelta(days=1)))
    office.grant(in_review(office, case))
    assert register.standing(common, office.today).state == "ended"


def test_whoever_may_sign_is_told_where_the_register_has_no_address(office: Office) -> None:
    anna, bernd = member(office, "Anna"), member(office, "Bernd", email="")
    case = asked(office, founding(office, anna, bernd))
    told = set(Mail.objects.filter(about_type="case", about_id=case.number).values_list("to", flat=True))
    assert owner_of(office, "Bernd").email in told
    assert not case.entries.filter(kind="signer_not_reached").exists()


@pytest.mark.parametrize("close_to", ["Anna", "Bernd", "Carla"])
@pytest.mark.parametrize("way", ["joins", "leaves"])
def test_an_officer_close_to_anybody_who_has_to_sign_does_not_ask(office: Office, close_to, way) -> None:
    codes = {name: member(office, name) for name in ("Anna", "Bernd", "Carla")}
    if way == "joins":
        common = founded(office, [codes["Anna"], codes["Bernd"]])
        case = in_review(office, join(office, common, codes["Carla"], office.today))
    else:
        common = founded(office, list(codes.values()))
        case = in_review(office, leave(office, common, codes["Carla"], office.today))
    officer = office.user("second officer")
    grant_mandate(
        user=User.objects.get(pk=officer), provider_id=register.provider_by_code(codes[close_to]).pk,
        scope="casework", valid_from=office.today, by="test", at=office.tick(),
    )  # fmt: skip
    assert not consents.standing_signatures(case)
    with pytest.raises(OwnCase):
        signing.ask_signatures(case_id=case.pk, officer_id=officer, at=office.tick())
    assert not consents.standing_signatures(case)
    asking = office.user("officer")
    assert signing.ask_signatures(case_id=case.pk, officer_id=asking, at=office.tick()) == 3
