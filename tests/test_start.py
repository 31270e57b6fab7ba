"""The start in the middle of life: the first exported week is like the later ones.

March 2025 from Monday the 3rd: four whole weeks of one month, so that month and weekday factors are the same.
Each customer is compared with itself: the mean of the differences between the first week and the mean of the
three later ones has to lie within five of its standard errors, customers being independent.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from small_economy import finish, recorded

from finsim import payments as pay
from finsim.economy import Economy

CUSTOMERS = 8000
WEEK = 7 * 86_400_000_000
Z = 5.0
Which = Callable[[NDArray[np.void]], NDArray[np.bool_]]


@pytest.fixture(scope="module")
def month() -> tuple[Economy, NDArray[np.void]]:
    setting = {
        "population.customers": CUSTOMERS,
        "run.start": "2025-03-03",
        "run.days": 28,
        "run.warm_up_days": 14,
        "fraud.intensity": 3,
    }
    economy, recorder = recorded(**setting)
    finish(economy)
    return economy, recorder.records


def shopping(rows: NDArray[np.void]) -> NDArray[np.bool_]:
    return (rows["truth"] == 0) & np.isin(rows["kind"], [pay.PURCHASE, pay.WITHDRAWAL])


MEASURES: dict[str, Which] = {
    "purchases and withdrawals": shopping,
    "transfers": lambda rows: (rows["truth"] == 0) & (rows["kind"] == pay.TRANSFER),
    "cash withdrawals": lambda rows: shopping(rows) & (rows["kind"] == pay.WITHDRAWAL),
    # Not those of bills: most rents fall due on the first of the month, so the first week returns more of them.
    "declines": lambda rows: (
        (rows["truth"] == 0) & (rows["decision"] == pay.DECLINED) & ~np.isin(rows["kind"], [pay.BILL, pay.REPAYMENT])
    ),
    "declines for want of money": lambda rows: (
        shopping(rows) & np.isin(rows["decline_reason"], [pay.INSUFFICIENT_FUNDS, pay.LIMIT])
    ),
    "declines of blocked cards": lambda rows: (rows["truth"] == 0) & (rows["decline_reason"] == pay.BLOCKED),
    "challenges": lambda rows: (rows["truth"] == 0) & (rows["challenge"] != pay.NONE),
    "alerts": lambda rows: (rows["truth"] == 0) & (rows["alert"] > 0),
    "holds": lambda rows: rows["decision"] == pay.HELD,
    "refunds": lambda rows: rows["kind"] == pay.REFUND,
    "new merchants": lambda rows: shopping(rows) & (rows["flags"] & pay.NEW_PAYEE > 0),
    "foreign countries": lambda rows: shopping(rows) & (rows["country"] != 0) & (rows["country"] != pay.NONE),
    "reimbursements": lambda rows: rows["kind"] == pay.REIMBURSEMENT,
    "fraud tried": lambda rows: rows["truth"] == pay.IS_FRAUD,
    "fraud that worked": lambda rows: (rows["truth"] == pay.IS_FRAUD) & (rows["decision"] == pay.APPROVED),
}


def differences(economy: Economy, rows: NDArray[np.void], which: Which) -> NDArray[np.float64]:
    """Return, for each customer, rows of the first week minus the mean of the later ones, (C,)."""
    chosen = rows[which(rows)]
    week = (chosen["timestamp"] - economy.export_start) // WEEK
    counts = np.zeros((CUSTOMERS, 4))
    np.add.at(counts, (chosen["owner"], week), 1)
    return counts[:, 0] - counts[:, 1:].mean(axis=1)


@pytest.mark.parametrize("measure", MEASURES)
def test_the_first_week_is_like_the_others(month: tuple[Economy, NDArray[np.void]], measure: str) -> None:
    economy, rows = month
    settled = economy.world.customers.data["since_day"] < economy.clock.first_day
    change = differences(economy, rows, MEASURES[measure])[settled]
    error = max(float(change.std()) / np.sqrt(len(change)), 1e-9)
    assert MEASURES[measure](rows).sum() > 20, "there is something to compare"
    assert abs(change.mean()) < Z * error, (
        f"{change.mean() * len(change):.0f} rows more in the first week, standard error {error * len(change):.0f}"
    )


@pytest.mark.parametrize("warm_up", [0, 3])
def test_the_first_day_has_its_past(warm_up: int) -> None:
    """Whatever belongs to something before the export is there, with nothing to refer to."""
    economy, recorder = recorded(
        **{"population.customers": 600, "run.days": 6, "run.warm_up_days": warm_up, "fraud.intensity": 3}
    )
    balances = economy.ledger.accounts["balance"][: 4 * 600].reshape(-1, 4)
    data = economy.world.customers.data
    assert (balances[data["cards"] & 4 > 0, 2] < 0).mean() > 0.5, "cards carry balances"
    assert (data["debit_ordinal"] + data["credit_ordinal"] == 0).mean() < 1.0 or economy.life.cards.issued.std() > 0, (
        "cards have ages"
    )
    assert len(economy.underworld.credentials) > 0, "stolen details are on offer"
    finish(economy)
    rows = recorder.records
    assert (rows["timestamp"] >= economy.export_start).all()
    related = rows[rows["related_id"] > 0]
    assert set(related["related_id"].tolist()) <= set(rows["transaction_id"].tolist()), (
        "what it names is in the data set"
    )
    frame = recorder.frame("accounts")
    assert (frame["opened_at"].dt.epoch("us") < economy.clock.end).all()
    issued = recorder.frame("cards")["issued_at"].dt.epoch("us")
    assert ((economy.export_start - issued) / WEEK).max() > 52


def test_the_population_does_not_depend_on_the_length() -> None:
    short, long = (recorded(**{"run.days": days})[0] for days in (2, 60))
    for name in short.world.customers.data.dtype.names or ():
        assert (short.world.customers.data[name] == long.world.customers.data[name]).all(), name
    assert (short.ledger.accounts["balance"] == long.ledger.accounts["balance"]).all()
