"""What an upheld appeal does."""

from datetime import datetime
from typing import Any

from caisse.fund.casework.actions.moving import locked, move
from caisse.fund.casework.models import Case, Decision


def reopen_decision(*, case: Case, decision: Decision, by: str, at: datetime) -> dict[str, Any]:
    """Open the refused case again, for a new decision in the light of the appeal."""
    refused = locked(case.about_id, states=("refused",))
    move(refused, "in_review", by=by, at=at, why=f"appeal {case.number}, decision {decision.pk}")
    return {"reopened": refused.number}
