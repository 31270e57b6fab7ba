"""Card testing: bought card numbers are tried at one weakly protected shop; those that work are used after a rest.

Actors: a ring, the market of stolen details, a shop online (digital goods or a charity), the cardholders. Stages:
tests of a whole batch, minutes to hours apart; hours to days later some purchases with most of the cards that passed,
at the pace that the ring has learned (`care.PACE`), fewer where the bank blocks the card or a rule stops it. Sources:
US-enumeration-per-adult and BEHAVIOUR-025 for the rate; the rest are assumptions.

Traces in transactions: cards of several people at one merchant one after the other, a third of the tests verifications
of 0 and the others a few units, many declines (wrong details, dead cards), often from the same few devices, addresses
as other remote thieves have them; later dearer remote purchases elsewhere, on approved cards only. In `events`: nothing
but cards that are blocked and replaced. Confounder: genuine verifications of 0 by shops that store a card
(behaviour.verification_rate), details that holders mistype (behaviour.mistype_rate), small digital purchases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from finsim import payments as pay
from finsim.agents.fraud.remote import buy_remotely, next_purchase
from finsim.clock import HOUR, MINUTE

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

PURCHASES = 4.0
"""Mean purchases after the first one with a card that worked (assumption: as with details that need no test)."""
PAUSE = (0.2, 1.0, 6.0)
"""Pauses between tests of careless, usual and careful thieves, against `gap_minutes` (assumption)."""


class CardTesting:
    """Batches of tests, then purchases."""

    name = "card_testing"
    stages = ("test", "purchase")
    probing = (0,)

    def launch(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Buy a batch of card numbers and choose the shop at which to test them."""
        settings = world.settings.card_testing
        u = world.draw(campaign)
        count = max(2, int(-settings.cards * np.log(u[0])))
        cards = world.credentials.take(world, campaign, count, cheap=0.5)
        if not cards:
            return None
        category = world.economy.world.category_names.index("digital_goods" if u[1] < 0.6 else "charity")
        campaign.facts = {
            "cards": cards,
            "test_merchant": world.online_merchant(category, u[2]),
            "alive": [],
            "tested": {},
        }
        campaign.pace = world.choose_pace(campaign)
        return now + int(u[3] * 20 * HOUR)

    def act(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Test the next card, or buy with one that worked and has rested."""
        settings = world.settings.card_testing
        facts = campaign.facts
        u = world.draw(campaign)
        if facts["cards"]:
            card = facts["cards"].pop()
            facts["merchant"] = facts["test_merchant"]
            buy_remotely(world, campaign, card, now, 0, 1.0, small=True)
            facts["tested"][campaign.ordinal] = list(card)
            gap = settings.gap_minutes * world.care(campaign).between(*PAUSE)
            return now + max(int(gap * np.exp(1.1 * (2 * u[0] - 1)) * MINUTE), 1)
        facts.pop("merchant", None)
        if not facts["alive"]:
            return None
        *card, due, left = facts["alive"][0]
        if now < due:
            return int(due)
        buy_remotely(world, campaign, card, now, 1, world.settings.card_not_present.amount_factor)
        facts["alive"].pop(0)
        if left > 1:
            later = next_purchase(world, campaign, now, world.draw(campaign))
            facts["alive"].append([*card, later, left - 1])
            facts["alive"].sort(key=_due)
        # Cards that rested long enough while others were tested are used one after the other.
        soon = now + int((0.5 + 10.0 * u[2]) * MINUTE)
        return max(_due(facts["alive"][0]), soon) if facts["alive"] else None

    def observe(self, world: Underworld, campaign: Campaign, row: np.void) -> int | None:
        """Keep the cards whose test was approved; drop a card whose purchase was declined."""
        facts = campaign.facts
        code = int(row["card"])
        if row["stage"] == 0:
            if row["decision"] == pay.APPROVED:
                u = world.draw(campaign)
                tested = next((card for card in facts["tested"].values() if card[2] == code), None)
                if tested is not None and u[0] < 0.8:
                    rest = world.settings.card_testing.rest_hours * float(np.exp(2.0 * (2 * u[1] - 1)))
                    due = int(row["timestamp"]) + int(rest * HOUR)
                    facts["alive"].append([*tested, due, 1 + int(-np.log(u[2]) * PURCHASES)])
                    facts["alive"].sort(key=_due)
                    return due
        elif row["decision"] == pay.DECLINED and row["decline_reason"] in (pay.BLOCKED, pay.RULE):
            facts["alive"] = [item for item in facts["alive"] if item[2] != code]
        return None


def _due(item: list[Any]) -> int:
    """Return when a card that worked is used next, microseconds."""
    return int(item[-2])
