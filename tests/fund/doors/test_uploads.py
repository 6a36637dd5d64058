"""Unfinished uploads on their own: whatever the order of writes, the hash is that of the file."""

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caisse.fund.exchange.doors import beside, bodies, uploads
from caisse.fund.exchange.doors.mailbox import Box, is_part, place, without_part
from caisse.fund.exchange.doors.networks import shortened
from caisse.fund.exchange.doors.problems import Problem, language_of
from caisse.fund.exchange.doors.throttle import FailedLogins, Places, Window
from caisse.fund.exchange.doors.unfinished import UnfinishedUploads
from caisse.fund.exchange.doors.uploads import Extents, Upload
from caisse.fund.exchange.doors.wire import Inbox, PacketError, RequestError
from caisse.fund.exchange.errors import DepositRefused

WRITES = st.lists(st.tuples(st.integers(0, 60), st.binary(min_size=1, max_size=20)), max_size=30)
QUICK = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@contextmanager
def small_batches():
    """Make every few bytes a batch, so that threads and memory both take part."""
    names = ((uploads, "_BATCH", 7), (uploads, "_BACKLOG", 21), (uploads, "_WRITE_OUT_EVERY", 10),
             (beside, "_WORTH_A_THREAD", 5), (beside, "_BACKLOG", 15))  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        for module, name, value in names:
            patch.setattr(module, name, value)
        yield


async def _write(upload, writes):
    for offset, data in writes:
        if (wait := upload.write(offset, data)) is not None:
            await wait


def _model(start, writes):
    """The bytes a file system would hold, and which of them were ever written."""
    size = max([len(start), *(offset + len(data) for offset, data in writes)])
    content, written = bytearray(size), bytearray(size)
    content[: len(start)] = start
    written[: len(start)] = b"\1" * len(start)
    for offset, data in writes:
        content[offset : offset + len(data)] = data
        written[offset : offset + len(data)] = b"\1" * len(data)
    return bytes(content), bytes(written)


@QUICK
@given(WRITES, WRITES, st.booleans(), st.booleans())
def test_any_order_of_writes_ends_as_the_file_or_is_refused_for_its_holes(
    tmp_path, first, second, resume, hash_beside
):
    path = tmp_path / "upload"
    path.unlink(missing_ok=True)

    async def run():
        with ThreadPoolExecutor(2) as pool, small_batches():
            hash_in = pool if hash_beside else None
            upload = Upload(path, 0, pool, hash_in)
            await _write(upload, first)
            if not resume:
                await _write(upload, second)
                return await _end(upload, *_model(b"", first + second))
            await upload.abandon()
            content, written = _model(b"", first)
            kept = content[: (written + b"\0").index(0)]
            assert (path.read_bytes() if path.exists() else b"") == kept
            again = Upload.resumed(path, 0, pool, hash_in) if path.exists() else upload
            assert again.size == len(kept)
            await _write(again, second)
            return await _end(again, *_model(kept, second))

    asyncio.run(run())


