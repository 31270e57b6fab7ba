"""Theft: how card details are stolen, from phished customers and at breached merchants, and reach the market."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.agents.credentials import BREACHED, PHISHED
from finsim.clock import DAY
from finsim.rng import Purpose, choose

if TYPE_CHECKING:
    from finsim.agents.fraudster import Fraudster
    from finsim.agents.underworld import Underworld

STOCK_DAYS = 160
"""Age up to which stolen details are on offer at the start (assumption: older ones are worthless)."""
CAUGHT = 0.1
"""Purchases at a breached shop whose details leak (assumption: through some of its pages, for some of the time)."""
HAUL = 240.0 * CAUGHT
"""Details that a breach yields on average: what is bought with cards in LEAK_DAYS at an online shop, whichever. A
property of how genuine customers shop in the baseline, measured there; the market begins in balance with it."""
MARKET, PARTLY = -1, -2
"""Where leaks go that belong to no campaign: to the market, whole or the part CAUGHT."""
LEAK_DAYS = (3, 43)
"""Shortest and longest time for which a breached shop leaks (assumption: until somebody sees the common shop)."""
MOST_SOLD = 0.95
"""Part of what is stolen that is sold before the run, at most: a choice of the model, for markets that run dry."""
READABLE = (pay.CHIP, pay.MAGSTRIPE)
"""How a card has to be presented for a skimming device to read its stripe: it is put in or drawn through."""
DEBIT = 0.52
"""Details that are of a debit card where both cards are held (assumption: about half)."""


class Theft:
    """What leaks where, and how much of it is on offer.

    Args:
        underworld: the underworld whose market it supplies.

    Attributes:
        leaks: merchant, campaign (below 0: a breach), from and until, microseconds, of each leak.
        leaking: (M,) uint8, whether cards that are used at a merchant may leak at present.
        reference: value of the stock of a market in balance.
    """

    def __init__(self, underworld: Underworld) -> None:
        self.underworld = underworld
        self.economy = underworld.economy
        self.settings = underworld.settings
        self.leaks: list[list[int]] = []
        self.leaking = np.zeros(len(self.economy.world.merchants), dtype=np.uint8)
        self._here: dict[int, list[list[int]]] = {}
        self.reference = 0.0
        if underworld.rings:
            self._stock_market()
            self._leak_on()

    def begin_day(self) -> None:
        """At midnight: open the breaches that the scenario sets, and forget leaks that are over."""
        self._scenario_breaches()
        self.leaks = [leak for leak in self.leaks if leak[3] > self.economy.now]
        self._mark()

    def steal(self, ring: Fraudster) -> None:
        """Let a ring phish today, and breach a merchant now and then."""
        self._phish(ring)
        self._breach(ring)

    def _a_day(self, rate: float) -> float:
        """Return how often a ring does a day what all rings do at a rate for 1,000 customers and year."""
        return rate * self.underworld.scale / self.settings.rings

    def supply(self) -> float:
        """Return by how much an abundant market of stolen details raises their use: cheap details are used more.

        The square root of what is on offer against a market in balance, within bounds (assumption).
        """
        if not self.underworld.rings or self.reference <= 0:
            return 1.0
        return float(np.clip(np.sqrt(self.underworld.credentials.value(self.economy.now) / self.reference), 0.6, 4.0))

    def _phish(self, ring: Fraudster) -> None:
        """Deceive customers into giving their card details away."""
        economy = self.economy
        expected = self._a_day(self.settings.phishing_rate)
        u = economy.streams.one(Purpose.CREDENTIAL, ring.row, ordinal=economy.day)
        number = int(expected) + (u[0] < expected % 1.0)
        for k in range(number):
            v = economy.streams.one(Purpose.CREDENTIAL, ring.row, ordinal=economy.day, draw=k + 1)
            self._rob(v[None, :], np.array([economy.now]), np.array([quality_of(PHISHED, v[2])]))

    def _rob(self, u: NDArray[np.float64], stolen: NDArray[np.int64], quality: NDArray[np.float64]) -> None:
        """Offer card details of those whom uniforms, (n, 2 or more), choose; who holds no card is left out.

        Who is easily deceived is chosen oftener.

        Args:
            u: a row for each theft.
            stolen: (n,) microseconds.
            quality: (n,) of the details.
        """
        economy = self.economy
        data = economy.world.customers.data
        customers = choose(self.underworld.susceptible, u[:, 0])
        debit, credit = data["cards"][customers] & 1 > 0, data["cards"][customers] & 4 > 0
        slots = np.where(credit & ((u[:, 1] >= DEBIT) | ~debit), 2, 0)
        life = economy.life.cards
        held = [life.holds(int(c), int(s)) for c, s in zip(customers, slots, strict=True)]
        kept = np.array(held, dtype=bool)
        cards = np.array([life.code(int(c), int(s)) for c, s in zip(customers, slots, strict=True)], dtype=np.int64)
        self.underworld.credentials.add(customers[kept], slots[kept], cards[kept], stolen[kept], quality[kept])

    def _breach(self, ring: Fraudster) -> None:
        """Breach an online merchant now and then; what is used there leaks for some weeks."""
        economy = self.economy
        u = economy.streams.one(Purpose.BREACH, ring.row, ordinal=economy.day)
        if u[0] < self._a_day(self.settings.breach_rate):
            self._leak_since(economy.now, u)

    def _leak_since(self, begin: int, u: NDArray[np.float64]) -> None:
        """Let an online merchant leak from a time on, for some weeks: which one and how long, uniforms (4,) say.

        Small shops are as likely as large ones (assumption: they are guarded less), so that leaks are many and small.
        """
        places, kinds = self.economy.world.places, len(self.economy.world.category_names)
        cell = places.homes * kinds + int(u[1] * (kinds - 1))
        first, shops = int(places.cell_start[cell]), int(places.cell_start[cell + 1] - places.cell_start[cell])
        days = LEAK_DAYS[0] + (LEAK_DAYS[1] - LEAK_DAYS[0]) * u[3]
        if shops > 0 and begin + int(days * DAY) > self.economy.now:
            self.leak(first + int(u[2] * shops), PARTLY, begin, begin + int(days * DAY))

    def _leak_on(self) -> None:
        """Let merchants leak that were breached in the weeks before the run."""
        now, p = self.economy.now, self._a_day(self.settings.breach_rate)
        for ring in self.underworld.rings:
            for day in range(1, LEAK_DAYS[1] + 1):
                u = self.economy.streams.one(Purpose.BREACH, ring.row, second=1, ordinal=day)
                if u[0] < p:
                    self._leak_since(now - day * DAY, u)

    def _scenario_breaches(self) -> None:
        """Open the breaches that the scenario sets."""
        economy = self.economy
        if not self.underworld.rings:
            return
        for breach in economy.config.parameters.market.breaches:
            if economy.day == max(economy.clock.export_day + breach.day - breach.window_days, economy.clock.first_day):
                data = economy.world.merchants.data
                online = np.flatnonzero((data["online"] == 1) & (data["country"] == 0))
                largest = online[np.argsort(-data["popularity"][online], kind="stable")][: breach.merchants]
                for merchant in largest.tolist():
                    self.leak(merchant, MARKET, economy.now, (economy.clock.export_day + breach.day) * DAY)

    def _stock_market(self) -> None:
        """Fill the market with details of all ages, as it stands after years of the same thefts and purchases.

        Details arrive at a steady rate. Buyers prefer fresh ones, by half for each half-life, so that a share
        left ** (1 - value) of those of an age is unsold, where `left` is what nobody ever buys. The value of such a
        market is what `supply` is measured by; it does not depend on who happened to be robbed.
        """
        s, half_life = self.settings, self.underworld.credentials.half_life_days
        arrivals = s.phishing_rate + s.breach_rate * HAUL
        collusion = s.merchant_collusion
        wanted = s.card_not_present.rate + s.card_testing.rate * s.card_testing.cards
        wanted += collusion.rate * collusion.sales * (1.0 - collusion.laundering) * (1.0 - collusion.complicit)
        left = 1.0 - min(wanted / max(arrivals, 1e-9), MOST_SOLD)
        a_day = arrivals * self.underworld.scale * len(self.underworld.rings) / s.rings
        value = np.exp2(-(np.arange(STOCK_DAYS) + 0.5) / half_life)
        self.reference = float(a_day * (value * left ** (1.0 - value)).sum())
        u = self.economy.streams.uniform(Purpose.CREDENTIAL, int(a_day * STOCK_DAYS + 0.5), second=7)
        age = STOCK_DAYS * u[:, 2]
        unsold = u[:, 3] < left ** (1.0 - np.exp2(-age / half_life))
        order = np.argsort(-age, kind="stable")
        order = order[unsold[order]]
        v = self.economy.streams.uniform(Purpose.CREDENTIAL, len(u), second=8)[order]
        phished = v[:, 0] < s.phishing_rate / max(arrivals, 1e-9)
        quality = np.where(phished, quality_of(PHISHED, v[:, 1]), quality_of(BREACHED, v[:, 1]))
        self._rob(u[order], self.economy.now - (age[order] * DAY).astype(np.int64), quality)

    def leak(self, merchant: int, campaign: int, begin: int, end: int) -> None:
        """Let cards used at a merchant leak for a while, to a campaign (a skimming device) or to the market."""
        self.leaks.append([merchant, campaign, begin, end])
        self._mark()

    def collect(self, rows: NDArray[np.void]) -> None:
        """Collect the cards that were used where something leaks, (n,) TRANSACTION of this tick."""
        reserved = self.economy.world.customers.data["reserved"]
        readable = np.isin(rows["entry_mode"], READABLE)
        columns = (rows["merchant"], rows["timestamp"], rows["owner"], rows["slot"], rows["card"], readable)
        for merchant, at, customer, slot, card, read in zip(*(column.tolist() for column in columns), strict=True):
            if reserved[customer]:
                continue  # a name that a ring made up is nobody's victim
            for _, number, begin, end in self._here[merchant]:
                if begin <= at < end and (read or number < 0):
                    self._copy(number, customer, slot, card, at)

    def _copy(self, number: int, customer: int, slot: int, card: int, at: int) -> None:
        """Let one card's details reach the market, or the campaign of that number."""
        if number < 0:
            u = self.economy.streams.one(Purpose.BREACH, customer, second=2, ordinal=self.economy.day)
            if number == PARTLY and u[0] >= CAUGHT:
                return
            quality = np.array([quality_of(BREACHED, u[1])])
            self.underworld.credentials.add(np.array([customer]), np.array([slot]), np.array([card]), at, quality)
        elif number in self.underworld.campaigns:
            copied = self.underworld.campaigns[number].facts["copied"]
            if len(copied) < 400 and [customer, slot, card] not in copied:
                copied.append([customer, slot, card])

    def restore(self, leaks: list[list[int]]) -> None:
        """Take back the leaks of a checkpoint."""
        self.leaks = leaks
        self._mark()

    def _mark(self) -> None:
        self.leaking[:] = 0
        self._here.clear()
        for leak in self.leaks:
            self.leaking[leak[0]] = 1
            self._here.setdefault(leak[0], []).append(leak)


def quality_of(bounds: tuple[float, float], u: Any) -> Any:
    """Return how good stolen details are, between bounds, for uniforms of any shape."""
    return bounds[0] + (bounds[1] - bounds[0]) * u
