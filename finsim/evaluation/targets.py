"""What is told apart from genuine rows: all fraud, all laundering, and each typology of either.

Fraud as a whole is set against every genuine row. A typology, and laundering, is set against genuine rows of the same
rail, kind and channel, weighted to occur as often: that a takeover is a transfer is what it is and gives nothing
away, that its transfers look unlike other transfers would.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

LEAST_ROWS: Final = 20
"""Rows that a target needs to be audited."""
MOST_GENUINE, MOST_GENUINE_OF_TYPOLOGY = 200_000, 60_000
"""Genuine rows that a target is set against at most, drawn by their ids, which tell nothing."""


@dataclass(frozen=True)
class Target:
    """Positives and the genuine rows that they are set against.

    Attributes:
        name: `fraud`, `laundering`, or a typology, with `laundering of` before it for rows that pass money on.
        rows: (m,) positions, positives first.
        positive: (m,) which are positives.
        weight: (m,) weight of each.
        lonely: positives of a rail, kind and channel in which there is no genuine row; left out of `rows`.
    """

    name: str
    rows: NDArray[np.int64]
    positive: NDArray[np.bool_]
    weight: NDArray[np.float64]
    lonely: int


def targets(rows: pl.DataFrame, *, by_typology: bool = True) -> Iterator[Target]:
    """Yield every target that has rows enough.

    Args:
        rows: rows of `attempts`.
        by_typology: whether each typology is a target.
    """
    fraud, laundering = rows["is_fraud"].to_numpy(), rows["is_laundering"].to_numpy()
    typology = rows["typology"].cast(pl.String).fill_null("").to_numpy()
    genuine = np.flatnonzero(typology == "")
    # Ids are scattered by a bijection, so the smallest hashes are a draw that needs no generator.
    genuine = genuine[
        np.argsort(rows["transaction_id"].to_numpy()[genuine] * np.uint64(0x9E3779B97F4A7C15), kind="stable")
    ]
    stratum = rows.select(pl.struct("rail", "kind", "channel").rank("dense").cast(pl.Int64)).to_series().to_numpy()
    chosen: list[tuple[str, NDArray[np.bool_]]] = [("laundering", laundering)]
    if by_typology:
        chosen += [(name, fraud & (typology == name)) for name in sorted(set(typology[fraud]))]
        chosen += [
            (f"laundering of {name}", laundering & (typology == name)) for name in sorted(set(typology[laundering]))
        ]
    if fraud.sum() >= LEAST_ROWS:
        found = np.flatnonzero(fraud)
        some = genuine[:MOST_GENUINE]
        yield _target("fraud", found, some, np.ones(len(found) + len(some)), 0)
    for name, mask in chosen:
        found = np.flatnonzero(mask)
        alike = genuine[np.isin(stratum[genuine], stratum[found])][:MOST_GENUINE_OF_TYPOLOGY]
        matched = found[np.isin(stratum[found], stratum[alike])]
        if len(matched) >= LEAST_ROWS:
            size = int(stratum.max()) + 1
            wanted, there = np.bincount(stratum[matched], minlength=size), np.bincount(stratum[alike], minlength=size)
            weight = (wanted / np.maximum(there, 1) * len(alike) / len(matched))[stratum[alike]]
            yield _target(
                name, matched, alike, np.concatenate([np.ones(len(matched)), weight]), len(found) - len(matched)
            )


def _target(
    name: str, found: NDArray[np.int64], genuine: NDArray[np.int64], weight: NDArray[np.float64], lonely: int
) -> Target:
    positive = np.arange(len(found) + len(genuine)) < len(found)
    return Target(name, np.concatenate([found, genuine]), positive, weight, lonely)
