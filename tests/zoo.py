"""A small zoo twice: as agents that Mesa knows, and as rows of a columnar population."""

from __future__ import annotations

from random import Random
from typing import Any

import mesa
import numpy as np

from finsim.population import AgentSet, Column, ColumnAgent, ColumnAgentSet, Derived, GroupBy, Population

KINDS = ("cat", "dog", "eel")
WEALTH = (3.5, -1.0, 3.5, 0.25, 9.0, 2.0, 0.0, 3.5, 7.75, 2.0)
AGE = (30, 4, 18, 250, 18, 30, 7, 1, 18, 99)
KIND = (1, 0, 1, 2, 2, 0, 1, 1, 0, 0)


class Habits:
    """What both kinds of agents can do."""

    def earn(self, amount: float, *, times: int = 1) -> float:
        self.wealth += amount * times
        return self.wealth

    def label(self, prefix: str = "") -> str:
        return f"{prefix}{self.kind}{self.number}"


class Plain(Habits, mesa.Agent):
    """An agent as Mesa knows it."""

    def __init__(self, model: mesa.Model, number: int, wealth: float, age: int, kind: str) -> None:
        super().__init__(model)
        self.number, self.wealth, self.age, self.kind = number, wealth, age, kind

    @property
    def twice(self) -> float:
        return 2 * self.wealth

    @twice.setter
    def twice(self, value: float) -> None:
        self.wealth = value / 2


class Thing(Habits, ColumnAgent):
    """The same agent as a row."""

    number = Column("i4", doc="its number", default=-1)
    wealth = Column("f8", unit="coin")
    age = Column("u1", unit="year")
    kind_code = Column("u1", doc="position in KINDS")
    kind = Derived(lambda p, r: np.array(KINDS)[p.data["kind_code"][r]])
    twice = Derived(
        lambda p, r: 2 * p.data["wealth"][r],
        lambda p, r, v: p.data["wealth"].__setitem__(r, v / 2),
        unit="coin",
    )


class OneThing(Thing):
    """A thing with a life of its own."""

    def __init__(self, population: Population, row: int) -> None:
        super().__init__(population, row)
        self.steps = 0

    def step(self) -> None:
        self.steps += 1


class Zoo(mesa.Model):
    """A model whose things are columns."""

    def __init__(self, size: int = 5) -> None:
        super().__init__(rng=3)
        self.population = things(self, size)

    @property
    def agents_by_type(self) -> dict[type, Any]:
        return {**super().agents_by_type, Thing: self.population.agents}

    @property
    def agent_types(self) -> list[type]:
        return list(self.agents_by_type)


def things(model: Any, size: int = len(WEALTH)) -> Population:
    population = Population("thing", model, Thing, size)
    population.data["number"] = np.arange(size)
    for name, values in (("wealth", WEALTH), ("age", AGE), ("kind_code", KIND)):
        population.data[name] = np.resize(values, size)
    return population


def plain(model: Any) -> list[Plain]:
    rows = zip(WEALTH, AGE, KIND, strict=True)
    return [Plain(model, number, wealth, age, KINDS[kind]) for number, (wealth, age, kind) in enumerate(rows)]


class Pair:
    """Mesa's set and ours over the same agents, with generators in the same state."""

    def __init__(self) -> None:
        self.model = mesa.Model(rng=7)
        self.plain = plain(self.model)
        self.population = things(self.model)
        self.sets: tuple[Any, Any] = (
            AgentSet(self.plain, random=Random(5)),
            ColumnAgentSet(self.population, random=Random(5)),
        )

    def agent(self, side: int, number: int) -> Any:
        return self.plain[number] if side == 0 else self.population.agent(number)

    def agree(self) -> None:
        """Compare everything one can see."""
        old, new = self.sets
        assert seen(old) == seen(new)
        names = ["number", "wealth", "age", "kind", "twice"]
        assert old.get(names) == new.get(names)
        assert [agent.wealth for agent in self.plain] == self.population.agents.get("wealth")
        assert old.random.getstate() == new.random.getstate()


def seen(value: Any) -> Any:
    """Return what the two implementations must agree on: agents as their numbers, sets as lists of them."""
    if isinstance(value, (Plain, Thing)):
        return value.number
    if isinstance(value, (AgentSet, list, tuple)):
        return [seen(item) for item in value]
    if isinstance(value, GroupBy):
        return seen(value.groups)
    if isinstance(value, dict):
        return [(key, seen(item)) for key, item in value.items()]
    return value
