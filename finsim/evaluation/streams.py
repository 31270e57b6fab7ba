"""The streams of payments that are judged: everything a bank scores, and remote card payments by themselves.

The figures of real data come from streams of one sort. Worldline's, which the Fraud Detection Handbook measures, holds
e-commerce payments by card (MODELPERF-001 to 045), and IEEE-CIS a processor's online purchases (077 to 086); their
labels say what a cardholder reported as not his own. So the bands are for remote card payments, and fraud in them is
what wronged the cardholder: draws on one's own credit line, complicit sales and first-party claims are left out there,
neither fraud nor genuine. How many payments are fraud differs between streams, and average precision, lift and card
precision follow it; they are given for the Belgian stream's rate, as if genuine payments were so many more or fewer
(W. Siblini, J. Fréry, L. He-Guelton, F. Oblé and Y.-Q. Wang, "Master your Metrics with Calibration", IDA 2020).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

REFERENCE_RATE: Final = 0.0025
"""Share of payments that are fraud in the Belgian stream (BEHAVIOUR-013)."""


@dataclass(frozen=True)
class Stream:
    """A part of the rows that is judged by itself.

    Attributes:
        name: what is in it, as people read it.
        holds: gives which of the rows of `attempts` are in it, (n,) bool.
        rate: share of fraud for which precision is given; None for what is found.
    """

    name: str
    holds: Callable[[pl.DataFrame], NDArray[np.bool_]]
    rate: float | None = None

    def weight(self, fraud: int, genuine: int) -> float:
        """Return how much each genuine row counts, so that fraud has the stream's rate."""
        if self.rate is None or not fraud or not genuine:
            return 1.0
        return fraud * (1.0 - self.rate) / self.rate / genuine


def _remote_cards(rows: pl.DataFrame) -> NDArray[np.bool_]:
    text = {name: pl.col(name).cast(pl.String) for name in ("rail", "kind", "channel")}
    remote = (
        (text["rail"] == "card")
        & text["kind"].is_in(["purchase", "verification"])
        & text["channel"].is_in(["online", "app", "phone"])
        & (pl.col("is_wronged") | ~pl.col("is_fraud"))
    )
    return rows.select(remote).to_series().to_numpy()


ALL: Final = Stream("all payments", lambda rows: np.ones(len(rows), bool))
REMOTE_CARDS: Final = Stream("remote card payments", _remote_cards, REFERENCE_RATE)
