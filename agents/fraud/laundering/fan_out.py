"""Fan-out: one account splits what it got among many, each of which takes its part out.

Actors: a ring, a mule who splits, members at this or other banks. Stages: at times small tests of new accounts;
placement of one or a few sums, from other banks or as cash; layering to the members over days; cash_out by each.

Traces in transactions: a sum comes in and leaves within hours or days to many accounts. In `events`: payee_added before
first transfers, account_frozen where a bank stops a mule. Confounder: payrolls of small firms
(behaviour.pooling.staff_share), allowances (behaviour.pooling.group_share).
"""

from __future__ import annotations

from finsim.agents.fraud.laundering.pattern import ANYWHERE, INSIDE, Draws, Pattern
from finsim.agents.fraud.laundering.typology import LaunderingTypology


class FanOut(LaunderingTypology):
    """One account to k."""

    name = "fan_out"
    fewest = 3

    def sketch(self, size: int, days: float, draws: Draws) -> Pattern:
        """The splitter gets one or a few sums and pays size accounts over some days."""
        pattern = Pattern()
        splitter = pattern.role(INSIDE)
        placed = pattern.place(splitter, draws, sources=1 + draws.extra(0.5), days=1.0)
        for share in draws.split(size):
            member = pattern.role(ANYWHERE)
            pattern.leave(member, [pattern.add(splitter, member, share, placed, day=days * draws())])
        return pattern
