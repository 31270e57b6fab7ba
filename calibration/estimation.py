"""The simulated method of moments, from a design of simulations to estimates with standard errors.

McFadden (1989), "A method of simulated moments for estimation of discrete response models without numerical
integration", Econometrica 57; Pakes and Pollard (1989), "Simulation and the asymptotics of optimization estimators",
Econometrica 57; Duffie and Singleton (1993), "Simulated moments estimation of Markov models of asset prices",
Econometrica 61.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np

from finsim.calibration.inference import Identification, Inference, Uncertainty, identify, infer
from finsim.calibration.problem import CalibrationError, Problem, Vector
from finsim.calibration.search import Jacobian, differences, search_locally, search_surrogate
from finsim.calibration.simulations import Simulator
from finsim.calibration.surrogate import Surrogate, design, fit_surrogate
from finsim.calibration.weighting import Weights, optimal_weights, shrunk_covariance, total_covariance

EVALUATIONS: Final = 12
"""Evaluations of the objective that the local stage may take, beside those of its derivatives."""
NEWTON_STEPS: Final = 3
"""Points at which derivatives are taken afresh where each step has its own."""
DESIGN: Final = 6
"""Points of the design for each parameter, unless the budget says otherwise."""
SMALLEST_DESIGN: Final = 64

Told = Callable[[str, int, int, float | None], None]
"""Called with what is under way, simulations so far, about how many in all, and the best objective if it is known."""


@dataclass(frozen=True)
class Effort:
    """How much is simulated.

    Attributes:
        budget: simulations, about.
        seeds: simulations that are averaged at each point of the local stage.
        replicates: simulations from which the noise of one is measured.
        seed: first seed; simulations use this and the following ones.
        design_seed: first seed of the design, where fits with different seeds share one; None: it follows `seed`.
        slopes: where derivatives come from: `surrogate` takes them from the surrogate; `differences` takes differences
            of simulations at each step; `once` begins with the first and takes differences once, near the optimum.
    """

    budget: int | None = None
    seeds: int = 2
    replicates: int = 16
    seed: int = 1
    design_seed: int | None = None
    slopes: Literal["surrogate", "once", "differences"] = "once"

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if not 1 <= self.seeds <= self.replicates or self.replicates < 4:
            raise CalibrationError("replicates must be 4 at least, and as many as seeds")

    @property
    def averaged(self) -> tuple[int, ...]:
        """Seeds that are averaged at each point of the local stage."""
        return tuple(range(self.seed, self.seed + self.seeds))

    @property
    def replicated(self) -> tuple[int, ...]:
        """Seeds of the replicates; the first of them are those that are averaged."""
        return tuple(range(self.seed, self.seed + self.replicates))

    def beside(self, parameters: int) -> int:
        """Return simulations that are needed beside the design, at most."""
        difference = self.seeds * (1 + 2 * parameters)
        jacobians = {"surrogate": 0, "once": 1, "differences": NEWTON_STEPS + 1}[self.slopes]
        return 2 * self.replicates + (2 + EVALUATIONS) * self.seeds + jacobians * difference

    def design(self, parameters: int) -> int:
        """Return how many points the design of the global stage has.

        Raises:
            CalibrationError: the budget does not suffice for as many parameters.
        """
        beside = self.beside(parameters)
        if self.budget is None:
            return max(SMALLEST_DESIGN, DESIGN * parameters)
        points, least = self.budget - beside, 2 * parameters + 8
        if points < least:
            raise CalibrationError(
                f"a budget of {self.budget} simulations is too small for {parameters} free parameters: "
                f"{least + beside} are needed"
            )
        return points

    def total(self, parameters: int) -> int:
        """Return about how many simulations that makes."""
        return self.design(parameters) + self.beside(parameters)


@dataclass(frozen=True)
class Step:
    """A point of the trace: the objective after so many simulations.

    Attributes:
        stage: `start`, `global` or `local`.
        simulations: number of them so far.
        objective: weighted squared distance.
    """

    stage: str
    simulations: int
    objective: float


@dataclass(frozen=True)
class Estimate:
    """Estimates and all that is known about them.

    Attributes:
        problem: what was calibrated.
        scaled: estimates on the common scale, (k,).
        before, after: moments at the start and at the estimates, (m,), means over the seeds.
        unseen: moments at the estimates, (m,), means over the replicates whose seeds the search did not use; NaN
            where there are none.
        noise: standard deviation of each moment between simulations at the estimates, (m,).
        jacobian: derivatives of all moments by the common scale, (m, k).
        weights: with which the estimates were found.
        covariance: (m, m), of published minus simulated moments, shrunk so that it has an inverse.
        objective: weighted squared distance at the estimates.
        inference: standard errors and the J test.
        identification: the rank analysis.
        surrogate: of the global stage.
        trace: how the objective fell.
        simulations: number of them, those found in the cache included.
        effort: how much was simulated.
    """

    problem: Problem
    scaled: Vector
    before: Vector
    after: Vector
    unseen: Vector
    noise: Vector
    jacobian: Vector
    weights: Weights
    covariance: Vector
    objective: float
    inference: Inference
    identification: Identification
    surrogate: Surrogate
    trace: tuple[Step, ...]
    simulations: int
    effort: Effort = field(default_factory=Effort)

    @property
    def values(self) -> dict[str, float]:
        """Estimates by dotted key."""
        return self.problem.values(self.scaled)

    @property
    def at_bound(self) -> tuple[str, ...]:
        """Keys of parameters that ended at a bound; their standard errors mean little."""
        near = 1e-3 * np.minimum(1.0, self.problem.upper - self.problem.lower)
        touching = (self.scaled - self.problem.lower < near) | (self.problem.upper - self.scaled < near)
        return tuple(key for key, touches in zip(self.problem.keys, touching, strict=True) if touches)


class Trace:
    """Collects the objective as it falls, and tells of it."""

    def __init__(self, simulator: Simulator, total: int, told: Told | None) -> None:
        self.simulator = simulator
        self.total = total
        self.stage = "global"
        self.steps: list[Step] = []
        self.best: float | None = None
        self._told = told
        simulator.told = self.tell

    def tell(self, count: int) -> None:
        """Say how far the work is."""
        if self._told is not None:
            self._told(self.stage, count, max(self.total, count), self.best)

    def add(self, objective: float) -> None:
        """Take an objective that simulations gave."""
        self.steps.append(Step(self.stage, self.simulator.count, objective))
        self.best = objective if self.best is None else min(self.best, objective)
        self.tell(self.simulator.count)


@dataclass(frozen=True)
class _Work:
    """What every stage of a fit works with."""

    problem: Problem
    simulator: Simulator
    effort: Effort
    trace: Trace

    def mean(self, scaled: Vector) -> Vector:
        """Return the moments at a point, (m,), averaged over the seeds of the local stage."""
        return np.asarray(self.simulator.moments(scaled, self.effort.averaged).mean(axis=0))

    def objective(self, weights: Weights, moments: Vector) -> float:
        """Return the weighted squared distance of moments, (m,), from the targets."""
        gaps = weights.residuals((moments - self.problem.targets)[self.problem.fitted])
        return float(gaps @ gaps)


def explore(problem: Problem, simulator: Simulator, effort: Effort) -> tuple[Vector, Vector]:
    """Simulate the design of the global stage: points (n, k) and their moments (n, m); targets play no part in it.

    Each point has a seed of its own, so that the surrogate averages over seeds as well.
    """
    count = effort.design(len(problem.parameters))
    first = effort.seed + effort.replicates if effort.design_seed is None else effort.design_seed
    points = design(problem, count, first)
    seeds = range(first, first + count)
    return points, simulator.many(list(zip(points, seeds, strict=True)))


def estimate(
    problem: Problem,
    simulator: Simulator,
    effort: Effort | None = None,
    told: Told | None = None,
    start_from: Estimate | None = None,
) -> Estimate:
    """Fit the free parameters of a problem to its targets.

    Args:
        problem: what is to be calibrated.
        simulator: simulates it; what it has kept is not simulated again.
        effort: how much is simulated.
        told: called with the progress.
        start_from: an estimate of the same problem with other figures: its weights are taken over, and the local
            stage begins where its influence matrix says that the estimates go.

    Raises:
        CalibrationError: the budget is too small, simulations fail, or a moment has no weight.
    """
    effort = effort or (start_from.effort if start_from else Effort())
    trace = Trace(simulator, effort.total(len(problem.parameters)), told)
    work = _Work(problem, simulator, effort, trace)
    before = _at_start(work)
    if start_from is None:
        surrogate, weights, first = _globally(work)
    else:
        surrogate, weights = start_from.surrogate, start_from.weights
        moved = start_from.inference.influence @ (problem.targets - start_from.problem.targets)[problem.fitted]
        first = np.clip(start_from.scaled + moved, problem.lower, problem.upper)
    trace.stage = "start"
    trace.add(work.objective(weights, before))
    trace.stage = "local"
    scaled, jacobian = _locally(work, surrogate, weights, _better(work, weights, first))
    return _conclude(work, surrogate, weights, scaled, jacobian, before)


def _at_start(work: _Work) -> Vector:
    """Return the moments at the start, (m,), or say why there are none: the fit would fail later, after much work."""
    problem = work.problem
    moments = work.mean(problem.start)
    if not np.isfinite(moments).all():
        for seed in work.effort.averaged:
            problem.simulate(problem.values(problem.start), seed)  # raises what is wrong
        raise CalibrationError(f"{problem.name}: simulations of the start give numbers that are not finite")
    return moments


def _locally(work: _Work, surrogate: Surrogate, weights: Weights, begin: Vector) -> tuple[Vector, Vector]:
    """Return the optimum by simulations, (k,), and the Jacobian there, (m, k)."""
    problem, simulator, seeds, slopes = work.problem, work.simulator, work.effort.averaged, work.effort.slopes
    simulated = differences(simulator, problem, seeds)

    def search(start: Vector, jacobian: Jacobian, most: int) -> Vector:
        found = search_locally(
            simulator, problem, weights, start, seeds, jacobian, most, lambda value, _: work.trace.add(value)
        )
        return found.scaled

    if slopes == "differences":
        scaled = search(begin, simulated, NEWTON_STEPS)
        return scaled, simulated(scaled)
    scaled = search(begin, surrogate.jacobian, EVALUATIONS)
    if slopes == "surrogate":
        return scaled, surrogate.jacobian(scaled)
    fixed = simulated(scaled)
    return search(scaled, lambda _: fixed, EVALUATIONS // 2), fixed


def _globally(work: _Work) -> tuple[Surrogate, Weights, Vector]:
    """Search the surrogate with the weights that its residuals give, then with those that replicates give there."""
    problem, simulator, effort, trace = work.problem, work.simulator, work.effort, work.trace
    points, moments = explore(problem, simulator, effort)
    surrogate = fit_surrogate(points, moments)
    covariance = total_covariance(problem, np.diag(np.diag(surrogate.covariance)), effort.seeds)
    weights = optimal_weights(problem, covariance)
    first = search_surrogate(problem, surrogate, weights, effort.seed).scaled
    replicates = simulator.moments(first, effort.replicated)
    if np.isfinite(replicates).all():
        noise = shrunk_covariance(replicates, surrogate.covariance)
        if effort.replicates < 2 * len(problem.fitted):
            # The inverse of correlations from few replicates is mostly noise, and the fit would follow it: variances
            # alone are the safer weights (Altonji and Segal 1996). Standard errors hold for any weights.
            noise = np.diag(np.diag(noise))
        covariance = total_covariance(problem, noise, effort.seeds)
        weights = optimal_weights(problem, covariance)
        first = search_surrogate(problem, _shifted(surrogate, first, replicates), weights, effort.seed).scaled
    best = np.inf
    for place, row in enumerate(moments):
        value = work.objective(weights, row)
        if value < best:
            best = value
            trace.steps.append(Step("global", place + 1, value))
    trace.best = float(best) if np.isfinite(best) else None
    return surrogate, weights, first


def _shifted(surrogate: Surrogate, scaled: Vector, replicates: Vector) -> Surrogate:
    """Return a surrogate that is right, at one point, for what the replicates, (n, m), gave there on average."""
    mean, predicted = replicates.mean(axis=0), surrogate.moments(scaled)
    logged = surrogate.logged & (mean > 0) & (predicted > 0)
    coefficients = surrogate.coefficients.copy()
    coefficients[0, ~surrogate.logged] += (mean - predicted)[~surrogate.logged]
    coefficients[0, logged] += np.log(mean[logged] / predicted[logged])
    return replace(surrogate, coefficients=coefficients)


def _better(work: _Work, weights: Weights, first: Vector) -> Vector:
    """Return the optimum of the surrogate, or the start where simulations say that it is better."""
    start = work.problem.start
    values = [work.objective(weights, work.mean(scaled)) for scaled in (first, start)]
    return first if values[0] <= values[1] else start


def _conclude(
    work: _Work, surrogate: Surrogate, weights: Weights, scaled: Vector, jacobian: Vector, before: Vector
) -> Estimate:
    """Measure noise at the estimates and say how sure they are."""
    problem, simulator, effort, trace = work.problem, work.simulator, work.effort, work.trace
    trace.stage = "errors"
    replicates = simulator.moments(scaled, effort.replicated)
    after = replicates[: effort.seeds].mean(axis=0)
    others = replicates[effort.seeds :]
    published = np.diag(np.array([m.standard_error for m in problem.moments]) ** 2)
    noise = (problem.sampled + 1.0 / effort.seeds) * np.cov(replicates, rowvar=False)
    gaps = after - problem.targets
    return Estimate(
        problem=problem,
        scaled=scaled,
        before=before,
        after=after,
        unseen=others.mean(axis=0) if len(others) else np.full_like(after, np.nan),
        noise=replicates.std(axis=0, ddof=1),
        jacobian=jacobian,
        weights=weights,
        covariance=total_covariance(problem, shrunk_covariance(replicates, surrogate.covariance), effort.seeds),
        objective=work.objective(weights, after),
        inference=infer(problem, scaled, jacobian, weights, Uncertainty(published, noise, effort.replicates - 1), gaps),
        identification=identify(problem, jacobian, weights),
        surrogate=surrogate,
        trace=tuple(trace.steps),
        simulations=simulator.count,
        effort=effort,
    )
