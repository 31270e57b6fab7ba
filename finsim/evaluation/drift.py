"""Whether what a column says about fraud turns over time: in life it does, because fraudsters move on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from finsim.evaluation.columns import CATEGORICAL
from finsim.evaluation.rows import codes, microseconds
from finsim.evaluation.separation import bins

LEAST_EXPECTED: Final = 3.0
"""Fraud rows, at the average rate, that a value needs in each half of the time to be compared."""
LEAST_VALUES: Final = 4


def turns(rows: pl.DataFrame, names: Iterable[str]) -> list[dict[str, Any]]:
    """Return, for each column, the rank correlation of fraud rates by value between the halves of the time.

    Args:
        rows: rows in time order.
        names: columns; numbers are cut into bins.

    Returns:
        column, values compared, correlation; 1: the same values are risky in both halves, 0: nothing stays.
    """
    time, fraud = microseconds(rows["timestamp"]), rows["is_fraud"].to_numpy()
    late = time > (time[0] + time[-1]) // 2 if len(time) else np.zeros(0, bool)
    out = []
    for name in names:
        cell = (
            codes(rows[name])[0]
            if name in CATEGORICAL
            else bins(rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy(), fraud)
        )
        rates, enough = [], np.ones(int(cell.max(initial=0)) + 1, bool)
        for half in (~late, late):
            seen, bad = (np.bincount(cell[mask], minlength=len(enough)) for mask in (half, half & fraud))
            enough &= seen * fraud[half].mean() >= LEAST_EXPECTED if half.any() else False
            rates.append(bad / np.maximum(seen, 1))
        if enough.sum() >= LEAST_VALUES:
            out.append(
                {"column": name, "values": int(enough.sum()), "correlation": _ranks(rates[0][enough], rates[1][enough])}
            )
    return sorted(out, key=lambda row: row["correlation"])


def _ranks(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return Spearman's rank correlation; ties share their mean rank."""
    x, y = (pl.Series(v).rank().to_numpy() for v in (a, b))
    spread = x.std() * y.std()
    return float(((x - x.mean()) * (y - y.mean())).mean() / spread) if spread > 0 else 0.0
