"""A control without opinion, which asks for features: what it costs to count and serve them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from finsim.features import NAMES


class Silent:
    """Gives every request a score of 0.

    Args:
        features: names of the features that are counted and served for it.
    """

    batch = "matrix"

    def __init__(self, features: Sequence[str] = NAMES) -> None:
        self.features = tuple(features)

    def score(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return zeros, (n,) float32, for a matrix (n, features) float32."""
        return np.zeros(len(batch), dtype=np.float32)
