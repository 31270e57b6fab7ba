"""Rounds of authorisation in one tick: what is decided, what follows from it, what has to wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finsim.batches import in_time_order, is_ordered, sorted_rows
from finsim.outbox import EMPTY
from finsim.partition import Outcome
from finsim.partitions import WORTH_A_THREAD, of_owners
from finsim.records import chosen, joined

if TYPE_CHECKING:
    from finsim.economy import Economy

ROUNDS = 8
"""Rounds of authorisation in one tick; what is left then moves to the next tick."""


def authorise_requests(economy: Economy) -> None:
    """Decide on the requests due in this tick, in rounds where one depends on another."""
    scored = economy.scoring is not None and bool(economy.scoring.panel.seats)
    batches = _due(economy, scored)
    parts: list[NDArray[np.void]] = []
    for turn in range(ROUNDS):
        late: list[NDArray[np.void]] = []
        if economy.outbox.children and turn < ROUNDS - 1:
            batches, late = economy.submission.split_waiting(batches)
        asked = np.concatenate([batch["transaction_id"] for batch in batches])
        outcomes = economy.scoring.authorise(batches) if economy.scoring and scored else _authorise(economy, batches)
        done = in_time_order([outcome.rows for outcome in outcomes])
        parts.append(done)
        economy.log.cash(sorted_rows(joined([outcome.cash for outcome in outcomes])))
        due = _follow(economy, outcomes, done, asked)
        due = joined([due, *late]) if late else due
        if not len(due):
            break
        if turn == ROUNDS - 1:
            due["timestamp"] += economy.clock.tick
            economy.outbox.add(due, economy.tick + 1)
            break
        batches = [due] if len(batches) == 1 else [of_owners(due, part) for part in economy.partitions]
        batches = [sorted_rows(batch) for batch in batches]
    rows = parts[0] if len(parts) == 1 else in_time_order(parts)
    economy.decided = rows if is_ordered(rows) else sorted_rows(rows)


def _due(economy: Economy, scored: bool) -> list[NDArray[np.void]]:
    """Return the requests that are due in this tick, (n,) TRANSACTION for each partition, or for all in one.

    Owners that are cut for threads alone are put together where threads are not worth while for so few rows.
    """
    tick_of_day = economy.tick % economy.clock.ticks_per_day
    extra = economy.outbox.take_tick(economy.tick)
    planned = economy.partitions[0].planned(tick_of_day)
    batches = economy.partitions.each(lambda part: part.due(tick_of_day, of_owners(extra, part)), rows=float(planned))
    few = sum(map(len, batches)) < WORTH_A_THREAD
    return [in_time_order(batches)] if few and not scored and economy.config.parameters.run.partitions == 1 else batches


def _authorise(economy: Economy, batches: list[NDArray[np.void]]) -> list[Outcome]:
    end = economy.tick_end
    if len(batches) == 1:
        return [economy.partitions[0].authorise(batches[0], end)]
    return economy.partitions.each(lambda part, batch: part.authorise(batch, end), batches, rows=sum(map(len, batches)))


def _follow(
    economy: Economy, outcomes: list[Outcome], done: NDArray[np.void], asked: NDArray[np.uint64]
) -> NDArray[np.void]:
    """Keep what follows from a round's outcomes, (k,) asked ids; return the part that is due in this tick."""
    follow_ups = [outcome.follow_ups for outcome in outcomes if len(outcome.follow_ups)]
    if economy.outbox.children:
        follow_ups.append(economy.outbox.resolve(done, asked))
    rows = joined(follow_ups) if follow_ups else EMPTY
    if not len(rows):
        return rows
    now = rows["timestamp"] < economy.tick_end
    economy.outbox.add(chosen(rows, ~now), economy.tick)
    due = chosen(rows, now)
    last = economy.world.people.customers["last_timestamp"][due["owner"]]
    due["timestamp"] = np.maximum(due["timestamp"], last + 1_000_000)
    over = due["timestamp"] >= economy.tick_end
    economy.outbox.add(due[over], economy.tick)
    return due[~over]
