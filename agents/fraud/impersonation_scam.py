"""Impersonation scam: a caller who claims to be the bank or the police talks the victim into paying mules.

Traces: a new payee paid from the victim's own device, sometimes money moved from savings minutes before, two or three
payments within hours, older victims more often. Confounder: a customer who pays a builder, buys a car or helps the
family; the victim answers every challenge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finsim import payments as pay
from finsim.clock import MINUTE
from finsim.rng import to_normal

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld


class ImpersonationScam:
    """One call to one victim."""

    name = "impersonation_scam"
    stages = ("payment", "layering", "cash_out")

    def launch(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Call somebody who believes it."""
        victim = world.find_victim(campaign)
        if victim < 0:
            return None
        u = world.draw(campaign)
        campaign.victim = victim
        settings = world.settings.impersonation_scam
        campaign.facts = {
            "left": 1 + min(int(-np.log(u[0]) * settings.payments * 0.75), 6),
            "declines": 0,
            "scale": 1.0,
        }
        return world.opening(now + int(u[1] * 12 * 60 * MINUTE), u[2])

    def act(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Have the victim make one payment, from savings where checking does not suffice."""
        settings = world.settings.impersonation_scam
        facts = campaign.facts
        u = world.draw(campaign)
        facts["left"] -= 1
        z = float(to_normal(u[0:1])[0])
        cents = int(100 * settings.amount_median * np.exp(settings.amount_log_sigma * z) * facts["scale"])
        cents = max(cents // 5_000 * 5_000 if u[1] < 0.6 else cents // 100 * 100, 5_000)
        checking = world.balance(campaign.victim)
        if checking < cents:
            moved = world.from_savings(campaign, campaign.victim, cents - checking + 2_000, now)
            if not moved:
                cents = min(cents, int(checking * 0.9) // 1_000 * 1_000)
        if cents < 3_000:
            return None
        at = now + int((2 + 6 * u[2]) * MINUTE)
        world.pay_mule(campaign, campaign.victim, cents, at, 0, device=world.own_device(campaign.victim), thief=False)
        return None

    def observe(self, world: Underworld, campaign: Campaign, row: np.void) -> int | None:
        """Talk the victim into the next payment; after a decline into a smaller one."""
        if row["stage"] > 0:
            return None
        facts = campaign.facts
        u = world.draw(campaign)
        if row["decision"] != pay.APPROVED:
            facts["declines"] += 1
            facts["scale"] *= 0.6
            if facts["declines"] > 2:
                return None
        if facts["left"] <= 0:
            return None
        return int(row["timestamp"]) + int((8 + 90 * u[0]) * MINUTE)
