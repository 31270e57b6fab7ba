"""Runs that are compared seed by seed: several at once, and intervals of means and of ratios of means."""

from __future__ import annotations

import math
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
from scipy.stats import t as student

Interval = tuple[float, float, float]


def side_by_side(measure: Callable[..., Any], jobs: Sequence[tuple[Any, ...]], processes: int) -> list[Any]:
    """Return what a function of the calling module gives for each tuple of arguments, in their order.

    Several processes get one thread each for linear algebra and Polars, where the environment does not say otherwise.
    """
    if processes > 1:  # more threads than cores stand in each other's way
        for name in ("OMP_NUM_THREADS", "POLARS_MAX_THREADS"):
            os.environ.setdefault(name, "1")
    # Fresh processes: Polars must not be forked.
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        return [one.result() for one in [pool.submit(measure, *job) for job in jobs]]


def mean_interval(values: Sequence[float]) -> Interval:
    """Return the mean and its 95 % interval by Student's t."""
    n = len(values)
    half = float(student.ppf(0.975, n - 1)) * float(np.std(values, ddof=1)) / math.sqrt(n)
    mean = float(np.mean(values))
    return mean, mean - half, mean + half


def ratio_interval(above: Sequence[float], below: Sequence[float]) -> Interval:
    """Return the ratio of two means over the same seeds and its 95 % interval by the jackknife.

    A mean of ratios would be too high, since a seed whose denominator happens to be small weighs most
    (Quenouille, "Notes on Bias in Estimation", Biometrika 1956).
    """
    x, y = np.asarray(above, float), np.asarray(below, float)
    n = len(x)
    ratio = x.sum() / y.sum()
    left_out = (x.sum() - x) / (y.sum() - y)
    return mean_interval(list(n * ratio - (n - 1) * left_out))
