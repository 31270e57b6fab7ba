"""Moments by name: numbers computed from a data set that have a published counterpart.

A moment is one documented function from a view of the data (see `frames`) to a Polars expression. What it is called
with is declared here, so that a file of targets can be checked without loading Polars.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from finsim.errors import FinsimError, did_you_mean

Arguments = Mapping[str, Any]
Choices = tuple[str, ...]
Allowed = Choices | range | None

MONEY: Final = "USD"
"""Unit of every amount: the one currency of accounts."""


class MomentError(FinsimError):
    """A moment is unknown, or called with an argument that it does not have."""


@dataclass(frozen=True)
class Moment:
    """One moment.

    Attributes:
        name: name of its function.
        view: name of the view of the data that it reads.
        unit: unit of the number.
        doc: meaning, one line.
        arguments: allowed values of each argument; a range for whole numbers of it, None for any number.
        needed: arguments that must be given.
        function: called with the view and the arguments, returns a Polars expression.
        whole: told the arguments of several targets of this moment, says whether their values must add up to 1.
    """

    name: str
    view: str
    unit: str
    doc: str
    arguments: Mapping[str, Allowed]
    needed: Choices
    function: Callable[..., Any]
    whole: Callable[[Sequence[Arguments]], bool]

    def check(self, arguments: Arguments, where: str) -> dict[str, Any]:
        """Return the arguments as the function takes them.

        Args:
            arguments: what a target gives.
            where: how a message begins.

        Raises:
            MomentError: an argument is unknown, missing or not allowed.
        """
        out: dict[str, Any] = {}
        for name, value in arguments.items():
            if name not in self.arguments:
                hint = did_you_mean(str(name), self.arguments)
                raise MomentError(f"{where}: moment {self.name} has no argument {name!r}{hint}")
            out[name] = _value(value, self.arguments[name], f"{where}: {self.name}({name})")
        missing = [name for name in self.needed if name not in out]
        if missing:
            raise MomentError(f"{where}: moment {self.name} needs the argument {missing[0]!r}")
        return dict(sorted(out.items()))


_MOMENTS: dict[str, Moment] = {}


def never(arguments: Sequence[Arguments]) -> bool:
    """Say that no targets of a moment make up a whole."""
    del arguments
    return False


def moment(
    view: str,
    unit: str,
    arguments: Mapping[str, Allowed] | None = None,
    *,
    needed: Choices = (),
    whole: Callable[[Sequence[Arguments]], bool] = never,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function as the moment of its name.

    Args:
        view: name of the view of the data that it reads, one of `frames.VIEWS`.
        unit: unit of the number.
        arguments: allowed values of each argument; a range for whole numbers of it, None for any number.
        needed: arguments that must be given.
        whole: told the arguments of several targets, says whether their values must add up to 1.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        name, doc = function.__name__, (function.__doc__ or "").strip().partition("\n")[0]
        if name in _MOMENTS:
            raise ValueError(f"moment {name} is registered twice")
        if not doc:
            raise ValueError(f"moment {name} needs a doc")
        _MOMENTS[name] = Moment(name, view, unit, doc, dict(arguments or {}), needed, function, whole)
        return function

    return register


def moments() -> dict[str, Moment]:
    """Return every moment by name."""
    import finsim.calibration.moments
    import finsim.calibration.moments_euro
    import finsim.calibration.moments_mobile  # noqa: F401 - all register them

    return dict(_MOMENTS)


def find(name: str, where: str) -> Moment:
    """Return a moment.

    Args:
        name: its name.
        where: how a message begins.

    Raises:
        MomentError: there is none of that name.
    """
    known = moments()
    if name not in known:
        raise MomentError(f"{where}: unknown moment {name!r}{did_you_mean(str(name), known)}")
    return known[name]


def _value(value: Any, allowed: Allowed, where: str) -> Any:
    if allowed is None or isinstance(allowed, range):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
            raise MomentError(f"{where}: must be a number, not {value!r}")
        if allowed is not None and value not in allowed:
            raise MomentError(f"{where}: must be a whole number from {allowed[0]} to {allowed[-1]}, not {value!r}")
        return float(value)
    if value not in allowed:
        raise MomentError(f"{where}: unknown value {value!r}{did_you_mean(str(value), allowed)}")
    return value
