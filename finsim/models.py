"""Fitted models from files: LightGBM text, ONNX, scikit-learn saved with skops; a pickle only where it is allowed.

A file is read when an economy is made, its libraries only then. Whatever is wrong with it ends in one
`ScenarioError` that names the key and the file.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from finsim.errors import ScenarioError, did_you_mean
from finsim.features import INPUTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from finsim.parameters.banks import ModelFile
    from finsim.scenario import Scenario

Predict = Callable[["NDArray[np.float32]"], Any]

EXTRAS: Final = {
    "lightgbm": "lightgbm",
    "onnxruntime": "onnx",
    "skops": "sklearn",
    "sklearn": "sklearn",
    "joblib": "sklearn",
}
"""The optional extra of finsim that brings each library."""

TRUSTED: Final = ("sklearn._loss.", "sklearn.ensemble._hist_gradient_boosting.", "numpy.")
"""Prefixes of types in a skops file that are accepted besides those that skops trusts by itself."""


class FittedModel:
    """A fitted classifier as a control.

    Attributes:
        features: columns that it was fitted on.
        batch: it is handed a matrix.
    """

    batch = "matrix"

    def __init__(self, features: Sequence[str], predict: Predict, kind: str) -> None:
        self.features = tuple(features)
        self.kind = kind
        self._predict = predict

    def score(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probability of fraud of each row, (n,) float32, of a matrix (n, features) float32."""
        return np.asarray(self._predict(batch), dtype=np.float32)


def controls_of(config: Scenario) -> list[tuple[FittedModel, list[int] | None]]:
    """Return the models that a scenario names, each with the rows of the institutions that use it (None: all).

    Raises:
        ScenarioError: a file cannot be used.
    """
    users: dict[tuple[Any, ...], tuple[str, ModelFile, list[int]]] = {}
    institutions = config.banks.institutions
    for row, bank in enumerate(institutions):
        entry = bank.model or config.banks.model
        if entry is not None:
            key = f"banks.institutions.{row}.model" if bank.model else "banks.model"
            identity = (entry.path, entry.allow_pickle, tuple(entry.features))
            users.setdefault(identity, (key, entry, []))[2].append(row)
    return [(load(key, entry), None if len(rows) == len(institutions) else rows) for key, entry, rows in users.values()]


def facts(config: Scenario) -> list[dict[str, Any]]:
    """Return what the manifest says of the models that a scenario names."""
    found = []
    for row, bank in enumerate(config.banks.institutions):
        entry = bank.model or config.banks.model
        if entry is not None:
            model = load(f"banks.institutions.{row}.model", entry)
            found.append(
                {
                    "institution_id": row + 1,
                    "file": Path(entry.path).name,
                    "sha256": entry.digest(),
                    "kind": model.kind,
                    "allow_pickle": entry.allow_pickle,
                    "features": list(model.features),
                }
            )
    return found


def load(key: str, entry: ModelFile) -> FittedModel:
    """Return the model of one entry.

    Args:
        key: dotted key of the entry, for messages.
        entry: the entry.

    Raises:
        ScenarioError: the file cannot be read, needs a library that is missing, or asks for unknown features.
    """
    try:
        raw = Path(entry.path).read_bytes()
    except OSError as error:
        raise ScenarioError(f"{key}.path = {entry.path!r} cannot be read: {error.strerror}") from None
    digest = hashlib.sha256(raw).hexdigest()
    try:
        return _load(entry.path, digest, entry.allow_pickle, tuple(entry.features))
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(str(error.name).partition(".")[0])
        hint = f"pip install 'finsim[{extra}]'" if extra else "install it"
        raise ScenarioError(
            f"{key}.path = {entry.path!r} needs the library {error.name}, which is missing: {hint}"
        ) from None
    except Exception as error:  # whatever a foreign reader raises about a foreign file
        raise ScenarioError(f"{key}.path = {entry.path!r} cannot be used: {error}".replace("\n", " ")) from error


