"""Access to the exchange: asked for with a valid code, collected once by its owner, ended with the code."""

from datetime import timedelta

import pytest

from caisse.agreement.errors import WrongUse
from caisse.fund.casework import exchange_access, queries
from caisse.fund.casework.actions import hand_over
from caisse.fund.casework.errors import NotForYou, NothingToCollect, StillMissing, UnknownCase
from caisse.fund.casework.models import Case, HandOver
from caisse.fund.exchange.models import Account
from caisse.fund.exchange.queries import authenticate_key, authenticate_password
from caisse.fund.notices.models import Mail, MailAttachment
from caisse.fund.registry import actions as registry
from caisse.fund.registry import queries as register
from tests.fund.casework.associations.members import filed, in_review, member, owner_of, proof
from tests.fund.casework.office import Office, text_of

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUxvVBnM1rQwU5o0mZ5yHxHqQm0n6V5d0Qk0s3o0h2C"


def request(office: Office, code: int, verb: str = "activate", **sheet: str) -> Case:
    given = {"provider_code": str(code), "verb": verb, "effective_from": str(office.today), **sheet}
    return filed(office, code, kind="exchange_access", **given)


def granted(office: Office, code: int, verb: str = "activate", **sheet: str) -> Case:
    return office.grant(in_review(office, request(office, code, verb, **sheet)))


def collect(office: Office, account: Account, name: str = "Anna") -> str:
    at = office.tick()
    return hand_over.collect_secret(
        account_id=account.pk, user=owner_of(office, name), evidence=proof(at), at=at
    )


def opened(office: Office, name: str = "Anna") -> tuple[int, Account, str]:
    """A physiotherapist with an open account and its password."""
    code = member(office, name)
    granted(office, code)
    account = Account.objects.get(provider_code=code)
    return code, account, collect(office, account, name)


def told(office: Office, case: Case) -> str:
    lacking = queries.missing(case, on=office.today)
    if lacking:
        with pytest.raises(StillMissing):
            office.submit(case)
    return " ".join(one.detail["en"] for one in lacking)


def test_the_password_is_collected_once_and_never_written(office: Office) -> None:
    code = member(office, "Anna")
    case = granted(office, code)
    account = Account.objects.get(provider_code=code)
    assert account.frame == "KIN" and authenticate_password(account.user, "") is None
    letter = case.letters.get(kind="exchange_granted")
    assert account.user in text_of(office.home, letter.sha256)
    password = collect(office, account)
    assert authenticate_password(account.user, password) == account
    with pytest.raises(NothingToCollect):
        collect(office, account)
    made = HandOver.objects.get(account=account)
    assert made.collected_by == owner_of(office, "Anna") and made.evidence["method"] == "totp"
    account.refresh_from_db()
    assert password not in account.password
    assert not Mail.objects.filter(text__contains=password).exists()
    assert password not in str(list(case.entries.values())) + str(list(HandOver.objects.values()))
    assert not any(password.encode() in bytes(one.content) for one in MailAttachment.objects.all())


def test_only_the_owner_collects_with_two_factors_and_in_time(office: Office) -> None:
    code = member(office, "Anna")
    member(office, "Bernd")
    granted(office, code)
    account = Account.objects.get(provider_code=code)
    at = office.tick()
    anna, bernd = owner_of(office, "Anna"), owner_of(office, "Bernd")
    with pytest.raises(UnknownCase):
        hand_over.collect_secret(account_id=account.pk, user=bernd, evidence=proof(at), at=at)
    with pytest.raises(NotForYou):
        hand_over.collect_secret(account_id=account.pk, user=anna, evidence=None, at=at)
    with pytest.raises(NothingToCollect):
        hand_over.rotate_secret(account_id=account.pk, user=anna, evidence=proof(at), at=at)
    office.tick(days=31)
    with pytest.raises(NothingToCollect):
        collect(office, account)
    assert exchange_access.access_of(account.pk, office.today).state == "expired"
    made = HandOver.objects.get(account=account)
    hand_over.renew_hand_over(hand_over_id=made.pk, officer_id=office.user("officer"), at=office.tick())
    assert authenticate_password(account.user, collect(office, account)) == account


def test_access_begins_on_its_day(office: Office) -> None:
    code = member(office, "Anna")
    granted(office, code, effective_from=str(office.today + timedelta(days=5)))
    account = Account.objects.get(provider_code=code)
    assert exchange_access.access_of(account.pk, office.today).state == "not_yet"
    with pytest.raises(NothingToCollect):
        collect(office, account)
    office.tick(days=5)
    assert collect(office, account)


