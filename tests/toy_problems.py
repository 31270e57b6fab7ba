"""Calibration problems whose answers are known: a few formulas in place of an economy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finsim.calibration.problem import FreeParameter, Moment, Problem
from finsim.errors import ScenarioError

NAMES = ("rate", "share", "mean", "spread")
FREE = (
    FreeParameter("rate", 2.0, 0.0, 100.0, "log"),
    FreeParameter("share", 0.3, 0.0, 1.0, "logit"),
    FreeParameter("mean", 5.0, -50.0, 50.0),
    FreeParameter("spread", 1.0, 0.1, 10.0, "log"),
)
TRUTH = {"rate": 3.0, "share": 0.4, "mean": 6.0, "spread": 1.4}
SIZE = 400


@dataclass(frozen=True)
class Sample:
    """Moments of `SIZE` draws of a mixture, of their counts and of their tails, with common random numbers."""

    size: int = SIZE
    refuse_above: float = float("inf")

    def __call__(self, values: Mapping[str, float], seed: int) -> NDArray[np.float64]:
        """Return eight moments of one sample."""
        if values["rate"] > self.refuse_above:
            raise ScenarioError("rate is too large")
        generator = np.random.default_rng(seed)
        uniform, normal = generator.random(self.size), generator.normal(size=self.size)
        waits = generator.exponential(size=self.size) / values["rate"]
        drawn = values["mean"] + values["spread"] * normal
        # A normal variable beside the share's threshold makes its moment smooth, as many customers do.
        members = 1.0 / (1.0 + np.exp(-(np.log(values["share"] / (1 - values["share"])) + uniform - 0.5)))
        return np.array(
            [
                waits.mean(),
                np.mean(waits**2),
                drawn.mean(),
                drawn.std(),
                np.mean(np.abs(drawn - 5.0)),
                members.mean(),
                np.mean(members * drawn),
                np.quantile(drawn, 0.9),
            ]
        )


def sample_problem(seed: int | None, truth: Mapping[str, float] | None = None, **options: float) -> Problem:
    """Return a problem whose targets are one sample at the truth, or the mean of many where the seed is None."""
    simulate = Sample(**options)  # type: ignore[arg-type]
    truth = dict(truth or TRUTH)
    if seed is None:
        targets = np.mean([simulate(truth, 10_000 + k) for k in range(2000)], axis=0)
    else:
        targets = Sample()(truth, 1_000_000 + seed)
    moments = tuple(Moment(f"moment_{k}", float(value), 0.0) for k, value in enumerate(targets))
    return Problem("sample", FREE, moments, simulate, f"sample-{simulate}", sampled=1.0)


@dataclass(frozen=True)
class Line:
    """Moments that are linear in the parameters, and noise of a standard deviation known."""

    matrix: tuple[tuple[float, ...], ...]
    noise: float

    def __call__(self, values: Mapping[str, float], seed: int) -> NDArray[np.float64]:
        """Return the moments of one simulation."""
        noise = np.random.default_rng(seed).normal(size=len(self.matrix)) * self.noise
        return np.array(self.matrix) @ np.array([values[key] for key in sorted(values)]) + noise


def line_problem(
    matrix: NDArray[np.float64], truth: NDArray[np.float64], *, error: float, noise: float = 0.0, shift: float = 0.0
) -> Problem:
    """Return a linear problem whose targets are exact at the truth, but for a shift of the last one."""
    keys = [f"p{k}" for k in range(matrix.shape[1])]
    targets = matrix @ truth
    targets[-1] += shift
    free = tuple(FreeParameter(key, 1.0, -5.0, 5.0, reach=1.0) for key in keys)
    moments = tuple(Moment(f"m{k}", float(value), error) for k, value in enumerate(targets))
    simulate = Line(tuple(map(tuple, matrix.tolist())), noise)
    return Problem("line", free, moments, simulate, f"line-{simulate}")
