"""Two factors, proved a moment ago: what a signature and a secret ask for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from caisse.fund.casework.errors import NotForYou

#: Minutes for which the proof of two factors counts.
STRONG_WITHIN = 5


def proof_of(evidence: Mapping[str, Any] | None, at: datetime) -> dict[str, Any]:
    """The proof as it is kept: method, and when, in seconds since 1970; raises NotForYou when it is none.

    ``evidence``: what `access.gates.strong_evidence` tells of the session.
    """
    method, proved_at = (evidence or {}).get("method"), (evidence or {}).get("at")
    if not isinstance(method, str) or not method or not isinstance(proved_at, int):
        raise NotForYou
    # The session's clock counts whole seconds.
    if not -1 <= at.timestamp() - proved_at <= STRONG_WITHIN * 60:
        raise NotForYou
    return {"method": method, "at": proved_at}
