"""Reconsidering: what an owner does about a planned request at its time, before any bank hears of it.

Money may be short by then, the pocket empty or full of cash, a card blocked, a statement other than it was.
"""

from __future__ import annotations

import numpy as np

from finsim import payments as pay
from finsim.clock import DAY, HOUR
from finsim.compile import inline, kernel, prefetch
from finsim.ids import NO_CODE
from finsim.requests import by_id, switch_card
from finsim.rng import Purpose

LIQUIDITY, MISTAKE = int(Purpose.LIQUIDITY), int(Purpose.MISTAKE)

KNOWS_LIMIT = 0.9  # people who know that a payment would pass their limit or their balance (assumption)
TRIES_BLOCKED = 0.15  # owners who try a blocked card before they take another (assumption: saved in a browser, habit)
COMFORTABLE, TIGHT, DRY = 0, 1, 2
AHEAD = 8
"""Requests from one whose owner and account are asked for to the one that is looked at."""


@inline
def roll(c, timestamp):  # type: ignore[no-untyped-def]
    """Move the owner's coarse counters to the hour and day of a request."""
    hour = timestamp // HOUR
    if hour != c.hour:
        follows = hour == c.hour + 1
        c.attempts_before = c.attempts_now if follows else 0
        c.declines_before = c.declines_now if follows else 0
        c.attempts_now = 0
        c.declines_now = 0
        c.hour = hour
    day = timestamp // DAY
    if day != c.day:
        c.day = day
        c.withdrawn_cents = 0
        c.spent_cents = 0
        c.sent_cents = 0
        c.sent_new_cents = 0
        c.retries = 0
        c.refunds = 0
        c.fee_charged = 0


@inline
def update_band(c, available, behaviour):  # type: ignore[no-untyped-def]
    """Move the customer between COMFORTABLE, TIGHT and DRY, with hysteresis."""
    tight = np.int64(behaviour.tight_days * c.daily_cents)
    dry = c.daily_cents // 2
    if c.band == COMFORTABLE:
        if available < tight:
            c.band = TIGHT
    elif c.band == TIGHT:
        if available > tight + tight // 2:
            c.band = COMFORTABLE
        elif available < dry:
            c.band = DRY
    elif available > 3 * dry:
        c.band = TIGHT


@inline
def is_missing(t, c, slot):  # type: ignore[no-untyped-def]
    """Return whether a request needs the plastic of a card that its owner has lost."""
    return c.lost_card & (4 if slot == 2 else 1) and t.timestamp >= c.lost_at and t.entry_mode <= pay.MAGSTRIPE


@inline
def is_usable(t, c, slot):  # type: ignore[no-untyped-def]
    """Return whether the owner can pay with a card: it is held, not blocked, and at hand where that is needed."""
    if slot == 2:
        return c.cards & 4 and not c.credit_blocked and not is_missing(t, c, slot)
    return c.cards & 1 and not c.debit_blocked and not is_missing(t, c, slot)


@inline
def own_card(t, c, keys):  # type: ignore[no-untyped-def]
    """Put the owner's present card on the request; return False where the owner has none that works.

    Who collects with a stored card tries the old one until it hears of the new; some owners try a blocked one too.
    """
    if (c.credit_blocked if t.slot == 2 else c.debit_blocked) and not is_missing(t, c, t.slot):
        u, _, _, _ = by_id(keys, MISTAKE, t.transaction_id)
        if t.entry_mode == pay.CARD_ON_FILE or u < TRIES_BLOCKED:
            t.card = np.uint32((t.owner << 7) | (64 | c.credit_ordinal if t.slot == 2 else c.debit_ordinal))
            return True
    if not is_usable(t, c, t.slot):
        other = 2 - t.slot
        if t.kind == pay.WITHDRAWAL or not is_usable(t, c, other):
            return False
        switch_card(t, c, other)
    ordinal = c.credit_ordinal if t.slot == 2 else c.debit_ordinal
    t.card = np.uint32((t.owner << 7) | (64 if t.slot == 2 else 0) | ordinal)
    return True


