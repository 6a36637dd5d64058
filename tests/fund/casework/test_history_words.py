"""Every line the rooms write into a case's history has words at the desk, and at the portal where it is shown there."""

import re
from pathlib import Path

import caisse.fund.casework
from caisse.fund.desk import words as desk
from caisse.fund.portal import words as portal

_CALL = re.compile(r"\bnote\((?:[^()]|\([^()]*\))*\)")
_KIND = re.compile(r'note\(\s*[\w.]+,\s*"([a-z_]+)"')


def test_every_kind_of_line_has_words() -> None:
    folder = Path(caisse.fund.casework.__file__).parent
    calls = [
        call for path in folder.rglob("*.py") for call in _CALL.findall(path.read_text(encoding="utf-8"))
    ]
    kinds = {found[1]: "shown=True" in call for call in calls if (found := _KIND.match(call))}
    assert {"moved", "signed", "signature_void"} <= set(kinds) and kinds["signed"]
    assert set(kinds) <= set(desk.ENTRIES)
    # A move is named by the state it leads to.
    assert {kind for kind, shown in kinds.items() if shown} - {"moved"} <= set(portal.ENTRIES)
