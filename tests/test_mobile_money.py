"""The economy of a mobile-money operator, told from exported tables alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import finsim
from finsim.calibration.wallet_views import wallet_uses
from finsim.dataset.check import check
from finsim.dataset.reader import Dataset
from finsim.errors import ScenarioError
from finsim.parameters.mobile_money import USES
from finsim.scenario import Scenario

pytestmark = pytest.mark.behaviour

SMALL = {
    "population.customers": 1_500,
    "population.areas": 6,
    "run.days": 20,
    "run.warm_up_days": 5,
    "behaviour.mobile_money.active_share": 0.8,
    # So few pay to a bank that a small run might show none.
    "behaviour.mobile_money.debit.users": 0.3,
    "behaviour.mobile_money.debit.per_month": 0.1,
    "behaviour.mobile_money.debit.activity_log_sigma": 1.0,
    "fraud.mules.per_1000_customers": 60.0,
    "fraud.mules.outside": 0.1,
    "fraud.agent_fraud.rate": 60.0,
    "fraud.account_takeover.rate": 60.0,
    "fraud.advance_fee_scam.rate": 60.0,
}


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the data sets of twins: with fraud and without."""
    folder = tmp_path_factory.mktemp("mobile")
    for name, intensity in (("with", 1.0), ("without", 0.0)):
        finsim.run("mobile_money", out=folder / name, seed=2, overrides={**SMALL, "fraud.intensity": intensity})
    return {name: folder / name for name in ("with", "without")}


@pytest.fixture(scope="module")
def data(paths: dict[str, Path]) -> Dataset:
    """Return the data set with fraud."""
    return finsim.open_dataset(paths["with"])


def test_every_invariant_holds(paths: dict[str, Path]) -> None:
    for path in paths.values():
        assert not check(path).broken


def test_twins_differ_only_where_fraud_reached(paths: dict[str, Path]) -> None:
    report = finsim.diff(paths["with"], paths["without"])
    assert report.unexplained == 0
    assert report.genuine["identical"].rows > 0.95 * sum(side.rows for side in report.genuine.values())


def test_all_uses_happen_and_are_what_they_are_called(data: Dataset) -> None:
    uses = wallet_uses(lambda name: getattr(data, name)).collect()
    mobile = Scenario.load("mobile_money").behaviour.mobile_money
    for name in USES:
        some = uses.filter(pl.col("use") == name)["amount"]
        use = getattr(mobile, name)
        # Five standard errors of a lognormal mean, with what is not paid for want of money.
        error = np.sqrt(np.expm1(use.amount_log_sigma**2) / max(len(some), 1))
        assert len(some) > 5, name
        assert abs(some.mean() / use.amount_mean - 1.0) < 5.0 * error + 0.1, name  # type: ignore[operator]
    rows = data.transactions.filter((pl.col("rail") == "wallet") & pl.col("kind").is_in(["deposit", "withdrawal"]))
    assert rows.select(pl.col("merchant_id").is_null().sum()).collect().item() == 0


def test_activity_differs_widely_between_wallets(data: Dataset) -> None:
    counts = (
        wallet_uses(lambda name: getattr(data, name))
        .filter(pl.col("use") == "cash_out")
        .group_by("customer_id")
        .len()
        .collect()["len"]
    )
    # Of those who do so at all, a Poisson law with one rate for all has a variance of about half the mean.
    assert counts.var() > 0.9 * counts.mean()  # type: ignore[operator]


def test_what_goes_out_is_there(data: Dataset) -> None:
    """No wallet falls below zero, and few people try to take out what they do not have."""
    accounts = data.accounts.filter(pl.col("kind") == "wallet").select("account_id")
    paid = data.transactions.join(accounts, left_on="payer_account_id", right_on="account_id", how="inner")
    rows = paid.select(pl.col("payer_balance_after").min().alias("least"), pl.col("decision")).collect()
    assert rows["least"][0] >= 0
    short = paid.filter(pl.col("decline_reason") == "insufficient_funds").select(pl.len()).collect().item()
    assert short < 0.01 * len(rows)


def test_fraud_finds_the_wallets(data: Dataset) -> None:
    rows = data.truth.join(data.transactions, on="transaction_id").collect()
    by_wallet = rows.filter(pl.col("rail") == "wallet")
    assert {"agent_fraud", "account_takeover", "advance_fee_scam"} <= set(by_wallet["typology"].cast(pl.String))
    # What a mule's wallet received leaves it again.
    assert by_wallet.filter(pl.col("is_laundering"))["amount"].sum() > 0


def test_rail_kind_and_channel_do_not_give_fraud_away(data: Dataset) -> None:
    names = ["rail", "kind", "channel", "authentication", "entry_mode"]
    rows = data.transactions.join(data.truth.select("transaction_id", "is_fraud"), on="transaction_id", how="left")
    wallets = rows.filter(pl.col("rail") == "wallet").collect()
    fraud = wallets.filter(pl.col("is_fraud").is_not_null()).select(names).unique()
    genuine = wallets.filter(pl.col("is_fraud").is_null()).select(names).unique()
    assert fraud.join(genuine, on=names, how="anti", nulls_equal=True).is_empty()


def test_profiles_have_their_length() -> None:
    key = "behaviour.mobile_money.cash_in"
    with pytest.raises(ScenarioError, match="hours_of_run has 5 values, but must have 24 for each day"):
        Scenario.load("mobile_money", {f"{key}.hours_of_run": [1.0] * 5})
    with pytest.raises(ScenarioError, match="amounts_of_run must hold values of 0 or more"):
        Scenario.load("mobile_money", {f"{key}.amounts_of_run": [-1.0] * 24})
    with pytest.raises(ScenarioError, match="hour_factors has 3 values, but must have 24"):
        Scenario.load("mobile_money", {f"{key}.hour_factors": [1.0] * 3})
    with pytest.raises(ScenarioError, match="makes no agent"):
        Scenario.load("mobile_money", {"behaviour.wallet_agents_per_1000_customers": 0})
