"""Cases of a line by itself: its days, who executed, the act, the amount, the authorisation."""

from datetime import date

from tests.agreement.rules.batches import RENUMBERED
from tests.spec.case import Case

_REFUSED = {"INV-1/1": ("refused", 0)}
_PAID = {"INV-1/1": ("paid", 229)}


def _line(**given: object) -> list[dict[str, object]]:
    return [{"lines": [{"act": "BC001", **given}]}]


LINE_CASES = (
    Case(
        code="PRE-004",
        title="Sampled on 12 March, prescribed on the 13th.",
        invoices=[{"prescribed_on": date(2024, 3, 13), "lines": [{"act": "BC001"}]}],
        found=["PRE-004 INV-1/1"],
        decided=_REFUSED,
    ),
    Case(
        code="PRE-004",
        title="Prescribed and sampled on the same day.",
        invoices=[{"prescribed_on": date(2024, 3, 12), "lines": [{"act": "BC001"}]}],
        decided=_PAID,
    ),
    Case(
        code="PRE-006",
        title="Spread analyses: prescribed on 1 September, sampled in October and on 2 March.",
        invoices=[
            {
                "prescribed_on": date(2023, 9, 1),
                "lines": [
                    {"act": "BC001", "date_of_service": date(2023, 10, 2)},
                    {"act": "BC001", "date_of_service": date(2024, 3, 1)},
                    {"act": "BC001", "date_of_service": date(2024, 3, 2)},
                ],
            }
        ],
        found=["PRE-006 INV-1/3"],
        decided={"INV-1/1": ("paid", 229), "INV-1/2": ("paid", 229), "INV-1/3": ("refused", 0)},
    ),
    Case(
        code="DAT-001",
        title="The service is of the day after the file was sent.",
        invoices=_line(date_of_service=date(2024, 4, 3), sampled_on=date(2024, 3, 12)),
        found=["DAT-001 INV-1/1"],
        decided=_REFUSED,
    ),
    Case(
        code="DAT-001",
        title="The service is of the day on which the file is sent.",
        header={"sent_on": date(2024, 3, 12)},
        invoices=_line(),
        decided=_PAID,
    ),
    Case(
        code="DAT-002",
        title="The sample was taken the day after the analysis.",
        invoices=_line(sampled_on=date(2024, 3, 13)),
        found=["DAT-002 INV-1/1"],
        decided=_REFUSED,
    ),
    Case(
        code="EXE-001",
        title="The executing provider's code has a mistyped digit.",
        invoices=_line(executing_provider=70000049),
        found=["EXE-001 INV-1/1", "EXE-002 INV-1/1 < EXE-001", "EXE-003 INV-1/1 < EXE-001"],
        decided=_REFUSED,
    ),
    Case(
        code="EXE-002",
        title="The executing provider's code ended with the year 2023 and was opened again with 2026.",
        invoices=_line(executing_provider=30012305),
        found=["EXE-002 INV-1/1", "EXE-003 INV-1/1 < EXE-002"],
        decided=_REFUSED,
    ),
    Case(
        code="EXE-002",
        title="The executing provider's code was suspended from 13 to 17 March; on the 18th it holds.",
        invoices=[
            {
                "lines": [
                    {"act": "BC001", "executing_provider": 70000048, "date_of_service": date(2024, 3, 17)},
                    {"act": "BC009", "executing_provider": 70000048, "date_of_service": date(2024, 3, 18)},
                ]
            }
        ],
        found=["EXE-002 INV-1/1"],
        decided={"INV-1/1": ("refused", 0), "INV-1/2": ("paid", 818)},
    ),
    Case(
        code="EXE-003",
        title="The other laboratory was declared until 19 March only.",
        invoices=[
            {
                "lines": [
                    {"act": "BC001", "executing_provider": 70000048},
                    {"act": "BC009", "executing_provider": 70000048, "date_of_service": date(2024, 3, 20)},
                ]
            }
        ],
        found=["EXE-003 INV-1/2"],
        decided={"INV-1/1": ("paid", 229), "INV-1/2": ("refused", 0)},
    ),
    Case(
        code="ACT-001",
        title="A code that stands in no edition: its missing price is no second error.",
        invoices=_line(act="BC999"),
        found=["ACT-001 INV-1/1"],
        decided=_REFUSED,
    ),
    Case(
        code="ACT-002",
        title="A suffix of another nomenclature.",
        invoices=_line(complements="D"),
        found=["ACT-002 INV-1/1"],
        decided=_REFUSED,
    ),
    Case(
        code="ACT-003",
        title="An act that only doctors bill, in their own practice.",
        invoices=_line(act="BC701"),
        found=["ACT-003 INV-1/1"],
        decided=_REFUSED,
    ),
    Case(
        code="QTY-001",
        title="A quantity of nought.",
        invoices=_line(quantity=0, gross_cents=0, net_cents=0),
        found=["QTY-001 INV-1/1"],
        decided=_REFUSED,
        by_schema=True,
    ),
    Case(
        code="PRI-001",
        title="BC001 costs 7.00 × 0.32706 = 2.29 EUR; 2.50 is asked: 2.29 is paid, 0.21 refused.",
        invoices=_line(gross_cents=250, net_cents=250),
        found=["PRI-001 INV-1/1"],
        decided={"INV-1/1": ("reduced", 229)},
    ),
    Case(
        code="PRI-001",
        title="Twice BC009 costs 2 × 8.18 = 16.36 EUR: each act is rounded, not the sum (50.00 × 0.32706 = 16.353).",
        invoices=_line(act="BC009", quantity=2, gross_cents=1636, net_cents=1636),
        decided={"INV-1/1": ("paid", 1636)},
    ),
    Case(
        code="PRI-002",
        title="No key letter is published for the first half of 2023: nothing is invented.",
        invoices=[
            {
                "prescribed_on": date(2023, 4, 20),
                "lines": [{"act": "BC001", "date_of_service": date(2023, 5, 4)}],
            }
        ],
        found=["PRI-002 INV-1/1"],
        decided=_REFUSED,
    ),
    Case(
        code="PRI-003",
        title="The net amount is less than the gross amount, though a laboratory's patient bears no share.",
        invoices=_line(net_cents=200),
        found=["PRI-003 INV-1/1"],
        decided=_REFUSED,
    ),
    Case(
        code="PRI-004",
        title="2.20 EUR, the tariff of 2022, is asked: it is paid, with a warning.",
        invoices=_line(gross_cents=220, net_cents=220),
        found=["PRI-004 INV-1/1"],
        decided={"INV-1/1": ("paid", 220)},
    ),
    Case(
        code="PRI-005",
        title="A negative amount.",
        invoices=_line(gross_cents=-229, net_cents=-229),
        found=["PRI-005 INV-1/1", "PRI-004 INV-1/1"],
        decided=_REFUSED,
        by_schema=True,
    ),
    Case(
        code="AUT-001",
        title="A collective code without the reference of an authorisation.",
        invoices=_line(act="LDE0001", gross_cents=4000, net_cents=4000),
        found=["AUT-001 INV-1/1"],
        decided=_REFUSED,
    ),
    Case(
        code="AUT-001",
        title="The request was refused.",
        invoices=_line(act="LEE0001", authorisation_reference="A-400", gross_cents=4000, net_cents=4000),
        found=["AUT-001 INV-1/1"],
        decided=_REFUSED,
    ),
    Case(
        code="AUT-001",
        title="ACM: granted on 20 March for an analysis of the 12th; it need not precede the act.",
        invoices=_line(act="LDE0001", authorisation_reference="A-100", gross_cents=4100, net_cents=4100),
        found=["PRI-001 INV-1/1"],
        decided={"INV-1/1": ("reduced", 4000)},
    ),
    Case(
        code="AUT-002",
        title="APCM must precede the act: granted from 1 March, performed on 29 February.",
        invoices=[
            {
                "prescribed_on": date(2024, 2, 1),
                "lines": [
                    {
                        "act": "LFE0001",
                        "authorisation_reference": "A-200",
                        "date_of_service": date(2024, 2, 29),
                        "gross_cents": 25000,
                    }
                ],
            }
        ],
        found=["AUT-002 INV-1/1"],
        decided=_REFUSED,
    ),
    Case(
        code="AUT-002",
        title="An authorisation is for one analysis: the second line that names it is refused.",
        invoices=[
            {
                "lines": [
                    {"act": "LFE0001", "authorisation_reference": "A-200", "gross_cents": 25000},
                    {"act": "LGE0001", "authorisation_reference": "A-200", "gross_cents": 5500},
                    {"act": "LFE0001", "authorisation_reference": "A-200", "gross_cents": 25000},
                ]
            }
        ],
        found=["AUT-002 INV-1/3"],
        decided={"INV-1/1": ("paid", 25000), "INV-1/2": ("paid", 5500), "INV-1/3": ("refused", 0)},
    ),
    Case(
        code="AUT-002",
        title="The authorisation paid a line of an earlier file: it is used up, whatever the day.",
        paid_before=_line(act="LDE0001", authorisation_reference="A-100", gross_cents=4000, net_cents=4000),
        invoices=_line(
            act="LDE0001",
            authorisation_reference="A-100",
            date_of_service=date(2024, 3, 13),
            gross_cents=4000,
            net_cents=4000,
        ),
        found=["AUT-002 INV-1/1"],
        decided=_REFUSED,
    ),
    Case(
        code="AUT-002",
        title="An earlier file used the analysis of the request; its shipping costs may still be billed.",
        paid_before=_line(act="LFE0001", authorisation_reference="A-200", gross_cents=25000, net_cents=25000),
        invoices=_line(act="LGE0001", authorisation_reference="A-200", gross_cents=6000, net_cents=6000),
        decided={"INV-1/1": ("paid", 6000)},
    ),
    Case(
        code="AUT-002",
        title="The same code on the same day under an authorisation of its own is no repetition.",
        paid_before=_line(act="LDE0001", authorisation_reference="A-100", gross_cents=4000, net_cents=4000),
        invoices=_line(act="LDE0001", authorisation_reference="A-110", gross_cents=5000, net_cents=5000),
        decided={"INV-1/1": ("paid", 5000)},
    ),
    Case(
        code="AUT-002",
        title="Granted to another person.",
        invoices=_line(act="LEE0001", authorisation_reference="A-500", gross_cents=4000, net_cents=4000),
        found=["AUT-002 INV-1/1"],
        decided=_REFUSED,
    ),
    Case(
        code="AUT-002",
        title="Granted under the old number of the person, billed under the new one.",
        invoices=[
            {
                "insured_person": RENUMBERED,
                "lines": [{"act": "LEE0001", "authorisation_reference": "A-500", "gross_cents": 4000}],
            }
        ],
        decided={"INV-1/1": ("paid", 4000)},
    ),
    Case(
        code="AUT-003",
        title="Shipping costs granted without an analysis on the same request.",
        invoices=_line(act="LGE0001", authorisation_reference="A-300", gross_cents=6000, net_cents=6000),
        found=["AUT-003 INV-1/1"],
        decided=_REFUSED,
    ),
)
