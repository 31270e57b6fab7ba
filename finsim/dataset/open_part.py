"""The part of a table that is still open: rows that wait in memory until it is full."""

from __future__ import annotations

import datetime as dt
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
    """The open part of `transactions`: chunks of one row group's size, all of one month.

    Chunks come back when they are written and are filled again: fresh memory costs as much as copying into it.

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
        self._chunks: list[NDArray[np.void]] = []
        self._free: list[NDArray[np.void]] = []  # filled by the writer's thread, emptied by the economy's

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
        """Copy rows that belong to this part.

        Raises:
            ValueError: they begin before the last row taken.
        """
        if not self.count:
            self._begin(int(rows["timestamp"][0]))
        if rows["timestamp"][0] < self._last:
            raise ValueError(f"transaction {rows['transaction_id'][0]} is earlier than the rows that were taken before")
        self._last = int(rows["timestamp"][-1])
        done = 0
        while done < len(rows):
            used = self.count % GROUP
            if not used:
                self._chunks.append(self._free.pop() if self._free else np.empty(GROUP, TRANSACTION))
            step = min(GROUP - used, len(rows) - done)
            put(self._chunks[-1][used : used + step], rows[done : done + step])
            self.count += step
            done += step

    def rows(self) -> NDArray[np.void]:
        """Return a copy of the rows, (count,) TRANSACTION."""
        chunks = self._filled()
        return joined(chunks) if chunks else np.empty(0, TRANSACTION)

    def close(self) -> tuple[list[NDArray[np.void]], int]:
        """Return the part's chunks and the number of its first row, and begin the next part."""
        chunks, start = self._filled(), self.start
        self.start += self.count
        self.number += 1
        self.count = 0
        self._chunks = []
        return chunks, start

    def take_back(self, chunk: NDArray[np.void]) -> None:
        """Take a chunk that `close` returned and that is not needed any more; from any thread."""
        self._free.append(chunk if chunk.base is None else chunk.base)

    def _begin(self, time: int) -> None:
        """Set the month of a new part."""
        first = date_of(time // DAY).replace(day=1)
        following = (first + dt.timedelta(days=32)).replace(day=1)
        self.month = f"{first:%Y-%m}"
        self._month_end = day_number(following) * DAY

    def _filled(self) -> list[NDArray[np.void]]:
        """Return the chunks, the last one only as far as it is filled."""
        full, rest = divmod(self.count, GROUP)
        return self._chunks[:full] + ([self._chunks[full][:rest]] if rest else [])


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
        return pa.concat_tables(self.pieces).combine_chunks()

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
