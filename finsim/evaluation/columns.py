"""Columns of a row for the audit: its own, and what a bank adds from the tables of its entities and events."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from finsim.dataset.reader import Dataset
from finsim.evaluation.history import kilometres
from finsim.evaluation.rows import CATEGORIES, NULLABLE, PRESENT

OWN_CATEGORIES: Final = (*CATEGORIES, *PRESENT)
OWN_NUMBERS: Final = (
    "amount",
    "original_amount",
    "latitude",
    "longitude",
    "hour",
    "weekday",
    "minute",
    "cents",
    "second",
    "microsecond",
    "month_day",
)
JOINED_CATEGORIES: Final = (
    "payer_kind",
    "payee_kind",
    "payer_owner",
    "payee_owner",
    "segment",
    "sex",
    "region",
    "income_band",
    "card_kind",
    "card_owner",
    "device_kind",
    "device_owner",
    "merchant_online",
)
JOINED_NUMBERS: Final = (
    "age",
    "customer_days",
    "payer_days",
    "payee_days",
    "card_days",
    "device_days",
    "merchant_days",
    "km_from_home",
)
OUTCOME_CATEGORIES: Final = ("decision", "decline_reason", "challenge", "control_group", "has_related")
OUTCOME_NUMBERS: Final = ("score", "posting_hours", "payer_balance_after", "payee_balance_after")
FEATURE_COLUMNS: Final = (*OWN_CATEGORIES, *OWN_NUMBERS, *JOINED_CATEGORIES, *JOINED_NUMBERS)
OUTCOME_COLUMNS: Final = (*OUTCOME_CATEGORIES, *OUTCOME_NUMBERS)
CATEGORICAL: Final = frozenset((*OWN_CATEGORIES, *JOINED_CATEGORIES, *OUTCOME_CATEGORIES))


def widened(data: Dataset, rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows of `attempts` with what a bank knows of the accounts, customer, card, device and merchant.

    Ages are days from opening, issue or first sight to the row. Times in the future of a row (blocking, closing) and
    closing balances are not there.

    Args:
        data: the data set.
        rows: its rows.
    """
    time = pl.col("timestamp")
    out = rows.with_columns(
        second=time.dt.second(),
        microsecond=time.dt.microsecond(),
        month_day=time.dt.day(),
        has_related=pl.col("related_transaction_id").is_not_null(),
        posting_hours=(pl.col("posted_at") - time).dt.total_microseconds() / 3.6e9,
    )
    accounts = data.accounts.select("account_id", "kind", "owner_kind", "opened_at").collect()
    for side in ("payer", "payee"):
        named = accounts.select(
            pl.col("account_id").alias(f"{side}_account_id"),
            pl.col("kind").alias(f"{side}_kind"),
            pl.col("owner_kind").alias(f"{side}_owner"),
            pl.col("opened_at").alias(f"{side}_days"),
        )
        out = out.join(named, on=f"{side}_account_id", how="left", maintain_order="left")
    customers = data.customers.select(
        "customer_id",
        "segment",
        "birth_year",
        "sex",
        "region",
        "income_band",
        home_lat="latitude",
        home_lon="longitude",
        customer_days="customer_since",
    ).collect()
    cards = data.cards.select("card_id", card_kind="kind", card_days="issued_at", holder="customer_id").collect()
    devices = data.devices.select(
        "device_id", device_kind="kind", device_days="first_seen_at", keeper="customer_id", listed=True
    ).collect()
    merchants = data.merchants.select("merchant_id", merchant_online="online", merchant_days="opened_at").collect()
    for key, table in (
        ("customer_id", customers),
        ("card_id", cards),
        ("device_id", devices),
        ("merchant_id", merchants),
    ):
        out = out.join(table, on=key, how="left", maintain_order="left")
    home = [out[name].cast(pl.Float64).to_numpy() for name in ("latitude", "longitude", "home_lat", "home_lon")]
    days = [
        (time - pl.col(name)).dt.total_microseconds() / 8.64e10 for name in JOINED_NUMBERS if name.endswith("_days")
    ]
    return out.with_columns(
        *(one.alias(name) for one, name in zip(days, (n for n in JOINED_NUMBERS if n.endswith("_days")), strict=True)),
        pl.Series("km_from_home", kilometres(*home)),
        age=time.dt.year() - pl.col("birth_year"),
        card_owner=_owner("card_id", "holder", pl.lit(True)),
        device_owner=_owner("device_id", "keeper", pl.col("listed").fill_null(False)),
    ).drop("birth_year", "home_lat", "home_lon", "holder", "keeper", "listed")


def _owner(key: str, owner: str, listed: pl.Expr) -> pl.Expr:
    """Return whose means it is: `none` used, `unlisted`, `shared`, the customer's `own`, or an `other` customer's."""
    return (
        pl.when(pl.col(key).is_null())
        .then(pl.lit("none"))
        .when(~listed)
        .then(pl.lit("unlisted"))
        .when(pl.col(owner).is_null())
        .then(pl.lit("shared"))
        .when(pl.col(owner) == pl.col("customer_id"))
        .then(pl.lit("own"))
        .otherwise(pl.lit("other"))
    )


def since_events(data: Dataset, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the hours from the customer's last event of each kind to each row, NaN where there was none.

    Args:
        data: the data set; kinds of events that it has give one column each.
        rows: rows in time order.
    """
    events = (
        data.events.select("customer_id", "event_at", kind=pl.col("kind").cast(pl.String)).sort("event_at").collect()
    )
    base = rows.select("customer_id", "timestamp")
    out = {}
    for kind in sorted(events["kind"].unique()):
        some = events.filter(pl.col("kind") == kind).select("customer_id", "event_at")
        found = base.join_asof(
            some,
            left_on="timestamp",
            right_on="event_at",
            by="customer_id",
            strategy="backward",
            check_sortedness=False,
        )
        hours = (found["timestamp"] - found["event_at"]).dt.total_microseconds() / 3.6e9
        out[f"hours_since_{kind}"] = hours.fill_null(np.nan)
    return pl.DataFrame(out)


__all__ = ["CATEGORICAL", "FEATURE_COLUMNS", "NULLABLE", "OUTCOME_COLUMNS", "since_events", "widened"]
