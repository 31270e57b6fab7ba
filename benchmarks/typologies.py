"""Campaigns, rows and order of stages of every typology; exit 1 where one has too few or breaks its order.

    python benchmarks/typologies.py RUN [--least 30] [--json]

RUN is a data set, usually of `all_typologies`. A campaign is in order where the first row of each stage comes no
earlier than the first rows of the stages before it, as the typology lists them. Stages that are alternatives
(`ALTERNATIVES`) share a place. Layering and cash-out are what each part of the money goes through by itself, while
victims still pay: a customer's account passes money on only after the campaign has paid it some. Campaigns that began
before the data set are counted only.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import polars as pl
from printing import show

import finsim
from finsim.agents.fraud import registry
from finsim.dataset.reader import Dataset

ALTERNATIVES = {
    "agent_fraud": {"split": 0, "phantom": 0, "overcharge": 0},
    "merchant_collusion": {"cover": 0, "sale": 1, "laundered_sale": 1, "refund": 2},
}
"""Places of the stages of typologies in which a campaign takes one or the other."""

MULES = ("layering", "cash_out")


def places(typology: str) -> dict[str, int]:
    """Return the place of each stage of a typology, without what mules do."""
    stages = [stage for stage in registry()[typology].stages if stage not in MULES]
    return ALTERNATIVES.get(typology) or {stage: k for k, stage in enumerate(stages)}


def out_of_order(rows: pl.DataFrame, place: dict[str, int]) -> int:
    """Return how many campaigns break the order of their stages.

    Args:
        rows: campaign_id, stage, timestamp, both accounts and the payer's balance of the rows of one typology.
        place: place of each stage that is no mule's.
    """
    own = rows.filter(pl.col("stage").is_in(list(place)))
    own = own.with_columns(place=pl.col("stage").replace_strict(place, return_dtype=pl.Int8))
    first = own.group_by("campaign_id", "place").agg(pl.col("timestamp").min()).sort("campaign_id", "place")
    back = first.filter((pl.col("timestamp").diff() < pl.duration(seconds=0)).over("campaign_id"))
    paid = rows.group_by("campaign_id", payer_account_id="payee_account_id").agg(paid=pl.col("timestamp").min())
    moved = rows.filter(pl.col("stage").is_in(MULES), pl.col("payer_balance_after").is_not_null())
    moved = moved.join(paid, on=["campaign_id", "payer_account_id"], how="left")
    early = moved.filter(pl.col("paid").is_null() | (pl.col("timestamp") < pl.col("paid")))
    return len(set(back["campaign_id"]) | set(early["campaign_id"]))


def typologies(data: Dataset) -> list[dict[str, Any]]:
    """Return a row for each typology: campaigns, rows, campaigns out of order, rows by stage."""
    word = pl.col("typology", "stage").cast(pl.String)
    seen = ("timestamp", "payer_account_id", "payee_account_id", "payer_balance_after")
    times = data.transactions.select("transaction_id", *seen)
    truth = data.truth.select("transaction_id", "campaign_id", word).join(times, on="transaction_id").collect()
    campaigns = data.campaigns.select("campaign_id", "started_at", pl.col("typology").cast(pl.String)).collect()
    begun = campaigns.filter(
        pl.col("started_at") >= pl.lit(data.manifest["first_day"]).str.to_datetime(time_zone="UTC")
    )
    found = []
    for name in registry():
        rows = truth.filter(pl.col("typology") == name)
        counts = dict(rows.group_by("stage").len().rows())
        found.append(
            {
                "typology": name,
                "campaigns": int((campaigns["typology"] == name).sum()),
                "rows": len(rows),
                "out of order": out_of_order(rows.join(begun, on="campaign_id", how="semi"), places(name)),
                "stages": ", ".join(f"{stage} {counts.get(stage, 0)}" for stage in registry()[name].stages),
            }
        )
    return found


def main() -> int:
    """Print the table; return 1 if a typology has too few campaigns or one that is out of order."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="data set")
    parser.add_argument("--least", type=int, default=30, help="campaigns that each typology has at least [30]")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    rows = typologies(finsim.open_dataset(arguments.run))
    bad = [row["typology"] for row in rows if row["campaigns"] < arguments.least or row["out of order"]]
    note = f"Too few campaigns, or some out of order: {', '.join(bad)}" if bad else "Nothing is missing."
    show(
        f"Typologies of {arguments.run}, at least {arguments.least} campaigns each",
        rows,
        [note],
        as_json=arguments.json,
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
