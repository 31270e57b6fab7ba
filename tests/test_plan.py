"""Plans are pure: what a customer wants to pay does not depend on what fraud does to anybody."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from small_economy import finish, found, plans, recorded

from finsim import payments as pay
from finsim.agents.customer import BUSINESS
from finsim.clock import DAY, HOUR
from finsim.economy import Economy

MUCH = {"fraud.intensity": 8, "run.days": 12, "population.customers": 400}
FIELDS = (
    "transaction_id",
    "timestamp",
    "owner",
    "payer",
    "payee",
    "amount",
    "kind",
    "rail",
    "channel",
    "merchant",
    "slot",
    "flags",
)


def of(rows: NDArray[np.void]) -> NDArray[np.void]:
    return rows[np.argsort(rows["transaction_id"])]


@pytest.fixture(scope="module")
def with_fraud() -> tuple[Economy, NDArray[np.void]]:
    economy = found(**MUCH)
    return economy, of(plans(economy, 12))


def test_ids_of_planned_requests_are_unique(with_fraud: tuple[Economy, NDArray[np.void]]) -> None:
    ids = with_fraud[1]["transaction_id"]
    assert len(ids) > 5_000
    assert len(np.unique(ids)) == len(ids)


@pytest.mark.parametrize(
    "change",
    [
        {"fraud.intensity": 0},
        {"fraud.card_not_present.rate": 0},
        {"fraud.account_takeover.rate": 0},
        {"banks.review_error": 0.5},
        {"run.partitions": 3},
    ],
    ids=["no fraud", "no card_not_present", "no account_takeover", "other analysts", "other partitions"],
)
def test_the_same_requests_are_planned(with_fraud: tuple[Economy, NDArray[np.void]], change: dict[str, Any]) -> None:
    # Names that a ring makes up live only where there are rings.
    genuine = found(**MUCH).world.customers.data["reserved"] == 0
    twin, kept = (rows[genuine[rows["owner"]]] for rows in (of(plans(found(**{**MUCH, **change}), 12)), with_fraud[1]))
    assert len(twin) == len(kept)
    for name in FIELDS:
        assert (twin[name] == kept[name]).all(), name
    assert with_fraud[0].underworld.register.totals, "there was fraud that could have mattered"


def test_who_fraud_does_not_reach_pays_the_same() -> None:
    """The story of the twins: the same economy without fraud, row by row."""
    runs = {}
    for intensity in (8, 0):
        economy, recorder = recorded(**{**MUCH, "fraud.intensity": intensity})
        finish(economy)
        runs[intensity] = recorder.records
    a, b = runs[8], runs[0]
    assert (b["truth"] == 0).all()
    assert a["truth"].any()
    genuine = a[a["campaign"] < 0]
    known = {int(row["transaction_id"]): row for row in b}
    names = ("timestamp", "amount", "payer", "payee", "decision")
    same = np.array(
        [
            int(row["transaction_id"]) in known and all(row[n] == known[int(row["transaction_id"])][n] for n in names)
            for row in genuine
        ]
    )
    assert same.mean() > 0.98
    # Whoever differs had to do with fraud, or with somebody who had: victims, mules, those whose card was blocked.
    limit = 4 * 400
    touched = set(a["owner"][a["campaign"] >= 0].tolist())
    bank_made = np.isin(a["kind"], [pay.REIMBURSEMENT, pay.RECOVERY, pay.REVERSAL])
    touched |= set(a["owner"][bank_made].tolist())
    touched |= set(np.flatnonzero(economy.world.customers.data["reserved"]).tolist())  # made-up names
    different = genuine[~same]
    reached = np.isin(different["owner"], list(touched))
    for side in ("payer", "payee"):
        reached |= (different[side] < limit) & np.isin(different[side] // 4, list(touched))
    assert reached.mean() > 0.5


@pytest.mark.parametrize(("share", "together"), [(1.0, True), (0.0, False)])
def test_online_shops_are_visited_in_one_sitting(share: float, together: bool) -> None:
    settings = {"population.customers": 600, "run.days": 9, "fraud.intensity": 0, "behaviour.one_sitting_share": share}
    rows = plans(found(**settings), 8)
    rows = rows[(rows["kind"] == pay.PURCHASE) & (rows["rail"] == pay.CARD) & (rows["place"] >= 0)]
    rows = rows[rows["flags"] & pay.DISCRETIONARY != 0]
    one = rows["owner"].astype(np.int64) * 100_000 + rows["timestamp"] // DAY
    spans, machines = [], []
    for key in np.unique(one)[np.unique(one, return_counts=True)[1] > 1]:
        some = rows[one == key]
        spans.append(np.ptp(some["timestamp"]) / HOUR)
        machines.append(len(np.unique(some[["device", "ip"]])))
    assert len(spans) > 50
    if together:
        assert max(machines) == 1
        assert np.median(spans) < 0.5
    else:
        assert np.mean(machines) > 1.2
        assert np.median(spans) > 2.0


def test_plans_are_sensible(with_fraud: tuple[Economy, NDArray[np.void]]) -> None:
    economy, rows = with_fraud
    first = economy.clock.first_day * 24 * 3_600_000_000
    assert (rows["timestamp"] >= first).all()
    assert (rows["amount"][(rows["kind"] == pay.PURCHASE)] > 0).all()
    assert (rows["amount"][rows["kind"] == pay.VERIFICATION] == 0).all()
    assert (rows["payer"] != rows["payee"]).all()
    withdrawals = rows["amount"][rows["kind"] == pay.WITHDRAWAL]
    assert (withdrawals % 2_000 == 0).all(), "machines give twenties"
    assert (rows["campaign"] == -1).all()
    assert (rows["truth"] == 0).all()
    joined = economy.world.customers.data["since_day"][rows["owner"]]
    assert (joined <= rows["timestamp"] // (24 * 3_600_000_000)).all(), "who has not joined plans nothing"


def test_shopping_follows_its_rate() -> None:
    """Trips are Poisson with the customers' own rates: the total is within five standard errors."""
    economy = found(**{"population.customers": 600, "run.days": 10, "fraud.intensity": 0, "run.start": "2025-03-03"})
    data = economy.world.customers.data
    here = (data["since_day"] < economy.clock.first_day) & (data["pay_schedule"] == 5)
    rows = plans(economy, 7)
    bought = rows[(rows["kind"] == pay.PURCHASE) & here[rows["owner"]]]
    activity = [economy.market.conditions(economy.clock.first_day + k).activity for k in range(7)]
    expected = float(data["activity"][here].sum()) * sum(activity)
    stop = 1.0 / float(economy.world.habits.behaviour["purchases_per_trip"][0])
    mean = sum((1 - stop) ** k for k in range(8))  # items of a trip, 8 at most
    square = sum((2 * k + 1) * (1 - stop) ** k for k in range(8))  # E[N**2]
    found_n, error = len(bought), np.sqrt(expected * square)
    assert abs(found_n - expected * mean) < 5 * error + 0.02 * expected * mean  # a few categories have no shop in reach


