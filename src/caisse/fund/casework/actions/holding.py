"""Acting on a case only as long as it is what the officer looked at."""

from caisse.fund.casework.actions.moving import locked
from caisse.fund.casework.errors import CaseMoved
from caisse.fund.casework.looking import version_of
from caisse.fund.casework.models import Case


def hold_case(*, case_id: int, seen: str) -> Case:
    """Lock the case for the caller's transaction; raises CaseMoved when it is not as it was ``seen``.

    ``seen`` is `looking.version_of` as the officer's page had it.
    """
    case = locked(case_id)
    if version_of(case) != seen:
        raise CaseMoved("It is not what the officer looked at.")
    return case
