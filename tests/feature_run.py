"""A run with a control that keeps what it was handed, shared by the tests of features and training frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import finsim

SMALL = {"population.customers": 1500, "run.days": 8, "run.warm_up_days": 3, "fraud.intensity": 4}


class Keeper:
    """A control that remembers every frame and has no opinion.

    Args:
        features: those that it asks for; all of them if none is named.
    """

    def __init__(self, *features: str) -> None:
        self.features = features or None
        self.frames: list[pl.DataFrame] = []

    def score(self, batch: pl.DataFrame) -> Any:
        self.frames.append(batch)
        return np.zeros(len(batch), dtype=np.float32)

    def seen(self) -> pl.DataFrame:
        """Return everything that it was handed, in order of time."""
        return pl.concat(self.frames).sort("timestamp", "transaction_id")


def run_with(folder: Path, control: Any, scenario: str = "baseline", **overrides: Any) -> finsim.dataset.reader.Dataset:
    return finsim.run(scenario, out=folder, overrides=SMALL | overrides, prepare=lambda e: e.add_control(control))
