"""What is owed, and the proof that every amount was carried over to the cent."""

from dataclasses import dataclass

from django.db import connection

from caisse.fund.payments.models import Balance


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """Two totals that should be equal and are not; amounts in cents (or rows, where ``what`` says so)."""

    what: str
    subject: str
    found: int
    expected: int


#: name -> a query giving (subject, found, expected) for everything that does not tie. No row: it ties.
TOTALS: dict[str, str] = {
    "lines of a judged file, asked": """
        SELECT f.id::text, coalesce(l.asked, 0), f.asked_cents FROM claims_judgedfile f LEFT JOIN
          (SELECT file_id, sum(asked_cents) asked FROM claims_linedecision GROUP BY 1) l ON l.file_id = f.id
        WHERE coalesce(l.asked, 0) <> f.asked_cents""",
    "lines of a judged file, paid": """
        SELECT f.id::text, coalesce(l.paid, 0), f.paid_cents FROM claims_judgedfile f LEFT JOIN
          (SELECT file_id, sum(paid_cents) paid FROM claims_linedecision GROUP BY 1) l ON l.file_id = f.id
        WHERE coalesce(l.paid, 0) <> f.paid_cents""",
    "rows: lines of a judged file": """
        SELECT f.id::text, coalesce(l.n, 0), f.lines_count FROM claims_judgedfile f LEFT JOIN
          (SELECT file_id, count(*) n FROM claims_linedecision GROUP BY 1) l ON l.file_id = f.id
        WHERE coalesce(l.n, 0) <> f.lines_count""",
    "invoices of a judged file, paid": """
        SELECT f.id::text, coalesce(i.paid, 0), f.paid_cents FROM claims_judgedfile f LEFT JOIN
          (SELECT file_id, sum(paid_cents) paid FROM claims_invoicedecision GROUP BY 1) i ON i.file_id = f.id
        WHERE coalesce(i.paid, 0) <> f.paid_cents""",
    "rows: decisions without a judged file": """
        SELECT l.file_id::text, count(*), 0 FROM claims_linedecision l
        WHERE NOT EXISTS (SELECT 1 FROM claims_judgedfile f WHERE f.id = l.file_id) GROUP BY 1""",
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
    "rows: returned or paid deposits without a judged file": """
        SELECT d.id::text, 0, 1 FROM exchange_deposit d WHERE d.stage IN ('returned', 'paid')
        AND NOT EXISTS (SELECT 1 FROM claims_judgedfile f WHERE f.deposit_id = d.id)""",
}


def verify_totals() -> tuple[Discrepancy, ...]:
    """Every total that does not tie: decisions, returns, payment groups, balances, orders. Empty is right.

    All are read in one snapshot of the database, so that work going on beside it cannot look like an error.
    """
    parts = [
        f"SELECT '{what}', subject, found, expected FROM ({query}) AS t(subject, found, expected)"
        for what, query in TOTALS.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        return tuple(Discrepancy(*row[:2], int(row[2]), int(row[3])) for row in cursor.fetchall())


def balance_of(provider: int) -> Balance | None:
    """What was booked for a provider's code so far, None when nothing ever was."""
    return Balance.objects.filter(pk=provider).first()
