"""Is laundering given away? Accounts by their totals and counts, pairs of accounts, amounts and their endings.

    python benchmarks/laundering.py RUN

For each customer's checking account: rows, sums, means and partners of what comes in and goes out, by kind, and their
ratios. An account is a launderer's if truth names a laundering row of it. Each column is scored upwards and downwards,
all together by gradient boosting with cross-validation. A pair is new where the data set has no earlier payment of the
same payer to the same payee; the first 30 days are left out, since everything is new there. Amounts and pairs compare
transfers only.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from printing import show
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict

import finsim
from finsim.dataset.reader import Dataset

MOST_AUC = 0.90
FLOWS = ("transfer", "income", "deposit", "withdrawal", "purchase", "bill")
SETTLED_DAYS = 30


def rows_of(data: Dataset) -> pl.DataFrame:
    """Return approved rows with `laundering` and `typology`, in time order."""
    truth = data.truth.select("transaction_id", "is_laundering", pl.col("typology").cast(pl.String))
    columns = ("transaction_id", "timestamp", "payer_account_id", "payee_account_id", "amount")
    rows = data.transactions.filter(pl.col("decision").cast(pl.String) == "approved")
    rows = rows.select(*columns, pl.col("kind", "rail", "channel").cast(pl.String)).join(
        truth, on="transaction_id", how="left"
    )
    return rows.with_columns(laundering=pl.col("is_laundering").fill_null(False)).sort("timestamp").collect()


def account_table(data: Dataset, rows: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each customer's checking account: totals, counts and ratios, and `laundering`."""
    checking = data.accounts.filter(pl.col("kind").cast(pl.String) == "checking").select("account_id").collect()
    table = checking
    for side, other in (("payer", "payee"), ("payee", "payer")):
        for kind in FLOWS:
            part = rows.filter(pl.col("kind") == kind).group_by(f"{side}_account_id")
            part = part.agg(
                pl.len().alias(f"{side}_{kind}_rows"), pl.col("amount").sum().alias(f"{side}_{kind}_sum"),
                pl.col("amount").max().alias(f"{side}_{kind}_max"),
                pl.col(f"{other}_account_id").n_unique().alias(f"{side}_{kind}_partners"),
            )  # fmt: skip
            table = table.join(part, left_on="account_id", right_on=f"{side}_account_id", how="left")
    table = table.fill_null(0)
    both = pl.concat(
        rows.filter("laundering").select(account_id=f"{side}_account_id") for side in ("payer", "payee")
    ).unique()
    ratio = (pl.col("payer_transfer_sum") + 1) / (pl.col("payee_transfer_sum") + 1)
    balance = pl.min_horizontal("payer_transfer_sum", "payee_transfer_sum")
    return table.with_columns(
        transfer_ratio=ratio, evenness=-ratio.log().abs(), through=balance,
        laundering=pl.col("account_id").is_in(both["account_id"].implode()),
    )  # fmt: skip


def account_scores(table: pl.DataFrame) -> tuple[list[dict[str, Any]], float]:
    """Return the ROC AUC of each column, best first, and that of all together."""
    wanted = table["laundering"].to_numpy()
    names = [name for name in table.columns if name not in ("account_id", "laundering")]
    scores = []
    for name in names:
        auc = roc_auc_score(wanted, table[name].to_numpy())
        scores.append({"column": name, "roc_auc": float(max(auc, 1 - auc))})
    model = HistGradientBoostingClassifier(
        max_iter=60, learning_rate=0.05, max_leaf_nodes=8, min_samples_leaf=20, early_stopping=False, random_state=0
    )
    together = cross_val_predict(model, table.select(names).to_numpy(), wanted, cv=5, method="predict_proba")[:, 1]
    return sorted(scores, key=lambda row: -row["roc_auc"]), float(roc_auc_score(wanted, together))


def transfers(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Compare genuine and laundering transfers: new pairs, sizes and endings of amounts."""
    seen = rows.with_columns(new=pl.struct("payer_account_id", "payee_account_id").is_first_distinct())
    start = seen["timestamp"].min()
    late = seen.filter((pl.col("timestamp") > start + pl.duration(days=SETTLED_DAYS)) & (pl.col("kind") == "transfer"))
    cents = (pl.col("amount") * 100).round().cast(pl.Int64)
    ends = {f"multiple of {step}": (cents % (100 * step) == 0).mean() for step in (1, 5, 10, 100)}
    out = late.group_by("laundering").agg(
        pl.len().alias("rows"), pl.col("new").mean().alias("new pairs"), pl.col("amount").median().alias("median"),
        pl.col("amount").quantile(0.95).alias("95 %"), **ends,
    )  # fmt: skip
    return out.sort("laundering").to_dicts()


def typologies(rows: pl.DataFrame, data: Dataset) -> list[dict[str, Any]]:
    """Return campaigns, rows and volume of each typology of laundering."""
    campaigns = data.truth.select("transaction_id", "campaign_id").collect()
    own = rows.filter("laundering").join(campaigns, on="transaction_id")
    return (
        own.group_by("typology")
        .agg(
            pl.col("campaign_id").n_unique().alias("campaigns"), pl.len().alias("rows"),
            pl.col("amount").sum().alias("volume"), pl.col("amount").median().alias("median"),
        )
        .sort("typology")
        .to_dicts()
    )  # fmt: skip


def main() -> None:
    """Measure a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help="data set")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    data = finsim.open_dataset(args.path)
    rows = rows_of(data)
    table = account_table(data, rows)
    scores, together = account_scores(table)
    best = scores[0]["roc_auc"]
    notes = [
        f"laundering: {int(rows['laundering'].sum()):,} of {len(rows):,} approved rows; accounts: "
        f"{int(table['laundering'].sum())} of {len(table):,}",
        f"best single column: {best:.3f} (wanted: at most {MOST_AUC}); all columns together: {together:.3f}",
    ]
    show("Laundering by typology", typologies(rows, data), as_json=args.json)
    show("Transfers", transfers(rows), as_json=args.json)
    show("Accounts by one column", scores[:12], notes, as_json=args.json)
    if not np.isfinite(best) or best > MOST_AUC or together > MOST_AUC:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
