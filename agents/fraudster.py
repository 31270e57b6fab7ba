"""Fraudsters: a ring as a Mesa agent that plans its campaigns, acts when one is due and learns what pays."""

from __future__ import annotations

import heapq
import math
import zlib
from typing import TYPE_CHECKING, Any

import mesa
import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.agents.capital import SPENT, kept
from finsim.agents.experience import OWN_PRIOR, RUMOUR_PRIOR, Experience
from finsim.agents.fraud import registry
from finsim.agents.fraud.campaign import Campaign
from finsim.agents.fraud.care import PACE, STYLE
from finsim.clock import DAY
from finsim.rng import Purpose, poisson_count, to_normal

if TYPE_CHECKING:
    from finsim.agents.underworld import Underworld
    from finsim.economy import Economy

EAGERNESS = 2.0
"""Power of the belief to which effort is proportional at `adaptation` 1 (assumption: more than in proportion)."""
BOUNDS = (0.03, 10.0)
"""Least and greatest belief: something is always tried, nothing takes all."""
PROFESSIONALS, PROFESSIONAL, AMATEUR = 0.2, 1.4, 0.9
"""Share of professional rings, and how eagerly they and the others follow what pays (assumption: 80/20 of skill)."""
HOUR_BANDS = 6


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
        self.experience = Experience()
        self.effort = 1.0
        self.start = int(100 * underworld.settings.ring_capital)
        self.capital = self.start
        self.capacity = 1.0
        self.started_at = 0
        self.ended_at = 0
        u = model.streams.one(Purpose.EXPERIENCE, row)
        self.skill = PROFESSIONAL if u[0] < PROFESSIONALS else AMATEUR
        self._weights: dict[str, NDArray[np.float64]] = {}
        self._readings: dict[str, float] = {}  # of arms, drawn when first asked for

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
            number: number of the campaign; a free one of this ring, day and typology if None.
        """
        if number is None:
            number = self.underworld.free_number(self.row, typology, victim)
        if number is None or number in self.underworld.campaigns:
            return None
        campaign = Campaign(number, typology, self.row, at, victim=victim, facts=facts or {})
        campaign.size = self.underworld.choose_size(self, number)
        campaign.style = self.underworld.choose_style(self, typology, number)
        self.count += 1
        first = registry()[typology].launch(self.underworld, campaign, at)
        if first is None:
            return None
        self.campaigns[campaign.number] = campaign
        self.underworld.campaigns[campaign.number] = campaign
        self.wake_at(first, campaign.number)
        return campaign

    def plan(self, day: int, rates: dict[str, float]) -> None:
        """At midnight decide on the campaigns that begin today: effort goes where it pays.

        Effort that a typology loses moves to the others, apart from a share that ceases.
        """
        total = sum(rates.values())
        weights = {name: rate * self.belief("typology", name) for name, rate in rates.items()}
        scale = total / max(sum(weights.values()), 1e-12)
        scale = 1.0 + self.underworld.settings.displacement * (scale - 1.0) if scale > 1.0 else scale
        hours = np.cumsum(self.weights("hour", HOUR_BANDS))
        for name, weight in weights.items():
            position, expected = self.underworld.positions[name], weight * scale * self.effort * self.capacity
            u = self.economy.streams.one(Purpose.RING, self.row, second=position, ordinal=day)
            for k in range(min(poisson_count(float(u[0]), expected), self.underworld.numbers.most)):
                at = self.economy.streams.one(Purpose.RING, self.row, second=position, ordinal=day, draw=k + 1)
                number = self.underworld.number(self.row, name, k)
                time = np.interp(at[0] * hours[-1], [0.0, *hours], np.linspace(0.0, 1.0, HOUR_BANDS + 1))
                self.launch(name, day * DAY + min(int(time * DAY), DAY - 1), number=number)

    # -- learning -----------------------------------------------------------------------------------------

    def go_on(self, rates: dict[str, float]) -> None:
        """At the start of the run: go on with the long campaigns that began before it.

        Args:
            rates: campaigns a day by typology.
        """
        for name, rate in rates.items():
            days = getattr(registry()[name], "history_days", 0)
            if not days:
                continue
            position = self.underworld.positions[name]
            u = self.economy.streams.one(Purpose.RING, self.row, second=position)
            for k in range(poisson_count(float(u[0]), rate * days)):
                at = self.economy.streams.one(Purpose.RING, self.row, second=position, draw=k + 1)
                self.launch(name, self.economy.now - int(at[0] * days * DAY))

    def belief(self, what: str, name: str) -> float:
        """Return how promising an option is against the usual, 1 without experience or adaptation.

        Own tries count most; what is said in the market stands in for those that were not made, misread by each ring.
        """
        adaptation = self.underworld.settings.adaptation
        if adaptation == 0:
            return 1.0
        arm = f"{what}/{name}"
        if arm not in self.experience.arms and arm not in self.underworld.rumours.arms:
            return 1.0
        said = self.underworld.rumours.mean(arm, 1.0, RUMOUR_PRIOR)
        said **= math.exp(self.underworld.settings.copy_noise * self._reading(arm))
        value = self.experience.mean(arm, said, OWN_PRIOR)
        low, high = BOUNDS
        return float(min(max(value ** (EAGERNESS * self.skill * adaptation), low), high))

    def _reading(self, arm: str) -> float:
        """Return how a ring takes what is said about an arm: standard normal, its own for good."""
        known = self._readings.get(arm)
        if known is None:
            u = self.economy.streams.one(Purpose.EXPERIENCE, self.row, second=zlib.crc32(arm.encode()))
            known = self._readings[arm] = float(to_normal(u[:1])[0])
        return known

    def weights(self, what: str, count: int) -> NDArray[np.float64]:
        """Return the belief in each of count options, (count,) float64, as of midnight."""
        known = self._weights.get(what)
        if known is None:
            known = self._weights[what] = np.array([self.belief(what, str(k)) for k in range(count)])
        return known

    def new_day(self) -> None:
        """Spend a part of what was won, forget a part of what was learnt and look at the rest afresh."""
        self.capital -= int(SPENT * max(self.capital - self.start, 0))
        self.experience.fade()
        self._weights.clear()

    def learn(self, campaign: Campaign, row: np.void, cents: int) -> None:
        """Learn from an attempt what its typology, category, bank, victim, amount, hour, style and pace yield.

        Args:
            campaign: what it belonged to.
            row: the attempt, one TRANSACTION.
            cents: what the ring makes of it where it is approved.
        """
        world, success = self.underworld, bool(row["decision"] == pay.APPROVED)
        usual, name = world.usual, campaign.typology
        tried, gained = usual.value(name, cents), success / usual.rate(name)
        self._remember("typology", name, tried, tried * success / usual.profit(name))
        usual.see(name, cents, success)
        for what, option in world.options_of(row):
            self._remember(what, str(option), 1.0, gained)
        self._remember("size", str(campaign.size), 1.0, gained)
        self._remember(STYLE.of(name), str(campaign.style), 1.0, gained)
        if campaign.pace >= 0:
            self._remember(PACE.of(name), str(campaign.pace), 1.0, gained)

    def lose(self, campaign: Campaign, cents: int) -> None:
        """Give back money of a campaign that was recalled; the ring learns from it while the campaign goes on."""
        cents = int(cents * (1.0 - self.underworld.settings.mules.commission))
        self.capital -= cents
        if campaign.number in self.campaigns:
            usual = self.underworld.usual
            lost = usual.value(campaign.typology, cents) / usual.profit(campaign.typology)
            self._remember("typology", campaign.typology, 0.0, -lost)

    def buy(self, typology: str, cents: int) -> bool:
        """Pay for stolen details that a typology needs, and return whether there was money for them."""
        if cents > self.capital and self.underworld.settings.adaptation > 0:
            return False
        self.capital -= cents
        usual = self.underworld.usual
        cost = usual.cost(typology, cents)
        usual.spend(typology, cost)
        self._remember("typology", typology, 0.0, -cost / usual.profit(typology))
        return True

    def _remember(self, what: str, option: str, tried: float, gained: float) -> None:
        for experience in (self.experience, self.underworld.rumours):
            experience.learn(f"{what}/{option}", tried, gained)

    def step(self) -> None:
        """Let the campaigns act that are due before the end of the tick."""
        end = self.economy.tick_end
        while self.due and self.due[0][0] < end:
            at, number = heapq.heappop(self.due)
            campaign = self.campaigns.get(number)
            if campaign is not None:
                typology = registry()[campaign.typology]
                self._next(campaign, typology.act(self.underworld, campaign, self._not_past(at)))
        if self.due:
            self.economy.agenda.wake(self.key, self.due[0][0])

    def observe(self, rows: NDArray[np.void]) -> None:
        """Learn from the outcomes of own requests, (n,) TRANSACTION."""
        for row in rows:
            number, release = int(row["campaign"]), bool(row["flags"] & pay.RELEASE)
            goes_on = number in self.campaigns
            campaign = self.underworld.campaigns.get(number)
            if campaign is None or not (goes_on or release):
                continue
            typology = registry()[campaign.typology]
            if row["truth"] & pay.IS_FRAUD and row["decision"] != pay.HELD:  # a release tells what became of it
                cents = kept(row, self.underworld.settings.mules.commission)
                self.capital += cents * int(row["decision"] == pay.APPROVED)
                if int(row["stage"]) not in getattr(typology, "probing", ()):
                    self.learn(campaign, row, cents)
            if not goes_on or (release and not getattr(typology, "waits_for_releases", False)):
                continue
            campaign.ended = int(row["timestamp"])
            self._next(campaign, typology.observe(self.underworld, campaign, row))

    def _next(self, campaign: Campaign, at: int | None) -> None:
        if at is not None:
            self.wake_at(self._not_past(int(at)), campaign.number)

    def _not_past(self, at: int) -> int:
        """Return a time, or the same moment of the present tick for one that has passed: ticks are not to be seen."""
        now = self.economy.now
        return at if at >= now else now + at % self.economy.clock.tick

    def state(self) -> dict[str, Any]:
        """Return declared state."""
        return {
            "count": self.count,
            "due": list(self.due),
            "campaigns": self.campaigns,
            "experience": self.experience,
            "effort": self.effort,
            "capital": self.capital,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned."""
        self.count, self.due, self.campaigns = state["count"], list(state["due"]), state["campaigns"]
        self.experience, self.effort, self.capital = state["experience"], state["effort"], state["capital"]
        self.started_at, self.ended_at = state["started_at"], state["ended_at"]
        heapq.heapify(self.due)
