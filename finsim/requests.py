"""Compiled helpers on single request records, shared by planners, authorisation and follow-ups."""

from __future__ import annotations

import numpy as np

from finsim import payments as pay
from finsim.compile import inline
from finsim.ids import NO_CODE
from finsim.rng import philox, unit


@inline
def clear(t):  # type: ignore[no-untyped-def]
    """Set every optional field of one TRANSACTION record to null."""
    t.transaction_id = np.uint64(0)
    t.posted_at = 0
    t.amount = 0
    t.original_amount = 0
    t.related_id = np.uint64(0)
    t.payer_balance = 0
    t.payee_balance = 0
    t.merchant = -1
    t.place = -2
    t.campaign = -1
    t.score = np.float32(np.nan)
    t.terminal = NO_CODE
    t.card = NO_CODE
    t.device = NO_CODE
    t.ip = NO_CODE
    t.mcc = 0
    t.flags = 0
    t.entry_mode = pay.NONE
    t.authentication = pay.NONE
    t.country = pay.NONE
    t.currency = pay.NONE
    t.decision = pay.UNDECIDED
    t.decline_reason = pay.NONE
    t.challenge = pay.NONE
    t.truth = 0
    t.stage = pay.NONE
    t.category = pay.NONE
    t.watcher = pay.NONE
    t.slot = pay.NONE
    t.alert = 0


@inline
def draw(keys, purpose, row, second, day, number):  # type: ignore[no-untyped-def]
    """Return four uniforms of one decision."""
    a, b, c, d = philox(keys[purpose], row, second, day, number)
    return unit(a), unit(b), unit(c), unit(d)


@inline
def by_id(keys, purpose, transaction):  # type: ignore[no-untyped-def]
    """Return four uniforms that depend on a transaction's id alone."""
    a, b, c, d = philox(keys[purpose], transaction & np.uint64(0xFFFFFFFF), transaction >> np.uint64(32), 0, 0)
    return unit(a), unit(b), unit(c), unit(d)


@inline
def switch_card(t, c, slot):  # type: ignore[no-untyped-def]
    """Make the request one by the owner's other card."""
    t.slot = slot
    t.payer = t.owner * 4 + slot
    t.card = NO_CODE
