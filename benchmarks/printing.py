"""How every benchmark prints: a plain table for people, or JSON for programs."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from typing import Any


def show(title: str, rows: Sequence[Mapping[str, Any]], notes: Sequence[str] = (), *, as_json: bool = False) -> None:
    """Print rows as a table, or with the title and notes as one JSON object.

    Args:
        title: what was measured.
        rows: one mapping a row, all with the same keys; the keys are the headings.
        notes: lines below the table.
        as_json: print JSON instead.
    """
    if as_json:
        print(json.dumps({"title": title, "machine": machine(), "rows": rows, "notes": notes}, indent=2))
        return
    print(f"\n{title}\n{machine()}\n")
    if rows:
        cells = [list(rows[0]), *([text(value) for value in row.values()] for row in rows)]
        widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
        left = [all(isinstance(row[name], str) for row in rows) for name in rows[0]]
        for number, line in enumerate(cells):
            aligned = (
                cell.ljust(width) if first else cell.rjust(width)
                for cell, width, first in zip(line, widths, left, strict=True)
            )
            print("  ".join(aligned).rstrip())
            if number == 0:
                print("  ".join("-" * width for width in widths))
    for note in notes:
        print(note if note.startswith(" ") else f"\n{note}")
    sys.stdout.flush()


def text(value: object) -> str:
    """Return a value as a cell of a table."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:,.2f}" if abs(value) >= 10 else f"{value:.4f}"
    return str(value)


def machine() -> str:
    """Return what the figures were measured on, one line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {cores} cores"
