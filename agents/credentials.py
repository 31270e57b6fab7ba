"""The market of stolen card details: what leaked, when, and what is still good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finsim import records
from finsim.clock import DAY
from finsim.rng import choose

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

CREDENTIAL = np.dtype([("customer", "i4"), ("card", "u4"), ("stolen", "i8"), ("slot", "u1")], align=True)
TRIES = 60
"""Draws for each detail that is wanted, before a buyer gives up."""
CAPACITY = 200_000
"""Details on offer at most; the oldest are forgotten first (assumption: old details are worthless)."""


class CredentialMarket:
    """Stolen card details, oldest first. What is stolen today is on offer from tomorrow on.

    Args:
        half_life_days: time in which details lose half their value.
    """

    def __init__(self, half_life_days: float) -> None:
        self.half_life_days = half_life_days
        self.stock = np.empty(0, dtype=CREDENTIAL)
        self.sold = np.empty(0, dtype=bool)
        self.arrivals: list[NDArray[np.void]] = []
        self.opened = 0
        self._preference: dict[float, NDArray[np.float64]] = {}  # by how fresh a buyer wants it, today

    def add(
        self, customers: NDArray[Any], slots: NDArray[Any], cards: NDArray[Any], stolen: NDArray[Any] | int
    ) -> None:
        """Offer details.

        Args:
            customers: (n,) customer rows.
            slots: (n,) account slots, 0 debit or 2 credit.
            cards: (n,) packed codes.
            stolen: microseconds.
        """
        rows = np.zeros(len(customers), dtype=CREDENTIAL)
        rows["customer"], rows["slot"], rows["card"], rows["stolen"] = customers, slots, cards, stolen
        self.arrivals.append(rows)

    def __len__(self) -> int:
        """Return how many details are on offer or arrived today."""
        return len(self.state())

    def value(self, now: int) -> float:
        """Return how much is on offer, each detail by its freshness: 1 when stolen, half after the half-life."""
        age = (now - self.state()["stolen"]) / DAY
        return float(np.exp2(-np.maximum(age, 0.0) / self.half_life_days).sum())

    def begin_day(self, now: int) -> None:
        """At midnight, microseconds: clear what was sold away and put what arrived on offer."""
        self.stock = self.state()[-CAPACITY:]
        self.sold = np.zeros(len(self.stock), dtype=bool)
        self.arrivals.clear()
        self.opened = now
        self._preference.clear()

    def take(self, world: Underworld, campaign: Campaign, count: int, fresh: float) -> list[tuple[int, int, int]]:
        """Sell details to a campaign: (customer, slot, packed code) each; fewer where few are left.

        A detail is drawn by its age, and bought if its bank tempts the ring.

        Args:
            world: the underworld.
            campaign: the buyer, whose stream decides which.
            count: wanted number.
            fresh: 0 to buy by value alone; 1 to take whatever is cheap (old).
        """
        if not len(self.stock):
            return []
        preference = self._by_age(fresh)
        most = float(world.experience(campaign.ring, "institution", len(world.economy.banks)).max())
        taken: list[tuple[int, int, int]] = []
        for _ in range(TRIES * count):
            u = world.draw(campaign)
            k = int(choose(preference, u[0]))
            row = self.stock[k]
            if not self.sold[k] and u[1] * most < world.attraction(campaign.ring, int(row["customer"])):
                self.sold[k] = True
                taken.append((int(row["customer"]), int(row["slot"]), int(row["card"])))
                if len(taken) == count:
                    break
        return taken

    def _by_age(self, fresh: float) -> NDArray[np.float64]:
        """Return the cumulative preference, (n,) float64: exponential in the age, the stronger the less fresh."""
        known = self._preference.get(fresh)
        if known is None:
            age = (self.opened - self.stock["stolen"]) / DAY
            weight = np.exp2(-np.maximum(age, 0.0) / self.half_life_days * (1.0 - fresh))
            known = self._preference[fresh] = np.cumsum(weight)
        return known

    def state(self) -> NDArray[np.void]:
        """Return everything on offer, and what arrived today."""
        return records.joined([records.chosen(self.stock, ~self.sold), *self.arrivals])

    def restore(self, stock: NDArray[np.void]) -> None:
        """Take back what `state` returned; the next day, which begins at once, puts it on offer."""
        self.stock = stock.view(CREDENTIAL).copy()
        self.sold = np.zeros(len(self.stock), dtype=bool)
        self.arrivals = []
