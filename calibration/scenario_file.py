"""Estimates written into the lines of a scenario file, where its comments stay as they are."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import yaml

from finsim.errors import OutputError, ScenarioError
from finsim.scenario import Scenario

if TYPE_CHECKING:
    from finsim.calibration.problem import Problem
    from finsim.calibration.report import Report

DIGITS: Final = 4
"""Digits of an estimate in a scenario file, more than any standard error asks for."""
ERROR_DIGITS: Final = 2
HEADING: Final = "# Where fitted values come from, and how sure they are; nothing in a run hangs on it."
SECTION: Final = re.compile(rf"^(?:{re.escape(HEADING)}\n)?calibration:.*\n?(?:(?:[ \t]+.*)?\n)*", re.MULTILINE)
"""The section of a scenario file that says where its values come from."""


def check_file(path: Path, problem: Problem) -> None:
    """Refuse a file that could not take the estimates of a problem, before the work.

    Raises:
        ScenarioError: it is no scenario, is not the one that is fitted, or has no line of its own for a parameter.
        OutputError: it cannot be written.
    """
    if not path.is_file() or not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK | os.X_OK):
        raise OutputError(f"{path}: estimates go into a scenario file that is there and can be written")
    Scenario.load(path)
    numbers = _numbers(path.read_text(encoding="utf-8"), path)
    for parameter in problem.parameters:
        place = numbers.get(parameter.key)
        if place is None:
            raise ScenarioError(
                f"{path}: has no line for {parameter.key}, which is fitted; write its value there first"
            )
        if float(place.value) != parameter.start:
            raise ScenarioError(
                f"{path}: {parameter.key} is {place.value} there and {parameter.start:g} in the scenario that is fitted"
            )


def write_estimates(path: Path, report: Report) -> None:
    """Put rounded estimates in place of the numbers in a scenario file, and below how they came about.

    The file is complete at every moment.

    Args:
        path: the file; `check_file` has accepted it.
        report: what was found.

    Raises:
        ScenarioError: the file has been changed so that it has no line for a parameter, or takes no such value.
    """
    text = path.read_text(encoding="utf-8")
    numbers = _numbers(text, path)
    values = report.estimate.values
    if missing := sorted(set(values) - set(numbers)):
        raise ScenarioError(f"{path}: has no line for {missing[0]}, which was fitted; it is left as it is")
    short = {key: rounded(value) for key, value in values.items()}
    Scenario.load(path).replace({key: float(value) for key, value in short.items()})
    for key in sorted(short, key=lambda key: numbers[key].start_mark.index, reverse=True):
        place = numbers[key]
        text = text[: place.start_mark.index] + short[key] + text[place.end_mark.index :]
    draft = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        draft.write_text(f"{SECTION.sub('', text).rstrip()}\n{_section(report)}", encoding="utf-8")
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def rounded(value: float, digits: int = DIGITS) -> str:
    """Return a number as a scenario file holds it."""
    return np.format_float_positional(float(f"{value:.{digits}g}"), trim="-")


def _section(report: Report) -> str:
    """Return where values come from and how sure they are, as the last section of a scenario file."""
    came = report.provenance
    facts: dict[str, Any] = {name: came[name] for name in ("targets", "targets_sha256", "finsim")}
    facts["seeds"] = " to ".join(map(str, came["seeds"]))
    facts["simulations"] = report.estimate.simulations
    facts["standard_errors"] = {
        row["key"]: float(rounded(row["standard_error"], ERROR_DIGITS)) for row in report.parameters()
    }
    # One line a parameter: what a fit changed is then seen by its line.
    body = yaml.safe_dump({"calibration": facts}, sort_keys=False, width=118)
    return f"{HEADING}\n{body}"


def _numbers(text: str, path: Path) -> dict[str, yaml.ScalarNode]:
    """Return the scalars of a YAML text by dotted key."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise ScenarioError(f"{path}: is no scenario")
    found: dict[str, yaml.ScalarNode] = {}

    def walk(node: yaml.MappingNode, sections: Sequence[str]) -> None:
        for key, value in node.value:
            at = (*sections, str(key.value))
            if isinstance(value, yaml.MappingNode):
                walk(value, at)
            elif isinstance(value, yaml.ScalarNode):
                found[".".join(at)] = value

    walk(root, ())
    return found
