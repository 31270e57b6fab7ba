"""Labels against the truth, once everything that became known is known: what the difference consists of.

A transaction whose label is not its truth was never reported, is claimed wrongly (by a customer, or in a chargeback),
is judged wrongly (by an analyst, the card scheme or the police), or its label was cut off by the end of the run: what
was still to be decided would have made it right.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from finsim.dataset.labels import last_labels

KINDS: Final = ("fraud", "laundering")
PARTS: Final = ("unreported", "wrongly_claimed", "wrongly_judged", "cut_off")
CLAIMS: Final = ("customer", "chargeback")
"""Sources whose errors are wrong claims; the others judge."""


def differences(truth: pl.LazyFrame, label_events: pl.LazyFrame, labels_hidden: pl.LazyFrame) -> pl.DataFrame:
    """Return the transactions whose last label is not their truth.

    Args:
        truth: the table of that name; so the others.
        label_events: label_events.
        labels_hidden: labels_hidden.

    Returns:
        transaction_id, true and label (null for genuine and for no label), part (one of PARTS).
    """
    word = pl.col("label", "source").cast(pl.String)
    events = label_events.select("transaction_id", "event_at", word)
    hidden = labels_hidden.select("transaction_id", "event_at", word)
    kind = pl.when("is_fraud").then(pl.lit("fraud")).when("is_laundering").then(pl.lit("laundering"))
    rows = truth.select("transaction_id", true=kind)
    for name, table in (("label", events), ("later", pl.concat([events, hidden]))):
        last = last_labels(table).select("transaction_id", pl.col("label", "source").name.prefix(f"{name}_"))
        rows = rows.join(last, on="transaction_id", how="full", coalesce=True)
    label, later = (pl.col(f"{name}_label").replace({"genuine": None}) for name in ("label", "later"))
    part = (
        pl.when(later.eq_missing(pl.col("true"))).then(pl.lit("cut_off"))
        .when(pl.col("label_label").is_null()).then(pl.lit("unreported"))
        .when(pl.col("label_source").is_in(CLAIMS)).then(pl.lit("wrongly_claimed"))
        .otherwise(pl.lit("wrongly_judged"))
    )  # fmt: skip
    wrong = rows.filter(label.ne_missing(pl.col("true")))
    return wrong.select("transaction_id", "true", label=label, part=part).sort("transaction_id").collect()


def account(truth: pl.LazyFrame, label_events: pl.LazyFrame, labels_hidden: pl.LazyFrame) -> dict[str, dict[str, int]]:
    """Return, for each kind of label, how many transactions differ from the truth, by what the difference is.

    Args:
        truth: the table of that name; so the others.
        label_events: label_events.
        labels_hidden: labels_hidden.

    Returns:
        counts by kind ("fraud", "laundering", and "either" for transactions that differ in one of them) and part.
    """
    rows = differences(truth, label_events, labels_hidden)
    either = {"either": pl.lit(True)}
    wrong = {kind: pl.col("true").eq_missing(kind) != pl.col("label").eq_missing(kind) for kind in KINDS}
    return {
        kind: {part: rows.filter(differs, pl.col("part") == part).height for part in PARTS}
        for kind, differs in {**wrong, **either}.items()
    }
