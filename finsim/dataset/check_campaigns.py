"""Invariant 6: each campaign's counts and losses, added up again from the rows that truth and relations name.

What a fraudulent payment took is the gross loss of its campaign: the customer's, or the merchant's that paid a bogus
refund. What later flows because of it moves the loss from one party to another: a reimbursement from the customer to
the issuer, a chargeback from the issuer to the merchant, a write-off from a vanished merchant to its acquirer. A
recovery lowers it for the party that is paid.
"""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from finsim.dataset.check_references import RELATED
from finsim.dataset.check_report import SHOWN, Finding
from finsim.dataset.check_rows import is_forced
from finsim.dataset.check_source import Source, cents, collect

COUNTS: Final = ("victims", "attempts", "approved")
MONEY: Final = (
    "gross_loss", "recovered", "net_loss", "loss_customer", "loss_issuer", "loss_acquirer", "loss_merchant",
)  # fmt: skip

SHIFTS: Final = {
    "transactions.reimbursement": {"loss_customer": -1, "loss_issuer": 1},
    "transactions.reversal": {"loss_customer": 1, "loss_issuer": -1},
    "transactions.write_off": {"loss_customer": -1, "loss_issuer": 1},
    "transactions.recovery to a customer": {"recovered": 1, "loss_customer": -1},
    "transactions.recovery": {"recovered": 1, "loss_issuer": -1},
    "settlements.recovery": {"recovered": 1, "loss_issuer": -1},
    "settlements.chargeback": {"loss_issuer": -1, "loss_merchant": 1},
    "settlements.representment": {"loss_issuer": 1, "loss_merchant": -1},
    "settlements.write_off": {"loss_merchant": -1, "loss_acquirer": 1},
}
"""How a movement that belongs to a campaign changes its columns, by table and kind."""


def check_campaigns(source: Source, cited: pl.DataFrame) -> list[Finding]:
    """Return campaigns whose figures do not follow from their rows.

    Args:
        source: the data set.
        cited: what `check_references.cited_rows` returned.
    """
    said = collect(source.frame("campaigns").with_columns(cents(name).alias(name) for name in MONEY))
    said = said.with_columns(pl.col(name).cast(pl.Int64) for name in COUNTS).unique("campaign_id")
    truth = _truth(source, cited)
    counted = said.lazy().select("campaign_id").join(_figures(truth), on="campaign_id", how="left")
    counted = counted.join(_shifted(source, truth), on="campaign_id", how="left").fill_null(0)
    figures = collect(_losses(counted))
    both = said.join(figures, on="campaign_id", suffix="_counted")
    findings = []
    for name in (*COUNTS, *MONEY):
        wrong = both.filter(pl.col(name) != pl.col(f"{name}_counted"))
        findings.append(_finding(f"campaigns.{name} does not follow from the campaign's rows", wrong, name))
    parts = pl.sum_horizontal(name for name in MONEY if name.startswith("loss_"))
    findings.append(_finding("net_loss is not the sum of its four parts", said.filter(pl.col("net_loss") != parts), ""))
    other = source.frame("truth").join(said.lazy().select("campaign_id", named="typology"), on="campaign_id")
    odd = collect(other.filter(pl.col("typology").cast(pl.String) != pl.col("named").cast(pl.String)))
    findings.append(_finding("truth gives another typology than the campaign", odd, ""))
    return [finding for finding in findings if finding.count]


def _truth(source: Source, cited: pl.DataFrame) -> pl.LazyFrame:
    """Return rows of truth with their decision, cents, and whether they are releases of held ones."""
    held = cited.filter(pl.col("decision") == "held")["transaction_id"]
    release = pl.col(RELATED).is_in(held.implode()) & ~is_forced()
    outside = source.frame("accounts").filter(pl.col("owner_kind").cast(pl.String).is_in(["outside", "institution"]))
    outside = outside.select(payer_account_id="account_id", from_outside=pl.lit(True))
    rows = cited.lazy().join(outside, on="payer_account_id", how="left").select(
        "transaction_id", "decision", "kind", is_release=release.fill_null(False),
        # Cash that is paid in comes from nobody who could lose it.
        cents=pl.when(pl.col("from_outside").fill_null(False)).then(0).otherwise(cents("amount")),
    )  # fmt: skip
    return source.frame("truth").join(rows, on="transaction_id", how="inner")


