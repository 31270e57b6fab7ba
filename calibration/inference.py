"""How sure the estimates are: standard errors, the test of over-identification, and what is not identified.

Notation: G (f, k) derivatives of the fitted moments by the parameters on the common scale, W the weighting matrix,
Omega the covariance of published minus simulated moments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import stats

from finsim.calibration.problem import Problem, Vector
from finsim.calibration.weighting import Weights, correlations

UNIDENTIFIED: Final = 1.0
"""Standard error of a direction, in half widths of the search, from which the targets do not identify it."""
WEAK: Final = 0.25
"""The same from which it is identified weakly."""
NAMED: Final = 0.35
"""Loading from which a parameter is named as part of a direction."""


@dataclass(frozen=True)
class Inference:
    """What the data say about the estimates.

    Attributes:
        covariance: (k, k), of the estimates on the common scale.
        standard_errors: (k,), in units of the parameters (delta method).
        correlations: (k, k), of the estimates.
        influence: (k, f), movement of each estimate, on the common scale, per unit of each fitted figure.
        j_statistic: weighted squared distance that is left, scaled to be chi-squared.
        j_degrees: its degrees of freedom: fitted moments less free parameters where the weights are optimal.
        j_p_value: chance of so large a distance if the model is true and the standard errors are what they say.
        degrees: of freedom of intervals: replicates from which noise was measured, less one.
    """

    covariance: Vector
    standard_errors: Vector
    correlations: Vector
    influence: Vector
    j_statistic: float
    j_degrees: float
    j_p_value: float
    degrees: int

    @property
    def scaled_errors(self) -> Vector:
        """Standard errors on the common scale, (k,)."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))

    def intervals(self, problem: Problem, scaled: Vector, level: float = 0.9) -> list[tuple[float, float]]:
        """Return a confidence interval for each parameter, symmetric on the common scale, within its bounds."""
        wide = stats.t.ppf(0.5 + level / 2.0, self.degrees) * self.scaled_errors
        return [
            (p.value(float(z - w)), p.value(float(z + w)))
            for p, z, w in zip(problem.parameters, scaled, wide, strict=True)
        ]


@dataclass(frozen=True)
class Uncertainty:
    """Why published and simulated moments may differ at the truth.

    Attributes:
        published: (m, m), covariance of the published figures.
        simulated: (m, m), covariance from the noise of simulations, as replicates have it, not shrunk: estimates of
            variances from it are unbiased, and it is never inverted.
        degrees: degrees of freedom of the second: replicates less one.
    """

    published: Vector
    simulated: Vector
    degrees: int


def infer(
    problem: Problem, scaled: Vector, jacobian: Vector, weights: Weights, uncertainty: Uncertainty, gaps: Vector
) -> Inference:
    """Return standard errors by the sandwich formula, and the J test.

    The covariance of the estimates is (G'WG)^-1 G'W Omega W G (G'WG)^-1; with W the inverse of Omega it is
    (G'WG)^-1 (McFadden 1989, Pakes and Pollard 1989, with the noise of simulation in Omega).

    Args:
        problem: which moments are fitted.
        scaled: estimates on the common scale, (k,).
        jacobian: of all moments there, (m, k).
        weights: with which the estimates were found.
        uncertainty: Omega, of all moments.
        gaps: simulated minus published moments at the estimates, (m,).
    """
    fitted = problem.fitted
    block = np.ix_(fitted, fitted)
    white = weights.residuals(jacobian[fitted])
    u, s, vt = np.linalg.svd(white, full_matrices=False)
    # A direction without any effect has an endless error, not a failing division.
    inverse = 1.0 / np.maximum(s, 1e-12 * max(float(s.max(initial=0.0)), 1e-300))
    influence = (vt.T * inverse) @ (u.T @ weights.root)
    published, simulated = uncertainty.published[block], uncertainty.simulated[block]
    estimates = influence @ (published + simulated) @ influence.T
    left = weights.root - u @ (u.T @ weights.root)  # of the residuals, after the fit has taken its part
    statistic, degrees = _over_identification(
        weights.residuals(gaps[fitted]),
        left @ published @ left.T,
        left @ simulated @ left.T,
        uncertainty.degrees,
        len(fitted) - len(scaled),
    )
    return Inference(
        covariance=estimates,
        standard_errors=np.sqrt(np.diag(estimates)) * problem.slopes(scaled),
        correlations=np.clip(correlations(estimates), -1.0, 1.0),
        influence=influence,
        j_statistic=statistic,
        j_degrees=degrees,
        j_p_value=float(stats.chi2.sf(statistic, degrees)) if len(fitted) > len(scaled) else float("nan"),
        degrees=uncertainty.degrees,
    )


