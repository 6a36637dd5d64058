"""Draw what the demonstration prints last: `make demo | .venv/bin/python -m demo.picture` writes docs/pictures/demo.svg."""

import re
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURE = Path("docs/pictures/demo.svg")
FIRST_LINE = "What was asked, paid, refused and is still owed"


def main() -> None:
    """Read the demonstration's output from standard input and draw it from ``FIRST_LINE`` to the table of mistakes."""
    lines = sys.stdin.read().splitlines()
    start = next(number for number, line in enumerate(lines) if FIRST_LINE in line)
    end = next(number for number, line in enumerate(lines) if "Look further" in line)
    shown = "\n".join(line.rstrip() for line in lines[start:end])
    width = max(len(Text.from_ansi(line)) for line in shown.splitlines() if "│" in line)
    console = Console(record=True, width=width, file=Path("/dev/null").open("w"))  # noqa: SIM115
    console.print(Text.from_ansi(shown))
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    svg = console.export_svg(title="make demo", clear=True)
    # The picture names no host: a viewer without the font uses its own.
    PICTURE.write_text(re.sub(r"@font-face \{.*?\}\n", "", svg, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    main()
