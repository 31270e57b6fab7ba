"""Transfers in a day's plan: to people, from people at other banks, and between a customer's own accounts."""

from __future__ import annotations

import numpy as np

from finsim import payments as pay
from finsim.agents import slots as s
from finsim.agents.plan_moves import log_in
from finsim.agents.plan_occasions import occasions
from finsim.agents.plan_sources import P_SAVINGS, P_TRANSFER
from finsim.agents.slots import begin, draw, round_amount
from finsim.clock import DAY, MINUTE
from finsim.compile import inline, seldom
from finsim.ids import pack_customer
from finsim.rng import Purpose, normal, poisson

PERSON = int(Purpose.PERSON_TO_PERSON)
ERRAND = 21  # number of the payment that a new phone or password was for
TOP_UPS_A_DAY = 0.25 / 30.0  # transfers from savings to checking by hand (assumption: one in four months)


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
    if amount > s.WIRE_FROM:
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
        log_in(t, c, o, day, channel, places, i, k, p, m)
        if f > 0.9 and s.shares_devices(o) and (o ^ 1) < people.customers.shape[0]:
            partner = people.customers[o ^ 1]
            if not s.is_absent(partner, day):
                t.device = pack_customer(o ^ 1, partner.device)
        else:
            on_other_device(t, o, day, number, habits, people, books)


@seldom
def on_other_device(t, o, day, number, habits, people, books):  # type: ignore[no-untyped-def]
    """Let a few transfers come from a relative's or friend's phone, or from a browser that the bank does not know."""
    behaviour = habits.behaviour[0]
    u, v, w, _ = draw(books.keys, PERSON, o, number, day, 7)
    if u < behaviour.borrowed_device:
        other = np.int64(people.contacts[o, np.int64(v * people.contacts.shape[1])]) // 4
        if other < people.customers.shape[0] and other != o and not s.is_absent(people.customers[other], day):
            t.device = pack_customer(other, people.customers[other].device)
    elif t.channel == pay.ONLINE and u > 1.0 - behaviour.other_device:
        t.device = s.other_device(people.customers.shape[0], day, v, w)


@seldom
def errand(t, c, o, conditions, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan the payment for which somebody set up a phone or a password: at once, now and then a large one."""
    large, _, _, _ = draw(books.keys, PERSON, o, ERRAND, conditions.day, 8)
    transfer(t, c, o, ERRAND, conditions, large < 0.15, places, habits, people, books)
    if t.channel == pay.BRANCH:
        return
    t.timestamp = conditions.day * DAY + np.int64(c.errand_minute) * MINUTE + t.timestamp % MINUTE
    if c.errand_device:
        t.device = pack_customer(o, c.device + 1)


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
    if c.errand_day == conditions.day and c.transfer_rate > 0.0:
        errand(out[n], c, o, conditions, places, habits, people, books)
        n += 1
    return occasions(out, n, c, o, x, conditions.day, places, habits, people, books)
