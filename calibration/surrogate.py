"""A surrogate of the simulator: every moment as a ridge-regularised quadratic of the parameters.

The global search needs some thousand evaluations of the objective, a simulation takes seconds: so the moments are
simulated on a space-filling design once, and the search goes over what was fitted to them. Targets play no part in
it, so one design serves every fit of the same scenario, and the posterior.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from finsim.calibration.problem import CalibrationError, Problem, Vector
from finsim.calibration.weighting import shrunk_covariance

RIDGES: Final = np.logspace(-4, 5, 19)
"""Penalties of squares and products among which leave-one-out prediction chooses."""
BEYOND: Final = 1.5
"""Half width of the box, on the common scale, in which a surrogate is asked; the design covers 1."""


def design(problem: Problem, count: int, seed: int) -> Vector:
    """Return points that fill the box of the search evenly, (count, k), on the common scale.

    Scrambled Sobol points (Owen 1998); the box reaches 1 from the start in each direction, or to the bounds.
    """
    sampler = qmc.Sobol(len(problem.parameters), scramble=True, rng=np.random.default_rng([seed, 1]))
    unit = sampler.random_base2(max(1, int(np.ceil(np.log2(count)))))[:count]
    low, high = np.maximum(problem.lower, -1.0), np.minimum(problem.upper, 1.0)
    return np.asarray(low + (high - low) * unit)


@dataclass(frozen=True)
class Surrogate:
    """Moments as functions of a point on the common scale.

    Attributes:
        coefficients: (terms, m), of 1, z, z squared and products.
        logged: (m,), whether the log of the moment was fitted.
        covariance: (m, m), of what the surrogate leaves of one simulation, seeds' noise and lack of fit together.
        roughness: (m,), root mean squared leave-one-out error of each moment.
    """

    coefficients: Vector
    logged: NDArray[np.bool_]
    covariance: Vector
    roughness: Vector

    def moments(self, scaled: Vector) -> Vector:
        """Return predicted moments, (m,) of a point (k,) or (n, m) of points (n, k)."""
        predicted = _terms(np.atleast_2d(scaled)) @ self.coefficients
        predicted[:, self.logged] = np.exp(np.minimum(predicted[:, self.logged], 300.0))
        return predicted if np.ndim(scaled) > 1 else predicted[0]

    def jacobian(self, scaled: Vector) -> Vector:
        """Return derivatives of the moments by the common scale at a point (k,), (m, k)."""
        slopes = (_term_slopes(scaled) @ self.coefficients).T
        slopes[self.logged] *= self.moments(scaled)[self.logged, None]
        return np.asarray(slopes)


def fit_surrogate(scaled: Vector, moments: Vector) -> Surrogate:
    """Fit a surrogate to simulations.

    Args:
        scaled: points, (n, k).
        moments: what they gave, (n, m); rows with a number that is not finite are left out.

    Raises:
        CalibrationError: fewer points than a linear fit needs can be used.
    """
    usable = np.flatnonzero(np.isfinite(moments).all(axis=1))
    asked = len(scaled)
    scaled, moments = scaled[usable], moments[usable]
    count, parameters = scaled.shape
    if count < parameters + 3:
        raise CalibrationError(
            f"only {count} of {asked} simulations of the design can be used, but {parameters} parameters need "
            f"{parameters + 3} at least; raise the budget"
        )
    terms = _terms(scaled)
    plain, plain_error, plain_residuals = _ridge(terms, moments, parameters)
    logged = np.asarray(np.all(moments > 0, axis=0))
    coefficients, residuals = plain.copy(), plain_residuals.copy()
    if logged.any():
        logs, _, log_residuals = _ridge(terms, np.log(moments[:, logged]), parameters)
        # A log that was mispredicted by r is a moment mispredicted by the factor exp(-r).
        back = moments[:, logged] * -np.expm1(-np.clip(log_residuals, -50.0, 50.0))
        better = np.mean(back**2, axis=0) < plain_error[logged]
        places = np.flatnonzero(logged)[better]
        coefficients[:, places], residuals[:, places] = logs[:, better], back[:, better]
        logged = np.isin(np.arange(moments.shape[1]), places)
    covariance = shrunk_covariance(residuals)
    return Surrogate(coefficients, logged, covariance, np.sqrt(np.diag(covariance)))


def _ridge(terms: Vector, outcomes: Vector, parameters: int) -> tuple[Vector, Vector, Vector]:
    """Return coefficients, mean squared leave-one-out errors and leave-one-out residuals of each outcome.

    1 and the linear terms are not penalised; the penalty of the rest is chosen for each outcome by leave-one-out
    prediction, which a linear smoother gives in closed form.
    """
    count = len(terms)
    plain, curved = terms[:, : 1 + parameters], terms[:, 1 + parameters :]
    q, r = np.linalg.qr(plain)
    curved_rest, rest = curved - q @ (q.T @ curved), outcomes - q @ (q.T @ outcomes)
    u, s, vt = np.linalg.svd(curved_rest, full_matrices=False)
    projected, base = u.T @ rest, (q**2).sum(axis=1)
    best = np.full(outcomes.shape[1], np.inf)
    inner, left = np.zeros((curved.shape[1], outcomes.shape[1])), np.zeros_like(outcomes)
    for ridge in RIDGES * count / 100.0:
        share = s**2 / (s**2 + ridge)
        leverage = np.minimum(base + (u**2) @ share, 1.0 - 1e-9)
        residuals = (rest - u @ (share[:, None] * projected)) / (1.0 - leverage)[:, None]
        error = np.mean(residuals**2, axis=0)
        won = error < best
        best[won], left[:, won] = error[won], residuals[:, won]
        inner[:, won] = (vt.T @ ((s / (s**2 + ridge))[:, None] * projected))[:, won]
    outer = np.linalg.solve(r, q.T @ (outcomes - curved @ inner))
    return np.vstack([outer, inner]), best, left


def _pairs(parameters: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    first, second = np.triu_indices(parameters)
    return first.astype(np.int64), second.astype(np.int64)


def _terms(scaled: Vector) -> Vector:
    """Return 1, z, and products z_i z_j with i <= j of points, (n, terms); squares are centred at a third."""
    first, second = _pairs(scaled.shape[1])
    products = scaled[:, first] * scaled[:, second] - np.where(first == second, 1.0 / 3.0, 0.0)
    return np.hstack([np.ones((len(scaled), 1)), scaled, products])


def _term_slopes(scaled: Vector) -> Vector:
    """Return derivatives of the terms by each coordinate at a point (k,), (k, terms)."""
    k = len(scaled)
    first, second = _pairs(k)
    slopes = np.zeros((k, len(first)))
    columns = np.arange(len(first))
    slopes[first, columns] += scaled[second]
    slopes[second, columns] += scaled[first]
    return np.hstack([np.zeros((k, 1)), np.eye(k), slopes])
