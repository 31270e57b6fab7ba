"""Mule cash-out: proceeds of crime against other banks' customers arrive at a mule, who takes them out.

Traces: credits from strangers that leave within hours or days, as cash, over an exchange or abroad, less a commission.
Confounder: people who sell something, are paid back, and spend it.
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
