"""Firms' rounds in a day's plan, which honestly look like laundering: pay of staff, trade circles, sweeps, takings."""

from __future__ import annotations

import numpy as np

from finsim import payments as pay
from finsim.agents import slots as s
from finsim.agents.plan_moves import POOLING, pay_in, receive, scatter
from finsim.agents.plan_sources import P_POOLING
from finsim.agents.slots import WIRE_FROM, begin, draw
from finsim.clock import HOUR
from finsim.compile import inline, seldom
from finsim.rng import normal

WAGE_SHARE = 0.04  # of a month's payments to suppliers, for one of a few staff every second week (assumption)
MOST_PAY = 0.3  # of the owner's income of a month, for two weeks of one of the staff at most (assumption)
PAYROLL_FROM = 10_000  # cents that are worth a payroll service
STAFF_COST, SWEPT_AWAY = 0.35, 0.08  # of a month's payments to suppliers: 4 staff 26 times a year; 0.2 of what is swept
FROM_FIRMS = 0.33  # of what a firm sells, what goes to other firms of the economy; `supplier_invoice` says 0.35
OWNERS_PART = 0.55  # of the owner's income: what is spent from the account, less cash that comes in (assumption)


@inline
def outgoings(c, o, behaviour):  # type: ignore[no-untyped-def]
    """Return what a firm has to earn from clients a month, cents: what it pays, less what other firms pay it."""
    h = scatter(o + 1_299_709)
    share = 1.0 - FROM_FIRMS
    if h % 1000 < 1000.0 * behaviour.staff_share:
        share += STAFF_COST
    if (h >> 10) % 1000 < 1000.0 * behaviour.sweep_share:
        share += SWEPT_AWAY
    return share * c.business_out + OWNERS_PART * c.income_cents


@seldom
def firm_pays(t, c, o, day, amount, payee, ordinal, places, books):  # type: ignore[no-untyped-def]
    """Write a firm's payment on a batch or instant rail, in office hours."""
    f, g, h, i = draw(books.keys, POOLING, o, ordinal, day, 13)
    channel = pay.ONLINE if g < 0.85 else pay.BRANCH
    begin(
        t,
        o,
        day,
        np.int64((8.5 + 8.5 * h) * HOUR),
        amount,
        pay.TRANSFER,
        pay.ACH if f < 0.85 or amount > WIRE_FROM else pay.INSTANT,
        channel,
        P_POOLING,
        ordinal,
        o * 4,
        payee,
        books.id_key[0],
    )
    if channel == pay.ONLINE:
        s.at_home_online(t, c, o, places, np.int64(c.area), i, h)
        t.authentication = pay.ONE_TIME_CODE if i < 0.5 else pay.NO_AUTHENTICATION


@inline
def position_of(businesses, o):  # type: ignore[no-untyped-def]
    """Return the position of a row among the firms' rows, which are in order."""
    low, high = 0, businesses.shape[0]
    while low < high:
        middle = (low + high) >> 1
        if businesses[middle] < o:
            low = middle + 1
        else:
            high = middle
    return low


