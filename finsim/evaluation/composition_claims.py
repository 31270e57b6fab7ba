"""What becomes of fraud: who bears it, what is reimbursed, how much of it is reported, and when."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from finsim.evaluation.comparison import Comparison
from finsim.evaluation.composition_rails import CLAIMED, DEBIT
from finsim.evaluation.money import FIRST_PARTY, NEW_ACCOUNTS, SCAMS, Money
from finsim.evaluation.quotients import share

SETTLED_DAYS: Final = 60
"""Days after which most claims have been paid and charged back; what is younger is left out of long enough data."""
SCAM: Final = pl.col("typology").is_in(SCAMS)
STRANGER: Final = ~pl.col("typology").is_in((*SCAMS, *FIRST_PARTY, *NEW_ACCOUNTS)) & pl.col("wronged")


def settled(money: Money, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows whose claims have run their course, if the data are long enough to tell; else all of them."""
    if money.years * 365.25 < 1.4 * SETTLED_DAYS or rows.is_empty():
        return rows
    return rows.filter(pl.col("timestamp") < money.end - dt.timedelta(days=SETTLED_DAYS))


def bearers(out: Comparison, money: Money) -> None:
    """Who bears fraud with debit cards, and what share of transfers and scams is reimbursed."""
    debit = settled(money, money.stolen.filter(CLAIMED & DEBIT))
    value, back = float(debit["amount"].sum()), float(debit["reimbursed"].sum())
    charged = float(debit["charged_back"].sum())
    for bearer, cost, figure in (
        ("merchant", charged, "US-028"),
        ("issuer", back - charged, "US-029"),
        ("cardholder", value - back, "US-034"),
    ):
        out.add("who bears the loss", f"debit cards: {bearer}", share(cost, value), figure, scale=0.01)
    instant = settled(money, money.stolen.filter((pl.col("rail") == "instant") & pl.col("reported")))
    for name, rows, figure in (
        ("strangers and scams", instant.filter(SCAM | STRANGER), "US-zelle-refunded"),
        ("strangers", instant.filter(STRANGER), "US-zelle-fraud-refunded"),
    ):
        part = share(rows["reimbursed"].sum(), rows["amount"].sum())
        out.add("reimbursement", f"instant payments, {name}, share of reported value", part, figure, scale=0.01)
    cases = settled(money, money.cases.filter(pl.col("event_at").is_not_null()))
    transfers = cases.filter(SCAM & (pl.col("rail") != "card"))
    part = share(len(transfers.filter(pl.col("reimbursed") > 0)), len(transfers))
    out.add("reimbursement", "scams by transfer, share of reported cases", part, "US-zelle-scams-refunded", scale=0.01)
    part = share(cases.filter(SCAM)["reimbursed"].sum(), cases.filter(SCAM)["amount"].sum())
    out.add("reimbursement", "scams, share of reported value", part)
    cards = cases.filter(STRANGER & (pl.col("rail") == "card"))
    part = share(len(cards.filter(pl.col("reimbursed") > 0)), len(cards))
    out.add("reimbursement", "cards, share of reported cases", part)


def reports(out: Comparison, money: Money) -> None:
    """How many cases are reported, and after how long."""
    days = (pl.col("event_at") - pl.col("timestamp")).dt.total_seconds() / 86_400
    for name, which, figure in (("strangers", STRANGER, "US-121"), ("scams", SCAM, "")):
        some = settled(money, money.cases.filter(which)).with_columns(days=days)
        part = share(some["event_at"].is_not_null().sum(), len(some))
        out.add("reports", f"{name}: reported share of cases", part, figure, scale=0.01)
        known = some["days"].drop_nulls()
        for quantile in (0.5, 0.9):
            out.add("reports", f"{name}: days to report, {quantile:.0%} quantile", known.quantile(quantile))
