"""All measurements, one after the other: `make bench`. Ratios to a peer in the same run; no figure fails anything.

python -m tests.bench [NAME …]    only those whose module name contains one of the words
"""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

FOLDER = Path(__file__).parent


def main() -> int:
    """Run every bench in a process of its own, so that none inherits another's memory; 1 when one broke."""
    wanted = sys.argv[1:]
    names = [path.stem for path in sorted(FOLDER.glob("bench_*.py"))]
    chosen = [name for name in names if not wanted or any(word in name for word in wanted)]
    broken = []
    for name in chosen:
        module = f"tests.bench.{name}"
        assert find_spec(module) is not None
        print(f"\n=== {name.removeprefix('bench_')} ===", flush=True)
        if subprocess.run([sys.executable, "-m", module], check=False).returncode:
            broken.append(name)
    if broken:
        print(f"\nbroken: {', '.join(broken)}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
