"""What several targets of one set say together: nothing twice, no contradiction, no share beside its complement."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from finsim.calibration.registry import find
from finsim.errors import FinsimError

if TYPE_CHECKING:
    from finsim.calibration.target_sets import Target

APART: Final = 2.0
"""Combined standard errors by which two figures of one thing may differ."""


class TargetError(FinsimError):
    """A set of targets cannot be loaded, or something in it is not allowed."""


def check_targets(targets: Sequence[Target], label: str) -> None:
    """Refuse targets that cannot stand side by side.

    Args:
        targets: every target of a set.
        label: how messages begin.

    Raises:
        TargetError: an id comes twice, two figures contradict each other, or shares make up a whole.
    """
    seen: dict[str, Target] = {}
    same: dict[tuple[str, tuple[tuple[str, object], ...]], Target] = {}
    for one in targets:
        if one.id in seen:
            raise TargetError(f"{label}: {one.id} is given twice; give one of the two an id of its own")
        seen[one.id] = one
        key = (one.moment, tuple(one.arguments.items()))
        if key in same:
            _compare(same[key], one, label)
        same[key] = one
    _check_wholes(targets, label)


def _compare(first: Target, second: Target, label: str) -> None:
    """Refuse two figures of one moment: they contradict each other, or one of them is enough."""
    apart = abs(first.value - second.value)
    both = f"{first.id} says {first.value:g} and {second.id} says {second.value:g} {second.unit} for {first.call}"
    if apart > APART * math.hypot(first.standard_error, second.standard_error):
        raise TargetError(f"{label}: contradictory figures: {both}, further apart than their errors; choose one")
    raise TargetError(f"{label}: {both}: the same moment twice; choose one")


def _check_wholes(targets: Sequence[Target], label: str) -> None:
    """Refuse shares that add up to 1: the last of them follows from the others and would count twice."""
    groups: dict[tuple[str, tuple[str, ...], tuple[object, ...]], list[Target]] = defaultdict(list)
    for one in targets:
        names = tuple(sorted(one.arguments))
        # Every argument in turn may be the one that changes within a whole; bands change by both of their ends.
        for changing in [(name,) for name in names] + [("low", "high")]:
            rest = tuple((name, value) for name, value in one.arguments.items() if name not in changing)
            if len(rest) < len(names):
                groups[one.moment, changing, rest].append(one)
    for (moment, _, _), some in groups.items():
        if len(some) > 1 and find(moment, label).whole([one.arguments for one in some]):
            names_ = ", ".join(one.id for one in some)
            raise TargetError(
                f"{label}: {names_} add up to the whole, so the last follows from the others; leave one out"
            )
