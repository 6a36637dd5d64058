"""Cases of a file by itself: its references, totals, counts and the biller's code."""

from tests.spec.case import Case

FILE_CASES = (
    Case(
        code="PRO-001",
        title="The biller's code has a mistyped digit.",
        header={"billing_provider": 52001701},
        invoices=[{"lines": [{"act": "BC001"}]}],
        found=["PRO-001 file"],
        conform=False,
    ),
    Case(
        code="PRO-002",
        title="The biller's code ended before the file was sent: nothing of the file is paid.",
        header={"billing_provider": 30012305},
        invoices=[{"lines": [{"act": "BC001", "executing_provider": 52001700}]}],
        not_known=["executing"],
        found=["PRO-002 file", "INV-001 INV-1/1 < PRO-002"],
        decided={"INV-1/1": ("refused", 0)},
    ),
    Case(
        code="KEY-002",
        title="Two invoices have the same reference: the second one is named.",
        invoices=[
            {"invoice_reference": "INV-1", "lines": [{"act": "BC001"}]},
            {"invoice_reference": "INV-1", "lines": [{"act": "BC009"}]},
        ],
        found=["KEY-002 INV-1"],
        conform=False,
    ),
    Case(
        code="KEY-003",
        title="Two lines of an invoice have the same reference.",
        invoices=[{"lines": [{"act": "BC001"}, {"act": "BC009", "line_reference": "1"}]}],
        found=["KEY-003 INV-1/1"],
        conform=False,
    ),
    Case(
        code="TOT-001",
        title="The invoice's gross total is one cent above its lines.",
        header={"gross_cents": 230},
        invoices=[{"gross_cents": 230, "lines": [{"act": "BC001"}]}],
        found=["TOT-001 INV-1"],
        conform=False,
    ),
    Case(
        code="TOT-002",
        title="The file's net total is not that of its invoices.",
        header={"net_cents": 228},
        invoices=[{"lines": [{"act": "BC001"}]}],
        found=["TOT-002 file"],
        conform=False,
    ),
    Case(
        code="TOT-003",
        title="The file counts two invoices and the invoice two lines where there is one.",
        header={"count": 2},
        invoices=[{"count": 2, "lines": [{"act": "BC001"}]}],
        found=["TOT-003 file", "TOT-003 INV-1"],
        conform=False,
    ),
    Case(
        code="TOT-004",
        title="A line is in Swiss francs.",
        invoices=[{"lines": [{"act": "BC001", "currency": "CHF"}]}],
        found=["TOT-004 INV-1/1"],
        conform=False,
        by_schema=True,
    ),
)
