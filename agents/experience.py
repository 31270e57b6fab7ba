"""What rings know about what pays: a bandit's arms, the rumours about them, and what used to be usual.

An arm is an option of a choice, for example (institution, 2). Each keeps how much was tried and what it yielded,
against what the typology used to yield, so that 1 means "as usual" whatever is tried. Experience fades, so that
an option that was given up is looked at again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from finsim.state import record

OWN_PRIOR, RUMOUR_PRIOR = 6.0, 10.0
"""Weight of what others say against own tries, and of "as usual" among what is said (assumption: a handful of tries
convince a crew, a dozen the market)."""
USUAL_TRIES = 150.0
"""Tries of the whole market after which a typology's usual yield stands (assumption: what crews grew up with)."""
USUAL_YIELD, USUAL_WEIGHT = 0.6, 6.0
"""What is expected of a typology that nobody has tried yet, and its weight (assumption)."""
FADE = 0.94
"""Share of experience that is left after a day: half of it in eleven days (assumption: reactions to a change of control
take 3 to 21 days)."""
FORGOTTEN = 0.01


@record
@dataclass(slots=True)
class Experience:
    """Tries and yields by arm.

    Attributes:
        arms: tries and yield, both in units of the typology's usual attempt, by "choice/option".
    """

    arms: dict[str, list[float]] = field(default_factory=dict)

    def learn(self, arm: str, tried: float, gained: float) -> None:
        """Add a try and its yield; a loss that comes later is a yield below 0 without a try."""
        known = self.arms.setdefault(arm, [0.0, 0.0])
        known[0] += tried
        known[1] += gained

    def fade(self) -> None:
        """Forget a part of everything, at midnight."""
        for known in self.arms.values():
            known[0] *= FADE
            known[1] *= FADE
        self.arms = {
            arm: known for arm, known in self.arms.items() if known[0] > FORGOTTEN or abs(known[1]) > FORGOTTEN
        }

    def mean(self, arm: str, prior: float, weight: float) -> float:
        """Return an arm's yield per try, at least 0, where a prior counts as weight tries."""
        tried, gained = self.arms.get(arm, (0.0, 0.0))
        return max(gained + weight * prior, 0.0) / (tried + weight)

    def overall(self) -> float:
        """Return the yield per try over all typologies; 1 without experience."""
        known = [pair for arm, pair in self.arms.items() if arm.startswith("typology/")]
        return (sum(pair[1] for pair in known) + OWN_PRIOR) / (sum(pair[0] for pair in known) + OWN_PRIOR)

    def adopt(self, other: Experience, share: float, noise: dict[str, float]) -> None:
        """Replace a share of this experience by another's, as well as it is understood.

        Args:
            other: whose experience is copied.
            share: between 0 and 1.
            noise: factor by which each arm's yield is misread.
        """
        for arm in [*self.arms, *(arm for arm in other.arms if arm not in self.arms)]:
            known, seen = self.arms.setdefault(arm, [0.0, 0.0]), other.arms.get(arm, [0.0, 0.0])
            known[0] += share * (seen[0] - known[0])
            known[1] += share * (seen[1] * noise.get(arm, 1.0) - known[1])


@record
@dataclass(slots=True)
class Usual:
    """What attempts of each typology used to be worth, to yield and to cost, over all rings, until enough was tried.

    Attributes:
        attempts: number, cents, and what was tried, gained and paid for it in units of the usual attempt, by typology.
    """

    attempts: dict[str, list[float]] = field(default_factory=dict)

    def _known(self, typology: str) -> list[float]:
        return self.attempts.get(typology, [0.0] * 5)

    def value(self, typology: str, cents: int) -> float:
        """Return an amount against the typology's usual one, between 0.2 and 5: a single windfall teaches little."""
        number, total = self._known(typology)[:2]
        return min(max(cents * number / total, 0.2), 5.0) if total > 0 else 1.0

    def rate(self, typology: str) -> float:
        """Return which part of what is tried the typology usually yields, above 0."""
        _, _, tried, gained, _ = self._known(typology)
        return max((gained + USUAL_YIELD * USUAL_WEIGHT) / (tried + USUAL_WEIGHT), 0.02)

    def profit(self, typology: str) -> float:
        """Return `rate` less what is paid for it, above 0."""
        _, _, tried, gained, paid = self._known(typology)
        return max((gained - paid + USUAL_YIELD * USUAL_WEIGHT) / (tried + USUAL_WEIGHT), 0.02)

    def cost(self, typology: str, cents: int) -> float:
        """Return a price against what a typology's usual attempt is worth; 0 while that is unknown."""
        number, total = self._known(typology)[:2]
        return cents * number / total if total > 0 else 0.0

    def spend(self, typology: str, cost: float) -> None:
        """Count a price as `cost` gave it while the usual yield is not settled."""
        known = self.attempts.setdefault(typology, [0.0] * 5)
        if known[0] < USUAL_TRIES:
            known[4] += cost

    def see(self, typology: str, cents: int, success: bool) -> None:
        """Count an attempt while the usual yield is not settled."""
        known = self.attempts.setdefault(typology, [0.0] * 5)
        if known[0] < USUAL_TRIES:
            known[0] += 1.0
            known[1] += cents
            value = self.value(typology, cents)
            known[2] += value
            known[3] += value * success
