"""Stolen cards and accounts taken over: what each typology is, read from the exported tables alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest

import finsim
from finsim.agents.fraud import registry
from finsim.agents.fraud.card_not_present import MOST_DECLINES
from finsim.dataset.reader import Dataset

pytestmark = pytest.mark.behaviour

FIVE = ("card_testing", "card_not_present", "lost_stolen", "skimming", "account_takeover")
MUCH: dict[str, Any] = {
    "population.customers": 1000,
    "run.days": 60,
    "run.warm_up_days": 15,
    "fraud.intensity": 2,
    "fraud.adaptation": 0,
    "fraud.phishing_rate": 900.0,
    "fraud.mules.per_1000_customers": 30.0,
    **{f"fraud.{name}.rate": 0 for name in registry() if name not in FIVE},
    "fraud.card_testing.rate": 100.0,
    "fraud.card_not_present.rate": 200.0,
    "fraud.lost_stolen.rate": 400.0,
    "fraud.lost_stolen.misuse": 0.3,
    "fraud.lost_stolen.pin_known": 0.4,
    "fraud.skimming.rate": 50.0,
    "fraud.skimming.days": 6.0,
    "fraud.skimming.wait_days": 3.0,
    "fraud.account_takeover.rate": 200.0,
}
"""A dozen campaigns of each typology and more, most over before the run is; no ring moves to what pays better."""
REMOTE = ["online", "app", "phone"]
IN_PERSON = ["pos", "atm"]
LAG = dt.timedelta(hours=1)
"""Two ticks: a bank acts as the next tick begins, and what a thief began in that one stands."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    path = tmp_path_factory.mktemp("cards") / "run"
    finsim.run("tiny", out=path, overrides=MUCH)
    return finsim.open_dataset(path)


def read(frame: pl.LazyFrame) -> pl.DataFrame:
    """Return a table with its words as words."""
    return frame.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String)).collect()


@pytest.fixture(scope="module")
def rows(data: Dataset) -> pl.DataFrame:
    """Return all transactions with what truth says of them, in time order, without releases of held payments."""
    held = data.transactions.filter(pl.col("decision").cast(pl.String) == "held").select("transaction_id")
    own = data.transactions.join(held, left_on="related_transaction_id", right_on="transaction_id", how="anti")
    return read(own.join(data.truth, on="transaction_id", how="left")).sort("timestamp", "transaction_id")


@pytest.fixture(scope="module")
def genuine(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("typology").is_null())


@pytest.fixture(scope="module")
def events(data: Dataset) -> pl.DataFrame:
    return read(data.events).sort("event_at")


@pytest.fixture(scope="module")
def reported(data: Dataset) -> pl.DataFrame:
    """Return when customers said of which transaction that it is fraud."""
    said = read(data.label_events).filter(source="customer", label="fraud")
    return said.select("transaction_id", "event_at")


def campaigns(rows: pl.DataFrame, data: Dataset, typology: str) -> Iterator[pl.DataFrame]:
    """Yield the attempts of each campaign that began in the export, in time order."""
    begun = data.campaigns.filter(pl.col("started_at") >= rows["timestamp"].min()).select("campaign_id").collect()
    mine = rows.filter(pl.col("is_fraud") & (pl.col("typology") == typology))
    yield from mine.filter(pl.col("campaign_id").is_in(begun["campaign_id"].implode())).partition_by("campaign_id")


def kilometres(rows: pl.DataFrame, other: pl.DataFrame, on: str) -> pl.Series:
    """Return how far each row lies from the latitude and longitude that another table has, joined on a column."""
    both = rows.join(other.select(on, there="latitude", across="longitude"), on=on, how="left", maintain_order="left")
    north = 111.2 * (both["latitude"] - both["there"])
    east = 111.2 * (both["longitude"] - both["across"]) * np.cos(np.radians(both["there"]))
    return (north**2 + east**2).sqrt()


