"""Where the time of one deposit goes: the steps of claims timed from outside, without touching them."""

import time
from types import TracebackType
from unittest.mock import patch

#: (module, function, name in the report); nested ones count inside their callers too.
STEPS = (
    ("caisse.fund.claims.judging", "examine", "examine"),
    ("caisse.fund.claims.judging", "acknowledge", "acknowledge"),
    ("caisse.fund.claims.judging", "gather_facts", "facts"),
    ("caisse.fund.claims.judging", "adjudicate", "adjudicate"),
    ("caisse.fund.claims.actions", "return_decisions", "return"),
    ("caisse.fund.claims.actions", "_store_decisions", "of it copy"),
    ("caisse.fund.claims.answers", "write_return", "of it write"),
    ("caisse.fund.claims.actions", "deliver_answer", "of it deliver"),
)


class Stages:
    """Inside the block every step's seconds are added up under its name in ``seconds``."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._patches = [
            patch(f"{module}.{name}", self._timed(module, name, told)) for module, name, told in STEPS
        ]

    def _timed(self, module: str, name: str, told: str):
        import importlib

        original = getattr(importlib.import_module(module), name)

        def timed(*args, **kwargs):
            began = time.perf_counter()
            try:
                return original(*args, **kwargs)
            finally:
                self.seconds[told] = self.seconds.get(told, 0.0) + time.perf_counter() - began

        return timed

    def __enter__(self) -> "Stages":
        for each in self._patches:
            each.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self._patches:
            each.stop()
