"""Follow-ups: the requests that come of decided ones, refunds, second attempts and overdraft fees."""

from __future__ import annotations

import numpy as np

from finsim import payments as pay
from finsim.compile import inline
from finsim.ids import FOLLOW_UP, NO_CODE, transaction_id
from finsim.requests import by_id, clear, switch_card
from finsim.rng import Purpose

RETRY, REFUND = int(Purpose.RETRY), int(Purpose.REFUND)
HOUR = 3_600_000_000
DAY = 86_400_000_000
F_RETRY, F_REFUND, F_FEE = 1, 2, 3


@inline
def follow_up_id(t, source, ordinal, id_key):  # type: ignore[no-untyped-def]
    """Return the id of a request that follows from one of this owner's today; each source counts its own."""
    return transaction_id(id_key, FOLLOW_UP, t.owner, source, t.timestamp // DAY, np.int64(ordinal))


@inline
def follow_refund(f, t, c, keys, id_key):  # type: ignore[no-untyped-def]
    """Write the refund that a purchase will get: most of them whole, within two weeks."""
    u, v, w, _ = by_id(keys, REFUND, t.transaction_id)
    f[0] = t
    r = f[0]
    r.transaction_id = follow_up_id(t, F_REFUND, c.refunds, id_key)
    c.refunds += 1
    days = 1.0 - 3.5 * np.log(u)
    due = t.timestamp // DAY + np.int64(min(days, 13.0))
    r.timestamp = due * DAY + np.int64((9.0 + 11.0 * v) * HOUR)
    r.payer = t.payee
    r.payee = t.payer
    r.amount = t.amount if w < 0.75 else max(np.int64(t.amount * (0.2 + 2.8 * (1.0 - w))), 1)
    r.related_id = t.transaction_id
    r.kind = pay.REFUND
    r.flags = pay.FORCED
    r.original_amount = 0
    r.currency = pay.NONE
    r.decision = pay.UNDECIDED
    r.posted_at = 0
    r.device = NO_CODE
    r.ip = NO_CODE
    r.entry_mode = pay.NONE
    r.authentication = pay.NONE
    r.challenge = pay.NONE
    r.slot = pay.NONE
    r.alert = 0
    r.score = np.float32(np.nan)


@inline
def follow_retry(f, t, c, keys, id_key):  # type: ignore[no-untyped-def]
    """Write the second attempt after a decline: details corrected, or the other card, half a minute later.

    Returns False where the customer gives up.
    """
    _, v, _, _ = by_id(keys, RETRY, t.transaction_id)
    f[0] = t
    r = f[0]
    r.flags = t.flags & ~(pay.MISTYPED | pay.WRONG_PIN | pay.REFUNDABLE | pay.DISCRETIONARY)
    r.flags = (r.flags & ~(pay.SCORED | pay.CONTROL_GROUP)) | pay.NO_RETRY
    if t.decline_reason == pay.INSUFFICIENT_FUNDS or t.decline_reason == pay.LIMIT or t.decline_reason == pay.BLOCKED:
        if t.rail != pay.CARD or t.kind != pay.PURCHASE:
            return False
        other = 0 if t.slot == 2 else 2
        if not c.cards & (1 if other == 0 else 4):
            return False
        switch_card(r, c, other)
        if r.authentication == pay.PIN:
            r.authentication = pay.NO_AUTHENTICATION
    r.transaction_id = follow_up_id(t, F_RETRY, c.retries, id_key)
    c.retries += 1
    r.timestamp = t.timestamp + np.int64((12.0 + 70.0 * v) * 1e6)
    r.decision = pay.UNDECIDED
    r.decline_reason = pay.NONE
    r.challenge = pay.NONE
    r.alert = 0
    r.score = np.float32(np.nan)
    return True


@inline
def follow_fee(f, t, c, amount, income_account, id_key):  # type: ignore[no-untyped-def]
    """Write the fee for the day's first payment into overdraft, booked in the next night."""
    clear(f[0])
    r = f[0]
    day = t.timestamp // DAY
    r.transaction_id = follow_up_id(t, F_FEE, 0, id_key)
    r.timestamp = (day + 1) * DAY + np.int64(0.4 * HOUR) + (t.timestamp % HOUR) // 2
    r.owner = t.owner
    r.payer = t.payer
    r.payee = income_account
    r.amount = amount
    r.kind = pay.FEE
    r.rail = pay.INSTANT
    r.channel = pay.BATCH
    r.slot = 0
    r.flags = pay.FORCED
