"""What a ring owns: what it takes and sells again comes in, what it buys and lives on goes out; money makes it busy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay

if TYPE_CHECKING:
    from finsim.agents.fraudster import Fraudster

RESOLD = 0.4
"""What goods and services bought with others' cards fetch (assumption: under half, since buyers guess where they come
from)."""
SPENT = 0.1
"""Part of what it has beyond its starting capital that a ring spends a day (assumption: it goes to the members)."""
POWER, NARROW, WIDE = 0.25, 0.5, 2.0
"""Power of its capital to which a ring's capacity is proportional, and its bounds against the mean (assumption: who has
sixteen times the money runs twice the campaigns; people and hours are what is short)."""


def kept(row: np.void, commission: float) -> int:
    """Return the cents that a ring makes of an approved payment, one TRANSACTION.

    Args:
        row: the payment.
        commission: what a mule keeps of a transfer, a share.
    """
    if row["rail"] == pay.CARD:
        return int(row["amount"] * (1.0 if row["kind"] == pay.WITHDRAWAL else RESOLD))
    return int(row["amount"] * (1.0 - commission))


def capacities(rings: Sequence[Fraudster]) -> NDArray[np.float64]:
    """Return how many campaigns each ring runs against the mean of all, (n,) float64; the mean by effort is near 1."""
    if not rings:
        return np.ones(0)
    capital = np.array([max(ring.capital, 0) / max(ring.start, 1) for ring in rings])
    power = (1.0 + capital) ** POWER
    return np.clip(power / np.average(power, weights=[ring.effort for ring in rings]), NARROW, WIDE)
