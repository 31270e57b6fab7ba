"""Scams that victims pay themselves: structure from the exported tables, genuine doubles, twins, resuming."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from small_economy import days, finish, recorded

import finsim
from finsim import payments as pay
from finsim.agents.fraud import registry
from finsim.agents.fraud.campaign import Campaign
from finsim.agents.fraud.scam import PushScam
from finsim.dataset.memory import MemoryRecorder
from finsim.economy import Economy

pytestmark = pytest.mark.behaviour

SCAMS = {name: typology for name, typology in registry().items() if isinstance(typology, PushScam)}
OTHERS = [name for name in registry() if name not in SCAMS]
RATES = {
    "purchase_scam": 120.0,
    "investment_scam": 120.0,
    "romance_scam": 120.0,
    "advance_fee_scam": 200.0,
    "invoice_redirection": 160.0,
    "impersonation_scam": 180.0,
}
MUCH: dict[str, Any] = {
    "population.customers": 1200,
    "population.business_share": 0.1,
    "run.days": 55,
    "run.warm_up_days": 4,
    "fraud.intensity": 1,
    "fraud.invoice_redirection.look_back_days": 20,  # so that what was copied mostly stands in the export
    "fraud.invoice_redirection.wait_days": 4.0,
    **{f"fraud.{name}.rate": 0 for name in OTHERS},
    **{f"fraud.{name}.rate": rate for name, rate in RATES.items()},
}
DAY = 86_400_000_000


@pytest.fixture(scope="module")
def run() -> tuple[Economy, MemoryRecorder]:
    economy, recorder = recorded(**MUCH)
    finish(economy)
    return economy, recorder


@pytest.fixture(scope="module")
def tables(run: tuple[Economy, MemoryRecorder]) -> dict[str, pl.DataFrame]:
    names = ("transactions", "truth", "label_events", "campaigns", "events", "customers", "accounts")
    return {name: run[1].frame(name) for name in names}


@pytest.fixture(scope="module")
def stolen(tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Return the rows of truth with their transactions, in time order, releases of held payments left out."""
    truth = tables["truth"].with_columns(pl.col("typology", "stage").cast(pl.String))
    held = tables["transactions"].filter(pl.col("decision") == "held").select("transaction_id")
    rows = truth.join(tables["transactions"], on="transaction_id").sort("timestamp", "transaction_id")
    return rows.join(held, left_on="related_transaction_id", right_on="transaction_id", how="anti")


def of(stolen: pl.DataFrame, name: str) -> pl.DataFrame:
    return stolen.filter((pl.col("typology") == name) & pl.col("is_fraud"))


def test_there_are_campaigns_enough(stolen: pl.DataFrame) -> None:
    assert set(SCAMS) == set(RATES)
    for name in RATES:
        assert of(stolen, name)["campaign_id"].n_unique() >= 4, name


@pytest.mark.parametrize("name", sorted(SCAMS))
def test_stages_come_in_order(stolen: pl.DataFrame, name: str) -> None:
    stages = {stage: number for number, stage in enumerate(SCAMS[name].stages[:-2])}
    rows = stolen.filter((pl.col("typology") == name) & pl.col("stage").is_in(list(stages)))
    assert rows["stage"].n_unique() == len(stages)
    for _, campaign in rows.group_by("campaign_id", maintain_order=True):
        order = [stages[stage] for stage in campaign["stage"]]
        assert order == sorted(order)


@pytest.mark.parametrize("name", sorted(SCAMS))
def test_victims_pay_themselves(stolen: pl.DataFrame, tables: dict[str, pl.DataFrame], name: str) -> None:
    rows = of(stolen, name)
    assert (rows["customer_id"] == rows["victim_customer_id"]).all()
    remote = rows.filter(pl.col("device_id").is_not_null())
    assert len(remote) > 0.5 * len(rows)
    genuine = tables["transactions"].join(tables["truth"], on="transaction_id", how="anti")
    owners = genuine.filter(pl.col("device_id").is_not_null()).select("customer_id", "device_id").unique()
    victims = remote.join(owners, on=["customer_id", "device_id"], how="semi")
    assert len(victims) > 0.6 * len(remote), "most victims use the device that they use for everything"
    for means in (["rail", "kind", "channel"], ["kind", "channel", "entry_mode", "authentication"]):
        seen = genuine.select(means).unique()
        assert len(rows.join(seen, on=means, how="anti", nulls_equal=True)) == 0, "no combination that only fraud has"


