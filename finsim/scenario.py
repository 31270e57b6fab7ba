"""Scenarios: everything that defines a run, loaded from YAML and validated.

A scenario is a diff: every one but the baseline `extends` another and gives only what differs. Whatever is
wrong with it ends in one `ScenarioError` that names the file, the key, the value and what is allowed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from finsim.errors import ScenarioError, did_you_mean
from finsim.parameters import Parameters
from finsim.parameters.banks import Banks, ModelFile
from finsim.parameters.behaviour import Behaviour
from finsim.parameters.fields import ASSUMPTION, DESIGN, DOCUMENTATION, ENTRY, ParameterInfo, assumption_reason, walk
from finsim.parameters.fraud import Fraud
from finsim.parameters.market import Market
from finsim.parameters.messages import sentence
from finsim.parameters.population import Population
from finsim.parameters.run import Run
from finsim.parameters.strict_yaml import YamlError, parse_yaml
from finsim.parameters.tree import assign, check_keys, merge, show

LIBRARY = Path(__file__).parent / "scenarios"
"""Folder of the scenarios that come with finsim."""
ROOT = "baseline"
"""The one scenario that extends nothing."""
LONGEST_CHAIN = 32
"""Scenarios that may extend one another; a longer chain is taken for a mistake."""


@dataclass(frozen=True)
class _Layer:
    """One file of a chain: its label for messages, its place and its own keys."""

    label: str
    path: Path
    extends: str | None
    data: dict[str, Any]
    calibration: dict[str, Any] | None = None


@dataclass(frozen=True)
class Scenario:
    """A validated scenario; load one with `Scenario.load`.

    Attributes:
        name: name in the library, or the file's name without its suffix.
        extends: the scenario that it extends as the file names it, or None.
        parameters: every value.
        parent: the values of the scenario that it extends; its own file's values if it extends none.
        calibration: how `finsim calibrate` came to the values of the nearest file that says so; it decides nothing.
    """

    name: str
    extends: str | None
    parameters: Parameters
    parent: Parameters
    calibration: dict[str, Any] | None = None

    @staticmethod
    def load(name_or_path: str | Path, overrides: Mapping[str, Any] | None = None, seed: int | None = None) -> Scenario:
        """Load a scenario from the library or a file.

        Args:
            name_or_path: name of the library, or path of a YAML file.
            overrides: values by dotted key, for example `{"population.customers": 5000}`.
            seed: seed of the run, in place of `run.seed`.

        Raises:
            ScenarioError: there is no such scenario, or something in it is not allowed.
        """
        chain = _chain(name_or_path)
        parent = _validate(chain[1:] or chain)
        own = _validate(chain) if len(chain) > 1 else parent
        calibration = next((layer.calibration for layer in chain if layer.calibration is not None), None)
        scenario = Scenario(chain[0].path.stem, chain[0].extends, own, parent, calibration)
        return scenario.replace(overrides or {}, seed) if overrides or seed is not None else scenario

    def replace(self, overrides: Mapping[str, Any], seed: int | None = None) -> Scenario:
        """Return this scenario with some values changed.

        Args:
            overrides: values by dotted key.
            seed: seed of the run, in place of `run.seed`.

        Raises:
            ScenarioError: a key is unknown or a value not allowed.
        """
        if not isinstance(overrides, Mapping):
            raise ScenarioError(f"overrides must map dotted keys to values, not {show(overrides)}")
        data = self.parameters.model_dump()
        changes = dict(overrides) if seed is None else {**overrides, "run.seed": seed}
        for key, value in changes.items():
            plain = value.tolist() if hasattr(value, "tolist") else value  # a number or array of numpy
            data = assign(data, key, plain, Parameters)
        parameters = _parse(data, lambda key: _blame(key, changes))
        return Scenario(self.name, self.extends, parameters, self.parent, self.calibration)

    def __hash__(self) -> int:
        return hash(self.hash)

    @property
    def run(self) -> Run:
        """Dates, ticks, seed and execution."""
        return self.parameters.run

    @property
    def population(self) -> Population:
        """Who lives in the economy."""
        return self.parameters.population

    @property
    def behaviour(self) -> Behaviour:
        """How genuine customers behave."""
        return self.parameters.behaviour

    @property
    def market(self) -> Market:
        """Conditions that everybody shares."""
        return self.parameters.market

    @property
    def banks(self) -> Banks:
        """Institutions and their controls."""
        return self.parameters.banks

    @property
    def fraud(self) -> Fraud:
        """Rings and typologies."""
        return self.parameters.fraud

    @property
    def seed(self) -> int:
        """Seed of every random stream."""
        return self.parameters.run.seed

    @property
    def hash(self) -> str:
        """Hex digest of every value that decides what comes out of a run.

        Threads, partitions and other settings of the execution are left out, and so are name, comments and sources;
        of a fitted model the content counts, not the path.
        """
        values = {key: value for key, value, info in _values(self.parameters) if not info.execution}
        values |= {f"{key}.sha256": model.digest() for key, model in _model_files(self.parameters)}
        text = json.dumps(values, sort_keys=True, default=str, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return all values, section by section, as plain data that JSON can hold."""
        return self.parameters.model_dump(mode="json")

    def describe(self) -> list[dict[str, Any]]:
        """Return one dict a value: key, value, unit, bounds (low, high), source, doc, calibratable."""
        return [
            {
                "key": key,
                "value": value,
                "unit": info.unit,
                "bounds": (info.low, info.high),
                "source": info.source,
                "doc": info.doc,
                "calibratable": info.calibratable,
            }
            for key, value, info in _values(self.parameters)
        ]

    def differences(self) -> list[tuple[str, Any, Any]]:
        """Return (key, value of the parent, own value) of every value that differs; None where there is none."""
        theirs = {key: value for key, value, _ in _values(self.parent)}
        own = {key: value for key, value, _ in _values(self.parameters)}
        keys = [*own, *(key for key in theirs if key not in own)]
        return [(key, theirs.get(key), own.get(key)) for key in keys if theirs.get(key) != own.get(key)]

    def assumptions(self) -> list[dict[str, str]]:
        """Return key and reason of every value that rests on an assumption instead of a published figure."""
        found = [{"key": key, "reason": assumption_reason(info.source)} for key, _, info in _values(self.parameters)]
        found += [
            {"key": key.removesuffix(".derived"), "reason": value.partition(ASSUMPTION)[2].strip()}
            for key, value, _, _ in walk(self.parameters)
            if key.endswith(".derived") and ASSUMPTION in value
        ]
        return [{"key": str(row["key"]), "reason": row["reason"]} for row in found if row["reason"]]


