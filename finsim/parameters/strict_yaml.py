"""Reading YAML strictly: plain data only, keys once, numbers and dates as a reader takes them.

Against PyYAML's defaults (YAML 1.1): `1e-3` is a number, `1:30` and `yes` are texts, `010` is ten, a key that
is given twice is an error, and so are anchors and aliases, by which a small file can stand for an endless one.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Hashable
from typing import Any, ClassVar

import yaml

LARGEST_FILE = 10_000_000
"""Characters above which a text is refused."""
DEEPEST = 20
"""Levels of nesting above which a text is refused."""

# The same classes in C where the library was built with them, about ten times as fast.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlError(ValueError):
    """A text is no YAML, or uses what is not allowed here; the message names the line."""


class _Loader(_Base):  # type: ignore[misc]
    """Safe loader with the rules of this module."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Build a mapping; refuse a key that is given twice, or is no plain value."""
        mapping: dict[Hashable, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise YamlError(f"line {_line(key_node)}: a key must be a plain word")
            if key in mapping:
                raise YamlError(f"line {_line(key_node)}: key {key!r} is given twice")
            mapping[key] = self.construct_object(value_node, deep=deep)
        return mapping


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _whole(loader: _Loader, node: yaml.ScalarNode) -> int:
    return int(loader.construct_scalar(node).replace("_", ""))


def _number(loader: _Loader, node: yaml.ScalarNode) -> float:
    text = loader.construct_scalar(node).replace("_", "").lower()
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


def _date(loader: _Loader, node: yaml.ScalarNode) -> dt.date:
    text = loader.construct_scalar(node)
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise YamlError(f"line {_line(node)}: {text} is no date of the calendar") from None


def _configure() -> None:
    """Give the loader its readings of plain scalars."""
    rules = (
        ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
        ("int", r"[-+]?[0-9][0-9_]*", list("-+0123456789")),
        (
            "float",
            r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
            list("-+0123456789."),
        ),
        ("timestamp", r"[0-9]{4}-[0-9]{2}-[0-9]{2}", list("0123456789")),
    )
    for name, pattern, first in rules:
        _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{name}", re.compile(rf"^(?:{pattern})$"), first)
    _Loader.add_constructor("tag:yaml.org,2002:int", _whole)
    _Loader.add_constructor("tag:yaml.org,2002:float", _number)
    _Loader.add_constructor("tag:yaml.org,2002:timestamp", _date)


_configure()


def parse_yaml(text: str) -> Any:
    """Return the data of one YAML document; None for an empty one.

    Args:
        text: the document.

    Raises:
        YamlError: it is no YAML, holds several documents, a key twice, an anchor, or a tag of its own.
    """
    if len(text) > LARGEST_FILE:
        raise YamlError(f"larger than {LARGEST_FILE} characters")
    try:
        _check_structure(text)
        return yaml.load(text, Loader=_Loader)
    except YamlError:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        problem = error.problem or error.context
        if "nesting depth" in str(problem):  # PyYAML has a limit of its own from 6.0.4 on
            problem = f"nested deeper than {DEEPEST} levels"
        raise YamlError(f"{line}{problem}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise YamlError(str(error).splitlines()[0]) from None


def _check_structure(text: str) -> None:
    """Refuse aliases and deep nesting in the stream of events, before a recursive reader meets them.

    The reader in C would not raise an error on a hundred thousand brackets but end the process.
    """
    depth = 0
    for event in yaml.parse(text, Loader=_Base):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise YamlError(f"line {line}: anchors and aliases are not allowed")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise YamlError(f"line {line}: nested deeper than {DEEPEST} levels")
