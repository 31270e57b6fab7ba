"""Populations: agents of one kind, held as columns, that are a Mesa `AgentSet` all the same.

A column is declared once, on the view class; the population gets the array, the view the property:

    class Customer(ColumnAgent):
        savings_cents = Column("i8", unit="cent", doc="standing order to savings at each pay")
        income = Derived(lambda p, r: p.data["income_cents"][r] / 100.0, unit="currency", doc="net income")

    customers = Population("customer", model, Customer, 10_000)
    customers.agents.select(segment="student").agg("income", np.mean)   # no view is built

`get`, `set`, `agg`, `groupby`, `sort` and `select` on declared names work on arrays. Whatever calls a function
or a method for each agent (`do`, `map`, iteration, a callable filter or key) makes a view for each, for as
long as the call takes. `Population.views_built` counts them.

What differs from Mesa's `AgentSet` (3.3 to 3.5):

- A set is made from a population and rows, not from agents, and holds agents of one population only: `add`, `|`
  and `^` with any other agent raise TypeError. Sets hold row numbers, not weak references. A removed agent leaves
  every set at once, also where somebody still holds it, and cannot be added again.
- Two views of one row are equal but not identical; `unique_id` is negative (see `Population.first_id`). A view in
  one of Mesa's own sets vanishes when nobody holds it, as any object does that Mesa refers to weakly.
- `select` also takes a boolean array as filter and conditions by name: `select(segment="student")`,
  `select(segment=["student", "retired"])`, `select(income=lambda values: values > 3000)`.
- Columns are typed. `set` and assignment raise ValueError for what does not fit, and AttributeError for a name
  that is not declared. A list or an array given to `set` is laid out over the agents, one value each.
- `agg` gives numpy's functions an array (booleans and numbers at full width), all others a list as Mesa does.
- `get`, `agg`, `groupby`, `sort` and `select` on a declared name read the arrays, even where the class of a
  promoted agent overrides that attribute. `sort` puts NaN last when ascending and first otherwise.
- A set may change while it is iterated over: iteration, `do` and `map` go over the agents it had when they
  began, without those that were removed meanwhile.
- Indexing, slicing, `to_list` and `copy` work on each version of Mesa, without the warning of Mesa 3.5.
- An empty set needs no generator and never warns: `random` is that of the population's model. What `|`, `&`, `-`
  and `^` make keeps the generator of the left set, where Mesa takes that of the first agent's model.
- `pos` is None and cannot be set: views stand in no space of Mesa's. `create_agents` and `from_dataframe` raise
  TypeError: the number of rows is fixed, and removal leaves a tombstone.
- `groupby` gives a `ColumnGroupBy`, whose `agg` also takes several functions for sets.
- Pickling a set keeps rows, not agents.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from random import Random
from typing import Any, ClassVar, Self
from zlib import crc32

import numpy as np
from mesa.agent import Agent
from numpy.typing import ArrayLike, DTypeLike, NDArray

from finsim.errors import ResumeError, did_you_mean

try:
    from mesa.agentset import AgentSet, GroupBy
except ModuleNotFoundError:  # Mesa up to 3.3
    from mesa.agent import AgentSet, GroupBy

__all__ = ["AgentSet", "Column", "ColumnAgent", "ColumnAgentSet", "ColumnGroupBy", "Derived", "GroupBy", "Population"]

Rows = NDArray[np.int64]
RESERVED = frozenset(dir(Agent)) | {"declared", "model", "population", "pos", "row", "scenario", "unique_id"}
"""Names that Mesa or the view itself uses, which therefore cannot be columns."""


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


class ColumnAgent(Agent):  # type: ignore[misc]
    """The view of one row of a population: a Mesa agent without state of its own.

    Views are made when asked for and not kept; they are equal if population and row are. Only an instance of a
    subclass of the population's view class, as a promoted agent is, may have further attributes.

    `Agent.__init__` is never called: up to Mesa 3.3.1 it keeps the model of each registered agent alive for ever.

    Args:
        population: the population.
        row: position in it.

    Raises:
        TypeError: the population is none, or its rows are of another class.
        IndexError: there is no such row.
    """

    __slots__ = ("population", "row")
    population: Population
    row: int
    pos = None
    tombstone = Column("u1", doc="1 when removed; set by remove() only")
    unique_id = Derived(lambda population, rows: population.first_id - rows, doc="negative number of its own")
    declared: ClassVar[dict[str, Column | Derived]] = {"tombstone": tombstone, "unique_id": unique_id}
    """Every `Column` and `Derived` of the class by name, those of base classes first."""

    def __init__(self, population: Population, row: int) -> None:
        if not isinstance(population, Population):
            raise TypeError(f"a {type(self).__name__} is the view of a row in a Population, not in {population!r}")
        row = operator.index(row)
        if not 0 <= row < population.size:
            raise IndexError(f"{population.kind} {row} does not exist: rows are 0 to {population.size - 1}")
        population.admit(type(self))
        object.__setattr__(self, "population", population)
        object.__setattr__(self, "row", row)
        population.views_built += 1

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, value in vars(cls).items():
            if isinstance(value, (Column, Derived)) and name in RESERVED:
                raise TypeError(f"{cls.__name__}.{name}: the name {name!r} is reserved for Mesa's agents")
        names = dict.fromkeys(name for base in reversed(cls.__mro__) for name in vars(base))
        found = {name: getattr(cls, name, None) for name in names}
        cls.declared = {name: value for name, value in found.items() if isinstance(value, (Column, Derived))}

    @property
    def model(self) -> Any:
        """The model that the population belongs to."""
        return self.population.model

    def remove(self) -> None:
        """Take the agent out of the model for good; its row stays as a tombstone and can still be read."""
        self.population.remove(self.row)

    @classmethod
    def create_agents(cls, *args: Any, **kwargs: Any) -> Any:
        """Refuse: the rows of a population are made together.

        Raises:
            TypeError: always.
        """
        raise TypeError(f"{cls.__name__} is the view of a row: agents of this kind are made with their Population")

    from_dataframe = create_agents

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ColumnAgent.__slots__ and getattr(self, name, None) is not None:
            raise AttributeError(f"{name!r} of a view cannot be changed")
        if hasattr(type(getattr(type(self), name, None)), "__set__") or type(self) is not self.population.view:
            object.__setattr__(self, name, value)
        else:
            raise AttributeError(f"a {type(self).__name__} has no column {name!r}{did_you_mean(name, self.declared)}")

    def __getattr__(self, name: str) -> Any:
        if hasattr(type(self), name):  # there is one, but it raised an AttributeError: let that be seen
            return object.__getattribute__(self, name)
        known = _nearest(name, tuple(self.declared))
        raise AttributeError(f"a {type(self).__name__} has no attribute {name!r}{known}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ColumnAgent):
            return NotImplemented
        return self.population is other.population and self.row == other.row

    def __hash__(self) -> int:
        return hash(self.population.first_id - self.row)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.population.kind} {self.row}>"


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


class ColumnGroupBy(GroupBy):  # type: ignore[misc]
    """Mesa's `GroupBy`, whose `agg` reads columns."""

    def agg(self, attr_name: str, func: Any) -> dict[Any, Any]:
        """Return the aggregate of an attribute for each group.

        Args:
            attr_name: name of the attribute.
            func: a function of the values; where groups are sets also several, for a list of results.
        """
        if not all(isinstance(group, ColumnAgentSet) for group in self.groups.values()):
            return dict(super().agg(attr_name, func))
        return {key: group.agg(attr_name, func) for key, group in self.groups.items()}


