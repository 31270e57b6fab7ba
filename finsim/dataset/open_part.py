"""The part of a table that is still open: rows that wait in memory until it is full."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from finsim.clock import DAY, date_of, day_number
from finsim.dataset.columns import Table
from finsim.dataset.parts import GROUP
from finsim.payments import TRANSACTION
from finsim.records import joined, put


class OpenTransactions:
    """The open part of `transactions`: the batches that it was given, all of one month.

    Args:
        start: number of its first row within the table.
        number: number of the part.
    """

    def __init__(self, start: int = 0, number: int = 0) -> None:
        self.start = start
        self.number = number
        self.count = 0
        self.month = ""
        self._month_end = 0
        self._last = np.iinfo(np.int64).min
        self._batches: list[NDArray[np.void]] = []

    def room(self, rows: NDArray[np.void], part_rows: int) -> int:
        """Return how many of rows, in time order, still belong to this part."""
        times = rows["timestamp"]
        if not self.count:
            self._begin(int(times[0]))
        room = min(len(rows), part_rows - self.count)
        if room > 0 and times[room - 1] >= self._month_end:
            room = int(np.searchsorted(times[:room], self._month_end))
        return room

    def take(self, rows: NDArray[np.void]) -> None:
        """Keep rows that belong to this part.

        Raises:
            ValueError: they begin before the last row taken.
        """
        if not self.count:
            self._begin(int(rows["timestamp"][0]))
        if rows["timestamp"][0] < self._last:
            raise ValueError(f"transaction {rows['transaction_id'][0]} is earlier than the rows that were taken before")
        self._last = int(rows["timestamp"][-1])
        self._batches.append(rows)
        self.count += len(rows)

    def rows(self) -> NDArray[np.void]:
        """Return the rows, (count,) TRANSACTION."""
        return joined(self._batches) if self._batches else np.empty(0, TRANSACTION)

    def close(self) -> tuple[Iterator[NDArray[np.void]], int]:
        """Return the part's row groups and the number of its first row, and begin the next part."""
        groups, start = row_groups(self._batches), self.start
        self.start += self.count
        self.number += 1
        self.count = 0
        self._batches = []
        return groups, start

    def _begin(self, time: int) -> None:
        """Set the month of a new part."""
        first = date_of(time // DAY).replace(day=1)
        following = (first + dt.timedelta(days=32)).replace(day=1)
        self.month = f"{first:%Y-%m}"
        self._month_end = day_number(following) * DAY


def row_groups(batches: list[NDArray[np.void]]) -> Iterator[NDArray[np.void]]:
    """Yield the rows of batches in groups of GROUP; each is valid until the next one is asked for.

    It runs in the writer's thread and forgets each batch once it is copied, so that memory comes back early.
    """
    group = np.empty(min(GROUP, sum(map(len, batches))), TRANSACTION)
    used = 0
    batches.reverse()
    while batches:
        rows = batches.pop()
        done = 0
        while done < len(rows):
            step = min(GROUP - used, len(rows) - done)
            put(group[used : used + step], rows[done : done + step])
            used += step
            done += step
            if used == GROUP:
                yield group
                used = 0
    if used:
        yield group[:used]


class OpenTable:
    """The open part of another table: Arrow pieces.

    Args:
        table: the declaration.
        start: number of its first row within the table.
        number: number of the part.
    """

    def __init__(self, table: Table, start: int = 0, number: int = 0) -> None:
        self.table = table
        self.start = start
        self.number = number
        self.pieces: list[pa.Table] = []

    @property
    def count(self) -> int:
        """Rows in the open part."""
        return sum(piece.num_rows for piece in self.pieces)

    def data(self) -> pa.Table:
        """Return the rows as one Arrow table."""
        if not self.pieces:
            return self.table.schema.empty_table()
        return pa.concat_tables(self.pieces)

    def close(self) -> tuple[pa.Table, int]:
        """Return the part's rows and the number of the first one, and begin the next part."""
        data, start = self.data(), self.start
        self.start += data.num_rows
        self.number += 1
        self.pieces = []
        return data, start

    def to_array(self) -> NDArray[np.uint8]:
        """Return the rows as bytes of an Arrow stream, (n,) uint8, for a checkpoint."""
        data = self.data()
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, data.schema) as stream:
            stream.write_table(data)
        return np.frombuffer(sink.getvalue(), np.uint8)

    def from_array(self, array: NDArray[Any]) -> None:
        """Take back what `to_array` returned."""
        self.pieces = [pa.ipc.open_stream(pa.py_buffer(array)).read_all()]
