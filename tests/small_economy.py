"""Small economies for the tests of the engine: founded, run to the end, or looked at while they plan."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from finsim.agents.customer import BUSINESS
from finsim.dataset.context import export_context
from finsim.dataset.memory import MemoryRecorder
from finsim.economy import Economy
from finsim.ids import PLANNED, unmix64

SMALL: dict[str, Any] = {"population.customers": 300, "run.days": 5, "run.warm_up_days": 2, "fraud.intensity": 4}
"""What every test starts from: quick to found, with most typologies in it."""
TICKS = 48


def found(**overrides: Any) -> Economy:
    """Return a small economy that keeps nothing."""
    return Economy("tiny", **{**SMALL, **overrides})


def recorded(kind: type[Economy] = Economy, **overrides: Any) -> tuple[Economy, MemoryRecorder]:
    """Return a small economy before its first tick, and the recorder that will hold all its rows."""
    recorder = MemoryRecorder()
    economy = kind("tiny", recorder, **{**SMALL, **overrides})
    recorder.bind(export_context(economy))
    return economy, recorder


def finish(economy: Economy) -> None:
    """Step to the end of the run."""
    while not economy.is_over:
        economy.step()


def days(economy: Economy, number: int) -> None:
    """Step through whole days."""
    for _ in range(number * economy.clock.ticks_per_day):
        economy.step()


def records(**overrides: Any) -> NDArray[np.void]:
    """Return all exported transactions of a run, (n,) TRANSACTION."""
    economy, recorder = recorded(**overrides)
    finish(economy)
    return recorder.records


def kinds_of_ids(economy: Economy, ids: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return what each transaction id counts: PLANNED, FOLLOW_UP, SUBMITTED, INDUCED or BANK."""
    key = economy.ids.transaction
    return np.array([int(unmix64(number, key)) >> 61 for number in ids], dtype=np.int64)


def plans(economy: Economy, number: int) -> NDArray[np.void]:
    """Step through days and return every request that a customer planned on them, as it was planned."""
    kept = []
    for _ in range(number):
        for _, phase in economy.PHASES[:2]:
            phase(economy)
        for part in economy.partitions:
            planned = part._planned
            kept.append(planned[kinds_of_ids(economy, planned["transaction_id"]) == PLANNED].copy())
        for _, phase in economy.PHASES[2:]:
            phase(economy)
        for _ in range(economy.clock.ticks_per_day - 1):
            economy.step()
    return np.concatenate(kept)


def customer_with(economy: Economy, cents: int = 5_000_000, number: int = 0) -> int:
    """Return the row of an active person with both cards, given some money.

    Args:
        economy: an economy before its first step.
        cents: balance of the checking account.
        number: which of them.
    """
    data = economy.world.customers.data
    active = (data["since_day"] < economy.clock.first_day) & (data["frozen"] == 0) & (data["mule_ring"] < 0)
    row = int(np.flatnonzero(active & (data["segment_code"] != BUSINESS) & (data["cards"] & 5 == 5))[number])
    economy.set_balances(np.array([row]), np.array([cents]))
    return row
