"""Lost or stolen card: whoever finds it taps and pays nearby until the owner has it blocked.

Actors: a customer, whoever finds the card and belongs to no ring, the bank. Stage: use, minutes to hours after the
loss, up to 21 times and half an hour or so apart, until the second decline or the report. Assumptions but for the
share of misused cards, which leads to UK-049 beside UK-048.

Traces in transactions: purchases in the area of the owner's home in an unusual mix, contactless or by chip without
PIN; where the PIN of a debit card was seen, withdrawals too; then silence. In `events`: card_reported_lost and
card_blocked when the owner misses the card, card_issued days later. Confounder: an ordinary day of errands; journeys;
cards lost and blocked without misuse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finsim import payments as pay
from finsim.agents.fraud.present import pay_in_person, withdraw_cash
from finsim.clock import MINUTE
from finsim.rng import to_normal

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld


class LostStolen:
    """Purchases with a card that its owner lost; the thief belongs to no ring."""

    name = "lost_stolen"
    stages = ("use",)
    by_customers = True

    def launch(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Find the card; the campaign's victim and slot were drawn with the loss."""
        u = world.draw(campaign)
        campaign.facts |= {
            "left": 1 + min(int(-np.log(u[0]) * world.settings.lost_stolen.attempts), 20),
            "pin": bool(u[1] < world.settings.lost_stolen.pin_known and campaign.facts["slot"] == 0),
            "declines": 0,
        }
        return now + int((5 + 100 * u[2]) * MINUTE)

    def act(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Use the card once."""
        facts = campaign.facts
        u = world.draw(campaign)
        facts["left"] -= 1
        if facts["pin"] and u[0] < 0.4:
            withdraw_cash(world, campaign, campaign.victim, facts["code"], now, 0, magstripe=False, far=False)
        else:
            pay_in_person(world, campaign, campaign.victim, facts["slot"], facts["code"], now, 0, counterfeit=False)
        return None

    def observe(self, world: Underworld, campaign: Campaign, row: np.void) -> int | None:
        """Go on until the card is declined twice or enough is bought."""
        u = world.draw(campaign)
        if row["decision"] == pay.DECLINED:
            campaign.facts["declines"] += 1
            if row["decline_reason"] == pay.BLOCKED or campaign.facts["declines"] > 1:
                return None
        if campaign.facts["left"] <= 0:
            return None
        gap = world.settings.lost_stolen.gap_minutes * float(np.exp(1.0 * to_normal(u[0:1])[0]))
        return world.opening(int(row["timestamp"]) + int(max(gap, 1.0) * MINUTE), u[1])
