"""How easily one row alone gives fraud away: a small tree, every single column, and boosting for information.

    python benchmarks/detectability.py RUN_DIR
    python benchmarks/detectability.py --scenario baseline --set run.days=90

Rows: what a bank scores, that is purchases, withdrawals, transfers, bills, verifications, repayments and deposits,
whatever was decided about them. Releases of held rows are no attempts, and what banks, employers and merchants book
themselves (income, fees, interest, refunds, settlement, reimbursement, reversal, recovery) is never scored; both are
left out. Positive: truth says is_fraud. What mules pass on is not fraud and counts as negative.

Columns: all of the row but ids, balances, outcome columns (decision to posted_at) and the time itself, of which hour,
weekday and minute are kept; added are the cents of the amount and whether each id that may be null is there.

A tree of depth 3 and boosting are trained on the first 70 % of the time and tested on the rest. A category becomes
its fraud rate in the training part (null is a category too), which suits a tree more than dummies do. A single column
is tried upwards, downwards and, if it is a number, as 50 bins by their fraud rate in training; the best counts.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from printing import show
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.tree import DecisionTreeClassifier, export_text

import finsim
from finsim.dataset.reader import Dataset

SCORED = ("purchase", "withdrawal", "transfer", "bill", "verification", "repayment", "deposit")
CATEGORIES = (
    "rail", "kind", "channel", "currency", "original_currency", "mcc", "entry_mode", "authentication", "country",
    "payer_institution_id", "payee_institution_id",
)  # fmt: skip
NUMBERS = ("amount", "original_amount", "latitude", "longitude", "hour", "weekday", "minute", "cents")
PRESENT = ("merchant_id", "terminal_id", "card_id", "device_id", "ip_id")
TRAIN_SHARE = 0.7
BINS = 50
MOST_PRECISION, MOST_AUC, LEAST_FRAUD = 0.15, 0.90, 100
RATES = (0.0005, 0.003)


def attempts(data: Dataset) -> pl.DataFrame:
    """Return the rows that a bank scores, in time order, with `is_fraud` and `typology`."""
    rows = data.transactions.filter(pl.col("kind").cast(pl.String).is_in(SCORED))
    held = data.transactions.filter(pl.col("decision").cast(pl.String) == "held").select("transaction_id")
    rows = rows.join(held, left_on="related_transaction_id", right_on="transaction_id", how="anti")
    truth = data.truth.select("transaction_id", "is_fraud", "typology")
    time = pl.col("timestamp")
    return (
        rows.join(truth, on="transaction_id", how="left")
        .select(
            "timestamp", *CATEGORIES, "amount", "original_amount", "latitude", "longitude",
            pl.col("is_fraud").fill_null(False), "typology",
            *(pl.col(name).is_not_null().alias(f"has_{name.removesuffix('_id')}") for name in PRESENT),
            hour=time.dt.hour(), weekday=time.dt.weekday(), minute=time.dt.minute(),
            cents=(pl.col("amount") * 100).round().cast(pl.Int64) % 100,
        )
        .sort("timestamp")
        .collect()
    )  # fmt: skip


def encode(rows: pl.DataFrame, train: NDArray[np.bool_], fraud: NDArray[np.bool_]) -> tuple[list[str], NDArray[Any]]:
    """Return the columns' names and the rows as (n, k) float32; a category is its rate in the training part."""
    names, columns = [], []
    base = fraud[train].mean()
    for name in CATEGORIES:
        codes = rows[name].cast(pl.String).fill_null("").rank("dense").to_numpy().astype(np.int64)
        size = codes.max() + 1
        seen = np.bincount(codes[train], minlength=size)
        # One more row at the base rate, so that a category that training lacks stands in the middle.
        rate = (np.bincount(codes[train & fraud], minlength=size) + base) / (seen + 1)
        names.append(name)
        columns.append(rate[codes])
    for name in NUMBERS:
        names.append(name)
        columns.append(rows[name].cast(pl.Float64).fill_null(-1000.0).to_numpy())
    for name in PRESENT:
        names.append(f"has_{name.removesuffix('_id')}")
        columns.append(rows[names[-1]].to_numpy())
    return names, np.column_stack(columns).astype(np.float32)


