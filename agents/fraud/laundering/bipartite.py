"""Bipartite: several accounts each pay several others, so that nobody can tell whose money is where.

Actors: a ring, sources that are customers, sinks at this or other banks. Stages: at times small tests of new accounts;
placement with the sources; layering, each source to two sinks at least; cash_out by the sinks.

Traces in transactions: two groups of accounts with many payments from the one to the other in one window. In `events`:
payee_added before first transfers, account_frozen where a bank stops a mule. Confounder: small firms that pay their
suppliers' invoices, some to new ones (behaviour.occasions.supplier_new).
"""

from __future__ import annotations

from finsim.agents.fraud.laundering.pattern import ANYWHERE, INSIDE, Draws, Pattern
from finsim.agents.fraud.laundering.typology import LaunderingTypology


class Bipartite(LaunderingTypology):
    """k to j, every source to several sinks."""

    name = "bipartite"
    fewest = 4

    def sketch(self, size: int, days: float, draws: Draws) -> Pattern:
        """The sources are customers; each pays two sinks at least."""
        pattern = Pattern()
        before = max(2, size // 2)
        sources = [pattern.role(INSIDE) for _ in range(before)]
        sinks = [pattern.role(ANYWHERE) for _ in range(size - before)]
        reached: dict[int, list[int]] = {sink: [] for sink in sinks}
        for k, (source, part) in enumerate(zip(sources, draws.split(before), strict=True)):
            placed = pattern.place(source, draws, days=0.4 * days)
            pattern.legs[placed[0]].share = part
            degree = max(2, int(len(sinks) * (0.4 + 0.6 * draws())))
            chosen = [sinks[(k + step) % len(sinks)] for step in range(min(degree, len(sinks)))]
            for sink, share in zip(chosen, draws.split(len(chosen)), strict=True):
                reached[sink].append(pattern.add(source, sink, share, placed, day=days * (0.4 + 0.6 * draws())))
        for sink, legs in reached.items():
            if legs:
                pattern.leave(sink, legs)
        return pattern
