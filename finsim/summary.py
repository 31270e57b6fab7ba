"""The closing summary of a run: rows, money, declines, fraud by typology."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from finsim import payments as pay

if TYPE_CHECKING:
    from finsim.dataset.recorder import ParquetRecorder
    from finsim.economy import Economy

GENUINE_KINDS = (pay.PURCHASE, pay.WITHDRAWAL, pay.TRANSFER, pay.BILL)
"""Kinds of payments whose value fraud is compared with: what customers pay by themselves."""


def summarise(economy: Economy, recorder: ParquetRecorder) -> dict[str, Any]:
    """Return the summary that the manifest keeps and the command line prints; money in currency units."""
    totals = recorder.totals
    decisions = totals.counts.sum(axis=(0, 1))
    paid = totals.cents[list(GENUINE_KINDS), :, pay.APPROVED].sum() / 100.0
    fraud: dict[str, dict[str, float]] = {}
    for typology, (attempts, approved, cents) in sorted(economy.underworld.register.totals.items()):
        fraud[typology] = {
            "rows": attempts,
            "approved": approved,
            "value": cents / 100.0,
            "basis_points": 10_000.0 * cents / 100.0 / paid if paid else 0.0,
        }
    return {
        "rows": int(totals.counts.sum()),
        "customers": int((economy.world.customers.data["since_day"] < economy.clock.end_day).sum()),
        "days": economy.config.run.days,
        "value": float(totals.cents[:, :, pay.APPROVED].sum()) / 100.0,
        "approved": int(decisions[pay.APPROVED]),
        "held": int(decisions[pay.HELD]),
        "declined_by_reason": {name: int(totals.reasons[code]) for code, name in enumerate(pay.DECLINE_REASONS)},
        "fraud_by_typology": fraud,
    }
