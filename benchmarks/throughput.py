"""Rows per second: end to end, in steady state, and beside what pyarrow alone needs to write the same table.

    python benchmarks/throughput.py
    python benchmarks/throughput.py --customers 20000 --days 15

- end to end: a fresh process from its start to its end, imports, founding of the population, simulation and the
  finished data set; kernels were compiled beforehand by a run of `tiny`.
- steady state: rows of the days after the third, over the time between the ends of these days.
- pyarrow: the finished transactions are read back part by part into Arrow tables of the same types, and written with
  `pyarrow.parquet.ParquetWriter(compression="zstd")`, everything else its default, to a temporary file; only the
  writing is timed.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from printing import show

STEADY_FROM = 3
"""Days that are left out of the steady state: caches warm up, the first month part opens."""
WANTED_END_TO_END, WANTED_STEADY, WANTED_RATIO = 500_000, 1_000_000, 2.5


def simulate(scenario: str, out: Path, overrides: dict[str, Any], threads: int) -> list[float]:
    """Run a scenario in this process and return the times at which its days ended, seconds."""
    import finsim

    ends: list[float] = []

    def progress(done: int, total: int, message: str) -> None:
        if done:
            ends.append(time.perf_counter())

    finsim.run(scenario, out=out, overrides=overrides, threads=threads, progress=progress)
    return ends


def rows_by_day(path: Path) -> list[int]:
    """Return the number of transactions of each day."""
    import polars as pl

    import finsim

    days = finsim.open_dataset(path).transactions.group_by(pl.col("timestamp").dt.date().alias("day")).len().sort("day")
    return days.collect()["len"].to_list()


def write_alone(path: Path, out: Path) -> float:
    """Return the seconds that pyarrow needs to write the transactions of a data set, with its defaults and zstd."""
    import pyarrow.parquet as pq

    seconds, writer = 0.0, None
    for part in sorted((path / "transactions").rglob("*.parquet")):
        table = pq.ParquetFile(part).read()
        begun = time.perf_counter()
        writer = writer or pq.ParquetWriter(out, table.schema, compression="zstd")
        writer.write_table(table)
        seconds += time.perf_counter() - begun
    if writer is not None:
        begun = time.perf_counter()
        writer.close()
        seconds += time.perf_counter() - begun
    return seconds


def measure(args: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """Return one row for each of the three figures and the ratio."""
    out = folder / "run"
    child = [sys.executable, str(Path(__file__).resolve()), "--child", str(out)]
    child += ["--scenario", args.scenario, "--customers", str(args.customers), "--days", str(args.days)]
    child += ["--warm-up", str(args.warm_up), "--threads", str(args.threads)]
    # As on any machine, Python may keep its own compiled modules too.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    begun = time.perf_counter()
    done = subprocess.run(child, check=True, capture_output=True, text=True, env=environment)
    seconds = time.perf_counter() - begun
    ends = json.loads(done.stdout)[args.warm_up :]
    counts = rows_by_day(out)
    rows = sum(counts)
    steady_rows, steady_seconds = sum(counts[STEADY_FROM : len(ends)]), ends[-1] - ends[STEADY_FROM - 1]
    alone = write_alone(out, folder / "alone.parquet")
    ours = sum(part.stat().st_size for part in (out / "transactions").rglob("*.parquet"))
    theirs = (folder / "alone.parquet").stat().st_size

    def line(what: str, n: int, took: float, size: int | None, wanted: float) -> dict[str, Any]:
        speed = n / took
        kept = speed >= wanted if wanted else None
        return {"measure": what, "rows": n, "seconds": took, "rows per second": speed,
                "bytes per row": size / rows if size else None, "wanted": wanted or None, "kept": kept}  # fmt: skip

    ratio = seconds / alone
    return [
        line("end to end, start-up included", rows, seconds, ours, WANTED_END_TO_END),
        line("steady state, days after the third", steady_rows, steady_seconds, None, WANTED_STEADY),
        line("pyarrow alone, defaults and zstd", rows, alone, theirs, 0),
        {"measure": "end to end / pyarrow alone", "rows": None, "seconds": ratio, "rows per second": None,
         "bytes per row": None, "wanted": WANTED_RATIO, "kept": ratio <= WANTED_RATIO},
    ]  # fmt: skip


def main() -> None:
    """Measure, or be the measured process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="baseline")
    parser.add_argument("--customers", type=int, default=150_000)
    parser.add_argument("--days", type=int, default=30, help="more than three")
    parser.add_argument("--warm-up", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=1, help="take the fastest of so many")
    parser.add_argument("--folder", type=Path, help="where to write [a temporary folder]")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if args.child is not None:
        overrides = {"population.customers": args.customers, "run.days": args.days, "run.warm_up_days": args.warm_up}
        print(json.dumps(simulate(args.scenario, args.child, overrides, args.threads)))
        gc.freeze()  # as the command line does
        return
    if args.days <= STEADY_FROM + 1:
        parser.error(f"--days must be above {STEADY_FROM + 1}")
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        simulate("tiny", Path(folder) / "tiny", {}, args.threads)
    best: list[dict[str, Any]] = []
    for _ in range(args.repeat):
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            found = measure(args, Path(folder))
        if not best or found[0]["seconds"] < best[0]["seconds"]:
            best = found
    title = f"{args.customers:,} customers, {args.days} days, warm-up {args.warm_up}, {args.threads} thread(s)"
    show(title, best, as_json=args.json)


if __name__ == "__main__":
    main()
