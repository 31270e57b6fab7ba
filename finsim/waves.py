"""Waves: how a round's requests are cut so that a model never has to ask about two open ones of a customer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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


def wave_of(numbers: NDArray[np.int32], number: int) -> NDArray[np.bool_]:
    """Return which requests are in a wave, (n,) bool."""
    return np.asarray(numbers == number)


@kernel
def adopt(observed, rows):  # type: ignore[no-untyped-def]
    """Take the decisions of rows, (m,) TRANSACTION, over to observed, (n,) OBSERVED, in the same order."""
    k = 0
    for i in range(observed.shape[0]):
        while k < rows.shape[0] and rows[k].transaction_id != observed[i].transaction_id:
            k += 1
        if k < rows.shape[0]:
            observed[i].decision = rows[k].decision
