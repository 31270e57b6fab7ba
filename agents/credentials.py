"""The market of stolen card details: what leaked, when, and what is still good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finsim import records
from finsim.clock import DAY

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

CREDENTIAL = np.dtype([("customer", "i4"), ("card", "u4"), ("stolen", "i8"), ("slot", "u1")], align=True)
CAPACITY = 200_000
"""Details on offer at most; the oldest are forgotten first (assumption: old details are worthless)."""


class CredentialMarket:
    """Stolen card details, oldest first.

    Args:
        half_life_days: time in which details lose half their value.
    """

    def __init__(self, half_life_days: float) -> None:
        self.half_life_days = half_life_days
        self.stock = np.empty(0, dtype=CREDENTIAL)
        self.arrivals: list[NDArray[np.void]] = []

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
        """Return how many details are on offer."""
        return len(self.stock) + sum(map(len, self.arrivals))

    def value(self, now: int) -> float:
        """Return how much is on offer, each detail by its freshness: 1 when stolen, half after the half-life."""
        age = (now - self.state()["stolen"]) / DAY
        return float(np.exp2(-np.maximum(age, 0.0) / self.half_life_days).sum())

    def take(self, world: Underworld, campaign: Campaign, count: int, fresh: float) -> list[tuple[int, int, int]]:
        """Sell details to a campaign: (customer, slot, packed code) each; fewer where few are left.

        Args:
            world: the underworld.
            campaign: the buyer, whose stream decides which.
            count: wanted number.
            fresh: 0 to buy by value alone; 1 to take whatever is cheap (old).
        """
        if self.arrivals:
            self.stock = records.joined([self.stock, *self.arrivals])[-CAPACITY:]
            self.arrivals.clear()
        count = min(count, len(self.stock))
        if not count:
            return []
        # Sampling along the age: an exponential preference for recent details.
        age = (campaign.started - self.stock["stolen"]) / DAY
        weight = np.where(age >= 0, np.exp2(-age / self.half_life_days * (1.0 - fresh)), 0.0)
        usable = np.cumsum(weight * world.attraction(campaign.ring, self.stock["customer"]))
        chosen: list[int] = []
        for _ in range(count):
            if usable[-1] <= 0:
                break
            k = int(np.searchsorted(usable, world.draw(campaign)[0] * usable[-1]).clip(0, len(usable) - 1))
            if k not in chosen:
                chosen.append(k)
        taken = [(int(row["customer"]), int(row["slot"]), int(row["card"])) for row in self.stock[chosen]]
        kept = np.ones(len(self.stock), dtype=bool)
        kept[chosen] = False
        self.stock = records.chosen(self.stock, kept)
        return taken

    def state(self) -> NDArray[np.void]:
        """Return everything on offer."""
        return records.joined([self.stock, *self.arrivals])

    def restore(self, stock: NDArray[np.void]) -> None:
        """Take back what `state` returned."""
        self.stock = stock.view(CREDENTIAL).copy()
        self.arrivals = []
