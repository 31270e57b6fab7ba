"""Agents as Mesa knows them: sets, collectors, batches, promoted customers, sleepers, users' own."""

from __future__ import annotations

import gc
import inspect
import weakref
from typing import Any

import mesa
import numpy as np
import pytest
from mesa.batchrunner import batch_run
from mesa.datacollection import DataCollector
from numpy.typing import NDArray
from small_economy import TICKS, customer_with, days, finish, found, recorded

import finsim
from finsim import payments as pay
from finsim.agenda import Agenda
from finsim.agents import Bank, Customer, Employer, Fraudster, Merchant, Mule
from finsim.economy import Economy
from finsim.population import AgentSet
from finsim.submission import SubmissionError

HOUR = 3_600_000_000


@pytest.fixture
def economy() -> Economy:
    return found(**{"population.customers": 200, "run.warm_up_days": 0, "run.days": 4})


# -- Mesa's view ----------------------------------------------------------------------------------------------


def test_customers_are_an_agent_set(economy: Economy) -> None:
    customers = economy.customers
    assert isinstance(customers, AgentSet)
    assert len(customers) == 200
    one = customers[0]
    assert isinstance(one, Customer)
    assert isinstance(one, mesa.Agent)
    assert one in customers
    assert one.model is economy
    for name, kind in (("balance", float), ("income", float), ("age", int), ("segment", str), ("region", str)):
        assert isinstance(getattr(one, name), kind), name
        assert customers.get(name)[0] == getattr(one, name)
    assert customers.array("balance").shape == (200,)
    retired = customers.select(segment="retired")
    assert 0 < len(retired) < 200
    assert min(retired.get("age")) >= economy.config.population.retired_age - 1
    assert sum(len(group) for _, group in customers.groupby("region")) == 200
    shop = economy.merchants[0]
    assert isinstance(shop, Merchant)
    assert isinstance(shop.category, str)
    assert isinstance(shop.balance, float)


def test_agents_by_type_has_them_all(economy: Economy) -> None:
    by_type = economy.agents_by_type
    assert {Customer, Merchant, Employer, Bank, Fraudster} <= set(by_type)
    assert economy.agent_types == list(by_type)
    assert by_type[Customer] is economy.customers
    assert len(by_type[Bank]) == len(economy.config.banks.institutions)
    assert len(by_type[Fraudster]) == len(economy.underworld.rings) + 1
    assert len(economy.agents) >= len(by_type[Bank]) + len(by_type[Fraudster])


def test_mules_are_customers_in_a_role() -> None:
    economy = found(**{"population.customers": 600, "fraud.mules.per_1000_customers": 40.0})
    days(economy, 4)
    assert len(economy.mules) > 3
    assert all(mule.mule_ring >= 0 for mule in economy.mules)
    assert issubclass(Mule, Customer)


def test_data_collector(economy: Economy) -> None:
    collector = DataCollector(
        model_reporters={"deposits": lambda model: model.customers.agg("balance", np.sum)},
        agenttype_reporters={Customer: {"balance": "balance"}, Bank: {"row": "row"}},
    )
    collector.collect(economy)
    economy.step()
    collector.collect(economy)
    deposits = collector.get_model_vars_dataframe()["deposits"]
    assert len(deposits) == 2
    frame = collector.get_agenttype_vars_dataframe(Customer)
    assert len(frame) == 2 * len(economy.customers)
    assert frame["balance"].iloc[-200:].sum() == pytest.approx(economy.customers.agg("balance", np.sum))


class Collecting(Economy):
    """An economy that collects for a batch."""

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self.datacollector = DataCollector(
            model_reporters={
                "truth": lambda model: len(model.underworld.campaigns),
                "seed": lambda model: model.config.seed,
            }
        )
        self.datacollector.collect(self)

    def step(self) -> None:
        super().step()
        self.datacollector.collect(self)


@pytest.mark.parametrize("kind", [Economy, Collecting])
def test_batch_run(kind: type[Economy]) -> None:
    fixed = {"population.customers": 100, "run.days": 1, "run.warm_up_days": 0}
    if kind is Economy:
        kind = type("Bare", (Collecting,), {})
    results = batch_run(
        kind,
        {"scenario": "tiny", "fraud.intensity": [0, 1], **fixed},
        number_processes=1,
        data_collection_period=-1,
        display_progress=False,
    )
    assert [row["fraud.intensity"] for row in results] == [0, 1]
    assert [row["RunId"] for row in results] == [0, 1]
    assert results[0]["truth"] == 0


