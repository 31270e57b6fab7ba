"""Patterns of ids: whether bits, order or remainders of an id say that fraud uses it.

Each id counts once, as a positive if any fraud row bears it: a merchant whose number happens to be even and who is
cheated often is no pattern. Ids tell nothing if all of this is noise around 0.5.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from finsim.evaluation.rows import IDS, microseconds
from finsim.evaluation.separation import Contrast, Finding, both, cut

LEAST_IDS: Final = 20
MODULI: Final = (7, 9, 10, 11, 13, 100)


def id_patterns(rows: pl.DataFrame) -> Iterator[Finding]:
    """Yield what the patterns of every id column tell of fraud, and of laundering.

    Args:
        rows: rows of `attempts`, in time order.
    """
    time = microseconds(rows["timestamp"])
    marks = {"fraud": rows["is_fraud"].to_numpy(), "laundering": rows["is_laundering"].to_numpy()}
    for name in IDS:
        there = rows[name].is_not_null().to_numpy()
        ids, first, place = np.unique(rows[name].drop_nulls().to_numpy(), return_index=True, return_inverse=True)
        numbers = ids.astype(np.uint64)
        columns = patterns(numbers, _width(rows[name]), time[there][first])
        # Noise of its own for the halves: a hash of the id that none of the patterns is made of.
        half = ((numbers * np.uint64(0xD1B54A32D192ED03)) >> np.uint64(33) & np.uint64(1)).astype(bool)
        for target, mask in marks.items():
            positive = np.bincount(place[mask[there]], minlength=len(ids)) > 0
            if positive.sum() >= LEAST_IDS and (~positive).sum() >= LEAST_IDS:
                cells = [
                    cut(values, positive, half) if values.dtype.kind == "f" else both(values)
                    for values in columns.values()
                ]
                labels = [f"{name} {pattern}" for pattern in columns]
                yield from Contrast(
                    target, labels, cells, positive, half,
                    np.arange(len(ids)), np.ones(len(ids)),
                ).columns()  # fmt: skip


def _width(column: pl.Series) -> int:
    """Return the bits of an id column."""
    return 64 if column.dtype == pl.UInt64 else 32


def patterns(ids: NDArray[np.uint64], width: int, first: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Return what can be read off ids, (n,) each: cells as integers, numbers as floats.

    Args:
        ids: (n,) uint64 distinct ids in rising order.
        width: bits of an id.
        first: (n,) microseconds of the first row that bears each.
    """
    order = np.arange(len(ids), dtype=np.float64)
    appeared = np.argsort(first, kind="stable")
    step = np.empty(len(ids))
    # A counter takes small steps from one new id to the next; how early an id appears does not matter here.
    step[appeared] = np.abs(np.diff(order[appeared], prepend=order[appeared[:1]]))
    top = np.uint64(width - 7)
    out: dict[str, NDArray[Any]] = {
        "low 7 bits": (ids & np.uint64(127)).astype(np.int16),
        "bits 7 to 13": ((ids >> np.uint64(7)) & np.uint64(127)).astype(np.int16),
        "high 7 bits": (ids >> top).astype(np.int16),
        "next 7 high bits": ((ids >> (top - np.uint64(7))) & np.uint64(127)).astype(np.int16),
        "set bits": np.unpackbits(ids.view(np.uint8).reshape(-1, 8), axis=1).sum(axis=1).astype(np.int16),
        "order": ids.astype(np.float64),
        "step from the id that appeared before": step,
        "gap to the next": np.diff(ids.astype(np.float64), append=float(ids[-1]) if len(ids) else 0.0),
    }
    return out | {f"modulo {m}": (ids % np.uint64(m)).astype(np.int16) for m in MODULI}
