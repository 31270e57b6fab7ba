"""Whom life meets with something on a day, how often and when: the draws behind `finsim.agents.life`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finsim.compile import njit
from finsim.rng import philox, unit

if TYPE_CHECKING:
    from finsim.parameters import Behaviour

YEAR = 365.25
SIM_WITH_DEVICE = 0.5
"""New devices that are telephones with a new SIM card (assumption: every second one)."""


def sims_alone(b: Behaviour) -> float:
    """Return how often a year a SIM card is changed without a new device."""
    return float(max(b.sim_change_per_year - SIM_WITH_DEVICE * b.device_change_per_year, 0.0))


def part_of_day(u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return when in the day things happen, as part of it: in the waking hours."""
    return 0.3 + 0.65 * u


@njit
def eventful(key, count, day, rates):  # type: ignore[no-untyped-def]
    """Return the customers, (n,) int64, to whom something may happen today.

    Args:
        key: uint64 purpose key.
        count: number of customers.
        day: day number.
        rates: (10,) float64 chances a day, for the uniforms of draws 0 and 1; the fifth counts from both ends, the
            last two from the upper ends of the first two.
    """
    found = np.empty(count, dtype=np.int64)
    n = 0
    for o in range(count):
        a, b, c, d = philox(key, o, 0, day, 0)
        e, f, g, h = philox(key, o, 0, day, 1)
        some = unit(a) < rates[0] or unit(b) < rates[1] or unit(c) < rates[2] or unit(d) < rates[3]
        some = some or unit(e) < rates[4] or unit(e) > 1.0 - rates[4] or unit(f) < rates[5]
        some = some or unit(a) > 1.0 - rates[8] or unit(b) > 1.0 - rates[9]
        if some or unit(g) < rates[6] or unit(h) < rates[7]:
            found[n] = o
            n += 1
    return found[:n].copy()
