"""Laundering by its structure: what each typology is, read from the exported tables alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import polars as pl
import pytest
from interruption import interrupt
from small_economy import days, finish, recorded

import finsim
from finsim import payments as pay
from finsim.agents.fraud.campaign import Campaign
from finsim.agents.fraud.laundering import LAUNDERING, TYPOLOGIES
from finsim.agents.fraud.laundering.pattern import CASH, EXIT, STAGES, TEST, Draws
from finsim.dataset.reader import Dataset

pytestmark = pytest.mark.behaviour

MUCH: dict[str, Any] = {
    "population.customers": 600,
    "run.days": 60,
    "run.warm_up_days": 10,
    "fraud.intensity": 1,
    "fraud.laundering.uncovered": 0.25,
    "fraud.laundering.uncovered_days": 8.0,
    "fraud.mules.per_1000_customers": 60.0,
    "fraud.laundering.outside": 0.3,
    "banks.review_miss_laundering": 0.9,
    **{f"fraud.{name}.rate": 220.0 for name in LAUNDERING},
}
"""Ten campaigns of each typology and more, in an economy of few whose mules are seldom frozen, so that many end."""
MOST_CUT = 0.2
"""A commission is at most 1.6 times 8 %; the rest is rounding, what mules could not pay, and what was left."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("laundering") / "run"
    finsim.run("tiny", out=path, overrides=MUCH)
    return path


@pytest.fixture(scope="module")
def data(folder: Path) -> Dataset:
    return finsim.open_dataset(folder)


@pytest.fixture(scope="module")
def rows(data: Dataset) -> pl.DataFrame:
    """Return the rows of campaigns of laundering in order of time, with what truth says."""
    flags = ("transaction_id", "is_fraud", "is_laundering", "campaign_id")
    truth = data.truth.select(*flags, typology=word("typology"), stage=word("stage"))
    columns = ("transaction_id", "timestamp", "posted_at", "payer_account_id", "payee_account_id", "amount")
    names = (word("kind"), word("rail"), word("decision"), word("channel"))
    own = data.transactions.select(*columns, *names, "latitude", "longitude").join(truth, on="transaction_id")
    return own.filter(pl.col("typology").is_in(LAUNDERING)).sort("timestamp").collect()


def word(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.String)


@pytest.fixture(scope="module")
def cash_account(data: Dataset) -> int:
    deposits = data.transactions.filter(word("kind") == "deposit").select("payer_account_id").unique().collect()
    assert len(deposits) == 1
    return int(deposits.item())


def campaigns(rows: pl.DataFrame, data: Dataset, typology: str) -> Iterator[pl.DataFrame]:
    """Yield the approved rows of each campaign that began in the export; tests of accounts are left out."""
    begun = data.campaigns.filter(word("typology") == typology).select("campaign_id", "started_at").collect()
    first = rows["timestamp"].min()
    kept = begun.filter(pl.col("started_at") >= first)["campaign_id"]
    mine = rows.filter(pl.col("campaign_id").is_in(kept.implode()), pl.col("stage") != "test", decision="approved")
    for number in sorted(mine["campaign_id"].unique()):
        yield mine.filter(campaign_id=number)


def layers(campaign: pl.DataFrame, *stages: str) -> nx.DiGraph:
    """Return the graph of the payments of some stages: an edge's `amount`, first `begin` and last `end`."""
    graph = nx.DiGraph()
    for row in campaign.filter(pl.col("stage").is_in(stages)).iter_rows(named=True):
        a, b = row["payer_account_id"], row["payee_account_id"]
        known = graph.get_edge_data(a, b, {"amount": 0.0, "begin": row["timestamp"], "end": row["posted_at"]})
        end = max(known["end"], row["posted_at"])
        graph.add_edge(a, b, amount=known["amount"] + row["amount"], begin=known["begin"], end=end)
    return graph


