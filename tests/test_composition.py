"""Composition of fraud: derived figures follow from their parts, measures count what they say, supply stays level."""

from __future__ import annotations

import datetime as dt
import importlib
import subprocess
import sys
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from dataset_story import Story

import finsim
from finsim.agents.theft import HAUL
from finsim.calibration.figures import load_figures
from finsim.dataset.reader import Dataset
from finsim.evaluation.composition import composition
from finsim.evaluation.money import LASTS_DAYS, SCAMS, Money

pytestmark = pytest.mark.behaviour

STRANGERS = ("card_testing", "card_not_present", "lost_stolen", "skimming")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    overrides = {
        "population.customers": 600,
        "run.days": 40,
        "fraud.intensity": 12,
        "fraud.romance_scam.rate": 5.0,
        "banks.card_claims_refused": 1.0,
        "banks.transfer_claims_paid": 1.0,
    }
    return finsim.run("tiny", out=tmp_path_factory.mktemp("composition") / "run", seed=4, overrides=overrides)


def table(data: Dataset) -> dict[tuple[str, str], float | None]:
    return {(row["section"], row["measure"]): row["simulated"] for row in composition(data)}


# -- figures -------------------------------------------------------------------------------------------------------


def test_derived_figures_follow_from_their_parts() -> None:
    figures = {name: figure.value for name, figure in load_figures().items()}

    def value(name: str) -> float:
        found = figures[name]
        assert found is not None
        return found

    adults, paid = 1e6 * value("US-adults"), value("US-scams-paid") / 100
    zelle = value("US-zelle-share") / 100 * value("US-zelle-value") * 1e9 / 1e4
    expected = {
        "US-cards-2023": value("US-037") * value("US-039") / value("US-040"),
        "US-zelle-rate": 1e6 * value("US-zelle-reports") / zelle,
        "US-zelle-fraud": 1e6 * value("US-zelle-disputes") / zelle,
        "US-zelle-scams": 1e6 * (value("US-zelle-reports") - value("US-zelle-disputes")) / zelle,
        "US-zelle-refunded": 100 * (1 - value("US-zelle-unpaid") / value("US-zelle-reports")),
        "US-ach-per-adult": 1e9 * value("US-007") / adults,
        "US-enumeration-per-adult": 1e9 * value("BEHAVIOUR-026") * value("US-039") / 100 / adults,
        "US-synthetic-per-adult": 1e9 * value("BEHAVIOUR-033") / adults,
        "US-sim-swap-cases": 1e3 * value("US-090") / (value("US-122") / 100) / adults,
        "US-sim-swap-mean": 1e6 * value("US-091") / value("US-090"),
        "US-scams-per-adult": 1e9 * (value("US-051") + value("US-052")) / adults,
        "US-scams-paid": 100 * (value("US-051") + value("US-052")) / value("US-045"),
        "US-investment-per-adult": 1e9 * value("US-048") * paid / adults,
        "US-imposter-per-adult": 1e9 * value("US-049") * paid / adults,
        "US-shopping-per-adult": 1e6 * value("US-053") / adults,
        "US-romance-per-adult": 1e9 * value("US-romance-losses") * value("US-romance-paid") / 100 / adults,
        "US-bec-per-adult": 1e9 * value("US-077") / adults,
        "US-ctr-per-adult": 1e9 * value("US-113") / adults,
    }
    for name, number in expected.items():
        assert value(name) == pytest.approx(number, rel=0.01), name


# -- measures ------------------------------------------------------------------------------------------------------


def test_rates_by_rail_count_what_became_known(data: Dataset) -> None:
    silent = copy(data)
    silent.label_events = data.label_events.filter(pl.lit(False))
    spoken, unheard = table(data), table(silent)
    for key in (("rate by rail", "cards, bp of value"), ("instant payments", "by strangers and scams, bp of value")):
        before, after = spoken[key], unheard[key]
        assert before is not None
        assert before > 0
        assert after == 0
    whole = ("rate by rail", "all rails, bp of value")
    assert unheard[whole] == pytest.approx(spoken[whole])