@inline
def prepare(t, c, accounts, behaviour, keys, cash_log, counts):  # type: ignore[no-untyped-def]
    """Let the owner reconsider a planned request; return False if it is not made after all.

    Money short: skip it. Cash: pay it from the pocket, which no bank sees, or by card where the pocket is empty.
    """
    if t.flags & pay.DISCRETIONARY:
        available = accounts[t.owner * 4].balance + accounts[t.owner * 4].limit - accounts[t.owner * 4].reserved
        update_band(c, available, behaviour)
        if t.kind == pay.TRANSFER and t.slot == 0 and t.amount > available:
            u, _, _, _ = by_id(keys, LIQUIDITY, t.transaction_id + np.uint64(1))
            if u < KNOWS_LIMIT:
                return False
        if c.band != COMFORTABLE:
            u, v, _, _ = by_id(keys, LIQUIDITY, t.transaction_id)
            if u < (behaviour.dry_skip if c.band == DRY else behaviour.tight_skip) and (t.slot != 2 or v < 0.5):
                return False
    if t.rail == pay.CASH and t.kind == pay.PURCHASE:
        if c.cash_cents >= t.amount:
            c.cash_cents -= t.amount
            k = counts[2]
            if k < cash_log.shape[0]:
                cash_log[k] = t
                counts[2] = k + 1
            return False
        t.rail = pay.CARD
    if t.rail == pay.CARD and t.card == NO_CODE:
        if t.slot == 2 and t.flags & pay.DISCRETIONARY:
            # Most people know when their card is nearly used up: they take the other card, or do without.
            credit = accounts[t.payer]
            u, _, _, _ = by_id(keys, LIQUIDITY, t.transaction_id + np.uint64(1))
            if t.amount > credit.balance + credit.limit - credit.reserved and u < KNOWS_LIMIT:
                if not is_usable(t, c, 0):
                    return False
                switch_card(t, c, 0)
        return own_card(t, c, keys)
    if t.slot == 1 and t.amount > accounts[t.payer].balance:
        return False  # nobody moves savings that are not there
    if t.rail == pay.WALLET and t.slot == 3 and accounts[t.payer].balance < t.amount:
        if t.kind == pay.WITHDRAWAL or t.flags & pay.NO_RETRY:
            return False  # nobody asks an agent for cash, or pays from a wallet, what is not there
        t.rail = pay.INSTANT
        t.slot = 0
        t.payer = t.owner * 4
    return True


@inline
def repayment(t, c, accounts):  # type: ignore[no-untyped-def]
    """Set the amount of a card repayment: the whole statement, or what a revolver pays; False for nothing."""
    owed = min(c.unpaid_cents, max(-accounts[t.payee].balance, 0))
    if owed <= 0 or c.defaulting:
        return False
    amount = owed
    if not c.transactor:
        amount = min(max(2500, (c.statement_cents * 6) // 100), owed)
    a = accounts[t.payer]
    if amount > a.balance - a.reserved:
        amount = min(max(2500, (c.statement_cents * 2) // 100), owed)
    t.amount = amount
    return True


@inline
def is_made(t, c, accounts, behaviour, keys, cash_log, counts):  # type: ignore[no-untyped-def]
    """Let the owner reconsider a request, and set the amount of a repayment; return whether it is made."""
    if t.campaign < 0 and not prepare(t, c, accounts, behaviour, keys, cash_log, counts):
        return False
    return t.kind != pay.REPAYMENT or t.amount != 0 or repayment(t, c, accounts)


@kernel
def make_ready(batch, behaviour, customers, accounts, keys, cash_log, counts):  # type: ignore[no-untyped-def]
    """Let owners reconsider their requests and pack those that are made at the start, as a model will be asked.

    `authorise` then decides on them as if it had done this itself, provided that each owner's first request is
    the only one that is not forced.

    Args:
        batch: (n,) TRANSACTION in order of (timestamp, transaction_id).
        behaviour: (1,) BEHAVIOUR of `Habits`. Handing over all that habits, people and books hold would take longer
            than the few requests of most waves.
        customers: (C,) customer columns of `People`.
        accounts: (N,) ACCOUNT of `Books`.
        keys: (len(Purpose),) uint64 of `Books`.
        cash_log: (n + 1,) TRANSACTION, overwritten: cash purchases, which leave no row.
        counts: (3,) int64, overwritten: rows, 0, cash purchases.
    """
    counts[:] = 0
    kept = 0
    for i in range(batch.shape[0]):
        if i + AHEAD < batch.shape[0]:
            prefetch(customers, batch[i + AHEAD].owner)
            prefetch(accounts, batch[i + AHEAD].payer)
        t = batch[i]
        if not t.flags & pay.FORCED:
            c = customers[t.owner]
            if t.timestamp <= c.last_timestamp:
                t.timestamp = c.last_timestamp + 1
            roll(c, t.timestamp)
            if not is_made(t, c, accounts, behaviour[0], keys, cash_log, counts):
                continue
            t.flags |= pay.PREPARED
        if kept != i:
            batch[kept] = t
        kept += 1
    counts[0] = kept
