"""Declared state: what lives across ticks in Python objects, as JSON; never a pickle.

Values may be None, bool, int, float, str, lists, tuples and dicts of those, numpy arrays, and records
(dataclasses that were registered). Whatever else is found is refused by name when a checkpoint is taken.
"""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")
_RECORDS: dict[str, type] = {}


def record(cls: type[T]) -> type[T]:
    """Register a dataclass whose instances may be part of declared state."""
    _RECORDS[cls.__name__] = cls
    return cls


def encode(value: Any, where: str = "state") -> Any:
    """Return a JSON-able form of a declared value.

    Raises:
        TypeError: the value, or something in it, is not of a declared kind; the message names where it is.
    """
    if value is None or isinstance(value, (bool, str, int, float)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list):
        return [encode(item, f"{where}[{k}]") for k, item in enumerate(value)]
    if isinstance(value, tuple):
        return {"tuple": [encode(item, f"{where}[{k}]") for k, item in enumerate(value)]}
    if isinstance(value, dict):
        return {"dict": [[encode(key, where), encode(item, f"{where}[{key!r}]")] for key, item in value.items()]}
    if isinstance(value, np.ndarray) and value.dtype.names is None and value.dtype != object:
        return {"array": [value.dtype.str, list(value.shape), value.ravel().tolist()]}
    name = type(value).__name__
    if _RECORDS.get(name) is type(value):
        fields = {
            f.name: encode(getattr(value, f.name), f"{where}.{f.name}") for f in dataclasses.fields(_RECORDS[name])
        }
        return {"record": [name, fields]}
    raise TypeError(f"{where} is a {name}, which is not declared state")


def decode(value: Any) -> Any:
    """Return the value that `encode` was given."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    (tag, content), *_ = value.items()
    if tag == "tuple":
        return tuple(decode(item) for item in content)
    if tag == "dict":
        return {decode(key): decode(item) for key, item in content}
    if tag == "array":
        dtype, shape, items = content
        return np.array(items, dtype=np.dtype(dtype)).reshape(shape)
    name, fields = content
    return _RECORDS[name](**{key: decode(item) for key, item in fields.items()})
