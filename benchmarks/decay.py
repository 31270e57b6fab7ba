"""Does a frozen model decay? Runs with a model in the loop from a day on, with rings that learn and rings that do not.

A model is trained on the first days of a run, with the labels known by then. The same run is made again with the model
declining from that day on, and the model stays as it is. Its average precision on remote card payments is measured just
after it began and late, always for the same share of fraud (`finsim/evaluation/streams.py`), and beside it that of a
model trained anew on all days before the late ones. Pairs of runs share a seed; ratios are those of means over seeds.

python benchmarks/decay.py
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from paired import ratio_interval, side_by_side
from printing import show

import finsim
from finsim.evaluation import metrics
from finsim.evaluation.streams import REFERENCE_RATE

SETTINGS = {"objective": "binary", "num_leaves": 8, "learning_rate": 0.05, "min_child_samples": 60, "verbose": -1,
            "seed": 1, "deterministic": True, "num_threads": 1}  # fmt: skip
TREES = 120
COUNTED_FROM_THE_START = ("merchant_age", "device_age", "payee_age")


class Rows:
    """Features, labels and truth of the remote card payments of some days.

    Args:
        data: the data set.
        first: exported day, from 0.
        last: the day after the last.
        known_on: day whose labels count.
    """

    def __init__(self, data: finsim.Dataset, first: int, last: int, known_on: int) -> None:
        start = dt.date.fromisoformat(data.manifest["first_day"])
        day = [start + dt.timedelta(days=n) for n in (first, last, known_on)]
        found = finsim.training_frame(
            data, as_of=day[2], window=(day[0], day[1]), label_delay_days=0.0, young="mark", format="numpy"
        )
        truth = data.truth.select("transaction_id", "is_fraud", "victim_customer_id", "campaign_id")
        wronged = pl.col("victim_customer_id") == pl.col("customer_id")
        text = {name: pl.col(name).cast(pl.String) for name in ("rail", "kind", "channel", "decline_reason")}
        about = (
            pl.LazyFrame({"transaction_id": found.transaction_id})
            .join(data.transactions, on="transaction_id", how="left", maintain_order="left")
            .join(truth, on="transaction_id", how="left", maintain_order="left")
            .select(
                fraud=(pl.col("is_fraud") & wronged).fill_null(False),
                other=(pl.col("is_fraud") & ~wronged.fill_null(False)).fill_null(False),
                campaign=pl.col("campaign_id").fill_null(0),
                remote=(text["rail"] == "card")
                & text["kind"].is_in(["purchase", "verification"])
                & text["channel"].is_in(["online", "app", "phone"]),
                stopped=(text["decline_reason"] == "model").fill_null(False),
            )
            .collect()
        )
        kept = about["remote"].to_numpy() & ~about["other"].to_numpy()
        used = [position for position, name in enumerate(found.names) if name not in COUNTED_FROM_THE_START]
        self.names, self.x = [found.names[position] for position in used], found.x[kept][:, used]
        self.fraud, self.campaign, stopped = (about[name].to_numpy()[kept] for name in ("fraud", "campaign", "stopped"))
        self.known = (found.y[kept] == 1) | (stopped & self.fraud)

    def train(self) -> Any:
        """Return a model of what was known."""
        import lightgbm

        rows = lightgbm.Dataset(self.x, self.known, feature_name=self.names)
        return lightgbm.train(SETTINGS, rows, TREES)

    def precision(self, model: Any) -> float:
        """Return a model's average precision for the reference share of fraud."""
        score: NDArray[np.float64] = model.predict(self.x)
        genuine = score[~self.fraud]
        weight = self.fraud.sum() * (1 - REFERENCE_RATE) / REFERENCE_RATE / len(genuine)
        ranking = metrics.rank(score[self.fraud], genuine, self.campaign[self.fraud], np.full(len(genuine), weight))
        return metrics.average_precision(ranking, np.ones(ranking.positives))


def measure(args: argparse.Namespace, seed: int, adaptation: float) -> dict[str, float]:
    """Return what one pair of runs shows: precision early and late of the frozen model, and late of a new one."""
    overrides: dict[str, Any] = {
        "population.customers": args.customers,
        "fraud.intensity": args.intensity,
        "fraud.adaptation": adaptation,
        "run.feature_history": True,
        "run.threads": 1,
    }
    begin, late, end = args.frozen_day, args.late_day, args.days
    with tempfile.TemporaryDirectory() as folder:
        first = finsim.run(args.scenario, out=Path(folder) / "a", seed=seed, overrides=overrides | {"run.days": begin})
        past = Rows(first, 0, begin, begin)
        frozen, file = past.train(), Path(folder) / "model.txt"
        frozen.save_model(file)
        stops = float(np.quantile(frozen.predict(past.x[~past.fraud]), 1.0 - args.stopped))
        data = finsim.run(
            args.scenario, out=Path(folder) / "b", seed=seed,
            overrides=overrides | {"run.days": end, "banks.model.path": str(file), "banks.model.decline": stops,
                                   "banks.model.challenge": 1.0, "banks.model.since_day": begin},
        )  # fmt: skip
        soon = Rows(data, begin, begin + args.early_days, end)
        so_far, last = Rows(data, 0, late, late), Rows(data, late, end, end)
        return {"soon": soon.precision(frozen), "late": last.precision(frozen), "new": last.precision(so_far.train())}


def main() -> None:
    """Run the pairs and print what became of the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="baseline")
    parser.add_argument("--customers", type=int, default=3000)
    parser.add_argument("--intensity", type=float, default=6.0)
    parser.add_argument("--days", type=int, default=180)
    parser.add_argument("--frozen-day", type=int, default=60, help="day on which the model is trained and begins")
    parser.add_argument("--early-days", type=int, default=30, help="days after it that are called early")
    parser.add_argument("--late-day", type=int, default=120, help="day from which days are called late")
    parser.add_argument("--stopped", type=float, default=0.005, help="share of genuine payments that it declines")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1, help="the first")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if args.seeds < 2:
        parser.error("--seeds must be 2 or more: one pair gives no interval")
    rows, loss, regained = [], {}, {}
    for adaptation in (1.0, 0.0):
        jobs = [(args, seed, adaptation) for seed in range(args.seed, args.seed + args.seeds)]
        found = side_by_side(measure, jobs, args.processes)
        soon, late, new = ([run[name] for run in found] for name in ("soon", "late", "new"))
        kept, low, high = ratio_interval(late, soon)
        again, again_low, again_high = ratio_interval(new, late)
        loss[adaptation], regained[adaptation] = 1 - kept, again - 1
        rows.append(
            {
                "adaptation": adaptation, "AP soon": float(np.mean(soon)), "AP late": float(np.mean(late)),
                "AP new": float(np.mean(new)), "lost": 1 - kept, "from": 1 - high, "to": 1 - low,
                "regained": again - 1, "from ": again_low - 1, "to ": again_high - 1,
            }
        )  # fmt: skip
    notes = [
        f"frozen on day {args.frozen_day}; AP soon: the {args.early_days} days after it; late: from day "
        f"{args.late_day}; new: late, trained on all days before; {args.seeds} seeds, 95 % intervals",
        "  wanted: 15 to 50 % lost with adaptation, regained by a new model; under 10 % lost without",
    ]
    show(f"decay: {args.customers:,} customers, intensity {args.intensity:g}", rows, notes, as_json=args.json)
    if not (0.15 <= loss[1.0] <= 0.5 and regained[1.0] > 0 and loss[0.0] < 0.1):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
