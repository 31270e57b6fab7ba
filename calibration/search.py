"""The two stages of the fit: over the whole box on a surrogate, then from its optimum with simulations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import least_squares

from finsim.calibration.problem import Problem, Vector
from finsim.calibration.simulations import Simulator
from finsim.calibration.surrogate import BEYOND, Surrogate, design
from finsim.calibration.weighting import Weights

STARTS: Final = 24
"""Points of the box from which the surrogate is searched."""
STEP: Final = 0.1
"""Step of a finite difference on the common scale: on a log scale about a tenth of the value.

Moments are smooth up to single events that begin or cease, so steps are wide enough to move many of them.
"""
TIGHT: Final = 1e-3
"""Relative change of the objective or of the point at which the local stage stops."""

Jacobian = Callable[[Vector], Vector]
"""Derivatives of all moments by the common scale, (m, k), at a point, (k,)."""


@dataclass(frozen=True)
class Found:
    """Where a stage ended.

    Attributes:
        scaled: the point, (k,), on the common scale.
        objective: weighted sum of squared differences there.
        evaluations: how often the objective was asked for.
    """

    scaled: Vector
    objective: float
    evaluations: int


def search_surrogate(problem: Problem, surrogate: Surrogate, weights: Weights, seed: int) -> Found:
    """Return the best point of the box by the surrogate.

    Least squares from the start, and from the best of many points of the box.
    """
    low, high = np.maximum(problem.lower, -BEYOND), np.minimum(problem.upper, BEYOND)
    fitted, targets = problem.fitted, problem.targets

    def residuals(scaled: Vector) -> Vector:
        return weights.residuals((surrogate.moments(scaled) - targets)[fitted])

    def slopes(scaled: Vector) -> Vector:
        return weights.residuals(surrogate.jacobian(scaled)[fitted])

    tried = np.vstack([problem.start, design(problem, 64 * STARTS, seed + 1)])
    values = np.array([float(np.sum(residuals(point) ** 2)) for point in tried])
    starts = [tried[0], *tried[np.argsort(values, kind="stable")[:STARTS]]]
    found = [
        least_squares(residuals, np.clip(start, low + 1e-9, high - 1e-9), slopes, bounds=(low, high))
        for start in starts
    ]
    best = min(found, key=lambda one: float(one.cost))
    return Found(best.x, 2.0 * float(best.cost), len(tried) + sum(int(one.nfev) for one in found))


def search_locally(
    simulator: Simulator,
    problem: Problem,
    weights: Weights,
    start: Vector,
    seeds: tuple[int, ...],
    jacobian: Jacobian,
    most: int,
    told: Callable[[float, Vector], None] | None = None,
) -> Found:
    """Return the optimum near a point by simulations under common random numbers.

    `scipy.optimize.least_squares` (trust region reflective) within the bounds. A point whose values contradict each
    other makes the region shrink.

    Args:
        simulator: gives the moments.
        problem: gives targets and bounds.
        weights: of the fitted moments.
        start: where to begin, (k,).
        seeds: seeds whose moments are averaged, the same at every point.
        jacobian: derivatives of the moments.
        most: evaluations of the objective at most.
        told: called with objective and point of each evaluation.
    """
    fitted, targets = problem.fitted, problem.targets
    low, high = problem.lower, problem.upper

    def residuals(scaled: Vector) -> Vector:
        mean = simulator.moments(scaled, seeds).mean(axis=0)
        gaps = weights.residuals((mean - targets)[fitted])
        if told is not None and np.isfinite(gaps).all():
            told(float(gaps @ gaps), scaled)
        return gaps

    def slopes(scaled: Vector) -> Vector:
        return weights.residuals(jacobian(scaled)[fitted])

    margin = 1e-9 * np.maximum(1.0, high - low)
    begin = np.clip(start, low + margin, high - margin)
    end = least_squares(
        residuals, begin, slopes, bounds=(low, high), ftol=TIGHT, xtol=TIGHT, gtol=1e-8, max_nfev=max(1, most)
    )
    return Found(end.x, 2.0 * float(end.cost), int(end.nfev))


def differences(simulator: Simulator, problem: Problem, seeds: tuple[int, ...], step: float = STEP) -> Jacobian:
    """Return a Jacobian by central differences under common random numbers, all its simulations at once.

    At a bound, or where a point is impossible, the difference is one-sided.

    Args:
        simulator: gives the moments.
        problem: gives the bounds.
        seeds: seeds whose moments are averaged.
        step: step on the common scale.
    """

    def jacobian(scaled: Vector) -> Vector:
        k = len(scaled)
        up = np.minimum(scaled + step, problem.upper) - scaled
        down = np.maximum(scaled - step, problem.lower) - scaled
        points = [scaled + up[j] * np.eye(k)[j] for j in range(k)]
        points += [scaled + down[j] * np.eye(k)[j] for j in range(k)]
        points.append(scaled)
        drawn = simulator.many([(point, seed) for point in points for seed in seeds])
        moments = drawn.reshape(len(points), len(seeds), -1).mean(axis=1)
        columns = []
        for j in range(k):
            ends = [(up[j], moments[j]), (down[j], moments[k + j]), (0.0, moments[-1])]
            usable = [end for end in ends if np.isfinite(end[1]).all()]
            first, last = max(usable, key=lambda end: end[0]), min(usable, key=lambda end: end[0])
            width = first[0] - last[0]
            columns.append((first[1] - last[1]) / width if width > 0 else np.zeros_like(moments[-1]))
        return np.array(columns).T

    return jacobian