def known_shops(rows: pl.DataFrame, genuine: pl.DataFrame) -> float:
    """Return the share of rows at merchants where the customer had bought before."""
    first = genuine.filter(decision="approved").group_by("customer_id", "merchant_id").agg(first="timestamp")
    first = first.with_columns(pl.col("first").list.min())
    both = rows.join(first, on=["customer_id", "merchant_id"], how="left")
    return float((both["first"] < both["timestamp"]).fill_null(False).mean())


# -- all of them ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FIVE)
def test_there_are_campaigns_enough(name: str, rows: pl.DataFrame, data: Dataset) -> None:
    assert len(list(campaigns(rows, data, name))) >= 8


@pytest.mark.parametrize("name", ["card_not_present", "lost_stolen", "account_takeover"])
def test_a_campaign_has_one_victim_and_ends_when_the_victim_reports(
    name: str, rows: pl.DataFrame, data: Dataset, reported: pl.DataFrame
) -> None:
    ended = 0
    for campaign in campaigns(rows, data, name):
        assert campaign["victim_customer_id"].n_unique() == 1
        assert (campaign["customer_id"] == campaign["victim_customer_id"]).all()
        known = campaign.join(reported, on="transaction_id")["event_at"].min()
        if known is not None:
            ended += 1
            assert campaign["timestamp"].max() <= known + LAG
    assert ended >= 3


@pytest.mark.parametrize("name", ["card_testing", "card_not_present", "lost_stolen", "skimming"])
def test_a_blocked_card_buys_nothing_more(name: str, rows: pl.DataFrame, data: Dataset) -> None:
    cards = data.cards.filter(pl.col("blocked_at").is_not_null()).select("card_id", "blocked_at").collect()
    stopped = 0
    for campaign in campaigns(rows, data, name):
        late = campaign.join(cards, on="card_id").filter(pl.col("timestamp") > pl.col("blocked_at") + LAG)
        assert set(late["decline_reason"]) <= {"blocked"}
        stopped += len(late)
    alone = name in ("card_not_present", "lost_stolen")
    assert stopped > 0 or alone, "against one victim a campaign mostly ends with the report that blocks the card"


def test_nothing_is_tried_just_as_a_tick_begins(rows: pl.DataFrame) -> None:
    tried = rows.filter(pl.col("is_fraud") & pl.col("typology").is_in(FIVE))
    assert (tried["timestamp"].dt.epoch("us") % (30 * 60 * 1_000_000) > 0).all(), "no genuine row does"


# -- card testing ---------------------------------------------------------------------------------------------


def test_tests_are_small_and_at_one_weak_shop(rows: pl.DataFrame, data: Dataset, genuine: pl.DataFrame) -> None:
    highest = data.scenario["fraud"]["card_testing"]["amount_high"]
    shops = read(data.merchants).select("merchant_id", "category", "online")
    together, holders = [], []
    for campaign in campaigns(rows, data, "card_testing"):
        tests = campaign.filter(stage="test")
        assert tests["merchant_id"].n_unique() == 1
        shop = tests.join(shops, on="merchant_id")
        assert set(shop["category"]) <= {"digital_goods", "charity"}
        assert shop["online"].all()
        assert set(tests["channel"]) <= set(REMOTE)
        assert tests["amount"].max() <= highest
        assert ((tests["kind"] == "verification") == (tests["amount"] == 0)).all()
        together.append(tests)
        holders.append(tests["customer_id"].n_unique())
    assert np.mean(holders) >= 3, "a batch holds the cards of several people"
    tests = pl.concat(together)
    assert 0.2 < (tests["amount"] == 0).mean() < 0.5, "a third are verifications"
    usual = genuine.filter(pl.col("channel").is_in(REMOTE) & (pl.col("rail") == "card"))
    seen = tests.drop_nulls("device_id")
    machines = seen.group_by("campaign_id").agg(pl.col("card_id", "device_id").n_unique())
    assert machines["device_id"].sum() < 0.8 * machines["card_id"].sum(), "few machines for many cards"
    assert (tests["decision"] == "declined").mean() > 3 * (usual["decision"] == "declined").mean()


