"""What everybody who lives by fraud can look up: shops, places, people's age and money, devices, opening hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finsim.agents.customer import BUSINESS
from finsim.clock import DAY, HOUR
from finsim.controls import WEALTHY
from finsim.ledger import SLOTS
from finsim.rng import choose

if TYPE_CHECKING:
    from finsim.economy import Economy

AGES = (30, 45, 60, 75)
"""Edges of the bands of age among which rings choose."""


class Surroundings:
    """The economy as a thief sees it; nothing here changes it, or draws.

    Args:
        economy: the economy.
    """

    def __init__(self, economy: Economy) -> None:
        self.economy = economy
        self.settings = economy.config.parameters.fraud

    def shop(self, area: int, category: int, u: float) -> int:
        """Return a merchant of a category by popularity in an area, or anywhere; -1 for none."""
        places, kinds = self.economy.world.places, len(self.economy.world.category_names)
        cell = area * kinds + category
        first, end = int(places.cell_start[cell]), int(places.cell_start[cell + 1])
        if end > first:
            return first + int(choose(places.cell_cumulative[first:end], u))
        first, end = int(places.any_start[category]), int(places.any_start[category + 1])
        if end <= first:
            return -1
        return int(places.any_merchant[first + choose(places.any_cumulative[first:end], u)])

    def online_merchant(self, category: int, u: float, abroad: float = 1.0) -> int:
        """Return an online merchant by popularity: at home, or in a foreign country where abroad is below 1.

        Args:
            category: position in the categories.
            u: uniform that chooses among the merchants.
            abroad: below 1 a uniform that chooses among the countries.
        """
        return self.shop(self.economy.world.places.homes if abroad >= 1.0 else self.foreign_area(abroad), category, u)

    def ring_area(self, ring: int) -> int:
        """Return the area that a ring works from."""
        return (ring * 7 + 3) % self.economy.world.places.homes

    def foreign_area(self, u: float) -> int:
        """Return a foreign area."""
        places = self.economy.world.places
        return places.homes + 1 + int(u * (len(places.areas) - places.homes - 1))

    def age_band(self, customer: int) -> int:
        """Return the band of a customer's age; the last one for businesses."""
        data = self.economy.world.customers.data
        if data["segment_code"][customer] == BUSINESS:
            return len(AGES) + 1
        return int(np.searchsorted(AGES, self.economy.year - int(data["birth_year"][customer]), side="right"))

    def balance(self, customer: int) -> int:
        """Return what is available on the account that a customer's money is on, cents."""
        account = self.economy.ledger.accounts[customer * SLOTS + self.purse(customer)]
        return int(account["balance"] - account["reserved"])

    def may_send(self, customer: int, now: int) -> int:
        """Return what the bank's page says that a person may still transfer to others today, cents."""
        data, rules = self.economy.world.customers.data, self.economy.world.books.rules
        rule = rules[int(data["institution"][customer])]
        factor = float(rule["wealthy"]) if data["income_band_code"][customer] == WEALTHY else 1.0
        sent = int(data["sent_cents"][customer]) if data["day"][customer] == now // DAY else 0
        return max(int(rule["transfer_day"] * factor) - sent, 0)

    def purse(self, customer: int) -> int:
        """Return the slot of the account that a customer's money is on: checking, or the wallet in mobile money."""
        return self.economy.mobile_money.purse(customer)

    def own_device(self, customer: int) -> int:
        """Return the packed code of a customer's own device."""
        return customer << 7 | int(self.economy.world.customers.data["device"][customer])

    def own_ip(self, customer: int) -> int:
        """Return the packed code of the IP address of a customer's home."""
        data = self.economy.world.customers.data
        return int(data["dwelling"][customer]) << 7 | int(data["home_ip"][customer])

    def opening(self, at: int, u: float) -> int:
        """Return the time, or one at the next opening hours of shops if that is in the night."""
        hour = at % DAY / HOUR
        if 7.5 <= hour < 22.0 or u > 0.93:
            return at
        day = at // DAY * DAY + (DAY if hour >= 22.0 else 0)
        return day + int((8.5 + 10.0 * u) * HOUR)
