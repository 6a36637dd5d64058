"""What a sheet that is filled in well has to answer for besides: rules that need the register."""

from collections.abc import Callable, Mapping
from datetime import date

from caisse.fund.casework import associations, exchange_access, joint_invoicing
from caisse.fund.casework.models import Case
from caisse.fund.casework.rule_faults import RuleFault

_RULES: Mapping[str, Callable[[Case, Mapping[str, str], date], list[RuleFault]]] = {
    associations.KIND: associations.faults,
    joint_invoicing.KIND: joint_invoicing.faults,
    exchange_access.KIND: exchange_access.faults,
}


def further_faults(case: Case, values: Mapping[str, str], on: date) -> list[RuleFault]:
    """What speaks against the case on a day although its sheet is complete; ``values`` as cleaned."""
    rules = _RULES.get(case.kind)
    return rules(case, values, on) if rules else []
