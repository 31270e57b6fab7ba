"""Recorders: where the economy's rows go. One writes Parquet, one keeps them in memory, one only counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finsim.dataset import content, opening
from finsim.dataset.context import ExportContext
from finsim.dataset.convert import to_arrow
from finsim.dataset.encode import Encoder
from finsim.dataset.open_part import OpenTable, OpenTransactions
from finsim.dataset.parts import Part, PartWriter
from finsim.dataset.tables import TABLES
from finsim.dataset.totals import Totals
from finsim.dataset.writer import Writer
from finsim.payments import POSTING, TRANSACTION

State = tuple[dict[str, Any], dict[str, NDArray[Any]]]
"""What a checkpoint keeps of a recorder: plain values and arrays."""


class NullRecorder:
    """Counts rows and keeps none of them."""

    def __init__(self) -> None:
        self.totals = Totals()
        self.rows = dict.fromkeys(TABLES, 0)

    def bind(self, context: ExportContext) -> None:
        """Take the economy's ids and places, which counting does not need."""

    def transactions(self, rows: NDArray[np.void]) -> None:
        """Count rows, (n,) TRANSACTION."""
        self.totals.add(rows)
        self.rows["transactions"] += len(rows)

    def table(self, name: str, rows: Mapping[str, Any]) -> None:
        """Count rows of another table."""
        self.rows[name] += len(next(iter(rows.values()))) if rows else 0

    def close(self) -> None:
        """Do nothing more."""

    def state(self) -> State:
        """Return the counts."""
        return {"rows": dict(self.rows)}, self.totals.state()

    def restore(self, state: Mapping[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        """Take back what `state` returned."""
        self.rows = dict(state["rows"])
        self.totals.restore(arrays)


class ParquetRecorder:
    """Writes rows as Parquet parts below a directory.

    A part closes at a number of rows, and a part of transactions at the end of a month too: never by day or
    checkpoint, so the files depend on the rows alone.

    Args:
        directory: the data set's directory, usually `OutputDirectory.partial`.
        part_rows: rows of a part, of each table.
        depth: parts that may be handed over and not yet written.

    Attributes:
        totals: counts and sums over the parts handed over, all rows once closed; whoever writes a part counts.
    """

    def __init__(self, directory: str | Path, *, part_rows: int = 262_144, depth: int = 2) -> None:
        self.directory = Path(directory)
        self.totals = Totals()
        self.part_rows = part_rows
        self._depth = depth
        self._kept: list[Part] = []  # parts of the run that is resumed
        self._writer: Writer | None = None
        self._encoder: Encoder | None = None
        self._stream = OpenTransactions()
        self._tables = {name: OpenTable(table) for name, table in TABLES.items() if name != "transactions"}

    def bind(self, context: ExportContext) -> None:
        """Take the economy's ids and places; has to come before the first rows."""
        self._encoder = Encoder(context)
        self._writer = Writer(PartWriter(self.directory, self._encoder), self._depth)

    @property
    def parts(self) -> list[Part]:
        """The parts that are on disk, table by table in the contract's order."""
        order = {name: position for position, name in enumerate(TABLES)}
        done = self._writer.done if self._writer else []
        return sorted([*self._kept, *done], key=lambda part: (order[part.table], part.path))

    @property
    def rows(self) -> dict[str, int]:
        """Rows taken so far, by table."""
        rows = {"transactions": self._stream.start + self._stream.count}
        return rows | {name: table.start + table.count for name, table in self._tables.items()}

    @property
    def content(self) -> dict[str, str]:
        """Content hash of each table's parts on disk."""
        total = dict.fromkeys(TABLES, 0)
        for part in self.parts:
            total[part.table] = content.add(total[part.table], int(part.content, 16))
        return {name: content.to_hex(value) for name, value in total.items()}

    def transactions(self, rows: NDArray[np.void]) -> None:
        """Take rows, (n,) TRANSACTION, complete and in time order.

        Raises:
            ValueError: the rows begin before the last one taken.
            OutputError: a part could not be written.
        """
        while len(rows):
            room = self._stream.room(rows, self.part_rows)
            if room:
                self._stream.take(rows[:room])
                rows = rows[room:]
            else:
                self._close_transactions()

    def table(self, name: str, rows: Mapping[str, Any]) -> None:
        """Take rows of another table: export-ready columns, or {"rows": (n,) POSTING} for `settlements`.

        Raises:
            ValueError: the columns do not fit the contract.
            OutputError: a part could not be written.
        """
        if name == "settlements" and "rows" in rows:
            rows = self._bound()[1].settlements(np.asarray(rows["rows"], POSTING))
        data = to_arrow(TABLES[name], rows)
        table = self._tables[name]
        while data.num_rows:
            piece = data.slice(0, self.part_rows - table.count)
            table.pieces.append(piece)
            data = data.slice(piece.num_rows)
            if table.count == self.part_rows:
                self._close_table(name)

    def opening(self, features: dict[str, NDArray[Any]]) -> None:
        """Take the running features as they stand when the export begins."""
        opening.write(self.directory, features)

    def close(self) -> None:
        """Write what is open, an empty part for each other table without rows, and end the writer's thread."""
        if self._stream.count:
            self._close_transactions()
        for name, table in self._tables.items():
            if table.count or not table.number:
                self._close_table(name)
        self._bound()[0].close()

    def stop(self) -> None:
        """End the writer's thread of a run that has failed; never complains."""
        if self._writer is not None:
            self._writer.stop()

    def state(self) -> State:
        """Return open buffers and complete parts, after everything handed over is on disk."""
        self._bound()[0].flush()
        arrays = {"transactions": self._stream.rows(), **self.totals.state()}
        arrays |= {f"table/{name}": table.to_array() for name, table in self._tables.items() if table.count}
        state = {
            "part_rows": self.part_rows,
            "parts": [part.to_dict() for part in self.parts],
            "transactions": [self._stream.start, self._stream.number],
            "tables": {name: [table.start, table.number] for name, table in self._tables.items()},
        }
        return state, arrays

    def restore(self, state: Mapping[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        """Take back what `state` returned; parts that it does not list have to be deleted by the caller."""
        self.part_rows = int(state["part_rows"])
        self._kept = [Part(**part) for part in state["parts"]]
        self._stream = OpenTransactions(*state["transactions"])
        if len(arrays["transactions"]):
            self._stream.take(arrays["transactions"].view(TRANSACTION))
        self._tables = {name: OpenTable(TABLES[name], *place) for name, place in state["tables"].items()}
        for name, table in self._tables.items():
            if f"table/{name}" in arrays:
                table.from_array(arrays[f"table/{name}"])
        self.totals.restore(arrays)

    def _bound(self) -> tuple[Writer, Encoder]:
        if self._writer is None or self._encoder is None:
            raise RuntimeError("a ParquetRecorder needs bind(context) before rows")
        return self._writer, self._encoder

    def _close_transactions(self) -> None:
        """Hand the open part of transactions over."""
        stream = self._stream
        path = f"transactions/month={stream.month}/part-{stream.number:05d}.parquet"
        groups, start = stream.close()

        def each() -> Iterator[NDArray[np.void]]:
            for rows in groups:
                yield rows
                self.totals.add(rows)

        self._bound()[0].submit(lambda parts: parts.transactions(path, each(), start))

    def _close_table(self, name: str) -> None:
        """Hand the open part of another table over."""
        table = self._tables[name]
        path = f"{name}/part-{table.number:05d}.parquet"
        data, start = table.close()
        self._bound()[0].submit(lambda parts: parts.table(name, path, data, start))
