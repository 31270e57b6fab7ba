"""The running features as they stood when the export began: a file of arrays beside the tables.

`training_frame` goes on from there, so that it gives what controls were served from the first exported day on.
"""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from finsim.errors import DatasetError

NAME: Final = "features.npz.zst"


def write(directory: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Write the arrays, records as plain bytes, compressed, in one step."""
    buffer = io.BytesIO()
    plain = {name: array.view(np.uint8).reshape(-1) if array.dtype.names else array for name, array in arrays.items()}
    np.savez(buffer, **plain)  # type: ignore[arg-type]
    content = buffer.getvalue()
    partial = directory / (NAME + ".tmp")
    with open(partial, "wb") as file:
        file.write(len(content).to_bytes(8, "little"))
        file.write(pa.compress(content, codec="zstd", asbytes=True))
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, directory / NAME)


def describe(directory: Path) -> dict[str, str] | None:
    """Return name and hash of the file for the manifest, or None where a run kept no features."""
    path = directory / NAME
    if not path.exists():
        return None
    return {"file": NAME, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def read(directory: Path, entry: dict[str, str]) -> dict[str, NDArray[Any]]:
    """Return the arrays of a data set.

    Args:
        directory: the data set.
        entry: what the manifest says of the file.

    Raises:
        DatasetError: the file is missing, damaged or another one.
    """
    path = directory / entry["file"]
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from None
    if hashlib.sha256(raw).hexdigest() != entry["sha256"]:
        raise DatasetError(f"{path} is not the file that its manifest names")
    size = int.from_bytes(raw[:8], "little")
    content = pa.decompress(raw[8:], decompressed_size=size, codec="zstd", asbytes=True)
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}
