"""What several targets of one set say together: nothing twice, no contradiction, no share beside its complement."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from finsim.calibration.registry import find, never
from finsim.calibration.words import MEANS_GROUPS
from finsim.errors import FinsimError

if TYPE_CHECKING:
    from finsim.calibration.target_sets import Target

APART: Final = 2.0
"""Combined standard errors by which two figures of one thing may differ."""
PARTS: Final = ("means", "place", "weekday", "kind", "hour", "period", "instrument", "use")
"""Arguments whose values part what is counted: no payment is in two of them."""


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
        key = (one.moment, tuple(one.arguments.items()))
        if key in same:
            _compare(same[key], one, label)
        if one.id in seen:
            raise TargetError(f"{label}: {one.id} is given twice; give one of the two an id of its own")
        seen[one.id], same[key] = one, one
    _check_wholes(targets, label)


def _compare(first: Target, second: Target, label: str) -> None:
    """Refuse two figures of one moment: they contradict each other, or one of them is enough."""
    apart = abs(first.value - second.value)
    both = f"{first.id} says {first.value:g} and {second.id} says {second.value:g} {second.unit} for {first.call}"
    if apart > APART * math.hypot(first.standard_error, second.standard_error):
        raise TargetError(f"{label}: contradictory figures: {both}, further apart than their errors; choose one")
    raise TargetError(f"{label}: {both}: the same moment twice; choose one")


def _check_sum(some: Sequence[Target], changing: tuple[str, ...], label: str, names: str, *, whole: bool) -> None:
    """Refuse shares of one thing that add up to more than all of it, or to another number where they are all of it."""
    if some[0].unit != "share" or not (whole or _apart(some, changing)):
        return
    total = sum(one.value for one in some)
    error = APART * math.sqrt(sum(one.standard_error**2 for one in some))
    if total - 1.0 > error or (whole and 1.0 - total > error):
        raise TargetError(
            f"{label}: contradictory figures: {names} are shares of one whole and add up to {total:g}, further from 1 "
            "than their errors; choose among them"
        )


def _apart(some: Sequence[Target], changing: tuple[str, ...]) -> bool:
    """Say whether no payment is in two of these shares."""
    if len(changing) > 1 or changing[0] not in PARTS:
        return False
    parts = [
        part for one in some for part in MEANS_GROUPS.get(one.arguments[changing[0]], (one.arguments[changing[0]],))
    ]
    return len(parts) == len(set(parts))


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
    for (moment, argument, _), some in groups.items():
        if len(some) < 2:
            continue
        names_ = ", ".join(one.id for one in some)
        known = find(moment, label)
        whole = known.whole([one.arguments for one in some])
        if known.whole is not never:  # shares of one thing by what it is, not shares of several things
            _check_sum(some, argument, label, names_, whole=whole)
        if whole:
            raise TargetError(
                f"{label}: {names_} add up to the whole, so the last follows from the others; leave one out"
            )
