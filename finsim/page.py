"""Tables of a report, as one self-contained HTML page."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:85rem;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;margin:.5rem 0 2rem}svg{max-width:100%;height:auto}"
    "th,td{padding:.2rem .8rem;border-bottom:1px solid #ddd;text-align:left}"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}.bad{color:#b00020;font-weight:600}.good{color:#1b6e3c}"
)
MARKS: Final = dict.fromkeys(("OUT", "NO", "leak", "not identified", "weak"), "bad") | dict.fromkeys(
    ("in", "yes", "ok", "identified"), "good"
)
"""Cells that say how something came out."""


@dataclass(frozen=True)
class Table:
    """One table of a report.

    Attributes:
        title: above it.
        columns: headings.
        rows: cells as text.
        numbers: positions of the columns that hold numbers.
        note: below the title; may be empty.
    """

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    numbers: tuple[int, ...] = ()
    note: str = ""

    def without(self, *headings: str) -> tuple[tuple[str, ...], list[tuple[str, ...]], tuple[int, ...]]:
        """Return columns, rows and positions of numbers, less some columns that are too wide for a terminal."""
        kept = [place for place, name in enumerate(self.columns) if not name or name not in headings]
        rows = [tuple(row[place] for place in kept) for row in self.rows]
        numbers = tuple(at for at, place in enumerate(kept) if place in self.numbers)
        return tuple(self.columns[place] for place in kept), rows, numbers


def page(title: str, lines: Sequence[str], tables: Iterable[Table], pictures: Sequence[str] = ()) -> str:
    """Return a page with a title, lines of text, tables, and pictures as SVG."""
    parts = [f"<h1>{html.escape(title)}</h1>", *(f"<p>{html.escape(line)}</p>" for line in lines)]
    parts += [_table(table) for table in tables]
    parts += pictures
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _table(table: Table) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in table.columns)
    rows = (
        "".join(_cell(text, place in table.numbers) for place, text in enumerate(row)).join(("<tr>", "</tr>"))
        for row in table.rows
    )
    note = f"<p>{html.escape(table.note)}</p>" if table.note else ""
    body = "".join(rows)
    title = f"<h2>{html.escape(table.title)}</h2>"
    return f"{title}{note}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(text: str, number: bool) -> str:
    mark = MARKS.get(text, "n" if number else "")
    return f'<td class="{mark}">{html.escape(text)}</td>' if mark else f"<td>{html.escape(text)}</td>"


def number(value: Any) -> str:
    """Return a number as a cell, with four digits that count."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def percent(value: float) -> str:
    """Return a share as a percentage."""
    return f"{value:.1%}"
