"""Gather-scatter: many accounts pay one hub, which pays many others.

Traces: a hub whose balance is near zero before and after, with many partners on both sides. Confounder: organisers of
holidays, shops that collect and pay their suppliers.
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
