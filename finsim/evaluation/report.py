"""The report as tables, for a terminal and as one self-contained HTML page."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from finsim.evaluation.bands import MOST_AUC, MOST_RECALL
from finsim.page import Table, page

if TYPE_CHECKING:
    from finsim.evaluation.evaluate import Evaluation

SHOWN: Final = 12
"""Findings of a group that are shown beside those that fail or come near."""


def blocks(report: Evaluation) -> Iterator[Table]:
    """Yield the tables of a report."""
    if report.detectability is not None:
        yield from _detectability(report.detectability)
    if report.audit is not None:
        yield Table("What gives fraud away", ("leak",), [(line,) for line in report.leaks] or [("nothing found",)])
        yield from _audit(report.audit)
    if report.composition is not None:
        yield Table(
            "Composition beside published figures (one run: for information)",
            ("section", "measure", "simulated", "published", "ratio", "within 1.5", "figure"),
            [
                (
                    row["section"],
                    row["measure"],
                    cell(row["simulated"]),
                    _bounds(row),
                    cell(row["ratio"]),
                    cell(row["within"]),
                    f"{row['figure']} ({row['geography']})" if row["figure"] else "",
                )
                for row in report.composition
            ],
            (2, 3, 4),
        )
    if report.fidelity is not None:
        yield from _fidelity(report.fidelity)


def _fidelity(found: dict[str, Any]) -> Iterator[Table]:
    yield Table(
        f"Fidelity to the published figures of the set {found['set']!r}",
        ("role", "targets", "met if within", "met", "median deviation"),
        [
            (role, cell(one["targets"]), _percent(one["within"]), _percent(one["share_within"]),
             _percent(one["median_error"]))
            for role, one in found["met"].items()
        ],
        (1, 2, 3, 4),
    )  # fmt: skip
    yield Table(
        "Fidelity: targets",
        ("role", "target", "moment", "unit", "published", "simulated", "ratio", "within"),
        [
            (row["role"], row["target"], row["moment"], row["unit"], _published(row), cell(row["simulated"]),
             cell(row["ratio"]), cell(row["within"]))
            for row in found["rows"]
        ],
        (4, 5, 6),
    )  # fmt: skip


def _published(row: dict[str, Any]) -> str:
    """Return the published number or range of a target."""
    return cell(row["published"]) if row["low"] is None else f"{cell(row['low'])} to {cell(row['high'])}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def _detectability(found: dict[str, Any]) -> Iterator[Table]:
    yield Table(
        "Detectability: figures and bands",
        ("figure", "value", "interval", "band", "kept"),
        [(row["figure"], cell(row["value"]), _interval(row), row["band"], cell(row["kept"])) for row in found["bands"]],
        (1,),
    )
    if found["remote"] is not None:
        yield from _stream(found["remote"])
    yield from _stream(found)


def _stream(found: dict[str, Any]) -> Iterator[Table]:
    name = f"Detectability of {found['facts']['stream']}"
    yield Table(
        f"{name}: training and test",
        ("", ""),
        [(fact.replace("_", " "), cell(v)) for fact, v in found["facts"].items()],
    )
    names = list(dict.fromkeys(measure for one in found["figures"].values() for measure in one))
    yield Table(
        f"{name}: models",
        ("model", *(measure.replace("_", " ") for measure in names)),
        [(model, *(_estimate(one.get(measure)) for measure in names)) for model, one in found["figures"].items()],
        tuple(range(1, 1 + len(names))),
    )
    shown = ("roc_auc", "roc_auc_alike", "average_precision", "recall_at_1.0%")
    yield Table(
        f"{name}: typologies",
        ("model", "typology", *(measure.replace("_", " ") for measure in shown)),
        [
            (model, typology, *(_estimate(one[measure]) for measure in shown))
            for model, by in found["typologies"].items()
            for typology, one in by.items()
        ],
        (2, 3, 4, 5),
    )


def _audit(found: dict[str, Any]) -> Iterator[Table]:
    order = {"leak": 0, "suspect": 1, "ok": 2}
    for group, some in found["findings"].items():
        ranked = sorted(some, key=lambda one: (order[one["verdict"]], -_strength(one)))
        shown = [one for place, one in enumerate(ranked) if place < SHOWN or one["verdict"] == "leak"]
        title = f"Leak audit: {group} ({found['tested'][group]:,} tried" + (
            ", for information)" if group in found["informative"] else ")"
        )
        yield Table(
            title,
            ("target", "column", "ROC AUC", "at least", "recall at 0.1 %", "at least", "positives", "verdict"),
            [
                (
                    one["target"],
                    one["columns"],
                    cell(one["roc_auc"]),
                    cell(one["auc_bound"]),
                    cell(one["recall"]),
                    cell(one["recall_bound"]),
                    cell(one["positives"]),
                    one["verdict"],
                )
                for one in shown
            ],
            (2, 3, 4, 5, 6),
        )
    exclusive = [one for one in found["exclusive"] if one["verdict"] != "listed"]
    exclusive += [one for one in found["exclusive"] if one["verdict"] == "listed"][:SHOWN]
    yield Table(
        "Leak audit: values of one sort of row only",
        ("of", "values", "only in", "positives", "genuine", "verdict"),
        [
            (one["of"], one["values"], one["target"], cell(one["positives"]), cell(one["genuine"]), one["verdict"])
            for one in exclusive
        ],
        (3, 4),
    )
    yield Table(
        "Do rates of fraud by value turn between the halves of the time?",
        ("column", "values", "rank correlation"),
        [(row["column"], cell(row["values"]), cell(row["correlation"])) for row in found["turns"]],
        (1, 2),
    )


def _strength(one: dict[str, Any]) -> float:
    """Return how near a finding comes to what is not allowed, 1 being there."""
    return float(max(one["roc_auc"] / MOST_AUC, one["recall"] / MOST_RECALL))


def as_text(report: Evaluation) -> str:
    """Return the report as plain text."""
    lines = [headline(report), *report.notes]
    for block in blocks(report):
        table = [block.columns, *block.rows]
        widths = [max(len(row[k]) for row in table) for k in range(len(block.columns))]
        lines += [
            "",
            block.title,
            *("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in table),
        ]
    return "\n".join(lines)


def as_html(report: Evaluation) -> str:
    """Return the report as one HTML page that needs nothing else."""
    return page("finsim evaluate", [headline(report), *report.notes], blocks(report))


def headline(report: Evaluation) -> str:
    """Return one line on what was judged and how it came out."""
    found = "nothing gives fraud away" if report.ok else f"{len(report.leaks)} leaks"
    return f"{report.path}: scenario {report.scenario}, seed {report.seed}" + (
        f": {found}" if report.audit is not None else ""
    )


def cell(value: Any) -> str:
    """Return a value as a cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:,.2f}" if abs(value) >= 10 else f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _estimate(one: dict[str, Any] | None) -> str:
    if one is None:
        return ""
    return f"{one['value']:.3f}" + (f" ({one['low']:.3f} to {one['high']:.3f})" if one["low"] is not None else "")


def _interval(row: dict[str, Any]) -> str:
    low, high = row["low"], row["high"]
    return f"{low:.3f} to {high:.3f}" if low is not None and not math.isnan(low) else ""


def _bounds(row: dict[str, Any]) -> str:
    if row["published"] is not None or (row["low"] is None and row["high"] is None):
        return cell(row["published"])
    return f"{cell(row['low']) or 'up'} to {cell(row['high']) or 'more'}"
