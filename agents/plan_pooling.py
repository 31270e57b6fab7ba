"""The part of a person's plan that honestly looks like laundering: money that is pooled, passed on, paid in.

All of it follows from hashes of rows and from the payers' own draws: a pure plan. Whoever passes money on draws how
long it rests.
"""

from __future__ import annotations

import numpy as np

from finsim.agents import slots as s
from finsim.agents.plan_circles import circle
from finsim.agents.plan_moves import POOLING, pay_in, receive, round_down, scatter, send
from finsim.agents.slots import draw
from finsim.clock import DAY, HOUR
from finsim.compile import inline, seldom
from finsim.rng import normal

THREE = 0.3  # payments in parts that have three of them, not two (assumption)
TRIAL = 0.25  # that begin with a small sum, to see whether it arrives (assumption: as banks advise)
PARTS_SIGMA = 2.0  # of the log of the time between parts (assumption)


@inline
def came_money(o, day, keys):  # type: ignore[no-untyped-def]
    """Return the uniform that decides whether money to be passed on comes on a day, or a payment in parts begins.

    One draw serves four days.
    """
    a, b, d, e = draw(keys, POOLING, o, 6, day >> 2, 0)
    k = day & 3
    return (a if k == 0 else b) if k < 2 else (d if k == 2 else e)


