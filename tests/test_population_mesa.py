"""Every verb of Mesa's AgentSet gives on a columnar population what it gives on Mesa's own agents, errors included."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import mesa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zoo import WEALTH, Habits, OneThing, Pair, Thing, seen

from finsim.population import AgentSet

VERBS: dict[str, Callable[[Any], Any]] = {
    "len": len,
    "iter": list,
    "reversed": lambda s: list(reversed(s)),
    "get": lambda s: s.get("wealth"),
    "get derived": lambda s: s.get("kind"),
    "get several": lambda s: s.get(["number", "kind", "twice"]),
    "get tuple of names": lambda s: s.get(("number", "age")),
    "get no name": lambda s: s.get([]),
    "get default": lambda s: s.get("colour", handle_missing="default", default_value="red"),
    "get several with default": lambda s: s.get(["age", "colour"], "default", 3),
    "get method": lambda s: [method() for method in s.get("label")],
    "get pos": lambda s: s.get("pos"),
    "types of values": lambda s: [[type(v) for v in row] for row in s.get(["number", "wealth", "kind"])],
    "agg sum": lambda s: s.agg("wealth", sum),
    "agg small integers": lambda s: s.agg("age", [sum, np.sum, max, np.max, np.mean]),
    "agg several": lambda s: s.agg("wealth", [min, max, sum, len, np.mean, np.std, np.median]),
    "agg strings": lambda s: s.agg("kind", [min, sorted]),
    "agg derived": lambda s: s.agg("twice", np.sum),
    "agg as a list": lambda s: s.agg("age", lambda values: values.count(18) + values.index(4)),
    "set": lambda s: s.set("wealth", 2.5),
    "set derived": lambda s: s.set("twice", 9),
    "set then get": lambda s: s.set("age", 77).get("age"),
    "select nothing": lambda s: s.select(),
    "select": lambda s: s.select(lambda a: a.wealth > 2),
    "select at most": lambda s: s.select(at_most=3),
    "select at most 0": lambda s: s.select(at_most=0),
    "select at most too many": lambda s: s.select(at_most=99),
    "select share": lambda s: s.select(at_most=0.35),
    "select all as share": lambda s: s.select(at_most=1.0),
    "select one": lambda s: s.select(at_most=1),
    "select odd limit": lambda s: s.select(at_most=2.5),
    "select share of matching": lambda s: s.select(lambda a: a.age == 18, at_most=0.2),
    "select in place": lambda s: s.select(lambda a: a.kind == "dog", at_most=2, inplace=True) is s,
    "select all in place": lambda s: s.select(inplace=True) is s,
    "select by type": lambda s: s.select(agent_type=mesa.Agent),
    "select by mixin": lambda s: s.select(lambda a: a.age < 50, agent_type=Habits),
    "select by other type": lambda s: s.select(agent_type=OneThing),
    "select counts": lambda s: (
        calls := [],
        s.select(lambda a: calls.append(a.number) or a.age < 20, at_most=2),
        calls,
    ),
    "shuffle": lambda s: s.shuffle(),
    "shuffle in place": lambda s: s.shuffle(inplace=True) is s,
    "shuffle twice": lambda s: [s.shuffle(), s.shuffle()],
    "sort": lambda s: s.sort("wealth"),
    "sort ascending": lambda s: s.sort("wealth", ascending=True),
    "sort strings": lambda s: s.sort("kind", ascending=True),
    "sort by function": lambda s: s.sort(lambda a: (a.kind, -a.age)),
    "sort by function ascending": lambda s: s.sort(lambda a: a.age % 4, ascending=True),
    "sort by path": lambda s: s.sort("model.steps"),
    "sort in place": lambda s: s.sort("age", inplace=True) is s,
    "do": lambda s: s.do("earn", 1.5) is s,
    "do with keywords": lambda s: s.do("earn", 1.5, times=2),
    "do function": lambda s: s.do(lambda a, factor: a.earn(a.age * factor), factor=2),
    "do step": lambda s: s.do("step"),
    "shuffle do": lambda s: (order := [], s.shuffle_do(lambda a: order.append(a.number)) is s, order),
    "map": lambda s: s.map("label"),
    "map with arguments": lambda s: s.map("label", prefix="a "),
    "map function": lambda s: s.map(lambda a, plus: a.age + plus, 5),
    "group": lambda s: s.groupby("kind"),
    "group by numbers": lambda s: s.groupby("wealth"),
    "group by function": lambda s: s.groupby(lambda a: a.age > 18),
    "group as lists": lambda s: s.groupby("kind", result_type="list"),
    "group by method": lambda s: s.groupby("pos"),
    "group count": lambda s: s.groupby("kind").count(),
    "group length": lambda s: len(s.groupby("age")),
    "group agg": lambda s: s.groupby("kind").agg("wealth", max),
    "group agg of lists": lambda s: s.groupby("kind", result_type="list").agg("wealth", max),
    "group map": lambda s: s.groupby("kind").map("get", "age"),
    "group map function": lambda s: s.groupby("kind").map(lambda group, n: len(group) + n, 3),
    "group do": lambda s: s.groupby("kind").do("do", "earn", 4),
    "group of groups": lambda s: {k: group.groupby("age") for k, group in s.groupby("kind")},
    "chain": lambda s: s.select(lambda a: a.age < 60).sort("age").shuffle().select(at_most=3).set("wealth", 1),
    "in": lambda s: [agent in s for agent in s],
    "not in": lambda s: ["cat" in s, 3 in s, None in s],
    "add what is there": lambda s: s.add(next(iter(s))),
    "discard": lambda s: s.discard(list(s)[4]),
    "discard twice": lambda s: [s.discard(agent) for agent in [list(s)[4]] * 2],
    "remove": lambda s: s.remove(list(s)[2]),
    "discard and add": lambda s: [(s.discard(agent), s.add(agent)) for agent in [list(s)[3]]],
    "pop": lambda s: [s.pop(), s.pop()],
    "clear": lambda s: s.clear(),
    "or": lambda s: s.select(at_most=3) | s.select(lambda a: a.age < 20),
    "and": lambda s: s.select(at_most=6) & s.sort("age"),
    "minus": lambda s: s - s.select(at_most=6),
    "xor": lambda s: s.select(at_most=6) ^ s.select(lambda a: a.age < 20),
    "or list": lambda s: s.select(at_most=3) | list(s)[2:5],
    "grow": lambda s: (part := s.select(at_most=2), part.__ior__(s.sort("age")), part),
    "keep": lambda s: s.__iand__(s.select(lambda a: a.age < 20).sort("age")),
    "shrink": lambda s: s.__isub__(s.select(at_most=4)),
    "toggle": lambda s: s.__ixor__(s.select(at_most=4)),
    "equal": lambda s: [s == s.shuffle(), s == s.select(at_most=2), s != s.select()],
    "subset": lambda s: [s.select(at_most=2) < s, s <= s.select(), s >= s.select(at_most=2), s < s.select()],
    "disjoint": lambda s: [s.isdisjoint(s.select(at_most=1)), s.isdisjoint([])],
    "copy": lambda s: (other := copy.copy(s), other.discard(next(iter(s))), len(s)),
    "bool": lambda s: [bool(s), bool(s.select(at_most=0))],
    "empty": lambda s: [s.select(at_most=0).get("wealth"), s.select(at_most=0).groupby("kind").count()],
    "empty set": lambda s: s.select(at_most=0).shuffle().sort("age").set("wealth", 3).get(["age", "kind"]),
    "unknown name in empty set": lambda s: s.select(at_most=0).get("colour"),
}


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.parametrize("verb", VERBS)
def test_verb_as_mesas(verb: str) -> None:
    pair = Pair()
    old, new = (VERBS[verb](agents) for agents in pair.sets)
    assert seen(new) == seen(old)
    assert isinstance(new, AgentSet) == isinstance(old, AgentSet)
    pair.agree()


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.parametrize("item", [0, -1, np.int64(3), slice(2, 5), slice(None, None, -2), slice(7, 99), slice(0, 0)])
def test_indexing_as_mesas(item: Any) -> None:
    old, new = (agents[item] for agents in Pair().sets)
    assert type(new) is type(old) or isinstance(new, Thing)
    assert seen(new) == seen(old)


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_sequence_methods_as_mesas() -> None:
    for agents in Pair().sets:
        agent = agents[3]
        assert (agents.index(agent), agents.count(agent), agents.count("dog")) == (3, 1, 0)
        with pytest.raises(ValueError):  # noqa: PT011
            agents.index("dog")


ERRORS: dict[str, tuple[Callable[[Any], Any], type[Exception]]] = {
    "get unknown": (lambda s: s.get("colour"), AttributeError),
    "get several unknown": (lambda s: s.get(["age", "colour"]), AttributeError),
    "get odd option": (lambda s: s.get("age", handle_missing="ignore"), ValueError),
    "agg unknown": (lambda s: s.agg("colour", max), AttributeError),
    "sort unknown": (lambda s: s.sort("colour"), AttributeError),
    "group unknown": (lambda s: s.groupby("colour"), AttributeError),
    "do unknown": (lambda s: s.do("fly"), AttributeError),
    "map unknown": (lambda s: s.map("fly"), AttributeError),
    "remove what is gone": (lambda s: (agent := next(iter(s)), s.discard(agent), s.remove(agent)), KeyError),
    "pop from empty": (lambda s: s.select(at_most=0).pop(), KeyError),
    "hash": (hash, TypeError),
    "or number": (lambda s: s | 3, TypeError),
}


@pytest.mark.parametrize("verb", ERRORS)
def test_error_as_mesas(verb: str) -> None:
    act, error = ERRORS[verb]
    for agents in Pair().sets:
        with pytest.raises(error):
            act(agents)


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_index_out_of_range_as_mesas() -> None:
    for agents in Pair().sets:
        with pytest.raises(IndexError):
            agents[10]


NUMBERS = st.integers(0, len(WEALTH) - 1)
STEPS = st.one_of(
    st.tuples(st.just("add"), NUMBERS),
    st.tuples(st.just("discard"), NUMBERS),
    st.tuples(st.just("limit"), st.one_of(st.integers(0, 12), st.floats(0, 1))),
    st.tuples(st.just("richer"), st.floats(-5, 12)),
    st.tuples(st.just("sort"), st.tuples(st.sampled_from(["wealth", "age", "kind", "twice", "number"]), st.booleans())),
    st.tuples(st.just("shuffle"), st.booleans()),
    st.tuples(st.just("set"), st.floats(-1e6, 1e6)),
    st.tuples(st.just("earn"), st.floats(-10, 10)),
    st.tuples(st.just("either"), st.sets(NUMBERS)),
    st.tuples(st.just("both"), st.sets(NUMBERS)),
)


def take(step: tuple[str, Any], agents: Any, agent: Callable[[int], Any]) -> Any:
    """Take one step and return the set to go on with."""
    name, value = step
    match name:
        case "add":
            agents.add(agent(value))
        case "discard":
            agents.discard(agent(value))
        case "limit":
            return agents.select(at_most=value)
        case "richer":
            return agents.select(lambda a: a.wealth > value, inplace=True)
        case "sort":
            return agents.sort(value[0], ascending=value[1])
        case "shuffle":
            return agents.shuffle(inplace=value)
        case "set":
            return agents.set("wealth", value)
        case "earn":
            return agents.shuffle_do("earn", value)
        case "either":
            return agents | [agent(number) for number in sorted(value)]
        case "both":
            agents &= [agent(number) for number in sorted(value)]
    return agents


@pytest.mark.filterwarnings("ignore:No Agents specified")
@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=12))
def test_any_order_of_steps_as_mesas(steps: list[tuple[str, Any]]) -> None:
    pair = Pair()
    for step in steps:
        old, new = (take(step, pair.sets[side], lambda n, side=side: pair.agent(side, n)) for side in (0, 1))
        # What `|` makes has the generator of its first agent in Mesa: go on with those we compare.
        old.random, new.random = pair.sets[0].random, pair.sets[1].random
        pair.sets = (old, new)
        pair.agree()
