"""Parts: single Parquet files of a table, written complete, named in time order, known by their hashes."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from finsim.dataset import content
from finsim.dataset.columns import TIME
from finsim.dataset.convert import content_hash
from finsim.dataset.encode import Encoder
from finsim.dataset.kernel import Buffers

GROUP: Final = 262_144
"""Rows of a row group, and of a chunk of records: encoded and written at once."""

# What each column costs was measured: dictionaries only where values repeat, differences for the sorted times,
# split bytes for balances (half the time of zstd on whole doubles), statistics for the times that readers filter by.
_REPEATED: Final = (
    "amount", "original_amount", "mcc", "payer_institution_id", "payee_institution_id", "merchant_id", "latitude",
    "longitude",
)  # fmt: skip
_ENCODING: Final = {
    "timestamp": "DELTA_BINARY_PACKED",
    "payer_balance_after": "BYTE_STREAM_SPLIT",
    "payee_balance_after": "BYTE_STREAM_SPLIT",
}


@dataclass(frozen=True)
class Part:
    """One file of a data set.

    Args:
        path: its place in the data set, with forward slashes.
        table: the table it belongs to.
        rows: its number of rows.
        bytes: its size.
        sha256: hash of its bytes, hexadecimal.
        content: hash of its integers, 16 hexadecimal digits; the hashes of a table's parts add up.
    """

    path: str
    table: str
    rows: int
    bytes: int
    sha256: str
    content: str

    def to_dict(self) -> dict[str, Any]:
        """Return the part as the manifest lists it."""
        return asdict(self)


class _Own(threading.local):
    """What each thread that writes parts keeps for itself."""

    buffers: Buffers | None = None
    capacity = 0


class PartWriter:
    """Writes parts below one directory; threads may write different parts at the same time.

    Args:
        directory: the data set's directory.
        encoder: turns TRANSACTION records into columns.
    """

    def __init__(self, directory: Path, encoder: Encoder) -> None:
        self.directory = directory
        self.encoder = encoder
        self._own = _Own()

    def transactions(self, path: str, chunks: Iterable[NDArray[np.void]], start: int) -> Part:
        """Write TRANSACTION records as one part.

        Args:
            path: the part's place in the data set.
            chunks: arrays of TRANSACTION in time order; each becomes a row group, and is written when the next one
                is asked for.
            start: number of the first row within the table.
        """

        def groups() -> Iterator[tuple[pa.Table, int]]:
            position = start
            for rows in chunks:
                yield self.encoder.transactions(rows, position, self._room(len(rows)))
                position += len(rows)

        return self._write(path, "transactions", self.encoder.schema, groups())

    def table(self, name: str, path: str, data: pa.Table, start: int) -> Part:
        """Write the rows of another table as one part."""
        data = data.combine_chunks()
        groups = (
            (data.slice(first, GROUP), content_hash(data.slice(first, GROUP), start + first))
            for first in range(0, max(1, data.num_rows), GROUP)
        )
        return self._write(path, name, data.schema, groups)

    def _room(self, count: int) -> Buffers:
        """Return this thread's buffers for count rows, the same ones each time where they suffice."""
        own = self._own
        if own.buffers is None or own.capacity < count:
            own.capacity = count
            own.buffers = self.encoder.buffers(count)
        return own.buffers

    def _write(self, path: str, table: str, schema: pa.Schema, groups: Iterator[tuple[pa.Table, int]]) -> Part:
        """Write row groups under a temporary name, then give the file its own."""
        final = self.directory / path
        final.parent.mkdir(parents=True, exist_ok=True)
        partial = final.with_name(final.name + ".tmp")
        rows = total = 0
        with pq.ParquetWriter(partial, schema, **_options(schema)) as writer:
            for group, value in groups:
                writer.write_table(group, row_group_size=GROUP)
                rows += group.num_rows
                total = content.add(total, value)
        with open(partial, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = partial.stat().st_size
        os.replace(partial, final)
        return Part(path, table, rows, size, digest, content.to_hex(total))


def _options(schema: pa.Schema) -> dict[str, Any]:
    """Return how the columns of a table are written."""
    coded = [f.name for f in schema if pa.types.is_dictionary(f.type) or pa.types.is_string(f.type)]
    return {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": coded + [name for name in _REPEATED if name in schema.names],
        "column_encoding": {name: encoding for name, encoding in _ENCODING.items() if name in schema.names} or None,
        "write_statistics": [f.name for f in schema if f.type == TIME and f.name != "posted_at"],
    }


Job = Callable[[PartWriter], Part]
"""What the writer's thread carries out."""
