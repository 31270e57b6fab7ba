"""Whether accounts, devices, addresses or pairs of accounts that fraud touches stand out by their totals alone.

An account's totals run over the whole data set, its stolen money included, as a naive analyst would take them.
Customers' accounts are set against accounts of the same kind; outside and merchants' accounts are left out, because
what is large there meets more of everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from finsim.dataset.reader import Dataset
from finsim.evaluation.separation import Contrast, Finding, cut
from finsim.evaluation.targets import LEAST_ROWS, Target

if TYPE_CHECKING:
    from finsim.evaluation.leaks import Table

LEAST_ENTITIES: Final = 15
"""Accounts, devices or addresses that a target needs."""
Bools = NDArray[np.bool_]


def accounts_apart(data: Dataset) -> Iterator[Contrast]:
    """Yield what totals, counts, ratio and degree of customers' accounts tell of victims, receivers and launderers.

    Args:
        data: the data set.
    """
    marks = data.truth.select("transaction_id", "is_fraud", "is_laundering")
    moved = (
        data.transactions.filter(pl.col("decision").cast(pl.String) == "approved")
        .select("transaction_id", "timestamp", "amount", "payer_account_id", "payee_account_id")
        .join(marks, on="transaction_id", how="left")
        .with_columns(pl.col("is_fraud", "is_laundering").fill_null(False), whole=(pl.col("amount") % 10 == 0))
        .collect()
    )
    table = data.accounts.filter(pl.col("owner_kind").cast(pl.String) == "customer").select(
        "account_id", pl.col("kind").cast(pl.String)
    ).collect()  # fmt: skip
    for side, other, short in (("payer", "payee", "out"), ("payee", "payer", "in")):
        totals = moved.group_by(pl.col(f"{side}_account_id").alias("account_id")).agg(
            pl.len().cast(pl.Float64).alias(f"count_{short}"), pl.col("amount").sum().alias(f"sum_{short}"),
            pl.col("amount").max().alias(f"largest_{short}"), pl.col("amount").mean().alias(f"mean_{short}"),
            pl.col("whole").mean().alias(f"whole_tens_{short}"),
            pl.col(f"{other}_account_id").n_unique().cast(pl.Float64).alias(f"degree_{short}"),
            pl.col("is_fraud").any().alias(f"fraud_{short}"),
            pl.col("is_laundering").any().alias(f"laundering_{short}"),
        )  # fmt: skip
        table = table.join(totals, on="account_id", how="left", maintain_order="left")
    table = table.with_columns(
        out_per_in=pl.col("sum_out") / pl.col("sum_in"),
        net=pl.col("sum_in").fill_null(0) - pl.col("sum_out").fill_null(0),
        degree_ratio=pl.col("degree_out") / pl.col("degree_in"), count_ratio=pl.col("count_out") / pl.col("count_in"),
    ).filter(pl.col("count_in").is_not_null() | pl.col("count_out").is_not_null())  # fmt: skip
    marked = {
        name: table[name].fill_null(False).to_numpy()
        for name in table.columns
        if name.startswith(("fraud_", "laundering_"))
    }
    tainted = np.logical_or.reduce(list(marked.values()))
    numbers = table.drop("account_id", "kind", *marked)
    kind = table["kind"].rank("dense").to_numpy()
    asked = {"accounts that fraud leaves": marked["fraud_out"], "accounts that fraud reaches": marked["fraud_in"],
             "laundering accounts": marked["laundering_out"] | marked["laundering_in"]}  # fmt: skip
    for name, positive in asked.items():
        yield from _apart(name, numbers, positive, positive | ~tainted, table["account_id"].to_numpy(), kind)


def devices_apart(rows: pl.DataFrame) -> Iterator[Contrast]:
    """Yield what use and sharing of devices tell of those that fraud uses."""
    yield from _means(rows, "device_id", "devices")


def addresses_apart(rows: pl.DataFrame) -> Iterator[Contrast]:
    """Yield what use and sharing of IP addresses tell of those that fraud uses."""
    yield from _means(rows, "ip_id", "addresses")


def _means(rows: pl.DataFrame, key: str, name: str) -> Iterator[Contrast]:
    table = (
        rows.filter(pl.col(key).is_not_null())
        .group_by(key)
        .agg(
            pl.len().alias("count"), pl.col("customer_id").n_unique().alias("customers"),
            pl.col("card_id").n_unique().alias("cards"), pl.col("amount").sum().alias("sum"),
            pl.col("amount").mean().alias("mean"), pl.col("amount").max().alias("largest"),
            (pl.col("merchant_id").n_unique() / pl.len()).alias("merchants_a_row"),
            ((pl.col("timestamp").max() - pl.col("timestamp").min()).dt.total_seconds() / 86_400).alias("days"),
            pl.col("timestamp").dt.date().n_unique().alias("active_days"),
            (pl.col("decision").cast(pl.String) == "declined").mean().alias("declined"),
            pl.col("is_fraud").any().alias("fraud"), pl.col("is_laundering").any().alias("laundering"),
        )
        .sort(key)
    )  # fmt: skip
    fraud, laundering = table["fraud"].to_numpy(), table["laundering"].to_numpy()
    numbers = table.drop(key, "fraud", "laundering")
    same = np.zeros(len(table))
    yield from _apart(f"{name} of fraud", numbers, fraud, fraud | ~laundering, table[key].to_numpy(), same)


def _apart(
    target: str,
    numbers: pl.DataFrame,
    positive: Bools,
    chosen: Bools,
    ids: NDArray[np.uint32],
    stratum: NDArray[np.generic],
) -> Iterator[Contrast]:
    """Yield the positives among the chosen entities, each a cluster of its own, with what each number tells."""
    if positive.sum() < LEAST_ENTITIES or (chosen & ~positive).sum() < LEAST_ENTITIES:
        return
    mark, groups = positive[chosen], np.unique(stratum[chosen], return_inverse=True)[1]
    wanted, there = np.bincount(groups[mark]), np.bincount(groups[~mark], minlength=int(groups.max()) + 1)
    weight = np.ones(len(mark))
    weight[~mark] = (np.pad(wanted, (0, len(there) - len(wanted))) / np.maximum(there, 1))[groups[~mark]]
    half = ((ids[chosen].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(41) & np.uint64(1)).astype(
        bool
    )
    cells = [
        cut(numbers[name].cast(pl.Float64).fill_null(np.nan).to_numpy()[chosen], mark, half) for name in numbers.columns
    ]
    yield Contrast(target, numbers.columns, cells, mark, half, np.arange(len(mark)), weight)


def pairs_apart(rows: pl.DataFrame, chosen: Iterable[Target], table: Table) -> Iterator[Finding]:
    """Yield what the dealings between payer and payee tell of payments to accounts that are no merchant's.

    Only the second half of the time is judged, so that a pair had time to deal before: a data set that begins in the
    middle of life does not know whom its customers paid earlier.

    Args:
        rows: rows of `widened`.
        chosen: what is told apart.
        table: their halves and clusters.
    """
    pair = ["payer_account_id", "payee_account_id"]
    columns = rows.select(
        pair_first=pl.struct(pair).is_first_distinct().cast(pl.Float64),
        pair_before=pl.int_range(pl.len()).over(pair).cast(pl.Float64),
        pair_count=pl.len().over(pair).cast(pl.Float64),
        pair_sum=pl.col("amount").sum().over(pair),
        pair_mean=pl.col("amount").mean().over(pair),
        pair_days=((pl.col("timestamp").max() - pl.col("timestamp").min()).over(pair).dt.total_seconds() / 86_400),
    )
    middle = rows["timestamp"].min() + (rows["timestamp"].max() - rows["timestamp"].min()) / 2  # type: ignore[operator]
    eligible = ((rows["timestamp"] > middle) & rows["merchant_id"].is_null()).to_numpy()
    for target in chosen:
        kept = eligible[target.rows]
        if (target.positive & kept).sum() >= LEAST_ROWS and (~target.positive & kept).sum() >= LEAST_ROWS:
            some = Target(target.name, target.rows[kept], target.positive[kept], target.weight[kept], target.lonely)
            yield from table.contrast(some, columns.columns, columns).columns()
