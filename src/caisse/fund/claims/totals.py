"""Totals that must tie, as queries that give what does not; claims and payments each have their own."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import connection

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
    "rows: uses of an authorisation without a paid line": """
        SELECT u.reference, count(*), 0 FROM claims_authorisedline u LEFT JOIN claims_linedecision l
          ON l.file_id = u.file_id AND l.line = u.line AND l.act = u.act AND l.outcome <> 'refused'
        WHERE l.file_id IS NULL GROUP BY 1""",
    "rows: paid lines of collective codes without the use of an authorisation": """
        SELECT l.file_id::text, count(*), 0 FROM claims_linedecision l
        JOIN claims_judgedfile f ON f.id = l.file_id AND NOT f.is_test
        LEFT JOIN claims_authorisedline u ON u.file_id = l.file_id AND u.line = l.line
        WHERE l.act IN (SELECT act FROM authorisations_grantedact) AND l.outcome <> 'refused'
          AND u.file_id IS NULL GROUP BY 1""",
    "rows: returned or paid deposits without a judged file": """
        SELECT d.id::text, 0, 1 FROM exchange_deposit d WHERE d.stage IN ('returned', 'paid')
        AND NOT EXISTS (SELECT 1 FROM claims_judgedfile f WHERE f.deposit_id = d.id)""",
}


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """Two totals that should be equal and are not; amounts in cents (or rows, where ``what`` says so)."""

    what: str
    subject: str
    found: int
    expected: int

    def __str__(self) -> str:
        return f"{self.what} ({self.subject}): found {self.found}, expected {self.expected}"


def untied(totals: Mapping[str, str]) -> tuple[Discrepancy, ...]:
    """Every total that does not tie; empty is right.

    All are read in one snapshot of the database, so that work going on beside it cannot look like an error.
    """
    parts = [
        f"SELECT '{what}', subject, found, expected FROM ({query}) AS t(subject, found, expected)"
        for what, query in totals.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        return tuple(Discrepancy(*row[:2], int(row[2]), int(row[3])) for row in cursor.fetchall())
