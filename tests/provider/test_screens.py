"""What the commands show fits the window it is shown in."""

import pytest
from rich.console import Console

from caisse.provider import screens

HEADS = ("file", "state", "sent", "lines>", "asked>", "paid>", "patient>", "refused>", "owed>")
ROWS = [("F52001700202403_LAB_FAC_002_2024-03-1.xml", "returned", "2026-11-22", 20257,
         "449 185.57", "431 090.98", "0.00", "18 094.59", None)]  # fmt: skip


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_no_number_is_broken_whatever_the_window(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(screens, "_console", lambda: Console(width=width))
    screens.print_table("Asked = paid + refused", HEADS, ROWS)
    said = capsys.readouterr().out
    assert all(amount in said for amount in ("449 185.57", "431 090.98", "18 094.59", "20257"))
    assert max(map(len, said.splitlines())) <= width
    assert ("┃" in said) == (width >= 120)


def test_a_bar_is_silent_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with screens.progress_bar("Sending") as bar, screens.working("Building"):
        bar(1, 2)
    assert capsys.readouterr() == ("", "")
