"""How a parameter is declared: value, unit, bounds, meaning and source in one place.

Documentation, error messages, studies and calibration all read this metadata, so it is complete or the import fails.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

Transform = Literal["none", "log", "logit"]

DESIGN = "design"
"""Source of a choice about how the simulation runs; it makes no claim about the world."""

DOCUMENTATION = ("sources", "derived")
"""Names of fields that say where the values beside them come from; they change nothing in a run."""

ENTRY = "entry"
"""Source of a value whose entry in the scenario names its own figures, in a field `sources`."""

ASSUMPTION = "assumption:"
"""Prefix of the source of a value that no published figure gives; the reason follows."""


@dataclass(frozen=True)
class ParameterInfo:
    """What is declared about one parameter besides its type and default.

    Attributes:
        unit: unit of the value, empty for a pure number.
        doc: meaning, one line.
        source: ids of figures or sources, `design`, `entry` (the scenario's entry names them), or `assumption: reason`.
        low: smallest allowed value, or None.
        high: largest allowed value, or None.
        transform: scale on which calibration moves the value.
        calibratable: whether calibration may free it.
        execution: whether it says how a run is carried out, not what comes out of it; such values are not hashed.
    """

    unit: str
    doc: str
    source: str
    low: Any = None
    high: Any = None
    transform: Transform = "none"
    calibratable: bool = False
    execution: bool = False

    def __post_init__(self) -> None:
        """Refuse a parameter without meaning or source."""
        if not self.doc.strip():
            raise ValueError("a parameter needs a doc")
        try:
            parse_source(self.source)
        except ValueError as error:
            raise ValueError(f"parameter {self.doc!r}: {error}") from None


def parse_source(source: str) -> tuple[str, ...]:
    """Return the ids that a source names; an empty tuple for `design`, `entry` and an assumption.

    Args:
        source: comma separated ids of figures or sources, `design`, or `assumption: reason`.

    Raises:
        ValueError: the source is empty, or an assumption gives no reason, or an id holds a blank.
    """
    text = source.strip()
    if not text:
        raise ValueError("the source is missing: name a figure, 'design' or 'assumption: reason'")
    if text in (DESIGN, ENTRY):
        return ()
    if text.startswith(ASSUMPTION.rstrip(":")):
        if not text.startswith(ASSUMPTION) or not text[len(ASSUMPTION) :].strip():
            raise ValueError("an assumption must give its reason: 'assumption: reason'")
        return ()
    ids = tuple(part.strip() for part in text.split(","))
    for name in ids:
        if not name or any(c.isspace() for c in name):
            raise ValueError(f"{name!r} is no id of a figure or source")
    return ids


def assumption_reason(source: str) -> str | None:
    """Return the reason if the source is an assumption, else None."""
    text = source.strip()
    return text[len(ASSUMPTION) :].strip() if text.startswith(ASSUMPTION) else None


def param(
    default: Any,
    *,
    unit: str,
    doc: str,
    source: str,
    low: Any = None,
    high: Any = None,
    transform: Transform = "none",
    calibratable: bool = False,
    execution: bool = False,
) -> Any:
    """Declare a parameter; use it as the default of a pydantic field.

    Args:
        default: default value, or `...` where the scenario must give one.
        unit: unit of the value, empty for a pure number.
        doc: meaning, one line.
        source: ids of figures or sources of calibration/targets (comma separated), `design`, `entry`, or
            `assumption: reason`.
        low: smallest allowed value.
        high: largest allowed value.
        transform: scale on which calibration moves the value.
        calibratable: whether calibration may free it.
        execution: whether it says how a run is carried out, not what comes out of it.

    Returns:
        A pydantic field with the bounds as constraints and a `ParameterInfo` as extra metadata.

    Raises:
        ValueError: doc or source is missing (raised when the module is imported).
    """
    info = ParameterInfo(unit, doc, source, low, high, transform, calibratable, execution)
    return Field(default, description=doc, ge=low, le=high, json_schema_extra={"parameter": vars(info).copy()})


def parameter_info(field: FieldInfo) -> ParameterInfo:
    """Return the metadata of a field that was declared with `param`.

    Raises:
        TypeError: the field was declared without `param`.
    """
    extra = field.json_schema_extra
    if not isinstance(extra, dict) or "parameter" not in extra:
        raise TypeError("every field of a scenario model must be declared with param(...)")
    return ParameterInfo(**extra["parameter"])  # type: ignore[arg-type]


class Model(BaseModel):
    """Base of every section of a scenario: frozen, strict about types, unknown keys refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, validate_default=True, protected_namespaces=()
    )

    @field_validator("*", mode="before")
    @classmethod
    def _natural_spelling(cls, value: Any, info: ValidationInfo) -> Any:
        """Accept `1e6` for a whole number, and an ISO text for a date, as a JSON manifest has it."""
        wanted = cls.model_fields[str(info.field_name)].annotation
        if wanted is int and type(value) is float and value.is_integer():
            return int(value)
        if wanted is dt.date and isinstance(value, str):
            try:
                return dt.date.fromisoformat(value)
            except ValueError:
                raise PydanticCustomError("date_type", "must be a date") from None
        return value


def walk(model: BaseModel, prefix: str = "") -> Iterator[tuple[str, Any, ParameterInfo, BaseModel]]:
    """Yield (dotted key, value, metadata, owning model) of every leaf, in order of declaration.

    Entries of a dict are keyed by their name, those of a list of models by their position (`banks.institutions.0`).

    Args:
        model: a section or the root.
        prefix: dotted key of the model itself.
    """
    for name, field in type(model).model_fields.items():
        key, value = f"{prefix}{name}", getattr(model, name)
        children = _children(value)
        if children is None:
            yield key, value, parameter_info(field), model
            continue
        for child_name, child in children:
            yield from walk(child, f"{key}.{child_name}." if child_name else f"{key}.")


def _children(value: Any) -> list[tuple[str, BaseModel]] | None:
    """Return named child models of a value, or None if it is a leaf."""
    if isinstance(value, BaseModel):
        return [("", value)]
    if isinstance(value, dict) and value and all(isinstance(v, BaseModel) for v in value.values()):
        return [(str(name), child) for name, child in value.items()]
    if isinstance(value, list) and value and all(isinstance(v, BaseModel) for v in value):
        return [(str(i), child) for i, child in enumerate(value)]
    return None
