"""The part of a day's plan that honestly looks like laundering: money that is pooled, passed on, paid round, banked.

People in a circle of sixteen neighbours pool money each month: a savings club whose holder rotates, club dues, a kitty
that pays several, allowances that all go to one payee. Firms pay staff, trade in circles, sweep and bank takings.
All of it follows from hashes of rows and from the payers' own draws: a pure plan. Whoever passes money on draws how
long it rests.
"""

from __future__ import annotations

import numpy as np

from finsim import payments as pay
from finsim.agents import slots as s
from finsim.agents.customer import BUSINESS
from finsim.agents.slots import begin, draw
from finsim.compile import inline, seldom
from finsim.rng import Purpose, normal

POOLING = int(Purpose.POOLING)
P_POOLING = 11
DAY = 86_400_000_000
HOUR = 3_600_000_000
CIRCLE = 16
CASH_ACCOUNT = 0
WIRE_FROM = 350_000
LATEST_DAY = 4
"""Days after a due day on which the money may still be passed on."""


@inline
def scatter(x):  # type: ignore[no-untyped-def]
    """Return a well mixed 32-bit number of a small one."""
    v = (np.int64(x) * 2_654_435_761 + 40_503) & 0xFFFFFFFF
    v ^= v >> 15
    v = (v * 2_246_822_519) & 0xFFFFFFFF
    v ^= v >> 13
    return v


