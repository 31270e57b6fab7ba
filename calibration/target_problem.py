"""From a set of targets to a problem for the estimators: an economy is the simulator, the schema gives the scale."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import finsim
from finsim.calibration.problem import FreeParameter, Moment, Problem
from finsim.calibration.simulation import simulated_moments
from finsim.calibration.target_sets import TargetSet, free_parameters
from finsim.scenario import Scenario

NOT_SIMULATED = ("evaluation", "cli.py", "terminal.py", "page.py", "__main__.py")
"""Parts of the package that no simulation depends on."""


def with_scenario(target_set: TargetSet, scenario: str) -> TargetSet:
    """Return the set for another scenario: its values are where the search starts.

    Args:
        target_set: the set.
        scenario: name or path of the scenario.

    Raises:
        ScenarioError: there is no such scenario.
        TargetError: it has not all of the free parameters, or one lies out of its bounds.
    """
    loaded = Scenario.load(scenario, target_set.overrides, target_set.seed)
    bounds = {key: list(target_set.bounds[key]) for key in target_set.free}
    free = free_parameters(bounds, loaded, f"{target_set.name} for {scenario}")
    return replace(target_set, scenario=scenario, start={key: start for key, (start, _, _) in free.items()})


def problem_of(target_set: TargetSet) -> Problem:
    """Return the problem of fitting a scenario to a set of targets.

    Raises:
        CalibrationError: nothing is free, or there are fewer fitted targets than free parameters.
    """
    parameters = tuple(
        FreeParameter(key, target_set.start[key], *target_set.bounds[key], info.transform, info.unit, info.doc)
        for key, info in ((key, target_set.parameters[key]) for key in target_set.free)
    )
    moments = tuple(
        Moment(one.id, one.value, one.standard_error, one.role, one.weight, one.low, one.high, one.unit, one.citation)
        for one in target_set.targets
    )
    simulate = functools.partial(simulated_moments, target_set)
    return Problem(target_set.name, parameters, moments, simulate, _simulation_id(target_set))


def _simulation_id(target_set: TargetSet) -> str:
    """Return what identifies a simulation apart from free values and seed: scenario, moments, and finsim itself."""
    scenario = Scenario.load(target_set.scenario, target_set.overrides)
    moments = [(one.moment, sorted(one.arguments.items())) for one in target_set.targets]
    text = json.dumps([scenario.hash, moments, finsim.__version__, sources_hash()], default=str)
    return hashlib.sha256(text.encode()).hexdigest()


@functools.cache
def sources_hash() -> str:
    """Return a hash of the sources that a simulation may depend on: a change makes kept simulations worthless."""
    package = Path(finsim.__file__).parent
    digest = hashlib.sha256()
    folders = [package, *(path for path in package.iterdir() if path.is_dir())]
    files = {path for folder in folders for path in folder.rglob("*.py") if "__pycache__" not in path.parts}
    for path in sorted(files):
        relative = path.relative_to(package)
        if relative.parts[0] not in NOT_SIMULATED:
            digest.update(relative.as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
