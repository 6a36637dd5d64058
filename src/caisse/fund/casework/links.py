"""Links that lead to a case, and what each proves. Following one changes nothing.

case/NUMBER/KEY          the case, for whoever holds its secret
case/again/TOKEN         the same, mailed again on request; for a week, until the secret changes
objection/TOKEN          the page on which the holder of an account objects to its change
"""

from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core import signing

from caisse.fund.casework.models import Case, Decision

#: The sentences around links in mails.
LINK_TEXTS = Path(__file__).with_name("link_mails.toml")
AGAIN_WITHIN = timedelta(days=7)
_AGAIN, _OBJECTION = "caisse.casework.again", "caisse.casework.objection"


def case_link(number: str, key: str) -> str:
    """The page on which whoever holds the key goes on with a case."""
    return f"{_pages()}/case/{number}/{key}"


def secret_of(link: str) -> str:
    """The part of a link that must not be read by others than its addressee."""
    return link.rpartition("/")[2]


def again_link(case: Case) -> str:
    """A link to a case without its secret, which the fund does not know."""
    return f"{_pages()}/case/again/{signing.dumps([case.pk, case.key_hash[:16]], salt=_AGAIN)}"


def objection_link(decision: Decision) -> str:
    """Where the holder of an account objects to its change while the cooling-off time lasts."""
    return f"{_pages()}/objection/{signing.dumps(decision.pk, salt=_OBJECTION)}"


def case_of_again(token: str) -> Case | None:
    """The case that a link mailed again leads to; None when it is not ours, too old or out of use."""
    try:
        pk, mark = signing.loads(token, salt=_AGAIN, max_age=AGAIN_WITHIN)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    found = Case.objects.filter(pk=pk).exclude(key_hash="").first()
    return found if found is not None and found.key_hash.startswith(mark) else None


def decision_of_objection(token: str) -> Decision | None:
    """The decision an objection's link is about; None when the link is not ours."""
    try:
        pk = signing.loads(token, salt=_OBJECTION)
    except signing.BadSignature:
        return None
    return Decision.objects.select_related("case").filter(pk=pk).first()


def _pages() -> str:
    return settings.FUND.pages.url