@lru_cache(maxsize=16)
def _load(path: str, digest: str, allow_pickle: bool, names: tuple[str, ...]) -> FittedModel:
    """Return a model; the digest is there so that a file that has changed is read again."""
    suffix = Path(path).suffix.lower()
    if suffix not in READERS:
        raise ValueError(f"a model's file ends in one of {', '.join(READERS)}, not in {suffix!r}")
    if READERS[suffix] is _pickled and not allow_pickle:
        raise ValueError(
            "a pickle can run any code when it is read; save the model with skops, or say allow_pickle: true "
            "beside its path if you trust the file"
        )
    features, predict, kind = READERS[suffix](path)
    features = tuple(features or names)
    if not features:
        raise ValueError("it does not say the names of its features; give them as a list in `features` beside its path")
    if names and features != names:
        raise ValueError(f"it was fitted on {', '.join(features)}, but `features` says {', '.join(names)}")
    for name in features:
        if name not in INPUTS:
            raise ValueError(f"it was fitted on {name!r}, which is no feature of finsim{did_you_mean(name, INPUTS)}")
    return FittedModel(features, predict, kind)


Read = tuple[Sequence[str], Predict, str]


def _lightgbm(path: str) -> Read:
    """Read a text model: with the kernel where that knows all that is in it, else with the library."""
    from finsim.trees import parse

    text = Path(path).read_text(encoding="utf-8")
    trees = parse(text)
    if trees is not None:
        return trees.names, trees.predict, "lightgbm"
    booster = importlib.import_module("lightgbm").Booster(model_str=text)
    return booster.feature_name(), lambda matrix: booster.predict(matrix, num_threads=1), "lightgbm"


def _onnx(path: str) -> Read:
    """Read an ONNX file with one input of floats and one output of probabilities, by any name."""
    runtime = importlib.import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type != "tensor(float)":
        raise ValueError("it must have one input, a tensor of floats with a column for each feature")
    outputs = [out.name for out in session.get_outputs() if out.type == "tensor(float)"]
    if len(outputs) != 1:
        raise ValueError(
            "it must have one output of floats, the probabilities (in skl2onnx: options={'zipmap': False})"
        )
    text = session.get_modelmeta().custom_metadata_map.get("feature_names", "")
    names = json.loads(text) if text.startswith("[") else [name for name in text.split(",") if name]

    def predict(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        out: NDArray[np.float32] = session.run(outputs, {inputs[0].name: matrix})[0]
        return out[:, -1] if out.ndim == 2 else out

    return names, predict, "onnx"


def _skops(path: str) -> Read:
    """Read a scikit-learn estimator saved with skops, whose types are all known to be harmless."""
    skops = importlib.import_module("skops.io")
    unknown = skops.get_untrusted_types(file=path)
    strange = [name for name in unknown if not name.startswith(TRUSTED)]
    if strange:
        raise ValueError(f"it holds types that are not trusted: {', '.join(strange)}")
    return _estimator(skops.load(path, trusted=unknown), "skops")


def _pickled(path: str) -> Read:
    """Read an estimator from a pickle, which can run any code; only where the scenario allows it."""
    return _estimator(importlib.import_module("joblib").load(path), "pickle")


def _estimator(estimator: Any, kind: str) -> Read:
    if not hasattr(estimator, "predict_proba"):
        raise ValueError(f"a {type(estimator).__name__} has no predict_proba: it must be a classifier")
    names = [str(name) for name in getattr(estimator, "feature_names_in_", ())]

    def predict(matrix: NDArray[np.float32]) -> Any:
        if not names:
            return estimator.predict_proba(matrix)[:, -1]
        import pandas as pd

        # Fitted on names, it wants them back: its columns may be chosen by name.
        return estimator.predict_proba(pd.DataFrame(matrix, columns=names, copy=False))[:, -1]

    return names, predict, kind


READERS: Final[dict[str, Callable[[str], Read]]] = {
    ".txt": _lightgbm,
    ".onnx": _onnx,
    ".skops": _skops,
    ".pkl": _pickled,
    ".pickle": _pickled,
    ".joblib": _pickled,
}
"""Reader of each kind of file, by its ending."""