def test_an_investor_is_paid_a_little_before_the_large_deposits(stolen: pl.DataFrame) -> None:
    rows = stolen.filter(pl.col("typology") == "investment_scam")
    both = 0
    for _, campaign in rows.group_by("campaign_id", maintain_order=True):
        paid_out, deposits = (campaign.filter(pl.col("stage") == stage) for stage in ("payout", "deposit"))
        if len(paid_out) and len(deposits):
            both += 1
            assert paid_out["timestamp"].max() < deposits["timestamp"].min()
            assert paid_out["amount"].sum() < deposits["amount"].sum()
            assert (paid_out["customer_id"] == deposits["customer_id"][0]).all()
            assert paid_out["is_laundering"].all()
    assert both >= 2
    deposits = rows.filter((pl.col("stage") == "deposit") & (pl.col("decision") == "approved"))
    growth = deposits.group_by("campaign_id").agg(pl.col("amount").log().diff().mean())["amount"].drop_nulls()
    assert growth.mean() > 0.2


def test_payments_to_a_beloved_grow_over_weeks(stolen: pl.DataFrame) -> None:
    rows = of(stolen, "romance_scam").filter(pl.col("decision") == "approved")
    cases = rows.group_by("campaign_id").agg(
        pl.len(),
        growth=pl.col("amount").log().diff().mean(),
        gap=pl.col("timestamp").diff().dt.total_hours().median() / 24,
        payees=pl.col("payee_account_id").n_unique(),
    )
    cases = cases.filter(pl.col("len") >= 3)
    assert len(cases) >= 3
    assert cases["growth"].mean() > 0.08
    assert 5 < cases["gap"].median() < 30
    assert cases["payees"].mean() < 0.5 * cases["len"].mean(), "one or two accounts again and again"


def test_fees_climb_a_ladder_to_one_account(stolen: pl.DataFrame) -> None:
    rows = of(stolen, "advance_fee_scam").filter(pl.col("decision") == "approved")
    cases = rows.group_by("campaign_id").agg(
        pl.len(),
        first=pl.col("amount").first(),
        last=pl.col("amount").last(),
        days=(pl.col("timestamp").last() - pl.col("timestamp").first()).dt.total_hours() / 24,
    )
    several = cases.filter(pl.col("len") > 1)
    assert len(several) >= 3
    assert (several["last"] > several["first"]).mean() > 0.75
    assert several["days"].median() < 20


def test_forged_invoices_copy_genuine_ones(stolen: pl.DataFrame, tables: dict[str, pl.DataFrame]) -> None:
    rows = of(stolen, "invoice_redirection")
    firms = tables["customers"].filter(pl.col("segment").cast(pl.String) == "business")["customer_id"]
    assert rows["customer_id"].is_in(firms.implode()).all()
    sent = tables["transactions"].filter(pl.col("kind").cast(pl.String) == "transfer")
    genuine = sent.join(tables["truth"], on="transaction_id", how="anti")
    first = rows.filter(pl.col("stage") == "invoice").unique("campaign_id", keep="first", maintain_order=True)
    known = genuine.select("payer_account_id", "payee_account_id", before="timestamp")
    paid = first.join(known, on=["payer_account_id", "payee_account_id"]).filter(pl.col("before") < pl.col("timestamp"))
    assert len(paid) == 0, "nobody paid that account before"
    copied = genuine.select("payer_account_id", "amount", before="timestamp")
    copies = first.join(copied, on=["payer_account_id", "amount"]).filter(pl.col("before") < pl.col("timestamp"))
    assert copies["campaign_id"].n_unique() >= 0.25 * len(first), "to the cent an invoice that was paid before"
    assert first["timestamp"].dt.weekday().max() <= 5
    assert first["timestamp"].dt.hour().is_between(8, 17).all()


def test_a_call_takes_hours_and_moves_savings(stolen: pl.DataFrame, tables: dict[str, pl.DataFrame]) -> None:
    rows = of(stolen, "impersonation_scam")
    cases = (
        rows.filter(pl.col("decision") == "approved")
        .group_by("campaign_id")
        .agg(pl.len(), hours=(pl.col("timestamp").last() - pl.col("timestamp").first()).dt.total_minutes() / 60)
    )
    assert cases["len"].max() >= 2
    assert cases["hours"].median() < 4
    savings = tables["accounts"].filter(pl.col("kind").cast(pl.String) == "savings")["account_id"]
    moved = tables["transactions"].filter(pl.col("payer_account_id").is_in(savings.implode()))
    moved = moved.select("customer_id", "payee_account_id", moved_at="timestamp")
    soon = rows.join(moved, left_on=["customer_id", "payer_account_id"], right_on=["customer_id", "payee_account_id"])
    soon = soon.filter((pl.col("timestamp") - pl.col("moved_at")).dt.total_minutes().is_between(0, 60))
    assert soon["campaign_id"].n_unique() >= 0.15 * rows["campaign_id"].n_unique()


