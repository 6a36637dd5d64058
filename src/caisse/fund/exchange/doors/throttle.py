"""Limits on how often and how much at once, kept in memory by each door process."""

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from threading import Lock
from time import monotonic

#: Keys remembered at most; the one unused for longest is forgotten first: a flood of names costs no memory.
_KEYS = 50_000


class Window:
    """At most ``limit`` events per key in any ``seconds``. Threads may share it."""

    def __init__(self, limit: int, seconds: float, *, clock: Callable[[], float] = monotonic) -> None:
        self._limit, self._seconds, self._clock = limit, seconds, clock
        self._events: OrderedDict[Hashable, deque[float]] = OrderedDict()
        self._lock = Lock()

    def _recent(self, key: Hashable) -> deque[float]:
        events = self._events.setdefault(key, deque())
        self._events.move_to_end(key)
        while len(self._events) > _KEYS:
            self._events.popitem(last=False)
        horizon = self._clock() - self._seconds
        while events and events[0] <= horizon:
            events.popleft()
        return events

    def note(self, key: Hashable) -> None:
        """Count one event."""
        with self._lock:
            self._recent(key).append(self._clock())

    def wait_seconds(self, key: Hashable) -> float:
        """Seconds until the key is below its limit again; 0 when it is."""
        with self._lock:
            if key not in self._events:
                return 0.0
            events = self._recent(key)
            if len(events) < self._limit:
                return 0.0
            return events[-self._limit] + self._seconds - self._clock()

    def take(self, key: Hashable) -> float:
        """Count one event if the limit allows it and return 0, else return the seconds to wait."""
        wait = self.wait_seconds(key)
        if wait <= 0:
            self.note(key)
        return wait

    def forget(self, key: Hashable) -> None:
        """Start the key from nothing again."""
        with self._lock:
            self._events.pop(key, None)


class FailedLogins:
    """Slows guessing: so many failures per address, fewer per address and user name together.

    It never locks a user name for everyone: somebody else's guesses must not keep a provider out.
    """

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self._by_address = Window(60, 300, clock=clock)
        self._by_pair = Window(6, 60, clock=clock)

    def wait_seconds(self, address: str, user: str) -> float:
        """Seconds until this address may try this user name again; 0 when it may now."""
        return max(self._by_address.wait_seconds(address), self._by_pair.wait_seconds((address, user)))

    def failed(self, address: str, user: str) -> None:
        """Count a failure."""
        self._by_address.note(address)
        self._by_pair.note((address, user))

    def succeeded(self, address: str, user: str) -> None:
        """Forget the pair's failures: whoever knows the secret was only mistyping."""
        self._by_pair.forget((address, user))


class Places:
    """At most ``limit`` at a time per key."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: Counter[Hashable] = Counter()
        self._lock = Lock()

    def take(self, key: Hashable) -> bool:
        """Take a place; False when there is none left."""
        with self._lock:
            if self._taken[key] >= self._limit:
                return False
            self._taken[key] += 1
            return True

    def give_back(self, key: Hashable) -> None:
        """Give a place back."""
        with self._lock:
            self._taken[key] -= 1
            if self._taken[key] <= 0:
                del self._taken[key]

    @contextmanager
    def place(self, key: Hashable) -> Iterator[bool]:
        """A place for the length of a ``with`` block; the value says whether there was one."""
        taken = self.take(key)
        try:
            yield taken
        finally:
            if taken:
                self.give_back(key)
