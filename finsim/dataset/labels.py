"""What was known on a day, and what one institution sees: pure functions of lazy frames."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import polars as pl

from finsim.errors import FinsimError

PRECEDENCE: Final = ("analyst", "customer", "chargeback", "police", "scheme")
"""Of events at the same time, the first of these sources wins."""

Date = str | dt.date | dt.datetime


class DateError(FinsimError, ValueError):
    """A date cannot be read."""


def as_time(date: Date) -> dt.datetime:
    """Return the moment, in the economy's clock written as UTC, at which a date begins.

    Args:
        date: a date, a text such as "2025-03-01", or a datetime, which is taken as it is (without a zone: as UTC).

    Raises:
        DateError: it is none of them.
    """
    if isinstance(date, str):
        try:
            date = dt.datetime.fromisoformat(date.strip())
        except ValueError:
            raise DateError(f"{date!r} is no date; give one such as '2025-03-01'") from None
    if isinstance(date, dt.datetime):
        return date.replace(tzinfo=dt.UTC) if date.tzinfo is None else date.astimezone(dt.UTC)
    if isinstance(date, dt.date):
        return dt.datetime(date.year, date.month, date.day, tzinfo=dt.UTC)
    raise DateError(f"{date!r} is no date; give one such as '2025-03-01'")


def labels_as_of(label_events: pl.LazyFrame, date: Date) -> pl.LazyFrame:
    """Return the label of each transaction that had one when a day began.

    The latest event before that moment wins; at equal times the analyst's, then the customer's, a chargeback, the
    police, the card scheme.

    Args:
        label_events: the table of that name.
        date: the day; events before its 00:00 count.

    Returns:
        transaction_id, label, event_at, source, reason_code, amount_recovered: one row per labelled transaction,
        ordered by transaction_id.
    """
    return last_labels(label_events.filter(pl.col("event_at") < as_time(date))).select(
        "transaction_id", "label", "event_at", "source", "reason_code", "amount_recovered"
    )


def last_labels(label_events: pl.LazyFrame) -> pl.LazyFrame:
    """Return the event of each transaction that wins, all columns, ordered by transaction_id; see `labels_as_of`."""
    rank = pl.col("source").cast(pl.String).replace_strict(
        list(PRECEDENCE), list(range(len(PRECEDENCE))), default=len(PRECEDENCE), return_dtype=pl.Int8
    )  # fmt: skip
    order = ["transaction_id", "event_at", rank, pl.col("label").cast(pl.String)]
    rows = label_events.sort(order, descending=[False, True, False, False])
    return rows.unique("transaction_id", keep="first", maintain_order=True)


def releases(transactions: pl.LazyFrame) -> pl.LazyFrame:
    """Return the payments that let a held one go: transaction_id, and that of the held attempt as `attempt`."""
    held = transactions.filter(pl.col("decision").cast(pl.String) == "held").select("transaction_id")
    return transactions.join(held, left_on="related_transaction_id", right_on="transaction_id", how="semi").select(
        "transaction_id", attempt="related_transaction_id"
    )


def attempts_labelled_as_of(label_events: pl.LazyFrame, transactions: pl.LazyFrame, date: Date) -> pl.LazyFrame:
    """Return `labels_as_of` with what was said about a release said about the held attempt that it let go.

    A payment that is held and let go stands in the data twice: models see the attempt, claims name the release.

    Args:
        label_events, transactions: the tables of these names.
        date: the day; events before its 00:00 count.
    """
    events = label_events.join(releases(transactions), on="transaction_id", how="left").with_columns(
        transaction_id=pl.coalesce("attempt", "transaction_id")
    )
    return labels_as_of(events, date)


HOME: Final = ("postcode_area", "latitude", "longitude", "region")
"""Columns of a customer's home."""


