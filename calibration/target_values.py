"""From an entry of a set of targets to a number with unit, error and citation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from finsim.calibration.figures import Figure
from finsim.calibration.registry import find
from finsim.calibration.target_checks import TargetError
from finsim.errors import did_you_mean
from finsim.parameters.fields import parse_source

ROLES: Final = ("fit", "hold_out")
_INLINE = ("value", "range", "unit", "year", "geography", "citation")
_KEYS = ("id", "figure", "moment", "arguments", "standard_error", "tolerance", "role", "weight", "rebase", *_INLINE)
SCALES: Final = {
    ("%", "share"): 0.01,
    ("percent", "share"): 0.01,
    ("% of number", "share"): 0.01,
    ("share", "bp"): 1e4,
    ("%", "bp"): 100.0,
    ("bps", "bp"): 1.0,
}
"""Factors from a figure's unit to a moment's."""
QUALIFIERS: Final = ("of ", "to ", "(upper bin edge)")
"""What may follow a moment's unit in a figure's, as in `share of wage earners`; `USD m` is another unit."""
LIMITS: Final = {"share": (0.0, 1.0), "bp": (0.0, 1e4), "ratio": (0.0, math.inf), "count": (0.0, math.inf)}
"""Between which numbers a moment of a unit lies; amounts and counts are at least 0, logs are anything."""


def target_of(
    row: Any, number: int, rebase: Mapping[str, Any], figures: Mapping[str, Figure], label: str
) -> dict[str, Any]:
    """Return what `Target` is made of.

    Args:
        row: the entry.
        number: its position, from 1.
        rebase: factors that lead to the run's year, by name.
        figures: published figures by id.
        label: how messages begin.

    Raises:
        TargetError: something is missing, unknown or no number.
    """
    if not isinstance(row, dict):
        raise TargetError(f"{label}: target {number} must have keys, not be {row!r}")
    name = str(row.get("id") or row.get("figure") or f"target {number}")
    where = f"{label}: {name}"
    for key in row:
        if key not in _KEYS:
            raise TargetError(f"{where}: unknown key {key!r}{did_you_mean(str(key), _KEYS)}")
    if not isinstance(row.get("moment"), str):
        raise TargetError(f"{where}: moment is missing")
    moment = find(row["moment"], where)
    arguments = row.get("arguments") or {}
    if not isinstance(arguments, dict):
        raise TargetError(f"{where}: arguments must be a mapping")
    arguments = moment.check(arguments, where)
    published = _published(row, figures, where)
    factor, unit, how = _factor(row, published["unit"], moment.unit, rebase, where)
    value, low, high = (None if published[key] is None else published[key] * factor for key in ("value", "low", "high"))
    if value is None and (low is None or high is None):
        raise TargetError(f"{where}: has a range that is open on one side; a target needs both ends or a value")
    middle = value if value is not None else (low + high) / 2  # type: ignore[operator]
    for size in (middle, low, high):
        _check_size(size, moment.unit, published["unit"], where)
    ranged = low is not None and high is not None and low < high
    return {
        "id": name,
        "moment": moment.name,
        "arguments": arguments,
        "value": middle,
        "standard_error": _error(row, middle, factor, (high - low) if ranged else None, where),  # type: ignore[operator]
        "low": low if ranged else None,
        "high": high if ranged else None,
        "unit": unit,
        "role": _role(row, where),
        "weight": _positive(row.get("weight", 1.0), f"{where}: weight"),
        "citation": published["citation"],
        "figure": str(row.get("figure", "")),
        "derived": how,
    }


def _check_size(value: float | None, unit: str, given: str, where: str) -> None:
    """Refuse a number that nothing in its unit can have, as 14 for a share that is 14 %."""
    low, high = LIMITS.get(unit, (-math.inf if unit.startswith("ln ") else 0.0, math.inf))
    if value is not None and not low <= value <= high:
        bounds = f"{low:g} to {high:g}" if high < math.inf else f"{low:g} or more"
        raise TargetError(f"{where}: {value:g} {unit}, given in {given!r}, cannot be: allowed is {bounds}; wrong unit?")


def _published(row: Mapping[str, Any], figures: Mapping[str, Figure], where: str) -> dict[str, Any]:
    """Return value, low, high, unit and citation of the published figure, or of what the entry gives itself."""
    if "figure" in row:
        given = [key for key in _INLINE if key in row]
        if given:
            raise TargetError(f"{where}: gives {given[0]} beside a figure, which has its own")
        return _of_figures(str(row["figure"]), figures, where)
    missing = [key for key in ("id", "unit", "year", "geography", "citation") if not str(row.get(key) or "").strip()]
    if missing:
        what = "a citation" if missing[0] == "citation" else f"{missing[0]}"
        raise TargetError(f"{where}: {what} is missing; name a published figure, or give the number with its source")
    if ("value" in row) == ("range" in row):
        raise TargetError(f"{where}: must give either value or range")
    bounds = row.get("range", [row.get("value")] * 2)
    if not isinstance(bounds, list) or len(bounds) != 2:
        raise TargetError(f"{where}: range must be [low, high]")
    low, high = (_finite(bound, where) for bound in bounds)
    if low > high:
        raise TargetError(f"{where}: range must begin with the lower end")
    citation = f"{row['citation']} ({row['geography']}, {row['year']})"
    value = low if "value" in row else None
    return {"value": value, "low": low, "high": high, "unit": str(row["unit"]), "citation": citation}


def _of_figures(name: str, figures: Mapping[str, Figure], where: str) -> dict[str, Any]:
    """Return value, low, high, unit and citation of a figure, or of the quotient `A / B` of two."""
    parts = [part.strip() for part in name.split(" / ")]
    for part in parts:
        if part not in figures:
            raise TargetError(f"{where}: unknown figure {part!r}{did_you_mean(part, figures)}")
    known = [figures[part] for part in parts]
    citation = "; ".join(f"{one.source} ({one.geography}, {one.year}; {one.id})" for one in known)
    first = known[0]
    if len(known) == 1:
        unit = first.unit
        return {"value": first.value, "low": first.low, "high": first.high, "unit": unit, "citation": citation}
    if len(known) > 2 or known[0].value is None or not known[1].value:
        raise TargetError(f"{where}: a quotient needs two figures with values, the second not 0")
    value = known[0].value / known[1].value
    return {"value": value, "low": value, "high": value, "unit": "ratio", "citation": citation}


def _factor(
    row: Mapping[str, Any], unit: str, wanted: str, rebase: Mapping[str, Any], where: str
) -> tuple[float, str, str]:
    """Return the factor from the published number to the target, the target's unit, and how it is derived."""
    factor, how = 1.0, []
    qualified = unit.startswith(tuple(f"{wanted} {words}" for words in QUALIFIERS))
    if unit != wanted and not qualified:
        if (unit, wanted) not in SCALES:
            raise TargetError(f"{where}: wrong unit {unit!r}; moment {row['moment']} is in {wanted!r}")
        factor = SCALES[unit, wanted]
        how.append(f"{unit} to {wanted}")
    if "rebase" in row:
        name = row["rebase"]
        if not isinstance(rebase, Mapping) or not isinstance(name, str) or name not in rebase:
            known = rebase if isinstance(rebase, Mapping) else ()
            raise TargetError(f"{where}: unknown rebase {name!r}{did_you_mean(str(name), known)}")
        entry = rebase[name]
        if not isinstance(entry, dict) or set(entry) != {"factor", "source"}:
            raise TargetError(f"{where}: rebase {name} must give factor and source")
        try:
            parse_source(str(entry["source"]))
        except ValueError as error:
            raise TargetError(f"{where}: rebase {name}: {error}") from None
        if wanted.startswith("ln "):
            raise TargetError(f"{where}: a figure in logs cannot be re-based by a factor")
        factor *= _positive(entry["factor"], f"{where}: rebase {name}: factor")
        how.append(f"times {entry['factor']:g}, {name}: {entry['source']}")
    return factor, wanted, "; ".join(how)


