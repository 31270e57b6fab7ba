"""Structuring: cash is deposited in amounts below the threshold from which a bank must report.

Actors: a ring, one or a few mules who deposit, a collector where they are several. Stages: at times a small test of a
new account; placement, deposits on several days until their sum passes the threshold; layering to the collector;
cash_out. The threshold is that of US law, the rate a third of US-112 (assumption).

Traces in transactions: deposits at several branches whose sum passes the threshold within days while none does by
itself, some just below it, others as small as anybody's; then a transfer. In `events`: payee_added before it,
account_frozen where a bank stops a mule. Confounder: small firms that bank their takings, some of them just below
round amounts (behaviour.pooling.cash_share, just_below), people who pay cash in (deposits_per_year).
"""

from __future__ import annotations

from finsim.agents.fraud.laundering.pattern import ANYWHERE, CASH, INSIDE, PLACEMENT, Draws, Pattern
from finsim.agents.fraud.laundering.typology import LaunderingTypology

SMALLEST = 0.03
"""Smallest deposit as a share of the threshold (assumption: who fears to be noticed pays in what many people do)."""


class Structuring(LaunderingTypology):
    """Deposits below the threshold."""

    name = "structuring"
    fewest = 2

    def sketch(self, size: int, days: float, draws: Draws) -> Pattern:
        """Deposit until the sum passes the threshold, size deposits at least; who deposits pays the collector."""
        settings = draws.world.settings.structuring
        pattern = Pattern()
        top = 100.0 * settings.threshold
        amounts: list[int] = []
        while len(amounts) < size or sum(amounts) <= top:
            near = draws() < settings.near_threshold
            share = 0.8 + 0.19 * draws() if near else SMALLEST * (0.8 / SMALLEST) ** draws()
            amounts.append(int(top * share) // 100 * 100)
        depositors = [pattern.role(INSIDE) for _ in range(min(1 + draws.extra(settings.depositors), len(amounts)))]
        pattern.cents = sum(amounts)
        days = max(days, 0.7 * len(amounts))
        held: list[list[int]] = [[] for _ in depositors]
        for k, cents in enumerate(amounts):
            at = k % len(depositors)
            held[at].append(
                pattern.add(
                    CASH,
                    depositors[at],
                    cents / pattern.cents,
                    day=days * (k + draws()) / len(amounts),
                    stage=PLACEMENT,
                    single=True,
                )
            )
        if len(depositors) == 1:
            pattern.leave(depositors[0], held[0])
            return pattern
        collector = pattern.role(ANYWHERE)
        pattern.leave(
            collector,
            [pattern.add(depositor, collector, 1.0, legs) for depositor, legs in zip(depositors, held, strict=True)],
        )
        return pattern
