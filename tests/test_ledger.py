"""Money: nothing is lost or made, no authorised debit passes a limit, what is refused moves nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from small_economy import SMALL, TICKS, customer_with, days, finish, found, recorded

import finsim
from finsim import payments as pay
from finsim.controls import COOLING_OFF
from finsim.economy import Economy
from finsim.partition import Partition
from finsim.posting import credits_of, settle_tick, unmoved_payees

HOUR = 3_600_000_000
SECOND = 1_000_000
OWNERS = 6
"""Owners that the random requests belong to; few, so that they meet."""


class Till:
    """An economy whose owners are authorised and settled by themselves, always from the same start."""

    def __init__(self) -> None:
        self.economy = found(**{"population.customers": 60, "fraud.intensity": 0})
        world = self.economy.world
        self.accounts, self.customers = world.ledger.accounts, world.customers.data
        self.payees = world.people.payees
        self.start = (self.accounts.copy(), self.customers.copy(), self.payees.copy())

    def reset(self, balances: list[int], limits: list[int]) -> None:
        for array, kept in zip((self.accounts, self.customers, self.payees), self.start, strict=True):
            array[...] = kept
        self.customers["cards"][:OWNERS] = 5
        self.customers["since_day"][:OWNERS] = 0
        for owner in range(OWNERS):
            self.accounts[owner * 4] = (balances[owner], limits[owner], 0)
            self.accounts[owner * 4 + 2] = (-balances[-owner - 1] // 4, limits[-owner - 1] * 3, 0)

    def decide(self, batch: NDArray[np.void], cuts: list[int]) -> tuple[NDArray[np.void], NDArray[np.void]]:
        """Return (decided rows in order, follow-ups) with the owners cut at some rows."""
        economy = self.economy
        parts = [
            Partition(a, b, economy.world, economy.clock)
            for a, b in zip([0, *cuts], [*cuts, len(self.customers)], strict=True)
        ]
        outcomes = [
            part.authorise(
                batch[(batch["owner"] >= part.first) & (batch["owner"] < part.last)].copy(), economy.tick_end
            )
            for part in parts
        ]
        rows = np.concatenate([outcome.rows for outcome in outcomes])
        follow = np.concatenate([outcome.follow_ups for outcome in outcomes])
        return rows[np.lexsort((rows["transaction_id"], rows["timestamp"]))], follow[
            np.argsort(follow["transaction_id"])
        ]


TILL: list[Till] = []


def till() -> Till:
    if not TILL:
        TILL.append(Till())
    return TILL[0]


REQUEST = st.fixed_dictionaries(
    {
        "owner": st.integers(0, OWNERS - 1),
        "second": st.integers(0, 1700),
        "amount": st.one_of(st.integers(1, 5_000), st.integers(1, 1_200_000)),
        "to": st.integers(0, OWNERS + 2),
        "rail": st.sampled_from([pay.CARD, pay.INSTANT, pay.ACH, pay.WIRE, pay.CHECK]),
        "kind": st.sampled_from([pay.TRANSFER, pay.PURCHASE, pay.WITHDRAWAL]),
        "credit": st.booleans(),
        "flags": st.sampled_from(
            [
                0,
                0,
                0,
                pay.DISCRETIONARY,
                pay.MANDATE,
                pay.FORCED,
                pay.MISTYPED,
                pay.WRONG_PIN,
                pay.REFUNDABLE,
                pay.SAME_OWNER,
            ]
        ),
    }
)


def batch_of(economy: Economy, requests: list[dict[str, Any]]) -> NDArray[np.void]:
    """Return requests as the economy would bring them, in order."""
    rows = pay.blank(len(requests))
    ledger = economy.ledger
    others = [int(ledger.named[0]), int(ledger.merchant_base), int(ledger.person_base)]
    for k, request in enumerate(requests):
        by_card = request["rail"] == pay.CARD
        owner, slot = request["owner"], 2 if by_card and request["credit"] else 0
        same = request["flags"] & pay.SAME_OWNER and not by_card
        payee = request["to"] * 4 if request["to"] < OWNERS else others[request["to"] - OWNERS]
        payee = owner * 4 + 1 if same or payee == owner * 4 + slot else payee  # nobody pays into the account that pays
        rows[k]["transaction_id"], rows[k]["timestamp"] = k + 1, economy.now + request["second"] * SECOND
        rows[k]["owner"], rows[k]["slot"], rows[k]["payer"], rows[k]["payee"] = owner, slot, owner * 4 + slot, payee
        rows[k]["amount"], rows[k]["rail"] = request["amount"], request["rail"]
        rows[k]["kind"] = request["kind"] if by_card else pay.TRANSFER
        rows[k]["flags"] = request["flags"] if same or not request["flags"] & pay.SAME_OWNER else 0
    return rows[np.lexsort((rows["transaction_id"], rows["timestamp"]))]


@given(
    st.lists(REQUEST, min_size=1, max_size=30),
    st.lists(st.integers(-20_000, 2_000_000), min_size=OWNERS, max_size=OWNERS),
    st.lists(st.integers(0, 100_000), min_size=OWNERS, max_size=OWNERS),
    st.permutations(range(30)),
)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_authorise_and_settle(
    requests: list[dict[str, Any]], balances: list[int], limits: list[int], order: list[int]
) -> None:
    desk = till()
    economy, accounts = desk.economy, desk.accounts
    desk.reset(balances, limits)
    before = accounts.copy()
    batch = batch_of(economy, requests)
    rows, follow = desk.decide(batch, [])
    after = accounts.copy()

    # Replayed by hand, one owner after the other.
    now = before.copy()
    seen: dict[int, int] = {}
    refused: dict[int, int] = {}
    for row in rows:
        owner, payer, amount = int(row["owner"]), int(row["payer"]), int(row["amount"])
        assert int(row["timestamp"]) > seen.get(owner, -1), "an owner's requests never share a time"
        seen[owner] = int(row["timestamp"])
        free = int(now["balance"][payer] + now["limit"][payer] - now["reserved"][payer])
        refused[int(row["transaction_id"])] = int(now["balance"][row["payee"]])
        if row["decision"] == pay.APPROVED:
            assert row["flags"] & pay.FORCED or amount <= free, "an authorised debit passed the limit"
            now["balance"][payer] -= amount
            if row["payee"] // 4 == owner and row["payee"] < economy.ledger.customer_accounts:
                now["balance"][row["payee"]] += amount
                assert row["payee_balance"] == now["balance"][row["payee"]]
        elif row["decision"] == pay.HELD:
            now["reserved"][payer] += amount
        else:
            assert row["decision"] == pay.DECLINED
            assert row["decline_reason"] != pay.NONE
        assert row["payer_balance"] == now["balance"][payer], "the balance given is that of the books"
    assert (now == after).all()
    assert set(rows["transaction_id"].tolist()) <= set(batch["transaction_id"].tolist())

    # Settled: what left the payers is with the payees or on its way.
    limit, end = economy.ledger.customer_accounts, economy.tick_end
    unmoved_payees(rows, accounts, limit)
    settle_tick(rows, accounts, limit, end, economy.now + 17 * HOUR, economy.now + 32 * HOUR, economy.now)
    on_its_way = int(rows["amount"][credits_of(rows, limit)].sum())
    assert int(accounts["balance"].sum()) + on_its_way == int(before["balance"].sum())
    approved = rows["decision"] == pay.APPROVED
    assert ((rows["posted_at"] > 0) == approved).all()
    assert (rows["posted_at"][approved] >= rows["timestamp"][approved]).all()
    for row in rows[~approved & (rows["payee"] < limit)]:
        assert row["payee_balance"] == refused[int(row["transaction_id"])], (
            "a refused payment shows the balance of its time"
        )

    # Neither the cut between owners nor the order in which requests came in matters.
    desk.reset(balances, limits)
    shuffled = batch[[k for k in order if k < len(batch)]]
    again, follow_again = desk.decide(
        shuffled[np.lexsort((shuffled["transaction_id"], shuffled["timestamp"]))], [1, 3, OWNERS]
    )
    for name in (
        "transaction_id",
        "timestamp",
        "decision",
        "decline_reason",
        "payer_balance",
        "slot",
        "challenge",
        "alert",
    ):
        assert (again[name] == rows[name]).all(), name
    assert (follow_again["transaction_id"] == follow["transaction_id"]).all()
    assert (accounts["reserved"] == after["reserved"]).all()


@pytest.mark.parametrize("minutes", [30, 360])
def test_the_sum_over_all_accounts_never_changes(minutes: int) -> None:
    economy = found(**{"run.tick_minutes": minutes, "run.days": 9, "run.start": "2025-01-27"})
    total = economy.ledger.total()
    while not economy.is_over:
        economy.step()
        assert economy.ledger.total() + economy.journal.on_its_way() == total, economy.tick
    assert economy.journal.on_its_way() == 0


@pytest.mark.parametrize("minutes", [30, 90, 120, 360])
def test_a_data_set_keeps_its_books(tmp_path: Path, minutes: int) -> None:
    """The month's end with its statements, rents and interest; ticks that clearing falls into."""
    overrides = {**SMALL, "run.start": "2025-01-27", "run.days": 10, "run.tick_minutes": minutes}
    finsim.run("tiny", out=tmp_path / "run", overrides=overrides)
    report = finsim.check(tmp_path / "run")
    assert report.ok, str(report)


