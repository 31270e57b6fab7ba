"""A user's own aggregates as a set of targets: a tidy table of metrics, one number a row.

A bank that may not show its rows can show these. Columns: `metric` (name of a moment), `segment` (its arguments, as
`means=card; place=remote`, or empty), `period`, `value`, `standard_error`; if wanted `unit`, `role`, `weight` and
`tolerance`.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from finsim.calibration.registry import find
from finsim.calibration.target_checks import TargetError
from finsim.errors import did_you_mean

NEEDED: Final = ("metric", "segment", "period", "value", "standard_error")
OPTIONAL: Final = ("unit", "role", "weight", "tolerance")
SUFFIXES: Final = (".csv", ".parquet")
_MONTH: Final = ("action", "day", "hour", "count")
"""Columns by which an operator's month by hours is known, a table of another kind (see `hourly_table`)."""


def rows_of_table(path: Path, period: str | None = None) -> list[dict[str, Any]]:
    """Return the entries of a set of targets that a table stands for.

    Args:
        path: a CSV or Parquet file.
        period: the period to take; needed where the table has several of one metric and segment.

    Raises:
        TargetError: the file cannot be read, lacks a column, or a row is not allowed.
    """
    label = path.name
    rows = _csv(path) if path.suffix.lower() == ".csv" else _parquet(path)
    if not rows:
        raise TargetError(f"{label}: has no rows")
    columns = {str(name).strip().lower().replace(" ", "_"): name for name in rows[0]}
    for name in NEEDED:
        if name not in columns:
            month = "; for an operator's month by hours there is `finsim import-month`"
            hint = month if columns.keys() >= set(_MONTH) else ""
            raise TargetError(f"{label}: column {name!r} is missing; it has {', '.join(map(str, rows[0]))}{hint}")
    for name in columns:
        if name not in (*NEEDED, *OPTIONAL):
            raise TargetError(f"{label}: unknown column {name!r}{did_you_mean(name, (*NEEDED, *OPTIONAL))}")
    plain = [{name: row[key] for name, key in columns.items()} for row in rows]
    known = sorted({str(row["period"]) for row in plain})
    if period is not None and period not in known:
        raise TargetError(f"{label}: has no period {period!r}{did_you_mean(period, known)}")
    chosen = [(n, row) for n, row in enumerate(plain, 2) if period is None or str(row["period"]) == period]
    _check_periods(chosen, label)
    return [_entry(row, f"{label}: row {number}", label) for number, row in chosen]


def _csv(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            rows, names = list(reader), [name.strip().lower() for name in reader.fieldnames or ()]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TargetError(f"{path.name}: cannot be read: {error}") from None
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise TargetError(f"{path.name}: has column {twice!r} twice")
    if any(None in row or None in row.values() for row in rows):
        raise TargetError(f"{path.name}: a row has more or fewer cells than there are columns")
    return rows


def _parquet(path: Path) -> list[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    except (OSError, pa.ArrowInvalid) as error:
        raise TargetError(f"{path.name}: cannot be read: {error}") from None
    return rows


def _check_periods(rows: list[tuple[int, dict[str, Any]]], label: str) -> None:
    """Refuse several periods of one number: which of them is meant cannot be guessed."""
    seen: dict[tuple[str, str], str] = {}
    for _, row in rows:
        key, period = (str(row["metric"]), str(row["segment"] or "")), str(row["period"])
        if seen.setdefault(key, period) != period:
            both = f"{seen[key]} and {period}"
            raise TargetError(f"{label}: {key[0]} {key[1]!r} is given for {both}; name the period to take")


def _entry(row: Mapping[str, Any], where: str, label: str) -> dict[str, Any]:
    """Return one row as an entry of a set of targets."""
    name = str(row["metric"] or "").strip()
    moment = find(name, where)
    segment = str(row["segment"] or "").strip()
    out: dict[str, Any] = {
        "id": f"{name}({segment})" if segment else name,
        "moment": name,
        "arguments": parse_segment(segment, moment.arguments, where),
        "value": _number(row["value"], f"{where}: value"),
        "unit": str(row.get("unit") or moment.unit),
        "year": str(row["period"]),
        "geography": "own data",
        "citation": f"own aggregates, {label}",
    }
    for key in ("standard_error", "tolerance", "weight"):
        text = row.get(key)
        if text is not None and str(text).strip():
            percent = key == "tolerance" and str(text).strip().endswith("%")
            out[key] = str(text) if percent else _number(text, f"{where}: {key}")
    if row.get("role"):
        out["role"] = str(row["role"])
    return out


def parse_segment(text: str, allowed: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the arguments of a moment from a text such as `means=card; place=remote`.

    Args:
        text: the text; may be empty.
        allowed: arguments of the moment; those without words take numbers.
        where: how a message begins.

    Raises:
        TargetError: a part is no assignment, or stands twice.
    """
    out: dict[str, Any] = {}
    for part in filter(None, (one.strip() for one in text.split(";"))):
        name, equals, value = (one.strip() for one in part.partition("="))
        if not equals or not name or not value or name in out:
            raise TargetError(f"{where}: segment {text!r} must be as 'means=card; place=remote'")
        words = isinstance(allowed.get(name, ()), tuple)
        out[name] = value if words else _number(value, f"{where}: {name}")
    return out


def _number(value: Any, where: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TargetError(f"{where}: {value!r} is no number") from None
