"""One institution's sight of a data set: what touches its accounts, without what only others know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from finsim.dataset.labels import Date, Entities, entities_as_of, labels_as_of

if TYPE_CHECKING:
    from finsim.dataset.reader import Dataset


@dataclass(frozen=True)
class InstitutionView:
    """The tables that one institution could hold, as lazy frames; the truth is not among them.

    - transactions: those whose payer's or payee's account it keeps. Where the customer is another institution's,
      card, device, IP address, score and challenge are null; balances are given for its own accounts only.
    - settlements: those that touch its accounts.
    - label_events, alerts: of its own customers' transactions.
    - accounts, customers, cards, devices, events: its own; merchants: all.
    """

    institution: int
    transactions: pl.LazyFrame
    settlements: pl.LazyFrame
    label_events: pl.LazyFrame
    alerts: pl.LazyFrame
    events: pl.LazyFrame
    accounts: pl.LazyFrame
    customers: pl.LazyFrame
    cards: pl.LazyFrame
    devices: pl.LazyFrame
    merchants: pl.LazyFrame

    def labels_as_of(self, date: Date) -> pl.LazyFrame:
        """Return the labels of its customers' transactions when a day began; see `Dataset.labels_as_of`."""
        return labels_as_of(self.label_events, date)

    def entities_as_of(self, date: Date) -> Entities:
        """Return its accounts, cards, devices and customers as they stood; see `Dataset.entities_as_of`."""
        return entities_as_of(self.accounts, self.cards, self.devices, self.customers, self.events, date)


def customer_institution() -> pl.Expr:
    """Return the institution of a transaction's customer: the payer's if that is a customer, else the payee's.

    A balance is given exactly for customers' accounts, so it tells which side the customer is on.
    """
    return (
        pl.when(pl.col("payer_balance_after").is_not_null())
        .then(pl.col("payer_institution_id"))
        .otherwise(pl.col("payee_institution_id"))
    )


def view(data: Dataset, institution: int) -> InstitutionView:
    """Return one institution's sight of a data set.

    Args:
        data: the data set.
        institution: its institution_id.
    """
    pays, is_paid = pl.col("payer_institution_id") == institution, pl.col("payee_institution_id") == institution
    own = customer_institution() == institution

    def only(name: str, condition: pl.Expr) -> pl.Expr:
        return pl.when(condition).then(pl.col(name)).alias(name)

    transactions = data.transactions.filter(pays | is_paid).with_columns(
        *(only(name, own) for name in ("card_id", "device_id", "ip_id", "score", "challenge")),
        only("payer_balance_after", pays),
        only("payee_balance_after", is_paid),
    )
    own_ids = data.transactions.filter((pays | is_paid) & own).select("transaction_id")
    accounts = data.accounts.filter(pl.col("institution_id") == institution)
    held = accounts.filter(pl.col("owner_kind") == "customer").select(customer_id="owner_id").unique()
    account_ids = accounts.select("account_id")
    touched = data.settlements.select("posting_id", "payer_account_id", "payee_account_id")
    touched = pl.concat(
        touched.join(account_ids, left_on=side, right_on="account_id", how="semi").select("posting_id")
        for side in ("payer_account_id", "payee_account_id")
    )
    return InstitutionView(
        institution=institution,
        transactions=transactions,
        settlements=data.settlements.join(touched, on="posting_id", how="semi", maintain_order="left"),
        label_events=data.label_events.join(own_ids, on="transaction_id", how="semi", maintain_order="left"),
        alerts=data.alerts.join(own_ids, on="transaction_id", how="semi", maintain_order="left"),
        events=_events(data.events, account_ids, held),
        accounts=accounts,
        customers=data.customers.join(held, on="customer_id", how="semi", maintain_order="left"),
        cards=data.cards.join(account_ids, on="account_id", how="semi", maintain_order="left"),
        devices=data.devices.join(held, on="customer_id", how="semi", maintain_order="left"),
        merchants=data.merchants,
    )


def _events(events: pl.LazyFrame, account_ids: pl.LazyFrame, held: pl.LazyFrame) -> pl.LazyFrame:
    """Return events at the institution's accounts, and those without an account of its customers."""
    at_account = events.join(account_ids, on="account_id", how="semi", maintain_order="left")
    at_customer = events.filter(pl.col("account_id").is_null()).join(
        held, on="customer_id", how="semi", maintain_order="left"
    )
    return pl.concat([at_account, at_customer]).sort("event_at", "event_id")
