"""Fraudsters: a ring as a Mesa agent that plans its campaigns, acts when one is due and learns what pays."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

import mesa
import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.agents.fraud import registry
from finsim.agents.fraud.campaign import Campaign
from finsim.clock import DAY
from finsim.rng import Purpose

if TYPE_CHECKING:
    from finsim.agents.underworld import Underworld
    from finsim.economy import Economy

PRIOR_TRIES = 6.0
"""Weight of what everybody believes before a ring has experience of its own (assumption: a handful of tries)."""
PRIOR_SUCCESS = 0.6
ORDINAL_BITS = 16
"""Bits of a campaign's number that count the campaigns of one ring; the ring's row stands above."""


class Fraudster(mesa.Agent):  # type: ignore[misc]
    """One ring. It sleeps until its next campaign has something to do.

    Args:
        model: the economy.
        underworld: the market it works in.
        row: row of the ring.
    """

    def __init__(self, model: Economy, underworld: Underworld, row: int) -> None:
        super().__init__(model)
        self.underworld = underworld
        self.row = row
        self.key = f"ring:{row}"
        self.count = 0
        self.due: list[tuple[int, int]] = []
        self.campaigns: dict[int, Campaign] = {}
        self.tries: dict[str, list[float]] = {}
        self.started_at = 0
        self._weights: dict[str, NDArray[np.float64]] = {}

    @property
    def economy(self) -> Economy:
        """The economy this ring lives in."""
        return self.model  # type: ignore[no-any-return]

    def wake_at(self, at: int, campaign: int) -> None:
        """Remember that a campaign is due at a time."""
        heapq.heappush(self.due, (at, campaign))
        self.economy.agenda.wake(self.key, at)

    def launch(
        self, typology: str, at: int, facts: dict[str, Any] | None = None, victim: int = -1, number: int | None = None
    ) -> Campaign | None:
        """Begin a campaign; None where it comes to nothing.

        Args:
            typology: its name.
            at: microseconds.
            facts: what the typology starts from.
            victim: customer row; -1 for none yet.
            number: number of the campaign; the next of this ring if None.
        """
        if number is None:
            if self.count >> ORDINAL_BITS:
                return None  # as many as its numbers can tell apart
            number = (self.row << ORDINAL_BITS) | self.count
        campaign = Campaign(number, typology, self.row, at, victim=victim, facts=facts or {})
        self.count += 1
        first = registry()[typology].launch(self.underworld, campaign, at)
        if first is None:
            return None
        self.campaigns[campaign.number] = campaign
        self.underworld.campaigns[campaign.number] = campaign
        self.wake_at(first, campaign.number)
        return campaign

    def plan(self, day: int, rates: dict[str, float]) -> None:
        """At midnight decide on the campaigns that begin today: effort goes where it has paid."""
        total = sum(rates.values())
        weights = {name: rate * self.belief("typology", name) for name, rate in rates.items()}
        scale = total / max(sum(weights.values()), 1e-12)
        for position, (name, weight) in enumerate(weights.items()):
            expected = weight * scale
            u = self.economy.streams.one(Purpose.RING, self.row, second=position, ordinal=day)
            number = int(np.searchsorted(np.cumsum(_poisson_terms(expected)), u[0]))
            for k in range(number):
                at = self.economy.streams.one(Purpose.RING, self.row, second=position, ordinal=day, draw=k + 1)
                self.launch(name, day * DAY + int(at[0] * DAY))

    def go_on(self, rates: dict[str, float]) -> None:
        """At the start of the run: go on with the long campaigns that began before it.

        Args:
            rates: campaigns a day by typology.
        """
        for position, (name, rate) in enumerate(rates.items()):
            days = getattr(registry()[name], "history_days", 0)
            if not days:
                continue
            u = self.economy.streams.one(Purpose.RING, self.row, second=position)
            number = int(np.searchsorted(np.cumsum(_poisson_terms(rate * days)), u[0]))
            for k in range(number):
                at = self.economy.streams.one(Purpose.RING, self.row, second=position, draw=k + 1)
                self.launch(name, self.economy.now - int(at[0] * days * DAY))

    def belief(self, what: str, name: str) -> float:
        """Return how promising something is against the prior, 1 without experience or adaptation."""
        tries, wins = self.tries.get(f"{what}/{name}", [0.0, 0.0])
        rate = (wins + PRIOR_TRIES * PRIOR_SUCCESS) / (tries + PRIOR_TRIES)
        return float((rate / PRIOR_SUCCESS) ** (1.5 * self.underworld.settings.adaptation))

    def weights(self, what: str, count: int) -> NDArray[np.float64]:
        """Return the belief in each of count options, (count,) float64; kept until something is learnt."""
        known = self._weights.get(what)
        if known is None:
            known = self._weights[what] = np.array([self.belief(what, str(k)) for k in range(count)])
        return known

    def learn(self, what: str, name: str, success: bool) -> None:
        """Remember an outcome; older experience fades."""
        known = self.tries.setdefault(f"{what}/{name}", [0.0, 0.0])
        known[0] = 0.98 * known[0] + 1.0
        known[1] = 0.98 * known[1] + float(success)
        self._weights.pop(what, None)

    def step(self) -> None:
        """Let the campaigns act that are due before the end of the tick."""
        end = self.economy.tick_end
        while self.due and self.due[0][0] < end:
            at, number = heapq.heappop(self.due)
            campaign = self.campaigns.get(number)
            if campaign is not None:
                self._next(
                    campaign, registry()[campaign.typology].act(self.underworld, campaign, max(at, self.economy.now))
                )
        if self.due:
            self.economy.agenda.wake(self.key, self.due[0][0])

    def observe(self, rows: NDArray[np.void]) -> None:
        """Learn from the outcomes of own requests, (n,) TRANSACTION."""
        for row in rows:
            campaign = self.campaigns.get(int(row["campaign"]))
            if campaign is None or row["flags"] & pay.RELEASE:
                continue
            success = bool(row["decision"] == pay.APPROVED)
            if row["truth"] & pay.IS_FRAUD:
                if int(row["stage"]) not in getattr(registry()[campaign.typology], "probing", ()):
                    self.learn("typology", campaign.typology, success)
                if row["category"] != pay.NONE:
                    self.learn("category", str(int(row["category"])), success)
            campaign.ended = int(row["timestamp"])
            self._next(campaign, registry()[campaign.typology].observe(self.underworld, campaign, row))

    def _next(self, campaign: Campaign, at: int | None) -> None:
        if at is not None:
            self.wake_at(max(int(at), self.economy.now), campaign.number)

    def state(self) -> dict[str, Any]:
        """Return declared state."""
        return {"count": self.count, "due": list(self.due), "campaigns": self.campaigns, "tries": self.tries}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned."""
        self.count, self.due, self.campaigns, self.tries = (
            state["count"],
            list(state["due"]),
            state["campaigns"],
            state["tries"],
        )
        heapq.heapify(self.due)


def _poisson_terms(rate: float) -> NDArray[np.float64]:
    """Return the probabilities of 0, 1, 2, ... for a Poisson rate, enough of them to sum to almost 1."""
    count = int(rate + 8.0 * np.sqrt(rate) + 12.0)
    k = np.arange(count)
    logs = k * np.log(max(rate, 1e-300)) - rate - np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, count)))])
    return np.asarray(np.exp(logs))
