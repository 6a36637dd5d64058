"""A generated document that is stale fails here; `make docs` prints it again."""

import pytest

from tests.house import generated


@pytest.mark.parametrize("name", sorted(generated.GENERATED))
def test_document_is_fresh(name: str) -> None:
    path = generated.DOCS / name
    assert path.exists(), f"docs/{name} is missing: run `make docs`"
    assert path.read_text(encoding="utf-8") == generated.content(name), (
        f"docs/{name} is stale: run `make docs`"
    )
