"""From an operator's month by hours to a scenario that lives through it, and to a set of targets."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from finsim.calibration.hourly_table import HOURS, HourlyTable, TableError, read_hourly_table
from finsim.calibration.target_checks import TargetError
from finsim.calibration.target_sets import load_targets
from finsim.errors import OutputError, ScenarioError
from finsim.parameters.mobile_money import USES
from finsim.scenario import Scenario, library

DIGITS = 5
LEAST_SIGMA = 0.05
ORIGIN = ("citation", "year", "geography")
"""What is said about the figures of a set of targets."""


def month_overlay(table: HourlyTable, unit: float, per_wallet: float, separable: bool = False) -> dict[str, Any]:
    """Return what a scenario has to change to live through a table's month, as its YAML holds it.

    Args:
        table: the month.
        unit: units of the table's currency for one of the scenario's.
        per_wallet: payments a month of all types of a wallet in use; the table does not know how many wallets it is of.
        separable: let each hour's activity be the product of a factor of its day and one of the hour of the day, and
            amounts have one mean and one spread: 54 free numbers for each type instead of 2,160.
    """
    total = table.count.sum()
    uses = {
        name: _use(table, k, unit, per_wallet * table.count[k].sum() / total, separable) for k, name in enumerate(USES)
    }
    return {"run": {"days": table.days}, "behaviour": {"mobile_money": {"table_unit": unit, **uses}}}


def _use(table: HourlyTable, use: int, unit: float, per_month: float, separable: bool) -> dict[str, Any]:
    count, mean = table.count[use], table.mean_of(use)
    if mean <= 0:
        return {"per_month": 1e-4}
    variation = table.variation_of(use)
    activity = count.reshape(-1, HOURS)
    if separable:
        activity = np.outer(activity.sum(axis=1), activity.sum(axis=0)) / max(activity.sum(), 1.0)
    out: dict[str, Any] = {
        # A month of the run has 30.4 days, the table as many as it has.
        "per_month": _short(per_month * (365.25 / 12) / table.days),
        "amount_mean": _short(mean / unit),
        "amount_log_sigma": _short(max(math.sqrt(math.log1p(variation**2)), LEAST_SIGMA)),
        "hours_of_run": [_short(x) for x in activity.ravel() / activity.mean()],
        "amounts_of_run": [],
        "sigmas_of_run": [],
    }
    if not separable:
        ratio = table.deviation[use] / np.maximum(table.mean[use], 1e-12)
        known = np.isfinite(ratio) & (count > 0)
        sigma = np.where(known, np.maximum(np.sqrt(np.log1p(np.where(known, ratio, 0.0) ** 2)), LEAST_SIGMA), 0.0)
        out["amounts_of_run"] = [_short(x) for x in table.mean[use] / mean]
        out["sigmas_of_run"] = [_short(x) for x in sigma]
    return out


def _short(number: float) -> float:
    """Return a number with few digits, as a file for people holds it."""
    return float(f"{number:.{DIGITS}g}")


def overlay_text(overlay: dict[str, Any], extends: str, comment: str) -> str:
    """Return an overlay as the text of a scenario file."""
    import yaml

    body = yaml.safe_dump({"extends": extends, **overlay}, sort_keys=False, default_flow_style=None, width=118)
    return "".join(f"# {line}\n" for line in comment.splitlines()) + body


def month_targets(
    table: HourlyTable, scenario: str, unit: float, *, citation: str, year: str, geography: str
) -> dict[str, Any]:
    """Return a table's month as a set of targets that a scenario can be fitted to, as its YAML holds it.

    Mix, mean amounts and their spread are fitted; the hours of the day, which an overlay gives and a steady scenario
    has from elsewhere, are held out. Tolerances are judgement: the table has no sampling error of its own.

    Args:
        table: the month.
        scenario: name or path of the scenario.
        unit: units of the table's currency for one of the scenario's.
        citation: whose figures these are.
        year: time that they are of.
        geography: place that they are of.
    """
    origin = {"year": year, "geography": geography, "citation": citation}
    total, rows = table.count.sum(), []

    def add(name: str, value: float, kind: str, moment: str, arguments: dict[str, Any], tolerance: str) -> None:
        row = {"id": name, "value": _short(value), "unit": kind, **origin}
        rows.append({**row, "moment": moment, "arguments": arguments, "tolerance": tolerance})

    used = [(k, name) for k, name in enumerate(USES) if table.count[k].any()]
    varied = {name for k, name in used if table.variation_of(k) > 0}  # where deviations are known, and not all 0
    for k, name in used:
        if (k, name) != used[-1] or len(used) < len(USES):  # all shares add up to 1: the last says nothing new
            share = table.count[k].sum() / total
            add(f"share_{name}", share, "share", "wallet_share_of_number", {"use": name}, "4 %")
        mean, local = table.mean_of(k), {"use": name, "unit": unit}
        add(f"mean_{name}", mean, "local ccy", "wallet_ticket_mean", local, "5 %")
        if name in varied:
            add(f"spread_{name}", table.variation_of(k), "ratio", "wallet_ticket_variation", {"use": name}, "15 %")
    by_hour = table.count.sum(axis=0).reshape(-1, HOURS).sum(axis=0) / total
    for hour in np.flatnonzero(by_hour[:-1] > 0.01).tolist():
        add(f"hour_{hour:02d}", by_hour[hour], "share", "wallet_hour_share", {"hour": hour}, "15 %")
        rows[-1]["role"] = "hold_out"
    free = [
        f"behaviour.mobile_money.{name}.{key}"
        for _, name in used
        for key in ("per_month", "amount_mean", *(("amount_log_sigma",) if name in varied else ()))
    ]
    free.remove(f"behaviour.mobile_money.{used[-1][1]}.per_month")  # shares tell how often only against another
    run = {"run.days": table.days, "run.tick_minutes": 120, "fraud.intensity": 0, "behaviour.login_sample": 0}
    return {"scenario": scenario, "run": run, "free": free, "targets": rows}


def import_month(
    path: str | Path,
    out: str | Path,
    *,
    unit: float,
    per_wallet: float,
    extends: str | Path = "mobile_money",
    separable: bool = False,
    targets: str | Path | None = None,
    origin: Mapping[str, str] | None = None,
) -> HourlyTable:
    """Write the scenario of a table's month; the file is complete and a scenario that runs, or is not there.

    Args:
        path: the table, CSV or Parquet.
        out: YAML file to write; it must not exist.
        unit: units of the table's currency for one of the scenario's.
        per_wallet: payments a month of all types of a wallet in use.
        extends: name or path of the scenario that it extends; a path starts from the working directory.
        separable: as for `month_overlay`.
        targets: YAML file for `month_targets`, to which `finsim calibrate` fits `extends`; it must not exist.
        origin: citation, year and geography of the figures; needed with targets.

    Returns:
        the table.

    Raises:
        TableError: the table is wrong, a number is not above 0, or targets have no origin.
        ScenarioError: there is no scenario to extend, or the month is none that its parameters allow.
        OutputError: the file cannot be written, or is there already.
    """
    for name, number in (("unit", unit), ("per_wallet", per_wallet)):
        if not (math.isfinite(number) and number > 0):
            raise TableError(f"{name} = {number!r} must be a number above 0")
    final, second = _writable(Path(out)), None if targets is None else _writable(Path(targets))
    missing = [name for name in ORIGIN if not (origin or {}).get(name)]
    if second is None and len(missing) < len(ORIGIN):
        raise TableError("citation, year and geography are for targets, and no file for targets is named")
    if second is not None and missing:
        raise TableError(f"targets need a {missing[0]}: whose figures these are, of which time and place")
    if second == final:
        raise OutputError(f"{targets}: is the scenario's file too; give another name")
    if Scenario.load(extends).behaviour.mobile_money.active_share <= 0:
        raise ScenarioError(f"{extends}: no wallet is in use there (behaviour.mobile_money.active_share is 0)")
    table = read_hourly_table(path)
    overlay = month_overlay(table, unit, per_wallet, separable)
    text = overlay_text(overlay, _beside(extends, final), f"The month of {Path(path).name}")
    texts = {final: text}
    if second is not None:
        texts[second] = _targets_text(table, extends, second, unit, origin or {})
    drafts = {place: place.with_name(f".{place.stem}.{os.getpid()}{place.suffix}") for place in texts}
    try:
        for place, draft in drafts.items():
            draft.write_text(texts[place], encoding="utf-8")
        _check_month(drafts[final], Path(path).name)
        if second is not None:
            _check_targets(drafts[second], Path(path).name)
        for place, draft in drafts.items():
            os.rename(draft, place)
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
    return table


def _targets_text(table: HourlyTable, extends: str | Path, place: Path, unit: float, origin: Mapping[str, str]) -> str:
    """Return the text of a set of targets that lies at a place."""
    import yaml

    scenario = _beside(extends, place)
    return yaml.safe_dump(month_targets(table, scenario, unit, **origin), sort_keys=False, width=118)


def _check_targets(draft: Path, name: str) -> None:
    """Refuse a month that makes no set of targets, in words about the table."""
    try:
        load_targets(draft)
    except TargetError as error:
        raise TargetError(str(error).replace(draft.name, name)) from None


def _beside(scenario: str | Path, place: Path) -> str:
    """Return how a file at a place names a scenario: by its name, or by its path from there."""
    named = str(scenario)
    return named if named in library() else os.path.relpath(os.path.abspath(scenario), place.parent)


def month_summary(table: HourlyTable) -> list[dict[str, Any]]:
    """Return number, mean amount and number of hours with payments of each type in a table."""
    return [
        {
            "type": name.upper(),
            "count": int(table.count[k].sum()),
            "mean": round(table.mean_of(k), 2),
            "hours": int((table.count[k] > 0).sum()),
        }
        for k, name in enumerate(USES)
    ]


def _writable(out: Path) -> Path:
    """Return where a new scenario file goes, or refuse the place before the work."""
    final = Path(os.path.abspath(out))
    if final.suffix not in (".yaml", ".yml"):
        raise OutputError(f"{out}: a scenario is a .yaml file")
    if os.path.lexists(final):
        raise OutputError(f"{out}: is there already; give another name")
    if not final.parent.is_dir() or not os.access(final.parent, os.W_OK | os.X_OK):
        raise OutputError(f"{out}: cannot be written: {final.parent} is no directory that can be written")
    return final


def _check_month(draft: Path, name: str) -> None:
    """Refuse a month that no scenario can have, such as amounts beyond the bounds, which a wrong unit gives."""
    try:
        Scenario.load(draft)
    except ScenarioError as error:
        reason = str(error).replace(str(draft), name)
        raise ScenarioError(f"{reason} (do unit and per_wallet fit the table?)") from None
