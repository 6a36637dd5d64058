import asyncio
import socket
import threading
from dataclasses import replace

import pytest


@pytest.fixture
def mail_config(db, monkeypatch):
    """Change [mail] of fund.toml for one test; addresses are those of fund.test."""
    from django.conf import settings

    def change(**values):
        changed = replace(settings.FUND, mail=replace(settings.FUND.mail, **values))
        monkeypatch.setattr(settings, "FUND", changed)
        return changed.mail

    change(
        sender="Fund <noreply@fund.test>",
        intake="intake@fund.test",
        bounces="bounces@fund.test",
        host="127.0.0.1",
    )
    return change


@pytest.fixture
def door(mail_config, home):
    """Open the door with changed settings; the value is its port."""
    running = []

    def start(**values):
        from caisse.fund.casework.intake import door as mail_door

        config, opened, ports = mail_config(**values), threading.Event(), []
        loop, stop = asyncio.new_event_loop(), asyncio.Event()

        def ready(port):
            ports.append(port)
            opened.set()

        def run():
            asyncio.set_event_loop(loop)
            loop.run_until_complete(mail_door.serve(home, config, 0, ready, stop))
            loop.close()

        thread = threading.Thread(target=run)
        thread.start()
        assert opened.wait(10)
        running.append((loop, stop, thread))
        return ports[0]

    yield start
    for loop, stop, thread in running:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        assert not thread.is_alive()


class Talk:
    """A conversation with the door, line by line, for what a polite client would never say."""

    def __init__(self, port, greeting="EHLO client.test"):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.file = self.socket.makefile("rb")
        self.greeted = self.answer()
        if greeting:
            self.say(greeting)

    def answer(self):
        lines = []
        while True:
            line = self.file.readline().decode("ascii")
            lines.append(line.rstrip("\r\n"))
            if line[3:4] != "-":
                return "\n".join(lines)

    def send(self, content: bytes):
        self.socket.sendall(content)

    def say(self, line):
        self.send(line.encode("ascii") + b"\r\n")
        return self.answer()

    def envelope(self, *recipients, sender="anna@practice.test"):
        assert self.say(f"MAIL FROM:<{sender}>").startswith("250")
        return [self.say(f"RCPT TO:<{one}>") for one in recipients or ("intake@fund.test",)]

    def close(self):
        self.file.close()
        self.socket.close()


@pytest.fixture
def talk(door):
    talks = []

    def begin(greeting="EHLO client.test", **values):
        talks.append(Talk(door(**values), greeting))
        return talks[-1]

    yield begin
    for one in talks:
        one.close()
