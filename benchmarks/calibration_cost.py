"""Cost of a fit: wall-clock and simulations of `finsim calibrate`, against scipy's global and local optimisers.

python benchmarks/calibration_cost.py                         # the US set
python benchmarks/calibration_cost.py --budget 150 --set population.customers=1000

The others minimise the same objective, with the weights of the fit, over the same box, and get the same number of
simulations: differential evolution, and Nelder and Mead's simplex. All begin at the same values, each parameter `--off`
half widths of the search up or down from the scenario's, which would be the answer where it was shipped. All simulate
with the same seeds, so what they reach can be compared.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from printing import show
from scipy.optimize import differential_evolution, minimize

from finsim.calibration.estimation import Effort, Estimate, estimate
from finsim.calibration.problem import Problem, Vector
from finsim.calibration.simulations import Simulator
from finsim.calibration.surrogate import BEYOND
from finsim.calibration.target_problem import problem_of
from finsim.calibration.target_sets import TargetSet, load_targets
from finsim.scenario import parse_settings

FAR = 1e12
"""Objective of a point that cannot be simulated."""


class SpentError(Exception):
    """The budget is used up."""


class Objective:
    """The objective of a fit, counted, for optimisers that know nothing else.

    Args:
        problem: what is fitted.
        simulator: a simulator of its own, without kept simulations.
        fit: gives the weights.
        budget: simulations that may be used.
    """

    def __init__(self, problem: Problem, simulator: Simulator, fit: Estimate, budget: int) -> None:
        self.problem, self.simulator, self.fit, self.budget = problem, simulator, fit, budget
        self.seeds = fit.effort.averaged
        self.best = FAR

    def many(self, points: Sequence[Vector]) -> Vector:
        """Return the objective of points, (n, k), simulated side by side."""
        left = (self.budget - self.simulator.count) // len(self.seeds)
        if left < 1:
            raise SpentError
        points = points[:left]
        drawn = self.simulator.many([(z, seed) for z in points for seed in self.seeds])
        gaps = drawn.reshape(len(points), len(self.seeds), -1).mean(axis=1) - self.problem.targets
        weighted = self.fit.weights.residuals(gaps[:, self.problem.fitted].T)
        values = np.nan_to_num((weighted**2).sum(axis=0), nan=FAR)
        self.best = min(self.best, float(values.min()))
        return values

    def __call__(self, points: Vector) -> Vector | float:
        """Return the objective of a point (k,), or of several as columns (k, n)."""
        if np.ndim(points) == 1:
            return float(self.many([points])[0])
        values = self.many(list(points.T))
        return np.append(values, np.full(points.shape[1] - len(values), FAR))


def main() -> None:
    """Fit by all three and print what each reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", default="us")
    parser.add_argument("--budget", type=int)
    parser.add_argument("--off", type=float, default=0.3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    chosen = load_targets(args.targets)
    chosen = replace(chosen, overrides={**chosen.overrides, **parse_settings(args.settings)})
    problem = astray(chosen, args.off)
    begun = time.perf_counter()
    with Simulator(problem, args.workers) as simulator:
        fit = estimate(problem, simulator, Effort(budget=args.budget, seed=chosen.seed))
        count = simulator.count
    rows = [row("finsim calibrate", time.perf_counter() - begun, count, fit.objective)]
    for name, optimiser in (("differential evolution", evolve), ("Nelder-Mead", simplex)):
        begun = time.perf_counter()
        with Simulator(problem, args.workers) as simulator:
            objective = Objective(problem, simulator, fit, count)
            with contextlib.suppress(SpentError):
                optimiser(objective)
            rows.append(row(name, time.perf_counter() - begun, simulator.count, objective.best))
    start = next(step.objective for step in fit.trace if step.stage == "start")
    notes = [
        f"objective at the start, {args.off:g} half widths from the scenario's values: {start:.4g}; "
        f"{len(problem.parameters)} free parameters, {len(problem.fitted)} fitted targets",
        f"  the fit also gives standard errors, the J test and the rank analysis from these simulations; "
        f"{args.workers} workers",
    ]
    show(f"Cost of a fit to {problem.name}", rows, notes, as_json=args.json)
    if min(rows, key=lambda one: one["objective"]) is not rows[0]:
        raise SystemExit(1)


def astray(chosen: TargetSet, off: float) -> Problem:
    """Return the problem with each parameter's start moved up or down by so many half widths of the search."""
    parameters = problem_of(chosen).parameters
    moves = off * np.random.default_rng(1).choice([-1.0, 1.0], len(parameters))
    return problem_of(
        replace(chosen, start={one.key: one.value(move) for one, move in zip(parameters, moves, strict=True)})
    )


def row(name: str, seconds: float, simulations: int, objective: float) -> dict[str, object]:
    """Return one line of the table."""
    return {"method": name, "seconds": seconds, "simulations": simulations, "objective": objective}


def box(problem: Problem) -> list[tuple[float, float]]:
    """Return the box in which all of them search."""
    return list(zip(np.maximum(problem.lower, -BEYOND), np.minimum(problem.upper, BEYOND), strict=True))


def evolve(objective: Objective) -> None:
    """Minimise by differential evolution, a generation at a time side by side."""
    differential_evolution(
        objective,
        box(objective.problem),
        popsize=2,
        maxiter=10_000,
        tol=0.0,
        rng=np.random.default_rng(1),
        x0=objective.problem.start,
        polish=False,
        updating="deferred",
        vectorized=True,
    )


def simplex(objective: Objective) -> None:
    """Minimise by Nelder and Mead's simplex from the scenario's values."""
    problem = objective.problem
    size = len(problem.parameters)
    first = np.vstack([problem.start, problem.start + 0.25 * np.eye(size)])
    options = {"maxfev": 10_000, "xatol": 0.0, "fatol": 0.0, "adaptive": True, "initial_simplex": first}
    minimise: Callable[..., object] = minimize
    minimise(objective, problem.start, method="Nelder-Mead", bounds=box(problem), options=options)


if __name__ == "__main__":
    main()
