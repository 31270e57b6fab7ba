"""The view of one row of a population: a Mesa agent that holds nothing itself."""

from __future__ import annotations

import operator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from mesa.agent import Agent

from finsim.errors import did_you_mean
from finsim.population.columns import Column, Derived

if TYPE_CHECKING:
    from finsim.population.store import Population

RESERVED = frozenset(dir(Agent)) | {"declared", "model", "population", "pos", "row", "scenario", "unique_id"}
"""Names that Mesa or the view itself uses, which therefore cannot be columns."""


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
        if not hasattr(population, "first_id"):
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


@lru_cache(maxsize=64)  # asked for each agent where Mesa's code fills in a default for what is missing
def _nearest(name: str, allowed: tuple[str, ...]) -> str:
    return did_you_mean(name, allowed)
