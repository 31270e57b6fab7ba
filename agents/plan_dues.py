"""The part of a day's plan that follows dates: pay, bills, savings, statements, transfers, firms' payments."""

from __future__ import annotations

import numpy as np

from finsim import payments as pay
from finsim.agents import slots as s
from finsim.agents.customer import BIWEEKLY, BUSINESS, MONTHLY, NO_PAY, PENSION, SEMIMONTHLY, WEEKLY
from finsim.agents.plan_occasions import occasions
from finsim.agents.plan_pooling import firm_rounds, pooling
from finsim.agents.plan_suppliers import INVOICES_A_DAY, supplier_invoice
from finsim.agents.slots import begin, draw, round_amount
from finsim.agents.world import (
    BY_CHECK,
    BY_CREDIT_CARD,
    BY_DEBIT_CARD,
    BY_DIRECT_DEBIT,
    BY_TRANSFER,
    TO_WALLET,
)
from finsim.compile import inline
from finsim.ids import pack_customer
from finsim.rng import Purpose, normal, poisson

BILL, INCOME, PERSON, FIRM = (
    int(Purpose.BILL),
    int(Purpose.INCOME),
    int(Purpose.PERSON_TO_PERSON),
    int(Purpose.BUSINESS),
)

# Sources of planned payments, for their ids.
P_BILL, P_INCOME, P_TRANSFER, P_SAVINGS, P_STATEMENT, P_FIRM, P_DEPOSIT = 2, 3, 4, 5, 6, 7, 9

DAY = 86_400_000_000
HOUR = 3_600_000_000
TOP_UPS_A_DAY = 0.25 / 30.0  # transfers from savings to checking by hand (assumption: one in four months)
CASH_ACCOUNT, CLIENTS, LANDLORDS, LENDERS = 0, 2, 6, 7


@inline
def is_pay_day(c, conditions):  # type: ignore[no-untyped-def]
    """Return whether the customer's pay or pension arrives today."""
    schedule = c.pay_schedule
    week = (conditions.day + 3) // 7
    if schedule == WEEKLY:
        return conditions.weekday == 4
    if schedule == BIWEEKLY:
        return conditions.weekday == 4 and week % 2 == c.pay_anchor
    if schedule == SEMIMONTHLY:
        return conditions.day == conditions.last_bank_day or conditions.month_day == 15
    if schedule == MONTHLY:
        return conditions.day == conditions.last_bank_day
    if schedule == PENSION:
        return conditions.weekday == 2 and (conditions.month_day - 1) // 7 == c.pay_anchor
    return False


@inline
def income(out, n, c, o, conditions, people, books):  # type: ignore[no-untyped-def]
    """Plan pay or pension and the standing order to savings that follows it."""
    if c.pay_schedule == NO_PAY or not is_pay_day(c, conditions):
        return n
    day = conditions.day
    c.last_pay_day = day
    u, v, w, _ = draw(books.keys, INCOME, o, 0, day, 0)
    payer = people.employers[c.employer].account if c.employer >= 0 else books.named[1]
    start = 1 + (c.employer % 4 if c.employer >= 0 else 0)
    amount = c.pay_cents
    if c.pay_schedule == WEEKLY:
        amount = np.int64(amount * np.exp(0.06 * normal(u)))
    t = out[n]
    begin(
        t,
        o,
        day,
        np.int64((start + v) * HOUR),
        amount,
        pay.INCOME,
        pay.ACH,
        pay.BATCH,
        P_INCOME,
        0,
        payer,
        o * 4,
        books.id_key[0],
    )
    t.flags = pay.FORCED
    n += 1
    if c.savings_cents > 0 and c.accounts & 2:
        t = out[n]
        time = np.int64((9.0 + 3.0 * w) * HOUR)
        begin(
            t,
            o,
            day,
            time,
            c.savings_cents,
            pay.TRANSFER,
            pay.INSTANT,
            pay.BATCH,
            P_SAVINGS,
            0,
            o * 4,
            o * 4 + 1,
            books.id_key[0],
        )
        t.flags = pay.DISCRETIONARY | pay.SAME_OWNER | pay.NO_RETRY
        n += 1
    return n


