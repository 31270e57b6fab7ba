"""What a data set holds, at a glance: rows, money by kind and rail, fraud by typology, declines, labels, size."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import polars as pl

from finsim.dataset.reader import Dataset, open_dataset
from finsim.dataset.tables import TABLES
from finsim.errors import DatasetError

__all__ = ["Info", "info"]

BASIS: Final = 10_000
"""Basis points in one."""

APPROVED: Final = pl.col("decision") == "approved"
CENTS: Final = (pl.col("amount") * 100).round().cast(pl.Int64)


PAYMENTS: Final = ("purchase", "withdrawal", "transfer", "bill")
"""Kinds in which customers pay others: fraud is measured against their value."""


class Info(dict[str, Any]):
    """What a data set holds, ready for JSON; as text it is a page for people."""

    def __str__(self) -> str:
        """Return the page."""
        lines = [
            f"{self['path']}: scenario {self['scenario']}, seed {self['seed']}, "
            f"{self['first_day']} to {self['last_day']}",
            f"{self['customers']:,} customers, {self['rows']['transactions']:,} transactions, "
            f"{_size(self['bytes'])} in {self['files']:,} files",
            f"{self['value']:,.2f} moved in {self['approved']:,} approved transactions, {self['held']:,} held, "
            f"{self['declined']:,} declined",
            f"{self['fraud']:,} rows are fraud ({self['fraud_share']:.4%}), {self['laundering']:,} laundering",
        ]
        lines += _table("Rows", ("table", "rows"), self["rows"].items())
        lines += _table("Money by kind", ("kind", "rows", "approved", "value"), _money(self["by_kind"]))
        lines += _table("Money by rail", ("rail", "rows", "approved", "value"), _money(self["by_rail"]))
        reasons = ((name, rows, rows / max(1, self["declined"])) for name, rows in self["declined_by_reason"].items())
        lines += _table("Declines", ("reason", "rows", "share"), reasons)
        fraud = (
            (name, one["attempts"], one["approved"], one["value"], one["basis_points"])
            for name, one in self["fraud_by_typology"].items()
        )
        columns = ("typology", "attempts", "approved", "value", "basis points")
        lines += _table("Fraud (basis points of what customers paid)", columns, fraud)
        lines += _table("Labels", ("label", "events"), self["labels"].items())
        lines += _table("Alerts", ("decision", "alerts"), self["alerts"].items())
        return "\n".join(lines)


def info(path: str | Path) -> Info:
    """Summarise a data set.

    Args:
        path: its directory.

    Returns:
        a dict that JSON can hold; `str()` of it is a text. Fraud is given in basis points of the value of approved
        payments; a release counts as the approval of the payment that was held, not as an attempt of its own.

    Raises:
        DatasetError: the directory is no data set, or cannot be read.
    """
    data = open_dataset(path)
    try:
        return _summary(data)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise DatasetError(f"{data.path} cannot be read; `finsim check` says what is damaged") from error


def _summary(data: Dataset) -> Info:
    files = [data.path / part["path"] for part in data.manifest["parts"]]
    groups = _groups(data)
    approved = groups.filter(APPROVED)
    decisions = dict(groups.group_by("decision").agg(pl.col("rows").sum()).iter_rows())
    truth = _collect(data.truth.select(pl.col("is_fraud").sum(), pl.col("is_laundering").sum())).row(0)
    rows = {table: int(data.manifest["rows"].get(table, 0)) for table in TABLES}
    return Info(
        path=str(data.path),
        scenario=data.manifest.get("scenario_name", ""),
        seed=data.seed,
        first_day=data.manifest.get("first_day"),
        last_day=data.manifest.get("last_day"),
        customers=rows["customers"],
        rows=rows,
        files=len(files),
        bytes=sum(file.stat().st_size for file in files),
        value=int(approved["cents"].sum()) / 100,
        approved=decisions.get("approved", 0),
        declined=decisions.get("declined", 0),
        held=decisions.get("held", 0),
        fraud=int(truth[0]),
        fraud_share=int(truth[0]) / max(1, rows["transactions"]),
        laundering=int(truth[1]),
        by_kind=_by(groups, "kind"),
        by_rail=_by(groups, "rail"),
        declined_by_reason=_counts(groups.filter(pl.col("decision") == "declined"), "decline_reason"),
        fraud_by_typology=_fraud(data, int(approved.filter("paid")["cents"].sum())),
        labels=_counts(_collect(data.label_events.select(pl.col("label").cast(pl.String), rows=1)), "label"),
        alerts=_counts(_collect(data.alerts.select(pl.col("decision").cast(pl.String), rows=1)), "decision"),
        pending_labels=data.manifest.get("pending_labels"),
    )


def _collect(frame: pl.LazyFrame) -> pl.DataFrame:
    return frame.collect(engine="streaming")


def _groups(data: Dataset) -> pl.DataFrame:
    """Return rows and cents by kind, rail, decision, reason, and whether customers pay with it: one pass over all."""
    codes = [pl.col(name).cast(pl.String) for name in ("kind", "rail", "decision", "decline_reason")]
    paid = pl.col("kind").cast(pl.String).is_in(PAYMENTS).alias("paid")
    return _collect(
        data.transactions.select(*codes, paid, cents=CENTS)
        .group_by("kind", "rail", "decision", "decline_reason", "paid")
        .agg(rows=pl.len().cast(pl.Int64), cents=pl.col("cents").sum())
    )


def _by(groups: pl.DataFrame, column: str) -> dict[str, dict[str, Any]]:
    money = pl.when(APPROVED).then("cents").otherwise(0).sum()
    approved = pl.when(APPROVED).then("rows").otherwise(0).sum()
    table = groups.group_by(column).agg(pl.col("rows").sum(), approved=approved, cents=money)
    return {
        row[column]: {"rows": row["rows"], "approved": row["approved"], "value": row["cents"] / 100}
        for row in table.sort("cents", column, descending=[True, False]).to_dicts()
    }


def _counts(groups: pl.DataFrame, column: str) -> dict[str, int]:
    table = groups.group_by(column).agg(pl.col("rows").sum()).sort("rows", column, descending=[True, False])
    return {str(name): int(rows) for name, rows in table.iter_rows()}


def _fraud(data: Dataset, paid: int) -> dict[str, dict[str, Any]]:
    """Return what each typology tried and took; a release is the outcome of a held payment and no attempt."""
    truth = _collect(data.truth.filter("is_fraud").select("transaction_id", "typology")).lazy()
    rows = data.transactions.join(truth, on="transaction_id", how="inner")
    rows = rows.select("transaction_id", "typology", "decision", "related_transaction_id", cents=CENTS)
    named = _collect(rows)
    held = named.filter(pl.col("decision") == "held")["transaction_id"]
    release = pl.col("related_transaction_id").is_in(held.implode()).fill_null(False)
    table = named.group_by(pl.col("typology").cast(pl.String)).agg(
        attempts=(~release).sum(), approved=APPROVED.sum(), cents=pl.when(APPROVED).then("cents").otherwise(0).sum()
    )
    return {
        row["typology"]: {
            "attempts": row["attempts"],
            "approved": row["approved"],
            "value": row["cents"] / 100,
            "basis_points": round(row["cents"] / paid * BASIS, 4) if paid else 0.0,
        }
        for row in table.sort("cents", "typology", descending=[True, False]).to_dicts()
    }


def _money(groups: dict[str, dict[str, Any]]) -> list[tuple[str, int, int, float]]:
    return [(name, one["rows"], one["approved"], one["value"]) for name, one in groups.items()]


def _table(title: str, columns: tuple[str, ...], rows: Any) -> list[str]:
    """Return a table as lines, numbers to the right; nothing where it has no rows."""
    cells = [columns, *(tuple(map(_cell, row)) for row in rows)]
    if len(cells) == 1:
        return []
    widths = [max(len(row[k]) for row in cells) for k in range(len(columns))]
    rest = ("".join(f"  {c:>{w}}" for c, w in zip(row[1:], widths[1:], strict=True)) for row in cells)
    return ["", title, *(f"  {row[0]:<{widths[0]}}{numbers}" for row, numbers in zip(cells, rest, strict=True))]


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) >= 1 or value == 0 else f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _size(count: int) -> str:
    for power, unit in ((3, "GB"), (2, "MB"), (1, "kB")):
        if count >= 1000**power:
            return f"{count / 1000**power:,.1f} {unit}"
    return f"{count} bytes"
