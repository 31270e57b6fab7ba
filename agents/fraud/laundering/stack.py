"""Stack: layers of accounts, each of which pays several of the next layer.

Actors: a ring, mules in three or four layers, those between are customers, first and last at this or other banks.
Stages: at times small tests of new accounts; placement in the first layer; layering from each to the next; cash_out in
the last.

Traces in transactions: bipartite patterns one after the other, each account between with payments in and out. In
`events`: payee_added before first transfers, account_frozen where a bank stops a mule. Confounder: chains of clients,
firms, suppliers and staff (behaviour.pooling.staff_share).
"""

from __future__ import annotations

from itertools import pairwise

from finsim.agents.fraud.laundering.pattern import ANYWHERE, INSIDE, Draws, Pattern
from finsim.agents.fraud.laundering.typology import LaunderingTypology


class Stack(LaunderingTypology):
    """Three or four layers."""

    name = "stack"
    fewest = 6

    def sketch(self, size: int, days: float, draws: Draws) -> Pattern:
        """Every second layer consists of customers, so that no payment is out of sight."""
        pattern = Pattern()
        layers = 3 if size < 8 else 4
        widths = [size // layers + (k < size % layers) for k in range(layers)]  # alike, so that each is reached
        groups = [[pattern.role(ANYWHERE if k in (0, 3) else INSIDE) for _ in range(w)] for k, w in enumerate(widths)]
        if layers == 3:
            for member in groups[2]:
                pattern.roles[member] = ANYWHERE
        money: dict[int, list[int]] = {}
        for member, part in zip(groups[0], draws.split(widths[0]), strict=True):
            money[member] = pattern.place(member, draws, days=0.3 * days)
            pattern.legs[money[member][0]].share = part
        for depth, (upper, lower) in enumerate(pairwise(groups)):
            for k, payer in enumerate(upper):
                chosen = [lower[(k + step) % len(lower)] for step in range(min(2, len(lower)))]
                for payee, share in zip(chosen, draws.split(len(chosen)), strict=True):
                    day = days * (depth + draws()) / layers
                    money.setdefault(payee, []).append(pattern.add(payer, payee, share, money[payer], day=day))
        for member in groups[-1]:
            pattern.leave(member, money[member])
        return pattern
