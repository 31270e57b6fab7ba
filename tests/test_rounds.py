"""Requests that wait for others: rounds within a tick, the pending table across ticks, holds and releases."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import mesa
import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from small_economy import customer_with, days, finish, found, recorded

from finsim import payments as pay
from finsim import rounds
from finsim.clock import DAY
from finsim.economy import Economy
from finsim.submission import SubmissionError

SECOND = 1_000_000
HOUR = 3600 * SECOND
POOR = 10**7
"""A payment in currency units that nobody can make."""


class Keeper:
    """A recorder that keeps transactions by id."""

    def __init__(self) -> None:
        self.rows: list[Any] = []

    def transactions(self, rows: NDArray[np.void]) -> None:
        self.rows += list(rows.copy())

    def table(self, name: str, rows: Any) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture
def kept() -> tuple[Economy, Keeper]:
    """Return an economy without fraud and warm-up, and what it records."""
    keeper = Keeper()
    quiet = {
        "population.customers": 200,
        "run.days": 4,
        "run.warm_up_days": 0,
        "fraud.intensity": 0,
        "banks.review_hours": 0.01,
    }
    return Economy("tiny", keeper, **quiet), keeper


class Desk:
    """Submits requests of one rich customer to another and says what became of them."""

    def __init__(self, economy: Economy, keeper: Keeper) -> None:
        self.economy, self.keeper = economy, keeper
        self.payer = customer_with(economy)
        self.payee = int(economy.ledger.named[0])

    def ask(self, amount: float = 10.0, **details: Any) -> int:
        details.setdefault("time", self.economy.now + 60 * SECOND)
        return self.economy.submit(payer=details.pop("payer", self.payer), payee=self.payee, amount=amount, **details)

    def outcomes(self, *ids: int) -> list[Any]:
        """Return the row of each request, None where it left none; after the run is closed."""
        self.economy.close()
        rows = {int(row["transaction_id"]): row for row in self.keeper.rows}
        return [rows.get(number) for number in ids]


@pytest.fixture
def desk(kept: tuple[Economy, Keeper]) -> Desk:
    return Desk(*kept)


def decisions(rows: list[Any]) -> list[int | None]:
    return [None if row is None else int(row["decision"]) for row in rows]


@pytest.mark.parametrize(("amount", "decision"), [(10.0, pay.APPROVED), (POOR, pay.DECLINED)])
def test_a_child_is_made_when_its_condition_holds(desk: Desk, amount: float, decision: int) -> None:
    parent = desk.ask(amount)
    when_approved = desk.ask(depends_on=parent)
    when_declined = desk.ask(depends_on=parent, depends_when="declined")
    desk.economy.step()
    first, yes, no = desk.outcomes(parent, when_approved, when_declined)
    child, void = (yes, no) if decision == pay.APPROVED else (no, yes)
    assert (first["decision"], child["decision"], void) == (decision, pay.APPROVED, None)
    assert child["timestamp"] >= first["timestamp"] + SECOND


class Model:
    """A control that remembers what it was asked in each round."""

    def __init__(self, customer_id: int) -> None:
        self.customer_id = customer_id
        self.rounds: list[list[int]] = []
        self.attempts: list[float] = []

    def score(self, batch: pl.DataFrame) -> NDArray[np.float32]:
        mine = batch.filter(pl.col("customer_id") == self.customer_id)
        if len(mine):
            self.rounds.append(mine["transaction_id"].to_list())
            self.attempts += mine["attempts_month"].to_list()
        return np.full(len(batch), 0.25, dtype=np.float32)


@pytest.mark.parametrize("partitions", [1, 3])
def test_three_dependents_with_a_model_in_the_loop(desk: Desk, partitions: int) -> None:
    economy = desk.economy
    economy.partition(partitions)
    model = Model(economy.ids.export_one("customer", desk.payer << 7))
    economy.add_control(model)
    chain = [desk.ask()]
    for _ in range(3):
        chain.append(desk.ask(depends_on=chain[-1]))
    later = desk.ask(time=economy.now + 300 * SECOND)
    economy.step()
    assert economy.tick == 1
    rows = desk.outcomes(*chain, later)
    assert decisions(rows) == [pay.APPROVED] * 5
    assert all(b["timestamp"] >= a["timestamp"] + SECOND for a, b in pairwise(rows[:4]))
    assert rows[4]["timestamp"] > rows[3]["timestamp"], "the owner's later request waited for the chain"
    asked = [number for round_ in model.rounds for number in round_]
    assert asked == [*chain, later], "each was scored once, in order"
    assert [len(round_) for round_ in model.rounds] == [1] * 5
    assert model.attempts == pytest.approx([0, 1, 2, 3, 4], abs=0.01), "each knew of those before it"
    assert all(row["score"] == np.float32(0.25) and row["flags"] & pay.SCORED for row in rows)


def test_a_void_child_voids_its_own_children(desk: Desk) -> None:
    parent = desk.ask(POOR)
    child = desk.ask(depends_on=parent)
    grandchild = desk.ask(depends_on=child)
    sibling = desk.ask(depends_on=child, depends_when="declined")
    desk.economy.step()
    assert not desk.economy.outbox.children
    assert decisions(desk.outcomes(parent, child, grandchild, sibling)) == [pay.DECLINED, None, None, None]


def test_a_parent_that_is_not_made_voids_its_child(desk: Desk) -> None:
    cash = desk.ask(1.0, rail="cash", kind="purchase")  # paid from the pocket: no bank sees it
    desk.economy.world.customers.data["cash_cents"][desk.payer] = 100_000
    child = desk.ask(depends_on=cash)
    desk.economy.step()
    assert not desk.economy.outbox.children
    assert desk.outcomes(cash, child) == [None, None]


def test_a_parent_that_waits_itself_does_not_void_its_child(desk: Desk) -> None:
    """B comes after A, whose child makes B wait a round; B's own child must wait for B."""
    now = desk.economy.now
    a = desk.ask(time=now + 60 * SECOND)
    a_child = desk.ask(depends_on=a, time=now + 70 * SECOND)
    b = desk.ask(time=now + 120 * SECOND)
    b_child = desk.ask(depends_on=b, time=now + 130 * SECOND)
    desk.economy.step()
    rows = desk.outcomes(a, a_child, b, b_child)
    assert decisions(rows) == [pay.APPROVED] * 4
    assert np.all(np.diff([int(row["timestamp"]) for row in rows]) > 0)


