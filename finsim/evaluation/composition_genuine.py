"""What genuine customers do that looks like fraud: how often, where that was published."""

from __future__ import annotations

from typing import Final

import polars as pl

from finsim.dataset.reader import Dataset
from finsim.evaluation.comparison import Comparison
from finsim.evaluation.money import Money
from finsim.evaluation.quotients import share

GOODS: Final = (5200, 5262, 5311, 5651, 5732)
"""MCC of shops whose goods are returned: home improvement, marketplaces, general merchandise, clothing, electronics."""
REPORTED_CASH: Final = 10_000.0
"""USD above which a bank reports cash."""


def look_alikes(out: Comparison, data: Dataset, money: Money) -> None:
    """Goods returned, which bogus refunds hide among, and large cash, which structured deposits stay below."""
    kind = pl.col("kind").cast(pl.String)
    approved = data.transactions.filter(pl.col("decision").cast(pl.String) == "approved")
    goods = (
        approved.filter(pl.col("mcc").is_in(GOODS), kind.is_in(("purchase", "refund")))
        .group_by(kind)
        .agg(pl.col("amount").sum())
        .collect()
    )
    sums = dict(goods.iter_rows())
    returned = share(sums.get("refund", 0.0), sums.get("purchase", 0.0))
    out.add("look-alikes", "goods returned, share of their sales", returned, "BEHAVIOUR-044", scale=0.01)
    cash = approved.filter(
        kind.is_in(("deposit", "withdrawal")),
        pl.col("channel").cast(pl.String).is_in(("branch", "atm")),
        pl.col("amount") > REPORTED_CASH,
    )
    number = cash.select(pl.len()).collect().item()
    large = 1000 * share(number, money.person_years)
    out.add("look-alikes", "cash above 10,000 USD, per 1,000 persons and year", large, "US-ctr-per-adult")
