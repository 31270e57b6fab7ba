"""What pydantic found wrong, as one sentence for the user."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from finsim.errors import did_you_mean
from finsim.parameters.consistency import Inconsistent
from finsim.parameters.fields import Model, ParameterInfo, parameter_info
from finsim.parameters.tree import shape, show

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_WANTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "a text",
    "list_type": "a list",
    "dict_type": "a section with keys",
    "model_type": "a section with keys",
    "date_type": "a date such as 2025-01-31",
    "date_from_datetime_inexact": "a date such as 2025-01-31",
    "finite_number": "a finite number",
}
"""Type of pydantic's error, and what the value must be."""


def sentence(error: ValidationError, root: type[Model], origin: Callable[[str], str]) -> str:
    """Return one sentence with file, key, value and what is allowed, for the first error that pydantic found.

    Args:
        error: pydantic's finding.
        root: the model that was validated.
        origin: gives, for a dotted key, what the sentence begins with: the file and key, or the setting.
    """
    details = error.errors(include_url=False)
    # A missing key is often only the shadow of a misspelt one, which is reported first.
    first = min(details, key=lambda d: d["type"] == "missing")
    if first["type"] == "value_error" and "error" in first.get("ctx", {}):
        cause = first["ctx"]["error"]
        if isinstance(cause, Inconsistent):
            return f"{origin(cause.key)} {cause}"
    key = ".".join(str(part) for part in first["loc"])
    start = origin(key)
    if first["type"] == "missing":
        return f"{start} is missing"
    if first["type"] == "extra_forbidden":
        return f"{start} is an unknown key{did_you_mean(str(first['loc'][-1]), _siblings(root, first['loc']))}"
    return f"{start} = {show(first['input'])} {_reason(first, _info(root, first['loc']))}"


def _reason(error: ErrorDetails, info: ParameterInfo | None) -> str:
    """Return what is wrong with a value, to be read after it."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in _WANTED:
        return f"must be {_WANTED[kind]}{_bounds(info, ', ')}"
    if kind in ("greater_than_equal", "less_than_equal"):
        return f"is out of range{_bounds(info, '; allowed are ')}"
    if kind == "literal_error":
        allowed = [part.strip("'") for part in str(context["expected"]).replace(" or ", ", ").split(", ")]
        return "is not allowed" + did_you_mean(str(error["input"]), allowed)
    if kind == "value_error" and isinstance(context.get("error"), ValueError):
        return f"is not valid: {context['error']}"
    return f"is not allowed: {error['msg']}"


def _bounds(info: ParameterInfo | None, lead: str) -> str:
    """Return the bounds of a parameter with its unit, or nothing."""
    if info is None or (info.low is None and info.high is None):
        return ""
    unit = f" ({info.unit})" if info.unit not in ("", "date") else ""
    if info.low is None:
        return f"{lead}at most {info.high}{unit}"
    if info.high is None:
        return f"{lead}{info.low} or more{unit}"
    return f"{lead}{info.low} to {info.high}{unit}"


def _siblings(root: type[Model], location: tuple[Any, ...]) -> list[str]:
    """Return the keys that would be allowed in place of the last one of a location."""
    model: type[Model] | None = root
    for part in location[:-1]:
        fields: Mapping[str, Any] = model.model_fields if model else {}
        if part in fields:
            model = shape(fields[part].annotation)[1]
    return list(model.model_fields) if model else []


def _info(root: type[Model], location: tuple[Any, ...]) -> ParameterInfo | None:
    """Return the metadata of the parameter at a location, or None if there is none."""
    model: type[Model] | None = root
    info = None
    for part in location:
        fields: Mapping[str, Any] = model.model_fields if model else {}
        if isinstance(part, str) and part in fields:
            info = parameter_info(fields[part])
            model = shape(fields[part].annotation)[1]
    return info
