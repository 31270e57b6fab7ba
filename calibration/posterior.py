"""The Bayesian stage: a posterior sample that a stress study can draw from.

Synthetic likelihood (Wood 2010, "Statistical inference for noisy nonlinear ecological dynamic systems", Nature 466;
Price, Drovandi, Lee and Nott 2018, "Bayesian synthetic likelihood"): given parameters, moments are taken for normal.
Their mean comes from the surrogate, corrected where the estimates were simulated; their covariance from the published
errors, from replicates, and from what the surrogate itself leaves. emcee (Foreman-Mackey and others 2013) samples it
by an ensemble with affine-invariant moves (Goodman and Weare 2010), so that scales and correlations need no tuning.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from finsim.calibration.problem import CalibrationError, Problem, Vector
from finsim.calibration.surrogate import BEYOND
from finsim.calibration.weighting import correlations

if TYPE_CHECKING:
    import polars as pl

    from finsim.calibration.estimation import Estimate

STEPS: Final = 2000
"""Steps of each walker; the first third is thrown away."""
SAMPLE: Final = 2000
"""Draws that are kept."""
CHAIN_LENGTHS: Final = 30
"""Autocorrelation times that the chains must be long, for the sample to be taken for converged."""


@dataclass(frozen=True)
class Posterior:
    """Draws of the parameters given the targets.

    Attributes:
        problem: what was calibrated.
        scaled: draws on the common scale, (n, k).
        log_density: log posterior density of each, up to a constant, (n,).
        acceptance: share of proposals that were accepted.
        autocorrelation: steps after which a walker has forgotten where it was, the largest over parameters.
        converged: whether the chains were long enough for that.
    """

    problem: Problem
    scaled: Vector
    log_density: Vector
    acceptance: float
    autocorrelation: float
    converged: bool

    def draws(self) -> Vector:
        """Return draws in units of the parameters, (n, k)."""
        return np.array([list(self.problem.values(z).values()) for z in self.scaled])

    def frame(self) -> pl.DataFrame:
        """Return the draws as a frame: a column a dotted key, and `log_density`."""
        import polars as pl

        columns = dict(zip(self.problem.keys, self.draws().T, strict=True))
        return pl.DataFrame({**columns, "log_density": self.log_density})

    def intervals(self, level: float = 0.9) -> list[tuple[float, float]]:
        """Return a credible interval for each parameter, between quantiles of the draws."""
        low, high = np.quantile(self.draws(), [0.5 - level / 2.0, 0.5 + level / 2.0], axis=0)
        return [(float(a), float(b)) for a, b in zip(low, high, strict=True)]


def require_emcee() -> None:
    """Refuse to begin where the sampler is not installed.

    Raises:
        CalibrationError: emcee is not installed.
    """
    if importlib.util.find_spec("emcee") is None:
        raise CalibrationError("a posterior needs emcee, which is not installed: pip install 'finsim[calibrate]'")


def sample_posterior(estimate: Estimate, seed: int, steps: int = STEPS, size: int = SAMPLE) -> Posterior:
    """Sample the posterior of a fit; nothing more is simulated.

    The prior is uniform on the common scale over the box of the search, half as wide again, within the bounds.

    Args:
        estimate: the fit, with its surrogate.
        seed: seed of the sampler.
        steps: steps of each walker.
        size: draws that are kept, evenly over the chains.

    Raises:
        CalibrationError: emcee is not installed.
    """
    require_emcee()
    import emcee

    problem = estimate.problem
    low, high = np.maximum(problem.lower, -BEYOND), np.minimum(problem.upper, BEYOND)
    log_density = _LogDensity(estimate, low, high)
    k = len(problem.parameters)
    generator = np.random.default_rng([seed, 2])
    walkers = max(32, 4 * k)
    spread = np.clip(estimate.inference.scaled_errors, 1e-4, 0.3)
    begin = np.clip(estimate.scaled, low, high) + 0.5 * spread * generator.normal(size=(walkers, k))
    margin = 1e-3 * (high - low)
    begin = np.clip(
        begin, low + margin * generator.random((walkers, k)), high - margin * generator.random((walkers, k))
    )
    sampler = emcee.EnsembleSampler(walkers, k, log_density, vectorize=True)
    state = np.random.RandomState(seed % 2**32).get_state()  # emcee knows no other generator
    sampler.run_mcmc(emcee.State(begin, random_state=state), steps)
    burned = steps // 3
    times = np.atleast_1d(sampler.get_autocorr_time(tol=0, discard=burned))
    chain = sampler.get_chain(discard=burned, flat=True)
    density = sampler.get_log_prob(discard=burned, flat=True)
    taken = np.linspace(0, len(chain) - 1, min(size, len(chain))).astype(int)
    longest = float(np.max(times))
    return Posterior(
        problem=problem,
        scaled=chain[taken],
        log_density=density[taken],
        acceptance=float(np.mean(sampler.acceptance_fraction)),
        autocorrelation=longest,
        converged=bool(np.isfinite(longest) and (steps - burned) >= CHAIN_LENGTHS * longest),
    )


class _LogDensity:
    """The log posterior density of points, (n, k), on the common scale."""

    def __init__(self, estimate: Estimate, low: Vector, high: Vector) -> None:
        problem = estimate.problem
        self.low, self.high = low, high
        self.fitted, self.targets = problem.fitted, problem.targets
        surrogate = estimate.surrogate
        self.surrogate = surrogate
        # Where the estimates are, the simulator itself said what the moments are.
        self.shift = estimate.after - surrogate.moments(estimate.scaled)
        block = np.ix_(self.fitted, self.fitted)
        # What the surrogate misses beyond the noise of one simulation is its lack of fit, away from the estimates.
        lack = np.maximum(np.diag(surrogate.covariance) - estimate.noise**2, 0.0)
        covariance = (estimate.covariance + np.diag(lack))[block]
        spread = np.sqrt(np.diag(covariance))
        self.spread = spread
        shape = correlations(covariance)
        # Few replicates may leave correlations without an inverse: a little less of them always has one.
        self.factor = cho_factor(0.9 * shape + 0.1 * np.eye(len(shape)) if _flat(shape) else shape)

    def __call__(self, scaled: Vector) -> Vector:
        inside = np.all((scaled >= self.low) & (scaled <= self.high), axis=1)
        result = np.full(len(scaled), -np.inf)
        if inside.any():
            gaps = (self.surrogate.moments(scaled[inside]) + self.shift - self.targets)[:, self.fitted] / self.spread
            result[inside] = -0.5 * np.sum(gaps * cho_solve(self.factor, gaps.T).T, axis=1)
        return result


def _flat(shape: Vector) -> bool:
    return bool(np.linalg.eigvalsh(shape)[0] < 1e-3)
