"""The rows of a data set that losses are counted from, and the cases that they make up."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from finsim.dataset.reader import Dataset

PAYING: Final = ("purchase", "bill", "transfer", "withdrawal")
"""Kinds by which customers pay others: fraud is measured against their value."""


class Money:
    """The rows that composition is read from.

    Attributes:
        paid: approved payments of customers with payer's kind, typology and campaign, releases among them.
        tried: fraud attempts of any decision, without releases.
        stolen: the part of `paid` that is fraud.
        cases: one row a victim and campaign from which money left: typology, amount, first row, payments, report.
        customers: persons and firms.
        years: length of the data set.
    """

    def __init__(self, data: Dataset) -> None:
        words = ("rail", "kind", "channel", "decision", "country", "authentication")
        truth = data.truth.select(
            "transaction_id", "is_fraud", "typology", "campaign_id", victim=pl.col("victim_customer_id")
        )
        payer = data.accounts.select(payer_account_id="account_id", payer_kind=pl.col("kind").cast(pl.String))
        held = data.transactions.filter(pl.col("decision").cast(pl.String) == "held").select("transaction_id")
        rows = (
            data.transactions.filter(pl.col("kind").cast(pl.String).is_in((*PAYING, "verification", "deposit")))
            .select(
                "transaction_id",
                "timestamp",
                "customer_id",
                "payer_account_id",
                "amount",
                "related_transaction_id",
                "card_id",
                *(pl.col(word).cast(pl.String) for word in words),
            )
            .join(truth, on="transaction_id", how="left")
            .join(payer, on="payer_account_id", how="left")
            .with_columns(pl.col("is_fraud").fill_null(False))
        )
        # Of genuine rows only sums are needed, of fraud every row: memory stays with the fraud.
        good = rows.filter((pl.col("decision") == "approved") & pl.col("kind").is_in(PAYING))
        self.paid = (
            good.group_by("rail", "payer_kind", "kind", "channel")
            .agg(pl.len().alias("rows"), pl.col("amount").sum())
            .collect()
        )
        fraud = rows.filter("is_fraud").collect()
        release = fraud["related_transaction_id"].is_in(held.collect()["transaction_id"].implode()).fill_null(False)
        self.tried = fraud.filter(~release)
        self.stolen = fraud.filter(
            (pl.col("decision") == "approved") & pl.col("kind").is_in(PAYING) & (pl.col("amount") > 0)
        )
        self.customers = data.customers.select("customer_id", "segment", "birth_year").collect()
        first, last = (dt.date.fromisoformat(data.manifest[key]) for key in ("first_day", "last_day"))
        self.years = ((last - first).days + 1) / 365.25
        self.year = last.year
        self.cases = _cases(data, self.stolen)

    def value(self, *which: pl.Expr) -> float:
        """Return the value of approved payments."""
        return float(self.paid.filter(*which)["amount"].sum()) if which else float(self.paid["amount"].sum())

    def count(self, *which: pl.Expr) -> int:
        """Return the number of approved payments."""
        return int(self.paid.filter(*which)["rows"].sum())


def _cases(data: Dataset, stolen: pl.DataFrame) -> pl.DataFrame:
    """Return one row a victim and campaign from which money left, with the first report."""
    reports = (
        data.label_events.filter(pl.col("label").cast(pl.String) == "fraud")
        .group_by("transaction_id")
        .agg(pl.col("event_at").min(), pl.col("amount_recovered").max())
        .collect()
    )
    back = (
        data.transactions.filter(pl.col("kind").cast(pl.String).is_in(("reimbursement", "reversal")))
        .select(
            "related_transaction_id",
            signed=pl.when(pl.col("kind").cast(pl.String) == "reimbursement")
            .then("amount")
            .otherwise(-pl.col("amount")),
        )
        .collect()
    )
    back = back.group_by(transaction_id="related_transaction_id").agg(pl.col("signed").sum())
    return (
        stolen.join(reports, on="transaction_id", how="left")
        .join(back, on="transaction_id", how="left")
        .with_columns(victim=pl.coalesce("victim", "customer_id"))
        .group_by("campaign_id", "victim")
        .agg(
            pl.col("typology").first(),
            pl.col("amount").sum(),
            pl.col("timestamp").min(),
            pl.len().alias("payments"),
            pl.col("event_at").min(),
            pl.col("signed").sum().alias("reimbursed"),
            pl.col("rail").first(),
            pl.col("payer_kind").first(),
        )
        .sort("campaign_id", "victim")
    )