def test_a_month_has_each_due_once() -> None:
    economy = found(
        **{
            "run.days": 31,
            "run.warm_up_days": 0,
            "run.start": "2025-03-01",
            "fraud.intensity": 0,
            "population.customers": 200,
        }
    )
    rows = plans(economy, 31)
    dues = economy.world.people.obligations
    bills = rows[rows["kind"] == pay.BILL]
    owed = dues[
        (economy.world.customers.data["since_day"][dues["owner"]] < economy.clock.first_day) & (dues["means"] < 5)
    ]
    # 28 March is a Friday: everything due from the 1st to the 28th is collected within the month.
    planned = np.bincount(bills["owner"], minlength=200)
    expected = np.bincount(owed["owner"], minlength=200)
    old = economy.world.customers.data["since_day"] < economy.clock.first_day
    assert (planned[old] == expected[old]).all()


def test_firms_pay_and_are_paid() -> None:
    economy = found(**{"population.customers": 600, "run.days": 10, "fraud.intensity": 0})
    rows = plans(economy, 10)
    firms = np.flatnonzero(economy.world.customers.data["segment_code"] == BUSINESS)
    mine = rows[np.isin(rows["owner"], firms)]
    assert {pay.TRANSFER, pay.INCOME, pay.DEPOSIT} <= set(mine["kind"].tolist())
