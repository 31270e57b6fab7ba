"""Simulations of a problem: in parallel over processes, each kept in a file so that none is ever repeated.

The file has one JSON line a simulation, keyed by a hash of what is simulated, the values and the seed. A calibration
that was killed finds there what it had simulated, comes to the same points in the same order and goes on.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final

import numpy as np

from finsim.calibration.problem import CalibrationError, Problem, Simulate, Vector
from finsim.calibration.simulation import SimulationError
from finsim.errors import FinsimError, ScenarioError

THREADS: Final = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Settings of libraries that would otherwise take all cores in every worker."""

Point = tuple[Mapping[str, float], int]
"""Values by dotted key, and a seed."""


class SimulationCache:
    """Moments by key, kept in a file as they come.

    Args:
        path: the file, or None to keep them in memory only.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.moments: dict[str, Vector] = {}
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    entry = json.loads(line)
                    self.moments[entry["key"]] = np.array(entry["moments"], float)
                except (ValueError, KeyError, TypeError):
                    continue  # the line that was being written when the process was killed

    def put(self, key: str, moments: Vector) -> None:
        """Keep the moments of one simulation, (m,)."""
        self.moments[key] = moments
        if self.path is not None:
            text = json.dumps({"key": key, "moments": [float(value) for value in moments]})
            with self.path.open("a", encoding="utf-8") as file:
                # A line that was cut off by a kill must not swallow this one.
                file.write(("\n" if self._is_cut() else "") + text + "\n")

    def _is_cut(self) -> bool:
        assert self.path is not None
        if not self.path.exists() or not self.path.stat().st_size:
            return False
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"


class Simulator:
    """Simulates points of a problem; use it in a `with` block.

    Args:
        problem: what is simulated; its targets do not matter.
        workers: processes; 1 simulates in this one.
        cache: where simulations are kept.
        told: called after each simulation with how many were asked for so far.
    """

    def __init__(
        self,
        problem: Problem,
        workers: int = 1,
        cache: SimulationCache | None = None,
        told: Callable[[int], None] | None = None,
    ) -> None:
        self.problem = problem
        self.workers = workers
        self.cache = cache or SimulationCache()
        self.told = told
        self.asked: set[str] = set()
        self.done = 0
        self._pool: ProcessPoolExecutor | None = None

    @property
    def count(self) -> int:
        """Different simulations that were asked for, simulated now or earlier."""
        return len(self.asked)

    def moments(self, scaled: Vector, seeds: Sequence[int]) -> Vector:
        """Return moments at one point under several seeds, (number of seeds, m); rows of NaN where it is impossible."""
        return self.many([(scaled, seed) for seed in seeds])

    def many(self, points: Iterable[tuple[Vector, int]]) -> Vector:
        """Return moments of points on the common scale, (n, m), in their order.

        A point whose values contradict each other, so that there is no such scenario, gives a row of NaN.

        Raises:
            CalibrationError: a simulation failed otherwise, or its process was ended.
        """
        wanted = [(self.problem.values(scaled), int(seed)) for scaled, seed in points]
        keys = [self._key(values, seed) for values, seed in wanted]
        missing = {key: point for key, point in zip(keys, wanted, strict=True) if key not in self.cache.moments}
        self.asked.update(key for key in keys if key not in missing)
        if missing:
            self._simulate(missing)
        return np.array([self.cache.moments[key] for key in keys]).reshape(len(keys), len(self.problem.moments))

    def _simulate(self, missing: Mapping[str, Point]) -> None:
        if self.workers == 1:
            for key, point in missing.items():
                self._take(key, _one(self.problem.simulate, point, len(self.problem.moments)))
            return
        pool = self._start()
        futures: dict[Future[Vector], str] = {}
        try:
            with _single_threaded():  # the first task that is submitted starts the workers
                for key, point in missing.items():
                    futures[pool.submit(_in_worker, point, len(self.problem.moments))] = key
            for future in as_completed(futures):
                self._take(futures[future], future.result())
        except BrokenProcessPool:
            raise CalibrationError(
                f"{self.problem.name}: a process that simulates was ended from outside, perhaps for want of memory; "
                "fewer workers need less, and what was simulated is kept for the same command. A script needs "
                "`if __name__ == '__main__':` around its calibration, or workers=1"
            ) from None
        except BaseException:
            for future in futures:
                future.cancel()
            raise

    def _take(self, key: str, moments: Vector) -> None:
        self.cache.put(key, moments)
        self.asked.add(key)
        self.done += 1
        if self.told is not None:
            self.told(self.count)

    def _start(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.workers, context, _prepare, (self.problem.simulate,))
        return self._pool

    def _key(self, values: Mapping[str, float], seed: int) -> str:
        text = json.dumps([self.problem.simulation_id, seed, [(k, float(v).hex()) for k, v in sorted(values.items())]])
        return hashlib.sha256(text.encode()).hexdigest()

    def __enter__(self) -> Simulator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=kind is None, cancel_futures=True)


_simulate: Simulate | None = None


def _prepare(simulate: Simulate) -> None:
    """Make a worker ready: it keeps the simulator, and with it all that was imported."""
    global _simulate  # noqa: PLW0603  (a worker's only memory between tasks)
    _simulate = simulate


def _in_worker(point: Point, size: int) -> Vector:
    assert _simulate is not None
    return _one(_simulate, point, size)


def _one(simulate: Simulate, point: Point, size: int) -> Vector:
    values, seed = point
    try:
        moments = np.asarray(simulate(values, seed), float)
    except (ScenarioError, SimulationError):
        return np.full(size, np.nan)
    except FinsimError:
        raise
    except Exception as error:
        at = ", ".join(f"{key} = {value:g}" for key, value in values.items())
        raise CalibrationError(
            f"simulation with seed {seed} and {at} failed: {type(error).__name__}: {error}"
        ) from error
    if moments.shape != (size,):
        raise CalibrationError(f"the simulator gave {moments.size} moments, but the problem has {size}")
    return moments


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Let processes that are started meanwhile use one thread a library; workers are what runs side by side."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
