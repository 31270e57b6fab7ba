"""Random: money walks from account to account without returning, and leaves at the end.

Actors: a ring, accounts of which every second at least is a customer's. Stages: at times small tests of new accounts;
placement at the first; layering to the next, each after a rest; cash_out at the last.

Traces in transactions: a chain of payments of nearly the same sum, each some hours or days after the other. In
`events`: payee_added before first transfers, account_frozen where a bank stops a mule. Confounder: people who get a sum
from somebody and pass it on (behaviour.pooling.forwards_per_year).
"""

from __future__ import annotations

from itertools import pairwise

from finsim.agents.fraud.laundering.pattern import ANYWHERE, INSIDE, Draws, Pattern
from finsim.agents.fraud.laundering.typology import LaunderingTypology


class RandomWalk(LaunderingTypology):
    """A walk through accounts, none of them twice."""

    name = "random"
    fewest = 3

    def sketch(self, size: int, days: float, draws: Draws) -> Pattern:
        """Every second account at least is a customer's."""
        pattern = Pattern()
        members = [pattern.role(INSIDE if k % 2 == 0 else ANYWHERE) for k in range(size)]
        sources = pattern.place(members[0], draws)
        for payer, payee in pairwise(members):
            sources = [pattern.add(payer, payee, 1.0, sources)]
        pattern.leave(members[-1], sources)
        return pattern
