"""What could not be booked: looked at, assigned by a person, and then only if it fits."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from caisse import cli
from caisse.provider import schema
from caisse.provider.errors import CannotAssign, UnknownAnswer, UnknownSending
from tests.provider.test_reconciliation import Desk, desk  # noqa: F401 - a fixture

STRANGE = "e" * 64


def returned_for_other_bytes(desk: Desk, **changed: object):  # noqa: F811
    """A month whose return names another hash: the file was saved anew on its way."""
    built = desk.send_month()
    receipt, acknowledgement, _ = desk.answers_to(built).items()
    desk.deliver(receipt, acknowledgement)
    (booked,) = desk.deliver(desk.returned(built, file_sha256=STRANGE, **changed))
    assert booked.state == "unmatched"
    return built, desk.practice.status().unmatched[0].id


def test_an_answer_is_looked_at_with_the_files_it_may_mean(desk: Desk) -> None:  # noqa: F811
    built, number = returned_for_other_bytes(desk)
    kept = desk.practice.answer(number)
    assert (kept.kind, kept.about_sha256, kept.asked_cents) == ("return", STRANGE, built.gross_cents)
    (candidate,) = kept.candidates
    assert (candidate.name, candidate.state, candidate.lines) == (built.name, "acknowledged", built.lines)
    with pytest.raises(UnknownAnswer):
        desk.practice.answer(999)


def test_a_person_assigns_it_and_it_is_booked_once(desk: Desk) -> None:  # noqa: F811
    built, number = returned_for_other_bytes(desk)
    booked = desk.practice.assign(number, built.name, "the fund confirmed it by telephone")
    assert (booked.sending, booked.stage) == (built.name, "returned")
    assert desk.practice.owed().owed_cents == 0
    assert desk.practice.status().unmatched == ()
    with pytest.raises(UnknownAnswer):
        desk.practice.assign(number, built.name, "again")
    assert {one.state for one in desk.practice.collect(again=True)} == {"repeated"}
    with desk.practice.store.read() as connection:
        said = connection.scalar(sa.select(schema.answers.c.by_hand).where(schema.answers.c.id == number))
    assert said.endswith("the fund confirmed it by telephone")


def test_what_does_not_fit_is_not_booked_whoever_says_so(desk: Desk) -> None:  # noqa: F811
    built, number = returned_for_other_bytes(desk, asked_cents=1)
    with pytest.raises(CannotAssign, match="add up"):
        desk.practice.assign(number, built.name, "it is meant")
    with pytest.raises(UnknownSending):
        desk.practice.assign(number, "F52001700202403_LAB_FAC_002_NONE.xml", "it is meant")
    assert [one.id for one in desk.practice.status().unmatched] == [number]
    assert desk.practice.owed().owed_cents == built.net_cents
    with desk.practice.store.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.bookings)) == 0


def test_a_second_return_cannot_be_assigned_over_the_first(desk: Desk) -> None:  # noqa: F811
    built = desk.send_month()
    desk.deliver(*desk.answers_to(built).items())
    name, content = desk.returned(built, file_sha256=STRANGE)
    desk.deliver((name.replace(".xml", "-2.xml"), content))
    (waiting,) = desk.practice.status().unmatched
    with pytest.raises(CannotAssign, match="returned already"):
        desk.practice.assign(waiting.id, built.name, "it is meant")


def test_a_receipt_for_other_bytes_is_no_proof(desk: Desk) -> None:  # noqa: F811
    built = desk.send_month()
    content = Path(built.path).read_bytes()
    desk.deliver((f"{built.name}.receipt.jws", desk.answers.receipt(built.name, content, sha256=STRANGE)))
    (waiting,) = desk.practice.status().unmatched
    with pytest.raises(CannotAssign):
        desk.practice.assign(waiting.id, built.name, "it is meant")


def test_the_commands(desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    built, number = returned_for_other_bytes(desk)
    home = ("--home", str(desk.practice.home.root))
    assert cli.run(["provider", "answer", str(number), *home, "--output", str(tmp_path / "answer.xml")]) == 0
    said = capsys.readouterr().out
    assert built.name in said
    assert f"caisse provider assign {number} FILE" in said
    assert (tmp_path / "answer.xml").read_bytes() == desk.practice.answer(number).content
    assert cli.run(["provider", "answer", str(number), *home, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["candidates"][0]["name"] == built.name
    assert cli.run(["provider", "assign", str(number), built.name, "--note", "asked", *home]) == 0
    assert f"{built.name} is returned" in capsys.readouterr().out
    assert cli.run(["provider", "assign", str(number), built.name, "--note", "asked", *home]) == 2


def test_a_database_of_an_earlier_version_gets_the_new_column(desk: Desk) -> None:  # noqa: F811
    from caisse.provider import Practice

    with desk.practice.store.write() as connection:
        connection.execute(sa.text("ALTER TABLE answers DROP COLUMN by_hand"))
        connection.execute(sa.text("ALTER TABLE reasons DROP COLUMN follows"))
        connection.execute(schema.schema_steps.delete().where(schema.schema_steps.c.number >= 3))
    desk.practice.close()
    with Practice.open(desk.practice.home.root) as practice, practice.store.read() as connection:
        held = {
            (table, column["name"])
            for table in ("answers", "reasons")
            for column in sa.inspect(connection).get_columns(table)
        }
        assert {("answers", "by_hand"), ("reasons", "follows")} <= held
