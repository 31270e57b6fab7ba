"""How much each moment counts: covariances of what may differ between published and simulated figures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from finsim.calibration.problem import CalibrationError, Problem, Vector


def shrunk_covariance(samples: Vector, toward: Vector | None = None) -> Vector:
    """Return the covariance of samples, (n, m), with correlations shrunk towards others, (m, m).

    Few replicates of many moments give correlations that are mostly noise and a matrix without an inverse. Their
    intensity of shrinkage follows from the variance of the correlations themselves (Schaefer and Strimmer 2005).

    Args:
        samples: moments of replicates.
        toward: a covariance whose correlations are nearer to the truth than none, (m, m); None shrinks towards 0.
    """
    count = len(samples)
    centred = samples - samples.mean(axis=0)
    spread = centred.std(axis=0, ddof=1)
    standard = centred / np.where(spread > 0, spread, 1.0)
    correlation = standard.T @ standard / (count - 1)
    products_squared = (standard**2).T @ (standard**2) / count
    mean_products = standard.T @ standard / count
    variance = (products_squared - mean_products**2) * count / (count - 1) ** 2
    aim = np.eye(len(correlation)) if toward is None else correlations(toward)
    off = ~np.eye(len(correlation), dtype=bool)
    squares = ((correlation - aim)[off] ** 2).sum()
    intensity = min(1.0, variance[off].sum() / squares) if squares > 0 else 1.0
    shrunk = correlation * (1.0 - intensity) + aim * intensity
    np.fill_diagonal(shrunk, 1.0)
    return np.asarray(shrunk * np.outer(spread, spread))


def correlations(covariance: Vector) -> Vector:
    """Return the correlations of a covariance, (m, m); of what does not vary, 0."""
    spread = np.sqrt(np.diag(covariance))
    safe = np.where(spread > 0, spread, 1.0)
    result = covariance / np.outer(safe, safe)
    np.fill_diagonal(result, 1.0)
    return np.asarray(result)


def total_covariance(problem: Problem, simulated: Vector, replicates: int) -> Vector:
    """Return the covariance of published minus simulated moments at the truth, (m, m), all moments.

    Args:
        problem: gives the targets' standard errors, and whether they are a sample of simulated size themselves.
        simulated: covariance of one simulation's moments, (m, m).
        replicates: simulations that are averaged; their noise adds the factor 1 + 1/S of Duffie and Singleton (1993).
    """
    published = np.array([m.standard_error for m in problem.moments]) ** 2
    return np.asarray(np.diag(published) + (problem.sampled + 1.0 / replicates) * simulated)


@dataclass(frozen=True)
class Weights:
    """Turns differences of the fitted moments into residuals of equal weight.

    Attributes:
        root: upper triangular (f, f); `root.T @ root` is the weighting matrix, the inverse of a covariance.
    """

    root: Vector

    def residuals(self, differences: Vector) -> Vector:
        """Return residuals of differences, (f,) or (f, n); their squares add up to the objective."""
        return np.asarray(self.root @ differences)


def optimal_weights(problem: Problem, covariance: Vector) -> Weights:
    """Return the weights that make the estimator efficient (Hansen 1982): the inverse of the covariance.

    Args:
        problem: which moments are fitted, and further weights of their own.
        covariance: (m, m), of all moments.

    Raises:
        CalibrationError: a fitted moment has neither a standard error nor noise, so its weight would be endless.
    """
    fitted = problem.fitted
    wanted = np.array([problem.moments[place].weight for place in fitted])
    scale = 1.0 / np.sqrt(wanted)
    chosen = covariance[np.ix_(fitted, fitted)] * np.outer(scale, scale)
    flat = np.flatnonzero(~(np.diag(chosen) > 0))
    if flat.size:
        name = problem.moments[fitted[flat[0]]].id
        raise CalibrationError(f"{name} has no standard error and does not vary between simulations")
    spread = np.sqrt(np.diag(chosen))
    # Correlations are inverted, not covariances: units of moments differ by many orders.
    lower = cholesky(correlations(chosen) + 1e-9 * np.eye(len(spread)), lower=True)
    return Weights(solve_triangular(lower, np.diag(1.0 / spread), lower=True))
