"""What is owed, and the proof that every amount decided was booked to the cent."""

from caisse.fund.claims.totals import Discrepancy, untied
from caisse.fund.payments.models import Balance

#: As in `claims.totals`: name -> a query giving (subject, found, expected) for what does not tie.
TOTALS: dict[str, str] = {
    "payment group of a paid return": """
        SELECT f.id::text, coalesce(g.total_cents, -1), f.paid_cents FROM claims_judgedfile f
        JOIN exchange_deposit d ON d.id = f.deposit_id LEFT JOIN payments_paymentgroup g ON g.file_id = f.id
        WHERE d.stage = 'paid' AND g.total_cents IS DISTINCT FROM f.paid_cents""",
    "payment group of a return that is not paid": """
        SELECT f.id::text, g.total_cents, 0 FROM payments_paymentgroup g
        JOIN claims_judgedfile f ON f.id = g.file_id
        JOIN exchange_deposit d ON d.id = f.deposit_id WHERE d.stage <> 'paid' OR f.is_test""",
    "lines of a payment group": """
        SELECT g.id::text, coalesce(l.total, 0), g.total_cents FROM payments_paymentgroup g LEFT JOIN
          (SELECT group_id, sum(amount_cents) total FROM payments_paymentline GROUP BY 1) l
          ON l.group_id = g.id
        WHERE coalesce(l.total, 0) <> g.total_cents""",
    "balance of a provider": """
        SELECT coalesce(b.provider_code, g.provider_code)::text, coalesce(b.booked_cents, 0),
               coalesce(g.total, 0)
        FROM payments_balance b FULL JOIN
          (SELECT provider_code, sum(total_cents) total FROM payments_paymentgroup GROUP BY 1) g
          USING (provider_code)
        WHERE coalesce(b.booked_cents, 0) <> coalesce(g.total, 0)""",
    "ordered for a provider": """
        SELECT b.provider_code::text, b.ordered_cents, coalesce(g.total, 0) FROM payments_balance b LEFT JOIN
          (SELECT provider_code, sum(total_cents) total FROM payments_paymentgroup
           WHERE order_id IS NOT NULL GROUP BY 1) g USING (provider_code)
        WHERE b.ordered_cents <> coalesce(g.total, 0)""",
}


def verify_totals() -> tuple[Discrepancy, ...]:
    """Every total of returns, payment groups, balances and orders that does not tie. Empty is right."""
    return untied(TOTALS)


def balance_of(provider: int) -> Balance | None:
    """What was booked for a provider's code so far, None when nothing ever was."""
    return Balance.objects.filter(pk=provider).first()
