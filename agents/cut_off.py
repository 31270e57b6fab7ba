"""What the end of a run cut off: transactions whose label somebody was still to decide on.

Reports that are determined at the end are exported with their later dates. Here is the rest: alerts that wait for an
analyst, disputes that a merchant may still win, laundering and collusion that is still to be uncovered.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finsim.agents.underworld import Underworld


def cut_off_labels(underworld: Underworld) -> int:
    """Return how many exported transactions were to get a label, or another one, after the end of the run."""
    start = underworld.economy.export_start
    return len({number for number, at in _undecided(underworld) if at >= start})


def _undecided(underworld: Underworld) -> Iterator[tuple[int, int]]:
    """Yield transaction id and time of what waits for a decision, some of them more than once."""
    for bank in underworld.economy.banks:
        waiting = [details[0] for _, _, task, details in bank.queue if task == "review"]
        yield from ((alert.number, alert.raised) for alert in [*waiting, *bank.analysts.alerts.values()])
    for _, _, task, details in underworld.first_party.queue:
        if task in ("claim", "charge_back", "represent"):
            yield details[-1].number, details[-1].at
    for campaign in underworld.campaigns.values():
        facts = campaign.facts
        colludes = campaign.typology == "merchant_collusion" and facts.get("state") != "found"
        if colludes or facts.get("uncover", -1) >= 0:
            yield from ((int(row[0]), int(row[1])) for row in facts.get("rows", ()))
