"""Emptying an account that a thief has got into: what takeovers have in common, however the thief got in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finsim import payments as pay
from finsim.agents.slots import usual_step
from finsim.interpreted import as_written

if TYPE_CHECKING:
    import numpy as np

    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

LEAST = 3_000
"""Cents that a transfer out of the account is worth the trouble for (assumption)."""
EXACT = 0.5
"""Transfers to the cent; the others are rounded as people round theirs (assumption: customers pay three in five amounts
above 2,000 to the cent)."""


def drain(world: Underworld, campaign: Campaign, now: int, share: float, u: float, most: int) -> None:
    """Try to move a share of the victim's balance to a mule, at most so many cents; the uniform u rounds it."""
    cents = min(int(world.balance(campaign.victim) * share), most)
    campaign.facts["left"] -= 1
    if cents < LEAST:
        return
    if u >= EXACT:
        step = int(as_written(usual_step)(cents, (u - EXACT) / (1.0 - EXACT)))
        cents = cents // step * step
    world.pay_mule(campaign, campaign.victim, cents, now, 0, device=campaign.facts["device"], thief=True)


def goes_on(campaign: Campaign, row: np.void, smaller: float) -> bool:
    """Return whether the thief tries again after an outcome; after a decline only a part, `smaller`, of the amount."""
    facts = campaign.facts
    if row["decision"] == pay.DECLINED:
        facts["declines"] += 1
        facts["scale"] *= smaller
        if facts["declines"] > 2 or row["decline_reason"] == pay.BLOCKED:
            return False
    return bool(facts["left"] > 0)