def test_batch_run_takes_seeds() -> None:
    fixed = {"scenario": "tiny", "population.customers": 100, "run.days": 1, "run.warm_up_days": 0}
    seeds: dict[str, Any] = {"rng": [3, 4]}
    if "rng" in inspect.signature(batch_run).parameters:  # from Mesa 3.4 on
        results = batch_run(Collecting, fixed, number_processes=1, display_progress=False, **seeds)
    else:
        results = batch_run(Collecting, fixed | seeds, number_processes=1, display_progress=False)
    assert [row["seed"] for row in results] == [3, 4]


def test_running_ends_with_the_run() -> None:
    economy = found(**{"population.customers": 100, "run.days": 1, "run.warm_up_days": 0})
    economy.run_model()
    assert economy.is_over
    assert not economy.running
    assert economy.steps == economy.tick == TICKS
    with pytest.raises(finsim.FinsimError, match="no tick after its last"):
        economy.step()
    economy.close()  # does nothing more


def test_mesa_s_generators_have_the_seed() -> None:
    draws = []
    for seed in (5, 5, 6):
        economy = found(seed=seed, **{"population.customers": 100})
        draws.append((economy.random.random(), float(economy.rng.random())))
    assert draws[0] == draws[1]
    assert draws[0][0] != draws[2][0]
    assert draws[0][1] != draws[2][1]


def test_a_closed_economy_can_be_forgotten() -> None:
    economy = found(**{"population.customers": 100, "run.days": 1, "run.warm_up_days": 0})
    finish(economy)
    trace = weakref.ref(economy)
    del economy
    gc.collect()
    assert trace() is None


def test_no_view_is_built_in_a_hot_phase() -> None:
    economy = found()
    built = [
        population.views_built
        for population in (economy.world.customers, economy.world.merchants, economy.world.employers)
    ]
    days(economy, 5)
    assert built == [
        population.views_built
        for population in (economy.world.customers, economy.world.merchants, economy.world.employers)
    ]


# -- balances -------------------------------------------------------------------------------------------------


def test_a_balance_before_the_first_step_is_the_opening_balance() -> None:
    economy, recorder = recorded(**{"run.warm_up_days": 0, "run.days": 1})
    economy.customers[0].balance = 1234.56
    assert economy.customers[0].balance == 1234.56
    total = economy.ledger.total()
    finish(economy)
    assert economy.ledger.total() == total
    account = economy.ids.export_one("account", 0)
    frame = recorder.frame("accounts")
    assert frame.filter(frame["account_id"] == account)["opening_balance"].to_list() == [1234.56]
    assert (recorder.records["kind"] != pay.ADJUSTMENT).all()


@pytest.mark.parametrize("change", [250.25, -99.5])
def test_a_balance_afterwards_leaves_a_row(change: float) -> None:
    economy, recorder = recorded(**{"run.warm_up_days": 0, "run.days": 1})
    economy.step()
    row = customer_with(found(**{"run.warm_up_days": 0, "run.days": 1}))
    economy.world.customers.data["promoted"][row] = 1
    view = economy.customers[row]
    before = view.balance
    view.balance = before + change
    total = economy.ledger.total() + economy.journal.on_its_way()
    economy.step()
    assert economy.ledger.total() + economy.journal.on_its_way() == total
    assert view.balance == pytest.approx(before + change)
    finish(economy)
    rows = recorder.records[recorder.records["kind"] == pay.ADJUSTMENT]
    assert len(rows) == 1
    assert rows["amount"][0] == round(abs(change) * 100)
    assert rows["payee" if change > 0 else "payer"][0] == row * 4


# -- promoted customers ---------------------------------------------------------------------------------------