# -- every reason ---------------------------------------------------------------------------------------------


BARE: dict[str, Any] = {
    "population.customers": 200,
    "run.warm_up_days": 0,
    "fraud.intensity": 0,
    "banks.challenge_abandon": 0.0,
}
"""An economy without fraud whose first step decides the requests of a test."""


class Suspicious:
    """A model that finds one owner's requests suspicious."""

    features = ()

    def __init__(self, economy: Economy, owner: int, score: float) -> None:
        self.customer_id, self.value = economy.ids.export_one("customer", owner << 7), score

    def score(self, batch: pl.DataFrame) -> NDArray[np.float64]:
        return (batch["customer_id"] == self.customer_id).to_numpy() * self.value


@pytest.fixture
def economy() -> Economy:
    return found(**{"population.customers": 200, "run.warm_up_days": 0, "fraud.intensity": 0})


def one(economy: Economy, amount: float, **details: Any) -> np.void:
    """Submit one request for the first rich customer and return its row."""
    payer = details.pop("payer", None)
    payer = customer_with(economy) if payer is None else payer
    payee = details.pop("payee", int(economy.ledger.person_base + 1))
    number = economy.submit(payer=payer, payee=payee, amount=amount, time=economy.now + 60 * SECOND, **details)
    economy.step()
    chunk = np.concatenate([rows for _, rows in economy.journal.chunks])
    (row,) = chunk[chunk["transaction_id"] == number]
    return row


