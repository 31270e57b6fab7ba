"""Where the time of a run goes: each phase of a tick, the founding, imports, and what the writer thread does beside.

    python benchmarks/phases.py
    python benchmarks/phases.py --customers 20000 --days 10

`cpu` is the main thread's own; wall time beyond it is spent waiting, for the writer or the interpreter's lock. The
last line is the processor time of all other threads, which encode, compress and hash the Parquet parts meanwhile.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from printing import show


def main() -> None:
    """Measure one run in this process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="baseline")
    parser.add_argument("--customers", type=int, default=150_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--warm-up", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:  # compiles kernels where that is still to be done
        warm = [sys.executable, "-m", "finsim", "run", "tiny", "--out", f"{folder}/tiny"]
        subprocess.run(warm, check=True, capture_output=True)
    wall: Counter[str] = Counter()
    cpu: Counter[str] = Counter()
    began = time.perf_counter(), time.thread_time()

    def mark(name: str) -> None:
        nonlocal began
        now = time.perf_counter(), time.thread_time()
        wall[name] += now[0] - began[0]
        cpu[name] += now[1] - began[1]
        began = now

    import finsim
    from finsim.dataset import recorder  # noqa: F401  (loads what a run loads)
    from finsim.economy import Economy

    mark("import")

    def timed(name: str, phase: Callable[[Economy], None]) -> Callable[[Economy], None]:
        def run(economy: Economy) -> None:
            mark("between phases")
            phase(economy)
            mark(name)

        return run

    Economy.PHASES = tuple((name, timed(name, phase)) for name, phase in Economy.PHASES)  # type: ignore[assignment]
    overrides = {"population.customers": args.customers, "run.days": args.days, "run.warm_up_days": args.warm_up}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        data = finsim.run(
            args.scenario, out=out, overrides=overrides, threads=args.threads, prepare=lambda economy: mark("founding")
        )
        mark("between phases")
        rows = data.manifest["rows"]["transactions"]
    total = sum(wall.values())
    table: list[dict[str, Any]] = [
        {"part": name, "wall, s": wall[name], "share": wall[name] / total, "cpu, s": cpu[name],
         "microseconds per row": 1e6 * wall[name] / rows}
        for name in wall
    ]  # fmt: skip
    others = time.process_time() - sum(cpu.values())
    table.append({"part": "all", "wall, s": total, "share": 1.0, "cpu, s": sum(cpu.values()),
                  "microseconds per row": 1e6 * total / rows})  # fmt: skip
    table.append({"part": "other threads, meanwhile", "wall, s": None, "share": None, "cpu, s": others,
                  "microseconds per row": 1e6 * others / rows})  # fmt: skip
    title = f"{args.scenario}: {args.customers:,} customers, {args.days} days, {args.threads} thread(s), {rows:,} rows"
    show(title, table, as_json=args.json)


if __name__ == "__main__":
    main()
