"""Work that arrives together is done together: one statement and one commit serve all that wait.

Whoever comes first leads; meanwhile the next ones gather. So a commit serves as many deposits as arrived in
the time of the one before it, and nobody is told anything before that commit.
"""

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Protocol

#: Most pieces of work one batch takes.
_MOST_TOGETHER = 32
#: How many batches a process has under way at once: while PostgreSQL works on one, Python prepares the next.
_LEADERS = 2


class Work(Protocol):
    """One piece of work; ``outcome`` takes the error when its whole batch fails."""

    outcome: Any

    @property
    def identity(self) -> Hashable:
        """Two of one identity are never in one batch: the second has to see what became of the first."""

    @property
    def order(self) -> tuple[Any, ...]:
        """Batches are sorted by it, so that two processes never wait for each other's rows."""


class _Place[W: Work]:
    """A piece of work and the thread that waits for it."""

    __slots__ = ("batch", "gate", "work")

    def __init__(self, work: W) -> None:
        self.work = work
        #: The batch this thread has to lead, itself in it; None while it waits for another leader.
        self.batch: list[_Place[W]] | None = None
        # Opened once: when the work is done, or to lead. A bare lock wakes a thread cheaper than an Event.
        self.gate = threading.Lock()
        self.gate.acquire()


class Group[W: Work]:
    """Does ``do`` once for all the work of this process that waits for it."""

    def __init__(self, do: Callable[[Sequence[W]], None]) -> None:
        self._do = do
        self._lock = threading.Lock()
        #: Those without a leader; empty whenever there are fewer leaders than there may be.
        self._waiting: list[_Place[W]] = []
        self._leaders = 0

    def __call__(self, work: W) -> None:
        """Return once ``work`` is done, by this thread or by another."""
        place = _Place(work)
        with self._lock:
            if self._leaders < _LEADERS:
                self._leaders += 1
                place.batch = [place]
            else:
                self._waiting.append(place)
        if place.batch is None:
            place.gate.acquire()
        if place.batch is not None:
            self._lead(place, place.batch)

    def _lead(self, leader: _Place[W], batch: list[_Place[W]]) -> None:
        """Do the batch, wake those in it, and hand the next one over to the first who waits."""
        try:
            self._do([place.work for place in batch])
        except Exception as error:
            # The other threads wait for an outcome.
            for place in batch:
                place.work.outcome = place.work.outcome or error
        finally:
            with self._lock:
                if self._waiting:
                    follower = self._waiting[0]
                    follower.batch = self._take()
                    follower.gate.release()
                else:
                    self._leaders -= 1
            for place in batch:
                if place is not leader:
                    place.gate.release()

    def _take(self) -> list[_Place[W]]:
        """The first of every identity among those who wait: always with the one who has waited longest."""
        batch: dict[Hashable, _Place[W]] = {}
        rest: list[_Place[W]] = []
        for place in self._waiting:
            identity = place.work.identity
            if identity in batch or len(batch) >= _MOST_TOGETHER:
                rest.append(place)
            else:
                batch[identity] = place
        self._waiting = rest
        return sorted(batch.values(), key=lambda place: place.work.order)
