"""The economy: a Mesa model of a payment system, and the order of one tick."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import mesa
import numpy as np
from numpy.typing import NDArray

from finsim import models
from finsim.agenda import Agenda
from finsim.agents.bank import Bank, found_banks
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
from finsim.clock import DAY, Clock, datetime_of, day_number
from finsim.control_registry import load_control
from finsim.errors import FinsimError
from finsim.ids import IdKeys
from finsim.journal import Journal
from finsim.log import Log
from finsim.market import Market
from finsim.outbox import EMPTY, Outbox
from finsim.partitions import Partitions
from finsim.payments import Recorder
from finsim.phases import PHASES
from finsim.rng import Streams
from finsim.scenario import Scenario
from finsim.scoring import Scoring
from finsim.seats import seat
from finsim.submission import Submission


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
        self.decided: NDArray[np.void] = EMPTY  # rows of the present tick, (n,) TRANSACTION in order of time
        self.reasons = np.empty(0, dtype=np.uint8)  # room for why somebody has to look at them
        self.own_agents = frozenset(self.python_agents)
        self.opening: NDArray[np.int64] = self.ledger.accounts["balance"].copy()
        self._closed = False
        self.partitions = Partitions(max(run.partitions, run.threads), self.world, self.clock, run.threads)
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

    PHASES = PHASES
    """The phases of one tick, in order; see `finsim.phases`."""

    # -- what users do ------------------------------------------------------------------------------------

    def partition(self, count: int) -> None:
        """Cut the owners into a number of partitions; the result of a run does not depend on it."""
        self.partitions.cut(count)

    def submit(self, payer: Any, payee: Any, amount: float, **details: Any) -> int:
        """Submit a request for a payment; see `finsim.submission.Submission.submit`."""
        return self.submission.submit(payer, payee, amount, **details)

    def add_control(self, control: Any, institutions: Iterable[int] | None = None) -> None:
        """Put a control into the authorisation path; see `finsim.submission.Control`.

        Args:
            control: the control.
            institutions: rows of the institutions that use it; None for all of them.

        Raises:
            ControlError: it asks for a form or a feature that does not exist, or comes after the export began and asks
                for features that nobody asked for before: these are not counted.
        """
        self._needs_scoring().add(seat(control, institutions))
        self.controls.append(control)

    def _needs_scoring(self) -> Scoring:
        if self.scoring is None:
            self.scoring = Scoring(self)
        return self.scoring

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
        self.life.close()
        self.log.entities(self)
        self.log.flush(everything=True)
        self.recorder.close()
        self.partitions.close()
        # Mesa up to 3.3 counts agents by model in a dictionary of the class, which keeps every model alive.
        getattr(mesa.Agent, "_ids", {}).pop(self, None)


def _mesa_seed(seed: int) -> dict[str, Any]:
    """Return the keyword by which this version of Mesa takes a seed."""
    parameters = inspect.signature(mesa.Model.__init__).parameters
    return {"rng": seed} if "scenario" in parameters else {"seed": seed}
