"""What differs between two runs of twins: rows, money, and the campaign or parameter that caused each difference.

Twins share the seed and differ in a few parameters. Since every draw belongs to a decision, a row differs only where
something reached it: fraud that happened in one run alone, a card that was blocked, a counter, a queue, or a parameter
that acts on genuine behaviour itself. A row that nothing reached is a defect, and is named.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from finsim.dataset.diff_reach import NO_CAMPAIGN, Spread, is_decided
from finsim.dataset.diff_report import CAUSES, SHOWN, DiffReport, Side
from finsim.dataset.diff_rows import Matched, match
from finsim.dataset.diff_seeds import node, owners, seeds
from finsim.dataset.diff_tables import differing_parameters, differing_tables
from finsim.dataset.reader import Dataset, open_dataset
from finsim.errors import DatasetError

__all__ = ["DiffReport", "Side", "diff"]

FRAUD: Final = ("fraud.", "market.breaches.")
"""Parameters that act on genuine rows only through rows of truth."""

BANKS: Final = ("banks.",)
"""Parameters that act on genuine rows through decisions and fees."""

LENGTH: Final = "run.days"
"""The length of a run acts on nothing but the days that the shorter one lacks."""


def diff(path_a: str | Path, path_b: str | Path) -> DiffReport:
    """Compare two data sets, usually twins that differ in one parameter.

    Args:
        path_a: directory of the first run.
        path_b: directory of the second.

    Returns:
        differences in rows and money, and their causes; `report.unexplained` counts rows that differ for no reason.

    Raises:
        DatasetError: one of the directories is no data set, or cannot be read.
    """
    a, b = open_dataset(path_a), open_dataset(path_b)
    try:
        return _compared(a, b)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise DatasetError(f"{a.path} or {b.path} cannot be read; `finsim check` says what is damaged") from error


def _compared(a: Dataset, b: Dataset) -> DiffReport:
    parameters = differing_parameters(a, b)
    matched = match(a, b)
    cause, campaign = _causes(a, b, matched, parameters)
    rows = matched.rows.with_columns(cause=pl.Series(cause, dtype=pl.String), root=pl.Series(campaign, dtype=pl.Int64))
    genuine = rows.filter("genuine")
    # Where nothing differs in the scenarios, fraud has no reason to differ either.
    lost = (genuine if parameters else rows).filter(pl.col("cause") == "")["transaction_id"]
    return DiffReport(
        str(a.path),
        str(b.path),
        parameters,
        (int(a.manifest["rows"]["transactions"]), int(b.manifest["rows"]["transactions"])),
        matched.genuine,
        matched.other,
        matched.changed_by,
        matched.cards,
        matched.balances,
        differing_tables(a, b),
        _by_cause(genuine),
        _by_campaign(genuine),
        len(lost),
        tuple(lost.head(SHOWN).to_list()),
    )


def _causes(
    a: Dataset, b: Dataset, matched: Matched, parameters: Mapping[str, Any]
) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    """Return the cause of each differing row, empty where there is none, and the campaign at its root, -1 if none."""
    rows = matched.rows
    if not parameters:
        return np.full(len(rows), "", dtype="<U16"), np.full(len(rows), NO_CAMPAIGN, dtype=np.int64)
    known = owners(a, b)
    spread = Spread(rows, known, pl.concat([seeds(a, b, known), _victims(a, b, rows)]))
    chosen = rows.select(
        fraud=~pl.col("genuine"), missing=_is_missing(a, b, parameters), acted_on=_acted_on(parameters)
    )
    spread.start(chosen["missing"].to_numpy(), "parameter")
    spread.start(chosen["fraud"].to_numpy(), "fraud")
    spread.start(chosen["acted_on"].to_numpy(), "parameter")
    return spread.cause, spread.campaign


def _victims(a: Dataset, b: Dataset, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the victims that truth names with a differing row, as seeds: a victim need not have paid itself.

    A campaign against one victim reaches it when it starts: who is deceived may first move money from savings.
    """
    truth = pl.concat(data.truth.select("transaction_id", "victim_customer_id") for data in (a, b)).unique()
    single = [data.campaigns.filter(pl.col("victims") == 1).select("campaign_id", "started_at") for data in (a, b)]
    starts = pl.concat(single).group_by("campaign_id").agg(pl.col("started_at").min().cast(pl.Int64))
    named = rows.lazy().filter(~pl.col("genuine")).select("transaction_id", "time", "campaign_id")
    named = named.join(truth.drop_nulls(), on="transaction_id").join(starts, on="campaign_id", how="left")
    victim = node("customer", pl.col("victim_customer_id"))
    return named.select(
        victim.alias("node"), pl.min_horizontal("time", "started_at").alias("time"), "campaign_id"
    ).collect()


def _is_missing(a: Dataset, b: Dataset, parameters: Mapping[str, Any]) -> pl.Expr:
    """Return the rows of days that the shorter of two runs does not have."""
    if LENGTH not in parameters:
        return pl.col("genuine") & False
    last = min(dt.date.fromisoformat(data.manifest["last_day"]) for data in (a, b))
    end = dt.datetime(last.year, last.month, last.day, tzinfo=dt.UTC) + dt.timedelta(days=1)
    return pl.col("time") >= int(end.timestamp()) * 1_000_000


def _acted_on(parameters: Mapping[str, Any]) -> pl.Expr:
    """Return the rows that a differing parameter acts on by itself, not through fraud."""
    direct = [key for key in parameters if not key.startswith(FRAUD + BANKS) and key != LENGTH]
    shares = [key for key in parameters if key.startswith(BANKS) and key.endswith(".share")]
    acted_on = pl.col("genuine") | True if direct or shares else pl.col("genuine") & False
    if any(key.startswith(BANKS) for key in parameters):
        kind = pl.coalesce("kind", "kind_b").cast(pl.String)
        acted_on = acted_on | is_decided() | (kind == "fee")
    return acted_on


def _by_cause(genuine: pl.DataFrame) -> dict[str, Side]:
    out = {}
    for name in CAUSES:
        part = genuine.filter(pl.col("cause") == name)
        if part.height:
            out[name] = Side(part.height, int(part["amount"].sum()) / 100, int(part["amount_b"].sum()) / 100)
    return out


def _by_campaign(genuine: pl.DataFrame) -> dict[int, int]:
    roots = genuine.filter((pl.col("cause") != "") & (pl.col("root") != NO_CAMPAIGN))["root"].to_list()
    return dict(Counter(roots).most_common())
