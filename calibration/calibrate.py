"""Calibrating a scenario: from a set of targets to a directory with a scenario of its own and a report."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finsim.calibration.problem import CalibrationError, Problem
from finsim.calibration.result_files import ResultDirectory
from finsim.calibration.target_checks import TargetError
from finsim.calibration.target_problem import problem_of, with_scenario
from finsim.calibration.target_sets import TargetSet, load_targets

if TYPE_CHECKING:
    import polars as pl

    from finsim.calibration.estimation import Effort, Told
    from finsim.calibration.report import Report


@dataclass(frozen=True)
class Calibration:
    """A complete calibration.

    Attributes:
        path: its directory.
        report: what was found.
    """

    path: Path
    report: Report

    @property
    def scenario(self) -> Path:
        """The calibrated scenario, a file that `finsim run` accepts."""
        return self.path / "calibrated.yaml"

    @property
    def values(self) -> dict[str, float]:
        """Estimates by dotted key."""
        return self.report.estimate.values

    @property
    def standard_errors(self) -> dict[str, float]:
        """Standard errors by dotted key."""
        fit = self.report.estimate
        return dict(zip(fit.problem.keys, map(float, fit.inference.standard_errors), strict=True))

    @property
    def posterior(self) -> pl.DataFrame:
        """Draws of the posterior, a column a dotted key.

        Raises:
            CalibrationError: the Bayesian stage was not asked for.
        """
        if self.report.posterior is None:
            raise CalibrationError("there is no posterior: calibrate with bayes=True")
        return self.report.posterior.frame()


def calibrate(
    targets: TargetSet | str | Path,
    scenario: str | Path | None = None,
    out: str | Path | None = None,
    *,
    budget: int | None = None,
    workers: int | None = None,
    seed: int | None = None,
    period: str | None = None,
    free: Sequence[str] = (),
    bayes: bool = False,
    what_if: Sequence[str] = (),
    into: str | Path | None = None,
    overwrite: bool = False,
    told: Told | None = None,
) -> Calibration:
    """Fit the free parameters of a scenario to published figures and write what was found.

    A calibration that was interrupted goes on where it was when it is called again with the same `out`.

    Args:
        targets: a set of targets, its name in the library, or a path.
        scenario: scenario whose parameters are fitted; the one that the set names if None.
        out: directory of the result; `runs/calibrate-<targets>-seed<seed>` if None.
        budget: simulations, about; None takes as many as the number of parameters asks for.
        workers: processes that simulate; as many as there are cores if None. The result does not depend on it.
        seed: first seed of the simulations; that of the set if None.
        period: period of a table of own aggregates to take, where it has several.
        free: dotted keys of the parameters that may move, in place of those that the set at a name or path names.
        bayes: draw a sample of the posterior too (needs `finsim[calibrate]`).
        what_if: changed figures, such as `TARGET=+20%`, that are fitted again for comparison.
        into: scenario file, the one that is fitted, whose lines take the estimates, rounded.
        overwrite: replace a result that lies at `out`.
        told: called with what is under way, simulations so far and in all, and the best objective.

    Raises:
        TargetError: the set of targets is not allowed.
        ScenarioError: the scenario is not allowed, or `into` is another one.
        CalibrationError: the problem cannot be estimated, or the budget is too small.
        OutputError: the directory or `into` cannot be used.
    """
    if not isinstance(targets, TargetSet):
        # A table of figures has the settings and the free parameters of its scenario's set: that comes first.
        chosen = load_targets(targets, scenario=None if scenario is None else str(scenario), period=period, free=free)
    else:
        if free:
            raise TargetError("free is for a set at a name or path; one that is loaded names its parameters itself")
        chosen = targets if scenario is None else with_scenario(targets, str(scenario))
    problem = problem_of(chosen)
    first = chosen.seed if seed is None else seed

    directory = ResultDirectory(out or Path("runs") / f"calibrate-{chosen.name}-seed{first}", overwrite=overwrite)

    from finsim.calibration.estimation import Effort
    from finsim.calibration.posterior import require_emcee
    from finsim.calibration.scenario_file import check_file, write_estimates
    from finsim.calibration.what_if import parse_changes

    # What cannot work is said before anything is written.
    effort = Effort(budget=budget, seed=first)
    effort.design(len(problem.parameters))
    changes = parse_changes(what_if, problem)
    if bayes:
        require_emcee()
    if into is not None:
        check_file(Path(into), problem)
    with directory:
        report = _carry_out(chosen, problem, effort, directory.simulations, workers or _cores(), bayes, changes, told)
        directory.finish(report, chosen.scenario)
    if into is not None:
        write_estimates(Path(into), report)
    return Calibration(directory.final, report)


def _carry_out(
    target_set: TargetSet,
    problem: Problem,
    effort: Effort,
    kept: Path,
    workers: int,
    bayes: bool,
    changes: dict[str, float],
    told: Told | None,
) -> Report:
    from finsim.calibration.estimation import estimate
    from finsim.calibration.posterior import sample_posterior
    from finsim.calibration.report import Report
    from finsim.calibration.simulations import SimulationCache, Simulator
    from finsim.calibration.what_if import what_if

    begun = time.perf_counter()
    with Simulator(problem, workers, SimulationCache(kept)) as simulator:
        fit = estimate(problem, simulator, effort, told)
        fitted = time.perf_counter() - begun
        what_ifs = tuple(what_if(fit, simulator, target, value, told) for target, value in changes.items())
        cost = {
            "seconds": round(fitted, 1),
            "workers": workers,
            "simulations": fit.simulations,
            "simulated_now": simulator.done,
            "simulations_with_what_if": simulator.count,
        }
    posterior = sample_posterior(fit, effort.seed) if bayes else None
    return Report(fit, _provenance(target_set, problem, effort), posterior, what_ifs, cost)


def _provenance(target_set: TargetSet, problem: Problem, effort: Effort) -> dict[str, Any]:
    """Return where a calibration came from: everything that it takes to repeat it, and nothing of when it ran."""
    import finsim

    design = effort.design(len(problem.parameters))
    return {
        "targets": target_set.name,
        "targets_sha256": problem.target_hash,
        "scenario": Path(target_set.scenario).stem,
        "finsim": finsim.__version__,
        "simulation_sha256": problem.simulation_id,
        "runs": {key: str(value) for key, value in target_set.overrides.items()},
        "seeds": [effort.seed, effort.seed + effort.replicates + design - 1],
        "seeds_averaged": effort.seeds,
        "replicates": effort.replicates,
        "design": design,
    }


def _cores() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
