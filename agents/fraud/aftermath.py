"""What becomes known of a campaign once it is over, and when: an acquirer's review, a charge-off, an investigation.

Institutions do this, not rings: it happens whether the ring goes on, gives up or is arrested. What comes of it hangs on
the campaign's number alone, so the end of a run can tell what was still to come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finsim.clock import DAY
from finsim.rng import Purpose, to_normal

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

KEY = "known_at"
OPEN, DONE = -1, -2
"""Values of `facts["known_at"]` before it is drawn, and once it has come or will never come."""
CHARGE_OFF_SPREAD = 0.3
"""Sigma of the log of the time until a charge-off (assumption)."""


def fate(world: Underworld, campaign: Campaign) -> NDArray[np.float64]:
    """Return the four uniforms that decide what becomes known of a campaign; no other draw of it has ordinal 0."""
    return world.economy.streams.one(Purpose.CAMPAIGN, campaign.number, ordinal=0)


def after(world: Underworld, campaign: Campaign, now: int, days: float, sigma: float) -> int:
    """Return the time, microseconds, some days after now: lognormal with that median and sigma of the log."""
    z = float(to_normal(fate(world, campaign)[1:2])[0])
    return now + int(days * np.exp(sigma * z) * DAY)


def set_off(world: Underworld, campaign: Campaign, now: int, days: float, sigma: float) -> int:
    """Note that a campaign is over; return when institutions will be through with it."""
    at = campaign.facts[KEY] = after(world, campaign, now, days, sigma)
    return at


def due(world: Underworld, campaign: Campaign, now: int, days: float, sigma: float) -> int | None:
    """Return when something becomes known, counted from now if the campaign goes on; None for never again."""
    at = int(campaign.facts.get(KEY, OPEN))
    if at == DONE:
        return None
    return at if at >= 0 else after(world, campaign, now, days, sigma)


def is_set_off(campaign: Campaign) -> bool:
    """Return whether the time at which something becomes known is drawn and has not come."""
    return bool(campaign.facts.get(KEY, OPEN) >= 0)
