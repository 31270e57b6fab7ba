"""manifest.json: what a data set is, written last. A directory without it is not a data set."""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib.metadata
import json
import math
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from finsim.errors import DatasetError

NAME: Final = "manifest.json"
FORMAT: Final = 1
"""Version of the layout of a data set; readers refuse a newer one."""

LIBRARIES: Final = ("numpy", "numba", "mesa", "polars", "pyarrow")


@dataclass(frozen=True)
class RunFacts:
    """What the manifest says of a run.

    Args:
        scenario: the full scenario as given, plain values.
        scenario_name: its name.
        scenario_hash: its hash, without what only says how to run it.
        seed: the run's seed.
        first_day: first exported day.
        last_day: last exported day.
        logins_exported: share of everyday logins that stand in `events`; 1 where none were left out.
        pending_labels: reports and decisions that were due after the end and are not exported.
        labels: transactions whose last label is not their truth, by kind of label and by what the difference is, as
            `finsim.dataset.label_account.account` counts them.
        typologies: names of the typologies that the run knew, also those from outside the project.
        assumptions: parameters whose source is an assumption, each with its reason.
        models: fitted models in the loop, each with the institution, the file's hash and whether it was a pickle.
        features: file and hash of the running features when the export began; None where none were kept.
        summary: the closing summary.
        timings: seconds and the like; no part of the content.
    """

    scenario: Mapping[str, Any]
    scenario_name: str
    scenario_hash: str
    seed: int
    first_day: dt.date
    last_day: dt.date
    logins_exported: float = 1.0
    pending_labels: int = 0
    labels: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    typologies: Sequence[str] = ()
    assumptions: Sequence[Mapping[str, Any]] = ()
    models: Sequence[Mapping[str, Any]] = ()
    features: Mapping[str, str] | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)
    timings: Mapping[str, Any] = field(default_factory=dict)


def build(
    run: RunFacts, *, rows: Mapping[str, int], content: Mapping[str, str], parts: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the manifest of a finished run.

    Args:
        run: what is known of the run.
        rows: number of rows of each table.
        content: content hash of each table.
        parts: every file, as `Part.to_dict` gives it.
    """
    return {
        "format": FORMAT,
        "scenario_name": run.scenario_name,
        "scenario": dict(run.scenario),
        "scenario_hash": run.scenario_hash,
        "seed": run.seed,
        "versions": versions(),
        "first_day": run.first_day.isoformat(),
        "last_day": run.last_day.isoformat(),
        "rows": dict(rows),
        "content": dict(content),
        "content_hash": content_hash(rows, content),
        "logins_exported": run.logins_exported,
        "pending_labels": run.pending_labels,
        "cut_off_labels": run.labels.get("either", {}).get("cut_off", 0),
        "labels": {kind: dict(parts) for kind, parts in run.labels.items()},
        "typologies": list(run.typologies),
        "assumptions": [dict(assumption) for assumption in run.assumptions],
        "models": [dict(model) for model in run.models],
        "features": dict(run.features) if run.features else None,
        "summary": dict(run.summary),
        "host": {"machine": platform.machine(), "system": platform.system(), "processors": os.cpu_count()},
        "timings": dict(run.timings),
        "parts": [dict(part) for part in parts],
    }


def content_hash(rows: Mapping[str, int], content: Mapping[str, str]) -> str:
    """Return the hash of a whole data set, 32 hexadecimal digits, from rows and content hash of each table.

    It does not depend on how the rows are cut into files, on the host or on timings.
    """
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(content):
        digest.update(f"{name}:{rows.get(name, 0)}:{content[name]}\n".encode())
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of finsim, Python and the libraries that results depend on, without importing them."""
    import finsim

    found = {"finsim": str(getattr(finsim, "__version__", "unknown")), "python": platform.python_version()}
    for name in LIBRARIES:
        module = sys.modules.get(name)
        try:
            found[name] = str(getattr(module, "__version__", "")) or importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "none"
    return found


def write(directory: Path, manifest: Mapping[str, Any]) -> None:
    """Write manifest.json in one step, and make sure that it is on disk."""
    partial = directory / (NAME + ".tmp")
    with open(partial, "w", encoding="utf-8") as file:
        json.dump(_plain(manifest), file, indent=1, ensure_ascii=False, allow_nan=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, directory / NAME)


def read(path: str | Path) -> dict[str, Any]:
    """Return the manifest of a data set.

    Raises:
        DatasetError: the directory is no data set, or one of a newer format.
    """
    directory = Path(path)
    if not directory.is_dir():
        what = "is a file" if directory.exists() else "does not exist"
        raise DatasetError(f"{directory} {what}: a data set is a directory with a {NAME}{_unfinished(directory)}")
    try:
        text = (directory / NAME).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DatasetError(f"{directory} is no data set: it has no {NAME}{_unfinished(directory)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{directory / NAME} cannot be read: {error}") from error
    try:
        manifest = json.loads(text)
    except ValueError as error:
        raise DatasetError(f"{directory / NAME} is no JSON: {error}") from error
    if not isinstance(manifest, dict):
        raise DatasetError(f"{directory / NAME} is no finsim manifest")
    for key in ("format", "rows", "parts", "seed"):
        if key not in manifest:
            raise DatasetError(f"{directory / NAME} is no finsim manifest: it has no {key!r}")
    if manifest["format"] != FORMAT:
        raise DatasetError(f"{directory} has format {manifest['format']!r}, this finsim reads {FORMAT}")
    return manifest


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it: numpy's numbers as Python's, dates as texts, what is not finite as null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (str, int)) else str(value)


def _unfinished(directory: Path) -> str:
    """Return a hint where an unfinished run lies at or beside a directory."""
    if directory.name.endswith(".partial") and directory.is_dir():
        return "; it is a run that has not finished"
    beside = directory.with_name(directory.name + ".partial") if directory.name else directory
    return f"; an unfinished run lies at {beside}" if directory.name and beside.is_dir() else ""
