"""Mule cash-out: proceeds of crime against other banks' customers arrive at a mule, who takes them out.

Actors: a ring, one mule, senders at other banks. Stages: at times a small test of a new account; placement, one or a
few credits; cash_out of each by itself, by machine, exchange, goods or to other banks.

Traces in transactions: credits from strangers that leave within hours or days, less a commission. In `events`:
payee_added before first transfers, account_frozen where a bank stops a mule. Confounder: people who get a sum from
somebody and pass it on (behaviour.pooling.forwards_per_year), or a large one (large_credits_per_year), and spend it.
"""

from __future__ import annotations

from finsim.agents.fraud.laundering.pattern import INSIDE, Draws, Pattern
from finsim.agents.fraud.laundering.typology import LaunderingTypology


class MuleCashOut(LaunderingTypology):
    """One mule and what it is sent."""

    name = "mule_cash_out"
    fewest = 1

    def sketch(self, size: int, days: float, draws: Draws) -> Pattern:
        """Each credit is taken out by itself."""
        pattern = Pattern()
        mule = pattern.role(INSIDE)
        for leg in pattern.place(mule, draws, sources=size, days=days, cash=0.0):
            pattern.leave(mule, [leg])
        return pattern
