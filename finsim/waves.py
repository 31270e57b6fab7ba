"""Waves: how a round's requests are cut so that a model never has to ask about two open ones of a customer."""

from __future__ import annotations

from finsim import payments as pay
from finsim.compile import kernel


@kernel
def number_waves(batch, marks, turn, numbers):  # type: ignore[no-untyped-def]
    """Number the wave of each request; return how many waves there are.

    What nobody decides on goes with the request of its owner before it; a request that is decided on begins a
    new wave where its owner has anything before it.

    Args:
        batch: (n,) TRANSACTION in order of time.
        marks: (C, 2) int32, scratch: the turn in which an owner was seen last, and the owner's present wave.
        turn: a number that no earlier call had.
        numbers: (n,) int32, overwritten.
    """
    most = 0
    for i in range(batch.shape[0]):
        t = batch[i]
        seen = marks[t.owner, 0] == turn
        number = marks[t.owner, 1] if seen else 0
        if seen and not t.flags & pay.FORCED:
            number += 1
        marks[t.owner, 0] = turn
        marks[t.owner, 1] = number
        numbers[i] = number
        most = max(most, number)
    return most + 1


@kernel
def cut(batch, numbers, starts, out):  # type: ignore[no-untyped-def]
    """Copy a batch wave by wave, each in its order of time.

    Args:
        batch: (n,) TRANSACTION.
        numbers: (n,) int32, the wave of each.
        starts: (waves + 1,) int64, overwritten: where each wave begins, and their end.
        out: (n,) TRANSACTION, overwritten.
    """
    starts[:] = 0
    for i in range(batch.shape[0]):
        starts[numbers[i] + 1] += 1
    for k in range(1, starts.shape[0]):
        starts[k] += starts[k - 1]
    for i in range(batch.shape[0]):
        out[starts[numbers[i]]] = batch[i]
        starts[numbers[i]] += 1
    for k in range(starts.shape[0] - 1, 0, -1):
        starts[k] = starts[k - 1]
    starts[0] = 0


@kernel
def adopt(observed, rows):  # type: ignore[no-untyped-def]
    """Take the decisions of rows, (m,) TRANSACTION, over to observed, (n,) OBSERVED, in the same order."""
    k = 0
    for i in range(observed.shape[0]):
        while k < rows.shape[0] and rows[k].transaction_id != observed[i].transaction_id:
            k += 1
        if k < rows.shape[0]:
            observed[i].decision = rows[k].decision
