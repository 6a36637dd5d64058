"""Cases of several lines together, and of what was paid before."""

from datetime import date

from tests.agreement.rules.batches import OLD_NUMBER, RENUMBERED, SERVED_ON
from tests.spec.case import Case

_SEROLOGY = [
    "BJ022",
    "BJ023",
    "BJ024",
    "BJ026",
    "BJ027",
    "BJ029",
    "BJ038",
    "BJ040",
    "BJ043",
    "BJ044",
    "BJ054",
]
_MORE_SEROLOGY = ["BJ109", "BJ110"]


def _acts(*acts: str) -> list[dict[str, object]]:
    return [{"lines": [{"act": act} for act in acts]}]


TOGETHER_CASES = (
    Case(
        code="INV-001",
        title="An error of the invoice refuses its right lines too; they name the root.",
        invoices=[{"insured_person": 1980010100188, "lines": [{"act": "BC001"}, {"act": "BC999"}]}],
        found=[
            "PER-003 INV-1",
            "PER-005 INV-1 < PER-003",
            "INV-001 INV-1/1 < PER-003",
            "ACT-001 INV-1/2",
            "INV-001 INV-1/2 < PER-003",
        ],
        decided={"INV-1/1": ("refused", 0), "INV-1/2": ("refused", 0)},
    ),
    Case(
        code="DUP-001",
        title="BC001 of 12 March was paid by an earlier file; BC009 was not.",
        invoices=_acts("BC001", "BC009"),
        paid_before=_acts("BC001"),
        found=["DUP-001 INV-1/1"],
        decided={"INV-1/1": ("refused", 0), "INV-1/2": ("paid", 818)},
    ),
    Case(
        code="DUP-001",
        title="The person has a new number; the act was paid under the old one.",
        invoices=[{"insured_person": RENUMBERED, "lines": [{"act": "BC001"}]}],
        paid_before=[{"insured_person": OLD_NUMBER, "lines": [{"act": "BC001"}]}],
        found=["DUP-001 INV-1/1"],
        decided={"INV-1/1": ("refused", 0)},
    ),
    Case(
        code="DUP-002",
        title="The same act of the same sampling in two invoices: the second is refused.",
        invoices=[{"lines": [{"act": "BC009"}]}, {"lines": [{"act": "BC009"}, {"act": "BC012"}]}],
        found=["DUP-002 INV-2/1"],
        decided={"INV-1/1": ("paid", 818), "INV-2/1": ("refused", 0), "INV-2/2": ("paid", 229)},
    ),
    Case(
        code="DUP-002",
        title="The same act of another day's sampling is no repetition.",
        invoices=[{"lines": [{"act": "BC009"}, {"act": "BC009", "date_of_service": date(2024, 3, 13)}]}],
        decided={"INV-1/1": ("paid", 818), "INV-1/2": ("paid", 818)},
    ),
    Case(
        code="DUP-002",
        title="An act with a maximum of its own may be repeated: BC002 at most four times.",
        invoices=_acts("BC002", "BC002"),
        decided={"INV-1/1": ("paid", 229), "INV-1/2": ("paid", 229)},
    ),
    Case(
        code="CUM-001",
        title="BC001 is not cumulable with BC003: the first in the file is paid.",
        invoices=_acts("BC001", "BC003"),
        found=["CUM-001 INV-1/2"],
        decided={"INV-1/1": ("paid", 229), "INV-1/2": ("refused", 0)},
    ),
    Case(
        code="CUM-001",
        title="BC003 excludes BC211, but is itself excluded by BC001: BC001 and BC211 are paid.",
        invoices=_acts("BC001", "BC003", "BC211"),
        found=["CUM-001 INV-1/2"],
        decided={"INV-1/1": ("paid", 229), "INV-1/2": ("refused", 0), "INV-1/3": ("paid", 229)},
    ),
    Case(
        code="CUM-001",
        title="A refused line excludes nothing: BC003 is paid when BC001 is refused for another reason.",
        invoices=[{"lines": [{"act": "BC001", "complements": "T"}, {"act": "BC003"}]}],
        found=["ACT-002 INV-1/1"],
        decided={"INV-1/1": ("refused", 0), "INV-1/2": ("paid", 1047)},
    ),
    Case(
        code="CUM-001",
        title="Not cumulable means the same sampling day: BC003 of the next day is paid.",
        invoices=[{"lines": [{"act": "BC001"}, {"act": "BC003", "date_of_service": date(2024, 3, 13)}]}],
        decided={"INV-1/1": ("paid", 229), "INV-1/2": ("paid", 1047)},
    ),
    Case(
        code="CUM-002",
        title="BC002 at most four times: six are billed, four are paid.",
        invoices=[{"lines": [{"act": "BC002", "quantity": 6}]}],
        found=["CUM-002 INV-1/1"],
        decided={"INV-1/1": ("reduced", 916)},
    ),
    Case(
        code="CUM-003",
        title="At most two of BC042, BC045, BC048, BC052: the third is refused.",
        invoices=_acts("BC042", "BC045", "BC048"),
        found=["CUM-003 INV-1/3"],
        decided={"INV-1/1": ("paid", 458), "INV-1/2": ("paid", 981), "INV-1/3": ("refused", 0)},
    ),
    Case(
        code="CUM-004",
        title="Infectious serology: at most twelve acts a prescription, the thirteenth is refused.",
        invoices=_acts(*_SEROLOGY, *_MORE_SEROLOGY),
        found=["CUM-004 INV-1/13"],
        decided={"INV-1/12": ("paid", 1308), "INV-1/13": ("refused", 0)},
    ),
    Case(
        code="CUM-004",
        title="At the first pregnancy check-up sixteen acts are paid: thirteen all stand.",
        invoices=[{**_acts(*_SEROLOGY, *_MORE_SEROLOGY)[0], "first_pregnancy_check": True}],
        decided={"INV-1/13": ("paid", 1308)},
    ),
    Case(
        code="CUM-004",
        title="Two invoices of one prescription count together; only the first is a pregnancy check-up.",
        invoices=[
            {
                **_acts(*_SEROLOGY, *_MORE_SEROLOGY)[0],
                "prescription_reference": "P",
                "first_pregnancy_check": True,
            },
            {**_acts("BJ111")[0], "prescription_reference": "P"},
        ],
        found=["CUM-004 INV-2/1"],
        decided={"INV-1/13": ("paid", 1308), "INV-2/1": ("refused", 0)},
    ),
    Case(
        code="CUM-900",
        title="BE117 only if BE116 was negative: the file does not show it, so it is paid with a warning.",
        invoices=_acts("BE117"),
        found=["CUM-900 INV-1/1"],
        decided={"INV-1/1": ("paid", 1962)},
    ),
    Case(
        code="CUM-900",
        title="BH101 not with BH102 if the culture is negative: a warning on both, and none on BH101 alone.",
        invoices=[*_acts("BH101", "BH102"), {**_acts("BH101")[0], "insured_person": RENUMBERED}],
        found=["CUM-900 INV-1/1", "CUM-900 INV-1/2"],
    ),
    Case(
        code="CUM-900",
        title="At most two tumour markers unless multiple neoplasms: three bring one warning each, all are paid.",
        invoices=_acts("BC072", "BC073", "BC074"),
        found=["CUM-900 INV-1/1", "CUM-900 INV-1/2", "CUM-900 INV-1/3"],
        decided={"INV-1/1": ("paid", 1962), "INV-1/2": ("paid", 1962), "INV-1/3": ("paid", 1962)},
    ),
    Case(
        code="CUM-001",
        title="BC001 of the sampling was paid by an earlier file: BC003 of it is refused, BC009 is paid.",
        paid_before=_acts("BC001"),
        invoices=_acts("BC003", "BC009"),
        found=["CUM-001 INV-1/1"],
        decided={"INV-1/1": ("refused", 0), "INV-1/2": ("paid", 818)},
    ),
    Case(
        code="CUM-001",
        title="An earlier file was paid BC003: it stands, and BC001 is refused although it is named first now.",
        paid_before=_acts("BC003"),
        invoices=_acts("BC001", "BC211"),
        found=["CUM-001 INV-1/1", "CUM-001 INV-1/2"],
        decided={"INV-1/1": ("refused", 0), "INV-1/2": ("refused", 0)},
    ),
    Case(
        code="CUM-001",
        title="The sampling of the next day has nothing to do with what was paid: BC003 is paid.",
        paid_before=_acts("BC001"),
        invoices=[{"lines": [{"act": "BC003", "date_of_service": date(2024, 3, 13)}]}],
        decided={"INV-1/1": ("paid", 1047)},
    ),
    Case(
        code="CUM-001",
        title="The person has a new number; what excludes was paid under the old one.",
        paid_before=[{"insured_person": OLD_NUMBER, "lines": [{"act": "BC001"}]}],
        invoices=[{"insured_person": RENUMBERED, "lines": [{"act": "BC003"}]}],
        found=["CUM-001 INV-1/1"],
        decided={"INV-1/1": ("refused", 0)},
    ),
    Case(
        code="DUP-002",
        title="Paid by an earlier file for the same sampling, billed again as served a day later.",
        paid_before=_acts("BC009"),
        invoices=[
            {"lines": [{"act": "BC009", "date_of_service": date(2024, 3, 13), "sampled_on": SERVED_ON}]}
        ],
        found=["DUP-002 INV-1/1"],
        decided={"INV-1/1": ("refused", 0)},
    ),
    Case(
        code="DUP-002",
        title="Paid as served a day after the sampling, billed again as served on the day itself.",
        paid_before=[
            {"lines": [{"act": "BC009", "date_of_service": date(2024, 3, 13), "sampled_on": SERVED_ON}]}
        ],
        invoices=_acts("BC009"),
        found=["DUP-002 INV-1/1"],
        decided={"INV-1/1": ("refused", 0)},
    ),
    Case(
        code="CUM-002",
        title="BC002 at most four times: an earlier file was paid three, so one of two is paid.",
        paid_before=[{"lines": [{"act": "BC002", "quantity": 3}]}],
        invoices=[
            {
                "lines": [
                    {
                        "act": "BC002",
                        "quantity": 2,
                        "date_of_service": date(2024, 3, 13),
                        "sampled_on": SERVED_ON,
                    }
                ]
            }
        ],
        found=["CUM-002 INV-1/1"],
        decided={"INV-1/1": ("reduced", 229)},
    ),
    Case(
        code="CUM-003",
        title="At most two of BC042, BC045, BC048, BC052: two were paid before, the third is refused.",
        paid_before=_acts("BC042", "BC045"),
        invoices=_acts("BC048"),
        found=["CUM-003 INV-1/1"],
        decided={"INV-1/1": ("refused", 0)},
    ),
    Case(
        code="CUM-004",
        title="Twelve acts of infectious serology a prescription: eleven were paid before, for an earlier sampling.",
        paid_before=[{**_acts(*_SEROLOGY)[0], "prescription_reference": "P"}],
        invoices=[
            {
                "prescription_reference": "P",
                "lines": [{"act": act, "date_of_service": date(2024, 3, 20)} for act in _MORE_SEROLOGY],
            }
        ],
        found=["CUM-004 INV-1/2"],
        decided={"INV-1/1": ("paid", 1308), "INV-1/2": ("refused", 0)},
    ),
    Case(
        code="CUM-004",
        title="Another prescription of the same day and doctor counts by itself.",
        paid_before=[{**_acts(*_SEROLOGY)[0], "prescription_reference": "P"}],
        invoices=[
            {
                "prescription_reference": "Q",
                "lines": [{"act": act, "date_of_service": date(2024, 3, 20)} for act in _MORE_SEROLOGY],
            }
        ],
        decided={"INV-1/1": ("paid", 1308), "INV-1/2": ("paid", 1308)},
    ),
    Case(
        code="CUM-900",
        title="BH101 not with BH102 if the culture is negative: BH102 was paid before, so BH101 has the warning.",
        paid_before=_acts("BH102"),
        invoices=_acts("BH101"),
        found=["CUM-900 INV-1/1"],
    ),
)