def test_only_cards_that_passed_are_used_and_after_a_rest(rows: pl.DataFrame, data: Dataset) -> None:
    rest = dt.timedelta(hours=data.scenario["fraud"]["card_testing"]["rest_hours"] * np.exp(-2.0))
    used, passed, amounts, shops = 0, 0, [], []
    for campaign in campaigns(rows, data, "card_testing"):
        tests, purchases = (campaign.filter(stage=stage) for stage in ("test", "purchase"))
        good = tests.filter(decision="approved").group_by("card_id").agg(tested=pl.col("timestamp").min())
        passed += len(good)
        if purchases.is_empty():
            continue
        used += purchases["card_id"].n_unique()
        assert tests["timestamp"].max() <= purchases["timestamp"].min(), "the whole batch is tested first"
        first = purchases.group_by("card_id").agg(pl.col("timestamp").min()).join(good, on="card_id", how="left")
        assert first["tested"].null_count() == 0, "what was declined is thrown away"
        assert (first["timestamp"] - first["tested"]).min() >= rest - LAG
        assert set(purchases["channel"]) <= set(REMOTE)
        amounts += purchases["amount"].to_list()
        shops.append(purchases["merchant_id"].n_unique() / len(purchases))
    assert 0.3 * passed < used <= passed
    assert np.median(amounts) > 2 * data.scenario["fraud"]["card_testing"]["amount_high"]
    assert np.median(shops) > 0.4, "tests are at one shop, purchases at many"


def test_a_tested_card_that_is_refused_for_good_is_dropped(rows: pl.DataFrame, data: Dataset) -> None:
    dropped = 0
    for campaign in campaigns(rows, data, "card_testing"):
        purchases = campaign.filter(stage="purchase")
        refused = purchases.filter(pl.col("decline_reason").is_in(["blocked", "rule"]))
        since = refused.group_by("card_id").agg(since=pl.col("timestamp").min())
        dropped += len(since)
        assert purchases.join(since, on="card_id").filter(pl.col("timestamp") > pl.col("since") + LAG).is_empty()
    assert dropped > 0


# -- card not present -----------------------------------------------------------------------------------------


def test_stolen_details_are_one_card_used_remotely_until_declines_end_it(rows: pl.DataFrame, data: Dataset) -> None:
    lengths = []
    for campaign in campaigns(rows, data, "card_not_present"):
        assert campaign["card_id"].n_unique() == 1
        assert set(campaign["channel"]) <= set(REMOTE)
        assert set(campaign["entry_mode"]) <= {"ecommerce", "card_on_file", "token", "keyed"}
        assert set(campaign["kind"]) == {"purchase"}
        declines = (campaign["decision"] == "declined").cum_sum()
        assert (declines.shift(1, fill_value=0) <= MOST_DECLINES).all()
        lengths.append(len(campaign))
    assert np.median(lengths) >= 2
    assert max(lengths) <= 25


def test_stolen_details_buy_in_bursts_at_shops_new_to_the_holder(
    rows: pl.DataFrame, data: Dataset, genuine: pl.DataFrame
) -> None:
    """Shops count once weeks have shown where people buy; a card on file is used where the holder has bought, too."""
    stolen = pl.concat(campaigns(rows, data, "card_not_present"))
    remote = genuine.filter(pl.col("channel").is_in(REMOTE) & (pl.col("kind") == "purchase"))
    settled = rows["timestamp"].min() + dt.timedelta(days=20)
    new, usual = (
        some.filter((pl.col("timestamp") > settled) & (pl.col("entry_mode") == "ecommerce"))
        for some in (stolen, remote)
    )
    assert known_shops(new, genuine) < 0.75 * known_shops(usual, genuine)
    gaps = stolen.select(pl.col("timestamp").diff().over("campaign_id")).drop_nulls()["timestamp"]
    own = remote.filter(pl.col("card_id").is_in(stolen["card_id"].unique().implode()))
    own_gaps = own.select(pl.col("timestamp").diff().over("card_id")).drop_nulls()["timestamp"]
    assert gaps.median() < dt.timedelta(hours=12)
    assert gaps.median() < own_gaps.median() / 3


