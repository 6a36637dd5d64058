"""Answers are matched to what was sent and booked once, in any order; what does not fit is kept and said."""

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caisse.agreement.examination import examine_file
from caisse.agreement.layouts import catalogue, names, reading, writing
from caisse.provider import Practice, reconciliation, schema
from caisse.provider.building import Built
from caisse.provider.errors import UnknownAnswer
from caisse.provider.transport.memory import MemoryDoor
from tests.provider.fund import Answers, today
from tests.provider.months import write_month


class Desk:
    """A practice whose fund is a mailbox in memory."""

    def __init__(self, folder: Path) -> None:
        self.answers = Answers()
        self.mailbox = MemoryDoor(keys=self.answers.jwks)
        self.practice = Practice.create(
            folder / "practice", fund="memory://x", code=52001700, door=self.mailbox
        )
        self.folder = folder

    def send_month(self, count: int = 4, *, too_dear: tuple[int, ...] = (1,), start: int = 0) -> Built:
        """Record, build and send a month."""
        path = write_month(self.folder / f"{start}.csv", count, too_dear=too_dear, start=start)
        self.practice.record(path)
        built = self.practice.build_invoices(year=2024, number=3)
        assert built is not None
        self.practice.send()
        return built

    def answers_to(self, built: Built) -> dict[str, bytes]:
        """Receipt, acknowledgement and return as the fund would give them."""
        return self.answers(built.name, Path(built.path).read_bytes())

    def deliver(self, *answers: tuple[str, bytes]) -> list[reconciliation.Booked]:
        """Lay answers into the mailbox and collect."""
        self.mailbox.answers.update(dict(answers))
        return self.practice.collect()

    def returned(self, built: Built, **changed: object) -> tuple[str, bytes]:
        """A return, with header values changed."""
        content = Path(built.path).read_bytes()
        examined = examine_file(built.name, content, on=today())
        name = names.answer_name(names.parse(built.name), "RETFAC", 1).format()
        return name, self.answers.returned(content, examined, **changed)

    def refused(self, built: Built) -> tuple[str, bytes]:
        """An acknowledgement that says not conform."""
        content = Path(built.path).read_bytes()
        examined = examine_file("wrong name", content, on=today())
        name = names.answer_name(names.parse(built.name), "ACC", 1).format()
        return name, self.answers.acknowledgement(built.name, content, examined)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    yield made
    made.practice.close()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_answers_may_come_in_any_order(desk: Desk, order: tuple[int, ...]) -> None:
    built = desk.send_month()
    answers = list(desk.answers_to(built).items())
    for place in order:
        (booked,) = desk.deliver(answers[place])
        assert booked.state in {"booked", "noted"}
    (file,) = desk.practice.status().sendings
    assert (file.state, file.receipted) == ("returned", True)
    assert desk.practice.owed().owed_cents == 0


def test_until_the_return_everything_is_owed(desk: Desk) -> None:
    built = desk.send_month()
    answers = list(desk.answers_to(built).items())
    desk.deliver(*answers[:2])
    owed = desk.practice.owed()
    assert (owed.owed_cents, owed.paid_cents) == (built.net_cents, 0)
    assert desk.practice.status().sendings[0].state == "acknowledged"


def test_silence_is_not_success(desk: Desk) -> None:
    built = desk.send_month()
    later = datetime.now(UTC) + timedelta(days=31)
    assert desk.practice.owed(overdue=True).files == ()
    overdue = desk.practice.owed(overdue=True, at=later)
    assert [file.name for file in overdue.files] == [built.name]
    assert overdue.ages == {"0-30": 0, "30-60": built.net_cents, "60-90": 0, "over 90": 0}
    assert desk.practice.status(at=later).sendings[0].overdue
    desk.deliver(*desk.answers_to(built).items())
    assert desk.practice.owed(overdue=True, at=later).files == ()


def test_a_file_not_conform_frees_its_lines(desk: Desk) -> None:
    built = desk.send_month()
    (booked,) = desk.deliver(desk.refused(built))
    assert (booked.state, booked.stage) == ("booked", "refused")
    status = desk.practice.status()
    assert status.unbilled_lines == built.lines
    assert desk.practice.owed().asked_cents == 0
    again = desk.practice.build_invoices(
        year=2024, number=3, reference=built.name.split("_")[-1].removesuffix(".xml")
    )
    assert again is not None
    assert again.name == built.name
    assert [file.state for file in desk.practice.status().sendings] == ["refused", "built"]


