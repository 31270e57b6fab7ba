"""Columnar populations: conditions, views, columns, tombstones, agents of their own, checkpoints."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from collections.abc import Callable
from random import Random
from typing import Any

import mesa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mesa.datacollection import DataCollector
from zoo import AGE, WEALTH, OneThing, Thing, Zoo, plain, things

from finsim.errors import ResumeError
from finsim.population import AgentSet, Column, ColumnAgent, ColumnAgentSet, Derived, Population


@pytest.fixture
def model() -> mesa.Model:
    return mesa.Model(rng=7)


@pytest.fixture
def population(model: mesa.Model) -> Population:
    return things(model)


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=30), st.booleans())
def test_sort_is_stable_both_ways(values: list[float], ascending: bool) -> None:
    population = things(mesa.Model(rng=1), len(values))
    population.assign("wealth", values)
    wanted = sorted(range(len(values)), key=values.__getitem__, reverse=not ascending)
    assert population.agents.sort("wealth", ascending=ascending).get("number") == wanted


def test_set_is_mesas(population: Population) -> None:
    agents = population.agents
    assert isinstance(agents, mesa.agent.AgentSet)
    assert isinstance(agents.to_list()[0], mesa.Agent)
    assert agents.random is population.model.random
    assert list(agents._agents) == agents.to_list()
    assert repr(agents) == "<ColumnAgentSet of 10 thing rows>"


# -- conditions, arrays ---------------------------------------------------------------------------------------


def test_select_on_names_is_vectorised(population: Population) -> None:
    agents = population.agents
    assert agents.select(kind="dog").get("number") == [0, 2, 6, 7]
    assert agents.select(kind=["cat", "eel"], age=18).get("number") == [4, 8]
    assert agents.select(kind={"eel"}).get("number") == [3, 4]
    assert agents.select(wealth=lambda values: values > 3.5).get("number") == [4, 8]
    assert agents.select(agents.array("age") > 90).get("number") == [3, 9]
    assert agents.select(agents.array("age") < 90, at_most=2, kind="cat").get("number") == [1, 5]
    assert agents.select(lambda agent: agent.age > 5, kind="cat", at_most=1).get("number") == [5]
    assert population.views_built == 2  # the last line asked one by one, until it had what it wanted
    assert agents.select(kind="dog", inplace=True) is agents
    assert len(agents) == 4


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"colour": "red"}, AttributeError),
        ({"wealth": lambda values: values}, ValueError),
        ({"wealth": lambda values: True}, ValueError),
        ({"filter_func": np.ones(3, dtype=bool)}, ValueError),
        ({"filter_func": np.arange(10)}, ValueError),
    ],
)
def test_odd_conditions_are_refused(population: Population, arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        population.agents.select(**arguments)


def test_arrays_cannot_be_written(population: Population) -> None:
    agents = population.agents
    for array in (
        agents.array("wealth"),
        agents.array("kind"),
        population.array("wealth"),
        agents.rows,
        population.alive,
    ):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_population_array_is_live_and_set_array_is_not(population: Population) -> None:
    live, then = population.array("wealth"), population.agents.array("wealth")
    population.column("wealth")[0] = 100.0
    assert (live[0], then[0], population.agent(0).wealth) == (100.0, 3.5, 100.0)


def test_array_follows_the_order_of_the_set(population: Population) -> None:
    agents = population.agents_at([7, 2, 7, 3])
    assert agents.array("number").tolist() == [7, 2, 3]
    assert agents.array("kind").tolist() == ["dog", "dog", "eel"]
    assert population.array("twice").tolist() == [2 * value for value in WEALTH]


def test_set_takes_one_value_for_each(population: Population) -> None:
    agents = population.agents_at([5, 1])
    agents.set("wealth", [10, 20]).set("age", np.array([1, 2]))
    assert population.agents_at([1, 5]).get(["wealth", "age"]) == [[20.0, 2], [10.0, 1]]
    with pytest.raises(ValueError, match="shape"):
        agents.set("wealth", [1, 2, 3])


def test_data_is_one_aligned_record_array(population: Population) -> None:
    assert population.data.dtype.names == ("tombstone", "number", "wealth", "age", "kind_code")
    assert population.data.dtype.isalignedstruct
    assert Population("thing", population.model, Thing, 2).data["number"].tolist() == [-1, -1]
    assert len(population) == population.size == 10


def test_hot_phases_build_no_view(population: Population) -> None:
    agents = population.agents
    agents.get(["wealth", "kind"])
    agents.set("wealth", 3.0).set("twice", 8.0).agg("wealth", [sum, np.mean])
    agents.select(kind="dog").sort("age").shuffle().array("twice")
    agents.groupby("kind").agg("wealth", sum)
    agents.groupby("kind").map("get", "age")
    (agents - agents.select(kind="cat")) | agents.select(at_most=2)
    population.remove([1, 2])
    len(agents)
    assert population.views_built == 0
    agents.do("step")
    assert population.views_built == 8


# -- views ----------------------------------------------------------------------------------------------------


def test_view_reads_and_writes_its_row(population: Population) -> None:
    thing = population.agent(3)
    thing.wealth, thing.age = 5, 8
    thing.twice += 2
    assert population.data["wealth"][3] == 6.0
    assert (thing.wealth, thing.age, thing.kind, thing.twice) == (6.0, 8, "eel", 12.0)
    assert [type(value) for value in (thing.wealth, thing.age, thing.kind, thing.unique_id)] == [float, int, str, int]
    assert thing.pos is None
    assert (thing.model, thing.random, thing.rng) == (population.model, population.model.random, population.model.rng)
    thing.step()
    thing.advance()
    assert repr(thing) == "<Thing: thing 3>"


def test_views_are_equal_by_population_and_row(population: Population) -> None:
    first, again = population.agent(4), population.agent(4)
    assert first is not again
    assert first == again
    assert hash(first) == hash(again)
    assert len({first, again, population.agent(5)}) == 2
    assert first not in {things(population.model).agent(4)}
    assert first != 4
    assert again in population.agents
    assert again not in things(population.model).agents


def test_views_are_not_kept(population: Population) -> None:
    agents = population.agents
    reference = weakref.ref(agents.to_list()[0])
    assert reference() is None
    kept: list[weakref.ref[Any]] = []
    agents.do(lambda agent: kept.append(weakref.ref(agent)))
    agents.sort(lambda agent: kept.append(weakref.ref(agent)) or agent.age).groupby(lambda agent: agent.kind)
    assert len(kept) == 20
    assert all(reference() is None for reference in kept)


def test_model_with_columns_is_freed() -> None:
    model = Zoo()
    model.population.agents.do("earn", 1)
    kept = model.population.agent(2)
    reference = weakref.ref(model)
    del model, kept
    gc.collect()
    assert reference() is None


def test_unique_ids_never_meet(model: mesa.Model) -> None:
    kinds = [Population(kind, model, Thing, 4) for kind in ("customer", "merchant", "employer", "thing")]
    ids = [number for population in kinds for number in population.agents.get("unique_id")]
    assert len(set(ids)) == 16
    assert max(ids) < 0 < min(agent.unique_id for agent in plain(model))
    assert ids[5] == kinds[1].agent(1).unique_id == Population("merchant", Zoo(), Thing, 9).agent(1).unique_id


@pytest.mark.parametrize("act", [lambda t: t.welth, lambda t: setattr(t, "welth", 3)])
def test_unknown_attribute_is_refused_and_taught(population: Population, act: Callable[[Any], Any]) -> None:
    with pytest.raises(AttributeError, match=r"a Thing has no (attribute|column) 'welth'; did you mean 'wealth'"):
        act(population.agent(0))


@pytest.mark.parametrize(
    "act",
    [
        lambda p: p.agents.set("welth", 3),
        lambda p: p.agents.array("welth"),
        lambda p: p.agents.select(welth=3),
        lambda p: p.array("welth"),
        lambda p: p.column("welth"),
        lambda p: p.assign("welth", 3),
    ],
)
def test_unknown_column_is_refused_and_taught(population: Population, act: Callable[[Any], Any]) -> None:
    with pytest.raises(AttributeError, match="a thing has no column 'welth'; did you mean 'wealth'"):
        act(population)


def test_far_off_name_lists_the_declared_ones(population: Population) -> None:
    with pytest.raises(
        AttributeError, match="allowed: age, kind, kind_code, number, tombstone, twice, unique_id, wealth"
    ):
        _ = population.agent(0).xyz


@pytest.mark.parametrize(
    "name", ["kind", "unique_id", "tombstone", "pos", "model", "row", "population", "step", "_note"]
)
def test_what_cannot_be_set_says_so(population: Population, name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(population.agent(0), name, 1)


def test_error_inside_a_getter_is_seen(model: mesa.Model) -> None:
    class Broken(ColumnAgent):
        ledger = Derived(lambda p, r: p.model.no_such_ledger[r])
        wrong = Derived(lambda p, r: np.zeros(3))

    thing = Population("broken", model, Broken, 1).agent(0)
    with pytest.raises(AttributeError, match="no_such_ledger"):
        _ = thing.ledger
    with pytest.raises(ValueError, match="wrong: get returned shape"):
        _ = thing.wrong


@pytest.mark.parametrize("name", ["pos", "model", "unique_id", "random", "rng", "scenario", "step", "remove", "row"])
def test_reserved_names_are_refused(name: str) -> None:
    with pytest.raises(TypeError, match=f"the name '{name}' is reserved"):
        type("Odd", (ColumnAgent,), {name: Column("i4")})


def test_rows_are_made_with_their_population(population: Population) -> None:
    with pytest.raises(TypeError, match="made with their Population"):
        Thing.create_agents(population.model, 3)
    with pytest.raises(TypeError, match="the view of a row"):
        Thing(population.model, 3)
    for row in (-1, 10):
        with pytest.raises(IndexError, match=f"thing {row} does not exist: rows are 0 to 9"):
            population.agent(row)
        with pytest.raises(IndexError, match=f"thing {row} does not exist"):
            population.agents_at([1, row])
        with pytest.raises(IndexError, match=f"thing {row} does not exist"):
            population.remove([1, row])
    with pytest.raises(TypeError, match="flatnonzero"):
        population.agents_at(population.alive)
    assert len(population.agents) == 10


# -- columns --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "value"),
    [("u1", 256), ("u1", -1), ("i4", 2.5), ("i8", float("nan")), ("i8", 1e30), ("u8", -1), ("?", 2), ("i4", "12"),
     ("f8", "1.5"), ("f8", None), ("f4", 1e300), ("U3", "long"), ("U3", 5), ("i2", [1, 40_000]), ("i8", 2**70)],
)  # fmt: skip
def test_value_that_does_not_fit_is_refused(dtype: str, value: Any) -> None:
    with pytest.raises(ValueError, match="does not fit a column of dtype"):
        Column(dtype).cast(value)


@pytest.mark.parametrize(
    ("dtype", "value"),
    [("u1", 255), ("u1", True), ("i4", -3.0), ("i8", 2**62), ("f4", 0.1), ("f8", float("inf")), ("f8", 3), ("?", 1),
     ("U3", "abc"), ("S2", b"ab"), ("u8", np.uint64(2**64 - 1)), ("f8", [1, 2])],
)  # fmt: skip
def test_value_that_fits_is_kept(dtype: str, value: Any) -> None:
    out = Column(dtype).cast(value)
    assert out.dtype == np.dtype(dtype)
    assert np.allclose(out, value) if out.dtype.kind == "f" else np.all(out == value)


def test_refused_value_changes_nothing(population: Population) -> None:
    with pytest.raises(ValueError, match="age: 300 does not fit"):
        population.agents.set("age", 300)
    with pytest.raises(ValueError, match="age: 300 does not fit"):
        population.agent(0).age = 300
    assert tuple(population.agents.get("age")) == AGE


@pytest.mark.parametrize("dtype", ["O", "M8[us]", "c16", "3f4", "V4"])
def test_other_dtypes_are_refused(dtype: str) -> None:
    with pytest.raises(TypeError, match="a column cannot be of dtype"):
        Column(dtype)


def test_declaration_knows_itself() -> None:
    assert Thing.wealth is Thing.declared["wealth"]
    assert (Thing.wealth.name, Thing.wealth.unit, Thing.number.doc, Thing.number.default) == (
        "wealth",
        "coin",
        "its number",
        -1,
    )
    assert list(Thing.declared) == ["tombstone", "unique_id", "number", "wealth", "age", "kind_code", "kind", "twice"]
    assert Column("U4").default == ""
    with pytest.raises(ValueError, match="default: 300 does not fit"):
        Column("u1", default=300)


# -- tombstones -----------------------------------------------------------------------------------------------


def test_removed_agent_leaves_every_set_and_its_row_stays(population: Population) -> None:
    everyone, dogs = population.agents, population.agents.select(kind="dog")
    held = population.agent(2)
    held.remove()
    held.remove()
    assert everyone.get("number") == [0, 1, 3, 4, 5, 6, 7, 8, 9]
    assert dogs.get("number") == [0, 6, 7]
    assert held not in everyone
    assert len(population) == 10
    assert population.alive.tolist() == [row != 2 for row in range(10)]
    held.wealth = 1.25
    assert (held.tombstone, held.wealth, held.kind) == (1, 1.25, "dog")
    with pytest.raises(ValueError, match="was removed"):
        everyone.add(held)
    assert population.agents_at([1, 2, 3]).get("number") == [1, 3]


def test_removal_by_a_verb(population: Population) -> None:
    agents = population.agents
    agents.select(kind="dog").do("remove")
    assert agents.get("kind") == ["cat", "eel", "eel", "cat", "cat", "cat"]

    def eat_next(agent: Any) -> int:
        if agent.row + 1 < 10:
            population.agent(agent.row + 1).remove()
        return int(agent.row)

    assert agents.map(eat_next) == [1, 3, 5, 8]  # 0, 2, 6, 7 are gone, 4 and 9 are eaten
    assert agents.get("number") == [1, 3, 5, 8]


# -- agents of their own --------------------------------------------------------------------------------------


def test_specialised_agent_stands_for_its_row(population: Population) -> None:
    one = OneThing(population, 4)
    population.specialised[4] = one
    agents = population.agents
    assert population.agent(4) is agents[4] is one
    assert [type(agent) for agent in agents].count(OneThing) == 1
    agents.do("step")
    one.mood = "calm"
    assert (one.steps, one.mood, one.kind) == (1, "calm", "eel")
    assert agents.select(agent_type=OneThing).to_list() == [one]
    assert agents.select(agent_type=Thing) == agents
    assert Thing(population, 4) in agents.select(agent_type=OneThing)
    one.wealth = 50.0
    assert agents.agg("wealth", max) == 50.0
    one.remove()
    assert len(agents) == 9


def test_strange_classes_are_refused(population: Population, model: mesa.Model) -> None:
    class Taller(Thing):
        height = Column("f4")

    class Other(ColumnAgent):
        pass

    with pytest.raises(TypeError, match="Taller cannot add columns to a population of thing rows: height"):
        Taller(population, 1)
    with pytest.raises(TypeError, match="Other is no subclass of Thing"):
        Other(population, 1)


# -- one population to a set ----------------------------------------------------------------------------------


def test_other_agents_are_refused(population: Population, model: mesa.Model) -> None:
    agents, others = population.agents, things(model).agents
    stranger = plain(model)
    theirs = AgentSet(stranger)
    for strange in (stranger[0], next(iter(others)), "dog"):
        with pytest.raises(TypeError, match="is no thing of this population"):
            agents.add(strange)
        agents.discard(strange)
        with pytest.raises(KeyError):
            agents.remove(strange)
    for join in (lambda: agents | others, lambda: agents ^ others, lambda: agents | theirs, lambda: theirs | agents):
        with pytest.raises(TypeError, match="is no thing of this population"):
            join()
    assert len(agents & others) == len(agents & theirs) == 0
    assert (agents - others) == (agents - theirs) == agents
    assert list(theirs - agents) == stranger


# -- copies and checkpoints -----------------------------------------------------------------------------------


def test_state_goes_back_in_place(population: Population, model: mesa.Model) -> None:
    population.remove(3)
    state = population.state()
    agents, data = population.agents, population.data
    population.agents.set("wealth", 0.0)
    population.remove([4, 5])
    assert (len(agents), state["wealth"][0]) == (7, 3.5)
    population.restore(state)
    assert population.data is data
    assert agents.get("wealth") == [value for row, value in enumerate(WEALTH) if row != 3]
    other = Population("thing", model, Thing, 10)
    other.restore(state)
    assert (other.data == data).all()
    assert {type(array) for array in state.values()} == {np.ndarray}
    assert not any(array.dtype.hasobject or array.dtype.names for array in state.values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("age"), "column 'age' of thing is missing in this state"),
        (lambda s: s.update(colour=s["age"]), "column 'colour' of thing is unknown in this state"),
        (lambda s: s.update(age=s["age"].astype("i8")), "column 'age' of thing is int64"),
        (lambda s: s.update(age=s["age"][:4]), "not uint8"),
    ],
)
def test_state_of_something_else_is_refused(population: Population, change: Callable[[Any], Any], message: str) -> None:
    state = population.state()
    state["wealth"][:] = 0
    change(state)
    with pytest.raises(ResumeError, match=message):
        population.restore(state)
    assert population.agent(0).wealth == 3.5


def test_copies_and_pickles() -> None:
    population = things(Zoo)  # any picklable object does for a model that is only referred to
    agents = ColumnAgentSet(population, [4, 2, 9], Random(1))
    again = pickle.loads(pickle.dumps(agents))
    assert again.get("number") == [4, 2, 9]
    assert again.shuffle().get("number") == agents.shuffle().get("number")
    thing = pickle.loads(pickle.dumps(population.agent(4)))
    assert (thing.row, thing.number, copy.copy(thing)) == (4, 4, thing)
    one = OneThing(population, 4)
    one.mood = "calm"
    assert pickle.loads(pickle.dumps(one)).mood == "calm"
    other = agents.copy()
    other.clear()
    assert len(agents) == 3


def test_data_collector_reads_columns() -> None:
    model = Zoo()
    collector = DataCollector(
        model_reporters={"wealth": lambda m: m.agents_by_type[Thing].agg("wealth", sum)},
        agenttype_reporters={Thing: {"wealth": "wealth", "kind": lambda agent: agent.kind}},
    )
    collector.collect(model)
    frame = collector.get_agenttype_vars_dataframe(Thing)
    assert collector.model_vars["wealth"] == [sum(WEALTH[:5])]
    assert frame["wealth"].tolist() == list(WEALTH[:5])
    assert frame.index.get_level_values("AgentID").tolist() == model.population.agents.get("unique_id")
