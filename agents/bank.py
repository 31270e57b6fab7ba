"""Banks: each issuer's desk, whose analysts review alerts, and which takes claims and books the losses.

A bank is a plain Mesa agent that sleeps. What it has to do stands in a queue of dated tasks, so a
checkpoint is plain data. It knows what a bank knows; the truth enters only where a person would tell
(a victim who claims, an analyst who mostly finds out).
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

import mesa
import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.agents.analysts import Analysts
from finsim.agents.claims import Claims
from finsim.agents.recovery import Recovery
from finsim.agents.tables import rule_table
from finsim.rng import Purpose

if TYPE_CHECKING:
    from finsim.economy import Economy


class Bank(mesa.Agent):  # type: ignore[misc]
    """One issuer.

    Args:
        model: the economy.
        row: row of the institution.
    """

    def __init__(self, model: Economy, row: int) -> None:
        super().__init__(model)
        self.row = row
        self.key = f"bank:{row}"
        self.queue: list[tuple[int, int, str, tuple[Any, ...]]] = []
        self.ordinal = 0
        self.claims = Claims(self)
        self.recovery = Recovery(self)
        self.analysts = Analysts(self)
        self.settings = model.config.parameters.banks
        self.rules = self.settings.institutions[row]
        self.customers = int((model.world.customers.data["institution"] == row).sum())

    @property
    def economy(self) -> Economy:
        """The economy this bank belongs to."""
        return self.model  # type: ignore[no-any-return]

    def later(self, at: int, task: str, *details: Any) -> None:
        """Put a task into the queue and make sure that the bank is awake then."""
        self.ordinal += 1
        item = (int(at), self.ordinal, task, details)
        heapq.heappush(self.queue, item)
        if self.queue[0] is item:
            self._sleep()

    def step(self) -> None:
        """Do what has come due by now; nothing takes effect before its time."""
        while self.queue and self.queue[0][0] <= self.economy.now:
            at, _, task, details = heapq.heappop(self.queue)
            if task == "review":
                self.analysts.queue.take(details[0])
            elif task == "rested":
                self.analysts.rested(details[0], at)
            elif task in self.recovery.tasks:
                getattr(self.recovery, task)(at, *details)
            else:
                self.claims.do(at, task, *details)
        self.analysts.work()
        self._sleep()

    def _sleep(self) -> None:
        """Sleep until the first tick that begins after the next task, or analysts can go on."""
        times = [self.queue[0][0]] if self.queue else []
        work = self.analysts.next_work()
        times += [] if work is None else [work]
        if times:
            clock = self.economy.clock
            ticks = -((clock.start - min(times)) // clock.tick)
            self.economy.agenda.wake(self.key, clock.start + ticks * clock.tick)

    def observe(self, rows: NDArray[np.void]) -> None:
        """Take alerts, held payments and fraud that went through, (n,) TRANSACTION of own customers."""
        for row in rows:
            if row["flags"] & pay.RELEASE:
                self.claims.take(row)
                continue
            if row["alert"] or row["decision"] == pay.HELD:
                self.analysts.raise_alert(row)
            if row["decision"] == pay.APPROVED:
                self.claims.take(row)

    def dispute(self, rows: NDArray[np.void]) -> None:
        """Take genuine purchases, (n,) TRANSACTION, that own customers will not recognise."""
        for row in rows:
            self.claims.dispute_in_error(row)

    def draw(self, purpose: Purpose, number: int, draw: int = 0) -> NDArray[np.float64]:
        """Return four uniforms that depend on a transaction id alone."""
        return self.economy.streams.one(purpose, number & 0xFFFFFFFF, second=number >> 32, draw=draw)

    def held(self) -> list[int]:
        """Return the transaction ids of payments that are held at present."""
        alerts = [details[0] for _, _, task, details in self.queue if task in ("review", "rested")]
        return [alert.number for alert in alerts if alert.held is not None] + self.analysts.held()

    def close(self) -> None:
        """At the end of the run: alerts nobody worked on, and reports that are already determined."""
        self.analysts.close()
        for at, _, task, details in sorted(self.queue, key=lambda item: item[:2]):
            if task in ("review", "rested"):
                self.analysts.record(details[0], None, "unworked")
            else:
                self.claims.finish(at, task, *details)

    def state(self) -> dict[str, Any]:
        """Return declared state."""
        return {
            "queue": list(self.queue),
            "ordinal": self.ordinal,
            "claims": self.claims.state(),
            "analysts": self.analysts.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned."""
        self.queue = list(state["queue"])
        heapq.heapify(self.queue)
        self.ordinal = state["ordinal"]
        self.claims.restore(state["claims"])
        self.analysts.restore(state["analysts"])


def renew_rules(economy: Economy) -> None:
    """At midnight put the rules into force that hold on this day."""
    settings = economy.config.parameters.banks
    if not settings.rule_changes and not settings.models_begin:
        return
    day = economy.day - economy.clock.export_day
    economy.world.books.rules[:] = rule_table(settings, day)
    for bank, rules in zip(economy.banks, settings.institutions_on(day), strict=True):
        bank.rules = rules


def found_banks(economy: Economy) -> list[Bank]:
    """Return one bank per institution, enlisted."""
    banks = [Bank(economy, row) for row in range(len(economy.config.parameters.banks.institutions))]
    for bank in banks:
        economy.enlist(bank.key, bank)
    return banks