@pytest.mark.parametrize("name", ["card_not_present", "card_testing"])
def test_purchases_within_hours_come_from_one_place(name: str, rows: pl.DataFrame, data: Dataset) -> None:
    stolen = pl.concat(campaigns(rows, data, name)).filter(stage="purchase").sort("card_id", "timestamp")
    steps = stolen.select(
        gap=pl.col("timestamp").diff().over("campaign_id", "card_id"),
        stays=(pl.col("ip_id") == pl.col("ip_id").shift().over("campaign_id", "card_id")),
    ).drop_nulls()
    near, late = (
        steps.filter(pl.col("gap") < dt.timedelta(hours=3)),
        steps.filter(pl.col("gap") > dt.timedelta(hours=3)),
    )
    assert min(len(near), len(late)) >= 20
    assert 0.6 < near["stays"].mean() < 1.0, "some change proxies all the same"
    assert late["stays"].mean() < 0.5


# -- lost or stolen -------------------------------------------------------------------------------------------


def test_a_found_card_is_used_in_person_near_its_owner(rows: pl.DataFrame, data: Dataset, events: pl.DataFrame) -> None:
    debit = set(data.cards.filter(pl.col("kind").cast(pl.String) == "debit").select("card_id").collect()["card_id"])
    found = pl.concat(campaigns(rows, data, "lost_stolen"))
    assert found["ring_id"].is_null().all(), "whoever finds a card belongs to no ring"
    assert (found.group_by("campaign_id").agg(pl.col("card_id").n_unique())["card_id"] == 1).all()
    assert set(found["channel"]) == set(IN_PERSON)
    assert set(found["entry_mode"]) == {"chip", "contactless"}, "it is the card itself"
    at_machine = found["channel"] == "atm"
    assert ((found["authentication"] == "pin") == at_machine).all(), "only who saw the PIN goes to a machine"
    assert set(found.filter(at_machine)["card_id"]) <= debit
    taps = found.filter(entry_mode="contactless")
    assert taps["amount"].max() <= data.scenario["behaviour"]["contactless_limit"]
    # A shop of the wanted kind may be missing in the area; who has moved since then lives elsewhere.
    moved = events.filter(kind="address_changed")["customer_id"]
    stayed = found.filter(~pl.col("customer_id").is_in(moved.implode()))
    homes = data.customers.select("customer_id", "latitude", "longitude").collect()
    others = homes.with_columns(pl.col("latitude", "longitude").shift(1, fill_value=0.0))
    near, far = kilometres(stayed, homes, "customer_id"), kilometres(stayed, others, "customer_id")
    assert (near < 60).mean() > 0.9
    assert (far < 60).mean() < 0.5


def test_a_found_card_is_used_for_hours_between_loss_and_report(
    rows: pl.DataFrame, data: Dataset, reported: pl.DataFrame, events: pl.DataFrame
) -> None:
    cards = data.cards.select("card_id", "account_id", "issued_at", "blocked_at").collect()
    over = rows["timestamp"].max()
    spans, seen, renewed, early = [], 0, 0, 0
    for campaign in campaigns(rows, data, "lost_stolen"):
        declined = (campaign["decision"] == "declined").cum_sum()
        assert (declined.shift(1, fill_value=0) <= 1).all(), "a second decline ends it"
        assert not (campaign["decline_reason"][:-1] == "blocked").any()
        spans.append(campaign["timestamp"].max() - campaign["timestamp"].min())
        known = campaign.join(reported, on="transaction_id")["event_at"].min()
        if known is None or known > over - LAG:
            continue
        seen += 1
        lost = events.filter(kind="card_reported_lost", customer_id=campaign["customer_id"][0])
        (card,) = cards.filter(card_id=campaign["card_id"][0]).iter_rows(named=True)
        assert card["blocked_at"] <= known + LAG
        before = card["blocked_at"] < known - dt.timedelta(seconds=1)
        early += before
        assert before or ((lost["event_at"] - known).abs() < dt.timedelta(seconds=1)).any()
        later = cards.filter((pl.col("account_id") == card["account_id"]) & (pl.col("issued_at") > card["blocked_at"]))
        renewed += len(later) > 0 or card["blocked_at"] > over - dt.timedelta(days=21)
    assert seen >= 5
    assert renewed >= 0.9 * seen, "a new card comes"
    assert early <= 0.2 * seen, "seldom has the bank blocked it before its owner missed it"
    assert np.median(spans) < dt.timedelta(hours=24)


