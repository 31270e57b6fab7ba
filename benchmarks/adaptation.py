"""Does the adversary adapt? Pairs of runs with and without a rule against the prevailing typology from a day on.

The rule asks for a challenge at every remote card payment at a shop new to the card. With adaptation, the share of
campaigns of that typology falls against the twin without the rule, and other typologies rise; without, it stays.
Campaigns are counted, not payments: a rule ends a campaign after fewer payments, which is no choice of the rings'.

python benchmarks/adaptation.py
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
from paired import mean_interval, ratio_interval, side_by_side
from printing import show

import finsim

TARGET = "card_not_present"
STRICT = ("remote_amount_limit", 1.0)


def begun(path: Path, first: int, last: int) -> tuple[int, int]:
    """Return the rings' campaigns that began from day first to before last: (of the target, of others)."""
    data = finsim.open_dataset(path)
    start = data.transactions.select(pl.col("timestamp").min().dt.truncate("1d")).collect().item()
    day = (pl.col("started_at") - start).dt.total_days()
    chosen = data.campaigns.filter(pl.col("ring_id").is_not_null(), day >= first, day < last).collect()
    target = int((chosen["typology"].cast(pl.String) == TARGET).sum())
    return target, len(chosen) - target


def difference(args: argparse.Namespace, seed: int, adaptation: float) -> tuple[float, int, int]:
    """Return what the rule changed: the target's share of campaigns, and the others' number with it and without."""
    counts = []
    for rule in (False, True):
        overrides: dict[str, Any] = {
            "population.customers": args.customers,
            "run.days": args.days,
            "fraud.intensity": args.intensity,
            "fraud.adaptation": adaptation,
            "run.threads": 1,
        }
        if rule:
            overrides["banks.rule_changes"] = [{"day": args.rule_day, "rule": STRICT[0], "value": STRICT[1]}]
        with tempfile.TemporaryDirectory() as folder:
            finsim.run(args.scenario, out=Path(folder) / "run", seed=seed, overrides=overrides)
            counts.append(begun(Path(folder) / "run", args.rule_day + args.settle, args.days))
    shares = [target / max(target + others, 1) for target, others in counts]
    return shares[1] - shares[0], counts[1][1], counts[0][1]


def main() -> None:
    """Run the pairs and print what the rule changed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="baseline")
    parser.add_argument("--customers", type=int, default=2000)
    parser.add_argument("--days", type=int, default=120)
    parser.add_argument("--rule-day", type=int, default=60)
    parser.add_argument("--settle", type=int, default=14, help="days after the rule that are not counted")
    parser.add_argument("--intensity", type=float, default=6.0)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if args.seeds < 2:
        parser.error("--seeds must be 2 or more: one pair gives no interval")
    rows, shares = [], {}
    seeds = range(1, args.seeds + 1)
    for adaptation in (1.0, 0.0):
        pairs = side_by_side(difference, [(args, seed, adaptation) for seed in seeds], args.processes)
        change, with_rule, without = zip(*pairs, strict=True)
        share, low, high = shares[adaptation] = mean_interval(change)
        others, others_low, others_high = ratio_interval(with_rule, without)
        rows.append(
            {
                "adaptation": adaptation, "share of target": share, "from": low, "to": high,
                "others, ratio": others, "from ": others_low, "to ": others_high,
            }
        )  # fmt: skip
    notes = [
        f"{TARGET} under {STRICT[0]} {STRICT[1]:g} from day {args.rule_day}, campaigns from day "
        f"{args.rule_day + args.settle} on, {args.seeds} seeds, 95 % intervals of the mean of paired differences",
    ]
    show(f"adaptation: {args.customers:,} customers, intensity {args.intensity:g}", rows, notes, as_json=args.json)
    if not (shares[1.0][2] < 0 and rows[0]["from "] > 1 and shares[0.0][1] <= 0 <= shares[0.0][2]):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
