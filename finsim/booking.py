"""Booking: the payer's side of approved requests, what the bank books by itself, and what an owner remembers of it."""

from __future__ import annotations

import numpy as np

from finsim import payments as pay
from finsim.compile import inline
from finsim.ids import NO_CODE


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