def library() -> dict[str, str]:
    """Return the scenarios that come with finsim: what each asks, by name, the baseline first."""
    paths = sorted(LIBRARY.glob("*.yaml"), key=lambda path: (path.stem != ROOT, path.stem))
    return {path.stem: _question(path) for path in paths}


def parse_settings(settings: Sequence[str]) -> dict[str, Any]:
    """Return overrides from texts such as `run.days=30`, the value read as YAML.

    Args:
        settings: texts of the form KEY=VALUE.

    Raises:
        ScenarioError: a text is not of that form, or a key is given twice.
    """
    overrides: dict[str, Any] = {}
    for text in settings:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not key or not equals or not value:
            raise ScenarioError(f"setting {text!r} must have the form KEY=VALUE, for example run.days=30")
        if key in overrides:
            raise ScenarioError(f"setting {key} is given twice")
        try:
            overrides[key] = parse_yaml(value)
        except YamlError as error:
            raise ScenarioError(f"setting {key} = {show(value)} cannot be read: {error}") from None
    return overrides


def _values(parameters: Parameters) -> Iterator[tuple[str, Any, ParameterInfo]]:
    """Yield (dotted key, value, metadata); what a table says on its sources stands in their metadata."""
    for key, value, info, owner in walk(parameters):
        name = key.rpartition(".")[2]
        if name in DOCUMENTATION and name in type(owner).model_fields:
            continue
        source = getattr(owner, "sources", DESIGN) if info.source == ENTRY else info.source
        yield key, value, replace(info, source=source)


def _model_files(parameters: Parameters) -> Iterator[tuple[str, ModelFile]]:
    """Yield (dotted key, entry) of every fitted model."""
    if parameters.banks.model is not None:
        yield "banks.model", parameters.banks.model
    for row, bank in enumerate(parameters.banks.institutions):
        if bank.model is not None:
            yield f"banks.institutions.{row}.model", bank.model


def _blame(key: str, changes: Mapping[str, Any]) -> str:
    """Return how a sentence on a key begins: the setting itself, or all settings if the key is none of them."""
    if any(key == name or key.startswith(f"{name}.") for name in changes):
        return f"setting {key}"
    return f"setting {', '.join(changes)}: {key}"


def _question(path: Path) -> str:
    """Return the first comment of a file: what the scenario asks."""
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return first.lstrip("# ").strip()


