"""Cards that customers lose: some are found by somebody who uses them, the others are blocked soon."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finsim.agents.customer import GENUINE
from finsim.agents.register import found_card_number
from finsim.clock import DAY, HOUR
from finsim.rng import Purpose, to_normal

if TYPE_CHECKING:
    from finsim.agents.underworld import Underworld


def lose_cards(world: Underworld) -> None:
    """Let customers lose cards; some are found by somebody who uses them, the others are blocked soon."""
    economy, s = world.economy, world.settings.lost_stolen
    data = economy.world.customers.data
    losers = economy.streams.rare(Purpose.LOSS_OF_CARD, len(data), [s.rate / 1000.0 / 365.0], ordinal=economy.day)
    here = (data["since_day"][losers] <= economy.day) & (data["cards"][losers] > 0)
    here &= data["reserved"][losers] == GENUINE  # the cards of made-up names lie with their ring
    losers = losers[here]
    u = economy.streams.uniform(Purpose.LOSS_OF_CARD, losers, ordinal=economy.day)
    for customer, w in zip(losers.tolist(), u, strict=True):
        slot = 2 if data["cards"][customer] & 4 and (w[1] < 0.45 or not data["cards"][customer] & 1) else 0
        at = economy.day * DAY + int((7 + 16 * w[2]) * HOUR)
        if not economy.life.cards.lose(customer, slot, at):
            continue
        v = economy.streams.one(Purpose.LOSS_OF_CARD, customer, ordinal=economy.day, draw=1)
        missed = at + int(s.notice_hours * HOUR * float(np.exp(0.8 * to_normal(v[:1])[0])))
        number, code = found_card_number(customer, economy.day), economy.life.cards.code(customer, slot)
        if w[3] < s.misuse * world.settings.intensity and number not in world.campaigns:
            facts = {"slot": slot, "code": code, "missed": missed}
            world.opportunist.launch("lost_stolen", at, facts, victim=customer, number=number)
        economy.banks[int(data["institution"][customer])].later(missed, "lost", code)