async def _end(upload, content, written):
    await upload.settle()
    assert upload.size == len(content)
    try:
        if 0 in written:
            with pytest.raises(DepositRefused, match="LIM-006"):
                await asyncio.to_thread(upload.finish)
            return
        staged = await asyncio.to_thread(upload.finish)
        assert staged.read() == content
        assert (staged.size, staged.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    finally:
        upload.close()


@QUICK
@given(st.lists(st.tuples(st.integers(0, 100), st.integers(1, 30)), max_size=20), st.integers(0, 100))
def test_extents_are_the_set_of_bytes_that_arrived(pieces, size):
    extents, arrived = Extents(), set()
    for start, length in pieces:
        extents.add(start, start + length)
        arrived |= set(range(start, start + length))
    whole = next(number for number in range(200) if number not in arrived)
    assert extents.whole == whole
    runs = sum(1 for number in arrived if number - 1 not in arrived)
    assert len(extents) == runs
    extents.cut(size)
    assert extents.whole == min(whole, size)


def test_a_full_disk_is_told_and_nothing_is_received(tmp_path):
    async def run():
        with ThreadPoolExecutor(1) as pool, small_batches():
            upload = Upload(tmp_path / "missing folder" / "x", 0, pool)
            upload.write(0, b"x" * 100)
            with pytest.raises(FileNotFoundError):
                await upload.settle()
            with pytest.raises(FileNotFoundError):
                upload.write(100, b"y")

    asyncio.run(run())


def test_too_many_pieces_and_too_many_uploads_are_refused(tmp_path):
    async def run():
        with ThreadPoolExecutor(1) as pool:
            upload = Upload(tmp_path / "x", 0, pool)
            with pytest.raises(DepositRefused, match="LIM-006"):
                for number in range(2000):
                    upload.write(number * 10, b"x")
                await upload.settle()
            many = UnfinishedUploads(tmp_path / "many", 0, pool, most=3)
            for number in range(3):
                await (await many.open(f"f{number}", self_, fresh=True)).sync()
            with pytest.raises(DepositRefused, match="LIM-005"):
                await many.open("f3", self_, fresh=True)
            await many.open("f1", self_, fresh=True)
            assert await many.remove("f0")
            await many.open("f3", self_, fresh=True)
            assert list(many.names()) == ["f1", "f2", "f3"]

    self_ = object()
    asyncio.run(run())


def test_a_window_counts_what_is_recent():
    now = [0.0]
    window = Window(3, 10, clock=lambda: now[0])
    assert [window.take("a") for _ in range(3)] == [0, 0, 0]
    now[0] = 4
    assert window.take("a") == 6
    assert window.take("b") == 0
    now[0] = 10.5
    assert window.take("a") == 0


def test_failures_slow_the_pair_then_the_address_and_never_the_name():
    now = [0.0]
    failed = FailedLogins(clock=lambda: now[0])
    for _ in range(6):
        assert failed.wait_seconds("1.2.3.4", "lab") == 0
        failed.failed("1.2.3.4", "lab")
    assert failed.wait_seconds("1.2.3.4", "lab") == 60
    assert failed.wait_seconds("1.2.3.5", "lab") == 0
    assert failed.wait_seconds("1.2.3.4", "other") == 0
    for number in range(54):
        failed.failed("1.2.3.4", f"guess {number}")
    assert failed.wait_seconds("1.2.3.4", "other") == 300
    assert failed.wait_seconds("1.2.3.5", "other") == 0
    now[0] = 301
    assert failed.wait_seconds("1.2.3.4", "other") == 0


def test_places_are_given_back():
    places = Places(2)
    with places.place("a") as first, places.place("a") as second, places.place("a") as third:
        assert (first, second, third) == (True, True, False)
        assert places.take("b")
    assert places.take("a")


@QUICK
@given(st.lists(st.binary(min_size=1, max_size=50), max_size=10), st.data())
def test_packets_come_out_as_they_went_in_whatever_the_pieces(packets, data):
    stream = b"".join(len(packet).to_bytes(4) + packet for packet in packets)
    inbox, found, at = Inbox(), [], 0
    while at < len(stream):
        step = data.draw(st.integers(1, 20))
        inbox.feed(stream[at : at + step])
        at += step
        while (packet := inbox.take()) is not None:
            found.append(packet)
    assert found == packets
    assert len(inbox) == 0


@pytest.mark.parametrize("length", [0, 262_145, 0xFFFFFFFF])
def test_impossible_packets_are_refused_by_their_length(length):
    inbox = Inbox()
    inbox.feed(length.to_bytes(4))
    with pytest.raises(PacketError):
        inbox.take()


@given(st.binary(max_size=60))
def test_every_path_is_in_the_mailbox_or_nowhere(path):
    try:
        where = place(path)
    except RequestError:
        return
    assert where.box in Box
    assert "/" not in where.name
    assert where.name not in {".", ".."}


def test_part_endings_are_taken_off():
    assert is_part("a.xml.filepart")
    assert is_part("A.XML.PART")
    assert not is_part("a.xml")
    assert without_part("a.xml.tmp") == "a.xml"


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "fr"),
        ("de", "de"),
        ("de-AT;q=0.3, en-GB", "en"),
        ("en;q=0, de;q=0.1", "de"),
        ("*", "fr"),
        ("x;q=y", "fr"),
    ],
)
def test_the_best_language_is_chosen(accepted, language):
    assert language_of(accepted) == language


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.1.2.3", "10.1.2.0/24"),
        ("::ffff:10.1.2.3", "10.1.2.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("x", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_log_names_a_network_not_a_machine(address, network):
    assert shortened(address) == network


def test_a_body_that_stalls_or_breaks_off_is_given_up_on(monkeypatch):
    monkeypatch.setattr(bodies, "PATIENCE", 0.05)

    async def read(*messages):
        left = list(messages)

        async def receive():
            return left.pop(0) if left else await asyncio.sleep(60)

        return [piece async for piece in bodies.pieces(receive)]

    one, last = (
        {"type": "http.request", "body": b"a", "more_body": True},
        {"type": "http.request", "body": b"b"},
    )
    assert asyncio.run(read(one, last)) == [b"a", b"b"]
    with pytest.raises(Problem) as stalled:
        asyncio.run(read(one))
    assert stalled.value.status == 408
    with pytest.raises(bodies.Gone):
        asyncio.run(read(one, {"type": "http.disconnect"}))
