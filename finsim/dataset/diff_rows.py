"""Matching the transactions of two runs by id, and which of them are genuine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from finsim.dataset.diff_report import GROUPS, Side
from finsim.dataset.reader import Dataset
from finsim.dataset.tables import TABLES

IDENTITY: Final = ("timestamp", "amount", "payer_account_id", "payee_account_id", "decision")
"""Columns that make two rows of one id identical."""

BALANCES: Final = ("payer_balance_after", "payee_balance_after")

BUCKET_ROWS: Final = 2_000_000
"""Rows of a run that are matched at once; ids are cut into so many buckets, to bound the memory."""

BANK_KINDS: Final = ("reimbursement", "reversal", "recovery", "write_off")
"""Kinds that a bank books because of an earlier row; fraud's if that row is, or lies before the data set."""

DETAILS: Final = (
    "kind", "customer_id", "merchant_id", "terminal_id", "device_id", "ip_id", "decline_reason", "challenge",
    "related_transaction_id", "payer_institution_id", *IDENTITY,
)  # fmt: skip


@dataclass(frozen=True)
class Matched:
    """The transactions of two runs, matched.

    Args:
        rows: rows that differ, in time order: transaction_id, group (changed, only_a, only_b), time (the earlier of
            the two), until (the later), genuine, campaign_id, and `DETAILS` of run A with those of run B as `..._b`;
            money in cents.
        genuine: rows and money of genuine transactions by group.
        other: the same of all others.
        changed_by: changed rows by the column that differs.
        cards: identical rows with another card.
        balances: identical rows with another balance.
    """

    rows: pl.DataFrame
    genuine: dict[str, Side]
    other: dict[str, Side]
    changed_by: dict[str, int]
    cards: int
    balances: int


def collect(frame: pl.LazyFrame) -> pl.DataFrame:
    """Run a query in batches."""
    return frame.collect(engine="streaming")


def match(a: Dataset, b: Dataset) -> Matched:
    """Match the transactions of two runs by id."""
    tainted = tainted_rows(a, b)
    count = max(int(data.manifest["rows"].get("transactions", 0)) for data in (a, b))
    buckets = max(1, -(-count // BUCKET_ROWS))
    sums, differing = [], []
    for bucket in range(buckets):
        both = _matched_bucket(a, b, tainted.lazy(), bucket, buckets)
        sums.append(_sums(both))
        rest = both.filter(pl.col("group") != "identical")
        differing.append(rest.select("transaction_id", "group", "genuine", "campaign_id"))
    total = pl.concat(sums).group_by("genuine", "group").sum()
    rows = _detailed(a, b, pl.concat(differing))
    changed = rows.filter(pl.col("group") == "changed")
    by = {name: int((changed[name] != changed[f"{name}_b"]).sum()) for name in IDENTITY}
    return Matched(
        rows,
        _sides(total.filter("genuine")),
        _sides(total.filter(~pl.col("genuine"))),
        {name: count for name, count in by.items() if count},
        int(total["cards"].sum()),
        int(total["balances"].sum()),
    )


def tainted_rows(a: Dataset, b: Dataset) -> pl.DataFrame:
    """Return the rows that are not genuine in either run: transaction_id, campaign_id (null where unknown)."""
    truth = pl.concat([data.truth.select("transaction_id", "campaign_id") for data in (a, b)])
    truth = collect(truth.unique("transaction_id", keep="first")).lazy()
    booked = pl.concat(
        data.transactions.filter(pl.col("kind").cast(pl.String).is_in(BANK_KINDS)).select(
            "transaction_id", root="related_transaction_id"
        )
        for data in (a, b)
    )
    booked = collect(booked.unique("transaction_id", keep="first")).lazy()
    # A reversal may name the reimbursement that it takes back: what that one names is at the root then.
    parent = booked.select(root="transaction_id", grandparent="root")
    booked = booked.join(parent, on="root", how="left").with_columns(root=pl.coalesce("grandparent", "root"))
    booked = booked.join(truth.rename({"transaction_id": "root"}), on="root", how="left")
    booked = booked.filter(pl.col("campaign_id").is_not_null() | pl.col("root").is_null())
    both = pl.concat([truth, booked.select("transaction_id", "campaign_id")])
    return collect(both.unique("transaction_id", keep="first"))


def _half(data: Dataset, bucket: int, buckets: int) -> pl.LazyFrame:
    rows = data.transactions.filter(pl.col("transaction_id") % buckets == bucket)
    return rows.select("transaction_id", "card_id", *BALANCES, *_plain(IDENTITY))


def _plain(names: tuple[str, ...]) -> list[pl.Expr]:
    """Return columns with money as cents and codes as the contract's enumerations, which compare across runs."""
    values = {column.name: column.values for column in TABLES["transactions"].columns if column.values}
    return [
        pl.col(name).cast(pl.Enum(values[name]))
        if name in values
        else (pl.col(name) * 100).round().cast(pl.Int64)
        if name == "amount"
        else pl.col(name)
        for name in names
    ]


def _matched_bucket(a: Dataset, b: Dataset, tainted: pl.LazyFrame, bucket: int, buckets: int) -> pl.DataFrame:
    """Return both runs' rows of one bucket, one line an id, with the group it belongs to."""
    left, right = _half(a, bucket, buckets), _half(b, bucket, buckets)
    both = left.join(right, on="transaction_id", how="full", suffix="_b", coalesce=True)
    both = both.join(tainted.with_columns(genuine=pl.lit(False)), on="transaction_id", how="left")
    same = pl.all_horizontal(pl.col(name) == pl.col(f"{name}_b") for name in IDENTITY)
    group = (
        pl.when(pl.col("timestamp_b").is_null())
        .then(pl.lit("only_a"))
        .when(pl.col("timestamp").is_null())
        .then(pl.lit("only_b"))
        .when(same)
        .then(pl.lit("identical"))
        .otherwise(pl.lit("changed"))
    )
    return collect(both.with_columns(pl.col("genuine").fill_null(True), group=group))


def _sums(both: pl.DataFrame) -> pl.DataFrame:
    identical = pl.col("group") == "identical"
    other = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_b")) for name in BALANCES)
    return both.group_by("genuine", "group").agg(
        rows=pl.len().cast(pl.Int64),
        value_a=pl.col("amount").sum(),
        value_b=pl.col("amount_b").sum(),
        cards=(identical & pl.col("card_id").ne_missing(pl.col("card_id_b"))).sum().cast(pl.Int64),
        balances=(identical & other).sum().cast(pl.Int64),
    )


def _sides(total: pl.DataFrame) -> dict[str, Side]:
    found = {row["group"]: Side(row["rows"], row["value_a"] / 100, row["value_b"] / 100) for row in total.to_dicts()}
    return {group: found.get(group, Side(0, 0.0, 0.0)) for group in GROUPS}


def _detailed(a: Dataset, b: Dataset, rows: pl.DataFrame) -> pl.DataFrame:
    """Return differing rows with all that explains them, in time order."""
    ids = rows.lazy().select("transaction_id")
    halves = [
        data.transactions.join(ids, on="transaction_id", how="semi").select("transaction_id", *_plain(DETAILS))
        for data in (a, b)
    ]
    both = halves[0].join(halves[1], on="transaction_id", how="full", suffix="_b", coalesce=True)
    both = rows.lazy().join(both, on="transaction_id", how="left")
    time = pl.min_horizontal("timestamp", "timestamp_b").cast(pl.Int64)
    until = pl.max_horizontal("timestamp", "timestamp_b").cast(pl.Int64)
    return collect(both.with_columns(time=time, until=until).sort("time", "transaction_id"))
