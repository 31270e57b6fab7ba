"""The journal: rows of the last hours, until everything about them is known.

A batch credit is posted in the evening or next morning, so the payee's balance after it is known hours
after the row. The journal keeps rows until then, fills the balance in, and hands complete rows on.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from finsim.batches import forget_before
from finsim.clock import DAY, EVENING_CLEARING, EVENING_CUT_OFF, MORNING_CLEARING, MORNING_CUT_OFF
from finsim.ledger import credit_in_order
from finsim.payments import TRANSACTION, Recorder
from finsim.posting import credits_of
from finsim.records import joined


class Journal:
    """Rows on their way to the recorder, and credits on their way to accounts.

    Args:
        recorder: takes complete rows.
        accounts: (N,) ledger.ACCOUNT.
        customer_accounts: account rows below this are customers'.
        export_start: microseconds; earlier rows are dropped.
        tick: length of a tick, microseconds.
        id_key: key of transaction ids.
    """

    def __init__(
        self,
        recorder: Recorder,
        accounts: NDArray[np.void],
        customer_accounts: int,
        export_start: int,
        tick: int,
        id_key: np.uint64,
    ) -> None:
        self.recorder = recorder
        self.accounts = accounts
        self.customer_accounts = customer_accounts
        self.export_start = export_start
        self.tick = tick
        self.id_key = id_key
        self.chunks: deque[tuple[int, NDArray[np.void]]] = deque()  # (end of tick, rows)
        self.credits: dict[int, list[tuple[int, NDArray[np.int64]]]] = {}  # posting time -> (end of tick, positions)

    def add(self, tick_end: int, rows: NDArray[np.void]) -> None:
        """Take the rows of a tick and credit the customers' accounts whose postings are due at its end."""
        self.chunks.append((tick_end, rows))
        positions = credits_of(rows, self.customer_accounts)
        if len(positions):
            times = rows["posted_at"][positions]
            for time in np.unique(times):
                self.credits.setdefault(int(time), []).append((tick_end, positions[times == time]))
        for time in sorted(time for time in self.credits if time <= tick_end):
            self._post(self.credits.pop(time))
        self._release(tick_end)

    def on_its_way(self) -> int:
        """Return the cents that left a payer and have not reached the payee's account."""
        chunks = dict(self.chunks)
        return sum(int(chunks[end]["amount"][at].sum()) for parts in self.credits.values() for end, at in parts)

    def post_all(self) -> None:
        """Post whatever is on its way, in order of posting time; at the start of the export and at the end."""
        for time in sorted(self.credits):
            self._post(self.credits.pop(time))

    def close(self) -> None:
        """Post what is on its way and hand all rows on."""
        self.post_all()
        while self.chunks:
            self._hand_over(*self.chunks.popleft())

    def _post(self, parts: list[tuple[int, NDArray[np.int64]]]) -> None:
        """Credit what is posted at one time, in order of transaction id, and fill the balances in."""
        chunks = dict(self.chunks)
        ids = np.concatenate([chunks[end]["transaction_id"][at] for end, at in parts])
        payees = np.concatenate([chunks[end]["payee"][at] for end, at in parts]).astype(np.int64)
        amounts = np.concatenate([chunks[end]["amount"][at] for end, at in parts])
        order = np.argsort(ids, kind="stable")
        balances = np.empty(len(ids), dtype=np.int64)
        sorted_balances = np.empty(len(ids), dtype=np.int64)
        credit_in_order(self.accounts, payees[order], amounts[order], sorted_balances)
        balances[order] = sorted_balances
        first = 0
        for end, at in parts:
            chunks[end]["payee_balance"][at] = balances[first : first + len(at)]
            first += len(at)

    def _release(self, tick_end: int) -> None:
        """Hand on what can no longer change: nothing after the last cut-off that has been cleared."""
        since_midnight = (tick_end - self.tick) % DAY + self.tick
        day = tick_end - since_midnight
        if since_midnight >= EVENING_CLEARING:
            complete = day + EVENING_CUT_OFF
        elif since_midnight >= MORNING_CLEARING:
            complete = day + MORNING_CUT_OFF
        else:
            complete = day - DAY + EVENING_CUT_OFF
        while self.chunks and self.chunks[0][0] <= complete:
            self._hand_over(*self.chunks.popleft())

    def _hand_over(self, tick_end: int, rows: NDArray[np.void]) -> None:
        if tick_end > self.export_start and len(rows):
            if tick_end <= self.export_start + 60 * DAY:
                forget_before(rows, self.id_key, self.export_start // DAY)
            self.recorder.transactions(rows)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return what a checkpoint keeps, as plain arrays."""
        rows = [rows for _, rows in self.chunks]
        places = [(time, end, position) for time, parts in self.credits.items() for end, at in parts for position in at]
        return {
            "rows": joined(rows) if rows else np.empty(0, dtype=TRANSACTION),
            "ends": np.array([end for end, _ in self.chunks], dtype=np.int64),
            "lengths": np.array([len(part) for part in rows], dtype=np.int64),
            "credits": np.array(places, dtype=np.int64).reshape(-1, 3),
        }

    def restore(self, state: dict[str, NDArray[np.generic]]) -> None:
        """Take back what `state` returned."""
        self.chunks.clear()
        self.credits.clear()
        first = 0
        for end, length in zip(state["ends"].tolist(), state["lengths"].tolist(), strict=True):
            self.chunks.append((end, state["rows"].view(TRANSACTION)[first : first + length].copy()))
            first += length
        places = state["credits"]
        cuts = np.flatnonzero((places[1:, :2] != places[:-1, :2]).any(axis=1)) + 1
        for part in np.split(places, cuts) if len(places) else ():
            self.credits.setdefault(int(part[0, 0]), []).append((int(part[0, 1]), part[:, 2].astype(np.int64)))


__all__ = ["Journal"]