@seldom
def round_down(cents, u, v, share):  # type: ignore[no-untyped-def]
    """Round an amount down to whole units, fives, tens or hundreds, as people do."""
    if u >= share:
        return cents
    step = s.usual_step(cents, v)
    return max(cents // step * step, step)


@seldom
def send(t, c, o, day, time, amount, payee, ordinal, second, places, habits, books):  # type: ignore[no-untyped-def]
    """Write a person's transfer with rail, channel, device and place; times beyond the day are cut to its end."""
    behaviour = habits.behaviour[0]
    b, f, h, i = draw(books.keys, POOLING, o, second, day, 10)
    k, p, m, _ = draw(books.keys, POOLING, o, second, day, 11)
    rail = pay.INSTANT if b < behaviour.instant + 0.1 else pay.ACH
    if amount > WIRE_FROM:
        rail = pay.ACH if f < 0.7 else pay.WIRE
    channel = pay.APP if h < 0.75 else (pay.ONLINE if h < 0.95 else pay.BRANCH)
    begin(
        t,
        o,
        day,
        min(time, DAY - 2_000_000),
        amount,
        pay.TRANSFER,
        rail,
        channel,
        P_POOLING,
        ordinal,
        o * 4,
        payee,
        books.id_key[0],
    )
    t.flags = pay.DISCRETIONARY
    if channel != pay.BRANCH:
        here = np.int64(c.away_area) if c.away_until > day else np.int64(c.area)
        s.at_home_online(t, c, o, places, here, k, p)
        t.authentication = pay.BIOMETRIC if channel == pay.APP and i < 0.6 else pay.NO_AUTHENTICATION
        if m > 0.93:
            t.authentication = pay.ONE_TIME_CODE


@seldom
def receive(t, o, day, time, amount, payer, ordinal, id_key):  # type: ignore[no-untyped-def]
    """Write a transfer that arrives from somebody at another bank."""
    begin(
        t,
        o,
        day,
        min(time, DAY - 2_000_000),
        amount,
        pay.TRANSFER,
        pay.INSTANT,
        pay.APP,
        P_POOLING,
        ordinal,
        payer,
        o * 4,
        id_key,
    )
    t.flags = pay.FORCED


@seldom
def pay_in(t, c, o, day, amount, ordinal, places, habits, books):  # type: ignore[no-untyped-def]
    """Write a cash deposit at a branch, mostly one of the own town."""
    u, v, w, x = draw(books.keys, POOLING, o, ordinal, day, 12)
    begin(
        t,
        o,
        day,
        np.int64((8.75 + 7.75 * u) * HOUR),
        max(amount // 100 * 100, 2_000),
        pay.DEPOSIT,
        pay.CASH,
        pay.BRANCH,
        P_POOLING,
        ordinal,
        books.named[CASH_ACCOUNT],
        o * 4,
        books.id_key[0],
    )
    t.flags = pay.FORCED
    t.country = 0
    t.place = s.near_area(places, np.int64(c.area), v, w, x, habits.behaviour[0].near)


@inline
def takes_part(row, people, day):  # type: ignore[no-untyped-def]
    """Return whether a row is a person who has joined the bank and takes part in its circle's collections.

    Only what is fixed at the founding counts: names kept for rings never take part, whether a ring uses them or not.
    """
    if row >= people.customers.shape[0] or scatter(row) & 3 == 0:
        return False
    member = people.customers[row]
    return member.segment_code != BUSINESS and not s.is_absent(member, day)


@seldom
def share_of(circle_hash, row, occasion, keys):  # type: ignore[no-untyped-def]
    """Return (cents, day offset, time) of a member's part of a collection, by the member's own draws."""
    u, v, w, _ = draw(keys, POOLING, row, 1, occasion, 0)
    cents = np.int64(np.exp(7.6 + 3.2 * ((circle_hash >> 8) % 1000) / 1000.0))
    cents = max(cents // 500 * 500, 500)
    if u > 0.85:
        cents *= 2
    return cents, np.int64(1 if v > 0.7 else 0), np.int64((7.0 + 15.5 * w) * HOUR)


@inline
def circle(out, n, c, o, conditions, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan what a member or the organiser of a circle pays today."""
    block = o // CIRCLE
    h = scatter(block + 7_919)
    day = conditions.day
    since = conditions.month_day - (1 + (h >> 20) % 24)
    if since < 0 or since > LATEST_DAY or h % 1000 >= 1000.0 * habits.behaviour[0].group_share:
        return n
    occasion = day - since
    kind = (h >> 12) & 3
    chosen = occasion // 28 if kind == 0 else h >> 16
    organiser = block * CIRCLE + chosen % CIRCLE
    if not takes_part(organiser, people, occasion) or not takes_part(o, people, occasion):
        return n
    if kind == 3:
        return allowance(out, n, c, o, h, organiser, occasion, since, places, habits, people, books)
    if o != organiser:
        cents, offset, time = share_of(h, o, occasion, books.keys)
        if offset == since:
            send(out[n], c, o, day, time, cents, organiser * 4, 0, 0, places, habits, books)
            n += 1
        return n
    return collect(out, n, c, o, h, kind, occasion, since, places, habits, people, books)


@seldom
def collect(out, n, c, o, h, kind, occasion, since, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan what the organiser gets from members at other banks, and the payment of what was collected."""
    day = occasion + since
    total = np.int64(0)
    for k in range((h >> 5) % 5):
        cents, offset, time = share_of(h, o + (k + 1) * 16_777, occasion, books.keys)
        total += cents
        if offset == since:
            payer = people.suppliers[0] + scatter(h + k) % people.suppliers[1]
            receive(out[n], o, day, time, cents, payer, 10 + k, books.id_key[0])
            n += 1
    u, v, w, x = draw(books.keys, POOLING, o, 2, occasion, 0)
    if since != 1 + np.int64(u * u * LATEST_DAY):
        return n
    for row in range(o // CIRCLE * CIRCLE, o // CIRCLE * CIRCLE + CIRCLE):
        if row != o and takes_part(row, people, occasion):
            cents, _, _ = share_of(h, row, occasion, books.keys)
            total += cents
    parts = 1 if kind < 2 else 2 + (h >> 3) % 3
    for k in range(parts):
        payee = people.suppliers[0] + scatter(h + 100 + k) % people.suppliers[1]
        amount = round_down(np.int64(total * (0.85 + 0.15 * v) / parts), w, x, 0.8)
        time = s.time_of_day(habits.remote_hours, w, x) + k * 240_000_000
        send(out[n], c, o, day, time, amount, payee, 30 + k, 30 + k, places, habits, books)
        n += 1
    return n


@seldom
def allowance(out, n, c, o, h, organiser, occasion, since, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan allowances: one pays several, who all pay the same payee days later (a school, a trainer, a landlord)."""
    day = occasion + since
    if o == organiser:
        if since > 0:
            return n
        number = 0
        for row in range(o // CIRCLE * CIRCLE, o // CIRCLE * CIRCLE + CIRCLE):
            if row == o or number >= 5 or not takes_part(row, people, occasion):
                continue
            cents, _, time = share_of(h, row, occasion, books.keys)
            send(out[n], c, o, day, time, cents, np.int64(row) * 4, 40 + number, 40 + number, places, habits, books)
            n += 1
            number += 1
        return n
    earlier = 0
    for row in range(o // CIRCLE * CIRCLE, o):
        earlier += row != organiser and takes_part(row, people, occasion)
    u, v, w, x = draw(books.keys, POOLING, o, 3, occasion, 0)
    if earlier < 5 and since == 1 + np.int64(u * (LATEST_DAY - 1)):
        cents, _, _ = share_of(h, o, occasion, books.keys)
        payee = people.suppliers[0] + scatter(h + 200) % people.suppliers[1]
        time = s.time_of_day(habits.remote_hours, v, w)
        amount = round_down(np.int64(cents * (0.8 + 0.2 * x)), x, w, 0.8)
        send(out[n], c, o, day, time, amount, payee, 50, 50, places, habits, books)
        n += 1
    return n


@inline
def came_money(o, day, keys):  # type: ignore[no-untyped-def]
    """Return the uniform that decides whether money to be passed on comes on a day; one draw serves four days."""
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
        if came_money(o, conditions.day - back, books.keys) * 365.0 < habits.behaviour[0].forwards:
            n = forward(out, n, c, o, conditions.day, back, places, habits, people, books)
    return now_and_then(out, n, c, o, conditions, places, habits, people, books)


# -- firms --------------------------------------------------------------------------------------------------------


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
        pay.ACH if f < 0.85 else pay.INSTANT,
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
    """Plan the pay of a few people, every second Friday."""
    day = conditions.day
    if conditions.weekday != 4 or ((day + 3) // 7 + o) % 2 or h % 1000 >= 1000.0 * habits.behaviour[0].staff_share:
        return n
    for k in range(2 + (h >> 12) % 5):
        who = scatter(o * 8 + k + 31)
        payee = people.suppliers[0] + who % people.suppliers[1]
        if who & 1:
            row = (who >> 1) % people.customers.shape[0]
            if row != o and not s.is_absent(people.customers[row], day):
                payee = np.int64(row) * 4
        amount = max(np.int64(c.business_out * 0.04 * (0.5 + (who >> 8) % 1000 / 1000.0)), 8_000)
        firm_pays(out[n], c, o, day, amount, payee, 100 + k, places, books)
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
    cents = np.int64(c.business_out * size * np.exp(0.5 * normal(u)))
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
