"""The repository speaks of the project alone, and what it says of itself is so."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from caisse import cli
from tests.house import generated

ROOT = Path(__file__).parents[2]
TRACKED = [
    ROOT / name
    for name in subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    .stdout.decode()
    .split("\0")
    if name and (ROOT / name).is_file()
]
TEXTS = [path for path in TRACKED if path.suffix not in {".csv", ".mo", ".png"}]
PAGES = [path for path in TRACKED if path.suffix == ".md"]

#: Hosts of package registries and their mirrors: which one is used is the business of the machine, not of the project.
_REGISTRIES = re.compile(
    "|".join(
        map(
            re.escape,
            (
                "pypi" + ".org",
                "pythonhosted" + ".org",
                "npmjs" + ".org",
                "conda" + ".anaconda",
                "ghcr" + ".io",
            ),
        )
    )
    + r"|(?i:artifactory|nexus)[.\w-]*/|--(extra-)?index-url|--trusted-host"
)
#: Folders of one machine. /tmp, /run, /usr, /var/lib, /proc and /dev are the same on every one.
_MACHINE = re.compile(r"(?<![\w./$}~-])/(?:home|Users|root|work|mnt|srv|opt|data)/[\w.-]+")


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", TEXTS, ids=relative)
def test_a_file_names_no_registry_and_no_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert _REGISTRIES.findall(text) == [] or path == Path(__file__) or path.name == "test_packaging.py"
    assert _MACHINE.findall(text) == [] or path == Path(__file__)


def test_the_search_for_machines_finds_one() -> None:
    assert _MACHINE.findall('open("/home/somebody/x")') and _MACHINE.findall("cd /opt/somewhere")
    assert not _MACHINE.findall("docs/home/x $HOME/data/x https://example.org/data/x /usr/lib/x")


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_commands_in_a_page_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    known = {" ".join(words) for words, _ in generated.walk(cli.cli, ("caisse",))}
    starts = {" ".join(name.split()[:n]) for name in known for n in range(1, 5)}
    for called in re.findall(r"(?:^|[`\s(])(caisse(?: [a-z][a-z-]+)+)(?=[\s`:…,.)]|$)", code_in(text)):
        words = called.split()
        longest = max(n for n in range(1, len(words) + 1) if " ".join(words[:n]) in starts)
        assert longest > 1, called
        assert " ".join(words[:longest]) in known or longest == len(words), called
    for target in re.findall(r"(?:^|[`\s])make ([a-z-]+)", code_in(text)):
        assert target in targets(), target


def code_in(text: str) -> str:
    """Fenced and indented blocks and code in a line: the places where commands stand."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    indented = re.findall(r"^ {4}\S.*$", text, re.MULTILINE)
    inline = re.findall(r"`[^`\n]+`", text)
    return "\n".join([*fenced, *indented, *inline])


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_links_and_named_files_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text):
        assert (path.parent / link).exists(), link
    for named in re.findall(r"`((?:src|docs|tests|demo|scripts|requirements)/[\w./-]+)`", text):
        assert (ROOT / named).exists(), named


def test_the_architecture_names_only_what_exists() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    tree = text[text.index("    src/caisse/\n") :].split("\n\n")[0]
    stack: list[str] = []
    for line in tree.splitlines()[1:]:
        match = re.match(r"^ {4}((?:│   |    )*)(?:├── |└── )?(.*)$", line)
        assert match, line
        if "──" not in line:
            continue
        depth, named = len(match[1]) // 4, match[2].split("  ")[0]
        names = re.findall(r"[\w./-]+", named)
        stack = [*stack[:depth], names[0]]
        for name in names:
            assert (ROOT / "src/caisse" / "/".join([*stack[:-1], name])).exists(), f"{line}: {name}"


def test_every_package_folder_is_in_the_architecture() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    for part in ("", "agreement", "fund"):
        for folder in (ROOT / "src/caisse" / part).iterdir():
            if (folder / "__init__.py").exists():
                assert f"{folder.name}/" in text, folder.name


def test_every_target_says_what_it_does() -> None:
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    silent = [line for line in lines if re.match(r"^[a-z-]+:", line) and "##" not in line]
    assert silent == []


def test_the_changelog_knows_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_decision_says_what_why_and_at_what_price() -> None:
    decisions = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [path.name[:4] for path in decisions] == [f"{n:04d}" for n in range(1, len(decisions) + 1)]
    for path in decisions:
        text = path.read_text(encoding="utf-8")
        assert all(word in text for word in ("**Decided.**", "**Why.**", "**Price.**")), path.name
