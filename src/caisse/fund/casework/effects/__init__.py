"""What granting a case does to the register: one named effect for each kind of case, listed here."""

from collections.abc import Callable, Mapping
from typing import Any

from caisse.fund.casework.effects import associations, codes, exchange_access, holdings, review

#: Takes case, decision, by and at; changes the register and returns what the letter tells.
Effect = Callable[..., dict[str, Any]]

#: The catalogue's kinds of cases name these.
EFFECTS: Mapping[str, Effect] = {
    "allot_code": codes.allot_first_code,
    "open_site": codes.allot_site_code,
    "end_code": codes.end_code,
    "move_site": holdings.move_site,
    "record_bank_account": holdings.record_bank_account,
    "record_manager": holdings.record_manager,
    "record_licence": holdings.record_licence,
    "change_association": associations.change_association,
    "change_joint_invoicing": associations.change_joint_invoicing,
    "change_exchange_account": exchange_access.change_exchange_account,
    "reopen_decision": review.reopen_decision,
}
