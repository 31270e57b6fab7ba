"""A partition: a block of owners that plans and authorises by itself.

Everything its two phases read or write belongs to its owners, or is read-only during a tick, so
partitions may run in any order, in threads or elsewhere, and however the owners are cut the result is the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from finsim.agents.founding import World
from finsim.agents.plan import ROOM, plan_block
from finsim.agents.world import DAY as DAY_RECORD
from finsim.authorisation import authorise
from finsim.batches import gather, merge_rows, time_order
from finsim.clock import DAY, Clock, date_of, is_banking_day, previous_banking_day
from finsim.market import DayConditions
from finsim.payments import TRANSACTION
from finsim.reconsider import make_ready
from finsim.records import chosen, copied, joined, put

ROWS_PER_OWNER = 3.2
"""Planned requests of one owner on a busy day, for the size of the first block; a second is added where needed."""

NOTHING = np.empty(0, dtype=TRANSACTION)


def day_record(conditions: DayConditions) -> NDArray[np.void]:
    """Return the conditions of a day as kernels read them, (1,) DAY.

    What falls due on weekends and holidays is collected on the next banking day.
    """
    day = conditions.day
    bank_day = is_banking_day(day)
    last_bank_day = previous_banking_day(day + conditions.month_length - conditions.month_day)
    record = np.zeros(1, dtype=DAY_RECORD)
    record[0] = (
        conditions.day, conditions.weekday, conditions.month_day, conditions.month_length, bank_day,
        day - previous_banking_day(day - 1) if bank_day else 0, date_of(day - conditions.month_day).day, last_bank_day,
        conditions.day + conditions.month_length - conditions.month_day, conditions.activity,
    )  # fmt: skip
    return record


class Outcome:
    """What one call of `Partition.authorise` left.

    Attributes:
        rows: (n,) TRANSACTION, decided, in time order.
        follow_ups: (m,) TRANSACTION, requests that follow from them.
        cash: (k,) TRANSACTION, cash purchases, which no bank sees.
    """

    __slots__ = ("cash", "follow_ups", "rows")

    def __init__(self, rows: NDArray[np.void], follow_ups: NDArray[np.void], cash: NDArray[np.void]) -> None:
        self.rows = rows
        self.follow_ups = follow_ups
        self.cash = cash


class Partition:
    """The owners of rows first to last - 1.

    Args:
        first, last: range of customer rows.
        world: the world they live in.
        clock: the run's clock.
    """

    def __init__(self, first: int, last: int, world: World, clock: Clock) -> None:
        self.first = first
        self.last = last
        self.world = world
        self.clock = clock
        self._planned = np.empty(0, dtype=TRANSACTION)
        self._order = np.empty(0, dtype=np.int32)
        self._starts = np.zeros(clock.ticks_per_day + 1, dtype=np.int64)
        self._buckets = np.empty(86_401, dtype=np.int64)
        self._counts = np.zeros(3, dtype=np.int64)
        self._cursors = np.zeros((7, 2), dtype=np.int64)
        self._block = np.empty(0, dtype=TRANSACTION)
        self._follow = np.empty(0, dtype=TRANSACTION)
        self._cash = np.empty(0, dtype=TRANSACTION)

    def plan(self, day: NDArray[np.void], carried: NDArray[np.void]) -> None:
        """Plan the day of all owners.

        Args:
            day: (1,) DAY.
            carried: (n,) TRANSACTION of these owners that were arranged earlier for this day.
        """
        needed = int(ROWS_PER_OWNER * (self.last - self.first)) + 4 * ROOM
        if len(self._block) < needed:
            self._block = np.empty(needed, dtype=TRANSACTION)
        count, next_owner = self._fill(self._block, self.first, day)
        parts = [self._block[:count]]
        while next_owner < self.last:
            block = np.empty((self.last - next_owner) * 4 + 4 * ROOM, dtype=TRANSACTION)
            count, next_owner = self._fill(block, next_owner, day)
            parts.append(block[:count])
        if len(parts) == 1 and count + len(carried) <= len(self._block):
            put(self._block[count : count + len(carried)], carried)
            parts = [self._block[: count + len(carried)]]
        elif len(carried):
            parts.append(carried)
        self._planned = joined(parts)
        if len(self._order) < len(self._planned):
            self._order = np.empty(int(1.1 * len(self._planned)), dtype=np.int32)
        start = int(day["day"][0]) * DAY
        time_order(self._planned, start, self._order, self._buckets)
        seconds = np.arange(self.clock.ticks_per_day + 1) * (self.clock.tick // 1_000_000)
        self._starts = self._buckets[np.minimum(seconds, 86_400)]

    def _fill(self, block: NDArray[np.void], first: int, day: NDArray[np.void]) -> tuple[int, int]:
        """Plan the owners from row first on into a block; return the rows written and the next owner."""
        w = self.world
        return plan_block(block, self._cursors, first, self.last, day[0], w.places, w.habits, w.people, w.books)  # type: ignore[no-any-return]

    def planned(self, tick_of_day: int) -> int:
        """Return the number of requests planned for a tick."""
        return int(self._starts[tick_of_day + 1] - self._starts[tick_of_day])

    def due(self, tick_of_day: int, extra: NDArray[np.void]) -> NDArray[np.void]:
        """Return the requests of a tick in order of (timestamp, transaction_id), a new (n,) TRANSACTION array.

        Args:
            tick_of_day: number of the tick within its day.
            extra: (m,) TRANSACTION of these owners that were submitted for this tick.
        """
        first, last = int(self._starts[tick_of_day]), int(self._starts[tick_of_day + 1])
        planned = np.empty(last - first, dtype=TRANSACTION)
        gather(self._planned, self._order, first, last, planned)
        if not len(extra):
            return planned
        out = np.empty(last - first + len(extra), dtype=TRANSACTION)
        merge_rows(planned, chosen(extra, np.lexsort((extra["transaction_id"], extra["timestamp"]))), out)
        return out

    def prepare(self, batch: NDArray[np.void]) -> Outcome:
        """Let these owners reconsider a batch before a model is asked; see `finsim.reconsider.make_ready`."""
        if len(self._cash) < len(batch) + 1:
            self._cash = np.empty(2 * len(batch) + 64, dtype=TRANSACTION)
        habits, people, books = self.world.habits, self.world.people, self.world.books
        make_ready(batch, habits.behaviour, people.customers, books.accounts, books.keys, self._cash, self._counts)
        kept, _, cash = (int(value) for value in self._counts)
        return Outcome(batch[:kept], NOTHING, copied(self._cash[:cash]) if cash else NOTHING)

    def authorise(self, batch: NDArray[np.void], tick_end: int) -> Outcome:
        """Decide on a batch of these owners; see `finsim.authorisation.authorise`."""
        if len(self._follow) < 2 * len(batch) + 2:
            self._follow = np.empty(3 * len(batch) + 64, dtype=TRANSACTION)
            self._cash = np.empty(2 * len(batch) + 64, dtype=TRANSACTION)
        world = self.world
        authorise(batch, world.habits, world.people, world.books, self._follow, self._cash, self._counts, tick_end)
        kept, follow, cash = (int(value) for value in self._counts)
        return Outcome(
            batch[:kept],
            copied(self._follow[:follow]) if follow else NOTHING,
            copied(self._cash[:cash]) if cash else NOTHING,
        )
