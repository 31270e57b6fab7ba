"""Fan-in: many accounts pay one collector within a few days, which takes the money out.

Actors: a ring, a mule who collects, sources mostly at other banks. Stages: at times small tests of new accounts;
placement with the sources, most of them out of sight; layering into the collector; cash_out by machine, exchange,
goods or to other banks.

Traces in transactions: a customer's account that receives from many others it hardly knew, then empties in one or a few
steps. In `events`: payee_added before first transfers, account_frozen where a bank stops a mule. Confounder:
organisers of savings clubs, club dues and kitties, whom a whole circle pays (behaviour.pooling.group_share).
"""

from __future__ import annotations

from finsim.agents.fraud.laundering.pattern import ANYWHERE, INSIDE, OUTSIDE, PLACEMENT, Draws, Pattern
from finsim.agents.fraud.laundering.typology import LaunderingTypology


class FanIn(LaunderingTypology):
    """k accounts to one."""

    name = "fan_in"
    fewest = 3

    def sketch(self, size: int, days: float, draws: Draws) -> Pattern:
        """Money comes to the sources out of sight or from other banks; the collector takes it out."""
        pattern = Pattern()
        collector = pattern.role(INSIDE)
        legs = []
        for share in draws.split(size):
            if draws() < 0.7:
                source = pattern.role(OUTSIDE)
                legs.append(pattern.add(source, collector, share, day=days * draws(), stage=PLACEMENT))
            else:
                source = pattern.role(ANYWHERE)
                placed = pattern.place(source, draws)
                pattern.legs[placed[0]].share = share
                legs.append(pattern.add(source, collector, 1.0, placed, day=days * draws()))
        pattern.leave(collector, legs)
        return pattern
