"""Cycle: money goes round through several accounts, back to the one it started from, to look like trade or loans.

Actors: a ring, accounts of which every second at least is a customer's. Stages: at times small tests of new accounts;
placement at the origin; layering, one payment after the other; cash_out where it began.

Traces in transactions: a chain of payments in order of time that ends where it began, the amount shrinking by
commissions. In `events`: payee_added before first transfers, account_frozen where a bank stops a mule. Confounder:
firms that trade in a circle and pay each other (behaviour.pooling.circle_share).
"""

from __future__ import annotations

from finsim.agents.fraud.laundering.pattern import ANYWHERE, INSIDE, Draws, Pattern
from finsim.agents.fraud.laundering.typology import LaunderingTypology


class Cycle(LaunderingTypology):
    """A ring of accounts."""

    name = "cycle"
    fewest = 3

    def sketch(self, size: int, days: float, draws: Draws) -> Pattern:
        """Every second account at least is a customer's, so that no payment is out of sight."""
        pattern = Pattern()
        members = [pattern.role(INSIDE if k % 2 == 0 or k == size - 1 else ANYWHERE) for k in range(size)]
        sources = pattern.place(members[0], draws)
        step = days / size
        for k in range(size):
            sources = [pattern.add(members[k], members[(k + 1) % size], 1.0, sources, day=step * (k + draws()))]
        pattern.leave(members[0], sources)
        return pattern
