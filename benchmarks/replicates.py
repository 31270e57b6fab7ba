"""Composition of fraud as a mean over replicates, with intervals: losses are heavy-tailed, one run says little.

    python benchmarks/replicates.py
    python benchmarks/replicates.py --replicates 20 --scenario baseline --customers 10000 --days 90 --cache replicates/
    python benchmarks/replicates.py --compared

Each replicate is a run of its own with the next seed, in a process of its own; its data set is deleted once it is
measured. With --cache what was measured is kept, a file for each seed, scenario and state of the sources, and a second
call goes on where the first one ended. A figure is met if the interval of its mean (95 %, Student's t) lies within a
factor of 1.5 of the published one, missed if it lies outside, and open otherwise.

A replicate has a handful of cases of what is rare, or none. So the mean loss of a case is what was lost in all
replicates over their cases (t of the linearised quotient), and a median is that of all cases together (interval
from its order statistics): the mean of medians of two or three skewed losses would lie far above the median.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from paired import side_by_side
from printing import show
from scipy import stats

import finsim
from finsim.evaluation.comparison import FACTOR
from finsim.evaluation.composition import compare
from finsim.scenario import Scenario, parse_settings

LEVEL = 0.95


def replicate(scenario: str, seed: int, overrides: dict[str, Any], cache: Path | None) -> list[dict[str, Any]]:
    """Run one replicate, unless the cache has it, and return its composition."""
    kept = None
    if cache is not None:
        state = hashlib.sha256(Scenario.load(scenario, overrides=overrides).hash.encode() + sources()).hexdigest()
        kept = cache / f"seed{seed}-{state[:16]}.json"
        if kept.exists():
            rows: list[dict[str, Any]] = json.loads(kept.read_text(encoding="utf-8"))
            return rows
    with tempfile.TemporaryDirectory() as folder:
        found = compare(finsim.run(scenario, out=Path(folder) / "run", seed=seed, overrides=overrides))
    rows = [
        row | {"parts": found.parts.get(key), "sample": found.samples.get(key)}
        for row in found.rows
        for key in [(row["section"], row["measure"])]
    ]
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
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for run in runs:
        for row in run:
            found.setdefault((row["section"], row["measure"]), []).append(row)
    order = {section: place for place, section in enumerate(dict.fromkeys(section for section, _ in found))}
    return [_line(found[key], len(runs)) for key in sorted(found, key=lambda key: order[key[0]])]


def _line(rows: list[dict[str, Any]], replicates: int) -> dict[str, Any]:
    """Return one line of the table from the rows of the replicates that have them."""
    row, cases = rows[0], None
    if row["sample"] is not None:
        sample = [loss for one in rows for loss in one["sample"]]
        cases, (mean, low, high) = len(sample), middle(sample)
    elif row["parts"] is not None:
        parts = np.zeros((replicates, 2))
        parts[: len(rows)] = [one["parts"] for one in rows]
        cases, (mean, low, high) = int(parts[:, 1].sum()), quotient(parts)
    else:
        mean, low, high = average([one["simulated"] for one in rows if one["simulated"] is not None])
    ratio = mean / row["published"] if mean is not None and row["published"] else None
    return {
        "section": row["section"], "measure": row["measure"], "cases": cases, "mean": mean, "low": low, "high": high,
        "published": _published(row), "ratio": ratio, "figure": row["figure"],
        "verdict": verdict(low, high, (row["low"], row["high"])),
    }  # fmt: skip


def average(values: list[float]) -> tuple[float | None, float | None, float | None]:
    """Return the mean of values and its interval, each None where there are too few of them."""
    return quotient(np.array([(value, 1.0) for value in values]).reshape(-1, 2))


def quotient(parts: NDArray[np.float64]) -> tuple[float | None, float | None, float | None]:
    """Return the sum of totals over the sum of numbers, and its interval.

    Args:
        parts: (R, 2) float64: total and number in each replicate.
    """
    total, number = parts.sum(axis=0) if len(parts) else (0.0, 0.0)
    if not number:
        return None, None, None
    mean, count = float(total / number), len(parts)
    if count < 2 or np.count_nonzero(parts[:, 1]) < 2:
        return mean, None, None
    error = np.std(parts[:, 0] - mean * parts[:, 1], ddof=1) / np.sqrt(count) / (number / count)
    half = float(stats.t.ppf((1 + LEVEL) / 2, count - 1) * error)
    return mean, mean - half, mean + half


def middle(sample: list[float]) -> tuple[float | None, float | None, float | None]:
    """Return the median of a sample and the pair of its order statistics between which the true one lies."""
    if not sample:
        return None, None, None
    ordered = np.sort(sample)
    rank = int(stats.binom.ppf((1 - LEVEL) / 2, len(ordered), 0.5))
    bounds = (float(ordered[rank - 1]), float(ordered[len(ordered) - rank])) if rank else (None, None)
    return float(np.median(ordered)), *bounds


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
    seeds = range(args.seed, args.seed + args.replicates)
    jobs = [(args.scenario, seed, overrides, args.cache) for seed in seeds]
    rows = summary(side_by_side(replicate, jobs, args.processes))
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
