"""The recipes of CONTRIBUTING.md, and a copy of the repository in which they can be followed."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from shutil import copy2

ROOT = Path(__file__).parents[2]
_HEADING = re.compile(r"^#{1,2} (.+)$", re.MULTILINE)
_BLOCK = re.compile(r"^```(sh|diff)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: shell commands, or a diff."""

    kind: str
    text: str


def recipes() -> dict[str, tuple[Block, ...]]:
    """The blocks of each recipe by its heading, in the order in which they are followed."""
    _, _, text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("\n# Recipes\n")
    parts = _HEADING.split(text)[1:]
    return {
        heading: tuple(Block(*found) for found in _BLOCK.findall(body))
        for heading, body in zip(parts[::2], parts[1::2], strict=True)
    }


class Copy:
    """The repository's files in a folder of their own, under git, so that a change can be seen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, check=True,
        ).stdout.decode()  # fmt: skip
        for name in filter(None, listed.split("\0")):
            source, target = ROOT / name, folder / name
            if source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                copy2(source, target)
        # `make` sets nothing up here: the interpreter that runs the tests is ready.
        (folder / "scripts/setup.sh").write_text("exit 0\n")
        (folder / ".venv").symlink_to(sys.prefix)
        # A recipe has the oracle asked again; here a tenth of the examples shows that it is.
        oracle = folder / "tests/agreement/rules/test_oracle.py"
        oracle.write_text(
            re.sub(r"max_examples=(\d+)0,", r"max_examples=\1,", oracle.read_text("utf-8")), "utf-8"
        )
        self.run("git init -q . && git add -A && git commit -qm before")

    def run(self, script: str) -> str:
        """What a script says, run by sh with the copy's code and commands; fails when the script does."""
        environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.folder / "src"),
            **{
                f"GIT_{who}_{what}": "recipe" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
            },
        }
        for name in [name for name in environment if name.startswith(("PYTEST_", "CAISSE_", "DJANGO_"))]:
            del environment[name]
        done = subprocess.run(
            ["sh", "-eu", "-c", script],
            cwd=self.folder, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{script}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def python(self, program: str) -> str:
        """What a Python program says, run with the copy's code."""
        (self.folder / ".git" / "program.py").write_text(program, encoding="utf-8")
        return self.run("python .git/program.py")

    def follow(self, recipe: str) -> str:
        """Follow a recipe block by block; what its commands said."""
        said = []
        for block in recipes()[recipe]:
            if block.kind == "sh":
                said.append(self.run(block.text))
            else:
                patch = self.folder / ".git" / "recipe.diff"
                patch.write_text(block.text, encoding="utf-8")
                self.run("git apply .git/recipe.diff")
        return "".join(said)

    def changed(self) -> list[str]:
        """The files that are new or differ from before."""
        lines = self.run("git add -A && git diff --cached --name-only").splitlines()
        return sorted(lines)
