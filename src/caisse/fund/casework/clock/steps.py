"""What a day brings, in this order: first what changes the register, then what waits for applicants."""

from collections.abc import Sequence
from datetime import date

from caisse.fund.casework.clock import cases, codes
from caisse.fund.casework.clock.running import Step
from caisse.fund.registry import lapses

#: An age limit ends a licence, whose end closes a code, whose end closes an account and a membership.
STEPS: tuple[Step, ...] = (
    Step("changes carried out", cases.cooled_off, cases.carry_out),
    Step("age limits", codes.past_the_age, codes.end_at_the_age),
    Step("licences", lapses.due_on, codes.settle_licences),
    Step("planned ends", codes.planned_ends, codes.tell_planned_end),
    Step("memberships ended", codes.members_who_left, codes.end_membership),
    Step("accesses ended", codes.accesses_to_end, codes.end_accesses),
    Step("accounts closed", codes.accounts_to_close, codes.close_account),
    Step("answers reminded of", cases.answers_to_remind, cases.remind_answer),
    Step("cases unanswered", cases.unanswered, cases.lapse_unanswered),
    Step("signatures reminded of", cases.signatures_to_remind, cases.remind_signers),
    Step("cases unsigned", cases.unsigned, cases.lapse_unsigned),
    Step("drafts reminded of", cases.drafts_to_remind, cases.remind_draft),
    Step("drafts closed", cases.stale_drafts, cases.lapse_draft),
    Step("sessions planned", cases.sessions_to_plan, cases.plan_session),
)


def due_on(steps: Sequence[Step], day: date) -> dict[str, list[str]]:
    """What a day would bring as things stand, by step; nothing is written."""
    found = {step.name: [str(key) for key in step.due(day)] for step in steps}
    return {name: keys for name, keys in found.items() if keys}
