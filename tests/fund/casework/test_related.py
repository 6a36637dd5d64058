"""Cases of the same person are found by indexes, however a number was typed and whatever else was."""

from django.db import connection, transaction

from caisse.fund.casework import looking
from caisse.fund.casework.models import Case
from caisse.fund.casework.telling import TELLING_FIELDS, plain
from tests.fund.casework.office import IBAN, Office


def test_the_same_account_is_found_however_it_was_typed(office: Office) -> None:
    first, second, other = (office.open() for _ in range(3))
    first.sheet = {"iban": "lu28 0019-4006.4475 0000"}
    second.sheet = {"iban": IBAN, "licence_number": "A 12"}
    # A draft keeps what was typed, however long.
    other.sheet = {"iban": "x" * 100_000, "licence_number": "A 13"}
    for case in (first, second, other):
        case.save()
    assert [(one.pk, by) for one, by in looking.related(first).cases] == [(second.pk, ("iban",))]
    assert looking.related(other).cases == []


def test_no_case_is_read_that_is_not_alike(office: Office) -> None:
    case = office.open()
    told = {name: plain(f"{name} 1") for name in TELLING_FIELDS}
    with transaction.atomic(), connection.cursor() as cursor:
        # So few rows are read whole otherwise; the question is whether the indexes fit the query.
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = looking._alike(case, told).explain()
    for name in TELLING_FIELDS:
        assert f"casework_case_{name}" in plan
    assert "Seq Scan" not in plan
    assert Case.objects.count() == 1
