"""The `AgentSet` over a population's rows: what Mesa documents of its own, on arrays wherever a name is declared."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from mesa.agent import Agent
from numpy.typing import ArrayLike, NDArray

from finsim.population.columns import Rows
from finsim.population.view import ColumnAgent

try:
    from mesa.agentset import AgentSet, GroupBy
except ModuleNotFoundError:  # Mesa up to 3.3
    from mesa.agent import AgentSet, GroupBy

__all__ = ["AgentSet", "ColumnAgentSet", "ColumnGroupBy", "GroupBy"]

if TYPE_CHECKING:
    from finsim.population.store import Population


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
