"""A page asks the database as often for thirty cases, documents or codes as for three."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from caisse.fund.access import actions as access
from caisse.fund.casework.models import Case, CaseDocument, Entry, Letter, Question
from caisse.fund.home import Home
from caisse.fund.registry import actions as registry
from tests.fund.casework.office import Office
from tests.fund.visitors import person, staff, visitor

FEW, MANY = 3, 30


@pytest.fixture(scope="module")
def office(module_db: Home) -> Office:
    return Office.earlier_today(module_db)


@pytest.fixture(scope="module")
def officer(office: Office) -> Client:
    return visitor(staff(office.tick(), "supervisor"), factor="totp")


def asked(client: Client, path: str) -> int:
    """How many statements an answer takes; the first answer of a kind warms what is read once."""
    assert client.get(path).status_code == 200
    with CaptureQueriesContext(connection) as found:
        assert client.get(path).status_code == 200
    return len(found)


def copies(row: Case | CaseDocument | Question | Letter | Entry, count: int, **changed: object) -> list:
    """Rows like one there is; what must differ is numbered by ``{n}``."""
    made = []
    for number in range(count):
        values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
        values.pop("id")
        values |= {key: str(one).format(n=number) for key, one in changed.items()}
        made.append(type(row)(**values))
    return type(row).objects.bulk_create(made)


@pytest.fixture(scope="module")
def case(office: Office) -> Case:
    """A case somebody works on, with a question and a letter."""
    from caisse.fund.casework.actions import examination

    case = office.submitted("doctors")
    examination.take_case(case_id=case.pk, officer_id=office.user("officer"), at=office.tick())
    examination.ask_back(
        case_id=case.pk,
        questions=[("", "What is this?")],
        officer_id=office.user("officer"),
        at=office.tick(),
    )
    case.refresh_from_db()
    return case


def grown(client: Client, path: str, grow: object) -> tuple[int, int]:
    grow(FEW)  # type: ignore[operator]
    few = asked(client, path)
    grow(MANY)  # type: ignore[operator]
    return few, asked(client, path)


@pytest.mark.parametrize("name", ["all", "mine", "new"])
def test_a_queue(office: Office, officer: Client, case: Case, name: str) -> None:
    year = {"all": 3001, "mine": 3002, "new": 3003}[name]
    step = iter((1, 2))

    def grow(count: int) -> None:
        copies(case, count, number=f"{year}-{next(step)}{{n:05}}", state="submitted")

    few, many = grown(officer, f"/desk/queues/{name}/", grow)
    assert many == few


def test_the_page_of_a_case_at_the_desk_and_in_the_portal(
    office: Office, officer: Client, case: Case
) -> None:
    document, question = case.documents.earliest("pk"), case.questions.get()
    letter, entry = case.letters.earliest("pk"), case.entries.earliest("pk")
    step = iter("ab")

    def grow(count: int) -> None:
        letter_of_step = next(step)
        copies(document, count, kind="unsorted", part=f"{letter_of_step}{{n}}")
        copies(question, count, text="What is {n}?")
        copies(letter, count)
        copies(entry, count)

    owner = person(office.tick(), "owner@example.org")
    Case.objects.filter(pk=case.pk).update(owner=owner)
    mine = visitor(owner)
    paths = [(officer, f"/desk/cases/{case.number}/"), (officer, f"/desk/cases/{case.number}/ask-back/"),
             (mine, f"/cases/{case.number}/"), (mine, f"/cases/{case.number}/documents/")]  # fmt: skip
    grow(FEW)
    few = [asked(client, path) for client, path in paths]
    grow(MANY)
    assert [asked(client, path) for client, path in paths] == few


def test_the_page_of_a_provider(office: Office, officer: Client, case: Case) -> None:
    granted = office.grant(office.reviewed("doctors"))
    provider = granted.provider_id
    owner = person(office.tick(), "provider@example.org")
    access.grant_mandate(
        user=owner, provider_id=provider, scope="owner", valid_from=office.today, by="test", at=office.tick()
    )
    first = office.today - timedelta(days=9)
    step = iter((1, 2))

    def grow(count: int) -> None:
        number = next(step)
        copies(granted, count, number=f"200{number}-{{n:06}}")
        copies(granted.letters.earliest("pk"), count)
        for place in range(count):
            start = first - timedelta(days=100 * number + 2 * place)
            code = registry.allot_code(
                provider_id=provider, profession="doctors", site_id=None, valid_from=start,
                valid_until=start + timedelta(days=1), by="test", at=office.tick(),
            )  # fmt: skip
            registry.record_licence(
                provider_id=provider, kind="authorisation_to_practise", number=f"L{code}", issued_on=first,
                valid_from=first, valid_until=None, document_sha256="", codes=[code], by="test", at=office.tick(),
            )  # fmt: skip

    paths = [(officer, f"/desk/register/{provider}/"), (visitor(owner), f"/providers/{provider}/"),
             (visitor(owner), "/cases/")]  # fmt: skip
    grow(FEW)
    few = [asked(client, path) for client, path in paths]
    grow(MANY)
    assert [asked(client, path) for client, path in paths] == few


def test_looking_for_providers(office: Office, officer: Client) -> None:
    def grow(count: int) -> None:
        for _ in range(count):
            provider = registry.register_provider(name="Sought", kind="person", by="test", at=office.tick())
            registry.allot_code(
                provider_id=provider,
                profession="midwives",
                valid_from=office.today,
                by="test",
                at=office.tick(),
            )

    few, many = grown(officer, "/desk/register/?q=Sought", grow)
    assert many == few
