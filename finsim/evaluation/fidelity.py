"""How near a data set comes to the published figures of its scenario's set of targets."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from finsim.calibration.frames import Tables, Views
from finsim.calibration.moments import compute
from finsim.calibration.target_sets import TargetSet, library, load_targets
from finsim.dataset.reader import Dataset
from finsim.errors import ScenarioError
from finsim.scenario import Scenario

NEAR: Final = {"fit": 0.1, "hold_out": 0.25}
"""Shares of the published number within which a moment of each role is met."""


def set_of(data: Dataset) -> TargetSet | None:
    """Return the set of targets that belongs to a run's scenario, or to the nearest scenario that it extends.

    Args:
        data: the data set of the run.
    """
    sets = {one.scenario: one for one in map(load_targets, library())}
    name: str | None = str(data.manifest.get("scenario_name", ""))
    while name is not None:
        if name in sets:
            return sets[name]
        try:
            name = Scenario.load(name).extends
        except ScenarioError:  # a file of the user's, which need not be here any more
            return None
    return None


def fidelity(data: Dataset, targets: TargetSet | str | Path | None = None) -> dict[str, Any] | None:
    """Return simulated moments beside published figures.

    Args:
        data: the data set.
        targets: a set of targets, its name or path; the one that belongs to the run's scenario if None.

    Returns:
        `set`, `rows` (one a target: target, moment, role, published, low, high, simulated, ratio, within, citation) and
        `met` (share of each role that is within); None if no set belongs to the scenario.

    Raises:
        TargetError: there is no such set.
    """
    if isinstance(targets, TargetSet):
        chosen: TargetSet | None = targets
    else:
        chosen = load_targets(targets) if targets is not None else set_of(data)
    if chosen is None:
        return None
    moments = compute(Views(Tables.of_dataset(data)), [(one.moment, one.arguments) for one in chosen.targets])
    rows = []
    for target, simulated in zip(chosen.targets, moments, strict=True):
        value = None if np.isnan(simulated) else float(simulated)
        rows.append(
            {
                "target": target.id,
                "moment": target.call,
                "role": target.role,
                "unit": target.unit,
                "published": target.value,
                "low": target.low,
                "high": target.high,
                "simulated": value,
                "ratio": value / target.value if value is not None and target.value else None,
                "within": target.holds(value, NEAR[target.role]) if value is not None else None,
                "citation": target.citation,
                "derived": target.derived,
            }
        )
    return {"set": chosen.name, "rows": rows, "met": {role: _met(rows, role) for role in NEAR}}


def _met(rows: list[dict[str, Any]], role: str) -> dict[str, Any]:
    """Return number, share within, and the median deviation of the targets of a role."""
    some = [row for row in rows if row["role"] == role]
    known = [row for row in some if row["ratio"] is not None]
    errors = [0.0 if row["low"] is not None and row["within"] else abs(row["ratio"] - 1.0) for row in known]
    return {
        "targets": len(some),
        "within": NEAR[role],
        "share_within": sum(bool(row["within"]) for row in some) / len(some) if some else None,
        "median_error": float(np.median(errors)) if errors else None,
    }