def inflow(graph: nx.DiGraph, node: int) -> float:
    return sum(float(edge["amount"]) for _, _, edge in graph.in_edges(node, data=True))


def outflow(graph: nx.DiGraph, node: int) -> float:
    return sum(float(edge["amount"]) for _, _, edge in graph.out_edges(node, data=True))


# -- all of them ----------------------------------------------------------------------------------------------


def test_every_invariant_holds(folder: Path) -> None:
    report = finsim.check(folder)
    assert report.ok, str(report)


def test_investigations_label_late_and_only_some(rows: pl.DataFrame, data: Dataset) -> None:
    labels = data.label_events.filter(word("label") == "laundering").collect()
    mine = labels.join(rows.select("transaction_id", "timestamp", "campaign_id"), on="transaction_id")
    assert (mine["event_at"] > mine["timestamp"]).all()
    late = mine.filter(pl.col("event_at") - pl.col("timestamp") > pl.duration(days=2))
    assert 3 <= late["campaign_id"].n_unique() < rows["campaign_id"].n_unique()


@pytest.mark.parametrize("name", sorted(LAUNDERING))
def test_every_typology_happens(name: str, rows: pl.DataFrame, data: Dataset) -> None:
    assert len(list(campaigns(rows, data, name))) >= 5
    listed = data.campaigns.filter(word("typology") == name).collect()
    assert set(rows.filter(pl.col("typology") == name)["campaign_id"]) == set(listed["campaign_id"])
    assert listed.select("victims", "attempts", "approved", "gross_loss").sum().row(0) == (0, 0, 0, 0.0)


def test_truth_is_laundering_and_no_fraud(rows: pl.DataFrame, data: Dataset) -> None:
    assert rows["is_laundering"].all()
    assert not rows["is_fraud"].any()
    assert set(rows["stage"]) == set(STAGES)
    victims = data.truth.filter(word("typology").is_in(LAUNDERING)).select("victim_customer_id").collect()
    assert victims["victim_customer_id"].is_null().all()


def test_money_comes_in_before_it_goes_on(rows: pl.DataFrame, data: Dataset) -> None:
    """At every customer's account of a campaign: nothing leaves before something came, and no more than came."""
    known = set(data.accounts.filter(word("owner_kind") == "customer").select("account_id").collect()["account_id"])
    shares = []
    for name in sorted(LAUNDERING):
        for campaign in campaigns(rows, data, name):
            graph = layers(campaign, "placement", "layering", "cash_out")
            for node in known & set(graph):
                came, went = inflow(graph, node), outflow(graph, node)
                assert graph.in_degree(node), f"{name}: an account pays what it never got"
                if graph.out_degree(node):
                    first = min(edge["end"] for _, _, edge in graph.in_edges(node, data=True))
                    assert all(edge["begin"] >= first for _, _, edge in graph.out_edges(node, data=True))
                    if name != "cycle":
                        assert went <= came + 0.005
                        shares.append(went / came)
    assert np.median(shares) > 1.0 - MOST_CUT


def test_a_refused_payment_is_not_passed_on(rows: pl.DataFrame) -> None:
    refused = rows.filter(pl.col("decision") == "declined")
    assert len(refused) > 0
    assert refused["posted_at"].is_null().all()


# -- one by one -----------------------------------------------------------------------------------------------


def frozen_accounts(data: Dataset) -> set[int]:
    """Return the accounts of customers whom a bank froze at any time."""
    frozen = data.events.filter(word("kind") == "account_frozen").select("customer_id").unique()
    own = data.accounts.filter(word("owner_kind") == "customer")
    return set(
        own.join(frozen, left_on="owner_id", right_on="customer_id").select("account_id").collect()["account_id"]
    )


