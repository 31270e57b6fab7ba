"""The rows of a run, cut the way published figures of payments are."""

from __future__ import annotations

import numpy as np
import polars as pl

from finsim.dataset.reader import Dataset

MONTH = 365.25 / 12
"""Days of a month."""


class Frames:
    """The rows of a run, cut the way the published figures are.

    Attributes:
        rows: all transactions but releases, with owners and kinds of both accounts, typology and payer's segment.
        payments: genuine approved payments of persons, with `means` and `category`, cash among them.
        persons: number of persons.
        months: length of the export in months.
        days: number of days of each weekday, Monday first.
    """

    def __init__(self, data: Dataset) -> None:
        accounts = data.accounts.select("account_id", "owner_id", kind=pl.col("kind").cast(pl.String))
        segments = data.customers.select("customer_id", "segment")
        held = data.transactions.filter(pl.col("decision").cast(pl.String) == "held").select("transaction_id")
        words = ("rail", "kind", "channel", "entry_mode", "decision", "decline_reason")
        self.rows = (
            data.transactions.join(held, left_on="related_transaction_id", right_on="transaction_id", how="anti")
            .select("transaction_id", "timestamp", "customer_id", "payer_account_id", "payee_account_id", "amount",
                    "merchant_id", "mcc", *(pl.col(word).cast(pl.String) for word in words))
            .join(accounts.rename(lambda name: f"payer_{name}"), on="payer_account_id", how="left")
            .join(accounts.rename(lambda name: f"payee_{name}"), on="payee_account_id", how="left")
            .join(data.truth.select("transaction_id", "is_fraud", "typology"), on="transaction_id", how="left")
            .join(segments, on="customer_id", how="left")
            .join(data.merchants.select("merchant_id", "category"), on="merchant_id", how="left")
            .collect()
        )  # fmt: skip
        self.persons = segments.filter(pl.col("segment") != "business").collect().height
        first, last = (np.datetime64(data.manifest[key], "D") for key in ("first_day", "last_day"))
        dates = np.arange(first, last + 1)
        self.months = len(dates) / MONTH
        self.days = np.bincount((dates.astype(int) + 3) % 7, minlength=7)
        own = (pl.col("payer_owner_id") == pl.col("payee_owner_id")) & (pl.col("kind") == "transfer")
        paying = pl.col("kind").is_in(["purchase", "bill", "transfer", "repayment"]) & ~own
        genuine = (pl.col("decision") == "approved") & pl.col("typology").is_null() & (pl.col("segment") != "business")
        credit = pl.col("payer_kind") == "credit_card"
        means = (
            pl.when((pl.col("rail") == "card") & credit).then(pl.lit("credit_card"))
            .when(pl.col("rail") == "card").then(pl.lit("debit_card"))
            .when(pl.col("rail") == "check").then(pl.lit("check"))
            .when(pl.col("kind") == "transfer").then(pl.lit("account_to_account"))
            .otherwise(pl.lit("bank"))
        )  # fmt: skip
        cash = (
            data.cash_hidden.join(segments, on="customer_id")
            .filter(pl.col("segment") != "business")
            .join(data.merchants.select("merchant_id", "category"), on="merchant_id", how="left")
            .with_columns(means=pl.lit("cash"), kind=pl.lit("purchase"), channel=pl.lit("pos"))
            .collect()
        )
        booked = self.rows.filter(paying & genuine).with_columns(means=means)
        columns = ["customer_id", "timestamp", "amount", "means", "kind", "channel", "category", "merchant_id"]
        self.payments = pl.concat([booked.select(columns), cash.select(columns)])