def shop(economy: Economy) -> Any:
    return economy.merchants[int(np.flatnonzero(economy.world.merchants.data["online"] == 0)[0])]


def held_from(economy: Economy, payer: int) -> float:
    """Return the amount in USD from which the payer's bank holds a transfer to a new payee."""
    bank = economy.world.customers.data["institution"][payer]
    return float(economy.config.banks.institutions[bank].new_payee_hold)


def reason_of(row: np.void) -> str:
    assert row["decision"] == pay.DECLINED
    assert row["posted_at"] == 0
    return pay.DECLINE_REASONS[row["decline_reason"]]


def test_declined_for_want_of_money(economy: Economy) -> None:
    assert reason_of(one(economy, 60_000.0)) == "insufficient_funds"


def test_declined_past_a_limit(economy: Economy) -> None:
    assert (
        reason_of(
            one(
                economy,
                1_000.0,
                rail="card",
                kind="withdrawal",
                channel="atm",
                card="debit",
                payee=int(economy.ledger.named[0]),
            )
        )
        == "limit"
    )


def test_declined_past_the_credit_limit(economy: Economy) -> None:
    assert (
        reason_of(
            one(economy, 400_000.0, rail="card", kind="purchase", channel="pos", card="credit", payee=shop(economy))
        )
        == "limit"
    )


def test_declined_because_frozen(economy: Economy) -> None:
    payer = customer_with(economy)
    economy.world.customers.data["frozen"][payer] = 1
    assert reason_of(one(economy, 10.0, payer=payer)) == "blocked"


@pytest.mark.parametrize(
    ("flag", "reason"), [(pay.MISTYPED, "invalid_details"), (pay.WRONG_PIN, "authentication_failed")]
)
def test_declined_for_wrong_details(economy: Economy, flag: int, reason: str) -> None:
    assert (
        reason_of(one(economy, 10.0, rail="card", kind="purchase", channel="online", flags=flag, payee=shop(economy)))
        == reason
    )


