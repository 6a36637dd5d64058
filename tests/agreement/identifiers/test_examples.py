"""The examples in the docstrings of the pure modules hold."""

import doctest
from types import ModuleType

import pytest

from caisse.agreement import money, validity
from caisse.agreement.identifiers import (
    accident_number,
    legal_person_number,
    national_number,
    provider_code,
)
from caisse.agreement.tables.cumulation import grammar
from caisse.agreement.tables.professions import conditions


@pytest.mark.parametrize(
    "module",
    [
        accident_number,
        legal_person_number,
        national_number,
        provider_code,
        money,
        validity,
        grammar,
        conditions,
    ],
)
def test_docstring_examples(module: ModuleType) -> None:
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0
    assert result.failed == 0
