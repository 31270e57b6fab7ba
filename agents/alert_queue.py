"""Alerts that wait for an analyst: which is worked on next, and which have waited too long."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any

from finsim.state import record

SCORES = 1000
"""Steps in which scores are compared; within one the higher amount comes first, and no score is a score of 0."""
STEP = 10**12
"""Cents that one step of a score outweighs: more than any amount."""


@record
@dataclass(slots=True)
class Alert:
    """One alert.

    Attributes:
        number: transaction id.
        raised: microseconds.
        control: position in CONTROLS.
        score: the model's; None where none ran.
        customer: whose account pays.
        cents: amount.
        truth, campaign: as the record has them.
        thief: whether a stranger acted.
        approved: whether the payment went through.
        card: packed code of the card that it was made with; NO_CODE for none.
        held: the request as plain state if it is held, else None.
        control_group: whether the score decides nothing, also not how soon an analyst looks.
    """

    number: int
    raised: int
    control: int
    score: float | None
    customer: int
    cents: int
    truth: int
    campaign: int
    thief: bool
    approved: bool
    card: int
    held: Any
    control_group: bool = False


class AlertQueue:
    """Alerts that are ready, and how many were worked on today.

    Attributes:
        alerts: those that wait, by transaction id.
        urgent: urgency, time of alert, transaction id; the least comes first.
        oldest: time of alert, transaction id.
        day: the day that `worked` counts.
        worked: alerts that analysts have decided on that day.
    """

    def __init__(self) -> None:
        self.alerts: dict[int, Alert] = {}
        self.urgent: list[tuple[int, int, int]] = []
        self.oldest: list[tuple[int, int]] = []
        self.day = -1
        self.worked = 0

    def take(self, alert: Alert) -> None:
        """Put an alert that is ready into the queue."""
        score = 0.0 if alert.score is None or alert.control_group else alert.score
        urgency = min(alert.cents, STEP - 1) + STEP * round(SCORES * score)
        urgency = -urgency - (0 if alert.held is None else 2 * STEP * SCORES)
        self.alerts[alert.number] = alert
        heapq.heappush(self.urgent, (urgency, alert.raised, alert.number))
        heapq.heappush(self.oldest, (alert.raised, alert.number))

    def expired(self, limit: int) -> list[Alert]:
        """Remove and return the alerts that were raised by a time, microseconds."""
        found = []
        while self.oldest and self.oldest[0][0] <= limit:
            waited = self.alerts.pop(heapq.heappop(self.oldest)[1], None)
            if waited is not None:
                found.append(waited)
        return found

    def pick(self, day: int, quota: int) -> list[Alert]:
        """Remove and return the alerts that are worked on now, of so many that a day can have seen by now."""
        if day != self.day:
            self.day, self.worked = day, 0
        found = []
        while self.urgent and self.worked < quota:
            alert = self.alerts.pop(heapq.heappop(self.urgent)[-1], None)
            if alert is not None:  # else it was closed unworked
                self.worked += 1
                found.append(alert)
        return found

    def copy(self) -> AlertQueue:
        """Return a queue of its own with the same alerts."""
        other = AlertQueue()
        other.restore(self.state())
        return other

    def state(self) -> dict[str, Any]:
        """Return declared state."""
        return {
            "alerts": dict(self.alerts),
            "urgent": list(self.urgent),
            "oldest": list(self.oldest),
            "day": self.day,
            "worked": self.worked,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned."""
        self.alerts, self.urgent, self.oldest = dict(state["alerts"]), list(state["urgent"]), list(state["oldest"])
        self.day, self.worked = state["day"], state["worked"]
