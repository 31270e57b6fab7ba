"""Care: how well thieves imitate their victims, how long they wait and how thinly they spread what they do.

`fraud.difficulty` moves the care of all of them, and nothing else: labels, controls and the number of campaigns stay.
Campaigns differ around it in style, hurried, usual or patient, and those with bought card details in pace too: a card
is used up at once, over some days, or over a week. Rings learn which style and which pace pay: where a bank's rules
or model stop bursts, more of them take their time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

USUAL: Final = 0.5
"""The care at which each way is as its own parameter or constant says."""


@dataclass(frozen=True)
class Manner:
    """One side of how a campaign works; rings learn which value pays, typology by typology.

    Args:
        name: what it is called.
        values: what it may be.
        usual: share of campaigns with each value before rings know better.
        readiness: power of the belief in a value, beside that in any other option.
    """

    name: str
    values: tuple[float, ...]
    usual: tuple[float, ...]
    readiness: float

    def of(self, typology: str) -> str:
        """Return the name of the choice in a typology: what is let through of one says little about another."""
        return f"{self.name} of {typology}"


STYLE: Final = Manner("style", values=(-0.1, 0.0, 0.1), usual=(0.4, 0.37, 0.23), readiness=1.5)
"""What a campaign adds to the difficulty: hurried, usual, patient; nobody is beyond 0 or 1 (assumption: who does not
know the controls yet hurries; a crew changes how it works sooner than what it does)."""

PACE: Final = Manner("pace", values=(0.7, 4.0, 14.0), usual=(0.6, 0.2, 0.2), readiness=3.0)
"""What a campaign makes of the pauses between purchases on a card: all at once, a few a day, one a day (assumption:
most cards are used up before they are blocked; who waits looks like the cardholder; to wait takes no skill, so it
changes first)."""


class Care:
    """How careful thieves are.

    Args:
        level: from 0, careless, to 1, careful; what lies beyond counts as the end.
    """

    def __init__(self, level: float) -> None:
        self.level = min(max(level, 0.0), 1.0)

    def between(self, careless: float, usual: float, careful: float) -> float:
        """Return a value that is careless at 0, usual at 0.5 and careful at 1, in a straight line between them."""
        if self.level <= USUAL:
            return careless + (usual - careless) * self.level / USUAL
        return usual + (careful - usual) * (self.level - USUAL) / (1.0 - USUAL)
