"""Columns: attributes of a kind of agent, stored in the population's record array or derived from what is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

if TYPE_CHECKING:
    from finsim.population.store import Population
    from finsim.population.view import ColumnAgent

Rows = NDArray[np.int64]


class Column:
    """A stored attribute: a field of the population's record array.

    Args:
        dtype: anything numpy takes for a boolean, number or fixed-length string.
        unit: for example `cent`; empty for codes and flags.
        doc: what it means.
        default: value of new rows.

    Raises:
        TypeError: the dtype is of another kind.
        ValueError: the default does not fit the dtype.
    """

    def __init__(self, dtype: DTypeLike, unit: str = "", doc: str = "", default: Any = 0) -> None:
        self.name = ""
        self.dtype = np.dtype(dtype)
        self.unit = unit
        self.doc = doc
        if self.dtype.kind not in "biufUS":
            raise TypeError(f"a column cannot be of dtype {self.dtype}: take a boolean, number or fixed-length string")
        empty = self.dtype.kind in "US" and default == 0
        self.default: Any = self.cast(np.zeros((), self.dtype) if empty else default)[()]

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, agent: ColumnAgent | None, owner: type | None = None) -> Any:
        return self if agent is None else agent.population.data[self.name][agent.row].item()

    def __set__(self, agent: ColumnAgent, value: Any) -> None:
        agent.population.assign(self.name, value, agent.row)

    def cast(self, values: ArrayLike) -> NDArray[Any]:
        """Return values in the column's dtype, same shape.

        Raises:
            ValueError: a value would change, other than by the rounding of a float.
        """
        given = np.asarray(values)
        try:
            with np.errstate(invalid="ignore", over="ignore"):
                out = given.astype(self.dtype)
            if self.dtype.kind == "f":
                fits = given.dtype.kind in "biuf" and np.array_equal(np.isfinite(out), np.isfinite(given))
            else:
                fits = bool(np.all(out == given))
        except (TypeError, ValueError, OverflowError):
            fits = False
        if not fits:
            raise ValueError(f"{self.name or 'default'}: {values!r} does not fit a column of dtype {self.dtype}")
        return out


class Derived:
    """A computed attribute.

    Args:
        get: vectorised `get(population, rows)`, rows (n,) int64, returns (n,) of any dtype.
        set: `set(population, rows, values)`, values (n,); None if it cannot be set.
        unit: unit of the result.
        doc: what it means.
    """

    def __init__(
        self,
        get: Callable[[Any, Rows], NDArray[Any]],
        set: Callable[[Any, Rows, NDArray[Any]], None] | None = None,  # noqa: A002
        unit: str = "",
        doc: str = "",
    ) -> None:
        self.name = ""
        self.compute = get
        self.store = set
        self.unit = unit
        self.doc = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, agent: ColumnAgent | None, owner: type | None = None) -> Any:
        return self if agent is None else self.values(agent.population, np.array([agent.row])).tolist()[0]

    def __set__(self, agent: ColumnAgent, value: Any) -> None:
        self.put(agent.population, np.array([agent.row]), value)

    def values(self, population: Population, rows: Rows) -> NDArray[Any]:
        """Return the attribute of rows, both (n,).

        Raises:
            ValueError: `get` returned another shape.
        """
        out = np.asarray(self.compute(population, rows))
        if out.shape != rows.shape:
            raise ValueError(f"{self.name}: get returned shape {out.shape} for rows of shape {rows.shape}")
        return out

    def put(self, population: Population, rows: Rows, values: ArrayLike) -> None:
        """Set the attribute of rows, (n,), to values, (n,) or one for all.

        Raises:
            AttributeError: there is no `set`.
        """
        if self.store is None:
            raise AttributeError(f"{self.name!r} of a {population.kind} is computed and cannot be set")
        self.store(population, rows, np.broadcast_to(np.asarray(values), rows.shape))