def test_goods_are_paid_by_card_and_by_transfer(stolen: pl.DataFrame) -> None:
    rows = of(stolen, "purchase_scam")
    rails = set(rows["rail"].cast(pl.String))
    assert {"card", "instant"} <= rails
    by_card = rows.filter(pl.col("rail").cast(pl.String) == "card")
    assert (by_card["kind"].cast(pl.String) == "purchase").all()
    assert by_card["merchant_id"].null_count() == 0
    per_case = len(rows.filter(pl.col("decision") == "approved")) / rows["campaign_id"].n_unique()
    assert 0.9 < per_case < 1.8


def test_small_transfers_are_instant_mostly_but_not_always(stolen: pl.DataFrame) -> None:
    people = of(stolen, "impersonation_scam").vstack(of(stolen, "romance_scam")).vstack(of(stolen, "advance_fee_scam"))
    small = people.filter(pl.col("amount") < 3_500)["rail"].cast(pl.String)
    assert len(small) > 100
    assert 0.75 < (small == "instant").mean() < 0.97


def test_firms_that_are_aimed_at_lose_more() -> None:
    others = {f"fraud.{name}.rate": 0 for name in RATES if name != "invoice_redirection"}
    medians = []
    for aimed in (0.0, 1.0):
        economy, recorder = recorded(**{**MUCH, **others, "run.days": 20, "fraud.invoice_redirection.aimed": aimed})
        finish(economy)
        truth = recorder.frame("truth").filter("is_fraud").select("transaction_id")
        medians.append(recorder.frame("transactions").join(truth, on="transaction_id")["amount"].median())
    assert medians[1] > 3 * medians[0]


# -- claims ---------------------------------------------------------------------------------------------------


def test_claims_come_late_or_never(stolen: pl.DataFrame, tables: dict[str, pl.DataFrame]) -> None:
    claims = tables["label_events"].filter(pl.col("source").cast(pl.String) == "customer")
    claims = claims.select("transaction_id", "event_at", "reason_code")
    rows = stolen.filter(pl.col("is_fraud") & (pl.col("decision") == "approved"))
    first = rows.group_by("campaign_id").agg(pl.col("timestamp").min().alias("first"))
    told = rows.join(first, on="campaign_id").join(claims, on="transaction_id", how="left")
    told = told.with_columns(days=(pl.col("event_at") - pl.col("first")).dt.total_hours() / 24)
    delay = dict(told.group_by("typology").agg(pl.col("days").median()).rows())
    assert delay["impersonation_scam"] < delay["purchase_scam"] < delay["romance_scam"]
    silent = told.group_by("campaign_id").agg(pl.col("event_at").is_null().all())["event_at"].mean()
    assert 0.1 < silent < 0.7
    card = told.filter((pl.col("rail").cast(pl.String) == "card") & pl.col("event_at").is_not_null())
    assert set(card["reason_code"]) <= {"13.1"}
    blocked = tables["events"].filter(pl.col("kind").cast(pl.String) == "card_blocked")
    only_scammed = card.filter(
        ~pl.col("customer_id").is_in(stolen.filter(pl.col("rail") != "card")["customer_id"].implode())
    )
    assert len(blocked.join(only_scammed, on="customer_id", how="semi")) <= 0.3 * len(only_scammed), "cards stay good"


def test_who_is_silent_and_when_is_a_parameter() -> None:
    quick = {f"fraud.{name}.never_reported": 0.0 for name in SCAMS} | {
        f"fraud.{name}.realise_days": 0.05 for name in SCAMS
    }
    economy, _ = recorded(**{**MUCH, **quick, "run.days": 5})
    days(economy, 6)
    reported = [case.reported for bank in economy.banks for case in bank.claims.cases.values()]
    assert np.mean(reported) > 0.6
    silent = {f"fraud.{name}.never_reported": 1.0 for name in SCAMS}
    economy, recorder = recorded(**{**MUCH, **silent, "run.days": 12})
    finish(economy)
    labels = recorder.frame("label_events")
    truth = recorder.frame("truth").filter("is_fraud")
    told = labels.filter(pl.col("source").cast(pl.String) == "customer")["transaction_id"]
    assert len(truth) > 10
    assert not truth["transaction_id"].is_in(told.implode()).any()


# -- victims --------------------------------------------------------------------------------------------------


def test_victims_are_of_the_ages_that_are_sought() -> None:
    economy, _ = recorded(**{**MUCH, "population.customers": 2000})
    data, world = economy.world.customers.data, economy.underworld
    ages = {}
    for name in ("purchase_scam", "impersonation_scam"):
        victims = []
        for number in range(300):
            campaign = Campaign(number, name, number % len(world.rings), economy.now)
            victims.append(SCAMS[name].find(world, campaign))
        assert min(victims) >= 0
        ages[name] = economy.year - data["birth_year"][victims].astype(float)
    sigma = np.sqrt(sum(age.var() / len(age) for age in ages.values()))
    assert ages["impersonation_scam"].mean() - ages["purchase_scam"].mean() > 5 * sigma


