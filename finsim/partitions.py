"""All owners, cut into partitions, and tasks that are done for each of them, in threads where there are some."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from finsim.agents.founding import World
from finsim.clock import Clock
from finsim.outbox import EMPTY
from finsim.partition import Partition
from finsim.records import chosen

T = TypeVar("T")
WORTH_A_THREAD = 20_000
"""Rows from which handing a task to threads costs less than it saves."""


class Partitions:
    """The owners of a world in parts; the result of a run depends neither on their number nor on threads.

    Args:
        count: number of partitions.
        world: the world that the owners live in.
        clock: the run's clock.
        threads: threads of the run.
    """

    def __init__(self, count: int, world: World, clock: Clock, threads: int) -> None:
        self.world = world
        self.clock = clock
        self.threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self.cut(count)

    def cut(self, count: int) -> None:
        """Cut the owners into a number of partitions."""
        edges = np.linspace(0, len(self.world.customers), count + 1).astype(int)
        self._parts = [Partition(int(a), int(b), self.world, self.clock) for a, b in pairwise(edges)]

    def __len__(self) -> int:
        return len(self._parts)

    def __iter__(self) -> Iterator[Partition]:
        return iter(self._parts)

    def __getitem__(self, number: int) -> Partition:
        return self._parts[number]

    def each(self, task: Callable[..., T], *arguments: Iterable[Any], rows: float = np.inf) -> list[T]:
        """Do a task for every partition, in threads where there are some and enough rows to make that worth while.

        Args:
            task: called with a partition and one item of each of arguments.
            arguments: items for the partitions, in their order.
            rows: rows that the task is about.
        """
        threads = min(self.threads, len(self._parts))
        if threads < 2 or rows < WORTH_A_THREAD:
            return list(map(task, self._parts, *arguments))
        if self._pool is None:
            self._pool = ThreadPoolExecutor(threads - 1)
        # This thread does a share itself instead of waiting: the first of each group of partitions.
        work = list(zip(self._parts, *arguments, strict=True))
        others = [None if k % threads == 0 else self._pool.submit(task, *item) for k, item in enumerate(work)]
        own = [task(*item) if other is None else None for item, other in zip(work, others, strict=True)]
        return [mine if other is None else other.result() for mine, other in zip(own, others, strict=True)]  # type: ignore[misc]

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()


def of_owners(rows: NDArray[np.void], part: Partition) -> NDArray[np.void]:
    """Return the rows whose owners are a partition's, as a copy."""
    if not len(rows):
        return EMPTY
    return chosen(rows, (rows["owner"] >= part.first) & (rows["owner"] < part.last))
