"""The tree of a scenario's keys: what may stand where, merging one file over another, dotted keys.

Data are plain dicts as YAML gives them; the schema is the tree of pydantic models. A section is a model, a
table a dict of models whose entries the user names, a list holds models by position; everything else is a value.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, Union, get_args, get_origin

from finsim.errors import ScenarioError, did_you_mean
from finsim.parameters.fields import Model

Kind = Literal["section", "table", "list", "value"]


def shape(annotation: Any) -> tuple[Kind, type[Model] | None]:
    """Return what an annotation declares and the model inside, if there is one."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return "section", annotation
    arguments = get_args(annotation)
    if get_origin(annotation) in (Union, types.UnionType):
        arguments = tuple(a for a in arguments if a is not type(None))
        return shape(arguments[0]) if len(arguments) == 1 else ("value", None)
    if arguments and isinstance(arguments[-1], type) and issubclass(arguments[-1], Model):
        kind: Kind = "table" if get_origin(annotation) is dict else "list"
        return kind, arguments[-1]
    return "value", None


def check_keys(data: Mapping[Any, Any], model: type[Model], origin: str, prefix: str = "") -> None:
    """Refuse unknown keys, and values where a section belongs.

    Args:
        data: what one file gives for the model.
        model: the section that the data should describe.
        origin: file name for messages.
        prefix: dotted key of the section with a final dot, or empty.

    Raises:
        ScenarioError: the first thing that does not fit.
    """
    for name, value in data.items():
        key = f"{prefix}{name}"
        field = model.model_fields.get(name) if isinstance(name, str) else None
        if field is None:
            raise ScenarioError(f"{origin}: unknown key {key!r}{_nearest(str(name), model.model_fields, prefix)}")
        kind, inner = shape(field.annotation)
        if inner is None:
            if isinstance(value, Mapping):
                raise ScenarioError(f"{origin}: {key} must be a value, not a section with keys of its own")
            continue
        if value is None and type(None) in get_args(field.annotation):
            continue  # an optional section that is not there
        if kind == "list" and not isinstance(value, list):
            raise ScenarioError(f"{origin}: {key} must be a list of entries, not {show(value)}")
        if kind != "list" and not isinstance(value, Mapping):
            raise ScenarioError(f"{origin}: {key} must be a section with keys, not {show(value)}")
        for entry_key, entry in _entries(kind, key, value):
            if not isinstance(entry, Mapping):
                raise ScenarioError(f"{origin}: {entry_key} must be a section with keys, not {show(entry)}")
            check_keys(entry, inner, origin, f"{entry_key}.")


def _entries(kind: Kind, key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, data) of the models inside a value."""
    if kind == "section":
        yield key, value
    elif kind == "table":
        yield from ((f"{key}.{name}", entry) for name, entry in value.items())
    else:
        yield from ((f"{key}.{i}", entry) for i, entry in enumerate(value))


def merge(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Return base with change laid over it: sections and tables key by key, values and lists as a whole."""
    merged = dict(base)
    for name, value in change.items():
        old = merged.get(name)
        merged[name] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def assign(data: dict[str, Any], key: str, value: Any, root: type[Model]) -> dict[str, Any]:
    """Return data with one dotted key set.

    Args:
        data: every value of a scenario, as its root model dumps them.
        key: dotted key of a value, for example `population.customers` or `banks.institutions.0.share`.
        value: what it shall be.
        root: the model of the whole tree.

    Raises:
        ScenarioError: the key is unknown, or names a section.
    """
    parts = key.split(".") if isinstance(key, str) else [str(key)]
    changed: dict[str, Any] = _assign(data, parts, (), value, ("section", root))
    return changed


def _assign(
    data: Any, parts: list[str], done: tuple[str, ...], value: Any, where: tuple[Kind, type[Model] | None]
) -> Any:
    """Return data, which lie at the key `done`, with the value at the key `parts` within them."""
    kind, model = where
    key = ".".join((*done, *parts))
    if not parts:
        if kind in ("section", "table"):
            example = ".".join((*done, next(iter(data or ()), "KEY")))
            raise ScenarioError(f"setting {key}: {key} is a section; set one of its keys, for example {example}")
        if kind == "value" and isinstance(value, Mapping):
            raise ScenarioError(f"setting {key}: {key} is a value, not a section")
        return value
    name, rest = parts[0], parts[1:]
    if kind in ("list", "value"):
        return _assign_item(data, name, rest, done, value, model)
    data = data or {}  # an optional section may not be there yet
    declared = model.model_fields if kind == "section" and model else data
    if name not in declared:
        prefix = "".join(f"{part}." for part in done)
        hint = _suggest(name, model, prefix) if kind == "section" and model else _nearest(name, data, prefix)
        raise ScenarioError(f"setting {key}: unknown key {prefix + name!r}{hint}")
    inner = shape(model.model_fields[name].annotation) if kind == "section" and model else ("section", model)
    return {**data, name: _assign(data.get(name), rest, (*done, name), value, inner)}


def _assign_item(
    data: Any, name: str, rest: list[str], done: tuple[str, ...], value: Any, model: type[Model] | None
) -> Any:
    """Set (a part of) one item of a list."""
    whole = ".".join(done)
    key = ".".join((*done, name, *rest))
    if not isinstance(data, list):
        raise ScenarioError(f"setting {key}: unknown key; {whole} is a single value")
    if not name.isdecimal() or int(name) >= len(data):
        raise ScenarioError(f"setting {key}: {whole} is a list of {len(data)}; name an item by its position from 0")
    items = list(data)
    items[int(name)] = _assign(data[int(name)], rest, (*done, name), value, ("section" if model else "value", model))
    return items


def _suggest(name: str, model: type[Model], prefix: str) -> str:
    """Return a hint for an unknown name in a section: its nearest sibling, or the same name in another section."""
    if not prefix:
        leaves = {
            field: f"{section}.{field}"
            for section, info in model.model_fields.items()
            for field in _fields(info.annotation)
        }
        near = difflib.get_close_matches(name, [*leaves, *model.model_fields], n=1, cutoff=0.7)
        if near and near[0] in leaves:
            return f"; did you mean {leaves[near[0]]!r}?"
    return _nearest(name, model.model_fields, prefix)


def _nearest(name: str, allowed: Iterable[str], prefix: str) -> str:
    """Return the nearest of the allowed names as a dotted key, or all of them."""
    near = difflib.get_close_matches(name, list(allowed), n=1, cutoff=0.6)
    return f"; did you mean {prefix + near[0]!r}?" if near else did_you_mean(name, allowed)


def _fields(annotation: Any) -> Iterator[str]:
    kind, model = shape(annotation)
    return iter(model.model_fields if kind == "section" and model else ())


def show(value: Any) -> str:
    """Return a value as a message shows it, cut where it is long."""
    if value is None:
        return "nothing (null)"
    text = str(value) if not isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
