"""What a column and a table of a data set are: name, type, unit and meaning, declared once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pyarrow as pa

U16, U32, U64 = pa.uint16(), pa.uint32(), pa.uint64()
I16, I32 = pa.int16(), pa.int32()
F32, F64 = pa.float32(), pa.float64()
TEXT, BOOL = pa.string(), pa.bool_()
CODE: Final = pa.dictionary(pa.int8(), pa.string())
TIME: Final = pa.timestamp("us", tz="UTC")

MONEY: Final = "currency unit"
CLOCK: Final = "microsecond since 1970-01-01"
DEGREE: Final = "degree"


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Args:
        name: its name in the files.
        type: its Arrow type.
        doc: what it means.
        unit: unit of a number, empty for ids, codes and texts.
        null: whether it may be null.
        values: the closed list of values of a dictionary column.
    """

    name: str
    type: pa.DataType
    doc: str
    unit: str = ""
    null: bool = False
    values: tuple[str, ...] = ()

    def field(self) -> pa.Field:
        """Return the Arrow field, with description and unit as metadata."""
        return pa.field(self.name, self.type, self.null, {"description": self.doc, "unit": self.unit})


@dataclass(frozen=True)
class Table:
    """One table.

    Args:
        name: its folder's name.
        doc: what a row is.
        columns: its columns in their order.
        more: whether further columns are accepted, with a type read from their values.
    """

    name: str
    doc: str
    columns: tuple[Column, ...]
    more: bool = False

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the declared columns."""
        return pa.schema([column.field() for column in self.columns], metadata={"description": self.doc})


def id_column(name: str, doc: str, *, null: bool = False, wide: bool = False) -> Column:
    """Return a column of ids, of 64 bits if wide, else of 32."""
    return Column(name, U64 if wide else U32, doc, "", null)


def time_column(name: str, doc: str, *, null: bool = False) -> Column:
    """Return a column of times of the economy's clock."""
    return Column(name, TIME, doc, CLOCK, null)


def money_column(name: str, doc: str, *, null: bool = False) -> Column:
    """Return a column of amounts, exactly cents / 100."""
    return Column(name, F64, doc, MONEY, null)


def code_column(name: str, doc: str, values: tuple[str, ...], *, null: bool = False) -> Column:
    """Return a column of a closed list of values."""
    return Column(name, CODE, doc, "", null, values)
