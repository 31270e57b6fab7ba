"""Sets of targets: which published figures a scenario is fitted to, which are held out, and what may be freed.

A set is a YAML file of `sets/`, or a user's own. It names a scenario, the settings of the runs that are compared with
it, the parameters that calibration may move, and the targets. A target refers to a published figure by its id, from
which value, unit, year, place and citation come, or gives all of that itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from finsim.calibration.aggregates import SUFFIXES, rows_of_table
from finsim.calibration.figures import load_figures
from finsim.calibration.registry import Arguments
from finsim.calibration.target_checks import TargetError, check_targets
from finsim.calibration.target_values import target_of
from finsim.errors import ScenarioError, did_you_mean
from finsim.parameters.fields import ParameterInfo, walk
from finsim.parameters.strict_yaml import YamlError, parse_yaml
from finsim.scenario import ROOT, Scenario

LIBRARY = Path(__file__).parent / "sets"
"""Folder of the sets that come with finsim."""
_KEYS = ("scenario", "run", "seed", "free", "rebase", "targets")

Role = Literal["fit", "hold_out"]


@dataclass(frozen=True)
class Target:
    """One published number, and the moment that is its counterpart in a run.

    Attributes:
        id: unique name within the set.
        moment: name of the moment.
        arguments: what the moment is called with.
        value: the published number in the moment's unit, re-based to the run's year where the set says so; the middle
            where a range was published.
        standard_error: how far a value may lie off by chance and by judgement: the larger of the published sampling
            error and half the tolerance of the set, above 0.
        low: lower end of the published range; None where a single number was published.
        high: upper end of the published range; None where a single number was published.
        unit: unit of all of these.
        role: `fit`, or `hold_out` for judging the fit.
        weight: factor of its squared deviation in the fit.
        citation: where it was published, for what year and place.
        figure: id of the published figure, empty where the set gives the number itself.
        derived: how the value follows from the published figure, empty where it is the figure.
    """

    id: str
    moment: str
    arguments: Arguments
    value: float
    standard_error: float
    low: float | None
    high: float | None
    unit: str
    role: Role
    weight: float
    citation: str
    figure: str = ""
    derived: str = ""

    @property
    def call(self) -> str:
        """The moment with its arguments, as text."""
        return f"{self.moment}({', '.join(f'{name}={value}' for name, value in self.arguments.items())})"

    def holds(self, simulated: float, tolerance: float = 0.1) -> bool:
        """Say whether a simulated number is in the published range, or within a share of the published number."""
        if self.low is not None and self.high is not None and self.low <= simulated <= self.high:
            return True
        return abs(simulated - self.value) <= tolerance * abs(self.value)


@dataclass(frozen=True)
class TargetSet:
    """Targets for one scenario.

    Attributes:
        name: name in the library, or of the file.
        scenario: name or path of the scenario.
        overrides: settings of the runs that are compared with the targets, by dotted key.
        seed: seed of those runs.
        free: dotted keys of the parameters that calibration may move.
        bounds: (low, high) of each of them; those of the set, or of the schema.
        start: value of each of them in the scenario.
        parameters: what the schema says about each of them.
        targets: every target.
    """

    name: str
    scenario: str
    overrides: Mapping[str, Any]
    seed: int
    free: tuple[str, ...]
    bounds: Mapping[str, tuple[float, float]]
    start: Mapping[str, float]
    parameters: Mapping[str, ParameterInfo] = field(repr=False)
    targets: tuple[Target, ...] = field(repr=False)

    @property
    def fitted(self) -> tuple[Target, ...]:
        """Targets that the scenario is fitted to."""
        return tuple(one for one in self.targets if one.role == "fit")

    @property
    def held_out(self) -> tuple[Target, ...]:
        """Targets that only judge the fit."""
        return tuple(one for one in self.targets if one.role == "hold_out")


def library() -> dict[str, Path]:
    """Return the files of the sets that come with finsim, by name."""
    return {path.stem: path for path in sorted(LIBRARY.glob("*.yaml"))}


def load_targets(
    name_or_path: str | Path, *, scenario: str | None = None, period: str | None = None, free: Sequence[str] = ()
) -> TargetSet:
    """Load a set of targets from the library, a YAML file, or a table of a user's own aggregates.

    A table (CSV or Parquet, see `aggregates`) names no scenario and no parameters: scenario, settings of the runs and
    free parameters are those of the set of the scenario, or of the baseline's set where the scenario has none.

    Args:
        name_or_path: name of the library, or path of a YAML, CSV or Parquet file.
        scenario: name or path of a scenario, in place of the one that the set names.
        period: the period of a table to take, where it has several.
        free: dotted keys of the parameters that may move, in place of those that the set names.

    Raises:
        TargetError: there is no such set, or something in it is not allowed.
    """
    path = _find(name_or_path)
    label = path.name
    if period is not None and path.suffix.lower() not in SUFFIXES:
        raise TargetError(f"{label}: has no periods to choose from; only tables have")
    if path.suffix.lower() in SUFFIXES:
        data = {**_settings_for(scenario), "targets": rows_of_table(path, period)}
    else:
        data = _read(path, label)
    if scenario is not None:
        data["scenario"] = scenario
    if free:
        # Bounds that the set gives its own parameters hold for those of them that are chosen.
        given = data.get("free")
        data["free"] = {key: given.get(key) if isinstance(given, Mapping) else None for key in free}
    rebase, figures, rows = data.get("rebase") or {}, load_figures(), data["targets"]
    if not isinstance(rows, list) or not rows:
        raise TargetError(f"{label}: targets must be a list with at least one entry")
    targets = tuple(Target(**target_of(row, number, rebase, figures, label)) for number, row in enumerate(rows, 1))
    check_targets(targets, label)
    base, overrides, seed = _settings(data, path if scenario is None else None, label)
    freed = free_parameters(data.get("free"), _scenario(base, overrides, seed, label), label)
    return TargetSet(
        name=path.stem,
        scenario=base,
        overrides=overrides,
        seed=seed,
        free=tuple(freed),
        bounds={key: bounds for key, (_, bounds, _) in freed.items()},
        start={key: start for key, (start, _, _) in freed.items()},
        parameters={key: info for key, (_, _, info) in freed.items()},
        targets=targets,
    )


def _settings_for(scenario: str | None) -> dict[str, Any]:
    """Return scenario, run, seed and free of the library's set of a scenario, the baseline's where it has none."""
    known = {str(one["scenario"]): one for one in (_read(path, path.name) for path in library().values())}
    chosen = known.get(scenario or ROOT, known[ROOT])
    return {key: chosen[key] for key in ("scenario", "run", "seed", "free") if key in chosen}


def free_parameters(
    asked: Any, scenario: Scenario, label: str
) -> dict[str, tuple[float, tuple[float, float], ParameterInfo]]:
    """Return (value, bounds, metadata) of the parameters that calibration may move, by dotted key.

    Args:
        asked: keys as the file gives them: a list, or a mapping from key to [low, high] or nothing.
        scenario: the scenario that has them.
        label: how messages begin.

    Raises:
        TargetError: a key is unknown, may not be freed, or has bounds that are not allowed.
    """
    if isinstance(asked, list):
        asked = dict.fromkeys(asked)
    if not isinstance(asked, Mapping):
        raise TargetError(f"{label}: free must be a list of dotted keys, or map them to [low, high]")
    known = {key: (value, info) for key, value, info, _ in walk(scenario.parameters)}
    allowed = {key: info for key, (_, info) in known.items() if info.calibratable}
    out: dict[str, tuple[float, tuple[float, float], ParameterInfo]] = {}
    for key, bounds in asked.items():
        if key not in known:
            raise TargetError(f"{label}: free: unknown parameter {key!r}{did_you_mean(str(key), allowed)}")
        value, info = known[key]
        if key not in allowed or not isinstance(value, (int, float)):
            raise TargetError(f"{label}: free: {key} may not be freed; its declaration does not say calibratable")
        out[key] = (float(value), _bounds(bounds, info, f"{label}: free: {key}"), info)
        low, high = out[key][1]
        if not low <= value <= high:
            raise TargetError(
                f"{label}: free: {key} = {value:g} in the scenario, outside its bounds {low:g} to {high:g}"
            )
    return out


def _bounds(bounds: Any, info: ParameterInfo, where: str) -> tuple[float, float]:
    """Return the bounds within which calibration moves a parameter."""
    if bounds is None:
        if info.low is None or info.high is None:
            raise TargetError(f"{where} has no bounds in its declaration; give [low, high]")
        bounds = [info.low, info.high]
    numbers = isinstance(bounds, list) and all(isinstance(b, (int, float)) and not isinstance(b, bool) for b in bounds)
    if not numbers or len(bounds) != 2 or not bounds[0] < bounds[1]:
        raise TargetError(f"{where}: bounds must be [low, high], not {bounds!r}")
    low, high = float(bounds[0]), float(bounds[1])
    if (info.low is not None and low < info.low) or (info.high is not None and high > info.high):
        raise TargetError(f"{where}: bounds {low:g} to {high:g} leave those of the schema, {info.low} to {info.high}")
    if info.transform == "log" and low <= 0:
        raise TargetError(f"{where}: is moved on a log scale; its lower bound must be above 0, not {low:g}")
    return low, high


def _find(name_or_path: str | Path) -> Path:
    text = str(name_or_path)
    known = library()
    if text in known:
        return known[text]
    path = Path(text).expanduser()
    try:
        if path.is_file():
            return path
    except (OSError, ValueError):
        pass
    raise TargetError(f"targets {text!r}: neither in the library nor a file{did_you_mean(text, known)}")


def _read(path: Path, label: str) -> dict[str, Any]:
    """Return the keys of a file of targets."""
    try:
        data = parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YamlError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise TargetError(f"{label}: cannot be read: {reason}") from None
    if not isinstance(data, dict):
        raise TargetError(f"{label}: must hold the keys {', '.join(_KEYS)}")
    for key in data:
        if key not in _KEYS:
            raise TargetError(f"{label}: unknown key {key!r}{did_you_mean(str(key), _KEYS)}")
    for key in ("scenario", "targets"):
        if key not in data:
            raise TargetError(f"{label}: {key} is missing")
    return data


def _settings(data: Mapping[str, Any], path: Path | None, label: str) -> tuple[str, dict[str, Any], int]:
    """Return scenario, settings of a run, and seed; a scenario that a file names may lie beside it."""
    scenario, run, seed = data["scenario"], data.get("run") or {}, data.get("seed", 1)
    if not isinstance(scenario, str):
        raise TargetError(f"{label}: scenario must be a name or a path, not {scenario!r}")
    if not isinstance(run, Mapping):
        raise TargetError(f"{label}: run must map dotted keys to values")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise TargetError(f"{label}: seed must be a whole number, not {seed!r}")
    beside = path.parent / scenario if path is not None else None
    return (str(beside) if beside is not None and beside.is_file() else scenario), dict(run), seed


def _scenario(scenario: str, overrides: Mapping[str, Any], seed: int, label: str) -> Scenario:
    """Return the scenario of a set with the settings of its runs."""
    try:
        return Scenario.load(scenario, overrides, seed)
    except ScenarioError as error:
        raise TargetError(f"{label}: {error}") from None
