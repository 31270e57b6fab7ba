"""Peak memory: the same for a long run as for a short one, and how much of it each customer takes.

    python benchmarks/memory.py
    python benchmarks/memory.py --customers 50000 --days 5 20

Each length runs in a process of its own, whose largest resident size the operating system keeps. The declared bytes
of a customer are what the arrays hold that grow with the number of customers, counted before the first tick; the
rest of the peak is the libraries, compiled kernels, one day's requests and the rows that wait to be written.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from printing import show
from silent import Silent

WANTED_BYTES, WANTED_GROWTH = 3e9, 1.1


def simulate(scenario: str, out: Path, overrides: dict[str, Any], features: bool) -> dict[str, Any]:
    """Run a scenario in this process, with all features or none; return rows, seconds, peak memory, declared bytes."""
    import finsim

    declared: dict[str, int] = {}

    def prepare(economy: Any) -> None:
        if features:
            economy.add_control(Silent())
        declared.update(sizes(economy))

    begun = time.perf_counter()
    data = finsim.run(scenario, out=out, overrides=overrides, prepare=prepare)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    rows = data.manifest["rows"]["transactions"]
    return {"rows": rows, "seconds": time.perf_counter() - begun, "peak": peak, "declared": declared}


def sizes(economy: Any) -> dict[str, int]:
    """Return the bytes of the arrays that grow with the customers, by name."""
    people, books = economy.world.people, economy.world.books
    arrays = {
        "customers' columns": people.customers,
        "accounts": books.accounts,
        "known merchants": people.favourites,
        "contacts": people.contacts,
        "recent payees": people.payees,
        "obligations": people.obligations,
        "opening balances": economy.opening,
        "employers": people.employers,
        "merchants' columns": economy.world.merchants.data,
    }
    found = {name: int(array.nbytes) for name, array in arrays.items()}
    if economy.scoring is not None and economy.scoring.store is not None:
        found["running features"] = economy.scoring.store.nbytes
    return found


def runs(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Run each length in a process of its own."""
    for days in args.days:
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            child = [sys.executable, str(Path(__file__).resolve()), "--child", str(Path(folder) / "run")]
            child += ["--scenario", args.scenario, "--customers", str(args.customers)]
            child += ["--warm-up", str(args.warm_up), "--days", str(days), *(["--features"] if args.features else [])]
            done = subprocess.run(child, check=True, capture_output=True, text=True)
        yield {"days": days, **json.loads(done.stdout)}


def main() -> None:
    """Measure, or be the measured process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="baseline")
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, nargs="+", default=[10, 60])
    parser.add_argument("--warm-up", type=int, default=0)
    parser.add_argument("--features", action="store_true", help="keep running features too, as for a model")
    parser.add_argument("--folder", type=Path, help="where to write; 1,000,000 customers leave about 80 MB a day")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if args.child is not None:
        overrides = {"population.customers": args.customers, "run.days": args.days[0], "run.warm_up_days": args.warm_up}
        print(json.dumps(simulate(args.scenario, args.child, overrides, args.features)))
        return
    found = list(runs(args))
    rows = [
        {"days": run["days"], "rows": run["rows"], "seconds": run["seconds"], "peak GB": run["peak"] / 1e9,
         "peak bytes per customer": run["peak"] / args.customers, "below 3 GB": run["peak"] < WANTED_BYTES}
        for run in found
    ]  # fmt: skip
    growth = max(run["peak"] for run in found) / min(run["peak"] for run in found)
    declared = found[0]["declared"]
    notes = ["declared bytes per customer:"]
    notes += [f"  {name:20} {size / args.customers:8.1f}" for name, size in declared.items()]
    notes += [f"  {'sum':20} {sum(declared.values()) / args.customers:8.1f}"]
    notes += [f"largest peak / smallest: {growth:.3f} (wanted: at most {WANTED_GROWTH})"]
    show(f"{args.customers:,} customers, warm-up {args.warm_up}", rows, notes, as_json=args.json)


if __name__ == "__main__":
    main()
