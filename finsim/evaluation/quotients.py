"""Quotients of sums: NaN where there is nothing to divide by."""

from __future__ import annotations

from typing import Any

import numpy as np


def share(part: Any, whole: Any) -> float:
    """Return a part of a whole; NaN where the whole is 0."""
    return float(part / whole) if whole else float(np.nan)


def points(part: Any, whole: Any) -> float:
    """Return a part of a whole in basis points; NaN where the whole is 0."""
    return 1e4 * share(part, whole)
