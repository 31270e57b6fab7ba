"""What the tables say of each other: ids that have to exist, and rows that belong to a transaction."""

from __future__ import annotations

from typing import Final

import polars as pl

from finsim.dataset.check_contract import KEYS
from finsim.dataset.check_report import SHOWN, Finding, apply_rules, rules
from finsim.dataset.check_rows import broken_cents, is_forced
from finsim.dataset.check_source import Source, collect

RELATED: Final = "related_transaction_id"

FOREIGN: Final = {
    "campaigns": "truth.campaign_id",
    "rings": "truth.ring_id campaigns.ring_id",
    "customers": """truth.victim_customer_id events.customer_id cards.customer_id devices.customer_id
        merchants.owner_customer_id customers_hidden.customer_id cash_hidden.customer_id""",
    "accounts": "events.account_id cards.account_id settlements.payer_account_id settlements.payee_account_id",
    "devices": "events.device_id",
    "merchants": "cash_hidden.merchant_id settlements.merchant_id",
}
"""Columns that name a row of a table by its key; null names nothing. Those of transactions are checked by row."""

OWNERS: Final = {"customer": "customers", "merchant": "merchants"}


def check_references(source: Source, cited: pl.DataFrame) -> list[Finding]:
    """Return ids that name nothing, and rows that do not fit the transaction that they name.

    Args:
        source: the data set.
        cited: what `cited_rows` returned.
    """
    findings = [_foreign(source, column, table) for table, columns in FOREIGN.items() for column in columns.split()]
    findings += [_owners(source, kind, table) for kind, table in OWNERS.items()]
    for table, time in (
        ("truth", ""),
        ("label_events", "event_at"),
        ("labels_hidden", "event_at"),
        ("alerts", "raised_at"),
    ):
        findings += _about_transactions(source, table, time, cited)
    parents = cited.lazy().rename({name: f"parent_{name}" for name in cited.columns if name != "transaction_id"})
    parents = parents.rename({"transaction_id": RELATED}).with_columns(parent_exists=pl.lit(True))
    findings += [*_related_rows(source, parents), *_related_postings(source, parents)]
    return [finding for finding in [*findings, *_own_rules(source), *_postings(source)] if finding.count]


def cited_rows(source: Source) -> pl.DataFrame:
    """Return the transactions and postings that any other row names, with what is needed to judge whether it fits."""
    wanted = [
        source.frame(table).select("transaction_id") for table in ("truth", "label_events", "labels_hidden", "alerts")
    ]
    wanted += [
        source.scan(table).filter(pl.col(RELATED).is_not_null()).select(transaction_id=RELATED)
        for table in ("transactions", "settlements")
    ]
    ids = collect(pl.concat(wanted).unique()).lazy()
    kind = pl.col("kind").cast(pl.String)
    money = ("payer_account_id", "payee_account_id", "amount", RELATED)
    rows = source.scan("transactions").join(ids, on="transaction_id", how="semi")
    postings = source.scan("settlements").rename({"posting_id": "transaction_id", "posted_at": "timestamp"})
    postings = postings.join(ids, on="transaction_id", how="semi")
    both = [
        rows.select("transaction_id", "timestamp", "decision", "rail", kind, *money),
        postings.select("transaction_id", "timestamp", kind, *money),
    ]
    return collect(pl.concat(both, how="diagonal")).unique("transaction_id", keep="first")


def _foreign(source: Source, column: str, table: str) -> Finding:
    where, _, name = column.partition(".")
    known = source.frame(table).select(pl.col(KEYS[table]).alias(name)).unique()
    lost = collect(source.scan(where).filter(pl.col(name).is_not_null()).join(known, on=name, how="anti").select(name))
    ids = lost[name].unique().sort().head(SHOWN).to_list()
    return Finding("references", f"{column} is not among the {table}", lost.height, {name: ids})


def _owners(source: Source, kind: str, table: str) -> Finding:
    accounts = source.frame("accounts").filter(pl.col("owner_kind") == kind)
    known = source.frame(table).select(pl.col(KEYS[table]).alias("owner_id"))
    lost = collect(accounts.join(known, on="owner_id", how="anti").select("account_id"))
    where = {"account_id": lost["account_id"].head(SHOWN).to_list()}
    return Finding("references", f"accounts.owner_id is not among the {table}", lost.height, where)


