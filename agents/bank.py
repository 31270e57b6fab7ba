"""Banks: each issuer's desk, which reviews alerts, releases held payments, takes claims and books the losses.

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
from finsim.agents.claims import Claims
from finsim.clock import HOUR
from finsim.controls import CONTROLS
from finsim.ids import mixed
from finsim.rng import Purpose, to_normal

if TYPE_CHECKING:
    from finsim.economy import Economy

EARLIEST_REVIEW = 2 * 60_000_000


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

    @property
    def economy(self) -> Economy:
        """The economy this bank belongs to."""
        return self.model  # type: ignore[no-any-return]

    def later(self, at: int, task: str, *details: Any) -> None:
        """Put a task into the queue and make sure that the bank is awake then."""
        self.ordinal += 1
        heapq.heappush(self.queue, (int(at), self.ordinal, task, details))
        self._sleep()

    def step(self) -> None:
        """Do what has come due by now; nothing takes effect before its time."""
        while self.queue and self.queue[0][0] <= self.economy.now:
            at, _, task, details = heapq.heappop(self.queue)
            if task == "review":
                self._review(at, *details)
            else:
                self.claims.do(at, task, *details)
        self._sleep()

    def _sleep(self) -> None:
        """Sleep until the first tick that begins after the next task."""
        if self.queue:
            clock = self.economy.clock
            ticks = -((clock.start - self.queue[0][0]) // clock.tick)
            self.economy.agenda.wake(self.key, clock.start + ticks * clock.tick)

    def observe(self, rows: NDArray[np.void]) -> None:
        """Take alerts, held payments and fraud that went through, (n,) TRANSACTION of own customers."""
        for row in rows:
            if row["flags"] & pay.RELEASE:
                self.claims.take(row)
                continue
            if row["alert"] or row["decision"] == pay.HELD:
                self._raise_alert(row)
            if row["decision"] == pay.APPROVED:
                self.claims.take(row)

    def dispute(self, rows: NDArray[np.void]) -> None:
        """Take genuine purchases, (n,) TRANSACTION, that own customers will not recognise."""
        for row in rows:
            self.claims.dispute_in_error(row)

    def _raise_alert(self, row: np.void) -> None:
        """Queue an alert for an analyst; held payments come first."""
        number = int(row["transaction_id"])
        u = self.draw(Purpose.ALERT, number)
        hours = self.economy.config.parameters.banks.review_hours * float(np.exp(0.9 * to_normal(u[:1])[0]))
        if row["decision"] != pay.HELD:
            hours *= 4.0
        at = int(row["timestamp"]) + max(int(hours * HOUR), EARLIEST_REVIEW)
        held = row["decision"] == pay.HELD
        if held and not row["alert"]:
            row["alert"] = 2
        request = self.keep(row) if held else None
        score = float(row["score"])
        self.later(
            at,
            "review",
            number,
            int(row["timestamp"]),
            int(row["alert"]) - 1,
            None if np.isnan(score) else score,
            int(row["owner"]),
            int(row["slot"]),
            int(row["truth"]),
            int(row["campaign"]),
            bool(row["decision"] == pay.APPROVED),
            request,
        )

    def _review(
        self,
        at: int,
        number: int,
        raised: int,
        control: int,
        score: float | None,
        customer: int,
        slot: int,
        truth: int,
        campaign: int,
        approved: bool,
        held: Any,
    ) -> None:
        """Let an analyst decide on an alert; a held payment is released or refused, confirmed fraud is blocked."""
        banks = self.economy.config.parameters.banks
        u = self.draw(Purpose.ALERT, number, draw=1)
        suspicious = truth != 0
        says_fraud = u[0] >= banks.review_miss if suspicious else u[0] < banks.review_error
        label = ("laundering" if truth & pay.IS_LAUNDERING else "fraud") if says_fraud else "genuine"
        self.alert(number, raised, control, score, at, label)
        self.claims.label(number, raised, at, "analyst", None, label)
        if held is not None:
            self._release(held, at, not says_fraud)
        if not says_fraud:
            return
        if truth and campaign >= 0:
            self.claims.report(at, campaign, customer, "analyst", number)
        if slot in (0, 2) and approved and truth == pay.IS_FRAUD:
            self.claims.replace_card(customer, slot, at)
        elif not truth and approved:
            # The customer calls and the error is put right.
            self.claims.label(number, raised, at + int((1.0 + 40.0 * u[1]) * HOUR), "customer", None, "genuine")

    def alert(
        self, number: int, raised: int, control: int, score: float | None, decided: int | None, decision: str
    ) -> None:
        """Write a row of `alerts` for an exported transaction."""
        economy = self.economy
        if raised >= economy.export_start:
            alert_id = mixed(number, economy.ids.posting)
            economy.log.add("alerts", alert_id, number, raised, CONTROLS[control], score, decided, decision)

    def _release(self, held: list[Any], at: int, approve: bool) -> None:
        """Submit the release row of a held payment: what an analyst decided, at its own time."""
        row = self.restore_row(held)
        parent = int(row["transaction_id"][0])
        row["related_id"] = parent
        row["transaction_id"] = mixed(parent, self.economy.ids.posting)
        row["timestamp"] = at
        row["flags"] |= pay.RELEASE | pay.FORCED
        row["decision"] = pay.APPROVED if approve else pay.DECLINED
        row["decline_reason"] = pay.NONE if approve else pay.RULE
        row["challenge"] = pay.NONE
        row["alert"] = 0
        row["flags"] &= 0xFFFF ^ (pay.SCORED | pay.CONTROL_GROUP)  # no control scores a release
        row["score"] = np.nan
        self.economy.outbox.add(row, self.economy.tick)

    @staticmethod
    def keep(row: np.void) -> list[Any]:
        """Return a request as plain declared state."""
        return list(row.tolist())

    @staticmethod
    def restore_row(values: list[Any]) -> NDArray[np.void]:
        """Return the request that `keep` was given, (1,) TRANSACTION."""
        return np.array([tuple(values)], dtype=pay.TRANSACTION)

    def draw(self, purpose: Purpose, number: int, draw: int = 0) -> NDArray[np.float64]:
        """Return four uniforms that depend on a transaction id alone."""
        return self.economy.streams.one(purpose, number & 0xFFFFFFFF, second=number >> 32, draw=draw)

    def held(self) -> list[int]:
        """Return the transaction ids of payments that are held at present."""
        return [details[0] for _, _, task, details in self.queue if task == "review" and details[-1] is not None]

    def close(self) -> None:
        """At the end of the run: alerts nobody worked on, and reports that are already determined."""
        for at, _, task, details in sorted(self.queue, key=lambda item: item[:2]):
            if task == "review":
                number, raised, control, score = details[:4]
                self.alert(number, raised, control, score, None, "unworked")
            else:
                self.claims.finish(at, task, *details)

    def state(self) -> dict[str, Any]:
        """Return declared state."""
        return {"queue": list(self.queue), "ordinal": self.ordinal, "claims": self.claims.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned."""
        self.queue = list(state["queue"])
        heapq.heapify(self.queue)
        self.ordinal = state["ordinal"]
        self.claims.restore(state["claims"])


def found_banks(economy: Economy) -> list[Bank]:
    """Return one bank per institution, enlisted."""
    banks = [Bank(economy, row) for row in range(len(economy.config.parameters.banks.institutions))]
    for bank in banks:
        economy.enlist(bank.key, bank)
    return banks
