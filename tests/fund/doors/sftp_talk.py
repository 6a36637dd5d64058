"""A conversation with the SFTP door, call by call, and what became of it."""

import asyncio

from asyncssh import FXF_CREAT, FXF_TRUNC, FXF_WRITE

from caisse.fund.exchange import queries
from caisse.fund.exchange.models import Deposit

from .doorway import connect

NEW = FXF_WRITE | FXF_CREAT | FXF_TRUNC


def talk(door, who, conversation):
    """Run a coroutine function with an SFTP client of the practice."""

    async def run():
        async with connect(door, who) as conn, conn.start_sftp_client() as sftp:
            return await conversation(sftp)

    return asyncio.run(asyncio.wait_for(run(), 60))


def content_of(name):
    return bytes(queries.deposit_content(Deposit.objects.get(name=name).pk))
