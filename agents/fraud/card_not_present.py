"""Card not present: stolen details are used for remote purchases until a decline or a block ends it.

Actors: a ring, the market of stolen details, shops online, the cardholder. Stage: purchases with one card, one after
the other, up to 25, until declines are too many, the card is blocked or the holder reports; most within hours, some a
few a day or one a day (`care.PACE`), as the ring has learned. Sources: bursts BEHAVIOUR-010, amounts
US-019, the rate US-115, US-116 and US-020.

Traces in transactions: shops and categories new to the card, goods that sell again, dearer than usual, some on a card
that is on file; no device, a copy of the victim's or one never seen; an IP address in the victim's area or far off; a
few purchases within hours or days beside the genuine ones. In `events`: nothing but card_blocked and card_issued after
the claim. Confounder: the customer's own shopping at new shops (behaviour.exploration), from other devices
(behaviour.other_device_share) and on journeys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finsim import payments as pay
from finsim.agents.fraud.remote import buy_remotely, next_purchase

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

MOST_DECLINES, GIVES_UP = 5, 0.03
"""Declines after which a card is given up, and how often one is enough (assumption: details are mistyped, shops
decline for reasons of their own, and another shop is tried)."""


class CardNotPresent:
    """Purchases with one stolen card."""

    name = "card_not_present"
    stages = ("purchase",)

    def launch(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Buy one card and decide how often to try."""
        cards = world.credentials.take(world, campaign, 1, cheap=0.0)
        if not cards:
            return None
        u = world.draw(campaign)
        campaign.victim = cards[0][0]
        attempts = 1 + min(int(-np.log(u[0]) * (world.settings.card_not_present.attempts - 0.5)), 24)
        campaign.facts = {"card": list(cards[0]), "left": attempts, "declines": 0}
        campaign.pace = world.choose_pace(campaign)
        return world.evening(now, u[1], u[2], ring=campaign.ring)

    def act(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Buy once."""
        factor = world.settings.card_not_present.amount_factor
        buy_remotely(world, campaign, campaign.facts["card"], now, 0, factor)
        campaign.facts["left"] -= 1
        return None

    def observe(self, world: Underworld, campaign: Campaign, row: np.void) -> int | None:
        """Go on while it works; after a decline try once more, mostly, then give the card up."""
        u = world.draw(campaign)
        if row["decision"] == pay.DECLINED:
            campaign.facts["declines"] += 1
            blocked = row["decline_reason"] == pay.BLOCKED
            if campaign.facts["declines"] > MOST_DECLINES or u[0] < (0.8 if blocked else GIVES_UP):
                return None
        if campaign.facts["left"] <= 0:
            return None
        return next_purchase(world, campaign, int(row["timestamp"]), u[1:])
