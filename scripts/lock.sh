#!/bin/sh
# Resolve pyproject.toml into requirements/*.txt: names, versions and hashes, for every platform we support.
set -eu
cd "$(dirname "$0")/.."
resolve() {
    output=$1; shift
    .venv/bin/uv pip compile --quiet --upgrade --no-emit-index-url --no-header --universal \
        --python-version 3.12 --generate-hashes "$@" --output-file "requirements/$output.txt"
}
sh scripts/setup.sh dev
resolve provider pyproject.toml
resolve fund --extra fund pyproject.toml
resolve dev --extra fund --group dev pyproject.toml
echo uv | resolve uv -
