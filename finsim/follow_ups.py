"""Follow-ups: the requests that come of decided ones, refunds, second attempts and overdraft fees."""

from __future__ import annotations

import numpy as np

from finsim import payments as pay
from finsim.clock import DAY, HOUR
from finsim.compile import inline
from finsim.ids import FOLLOW_UP, NO_CODE, pack_merchant, transaction_id
from finsim.requests import by_id, clear, switch_card
from finsim.rng import Purpose

RETRY, REFUND = int(Purpose.RETRY), int(Purpose.REFUND)
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
def undo_decision(r):  # type: ignore[no-untyped-def]
    """Make a copy of a decided record a request again."""
    r.decision = pay.UNDECIDED
    r.decline_reason = pay.NONE
    r.challenge = pay.NONE
    r.alert = 0
    r.score = np.float32(np.nan)
    r.flags &= ~(pay.SCORED | pay.CONTROL_GROUP)


@inline
def follow_retry(f, t, c, keys, id_key):  # type: ignore[no-untyped-def]
    """Write the second attempt after a decline: details corrected, or the other card, half a minute later.

    Returns False where the customer gives up.
    """
    _, v, _, _ = by_id(keys, RETRY, t.transaction_id)
    f[0] = t
    r = f[0]
    r.flags = t.flags & ~(pay.MISTYPED | pay.WRONG_PIN | pay.REFUNDABLE | pay.DISCRETIONARY) | pay.NO_RETRY
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
    undo_decision(r)
    return True


@inline
def known_shop(t, favourites, k):  # type: ignore[no-untyped-def]
    """Return a shop of the request's category that the owner knows, on the same way (remote or not); -1 for none."""
    first = k.online_first if t.place >= 0 else k.position_first
    count = k.online_count if t.place >= 0 else k.position_count
    for j in range(count):
        shop = favourites[t.owner, first + j]
        if shop >= 0 and shop != t.merchant:
            return shop
    return -1


@inline
def follow_elsewhere(f, t, c, favourites, categories, books):  # type: ignore[no-untyped-def]
    """Write the purchase that a customer makes instead of one that a rule stopped; return the number written.

    At a shop that the owner knows, or by the other card where there is none, some minutes later.
    """
    _, _, v, w = by_id(books.keys, RETRY, t.transaction_id)
    f[0] = t
    r = f[0]
    shop = np.int32(-1)
    if t.category != pay.NONE and (t.place >= 0 or c.away_until <= t.timestamp // DAY):
        shop = known_shop(t, favourites, categories[t.category])
    if shop >= 0 and (v < 0.6 or t.slot != 0 or not c.cards & 4):
        m = books.merchants[shop]
        r.merchant = shop
        r.payee = books.merchant_base[0] + shop
        r.mcc = m.mcc
        r.country = m.country if t.place < 0 else t.country
        r.terminal = pack_merchant(shop, np.int64(w * max(np.int64(m.terminals), 1)))
        r.flags = t.flags & ~(pay.NEW_PAYEE | pay.REFUNDABLE | pay.DISCRETIONARY) | pay.NO_RETRY
        if t.currency != pay.NONE or m.country != 0:
            return 0
    else:
        other = 0 if t.slot == 2 else 2
        if not c.cards & (1 if other == 0 else 4):
            return 0
        switch_card(r, c, other)
        r.flags = t.flags & ~(pay.REFUNDABLE | pay.DISCRETIONARY) | pay.NO_RETRY
    if r.authentication == pay.PIN:
        r.authentication = pay.NO_AUTHENTICATION
    r.transaction_id = follow_up_id(t, F_RETRY, c.retries, books.id_key[0])
    c.retries += 1
    r.timestamp = t.timestamp + np.int64((90.0 + 1500.0 * v) * 1e6)
    undo_decision(r)
    return 1


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
