"""The market of stolen card details: what leaked, when, how good it is, and what it costs."""

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

CREDENTIAL = np.dtype(
    [("customer", "i4"), ("card", "u4"), ("stolen", "i8"), ("quality", "f4"), ("slot", "u1")], align=True
)
"""Whose details, which card, when they were stolen (microseconds), and in which part of attempts they prove right."""
PHISHED, BREACHED = (0.85, 1.0), (0.75, 1.0)
"""Least and greatest quality of details by how they were stolen (assumption: who types details into a false page types
most of them right; what leaks from shops is older and often lacks the security code)."""
CHEAPEST = 100
"""Cents that details cost at least: NordVPN (2021), "Analyzing 4 million payment card details found on the dark web",
found prices of US cards between 1 and 12 USD."""
TRIES = 60
"""Draws for each detail that is wanted, before a buyer gives up."""
CAPACITY = 200_000
"""Details on offer at most; the oldest are forgotten first (assumption: old details are worthless)."""


class CredentialMarket:
    """Stolen card details, oldest first. What is stolen today is on offer from tomorrow on.

    Args:
        half_life_days: time in which details lose half their value.
        price: USD for fresh and faultless details in a market in balance.
    """

    def __init__(self, half_life_days: float, price: float) -> None:
        self.half_life_days = half_life_days
        self.price = price
        self.supply = 1.0
        self.stock = np.empty(0, dtype=CREDENTIAL)
        self.sold = np.empty(0, dtype=bool)
        self.arrivals: list[NDArray[np.void]] = []
        self.opened = 0
        self._preference: dict[float, NDArray[np.float64]] = {}  # by how little a buyer minds what it is worth, today

    def add(
        self,
        customers: NDArray[Any],
        slots: NDArray[Any],
        cards: NDArray[Any],
        stolen: NDArray[Any] | int,
        quality: NDArray[Any],
    ) -> None:
        """Offer details.

        Args:
            customers: (n,) customer rows.
            slots: (n,) account slots, 0 debit or 2 credit.
            cards: (n,) packed codes.
            stolen: microseconds.
            quality: (n,) part of attempts in which the details prove right.
        """
        rows = np.zeros(len(customers), dtype=CREDENTIAL)
        rows["customer"], rows["slot"], rows["card"], rows["stolen"] = customers, slots, cards, stolen
        rows["quality"] = quality
        self.arrivals.append(rows)

    def __len__(self) -> int:
        """Return how many details are on offer or arrived today."""
        return len(self.state())

    def value(self, now: int) -> float:
        """Return how much is on offer, each detail by its freshness: 1 when stolen, half after the half-life."""
        return float(self._freshness(self.state(), now).sum())

    def _freshness(self, rows: Any, now: int) -> Any:
        """Return what age leaves of the value of details, CREDENTIAL of any shape, at a time."""
        return np.exp2(-np.maximum((now - rows["stolen"]) / DAY, 0.0) / self.half_life_days)

    def begin_day(self, now: int, supply: float) -> None:
        """At midnight, microseconds: clear what was sold away and put what arrived on offer.

        Args:
            now: microseconds.
            supply: what is on offer against a market in balance; prices fall with it.
        """
        self.stock = self.state()[-CAPACITY:]
        self.sold = np.zeros(len(self.stock), dtype=bool)
        self.arrivals.clear()
        self.opened, self.supply = now, supply
        self._preference.clear()

    def price_of(self, row: np.void) -> int:
        """Return what details, one CREDENTIAL, cost today, cents: less when old, faulty, or when many are on offer."""
        value = float(row["quality"] * self._freshness(row, self.opened))
        return max(int(100 * self.price * value / self.supply), CHEAPEST)

    def take(
        self, world: Underworld, campaign: Campaign, count: int, cheap: float
    ) -> list[tuple[int, int, int, float]]:
        """Sell details to a campaign: (customer, slot, packed code, quality) each; fewer where few are left.

        Details are drawn by age and quality, and bought if their bank tempts the ring and it can pay for them.

        Args:
            world: the underworld.
            campaign: the buyer, whose stream decides which.
            count: wanted number.
            cheap: 0 to buy by value alone; 1 to take whatever is cheap (old or faulty).
        """
        if not len(self.stock):
            return []
        preference = self._by_value(cheap)
        ring = world.ring(campaign.ring)
        most = float(world.experience(campaign.ring, "institution", len(world.economy.banks)).max())
        taken: list[tuple[int, int, int, float]] = []
        for _ in range(TRIES * count):
            u = world.draw(campaign)
            k = int(choose(preference, u[0]))
            row = self.stock[k]
            if self.sold[k] or u[1] * most >= world.attraction(campaign.ring, int(row["customer"])):
                continue
            if ring.buy(campaign.typology, self.price_of(row)):
                self.sold[k] = True
                taken.append((int(row["customer"]), int(row["slot"]), int(row["card"]), float(row["quality"])))
                if len(taken) == count:
                    break
        return taken

    def _by_value(self, cheap: float) -> NDArray[np.float64]:
        """Return the cumulative preference, (n,) float64: quality by freshness, the less the cheaper it may be."""
        known = self._preference.get(cheap)
        if known is None:
            value = self.stock["quality"] * self._freshness(self.stock, self.opened)
            weight = value.astype(float) ** (1.0 - cheap)
            known = self._preference[cheap] = np.cumsum(weight)
        return known

    def state(self) -> NDArray[np.void]:
        """Return everything on offer, and what arrived today."""
        return records.joined([records.chosen(self.stock, ~self.sold), *self.arrivals])

    def restore(self, stock: NDArray[np.void]) -> None:
        """Take back what `state` returned; the next day, which begins at once, puts it on offer."""
        self.stock = stock.view(CREDENTIAL).copy()
        self.sold = np.zeros(len(self.stock), dtype=bool)
        self.arrivals = []
