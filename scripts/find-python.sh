#!/bin/sh
# Print the path of a Python >= 3.12 that really runs. A name on the PATH proves nothing: a version
# manager's shim may stand there for an interpreter that is not installed, so every candidate is run.
runs() {
    "$1" -I -c 'import sys, ssl, sqlite3, venv; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1
}

if [ -n "${CAISSE_PYTHON:-}" ]; then
    runs "$CAISSE_PYTHON" && { echo "$CAISSE_PYTHON"; exit 0; }
    echo "CAISSE_PYTHON=$CAISSE_PYTHON does not run as Python 3.12 or newer." >&2
    exit 1
fi

for version in 3.13 3.12 3.14; do
    found=$(command -v "python$version" 2>/dev/null) && runs "$found" && { echo "$found"; exit 0; }
    # Behind a shim folder lie the real interpreters, whichever version the shims are set to.
    old_ifs=$IFS; IFS=:
    for folder in $PATH; do
        case "$folder" in
            */shims)
                for candidate in "$folder/../versions/$version".*/bin/python3; do
                    [ -x "$candidate" ] && runs "$candidate" && { IFS=$old_ifs; echo "$candidate"; exit 0; }
                done ;;
        esac
    done
    IFS=$old_ifs
done
found=$(command -v python3 2>/dev/null) && runs "$found" && { echo "$found"; exit 0; }

echo "No working Python 3.12 or newer was found. Install one, or name it: CAISSE_PYTHON=/path/to/python3 make demo" >&2
exit 1