def _over_identification(
    residuals: Vector, published: Vector, simulated: Vector, freedom: int, over: int
) -> tuple[float, float]:
    """Return the statistic of the J test and its degrees of freedom.

    With weights that are exactly the inverse covariance the objective is chi-squared with as many degrees of freedom
    as there are moments more than parameters (Hansen 1982). With others, as estimated weights always are, it is a
    weighted sum of chi-squared variables (Jagannathan and Wang 1996); the sum is scaled so that its mean and variance
    are those of a chi-squared variable (Satterthwaite 1946), which gives Hansen's test back in his case.

    Args:
        residuals: weighted differences at the estimates, (f,).
        published, simulated: what the residuals' covariance consists of, (f, f).
        freedom: degrees of freedom from which the second was estimated.
        over: moments more than parameters; there are never more degrees of freedom, and at 0 nothing is left to test.
    """
    mean = float(np.trace(published) + np.trace(simulated))
    # The square of an estimated covariance is too large by the noise of the estimate; this takes it out.
    noisy = float(np.sum(simulated**2)) - float(np.trace(simulated)) ** 2 / freedom
    squares = noisy * freedom**2 / ((freedom - 1) * (freedom + 2))
    squares = float(np.sum(published**2)) + 2.0 * float(np.sum(published * simulated)) + max(squares, 0.0)
    if not over:
        return 0.0, 0.0
    squares = max(squares, mean**2 / over)
    return float(residuals @ residuals) * mean / squares, mean**2 / squares


@dataclass(frozen=True)
class Direction:
    """A combination of parameters, and how well the targets pin it down.

    Attributes:
        standard_error: of the combination, in half widths of the search.
        loadings: share of each parameter with a sign, by key, the largest first; only those that matter.
    """

    standard_error: float
    loadings: dict[str, float]

    @property
    def verdict(self) -> str:
        """`identified`, `weak`, or `not identified`."""
        if self.standard_error >= UNIDENTIFIED:
            return "not identified"
        return "weak" if self.standard_error >= WEAK else "identified"


@dataclass(frozen=True)
class Identification:
    """The rank analysis: singular values of the scaled Jacobian.

    Attributes:
        rank: directions that the targets identify.
        condition: largest by smallest singular value.
        directions: the least identified first.
        told_by: for each parameter the targets that say most about it, with their share of its information.
    """

    rank: int
    condition: float
    directions: tuple[Direction, ...]
    told_by: dict[str, dict[str, float]]

    @property
    def unidentified(self) -> tuple[Direction, ...]:
        """Directions that the targets do not identify."""
        return tuple(one for one in self.directions if one.verdict == "not identified")


def identify(problem: Problem, jacobian: Vector, weights: Weights) -> Identification:
    """Return which combinations of parameters the targets pin down, by SVD of the whitened Jacobian.

    Parameters are on the common scale, moments in their standard errors, so a singular value s means that the
    targets know its combination with a standard error of 1/s half widths of the search.

    Args:
        problem: names of parameters and moments.
        jacobian: of all moments, (m, k).
        weights: of the fitted moments.
    """
    white = weights.residuals(jacobian[problem.fitted])
    _, s, vt = np.linalg.svd(white, full_matrices=False)
    errors = 1.0 / np.maximum(s, 1e-12)
    directions = tuple(
        Direction(float(errors[j]), _loadings(problem, vt[j])) for j in np.argsort(-errors, kind="stable")
    )
    alone = white**2
    told_by = {}
    for j, key in enumerate(problem.keys):
        total = float(alone[:, j].sum())
        order = np.argsort(-alone[:, j], kind="stable")[: 3 if total > 0 else 0]
        told_by[key] = {problem.moments[problem.fitted[i]].id: float(alone[i, j] / total) for i in order}
    return Identification(
        rank=int((errors < UNIDENTIFIED).sum()),
        condition=float(s.max() / max(float(s.min()), 1e-300)),
        directions=directions,
        told_by=told_by,
    )


def _loadings(problem: Problem, direction: Vector) -> dict[str, float]:
    order = np.argsort(-np.abs(direction), kind="stable")
    sign = np.sign(direction[order[0]])
    named = {
        problem.keys[j]: float(sign * direction[j])
        for place, j in enumerate(order)
        if place == 0 or abs(direction[j]) >= NAMED
    }
    return named