def test_rates_leave_out_money_between_own_accounts(data: Dataset) -> None:
    money = Money(data)
    savings = money.value(pl.col("own"), pl.col("kind") == "transfer")
    assert savings > 0
    owners = dict(data.accounts.select("account_id", pl.concat_str("owner_kind", "owner_id")).collect().iter_rows())
    transfers = data.transactions.filter(
        pl.col("kind").cast(pl.String) == "transfer", pl.col("decision").cast(pl.String) == "approved"
    ).select("payer_account_id", "payee_account_id", "amount").collect()  # fmt: skip
    by_hand = sum(amount for payer, payee, amount in transfers.iter_rows() if owners[payer] == owners[payee])
    assert savings == pytest.approx(by_hand)


def test_who_joins_late_counts_for_the_time_there(data: Dataset) -> None:
    money = Money(data)
    rows = money.customers.select("customer_since", "years").iter_rows()
    last = money.end.date()
    for since, years in rows:
        days = min(max((last - (since.date() if hasattr(since, "date") else since)).days + 1, 0), 40)
        assert years == pytest.approx(days / 365.25)
    assert money.person_years < money.customer_years <= len(money.customers) * money.years


def test_cases_of_long_scams_are_whole_in_long_data(tmp_path: Path) -> None:
    story = finsim.open_dataset(Story().write(tmp_path / "story"))
    short = Money(story)
    names = short.cases["typology"].unique().to_list()
    assert all(len(short.whole(name)) == (short.cases["typology"] == name).sum() for name in names)
    story.manifest["last_day"] = "2027-12-31"  # the same rows as the beginning of longer data
    longer = Money(story)
    assert longer.years * 365.25 > 2 * LASTS_DAYS
    assert all(len(longer.whole(name)) == (longer.cases["typology"] == name).sum() for name in names)


def test_refused_claims_are_borne_by_the_holder(data: Dataset) -> None:
    back = data.transactions.filter(pl.col("kind").cast(pl.String) == "reimbursement").select(
        "related_transaction_id", pl.col("rail").cast(pl.String)
    )
    truth = data.truth.select(
        "typology", related_transaction_id=pl.col("transaction_id"), source=pl.col("typology").cast(pl.String)
    )
    paid = back.join(truth, on="related_transaction_id").collect()
    claimed = data.label_events.join(data.truth, on="transaction_id").collect()
    assert claimed.filter(pl.col("typology").cast(pl.String).is_in(STRANGERS)).height > 50
    assert not paid.filter(pl.col("source").is_in(STRANGERS)).height  # card_claims_refused is 1
    assert paid.filter(pl.col("source") == "account_takeover").height  # transfer_claims_paid is 1
    assert not set(paid.filter(pl.col("rail") == "card")["source"]) & set(STRANGERS)
    money = Money(data)
    assert money.cases.filter(pl.col("typology").is_in(SCAMS)).height


# -- supply --------------------------------------------------------------------------------------------------------


def test_the_market_of_stolen_details_begins_in_balance() -> None:
    """What is on offer at the start is what the formula says, whatever the length of the run, and stays that way.

    A detail's value is 1 at most, so the standard error of what n details are worth is below the root of n.
    """
    overrides = {
        "population.customers": 2_000, "fraud.phishing_rate": 900.0, "fraud.card_not_present.rate": 420.0,
        "fraud.card_testing.rate": 0.0, "fraud.merchant_collusion.rate": 0.0, "fraud.breach_rate": 900.0 / HAUL / 9.0,
        "fraud.adaptation": 0.0, "run.threads": 1,
    }  # fmt: skip
    worlds = [finsim.Economy("baseline", seed=9, **overrides, **{"run.days": days}) for days in (40, 400)]
    references = {world.underworld.theft.reference for world in worlds}
    assert len(references) == 1
    economy, reference = worlds[0], references.pop()
    start = economy.underworld.credentials.value(economy.now)
    assert start == worlds[1].underworld.credentials.value(economy.now)
    # Those whom a start chooses and who have not joined their bank yet have no card: about a tenth.
    assert 0.8 * reference - 4.9 * np.sqrt(reference) < start < reference + 4.9 * np.sqrt(reference)
    seen = []
    for _ in range(54):
        for _ in range(48):
            economy.step()
        seen.append(economy.underworld.theft.supply())
    first, last = np.mean(seen[:18]), np.mean(seen[-18:])
    assert 0.85 < first < 1.2
    assert 0.85 < last < 1.2
    assert abs(last - first) < 0.15


