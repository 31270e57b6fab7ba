"""Investment scam: a platform shows profits that do not exist, and the victim pays in until nothing comes back.

Actors: the platform (a ring), mules, an exchange at which deposits become cryptocurrency. Stages: a small test
payment; a "profit" that is paid back, so that the victim believes; deposits that grow; a fee or tax to withdraw.
Transactions: the first payment to a new payee is small, an inbound credit follows, then large transfers, savings moved
minutes before some of them or money drawn from a retirement account or borrowed days before, larger ones by batch or
wire. Events: payee_added, logins. Confounder: savers who try an
exchange with a little, take some out and put more in (behaviour.occasions.investors), houses and cars.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finsim.agents.fraud.pushing import login, pay_somebody
from finsim.agents.fraud.raising import could_raise
from finsim.agents.fraud.scam import PushScam, funds, gather, lognormal, price
from finsim.clock import DAY
from finsim.ledger import EXCHANGE

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

TEST, PAYOUT, DEPOSIT, FEE = range(4)


class InvestmentScam(PushScam):
    """One victim of a platform."""

    name = "investment_scam"
    stages = ("test", "payout", "deposit", "fee", "layering", "cash_out")
    received = PAYOUT
    history_days = 120
    least_cents = 5_000
    raises = True

    def script(self, world: Underworld, campaign: Campaign, start: int) -> list[list[int]]:
        """Return test, payout, deposits that grow to a drawn total, and for some a fee."""
        settings = self.settings(world)
        u, v = world.draw(campaign), world.draw(campaign)
        if u[0] < settings.exchange:
            campaign.facts["exchange"] = int(world.economy.ledger.named[EXCHANGE])
        at = world.evening(start, u[1], u[2])
        test = price(100 * lognormal(u[3], settings.test_median, 0.5), 0.3)
        script = [[at, TEST, test]]
        if v[0] < settings.payout:
            at += int((2.0 + 8.0 * v[1]) * DAY)
            script.append([at, PAYOUT, max(int(test * (0.1 + 0.5 * v[2])), 1_000)])
        total = 100 * lognormal(v[3], settings.amount_median, settings.amount_log_sigma)
        there = funds(world, campaign.victim) + could_raise(world, campaign, settings)
        total = min(total, settings.savings_share * there)
        return script + self._deposits(world, campaign, at, test, total)

    def _deposits(self, world: Underworld, campaign: Campaign, at: int, test: int, total: float) -> list[list[int]]:
        """Return the deposits, each larger than the one before, and the fee."""
        settings = self.settings(world)
        u = world.draw(campaign)
        count = 2 + min(int(-np.log(u[0]) * max(settings.deposits - 1.5, 0.1)), 8)
        growth = 1.0 + (settings.growth - 1.0) * (0.5 + u[1])
        parts = growth ** np.arange(count)
        script = []
        for part in parts / parts.sum():
            v = world.draw(campaign)
            at = world.evening(at + int(lognormal(v[0], settings.interval_days, 0.7) * DAY), v[1], v[2])
            script.append([at, DEPOSIT, max(price(total * part, v[3]), test)])
        if u[2] < settings.fee:
            v = world.draw(campaign)
            at = world.evening(at + int(lognormal(v[0], settings.interval_days, 0.5) * DAY), v[1], v[2])
            script.append([at, FEE, price(total * (0.05 + 0.15 * u[3]), v[3])])
        return script

    def submit(self, world: Underworld, campaign: Campaign, cents: int, at: int, stage: int) -> bool:
        """Pay the exchange or a mule."""
        login(world, campaign, at - 150_000_000)
        at = gather(world, campaign, cents, at, 0.12)
        pay_somebody(world, campaign, cents, at, stage, campaign.facts.get("exchange"))
        return True
