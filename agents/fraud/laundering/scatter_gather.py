"""Scatter-gather: one account pays many, and they all pay one other account.

Traces: several two-step ways between the same two accounts within days. Confounder: treasurers who sweep between own
accounts, families in which children get an allowance and pay the same school.
"""

from __future__ import annotations

from finsim.agents.fraud.laundering.pattern import ANYWHERE, INSIDE, Draws, Pattern
from finsim.agents.fraud.laundering.typology import LaunderingTypology


class ScatterGather(LaunderingTypology):
    """One to k to one."""

    name = "scatter_gather"
    fewest = 3

    def sketch(self, size: int, days: float, draws: Draws) -> Pattern:
        """Origin and final account are customers'; those in the middle may be anywhere."""
        pattern = Pattern()
        origin, final = pattern.role(INSIDE), pattern.role(INSIDE)
        placed = pattern.place(origin, draws, sources=1 + draws.extra(0.3), days=0.5)
        legs = []
        for share in draws.split(size):
            middle = pattern.role(ANYWHERE)
            out = pattern.add(origin, middle, share, placed, day=0.5 * days * draws())
            legs.append(pattern.add(middle, final, 1.0, [out]))
        pattern.leave(final, legs)
        return pattern