def test_losses_to_long_scams_are_spread_over_the_cases_that_began(data: Dataset) -> None:
    money = Money(data)
    first = money.end.date() - dt.timedelta(days=39)
    started = dict(data.campaigns.select("campaign_id", pl.col("started_at").dt.date()).collect().iter_rows())
    rows = {row["section"]: row for row in composition(data) if row["measure"] == "mean loss of a case, USD"}
    under_way = 0
    for name in ("romance_scam", "investment_scam", "purchase_scam"):
        cases = money.cases.filter(pl.col("typology") == name)
        begun = sum(started[campaign] >= first for campaign in cases["campaign_id"])
        assert money.begun(name) == (len(cases) if name == "purchase_scam" else begun)
        under_way += len(cases) - money.begun(name)
        if money.begun(name):
            expected = cases["amount"].sum() / money.begun(name)
            assert rows[name.replace("_", " ")]["simulated"] == pytest.approx(expected)
    assert under_way > 0


# -- replicates ----------------------------------------------------------------------------------------------------


@pytest.fixture
def replicates(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(Path(__file__).resolve().parent.parent / "benchmarks")
    return importlib.import_module("replicates")


def test_rare_cases_are_counted_over_all_replicates(replicates: Any) -> None:
    """Few of skewed losses a replicate: quotients of sums and pooled medians are right, their intervals cover 95 %."""
    rng = np.random.default_rng(5)
    sigma, rounds = 0.5, 400
    true_mean, true_median = float(np.exp(sigma**2 / 2)), 1.0
    means, medians, covered = [], [], np.zeros(2)
    for _ in range(rounds):
        losses = [rng.lognormal(0.0, sigma, rng.poisson(3)).tolist() for _ in range(20)]
        mean, low, high = replicates.quotient(np.array([(sum(some), len(some)) for some in losses]))
        middle, least, most = replicates.middle([loss for some in losses for loss in some])
        means.append(mean)
        medians.append(middle)
        covered += low <= true_mean <= high, least <= true_median <= most
    for found, true in ((means, true_mean), (medians, true_median)):
        assert np.mean(found) == pytest.approx(true, abs=5 * np.std(found) / np.sqrt(rounds) + 0.01)
    assert (np.abs(covered / rounds - 0.95) < 5 * np.sqrt(0.05 * 0.95 / rounds)).all()


def test_a_quotient_of_single_measures_is_their_mean(replicates: Any) -> None:
    mean, low, high = replicates.average([1.0, 2.0, 6.0])
    half = 4.302653 * np.std([1.0, 2.0, 6.0], ddof=1) / np.sqrt(3)
    assert (mean, low, high) == pytest.approx((3.0, 3.0 - half, 3.0 + half))
    assert replicates.average([]) == (None, None, None)
    assert replicates.average([2.0]) == (2.0, None, None)
    assert replicates.middle([]) == (None, None, None)
    assert replicates.middle([1.0, 2.0, 9.0]) == (2.0, None, None), "three cases bound nothing"


@pytest.mark.slow
def test_replicates_go_on_from_their_cache(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parent.parent

    def table_of(replicates: int) -> str:
        command = [
            sys.executable, "benchmarks/replicates.py", "--scenario", "tiny", "--replicates", str(replicates),
            "--customers", "300", "--days", "5", "--processes", "1", "--cache", str(tmp_path), "--compared",
            "--set", "fraud.intensity=20",
        ]  # fmt: skip
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=root).stdout

    table_of(1)
    kept = list(tmp_path.iterdir())
    assert [path.name[:5] for path in kept] == ["seed1"]
    written = kept[0].stat().st_mtime_ns
    assert "2 replicates" in table_of(2)
    assert kept[0].stat().st_mtime_ns == written
    assert sorted(path.name[:5] for path in tmp_path.iterdir()) == ["seed1", "seed2"]
