"""Mules: customers who let a ring move money through their accounts. A role, held in columns.

Most mules have an ordinary life beside. Mules are recruited (some know what they do, some believe that it is a job or a
favour, some are firms), work for a while, also for other rings that borrow them, and quit, or are frozen or closed out
by their bank. What becomes of the money is in `finsim.agents.mule_money`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finsim.agents.customer import BUSINESS, COMPLICIT, FRONT, GENUINE, JOB, RETIRED, UNWITTING, Customer
from finsim.clock import DAY
from finsim.ledger import SLOTS
from finsim.rng import Purpose, choose

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld
    from finsim.economy import Economy

NEWCOMER_DAYS = 60
"""Days for which somebody is new at the bank."""
LIFE = {COMPLICIT: 1.5, UNWITTING: 0.5, JOB: 0.8, FRONT: 4.0}
"""How long each kind of mule works for a ring, against the mean (assumption: firms longest, the deceived shortest)."""


class Mule(Customer):
    """The view of a customer in the role of a mule; `mule_ring` and `mule_until` say for whom and how long."""


def mules_of(economy: Economy) -> Any:
    """Return the customers who work as mules today, as an AgentSet of Customer views."""
    data = economy.world.customers.data
    rows = np.flatnonzero((data["mule_ring"] >= 0) & (data["mule_until"] > economy.day))
    return economy.world.customers.agents_at(rows)


class MuleMarket:
    """Recruits mules for the rings, and lets them go.

    Args:
        underworld: the underworld it serves.
    """

    def __init__(self, underworld: Underworld) -> None:
        self.underworld = underworld
        self.pool: dict[int, list[int]] = {}
        self._newcomers: tuple[int, NDArray[np.int64]] = (-1, np.empty(0, dtype=np.int64))  # as of a day
        economy = underworld.economy
        self.keenness = np.cumsum(
            _keenness(economy.world.customers.data, economy.year, underworld.settings.laundering.under_40)
        )

    def begin_day(self) -> None:
        """Let mules quit whose time is over; recruit new ones so that each ring has its share."""
        economy, s = self.underworld.economy, self.underworld.settings.mules
        data = economy.world.customers.data
        known = np.array([mule for pool in self.pool.values() for mule in pool], dtype=np.int64)
        data["mule_ring"][known[data["mule_until"][known] <= economy.day]] = -1
        wanted = len(data) / 1000.0 * s.per_1000_customers / self.underworld.settings.rings
        for ring in self.underworld.active_rings():
            pool = [mule for mule in self.pool.get(ring.row, []) if data["mule_ring"][mule] == ring.row]
            u = economy.streams.one(Purpose.MULE, ring.row, ordinal=economy.day)
            target = int(wanted) + (economy.streams.one(Purpose.MULE, ring.row, second=1)[0] < wanted % 1.0)
            if len(pool) < max(target, 1) and u[0] < 0.5:
                mule = self._recruit(ring.row, u)
                if mule >= 0:
                    pool.append(mule)
            self.pool[ring.row] = pool

    def _recruit(self, ring: int, u: NDArray[np.float64]) -> int:
        """Win somebody for a ring: a firm, somebody new at the bank, or anybody who needs money; -1 if that fails."""
        economy, s = self.underworld.economy, self.underworld.settings
        data, businesses = economy.world.customers.data, economy.world.people.businesses
        v = economy.streams.one(Purpose.MULE, ring, ordinal=economy.day, draw=1)
        kind = COMPLICIT
        mule = int(choose(self.keenness, u[1]))
        if v[0] < s.laundering.firms and len(businesses):
            mule, kind = int(businesses[int(u[1] * len(businesses))]), FRONT
        elif v[1] < s.laundering.newcomers:
            new = self._new_at_the_bank()
            mule = int(new[int(u[1] * len(new))]) if len(new) else mule
        if kind != FRONT and v[2] >= s.laundering.complicit:
            kind = JOB if v[2] < s.laundering.complicit + s.laundering.job_scam else UNWITTING
        if data["mule_ring"][mule] >= 0 or data["since_day"][mule] > economy.day or data["frozen"][mule]:
            return -1
        data["mule_ring"][mule], data["mule_kind"][mule], data["mule_jobs"][mule] = ring, kind, 0
        data["mule_since"][mule] = economy.day
        data["mule_until"][mule] = economy.day + 3 + int(-np.log(u[2]) * s.mules.life_days * LIFE[kind])
        return mule

    def _new_at_the_bank(self) -> NDArray[np.int64]:
        """Return the customers who are new at their bank today, (n,) rows; a made-up name has its own use."""
        day, data = self.underworld.economy.day, self.underworld.economy.world.customers.data
        if self._newcomers[0] != day:
            recent = np.flatnonzero((data["since_day"] > day - NEWCOMER_DAYS) & (data["since_day"] <= day))
            self._newcomers = day, recent[data["reserved"][recent] == GENUINE]
        return self._newcomers[1]

    def working(self) -> list[int]:
        """Return the customers, in order, who can be asked to move money today, whatever ring they work for."""
        data = self.underworld.economy.world.customers.data
        known = np.array(sorted({mule for pool in self.pool.values() for mule in pool}), dtype=np.int64)
        free = (data["mule_ring"][known] >= 0) & (data["frozen"][known] == 0)
        return [int(mule) for mule in known[free & (data["mule_until"][known] > self.underworld.economy.day)]]

    def is_fresh(self, account: int) -> bool:
        """Return whether an account row is a mule's that has not moved anything yet."""
        data = self.underworld.economy.world.customers.data
        return account // SLOTS < len(data) and data["mule_jobs"][account // SLOTS] == 0

    def used(self, customer: int) -> None:
        """Remember that a mule has moved money."""
        jobs = self.underworld.economy.world.customers.data["mule_jobs"]
        jobs[customer] = min(int(jobs[customer]) + 1, 60_000)

    def companion(self, customer: int) -> int:
        """Return the mule of the same ring on whose phone a mule may pay: the first of the pool; itself if alone."""
        ring = int(self.underworld.economy.world.customers.data["mule_ring"][customer])
        return next(iter(self.pool.get(ring, [])), customer)

    def dismiss(self, customer: int) -> None:
        """Let a mule go, who stops or was stopped."""
        self.underworld.economy.world.customers.data["mule_ring"][customer] = -1

    def caught(self, customer: int, at: int) -> None:
        """A bank is sure that an account is used by others: frozen for two weeks, or for good; its mule is lost."""
        economy = self.underworld.economy
        data = economy.world.customers.data
        u = economy.streams.one(Purpose.MULE, customer, second=2, ordinal=at // DAY)
        weeks = 520.0 if u[0] < self.underworld.settings.laundering.closed else 2.0
        economy.banks[int(data["institution"][customer])].claims.freeze(customer, at, 24.0 * 7.0 * weeks)
        self.dismiss(customer)

    def share(self, ring: int, child: int) -> None:
        """Give a ring that split off the mules that went with it."""
        data, pool = self.underworld.economy.world.customers.data, self.pool.get(ring, [])
        self.pool[child] = [mule for mule in pool if data["mule_ring"][mule] == child]
        self.pool[ring] = [mule for mule in pool if data["mule_ring"][mule] == ring]

    def choose(self, campaign: Campaign, u: float, v: float) -> int:
        """Return an account row to pay to: a mule among the customers, or one at another bank."""
        economy = self.underworld.economy
        pool = [
            mule
            for mule in self.pool.get(campaign.ring, [])
            if mule != campaign.victim and not economy.world.customers.data["frozen"][mule]
        ]
        if u < self.underworld.settings.mules.outside or not pool:
            return self.elsewhere(campaign, v)
        return pool[int(v * len(pool))] * SLOTS

    def elsewhere(self, campaign: Campaign, v: float) -> int:
        """Return the account row of a mule whom the ring has at another bank."""
        ledger = self.underworld.economy.ledger
        key = (campaign.ring * 37 + int(v * 6)) * 2_654_435_761 % ledger.outside.persons
        return int(ledger.person_base + key)

    def state(self) -> dict[str, Any]:
        """Return declared state."""
        return {"pool": self.pool}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned."""
        self.pool = state["pool"]


def _keenness(data: Any, year: int, under_40: float) -> Any:
    """Return how likely each person is to be recruited: the poor more, and the young as their share of mules says."""
    young = year - data["birth_year"] < 40
    weight = np.exp(-data["income_band_code"] * 0.35)
    weight *= (data["segment_code"] != RETIRED) & (data["segment_code"] != BUSINESS) & (data["reserved"] == 0)
    total = np.array([weight[~young].sum(), weight[young].sum()])
    return weight * np.where(young, under_40 / max(total[1], 1e-9), (1.0 - under_40) / max(total[0], 1e-9))
