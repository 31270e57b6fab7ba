"""A population: the record array of all agents of one kind, and its rows by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike, NDArray

from finsim.errors import ResumeError, did_you_mean
from finsim.population.agent_set import ColumnAgentSet
from finsim.population.columns import Column, Derived, Rows
from finsim.population.view import ColumnAgent


class Population:
    """All agents of one kind.

    Args:
        kind: name of the kind, for example `customer`.
        model: the Mesa model; it is referred to, not registered with.
        view: class of the agents; its columns are the fields of `data`.
        size: number of rows, fixed.

    Attributes:
        data: (size,) record array with a field for each `Column` (aligned, so kernels take it as one argument).
            Tombstones are set through `remove`, never here: sets would not notice.
        specialised: agents that are objects of their own, by row; they are given out instead of plain views.
        views_built: number of views made so far.
        removals: grows whenever the tombstones change.
        first_id: `unique_id` of row 0; row r has `first_id - r`. A hash of the kind, below all of Mesa's own ids.
    """

    def __init__(self, kind: str, model: Any, view: type[ColumnAgent], size: int) -> None:
        self.kind = kind
        self.model = model
        self.view = view
        self.size = size
        self.columns = {name: value for name, value in view.declared.items() if isinstance(value, Column)}
        self.data: NDArray[Any] = np.zeros(size, np.dtype([(n, c.dtype) for n, c in self.columns.items()], align=True))
        for name, column in self.columns.items():
            if column.default:  # zeros cost no memory until they are written
                self.data[name] = column.default
        self.specialised: dict[int, ColumnAgent] = {}
        self.views_built = 0
        self.removals = 0
        self.first_id = -((crc32(kind.encode()) & 0x7FFFFFFF) << 32) - 1
        self._admitted = {view}

    def __len__(self) -> int:
        """Return the number of rows, tombstones among them."""
        return self.size

    def __repr__(self) -> str:
        return f"<Population of {self.size} {self.kind} rows>"

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Whether each row is not removed, (size,) bool; a copy that cannot be written."""
        out: NDArray[np.bool_] = self.data["tombstone"] == 0
        out.flags.writeable = False
        return out

    # -- columns ------------------------------------------------------------------------------------------

    def column(self, name: str) -> NDArray[Any]:
        """Return the stored column itself, (size,), for the engine to write.

        Raises:
            AttributeError: no such column.
        """
        if name not in self.columns:
            raise AttributeError(f"a {self.kind} has no column {name!r}{did_you_mean(name, self.columns)}")
        out: NDArray[Any] = self.data[name]
        return out

    def array(self, name: str, rows: Rows | None = None) -> NDArray[Any]:
        """Return a declared attribute as an array that cannot be written.

        Args:
            name: a `Column` or `Derived`.
            rows: (n,) rows; None for all of them, tombstones among them.

        Returns:
            (n,) or (size,): the live column itself for a `Column` of all rows, otherwise its values as of now.

        Raises:
            AttributeError: nothing of that name is declared.
        """
        attribute = self._declared(name)
        if isinstance(attribute, Derived):
            out = attribute.values(self, np.arange(self.size) if rows is None else rows).view()
        else:
            out = self.data[name] if rows is None else self.data[name][rows]
        out.flags.writeable = False
        return out

    def assign(self, name: str, values: ArrayLike, rows: Rows | int | None = None) -> None:
        """Set a declared attribute of rows.

        Args:
            name: a `Column` or a `Derived` with `set`.
            values: (n,), or one value for all.
            rows: (n,) rows or a row; None for all.

        Raises:
            AttributeError: nothing of that name is declared, or it cannot be set.
            ValueError: a value does not fit the column.
        """
        attribute = self._declared(name)
        if name == "tombstone":
            raise AttributeError("'tombstone' cannot be set: remove() removes an agent, for good")
        if isinstance(attribute, Derived):
            attribute.put(self, np.arange(self.size) if rows is None else np.atleast_1d(rows), values)
        else:
            self.data[name][slice(None) if rows is None else rows] = attribute.cast(values)

    def _declared(self, name: str) -> Column | Derived:
        try:
            return self.view.declared[name]
        except KeyError:
            known = did_you_mean(name, self.view.declared)
            raise AttributeError(f"a {self.kind} has no column {name!r}{known}") from None

    # -- agents -------------------------------------------------------------------------------------------

    @property
    def agents(self) -> ColumnAgentSet:
        """All agents that are not removed, in row order, as an AgentSet that follows removals."""
        return ColumnAgentSet(self)

    def agents_at(self, rows: ArrayLike) -> ColumnAgentSet:
        """Return the agents of rows, (n,) integers, in that order and each once, without removed ones."""
        return ColumnAgentSet(self, rows)

    def agent(self, row: int) -> ColumnAgent:
        """Return the agent of a row: its own object if it is specialised, a new view otherwise.

        Raises:
            IndexError: there is no such row.
        """
        own = self.specialised.get(row)
        return self.view(self, row) if own is None else own

    def admit(self, cls: type[ColumnAgent]) -> None:
        """Check that instances of a class can stand for rows of this population.

        Raises:
            TypeError: it is not the view class or a subclass, or it declares columns of its own.
        """
        if cls in self._admitted:
            return
        if not issubclass(cls, self.view):
            raise TypeError(f"{cls.__name__} is no subclass of {self.view.__name__}, the class of a {self.kind}")
        extra = [name for name, value in cls.declared.items() if isinstance(value, Column) and name not in self.columns]
        if extra:
            raise TypeError(
                f"{cls.__name__} cannot add columns to a population of {self.kind} rows: {', '.join(extra)}"
            )
        self._admitted.add(cls)

    def remove(self, rows: ArrayLike) -> None:
        """Remove agents for good; their rows stay as tombstones and are never reused.

        Args:
            rows: (n,) rows or a row.

        Raises:
            IndexError: there is no such row; nothing is removed then.
        """
        self.data["tombstone"][self.checked(rows)] = 1
        self.removals += 1

    def checked(self, rows: ArrayLike) -> Rows:
        """Return rows as an array, (n,) int64.

        Raises:
            IndexError: there is no such row.
            TypeError: they are not integers.
        """
        out = np.atleast_1d(np.asarray(rows))
        if out.dtype.kind not in "iu" and out.size:
            raise TypeError(f"rows are integers, not {out.dtype} (np.flatnonzero makes rows of a mask)")
        wrong = out[(out < 0) | (out >= self.size)]
        if len(wrong):
            raise IndexError(f"{self.kind} {wrong[0]} does not exist: rows are 0 to {self.size - 1}")
        return out.astype(np.int64)

    # -- checkpoints --------------------------------------------------------------------------------------

    def state(self) -> dict[str, NDArray[Any]]:
        """Return a copy of every column, (size,) by name; specialised agents keep their own state elsewhere."""
        return {name: self.data[name].copy() for name in self.columns}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Write what `state` returned into `data`, in place.

        Raises:
            ResumeError: a column is missing, unknown, or of another dtype or length; nothing is written then.
        """
        for name in sorted(self.columns.keys() ^ state.keys()):
            raise ResumeError(
                f"column {name!r} of {self.kind} is {'unknown' if name in state else 'missing'} in this state"
            )
        for name, column in self.columns.items():
            if state[name].dtype != column.dtype or state[name].shape != (self.size,):
                found, wanted = f"{state[name].dtype} {state[name].shape}", f"{column.dtype} {(self.size,)}"
                raise ResumeError(f"column {name!r} of {self.kind} is {found} in this state, not {wanted}")
        for name in self.columns:
            self.data[name] = state[name]
        self.removals += 1