class Careful(Customer):
    """Buys for 12.50 every morning and keeps what it is told."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.days: list[int] = []
        self.bought: list[int] = []
        self.told: list[int] = []

    def step(self) -> None:
        if self.model.day in self.days:
            return  # woken by a notice
        self.days.append(self.model.day)
        at = self.model.now + 8 * HOUR
        self.bought.append(
            self.submit(self.model.merchants[3], 12.5, rail="card", kind="purchase", channel="pos", time=at)
        )
        self.model.agenda.wake(f"customer:{self.row}", (self.model.day + 1) * 24 * HOUR)

    def observe(self, rows: NDArray[np.void]) -> None:
        self.told += rows["transaction_id"].tolist()


def test_promoted_customers_decide_and_others_go_on() -> None:
    setting = {"fraud.intensity": 0, "run.warm_up_days": 0, "run.days": 6}
    economy, recorder = recorded(**setting)
    plain, other = recorded(**setting)
    ids = [customer_with(economy, number=k, cents=900_000) for k in (0, 5)]
    for k in (0, 5):
        customer_with(plain, number=k, cents=900_000)
    promoted = economy.promote(ids, Careful)
    assert [agent.row for agent in promoted] == ids
    assert economy.customers[ids[0]] is promoted[0]
    assert promoted[0] in economy.agents_by_type[Customer]
    finish(economy)
    finish(plain)
    rows, before = recorder.records, other.records
    mine = rows[np.isin(rows["owner"], ids)]
    bought = mine[mine["kind"] == pay.PURCHASE]
    asked = [number for agent in promoted for number in agent.bought]
    assert set(bought["transaction_id"].tolist()) == set(asked), "its own shopping replaces what was planned"
    assert (bought["amount"] == 1_250).all()
    assert all(len(agent.days) == 6 for agent in promoted)
    for agent in promoted:
        account = rows[
            (rows["payer"] // 4 == agent.row) & (rows["payer"] < 4 * 300)
            | (rows["payee"] // 4 == agent.row) & (rows["payee"] < 4 * 300)
        ]
        assert set(account["transaction_id"].tolist()) == set(agent.told), "it is told of all that moves its money"
    # Pay and collections go on as they were planned.
    forced = before[np.isin(before["owner"], ids) & np.isin(before["kind"], [pay.INCOME, pay.INTEREST])]
    assert set(forced["transaction_id"].tolist()) <= set(mine["transaction_id"].tolist())
    # Everybody else asks for the same as before, unless money of the two was what they would have had.
    paid = before["payee"][np.isin(before["owner"], ids) & (before["payee"] < 4 * 300)] // 4
    # A firm that owns a shop is paid what the shop sold.
    theirs, same = (
        kept[~np.isin(kept["owner"], [*ids, *paid]) & (kept["kind"] != pay.SETTLEMENT)] for kept in (rows, before)
    )
    assert len(same) > 1_000
    for name in ("transaction_id", "timestamp", "amount", "payer", "payee", "decision"):
        assert (theirs[name] == same[name]).all(), name


def test_only_customers_can_be_promoted(economy: Economy) -> None:
    with pytest.raises(SubmissionError, match="no subclass"):
        economy.promote([1], mesa.Agent)  # type: ignore[type-var]
    with pytest.raises(SubmissionError, match="no customer"):
        economy.promote([10**6], Careful)


# -- sleepers and users' agents -------------------------------------------------------------------------------


def test_the_agenda_keeps_every_appointment() -> None:
    agenda = Agenda()
    for key, time in (("b", 5), ("a", 5), ("a", 3), ("a", 9), ("b", 5)):
        agenda.wake(key, time)
    other = Agenda()
    other.restore(agenda.state())
    for one in (agenda, other):
        assert one.due(5) == [(3, "a")]
        assert one.due(6) == [(5, "a"), (5, "b")]
        assert one.due(100) == [(9, "a")]
        assert one.due(10**9) == []


class Payer(mesa.Agent):
    """Pays at one time, and again when it learns that it worked."""

    def __init__(self, model: Economy, payer: int) -> None:
        super().__init__(model)
        self.payer = payer
        self.woken: list[int] = []
        self.told: list[int] = []

    def step(self) -> None:
        self.woken.append(self.model.now)
        if len(self.woken) == 1:
            self.model.submit(payer=self.payer, payee=0, amount=5.0, agent=self)

    def observe(self, rows: NDArray[np.void]) -> None:
        self.told += rows["transaction_id"].tolist()
        if len(self.told) == 1:
            # Asked for after this tick was decided: it comes in the next one and is not lost.
            self.second = self.model.submit(payer=self.payer, payee=0, amount=6.0, agent=self)


def test_sleepers_are_woken_by_time_and_by_outcomes(economy: Economy) -> None:
    agent = Payer(economy, customer_with(economy, number=2))
    economy.enlist("payer", agent)
    start = economy.now
    economy.agenda.wake("payer", start + 3 * HOUR)
    economy.agenda.wake("payer", start + 20 * HOUR)
    days(economy, 1)
    half = HOUR // 2
    assert len(agent.told) == 2
    assert agent.told[1] == agent.second
    assert agent.woken == [start + 3 * HOUR, start + 3 * HOUR + half, start + 4 * HOUR, start + 20 * HOUR]
    assert not economy.submission.waiting


def test_who_waits_has_to_be_enlisted(economy: Economy) -> None:
    with pytest.raises(SubmissionError, match="not enlisted"):
        economy.submit(payer=1, payee=0, amount=1.0, agent=mesa.Agent(economy))


def test_idle_agents_are_not_stepped(economy: Economy) -> None:
    class Idle(mesa.Agent):
        def step(self) -> None:
            raise AssertionError("nobody woke it")

    for k in range(10):
        economy.enlist(f"idle:{k}", Idle(economy))
    days(economy, 1)


def test_phases_are_named_and_in_order() -> None:
    assert [name for name, _ in Economy.PHASES] == [
        "market",
        "plan",
        "agents",
        "authorise",
        "post",
        "observe",
        "record",
    ]
