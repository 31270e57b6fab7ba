"""How easily fraud is found: the figures of `finsim evaluate` for a data set, or as the mean of several runs.

    python benchmarks/detectability.py RUN_DIR
    python benchmarks/detectability.py --seeds 5 --scenario baseline --set run.days=90
    python benchmarks/detectability.py --seeds 3 --difficulty 0 0.5 1

Baselines are trained on labels as they were known and tested on truth, as `finsim/evaluation/` says, and set beside the
bands of real data, on remote card payments. For one data set what each column alone tells of all fraud stands below;
`finsim evaluate` prints the rest. Over several seeds each figure is a mean with an interval of 95 % (Student's t), and
a band is judged by the mean; with `--difficulty` there is one column of means for each level.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

from paired import mean_interval, side_by_side
from printing import show

import finsim
from finsim.evaluation import bands
from finsim.evaluation.detectability import ALIKE
from finsim.evaluation.evaluate import Evaluation
from finsim.evaluation.metrics import Estimate
from finsim.scenario import parse_settings

FACTS = ("rows", "fraud", "base_rate", "train_fraud_known", "test_fraud", "test_base_rate")


def tables(report: Evaluation) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Return rows on the bands, on typologies and on single columns."""
    assert report.detectability is not None
    assert report.audit is not None
    whole = report.detectability
    judged = whole["remote"] or whole
    measures = [
        {"measure": f"{one['facts']['stream']}: {name}", "value": one["facts"][name], "interval": "", "wanted": "",
         "kept": None}
        for one in (whole, judged) for name in FACTS
    ]  # fmt: skip
    for row in whole["bands"]:
        between = "" if row["low"] is None else f"{row['low']:.4g} to {row['high']:.4g}"
        name = row["figure"].partition(": ")[0]
        measures.append({"measure": name, "value": row["value"], "interval": between, "wanted": row["band"],
                         "kept": bool(row["kept"])})  # fmt: skip
    typologies = [
        {"model": model, "typology": name, **{key: one[key]["value"] for key in ("roc_auc", "roc_auc_alike")}}
        for model, by in whole["typologies"].items()
        for name, one in by.items()
    ]
    columns = [
        {"column": one["columns"], "roc_auc": one["roc_auc"], "recall": one["recall"]}
        for one in report.audit["findings"]["columns"]
        if one["target"] == "fraud"
    ]
    return measures, typologies, sorted(columns, key=lambda row: -row["roc_auc"])


def figures(scenario: str, seed: int, overrides: dict[str, Any]) -> tuple[dict[str, float], dict[str, float]]:
    """Return the figures of the bands of one run with its fraud by rows and rate, and how each typology is found.

    The second is the ROC AUC of boosting with history among all payments of the same rail, kind and channel, of the
    typologies that the training knew.
    """
    with tempfile.TemporaryDirectory() as folder:
        data = finsim.run(scenario, out=Path(folder) / "run", seed=seed, overrides=overrides)
        found = finsim.evaluate(data, parts=("detectability",), repeats=0).detectability
    assert found is not None
    judged = found["remote"] or found
    out = {"share of tested rows that are fraud": found["facts"]["test_base_rate"]}
    out |= {band.figure: judged["figures"][band.model][band.measure]["value"] for band in bands.BANDS}
    out |= {f"{model}, ROC AUC": judged["figures"][model]["roc_auc"]["value"] for model in bands.ORDER[:-1]}
    out["fraud rows a compromised card and day"] = judged["facts"]["fraud_rows_a_compromised_card_day"]
    by = found["typologies"][bands.HISTORY]
    return out, {name: by[name][ALIKE]["value"] for name in found["learned"] if name in by}


