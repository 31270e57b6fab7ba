"""Advance fee scam: a loan, a prize or a job needs a fee first, and then another one.

Actors: the lender or lottery (a ring), one mule. Stages: a first fee; further fees, each higher; a last one to release
the money. Transactions: two to four transfers within days or two weeks to the same new payee, a ladder of amounts, the
payer often with a low income and balance. Events: payee_added once, logins. Confounder: deposits and fees of moving,
courses and tradesmen paid in parts (behaviour.occasions.projects).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finsim.agents.fraud.pushing import login
from finsim.agents.fraud.scam import PushScam, age_weight, lognormal, price
from finsim.clock import DAY

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

FIRST_FEE, FURTHER_FEE, RELEASE_FEE = range(3)


class AdvanceFeeScam(PushScam):
    """One victim and a ladder of fees."""

    name = "advance_fee_scam"
    stages = ("first_fee", "further_fee", "release_fee", "layering", "cash_out")
    history_days = 14

    def fits(self, world: Underworld, customer: int, u: float) -> bool:
        """Return whether a candidate is sought: by age and income."""
        settings = self.settings(world)
        band = int(world.economy.world.customers.data["income_band_code"][customer])
        return bool(u < age_weight(world, customer, settings) * min(settings.low_income, 1.0) ** band)

    def script(self, world: Underworld, campaign: Campaign, start: int) -> list[list[int]]:
        """Return the ladder of fees."""
        settings = self.settings(world)
        u = world.draw(campaign)
        count = 1 + min(int(-np.log(u[0]) * (settings.fees - 0.5)), 7)
        level = 100 * lognormal(u[1], settings.fee_median, settings.fee_log_sigma)
        at, script = start, []
        for k in range(count):
            v = world.draw(campaign)
            at = world.evening(at, v[1], v[2])
            stage = FIRST_FEE if k == 0 else RELEASE_FEE if k == count - 1 else FURTHER_FEE
            cents = price(level * settings.growth ** min(k, 5) * (0.85 + 0.3 * v[0]), v[3])
            script.append([at, stage, cents])
            at += int(lognormal(v[0], settings.interval_days, 0.7) * DAY)
        return script

    def submit(self, world: Underworld, campaign: Campaign, cents: int, at: int, stage: int) -> bool:
        """Pay the fee."""
        login(world, campaign, at - 120_000_000)
        return super().submit(world, campaign, cents, at, stage)
