"""The rows of a data set that losses are counted from, and the cases that they make up."""

from __future__ import annotations

import datetime as dt
from typing import Final

import polars as pl

from finsim.dataset.labels import releases
from finsim.dataset.reader import Dataset

PAYING: Final = ("purchase", "bill", "transfer", "withdrawal")
"""Kinds by which customers pay others: fraud is measured against their value."""
SCAMS: Final = (
    "purchase_scam",
    "investment_scam",
    "romance_scam",
    "advance_fee_scam",
    "invoice_redirection",
    "impersonation_scam",
)
"""Typologies in which the victim makes the payment."""
PERSONAL_SCAMS: Final = tuple(name for name in SCAMS if name != "invoice_redirection")
"""Those of persons. What firms of every size lose is published apart, and one such case weighs as much as fifty."""
FIRST_PARTY: Final = ("friendly_fraud", "refund_abuse", "agent_fraud")
"""Typologies in which a customer or an agent deceives: nobody's card or account is misused."""
NEW_ACCOUNTS: Final = ("application_fraud", "synthetic_identity")
"""Typologies with accounts that a ring opened."""
LONG: Final = ("investment_scam", "romance_scam")
"""Typologies whose campaigns last for months: their cases are cut by both ends of the data."""
LASTS_DAYS: Final = 150
"""Days in which nearly all of a long campaign's payments are made (assumption: 60 to 120 days, romance up to 300)."""
WORDS: Final = ("rail", "kind", "channel", "decision", "country", "authentication")


class Money:
    """The rows that composition is read from.

    Attributes:
        paid: approved payments of customers to others, in sums by rail, payer's kind, kind and channel.
        tried: fraud attempts of any decision, without releases.
        stolen: approved fraud, releases among it; `reported` says whether a claim or an analyst named it by the end of
            the data, `wronged` whether there is a customer whose account somebody else used or who was deceived.
        cases: one row a victim and campaign from which money left: typology, amount, first row, payments, report.
        customers: persons and firms.
        persons: persons alone.
        years: length of the data set.
        end: beginning of its last day.
        customer_years, person_years: time for which customers and persons were there, in the data.
    """

    def __init__(self, data: Dataset) -> None:
        first, last = (dt.date.fromisoformat(data.manifest[key]) for key in ("first_day", "last_day"))
        days = (last - first).days + 1
        self.years, self.year = days / 365.25, last.year
        self.customers = data.customers.select("customer_id", "segment", "birth_year", "customer_since").collect()
        there = (
            pl.lit(last) - pl.max_horizontal(pl.col("customer_since").cast(pl.Date), pl.lit(first))
        ).dt.total_days()
        self.customers = self.customers.with_columns(years=(there + 1).clip(0, days) / 365.25)
        self.persons = self.customers.filter(pl.col("segment").cast(pl.String) != "business")
        self.customer_years, self.person_years = (float(some["years"].sum()) for some in (self.customers, self.persons))
        rows = _rows(data)
        # Of genuine rows only sums are needed, of fraud every row: memory stays with the fraud.
        good = rows.filter((pl.col("decision") == "approved") & pl.col("kind").is_in(PAYING))
        self.paid = (
            good.group_by("rail", "payer_kind", "kind", "channel", "own")
            .agg(pl.len().alias("rows"), pl.col("amount").sum())
            .collect()
        )
        let_go = releases(data.transactions).select("transaction_id").collect()
        fraud = rows.filter("is_fraud").collect()
        release = fraud["transaction_id"].is_in(let_go["transaction_id"].implode())
        self.tried = fraud.filter(~release)
        taken = (pl.col("decision") == "approved") & pl.col("kind").is_in(PAYING) & (pl.col("amount") > 0)
        self.stolen = _followed(data, fraud.filter(taken))
        self.cases = _cases(self.stolen)
        start, self.end = (dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC) for day in (first, last))
        started = data.campaigns.filter(pl.col("started_at") >= start).select("campaign_id", "started_at").collect()
        self._begun = started["campaign_id"]
        early = started.filter(pl.col("started_at") <= self.end - dt.timedelta(days=LASTS_DAYS))
        self._whole = early["campaign_id"] if days >= 2 * LASTS_DAYS else self.cases["campaign_id"]

    def value(self, *which: pl.Expr) -> float:
        """Return the value of approved payments."""
        return float(self.paid.filter(*which)["amount"].sum()) if which else float(self.paid["amount"].sum())

    def count(self, *which: pl.Expr) -> int:
        """Return the number of approved payments."""
        return int(self.paid.filter(*which)["rows"].sum())

    def whole(self, typology: str) -> pl.DataFrame:
        """Return the cases of a typology that the data hold from the first payment to the last, as far as can be told.

        Of long campaigns those that began in the data and `LASTS_DAYS` before their end, if the data are twice as
        long; all of them otherwise.
        """
        some = self.cases.filter(pl.col("typology") == typology)
        return some.filter(pl.col("campaign_id").is_in(self._whole.implode())) if typology in LONG else some

    def begun(self, typology: str) -> int:
        """Return over how many cases the losses to a typology are spread: of long ones those that began in the data.

        The data hold the ends of cases that began before them and lack the ends of others; where as many begin at any
        time, both are worth the same, so losses over cases that began are the mean loss of a whole one.
        """
        some = self.cases.filter(pl.col("typology") == typology)
        return len(some.filter(pl.col("campaign_id").is_in(self._begun.implode())) if typology in LONG else some)


