"""Sendings that wait together are worked on together, each exactly once, whatever the timing."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from caisse.fund.exchange.acceptance import Sending
from caisse.fund.exchange.models import Account
from caisse.fund.exchange.store import StagedFile
from caisse.fund.exchange.together import Group


def _sending(account, name):
    staged = StagedFile(Path("x"), "00" * 32, 0)
    return Sending(
        Account(pk=account),
        name,
        staged,
        "sftp",
        "test",
        datetime(2026, 1, 1, tzinfo=UTC),
        None,
        f"{name}.receipt.jws",
    )


def test_each_is_done_once_and_two_of_one_identity_never_together():
    seen, together, lock = [], [], threading.Lock()
    chance = random.Random(1)

    def work(batch):
        time.sleep(chance.random() / 500)
        identities = [sending.identity for sending in batch]
        with lock:
            seen.extend(map(id, batch))
            together.append(len(batch))
            assert len(set(identities)) == len(identities)

    group = Group(work)
    sendings = [_sending(n % 3, f"name-{n % 5}") for n in range(600)]
    with ThreadPoolExecutor(24) as pool:
        list(pool.map(group, sendings, timeout=60))
    assert sorted(seen) == sorted(map(id, sendings))
    assert max(together) > 1


def test_a_failure_reaches_whoever_waited_and_the_group_goes_on():
    release = threading.Event()

    def work(batch):
        release.wait(20)
        if any(sending.name == "bad" for sending in batch):
            raise RuntimeError("broken")

    group = Group(work)
    sendings = [_sending(n, "bad" if n == 7 else "good") for n in range(12)]
    with ThreadPoolExecutor(12) as pool:
        results = [pool.submit(group, sending) for sending in sendings]
        time.sleep(0.2)
        release.set()
        for result in results:
            result.result(20)
    assert isinstance(sendings[7].outcome, RuntimeError)
    later = _sending(1, "good")
    group(later)
    assert later.outcome is None
