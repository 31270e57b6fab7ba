"""Combinations of values that occur only in fraud, only in laundering, or only in genuine rows.

A combination that no genuine row has gives away the rows that do, whatever their share. One that fraud never has is
no proof of anything, and is listed where fraud would be expected in it.
"""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from finsim.dataset.reader import Dataset
from finsim.evaluation.columns import CATEGORICAL

COMBINATIONS: Final = (
    ("rail", "kind", "channel", "entry_mode", "authentication", "decline_reason"),
    ("rail", "kind", "channel", "device_owner"),
    ("rail", "kind", "channel", "card_owner", "card_kind"),
    ("rail", "kind", "payer_kind", "payee_kind"),
    ("kind", "has_merchant", "has_terminal", "has_card", "has_device", "has_ip"),
)
"""Columns whose combinations are looked at together; each category is looked at alone too."""
LEAST_ROWS, LEAST_CAMPAIGNS = 10, 5
"""Rows and campaigns from which on a combination without a genuine row counts as a leak, not as chance."""
EXPECTED: Final = 20.0
"""Fraud rows to be expected in a genuine combination for its lack of them to be worth a line."""


def exclusive(data: Dataset, rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the combinations, those that give most away first.

    Args:
        data: the data set; its events are read.
        rows: rows of `widened`.
    """
    singles = [(name,) for name in sorted(CATEGORICAL) if name in rows.columns]
    found = [one for columns in (*COMBINATIONS, *singles) for one in _only(rows, columns)]
    found += _events(data)
    order = {"leak": 0, "suspect": 1, "listed": 2}
    return sorted(found, key=lambda one: (order[one["verdict"]], -one["positives"], -one["genuine"], one["values"]))


def _only(rows: pl.DataFrame, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the combinations of some columns that only one sort of row has."""
    genuine = ~(pl.col("is_fraud") | pl.col("is_laundering"))
    campaigns = pl.col("campaign_id")
    groups = (
        rows.lazy()
        .group_by([pl.col(name).cast(pl.String).fill_null("null") for name in columns])
        .agg(
            genuine=genuine.sum(),
            fraud=pl.col("is_fraud").sum(),
            laundering=pl.col("is_laundering").sum(),
            fraud_campaigns=campaigns.filter(pl.col("is_fraud")).n_unique(),
            laundering_campaigns=campaigns.filter(pl.col("is_laundering")).n_unique(),
        )
        .collect()
    )
    out = []
    base = float(rows["is_fraud"].mean() or 0)  # type: ignore[arg-type]
    for row in groups.iter_rows(named=True):
        values = ", ".join(f"{row[name]}" for name in columns)
        entry = {"of": ", ".join(columns), "values": values, "genuine": row["genuine"]}
        for target in ("fraud", "laundering"):
            if row[target] and not row["genuine"]:
                sure = row[target] >= LEAST_ROWS and row[f"{target}_campaigns"] >= LEAST_CAMPAIGNS
                out.append(
                    {**entry, "target": target, "positives": row[target], "verdict": "leak" if sure else "suspect"}
                )
        if not row["fraud"] and not row["laundering"] and row["genuine"] * base >= EXPECTED:
            out.append({**entry, "target": "genuine", "positives": 0, "verdict": "listed"})
    return out


def _events(data: Dataset) -> list[dict[str, Any]]:
    """Return the kinds of events that only customers have whom fraud or laundering touches."""
    rows = data.transactions.select("transaction_id", "customer_id")
    touched = data.truth.join(rows, on="transaction_id").select("customer_id", "campaign_id")
    touched = touched.group_by("customer_id").agg(pl.col("campaign_id").first())
    table = (
        data.events.select("customer_id", pl.col("kind").cast(pl.String))
        .unique()
        .join(touched, on="customer_id", how="left")
        .group_by("kind")
        .agg(
            genuine=pl.col("campaign_id").is_null().sum(),
            fraud=pl.col("campaign_id").is_not_null().sum(),
            campaigns=pl.col("campaign_id").drop_nulls().n_unique(),
        )
        .sort("kind")
        .collect()
    )
    return [
        {
            "of": "events.kind",
            "values": row["kind"],
            "genuine": 0,
            "target": "fraud or laundering",
            "positives": row["fraud"],
            "verdict": "leak" if row["fraud"] >= LEAST_ROWS and row["campaigns"] >= LEAST_CAMPAIGNS else "suspect",
        }
        for row in table.iter_rows(named=True)
        if row["fraud"] and not row["genuine"]
    ]