def _rows(data: Dataset) -> pl.LazyFrame:
    """Return the payments of customers with what is true of them."""
    truth = data.truth.select(
        "transaction_id", "is_fraud", "typology", "campaign_id", victim=pl.col("victim_customer_id")
    )
    owner = pl.concat_str("owner_kind", "owner_id", separator=" ")
    accounts = data.accounts.with_columns(owner=owner)
    payer = accounts.select(
        payer_account_id="account_id", payer_kind=pl.col("kind").cast(pl.String), payer_owner="owner"
    )
    payee = accounts.select(payee_account_id="account_id", payee_owner="owner")
    return (
        data.transactions.filter(pl.col("kind").cast(pl.String).is_in((*PAYING, "verification", "deposit")))
        .select(
            "transaction_id",
            "timestamp",
            "customer_id",
            "payer_account_id",
            "payee_account_id",
            "amount",
            "related_transaction_id",
            "card_id",
            *(pl.col(word).cast(pl.String) for word in WORDS),
        )
        .join(truth, on="transaction_id", how="left")
        .join(payer, on="payer_account_id", how="left")
        .join(payee, on="payee_account_id", how="left")
        .with_columns(
            pl.col("is_fraud").fill_null(False),
            own=(pl.col("payer_owner") == pl.col("payee_owner")).fill_null(False),
            wronged=pl.col("victim").is_not_null(),
        )
    )


def _followed(data: Dataset, stolen: pl.DataFrame) -> pl.DataFrame:
    """Return fraud with its first report, and what the customer and the bank got back: money, by row."""
    reports = (
        data.label_events.filter(pl.col("label").cast(pl.String) == "fraud")
        .group_by("transaction_id")
        .agg(pl.col("event_at").min())
        .collect()
    )

    def moved(rows: pl.LazyFrame, back: str, forth: str, name: str) -> pl.DataFrame:
        kind = pl.col("kind").cast(pl.String)
        signed = pl.when(kind == back).then("amount").otherwise(-pl.col("amount"))
        some = rows.filter(kind.is_in((back, forth))).select(transaction_id="related_transaction_id", signed=signed)
        return some.group_by("transaction_id").agg(pl.col("signed").sum().alias(name)).collect()

    out = stolen.join(reports, on="transaction_id", how="left")
    for some in (
        moved(data.transactions, "reimbursement", "reversal", "reimbursed"),
        moved(data.settlements, "chargeback", "representment", "charged_back"),
    ):
        out = out.join(some, on="transaction_id", how="left")
    return out.with_columns(
        pl.col("reimbursed", "charged_back").fill_null(0.0), reported=pl.col("event_at").is_not_null()
    )


def _cases(stolen: pl.DataFrame) -> pl.DataFrame:
    """Return one row a victim and campaign from which money left, with the first report."""
    return (
        stolen.with_columns(victim=pl.coalesce("victim", "customer_id"))
        .group_by("campaign_id", "victim")
        .agg(
            pl.col("typology").first(),
            pl.col("wronged").any(),
            pl.col("amount").sum(),
            pl.col("amount").filter(pl.col("rail") != "card").sum().alias("transferred"),
            pl.col("timestamp").min(),
            pl.len().alias("payments"),
            pl.col("event_at").min(),
            pl.col("reimbursed").sum(),
            pl.col("rail").first(),
            pl.col("payer_kind").first(),
        )
        .sort("campaign_id", "victim")
    )