def refuse_first_line(desk: Desk, built: Built, code: str, *, whole_invoice: bool = False) -> int:
    """Deliver a return that refuses the first line for one reason; returns what was asked for it."""
    layout = catalogue.find("LAB", "RETFAC", 1)
    name, content = desk.returned(built)
    document = reading.read(content, layout).document
    assert document is not None
    first = pl.col("line") == 0
    lines = document.tables["lines"].with_columns(
        pl.when(first).then(0).otherwise("net_cents").alias("net_cents"),
        pl.when(first).then("asked_cents").otherwise("refused_cents").alias("refused_cents"),
    )
    level, row = ("invoice", {"invoice": 0}) if whole_invoice else ("line", {"line": 0})
    empty = {f"{kind}_findings": document.tables[f"{kind}_findings"].clear() for kind in ("line", "invoice")}
    told = pl.DataFrame(
        [row | {"kind": "k", "code": code, "reason": "r"}], schema=empty[f"{level}_findings"].schema
    )
    tables = {**document.tables, **empty, "lines": lines, f"{level}_findings": told}
    header = {**document.header, "refused_cents": int(lines["refused_cents"].sum())}
    desk.deliver((name, writing.write(layout, header, tables)))
    return int(lines["asked_cents"][0])


def test_refused_lines_are_billed_again_under_a_reference_that_quotes_the_earlier(desk: Desk) -> None:
    asked = refuse_first_line(desk, desk.send_month(too_dear=()), "PRI-002")
    again = desk.practice.build_invoices(year=2024, number=4, rebill=True)
    assert again is not None
    assert (again.lines, again.net_cents) == (1, asked)
    rebuilt = examine_file(again.name, Path(again.path).read_bytes(), on=today()).document
    assert rebuilt is not None
    assert rebuilt.tables["invoices"]["invoice_reference"].to_list() == ["INV-0-R2"]
    assert rebuilt.tables["lines"]["line_reference"].to_list() == ["1-R2"]
    assert desk.practice.owed().billed_again_cents == asked
    assert desk.practice.build_invoices(year=2024, number=4, rebill=True) is None


def test_a_line_to_be_corrected_is_billed_again_once_it_was_corrected(desk: Desk) -> None:
    refuse_first_line(desk, desk.send_month(too_dear=()), "PRE-002", whole_invoice=True)
    assert desk.practice.build_invoices(year=2024, number=4, rebill=True) is None
    path = write_month(desk.folder / "corrected.csv", 1)
    path.write_text(path.read_text("utf-8").replace("90000135", "90000232"), "utf-8")
    assert desk.practice.record(path, correct=True).corrected == 1
    again = desk.practice.build_invoices(year=2024, number=4, rebill=True)
    assert again is not None
    assert again.lines == 1
    assert b"90000232" in Path(again.path).read_bytes()


@pytest.mark.parametrize("code", ["DUP-001", "PER-004"])
def test_a_final_refusal_is_not_billed_again(desk: Desk, code: str) -> None:
    refuse_first_line(desk, desk.send_month(too_dear=()), code, whole_invoice=code.startswith("PER"))
    assert desk.practice.build_invoices(year=2024, number=4, rebill=True) is None


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"asked_cents": 1}, "do not add up to its total of asked"),
        ({"refused_cents": 1}, "do not add up to its total of refused"),
        ({"file_sha256": "0" * 64}, "did not send"),
    ],
)
def test_a_return_that_does_not_fit_is_kept_and_not_booked(
    desk: Desk, changed: dict[str, object], words: str
) -> None:
    built = desk.send_month()
    (booked,) = desk.deliver(desk.returned(built, **changed))
    assert booked.state == "unmatched"
    assert words in str(booked.problem)
    status = desk.practice.status()
    assert status.sendings[0].state == "sent"
    assert [one.name for one in status.unmatched] == [booked.name]
    assert desk.practice.owed().owed_cents == built.net_cents


def test_a_second_different_return_is_never_swallowed_and_never_booked(desk: Desk) -> None:
    built = desk.send_month()
    desk.deliver(*desk.answers_to(built).items())
    paid = desk.practice.owed().paid_cents
    name, content = desk.returned(built, processing_group="G-2")
    (booked,) = desk.deliver((name.replace(".xml", "-2.xml"), content))
    assert booked.state == "unmatched"
    assert "says something else" in str(booked.problem)
    assert desk.practice.owed().paid_cents == paid


def test_a_receipt_about_other_bytes_proves_nothing(desk: Desk) -> None:
    built = desk.send_month()
    forged = desk.answers.receipt(built.name, b"something else")
    (booked,) = desk.deliver((f"{built.name}.receipt.jws", forged))
    assert booked.state == "unmatched"
    assert "other content than this practice sent" in str(booked.problem)
    assert not desk.practice.status().sendings[0].receipted


def test_what_is_not_understood_is_kept_byte_for_byte(desk: Desk) -> None:
    desk.send_month()
    rubbish = b"\x00\x01 not an answer"
    (booked,) = desk.deliver(("hello.txt", rubbish))
    assert booked.state == "unmatched"
    with desk.practice.store.read() as connection:
        assert connection.scalar(sa.select(schema.answers.c.content)) == rubbish
    assert (desk.practice.home.inbox / "hello.txt").read_bytes() == rubbish


