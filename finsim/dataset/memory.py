"""The recorder that keeps a run in memory, for calibration, tests and notebooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from finsim.dataset import content
from finsim.dataset.context import ExportContext
from finsim.dataset.convert import content_hash, to_arrow
from finsim.dataset.encode import Encoder
from finsim.dataset.open_part import OpenTable
from finsim.dataset.tables import TABLES
from finsim.dataset.totals import Totals
from finsim.payments import POSTING, TRANSACTION
from finsim.records import joined


class MemoryRecorder:
    """Keeps every row: transactions as records, other tables as Arrow."""

    def __init__(self) -> None:
        self.totals = Totals()
        self._encoder: Encoder | None = None
        self._batches: list[NDArray[np.void]] = []
        self._tables = {name: OpenTable(table) for name, table in TABLES.items() if name != "transactions"}

    def bind(self, context: ExportContext) -> None:
        """Take the economy's ids and places; has to come before settlements and before frames are asked for."""
        self._encoder = Encoder(context)

    @property
    def records(self) -> NDArray[np.void]:
        """All transactions, (n,) TRANSACTION, as the economy made them."""
        if len(self._batches) > 1:
            self._batches = [joined(self._batches)]
        return self._batches[0] if self._batches else np.empty(0, TRANSACTION)

    @property
    def rows(self) -> dict[str, int]:
        """Rows taken so far, by table."""
        return {"transactions": len(self.records)} | {name: table.count for name, table in self._tables.items()}

    @property
    def content(self) -> dict[str, str]:
        """Content hash of each table, equal to that of the same rows written as Parquet."""
        return {"transactions": content.to_hex(self._transactions()[1])} | {
            name: content.to_hex(content_hash(table.data(), 0)) for name, table in self._tables.items()
        }

    def transactions(self, rows: NDArray[np.void]) -> None:
        """Take rows, (n,) TRANSACTION, complete and in time order."""
        self.totals.add(rows)
        self._batches.append(rows)

    def table(self, name: str, rows: Mapping[str, Any]) -> None:
        """Take rows of another table: export-ready columns, or {"rows": (n,) POSTING} for `settlements`."""
        if name == "settlements" and "rows" in rows:
            rows = self._bound().settlements(np.asarray(rows["rows"], POSTING))
        self._tables[name].pieces.append(to_arrow(TABLES[name], rows))

    def close(self) -> None:
        """Do nothing more: the rows stay."""

    def arrow(self, name: str) -> pa.Table:
        """Return a table of the contract."""
        return self._transactions()[0] if name == "transactions" else self._tables[name].data()

    def frame(self, name: str) -> pl.DataFrame:
        """Return a table of the contract as a Polars frame, as `open_dataset` would give it."""
        frame = pl.from_arrow(self.arrow(name))
        assert isinstance(frame, pl.DataFrame)
        return frame

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return everything, for a checkpoint."""
        arrays = {"transactions": self.records, **self.totals.state()}
        arrays |= {f"table/{name}": table.to_array() for name, table in self._tables.items() if table.count}
        return {}, arrays

    def restore(self, state: Mapping[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        """Take back what `state` returned."""
        del state
        self._batches = [arrays["transactions"].view(TRANSACTION)]
        self._tables = {name: OpenTable(table) for name, table in TABLES.items() if name != "transactions"}
        for name, table in self._tables.items():
            if f"table/{name}" in arrays:
                table.from_array(arrays[f"table/{name}"])
        self.totals.restore(arrays)

    def _bound(self) -> Encoder:
        if self._encoder is None:
            raise RuntimeError("a MemoryRecorder needs bind(context) before frames and settlements")
        return self._encoder

    def _transactions(self) -> tuple[pa.Table, int]:
        return self._bound().transactions(self.records)
