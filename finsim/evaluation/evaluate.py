"""`finsim.evaluate`: detectability, leak audit, composition and fidelity of a data set, in one report."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import polars as pl

from finsim.calibration.target_sets import TargetSet, load_targets
from finsim.dataset.reader import Dataset, open_dataset
from finsim.errors import DatasetError, did_you_mean
from finsim.evaluation.composition import composition
from finsim.evaluation.detectability import Judged, detectability
from finsim.evaluation.fidelity import fidelity
from finsim.evaluation.leaks import INFORMATIVE, audit
from finsim.evaluation.metrics import REPEATS
from finsim.evaluation.models import need_scikit_learn
from finsim.evaluation.split import DELAY_DAYS, EvaluationError

PARTS: Final = ("detectability", "leaks", "composition", "fidelity")
WITHOUT_FRAUD: Final = ("composition", "fidelity")
"""Parts that a run without fraud has too."""


@dataclass
class Evaluation:
    """What an evaluation found, plain values throughout.

    Attributes:
        path: of the data set; `scenario` and `seed` of its run.
        detectability: `bands`; of all payments `facts`, `figures` by model, `typologies` by model; the same of remote
            card payments in `remote`; None if not asked for.
        audit: `findings` by group, `tested`, `exclusive`, `turns`; None if not asked for.
        leaks: what gives fraud away, one line each.
        composition: one row a measure beside its published figure; None if not asked for.
        fidelity: `set`, `rows` (moments beside published figures) and `met` by role; None if not asked for.
        notes: what could not be measured, and why.
    """

    path: str
    scenario: str
    seed: int
    detectability: dict[str, Any] | None = None
    audit: dict[str, Any] | None = None
    leaks: list[str] = field(default_factory=list)
    composition: list[dict[str, Any]] | None = None
    fidelity: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing gives fraud away."""
        return not self.leaks

    def to_dict(self) -> dict[str, Any]:
        """Return everything as values that JSON holds; what is not a number is None."""
        out: dict[str, Any] = plain({**asdict(self), "ok": self.ok})
        return out

    def __str__(self) -> str:
        """Return the report as text."""
        from finsim.evaluation.report import as_text

        return as_text(self)


def evaluate(
    data: Dataset | str | Path,
    *,
    parts: Sequence[str] = PARTS,
    delay_days: int = DELAY_DAYS,
    repeats: int = REPEATS,
    targets: str | Path | None = None,
    say: Callable[[str], None] | None = None,
) -> Evaluation:
    """Judge how hard the fraud of a data set is to find, what gives it away, what it consists of, and how real it is.

    Args:
        data: a data set, or its directory.
        parts: which of `detectability`, `leaks`, `composition` and `fidelity`.
        delay_days: days between training and test in which labels are awaited.
        repeats: resamplings for the intervals of detectability; 0 leaves them out.
        targets: name or path of the set of targets for `fidelity`; the one of the run's scenario if None.
        say: told what is under way.

    Returns:
        the report; its `ok` says whether nothing leaks.

    Raises:
        DatasetError: the directory is no data set, or cannot be read.
        TargetError: there is no such set of targets, or something in it is not allowed.
        EvaluationError: a part is unknown, scikit-learn is missing, or the data set is too short for models.
    """
    for part in parts:
        if part not in PARTS:
            raise EvaluationError(f"unknown part {part!r}{did_you_mean(part, PARTS)}; allowed: {', '.join(PARTS)}")
    if delay_days < 0 or repeats < 0:
        raise EvaluationError(f"delay_days and repeats must not be negative; given: {delay_days} and {repeats}")
    if "detectability" in parts:
        need_scikit_learn()
    chosen = load_targets(targets) if targets is not None else None
    opened = data if isinstance(data, Dataset) else open_dataset(data)
    try:
        return _evaluate(opened, parts, delay_days, repeats, chosen, say)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise DatasetError(f"{opened.path} cannot be read; `finsim check` says what is damaged") from error


def _evaluate(
    data: Dataset,
    parts: Sequence[str],
    delay_days: int,
    repeats: int,
    targets: TargetSet | None,
    say: Callable[[str], None] | None,
) -> Evaluation:
    out = Evaluation(str(data.path), str(data.manifest.get("scenario_name", "")), data.seed)
    if not data.truth.select(pl.len()).collect().item():
        out.notes.append("there is no fraud in this data set: nothing to find and nothing to give away")
        parts = [part for part in parts if part in WITHOUT_FRAUD]
    if "detectability" in parts:
        found = detectability(data, delay_days=delay_days, repeats=repeats, say=say)
        out.detectability = {
            "bands": found.verdicts,
            **_stream(found.whole),
            "remote": None if found.remote is None else _stream(found.remote),
        }
        if found.remote is None:
            out.notes.append("too little fraud in remote card payments: the bands stand beside all payments")
        if not found.whole.facts["test_base_rate"]:
            out.notes.append("no fraud is left in the test")
    if "leaks" in parts:
        audited = audit(data, say)
        out.leaks = audited.leaks
        out.audit = {
            "tested": audited.tested,
            "informative": sorted(INFORMATIVE),
            "exclusive": audited.exclusive,
            "turns": audited.turns,
            "findings": {
                group: [{**asdict(one), "verdict": one.verdict} for one in some]
                for group, some in audited.findings.items()
            },
        }
    if "composition" in parts:
        out.composition = composition(data)
    if "fidelity" in parts:
        out.fidelity = fidelity(data, targets)
        if out.fidelity is None:
            out.notes.append(
                f"no set of targets belongs to the scenario {out.scenario!r}: name one to measure fidelity"
            )
    return out


def _stream(judged: Judged) -> dict[str, Any]:
    return {
        "facts": judged.facts,
        "figures": plain(judged.figures),
        "typologies": plain(judged.typologies),
        "learned": sorted(judged.learned),
    }


def plain(value: Any) -> Any:
    """Return a value as dicts, lists, texts and numbers that JSON holds."""
    if hasattr(value, "__dataclass_fields__"):
        return plain(asdict(value))
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
