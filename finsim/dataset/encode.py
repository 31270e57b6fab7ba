"""TRANSACTION and POSTING records become Arrow tables with the columns of the contract."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from finsim import payments
from finsim.dataset.columns import Column
from finsim.dataset.context import ExportContext
from finsim.dataset.kernel import NULLABLE, Buffers, Lookups, fill
from finsim.dataset.tables import TRANSACTIONS


class Encoder:
    """Turns records into export columns; threads may share it if each has buffers of its own.

    Args:
        context: the economy's ids, institutions and places by row.
    """

    def __init__(self, context: ExportContext) -> None:
        self.context = context
        self.schema = TRANSACTIONS.schema
        self.account_ids = context.keys.export("account", context.account_codes)
        self._lookups = self._look(context)
        self._home = payments.CURRENCIES.index(context.home_currency)
        self._dictionaries = {c.name: pa.array(c.values, pa.string()) for c in TRANSACTIONS.columns if c.values}

    def _look(self, context: ExportContext) -> Lookups:
        keys = context.keys.table
        accounts = (self.account_ids.astype(np.uint64) << np.uint64(16)) | context.account_institution
        return Lookups(
            accounts,
            context.account_is_customer,
            np.ascontiguousarray(context.merchant_latitude, np.float32),
            np.ascontiguousarray(context.merchant_longitude, np.float32),
            np.ascontiguousarray(context.area_latitude, np.float32),
            np.ascontiguousarray(context.area_longitude, np.float32),
            context.home_country,
            *(keys[name] for name in ("customer", "merchant", "terminal", "card", "device", "ip")),
        )

    def buffers(self, count: int) -> Buffers:
        """Return buffers for up to count rows."""
        octets = (count + 7) // 8
        arrays: dict[str, NDArray[Any]] = {
            column.name: np.empty(count, _numpy_type(column)) for column in TRANSACTIONS.columns
        }
        arrays["control_group"] = np.zeros(octets, np.uint8)
        arrays["valid"] = np.zeros((len(NULLABLE), octets), np.uint8)
        return Buffers(**{name: arrays[name] for name in Buffers._fields})

    def transactions(
        self, rows: NDArray[np.void], start: int = 0, buffers: Buffers | None = None
    ) -> tuple[pa.Table, int]:
        """Return rows as a table of the contract, and their content hash.

        Args:
            rows: (n,) TRANSACTION, in time order.
            start: number of the first row within the table.
            buffers: buffers of at least n rows to use again; the table is then valid until they are used once more.

        Raises:
            ValueError: a row breaks the contract: time goes back, or a code stands for no value.
        """
        rows = np.ascontiguousarray(rows).view(payments.TRANSACTION)
        if buffers is None:
            buffers = self.buffers(len(rows))
        else:
            buffers.valid.fill(0)
            buffers.control_group.fill(0)
        content, bad = fill(rows, self._lookups, buffers, start)
        if bad >= 0:
            raise ValueError(_complaint(rows, int(bad)))
        columns = [self._column(column, buffers, len(rows)) for column in TRANSACTIONS.columns]
        return pa.Table.from_arrays(columns, schema=self.schema), int(content)

    def _column(self, column: Column, buffers: Buffers, count: int) -> pa.Array:
        """Wrap the buffers of one column, without copying them."""
        if column.name == "currency":
            codes = pa.array(np.full(count, self._home, np.int8))
            return pa.DictionaryArray.from_arrays(codes, self._dictionaries["currency"])
        valid = pa.py_buffer(buffers.valid[NULLABLE.index(column.name)]) if column.null else None
        data = pa.py_buffer(getattr(buffers, column.name))
        if column.values:
            codes = pa.Array.from_buffers(pa.int8(), count, [valid, data])
            return pa.DictionaryArray.from_arrays(codes, self._dictionaries[column.name], safe=False)
        return pa.Array.from_buffers(column.type, count, [valid, data])

    def settlements(self, rows: NDArray[np.void]) -> dict[str, NDArray[Any]]:
        """Return POSTING rows, (n,), as export-ready columns of the table `settlements`."""
        merchants = (rows["merchant"].astype(np.int64) << 10) | (1 << 30)
        merchant_ids = self.context.keys.export("merchant", merchants.astype(np.uint32))
        return {
            "posting_id": rows["posting_id"],
            "posted_at": rows["posted_at"],
            "kind": rows["kind"],
            "payer_account_id": self.account_ids[rows["payer"]],
            "payee_account_id": self.account_ids[rows["payee"]],
            "amount": rows["amount"] / 100.0,
            "merchant_id": np.ma.array(merchant_ids, mask=rows["merchant"] < 0),
            "related_transaction_id": np.ma.array(rows["related_id"], mask=rows["related_id"] == 0),
        }


def _numpy_type(column: Column) -> Any:
    """Return the type of the buffer behind a column."""
    if column.values:
        return np.uint8
    return np.int64 if pa.types.is_timestamp(column.type) else column.type.to_pandas_dtype()


def _complaint(rows: NDArray[np.void], bad: int) -> str:
    """Say what is wrong with a row that the kernel refused."""
    row = rows[bad]
    what = f"transaction {row['transaction_id']} (row {bad})"
    if bad > 0 and row["timestamp"] < rows[bad - 1]["timestamp"]:
        return f"{what} is earlier than the row before it: rows must come in time order"
    codes = ("rail", "kind", "channel", "decision", "country", "currency", "entry_mode", "authentication")
    given = ", ".join(f"{name}={row[name]}" for name in (*codes, "decline_reason", "challenge"))
    return f"{what} has a code that stands for no value: {given}"