@seldom
def forward(out, n, c, o, day, back, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan money that came some days back, or comes today, and the payment by which it is passed on."""
    behaviour = habits.behaviour[0]
    _, v, w, x = draw(books.keys, POOLING, o, 4, day - back, 0)
    a, b, d, e = draw(books.keys, POOLING, o, 4, day - back, 1)
    f, g, h, i = draw(books.keys, POOLING, o, 4, day - back, 2)
    cents = np.int64(100.0 * np.exp(behaviour.transfer_log_mean + 1.3 + 0.35 * c.scale + 1.1 * normal(v)))
    cents = min(round_down(cents, w, x, behaviour.transfer_round), 1_000_000)
    came = s.time_of_day(habits.remote_hours, a, b)
    if back == 0:
        payer = people.suppliers[0] + np.int64(d * people.suppliers[1])
        receive(out[n], o, day, came, cents, payer, 70, books.id_key[0])
        n += 1
    goes = came + np.int64(behaviour.forward_hours * HOUR * np.exp(1.5 * normal(e))) + 600_000_000
    if goes // DAY != back:
        return n
    payee = people.suppliers[0] + np.int64(f * people.suppliers[1])
    if g < 0.5:
        payee = np.int64(people.contacts[o, np.int64(f * people.contacts.shape[1])])
    if payee < books.merchant_base[0] and (payee // 4 == o or s.is_absent(people.customers[payee // 4], day)):
        payee = people.suppliers[0] + payee % people.suppliers[1]
    amount = round_down(np.int64(cents * (0.8 + 0.2 * h)), i, h, behaviour.transfer_round)
    send(out[n], c, o, day, goes % DAY, amount, payee, 71 + back, 71, places, habits, books)
    return n + 1


@seldom
def in_parts(out, n, c, o, day, back, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan what is due today of a payment that began some days back: to one payee, in two or three parts."""
    behaviour = habits.behaviour[0]
    v, w, x, p = draw(books.keys, POOLING, o, 9, day - back, 0)
    f, g, _, _ = draw(books.keys, POOLING, o, 9, day - back, 1)
    payee = people.suppliers[0] + np.int64(f * people.suppliers[1])
    if g < 0.5:
        payee = np.int64(f * people.customers.shape[0]) * 4
    elif g < 0.7:
        payee = np.int64(people.contacts[o, np.int64(f * people.contacts.shape[1])])
    if payee < books.merchant_base[0] and (payee // 4 == o or s.is_absent(people.customers[payee // 4], day - back)):
        payee = people.suppliers[0] + payee % people.suppliers[1]
    total = 100.0 * np.exp(behaviour.transfer_log_mean + 1.1 + 0.35 * c.scale + 1.2 * normal(v))
    parts = 3 if w < THREE else 2
    trial = w > 1.0 - TRIAL
    time = np.int64(0)
    for k in range(parts):
        a, b, d, e = draw(books.keys, POOLING, o, 9, day - back, 2 + k)
        later = time + np.int64(behaviour.parts_hours * HOUR * np.exp(PARTS_SIGMA * normal(a))) + 120_000_000
        if k == 0 or later // DAY > time // DAY:  # the first, or one that waits for another day's leisure
            later = (0 if k == 0 else later // DAY * DAY) + s.time_of_day(habits.remote_hours, b, d)
        time = later
        if time // DAY == back:
            share = ((0.02 + 0.05 * e) if k == 0 else 0.95) if trial else (0.6 + 0.8 * e) / parts
            cents = min(np.int64(total * share), 1_000_000)
            amount = s.round_amount(cents, x, p, behaviour.transfer_round)
            which = 90 + 3 * back + k
            send(out[n], c, o, day, time % DAY, amount, payee, which, which, places, habits, books)
            n += 1
    return n


@seldom
def elsewhere(out, n, c, o, day, x, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan a transfer to the own account at another bank, or one that comes back from it."""
    behaviour = habits.behaviour[0]
    there = x * 365.0 < behaviour.own_transfers
    if not there and (1.0 - x) * 365.0 >= 0.8 * behaviour.own_transfers:
        return n
    a, b, d, e = draw(books.keys, POOLING, o, 5, day, 4)
    own = people.suppliers[0] + scatter(o + 49_979_687) % people.suppliers[1]
    cents = np.int64(0.12 * np.float64(c.income_cents) * np.exp(0.9 * normal(a)))
    amount = round_down(min(max(cents, 2_000), 1_500_000), b, d, 0.9)
    time = s.time_of_day(habits.remote_hours, d, e)
    if there:
        send(out[n], c, o, day, time, amount, own, 83, 83, places, habits, books)
    else:
        receive(out[n], o, day, time, amount, own, 84, books.id_key[0])
    return n + 1


@inline
def now_and_then(out, n, c, o, conditions, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan a person's cash deposit, large credit, or transfer between own accounts."""
    behaviour = habits.behaviour[0]
    day = conditions.day
    u, _, w, x = draw(books.keys, POOLING, o, 5, day, 0)
    if scatter(o + 32_452_843) % 1000 < 1000.0 * behaviour.second_bank:
        n = elsewhere(out, n, c, o, day, x, places, habits, people, books)
    if u * 365.0 < behaviour.deposits and conditions.bank_day:
        a, b, _, _ = draw(books.keys, POOLING, o, 5, day, 1)
        cents = np.int64(np.exp(10.3 + 1.25 * normal(a)))
        pay_in(out[n], c, o, day, round_down(min(cents, 1_800_000), b, b, 0.7), 80, places, habits, books)
        n += 1
    if w * 365.0 < behaviour.large_credits:
        a, b, d, e = draw(books.keys, POOLING, o, 5, day, 3)
        cents = np.int64(100.0 * np.exp(behaviour.transfer_log_mean + 2.9 + 0.7 * normal(a)))
        amount = round_down(min(cents, 1_500_000), b, d, behaviour.transfer_round)
        payer = people.suppliers[0] + np.int64(b * people.suppliers[1])
        receive(out[n], o, day, s.time_of_day(habits.remote_hours, d, e), amount, payer, 82, books.id_key[0])
        n += 1
    return n


@inline
def pooling(out, n, c, o, conditions, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan what a person pools, passes on, pays in or moves to an exchange; return the rows written so far."""
    n = circle(out, n, c, o, conditions, places, habits, people, books)
    for back in range(3):
        came = came_money(o, conditions.day - back, books.keys) * 365.0
        if 365.0 - came < habits.behaviour[0].in_parts:
            n = in_parts(out, n, c, o, conditions.day, back, places, habits, people, books)
        elif came < habits.behaviour[0].forwards:
            n = forward(out, n, c, o, conditions.day, back, places, habits, people, books)
    return now_and_then(out, n, c, o, conditions, places, habits, people, books)
