"""Run the benchmarks and put their tables into the pages of docs/, below the commands that made them.

python docs/fill.py
python docs/fill.py --only throughput phases
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGES = {"composition": "composition.md", "detectability": "detectability.md"}
"""Pages of the tables that do not stand in performance.md."""
COMMANDS = {
    "throughput": ["throughput.py"],
    "phases": ["phases.py"],
    "memory": ["memory.py"],
    "first_run": ["first_run.py"],
    "determinism": ["determinism.py", "--scenario", "baseline", "--customers", "2000", "--days", "20"],
    "twins": ["twins.py"],
    "detectability": ["detectability.py", "--seeds", "8", "--seed", "161"],
    "composition": ["replicates.py", "--compared", "--days", "300", "--cache", "runs/replicates"],
}


def main() -> None:
    """Replace the blocks between `<!-- name -->` marks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=COMMANDS, default=list(COMMANDS))
    args = parser.parse_args()
    for name in args.only:
        command = [str(HERE.parent / "benchmarks" / COMMANDS[name][0]), *COMMANDS[name][1:]]
        done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
        if not done.stdout:
            raise SystemExit(f"{name} failed:\n{done.stderr}")
        path = HERE / PAGES.get(name, "performance.md")
        page = path.read_text(encoding="utf-8")
        block = f"<!-- {name} -->\n```text\n{done.stdout.strip()}\n```"
        page = re.sub(rf"<!-- {name} -->(\n```text\n.*?\n```)?", lambda _, block=block: block, page, flags=re.DOTALL)
        path.write_text(page, encoding="utf-8")
        print(done.stdout)


if __name__ == "__main__":
    main()
