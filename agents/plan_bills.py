"""Bills in a day's plan: obligations that fall due, found without a search for each owner, paid by their means."""

from __future__ import annotations

import numpy as np

from finsim import payments as pay
from finsim.agents import slots as s
from finsim.agents.plan_sources import P_BILL
from finsim.agents.slots import begin, draw
from finsim.agents.world import (
    BY_CHECK,
    BY_CREDIT_CARD,
    BY_DEBIT_CARD,
    BY_DIRECT_DEBIT,
    BY_TRANSFER,
    TO_WALLET,
)
from finsim.clock import HOUR
from finsim.compile import inline
from finsim.ledger import LANDLORDS
from finsim.rng import Purpose, normal

BILL = int(Purpose.BILL)


@inline
def first_due(obligations, due, owner):  # type: ignore[no-untyped-def]
    """Return the position of the first obligation not before (due, owner)."""
    low, high = 0, obligations.shape[0]
    while low < high:
        middle = (low + high) >> 1
        b = obligations[middle]
        if b.due < due or (b.due == due and b.owner < owner):
            low = middle + 1
        else:
            high = middle
    return low


@inline
def due_day(conditions, back):  # type: ignore[no-untyped-def]
    """Return the day of the month that lies some days back, or 0 where nothing is due: dues fall on days 1 to 28."""
    day = conditions.month_day - back
    if day < 1:
        day += conditions.last_month_length
    return day if day <= 28 else 0


@inline
def bill(t, b, c, o, conditions, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan the payment of one obligation by its means."""
    day = conditions.day
    u, v, w, x = draw(books.keys, BILL, o, b.number, day, 0)
    amount = np.int64(b.amount * np.exp(b.sigma * normal(u)) + 0.5) if b.sigma > 0 else b.amount
    payer = np.int64(o * 4)
    owed_to = np.int64(b.payee)
    if b.merchant < 0 and owed_to < books.merchant_base[0] and s.is_absent(people.customers[owed_to // 4], day):
        owed_to = books.named[LANDLORDS]
    means = b.means
    batch = np.int64((1.0 + 4.5 * v) * HOUR)
    by_hand = s.time_of_day(habits.remote_hours, v, w)
    id_key = books.id_key[0]
    if means == BY_DIRECT_DEBIT:
        begin(t, o, day, batch, amount, pay.BILL, pay.DIRECT_DEBIT, pay.BATCH, P_BILL, b.number, payer, b.payee, id_key)
        t.flags = pay.MANDATE
    elif means == BY_DEBIT_CARD or means == BY_CREDIT_CARD:
        use_credit = means == BY_CREDIT_CARD and c.cards & 4
        begin(
            t,
            o,
            day,
            batch + 2 * HOUR if x < 0.45 else by_hand,
            amount,
            pay.BILL,
            pay.CARD,
            pay.ONLINE,
            P_BILL,
            b.number,
            payer + (2 if use_credit else 0),
            b.payee,
            id_key,
        )
        t.entry_mode = pay.CARD_ON_FILE
        t.authentication = pay.NO_AUTHENTICATION
        t.flags = pay.MANDATE
        t.country = 0
    elif means == BY_TRANSFER:
        begin(
            t,
            o,
            day,
            by_hand,
            amount,
            pay.BILL,
            pay.ACH,
            pay.ONLINE if w < 0.6 else pay.APP,
            P_BILL,
            b.number,
            payer,
            owed_to,
            id_key,
        )
        s.at_home_online(t, c, o, places, np.int64(c.area), w, x)
    elif means == BY_CHECK:
        begin(
            t,
            o,
            day,
            batch + 6 * HOUR,
            amount,
            pay.BILL,
            pay.CHECK,
            pay.BATCH,
            P_BILL,
            b.number,
            payer,
            owed_to,
            id_key,
        )
        t.flags = pay.MANDATE
    else:
        payee = np.int64(b.payee)
        if payee < books.merchant_base[0] and s.is_absent(people.customers[payee // 4], day):
            payee = np.int64(people.suppliers[0])
        begin(t, o, day, by_hand, amount, pay.TRANSFER, pay.INSTANT, pay.APP, P_BILL, b.number, payer, payee, id_key)
        s.at_home_online(t, c, o, places, np.int64(c.area), w, x)
        if means == TO_WALLET:
            t.rail = pay.WALLET
            t.flags = pay.DISCRETIONARY | pay.SAME_OWNER | pay.NO_RETRY
    t.merchant = b.merchant
    if b.merchant >= 0:
        t.mcc = places.merchants[b.merchant].mcc
        t.category = b.category
        if means == BY_DEBIT_CARD or means == BY_CREDIT_CARD:
            t.terminal = s.terminal_of(places.merchants, b.merchant, x)


@inline
def bills(out, n, c, o, conditions, cursors, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan what is due today.

    Args:
        cursors: (k, 2) int64 rows [day of the month, position of its next obligation]; they move with the owners.
        out, n, c, o, conditions, places, habits, people, books: as everywhere in the plan.
    """
    obligations = people.obligations
    for k in range(cursors.shape[0]):
        due, position = cursors[k, 0], cursors[k, 1]
        while position < obligations.shape[0]:
            b = obligations[position]
            if b.due != due or b.owner > o:
                break
            position += 1
            if b.owner < o or (b.means == TO_WALLET and not c.accounts & 8):
                continue
            if c.promoted and b.means != BY_DIRECT_DEBIT and b.means != BY_DEBIT_CARD and b.means != BY_CREDIT_CARD:
                continue
            bill(out[n], b, c, o, conditions, places, habits, people, books)
            n += 1
        cursors[k, 1] = position
    return n