def test_who_has_lost_a_card_cannot_put_it_in_or_tap_it(
    rows: pl.DataFrame, data: Dataset, genuine: pl.DataFrame
) -> None:
    """From the finder's first use on; a wallet or a card on file needs no plastic and goes on until it is blocked."""
    first = (
        pl.concat(campaigns(rows, data, "lost_stolen")).group_by("card_id").agg(pl.col("timestamp").min().alias("lost"))
    )
    own = genuine.filter(pl.col("entry_mode").is_in(["chip", "contactless", "magstripe"]))
    assert own.join(first, on="card_id").filter(pl.col("timestamp") > pl.col("lost")).is_empty()
    assert not own.join(first, on="card_id").is_empty(), "they were used before"


def test_cards_are_lost_without_misuse_too(rows: pl.DataFrame, data: Dataset, events: pl.DataFrame) -> None:
    misused = pl.concat(campaigns(rows, data, "lost_stolen"))["customer_id"].unique()
    lost = events.filter(kind="card_reported_lost")
    assert lost.filter(~pl.col("customer_id").is_in(misused.implode()))["customer_id"].n_unique() >= 5


# -- skimming -------------------------------------------------------------------------------------------------


def test_skimmed_cards_were_put_in_or_drawn_through_at_one_merchant(
    rows: pl.DataFrame, data: Dataset, genuine: pl.DataFrame
) -> None:
    """The point of compromise: all cards of a campaign were used there, few others were, and before any was misused."""
    begun = dict(data.campaigns.select("campaign_id", "started_at").collect().iter_rows())
    shops = read(data.merchants).select("merchant_id", "category")
    used = genuine.filter(
        pl.col("card_id").is_not_null() & pl.col("merchant_id").is_not_null(),
        pl.col("entry_mode").is_in(["chip", "magstripe"]),  # a device reads no other
        pl.col("channel").is_in(IN_PERSON) & (pl.col("decision") == "approved"),
    )
    several, elsewhere = 0, []
    for campaign in campaigns(rows, data, "skimming"):
        cards = campaign["card_id"].unique()
        since = begun[campaign["campaign_id"][0]]
        window = used.filter(pl.col("timestamp").is_between(since, campaign["timestamp"][0]))
        visits = window.group_by("merchant_id").agg(pl.col("card_id").unique())
        shared = visits.filter(pl.col("card_id").list.set_intersection(cards.to_list()).list.len() == len(cards))
        shared = shared.join(shops, on="merchant_id")
        assert not set(shared["category"]).isdisjoint({"cash_machine", "fuel", "convenience"})
        if len(cards) >= 3:
            several += 1
            others = window.filter(~pl.col("card_id").is_in(cards.implode()))
            there = others.filter(pl.col("merchant_id").is_in(shared["merchant_id"].implode()))
            elsewhere.append(there["card_id"].n_unique() / others["card_id"].n_unique())
    assert several >= 5
    assert max(elsewhere) < 0.3, "chance does not explain what all of them did"


