#!/bin/sh
# Make .venv with everything locked in requirements/$1.txt (dev unless told otherwise). Safe to run again.
set -eu
cd "$(dirname "$0")/.."
wanted=${1:-dev}
lock="requirements/$wanted.txt"
stamp=".venv/.installed-$wanted"

if [ -f "$stamp" ] && [ "$stamp" -nt "$lock" ] && [ "$stamp" -nt pyproject.toml ] && .venv/bin/python -c '' 2>/dev/null; then
    exit 0
fi
python=$(sh scripts/find-python.sh)
if ! .venv/bin/python -c '' 2>/dev/null; then
    echo "Setting up .venv with $python"
    rm -rf .venv
    "$python" -m venv .venv || {
        echo "venv failed: on Debian or Ubuntu, apt-get install python3-venv" >&2
        exit 1
    }
fi
# uv installs the hundred packages in seconds; pip fetches uv itself when the machine has none.
# A .venv that uv itself once made has no pip.
[ -x .venv/bin/uv ] || .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >/dev/null
[ -x .venv/bin/uv ] || .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
echo "Installing the packages of $lock"
.venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r "$lock"
.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --editable .
touch "$stamp"
