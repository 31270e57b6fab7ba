"""Gather-scatter: many accounts pay one hub, which pays many others.

Actors: a ring, a mule as the hub, sources at other banks, sinks at this or other banks. Stages: at times small tests of
new accounts; placement into the hub, which waits until everything is in; layering to the sinks; cash_out by them.

Traces in transactions: a hub that keeps only a commission, with many partners on both sides. In `events`: payee_added
before first transfers, account_frozen where a bank stops a mule. Confounder: organisers of kitties and holidays, who
collect and pay several (behaviour.pooling.group_share), firms that are paid and pay suppliers and staff.
"""

from __future__ import annotations

from finsim.agents.fraud.laundering.pattern import ANYWHERE, INSIDE, OUTSIDE, PLACEMENT, Draws, Pattern
from finsim.agents.fraud.laundering.typology import LaunderingTypology


class GatherScatter(LaunderingTypology):
    """k to one to j."""

    name = "gather_scatter"
    fewest = 4

    def sketch(self, size: int, days: float, draws: Draws) -> Pattern:
        """The hub waits until everything is in; about half of the accounts pay it, the others are paid."""
        pattern = Pattern()
        hub = pattern.role(INSIDE)
        before = max(2, min(size - 2, int(size * (0.3 + 0.4 * draws()) + 0.5)))
        legs = []
        for share in draws.split(before):
            source = pattern.role(OUTSIDE)
            legs.append(pattern.add(source, hub, share, day=0.6 * days * draws(), stage=PLACEMENT))
        for share in draws.split(size - before):
            sink = pattern.role(ANYWHERE)
            pattern.leave(sink, [pattern.add(hub, sink, share, legs)])
        return pattern
