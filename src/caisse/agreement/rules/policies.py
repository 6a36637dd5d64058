"""What the texts leave open and we settled, read from ``policies.toml`` beside this module."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Policy:
    """One decision of ours: its value, what it says, and what it rests on."""

    name: str
    value: Any
    text: str
    basis: str


@cache
def all_policies() -> Mapping[str, Policy]:
    """Every policy by its name, in the order of the file."""
    content = resources.files(__package__).joinpath("policies.toml").read_text(encoding="utf-8")
    return MappingProxyType({name: Policy(name, **entry) for name, entry in tomllib.loads(content).items()})


def policy(name: str) -> Any:
    """The value of a policy; KeyError when there is none of that name."""
    return all_policies()[name].value
