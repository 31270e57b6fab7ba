"""Running totals of a run: what the closing summary says without reading the data set again."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finsim import payments
from finsim.compile import njit

APPROVED, DECLINED, HELD, NONE = payments.APPROVED, payments.DECLINED, payments.HELD, payments.NONE

SHAPE = (len(payments.KINDS), len(payments.RAILS), len(payments.DECISIONS))


@njit
def tally(rows, counts, cents, reasons):  # type: ignore[no-untyped-def]
    """Add rows, (n,) TRANSACTION, to counts and cents, `SHAPE`, and to reasons.

    Returns:
        False at a row whose codes stand for nothing.
    """
    for i in range(rows.shape[0]):
        row = rows[i]
        if row.kind >= SHAPE[0] or row.rail >= SHAPE[1] or row.decision >= SHAPE[2]:
            return False
        counts[row.kind, row.rail, row.decision] += 1
        cents[row.kind, row.rail, row.decision] += row.amount
        if row.decision == DECLINED and row.decline_reason != NONE:
            reasons[row.decline_reason] += 1
    return True


class Totals:
    """Counts and sums over all rows that a recorder got; threads may add at the same time.

    Attributes:
        counts: (kinds, rails, decisions) int64, rows.
        cents: (kinds, rails, decisions) int64, cents.
        reasons: (decline reasons,) int64, declined rows.
    """

    def __init__(self) -> None:
        self.counts = np.zeros(SHAPE, np.int64)
        self.cents = np.zeros(SHAPE, np.int64)
        self.reasons = np.zeros(len(payments.DECLINE_REASONS), np.int64)
        self._lock = threading.Lock()

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.counts.sum())

    def add(self, rows: NDArray[np.void]) -> None:
        """Count rows, (n,) TRANSACTION.

        Raises:
            ValueError: a row has a kind, rail or decision that stands for nothing.
        """
        rows = np.ascontiguousarray(rows).view(payments.TRANSACTION)
        with self._lock:
            known = tally(rows, self.counts, self.cents, self.reasons)
        if not known:
            raise ValueError("a transaction has a kind, rail or decision that stands for no value")

    def summary(self) -> dict[str, Any]:
        """Return rows, money and declines as plain values, money in currency units."""
        decisions = self.counts.sum(axis=(0, 1))
        by_kind = [
            {
                "kind": payments.KINDS[kind], "rail": payments.RAILS[rail], "decision": payments.DECISIONS[decision],
                "rows": int(self.counts[kind, rail, decision]), "value": int(self.cents[kind, rail, decision]) / 100.0,
            }
            for kind, rail, decision in np.argwhere(self.counts)
        ]  # fmt: skip
        return {
            "rows": self.rows,
            "value": int(self.cents[:, :, APPROVED].sum()) / 100.0,
            "approved": int(decisions[APPROVED]),
            "declined": int(decisions[DECLINED]),
            "held": int(decisions[HELD]),
            "declined_by_reason": {
                name: int(count) for name, count in zip(payments.DECLINE_REASONS, self.reasons, strict=True) if count
            },
            "by_kind": by_kind,
        }

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the totals as arrays, for a checkpoint."""
        names = ("counts", "cents", "reasons")
        return {f"totals/{name}": getattr(self, name).copy() for name in names}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take back what `state` returned."""
        for name in ("counts", "cents", "reasons"):
            setattr(self, name, arrays[f"totals/{name}"].copy())
