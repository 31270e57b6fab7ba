"""The first run on a fresh machine, the second one, and what importing costs.

    python benchmarks/first_run.py

`finsim run baseline` with its defaults runs twice in fresh processes, with an empty folder for compiled kernels.
Then `import finsim`, `--help` and a refused scenario are timed, and the heavy libraries they loaded are named.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from printing import show

HEAVY = ("mesa", "numba", "numpy", "polars", "pyarrow", "pandas", "scipy")
FORBIDDEN = tuple(name for name in HEAVY if name != "numpy")
WANTED = {"first run, kernels compiled": 60.0, "second run": 12.0}
CHEAP = {
    "import finsim": "import finsim",
    "finsim --help": "from finsim.cli import main; import sys; sys.argv = ['finsim', '--help']; main()",
    "a refused scenario": "from finsim.cli import main; import sys; sys.argv = ['finsim', 'run', 'basline']; main()",
    "a refused value": (
        "from finsim.cli import main; import sys; sys.argv = ['finsim', 'run', 'tiny', '--set', 'run.days=-1']; main()"
    ),
}


def timed(command: list[str], environment: dict[str, str]) -> tuple[float, subprocess.CompletedProcess[str]]:
    """Return the seconds of a process and what it left."""
    begun = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return time.perf_counter() - begun, done


def cheap(name: str, code: str) -> dict[str, Any]:
    """Return the time of a few lines of Python beyond that of Python itself, and the heavy libraries they load."""
    report = f"print('LOADED', *[n for n in {HEAVY!r} if n in sys.modules])"
    program = f"import sys\ntry:\n    {code}\nexcept SystemExit:\n    pass\nfinally:\n    {report}"
    took, done = min(
        (timed([sys.executable, "-c", program], dict(os.environ)) for _ in range(3)), key=lambda one: one[0]
    )
    nothing = min(timed([sys.executable, "-c", "pass"], dict(os.environ))[0] for _ in range(3))
    last = [line for line in done.stdout.splitlines() if line.startswith("LOADED")][-1].split()[1:]
    return {"what": name, "seconds": took - nothing, "wanted": None, "heavy libraries": " ".join(last) or "none",
            "kept": not set(last) & set(FORBIDDEN)}  # fmt: skip


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="baseline")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as in finsim run")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "FINSIM_CACHE_DIR": str(Path(folder) / "kernels")}
        for name, limit in WANTED.items():
            command = [sys.executable, "-m", "finsim", "run", args.scenario, "--out", f"{folder}/run", "--overwrite"]
            took, done = timed([*command, *(f"--set={item}" for item in args.set)], environment)
            done.check_returncode()
            rows.append({"what": name, "seconds": took, "wanted": limit, "heavy libraries": "", "kept": took < limit})
    rows += [cheap(name, code) for name, code in CHEAP.items()]
    show(f"finsim run {args.scenario}, and what is cheap", rows, as_json=args.json)


if __name__ == "__main__":
    main()