@inline
def other_income(out, n, c, o, conditions, behaviour, books):  # type: ignore[no-untyped-def]
    """Plan a monthly deposit beside pay, a benefit, an annuity or a refund, on a fixed weekday of a fixed week."""
    if conditions.weekday != (o >> 3) % 5 or (conditions.month_day - 1) // 7 != o % 4:
        return n
    if c.segment_code == BUSINESS or c.reserved:  # nobody pays a made-up name
        return n
    u, v, w, _ = draw(books.keys, INCOME, o, 1, 0, 0)
    if u >= behaviour.other_income:
        return n
    begin(
        out[n],
        o,
        conditions.day,
        np.int64((1.0 + 4.0 * v) * HOUR),
        max(np.int64(behaviour.other_income_mean * np.exp(0.6 * normal(w) - 0.18)), 1000),
        pay.INCOME,
        pay.ACH,
        pay.BATCH,
        P_INCOME,
        1,
        books.named[1],
        o * 4,
        books.id_key[0],
    )
    out[n].flags = pay.FORCED
    return n + 1


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
def due_day(conditions, back):  # type: ignore[no-untyped-def]
    """Return the day of the month that lies some days back, or 0 where nothing is due: dues fall on days 1 to 28."""
    day = conditions.month_day - back
    if day < 1:
        day += conditions.last_month_length
    return day if day <= 28 else 0


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


@inline
def statement(out, n, c, o, conditions, books):  # type: ignore[no-untyped-def]
    """Plan the card statement with its interest, the repayment three weeks later, and savings interest."""
    day = conditions.day
    id_key = books.id_key[0]
    income_account = books.income_accounts[c.institution]
    if c.accounts & 4:
        if conditions.month_day == c.statement_day:
            u, _, _, _ = draw(books.keys, BILL, o, 200, day, 0)
            begin(
                out[n],
                o,
                day,
                np.int64((0.2 + u) * HOUR),
                0,
                pay.INTEREST,
                pay.CARD,
                pay.BATCH,
                P_STATEMENT,
                0,
                o * 4 + 2,
                income_account,
                id_key,
            )
            out[n].flags = pay.FORCED
            n += 1
        repay = (c.statement_day + 20) % 28 + 1
        if conditions.month_day == repay:
            _, v, _, _ = draw(books.keys, BILL, o, 200, day, 0)
            begin(
                out[n],
                o,
                day,
                np.int64((2.0 + 3.0 * v) * HOUR),
                0,
                pay.REPAYMENT,
                pay.ACH,
                pay.BATCH,
                P_STATEMENT,
                1,
                o * 4,
                o * 4 + 2,
                id_key,
            )
            out[n].flags = pay.MANDATE | pay.SAME_OWNER | pay.NO_RETRY
            n += 1
    if c.accounts & 2 and conditions.day == conditions.month_end:
        u, _, _, _ = draw(books.keys, BILL, o, 201, day, 0)
        begin(
            out[n],
            o,
            day,
            np.int64((20.0 + 2.0 * u) * HOUR),
            0,
            pay.INTEREST,
            pay.INSTANT,
            pay.BATCH,
            P_STATEMENT,
            2,
            income_account,
            o * 4 + 1,
            id_key,
        )
        out[n].flags = pay.FORCED
        n += 1
    return n