def test_structuring_stays_below_the_threshold(rows: pl.DataFrame, data: Dataset, cash_account: int) -> None:
    end = data.transactions.select(pl.col("timestamp").max()).collect().item()
    stopped = frozen_accounts(data)
    short, places = [], []
    for campaign in campaigns(rows, data, "structuring"):
        deposits = campaign.filter(pl.col("stage") == "placement")
        assert set(deposits["kind"]) == {"deposit"}
        assert set(deposits["rail"]) == {"cash"}
        assert deposits["amount"].max() < 10_000
        assert (deposits["payer_account_id"] == cash_account).all()
        if deposits["amount"].sum() <= 10_000:
            cut = not stopped.isdisjoint(deposits["payee_account_id"])
            short.append(cut or end - deposits["timestamp"].max() < dt.timedelta(days=14))
        places.append(deposits.select("latitude", "longitude").n_unique())
        assert deposits["timestamp"].dt.date().n_unique() > 1 or len(deposits) < 4
    # A depositor who is frozen before the first deposit leaves no row by which the tables could tell.
    assert short.count(False) <= 1, "a frozen account or the end of the run stops deposits below the threshold"
    assert len(places) - len(short) >= 8
    assert max(places) > 1, "several branches"


def test_a_fan_in_has_one_collector(rows: pl.DataFrame, data: Dataset) -> None:
    widest = []
    for campaign in campaigns(rows, data, "fan_in"):
        graph = layers(campaign, "placement", "layering")
        collectors = set(campaign.filter(pl.col("stage") == "cash_out")["payer_account_id"])
        assert len(collectors) <= 1
        sinks = [node for node in graph if graph.out_degree(node) == 0]
        if collectors:
            (collector,) = collectors
            assert collector in sinks
            assert all(graph.in_degree(sink) == 1 for sink in sinks if sink != collector), "refused, or still to come"
            assert graph.in_degree(collector) >= 2 or len(graph) <= 3
        assert nx.is_directed_acyclic_graph(graph)
        widest.append(max(degree for _, degree in graph.in_degree()))
    assert max(widest) >= 5


def test_a_fan_out_has_one_splitter(rows: pl.DataFrame, data: Dataset) -> None:
    degrees = []
    for campaign in campaigns(rows, data, "fan_out"):
        graph = layers(campaign, "layering")
        splitters = [node for node in graph if graph.out_degree(node)]
        assert len(splitters) <= 1
        degrees += [graph.out_degree(node) for node in splitters]
    assert np.median(degrees) >= 3


def test_a_cycle_returns_to_its_origin(rows: pl.DataFrame, data: Dataset) -> None:
    closed = 0
    for campaign in campaigns(rows, data, "cycle"):
        graph = layers(campaign, "layering")
        assert all(degree <= 1 for _, degree in graph.in_degree())
        assert all(degree <= 1 for _, degree in graph.out_degree())
        if nx.is_directed_acyclic_graph(graph):
            continue  # on its way, or broken off
        closed += 1
        (ring,) = nx.simple_cycles(graph)
        assert len(ring) == len(graph) >= 3
        placed = campaign.filter(pl.col("stage") == "placement")["payee_account_id"].unique().to_list()
        ((origin),) = placed
        path = [origin]
        while len(path) <= len(ring):
            path.append(next(graph.successors(path[-1])))
        assert path[-1] == origin
        edges = [graph.edges[a, b] for a, b in pairwise(path)]
        assert all(a["end"] <= b["begin"] for a, b in pairwise(edges))
        amounts = [edge["amount"] for edge in edges]
        assert all(a >= b for a, b in pairwise(amounts)), "each keeps a commission"
    assert closed >= 3


def test_scatter_gather_goes_from_one_over_many_to_one(rows: pl.DataFrame, data: Dataset) -> None:
    complete = 0
    for campaign in campaigns(rows, data, "scatter_gather"):
        graph = layers(campaign, "layering")
        origins = [node for node in graph if graph.in_degree(node) == 0]
        middle = [node for node in graph if graph.in_degree(node) and graph.out_degree(node)]
        assert len(origins) <= 1
        finals = {payee for node in middle for payee in graph.successors(node)}
        assert len(finals) <= 1
        complete += len(middle) >= 2
        for node in middle:
            assert list(graph.predecessors(node)) == origins
            assert graph.edges[origins[0], node]["end"] <= graph.edges[node, next(iter(finals))]["begin"]
    assert complete >= 3


