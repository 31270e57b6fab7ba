"""Moments: what a hand counts, the same on disk and in memory, smooth in the parameters."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import finsim
from finsim.calibration.frames import Tables, Views
from finsim.calibration.moments import compute
from finsim.calibration.registry import MomentError
from finsim.calibration.simulation import SimulationError, simulated_moments
from finsim.calibration.target_sets import TargetSet, load_targets
from finsim.dataset.tables import TABLES

FIRST = dt.date(2024, 9, 2)  # a Monday
BEFORE, START = dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2024, 9, 2, tzinfo=dt.UTC)
CHECKING, CREDIT, OTHER_PERSON, OUTSIDE, SHOP, SAVINGS = 1, 2, 3, 4, 5, 6


def table(name: str, rows: list[dict[str, Any]]) -> pl.LazyFrame:
    """Return a table of the contract; columns that the rows do not give are null."""
    schema = pl.from_arrow(TABLES[name].schema.empty_table())
    assert isinstance(schema, pl.DataFrame)
    columns = {
        column: pl.Series(column, [row.get(column) for row in rows], dtype=pl.String).cast(kind)
        if kind == pl.Categorical or isinstance(kind, pl.Enum)
        else pl.Series(column, [row.get(column) for row in rows], dtype=kind)
        for column, kind in schema.schema.items()
    }
    return pl.DataFrame(columns).lazy()


def payment(number: int, amount: float, day: int = 0, hour: int = 12, **columns: Any) -> dict[str, Any]:
    """Return an approved card purchase of person 1 in a shop."""
    return {
        "transaction_id": number,
        "timestamp": START + dt.timedelta(days=day, hours=hour),
        "rail": "card",
        "kind": "purchase",
        "channel": "pos",
        "payer_account_id": CHECKING,
        "payee_account_id": SHOP,
        "customer_id": 1,
        "amount": amount,
        "mcc": 5411,
        "decision": "approved",
        **columns,
    }


ROWS = [
    payment(1, 10.0),
    payment(2, 20.5, day=1, payer_account_id=CREDIT, channel="online", mcc=5541),
    payment(3, 40.0, day=4, original_currency="EUR"),
    payment(4, 99.0, decision="declined"),
    payment(5, 30.0, day=8, kind="transfer", rail="instant", channel="app", payee_account_id=OTHER_PERSON, mcc=None),
    payment(6, 500.0, kind="transfer", rail="instant", payee_account_id=SAVINGS, mcc=None),  # own money
    payment(7, 100.0, kind="bill", rail="direct_debit", channel="batch", payee_account_id=OUTSIDE, mcc=None),
    payment(8, 60.0, kind="withdrawal", channel="atm", mcc=6011),
    payment(9, 1000.0, day=2, kind="income", rail="ach", payer_account_id=OUTSIDE, payee_account_id=CHECKING),
    payment(10, 1000.0, day=16, kind="income", rail="ach", payer_account_id=OUTSIDE, payee_account_id=CHECKING),
    payment(11, 7.0, payer_account_id=7, customer_id=3),  # a firm's
]


@pytest.fixture(scope="module")
def views() -> Views:
    accounts = [
        {"account_id": CHECKING, "kind": "checking", "owner_kind": "customer", "owner_id": 1, "opening_balance": 100.0},
        {"account_id": CREDIT, "kind": "credit_card", "owner_kind": "customer", "owner_id": 1, "opening_balance": -9.0},
        {"account_id": SAVINGS, "kind": "savings", "owner_kind": "customer", "owner_id": 1, "opening_balance": 200.0},
        {"account_id": OTHER_PERSON, "kind": "checking", "owner_kind": "customer", "owner_id": 2,
         "opening_balance": 1.0},
        {"account_id": OUTSIDE, "kind": "outside", "owner_kind": "outside", "owner_id": 1, "opening_balance": 0.0},
        {"account_id": SHOP, "kind": "merchant", "owner_kind": "merchant", "owner_id": 1, "opening_balance": 0.0},
        {"account_id": 7, "kind": "checking", "owner_kind": "customer", "owner_id": 3, "opening_balance": 5.0},
    ]  # fmt: skip
    customers = [
        {"customer_id": 1, "segment": "employed", "income_band": "0-25000", "customer_since": BEFORE},
        {"customer_id": 2, "segment": "retired", "income_band": "25000-50000", "customer_since": BEFORE},
        {"customer_id": 3, "segment": "business", "customer_since": BEFORE},
    ]
    cash = [{"customer_id": 2, "timestamp": START + dt.timedelta(days=1), "amount": 5.0, "mcc": 5814}]
    truth = [{"transaction_id": 3, "is_fraud": True, "is_laundering": False}]
    frames = {
        name: table(name, rows)
        for name, rows in {
            "transactions": ROWS, "accounts": accounts, "customers": customers, "cash_hidden": cash, "truth": truth
        }.items()
    }  # fmt: skip
    return Views(Tables(lambda name: frames[name], FIRST, 21))


MONTHS = 21 / (365.25 / 12)
HAND: list[tuple[str, dict[str, Any], float]] = [
    ("payments_per_month", {}, 6 / 2 / MONTHS),
    ("payments_per_month", {"payee": "person"}, 1 / 2 / MONTHS),
    ("value_per_month", {"means": "cash"}, 5 / 2 / MONTHS),
    ("share_of_payments", {"means": "cash"}, 1 / 6),
    ("share_of_payments", {"means": "credit_card"}, 1 / 6),
    ("share_of_payments", {"means": "bank_account_number"}, 1 / 6),
    ("share_of_payments", {"payee": "housing_loan"}, 1 / 6),
    ("share_of_payments", {"place": "in_person", "given_means": "card"}, 2 / 3),
    ("share_of_payments", {"low": 20.0, "high": 41.0}, 3 / 6),
    ("share_of_payments", {"hour": 12.0}, 5 / 6),
    ("share_of_payments", {"weekday": "mon"}, 2 / 6),  # the other Monday's in the second week is the transfer's Tuesday
    ("share_of_value", {"means": "card"}, 70.5 / 205.5),
    ("relative_share", {"means": "cash", "given_income": "25000-50000"}, 6.0),
    ("ticket_mean", {"means": "debit_card"}, 25.0),
    ("ticket_median", {}, 25.25),
    ("ticket_log_mean", {"means": "debit_card"}, (math.log(10) + math.log(40)) / 2),
    ("ticket_log_sigma", {"means": "debit_card"}, math.log(4) / math.sqrt(2)),
    ("whole_amount_share", {"means": "card"}, 2 / 3),
    ("abroad_share", {"means": "card"}, 1 / 3),
    ("fraud_rate_of_value", {"means": "debit_card"}, 1e4 * 40 / 50),
    ("fraud_rate_of_number", {"means": "debit_card"}, 1 / 2),
    ("balance_median", {}, 150.5),
    ("balance_mean", {}, 150.5),
    ("pay_period_share", {"period": "biweekly"}, 1.0),
    ("pay_period_share", {"period": "monthly"}, 0.0),
    ("deposit_mean", {}, 1000.0),
    ("deposits_per_month", {}, 2 / 2 / MONTHS),
    # Person 1: 3 payments (days 0 to 2), 1 (3 to 5), 1 (6 to 8), then none; person 2: 1 in the first window.
    ("payments_of_active_windows", {}, 6 / 4),
    ("dispersion_of_counts", {}, float(np.var([3, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], ddof=1)) / (6 / 14)),
]


@pytest.mark.parametrize(("name", "arguments", "value"), HAND, ids=[f"{name}-{a}" for name, a, _ in HAND])
def test_a_moment_is_what_a_hand_counts(views: Views, name: str, arguments: dict[str, Any], value: float) -> None:
    assert compute(views, [(name, arguments)])[0] == pytest.approx(value)


def test_what_nothing_measures_is_nan(views: Views) -> None:
    assert np.isnan(compute(views, [("ticket_mean", {"means": "wire"})])[0])


def test_an_unknown_moment_is_refused(views: Views) -> None:
    with pytest.raises(MomentError, match="did you mean 'ticket_mean'"):
        compute(views, [("tickt_mean", {})])


def test_every_moment_is_tried_by_hand_or_in_a_run() -> None:
    from finsim.calibration.registry import moments

    tried = {name for name, _, _ in HAND} | {one.moment for one in load_targets("us").targets}
    own = {name for name, one in moments().items() if one.function.__module__ == "finsim.calibration.moments"}
    assert own <= tried


# -- runs -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> TargetSet:
    """The US set on a small and short run."""
    text = (Path(finsim.__file__).parent / "calibration" / "sets" / "us.yaml").read_text(encoding="utf-8")
    text = text.replace("population.customers: 3000", "population.customers: 300")
    path = tmp_path_factory.mktemp("sets") / "small.yaml"
    path.write_text(text, encoding="utf-8")
    return load_targets(path)


@pytest.fixture(scope="module")
def base(small: TargetSet) -> Any:
    return simulated_moments(small, {})


def test_memory_and_disk_have_the_same_moments(small: TargetSet, base: Any, tmp_path: Path) -> None:
    data = finsim.run(small.scenario, tmp_path / "run", seed=small.seed, overrides=dict(small.overrides))
    on_disk = compute(Views(Tables.of_dataset(data)), [(one.moment, one.arguments) for one in small.targets])
    np.testing.assert_allclose(on_disk, base, rtol=1e-12)
    report = finsim.evaluate(data, parts=["fidelity"])
    assert report.fidelity is not None
    assert report.fidelity["set"] == "us"
    assert [row["simulated"] for row in report.fidelity["rows"]] == pytest.approx(base.tolist())
    met = report.fidelity["met"]["fit"]
    assert met["share_within"] == pytest.approx(
        np.mean([one.holds(value) for one, value in zip(small.targets, base, strict=True) if one.role == "fit"])
    )
    assert "Fidelity" in str(report)


def test_the_same_values_give_the_same_moments_and_a_price_moves_what_it_should(small: TargetSet, base: Any) -> None:
    values = {"behaviour.price_level": small.start["behaviour.price_level"]}
    again = simulated_moments(small, values)
    np.testing.assert_array_equal(again, base)
    dearer = simulated_moments(small, {key: 1.02 * value for key, value in values.items()})
    place = {one.call: k for k, one in enumerate(small.targets)}
    ticket = place["ticket_mean(means=card)"]
    assert 1.005 < dearer[ticket] / base[ticket] < 1.03
    count = place["payments_per_month()"]
    assert dearer[count] == pytest.approx(base[count], rel=0.01)


def test_a_value_that_is_not_allowed_is_one_clear_error(small: TargetSet) -> None:
    with pytest.raises(SimulationError, match=r"small: the run cannot be made: .*behaviour\.price_level"):
        simulated_moments(small, {"behaviour.price_level": -1.0})


def test_a_run_that_shows_nothing_says_what_it_lacks(small: TargetSet) -> None:
    march = dataclasses.replace(
        small.targets[0], id="spring", moment="month_ratio", arguments={"month": 3.0, "to": 9.0}
    )
    overrides = {**small.overrides, "run.days": 1, "run.warm_up_days": 0}
    with pytest.raises(SimulationError, match=r"nothing in the run measures spring \(month_ratio\(month=3"):
        simulated_moments(dataclasses.replace(small, targets=(march,), overrides=overrides), {})
