"""Posting: when the payee's side counts, and what institutions and acquirers add up about a tick."""

from __future__ import annotations

import numpy as np

from finsim import payments as pay
from finsim.clock import HOUR
from finsim.compile import kernel, njit, prefetch
from finsim.controls import SMALL_TEST

AHEAD = 8
"""Rows from one whose account is asked for to the one that is booked."""


@kernel
def settle_tick(rows, accounts, customer_accounts, tick_end, evening, morning, day_start):  # type: ignore[no-untyped-def]
    """Give every approved row its posting time, and book both sides that are not customers' accounts.

    Args:
        rows: (n,) TRANSACTION of the tick, decided, in time order.
        accounts: (N,) ACCOUNT.
        customer_accounts: account rows below this are customers'.
        tick_end, day_start: microseconds.
        evening, morning: microseconds of today's evening clearing and of the next morning clearing.
    """
    for i in range(rows.shape[0]):
        if i + AHEAD < rows.shape[0]:
            prefetch(accounts, np.int64(rows[i + AHEAD].payee))
        t = rows[i]
        if t.decision != pay.APPROVED:
            continue
        if t.payer >= customer_accounts:
            accounts[t.payer].balance -= t.amount
        if t.flags & pay.SAME_OWNER:
            continue
        t.posted_at = tick_end
        if t.rail == pay.ACH or t.rail == pay.DIRECT_DEBIT or t.rail == pay.CHECK:
            time = t.timestamp - day_start
            if time < 6 * HOUR:
                t.posted_at = max(day_start + 8 * HOUR, tick_end)
            elif time < 14 * HOUR:
                t.posted_at = max(evening, tick_end)
            else:
                t.posted_at = morning
        if t.payee >= customer_accounts:
            accounts[t.payee].balance += t.amount
        elif t.amount == 0:
            t.payee_balance = accounts[t.payee].balance


@kernel
def unmoved_payees(rows, accounts, customer_accounts):  # type: ignore[no-untyped-def]
    """Give rows that moved nothing the payee's balance at their own time, before credits of the tick.

    The balance at the end of the tick's debits is known; what the payee itself moved after the row is undone.
    """
    for i in range(rows.shape[0]):
        t = rows[i]
        if t.decision == pay.APPROVED or t.payee >= customer_accounts:
            continue
        balance = accounts[t.payee].balance
        for j in range(i + 1, rows.shape[0]):
            later = rows[j]
            if later.decision == pay.APPROVED:
                if later.payer == t.payee:
                    balance += later.amount
                elif later.payee == t.payee and later.flags & pay.SAME_OWNER:
                    balance -= later.amount
        t.payee_balance = balance


@njit
def credits_of(rows, customer_accounts):  # type: ignore[no-untyped-def]
    """Return the positions, (n,) int64, of rows that credit a customer's account after their own time."""
    found = np.empty(rows.shape[0], dtype=np.int64)
    n = 0
    for i in range(rows.shape[0]):
        t = rows[i]
        if t.decision == pay.APPROVED and t.payee < customer_accounts and t.amount > 0 and not t.flags & pay.SAME_OWNER:
            found[n] = i
            n += 1
    return found[:n].copy()


@kernel
def tally(rows, customers, merchants, tests, sales):  # type: ignore[no-untyped-def]
    """Add the tick's rows to what institutions share and what they settle.

    Args:
        rows: (n,) TRANSACTION, decided.
        customers: (C,) customer columns.
        merchants: (M,) merchant columns.
        tests: (I, M) int32 declined small remote attempts of each issuer at each merchant.
        sales: (I, A) int64 cents of card sales of the day by issuer and acquirer.
    """
    for i in range(rows.shape[0]):
        t = rows[i]
        if t.rail != pay.CARD or t.merchant < 0 or t.kind == pay.WITHDRAWAL:
            continue
        institution = customers[t.owner].institution
        if t.decision == pay.APPROVED:
            amount = -t.amount if t.kind == pay.REFUND else t.amount
            sales[institution, merchants[t.merchant].acquirer] += amount
        elif t.decision == pay.DECLINED and t.place >= 0 and t.amount < SMALL_TEST:
            tests[institution, t.merchant] += 1
