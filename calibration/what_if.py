"""What would change if a published figure were another one: foreseen from derivatives, then fitted again."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from finsim.calibration.estimation import Estimate, Told, estimate
from finsim.calibration.problem import CalibrationError, Problem
from finsim.calibration.simulations import Simulator
from finsim.errors import did_you_mean

_CHANGE = re.compile(r"^(?P<target>.+?)=(?P<value>[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*(?P<percent>%?)$")


@dataclass(frozen=True)
class WhatIf:
    """A fit to other figures beside the fit to the published ones.

    Attributes:
        target: id of the figure that was changed.
        published: what it is.
        changed: what it was taken for.
        foreseen: movement of each parameter by the influence matrix (Andrews, Gentzkow and Shapiro 2017), in its unit.
        fit: the estimate for the changed figure.
        base: the estimate for the published one.
    """

    target: str
    published: float
    changed: float
    foreseen: dict[str, float]
    fit: Estimate
    base: Estimate

    @property
    def moved(self) -> dict[str, float]:
        """Movement of each parameter, in standard errors of the base fit."""
        errors = self.base.inference.scaled_errors
        moved = (self.fit.scaled - self.base.scaled) / errors
        return dict(zip(self.base.problem.keys, map(float, moved), strict=True))

    @property
    def followed(self) -> float:
        """Share of the figure's change that the simulated moment made too."""
        place = self.base.problem.ids.index(self.target)
        return float((self.fit.after[place] - self.base.after[place]) / (self.changed - self.published))

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        place = self.base.problem.ids.index(self.target)
        old, new = self.base.values, self.fit.values
        return {
            "target": self.target,
            "published": self.published,
            "changed": self.changed,
            "simulated_before": float(self.base.after[place]),
            "simulated_after": float(self.fit.after[place]),
            "followed": self.followed,
            "parameters": [
                {
                    "key": key,
                    "estimate": old[key],
                    "foreseen": old[key] + self.foreseen[key],
                    "refitted": new[key],
                    "standard_errors": self.moved[key],
                }
                for key in sorted(old, key=lambda key: -abs(self.moved[key]))
            ],
        }


def parse_changes(texts: Sequence[str], problem: Problem) -> dict[str, float]:
    """Return changed figures by target from texts such as `TARGET=+20%` or `TARGET=0.4`.

    Raises:
        CalibrationError: a text has another form, or names no fitted target.
    """
    fitted = {problem.ids[place]: problem.moments[place].value for place in problem.fitted}
    changes: dict[str, float] = {}
    for text in texts:
        match = _CHANGE.match(text.strip())
        if match is None:
            raise CalibrationError(f"what-if {text!r} must have the form TARGET=+20% or TARGET=VALUE")
        name, value = match["target"].strip(), float(match["value"])
        if name not in fitted:
            raise CalibrationError(f"what-if {text!r}: {name!r} is no fitted target{did_you_mean(name, fitted)}")
        new = fitted[name] * (1.0 + value / 100.0) if match["percent"] else value
        if new == fitted[name]:
            raise CalibrationError(f"what-if {text!r} changes nothing: {name} is {fitted[name]:g}")
        if not math.isfinite(new):
            raise CalibrationError(f"what-if {text!r}: {new} is no figure")
        if new == 0 or (new < 0) != (fitted[name] < 0):
            raise CalibrationError(f"what-if {text!r}: a figure of {fitted[name]:g} cannot become {new:g}")
        if name in changes:
            raise CalibrationError(f"what-if for {name} is given twice")
        changes[name] = new
    return changes


def what_if(base: Estimate, simulator: Simulator, target: str, value: float, told: Told | None = None) -> WhatIf:
    """Fit again with one figure changed.

    Args:
        base: the fit to the published figures.
        simulator: simulates the problem; what it has kept serves here too.
        target: id of the figure.
        value: what it is taken for.
        told: called with the progress.
    """
    problem = base.problem.with_targets({target: value})
    place = problem.ids.index(target)
    fitted_place = int(np.flatnonzero(problem.fitted == place)[0])
    published = base.problem.moments[place].value
    moved = base.scaled + base.inference.influence[:, fitted_place] * (value - published)
    moved = np.clip(moved, problem.lower, problem.upper)
    old, new = base.values, problem.values(moved)
    fit = estimate(problem, simulator, told=told, start_from=base)
    return WhatIf(target, published, value, {key: new[key] - old[key] for key in old}, fit, base)
