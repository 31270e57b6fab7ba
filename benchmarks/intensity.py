"""What fraud costs: microseconds of processor time a row at `fraud.intensity` 1 against 0, in runs that take turns.

    python benchmarks/intensity.py
    python benchmarks/intensity.py --customers 20000 --days 10

The fastest run of each kind counts. Kernels are compiled beforehand. Processor time is that of all threads, and is what
to look at where other work shares the machine. Exits with 1 if a row takes more than a quarter longer with fraud.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from printing import show

WANTED = 1.25


def main() -> None:
    """Measure both kinds of run in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="baseline")
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=15)
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    import finsim

    best: dict[float, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as name:
        finsim.run("tiny", out=Path(name) / "warm")
        for turn in range(args.repeat):
            for intensity in (0.0, 1.0):
                overrides = {
                    "population.customers": args.customers,
                    "run.days": args.days,
                    "fraud.intensity": intensity,
                }
                begun, used = time.perf_counter(), time.process_time()
                data = finsim.run(args.scenario, out=Path(name) / f"{intensity:g}-{turn}", overrides=overrides)
                seconds, used = time.perf_counter() - begun, time.process_time() - used
                rows = data.manifest["rows"]["transactions"]
                line = {"intensity": intensity, "rows": rows, "seconds": seconds, "processor seconds": used}
                line["processor microseconds per row"] = 1e6 * used / rows
                if intensity not in best or used < best[intensity]["processor seconds"]:
                    best[intensity] = line
    base = best[0.0]["processor microseconds per row"]
    table = [line | {"times without": line["processor microseconds per row"] / base} for line in best.values()]
    title = f"Fraud and speed: {args.customers:,} customers, {args.days} days; wanted at most {WANTED}"
    show(title, table, as_json=args.json)
    if table[-1]["times without"] > WANTED:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