def ordered(runs: list[dict[str, float]]) -> tuple[list[dict[str, Any]], str, bool]:
    """Return one row a typology that two runs knew, the easiest first; whether they stand in order, as a line too."""
    rows, found = [], {}
    for name in sorted(set().union(*runs)):
        values = [run[name] for run in runs if name in run]
        if len(values) > 1:
            found[name] = Estimate(*mean_interval(values))
            rows.append({"typology": name, "seeds": len(values), "ROC AUC": found[name].value, "from": found[name].low,
                         "to": found[name].high})  # fmt: skip
    kept = not bands.out_of_order(found)
    verdict = f"card testing easiest, purchase scams and friendly fraud hardest: {'yes' if kept else 'NO'}"
    missing = sorted({*bands.EASIEST, *bands.HARDEST} - set(found))
    if missing:
        verdict += f", as far as can be said: the training knew too little of {', '.join(missing)}"
    return sorted(rows, key=lambda row: -float(row["ROC AUC"])), verdict, kept


def averaged(args: argparse.Namespace) -> tuple[list[dict[str, Any]], list[dict[str, float]]]:
    """Return one row a figure, and the typologies of each run where there is one level of difficulty.

    A row holds the means at each level, with the band where there is one level.
    """
    seeds, overrides = range(args.seed, args.seed + args.seeds), parse_settings(args.set)
    levels = args.difficulty or [None]
    added: dict[Any, dict[str, Any]] = {level: {} if level is None else {"fraud.difficulty": level} for level in levels}
    jobs = [(args.scenario, seed, overrides | added[level]) for level in levels for seed in seeds]
    found = side_by_side(figures, jobs, args.processes)
    runs = {level: [one for one, _ in found[k * len(seeds) :][: len(seeds)]] for k, level in enumerate(levels)}
    wanted = {band.figure: band for band in bands.BANDS}
    rows = []
    for name in runs[levels[0]][0]:
        row: dict[str, Any] = {"figure": name}
        for level, some in runs.items():
            mean, low, high = mean_interval([run[name] for run in some])
            prefix = "" if level is None else f"difficulty {level:g}: "
            row |= {f"{prefix}mean": mean, f"{prefix}interval": f"{low:.3g} to {high:.3g}"}
        band = wanted.get(name)
        row["band"] = "" if band is None else str(band)
        if levels == [None]:
            row["kept"] = None if band is None else bool(band.kept(row["mean"]))
        rows.append(row)
    return rows, [typologies for _, typologies in found] if levels == [None] else []


def main() -> None:
    """Measure a data set, or runs made for it, and say whether they hold what the project promises."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", type=Path, help="data set; without one the scenario is run")
    parser.add_argument("--scenario", default="baseline")
    parser.add_argument("--seeds", type=int, default=3, help="runs whose mean is taken, 2 or more")
    parser.add_argument("--seed", type=int, default=1, help="the first of them")
    parser.add_argument("--difficulty", type=float, nargs="+", help="levels of fraud.difficulty")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as in finsim run")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if args.path is None:
        if args.seeds < 2:
            parser.error("--seeds must be 2 or more: one run gives no interval")
        rows, typologies = averaged(args)
        seeds = f"mean of {args.seeds} seeds from {args.seed} on"
        title = f"Detectability of fraud in remote card payments: {args.scenario}, {seeds}"
        if args.difficulty:
            show(title, rows, as_json=args.json)
            return
        ranking, verdict, in_order = ordered(typologies)
        if args.json:
            show(title, [*rows, *ranking], [verdict], as_json=True)
        else:
            show(title, rows)
            show("Typologies in all payments, boosting with history among payments alike", ranking, [verdict])
        if not in_order or any(row["kept"] is False for row in rows):
            raise SystemExit(1)
        return
    report = finsim.evaluate(args.path, parts=("detectability", "leaks"))
    measures, by_typology, columns = tables(report)
    if args.json:
        show("Detectability", [*measures, *by_typology, *columns], report.leaks, as_json=True)
        return
    show("Detectability of fraud", measures)
    show("By model and typology", by_typology)
    show("Each column alone, all fraud", columns, report.leaks)


if __name__ == "__main__":
    main()
