"""A calibration problem: which parameters are free, which moments they should meet, and the simulator between them.

Estimators see parameters only on a common scale: 0 is where the search starts, 1 is half the width that it covers,
whatever the unit of a parameter. The scale is linear in the parameter, its logarithm or its log-odds, as the schema
of the scenario declares; so are the bounds.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from finsim.errors import FinsimError, did_you_mean
from finsim.parameters.fields import Transform

Vector = NDArray[np.float64]
Role = Literal["fit", "hold_out"]
Simulate = Callable[[Mapping[str, float], int], Vector]
"""Values by dotted key and a seed give all moments of a problem, (m,) float64, in their order."""

REACH: Final = math.log(3.0)
"""Half the width of the search for a parameter on the log or log-odds scale: a third to three times its start."""
LINEAR_REACH: Final = 0.6
"""Half the width of the search for a parameter on the linear scale, in its start value."""
EDGE: Final = 1e-6
"""Distance from 0 or from a bound, as a share, at which a log or log-odds scale ends."""


class CalibrationError(FinsimError):
    """A calibration cannot be carried out as it was asked for."""


@dataclass(frozen=True)
class FreeParameter:
    """A parameter that calibration may move.

    Attributes:
        key: dotted key in the scenario.
        start: where the search begins.
        low, high: bounds; estimates never leave them.
        transform: scale on which the parameter is moved.
        unit: unit of the value.
        doc: meaning.
        reach: half the width of the search on the transformed scale.
    """

    key: str
    start: float
    low: float
    high: float
    transform: Transform = "none"
    unit: str = ""
    doc: str = ""
    reach: float = 0.0

    def __post_init__(self) -> None:
        """Refuse bounds and starts that do not fit together, and settle the reach of the search."""
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise CalibrationError(f"{self.key} cannot be calibrated: it has no finite bounds")
        if not self.low <= self.start <= self.high:
            raise CalibrationError(f"{self.key} = {self.start:g} lies outside of {self.low:g} to {self.high:g}")
        if self.transform == "log" and self.start <= 0:
            raise CalibrationError(f"{self.key} = {self.start:g} cannot be calibrated on a log scale: start above 0")
        if self.reach <= 0:
            linear = LINEAR_REACH * abs(self.start) or 0.1 * (self.high - self.low)
            start = self._move(self.start)
            room = max(start - self._move(self.low), self._move(self.high) - start)
            object.__setattr__(self, "reach", min(room, linear if self.transform == "none" else REACH))

    def scaled(self, value: float) -> float:
        """Return a value on the common scale, where the start is 0 and the reach 1."""
        return (self._move(value) - self._move(self.start)) / self.reach

    def value(self, scaled: float) -> float:
        """Return the value at a point of the common scale, never outside of the bounds."""
        moved = self._move(self.start) + scaled * self.reach
        if self.transform == "log":
            value = math.exp(min(moved, 700.0))
        elif self.transform == "logit":
            value = self.low + (self.high - self.low) / (1.0 + math.exp(-min(max(moved, -700.0), 700.0)))
        else:
            value = moved
        return min(max(value, self.low), self.high)

    def slope(self, scaled: float) -> float:
        """Return the derivative of the value by the common scale."""
        value = self.value(scaled)
        if self.transform == "log":
            return value * self.reach
        if self.transform == "logit":
            share = (value - self.low) / (self.high - self.low)
            return (self.high - self.low) * share * (1.0 - share) * self.reach
        return self.reach

    @property
    def bounds(self) -> tuple[float, float]:
        """Bounds on the common scale; a log scale that begins at 0 ends at a millionth of the start."""
        return self.scaled(self.low), self.scaled(self.high)

    def _move(self, value: float) -> float:
        if self.transform == "log":
            return math.log(max(value, self.start * EDGE, self.low))
        if self.transform == "logit":
            share = min(max((value - self.low) / (self.high - self.low), EDGE), 1.0 - EDGE)
            return math.log(share / (1.0 - share))
        return value


@dataclass(frozen=True)
class Moment:
    """A number that a simulation gives, and the published one that it should meet.

    Attributes:
        id: name of the target.
        value: published figure.
        standard_error: standard error of the figure, or the half width of its tolerance; 0 if only simulations vary.
        role: `fit`, or `hold_out` for figures that only judge the fit.
        weight: multiplies the weight that the standard error gives.
        low, high: published range, where there is one.
        unit: unit of the figure.
        citation: where it was published.
    """

    id: str
    value: float
    standard_error: float
    role: Role = "fit"
    weight: float = 1.0
    low: float | None = None
    high: float | None = None
    unit: str = ""
    citation: str = ""

    def error(self, simulated: float) -> float:
        """Return how far a simulated number lies from the published one, as a share of it; 0 within its range."""
        if self.low is not None and self.high is not None and self.low <= simulated <= self.high:
            return 0.0
        gap = abs(simulated - self.value)
        return gap / abs(self.value) if self.value else (0.0 if gap == 0 else math.inf)


@dataclass(frozen=True)
class Problem:
    """What is to be calibrated.

    Attributes:
        name: name of the target set.
        parameters: what may be moved.
        moments: what a simulation gives, in order, and what it should be.
        simulate: the simulator; picklable, and the same result for the same values and seed.
        simulation_id: identifies what is simulated, apart from values and seed; targets and their errors are no part.
        sampled: the targets are this many times one simulation's sampling variance uncertain, besides their standard
            errors: 0 for published figures, 1 if they were computed from a data set of the simulated size.
    """

    name: str
    parameters: tuple[FreeParameter, ...]
    moments: tuple[Moment, ...]
    simulate: Simulate
    simulation_id: str
    sampled: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be estimated at all."""
        if not self.parameters:
            raise CalibrationError(f"{self.name}: no parameter is free")
        if len({p.key for p in self.parameters}) < len(self.parameters):
            raise CalibrationError(f"{self.name}: a free parameter is named twice")
        if len(self.fitted) < len(self.parameters):
            raise CalibrationError(
                f"{self.name}: {len(self.parameters)} free parameters need as many fitted targets, "
                f"but there are {len(self.fitted)}"
            )

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Dotted keys of the free parameters."""
        return tuple(p.key for p in self.parameters)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Ids of all moments."""
        return tuple(m.id for m in self.moments)

    @cached_property
    def targets(self) -> Vector:
        """Published figures, (m,)."""
        return np.array([m.value for m in self.moments])

    @cached_property
    def fitted(self) -> NDArray[np.int64]:
        """Positions of the moments that are fitted."""
        return np.flatnonzero([m.role == "fit" for m in self.moments])

    @cached_property
    def lower(self) -> Vector:
        """Lower bounds on the common scale, (k,)."""
        return np.array([p.bounds[0] for p in self.parameters])

    @cached_property
    def upper(self) -> Vector:
        """Upper bounds on the common scale, (k,)."""
        return np.array([p.bounds[1] for p in self.parameters])

    @property
    def start(self) -> Vector:
        """Where the search begins, on the common scale: zeros, (k,)."""
        return np.zeros(len(self.parameters))

    def values(self, scaled: Sequence[float] | Vector) -> dict[str, float]:
        """Return values by dotted key of a point on the common scale, (k,)."""
        return {p.key: p.value(float(z)) for p, z in zip(self.parameters, scaled, strict=True)}

    def scaled(self, values: Mapping[str, float]) -> Vector:
        """Return the point on the common scale, (k,), of values by dotted key."""
        return np.array([p.scaled(values[p.key]) for p in self.parameters])

    def slopes(self, scaled: Vector) -> Vector:
        """Return derivatives of the values by the common scale, (k,)."""
        return np.array([p.slope(float(z)) for p, z in zip(self.parameters, scaled, strict=True)])

    def with_targets(self, values: Mapping[str, float]) -> Problem:
        """Return the problem with other figures for some moments; simulations of one serve the other.

        Raises:
            CalibrationError: there is no such target.
        """
        unknown = [name for name in values if name not in self.ids]
        if unknown:
            raise CalibrationError(f"{self.name} has no target {unknown[0]!r}{did_you_mean(unknown[0], self.ids)}")
        moments = tuple(_moved(m, values[m.id]) if m.id in values else m for m in self.moments)
        return replace(self, moments=moments)

    @property
    def target_hash(self) -> str:
        """Hex digest of the targets, their errors and roles."""
        rows = [(m.id, m.value, m.standard_error, m.role, m.weight, m.low, m.high) for m in self.moments]
        return hashlib.sha256(json.dumps([rows, self.sampled]).encode()).hexdigest()


def _moved(moment: Moment, value: float) -> Moment:
    """Return a moment with another figure, its range and error moved along in proportion."""
    ratio = value / moment.value if moment.value else 1.0
    low, high = (None if bound is None else bound * ratio for bound in (moment.low, moment.high))
    return replace(moment, value=value, low=low, high=high, standard_error=moment.standard_error * abs(ratio))
