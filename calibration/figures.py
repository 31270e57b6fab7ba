"""Published figures that parameters rest on and runs are held against, each with its source.

The figures lie in `targets/*.yaml`, one theme a file and one figure a line; `targets/sources.yaml` cites every
source. A figure that is in no source is an assumption: it belongs into a scenario as one, never here.
"""

from __future__ import annotations

import fnmatch
import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finsim.errors import FinsimError, did_you_mean
from finsim.parameters.fields import parse_source
from finsim.parameters.strict_yaml import YamlError, parse_yaml

FOLDER = Path(__file__).parent / "targets"
"""Folder of the figures that come with finsim."""
SOURCES = "sources.yaml"
_SOURCE_KEYS = ("id", "title", "publisher", "year", "url")
_FIGURE_KEYS = ("id", "metric", "segment", "unit", "year", "geography", "source")
_OPTIONAL_KEYS = ("value", "range", "note")
_DEFAULT_KEYS = ("year", "geography", "source", "note")


class FigureError(FinsimError):
    """A file of published figures or of their sources is wrong."""


@dataclass(frozen=True)
class Source:
    """Where figures were published or quoted.

    Attributes:
        id: name by which figures refer to it.
        title: title of the publication.
        publisher: who published it; says so where a report quotes the publication.
        year: year of publication.
        url: address.
    """

    id: str
    title: str
    publisher: str
    year: str
    url: str

    def __str__(self) -> str:
        """Return the citation in one line."""
        return f"{self.title}, {self.publisher}, {self.year}, {self.url}"


@dataclass(frozen=True)
class Figure:
    """One published number, or a range where only bounds were published.

    Attributes:
        id: unique name.
        theme: name of its file.
        metric: what was measured.
        segment: of whom or what.
        value: the number; None where only a range was published.
        low: the number, or the range's lower bound; None if the range is open below.
        high: the number, or the range's upper bound; None if the range is open above.
        unit: unit.
        year: year or years that it describes.
        geography: place that it describes.
        source: where it was published.
        note: how it was computed, or a warning; may be empty.
    """

    id: str
    theme: str
    metric: str
    segment: str
    value: float | None
    low: float | None
    high: float | None
    unit: str
    year: str
    geography: str
    source: Source
    note: str


@functools.cache
def load_sources(folder: Path = FOLDER) -> dict[str, Source]:
    """Return every source by its id.

    Args:
        folder: folder that holds `sources.yaml`.

    Raises:
        FigureError: the file cannot be read, or an entry lacks a part of the citation or comes twice.
    """
    sources: dict[str, Source] = {}
    for row in _rows(folder / SOURCES, "sources"):
        name = _checked(row, SOURCES, _SOURCE_KEYS, ())
        if name in sources:
            raise FigureError(f"{SOURCES}: source {name!r} is given twice")
        sources[name] = Source(**{key: str(row[key]) for key in _SOURCE_KEYS})
    return sources


@functools.cache
def load_figures(folder: Path = FOLDER) -> dict[str, Figure]:
    """Return every published figure by its id.

    Args:
        folder: folder with one YAML file a theme, and `sources.yaml`.

    Raises:
        FigureError: a file cannot be read, or a figure has no source, no number, an unknown key, or comes twice.
    """
    sources = load_sources(folder)
    figures: dict[str, Figure] = {}
    for path in sorted(folder.glob("*.yaml")):
        if path.name == SOURCES:
            continue
        for row in _rows(path, "figures"):
            figure = _figure(row, path, sources)
            if figure.id in figures:
                other = figures[figure.id].theme
                raise FigureError(f"{path.name}: figure {figure.id!r} is given twice; it stands in {other}.yaml too")
            figures[figure.id] = figure
    return figures


def cited(source: str, folder: Path = FOLDER) -> list[Figure | Source]:
    """Return the figures and sources that a parameter names as its source, in the order named.

    Args:
        source: comma separated ids, in which a star stands for any text; `design` and assumptions name none.
        folder: folder of the figures.

    Raises:
        FigureError: an id is neither a figure nor a source.
    """
    known: dict[str, Figure | Source] = {**load_sources(folder), **load_figures(folder)}
    found: dict[str, Figure | Source] = {}
    for pattern in parse_source(source):
        names = fnmatch.filter(known, pattern) if "*" in pattern else [name for name in (pattern,) if name in known]
        if not names:
            raise FigureError(f"{pattern!r} is neither a figure nor a source{did_you_mean(pattern, known)}")
        found.update({name: known[name] for name in names})
    return list(found.values())


def _rows(path: Path, key: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file with its defaults filled in."""
    try:
        data = parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YamlError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise FigureError(f"{path.name}: cannot be read: {reason}") from None
    if not isinstance(data, dict) or not isinstance(data.get(key), list) or not set(data) <= {key, "defaults"}:
        raise FigureError(f"{path.name}: must hold 'defaults' and a list {key!r}, and nothing else")
    defaults = data.get("defaults") or {}
    if not isinstance(defaults, dict) or not set(defaults) <= set(_DEFAULT_KEYS):
        raise FigureError(f"{path.name}: defaults may give {', '.join(_DEFAULT_KEYS)}")
    for row in data[key]:
        if not isinstance(row, dict):
            raise FigureError(f"{path.name}: an entry of {key} must have keys, not be {row!r}")
        yield {**defaults, **row}


def _checked(row: Mapping[str, Any], file: str, needed: tuple[str, ...], optional: tuple[str, ...]) -> str:
    """Return the id of a row, or say which key it lacks or should not have."""
    name = str(row.get("id", "without id"))
    for key in row:
        if key not in (*needed, *optional):
            raise FigureError(f"{file}: {name}: unknown key {key!r}{did_you_mean(str(key), (*needed, *optional))}")
    for key in needed:
        if row.get(key) is None or not str(row[key]).strip():
            raise FigureError(f"{file}: {name}: {key} is missing")
    return name


def _figure(row: Mapping[str, Any], path: Path, sources: Mapping[str, Source]) -> Figure:
    name = _checked(row, path.name, _FIGURE_KEYS, _OPTIONAL_KEYS)
    if row["source"] not in sources:
        hint = did_you_mean(str(row["source"]), sources)
        raise FigureError(f"{path.name}: {name}: source {row['source']!r} is not in {SOURCES}{hint}")
    value, low, high = _number(row, f"{path.name}: {name}")
    text = {key: str(row[key]) for key in _FIGURE_KEYS if key != "source"}
    return Figure(
        theme=path.stem,
        value=value,
        low=low,
        high=high,
        source=sources[row["source"]],
        note=str(row.get("note", "")),
        **text,
    )


def _number(row: Mapping[str, Any], where: str) -> tuple[float | None, float | None, float | None]:
    """Return value, low and high of a figure that gives either `value` or `range`."""
    if ("value" in row) == ("range" in row):
        raise FigureError(f"{where}: must give either value or range")
    if "value" in row:
        value = _finite(row["value"], where)
        return value, value, value
    bounds = row["range"]
    if not isinstance(bounds, list) or len(bounds) != 2 or bounds == [None, None]:
        raise FigureError(f"{where}: range must be [low, high], one of which may be null")
    low, high = (None if bound is None else _finite(bound, where) for bound in bounds)
    if low is not None and high is not None and low > high:
        raise FigureError(f"{where}: range must begin with the lower bound")
    return None, low, high


def _finite(number: Any, where: str) -> float:
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
        raise FigureError(f"{where}: {number!r} is no finite number")
    return float(number)