def test_declined_by_a_rule(economy: Economy) -> None:
    payer = customer_with(economy)
    bank = economy.world.customers.data["institution"][payer]
    limit = economy.config.banks.institutions[bank].velocity_limit
    for k in range(limit):
        economy.submit(
            payer=payer,
            payee=shop(economy),
            amount=1.0,
            rail="card",
            kind="purchase",
            channel="pos",
            time=economy.now + (10 + k) * SECOND,
        )
    assert (
        reason_of(one(economy, 1.0, payer=payer, rail="card", kind="purchase", channel="pos", payee=shop(economy)))
        == "rule"
    )


def test_declined_by_a_model(economy: Economy) -> None:
    payer = customer_with(economy)
    economy.add_control(Suspicious(economy, payer, 0.99))
    row = one(economy, 10.0, payer=payer)
    assert reason_of(row) == "model"
    assert row["score"] == np.float32(0.99)
    assert row["alert"] > 0


@pytest.mark.parametrize("score", [0.0, 0.92, 0.99])
def test_a_model_adds_to_what_a_rule_decided(score: float) -> None:
    economy = found(**BARE, **{"banks.challenge_pass_owner": 1.0})
    payer = customer_with(economy)
    economy.add_control(Suspicious(economy, payer, score))
    row = one(economy, held_from(economy, payer), payer=payer)
    if score == 0.99:
        assert reason_of(row) == "model"
    else:
        assert row["decision"] == pay.HELD, "no score lets a held payment go"
        assert row["challenge"] == (pay.PASSED if score == 0.92 else pay.NONE)


def test_a_model_does_not_cut_a_rest_short() -> None:
    rules = {"banks.institutions": [{"share": 1.0, "cooling_off_amount": 500.0}], "banks.model_hold": 0.5}
    economy = found(**BARE, **rules)
    payer = customer_with(economy)
    economy.add_control(Suspicious(economy, payer, 0.6))
    row = one(economy, 600.0, payer=payer)
    assert row["decision"] == pay.HELD
    assert row["alert"] == COOLING_OFF + 1


@pytest.mark.parametrize("passes", [0.0, 1.0])
def test_an_unknown_device_does_not_spare_an_unknown_payee_the_hold(passes: float) -> None:
    economy = found(**BARE, **{"banks.challenge_pass_owner": passes})
    payer = customer_with(economy)
    row = one(economy, held_from(economy, payer), payer=payer, device=(payer + 1) << 7)
    assert row["challenge"] == (pay.PASSED if passes else pay.FAILED)
    assert row["decision"] == (pay.HELD if passes else pay.DECLINED)


@pytest.mark.parametrize("own", [0.0, 1.0])
def test_an_institution_may_have_a_control_group_of_its_own(own: float) -> None:
    shares = {"banks.institutions": [{"share": 1.0, "control_group_share": own}], "banks.control_group_share": 1 - own}
    economy = found(**BARE, **shares)
    payer = customer_with(economy)
    economy.add_control(Suspicious(economy, payer, 0.99))
    row = one(economy, 10.0, payer=payer)
    assert bool(row["flags"] & pay.CONTROL_GROUP) == bool(own)
    assert row["decision"] == (pay.APPROVED if own else pay.DECLINED)


def test_a_model_spares_its_control_group() -> None:
    economy = found(
        **{"population.customers": 200, "run.warm_up_days": 0, "fraud.intensity": 0, "banks.control_group_share": 1.0}
    )
    payer = customer_with(economy)
    economy.add_control(Suspicious(economy, payer, 0.99))
    row = one(economy, 10.0, payer=payer)
    assert row["decision"] == pay.APPROVED
    assert row["flags"] & pay.CONTROL_GROUP
    assert row["score"] == np.float32(0.99)


@pytest.mark.parametrize(
    ("share", "abandon", "challenge"), [(1.0, 0.0, pay.PASSED), (0.0, 0.0, pay.FAILED), (0.0, 1.0, pay.ABANDONED)]
)
def test_a_challenge_is_passed_failed_or_abandoned(share: float, abandon: float, challenge: int) -> None:
    rates = {"banks.challenge_pass_owner": share, "banks.challenge_abandon": abandon}
    economy = found(**{"population.customers": 200, "run.warm_up_days": 0, "fraud.intensity": 0, **rates})
    payer = customer_with(economy)
    economy.add_control(Suspicious(economy, payer, 0.92))
    row = one(economy, 10.0, payer=payer)
    assert row["challenge"] == challenge
    if challenge == pay.PASSED:
        assert row["decision"] == pay.APPROVED
    else:
        assert reason_of(row) == "authentication_failed"


