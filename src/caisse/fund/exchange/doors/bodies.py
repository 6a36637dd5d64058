"""Request bodies of the HTTPS door, piece by piece; a caller that hangs up or stalls is given up on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from caisse.fund.exchange.doors.problems import Problem

type Message = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type Application = Callable[[Message, Receive, Send], Awaitable[None]]

#: Seconds in which something of a body has to arrive.
PATIENCE = 60.0


class Gone(Exception):
    """The caller hung up before the body was complete."""


async def pieces(receive: Receive) -> AsyncIterator[bytes]:
    """The body as it arrives. Raises Gone, or Problem when nothing comes for too long."""
    more = True
    while more:
        try:
            async with asyncio.timeout(PATIENCE):
                message = await receive()
        except TimeoutError:
            raise Problem(408) from None
        if message["type"] == "http.disconnect":
            raise Gone
        if piece := message.get("body"):
            yield piece
        more = message.get("more_body", False)
