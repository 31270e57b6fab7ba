"""Errands: a new phone, SIM card or password is often got because of a payment, which then follows at once.

The genuine side of takeovers and SIM swaps, where the money goes soon after such events too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finsim.rng import Purpose, to_normal

if TYPE_CHECKING:
    from finsim.economy import Economy

MINUTES, SPREAD = 30.0, 1.4
"""Median minutes from a new device or password to the payment for which it was made, and sigma of their log
(assumption: at once, or when all is set up)."""
FEWEST = 2.0
"""Minutes that it takes at least (assumption)."""


def note_errands(economy: Economy, rows: NDArray[np.int64], changed: NDArray[np.bool_], device: NDArray[np.bool_],
                 part_of_day: NDArray[np.float64]) -> None:  # fmt: skip
    """Note for whom a payment follows at once on what changes in the course of today; the plan of today makes it.

    Args:
        economy: the economy.
        rows: (n,) int64 customers.
        changed: (n,) bool, who gets a new device, SIM card or password.
        device: (n,) bool, who gets a new device.
        part_of_day: (n,) float64 in [0, 1), when.
    """
    data = economy.world.customers.data
    u = economy.streams.uniform(Purpose.LIFE, rows, ordinal=economy.day + 1, draw=3)
    minute = 1440.0 * part_of_day + FEWEST + MINUTES * np.exp(SPREAD * to_normal(u[:, 1]))
    chosen = changed & (u[:, 0] < economy.config.parameters.behaviour.errand_share) & (minute < 1439.0)
    data["errand_day"][rows[chosen]] = economy.day
    data["errand_minute"][rows[chosen]] = minute[chosen]
    data["errand_device"][rows[chosen]] = device[chosen]
