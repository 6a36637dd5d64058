"""From the granted request to OpenSSH's sftp at the real door, and out again on the day the code ends."""

from datetime import timedelta
from pathlib import Path

from django.utils import timezone

from caisse.fund.casework.actions import hand_over
from caisse.fund.exchange.actions import create_account
from caisse.fund.exchange.models import Account
from caisse.fund.home import Home
from tests.fund.casework.associations.members import filed, in_review, member, owner_of, proof
from tests.fund.casework.office import Office

from .doorway import Door, openssh_with_password


def test_a_physiotherapist_logs_in_with_the_collected_password_until_the_activity_ends(
    door: Door, db: Home, tmp_path: Path
) -> None:
    # The door looks at the real clock: what the office did before, it did yesterday.
    office = Office(db, at=timezone.now() - timedelta(days=1))
    code = member(office, "Anna")
    case = filed(
        office, code, kind="exchange_access", provider_code=str(code), verb="activate",
        effective_from=str(office.today),
    )  # fmt: skip
    office.grant(in_review(office, case))
    account = Account.objects.get(provider_code=code)
    at = timezone.now()
    password = hand_over.collect_secret(
        account_id=account.pk, user=owner_of(office, "Anna"), evidence=proof(at), at=at
    )
    done = openssh_with_password(door, account.user, password, "ls -1 out", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    # Today is the first day without the code.
    office.at = timezone.now()
    last = str(timezone.localdate() - timedelta(days=1))
    office.grant(in_review(office, filed(office, code, kind="end_of_activity", last_day=last)))
    refused = openssh_with_password(door, account.user, password, "ls -1 out", folder=tmp_path)
    assert refused.returncode == 255, "the log-in itself is refused"
    other = create_account(
        provider_code=member(office, "Bernd"), frame="KIN", password=password, by="test", at=office.tick()
    )
    assert openssh_with_password(door, other.user, password, "ls -1 out", folder=tmp_path).returncode == 0
