"""Every change of the registry: one transaction, one audit event, one new revision number.

Whole registers are loaded by `loading`; what follows from licences that end is drawn by `lapses`; `revisions`
says how changes keep their order and their past.
"""

from caisse.fund.registry.actions.associations import (
    add_member,
    allow_execution,
    dissolve_association,
    end_execution,
    end_membership,
    found_association,
)
from caisse.fund.registry.actions.codes import (
    allocate_code,
    allot_code,
    lift_suspension,
    reopen_code,
    suspend_code,
    withdraw_code,
)
from caisse.fund.registry.actions.insured import end_coverage, enrol_person, publish_funds, replace_number
from caisse.fund.registry.actions.licences import end_licence, license_codes, record_licence
from caisse.fund.registry.actions.providers import (
    change_contact,
    close_site,
    move_site,
    note_reading,
    open_site,
    record_bank_account,
    record_manager,
    record_number,
    register_provider,
)
from caisse.fund.registry.errors import PeriodsOverlap
from caisse.fund.registry.loading import load_persons, load_providers

__all__ = [
    "PeriodsOverlap",
    "add_member",
    "allocate_code",
    "allot_code",
    "allow_execution",
    "change_contact",
    "close_site",
    "dissolve_association",
    "end_coverage",
    "end_execution",
    "end_licence",
    "end_membership",
    "enrol_person",
    "found_association",
    "license_codes",
    "lift_suspension",
    "load_persons",
    "load_providers",
    "move_site",
    "note_reading",
    "open_site",
    "publish_funds",
    "record_bank_account",
    "record_licence",
    "record_manager",
    "record_number",
    "register_provider",
    "reopen_code",
    "replace_number",
    "suspend_code",
    "withdraw_code",
]
