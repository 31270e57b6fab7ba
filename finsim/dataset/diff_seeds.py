"""What a difference starts from besides payments: cards, accounts, events, labels and alerts of one run only.

Nodes are what a difference can reach. A node is a number: its type, then the id that it has among its type.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl

from finsim.dataset.diff_rows import collect
from finsim.dataset.diff_tables import only
from finsim.dataset.reader import Dataset

NODE_CAUSES: Final = {
    "customer": "payment",
    "customer's means": "card",
    "customer's review": "queue",
    "merchant": "payment",
    "merchant_id": "counter",
    "payee_account_id": "counter",
    "terminal_id": "counter",
    "device_id": "counter",
    "ip_id": "counter",
    "queue": "queue",
}
"""Types of nodes, and the cause of a row that one of them reaches."""

COUNTERS: Final = tuple(name for name, cause in NODE_CAUSES.items() if cause == "counter")
CUSTOMER_NODES: Final = ("customer", "customer's means", "customer's review")

LONG_AGO: Final = pl.lit(-(2**62))
"""A time before every row."""

WITHOUT_EFFECT: Final = ("login", "login_failed", "payee_added", "device_added")
"""Events that come with a payment and change nothing by themselves."""


def node(kind: str, value: pl.Expr) -> pl.Expr:
    """Return the node of a type and an id."""
    return value.cast(pl.UInt64) + (list(NODE_CAUSES).index(kind) << 40)


def owners(a: Dataset, b: Dataset) -> pl.DataFrame:
    """Return account_id, owner_kind and owner_id of the accounts of both runs."""
    columns = ("account_id", pl.col("owner_kind").cast(pl.String), "owner_id")
    return collect(pl.concat(data.accounts.select(*columns) for data in (a, b)).unique("account_id", keep="first"))


def seeds(a: Dataset, b: Dataset, known: pl.DataFrame) -> pl.DataFrame:
    """Return where differences start: node, time (microseconds), campaign_id (null here).

    Args:
        a: the first run.
        b: the second.
        known: what `owners` returned.
    """
    parts = [
        *_event_seeds(a, b),
        *_frozen_before(a, b),
        *_card_seeds(a, b),
        *_account_seeds(a, b, known),
        *_report_seeds(a, b),
    ]
    columns = [pl.col("node"), pl.col("time").cast(pl.Int64), pl.lit(None, pl.UInt32).alias("campaign_id")]
    return pl.concat(part.select(columns) for part in parts)


def _event_seeds(a: Dataset, b: Dataset) -> Iterator[pl.DataFrame]:
    """Yield who is concerned by an event of one run only.

    An account that is unfrozen and never was frozen had been so when the export began.
    """
    kind = pl.col("kind").cast(pl.String)
    for left, right in ((a.events, b.events), (b.events, a.events)):
        rows = only(left, right, ("event_id", "event_at", "kind", "customer_id"))
        frozen = collect(
            left.filter(kind == "account_frozen").group_by("customer_id").agg(frozen_at=pl.col("event_at").min())
        )
        rows = rows.filter(~kind.is_in(WITHOUT_EFFECT)).join(frozen, on="customer_id", how="left")
        before = (pl.col("frozen_at") < pl.col("event_at")).fill_null(False)
        time = (
            pl.when((kind == "account_unfrozen") & ~before).then(LONG_AGO).otherwise(pl.col("event_at").cast(pl.Int64))
        )
        yield rows.select(node=node("customer's means", pl.col("customer_id")), time=time)


def _frozen_before(a: Dataset, b: Dataset) -> Iterator[pl.DataFrame]:
    """Yield whose account was frozen when the export of one run began: it is blocked, and no event says since when."""
    reason, kind = pl.col("decline_reason").cast(pl.String), pl.col("kind").cast(pl.String)
    blocked = [
        collect(
            data.transactions.filter((reason == "blocked") & (pl.col("rail").cast(pl.String) != "card"))
            .group_by("customer_id")
            .agg(first=pl.col("timestamp").min())
            .join(
                data.events.filter(kind == "account_frozen")
                .group_by("customer_id")
                .agg(since=pl.col("event_at").min()),
                on="customer_id",
                how="left",
            )
            .filter(pl.col("since").is_null() | (pl.col("since") > pl.col("first")))
            .select("customer_id")
        )
        for data in (a, b)
    ]
    for left, right in (blocked, blocked[::-1]):
        rows = left.join(right, on="customer_id", how="anti")
        yield rows.select(node=node("customer's means", pl.col("customer_id")), time=LONG_AGO)


def _card_seeds(a: Dataset, b: Dataset) -> Iterator[pl.DataFrame]:
    """Yield holders whose cards differ: from the block or the issue of the one that differs."""
    for left, right in ((a.cards, b.cards), (b.cards, a.cards)):
        rows = only(left, right, ("card_id", "customer_id", "account_id", "issued_at", "expires_at", "blocked_at"))
        same = collect(right.select("card_id", other_blocked="blocked_at"))
        rows = rows.join(same.with_columns(known=pl.lit(True)), on="card_id", how="left")
        blocked = pl.min_horizontal("blocked_at", "other_blocked", "expires_at")
        time = pl.when(pl.col("known").is_null()).then("issued_at").otherwise(blocked)
        yield rows.select(node=node("customer's means", pl.col("customer_id")), time=time)


def _account_seeds(a: Dataset, b: Dataset, known: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield owners whose accounts begin with another balance, from the start; or with another life, from its change."""
    for left, right in ((a.accounts, b.accounts), (b.accounts, a.accounts)):
        rows = only(left, right, ("account_id", "opening_balance")).join(known, on="account_id", suffix="_known")
        for kind in ("customer", "merchant"):
            own = rows.filter(pl.col("owner_kind_known") == kind)
            yield own.select(node=node(kind, pl.col("owner_id")), time=LONG_AGO)
        rows = only(left, right, ("account_id", "credit_limit", "opened_at", "closed_at"))
        rows = rows.filter(pl.col("owner_kind").cast(pl.String) == "customer")
        yield rows.select(node=node("customer's means", pl.col("owner_id")), time=LONG_AGO)


def _report_seeds(a: Dataset, b: Dataset) -> Iterator[pl.DataFrame]:
    """Yield who is concerned by a label or an alert that stands in one run only, and the queue of that alert."""
    alert = ("transaction_id", "control", "raised_at", "decided_at", "decision")
    label = ("transaction_id", "event_at", "source", "label")
    for left, right in ((a, b), (b, a)):
        alerts = only(left.alerts, right.alerts, alert).select("transaction_id", time="raised_at")
        labels = only(left.label_events, right.label_events, label).select("transaction_id", time="event_at")
        ids = pl.concat([alerts, labels]).select("transaction_id").unique().lazy()
        named = left.transactions.join(ids, on="transaction_id", how="semi")
        rows = collect(named.select("transaction_id", "customer_id", "payer_institution_id"))
        alerts, labels = (frame.join(rows, on="transaction_id") for frame in (alerts, labels))
        yield alerts.select(node=node("customer's review", pl.col("customer_id")), time="time")
        yield alerts.select(node=node("queue", pl.col("payer_institution_id")), time="time")
        yield labels.select(node=node("customer's means", pl.col("customer_id")), time="time")
