"""What is owed, the proof that every amount decided was booked to the cent, and the statements there are."""

import csv
from io import StringIO
from typing import Any

from caisse.fund.claims.totals import Discrepancy, untied
from caisse.fund.payments.models import AnnualStatement, Balance

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


def statements_of(
    *, year: int | None = None, association_id: int | None = None, member_id: int | None = None
) -> list[AnnualStatement]:
    """The statements that stand (not replaced) of a year, an association, a member, with their letters."""
    wanted = {"year": year, "association_id": association_id, "member_id": member_id}
    found = AnnualStatement.objects.filter(
        replaced_by__isnull=True, **{name: value for name, value in wanted.items() if value is not None}
    )
    order = ("-year", "association_id", "member_id")
    return list(found.select_related("association", "member", "letter", "replaces").order_by(*order))


def statement_data(statement: AnnualStatement) -> dict[str, Any]:
    """A statement as plain data; amounts in cents, periods half-open."""
    return {
        "reference": statement.reference,
        "replaces": statement.replaces.reference if statement.replaces else None,
        "year": statement.year,
        "association": statement.letter.content["association"],
        "code": statement.letter.content["code"],
        "member": statement.letter.content["member"],
        "member_codes": statement.member_codes,
        "basis": statement.letter.content["basis"],
        "decided_on": statement.letter.content["decided_on"],
        **statement.figures,
    }


_COLUMNS = ("reference", "code", "member_codes", "year", "month", "of", "lines", "asked_cents", "paid_cents",
            "patient_cents", "refused_cents")  # fmt: skip


def statements_csv(statements: list[AnnualStatement]) -> str:
    """Statements as CSV: one row a month of the association's amounts, and one of the member's own.

    No names of persons: the codes say who it is.
    """
    text = StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    for statement in statements:
        same = {
            "reference": statement.reference,
            "code": statement.letter.content["code"],
            "member_codes": " ".join(map(str, statement.member_codes)),
            "year": statement.year,
        }
        for of, months in (("association", "months"), ("member", "own")):
            writer.writerows({**same, "of": of, **month} for month in statement.figures[months])
    return text.getvalue()
