"""Analysts: a bank's queue of alerts, worked on in shifts by people who can do so much a day and sometimes err.

An alert is ready some hours after it was raised (the customer is called, papers are asked for). Ready alerts wait:
held payments first, then high scores, then high amounts. What waits too long is closed unworked, and a payment that is
held by it is carried out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.agents.alert_queue import Alert, AlertQueue
from finsim.clock import DAY, HOUR
from finsim.controls import CONTROLS, COOLING_OFF, NEW_PAYEE_RULE
from finsim.ids import NO_CODE, mixed
from finsim.rng import Purpose, to_normal

if TYPE_CHECKING:
    from finsim.agents.bank import Bank

EARLIEST_REVIEW = 2 * 60_000_000
LEAST_CAPACITY = 2.0
"""Alerts a day that the analysts of a bank with few simulated customers can work on (assumption)."""
UNHELD_FACTOR = 4.0
"""How much longer an alert without a held payment takes until it is ready (assumption: held payments come first)."""


class Analysts:
    """The analysts of one bank.

    Args:
        bank: the bank they work for.
    """

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        self.queue = AlertQueue()

    # -- the queue ----------------------------------------------------------------------------------------

    def raise_alert(self, row: np.void) -> None:
        """Take an alert or a held payment, one TRANSACTION, and plan when it is ready to be decided."""
        held = bool(row["decision"] == pay.HELD)
        if held and not row["alert"]:
            row["alert"] = NEW_PAYEE_RULE + 1
        number, at = int(row["transaction_id"]), int(row["timestamp"])
        score = float(row["score"])
        alert = Alert(
            number,
            at,
            int(row["alert"]) - 1,
            None if np.isnan(score) else score,
            int(row["owner"]),
            int(row["amount"]),
            int(row["truth"]),
            int(row["campaign"]),
            bool(row["flags"] & pay.THIEF),
            bool(row["decision"] == pay.APPROVED),
            int(row["card"]) if row["rail"] == pay.CARD else NO_CODE,
            list(row.tolist()) if held else None,
            bool(row["flags"] & pay.CONTROL_GROUP),
        )
        if held and alert.control == COOLING_OFF:
            self.bank.later(at + int(self.bank.rules.cooling_off_hours * HOUR), "rested", alert)
            return
        u = self.bank.draw(Purpose.ALERT, number)
        hours = self.bank.settings.review_hours * float(np.exp(0.9 * to_normal(u[:1])[0]))
        hours *= 1.0 if held else UNHELD_FACTOR
        self.bank.later(at + max(int(hours * HOUR), EARLIEST_REVIEW), "review", alert)

    def work(self) -> None:
        """Close what waited too long, then decide as many alerts as there was time for since the shift began."""
        now = self.bank.economy.now
        for alert, decided in self._shift(self.queue, now):
            if decided:
                self._decide(alert, self._moment(alert, now))
            else:
                self._close_unworked(alert)

    def _shift(self, queue: AlertQueue, now: int) -> Iterator[tuple[Alert, bool]]:
        """Yield what leaves a queue by a time, and whether it is decided: what waited too long is not."""
        for alert in queue.expired(now - int(self.bank.settings.alert_expiry_hours * HOUR)):
            yield alert, False
        for alert in queue.pick(now // DAY, self._quota(now) if queue.alerts else 0):
            yield alert, True

    def _moment(self, alert: Alert, now: int) -> int:
        """Return when, within the tick before now, an alert was decided."""
        u = self.bank.draw(Purpose.ALERT, alert.number, draw=2)
        return max(now - int(u[0] * self.bank.economy.clock.tick), alert.raised + EARLIEST_REVIEW)

    def foretell(self, ready: list[tuple[int, Alert]]) -> Iterator[tuple[Alert, int, int]]:
        """Yield the alerts that would be decided if work went on and nothing new came in, when, and at which tick.

        Args:
            ready: time at which each alert that is not ready yet will be, and the alert, in order of time.
        """
        queue, clock, now = self.queue.copy(), self.bank.economy.clock, self.bank.economy.now
        coming = list(reversed(ready))
        while coming or queue.alerts:
            if not queue.alerts:
                now = max(now, clock.start - (clock.start - coming[-1][0]) // clock.tick * clock.tick)
            while coming and coming[-1][0] <= now:
                queue.take(coming.pop()[1])
            for alert, decided in self._shift(queue, now):
                if decided:
                    yield alert, self._moment(alert, now), now
            now += clock.tick

    def _quota(self, now: int) -> int:
        """Return how many alerts can have been decided today by now."""
        settings, bank = self.bank.settings, self.bank
        hours = (now % DAY) / HOUR - settings.shift_begin
        part = min(max(hours / (settings.shift_end - settings.shift_begin), 0.0), 1.0)
        capacity = bank.rules.review_capacity * bank.customers / 1000.0
        if capacity > 0:  # the simulated customers are a part of a bank's
            capacity = max(capacity, LEAST_CAPACITY)
        return int(part * (capacity + bank.draw(Purpose.ALERT, now // DAY)[3]))

    def next_work(self) -> int | None:
        """Return the time of the next work, or None where nothing waits."""
        if not self.queue.alerts:
            return None
        clock, now = self.bank.economy.clock, self.bank.economy.now
        at = now + clock.tick
        begin = self.bank.settings.shift_begin * HOUR
        if at % DAY < begin:
            return at // DAY * DAY + begin
        return at if at % DAY <= self.bank.settings.shift_end * HOUR else (at // DAY + 1) * DAY + begin

    # -- decisions ----------------------------------------------------------------------------------------

    def _decide(self, alert: Alert, at: int) -> None:
        """Decide on an alert; a held payment is released or refused, confirmed fraud is blocked."""
        claims = self.bank.claims
        label = self.verdict(alert, claims.claimed(alert.campaign, alert.customer, alert.number))
        says_fraud = label != "genuine"
        self.record(alert, at, label)
        claims.label(alert.number, alert.raised, at, "analyst", None, label)
        if alert.held is not None:
            self._release(alert.held, at, not says_fraud)
        if not says_fraud:
            return
        if alert.truth & pay.IS_LAUNDERING:
            self.bank.economy.underworld.mule_market.caught(alert.customer, at)
        if alert.truth and alert.campaign >= 0:
            claims.report(at, alert.campaign, alert.customer, "analyst", alert.number)
        if alert.card != NO_CODE and alert.truth == pay.IS_FRAUD:
            claims.replace_card(alert.card, at)
        if alert.card == NO_CODE and (not alert.truth or (alert.truth == pay.IS_FRAUD and alert.thief)):
            claims.lock_out(alert.customer, at)  # in error too: until the owner has proved who he is
        if not alert.truth and alert.approved:
            # The customer calls and the error is put right.
            claims.label(alert.number, alert.raised, self.put_right(alert, at), "customer", None, "genuine")

    def verdict(self, alert: Alert, claimed: bool) -> str:
        """Return the label that an analyst gives: mostly the truth, and what the customer says who has claimed it."""
        u = self.bank.draw(Purpose.ALERT, alert.number, draw=1)
        if claimed or (u[0] >= self._miss(alert) if alert.truth else u[0] < self.bank.settings.review_error):
            return "laundering" if alert.truth & pay.IS_LAUNDERING else "fraud"
        return "genuine"

    def put_right(self, alert: Alert, at: int) -> int:
        """Return when a customer has put an analyst's error of a time right."""
        return at + int((1.0 + 40.0 * self.bank.draw(Purpose.ALERT, alert.number, draw=1)[1]) * HOUR)

    def _miss(self, alert: Alert) -> float:
        """Return how likely an analyst takes this kind of fraud for genuine."""
        if alert.truth & pay.IS_LAUNDERING:
            return self.bank.settings.review_miss_laundering
        return self.bank.settings.review_miss if alert.thief else self.bank.settings.review_miss_scam

    def rested(self, alert: Alert, at: int) -> None:
        """A payment has rested for its time: it is carried out unless the customer thought again or reported fraud."""
        u = self.bank.draw(Purpose.ALERT, alert.number, draw=3)
        deceived = alert.truth & pay.IS_FRAUD and not alert.thief
        case = self.bank.claims.cases.get((alert.campaign, alert.customer))
        known = case is not None and case.reported
        stranger = alert.thief and u[1] < 0.5  # the owner sees the message about it (assumption: one in two)
        stop = known or stranger or (deceived and u[0] < self.bank.settings.challenge_warned)
        self.record(alert, at, "fraud" if stop else "genuine")
        self._release(alert.held, at, not stop)

    def _close_unworked(self, alert: Alert) -> None:
        self.record(alert, None, "unworked")
        if alert.held is not None:
            u, economy = self.bank.draw(Purpose.ALERT, alert.number, draw=2), self.bank.economy
            self._release(alert.held, economy.now - int(u[0] * economy.clock.tick), True)

    def record(self, alert: Alert, decided: int | None, decision: str) -> None:
        """Write a row of `alerts` for an exported transaction."""
        economy = self.bank.economy
        if alert.raised >= economy.export_start:
            alert_id, control = mixed(alert.number, economy.ids.posting), CONTROLS[alert.control]
            economy.log.add("alerts", alert_id, alert.number, alert.raised, control, alert.score, decided, decision)

    def _release(self, held: list[Any], at: int, approve: bool) -> None:
        """Submit the release row of a held payment: what was decided, at its own time."""
        row = restore_row(held)
        parent = int(row["transaction_id"][0])
        row["related_id"] = parent
        row["transaction_id"] = mixed(parent, self.bank.economy.ids.posting)
        row["timestamp"] = at
        row["flags"] |= pay.RELEASE | pay.FORCED
        row["decision"] = pay.APPROVED if approve else pay.DECLINED
        row["decline_reason"] = pay.NONE if approve else pay.RULE
        row["challenge"] = pay.NONE
        row["alert"] = 0
        row["flags"] &= 0xFFFF ^ (pay.SCORED | pay.CONTROL_GROUP)  # no control scores a release
        row["score"] = np.nan
        self.bank.economy.outbox.add(row, self.bank.economy.tick)

    # -- state --------------------------------------------------------------------------------------------

    def held(self) -> list[int]:
        """Return the transaction ids of payments that wait in the queue."""
        return [alert.number for alert in self.queue.alerts.values() if alert.held is not None]

    def close(self) -> None:
        """At the end of the run: alerts nobody worked on."""
        for alert in sorted(self.queue.alerts.values(), key=lambda alert: (alert.raised, alert.number)):
            self.record(alert, None, "unworked")

    def state(self) -> dict[str, Any]:
        """Return declared state."""
        return self.queue.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned."""
        self.queue.restore(state)


def restore_row(values: list[Any]) -> NDArray[np.void]:
    """Return the request, (1,) TRANSACTION, whose values were kept as a list."""
    return np.array([tuple(values)], dtype=pay.TRANSACTION)