@inline
def transfer(t, c, o, number, conditions, large, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan one payment to a person: mostly to a contact, sometimes to somebody new, now and then a large one."""
    behaviour = habits.behaviour[0]
    day = conditions.day
    u, v, w, x = draw(books.keys, PERSON, o, number, day, 1)
    a, b, d, e = draw(books.keys, PERSON, o, number, day, 2)
    f, g, h, i = draw(books.keys, PERSON, o, number, day, 3)
    j, k, p, m = draw(books.keys, PERSON, o, number, day, 5)
    contacts = people.contacts
    payee = np.int64(contacts[o, min(np.int64(u * u * contacts.shape[1]), contacts.shape[1] - 1)])
    is_new = v < behaviour.new_payee or (large and v < 0.6)
    if is_new:
        if d < 0.5:
            payee = np.int64(e * people.customers.shape[0]) * 4
        else:
            payee = people.suppliers[0] + np.int64(e * people.suppliers[1])
    if payee < books.merchant_base[0] and (payee // 4 == o or s.is_absent(people.customers[payee // 4], day)):
        payee = people.suppliers[0] + payee % people.suppliers[1]
    shift = 2.9 if large else 0.35 * c.scale
    cents = np.int64(
        100.0 * np.exp(behaviour.transfer_log_mean + shift + (0.6 if large else behaviour.transfer_sigma) * normal(w))
    )
    amount = min(round_amount(cents, x, a, behaviour.transfer_round), 2_500_000)
    rail = pay.INSTANT
    if b > behaviour.instant:
        rail = pay.ACH if b > behaviour.instant + 0.6 * (1.0 - behaviour.instant) or not c.accounts & 8 else pay.WALLET
    if amount > 350_000:
        rail = pay.ACH if f < 0.7 else pay.WIRE
    time = s.time_of_day(habits.remote_hours, j, g)
    channel = pay.APP if h < 0.75 else (pay.ONLINE if h < 0.95 else pay.BRANCH)
    if rail == pay.WALLET:
        channel = pay.APP
    payer = np.int64(o * 4 + 3) if rail == pay.WALLET else np.int64(o * 4)
    if rail == pay.WALLET and payee < books.merchant_base[0] and people.customers[payee // 4].accounts & 8:
        payee = (payee // 4) * 4 + 3
    begin(t, o, day, time, amount, pay.TRANSFER, rail, channel, P_TRANSFER, number, payer, payee, books.id_key[0])
    t.flags = pay.DISCRETIONARY
    if channel != pay.BRANCH:
        here = np.int64(c.away_area) if c.away_until > day else np.int64(c.area)
        s.at_home_online(t, c, o, places, here, k, p)
        t.authentication = pay.BIOMETRIC if channel == pay.APP and i < 0.6 else pay.NO_AUTHENTICATION
        if m > 0.93:
            t.authentication = pay.ONE_TIME_CODE
        if f > 0.9 and s.shares_devices(o) and (o ^ 1) < people.customers.shape[0]:
            partner = people.customers[o ^ 1]
            if not s.is_absent(partner, day):
                t.device = pack_customer(o ^ 1, partner.device)


@inline
def from_savings(t, c, o, conditions, u, v, w, places, habits, books):  # type: ignore[no-untyped-def]
    """Plan a transfer of own money from savings to checking by hand."""
    cents = (5 + np.int64(55.0 * u * u)) * 2_000
    time = s.time_of_day(habits.remote_hours, v, w)
    begin(
        t,
        o,
        conditions.day,
        time,
        cents,
        pay.TRANSFER,
        pay.INSTANT,
        pay.APP,
        P_SAVINGS,
        1,
        o * 4 + 1,
        o * 4,
        books.id_key[0],
    )
    t.flags = pay.DISCRETIONARY | pay.SAME_OWNER | pay.NO_RETRY
    s.at_home_online(t, c, o, places, np.int64(c.area), w, u)
    t.authentication = pay.BIOMETRIC if u < 0.6 else pay.NO_AUTHENTICATION


@inline
def transfers(out, n, c, o, conditions, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan the day's payments to people, and those that arrive from people at other banks."""
    u, v, w, x = draw(books.keys, PERSON, o, 0, conditions.day, 0)
    behaviour = habits.behaviour[0]
    for number in range(min(poisson(w, 0.55 * np.float64(c.transfer_rate)), 8)):
        a, b, d, e = draw(books.keys, PERSON, o, number, conditions.day, 4)
        cents = np.int64(
            100.0 * np.exp(behaviour.transfer_log_mean + 0.35 * c.scale + behaviour.transfer_sigma * normal(a))
        )
        payer = people.suppliers[0] + np.int64(b * people.suppliers[1])
        time = s.time_of_day(habits.remote_hours, d, e)
        amount = min(round_amount(cents, b, d, behaviour.transfer_round), 1_000_000)
        begin(
            out[n],
            o,
            conditions.day,
            time,
            amount,
            pay.TRANSFER,
            pay.INSTANT,
            pay.APP,
            P_TRANSFER,
            100 + number,
            payer,
            o * 4,
            books.id_key[0],
        )
        out[n].flags = pay.FORCED
        n += 1
    count = min(poisson(u, np.float64(c.transfer_rate)), 20)
    for number in range(count):
        transfer(out[n], c, o, number, conditions, False, places, habits, people, books)
        n += 1
    if c.accounts & 2 and x < TOP_UPS_A_DAY:
        a, b, d, _ = draw(books.keys, PERSON, o, 0, conditions.day, 6)
        from_savings(out[n], c, o, conditions, a, b, d, places, habits, books)
        n += 1
    if v * 365.0 < habits.behaviour[0].large_transfers:
        transfer(out[n], c, o, 20, conditions, True, places, habits, people, books)
        n += 1
    return occasions(out, n, c, o, x, conditions.day, places, habits, people, books)


@inline
def firm(out, n, c, o, conditions, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan a small firm's day: suppliers and staff, clients who pay invoices, takings banked on Mondays."""
    if not conditions.bank_day:
        return n
    day = conditions.day
    id_key = books.id_key[0]
    u, v, w, x = draw(books.keys, FIRM, o, 0, day, 0)
    for number in range(min(poisson(u, INVOICES_A_DAY), 8)):
        f, g, h, i = draw(books.keys, FIRM, o, number, day, 2)
        amount, payee, _ = supplier_invoice(c, o, day, number, habits.behaviour[0], people, books.keys)
        rail = pay.ACH
        if f < 0.2:
            rail = pay.CHECK
        elif f < 0.26:
            rail = pay.WIRE
        elif f < 0.36:
            rail = pay.INSTANT
        channel = pay.BATCH if rail == pay.CHECK else (pay.ONLINE if g < 0.85 else pay.BRANCH)
        time = np.int64((8.5 + 8.5 * h) * HOUR)
        begin(out[n], o, day, time, amount, pay.TRANSFER, rail, channel, P_FIRM, number, o * 4, payee, id_key)
        if channel == pay.ONLINE:
            s.at_home_online(out[n], c, o, places, np.int64(c.area), i, f)
            out[n].authentication = pay.ONE_TIME_CODE if i < 0.5 else pay.NO_AUTHENTICATION
        if rail == pay.CHECK:
            out[n].flags = pay.MANDATE
        n += 1
    for number in range(min(poisson(v, 0.3), 8)):
        a, b, _, _ = draw(books.keys, FIRM, o, number, day, 3)
        amount = max(np.int64(c.business_out / 7.0 * np.exp(0.9 * normal(a) - 0.4)), 1500)
        begin(
            out[n],
            o,
            day,
            np.int64((0.5 + 5.0 * b) * HOUR),
            amount,
            pay.INCOME,
            pay.ACH,
            pay.BATCH,
            P_FIRM,
            100 + number,
            books.named[2],
            o * 4,
            id_key,
        )
        out[n].flags = pay.FORCED
        n += 1
    if conditions.weekday == o % 5 and w < 0.7:
        amount = max(np.int64(c.business_out * 0.05 * (0.5 + x)), 2000)
        begin(
            out[n],
            o,
            day,
            np.int64((9.0 + 7.5 * x) * HOUR),
            (amount // 100) * 100,
            pay.DEPOSIT,
            pay.CASH,
            pay.BRANCH,
            P_DEPOSIT,
            0,
            books.named[0],
            o * 4,
            id_key,
        )
        out[n].flags = pay.FORCED
        out[n].country = 0
        out[n].place = c.area
        n += 1
    return n


@inline
def plan_dues(out, n, c, o, conditions, cursors, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan everything but shopping; return the rows written so far.

    A promoted customer decides on transfers itself; pay, collections, statements and repayments go on.
    """
    n = income(out, n, c, o, conditions, people, books)
    n = other_income(out, n, c, o, conditions, habits.behaviour[0], books)
    n = bills(out, n, c, o, conditions, cursors, places, habits, people, books)
    n = statement(out, n, c, o, conditions, books)
    if c.promoted == 0:
        n = transfers(out, n, c, o, conditions, places, habits, people, books)
        if c.segment_code == BUSINESS:
            n = firm(out, n, c, o, conditions, places, habits, people, books)
            n = firm_rounds(out, n, c, o, conditions, places, habits, people, books)
        elif c.reserved == 0:  # nobody sends money to a made-up name, or through it
            n = pooling(out, n, c, o, conditions, places, habits, people, books)
    return n
