"""The life of rings: they copy each other, split, are arrested, give up; new ones come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finsim.agents.fraud import registry
from finsim.agents.fraudster import Fraudster
from finsim.clock import DAY
from finsim.rng import Purpose, poisson_count, to_normal

if TYPE_CHECKING:
    from finsim.agents.underworld import Underworld

YEAR = 365.0
COPIED = 0.5
"""Share of own experience that a ring gives up for that of a better one (assumption: it keeps half of its ways)."""
NOBODY = 4094
"""Row that stands for the region in draws about rings that are yet to come."""


class RingLife:
    """Moves the rings' lives on, day by day.

    Args:
        underworld: the underworld they belong to.
    """

    def __init__(self, underworld: Underworld) -> None:
        self.underworld = underworld

    def begin_day(self) -> None:
        """At midnight let rings meet their fate; what rings know fades and is looked at afresh."""
        world = self.underworld
        economy, s = world.economy, world.settings
        world.rumours.fade()
        for ring in world.active_rings():
            ring.new_day()
            u = economy.streams.one(Purpose.RING_LIFE, ring.row, ordinal=economy.day)
            profitable = ring.experience.overall() >= 0.5
            if u[0] < s.arrested_per_year / YEAR:
                self._arrest(ring)
            elif u[1] < s.left_per_year / YEAR * (0.8 if profitable else 2.0):
                self.end(ring)
            elif u[2] < s.split_per_year / YEAR:
                self._split(ring)
            elif s.adaptation > 0 and u[3] < s.copied_per_year / YEAR:
                self._copy(ring)
        if world.rings:
            self._enter()

    def _enter(self) -> None:
        """Let new rings take the place of those that end on average."""
        world = self.underworld
        economy, s = world.economy, world.settings
        u = economy.streams.one(Purpose.RING_LIFE, NOBODY, ordinal=economy.day)
        rate = s.rings * s.intensity * (s.arrested_per_year + s.left_per_year) / YEAR
        for _ in range(poisson_count(float(u[0]), rate)):
            self.found()

    def found(self) -> Fraudster | None:
        """Found a ring; None where its campaigns could not be numbered."""
        world = self.underworld
        row = len(world.rings)
        if row >= world.numbers.ring_rows - 1:
            return None
        ring = Fraudster(world.economy, world, row)
        ring.started_at = world.economy.now
        world.rings.append(ring)
        world.economy.enlist_own(ring.key, ring)
        return ring

    def end(self, ring: Fraudster) -> None:
        """Let a ring stop: nothing that it planned happens, its mules are free; what banks do about it goes on."""
        world = self.underworld
        data = world.economy.world.customers.data
        ring.ended_at = world.economy.now
        ring.due.clear()
        for number, campaign in sorted(ring.campaigns.items()):
            wind_up = getattr(registry()[campaign.typology], "wind_up", None)
            at = wind_up(world, campaign, world.economy.now) if wind_up is not None else None
            if at is None:
                del ring.campaigns[number]
            else:
                ring.wake_at(max(int(at), world.economy.now), number)
        data["mule_ring"][data["mule_ring"] == ring.row] = -1

    def _arrest(self, ring: Fraudster) -> None:
        """The police take a ring; in the weeks after banks hear what it did."""
        economy = self.underworld.economy
        for number in list(ring.campaigns):
            u = economy.streams.one(Purpose.RING_LIFE, number & 0xFFFFFFFF, second=1, ordinal=economy.day)
            at = economy.now + int((14.0 + 46.0 * u[0]) * DAY)
            for bank in economy.banks:
                for campaign, customer in sorted(key for key in bank.claims.cases if key[0] == number):
                    bank.later(at, "police", campaign, customer)
        self.end(ring)

    def _split(self, ring: Fraudster) -> None:
        """Let a part of a ring go its own way with what it knows, half of the money and half of the mules."""
        world = self.underworld
        child = self.found()
        if child is None:
            return
        child.experience.adopt(ring.experience, 1.0, self._misread(child))
        child.effort = ring.effort = ring.effort / 2.0
        child.capital = ring.capital = ring.capital // 2
        data = world.economy.world.customers.data
        data["mule_ring"][np.flatnonzero(data["mule_ring"] == ring.row)[::2]] = child.row
        world.mule_market.share(ring.row, child.row)

    def _copy(self, ring: Fraudster) -> None:
        """Let a ring look at another one, and do as that does if it fares better."""
        world = self.underworld
        others = [other for other in world.active_rings() if other is not ring]
        u = world.economy.streams.one(Purpose.RING_LIFE, ring.row, second=2, ordinal=world.economy.day)
        if not others:
            return
        other = others[int(u[0] * len(others))]
        if other.experience.overall() > ring.experience.overall():
            ring.experience.adopt(other.experience, COPIED, self._misread(ring))

    def _misread(self, ring: Fraudster) -> dict[str, float]:
        """Return how a ring misreads each arm of others today, by arm."""
        world = self.underworld
        arms = sorted({arm for other in world.rings for arm in other.experience.arms})
        u = world.economy.streams.uniform(Purpose.RING_LIFE, len(arms), second=3 + ring.row, ordinal=world.economy.day)
        factors = np.exp(world.settings.copy_noise * to_normal(u[:, 0].copy()))
        return dict(zip(arms, factors.tolist(), strict=True))
