"""A campaign: one run of a typology, as plain declared state, and the protocol of a typology."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from finsim.state import record

if TYPE_CHECKING:
    import numpy as np

    from finsim.agents.underworld import Underworld


@record
@dataclass(slots=True)
class Campaign:
    """One concrete run of a typology.

    Attributes:
        number: packed ring, day, typology and count (`finsim.parameters.numbering`), unique.
        typology: name.
        ring: ring row, or OPPORTUNIST.
        started, ended: microseconds; ended is the time of its last row, 0 before the first.
        asked: microseconds; time of its latest request, decided or not.
        stage: position in the typology's stages.
        victim: customer row; -1 for none or many.
        draws: draws made so far; the counter of the campaign's own stream.
        ordinal: requests made so far.
        size: position in `underworld.SIZES`, how much of the usual amounts its ring goes for.
        style: position in the values of `care.STYLE`, how careful it is.
        pace: position in the values of `care.PACE`, how long it waits between purchases; -1 where that is no choice.
        facts: whatever else the typology keeps: plain values, lists and dicts of those.
        victims: customers against whom an attempt was made.
        attempts, approved: rows, as `campaigns` counts them.
        laundered: exported rows that moved its money on.
        gross, recovered, recovered_bank, reimbursed, charged_back: cents, of exported rows.
        refunded: cents of bogus refunds, which the merchant paid.
        written_off: cents that the bank charged off.
        covered: cents that an acquirer paid for a merchant that had vanished.
    """

    number: int
    typology: str
    ring: int
    started: int
    ended: int = 0
    asked: int = 0
    stage: int = 0
    victim: int = -1
    draws: int = 0
    ordinal: int = 0
    size: int = 1
    style: int = 1
    pace: int = -1
    facts: dict[str, Any] = field(default_factory=dict)
    victims: list[int] = field(default_factory=list)
    attempts: int = 0
    approved: int = 0
    laundered: int = 0
    gross: int = 0
    recovered: int = 0
    recovered_bank: int = 0
    reimbursed: int = 0
    charged_back: int = 0
    refunded: int = 0
    written_off: int = 0
    covered: int = 0


class Typology(Protocol):
    """A kind of fraud: how a campaign begins, goes on, and learns.

    A typology may have `probing`, the stages whose outcomes are part of the plan and teach a ring nothing. It may be
    `victimless`: then only the rows that a thief makes have a victim who can claim; and `by_customers`: customers
    commit it by themselves, and no ring plans it. One that the scenario has no section for says its `rate`, campaigns
    for 1,000 customers and year.

    Where institutions find out by themselves once a campaign is over, a typology has `wind_up(world, campaign, now)`,
    called when its ring is gone, which returns the time of that or None, and `foretell(world, campaign, now)`, which
    returns when, by which source and how the rows in `facts["rows"]` (id and time first) will be labelled, or None.
    """

    @property
    def name(self) -> str:
        """Name of the typology, as `typology` exports it."""

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages, in order."""

    def launch(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Prepare a new campaign; return the time of its first action, or None where it comes to nothing."""

    def act(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Do what is due; return the time of the next action, or None to wait for an outcome or end."""

    def observe(self, world: Underworld, campaign: Campaign, row: np.void) -> int | None:
        """Learn from an outcome, one TRANSACTION; return the time of the next action, or None."""
