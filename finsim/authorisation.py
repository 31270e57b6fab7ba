"""Authorisation: the compiled pass that decides on requests and books the payer's side.

Everything that a decision reads belongs to the payer's owner, or is a shared counter as it stood at the
start of the tick. Requests come in order of (time, id); owners are independent, so the pass may be cut
anywhere between owners. Order of the checks: is the means usable, were its details right, is there
money, do the institution's rules object, does a model object; a challenge comes last, and who passes it may be held.
"""

from __future__ import annotations

import numpy as np

from finsim import payments as pay
from finsim.booking import book, book_forced, remember
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
from finsim.reconsider import AHEAD, is_made, roll
from finsim.requests import by_id
from finsim.rng import Purpose

RETRY, FRICTION = int(Purpose.RETRY), int(Purpose.FRICTION)


@inline
def card_works(t, c):  # type: ignore[no-untyped-def]
    """Return whether the card on the request is the owner's present one and not blocked."""
    if t.slot == 2:
        return t.card & 63 == c.credit_ordinal and not c.credit_blocked
    return t.card & 63 == c.debit_ordinal and not c.debit_blocked


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
    if t.decision != pay.DECLINED:
        by_model = apply_model(t, rule, books.keys)
        challenger = by_model if by_model >= 0 else challenger
    if t.decision != pay.DECLINED and challenger >= 0:
        answer_challenge(t, c, behaviour, books.keys)
        if t.decision == pay.DECLINED and t.alert:
            t.alert = challenger + 1  # who asked has stopped it, whoever would have held it
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
def approve(t, c, habits, people, books, follow, counts):  # type: ignore[no-untyped-def]
    """Book an approved request, remember it, and write the overdraft fee and the refund that follow."""
    accounts = books.accounts
    fee = np.int64(habits.behaviour[0].overdraft_fee)
    before = accounts[t.payer].balance
    book(t, accounts, books.merchant_base[0])
    remember(t, c, people.payees)
    overdrawn = t.slot == 0 and before >= 0 and accounts[t.payer].balance < 0
    if overdrawn and not c.fee_charged and fee > 0:
        c.fee_charged = 1
        k = counts[1]
        follow_fee(follow[k : k + 1], t, c, fee, books.income_accounts[c.institution], books.id_key[0])
        counts[1] = k + 1
    if t.flags & pay.REFUNDABLE:
        k = counts[1]
        follow_refund(follow[k : k + 1], t, c, books.keys, books.id_key[0])
        counts[1] = k + 1


@inline
def turn_away(t, c, habits, people, books, follow, counts):  # type: ignore[no-untyped-def]
    """Let the owner of a declined request mind it, and try again or buy elsewhere."""
    behaviour = habits.behaviour[0]
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
                approve(t, c, habits, people, books, follow, counts)
            elif t.decision == pay.HELD:
                accounts[t.payer].reserved += t.amount
            else:
                turn_away(t, c, habits, people, books, follow, counts)
        if t.decision == pay.VOID:
            continue
        c.last_timestamp = t.timestamp
        t.payer_balance = accounts[t.payer].balance
        if kept != i:
            batch[kept] = t
        kept += 1
    counts[0] = kept
