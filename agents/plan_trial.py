"""Payments to somebody new in two parts on one day: a little to see that it arrives, or a deposit; then the rest."""

from __future__ import annotations

import numpy as np

from finsim import payments as pay
from finsim.agents.slots import draw
from finsim.clock import DAY, MINUTE
from finsim.compile import seldom
from finsim.ids import PLANNED, transaction_id
from finsim.rng import Purpose

PERSON = int(Purpose.PERSON_TO_PERSON)
IN_TWO = 0.3  # payments to somebody new that come in two (assumption: banks advise a small one first)
LEAST = 4_000  # cents; what is less comes whole
TRIAL = 0.5  # of those that begin with a little; the others with a deposit of a tenth to a half (assumption)
PARTS = 30  # ordinal of the second part, beside that of the first


@seldom
def in_two(out, n, o, source, number, day, books):  # type: ignore[no-untyped-def]
    """Let the last planned payment come in two, the rest minutes to hours after the first; return the rows so far."""
    u, v, w, x = draw(books.keys, PERSON, o, source * 64 + number, day, 9)
    whole = out[n - 1]
    cents = whole.amount
    if u >= IN_TWO or cents < LEAST or whole.channel == pay.BRANCH:
        return n
    first = np.int64(1.0 + 19.0 * w * w) * 100
    if v >= TRIAL:
        first = max(np.int64((0.1 + 0.4 * w) * cents) // 1_000 * 1_000, 1_000)
    later = whole.timestamp + np.int64(3.0 * 80.0**x * MINUTE)
    out[n] = whole
    out[n - 1].amount = first
    out[n].amount = cents - first
    out[n].timestamp = min(later, day * DAY + DAY - 1)
    out[n].transaction_id = transaction_id(books.id_key[0], PLANNED, o, source, day, PARTS + number)
    return n + 1
