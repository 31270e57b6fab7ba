"""Romance scam: payments to a beloved whom the victim never met, small at first, growing over months, a large one last.

Actors: the beloved (a ring), one or two mules. Stages: a first small gift; support, again and again and more each
time; a last emergency. Transactions: many transfers to the same one or two payees, known to the bank after the first,
at intervals of one to four weeks, growing; savings broken towards the end, and for some money that comes from a
retirement account or a lender days before. Events: payee_added once, logins.
Confounder: remittances to family that grow (behaviour.occasions.remitters), regular gifts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finsim.agents.fraud.pushing import login
from finsim.agents.fraud.scam import PushScam, lognormal, price
from finsim.clock import DAY
from finsim.rng import to_normal

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

FIRST_GIFT, SUPPORT, FINAL = range(3)


class RomanceScam(PushScam):
    """One victim and the payments of some months."""

    name = "romance_scam"
    stages = ("first_gift", "support", "final", "layering", "cash_out")
    history_days = 300
    least_cents = 2_000
    raises = True

    def script(self, world: Underworld, campaign: Campaign, start: int) -> list[list[int]]:
        """Return the payments: an amount that grows, unevenly, and jumps at the end."""
        settings = self.settings(world)
        u = world.draw(campaign)
        count = 3 + min(int(-np.log(u[0]) * max(settings.payments - 3.5, 0.5)), 40)
        level = max(100 * lognormal(u[1], settings.first_median, settings.amount_log_sigma), self.least_cents)
        growth = 1.0 + (settings.growth - 1.0) * (0.6 + 0.8 * u[2])
        at, script = start, []
        for k in range(count):
            v = world.draw(campaign)
            at = world.evening(at, v[1], v[2])
            last = k == count - 1
            uneven = float(np.exp(0.25 * to_normal(v[3:4])[0]))
            cents = level * growth ** min(k, 14) * uneven * (settings.final if last else 1.0)
            script.append([at, FIRST_GIFT if k == 0 else FINAL if last else SUPPORT, price(cents, v[0])])
            at += int(lognormal(v[0], settings.interval_days, 0.6) * DAY)
        return script

    def submit(self, world: Underworld, campaign: Campaign, cents: int, at: int, stage: int) -> bool:
        """Pay the beloved's helper."""
        login(world, campaign, at - 200_000_000)
        return super().submit(world, campaign, cents, at, stage)