def _about_transactions(source: Source, table: str, time: str, cited: pl.DataFrame) -> list[Finding]:
    rows = cited.lazy().filter(pl.col("decision").is_not_null()).select("transaction_id", happened="timestamp")
    frame = source.frame(table).join(rows, on="transaction_id", how="left")
    here = ("transaction_id",)
    lost = {f"{table} names a transaction that does not exist": pl.col("happened").is_null()}
    early = {f"{table}.{time} lies before the transaction": pl.col(time) < pl.col("happened")} if time else {}
    return apply_rules(frame, rules("references", here, lost) + rules("order", here, early))


def _related_rows(source: Source, parents: pl.LazyFrame) -> list[Finding]:
    """Check what refunds, reversals, releases and the like say that they belong to."""
    children = source.scan("transactions").filter(pl.col(RELATED).is_not_null())
    children = collect(children.join(parents, on=RELATED, how="left")).lazy()
    exists = pl.col("parent_exists")
    held = (pl.col("parent_decision") == "held").fill_null(False)
    release = held & ~is_forced()
    same = ("kind", "rail", "amount", "payer_account_id", "payee_account_id")
    texts = [(pl.col(name).cast(pl.String), pl.col(f"parent_{name}").cast(pl.String)) for name in same]
    differs = pl.any_horizontal(own.ne_missing(parent) for own, parent in texts)
    references = {
        f"{RELATED} names nothing that exists": exists.is_null(),
        "a payment names one that was not held, so it is no release": exists & ~is_forced() & ~held,
        "a release differs from the held payment in kind, rail, amount or account": release & differs,
        "a release is held itself": release & (pl.col("decision") == "held"),
        "a held payment has more than one release": release & pl.col(RELATED).is_duplicated(),
    }
    early = {"a transaction lies before the one that it belongs to": pl.col("timestamp") < pl.col("parent_timestamp")}
    here = ("transaction_id", RELATED)
    return apply_rules(children, rules("references", here, references) + rules("order", here, early))


def _related_postings(source: Source, parents: pl.LazyFrame) -> list[Finding]:
    postings = source.scan("settlements").filter(pl.col(RELATED).is_not_null())
    postings = collect(postings.join(parents, on=RELATED, how="left")).lazy()
    lost = {f"{RELATED} of a posting names nothing that exists": pl.col("parent_exists").is_null()}
    early = {"a posting lies before what it belongs to": pl.col("posted_at") < pl.col("parent_timestamp")}
    here = ("posting_id", RELATED)
    return apply_rules(postings, rules("references", here, lost) + rules("order", here, early))


def _own_rules(source: Source) -> list[Finding]:
    """Check what needs no other table."""
    both = {"a row of truth is neither fraud nor laundering, or both": pl.col("is_fraud") == pl.col("is_laundering")}
    findings = apply_rules(source.frame("truth"), rules("values", ("transaction_id",), both))
    decided, unworked = pl.col("decided_at").is_not_null(), pl.col("decision") == "unworked"
    nulls = {"an alert is worked without decided_at, or unworked with one": decided == unworked}
    late = {"an alert is decided before it was raised": pl.col("decided_at") < pl.col("raised_at")}
    here = ("alert_id",)
    return findings + apply_rules(source.frame("alerts"), rules("nulls", here, nulls) + rules("order", here, late))


def _postings(source: Source) -> list[Finding]:
    """Check that postings move money, and none of a customer's."""
    postings = source.scan("settlements")
    amounts = {
        "the amount of a posting is not above 0": ~(pl.col("amount") > 0),
        "the amount of a posting is no whole number of cents": broken_cents("amount"),
    }
    customers = source.frame("accounts").filter(pl.col("owner_kind") == "customer").select("account_id")
    touched = [
        postings.join(customers, left_on=f"{side}_account_id", right_on="account_id", how="semi").select("posting_id")
        for side in ("payer", "payee")
    ]
    ids = collect(pl.concat(touched))["posting_id"]
    where = {"posting_id": ids.head(SHOWN).to_list()}
    customer = Finding("references", "a posting of settlements touches a customer's account", len(ids), where)
    return [*apply_rules(postings, rules("values", ("posting_id",), amounts)), customer]
