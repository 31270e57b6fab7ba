"""Choices that rings make by experience: whom they try, at which hour, in which shops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.agents.fraud.campaign import Campaign
from finsim.agents.fraudster import HOUR_BANDS, Fraudster
from finsim.agents.surroundings import AGES, Surroundings
from finsim.clock import DAY, HOUR
from finsim.rng import Purpose, choose

if TYPE_CHECKING:
    from finsim.economy import Economy

OPPORTUNIST = 4095
"""Ring row of thieves who belong to no ring, and learn nothing."""


class RingChoices(Surroundings):
    """What a ring chooses where it has a choice.

    Args:
        economy: the economy.

    Attributes:
        rings: all rings by their rows.
        susceptible: (C,) float64, cumulative weights by which the easily deceived are found.
    """

    def __init__(self, economy: Economy) -> None:
        super().__init__(economy)
        self.rings: list[Fraudster] = []
        self.susceptible = np.cumsum(economy.world.customers.data["susceptibility"].astype(float))

    def draw(self, campaign: Campaign) -> NDArray[np.float64]:
        """Return the next four uniforms of a campaign's own stream."""
        campaign.draws += 1
        return self.economy.streams.one(Purpose.CAMPAIGN, campaign.number, ordinal=campaign.draws)

    def experience(self, ring: int, what: str, count: int) -> NDArray[np.float64]:
        """Return a ring's belief in each of count options, (count,) float64."""
        if ring == OPPORTUNIST or ring < 0:
            return np.ones(count)
        return self.rings[ring].weights(what, count)

    def attraction(self, ring: int, customer: int) -> float:
        """Return how promising a customer is to a ring by their bank; a card's number tells the bank."""
        institutions = self.experience(ring, "institution", len(self.economy.banks))
        return float(institutions[self.economy.world.customers.data["institution"][customer]])

    def options_of(self, row: np.void) -> list[tuple[str, int]]:
        """Return what a ring chose in an attempt, one TRANSACTION: (choice, option) each."""
        data, owner = self.economy.world.customers.data, int(row["owner"])
        found = [("institution", int(data["institution"][owner])), ("age", self.age_band(owner))]
        if not row["flags"] & pay.RELEASE:  # which has the hour of the analyst
            found.append(("hour", int(row["timestamp"]) % DAY * HOUR_BANDS // DAY))
        return [*found, ("category", int(row["category"]))] if row["category"] != pay.NONE else found

    def find_victim(self, campaign: Campaign) -> int:
        """Return somebody who is easily deceived and has money, or -1."""
        data = self.economy.world.customers.data
        for _ in range(6):
            u = self.draw(campaign)
            customer = int(choose(self.susceptible, u[0]))
            active = data["since_day"][customer] <= self.economy.day and data["mule_ring"][customer] < 0
            tempting = self.attraction(campaign.ring, customer)
            tempting *= self.experience(campaign.ring, "age", len(AGES) + 2)[self.age_band(customer)]
            if active and self.balance(customer) > 100 * self.settings.victim_balance and u[1] < tempting:
                return customer
        return -1

    def evening(self, at: int, u: float, v: float, keep: float = 0.0, ring: int = OPPORTUNIST) -> int:
        """Return a time on the same or next day by the hours at which people are online; some keep the given time.

        Args:
            at: microseconds.
            u, v: uniforms.
            keep: share of those who keep the given time.
            ring: the ring whose experience with hours counts.
        """
        if u < keep:
            return at
        cumulative = self.economy.world.habits.remote_hours
        if ring != OPPORTUNIST:
            beliefs = np.repeat(self.experience(ring, "hour", HOUR_BANDS), 24 // HOUR_BANDS)
            cumulative = np.cumsum(np.diff(cumulative, prepend=0.0) * beliefs)
        hour = int(choose(cumulative, v))
        time = at // DAY * DAY + int((hour + u) * HOUR)
        return time if time >= at else time + DAY
