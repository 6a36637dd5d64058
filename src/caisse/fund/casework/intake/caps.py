"""What the door asks before it takes a mail: may it open one more case, whoever it claims to be from?"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings

from caisse.fund.casework.intake import filing
from caisse.fund.casework.intake.message import LARGEST_HEADER, read_head
from caisse.fund.notices import incoming

_DAY = timedelta(days=1)


def has_to_wait(
    path: Path, *, sha256: str, envelope_from: str, recipients: Sequence[str], at: datetime
) -> bool:
    """True when mails of all senders open as many cases as they may within a day, and this could open one.

    What names a case, what machines send and what was received before goes through: it opens none.
    """
    most = settings.FUND.mail.cases_per_day_in_all
    if not most or not envelope_from or incoming.opening_since(at - _DAY) < most:
        return False
    with path.open("rb") as file:
        head = read_head(file.read(LARGEST_HEADER + 4))
    if head.automatic or incoming.is_known(sha256):
        return False
    return not filing.find_case(recipients, head).named
