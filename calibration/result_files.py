"""The directory of a calibration: made as `OUT.partial/`, with what was simulated so far, and renamed when complete."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

import yaml

from finsim.dataset.lock import Lock
from finsim.errors import OutputError

if TYPE_CHECKING:
    from finsim.calibration.report import Report

OVERLAY: Final = "calibrated.yaml"
SIMULATIONS: Final = "simulations.jsonl"
_LOCK: Final = "lock"


class ResultDirectory:
    """Where a calibration writes; use it in a `with` block.

    Args:
        out: where the result shall lie.
        overwrite: replace a result that lies there already.

    Raises:
        OutputError: something else lies there, or it cannot be made.
    """

    def __init__(self, out: str | Path, *, overwrite: bool = False) -> None:
        if not str(out) or not Path(os.path.abspath(out)).name:
            raise OutputError(f"{str(out)!r} cannot be an output directory")
        self.final = Path(os.path.abspath(out))
        self.partial = self.final.with_name(self.final.name + ".partial")
        self.overwrite = overwrite
        self._lock = Lock(self.partial / _LOCK)
        self._check()

    def _check(self) -> None:
        if os.path.lexists(self.final):
            if not self.overwrite:
                raise OutputError(f"{self.final} exists already; give another --out, or --overwrite to replace it")
            if self.final.is_symlink() or not (self.final / OVERLAY).is_file():
                raise OutputError(f"{self.final} exists and is no calibration: it is not overwritten")
        parent = self.final.parent
        while not os.path.lexists(parent):
            parent = parent.parent
        if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
            raise OutputError(f"{self.final} cannot be made: {parent} is no directory that can be written")
        if os.path.lexists(self.partial) and not self.partial.is_dir():
            raise OutputError(f"{self.partial}, where the calibration in progress would lie, is not a directory")
        if holder := self._lock.holder():
            raise OutputError(f"{self.partial} is being written by {holder}")

    @property
    def simulations(self) -> Path:
        """The file that keeps simulations; one that a killed calibration left is gone on with."""
        return self.partial / SIMULATIONS

    def __enter__(self) -> ResultDirectory:
        self.partial.mkdir(parents=True, exist_ok=True)
        self._lock.take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def finish(self, report: Report, extends: str) -> None:
        """Write the result and give the directory its name.

        Args:
            report: what was found.
            extends: scenario that the overlay extends: a name of the library, or a path.
        """
        overlay = overlay_of(report, _beside(extends, self.final))
        (self.partial / OVERLAY).write_text(overlay, encoding="utf-8")
        text = json.dumps(report.to_dict(), indent=2, ensure_ascii=False)
        (self.partial / "report.json").write_text(text + "\n", encoding="utf-8")
        (self.partial / "report.html").write_text(report.as_html(), encoding="utf-8")
        if report.posterior is not None:
            report.posterior.frame().write_parquet(self.partial / "posterior.parquet")
        old = self.final.with_name(f"{self.final.name}.replaced-{os.getpid()}")
        if os.path.lexists(self.final):
            os.rename(self.final, old)
        os.rename(self.partial, self.final)
        self._lock.moved(self.final / _LOCK)
        self._lock.release()
        if old.exists():
            shutil.rmtree(old, ignore_errors=True)


def overlay_of(report: Report, extends: str) -> str:
    """Return a scenario as YAML: the estimates over what it extends, and how they came about."""
    fit = report.estimate
    rows = {
        row["key"]: {name: _short(row[name]) for name in ("start", "standard_error", "interval_90")}
        for row in report.parameters()
    }
    found = fit.inference
    documentation = {
        **report.provenance,
        "j_test": {
            "statistic": _short(found.j_statistic),
            "degrees": _short(found.j_degrees),
            "p_value": _short(found.j_p_value),
        },
        "not_identified": [list(one.loadings) for one in fit.identification.unidentified],
        "parameters": rows,
        "correlations": {
            key: [_short(float(value), 3) for value in found.correlations[row, : row + 1]]
            for row, key in enumerate(fit.problem.keys)
        },
    }
    data = {"extends": extends, **_nested(fit.values), "calibration": documentation}
    comment = (
        f"# The scenario {Path(extends).stem} with what `finsim calibrate` fitted to the targets {fit.problem.name}."
    )
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)
    return f"{comment}\n{text}"


def _nested(values: Mapping[str, float]) -> dict[str, Any]:
    """Return values by dotted key as nested sections."""
    tree: dict[str, Any] = {}
    for key, value in values.items():
        *sections, name = key.split(".")
        place = tree
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = value
    return tree


def _short(value: Any, digits: int = 6) -> Any:
    """Return numbers with as many digits as count."""
    if isinstance(value, list):
        return [_short(one, digits) for one in value]
    return float(f"{value:.{digits}g}")


def _beside(scenario: str, out: Path) -> str:
    """Return a scenario as a file in a directory names it: a path relative to there, or its name in the library."""
    from finsim.scenario import library

    return scenario if scenario in library() else os.path.relpath(os.path.abspath(scenario), out)
