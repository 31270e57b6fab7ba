"""Rings: they are arrested, give up, split, copy; new ones come; and a run that is resumed goes on with them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from small_economy import days, finish, found, recorded

from finsim import payments as pay
from finsim.agents.capital import capacities
from finsim.agents.credentials import CHEAPEST, CREDENTIAL, CredentialMarket
from finsim.agents.experience import Experience, Usual
from finsim.agents.fraud.campaign import Campaign
from finsim.agents.fraud.care import PACE
from finsim.agents.underworld import BOUGHT
from finsim.checkpoint import capture, reinstate
from finsim.clock import DAY, HOUR

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


# -- capital and the market of stolen details -----------------------------------------------------------------


def test_details_are_cheaper_when_old_faulty_or_many() -> None:
    market = CredentialMarket(half_life_days=10.0, price=12.0)
    market.begin_day(20 * DAY, 1.0)

    def price(days: int, quality: float) -> int:
        row = np.zeros(1, dtype=CREDENTIAL)
        row["stolen"], row["quality"] = (20 - days) * DAY, quality
        return market.price_of(row[0])

    assert price(0, 1.0) == 1_200
    assert price(10, 1.0) == 600
    assert price(10, 0.5) == 300
    assert price(200, 0.5) == CHEAPEST
    market.begin_day(20 * DAY, 2.0)
    assert price(0, 1.0) == 600


def test_buyers_prefer_good_details_and_pay_for_them() -> None:
    economy = found(**{"population.customers": 400, "fraud.intensity": 3})
    world, market = economy.underworld, economy.underworld.credentials
    days(economy, 1)
    offered = market.state()
    ring = world.rings[0]
    campaign = Campaign(1, "card_not_present", ring.row, economy.now)
    before, ring.capital = ring.capital, 10_000_000
    bought = market.take(world, campaign, 40, cheap=0.0)
    assert 1 < len(bought) <= 40
    spent = 10_000_000 - ring.capital
    assert CHEAPEST * len(bought) <= spent <= 1_200 * 2 * len(bought)
    assert len(market.state()) == len(offered) - len(bought)
    assert {card[3] for card in bought} <= set(offered["quality"].astype(float).tolist())
    ring.capital = CHEAPEST - 1
    assert market.take(world, campaign, 1, cheap=0.0) == [], "who has no money buys nothing"
    assert before > 0


def test_rich_rings_are_busier_and_the_mean_stays() -> None:
    economy = found(**{"fraud.intensity": 3})
    rings = economy.underworld.rings
    start = rings[0].capital
    assert capacities(rings) == pytest.approx(np.ones(len(rings)))
    rings[0].capital, rings[1].capital = 15 * start, 0
    found_ = capacities(rings)
    assert found_[0] > 1.0 > found_[1]
    assert found_.mean() == pytest.approx(1.0, abs=0.02)


def test_what_is_held_teaches_when_it_is_decided() -> None:
    economy = found(**{"fraud.intensity": 3})
    ring = economy.underworld.rings[0]
    campaign = Campaign(1, "account_takeover", ring.row, economy.now)
    ring.campaigns[1] = economy.underworld.campaigns[1] = campaign
    row = pay.blank(1)
    row["campaign"], row["truth"], row["amount"], row["rail"] = 1, pay.IS_FRAUD, 100_000, pay.INSTANT
    row["timestamp"], row["decision"], row["stage"] = economy.now, pay.HELD, 1
    start = ring.capital
    ring.observe(row)
    assert not ring.experience.arms
    row["decision"], row["flags"] = pay.APPROVED, pay.RELEASE
    ring.observe(row)
    tried, gained = ring.experience.arms["typology/account_takeover"]
    assert tried > 0
    assert gained > tried, "it succeeded"
    assert not [arm for arm in ring.experience.arms if arm.startswith("hour/")], "the hour was the analyst's"
    assert ring.capital - start == 92_000, "less the mule's commission"
    economy.underworld.warn(1, campaign.victim, economy.now)
    ring.campaigns.pop(1, None)
    row["decision"] = pay.DECLINED
    ring.observe(row)
    assert ring.experience.arms["typology/account_takeover"][0] > tried, "a refusal teaches after the victim's report"
    economy.underworld.account(1, economy.now, "recovered", 100_000)
    assert ring.capital == start, "what is recalled is lost, after the report too"


def test_without_adaptation_capital_binds_nobody() -> None:
    ring = found(**{"fraud.intensity": 3, "fraud.adaptation": 0.0}).underworld.rings[0]
    ring.capital = 0
    assert ring.buy("card_not_present", 500)


# -- pace -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("adaptation", [1.0, 0.0])
def test_a_ring_whose_bursts_are_declined_waits_longer(adaptation: float) -> None:
    world = found(**{"population.customers": 400, "fraud.intensity": 3, "fraud.adaptation": adaptation}).underworld
    ring = world.rings[0]

    def bursts() -> float:
        ring.new_day()
        campaigns = [Campaign(number, "card_not_present", ring.row, 0) for number in range(400)]
        return float(np.mean([world.choose_pace(campaign) == 0 for campaign in campaigns]))

    error = np.sqrt(PACE.usual[0] * (1 - PACE.usual[0]) / 400)
    assert abs(bursts() - PACE.usual[0]) < 4 * error, "as usual, before anything is known"
    for pace, gained in ((0, 10.0), (1, 50.0), (2, 50.0)):
        ring.experience.learn(f"{PACE.of('card_not_present')}/{pace}", 50.0, gained)
    if adaptation:
        assert bursts() < PACE.usual[0] / 3
    else:
        assert abs(bursts() - PACE.usual[0]) < 4 * error


def test_rings_learn_about_pace_where_it_is_a_choice() -> None:
    economy = found(**{"population.customers": 600, "run.days": 12, "fraud.intensity": 20})
    days(economy, 12)
    world = economy.underworld
    learned = {arm.rsplit("/", 1)[0] for arm in world.rumours.arms if arm.startswith("pace of ")}
    assert PACE.of("card_not_present") in learned
    assert learned <= {PACE.of(name) for name in BOUGHT}
    chosen = {campaign.typology for campaign in world.campaigns.values() if campaign.pace >= 0}
    assert chosen <= set(BOUGHT)
    assert len({campaign.typology for campaign in world.campaigns.values()} - chosen) > 3


def test_who_waits_pays_later() -> None:
    economy, recorder = recorded(
        **{"population.customers": 2500, "run.days": 25, "fraud.intensity": 20, "fraud.adaptation": 0}
    )
    days(economy, 26)
    campaigns = economy.underworld.campaigns.items()
    paces = {number: one.pace for number, one in campaigns if one.typology == "card_not_present"}
    finish(economy)
    rows = recorder.records
    rows = np.sort(rows[np.isin(rows["campaign"], list(paces))], order=["campaign", "timestamp"])
    same = rows["campaign"][1:] == rows["campaign"][:-1]
    hours = np.diff(rows["timestamp"])[same] / HOUR
    pace = np.array([paces[number] for number in rows["campaign"][1:][same].tolist()])
    assert np.bincount(pace).min() > 20
    at_once, few_a_day, one_a_day = (float(np.median(hours[pace == k])) for k in range(len(PACE.values)))
    assert at_once < 3.0
    assert 2 * at_once < few_a_day < one_a_day / 2
