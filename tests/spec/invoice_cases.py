"""Cases of an invoice: the person, the prescription, the accident."""

from datetime import date

from tests.agreement.rules.batches import ARRIVED, LEFT
from tests.spec.case import Case

_LINE = [{"act": "BC001"}]
_REFUSED = {"INV-1/1": ("refused", 0)}
_PAID = {"INV-1/1": ("paid", 229)}

INVOICE_CASES = (
    Case(
        code="PER-001",
        title="The number's check digits are right, but 29 February 1955 does not exist.",
        invoices=[{"insured_person": 1955022912380, "lines": _LINE}],
        found=["PER-001 INV-1", "PER-005 INV-1 < PER-001", "INV-001 INV-1/1 < PER-001"],
        decided=_REFUSED,
    ),
    Case(
        code="PER-002",
        title="The Luhn digit of the number is mistyped.",
        invoices=[{"insured_person": 1980010100177, "lines": _LINE}],
        found=["PER-002 INV-1", "PER-005 INV-1 < PER-002", "INV-001 INV-1/1 < PER-002"],
        decided=_REFUSED,
    ),
    Case(
        code="PER-003",
        title="The last digit of the number is mistyped.",
        invoices=[{"insured_person": 1980010100188, "lines": _LINE}],
        found=["PER-003 INV-1", "PER-005 INV-1 < PER-003", "INV-001 INV-1/1 < PER-003"],
        decided=_REFUSED,
    ),
    Case(
        code="PER-003",
        title="One mistyped digit of the date breaks both check digits: one root, one that follows.",
        invoices=[{"insured_person": 1981010100187, "lines": _LINE}],
        found=[
            "PER-002 INV-1",
            "PER-003 INV-1 < PER-002",
            "PER-005 INV-1 < PER-002",
            "INV-001 INV-1/1 < PER-002",
        ],
        decided=_REFUSED,
    ),
    Case(
        code="PER-004",
        title="The person's insurance ended on 1 January 2024; the service is of March.",
        invoices=[{"insured_person": LEFT, "lines": _LINE}],
        found=["PER-004 INV-1", "INV-001 INV-1/1 < PER-004"],
        decided=_REFUSED,
    ),
    Case(
        code="PER-004",
        title="Insured from 10 March on: the line of the 9th is refused, that of the 12th is paid.",
        invoices=[
            {
                "insured_person": ARRIVED,
                "lines": [{"act": "BC001", "date_of_service": date(2024, 3, 9)}, {"act": "BC009"}],
            }
        ],
        found=["PER-004 INV-1/1"],
        decided={"INV-1/1": ("refused", 0), "INV-1/2": ("paid", 818)},
    ),
    Case(
        code="PER-005",
        title="A right number that nobody has.",
        invoices=[{"insured_person": 1985060701299, "lines": _LINE}],
        found=["PER-005 INV-1", "INV-001 INV-1/1 < PER-005"],
        decided=_REFUSED,
    ),
    Case(
        code="PER-005",
        title="The practice cannot know who is insured: the check is deferred and the line stands.",
        invoices=[{"insured_person": 1985060701299, "lines": _LINE}],
        not_known=["insured"],
        decided=_PAID,
    ),
    Case(
        code="PRE-001",
        title="There is no prescription.",
        invoices=[
            {"prescription_reference": None, "prescribed_on": None, "prescriber": None, "lines": _LINE}
        ],
        found=["PRE-001 INV-1", "INV-001 INV-1/1 < PRE-001"],
        decided=_REFUSED,
    ),
    Case(
        code="PRE-002",
        title="The prescriber's code has a mistyped digit.",
        invoices=[{"prescriber": 90000136, "lines": _LINE}],
        found=["PRE-002 INV-1", "PRE-003 INV-1 < PRE-002", "INV-001 INV-1/1 < PRE-002"],
        decided=_REFUSED,
    ),
    Case(
        code="PRE-003",
        title="The prescriber's code ended with the year 2023.",
        invoices=[{"prescriber": 30012305, "lines": _LINE}],
        found=["PRE-003 INV-1", "INV-001 INV-1/1 < PRE-003"],
        decided=_REFUSED,
    ),
    Case(
        code="PRE-005",
        title="Prescribed on 11 January, sampled on 12 March: a day more than two months.",
        invoices=[{"prescribed_on": date(2024, 1, 11), "lines": _LINE}],
        found=["PRE-005 INV-1", "INV-001 INV-1/1 < PRE-005"],
        decided=_REFUSED,
    ),
    Case(
        code="PRE-005",
        title="Prescribed on 12 January, sampled on 12 March: two months to the day still count.",
        invoices=[{"prescribed_on": date(2024, 1, 12), "lines": _LINE}],
        decided=_PAID,
    ),
    Case(
        code="PRE-005",
        title="The doctor stated a longer validity.",
        invoices=[
            {
                "prescribed_on": date(2023, 11, 2),
                "prescription_valid_until": date(2024, 4, 1),
                "lines": _LINE,
            }
        ],
        decided=_PAID,
    ),
    Case(
        code="PRE-005",
        title="Sampled in the third month: the first sampling on the prescription was paid by an earlier file.",
        paid_before=[
            {
                "prescribed_on": date(2024, 1, 5),
                "prescription_reference": "P",
                "lines": [{"act": "BC009", "date_of_service": date(2024, 1, 10)}],
            }
        ],
        invoices=[{"prescribed_on": date(2024, 1, 5), "prescription_reference": "P", "lines": _LINE}],
        decided=_PAID,
    ),
    Case(
        code="PRE-005",
        title="What was paid before was sampled on another prescription of the same day and doctor.",
        paid_before=[
            {
                "prescribed_on": date(2024, 1, 5),
                "prescription_reference": "Q",
                "lines": [{"act": "BC009", "date_of_service": date(2024, 1, 10)}],
            }
        ],
        invoices=[{"prescribed_on": date(2024, 1, 5), "prescription_reference": "P", "lines": _LINE}],
        found=["PRE-005 INV-1", "INV-001 INV-1/1 < PRE-005"],
        decided=_REFUSED,
    ),
    Case(
        code="PRE-006",
        title="Begun in time in an earlier file, sampled again after more than six months.",
        paid_before=[
            {
                "prescribed_on": date(2023, 9, 5),
                "prescription_reference": "P",
                "lines": [{"act": "BC009", "date_of_service": date(2023, 9, 10)}],
            }
        ],
        invoices=[{"prescribed_on": date(2023, 9, 5), "prescription_reference": "P", "lines": _LINE}],
        found=["PRE-006 INV-1/1"],
        decided=_REFUSED,
    ),
    Case(
        code="ACC-001",
        title="The accident number begins with a letter other than U or L.",
        invoices=[{"accident_number": "X123456789", "lines": _LINE}],
        found=["ACC-001 INV-1", "INV-001 INV-1/1 < ACC-001"],
        decided=_REFUSED,
    ),
    Case(
        code="ACC-002",
        title="An accident of 27 December without a number on an invoice of 28 March: a day too late.",
        invoices=[{"accident_on": date(2023, 12, 27), "lines": _LINE}],
        found=["ACC-002 INV-1", "INV-001 INV-1/1 < ACC-002"],
        decided=_REFUSED,
    ),
    Case(
        code="ACC-002",
        title="An accident of 28 December on an invoice of 28 March: the date still stands in for the number.",
        invoices=[{"accident_on": date(2023, 12, 28), "lines": _LINE}],
        decided=_PAID,
    ),
)