def test_a_parent_of_another_owner_makes_nobody_wait(desk: Desk) -> None:
    economy = desk.economy
    other = customer_with(economy, number=1)
    assert other != desk.payer
    now = economy.now
    parent = desk.ask(payer=other, time=now + 60 * SECOND)
    child = desk.ask(depends_on=parent, time=now + 70 * SECOND)
    later = desk.ask(time=now + 100 * SECOND)
    economy.step()
    first, second, third = desk.outcomes(parent, child, later)
    assert decisions([first, second, third]) == [pay.APPROVED] * 3
    assert third["timestamp"] == now + 100 * SECOND, "it was decided in the first round, at its own time"
    assert second["timestamp"] >= first["timestamp"] + SECOND


def test_a_child_of_a_later_parent_waits_in_the_pending_table(desk: Desk) -> None:
    economy = desk.economy
    parent = desk.ask(time=economy.now + 5 * HOUR)
    child = desk.ask(depends_on=parent)
    between = desk.ask(time=economy.now + HOUR)
    for _ in range(9):
        economy.step()
    assert list(economy.outbox.children) == [parent]
    for _ in range(3):
        economy.step()
    first, second, third = desk.outcomes(parent, child, between)
    assert decisions([first, second, third]) == [pay.APPROVED] * 3
    assert third["timestamp"] < first["timestamp"] < second["timestamp"]


def test_a_child_for_a_later_day_keeps_its_time_and_id(desk: Desk) -> None:
    economy = desk.economy
    at = economy.now + 26 * HOUR
    parent = desk.ask()
    child = desk.ask(depends_on=parent, time=at)
    days(economy, 2)
    first, second = desk.outcomes(parent, child)
    assert decisions([first, second]) == [pay.APPROVED] * 2
    assert second["timestamp"] == at


def test_a_request_in_the_past_moves_into_the_tick(desk: Desk) -> None:
    economy = desk.economy
    for _ in range(3):
        economy.step()
    old = desk.ask(time=economy.now - 5 * HOUR + 420 * SECOND)
    economy.step()
    (row,) = desk.outcomes(old)
    assert row["decision"] == pay.APPROVED
    assert row["timestamp"] == economy.clock.time_of(3) + 420 * SECOND, "the start of the tick plus its old offset"