def test_long_scams_are_under_way_on_the_first_day(run: tuple[Economy, MemoryRecorder], stolen: pl.DataFrame) -> None:
    rows = of(stolen, "romance_scam")
    middle = rows["timestamp"].min() + (rows["timestamp"].max() - rows["timestamp"].min()) / 2
    early = int((rows["timestamp"] < middle).sum())
    # A Poisson number of payments in each half: a start from nothing would leave a sixth of them in the first.
    assert abs(early - len(rows) / 2) < 5 * np.sqrt(len(rows) / 4) + 0.15 * len(rows)
    campaigns = run[1].frame("campaigns").filter(pl.col("typology").cast(pl.String) == "romance_scam")
    assert (campaigns["started_at"].dt.epoch("us") < run[0].clock.start).any()


# -- doubles --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def genuine() -> tuple[Economy, np.ndarray[Any, Any]]:
    economy, recorder = recorded(**{**MUCH, "fraud.intensity": 0, "population.customers": 900})
    finish(economy)
    rows = recorder.records
    return economy, rows[(rows["kind"] == pay.TRANSFER) & (rows["decision"] == pay.APPROVED)]


def test_savers_try_an_exchange_and_put_more_in(genuine: tuple[Economy, np.ndarray[Any, Any]]) -> None:
    economy, rows = genuine
    exchange = economy.ledger.named[5]
    paid, back = rows[rows["payee"] == exchange], rows[rows["payer"] == exchange]
    assert len(set(paid["owner"].tolist())) > 0.01 * 900
    assert set(back["owner"].tolist()) & set(paid["owner"].tolist())
    steps = [np.diff(np.log(paid["amount"][paid["owner"] == owner])) for owner in np.unique(paid["owner"])]
    assert np.concatenate(steps).mean() > 0.1


def test_somebody_is_supported_more_and_more(genuine: tuple[Economy, np.ndarray[Any, Any]]) -> None:
    economy, rows = genuine
    rows = rows[rows["payee"] >= economy.ledger.person_base]
    pairs = rows["payer"].astype(np.int64) << 32 | rows["payee"]
    pair, count = np.unique(pairs, return_counts=True)
    often = pair[count >= 4]
    data = economy.world.customers.data
    people = [p for p in often if data["segment_code"][(p >> 32) // 4] != 4]
    assert len(people) >= 5
    steps = [np.diff(np.log(rows["amount"][pairs == p].astype(float))).mean() for p in people]
    assert np.mean(steps) > 0.0


def test_firms_have_regular_suppliers_and_new_ones(genuine: tuple[Economy, np.ndarray[Any, Any]]) -> None:
    economy, rows = genuine
    firms = economy.world.customers.data["segment_code"] == 4
    out = rows[(rows["payer"] < economy.ledger.customer_accounts)]
    out = out[firms[out["owner"]] & (out["payer"] // 4 == out["owner"])]
    late = out[out["timestamp"] > economy.export_start + 30 * DAY]
    early = out[out["timestamp"] <= economy.export_start + 30 * DAY]
    known = set(zip(early["payer"].tolist(), early["payee"].tolist(), strict=True))
    seen = np.mean([pair in known for pair in zip(late["payer"].tolist(), late["payee"].tolist(), strict=True)])
    assert 0.4 < seen < 0.9


# -- the same run, otherwise ----------------------------------------------------------------------------------

FEW: dict[str, Any] = {**MUCH, "run.days": 14, "run.warm_up_days": 2, "population.customers": 400}


def test_twins_explain_themselves(tmp_path: Path) -> None:
    for name, intensity in (("a", 0), ("b", 1)):
        finsim.run("tiny", out=tmp_path / name, overrides={**FEW, "fraud.intensity": intensity})
    report = finsim.diff(tmp_path / "a", tmp_path / "b")
    assert report.unexplained == 0, report.unexplained_ids
    assert report.other["only_b"].rows > 20
    check = finsim.check(tmp_path / "b")
    assert check.ok, str(check)


def test_a_run_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    whole = finsim.run("tiny", out=tmp_path / "whole", overrides={**FEW, "run.checkpoint_seconds": 0})

    def stop(done: int, total: int, message: str) -> None:
        if done > 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finsim.run("tiny", out=tmp_path / "run", overrides={**FEW, "run.checkpoint_seconds": 0}, progress=stop)
    again = finsim.run("tiny", out=tmp_path / "run", overrides={**FEW, "run.checkpoint_seconds": 0}, resume=True)
    assert again.manifest["content_hash"] == whole.manifest["content_hash"]
