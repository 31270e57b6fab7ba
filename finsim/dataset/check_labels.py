"""Labels against the truth: what the manifest says the difference consists of, counted again from the tables."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from finsim.dataset.check_report import Finding
from finsim.dataset.check_source import Source, collect

RANK: Final = {"analyst": 0, "customer": 1, "chargeback": 2, "police": 3, "scheme": 4}
"""Of events at the same time, the lowest wins."""


def check_labels(source: Source) -> list[Finding]:
    """Return counts of the manifest's `labels` and `cut_off_labels` that do not follow from the tables.

    A data set whose manifest has neither is of another writer, and nothing is said.
    """
    stated = source.manifest.get("labels")
    if not isinstance(stated, dict) or not stated:
        return []
    counted = _count(source)
    wrong = {
        f"{kind}.{part}": [f"{_of(stated, kind, part)} instead of {number}"]
        for (kind, part), number in counted.items()
        if _of(stated, kind, part) != number
    }
    cut = source.manifest.get("cut_off_labels")
    if cut != counted["either", "cut_off"]:
        wrong["cut_off_labels"] = [f"{cut} instead of {counted['either', 'cut_off']}"]
    what = "the manifest counts labels that differ from the truth otherwise than the tables do"
    return [Finding("labels", what, len(wrong), dict(wrong))] if wrong else []


def _of(stated: dict[str, Any], kind: str, part: str) -> object:
    parts = stated.get(kind)
    return parts.get(part) if isinstance(parts, dict) else None


def _last(source: Source, *tables: str) -> dict[int, tuple[str, str]]:
    """Return label and source of the event of each transaction that wins in some tables."""
    found: dict[int, tuple[Any, int, str, str]] = {}
    for table in tables:
        words = pl.col("label", "source").cast(pl.String)
        for number, at, label, by in collect(source.frame(table).select("transaction_id", "event_at", words)).rows():
            event = (at, -RANK[by], label, by)
            known = found.get(number)
            if known is None or event[:2] > known[:2]:
                found[number] = event
    return {number: (event[2], event[3]) for number, event in found.items()}


def _count(source: Source) -> dict[tuple[str, str], int]:
    """Return how many transactions differ, by kind of label and by what the difference is."""
    rows = collect(source.frame("truth").select("transaction_id", "is_fraud", "is_laundering")).rows()
    true = {number: "fraud" if fraud else "laundering" if laundering else "" for number, fraud, laundering in rows}
    last, later = _last(source, "label_events"), _last(source, "label_events", "labels_hidden")
    kinds = ("fraud", "laundering", "either")
    counts = {
        (kind, part): 0 for kind in kinds for part in ("unreported", "wrongly_claimed", "wrongly_judged", "cut_off")
    }
    for number in true.keys() | last.keys():
        real, said = true.get(number, ""), last.get(number, ("", ""))
        label = said[0].replace("genuine", "")
        if label == real:
            continue
        if later.get(number, ("", ""))[0].replace("genuine", "") == real:
            part = "cut_off"
        elif not said[0]:
            part = "unreported"
        else:
            part = "wrongly_claimed" if said[1] in ("customer", "chargeback") else "wrongly_judged"
        for kind in {real, label, "either"} - {""}:
            counts[kind, part] += 1
    return counts
