"""How easily fraud is found: the figures of `finsim evaluate` for a data set, or for a run made for it.

    python benchmarks/detectability.py RUN_DIR
    python benchmarks/detectability.py --scenario baseline --set run.days=90

Baselines are trained on labels as they were known and tested on truth, as `finsim/evaluation/` says, and set beside the
bands of real data. Below them stands what each column alone tells of all fraud. `finsim evaluate` prints the rest:
typologies, pairs, ids, accounts.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from printing import show

import finsim
from finsim.evaluation.evaluate import Evaluation
from finsim.scenario import parse_settings


def tables(report: Evaluation) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Return rows on the bands, on typologies and on single columns."""
    assert report.detectability is not None
    assert report.audit is not None
    facts = report.detectability["facts"]
    names = ("rows", "fraud", "base_rate", "train_fraud_known", "test_fraud", "test_base_rate")
    measures = [{"measure": name, "value": facts[name], "interval": "", "wanted": "", "kept": None} for name in names]
    for row in report.detectability["bands"]:
        interval = "" if row["low"] is None else f"{row['low']:.4g} to {row['high']:.4g}"
        name = row["figure"].partition(": ")[0]
        measures.append({"measure": name, "value": row["value"], "interval": interval, "wanted": row["band"],
                         "kept": bool(row["kept"])})  # fmt: skip
    typologies = [
        {"model": model, "typology": name, **{key: one[key]["value"] for key in ("roc_auc", "average_precision")}}
        for model, by in report.detectability["typologies"].items()
        for name, one in by.items()
    ]
    columns = [
        {"column": one["columns"], "roc_auc": one["roc_auc"], "recall": one["recall"]}
        for one in report.audit["findings"]["columns"]
        if one["target"] == "fraud"
    ]
    return measures, typologies, sorted(columns, key=lambda row: -row["roc_auc"])


def main() -> None:
    """Measure a data set, or a run made for it, and say whether it holds what the project promises."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", type=Path, help="data set; without one the scenario is run")
    parser.add_argument("--scenario", default="baseline")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as in finsim run")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    parts = ("detectability", "leaks")
    if args.path is not None:
        report = finsim.evaluate(args.path, parts=parts)
    else:
        overrides = parse_settings(args.set)
        with tempfile.TemporaryDirectory() as folder:
            data = finsim.run(args.scenario, out=Path(folder) / "run", seed=args.seed, overrides=overrides)
            report = finsim.evaluate(data, parts=parts)
    measures, typologies, columns = tables(report)
    if args.json:
        show("Detectability", [*measures, *typologies, *columns], report.leaks, as_json=True)
        return
    show("Detectability of fraud", measures)
    show("By model and typology", typologies)
    show("Each column alone, all fraud", columns, report.leaks)


if __name__ == "__main__":
    main()