class ColumnAgentSet(AgentSet):  # type: ignore[misc]
    """An ordered set of agents of one population, held as row numbers; see the module for what differs from Mesa's.

    Args:
        population: the population.
        rows: (n,) integers, kept in this order, each once; None for all that are not removed, whenever asked.
        random: generator for `shuffle`; the model's if None.

    Raises:
        IndexError: there is no such row.
    """

    def __init__(self, population: Population, rows: ArrayLike | None = None, random: Random | None = None) -> None:
        self.population = population
        self.random = population.model.random if random is None else random
        self._take(None if rows is None else _unique(population.checked(rows)))

    # -- rows ---------------------------------------------------------------------------------------------

    _chosen: Rows | None
    _seen: int

    @property
    def rows(self) -> Rows:
        """The rows of the set in its order, (n,) int64; cannot be written."""
        if self._seen != self.population.removals:
            alive = self.population.alive
            self._rows: Rows = np.flatnonzero(alive) if self._chosen is None else self._chosen[alive[self._chosen]]
            self._rows.flags.writeable = False
            self._members: NDArray[np.bool_] | None = None
            self._seen = self.population.removals
        return self._rows

    def _take(self, rows: Rows | None) -> Self:
        self._chosen = rows
        self._seen = -1
        return self

    def _new(self, rows: Rows, inplace: bool = False) -> Self:
        """Return a set of rows that are known to exist, each once."""
        if inplace:
            return self._take(rows)
        out: Self = object.__new__(type(self))
        out.__setstate__({"population": self.population, "rows": rows, "random": self.random})
        return out

    def _update(self, agents: Iterable[Any]) -> Self:
        return self._take(_unique(self._rows_of(agents)))

    @property
    def _agents(self) -> dict[ColumnAgent, None]:
        """The agents as Mesa's own code looks at them."""
        return dict.fromkeys(self)

    def _still(self, rows: Iterable[int]) -> Iterator[ColumnAgent]:
        """Yield the agents of rows, but for those that are removed by the time they are reached."""
        tombstone, agent = self.population.data["tombstone"], self.population.agent
        return (agent(row) for row in rows if not tombstone[row])

    def _rows_of(self, agents: Iterable[Any], strict: bool = True) -> Rows:
        """Return the rows of agents; others raise TypeError, or are left out if not strict."""
        if isinstance(agents, ColumnAgentSet) and agents.population is self.population:
            return agents.rows
        if isinstance(agents, ColumnAgentSet) and not strict:
            return np.empty(0, dtype=np.int64)
        rows = []
        for agent in agents:
            if isinstance(agent, ColumnAgent) and agent.population is self.population:
                rows.append(agent.row)
            elif strict:
                raise TypeError(f"{agent!r} is no {self.population.kind} of this population; a list can hold both")
        return np.array(rows, dtype=np.int64)

    # -- reading ------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[ColumnAgent]:
        return self._still(self.rows.tolist())

    def __contains__(self, agent: object) -> bool:
        if not isinstance(agent, ColumnAgent) or agent.population is not self.population:
            return False
        rows = self.rows
        if self._members is None:
            self._members = np.zeros(self.population.size, dtype=bool)
            self._members[rows] = True
        return bool(self._members[agent.row])

    def __getitem__(self, item: Any) -> Any:
        """Return the agent at a position, or a list of agents for a slice."""
        if isinstance(item, slice):
            return [self.population.agent(row) for row in self.rows[item].tolist()]
        return self.population.agent(int(self.rows[operator.index(item)]))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)} {self.population.kind} rows>"

    def to_list(self) -> list[ColumnAgent]:
        """Return all agents as a list."""
        return list(self)

    def array(self, name: str) -> NDArray[Any]:
        """Return a declared attribute of these agents as of now, (n,); it cannot be written.

        Raises:
            AttributeError: nothing of that name is declared.
        """
        return self.population.array(name, self.rows)

    def get(self, attr_names: Any, handle_missing: str = "error", default_value: Any = None) -> list[Any]:
        """Return the values of an attribute as a list, or of several as a list of a list for each agent.

        Args:
            attr_names: a name, or several.
            handle_missing: `error`, or `default` to fill in default_value where an agent has no such attribute.
            default_value: see handle_missing.

        Raises:
            AttributeError: there is no such attribute.
            ValueError: unknown handle_missing.
        """
        if handle_missing not in ("error", "default"):
            raise ValueError(f"Unknown handle_missing option: {handle_missing}, should be one of 'error' or 'default'")
        if not isinstance(attr_names, str):
            parts = [self.get(name, handle_missing, default_value) for name in attr_names]
            return [list(values) for values in zip(*parts, strict=True)] if parts else [[] for _ in range(len(self))]
        if attr_names in self.population.view.declared:
            values: list[Any] = self.array(attr_names).tolist()
            return values
        if handle_missing == "error":
            return [getattr(agent, attr_names) for agent in self]
        return [getattr(agent, attr_names, default_value) for agent in self]

    def agg(self, attribute: str, func: Any) -> Any:
        """Return func of the attribute's values, or a list of results for several functions."""
        if attribute not in self.population.view.declared:
            values = self.get(attribute)
            return func(values) if callable(func) else [each(values) for each in func]
        array = self.array(attribute)
        return _applied(func, array) if callable(func) else [_applied(each, array) for each in func]

    # -- choosing and ordering ----------------------------------------------------------------------------

    def select(
        self,
        filter_func: Callable[[Any], bool] | NDArray[np.bool_] | None = None,
        at_most: int | float = float("inf"),
        inplace: bool = False,
        agent_type: type[Agent] | None = None,
        **conditions: Any,
    ) -> Self:
        """Return the agents that meet all conditions, in order.

        Args:
            filter_func: called with each agent that meets the other conditions; or a mask, (n,) bool.
            at_most: the first agents only: a number, or a share of the set if a float up to 1.
            inplace: change this set.
            agent_type: only agents of this class.
            conditions: by declared name: a value, a list, tuple, set or array of allowed values, or a function
                from the attribute's array, (n,), to a mask, (n,) bool.

        Raises:
            AttributeError: a condition names nothing that is declared.
            ValueError: a mask is not (n,) bool.
        """
        rows = self.rows
        limit = int(len(rows) * at_most) if isinstance(at_most, float) and at_most <= 1.0 else at_most
        keep = np.ones(len(rows), dtype=bool)
        for name, wanted in conditions.items():
            keep &= _mask(name, _meets(self.array(name), wanted), len(rows))
        if agent_type is not None and not issubclass(self.population.view, agent_type):
            own = [row for row, agent in self.population.specialised.items() if isinstance(agent, agent_type)]
            keep &= np.isin(rows, own)
        if isinstance(filter_func, np.ndarray):
            keep &= _mask("filter_func", filter_func, len(rows))
            filter_func = None
        rows = rows[keep]
        most = len(rows) if limit == float("inf") else max(0, math.ceil(limit))
        if filter_func is None:
            return self._new(rows[:most], inplace)
        found = (agent.row for agent in self._still(rows.tolist()) if filter_func(agent))
        return self._new(np.fromiter(islice(found, most), dtype=np.int64), inplace)

    def shuffle(self, inplace: bool = False) -> Self:
        """Return the agents in random order, drawn as Mesa draws it."""
        rows = self.rows.tolist()
        self.random.shuffle(rows)
        return self._new(np.array(rows, dtype=np.int64), inplace)

    def sort(self, key: Callable[[Any], Any] | str, ascending: bool = False, inplace: bool = False) -> Self:
        """Return the agents sorted by an attribute or a function of the agent, descending unless told otherwise."""
        rows = self.rows
        if isinstance(key, str) and key in self.population.view.declared:
            values = self.array(key)
            order = np.argsort(values if ascending else values[::-1], kind="stable")
            return self._new(rows[order] if ascending else rows[::-1][order][::-1], inplace)
        key = operator.attrgetter(key) if isinstance(key, str) else key
        keys = {agent.row: key(agent) for agent in self}
        return self._new(np.array(sorted(keys, key=keys.__getitem__, reverse=not ascending), dtype=np.int64), inplace)

    def groupby(self, by: Callable[[Any], Any] | str, result_type: str = "agentset") -> ColumnGroupBy:
        """Return groups by an attribute or a function of the agent, in order of first appearance.

        Args:
            by: a name or a function.
            result_type: `agentset`, or `list` for lists of agents.
        """
        groups: dict[Any, Any] = {}
        if isinstance(by, str) and by in self.population.view.declared:
            groups = _grouped(self.array(by), self.rows)
        else:
            for agent in self:
                groups.setdefault(getattr(agent, by) if isinstance(by, str) else by(agent), []).append(agent.row)
        sets = {key: self._new(np.asarray(rows, dtype=np.int64)) for key, rows in groups.items()}
        return ColumnGroupBy(sets if result_type == "agentset" else {key: list(part) for key, part in sets.items()})

    # -- acting -------------------------------------------------------------------------------------------

    def set(self, attr_name: str, value: Any) -> Self:
        """Set an attribute of all agents: one value, or an array with one for each; return the set.

        Raises:
            AttributeError: there is no such attribute, or it cannot be set.
            ValueError: a value does not fit the column.
        """
        if attr_name in self.population.view.declared or not hasattr(self.population.view, attr_name):
            self.population.assign(attr_name, value, self.rows)
        else:
            for agent in self:
                setattr(agent, attr_name, value)
        return self

    def map(self, method: str | Callable[..., Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Call a method, or a function with the agent first, for each agent and return the results."""
        return self._call(self.rows.tolist(), method, args, kwargs)

    def do(self, method: str | Callable[..., Any], *args: Any, **kwargs: Any) -> Self:
        """Call a method, or a function with the agent first, for each agent; return the set."""
        self._call(self.rows.tolist(), method, args, kwargs)
        return self

    def shuffle_do(self, method: str | Callable[..., Any], *args: Any, **kwargs: Any) -> Self:
        """Do the same in random order; the set keeps its own."""
        rows = self.rows.tolist()
        self.random.shuffle(rows)
        self._call(rows, method, args, kwargs)
        return self

    def _call(self, rows: list[int], method: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        if isinstance(method, str):
            return [getattr(agent, method)(*args, **kwargs) for agent in self._still(rows)]
        return [method(agent, *args, **kwargs) for agent in self._still(rows)]

    # -- as a set -----------------------------------------------------------------------------------------

    def add(self, agent: Any) -> None:
        """Add an agent of this population at the end.

        Raises:
            TypeError: it belongs to no or another population.
            ValueError: it was removed.
        """
        row = self._rows_of([agent])
        if self.population.data["tombstone"][row[0]]:
            raise ValueError(f"{agent!r} was removed and cannot be added")
        if agent not in self:
            self._take(np.concatenate([self.rows, row]))

    def discard(self, agent: Any) -> None:
        """Take an agent out of the set, if it is in it."""
        if agent in self:
            self._take(self.rows[self.rows != agent.row])

    def remove(self, agent: Any) -> None:
        """Take an agent out of the set.

        Raises:
            KeyError: it is not in the set.
        """
        if agent not in self:
            raise KeyError(agent)
        self.discard(agent)

    def clear(self) -> None:
        """Take all agents out of the set."""
        self._take(np.empty(0, dtype=np.int64))

    def __or__(self, other: Any) -> Any:
        return self._joined(other, lambda rows, others: np.concatenate([rows, others]), strict=True)

    def __and__(self, other: Any) -> Any:
        return self._joined(other, lambda rows, others: others[np.isin(others, rows)])

    def __sub__(self, other: Any) -> Any:
        return self._joined(other, lambda rows, others: rows[~np.isin(rows, others)])

    def __xor__(self, other: Any) -> Any:
        return self._joined(other, lambda a, b: np.concatenate([a[~np.isin(a, b)], b[~np.isin(b, a)]]), strict=True)

    def __rsub__(self, other: Any) -> Any:
        rest = [agent for agent in other if agent not in self]
        return AgentSet(rest, self.random)

    __ror__, __rand__, __rxor__ = __or__, __and__, __xor__

    def __ior__(self, other: Any) -> Self:
        return self._take((self | other).rows)

    def __iand__(self, other: Any) -> Self:
        return self._take(self.rows[np.isin(self.rows, self._rows_of(other, strict=False))])

    def __isub__(self, other: Any) -> Self:
        return self._take((self - other).rows)

    def __ixor__(self, other: Any) -> Self:
        return self._take((self ^ other).rows)

    def _joined(self, other: Any, join: Callable[[Rows, Rows], Rows], strict: bool = False) -> Any:
        if not isinstance(other, Iterable):
            return NotImplemented
        return self._new(_unique(join(self.rows, self._rows_of(other, strict))))

    def copy(self) -> Self:
        """Return a set of the same agents that changes on its own."""
        return self._new(self.rows)

    __copy__ = copy

    def __getstate__(self) -> dict[str, Any]:
        return {"population": self.population, "rows": self._chosen, "random": self.random}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.population, self.random = state["population"], state["random"]
        self._take(state["rows"])


@lru_cache(maxsize=64)  # asked for each agent where Mesa's code fills in a default for what is missing
def _nearest(name: str, allowed: tuple[str, ...]) -> str:
    return did_you_mean(name, allowed)


def _unique(rows: Rows) -> Rows:
    """Return rows without repetition, in order of first appearance."""
    first = np.unique(rows, return_index=True)[1]
    return rows if len(first) == len(rows) else rows[np.sort(first)]


def _mask(name: str, mask: Any, size: int) -> NDArray[np.bool_]:
    out = np.asarray(mask)
    if out.shape != (size,) or out.dtype != bool:
        raise ValueError(f"{name}: a mask of shape {(size,)} and dtype bool is needed, not {out.shape} {out.dtype}")
    return out


def _meets(values: NDArray[Any], wanted: Any) -> Any:
    """Return which values meet a condition of `select`."""
    if callable(wanted):
        return wanted(values)
    if isinstance(wanted, (list, tuple, set, frozenset, range, np.ndarray)):
        return np.isin(values, list(wanted))
    return values == wanted


def _applied(function: Callable[[Any], Any], values: NDArray[Any]) -> Any:
    """Call function on values: numpy's own on the array, any other on a list as Mesa's `agg` does."""
    if not isinstance(function, np.ufunc) and str(getattr(function, "__module__", "")).split(".")[0] != "numpy":
        return function(values.tolist())
    # A list of numbers becomes int64 or float64, so that sums of small columns do not wrap.
    wide = {"i": np.int64, "u": np.uint64 if values.dtype.itemsize == 8 else np.int64, "f": np.float64}
    return function(values.astype(wide.get(values.dtype.kind, values.dtype)))


def _grouped(values: NDArray[Any], rows: Rows) -> dict[Any, Rows]:
    """Return the rows of each value, values in order of first appearance, rows in their order."""
    if not len(rows):
        return {}
    keys, first, code = np.unique(values, return_index=True, return_inverse=True, equal_nan=False)
    order = np.argsort(code, kind="stable")
    parts = np.split(rows[order], np.cumsum(np.bincount(code))[:-1])
    names = keys.tolist()
    return {names[k]: parts[k] for k in np.argsort(first)}