@seldom
def staff(out, n, c, o, h, conditions, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan the pay of a few people every second Friday, and what goes to a payroll service for more of them."""
    day = conditions.day
    if conditions.weekday != 4 or ((day + 3) // 7 + o) % 2 or h % 1000 >= 1000.0 * habits.behaviour[0].staff_share:
        return n
    rest = np.int64(0)
    for k in range(2 + (h >> 12) % 5):
        who = scatter(o * 8 + k + 31)
        payee = people.suppliers[0] + who % people.suppliers[1]
        if who & 1:
            row = (who >> 1) % people.customers.shape[0]
            if row != o and not s.is_absent(people.customers[row], day):
                payee = np.int64(row) * 4
        part = WAGE_SHARE * (0.5 + (who >> 8) % 1000 / 1000.0)
        wanted = np.int64(c.business_out * part)
        amount = min(max(wanted, 8_000), np.int64(MOST_PAY * c.income_cents * part / WAGE_SHARE))
        rest += max(wanted - amount, 0)
        firm_pays(out[n], c, o, day, amount, payee, 100 + k, places, books)
        n += 1
    if rest > PAYROLL_FROM:
        payee = people.suppliers[0] + scatter(o + 86_028_121) % people.suppliers[1]
        firm_pays(out[n], c, o, day, rest, payee, 110, places, books)
        n += 1
    return n


@seldom
def trade(out, n, c, o, conditions, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan the monthly payment to the next firm of a trade circle of three to five, one after the other."""
    where = position_of(people.businesses, o)
    size = 3 + scatter(where // 60) % 3
    group = where // size
    h = scatter(group + 104_729)
    place = where % size
    due = 1 + (h >> 12) % 20
    behind = conditions.month_day - due
    if h % 1000 >= 1000.0 * habits.behaviour[0].circle_share or behind // 2 != place or behind % 2:
        return n
    first = where - place
    if first + size > people.businesses.shape[0]:
        return n
    other = np.int64(people.businesses[first + (place + 1) % size])
    if s.is_absent(people.customers[other], conditions.day):
        return n
    u, _, _, _ = draw(books.keys, POOLING, o, 6, conditions.day, 0)
    base = 20_000.0 * np.exp(2.0 * ((h >> 4) % 1000) / 1000.0)
    firm_pays(out[n], c, o, conditions.day, np.int64(base * (0.8 + 0.25 * u)), other * 4, 120, places, books)
    return n + 1


@seldom
def sweep(out, n, c, o, h, conditions, habits, people, places, books):  # type: ignore[no-untyped-def]
    """Plan the transfer to an own account at another bank before the weekend, and back after it."""
    behaviour = habits.behaviour[0]
    if (h >> 10) % 1000 >= 1000.0 * behaviour.sweep_share:
        return n
    if conditions.weekday != 4 and conditions.weekday != 0:
        return n
    friday = conditions.day if conditions.weekday == 4 else conditions.day - 3
    u, v, w, _ = draw(books.keys, POOLING, o, 7, friday, 0)
    if u > 0.6:
        return n
    own = people.suppliers[0] + scatter(o + 15_485_863) % people.suppliers[1]
    amount = max(np.int64(c.business_out * (0.05 + 0.2 * v)) // 10_000 * 10_000, 10_000)
    if conditions.weekday == 4:
        firm_pays(out[n], c, o, conditions.day, amount, own, 121, places, books)
    else:
        amount = np.int64(amount * (0.6 + 0.4 * w)) // 10_000 * 10_000
        if amount < 10_000:
            return n
        receive(out[n], o, conditions.day, np.int64((8.0 + 3.0 * w) * HOUR), amount, own, 122, books.id_key[0])
    return n + 1


@seldom
def takings(out, n, c, o, h, conditions, places, habits, books):  # type: ignore[no-untyped-def]
    """Plan the deposit of large takings, some of them a little below a round amount."""
    behaviour = habits.behaviour[0]
    if (h >> 20) % 1000 >= 1000.0 * behaviour.cash_firms:
        return n
    if conditions.weekday != (o + 1) % 5 and (conditions.weekday != (o + 3) % 5 or h & 1):
        return n
    u, v, w, _ = draw(books.keys, POOLING, o, 8, conditions.day, 0)
    if w > 0.8:
        return n
    size = np.exp(2.0 * ((h >> 3) % 1000) / 1000.0 - 1.6)
    cents = np.int64(0.8 * c.income_cents * size * np.exp(0.5 * normal(u)))
    cents = min(max(cents, 10_000), 4_000_000)
    if v < behaviour.just_below:
        unit = 100_000 if cents < 500_000 else (500_000 if cents < 900_000 else 1_000_000)
        cents = (cents + unit - 1) // unit * unit - np.int64(unit * (0.005 + 0.12 * w * w))
    pay_in(out[n], c, o, conditions.day, cents, 123, places, habits, books)
    return n + 1


@inline
def firm_rounds(out, n, c, o, conditions, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan a firm's payroll, trade circle, sweeps and large takings; return the rows written so far."""
    if not conditions.bank_day:
        return n
    h = scatter(o + 1_299_709)
    n = staff(out, n, c, o, h, conditions, places, habits, people, books)
    n = trade(out, n, c, o, conditions, places, habits, people, books)
    n = sweep(out, n, c, o, h, conditions, habits, people, places, books)
    return takings(out, n, c, o, h, conditions, places, habits, books)