def binned(values: NDArray[Any], train: NDArray[np.bool_], fraud: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the fraud rate, in the training part, of the bin of each value, so that no direction is assumed."""
    edges = np.unique(np.quantile(values[train], np.linspace(0, 1, BINS + 1)[1:-1]))
    codes = np.searchsorted(edges, values, side="right")
    size = len(edges) + 1
    base = fraud[train].mean()
    rate = (np.bincount(codes[train & fraud], minlength=size) + base) / (np.bincount(codes[train], minlength=size) + 1)
    out: NDArray[np.float64] = rate[codes]
    return out


def measure(data: Dataset, boosting: bool) -> tuple[dict[str, Any], list[dict[str, Any]], str]:
    """Return the summary, one row a column, and the tree as text."""
    rows = attempts(data)
    fraud = rows["is_fraud"].to_numpy()
    time = rows["timestamp"].dt.epoch("us").to_numpy()
    train = time < time[0] + TRAIN_SHARE * (time[-1] - time[0])
    test = ~train
    names, x = encode(rows, train, fraud)
    tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(x[train], fraud[train])
    precision = average_precision_score(fraud[test], tree.predict_proba(x[test])[:, 1])
    columns = []
    for i, name in enumerate(names):
        auc = roc_auc_score(fraud[test], x[test, i])
        ways = {"up": auc, "down": 1 - auc}
        if name in NUMBERS:
            ways["bins"] = roc_auc_score(fraud[test], binned(x[:, i], train, fraud)[test])
        best = max(ways, key=lambda way: ways[way])
        columns.append({"column": name, "roc_auc": float(ways[best]), "as": "rate" if name in CATEGORIES else best})
    columns.sort(key=lambda row: -row["roc_auc"])
    summary: dict[str, Any] = {
        "rows": len(rows), "fraud": int(fraud.sum()), "base_rate": float(fraud.mean()),
        "fraud_in_test": int(fraud[test].sum()), "base_rate_in_test": float(fraud[test].mean()),
        "tree_average_precision": float(precision), "highest_single_auc": columns[0]["roc_auc"],
    }  # fmt: skip
    if boosting:
        model = HistGradientBoostingClassifier(
            max_iter=80,
            learning_rate=0.05,
            max_leaf_nodes=8,
            min_samples_leaf=200,
            early_stopping=False,
            random_state=0,
        ).fit(x[train], fraud[train])
        score = model.predict_proba(x[test])[:, 1]
        summary["boosting_average_precision"] = float(average_precision_score(fraud[test], score))
        summary["boosting_roc_auc"] = float(roc_auc_score(fraud[test], score))
    kinds = rows.with_columns(test=test).filter("is_fraud").group_by("typology").agg(pl.len(), pl.col("test").sum())
    summary["typologies"] = {row[0]: {"all": row[1], "in_test": row[2]} for row in kinds.sort("typology").iter_rows()}
    return summary, columns, export_text(tree, feature_names=names, show_weights=True, decimals=4)


def main() -> None:
    """Measure a data set, or a run made for it, and say whether it holds what the project promises."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", type=Path, help="data set; without one the scenario is run")
    parser.add_argument("--scenario", default="baseline")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as in finsim run")
    parser.add_argument("--no-boosting", action="store_true")
    parser.add_argument("--tree", action="store_true", help="print the tree")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if args.path is not None:
        summary, columns, tree = measure(finsim.open_dataset(args.path), not args.no_boosting)
    else:
        overrides = dict(item.split("=", 1) for item in args.set)
        with tempfile.TemporaryDirectory() as folder:
            data = finsim.run(args.scenario, out=Path(folder) / "run", seed=args.seed, overrides=overrides)
            summary, columns, tree = measure(data, not args.no_boosting)
    typologies = summary.pop("typologies")
    limits = {
        "base_rate": f"{RATES[0]} to {RATES[1]}", "fraud_in_test": f"at least {LEAST_FRAUD}",
        "tree_average_precision": f"below {MOST_PRECISION}", "highest_single_auc": f"at most {MOST_AUC}",
    }  # fmt: skip
    kept = {
        "base_rate": RATES[0] <= summary["base_rate"] <= RATES[1],
        "fraud_in_test": summary["fraud_in_test"] >= LEAST_FRAUD,
        "tree_average_precision": summary["tree_average_precision"] < MOST_PRECISION,
        "highest_single_auc": summary["highest_single_auc"] <= MOST_AUC,
    }
    rows = [{"measure": k, "value": v, "wanted": limits.get(k, ""), "kept": kept.get(k)} for k, v in summary.items()]
    if args.json:
        show("Detectability", [*rows, *columns], [str(typologies)], as_json=True)
        return
    show("Detectability of fraud from one row alone", rows)
    show("Fraud rows by typology", [{"typology": name, **counts} for name, counts in typologies.items()])
    show("Each column alone, test part", columns, [tree] if args.tree else [])


if __name__ == "__main__":
    main()
