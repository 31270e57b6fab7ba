"""Export-ready columns become Arrow tables of the contract; what does not fit is refused by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from finsim.dataset import content
from finsim.dataset.columns import F64, MONEY, Column, Table
from finsim.errors import did_you_mean
from finsim.payments import NONE

NULL_WORD = np.uint64(0x6E756C6C6E756C6C)
"""What stands for a null in the content hash."""


def to_arrow(table: Table, columns: Mapping[str, Sequence[Any] | NDArray[Any]]) -> pa.Table:
    """Return export-ready columns as an Arrow table in the contract's order.

    Args:
        table: the declaration.
        columns: values by column name, all of one length: numpy arrays (masked ones too) or lists with None for
            null; nan is null in a nullable column; times are int64 microseconds or datetime64; codes are texts, or
            uint8 positions in the declared values with 255 for null; (texts, positions) stands for texts too, a None
            among them for null. Nullable columns may be left out.

    Raises:
        ValueError: a column is unknown, missing, of another length, or its values do not fit the declaration.
    """
    declared = {column.name: column for column in table.columns}
    unknown = [name for name in columns if name not in declared]
    if unknown and not table.more:
        raise ValueError(f"table {table.name} has no column {unknown[0]!r}{did_you_mean(unknown[0], declared)}")
    count = len(next(iter(columns.values()))) if columns else 0
    arrays, fields = [], []
    for column in table.columns:
        arrays.append(_given(table, column, columns.get(column.name), count))
        fields.append(column.field())
    for name in unknown:
        arrays.append(pa.array(columns[name]))
        fields.append(pa.field(name, arrays[-1].type, True, {"description": "hidden state", "unit": ""}))
    for field, array in zip(fields, arrays, strict=True):
        if len(array) != count:
            raise ValueError(f"{table.name}.{field.name} has {len(array)} values, other columns have {count}")
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata={"description": table.doc}))


def _given(table: Table, column: Column, values: Any, count: int) -> pa.Array:
    """Return the values of one declared column, or nulls where it was left out."""
    where = f"{table.name}.{column.name}"
    if values is None:
        if not column.null:
            raise ValueError(f"{where} is missing")
        return pa.nulls(count, column.type)
    try:
        if isinstance(values, tuple):
            values = _spelled(column, *values)
        array = _codes(column, values) if column.values else _plain(column, values)
    except (pa.ArrowException, TypeError, OverflowError) as error:
        raise ValueError(f"{where} cannot be {column.type}: {error}") from error
    if array.null_count and not column.null:
        raise ValueError(f"{where} may not be null, and {array.null_count} of {len(array)} values are")
    return array


def _spelled(column: Column, texts: Sequence[str | None], positions: NDArray[Any]) -> Any:
    """Return texts given by their positions as codes of the column's values, or as texts where it has none."""
    if column.values:
        codes = [NONE if text is None else column.values.index(text) for text in texts]
        return np.array(codes, dtype=np.uint8)[positions.astype(np.int64)]
    coded = pa.DictionaryArray.from_arrays(pa.array(positions.astype(np.int32)), pa.array(texts, pa.string()))
    return coded.cast(pa.string())


def _plain(column: Column, values: Any) -> pa.Array:
    """Convert numbers, times and texts."""
    if isinstance(values, np.ndarray) and values.dtype.kind == "M":
        return pa.array(values.astype("M8[us]")).cast(column.type)
    if pa.types.is_timestamp(column.type):
        return pa.array(values, pa.int64()).cast(column.type)
    if isinstance(values, np.ndarray) and values.dtype.kind in "iufb":
        return pa.array(values, from_pandas=column.null).cast(column.type, safe=column.type != pa.float32())
    return pa.array(values, column.type, from_pandas=column.null)


def _codes(column: Column, values: Any) -> pa.Array:
    """Convert texts or positions to a dictionary over the declared values."""
    allowed = pa.array(column.values, pa.string())
    if isinstance(values, np.ndarray) and values.dtype.kind in "iu":
        codes = np.asarray(values)
        wrong = codes[(codes >= len(column.values)) & (codes != NONE)]
        if len(wrong):
            raise TypeError(f"position {wrong[0]} stands for no value")
        positions = pa.array(codes.astype(np.int8), mask=codes == NONE)
    else:
        texts = pa.array(values, pa.string(), from_pandas=True)
        positions = pc.index_in(texts, value_set=allowed).cast(pa.int8())
        if positions.null_count > texts.null_count:
            wrong = pc.filter(texts, pc.and_(pc.is_null(positions), pc.is_valid(texts)))[0].as_py()
            raise TypeError(f"{wrong!r} is no value of it{did_you_mean(wrong, column.values)}")
    return pa.DictionaryArray.from_arrays(positions, allowed)


def content_hash(data: pa.Table, start: int) -> int:
    """Return the summed content hash of an Arrow table whose first row is row `start` of its table."""
    words = [_words(data.column(i), data.schema.field(i)) for i in range(data.num_columns)]
    kept = [word for word in words if word is not None]
    if not kept or not data.num_rows:
        return 0
    return int(content.hash_words(np.stack(kept), start))


def _words(chunked: pa.ChunkedArray, field: pa.Field) -> NDArray[np.uint64] | None:
    """Return 64 bits for each value of a column; None for floats that are no money."""
    array = chunked.combine_chunks() if isinstance(chunked, pa.ChunkedArray) else chunked
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks)
    kind = array.type
    valid = array.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_floating(kind):
        if kind != F64 or (field.metadata or {}).get(b"unit") != MONEY.encode():
            return None
        numbers = np.rint(array.fill_null(0.0).to_numpy(zero_copy_only=False) * 100.0).astype(np.int64)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind):
        coded = array if pa.types.is_dictionary(kind) else array.dictionary_encode()
        hashes = np.array([content.text_word(text) for text in coded.dictionary.to_pylist()] or [0], np.uint64)
        return np.where(valid, hashes[coded.indices.fill_null(0).to_numpy()], NULL_WORD)
    elif pa.types.is_boolean(kind):
        numbers = array.fill_null(False).to_numpy(zero_copy_only=False).astype(np.int64)
    else:
        whole = array.cast(pa.int64()) if pa.types.is_timestamp(kind) else array
        numbers = whole.fill_null(0).to_numpy()
    return np.where(valid, numbers.astype(np.uint64), NULL_WORD)