def test_gather_scatter_goes_from_many_over_one_to_many(rows: pl.DataFrame, data: Dataset) -> None:
    complete = 0
    for campaign in campaigns(rows, data, "gather_scatter"):
        before, after = layers(campaign, "placement"), layers(campaign, "layering")
        hubs = {node for node in before if before.in_degree(node)}
        assert len(hubs) == 1
        assert {node for node in after if after.out_degree(node)} <= hubs
        (hub,) = hubs
        if hub in after and after.out_degree(hub) >= 2 and before.in_degree(hub) >= 2:
            complete += 1
            gathered = max(edge["end"] for _, _, edge in before.in_edges(hub, data=True))
            assert all(edge["begin"] >= gathered for _, _, edge in after.out_edges(hub, data=True))
    assert complete >= 3


def test_bipartite_has_two_layers(rows: pl.DataFrame, data: Dataset) -> None:
    dense = 0
    for campaign in campaigns(rows, data, "bipartite"):
        graph = layers(campaign, "layering")
        payers = {node for node in graph if graph.out_degree(node)}
        payees = {node for node in graph if graph.in_degree(node)}
        assert not payers & payees
        dense += len(payers) >= 2 and len(payees) >= 2 and graph.number_of_edges() > max(len(payers), len(payees))
    assert dense >= 3


def test_a_stack_has_layers_of_which_each_pays_the_next(rows: pl.DataFrame, data: Dataset) -> None:
    deep = 0
    for campaign in campaigns(rows, data, "stack"):
        graph = layers(campaign, "layering")
        assert nx.is_directed_acyclic_graph(graph)
        generations = list(nx.topological_generations(graph))
        deep += len(generations) >= 3 and max(len(nodes) for nodes in generations) >= 2
    assert deep >= 3


def test_a_random_walk_visits_nobody_twice(rows: pl.DataFrame, data: Dataset) -> None:
    long = 0
    for campaign in campaigns(rows, data, "random"):
        graph = layers(campaign, "layering")
        assert nx.is_directed_acyclic_graph(graph)
        assert all(degree <= 1 for _, degree in [*graph.in_degree(), *graph.out_degree()])
        for a, b, edge in graph.edges(data=True):
            for _, c, later in graph.out_edges(b, data=True):
                assert edge["end"] <= later["begin"], (a, b, c)
        long += graph.number_of_edges() >= 2
    assert long >= 3


def test_mules_cash_out_what_they_get(rows: pl.DataFrame, data: Dataset) -> None:
    kinds: set[str] = set()
    for campaign in campaigns(rows, data, "mule_cash_out"):
        assert set(campaign["stage"]) <= {"placement", "cash_out"}
        got = campaign.filter(pl.col("stage") == "placement")["payee_account_id"].unique()
        out = campaign.filter(pl.col("stage") == "cash_out")
        assert len(got) == 1
        assert set(out["payer_account_id"]) <= set(got)
        kinds |= set(out["kind"])
    assert {"withdrawal", "transfer"} <= kinds


