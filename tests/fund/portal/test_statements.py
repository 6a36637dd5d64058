"""Annual statements on the portal: for whom they are, in his language, and for nobody else."""

import csv
import io
from datetime import date

import pytest

from caisse.fund.access.actions import grant_mandate
from caisse.fund.access.models import User
from caisse.fund.audit.models import AuditEvent
from caisse.fund.casework.actions.letters import make_letter
from caisse.fund.payments.models import AnnualStatement
from caisse.fund.payments.statements import issue_statements
from caisse.fund.registry import queries as register
from tests.fund.casework.office import Office
from tests.fund.payments.charges import FIRST, Line, association, charge, physio
from tests.fund.visitors import person, visitor


def owner(name: str) -> User:
    return User.objects.get(email=f"{name.lower()}@practice.example")


AMOUNTS = {"en": "1,234,567.89", "fr": "1\u202f234\u202f567,89", "de": "1.234.567,89"}


@pytest.fixture
def members(office: Office) -> dict[str, int]:
    """Ann and Ben belong to an association, Carl does not; the providers' ids."""
    codes = {name: physio(name, office.tick()) for name in ("Ann", "Ben", "Carl")}
    _found, common = association("Les Tilleuls", office.tick(),
                                 [(codes["Ann"], FIRST, None), (codes["Ben"], FIRST, None)])  # fmt: skip
    charge(common, [Line(date(2025, 3, 3), 123_456_789, patient=89)], office.tick())
    issue_statements(year=2025, by="test", at=office.tick())
    found = {}
    for name, code in codes.items():
        provider = register.provider_by_code(code)
        assert provider is not None
        found[name] = provider.pk
        user = person(office.tick(), f"{name.lower()}@practice.example")
        grant_mandate(user=user, provider_id=provider.pk, scope="owner", valid_from=FIRST, by="test",
                      at=office.tick())  # fmt: skip
    return found


@pytest.mark.parametrize("language", ["fr", "de", "en"])
def test_a_member_sees_what_was_charged(office: Office, members, language: str) -> None:
    ann = owner("Ann")
    ann.language = language
    ann.save(update_fields=["language"])
    where = f"/providers/{members['Ann']}/statements/"
    page = visitor(ann).get(where).content.decode().replace("\xa0", "\u202f")
    assert AMOUNTS[language] in page and "Les Tilleuls" in page
    # Its PDF is made by a worker; until then the page says so and has no link to it.
    statement = AnnualStatement.objects.get(member_id=members["Ann"])
    link = f"/providers/{members['Ann']}/letters/{statement.letter_id}/"
    assert link not in page
    make_letter(letter_id=statement.letter_id, by="test", at=office.tick())
    assert link in visitor(ann).get(where).content.decode()
    answer = visitor(ann).get(link)
    assert b"".join(answer.streaming_content).startswith(b"%PDF-")
    answer.close()


def test_the_figures_are_data(office: Office, members) -> None:
    statement = AnnualStatement.objects.get(member_id=members["Ann"])
    answer = visitor(owner("Ann")).get(f"/providers/{members['Ann']}/statements/{statement.pk}.csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert (
        answer["Content-Type"].startswith("text/csv") and statement.reference in answer["Content-Disposition"]
    )
    assert [(row["month"], row["asked_cents"]) for row in rows if row["of"] == "association"] == [
        ("3", "123456789")
    ]


def test_for_others_there_is_none(office: Office, members) -> None:
    ann, ben = (AnnualStatement.objects.get(member_id=members[name]) for name in ("Ann", "Ben"))
    carl = visitor(owner("Carl"))
    empty = carl.get(f"/providers/{members['Carl']}/statements/")
    assert "There is no statement yet" in empty.content.decode()
    for name, who in (("Ben", visitor(owner("Ben"))), ("Carl", carl)):
        assert who.get(f"/providers/{members['Ann']}/statements/").status_code == 404
        for provider in (members["Ann"], members[name]):
            assert who.get(f"/providers/{provider}/statements/{ann.pk}.csv").status_code == 404
            assert who.get(f"/providers/{provider}/letters/{ann.letter_id}/").status_code == 404
    assert visitor().get(f"/providers/{members['Ann']}/statements/{ben.pk}.csv").status_code == 302


def test_who_reads_for_the_owner_is_recorded(office: Office, members) -> None:
    clerk = person(office.tick(), "clerk@practice.example")
    grant_mandate(user=clerk, provider_id=members["Ann"], scope="casework", valid_from=FIRST, by="test",
                  at=office.tick())  # fmt: skip
    for who in (owner("Ann"), clerk):
        assert visitor(who).get(f"/providers/{members['Ann']}/statements/").status_code == 200
    read = AuditEvent.objects.filter(data__what="statements")
    assert [one.by for one in read] == [f"user {clerk.pk}"]
