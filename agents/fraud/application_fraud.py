"""Application fraud: an account is opened in somebody else's name, its credit is drawn up and never paid back.

Stages: the application, which the bank accepts; the card comes by post and rests, days in one case and months in
another, since banks look hard at new accounts; some rings buy an account that somebody else opened long ago; then the
line is drawn up within days; no repayment, no contact; months later the bank charges the debt off, and mostly learns
from the person whose name it was. Actors: a ring, a person who is no customer and does not know of it. An application
that is refused leaves nothing.

Traces in transactions: an account without pay or errands, large purchases for goods that sell again or are like cash,
no repayment, a write_off. In `events`: account_opened for checking and card, unless they are older than the data. The
address and devices are shared with other names of the ring. Genuine look-alikes: newcomers with a thin history, some of
whom use much of their limit, and customers in default (behaviour.defaults_per_1000_customers).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finsim.agents.customer import STOLEN
from finsim.agents.fraud import aftermath
from finsim.agents.fraud.own_card import draw_up, next_draw
from finsim.clock import DAY
from finsim.rng import to_normal

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

RECOGNISED = 0.7
"""Accounts in stolen names that the bank recognises by the charge-off (assumption: the person named complains)."""
SPREAD = 1.1
"""Sigma of the log of the time that an account rests (assumption: some rings cannot wait, some can for a year)."""
PATIENCE = (0.4, 1.0, 2.5)
"""Time that an account rests with careless, usual and careful thieves, against `card_days` (assumption)."""
LEAST_AGED, MOST_AGED = 120.0, 5_000.0
"""Days of age of an account that is bought (assumption: old enough to count as known)."""
SOONER = 0.5
"""Time until it does, against a synthetic identity's (assumption: a person complains before the debt is old)."""


class ApplicationFraud:
    """One stolen name."""

    name = "application_fraud"
    stages = ("application", "draw_down")
    probing = (1,)
    victimless = True
    history_days = 300

    def launch(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Apply with a stolen name, or buy an account that was opened with one; a new one exists from tomorrow."""
        settings = world.settings.application_fraud
        u, v = world.draw(campaign), world.draw(campaign)
        since, rests = now // DAY + 1, settings.card_days * world.care(campaign).between(*PATIENCE)
        rests *= float(np.exp(SPREAD * to_normal(v[0:1])[0]))
        if v[2] < settings.bought:
            aged = -np.log(v[3]) * settings.bought_days
            since, rests = now // DAY - int(min(max(aged, LEAST_AGED), MOST_AGED)), 0.6 + 9.0 * u[3]
            first = world.opening(now + int(rests * DAY), v[1])
        else:
            first = world.opening(since * DAY + int(max(rests, 0.6) * DAY), v[1])
        identity = world.identities.take(u[0]) if first >= world.economy.now else -1
        if identity < 0:
            return None  # no name is left, or it was over before the run began
        limit = settings.limit_median * float(np.exp(0.6 * to_normal(u[1:2])[0]))
        world.identities.open(identity, campaign.ring, STOLEN, since, limit, u[2])
        campaign.facts = {"identity": identity, "declines": 0, "rows": [], "over": False}
        return first

    def act(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Draw once more; when all is drawn, empty the account and wait for the charge-off."""
        facts = campaign.facts
        if facts["over"]:
            world.identities.charge_off(campaign, facts["identity"], RECOGNISED)
            return None
        if draw_up(world, campaign, facts["identity"], now, 1):
            return None
        return self._end(world, campaign, now)

    def observe(self, world: Underworld, campaign: Campaign, row: np.void) -> int | None:
        """Go on until the line is used up or the card no longer works."""
        at = next_draw(world, campaign, row, world.settings.application_fraud.use_days)
        return at if at is not None else self._end(world, campaign, int(row["timestamp"]))

    @staticmethod
    def _end(world: Underworld, campaign: Campaign, now: int) -> int:
        """Leave; return the time of the charge-off."""
        world.identities.empty(campaign, campaign.facts["identity"], now)
        return _default(world, campaign, now)

    def wind_up(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """When the ring is gone: the debt is charged off all the same; return when."""
        if aftermath.is_set_off(campaign):
            return int(campaign.facts[aftermath.KEY])
        if campaign.facts["over"] or not campaign.facts["rows"]:
            return None
        return _default(world, campaign, now)

    def foretell(self, world: Underworld, campaign: Campaign, now: int) -> tuple[int, str, str] | None:
        """Return when, by whom and how the draws will be labelled; None for never."""
        return world.identities.foretell(world, campaign, now, _days(world), RECOGNISED)


def _default(world: Underworld, campaign: Campaign, now: int) -> int:
    """Let nobody pay any more; return the time of the charge-off."""
    campaign.facts["over"] = True
    return aftermath.set_off(world, campaign, now, _days(world), aftermath.CHARGE_OFF_SPREAD)


def _days(world: Underworld) -> float:
    """Return the median days until the charge-off."""
    return SOONER * world.settings.identities.charge_off_days
