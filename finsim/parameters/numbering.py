"""How campaigns are numbered: by ring, day, typology and a count within these, so that one more shifts no other.

A number has 29 bits, from the top: the ring's row, the day since the run began, the typology's position in the
registry, and the count k of the day's campaigns of this ring and typology. Bits 29 and 30 are left to campaigns that
customers run by themselves. The width of the count depends on how many customers a ring works on, that of the day on
very long runs alone; neither depends on how much fraud there is, so a campaign keeps its number, its draws and its
ids at every `fraud.intensity`.
"""

from __future__ import annotations

from dataclasses import dataclass

NUMBER_BITS = 29
TYPOLOGY_BITS = 5
DAY_BITS, LONG_DAY_BITS = 10, 12
BUSY = 200.0
"""Campaigns per 1,000 customers and year of one typology for which the count has ample room."""
AMPLE, SPARE = 4.0, 16
"""Room of the count: a multiple of the mean of a day, since rings move to what pays, and some more."""


@dataclass(frozen=True)
class CampaignNumbers:
    """The widths of campaign numbers in one run.

    Args:
        customers: number of customers.
        rings: rings at intensity 1.
        days: days of the run, warm-up included.
    """

    customers: int
    rings: int
    days: int

    @property
    def count_bits(self) -> int:
        """Bits of the count within ring, day and typology."""
        mean = BUSY * self.customers / 1000.0 / 365.0 / self.rings
        return int(AMPLE * mean + SPARE).bit_length()

    @property
    def day_bits(self) -> int:
        """Bits of the day; runs of up to 1,024 days number alike."""
        return DAY_BITS if self.days <= 1 << DAY_BITS else LONG_DAY_BITS

    @property
    def most(self) -> int:
        """Most campaigns of one ring and typology on a day."""
        return 1 << self.count_bits

    @property
    def ring_rows(self) -> int:
        """Rows of rings that numbers can tell apart; the last one is for campaigns that no ring runs."""
        return 1 << max(NUMBER_BITS - self.day_bits - TYPOLOGY_BITS - self.count_bits, 0)

    @property
    def typologies(self) -> int:
        """Typologies that numbers can tell apart."""
        return 1 << TYPOLOGY_BITS

    def number(self, ring: int, day: int, typology: int, k: int) -> int:
        """Return the number of a campaign.

        Args:
            ring: row of the ring; rows above the last one stand for no ring.
            day: days since the run began.
            typology: position in the registry.
            k: count within ring, day and typology.

        Raises:
            OverflowError: one of them is outside of its width.
        """
        ring = min(ring, self.ring_rows - 1)
        widths = (("day", day, self.day_bits), ("typology", typology, TYPOLOGY_BITS), ("count", k, self.count_bits))
        number = ring
        for name, value, bits in widths:
            if not 0 <= value < 1 << bits:
                raise OverflowError(f"a campaign's {name} is {value}, but its number has room for {1 << bits}")
            number = number << bits | value
        return number