@pytest.mark.parametrize(
    "answer", [lambda n: np.zeros(n + 1), lambda n: 0.5, lambda n: np.full(n, 1.5), lambda n: np.full(n, np.nan)]
)
def test_a_broken_model_is_named(economy: Economy, answer: Any) -> None:
    class Broken:
        def score(self, batch: pl.DataFrame) -> Any:
            return answer(len(batch))

    economy.add_control(Broken())
    with pytest.raises(finsim.FinsimError, match="Broken"):
        days(economy, 1)


def test_forced_debits_pass_every_limit(economy: Economy) -> None:
    payer = customer_with(economy, cents=100)
    economy.ledger.accounts["limit"][payer * 4] = 0
    row = one(economy, 500.0, payer=payer, flags=pay.FORCED)
    assert row["decision"] == pay.APPROVED
    assert row["payer_balance"] < 0


def test_an_overdraft_costs_one_fee_a_day(economy: Economy) -> None:
    payer = customer_with(economy, cents=1_000)
    economy.ledger.accounts["limit"][payer * 4] = 100_000
    economy.world.customers.data["promoted"][payer] = 1  # nothing else is planned
    day = economy.now
    for k in range(3):
        economy.submit(payer=payer, payee=8 + k, amount=20.0, time=day + (60 + k) * SECOND)
    rows = []
    for _ in range(2 * TICKS):
        economy.step()
        rows.append(economy.decided)
    mine = np.concatenate(rows)
    mine = mine[mine["payer"] == payer * 4]
    fees = mine[mine["kind"] == pay.FEE]
    assert len(fees) == 1
    assert fees["amount"][0] == round(economy.config.banks.overdraft_fee * 100)
    assert fees["timestamp"][0] // (24 * HOUR) == day // (24 * HOUR) + 1
    assert fees["payee"][0] in economy.ledger.income_accounts


def test_refunds_name_their_purchase() -> None:
    economy, recorder = recorded(**{"run.days": 25, "fraud.intensity": 0, "population.customers": 400})
    finish(economy)
    rows = recorder.records
    refunds = rows[rows["kind"] == pay.REFUND]
    assert len(refunds) > 10
    related = refunds[refunds["related_id"] > 0]
    purchases = {int(row["transaction_id"]): row for row in rows[rows["kind"] == pay.PURCHASE]}
    for refund in related:
        purchase = purchases[int(refund["related_id"])]
        assert (refund["payer"], refund["payee"]) == (purchase["payee"], purchase["payer"])
        assert refund["amount"] <= purchase["amount"]
        assert refund["timestamp"] > purchase["timestamp"]
        assert refund["decision"] == pay.APPROVED
    assert len(set(related["related_id"].tolist())) == len(related)
    assert len(related) > 0.5 * len(refunds), "the others belong to the warm-up"


def test_statements_interest_and_repayment() -> None:
    """Over a month each card gets one statement's interest at most; no repayment exceeds what is owed."""
    economy, recorder = recorded(**{"run.days": 31, "fraud.intensity": 0})
    finish(economy)
    rows = recorder.records
    interest = rows[(rows["kind"] == pay.INTEREST) & (rows["slot"] == 2)]
    repaid = rows[(rows["kind"] == pay.REPAYMENT) & (rows["decision"] == pay.APPROVED)]
    assert len(interest) > 20
    assert len(repaid) > 100
    assert np.bincount(interest["payer"]).max() <= 2
    assert (repaid["payer"] // 4 == repaid["payee"] // 4).all()
    assert (repaid["payee"] % 4 == 2).all()
    assert (repaid["payee_balance"] <= 0).all(), "nobody repays more than is owed"
    assert (repaid["posted_at"] == repaid["timestamp"]).all()
    savings = rows[(rows["kind"] == pay.INTEREST) & (rows["payee"] < economy.ledger.customer_accounts)]
    assert (savings["payee"] % 4 == 1).all()
    assert len(savings) > 20