def _find(name_or_path: str | Path, beside: Path | None) -> Path:
    """Return the file of a scenario.

    Args:
        name_or_path: name of the library or path.
        beside: the file that extends it, from whose folder relative paths start; None for the working directory.
    """
    text = str(name_or_path)
    start = f"{beside.name}: extends = {text!r}" if beside else f"scenario {text!r}"
    if not text.strip() or "\0" in text:
        raise ScenarioError(f"{start} is no name of a scenario{did_you_mean(text, library())}")
    if text in library():
        return LIBRARY / f"{text}.yaml"
    path = Path(text).expanduser() if beside is None else beside.parent / Path(text).expanduser()
    try:
        if path.is_dir():
            raise ScenarioError(f"{start} is a directory, not a YAML file")
        if path.is_file():
            return path
        exists = path.exists()
    except OSError as error:
        raise ScenarioError(f"{start} cannot be read: {error.strerror}") from None
    if exists:
        raise ScenarioError(f"{start} is no regular file")
    if path.suffix in (".yaml", ".yml") or len(Path(text).parts) > 1:
        raise ScenarioError(f"{start} does not exist; the library has {', '.join(library())}")
    raise ScenarioError(f"{start} is neither in the library nor a file{did_you_mean(text, library())}")


def _read(path: Path) -> _Layer:
    """Return one file as a layer, its keys checked."""
    label = path.name if path.parent == LIBRARY else str(path)
    try:
        data = parse_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError(f"{label}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ScenarioError(f"{label}: is no text in UTF-8") from None
    except YamlError as error:
        raise ScenarioError(f"{label}: is no valid scenario file: {error}") from None
    if data is None:
        raise ScenarioError(f"{label}: is empty; it must at least say what it extends, as 'extends: {ROOT}'")
    if not isinstance(data, dict):
        raise ScenarioError(f"{label}: must hold keys and values, not {show(data)}")
    extends = data.pop("extends", None)
    if path.resolve() == (LIBRARY / f"{ROOT}.yaml").resolve():
        if extends is not None:
            raise ScenarioError(f"{label}: extends = {show(extends)}, but the {ROOT} extends nothing")
    elif not isinstance(extends, str):
        what = "is missing" if extends is None else f"= {show(extends)} must be a name or a path"
        raise ScenarioError(f"{label}: extends {what}; every scenario extends another, as 'extends: {ROOT}'")
    calibration = data.pop("calibration", None)
    if calibration is not None and not isinstance(calibration, dict):
        raise ScenarioError(f"{label}: calibration must be a section with keys, not {show(calibration)}")
    check_keys(data, Parameters, label)
    _place_models(data, path.parent)
    return _Layer(label, path, extends, data, calibration)


def _place_models(data: Mapping[str, Any], folder: Path) -> None:
    """Let the paths of models start from the folder of the file that names them, where they are found there."""
    banks = data.get("banks") or {}
    for owner in (banks, *(banks.get("institutions") or [])):
        model = owner.get("model")
        path = model.get("path") if isinstance(model, dict) else None
        if isinstance(path, str) and (folder / path).is_file():
            model["path"] = str(folder / path)


def _chain(name_or_path: str | Path) -> list[_Layer]:
    """Return a scenario's file and those that it extends, the nearest first."""
    path = _find(name_or_path, None)
    chain: list[_Layer] = []
    seen: list[Path] = []
    while True:
        place = path.resolve()
        if place in seen:
            names = " -> ".join(p.name for p in [*seen[seen.index(place) :], place])
            raise ScenarioError(f"{chain[-1].label}: extends = {chain[-1].extends!r} makes a circle: {names}")
        if len(chain) >= LONGEST_CHAIN:
            raise ScenarioError(f"{chain[-1].label}: more than {LONGEST_CHAIN} scenarios extend one another")
        seen.append(place)
        chain.append(_read(path))
        extends = chain[-1].extends
        if extends is None:
            return chain
        path = _find(extends, path)


def _validate(chain: Sequence[_Layer]) -> Parameters:
    """Return the parameters of a chain, the nearest file first, over the defaults of the schema.

    A file that gives one key of a section leaves the section's other keys as they are, also where its defaults are
    others than those of its model.
    """
    data: dict[str, Any] = {
        name: field.get_default(call_default_factory=True).model_dump()
        for name, field in Parameters.model_fields.items()
        if not field.is_required()
    }
    for layer in reversed(chain):
        data = merge(data, layer.data)

    def origin(key: str) -> str:
        for layer in chain:
            if _holds(layer.data, key):
                return f"{layer.label}: {key}"
        return f"{chain[0].label}: {key}"

    return _parse(data, origin)


def _holds(data: Any, key: str) -> bool:
    """Return whether a file gives the value at a dotted key, or a list that it lies in."""
    for part in key.split("."):
        if not isinstance(data, Mapping):
            return True
        if part not in data:
            return False
        data = data[part]
    return True


def _parse(data: Mapping[str, Any], origin: Callable[[str], str]) -> Parameters:
    """Return validated parameters, or refuse them in one sentence."""
    try:
        return Parameters.model_validate(data)
    except ValidationError as error:
        raise ScenarioError(sentence(error, Parameters, origin)) from None