def test_copies_are_used_by_stripe_where_the_ring_is_or_remotely(
    rows: pl.DataFrame, data: Dataset, events: pl.DataFrame
) -> None:
    debit = set(data.cards.filter(pl.col("kind").cast(pl.String) == "debit").select("card_id").collect()["card_id"])
    copies = pl.concat(campaigns(rows, data, "skimming"))
    assert (copies["ring_id"].is_not_null()).all()
    present = pl.col("channel").is_in(IN_PERSON)
    kinds = copies.group_by("campaign_id", "card_id").agg(present.n_unique())
    assert (kinds["channel"] == 1).mean() > 0.95, "a copy is used as a counterfeit or remotely, not both"
    tills, remote = copies.filter(present), copies.filter(~present)
    assert len(tills) > 30
    assert len(remote) > 30
    bought = tills.filter(channel="pos")["card_id"].unique()
    assert 0.1 < bought.is_in(sorted(debit)).mean() < 0.9, "copies of debit and of credit cards alike"
    assert set(tills.filter(channel="atm")["card_id"]) <= debit
    assert set(tills["entry_mode"]) <= {"magstripe", "keyed", "token"}, "a chip cannot be copied"
    assert (tills["entry_mode"] == "magstripe").mean() > 0.5
    assert set(tills.filter(channel="atm")["entry_mode"]) == {"magstripe"}
    # A shop of the wanted kind may be missing where the ring works.
    centres = tills.group_by("campaign_id").agg(pl.col("latitude", "longitude").median())
    assert (kilometres(tills, centres, "campaign_id") < 60).mean() > 0.9, "each device's copies go to one area"
    moved = events.filter(kind="address_changed")["customer_id"]
    stayed = tills.filter(~pl.col("customer_id").is_in(moved.implode()))
    homes = data.customers.select("customer_id", "latitude", "longitude").collect()
    away = stayed.with_columns(km=kilometres(stayed, homes, "customer_id")).group_by("campaign_id").agg(pl.mean("km"))
    assert (away["km"] > 100).mean() > 0.5


def test_most_copies_are_thrown_away_when_they_are_declined(rows: pl.DataFrame, data: Dataset) -> None:
    after = []
    for campaign in campaigns(rows, data, "skimming"):
        for uses in campaign.partition_by("card_id"):
            declined = (uses["decision"] == "declined").arg_max()
            if uses["decision"][declined] == "declined":
                after.append(uses["timestamp"][-1] > uses["timestamp"][declined] + LAG)
    assert len(after) >= 20
    assert np.mean(after) < 0.5, "seven in ten"


# -- account takeover -----------------------------------------------------------------------------------------


def sessions(
    rows: pl.DataFrame, data: Dataset, events: pl.DataFrame
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame, bool]]:
    """Yield attempts, events before the first one from the device they come from, and whether it was enrolled then."""
    begun = dict(data.campaigns.select("campaign_id", "started_at").collect().iter_rows())
    for campaign in campaigns(rows, data, "account_takeover"):
        device, customer = campaign["device_id"][0], campaign["customer_id"][0]
        since = pl.col("event_at").is_between(begun[campaign["campaign_id"][0]], campaign["timestamp"][0])
        before = events.filter(since, customer_id=customer, device_id=device)
        yield campaign, before, "device_added" in before["kind"]


def test_a_stranger_gets_in_before_the_first_transfer(
    rows: pl.DataFrame, data: Dataset, genuine: pl.DataFrame, events: pl.DataFrame
) -> None:
    first_seen = dict(data.devices.select("device_id", "first_seen_at").collect().iter_rows())
    strange, failed = [], []
    for campaign, before, enrolled in sessions(rows, data, events):
        assert campaign["device_id"].n_unique() == 1
        device, customer = campaign["device_id"][0], campaign["customer_id"][0]
        strange.append(enrolled)
        failed.append("login_failed" in before["kind"])
        by_owner = genuine.filter(customer_id=customer, device_id=device)
        if not enrolled:
            assert first_seen[device] < before["event_at"].min() if len(before) else True
            assert len(by_owner) > 0, "a device that was not enrolled is the victim's own"
            continue
        assert by_owner.is_empty()
        order = [kind for kind in before["kind"] if kind not in ("login", "payee_added")]
        (added,) = before.filter(kind="device_added")["event_at"]
        assert order == sorted(order, key=["login_failed", "device_added", "contact_changed", "alerts_changed"].index)
        assert campaign["timestamp"][0] - added >= dt.timedelta(minutes=6)
        assert before["event_at"].min() >= added - dt.timedelta(minutes=3)
    assert 0.35 < np.mean(strange) < 0.95, "a third come through the victim's own device"
    assert 0.3 < np.mean(failed) < 0.95, "two in three guess a password once or twice"