def _figures(truth: pl.LazyFrame) -> pl.LazyFrame:
    """Return what a campaign tried, what was approved and what that took; laundering is no loss."""
    approved = pl.col("is_fraud") & (pl.col("decision") == "approved")
    return truth.group_by("campaign_id").agg(
        victims=pl.col("victim_customer_id").drop_nulls().n_unique().cast(pl.Int64),
        attempts=(pl.col("is_fraud") & ~pl.col("is_release")).sum().cast(pl.Int64),
        approved=approved.sum().cast(pl.Int64),
        gross_loss=pl.when(approved).then("cents").otherwise(0).sum(),
        refunded=pl.when(approved & (pl.col("kind") == "refund")).then("cents").otherwise(0).sum(),
    )


def _shifted(source: Source, truth: pl.LazyFrame) -> pl.LazyFrame:
    """Return for each campaign the sum of each column of `SHIFTS` over the movements that belong to it."""
    campaign = truth.select("campaign_id", root="transaction_id")
    movements = _movements(source).join(campaign, on="root", how="inner")
    columns = sorted({column for shift in SHIFTS.values() for column in shift})
    sums = []
    for column in columns:
        factor: dict[str, Any] = {key: shift.get(column, 0) for key, shift in SHIFTS.items()}
        sign = pl.col("what").replace_strict(factor, default=0, return_dtype=pl.Int64)
        sums.append((pl.col("cents") * sign).sum().alias(f"shift_{column}"))
    return movements.group_by("campaign_id").agg(sums)


def _movements(source: Source) -> pl.LazyFrame:
    """Return what banks booked for some earlier row: what it is, cents, and the row at the root of it.

    A reversal may name the reimbursement that it takes back, a representment its chargeback: the root is then what
    those name.
    """
    customers = source.frame("accounts").filter(pl.col("owner_kind") == "customer")
    customers = customers.select(payee_account_id="account_id", to_customer=pl.lit(" to a customer"))
    named, kind = pl.col(RELATED).is_not_null(), pl.col("kind").cast(pl.String)
    booked = source.scan("transactions").filter(named & is_forced() & (pl.col("decision") == "approved"))
    booked = booked.join(customers, on="payee_account_id", how="left")
    suffix = pl.when(pl.col("kind") == "recovery").then("to_customer").fill_null("")
    rows = booked.select("transaction_id", RELATED, what=pl.lit("transactions.") + kind + suffix, cents=cents("amount"))
    postings = source.scan("settlements").filter(named)
    postings = postings.select(
        RELATED, transaction_id="posting_id", what=pl.lit("settlements.") + kind, cents=cents("amount")
    )
    both = collect(pl.concat([rows, postings], how="diagonal")).lazy()
    parent = both.select(pl.col("transaction_id").alias(RELATED), grandparent=RELATED)
    return both.join(parent, on=RELATED, how="left").with_columns(root=pl.coalesce("grandparent", RELATED))


def _losses(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Return a campaign's figures: what it took, less and plus what was shifted."""
    gross, recovered = pl.col("gross_loss"), pl.col("shift_recovered")
    refunded = pl.col("refunded")
    return frame.select(
        "campaign_id", *COUNTS, "gross_loss", recovered=recovered, net_loss=gross - recovered,
        loss_customer=gross - refunded + pl.col("shift_loss_customer"), loss_issuer=pl.col("shift_loss_issuer"),
        loss_acquirer=pl.col("shift_loss_acquirer"), loss_merchant=refunded + pl.col("shift_loss_merchant"),
    )  # fmt: skip


def _finding(what: str, wrong: pl.DataFrame, column: str) -> Finding:
    where = {"campaign_id": wrong["campaign_id"].head(SHOWN).to_list()}
    if column:
        money = column in MONEY
        for name, title in ((column, "given"), (f"{column}_counted", "counted")):
            values = wrong[name].head(SHOWN).to_list()
            where[title] = [value / 100 for value in values] if money else values
    return Finding("6", what, wrong.height, where)