def test_a_new_password_ends_the_old_one(office: Office) -> None:
    _code, account, first = opened(office)
    at = office.tick()
    second = hand_over.rotate_secret(
        account_id=account.pk, user=owner_of(office, "Anna"), evidence=proof(at), at=at
    )
    assert authenticate_password(account.user, first) is None
    assert authenticate_password(account.user, second) == account


def test_keys_come_and_go(office: Office) -> None:
    _code, account, _password = opened(office)
    at = office.tick()
    given = {"account_id": account.pk, "user": owner_of(office, "Anna"), "evidence": proof(at), "at": at}
    with pytest.raises(WrongUse):
        hand_over.add_key(public_key="ssh-rsa nonsense", **given)
    fingerprint = hand_over.add_key(public_key=KEY, **given)
    ((key_id, shown),) = exchange_access.access_of(account.pk, office.today).keys
    assert shown == fingerprint and authenticate_key(account.user, KEY) == account
    hand_over.remove_key(key_id=key_id, **given)
    assert authenticate_key(account.user, KEY) is None


def test_who_is_not_offered_it_is_told_so(office: Office) -> None:
    code = member(office, "Anna", profession="doctors")
    assert exchange_access.duty_of(code, office.today) == "not_offered"
    from caisse.fund.casework.errors import NotOffered

    with pytest.raises(NotOffered):
        request(office, code)


def test_it_needs_a_code_of_ones_own_that_holds_today(office: Office) -> None:
    anna, bernd = member(office, "Anna"), member(office, "Bernd")
    case = request(office, anna, provider_code=str(bernd))
    assert "not one of yours" in told(office, case)
    registry.suspend_code(code=anna, valid_from=office.today, why="test", by="test", at=office.tick())
    assert "not valid today" in told(office, request(office, anna))


def test_verbs_fit_what_is_open(office: Office) -> None:
    code = member(office, "Anna")
    for verb in ("modify", "terminate"):
        assert "no open access" in told(office, request(office, code, verb))
    granted(office, code)
    assert "open already" in told(office, request(office, code))
    yesterday = str(office.today - timedelta(days=1))
    assert "past" in told(office, request(office, code, "modify", effective_from=yesterday))
    assert granted(office, code, "modify").letters.filter(kind="change_confirmed").exists()


def test_termination_closes_it_on_its_day_and_activation_opens_it_anew(office: Office) -> None:
    code, account, password = opened(office)
    case = granted(office, code, "terminate", effective_from=str(office.today + timedelta(days=3)))
    assert case.letters.get(kind="exchange_ended").content["why"] == "request"
    assert hand_over.end_due_accesses(on=office.today, by="clock", at=office.tick()) == 0
    assert authenticate_password(account.user, password) == account
    office.tick(days=3)
    assert hand_over.end_due_accesses(on=office.today, by="clock", at=office.tick()) == 1
    assert hand_over.end_due_accesses(on=office.today, by="clock", at=office.tick()) == 0
    assert authenticate_password(account.user, password) is None
    granted(office, code)
    assert authenticate_password(account.user, password) is None
    assert authenticate_password(account.user, collect(office, account)).pk == account.pk


def test_the_account_ends_with_the_code(office: Office) -> None:
    code, account, password = opened(office)
    last = str(office.today - timedelta(days=1))
    office.grant(in_review(office, filed(office, code, kind="end_of_activity", last_day=last)))
    account.refresh_from_db()
    assert not account.active and register.standing(code, office.today).state == "ended"
    assert authenticate_password(account.user, password) is None


def test_whoever_has_to_exchange_and_does_not_is_listed(office: Office) -> None:
    since = office.today - timedelta(days=40)
    anna = member(office, "Anna", valid_from=since)
    member(office, "Dora", profession="doctors")
    lacking = {one.code: one for one in exchange_access.not_connected(office.today)}
    assert list(lacking) == [anna] and lacking[anna].days == 40 and lacking[anna].case == ""
    case = office.submit(request(office, anna))
    assert exchange_access.not_connected(office.today)[0].case == case.number
    in_work = Case.objects.get(pk=case.pk)
    from caisse.fund.casework.actions import examination

    examination.take_case(case_id=in_work.pk, officer_id=office.user("officer"), at=office.tick())
    in_work.refresh_from_db()
    office.grant(in_work)
    assert exchange_access.not_connected(office.today) == []
