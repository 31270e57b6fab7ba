"""Batches: compiled helpers that gather, order, merge and search arrays of requests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.compile import kernel, njit, prefetch
from finsim.ids import day_of
from finsim.records import chosen

AHEAD = 8
"""Rows from one that is asked for to the one that is copied."""


@kernel
def gather(plan, order, first, last, out):  # type: ignore[no-untyped-def]
    """Copy plan[order[first:last]] into out, both TRANSACTION."""
    for i in range(first, last):
        if i + AHEAD < last:
            prefetch(plan, np.int64(order[i + AHEAD]))
        out[i - first] = plan[order[i]]


@njit
def time_order(plan, day_start, order, buckets):  # type: ignore[no-untyped-def]
    """Write the order that sorts the requests of one day by time, by counting seconds and inserting within one.

    Args:
        plan: (n,) TRANSACTION.
        day_start: microseconds.
        order: (n,) int32 or longer, overwritten.
        buckets: (86401,) int64, overwritten: first position of each second.
    """
    times = np.empty(plan.shape[0], dtype=np.int64)
    buckets[:] = 0
    for i in range(times.shape[0]):
        times[i] = plan[i].timestamp - day_start
        buckets[times[i] // 1_000_000 + 1] += 1
    for k in range(1, buckets.shape[0]):
        buckets[k] += buckets[k - 1]
    fill = buckets.copy()
    for i in range(times.shape[0]):
        second = times[i] // 1_000_000
        j = fill[second]
        fill[second] = j + 1
        first = buckets[second]
        while j > first and times[order[j - 1]] > times[i]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = i


@kernel
def merge_rows(first, second, out):  # type: ignore[no-untyped-def]
    """Merge two TRANSACTION arrays that are in order of (timestamp, transaction_id) into out."""
    a = 0
    b = 0
    for i in range(out.shape[0]):
        if b >= second.shape[0]:
            out[i] = first[a]
            a += 1
        elif (
            a >= first.shape[0]
            or second[b].timestamp < first[a].timestamp
            or (second[b].timestamp == first[a].timestamp and second[b].transaction_id < first[a].transaction_id)
        ):
            out[i] = second[b]
            b += 1
        else:
            out[i] = first[a]
            a += 1


@kernel
def is_ordered(rows):  # type: ignore[no-untyped-def]
    """Return whether rows are in order of (timestamp, transaction_id); a tie of one owner moves a row on."""
    for i in range(1, rows.shape[0]):
        a, b = rows[i - 1], rows[i]
        if b.timestamp < a.timestamp or (b.timestamp == a.timestamp and b.transaction_id < a.transaction_id):
            return False
    return True


def sorted_rows(rows: NDArray[np.void]) -> NDArray[np.void]:
    """Return requests in order of (timestamp, transaction_id)."""
    return chosen(rows, np.lexsort((rows["transaction_id"], rows["timestamp"]))) if len(rows) > 1 else rows


def in_time_order(parts: Sequence[NDArray[np.void]]) -> NDArray[np.void]:
    """Merge arrays of requests that are each in order of time, at least one."""
    out = parts[0]
    for part in parts[1:]:
        if len(part):
            merged = np.empty(len(out) + len(part), dtype=pay.TRANSACTION)
            merge_rows(out, part, merged)
            out = merged
    return out


@kernel
def forget_before(rows, key, day):  # type: ignore[no-untyped-def]
    """Null the transaction that a refund or a release belongs to where it lies before a day, so is not exported."""
    for i in range(rows.shape[0]):
        t = rows[i]
        if (t.kind == pay.REFUND or t.flags & pay.RELEASE) and t.related_id != 0 and day_of(key, t.related_id) < day:
            t.related_id = np.uint64(0)