@pytest.mark.parametrize("partitions", [1, 3])
def test_what_is_left_after_the_last_round_moves_on(desk: Desk, partitions: int) -> None:
    economy = desk.economy
    economy.partition(partitions)
    chain = [desk.ask()]
    for _ in range(rounds.ROUNDS + 3):
        chain.append(desk.ask(depends_on=chain[-1]))
    end = economy.tick_end
    economy.step()
    economy.step()
    rows = desk.outcomes(*chain)
    assert decisions(rows) == [pay.APPROVED] * len(chain), "all with the ids they were given"
    times = np.array([int(row["timestamp"]) for row in rows])
    assert (np.diff(times) >= SECOND).all()
    assert (times < end).sum() == rounds.ROUNDS


def test_partitions_do_not_matter_where_rounds_run_out() -> None:
    """Two owners' chains that are cut off by the last round keep their times however the owners are cut."""
    seen = []
    for partitions in (1, 4):
        keeper = Keeper()
        economy = Economy(
            "tiny",
            keeper,
            **{"population.customers": 200, "run.warm_up_days": 0, "fraud.intensity": 0, "run.partitions": partitions},
        )
        desk = Desk(economy, keeper)
        other = customer_with(economy, number=1)
        assert other != desk.payer
        ids = []
        for payer in (other, desk.payer, other, desk.payer):
            chain = [desk.ask(payer=payer)]
            for _ in range(10):
                chain.append(desk.ask(payer=payer, depends_on=chain[-1]))
            ids += chain
        economy.step()
        economy.step()
        seen.append([(int(row["timestamp"]), int(row["decision"])) for row in desk.outcomes(*ids)])
    assert seen[0] == seen[1]


# -- holds ----------------------------------------------------------------------------------------------------


def hold_limit(economy: Economy, customer: int) -> float:
    bank = economy.world.customers.data["institution"][customer]
    return economy.config.banks.institutions[bank].new_payee_hold + 100.0


def held(desk: Desk, **details: Any) -> int:
    """Ask for a transfer to a new payee that is large enough to be held."""
    details.setdefault("payer", desk.payer)
    stranger = int(desk.economy.ledger.person_base)
    data = desk.economy.world.people
    data.contacts[details["payer"]][data.contacts[details["payer"]] == stranger] = stranger + 1
    details.setdefault("time", desk.economy.now + 60 * SECOND)
    return desk.economy.submit(payee=stranger, amount=hold_limit(desk.economy, details["payer"]), **details)


def account(economy: Economy, customer: int) -> Any:
    return economy.ledger.accounts[customer * 4]


@pytest.mark.parametrize("error", [0.0, 0.5])
def test_a_hold_reserves_and_its_release_decides(desk: Desk, error: float) -> None:
    """With review_error 0 the analyst releases a genuine payment; with 0.5 half of them are refused."""
    keeper = desk.keeper
    economy = Economy(
        "tiny",
        keeper,
        **{
            "population.customers": 200,
            "run.days": 7,
            "run.warm_up_days": 0,
            "fraud.intensity": 0,
            "banks.review_hours": 3.0,
            "banks.alert_expiry_hours": 2000.0,
            "banks.review_error": error,
        },
    )
    desk = Desk(economy, keeper)
    payers = np.flatnonzero(
        (economy.world.customers.data["since_day"] < economy.clock.first_day)
        & (economy.world.customers.data["segment_code"] == 0)
    )[:12]
    economy.set_balances(payers, np.full(len(payers), 5_000_000))
    ids = [(payer, held(desk, payer=payer)) for payer in payers.tolist()]
    before = economy.ledger.total()
    economy.step()
    for payer, number in ids:
        assert account(economy, payer)["reserved"] == round(hold_limit(economy, payer) * 100), number
    finish(economy)
    assert economy.ledger.total() == before
    rows = {int(row["transaction_id"]): row for row in keeper.rows}
    releases = {int(row["related_id"]): row for row in keeper.rows if row["flags"] & pay.RELEASE}
    results = []
    for payer, number in ids:
        row, release = rows[number], releases[number]
        assert row["decision"] == pay.HELD
        assert row["posted_at"] == 0
        assert release["transaction_id"] != number
        assert release["timestamp"] > row["timestamp"]
        for name in ("payer", "payee", "amount", "rail", "channel", "kind", "card", "device", "owner"):
            assert release[name] == row[name], name
        assert account(economy, payer)["reserved"] == 0
        results.append(int(release["decision"]))
        before_row = [r for r in keeper.rows if r["payer"] == payer * 4 and r["timestamp"] < row["timestamp"]]
        previous = before_row[-1]["payer_balance"] if before_row else 5_000_000
        assert row["payer_balance"] == previous, "a held payment moves nothing"
    assert set(results) == ({pay.APPROVED} if error == 0.0 else {pay.APPROVED, pay.DECLINED})


