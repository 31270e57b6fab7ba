"""Twins: the same seed with and without fraud. How much of what is genuine stays the same, and is the rest explained?

python benchmarks/twins.py
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from printing import show

import finsim

WANTED = 0.98


def main() -> None:
    """Run both and compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="baseline")
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--key", default="fraud.intensity", help="the parameter that differs")
    parser.add_argument("--values", type=float, nargs=2, default=[0.0, 1.0])
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    base = {"population.customers": args.customers, "run.days": args.days}
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in "ab"]
        for path, value in zip(paths, args.values, strict=True):
            finsim.run(args.scenario, out=path, seed=args.seed, overrides={**base, args.key: value})
        report = finsim.diff(*paths)
    rows = [
        {"genuine rows": name, "rows": side.rows, "value a": side.value_a, "value b": side.value_b}
        for name, side in report.genuine.items()
    ]
    count = sum(side.rows for side in report.genuine.values())
    share = report.genuine["identical"].rows / max(count, 1)
    notes = [
        f"identical: {share:.4%} of {count:,} genuine rows (wanted: more than {WANTED:.0%})",
        f"  unexplained: {report.unexplained} (wanted: 0)",
        f"  identical rows with another card: {report.cards:,}; with another balance after them: {report.balances:,}",
        *(f"  {name}: {side.rows:,} rows" for name, side in report.causes.items()),
    ]
    title = f"{args.key} {args.values[0]:g} against {args.values[1]:g}: {args.customers:,} customers, {args.days} days"
    show(title, rows, notes, as_json=args.json)
    if report.unexplained or share <= WANTED:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
