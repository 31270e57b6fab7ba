"""Rings: they are arrested, give up, split, copy; new ones come; and a run that is resumed goes on with them."""

from __future__ import annotations

import json
from typing import Any

from small_economy import days, finish, found, recorded

from finsim.agents.experience import Experience, Usual
from finsim.checkpoint import capture, reinstate

RESTLESS: dict[str, Any] = {
    "population.customers": 400,
    "run.days": 12,
    "fraud.intensity": 3,
    "fraud.arrested_per_year": 6.0,
    "fraud.left_per_year": 6.0,
    "fraud.split_per_year": 6.0,
    "fraud.copied_per_year": 100.0,
}


def test_rings_end_and_new_ones_come() -> None:
    economy, recorder = recorded(**RESTLESS)
    first = len(economy.underworld.rings)
    finish(economy)
    rings = economy.underworld.rings
    ended = [ring for ring in rings if ring.ended_at]
    assert len(ended) > 5
    assert len(rings) > first + 5
    assert all(not ring.due and not ring.campaigns for ring in ended)
    assert 0.5 * first < sum(ring.effort for ring in economy.underworld.active_rings()) < 1.6 * first
    mules = economy.world.customers.data["mule_ring"]
    assert not set(mules[mules >= 0].tolist()) & {ring.row for ring in ended}
    table = recorder.frame("rings")
    assert table["ended_at"].drop_nulls().len() == len(ended)
    assert table["ring_id"].is_unique().all()


def test_a_ring_that_has_ended_begins_nothing() -> None:
    economy = found(**RESTLESS)
    world = economy.underworld
    ring = world.rings[0]
    world.ring_life.end(ring)
    before = ring.count
    days(economy, 3)
    assert ring.count == before


def test_a_resumed_run_has_the_same_rings() -> None:
    one = found(**RESTLESS)
    days(one, 6)
    values, arrays = capture(one)
    two = found(**RESTLESS)
    reinstate(two, json.loads(json.dumps(values)), arrays)
    for economy in (one, two):
        days(economy, 4)
    states = [json.dumps(capture(economy)[0]["underworld"], sort_keys=True) for economy in (one, two)]
    assert states[0] == states[1]
    assert len(one.underworld.rings) > 0


def test_a_ring_copies_as_well_as_it_understands() -> None:
    own, other = Experience(), Experience()
    own.learn("typology/a", 10.0, 2.0)
    other.learn("typology/a", 10.0, 8.0)
    other.learn("typology/b", 4.0, 4.0)
    own.adopt(other, 0.5, {"typology/b": 0.5})
    assert own.arms == {"typology/a": [10.0, 5.0], "typology/b": [2.0, 1.0]}
    assert other.overall() > own.overall()


def test_what_is_usual_stands_after_a_while() -> None:
    usual = Usual()
    for number in range(400):
        usual.see("a", 1_000, number < 150)
    assert usual.rate("a") > 0.9, "later failures do not become usual"
    assert usual.value("a", 2_000) == 2.0
    assert usual.value("a", 10**9) == 5.0
