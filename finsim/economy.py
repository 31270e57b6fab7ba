"""The economy: a Mesa model of a payment system, and the order of one tick."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, TypeVar

import mesa
import numpy as np
from numpy.typing import NDArray

from finsim import models
from finsim.agenda import Agenda
from finsim.agents.bank import Bank, found_banks, renew_rules
from finsim.agents.customer import Customer
from finsim.agents.departures import Departures
from finsim.agents.employer import Employer
from finsim.agents.founding import World, found
from finsim.agents.life import Life
from finsim.agents.merchant import Merchant
from finsim.agents.mobile_money import MobileMoney
from finsim.agents.mule import mules_of
from finsim.agents.settlement import Settlement
from finsim.agents.underworld import Underworld
from finsim.agents.wallet_agents import WalletAgents
from finsim.batches import in_time_order, is_ordered, sorted_rows
from finsim.clock import (
    DAY,
    EVENING_CLEARING,
    MORNING_CLEARING,
    Clock,
    datetime_of,
    day_number,
)
from finsim.control_registry import load_control
from finsim.errors import FinsimError
from finsim.ids import IdKeys
from finsim.journal import Journal
from finsim.log import Log
from finsim.market import Market
from finsim.notice import LEAKED, NEW_PAYEE, PAID_OUT, UNRECOGNISED, WATCHED, notice
from finsim.outbox import EMPTY, Outbox
from finsim.partition import Outcome, Partition, day_record
from finsim.payments import SAME_OWNER, Recorder
from finsim.posting import settle_tick, tally, unmoved_payees
from finsim.records import chosen, joined
from finsim.rng import Streams
from finsim.scenario import Scenario
from finsim.scoring import Scoring
from finsim.seats import seat
from finsim.submission import Submission

T = TypeVar("T")
WORTH_A_THREAD = 20_000
"""Rows from which handing a task to threads costs less than it saves."""
ROUNDS = 8
"""Rounds of authorisation in one tick; what is left then moves to the next tick."""


class _Nobody:
    """A recorder that keeps nothing: an economy stepped by hand needs no other."""

    def transactions(self, rows: NDArray[np.void]) -> None:
        """Forget rows."""

    def table(self, name: str, rows: Mapping[str, Any]) -> None:
        """Forget rows of a table."""

    def close(self) -> None:
        """Do nothing."""


class Economy(mesa.Model):  # type: ignore[misc]
    """A simulated payment economy; `step` moves it on by one tick.

    Args:
        scenario: a `Scenario`, or the name or path of one.
        recorder: takes the rows; None keeps nothing.
        overrides: further parameters by dotted key, for example `**{"fraud.intensity": 0}`; `seed` sets the seed.

    Raises:
        ScenarioError: the scenario or an override is not allowed.
    """

    def __init__(
        self, scenario: Scenario | str = "baseline", recorder: Recorder | None = None, **overrides: Any
    ) -> None:
        config = self._configure(scenario, overrides)
        super().__init__(**_mesa_seed(config.seed))
        self.config = config
        parameters = config.parameters
        run = parameters.run
        export_day = day_number(run.start)
        self.clock = Clock(
            export_day - run.warm_up_days, export_day, export_day + run.days, run.tick_minutes * 60_000_000
        )
        self.streams = Streams(config.seed)
        self.ids = IdKeys(config.seed)
        self.recorder: Recorder = recorder if recorder is not None else _Nobody()
        self.market = Market(parameters.market, parameters.behaviour.holiday_effect)
        self.world: World = found(self, parameters, self.streams, self.ids.transaction, self.clock.first_day)
        self.ledger = self.world.ledger
        self.customers = self.world.customers.agents
        self.merchants = self.world.merchants.agents
        self.employers = self.world.employers.agents
        self.tick = 0
        self.outbox = Outbox(self.clock)
        self.agenda = Agenda()
        self.python_agents: dict[str, mesa.Agent] = {}
        self.controls: list[Any] = []
        self.promoted: set[int] = set()
        self.log = Log(self.recorder, self.ids, self.export_start)
        self.journal = Journal(
            self.recorder,
            self.ledger.accounts,
            self.ledger.customer_accounts,
            self.export_start,
            self.clock.tick,
            self.ids.transaction,
        )
        self.submission = Submission(self)
        self.settlement = Settlement(self)
        self.life = Life(self)
        self.departures = Departures(self)
        self.banks: list[Bank] = found_banks(self)
        self.wallet_agents = WalletAgents(self)
        self.mobile_money = MobileMoney(self)
        self.underworld = Underworld(self)
        self._reasons = np.empty(0, dtype=np.uint8)
        self.own_agents = frozenset(self.python_agents)
        self.opening: NDArray[np.int64] = self.ledger.accounts["balance"].copy()
        self._closed = False
        self._threads: ThreadPoolExecutor | None = None
        self.partition(max(run.partitions, run.threads))
        self.scoring: Scoring | None = None
        for name in parameters.banks.controls:
            self.add_control(load_control(name))
        for control, institutions in models.controls_of(config):
            self.add_control(control, institutions)
        if run.feature_history:
            self._needs_scoring().keep_features()

    @staticmethod
    def _configure(scenario: Scenario | str, overrides: Mapping[str, Any]) -> Scenario:
        values = dict(overrides)
        seed = values.pop("seed", values.pop("rng", None))
        if isinstance(scenario, Scenario) and not values and seed is None:
            return scenario
        if isinstance(scenario, Scenario):
            return scenario.replace(values, seed=seed)
        return Scenario.load(scenario, overrides=values, seed=seed)

    # -- time ---------------------------------------------------------------------------------------------

    @property
    def export_start(self) -> int:
        """Time of the first exported row, microseconds."""
        return self.clock.export_day * DAY

    @property
    def now(self) -> int:
        """Time at which the present tick begins, microseconds."""
        return self.clock.time_of(self.tick)

    @property
    def tick_end(self) -> int:
        """Time at which the present tick ends, microseconds."""
        return self.now + self.clock.tick

    @property
    def day(self) -> int:
        """Day number of the present tick."""
        return self.clock.day_of(self.tick)

    @property
    def year(self) -> int:
        """Calendar year of the present tick."""
        return datetime_of(self.now).year

    @property
    def is_over(self) -> bool:
        """Whether the last tick of the run is done."""
        return self.now >= self.clock.end

    # -- one tick -----------------------------------------------------------------------------------------

    def step(self) -> None:
        """Move the economy on by one tick: all phases in order.

        Raises:
            FinsimError: the run is over; `running` is False then.
        """
        if self._closed:
            raise FinsimError(f"the run ended at {datetime_of(self.now)}: there is no tick after its last")
        for _, phase in self.PHASES:
            phase(self)

    def move_market(self) -> None:
        """Move the calendar on; at midnight merchants are settled, life moves on and the export may begin."""
        self._rows = EMPTY
        if self.tick % self.clock.ticks_per_day:
            return
        if self.day == self.clock.export_day:
            self.journal.post_all()
            self.opening = self.ledger.accounts["balance"].copy()
            self._open_features()
        self.outbox.void_orphans({number for bank in self.banks for number in bank.held()})
        self.settlement.settle_day()
        self.life.live_day()
        renew_rules(self)
        self.departures.begin_day()
        if self.scoring is not None:
            self.scoring.note_old_cards()
        self.log.past_things(self)

    def plan_day(self) -> None:
        """Let every customer plan the day, at its first tick."""
        if self.tick % self.clock.ticks_per_day:
            return
        record = day_record(self.market.conditions(self.day))
        self.wallet_agents.plan_day()
        self.mobile_money.plan_day()
        carried = self.outbox.take_day(self.day)
        self.each_partition(lambda part: part.plan(record, _of_owners(carried, part)))

    def wake_agents(self) -> None:
        """Let the Python-level agents that are due act; they submit requests of their own."""
        for _, key in self.agenda.due(self.tick_end):
            agent = self.python_agents.get(key)
            if agent is not None:
                agent.step()

    def authorise_requests(self) -> None:
        """Decide on the requests due in this tick, in rounds where one depends on another."""
        scored = self.scoring is not None and bool(self.scoring.panel.seats)
        batches = self._due(scored)
        parts: list[NDArray[np.void]] = []
        for turn in range(ROUNDS):
            late: list[NDArray[np.void]] = []
            if self.outbox.children and turn < ROUNDS - 1:
                batches, late = self.submission.split_waiting(batches)
            asked = np.concatenate([batch["transaction_id"] for batch in batches])
            outcomes = self.scoring.authorise(batches) if self.scoring and scored else self._authorise(batches)
            done = in_time_order([outcome.rows for outcome in outcomes])
            parts.append(done)
            self.log.cash(sorted_rows(joined([outcome.cash for outcome in outcomes])))
            due = self._follow(outcomes, done, asked)
            due = joined([due, *late]) if late else due
            if not len(due):
                break
            if turn == ROUNDS - 1:
                due["timestamp"] += self.clock.tick
                self.outbox.add(due, self.tick + 1)
                break
            batches = [due] if len(batches) == 1 else [_of_owners(due, part) for part in self.partitions]
            batches = [sorted_rows(batch) for batch in batches]
        rows = parts[0] if len(parts) == 1 else in_time_order(parts)
        self._rows = rows if is_ordered(rows) else sorted_rows(rows)

    def post(self) -> None:
        """Give approved rows their posting times and book the payees' sides."""
        rows = self._rows
        day = self.day * DAY
        accounts, customer_accounts = self.ledger.accounts, self.ledger.customer_accounts
        unmoved_payees(rows, accounts, customer_accounts)
        settle_tick(
            rows, accounts, customer_accounts, self.tick_end, day + EVENING_CLEARING, day + DAY + MORNING_CLEARING, day
        )
        if EVENING_CLEARING % self.clock.tick or MORNING_CLEARING % self.clock.tick:
            # Accounts are credited at the ends of ticks: clearing that falls into a tick counts at its end.
            batch = (rows["posted_at"] > 0) & (rows["flags"] & SAME_OWNER == 0)
            rows["posted_at"][batch] += -rows["posted_at"][batch] % self.clock.tick
        tally(
            rows, self.world.people.customers, self.world.merchants.data, self.world.books.tests, self.settlement.sales
        )
        if self.scoring is not None:
            self.scoring.end_tick(rows)
        self.journal.add(self.tick_end, rows)

    def observe(self) -> None:
        """Tell agents what became of what they wait for: rings, banks, users' agents."""
        rows = self._rows
        if len(self._reasons) < len(rows):
            self._reasons = np.empty(2 * len(rows), dtype=np.uint8)
        reasons = self._reasons[: len(rows)]
        notice(rows, self.underworld.first_party.chances, self.underworld.theft.leaking, reasons)
        institution = self.world.people.customers["institution"]
        watched = _those(rows, reasons, WATCHED)
        if len(watched):
            self.log.truth(watched, self.underworld)
            watched_by = institution[watched["owner"]]
            for bank in self.banks:
                mine = watched_by == bank.row
                if mine.any():
                    bank.observe(chosen(watched, mine))
            self.underworld.observe(watched)
        self.underworld.first_party.observe(rows, reasons)
        self.wallet_agents.observe(_those(rows, reasons, PAID_OUT))
        disputed = _those(rows, reasons, UNRECOGNISED)
        for bank in self.banks if len(disputed) else ():
            bank.dispute(chosen(disputed, institution[disputed["owner"]] == bank.row))
        self.underworld.theft.collect(_those(rows, reasons, LEAKED))
        self.log.payees(_those(rows, reasons, NEW_PAYEE))
        self.submission.tell(rows, watched)

    def record(self) -> None:
        """Hand other tables on and move the clock."""
        self.settlement.end_tick()
        self.log.flush()
        self.tick += 1
        if self.is_over:
            self.close()

    PHASES = (
        ("market", move_market),
        ("plan", plan_day),
        ("agents", wake_agents),
        ("authorise", authorise_requests),
        ("post", post),
        ("observe", observe),
        ("record", record),
    )
    """The phases of one tick, in order."""

    # -- rounds -------------------------------------------------------------------------------------------

    def each_partition(self, task: Callable[..., T], *arguments: Iterable[Any], rows: float = np.inf) -> list[T]:
        """Do a task for every partition, in threads where there are some and enough rows to make that worth while.

        Args:
            task: called with a partition and one item of each of arguments.
            arguments: items for the partitions, in their order.
            rows: rows that the task is about.
        """
        threads = min(self.config.parameters.run.threads, len(self.partitions))
        if threads < 2 or rows < WORTH_A_THREAD:
            return list(map(task, self.partitions, *arguments))
        if self._threads is None:
            self._threads = ThreadPoolExecutor(threads - 1)
        # This thread does a share itself instead of waiting: the first of each group of partitions.
        work = list(zip(self.partitions, *arguments, strict=True))
        others = [None if k % threads == 0 else self._threads.submit(task, *item) for k, item in enumerate(work)]
        own = [task(*item) if other is None else None for item, other in zip(work, others, strict=True)]
        return [mine if other is None else other.result() for mine, other in zip(own, others, strict=True)]  # type: ignore[misc]

    def _due(self, scored: bool) -> list[NDArray[np.void]]:
        """Return the requests that are due in this tick, (n,) TRANSACTION for each partition, or for all in one.

        Owners that are cut for threads alone are put together where threads are not worth while for so few rows.
        """
        tick_of_day = self.tick % self.clock.ticks_per_day
        extra = self.outbox.take_tick(self.tick)
        planned = self.partitions[0].planned(tick_of_day)
        batches = self.each_partition(lambda part: part.due(tick_of_day, _of_owners(extra, part)), rows=float(planned))
        few = sum(map(len, batches)) < WORTH_A_THREAD
        return (
            [in_time_order(batches)] if few and not scored and self.config.parameters.run.partitions == 1 else batches
        )

    def _authorise(self, batches: list[NDArray[np.void]]) -> list[Outcome]:
        end = self.tick_end
        if len(batches) == 1:
            return [self.partitions[0].authorise(batches[0], end)]
        return self.each_partition(lambda part, batch: part.authorise(batch, end), batches, rows=sum(map(len, batches)))

    def _needs_scoring(self) -> Scoring:
        if self.scoring is None:
            self.scoring = Scoring(self)
        return self.scoring

    def _open_features(self) -> None:
        """Hand the running features, where some are kept, to a recorder that wants them: the export begins."""
        take = getattr(self.recorder, "opening", None)
        arrays = self.scoring.opening() if self.scoring is not None else None
        if take is not None and arrays is not None:
            take(arrays)

    def _follow(self, outcomes: list[Outcome], done: NDArray[np.void], asked: NDArray[np.uint64]) -> NDArray[np.void]:
        """Keep what follows from a round's outcomes, (k,) asked ids; return the part that is due in this tick."""
        follow_ups = [outcome.follow_ups for outcome in outcomes if len(outcome.follow_ups)]
        if self.outbox.children:
            follow_ups.append(self.outbox.resolve(done, asked))
        rows = joined(follow_ups) if follow_ups else EMPTY
        if not len(rows):
            return rows
        now = rows["timestamp"] < self.tick_end
        self.outbox.add(chosen(rows, ~now), self.tick)
        due = chosen(rows, now)
        last = self.world.people.customers["last_timestamp"][due["owner"]]
        due["timestamp"] = np.maximum(due["timestamp"], last + 1_000_000)
        over = due["timestamp"] >= self.tick_end
        self.outbox.add(due[over], self.tick)
        return due[~over]

    # -- what users do ------------------------------------------------------------------------------------

    def partition(self, count: int) -> None:
        """Cut the owners into a number of partitions; the result of a run does not depend on it."""
        edges = np.linspace(0, len(self.world.customers), count + 1).astype(int)
        self.partitions = [Partition(int(a), int(b), self.world, self.clock) for a, b in pairwise(edges)]

    def submit(self, payer: Any, payee: Any, amount: float, **details: Any) -> int:
        """Submit a request for a payment; see `finsim.submission.Submission.submit`."""
        return self.submission.submit(payer, payee, amount, **details)

    def add_control(self, control: Any, institutions: Iterable[int] | None = None) -> None:
        """Put a control into the authorisation path; see `finsim.submission.Control`.

        Args:
            control: the control.
            institutions: rows of the institutions that use it; None for all of them.

        Raises:
            ControlError: it asks for a form or a feature that does not exist.
        """
        self._needs_scoring().add(seat(control, institutions))
        self.controls.append(control)

    def promote(self, ids: Iterable[int], cls: type[Customer]) -> list[Customer]:
        """Let a user's class take the decisions of single customers; see `finsim.submission.Submission.promote`."""
        return self.submission.promote(ids, cls)

    def enlist(self, key: str, agent: mesa.Agent) -> None:
        """Register a Python-level agent under a stable key, so that it can be woken and checkpointed."""
        self.python_agents[key] = agent

    def enlist_own(self, key: str, agent: mesa.Agent) -> None:
        """Register an agent that the economy itself founds during a run, and founds again when the run is resumed."""
        self.enlist(key, agent)
        self.own_agents |= {key}

    def set_balances(self, rows: NDArray[np.int64], cents: NDArray[np.int64]) -> None:
        """Set balances of checking accounts: the opening balance before the first step, else by an adjustment."""
        self.submission.set_balances(rows, cents)

    @property
    def mules(self) -> Any:
        """The customers that work as mules at present, as an AgentSet."""
        return mules_of(self)

    @property
    def agents_by_type(self) -> dict[type, Any]:
        """Agents by class, the columnar populations among them."""
        found = dict(super().agents_by_type)
        found.update({Customer: self.customers, Merchant: self.merchants, Employer: self.employers})
        return found

    @property
    def agent_types(self) -> list[type]:
        """All classes of agents, the columnar ones among them."""
        return list(self.agents_by_type)

    def close(self) -> None:
        """End the run: post what is on its way, hand all tables to the recorder; once only."""
        if self._closed:
            return
        self._closed = True
        self.running = False
        self.journal.close()
        self.underworld.close()
        self.settlement.close()
        self.log.entities(self)
        self.log.flush(everything=True)
        self.recorder.close()
        if self._threads is not None:
            self._threads.shutdown()
        # Mesa up to 3.3 counts agents by model in a dictionary of the class, which keeps every model alive.
        getattr(mesa.Agent, "_ids", {}).pop(self, None)


def _mesa_seed(seed: int) -> dict[str, Any]:
    """Return the keyword by which this version of Mesa takes a seed."""
    parameters = inspect.signature(mesa.Model.__init__).parameters
    return {"rng": seed} if "scenario" in parameters else {"seed": seed}


def _those(rows: NDArray[np.void], reasons: NDArray[np.uint8], reason: int) -> NDArray[np.void]:
    """Return the rows that are looked at for a reason, as a copy."""
    positions = np.flatnonzero(reasons & reason)
    return chosen(rows, positions) if len(positions) else EMPTY


def _of_owners(rows: NDArray[np.void], part: Partition) -> NDArray[np.void]:
    if not len(rows):
        return EMPTY
    return chosen(rows, (rows["owner"] >= part.first) & (rows["owner"] < part.last))
