"""Links to cases, mailed to the address on file."""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from caisse.fund.casework.actions.applications import NewCase, Opened, open_case
from caisse.fund.casework.actions.moving import audit
from caisse.fund.casework.links import LINK_TEXTS, again_link, case_link, secret_of
from caisse.fund.casework.models import Case
from caisse.fund.notices.actions import queue_mail
from caisse.fund.notices.texts import text


@transaction.atomic
def open_with_link(*, new: NewCase, by: str, at: datetime) -> Opened:
    """Open a draft and mail the link that leads back to it; raises what `open_case` and `queue_mail` do."""
    opened = open_case(new=new, by=by, at=at)
    link = case_link(opened.number, opened.key)
    _mail(new.email, new.language, "opened", opened.number, link, by=by, at=at)
    return opened


@transaction.atomic
def mail_link(*, number: str, by: str, at: datetime) -> None:
    """Mail a link to the case to its address on file; nothing happens, or is told, when there is no case.

    The secret of the earlier link stays as it is: whoever knows a number cannot lock out its applicant.
    """
    case = Case.objects.filter(number=number).exclude(key_hash="").first()
    if case is None:
        return
    _mail(case.email, case.language, "again", case.number, again_link(case), by=by, at=at)
    audit(case, "case.link_mailed", by=by, at=at)


def _mail(to: str, language: str, name: str, number: str, link: str, *, by: str, at: datetime) -> None:
    holes = {"number": number, "fund": settings.FUND.name, "link": link}
    queue_mail(
        to=to, subject=text(LINK_TEXTS, f"{name}_subject", language, **holes),
        text=text(LINK_TEXTS, name, language, **holes) + "\n", language=language, about=("case", number),
        secrets=[secret_of(link)], by=by, at=at,
    )  # fmt: skip