def test_details_that_would_warn_the_owner_are_changed_first(
    rows: pl.DataFrame, data: Dataset, events: pl.DataFrame
) -> None:
    contact, alerts = [], []
    for _, before, enrolled in sessions(rows, data, events):
        if enrolled:
            contact.append("contact_changed" in before["kind"])
            alerts.append("alerts_changed" in before["kind"])
            assert contact[-1] or not alerts[-1], "who switches alerts off has changed the address that they go to"
    assert 0.15 < np.mean(contact) < 0.8
    assert 0 < np.mean(alerts) <= np.mean(contact)
    usual = events.filter(kind="contact_changed")["customer_id"].n_unique() / len(data.customers.collect())
    assert np.mean(contact) > 2 * usual


def test_money_goes_to_payees_added_just_before(
    rows: pl.DataFrame, data: Dataset, genuine: pl.DataFrame, events: pl.DataFrame
) -> None:
    paid = genuine.filter(kind="transfer").select("customer_id", "payee_account_id", "timestamp")
    added, known = [], []
    for campaign in campaigns(rows, data, "account_takeover"):
        assert set(campaign["kind"]) == {"transfer"}
        assert set(campaign["channel"]) <= {"app", "online"}
        first = campaign.unique("payee_account_id", keep="first", maintain_order=True)
        first = first.filter(~pl.col("decline_reason").is_in(["blocked", "insufficient_funds"]).fill_null(False))
        for row in first.iter_rows(named=True):
            lately = pl.col("event_at").is_between(row["timestamp"] - dt.timedelta(minutes=8), row["timestamp"])
            made = events.filter(lately, kind="payee_added", customer_id=row["customer_id"])
            added.append(row["device_id"] in made["device_id"])
            before = paid.filter(pl.col("timestamp") < row["timestamp"], customer_id=row["customer_id"])
            known.append(row["payee_account_id"] in before["payee_account_id"])
    assert np.mean(added) > 0.8, "but for accounts that the victim paid before the export"
    assert np.mean(known) < 0.1


def test_an_account_is_drained_in_a_few_steps(rows: pl.DataFrame, data: Dataset, genuine: pl.DataFrame) -> None:
    for campaign in campaigns(rows, data, "account_takeover"):
        assert len(campaign) <= 9
        declined = (campaign["decision"] == "declined").cum_sum()
        assert (declined.shift(1, fill_value=0) <= 2).all(), "the third decline ends it"
        for one, next_one in pairwise(campaign["timestamp"]):
            assert one < next_one
    taken = pl.concat(campaigns(rows, data, "account_takeover"))
    assert len(taken) > 36
    exact = ((100 * taken["amount"]).round() % 100 != 0).sum()
    assert abs(exact - 0.5 * len(taken)) < 4 * np.sqrt(0.25 * len(taken)), "half to the cent, half rounded"
    assert taken["amount"].value_counts()["count"].max() < 0.1 * len(taken), "no sum gives them away"

    def part(some: pl.DataFrame) -> float:
        paid = some.filter(decision="approved", kind="transfer").drop_nulls("payer_balance_after")
        paid = paid.filter(pl.col("payer_balance_after") >= 0)
        return float((paid["amount"] / (paid["amount"] + paid["payer_balance_after"])).median())

    assert part(taken) > 1.5 * part(genuine)


def test_mules_pass_on_what_came_to_them(rows: pl.DataFrame, data: Dataset) -> None:
    moved = 0
    every = read(data.transactions.join(data.truth, on="transaction_id")).filter(typology="account_takeover")
    for campaign in campaigns(rows, data, "account_takeover"):
        held_by: dict[int, float] = {}
        steps = every.filter(pl.col("campaign_id") == campaign["campaign_id"][0], pl.col("decision") == "approved")
        assert set(steps.filter("is_laundering")["stage"]) <= {"layering", "cash_out"}
        for row in steps.sort("timestamp", "transaction_id").iter_rows(named=True):
            if row["is_laundering"]:
                moved += 1
                there = held_by.get(row["payer_account_id"], 0.0)
                assert row["amount"] <= there + 0.005
                held_by[row["payer_account_id"]] = there - row["amount"]
            payee = row["payee_account_id"]
            held_by[payee] = held_by.get(payee, 0.0) + row["amount"]
    assert moved >= 3
