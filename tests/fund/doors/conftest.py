import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from caisse.fund.home import Home

from .doorway import CODE, OTHER_CODE, Door, Practice, browser, https_door, practice, sftp_door


@pytest.fixture(scope="module")
def door(database: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """An SFTP door that stays open for the tests of a module."""
    with sftp_door(database, tmp_path_factory.mktemp("door")) as opened:
        yield opened


@pytest.fixture(scope="module")
def web(database: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """The HTTPS door, open for the tests of a module."""
    with https_door(database, tmp_path_factory.mktemp("web")) as opened:
        yield opened


@pytest.fixture
def lab(db: Home, tmp_path: Path) -> Practice:
    return practice(CODE, tmp_path)


@pytest.fixture
def other_lab(lab: Practice, tmp_path: Path) -> Practice:
    return practice(OTHER_CODE, tmp_path)


@pytest.fixture
def fund_toml(db: Home) -> Iterator[Callable[[str, str], None]]:
    """Changes a line of fund.toml for the doors a test opens itself."""
    before = db.config_file.read_text()

    def change(old: str, new: str) -> None:
        text = db.config_file.read_text()
        assert old in text
        db.config_file.write_text(text.replace(old, new))

    with contextlib.ExitStack() as stack:
        stack.callback(db.config_file.write_text, before)
        yield change


@pytest.fixture
def client(db, web, lab):
    with browser(db, web, lab) as opened:
        yield opened
