"""What we hand on: locked requirements without hosts, and a bare wheel that works without a server."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMPORT_ALL = """
import importlib, pkgutil
import caisse.agreement, caisse.provider
for package in (caisse.agreement, caisse.provider):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(found.name)
"""
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_lock_files_hold_names_versions_and_hashes_only(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links|--trusted-host", text)
    pinned = re.findall(r"^[a-z0-9._-]+(?:\[[a-z0-9,_-]+\])?==\S+", text, flags=re.MULTILINE)
    assert pinned
    assert text.count("--hash=sha256:") >= len(pinned)


@pytest.mark.timeout(600)
def test_the_bare_wheel_runs_the_practice_without_a_server(tmp_path: Path) -> None:
    """`pip install caisse` brings agreement and provider and no server; all of both is there and works."""
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        pytest.skip("uv is not in this environment; `make setup` puts it there")
    run(uv, "build", "--quiet", "--wheel", "--out-dir", tmp_path, ROOT)
    wheel = next(tmp_path.glob("caisse-*.whl"))
    run(uv, "venv", "--quiet", "--python", sys.executable, tmp_path / "bare")
    python = tmp_path / "bare" / "bin" / "python"
    run(
        uv,
        "pip",
        "install",
        "--quiet",
        "--python",
        python,
        "--require-hashes",
        "-r",
        ROOT / "requirements/provider.txt",
    )
    run(uv, "pip", "install", "--quiet", "--python", python, "--no-deps", wheel)
    run(uv, "pip", "install", "--quiet", "--python", python, "pytest", "pytest-timeout", "hypothesis")
    absent = run(
        python,
        "-c",
        "import importlib.util as u; print([m for m in ('django','psycopg','granian') if u.find_spec(m)])",
    )
    assert absent.strip() == "[]"
    told = subprocess.run(
        [python.with_name("caisse"), "fund", "status"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert told.returncode == 2
    assert "caisse[fund]" in told.stderr
    tests = (
        ROOT / "tests" / "provider" / name for name in ("test_commands.py", "test_https.py", "test_store.py")
    )
    run(python, "-c", IMPORT_ALL, cwd=tmp_path)
    run(python, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--rootdir", ROOT, *tests, cwd=tmp_path)


def run(*words: object, cwd: Path = ROOT) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout
