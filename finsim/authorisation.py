"""Authorisation: the compiled pass that decides on requests and books the payer's side.

Everything that a decision reads belongs to the payer's owner, or is a shared counter as it stood at the
start of the tick. Requests come in order of (time, id); owners are independent, so the pass may be cut
anywhere between owners. Order of the checks: is the means usable, were its details right, is there
money, do the institution's rules object, does a model object; a challenge or a hold comes last.
"""

from __future__ import annotations

import numpy as np

from finsim import payments as pay
from finsim.clock import DAY, HOUR
from finsim.compile import inline, kernel, prefetch
from finsim.controls import (
    answer_challenge,
    apply_model,
    card_rules,
    decline,
    is_known_merchant,
    is_known_payee,
    transfer_rules,
)
from finsim.follow_ups import follow_elsewhere, follow_fee, follow_refund, follow_retry
from finsim.ids import NO_CODE
from finsim.requests import by_id, switch_card
from finsim.rng import Purpose

LIQUIDITY, RETRY, MISTAKE = int(Purpose.LIQUIDITY), int(Purpose.RETRY), int(Purpose.MISTAKE)
FRICTION = int(Purpose.FRICTION)

KNOWS_LIMIT = 0.9  # people who know that a payment would pass their limit or their balance (assumption)
TRIES_BLOCKED = 0.15  # owners who try a blocked card before they take another (assumption: saved in a browser, habit)
COMFORTABLE, TIGHT, DRY = 0, 1, 2
AHEAD = 8
"""Requests from one whose owner and account are asked for to the one that is decided."""


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
def own_card(t, c, keys):  # type: ignore[no-untyped-def]
    """Put the owner's present card on the request; return False where the owner has none that works.

    Who collects with a stored card tries the old one until it hears of the new; some owners try a blocked one too.
    """
    if c.credit_blocked if t.slot == 2 else c.debit_blocked:
        u, _, _, _ = by_id(keys, MISTAKE, t.transaction_id)
        if t.entry_mode == pay.CARD_ON_FILE or u < TRIES_BLOCKED:
            t.card = np.uint32((t.owner << 7) | (64 | c.credit_ordinal if t.slot == 2 else c.debit_ordinal))
            return True
    if t.slot == 2 and (not c.cards & 4 or c.credit_blocked):
        if not c.cards & 1 or c.debit_blocked or t.kind == pay.WITHDRAWAL:
            return False
        switch_card(t, c, 0)
    elif t.slot == 0 and (not c.cards & 1 or c.debit_blocked):
        if not c.cards & 4 or c.credit_blocked or t.kind == pay.WITHDRAWAL:
            return False
        switch_card(t, c, 2)
    ordinal = c.credit_ordinal if t.slot == 2 else c.debit_ordinal
    t.card = np.uint32((t.owner << 7) | (64 if t.slot == 2 else 0) | ordinal)
    return True


@inline
def card_works(t, c):  # type: ignore[no-untyped-def]
    """Return whether the card on the request is the owner's present one and not blocked."""
    if t.slot == 2:
        return t.card & 63 == c.credit_ordinal and not c.credit_blocked
    return t.card & 63 == c.debit_ordinal and not c.debit_blocked


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
                if not c.cards & 1 or c.debit_blocked:
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
def book_interest(t, c, accounts, behaviour):  # type: ignore[no-untyped-def]
    """Set the amount of interest: on a card's statement for who still owes, on savings at the month's end."""
    if t.slot == 2:
        owed = max(-accounts[t.payer].balance, 0)
        carried = c.unpaid_cents
        t.amount = np.int64(carried * behaviour.credit_interest / 12.0) if carried > 0 else 0
        c.statement_cents = owed + t.amount
        c.unpaid_cents = c.statement_cents
    else:
        t.amount = np.int64(max(accounts[t.payee].balance, 0) * behaviour.savings_interest / 12.0)
    return t.amount > 0


@inline
def decide(t, c, accounts, people, habits, books):  # type: ignore[no-untyped-def]
    """Decide on one request; the decision stands in the record afterwards."""
    behaviour = habits.behaviour[0]
    by_card = t.rail == pay.CARD
    if by_card:
        if not card_works(t, c):
            decline(t, pay.BLOCKED)
            return
        if t.flags & pay.MISTYPED:
            decline(t, pay.INVALID_DETAILS)
            return
        if t.flags & pay.WRONG_PIN:
            decline(t, pay.AUTHENTICATION_FAILED)
            return
    elif c.frozen and not t.flags & pay.SAME_OWNER:
        decline(t, pay.BLOCKED)
        return
    a = accounts[t.payer]
    if t.amount > a.balance + a.limit - a.reserved:
        decline(t, pay.LIMIT if t.slot == 2 else pay.INSUFFICIENT_FUNDS)
        return
    if t.flags & (pay.MANDATE | pay.SAME_OWNER):
        t.decision = pay.APPROVED
        return
    rule = books.rules[c.institution]
    if by_card:
        is_new = t.flags & pay.NEW_PAYEE != 0
        if t.campaign >= 0 and t.merchant >= 0 and t.category != pay.NONE:
            is_new = not is_known_merchant(t, people.favourites, habits.categories)
        challenger = card_rules(t, c, rule, books.tests, is_new)
    else:
        if t.kind != pay.BILL and not is_known_payee(t, people.contacts, people.payees):
            t.flags |= pay.NEW_PAYEE
        challenger = transfer_rules(t, c, rule, t.flags & pay.NEW_PAYEE != 0)
    if t.decision == pay.UNDECIDED:
        by_model = apply_model(t, behaviour, rule, books.keys)
        challenger = by_model if by_model >= 0 else challenger
    if t.decision == pay.UNDECIDED and challenger >= 0:
        answer_challenge(t, c, behaviour, books.keys)
    if t.decision == pay.UNDECIDED:
        t.decision = pay.APPROVED


@inline
def is_stopped(t):  # type: ignore[no-untyped-def]
    """Return whether a bank's rule, model or challenge stopped a genuine payment whose details were right."""
    if t.truth or t.campaign >= 0 or t.flags & (pay.WRONG_PIN | pay.MISTYPED):
        return False
    reason = t.decline_reason
    return reason == pay.RULE or reason == pay.MODEL or reason == pay.AUTHENTICATION_FAILED


@inline
def annoy(t, c, behaviour, keys):  # type: ignore[no-untyped-def]
    """Let a customer mind a stop; after several some have had enough of the bank."""
    c.stops = min(c.stops + 1, 250)
    u, _, _, _ = by_id(keys, FRICTION, t.transaction_id)
    if u < behaviour.leave * c.stops:
        c.leaving = 1


@inline
def remember(t, c, payees):  # type: ignore[no-untyped-def]
    """Let the owner's counters and memory see an approved request."""
    if t.rail == pay.CARD:
        if t.kind == pay.WITHDRAWAL:
            c.withdrawn_cents += t.amount
            if not t.flags & pay.THIEF:
                c.cash_cents += t.amount
        elif t.slot == 0:
            c.spent_cents += t.amount
        if t.country != pay.NONE:
            c.countries |= np.uint32(1 << t.country)
    elif t.kind == pay.TRANSFER and not t.flags & pay.SAME_OWNER:
        c.sent_cents += t.amount
        if t.flags & pay.NEW_PAYEE:
            c.sent_new_cents += t.amount
        payees[t.owner, c.payee_cursor] = t.payee
        c.payee_cursor = (c.payee_cursor + 1) % payees.shape[1]
    if t.device != NO_CODE and t.device >> 7 == t.owner:
        c.devices_known |= np.uint32(1 << (t.device & 31))
    if t.kind == pay.REPAYMENT:
        c.unpaid_cents = max(c.unpaid_cents - t.amount, 0)


@inline
def book(t, accounts, customer_accounts):  # type: ignore[no-untyped-def]
    """Debit the payer's side of an approved request, and credit the payee's where both have one owner."""
    if t.payer < customer_accounts:
        accounts[t.payer].balance -= t.amount
        if t.payee < customer_accounts and t.payer // 4 == t.payee // 4:
            t.flags |= pay.SAME_OWNER
            accounts[t.payee].balance += t.amount
            t.posted_at = t.timestamp
            t.payee_balance = accounts[t.payee].balance


@inline
def book_forced(t, c, accounts, habits, customer_accounts):  # type: ignore[no-untyped-def]
    """Book what the bank or a merchant books by itself; a release keeps the decision it came with."""
    if t.kind == pay.INTEREST and t.amount == 0 and not book_interest(t, c, accounts, habits.behaviour[0]):
        t.decision = pay.VOID
        return
    if t.flags & pay.RELEASE:
        accounts[t.payer].reserved -= t.amount
    elif t.decision == pay.UNDECIDED:
        t.decision = pay.APPROVED
    if t.decision == pay.APPROVED:
        book(t, accounts, customer_accounts)


@inline
def is_made(t, c, accounts, behaviour, keys, cash_log, counts):  # type: ignore[no-untyped-def]
    """Let the owner reconsider a request, and set the amount of a repayment; return whether it is made."""
    if t.campaign < 0 and not prepare(t, c, accounts, behaviour, keys, cash_log, counts):
        return False
    return t.kind != pay.REPAYMENT or t.amount != 0 or repayment(t, c, accounts)


@kernel
def make_ready(batch, habits, people, books, cash_log, counts):  # type: ignore[no-untyped-def]
    """Let owners reconsider their requests and pack those that are made at the start, as a model will be asked.

    `authorise` then decides on them as if it had done this itself, provided that each owner's first request is
    the only one that is not forced.

    Args:
        batch: (n,) TRANSACTION in order of (timestamp, transaction_id).
        habits, people, books: see `finsim.agents.world`.
        cash_log: (n + 1,) TRANSACTION, overwritten: cash purchases, which leave no row.
        counts: (3,) int64, overwritten: rows, 0, cash purchases.
    """
    counts[:] = 0
    kept = 0
    for i in range(batch.shape[0]):
        if i + AHEAD < batch.shape[0]:
            prefetch(people.customers, batch[i + AHEAD].owner)
            prefetch(books.accounts, batch[i + AHEAD].payer)
        t = batch[i]
        if not t.flags & pay.FORCED:
            c = people.customers[t.owner]
            if t.timestamp <= c.last_timestamp:
                t.timestamp = c.last_timestamp + 1
            roll(c, t.timestamp)
            if not is_made(t, c, books.accounts, habits.behaviour[0], books.keys, cash_log, counts):
                continue
            t.flags |= pay.PREPARED
        if kept != i:
            batch[kept] = t
        kept += 1
    counts[0] = kept


@kernel
def authorise(batch, habits, people, books, follow, cash_log, counts, tick_end):  # type: ignore[no-untyped-def]
    """Decide on a batch in place and pack the rows that remain at its start.

    Args:
        batch: (n,) TRANSACTION in order of (timestamp, transaction_id).
        habits, people, books: see `finsim.agents.world`.
        follow: (2 n + 2,) TRANSACTION, overwritten: refunds, retries and fees that follow.
        cash_log: (n + 1,) TRANSACTION, overwritten: cash purchases, which leave no row.
        counts: (3,) int64, overwritten: rows, follow-ups, cash purchases.
        tick_end: microseconds; times stay before it.
    """
    counts[:] = 0
    kept = 0
    behaviour = habits.behaviour[0]
    accounts = books.accounts
    customers = people.customers
    customer_accounts = books.merchant_base[0]
    for i in range(batch.shape[0]):
        if i + AHEAD < batch.shape[0]:
            prefetch(customers, batch[i + AHEAD].owner)
            prefetch(accounts, batch[i + AHEAD].payer)
        t = batch[i]
        c = customers[t.owner]
        if t.timestamp <= c.last_timestamp:
            t.timestamp = c.last_timestamp + 1
        roll(c, t.timestamp)
        if t.flags & pay.FORCED:
            book_forced(t, c, accounts, habits, customer_accounts)
        elif not t.flags & pay.PREPARED and not is_made(t, c, accounts, behaviour, books.keys, cash_log, counts):
            t.decision = pay.VOID
        else:
            t.flags &= ~pay.PREPARED
            if t.rail == pay.CARD:
                c.attempts_now += 1
            decide(t, c, accounts, people, habits, books)
            if t.decision == pay.APPROVED:
                before = accounts[t.payer].balance
                book(t, accounts, customer_accounts)
                remember(t, c, people.payees)
                if (
                    t.slot == 0
                    and before >= 0
                    and accounts[t.payer].balance < 0
                    and not c.fee_charged
                    and behaviour.overdraft_fee > 0
                ):
                    c.fee_charged = 1
                    k = counts[1]
                    follow_fee(
                        follow[k : k + 1],
                        t,
                        c,
                        np.int64(behaviour.overdraft_fee),
                        books.income_accounts[c.institution],
                        books.id_key[0],
                    )
                    counts[1] = k + 1
                if t.flags & pay.REFUNDABLE:
                    k = counts[1]
                    follow_refund(follow[k : k + 1], t, c, books.keys, books.id_key[0])
                    counts[1] = k + 1
            elif t.decision == pay.HELD:
                accounts[t.payer].reserved += t.amount
            else:
                if t.rail == pay.CARD:
                    c.declines_now += 1
                stopped = is_stopped(t)
                if stopped:
                    annoy(t, c, behaviour, books.keys)
                if t.flags & pay.DISCRETIONARY and not t.flags & pay.NO_RETRY:
                    u, v, _, _ = by_id(books.keys, RETRY, t.transaction_id)
                    k = counts[1]
                    f = follow[k : k + 1]
                    if stopped and v < behaviour.elsewhere and t.rail == pay.CARD and t.kind == pay.PURCHASE:
                        counts[1] += follow_elsewhere(f, t, c, people.favourites, habits.categories, books)
                    elif u < behaviour.retry and follow_retry(f, t, c, books.keys, books.id_key[0]):
                        counts[1] = k + 1
        if t.decision == pay.VOID:
            continue
        c.last_timestamp = t.timestamp
        t.payer_balance = accounts[t.payer].balance
        if kept != i:
            batch[kept] = t
        kept += 1
    counts[0] = kept
