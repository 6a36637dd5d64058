"""What the system failed to judge; apart from the other queries, so that `caisse fund status` starts fast."""

from caisse.fund.claims.models import Stoppage


def stoppages() -> list[Stoppage]:
    """Deposits the system failed to judge so far, the longest first; each with its reason and attempts."""
    return list(Stoppage.objects.select_related("deposit__account").order_by("first_at"))
