"""Patterns of laundering as data: who takes part, and who passes what to whom, from which money, and when.

A pattern is a list of roles and of legs. A leg passes on a share of what its source legs brought to its payer, less the
payer's commission; a leg without sources brings money from outside. Nothing here knows rails, clocks or banks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from finsim.clock import DAY
from finsim.rng import to_normal
from finsim.state import record

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

CASH: Final = -1
"""Payer of a leg: takings in cash, which somebody carries to a branch."""
EXIT: Final = -2
"""Payee of a leg: the money leaves the pattern, as cash, over an exchange, abroad, or for goods."""

INSIDE, ANYWHERE, OUTSIDE = "inside", "anywhere", "outside"
"""Where a role's account is: a customer's; a customer's or at another bank; at another bank."""

STAGES: Final = ("test", "placement", "layering", "cash_out")
TEST, PLACEMENT, LAYERING, CASH_OUT = range(4)


@record
@dataclass(slots=True)
class Leg:
    """One edge of a pattern, and how far it has come.

    Attributes:
        payer, payee: positions of roles; CASH or EXIT.
        share: part of the money of its sources, or of the campaign's money if it has none.
        sources: positions of the legs whose money it passes on.
        earliest: microseconds after the campaign's start before which it does not happen.
        stage: position in STAGES.
        single: paid in one piece whatever the amount.
        how: means, chosen when its money is there.
        planned: cents to pay; -1 while the sources are under way.
        moved: cents paid so far.
        left: parts still to pay.
        due: time of the next part, microseconds; -1 for none.
        last: time at which the last part was posted.
        refused: parts that were declined.
        waiting: a part is being decided.
        done: nothing more will be paid.
    """

    payer: int
    payee: int
    share: float = 1.0
    sources: list[int] = field(default_factory=list)
    earliest: int = 0
    stage: int = LAYERING
    single: bool = False
    how: str = ""
    planned: int = -1
    moved: int = 0
    left: int = 1
    due: int = -1
    last: int = 0
    refused: int = 0
    waiting: bool = False
    done: bool = False


@dataclass(slots=True)
class Pattern:
    """A pattern under construction, then complete.

    Attributes:
        roles: INSIDE, ANYWHERE or OUTSIDE of each role.
        legs: edges, each after its sources.
        cents: what is brought in; 0 for an amount drawn from the typology's parameters.
    """

    roles: list[str] = field(default_factory=list)
    legs: list[Leg] = field(default_factory=list)
    cents: int = 0

    def role(self, where: str) -> int:
        """Add an account; return its position."""
        self.roles.append(where)
        return len(self.roles) - 1

    def add(
        self,
        payer: int,
        payee: int,
        share: float = 1.0,
        sources: list[int] | None = None,
        day: float = 0.0,
        stage: int = LAYERING,
        single: bool = False,
    ) -> int:
        """Add a leg; return its position. `day` is the earliest day after the start."""
        self.legs.append(Leg(payer, payee, share, list(sources or []), int(day * DAY), stage, single))
        return len(self.legs) - 1

    def place(self, payee: int, draws: Draws, sources: int = 1, days: float = 0.0, cash: float = 0.25) -> list[int]:
        """Add the legs by which money comes in to a role: from accounts at other banks, or as cash."""
        shares = draws.split(sources)
        legs = []
        for share in shares:
            payer = CASH if draws() < cash else self.role(OUTSIDE)
            legs.append(self.add(payer, payee, share, day=days * draws(), stage=PLACEMENT))
        return legs

    def leave(self, payer: int, sources: list[int], share: float = 1.0) -> int:
        """Add the leg by which a role's money leaves the pattern."""
        return self.add(payer, EXIT, share, sources, stage=CASH_OUT)

    @property
    def inside(self) -> int:
        """Number of accounts that must be customers'."""
        return self.roles.count(INSIDE)


class Draws:
    """The uniforms of a campaign one by one.

    Args:
        world: the underworld.
        campaign: the campaign whose stream is read.
    """

    def __init__(self, world: Underworld, campaign: Campaign) -> None:
        self.world, self.campaign = world, campaign
        self._kept: list[float] = []

    def __call__(self) -> float:
        """Return the next uniform."""
        if not self._kept:
            self._kept = self.world.draw(self.campaign).tolist()
        return self._kept.pop()

    def normal(self) -> float:
        """Return the next standard normal number."""
        return float(to_normal(np.array([self()]))[0])

    def extra(self, mean: float) -> int:
        """Return a geometric number 0, 1, 2, ... with the given mean."""
        return 0 if mean <= 0 else int(np.log(self()) / np.log(mean / (1.0 + mean)))

    def exponential(self, mean: float) -> float:
        """Return an exponential number, at most four times its mean."""
        return min(-float(np.log(self())), 4.0) * mean

    def split(self, count: int) -> list[float]:
        """Return count shares that add up to 1 and differ by a factor of three at most."""
        weights = [0.5 + self() for _ in range(count)]
        return [weight / sum(weights) for weight in weights]

    def pick(self, weights: dict[str, float]) -> str:
        """Return a name by its weight."""
        x, names = self() * sum(weights.values()), list(weights)
        for name in names:
            x -= weights[name]
            if x < 0:
                return name
        return names[-1]
