"""What the end of a run cuts off: decisions on labels that were still open, and how they would have turned out.

Reports that are determined at the end are exported with their later dates. Here is the rest, as it would be if work
went on and nothing new happened: alerts that wait for an analyst, disputes that a merchant wins, notices of the police,
investigations, schemes' reviews and charge-offs. All of it hangs on draws that are made already. It is what
`labels_hidden` holds, and what the manifest counts where the label would have become right.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from finsim.agents.fraud import registry

if TYPE_CHECKING:
    from finsim.agents.alert_queue import Alert
    from finsim.agents.bank import Bank
    from finsim.agents.claims import Case
    from finsim.agents.underworld import Underworld

LATEST = 2**63 - 1
"""A time that never comes."""


class Label(NamedTuple):
    """A label that would have been given.

    Attributes:
        number: transaction id.
        of: its time, microseconds.
        at: when it would have been given.
        source, label: as in `label_events`.
    """

    number: int
    of: int
    at: int
    source: str
    label: str


def cut_off(underworld: Underworld) -> list[Label]:
    """Return the labels of exported transactions that the end of the run cuts off, in order of time."""
    economy = underworld.economy
    found = [label for bank in economy.banks for label in _of_bank(bank)]
    found += [Label(*told) for told in underworld.first_party.foretell()]
    for campaign in underworld.campaigns.values():
        foretell = getattr(registry()[campaign.typology], "foretell", None)
        told = foretell(underworld, campaign, economy.now) if foretell is not None else None
        if told is not None:
            at, source, label = told
            found += [Label(int(row[0]), int(row[1]), at, source, label) for row in campaign.facts.get("rows", ())]
    return sorted({label for label in found if label.of >= economy.export_start}, key=lambda label: (label.at, label))


def _of_bank(bank: Bank) -> Iterator[Label]:
    """Yield what a bank would have decided, and what it would have learnt from the police."""
    tasks = sorted(bank.queue, key=lambda item: item[:2])
    ready = [(at, details[0]) for at, _, task, details in tasks if task == "review"]
    decisions = sorted(bank.analysts.foretell(ready), key=lambda item: item[2])
    reports = [(at, task, tuple(details[:2])) for at, _, task, details in tasks if task in ("report", "police")]
    reports.reverse()
    claimed: set[int] = set()
    for alert, at, now in [*decisions, (None, 0, LATEST)]:
        while reports and reports[-1][0] <= now:
            when, task, case = reports.pop()
            told = _claim(bank.claims.cases.get(case), when, claimed)
            yield from (Label(*row, when, "police", "fraud") for row in told if task == "police")
        if alert is not None:
            yield from _decision(bank, alert, at, claimed)


def _decision(bank: Bank, alert: Alert, at: int, claimed: set[int]) -> Iterator[Label]:
    """Yield the labels that an analyst's decision on an alert gives: to its own payment, and to others of the case."""
    known = alert.number in claimed or bank.claims.claimed(alert.campaign, alert.customer, alert.number)
    label = bank.analysts.verdict(alert, known)
    yield Label(alert.number, alert.raised, at, "analyst", label)
    if label == "genuine":
        return
    if alert.truth and alert.campaign >= 0:
        others = _claim(bank.claims.cases.get((alert.campaign, alert.customer)), at, claimed)
        yield from (Label(*row, at, "analyst", "fraud") for row in others if row[0] != alert.number)
    if not alert.truth and alert.approved:
        yield Label(alert.number, alert.raised, bank.analysts.put_right(alert, at), "customer", "genuine")


def _claim(case: Case | None, at: int, claimed: set[int]) -> list[tuple[int, int]]:
    """Return id and time of what a case has lost by a time that nobody has claimed yet; it counts as claimed then."""
    if case is None:
        return []
    fresh = [loss for loss in case.losses if not loss.claimed and loss.at < at and loss.number not in claimed]
    claimed.update(loss.number for loss in fresh)
    return [(loss.number, loss.at) for loss in fresh]
