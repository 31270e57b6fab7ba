"""Impersonation scam: a caller who claims to be the bank or the police talks the victim into paying mules.

Actors: the caller (a ring), mules. Stage: payments, two to four within three hours of one call, the total split below
what would be questioned. Transactions: savings moved to checking minutes before, then transfers to new payees from the
victim's own device. Events: payee_added, a login at the start of the call; where the caller works on the device, some
have messages switched off (alerts_changed). Confounder: a customer who moves savings and pays a builder, a car or a
house (behaviour.occasions.projects); the victim answers every challenge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finsim.agents.fraud.pushing import login, pay_somebody
from finsim.agents.fraud.scam import PushScam, age_of, funds, gather, lognormal, price
from finsim.clock import HOUR, MINUTE

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

PAYMENT = 0


class ImpersonationScam(PushScam):
    """One call to one victim."""

    name = "impersonation_scam"
    stages = ("payment", "layering", "cash_out")
    least_cents = 3_000

    def script(self, world: Underworld, campaign: Campaign, start: int) -> list[list[int]]:
        """Return the payments of one call: a drawn total, split."""
        settings = self.settings(world)
        u, v = world.draw(campaign), world.draw(campaign)
        at = world.opening(start, u[0])
        count = 1 + min(int(-np.log(u[1]) * (settings.payments - 0.6)), 6)
        more = settings.amount_older if age_of(world, campaign.victim) >= 60 else 1.0
        total = 100 * lognormal(u[2], settings.amount_median * more, settings.amount_log_sigma)
        total = min(total, settings.savings_share * funds(world, campaign.victim))
        campaign.facts["savings"] = bool(u[3] < settings.savings)
        campaign.facts["remote"] = bool(v[0] < settings.remote_access)
        script = []
        for _ in range(count):
            w = world.draw(campaign)
            script.append([at, PAYMENT, price(total / count * (0.6 + 0.8 * w[0]), w[1])])
            at += int(max(lognormal(w[2], settings.gap_minutes, 0.7), 4.0) * MINUTE)
        return script

    def submit(self, world: Underworld, campaign: Campaign, cents: int, at: int, stage: int) -> bool:
        """Have savings moved where that is part of the story, then pay."""
        facts = campaign.facts
        if facts.pop("remote", False):
            login(world, campaign, at - 60_000_000)
            if world.draw(campaign)[0] < 0.3:
                login(world, campaign, at - 30_000_000, "alerts_changed")
        at = gather(world, campaign, cents, at, 1.0 if facts.pop("savings", False) else 0.0)
        pay_somebody(world, campaign, cents, at, stage)
        return True

    def postpone(self, campaign: Campaign, until: int) -> None:
        """Go on within the hour: the caller stays on the line."""
        super().postpone(campaign, until - HOUR + 10 * MINUTE)