def _error(row: Mapping[str, Any], value: float, factor: float, width: float | None, where: str) -> float:
    """Return the larger of the sampling error and half the tolerance; a quarter of a range's width without either."""
    candidates = []
    if "standard_error" in row:
        candidates.append(_positive(row["standard_error"], f"{where}: standard_error") * factor)
    if "tolerance" in row:
        candidates.append(0.5 * _tolerance(row["tolerance"], value, f"{where}: tolerance"))
    if not candidates and width:
        candidates.append(width / 4)
    if not candidates:
        raise TargetError(f"{where}: standard_error is missing; give it, a tolerance, or a range")
    return max(candidates)


def _tolerance(given: Any, value: float, where: str) -> float:
    """Return a tolerance in the target's unit; `10 %` is relative to its value."""
    if isinstance(given, str) and given.strip().endswith("%"):
        try:
            share = _positive(float(given.strip().rstrip("% ")), where) / 100
        except ValueError:
            raise TargetError(f"{where}: must be a number or a percentage such as '10 %', not {given!r}") from None
        if value == 0:
            raise TargetError(f"{where}: a part of 0 is none; give it as a number, or a standard_error")
        return abs(value) * share
    return _positive(given, where)


def _role(row: Mapping[str, Any], where: str) -> str:
    role = row.get("role", "fit")
    if role not in ROLES:
        raise TargetError(f"{where}: unknown role {role!r}{did_you_mean(str(role), ROLES)}")
    return str(role)


def _finite(number: Any, where: str) -> float:
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
        raise TargetError(f"{where}: {number!r} is no finite number")
    return float(number)


def _positive(number: Any, where: str) -> float:
    value = _finite(number, where)
    if value <= 0:
        raise TargetError(f"{where}: must be above 0, not {value:g}")
    return value
