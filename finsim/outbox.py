"""Requests that wait for their time, and requests that wait for the outcome of another one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from finsim.clock import DAY, SECOND, Clock
from finsim.payments import APPROVED, DECLINED, HELD, TRANSACTION
from finsim.records import chosen, copied, joined

EMPTY = np.empty(0, dtype=TRANSACTION)
ON_APPROVED, ON_DECLINED = APPROVED, DECLINED


class Outbox:
    """All requests that were submitted and are not yet due.

    Args:
        clock: the run's clock.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.by_tick: dict[int, list[NDArray[np.void]]] = {}  # today's
        self.by_day: dict[int, list[NDArray[np.void]]] = {}
        self.children: dict[int, list[tuple[NDArray[np.void], int]]] = {}  # parent id -> (request, condition)
        self.taken = -1  # last tick whose requests were taken

    def tick_of(self, time: Any) -> Any:
        """Return the tick that a time, or each of (n,) times, lies in."""
        return (time - self.clock.start) // self.clock.tick

    def add(self, rows: NDArray[np.void], now_tick: int) -> None:
        """Keep requests until they are due; times before the present tick are moved into it.

        Once a tick's requests were taken, what comes for it (an agent asks when it learns an outcome) is for the next.

        Args:
            rows: (n,) TRANSACTION.
            now_tick: number of the present tick.
        """
        if not len(rows):
            return
        now_tick = max(now_tick, self.taken + 1)
        if len(rows) == 1:
            self._add_one(rows, now_tick)
            return
        early = rows["timestamp"] < self.clock.time_of(now_tick)
        if early.any():
            rows = copied(rows)
            offset = rows["timestamp"][early] % self.clock.tick
            rows["timestamp"][early] = self.clock.time_of(now_tick) + offset
        today = self.clock.day_of(now_tick)
        ticks = self.tick_of(rows["timestamp"])
        days = rows["timestamp"] // DAY
        at_once = days == today
        for tick in np.unique(ticks[at_once]):
            self.by_tick.setdefault(int(tick), []).append(chosen(rows, ticks == tick))
        for day in np.unique(days[~at_once]):
            self.by_day.setdefault(int(day), []).append(chosen(rows, days == day))

    def _add_one(self, row: NDArray[np.void], now_tick: int) -> None:
        """Keep one request, (1,) TRANSACTION: what most agents submit, without the cost of arrays."""
        time, start = int(row["timestamp"][0]), self.clock.time_of(now_tick)
        if time < start:
            row = copied(row)
            time = start + time % self.clock.tick
            row["timestamp"] = time
        if time // DAY == self.clock.day_of(now_tick):
            self.by_tick.setdefault(self.tick_of(time), []).append(row)
        else:
            self.by_day.setdefault(time // DAY, []).append(row)

    def add_child(self, row: NDArray[np.void], parent: int, condition: int) -> None:
        """Keep one request, (1,) TRANSACTION, until its parent is decided."""
        self.children.setdefault(parent, []).append((row, condition))

    def take_tick(self, tick: int) -> NDArray[np.void]:
        """Remove and return what was submitted for a tick of today."""
        self.taken = tick
        parts = self.by_tick.pop(tick, None)
        return EMPTY if parts is None else joined(parts)

    def take_day(self, day: int) -> NDArray[np.void]:
        """Remove and return what was submitted earlier for a day."""
        parts = self.by_day.pop(day, None)
        return EMPTY if parts is None else joined(parts)

    def resolve(self, rows: NDArray[np.void], asked: NDArray[np.uint64]) -> NDArray[np.void]:
        """Return the children that the outcomes of a batch set free; void those whose condition failed.

        Args:
            rows: (n,) TRANSACTION, decided; a release decides the held payment that it names.
            asked: ids of all requests of the batch, also those that left no row.
        """
        if not self.children:
            return EMPTY
        parents = np.fromiter(self.children, dtype=np.uint64, count=len(self.children))
        free: list[NDArray[np.void]] = []
        decided = {int(row["transaction_id"]): row for row in rows[np.isin(rows["transaction_id"], parents)]}
        decided |= {
            int(row["related_id"]): row
            for row in rows[np.isin(rows["related_id"], parents) & (rows["related_id"] != 0)]
        }
        for parent, row in decided.items():
            if row["decision"] == HELD:
                continue
            for child, condition in self.children.pop(parent):
                if row["decision"] == condition:
                    request = child.copy()
                    request["timestamp"] = max(int(child["timestamp"][0]), int(row["timestamp"]) + SECOND)
                    free.append(request)
                else:
                    self._void(int(child["transaction_id"][0]))
        for parent in set(asked[np.isin(asked, parents)].tolist()) - set(decided):
            self._void(parent)
        return joined(free) if free else EMPTY

    def _void(self, parent: int) -> None:
        """Drop all that waits for a request that will never be made."""
        for child, _ in self.children.pop(parent, ()):
            self._void(int(child["transaction_id"][0]))

    def void_orphans(self, held: set[int]) -> None:
        """Void the requests whose parent can no longer come: it is neither submitted nor held.

        Args:
            held: ids of the payments that are held at present.
        """
        if not self.children:
            return
        rows = [part for parts in (*self.by_tick.values(), *self.by_day.values()) for part in parts]
        rows += [child for items in self.children.values() for child, _ in items]
        waiting = {number for part in rows for number in part["transaction_id"].tolist()} | held
        while orphans := [parent for parent in self.children if parent not in waiting]:
            for parent in orphans:
                waiting -= {int(child["transaction_id"][0]) for child, _ in self.children.pop(parent)}

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what a checkpoint keeps: plain values and arrays."""
        rows = [part for parts in (*self.by_tick.values(), *self.by_day.values()) for part in parts]
        kept = [(child, parent, condition) for parent, items in self.children.items() for child, condition in items]
        return {"parents": [parent for _, parent, _ in kept], "conditions": [condition for _, _, condition in kept]}, {
            "requests": joined(rows) if rows else EMPTY,
            "children": np.concatenate([child for child, _, _ in kept]) if kept else EMPTY,
        }

    def restore(self, values: dict[str, Any], arrays: dict[str, NDArray[Any]], now_tick: int) -> None:
        """Take back what `state` returned."""
        self.by_tick.clear()
        self.by_day.clear()
        self.children.clear()
        self.taken = now_tick - 1
        self.add(arrays["requests"].view(TRANSACTION).copy(), now_tick)
        for k, (parent, condition) in enumerate(zip(values["parents"], values["conditions"], strict=True)):
            self.add_child(arrays["children"].view(TRANSACTION)[k : k + 1].copy(), parent, condition)