@dataclass(frozen=True)
class Entities:
    """Accounts, cards, devices and customers as they stood when a day began.

    What lay in the future is not there: rows that begin later, times of blocking and closing to come, and
    `closing_balance`. A device that its owner enrols later has no owner yet. Homes and credit
    limits are those of the day, from the moves and changes that `events` tells of. Other attributes are those that the
    tables hold.
    """

    accounts: pl.LazyFrame
    cards: pl.LazyFrame
    devices: pl.LazyFrame
    customers: pl.LazyFrame


def entities_as_of(
    accounts: pl.LazyFrame,
    cards: pl.LazyFrame,
    devices: pl.LazyFrame,
    customers: pl.LazyFrame,
    events: pl.LazyFrame,
    date: Date,
) -> Entities:
    """Return the entities as they stood at 00:00 of a date.

    Args:
        accounts: the table of that name; so the others. Credit limits are those of the day.
        cards: cards, those issued before the date are kept.
        devices: devices, those seen before the date are kept.
        customers: customers, those who came before the date are kept.
        events: events, which tell earlier homes and limits, and whose new devices whose they were.
        date: the day.
    """
    moment = pl.lit(as_time(date)).cast(pl.Datetime("us", "UTC"))
    later = events.filter(pl.col("event_at") >= moment)

    def known(name: str) -> pl.Expr:
        return pl.when(pl.col(name) < moment).then(pl.col(name)).alias(name)

    return Entities(
        _limited(accounts.filter(pl.col("opened_at") < moment), later)
        .with_columns(known("closed_at"))
        .drop("closing_balance"),
        cards.filter(pl.col("issued_at") < moment).with_columns(known("blocked_at")),
        _owned(devices.filter(pl.col("first_seen_at") < moment), later),
        _at_home(customers, later).filter(pl.col("customer_since") < moment),
    )


def _before(later: pl.LazyFrame, key: str, former: str) -> pl.LazyFrame:
    """Return the value that each one had before the first of its later changes: key and the column of former values."""
    changes = later.filter(pl.col(former).is_not_null()).sort("event_at")
    return changes.unique(key, keep="first", maintain_order=True).select(key, former)


def _limited(accounts: pl.LazyFrame, later: pl.LazyFrame) -> pl.LazyFrame:
    """Return accounts with the credit limits that they had before their later changes."""
    then = _before(later, "account_id", "former_credit_limit")
    joined = accounts.join(then, on="account_id", how="left", maintain_order="left")
    limit = pl.coalesce("former_credit_limit", "credit_limit").alias("credit_limit")
    return joined.with_columns(limit).drop("former_credit_limit")


def _owned(devices: pl.LazyFrame, later: pl.LazyFrame) -> pl.LazyFrame:
    """Return devices without the owners who enrol them later."""
    enrolled = (
        later.filter(pl.col("kind").cast(pl.String) == "device_added").select("device_id", "customer_id").unique()
    )
    enrolled = enrolled.with_columns(later=pl.lit(True))
    owner = pl.when(pl.col("later").is_null()).then(pl.col("customer_id")).alias("customer_id")
    joined = devices.join(enrolled, on=["device_id", "customer_id"], how="left", maintain_order="left")
    return joined.with_columns(owner).drop("later")


def _at_home(customers: pl.LazyFrame, later: pl.LazyFrame) -> pl.LazyFrame:
    """Return customers with the homes that they had before their later moves.

    The centre and region of an area are those of customers who live there at the end; null where nobody does.
    """
    left = _before(later, "customer_id", "former_postcode_area").rename({"former_postcode_area": "postcode_area"})
    places = customers.select(HOME).unique("postcode_area", keep="first", maintain_order=True)
    columns = customers.collect_schema().names()
    moved = customers.drop(HOME).join(left, on="customer_id", maintain_order="left")
    moved = moved.join(places, on="postcode_area", how="left", maintain_order="left").select(columns)
    stayed = customers.join(left, on="customer_id", how="anti", maintain_order="left")
    return pl.concat([stayed, moved])
