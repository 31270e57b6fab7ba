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


HOME: Final = ("postcode_area", "latitude", "longitude", "region")
"""Columns of a customer's home."""


@dataclass(frozen=True)
class Entities:
    """Accounts, cards, devices and customers as they stood when a day began.

    What lay in the future is not there: rows that begin later, times of blocking and closing to come, and
    `closing_balance`. Homes are those of the day, from the moves that `events` tells of. Credit limits and other
    attributes are those that the tables hold.
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
        accounts: the table of that name; so the others.
        cards: cards, those issued before the date are kept.
        devices: devices, those seen before the date are kept.
        customers: customers, those who came before the date are kept.
        events: events, whose moves tell where customers lived.
        date: the day.
    """
    moment = pl.lit(as_time(date)).cast(pl.Datetime("us", "UTC"))

    def known(name: str) -> pl.Expr:
        return pl.when(pl.col(name) < moment).then(pl.col(name)).alias(name)

    return Entities(
        accounts.filter(pl.col("opened_at") < moment).with_columns(known("closed_at")).drop("closing_balance"),
        cards.filter(pl.col("issued_at") < moment).with_columns(known("blocked_at")),
        devices.filter(pl.col("first_seen_at") < moment),
        _at_home(customers, events.filter(pl.col("event_at") >= moment)).filter(pl.col("customer_since") < moment),
    )


def _at_home(customers: pl.LazyFrame, later: pl.LazyFrame) -> pl.LazyFrame:
    """Return customers with the homes that they had before their later moves.

    The centre and region of an area are those of customers who live there at the end; null where nobody does.
    """
    moves = later.filter(pl.col("former_postcode_area").is_not_null()).sort("event_at")
    left = moves.unique("customer_id", keep="first", maintain_order=True)
    left = left.select("customer_id", postcode_area="former_postcode_area")
    places = customers.select(HOME).unique("postcode_area", keep="first", maintain_order=True)
    columns = customers.collect_schema().names()
    moved = customers.drop(HOME).join(left, on="customer_id", maintain_order="left")
    moved = moved.join(places, on="postcode_area", how="left", maintain_order="left").select(columns)
    stayed = customers.join(left, on="customer_id", how="anti", maintain_order="left")
    return pl.concat([stayed, moved])