def test_a_held_parent_counts_when_it_is_decided(desk: Desk) -> None:
    parent = held(desk)
    child = desk.ask(depends_on=parent)
    later = desk.ask(time=desk.economy.now + 90 * SECOND)
    desk.economy.step()
    assert list(desk.economy.outbox.children) == [parent]
    finish(desk.economy)
    row, after, free = desk.outcomes(parent, child, later)
    release = next(r for r in desk.keeper.rows if r["related_id"] == parent)
    assert (row["decision"], release["decision"]) == (pay.HELD, pay.APPROVED)
    assert free["timestamp"] < release["timestamp"], "it made nobody wait"
    assert after["timestamp"] >= release["timestamp"] + SECOND


def test_money_that_is_held_cannot_be_spent(desk: Desk) -> None:
    economy = desk.economy
    amount = hold_limit(economy, desk.payer)
    economy.set_balances(np.array([desk.payer]), np.array([round(amount * 100) + 5_000]))
    economy.ledger.accounts["limit"][desk.payer * 4] = 0
    first = held(desk)
    second = desk.ask(49.0, time=economy.now + 61 * SECOND)
    third = desk.ask(49.0, time=economy.now + 62 * SECOND)
    economy.step()
    rows = desk.outcomes(first, second, third)
    assert decisions(rows) == [pay.HELD, pay.APPROVED, pay.DECLINED]
    assert rows[2]["decline_reason"] == pay.INSUFFICIENT_FUNDS


def test_an_agent_learns_of_hold_and_release(desk: Desk) -> None:
    class Patient(mesa.Agent):
        def __init__(self, model: Economy) -> None:
            super().__init__(model)
            self.told: list[int] = []

        def observe(self, rows: NDArray[np.void]) -> None:
            self.told += rows["decision"].tolist()

    agent = Patient(desk.economy)
    desk.economy.enlist("patient", agent)
    held(desk, agent=agent)
    finish(desk.economy)
    assert agent.told == [pay.HELD, pay.APPROVED]
    assert not desk.economy.submission.waiting


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"payer": 10**6}, "no customer"),
        ({"payee": -5}, "no account"),
        ({"payee": 4}, "same account"),
        ({"amount": 0}, "not above 0"),
        ({"amount": -1}, "not above 0"),
        ({"rail": "crad"}, "did you mean 'card'"),
        ({"colour": 1}, "no column"),
        ({"depends_on": 5, "depends_when": "aproved"}, "did you mean 'approved'"),
    ],
)
def test_impossible_requests_are_refused(request_: dict[str, Any], words: str) -> None:
    economy = found(**{"population.customers": 200})
    with pytest.raises(SubmissionError, match=words):
        economy.submit(**{"payer": 1, "payee": 8, "amount": 5.0, **request_})


def test_a_verification_is_of_nothing() -> None:
    economy, recorder = recorded(**{"run.warm_up_days": 0, "run.days": 1})
    shop = economy.merchants[0]
    number = economy.submit(
        payer=customer_with(economy),
        payee=shop,
        amount=0,
        rail="card",
        kind="verification",
        channel="online",
        entry_mode="ecommerce",
    )
    finish(economy)
    rows = recorder.records
    assert (rows["amount"][rows["kind"] == pay.VERIFICATION] == 0).all()
    assert (rows["amount"][rows["kind"] != pay.VERIFICATION] > 0).all()
    assert rows["decision"][rows["transaction_id"] == number].tolist() == [pay.APPROVED]


def test_payees_added_in_one_second_are_told_apart() -> None:
    economy, recorder = recorded(**{"run.warm_up_days": 0})
    rows = pay.blank(2)
    rows["owner"], rows["timestamp"] = 3, economy.export_start + DAY
    rows["transaction_id"] = np.array([7, 407], dtype=np.uint64)  # the same wait between payee and payment
    economy.log.payees(rows)
    economy.log.flush(everything=True)
    events = recorder.frame("events").filter(pl.col("kind") == "payee_added")
    assert len(events) == 2
    assert events["event_at"].n_unique() == 1
    assert events["event_id"].n_unique() == 2