def test_a_person_settles_what_cannot_be_booked(desk: Desk) -> None:
    desk.send_month()
    desk.deliver(("hello.txt", b"a letter"))
    (waiting,) = desk.practice.status().unmatched
    assert desk.practice.settle(waiting.id, "asked the fund") == "hello.txt"
    assert desk.practice.status().unmatched == ()
    assert {one.state for one in desk.practice.collect(again=True)} == {"repeated"}
    with pytest.raises(UnknownAnswer):
        desk.practice.settle(waiting.id, "again")
    with desk.practice.store.read() as connection:
        assert connection.scalar(sa.select(schema.answers.c.content)) == b"a letter"


def test_an_answer_that_came_too_early_is_booked_once_its_file_is_known(desk: Desk) -> None:
    built = desk.send_month()
    with desk.practice.store.write() as connection:
        connection.execute(schema.sendings.update().values(sha256="0" * 64))
    answers = desk.answers_to(built)
    assert {one.state for one in desk.deliver(*answers.items())} == {"unmatched"}
    with desk.practice.store.write() as connection:
        connection.execute(schema.sendings.update().values(sha256=built.sha256))
    assert {one.state for one in desk.practice.collect()} == {"booked"}
    assert desk.practice.status().sendings[0].state == "returned"
    assert desk.practice.status().unmatched == ()


def test_an_answer_proves_that_an_interrupted_sending_arrived(desk: Desk) -> None:
    built = desk.send_month()
    with desk.practice.store.write() as connection:
        connection.execute(schema.sendings.update().values(stage="built", sent_at=None))
    desk.deliver(*desk.answers_to(built).items())
    (file,) = desk.practice.status().sendings
    assert file.state == "returned"
    assert file.sent_at is not None


def test_a_refusal_note_is_shown_with_its_file(desk: Desk) -> None:
    path = write_month(desk.folder / "m.csv", 2)
    desk.practice.record(path)
    built = desk.practice.build_invoices(year=2024, number=3)
    assert built is not None
    (booked,) = desk.deliver((f"{built.name}.refused.txt", b"LIM-001: too large"))
    assert booked.state == "noted"
    assert desk.practice.status().sendings[0].problem == "LIM-001: too large"
    desk.practice.discard(built.name)
    assert desk.practice.status().unbilled_lines == 4


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_sums_tie_whatever_the_fund_decides(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """asked = paid + patient's share + refused + owed, in the whole, by file and by reason."""
    desk = Desk(tmp_path_factory.mktemp("desk"))
    try:
        built = desk.send_month(3)
        name, content = desk.returned(built)
        layout = catalogue.find("LAB", "RETFAC", 1)
        document = reading.read(content, layout).document
        assert document is not None
        lines = document.tables["lines"]
        paid = [data.draw(st.integers(0, asked)) for asked in lines["asked_cents"]]
        patient = [
            data.draw(st.integers(0, asked - part))
            for asked, part in zip(lines["asked_cents"], paid, strict=True)
        ]
        lines = lines.with_columns(
            pl.Series("net_cents", paid), pl.Series("patient_cents", patient)
        ).with_columns(
            (pl.col("asked_cents") - pl.col("net_cents") - pl.col("patient_cents")).alias("refused_cents")
        )
        keep = data.draw(st.sampled_from([lines.height, lines.height - 2]))
        lines = lines.head(keep)
        codes = data.draw(
            st.lists(st.tuples(st.integers(0, keep - 1), st.sampled_from(["PRI-001", "PER-004", "PRI-004"])))
        )
        found = pl.DataFrame(
            [{"line": line, "kind": "k", "code": code, "reason": "r"} for line, code in codes],
            schema=document.tables["line_findings"].schema,
        ).sort("line", maintain_order=True)
        header = {
            **document.header,
            **{n: int(lines[n].sum()) for n in ("asked_cents", "patient_cents", "refused_cents")},
        }
        tables = {**document.tables, "lines": lines, "line_findings": found}
        invoices = tables["invoices"].filter(pl.col("invoice").is_in(lines["invoice"].unique().to_list()))
        desk.deliver((name, writing.write(layout, header, {**tables, "invoices": invoices})))
        owed = desk.practice.owed()
        assert owed.asked_cents == built.net_cents
        assert owed.asked_cents == owed.paid_cents + owed.patient_cents + owed.refused_cents + owed.owed_cents
        assert (owed.paid_cents, owed.patient_cents) == (sum(paid[:keep]), sum(patient[:keep]))
        assert sum(one.refused_cents for one in owed.refused_for) == owed.refused_cents
        assert sum(owed.ages.values()) == owed.owed_cents
        assert all(
            f.asked_cents == f.paid_cents + f.patient_cents + f.refused_cents + f.owed_cents
            for f in owed.files
        )
        exported = desk.folder / "ledger.parquet"
        assert desk.practice.export(exported, file_format="parquet") == built.lines
        ledger = pl.read_parquet(exported)
        assert int(ledger["paid_cents"].sum()) == owed.paid_cents
        assert int(ledger["asked_cents"].sum()) == owed.asked_cents
    finally:
        desk.practice.close()
