"""What a model in the loop costs: a run with LightGBM on 25 features against the same run without a model.

Between them stands a run with a control without opinion that asks for the same features: it shows where the time goes.

    python benchmarks/model_loop.py
    python benchmarks/model_loop.py --customers 5000 --days 20

The model is trained on the first run by `finsim.training_frame`, saved as text and named in the second run's scenario
with everybody in the control group, so that scores do not act and all runs write the same rows. Runs take turns; the
fastest of each kind counts. Kernels are compiled and libraries loaded beforehand. Processor time is that of all
threads, and is what to look at where other work shares the machine. Exits with 1 if the model takes twice that or more.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from printing import show
from silent import Silent

WANTED = 2.0
FEATURES = (
    "amount", "hour", "attempts_hour", "attempts_day", "attempts_week", "declined_hour", "declined_day",
    "approved_amount_day", "approved_amount_month", "amount_mean", "amount_deviation", "amount_ratio",
    "seconds_since_last", "seconds_since_declined", "new_merchant", "new_payee", "new_device", "new_country",
    "km_from_last", "km_from_home", "card_attempts_hour", "merchant_declined_share", "merchant_amount_ratio",
    "device_age", "payee_age",
)  # fmt: skip


def train(data: Any, path: Path, trees: int, leaves: int) -> int:
    """Fit a model on what was known at the end of a run and save it; return the number of frauds it saw."""
    import lightgbm

    import finsim

    frame = finsim.training_frame(data, label_delay_days=2.0)
    known = (frame["label"] == "fraud").to_numpy()
    settings = {"objective": "binary", "num_leaves": leaves, "learning_rate": 0.05, "verbose": -1, "seed": 1}
    rows = lightgbm.Dataset(frame.select(FEATURES).to_numpy(), known, feature_name=list(FEATURES))
    lightgbm.train(settings, rows, trees).save_model(path)
    return int(known.sum())


def main() -> None:
    """Measure both kinds of run, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="baseline")
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument("--leaves", type=int, default=31)
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    import finsim

    overrides = {"population.customers": args.customers, "run.days": args.days}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        history = {"run.feature_history": True, "population.customers": 1000, "run.days": 8, "fraud.intensity": 5}
        small = finsim.run(args.scenario, out=folder / "small", overrides=history)
        train(small, folder / "small.txt", 2, 4)
        model = folder / "model.txt"
        ways: dict[str, dict[str, Any]] = {
            "without a model": {},
            "features alone": {},
            "with a model": {"banks.model.path": str(model), "banks.control_group_share": 1.0},
        }
        asks = {"features alone": lambda economy: economy.add_control(Silent(FEATURES))}
        warm = {**ways["with a model"], "banks.model.path": str(folder / "small.txt")}
        finsim.run(args.scenario, out=folder / "warm", overrides=history | warm)
        best: dict[str, float] = {}
        cpu: dict[str, float] = {}
        rows: dict[str, int] = {}
        for turn in range(args.repeat):
            for number, (way, more) in enumerate(ways.items()):
                out = folder / f"{number}-{turn}"
                begun, used = time.perf_counter(), time.process_time()
                data = finsim.run(args.scenario, out=out, overrides={**overrides, **more}, prepare=asks.get(way))
                best[way] = min(best.get(way, 1e9), time.perf_counter() - begun)
                cpu[way] = min(cpu.get(way, 1e9), time.process_time() - used)
                rows[way] = data.manifest["rows"]["transactions"]
                if not model.exists():
                    train(data, model, args.trees, args.leaves)
    if len(set(rows.values())) != 1:
        raise SystemExit(f"the runs differ: {rows}")
    base = next(iter(ways))
    table: list[dict[str, Any]] = []
    for way, seconds in best.items():
        each = 1e6 * cpu[way] / rows[way]
        line = {"run": way, "seconds": seconds, "processor seconds": cpu[way], "rows": rows[way]}
        table.append({**line, "processor microseconds per row": each, "times without": cpu[way] / cpu[base]})
    title = (
        f"LightGBM, {len(FEATURES)} features, {args.trees} trees of {args.leaves} leaves: "
        f"{args.customers:,} customers, {args.days} days; wanted below {WANTED}"
    )
    show(title, table, as_json=args.json)
    if table[-1]["times without"] >= WANTED:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
