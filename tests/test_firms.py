"""Firms of every size, and money drawn from retirement accounts or borrowed, by anybody and by victims of scams."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import finsim
from finsim.agents.customer import BUSINESS
from finsim.agents.firms import COUNTED, PAID_OUT
from finsim.agents.fraud.raising import DEEP
from finsim.calibration.figures import load_figures
from finsim.dataset.reader import Dataset
from finsim.economy import Economy

pytestmark = pytest.mark.behaviour

RAISED: dict[str, Any] = {
    "population.customers": 2000,
    "population.business_share": 0.1,
    "run.days": 40,
    "run.tick_minutes": 60,
    "behaviour.occasions.withdrawals_per_year": 3.0,
    "fraud.intensity": 1.0,
    "fraud.romance_scam.rate": 200.0,
    "fraud.romance_scam.first_median": 1500.0,
    "fraud.romance_scam.interval_days": 3.0,
    "fraud.romance_scam.funds": 1000.0,
    "fraud.romance_scam.raises": 1.0,
}


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[float, Path]:
    """Return the data sets of twins, by intensity."""
    folder = tmp_path_factory.mktemp("firms")
    for intensity in (1.0, 0.0):
        finsim.run("tiny", out=folder / f"{intensity}", seed=5, overrides={**RAISED, "fraud.intensity": intensity})
    return {intensity: folder / f"{intensity}" for intensity in (1.0, 0.0)}


@pytest.fixture(scope="module")
def data(paths: dict[float, Path]) -> Dataset:
    return finsim.open_dataset(paths[1.0])


def sent(data: Dataset) -> pl.DataFrame:
    """Return genuine transfers with what is known of their sides."""
    account = data.accounts.select(
        "account_id", own=pl.col("owner_kind").cast(pl.String), owner="owner_id", what=pl.col("kind").cast(pl.String)
    )
    words = [pl.col(name).cast(pl.String) for name in ("rail", "channel", "decision", "decline_reason")]
    rows = data.transactions.filter(pl.col("kind").cast(pl.String) == "transfer").select(
        "transaction_id", "timestamp", "amount", "customer_id", "payer_account_id", "payee_account_id", *words
    )
    return (
        rows.join(data.truth.select("transaction_id"), on="transaction_id", how="anti")
        .join(account.rename({"account_id": "payer_account_id"}), on="payer_account_id")
        .collect()
    )


def invoices(data: Dataset) -> pl.DataFrame:
    """Return the genuine transfers of firms to others."""
    firms = data.customers.filter(pl.col("segment").cast(pl.String) == "business").select(owner="customer_id")
    own = data.accounts.select(payee_account_id="account_id", payee="owner_id").collect()
    rows = sent(data).filter(pl.col("own") == "customer").join(firms.collect(), on="owner")
    return rows.join(own, on="payee_account_id").filter(pl.col("owner") != pl.col("payee"))


def raised(data: Dataset) -> pl.DataFrame:
    """Return what came from funds and lenders."""
    return sent(data).filter((pl.col("own") == "outside") & (pl.col("rail") == "ach") & (pl.col("channel") == "batch"))


def test_sizes_follow_the_law_of_firms() -> None:
    economy = Economy("tiny", seed=2, **{"population.customers": 4000})
    data = economy.world.customers.data
    firms = data[data["segment_code"] == BUSINESS]
    size = firms["business_out"] / (PAID_OUT * firms["income_cents"])
    size = np.sort(size)[::-1]
    body = slice(3, len(size) // 2)
    above = (np.arange(len(size)) + 0.5) / len(size)
    slope = np.polyfit(np.log(size[body]), np.log(above[body]), 1)[0]
    published = load_figures()["us_fir_size_exponent_1997"].value
    assert published is not None
    assert -slope == pytest.approx(published, rel=0.1)
    np.testing.assert_allclose(np.sort(firms["firm_scale"])[::-1] ** (1 / COUNTED), size, rtol=1e-3)
    assert (data["firm_scale"][data["segment_code"] != BUSINESS] == 1.0).all()


def test_one_size_for_all_where_the_scenario_says_so() -> None:
    economy = Economy("tiny", seed=2, **{"population.firm_size_most": 1.0})
    assert (economy.world.customers.data["firm_scale"] == 1.0).all()


def test_large_firms_pay_more_and_larger_invoices(data: Dataset) -> None:
    rows = invoices(data)
    firms = rows.group_by("owner").agg(pl.col("amount").sum().alias("paid"), pl.len(), pl.col("amount").median())
    firms = firms.sort("paid", descending=True)
    tenth = len(firms) // 10
    assert firms["paid"][:tenth].sum() > 0.4 * firms["paid"].sum()
    rest = firms[tenth:]
    for name in ("len", "amount"):
        assert firms[name][:tenth].median() > 1.5 * rest[name].median()  # type: ignore[operator]
    assert rows["amount"].max() > 30_000


def test_nothing_large_is_paid_instantly_by_firms(data: Dataset) -> None:
    rows = invoices(data)
    large = rows.filter(pl.col("amount") > 3_500)
    assert len(large) > 50
    assert set(large["rail"]) == {"ach", "wire", "check"}
    wires = [(some["rail"] == "wire").mean() for some in (large, rows.filter(pl.col("amount") <= 3_500))]
    assert wires[0] > 2 * wires[1]  # type: ignore[operator]


def test_firms_can_pay(data: Dataset) -> None:
    rows = invoices(data)
    broke = rows.filter(pl.col("decline_reason") == "insufficient_funds")
    assert len(broke) < 0.06 * len(rows)
    checking = data.accounts.filter(pl.col("kind").cast(pl.String) == "checking").collect()
    own = checking.join(rows.select(owner_id="owner").unique(), on="owner_id")
    before, after = own["opening_balance"].sum(), own["closing_balance"].sum()
    assert 0.6 < after / before < 1.7


def test_people_draw_on_retirement_accounts_before_and_without_large_payments(paths: dict[float, Path]) -> None:
    rows = raised(finsim.open_dataset(paths[0.0]))
    assert len(rows) > 100
    assert rows["payer_account_id"].n_unique() == 2, "a house of funds and a lender"
    assert rows["amount"].min() >= 200


def test_victims_raise_money_before_they_pay(data: Dataset, paths: dict[float, Path]) -> None:
    planned = raised(finsim.open_dataset(paths[0.0])).select("transaction_id")
    extra = raised(data).join(planned, on="transaction_id", how="anti")
    assert len(extra) >= 10
    truth = data.truth.filter(pl.col("is_fraud")).select("transaction_id", victim="victim_customer_id")
    gave = data.transactions.join(truth, on="transaction_id").select(
        "victim", paid="amount", at="timestamp", decision=pl.col("decision").cast(pl.String)
    )
    pairs = extra.join(gave.collect(), left_on="customer_id", right_on="victim")
    assert pairs["transaction_id"].n_unique() == len(extra), "nobody else raises money because of fraud"
    later = pairs.filter((pl.col("at") > pl.col("timestamp")) & (pl.col("at") < pl.col("timestamp").dt.offset_by("6d")))
    early = extra.filter(pl.col("timestamp").dt.date() < pl.lit(extra["timestamp"].max()).dt.offset_by("-7d").dt.date())
    assert len(early) >= 5
    assert later.join(early, on="transaction_id", how="semi")["transaction_id"].n_unique() > 0.5 * len(early)


def test_only_who_is_deep_in_a_scam_raises_money(data: Dataset, paths: dict[float, Path]) -> None:
    planned = raised(finsim.open_dataset(paths[0.0])).select("transaction_id")
    extra = raised(data).join(planned, on="transaction_id", how="anti").select("customer_id", since="timestamp")
    fraud = data.truth.filter(pl.col("is_fraud")).select(
        "transaction_id", "campaign_id", customer_id="victim_customer_id"
    )
    gave = data.transactions.filter(pl.col("decision").cast(pl.String) == "approved").select(
        "transaction_id", "timestamp"
    )
    rows = fraud.join(gave, on="transaction_id").join(
        data.campaigns.select("campaign_id", "started_at"), on="campaign_id"
    )
    pairs = extra.join(rows.collect(), on="customer_id").filter(pl.col("timestamp") < pl.col("since"))
    paid = pairs.group_by("customer_id", "since").agg(pl.len().alias("payments"), pl.col("started_at").min())
    new = paid.filter(pl.col("started_at").dt.date() >= dt.date.fromisoformat(data.manifest["first_day"]))
    assert len(new) >= 3
    assert new["payments"].min() >= DEEP  # type: ignore[operator]


def test_what_victims_raise_is_explained_by_what_they_pay(paths: dict[float, Path]) -> None:
    report = finsim.diff(paths[0.0], paths[1.0])
    assert report.unexplained == 0
