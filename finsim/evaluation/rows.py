"""The rows that are judged, and which of their columns a model may see.

A bank scores what customers ask for. Releases of held rows are no attempts, and what banks, employers and merchants
book themselves (income, fees, interest, settlement, reimbursement, reversal, recovery) is never scored: both are left
out. Refunds are kept for the audit, where bogus ones must not show, and left out of the models.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from finsim.dataset.labels import releases
from finsim.dataset.reader import Dataset

SCORED: Final = ("purchase", "withdrawal", "transfer", "bill", "verification", "repayment", "deposit")
"""Kinds that a bank scores."""
AUDITED: Final = (*SCORED, "refund")
CATEGORIES: Final = (
    "rail", "kind", "channel", "currency", "original_currency", "mcc", "entry_mode", "authentication", "country",
    "payer_institution_id", "payee_institution_id",
)  # fmt: skip
"""Columns of a row that are categories; a null is a category of its own."""
NUMBERS: Final = ("amount", "original_amount", "latitude", "longitude", "hour", "weekday", "minute", "cents")
"""Columns of a row that are numbers, those derived from its time and amount among them."""
IDS: Final = (
    "transaction_id", "customer_id", "payer_account_id", "payee_account_id", "merchant_id", "terminal_id", "card_id",
    "device_id", "ip_id",
)  # fmt: skip
"""Columns that are ids: no model sees them, and their patterns are audited."""
NULLABLE: Final = ("merchant_id", "terminal_id", "card_id", "device_id", "ip_id")
PRESENT: Final = tuple(f"has_{name.removesuffix('_id')}" for name in NULLABLE)
"""Whether an id that may be null is there."""
OUTCOMES: Final = ("decision", "decline_reason", "challenge", "score", "control_group", "payer_balance_after",
                   "payee_balance_after")  # fmt: skip
"""Columns that the decision leaves behind: no features, and audited apart."""
FEATURES: Final = (*CATEGORIES, *NUMBERS, *PRESENT)
"""Every column of a row that a model may see."""

DAY: Final = 86_400_000_000
"""Microseconds of a day."""


def attempts(data: Dataset, kinds: tuple[str, ...] = SCORED) -> pl.DataFrame:
    """Return the rows to be judged, in time order, with what truth says about each.

    Args:
        data: the data set.
        kinds: the kinds that count.

    Returns:
        one row an attempt: ids, features, outcome columns, `related_transaction_id`, and of the truth `is_fraud`,
        `is_laundering` (bool), `typology`, `campaign_id` (null where genuine), and `is_wronged`: fraud whose
        victim is the customer. Categories are as in the data set.
    """
    # What a bank books names a row of its own kind; only releases share kind with the held row that they name.
    rows = data.transactions.filter(pl.col("kind").cast(pl.String).is_in(kinds)).join(
        releases(data.transactions), on="transaction_id", how="anti"
    )
    truth = data.truth.select(
        "transaction_id", "is_fraud", "is_laundering", "typology", "campaign_id", "victim_customer_id"
    )
    time = pl.col("timestamp")
    return (
        rows.join(truth, on="transaction_id", how="left")
        .select(
            "timestamp", *IDS, *CATEGORIES, "amount", "original_amount", "latitude", "longitude", *OUTCOMES,
            "posted_at", "related_transaction_id", "typology", "campaign_id",
            pl.col("is_fraud").fill_null(False), pl.col("is_laundering").fill_null(False),
            (pl.col("is_fraud") & (pl.col("victim_customer_id") == pl.col("customer_id"))).fill_null(False)
            .alias("is_wronged"),
            *(pl.col(name).is_not_null().alias(flag) for name, flag in zip(NULLABLE, PRESENT, strict=True)),
            hour=time.dt.hour(), weekday=time.dt.weekday(), minute=time.dt.minute(),
            cents=(pl.col("amount") * 100).round().cast(pl.Int64) % 100,
        )
        .sort("timestamp", "transaction_id")
        .collect()
    )  # fmt: skip


def codes(column: pl.Series) -> tuple[NDArray[np.int32], list[str]]:
    """Return the positions of a category's values, and the values; null is a value of its own, called `null`.

    Args:
        column: (n,) of any type with few values.

    Returns:
        (n,) int32 positions, and the values as text in sorted order.
    """
    values = column.unique().sort()
    positions = pl.DataFrame({"value": values, "code": np.arange(len(values), dtype=np.int32)})
    joined = pl.DataFrame({"value": column}).join(
        positions, on="value", how="left", nulls_equal=True, maintain_order="left"
    )
    names = ["null" if value is None else str(value) for value in values.to_list()]
    return joined["code"].to_numpy(), names


def microseconds(times: pl.Series) -> NDArray[np.int64]:
    """Return times as (n,) int64 microseconds since 1970; null is 0."""
    out: NDArray[np.int64] = times.dt.epoch("us").fill_null(0).to_numpy()
    return out
