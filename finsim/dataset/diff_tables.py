"""What differs between two runs beside the transactions: parameters, and rows of the other tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import polars as pl

from finsim.dataset.diff_rows import collect
from finsim.dataset.reader import Dataset
from finsim.dataset.tables import TABLES

EXECUTION: Final = ("run.threads", "run.partitions", "run.checkpoint_seconds", "run.part_rows")
"""Parameters that say how a run is carried out; the rows do not depend on them."""


def differing_parameters(a: Dataset, b: Dataset) -> dict[str, tuple[Any, Any]]:
    """Return what differs between the scenarios and seeds of two runs, by dotted key; None where a key is missing."""
    left, right = (dict(_flat("", data.scenario)) | {"run.seed": data.seed} for data in (a, b))
    keys = sorted(set(left) | set(right))
    pairs = {key: (left.get(key), right.get(key)) for key in keys if key not in EXECUTION}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def _flat(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping | list):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for name, item in items:
            yield from _flat(f"{key}.{name}" if key else str(name), item)
    else:
        yield key, value


def differing_tables(a: Dataset, b: Dataset) -> dict[str, dict[str, int]]:
    """Return for each table but transactions the rows of A and of B, and how many stand in one of them only."""
    out = {}
    for name in TABLES:
        if name != "transactions":
            left, right = getattr(a, name), getattr(b, name)
            counts = {key: int(data.manifest["rows"].get(name, 0)) for key, data in (("a", a), ("b", b))}
            out[name] = counts | {"only_a": only(left, right).height, "only_b": only(right, left).height}
    return out


def only(left: pl.LazyFrame, right: pl.LazyFrame, columns: tuple[str, ...] = ()) -> pl.DataFrame:
    """Return the rows of one table that do not stand in the other.

    Args:
        left: the table whose rows are wanted.
        right: the table that they are looked for in.
        columns: what makes rows the same; if empty, all columns that both tables have.
    """
    shared = right.collect_schema().names()
    names = columns or tuple(name for name in left.collect_schema().names() if name in shared)
    key = pl.struct(_text(left, name) for name in names).hash()
    seen = right.select(key.alias("_row")).unique()
    return collect(left.with_columns(key.alias("_row")).join(seen, on="_row", how="anti").drop("_row"))


def _text(frame: pl.LazyFrame, name: str) -> pl.Expr:
    """Return a column with codes as texts: codes of two files need not mean the same."""
    coded = frame.collect_schema()[name] in (pl.Categorical, pl.Enum)
    return pl.col(name).cast(pl.String) if coded else pl.col(name)