# -- patterns as data -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("typology", TYPOLOGIES, ids=lambda typology: typology.name)
def test_a_pattern_conserves_what_comes_in(typology: Any) -> None:
    """Shares of legs with the same sources add up to one, sources come first, and every leg touches a customer."""
    economy, _ = recorded(**{"fraud.intensity": 1})
    world = economy.underworld
    ring = world.rings[0]
    for number in range(30):
        draws = Draws(world, Campaign(number, typology.name, ring.row, economy.now))
        pattern = typology().sketch(typology.fewest + number % 13, 5.0, draws)
        shares: dict[tuple[int, ...], float] = {}
        for k, leg in enumerate(pattern.legs):
            assert all(source < k for source in leg.sources)
            assert all(pattern.legs[source].payee == leg.payer for source in leg.sources)
            assert leg.payer != leg.payee
            assert leg.payer != EXIT
            assert leg.payee != CASH
            key = tuple(leg.sources)
            shares[key] = shares.get(key, 0.0) + leg.share
        assert all(share == pytest.approx(1.0) for share in shares.values())


def test_all_else_waits_for_the_tests_of_accounts() -> None:
    """Small amounts go first, whatever the hours at which those who send them are online."""
    economy, _ = recorded(**{**MUCH, "run.warm_up_days": 0, "fraud.laundering.tests": 0.5})
    world = economy.underworld
    days(economy, 2)
    compared = 0
    for number in range(40 * len(TYPOLOGIES)):
        typology = TYPOLOGIES[number % len(TYPOLOGIES)]
        campaign = Campaign(number, typology.name, world.rings[0].row, economy.now)
        typology().launch(world, campaign, economy.now)
        first = [leg for leg in campaign.facts.get("legs", ()) if not leg.sources and leg.due >= 0]
        small = [leg.due for leg in first if leg.stage == TEST]
        rest = [leg.due for leg in first if leg.stage != TEST]
        if small and rest:
            compared += 1
            assert max(small) < min(rest)
    assert compared > 100


# -- twins, resumption, mules ---------------------------------------------------------------------------------


def test_twins_are_explained(folder: Path, tmp_path: Path) -> None:
    finsim.run("tiny", out=tmp_path / "twin", overrides={**MUCH, "fraud.intensity": 0})
    report = finsim.diff(folder, tmp_path / "twin")
    assert report.unexplained == 0
    assert report.genuine["identical"].rows > 0.8 * sum(side.rows for side in report.genuine.values())


def test_mules_live_and_end() -> None:
    economy, recorder = recorded(**{**MUCH, "run.days": 25, "run.warm_up_days": 0})
    market = economy.underworld.mule_market
    customers = economy.world.customers.data
    seen: dict[int, int] = {}
    for _ in range(20):
        days(economy, 1)
        for mule in market.working():
            seen[mule] = int(customers["mule_kind"][mule])
            assert customers["mule_since"][mule] <= economy.day
    assert len(set(seen.values())) == 4, "all kinds are recruited"
    age = economy.year - customers["birth_year"][[m for m, kind in seen.items() if kind != 3]]
    assert 0.6 < (age < 40).mean() < 0.95
    assert len(set(seen) - set(market.working())) > 3, "some quit or were caught"
    finish(economy)
    rows = recorder.records
    frozen = set(np.flatnonzero(customers["frozen"]).tolist())
    assert frozen & set(seen), "banks found some"
    moved = rows[(rows["truth"] == pay.IS_LAUNDERING) & (rows["decision"] == pay.APPROVED)]
    jobs = np.bincount(moved["owner"], minlength=len(customers))
    assert (customers["mule_jobs"][jobs > 0] > 0).mean() > 0.9, "each remembers what it moved"


def test_an_interrupted_run_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    overrides = {**MUCH, "run.days": 9, "run.warm_up_days": 4, "population.customers": 300}
    whole = finsim.run("tiny", out=tmp_path / "whole", overrides=overrides)
    assert whole.truth.filter(word("typology").is_in(LAUNDERING)).select(pl.len()).collect().item() > 50
    often = {**overrides, "run.checkpoint_seconds": 0}
    interrupt("tiny", 8, out=tmp_path / "stopped", overrides=often)
    resumed = finsim.run("tiny", out=tmp_path / "stopped", overrides=often, resume=True)
    assert resumed.manifest["content_hash"] == whole.manifest["content_hash"]
