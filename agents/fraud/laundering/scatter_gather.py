"""Scatter-gather: one account pays many, and they all pay one other account.

Actors: a ring, two mules as origin and end, accounts in the middle at this or other banks. Stages: at times small tests
of new accounts; placement at the origin; layering out and in again, as each in the middle gets its part; cash_out.

Traces in transactions: several two-step ways between the same two accounts within days. In `events`: payee_added before
first transfers, account_frozen where a bank stops a mule. Confounder: families in which several get an allowance and
pay the same school (behaviour.pooling.group_share).
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
