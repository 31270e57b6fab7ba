"""Composition of fraud as a mean over replicates, with intervals: losses are heavy-tailed, one run says little.

    python benchmarks/replicates.py
    python benchmarks/replicates.py --replicates 20 --scenario baseline --customers 10000 --days 90 --cache replicates/
    python benchmarks/replicates.py --compared

Each replicate is a run of its own with the next seed, in a process of its own; its data set is deleted once it is
measured. With --cache what was measured is kept, a file for each seed, scenario and state of the sources, and a second
call goes on where the first one ended. A figure is met if the interval of its mean (95 %, Student's t) lies within a
factor of 1.5 of the published one, missed if it lies outside, and open otherwise.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from printing import show
from scipy import stats

import finsim
from finsim.evaluation.comparison import FACTOR
from finsim.evaluation.composition import composition
from finsim.scenario import Scenario, parse_settings

LEVEL = 0.95


def replicate(scenario: str, seed: int, overrides: dict[str, Any], cache: Path | None) -> list[dict[str, Any]]:
    """Run one replicate, unless the cache has it, and return its composition."""
    kept = None
    if cache is not None:
        state = hashlib.sha256(Scenario.load(scenario, overrides=overrides).hash.encode() + sources()).hexdigest()
        kept = cache / f"seed{seed}-{state[:16]}.json"
        if kept.exists():
            found: list[dict[str, Any]] = json.loads(kept.read_text(encoding="utf-8"))
            return found
    with tempfile.TemporaryDirectory() as folder:
        rows = composition(finsim.run(scenario, out=Path(folder) / "run", seed=seed, overrides=overrides))
    if kept is not None:
        partial = kept.with_suffix(".partial")
        partial.write_text(json.dumps(rows), encoding="utf-8")
        partial.replace(kept)
    return rows


def sources() -> bytes:
    """Return a digest of everything that a run and its measures follow from."""
    root, digest = Path(finsim.__file__).parent, hashlib.sha256()
    folders = (root, *(path for path in root.iterdir() if path.is_symlink()))  # links are not followed everywhere
    for path in sorted({path for folder in folders for path in folder.rglob("*")}):
        if path.suffix in (".py", ".yaml"):
            digest.update(path.read_bytes())
    return digest.digest()


def summary(runs: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return mean, interval and verdict of each measure, in the order in which measures appear."""
    values: dict[tuple[str, str], list[float]] = {}
    about: dict[tuple[str, str], dict[str, Any]] = {}
    for run in runs:
        for row in run:
            key = (row["section"], row["measure"])
            about.setdefault(key, row)
            values.setdefault(key, [])
            if row["simulated"] is not None:
                values[key].append(row["simulated"])
    order = {section: place for place, section in enumerate(dict.fromkeys(section for section, _ in about))}
    return [_line(about[key], values[key]) for key in sorted(about, key=lambda key: order[key[0]])]


def _line(row: dict[str, Any], values: list[float]) -> dict[str, Any]:
    """Return one line of the table."""
    mean = float(np.mean(values)) if values else None
    half = None
    if len(values) > 1:
        half = float(stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    low, high = (None, None) if mean is None or half is None else (mean - half, mean + half)
    bounds = (row["low"], row["high"])
    ratio = mean / row["published"] if mean is not None and row["published"] else None
    return {
        "section": row["section"], "measure": row["measure"], "replicates": len(values), "mean": mean, "low": low,
        "high": high, "published": _published(row), "ratio": ratio, "figure": row["figure"],
        "verdict": verdict(low, high, bounds),
    }  # fmt: skip


def _published(row: dict[str, Any]) -> float | str | None:
    """Return a published figure, or its bounds in words."""
    if row["published"] is not None or (row["low"], row["high"]) == (None, None):
        number: float | None = row["published"]
        return number
    if row["low"] is None or row["high"] is None:
        return f"at most {row['high']:g}" if row["low"] is None else f"at least {row['low']:g}"
    return f"{row['low']:g} to {row['high']:g}"


def verdict(low: float | None, high: float | None, published: tuple[float | None, float | None]) -> str:
    """Return `met`, `missed` or `open`; nothing where there is no published figure or no interval."""
    if published == (None, None) or low is None or high is None:
        return ""
    least = -np.inf if published[0] is None else published[0] / FACTOR
    most = np.inf if published[1] is None else published[1] * FACTOR
    if least <= low and high <= most:
        return "met"
    return "missed" if high < least or low > most else "open"


def main() -> None:
    """Run the replicates and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="baseline")
    parser.add_argument("--replicates", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1, help="of the first replicate")
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--cache", type=Path, help="folder in which measured replicates are kept")
    parser.add_argument("--compared", action="store_true", help="only what has a published counterpart")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as in finsim run")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    overrides: dict[str, Any] = {"population.customers": args.customers, "run.days": args.days, "run.threads": 1}
    overrides |= parse_settings(args.set)
    if args.cache is not None:
        args.cache.mkdir(parents=True, exist_ok=True)
    # Fresh processes: Polars must not be forked.
    with ProcessPoolExecutor(args.processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        seeds = range(args.seed, args.seed + args.replicates)
        waiting = [pool.submit(replicate, args.scenario, seed, overrides, args.cache) for seed in seeds]
        rows = summary([one.result() for one in waiting])
    if args.compared:
        rows = [row for row in rows if row["figure"]]
    counts = {word: sum(row["verdict"] == word for row in rows) for word in ("met", "missed", "open")}
    near = sum(row["ratio"] is not None and 1 / FACTOR <= row["ratio"] <= FACTOR for row in rows)
    known = sum(row["ratio"] is not None for row in rows)
    notes = [
        f"{args.replicates} replicates; " + ", ".join(f"{count} {word}" for word, count in counts.items()),
        f"means within a factor of {FACTOR} of the published figure: {near} of {known}",
    ]
    title = f"Composition of {args.scenario}: {args.customers:,} customers, {args.days} days"
    show(title, rows, notes, as_json=args.json)


if __name__ == "__main__":
    main()
