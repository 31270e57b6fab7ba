"""The plan of a day: what every customer wants to pay, as a pure function of its own exogenous state.

One compiled pass over a block of owners writes payment requests with their times. Nothing here reads a
balance or an outcome, so a customer whom a change does not reach plans the same payments with the same
ids in every twin. What happens to the requests is the ledger's business.
"""

from __future__ import annotations

import numpy as np

from finsim import payments as pay
from finsim.agents import slots as s
from finsim.agents.customer import BUSINESS, NO_PAY
from finsim.agents.plan_bills import due_day, first_due
from finsim.agents.plan_dues import plan_dues
from finsim.agents.plan_sources import P_PURCHASE, P_VERIFICATION, P_WITHDRAWAL
from finsim.agents.slots import draw
from finsim.clock import DAY
from finsim.compile import inline, kernel, prefetch
from finsim.ids import NO_CODE, PLANNED, pack_customer, transaction_id
from finsim.ledger import CASH_ACCOUNT
from finsim.rng import Purpose, normal, pick, poisson

# Plain numbers: compiled code reads them as constants.
TRIPS, PURCHASE, PLACE, MEANS = int(Purpose.TRIPS), int(Purpose.PURCHASE), int(Purpose.PLACE), int(Purpose.MEANS)
CASH, TRAVEL, MISTAKE, PERSON = (
    int(Purpose.CASH),
    int(Purpose.TRAVEL),
    int(Purpose.MISTAKE),
    int(Purpose.PERSON_TO_PERSON),
)

MOST_CASH = 40_000
"""Cents up to which somebody draws cash for one purchase (assumption: usual limits of cash machines)."""
ROOM = 500
"""Rows that one owner's day may need at most; the pass stops before it runs out of room."""

CURRENCY_OF_COUNTRY = np.array(pay.CURRENCY_OF_COUNTRY, dtype=np.int64)
LATEST = DAY - 2_000_000
SITS, SITS_SIGMA = 6.0, 1.0
"""Log of the seconds after which a purchase follows the beginning of a sitting, and its deviation (assumption: seven
minutes, mostly 2 to 18)."""


@inline
def journey(c, o, u, day, places, behaviour, keys):  # type: ignore[no-untyped-def]
    """Begin a journey on some days, if the uniform u says so, and return the area in which the customer is today."""
    if c.away_until > day:
        return np.int64(c.away_area)
    if u * 365.0 < behaviour.trips_away and c.segment_code != BUSINESS:
        v, w, x, _ = draw(keys, TRAVEL, o, 0, day, 0)
        c.away_until = day + 1 + np.int64(-np.log(v) * behaviour.journey_days)
        if w < behaviour.abroad:
            foreign = places.areas.shape[0] - places.homes - 1
            c.away_area = places.homes + 1 + min(np.int64(x * x * foreign), foreign - 1)
        else:
            c.away_area = pick(places.area_cumulative, x)
        return np.int64(c.away_area)
    return np.int64(c.area)


@inline
def choose_merchant(c, o, day, number, category, remote, here, places, habits, people, keys):  # type: ignore[no-untyped-def]
    """Return (merchant, is new): a favourite, or one explored; an explored one may become a favourite.

    Exploration and preferential return: most visits go to known merchants by a Zipf law of rank.
    """
    behaviour = habits.behaviour[0]
    u, v, w, x = draw(keys, PLACE, o, number, day, 0)
    k = habits.categories[category]
    first = k.online_first if remote else k.position_first
    count = k.online_count if remote else k.position_count
    away = here != c.area
    if count > 0 and u >= behaviour.exploration and (remote or not away):
        rank = pick(habits.favourite_cumulative[count, :count], v)
        merchant = np.int64(people.favourites[o, first + rank])
        if merchant >= 0:
            return merchant, False
    y, z, p, q = draw(keys, PLACE, o, number, day, 1)
    if remote:
        area = np.int64(places.homes)
        if w < behaviour.foreign_online:
            area = (
                places.homes + 1 + np.int64((w / behaviour.foreign_online) * (places.areas.shape[0] - places.homes - 1))
            )
    elif away:
        area = here
    else:
        area = s.near_area(places, here, w, p, q, behaviour.near)
    merchant = s.any_merchant(places, habits.categories.shape[0], area, category, x)
    near = merchant >= 0 and (remote or places.merchants[merchant].area == c.area)
    if near and count > 0 and not away and y < behaviour.adoption:
        people.favourites[o, first + np.int64(z * count)] = merchant
    return merchant, True


@inline
def choose_means(c, weights, u):  # type: ignore[no-untyped-def]
    """Return 0 cash, 1 debit, 2 credit, 3 check, 4 bank by the weights and the customer's own tilts."""
    debit = weights[1] if c.cards & 1 else 0.0
    credit = weights[2] * c.credit_tilt if c.cards & 4 else 0.0
    cash = weights[0] * c.cash_tilt
    total = cash + debit + credit + weights[3] + weights[4]
    x = u * total
    if x < cash:
        return 0
    if x < cash + debit:
        return 1
    if x < cash + debit + credit:
        return 2
    return 3 if x < total - weights[4] else 4


@inline
def amount_band(cents):  # type: ignore[no-untyped-def]
    """Return the diary's band of an amount: 0-10, 10-25, 25-50, 50-100, above 100, which is cut at 400."""
    if cents < 1000:
        return 0
    if cents < 2500:
        return 1
    if cents < 5000:
        return 2
    if cents < 10000:
        return 3
    return 4 if cents < 40000 else 5


@inline
def head(t, o, time, amount, kind, id_key, source, day, ordinal, payer, payee):  # type: ignore[no-untyped-def]
    """Start a planned request: identity, time, sides and amount."""
    s.clear(t)
    t.transaction_id = transaction_id(id_key, PLANNED, o, source, day, ordinal)
    t.timestamp = day * DAY + time
    t.owner = o
    t.payer = payer
    t.payee = payee
    t.amount = amount
    t.kind = kind
    t.slot = 0


@inline
def withdraw(t, c, o, day, time, number, here, need, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan a withdrawal at a cash machine of cents needed, or more; multiples of 20, as the machines give."""
    u, v, w, x = draw(books.keys, CASH, o, number, day, 0)
    notes = 2 + poisson(u, habits.behaviour[0].cash_mean / 2000.0)
    amount = np.int64(notes) * 2000
    if v < 0.2:
        amount = np.int64(10000) if v < 0.1 else np.int64(20000)
    elif v > 0.965:
        amount = min(amount * (2 + np.int64(4.0 * (v - 0.965) / 0.035)), 60_000)  # for something larger
    if amount < need <= MOST_CASH:
        amount = (need + 1999) // 2000 * 2000  # who means to pay in cash draws enough
    machine = habits.categories.shape[0] - 1
    merchant, _ = choose_merchant(c, o, day, 300 + number, machine, False, here, places, habits, people, books.keys)
    head(
        t, o, time, amount, pay.WITHDRAWAL, books.id_key[0], P_WITHDRAWAL, day, number, o * 4, books.named[CASH_ACCOUNT]
    )
    t.rail = pay.CARD
    t.channel = pay.ATM
    t.mcc = 6011
    stripe = 0.04 if here < places.homes else 0.12
    t.entry_mode = pay.CHIP if w > stripe + 0.05 else (pay.CONTACTLESS if w > stripe else pay.MAGSTRIPE)
    t.authentication = pay.PIN
    if x < habits.behaviour[0].wrong_pin:
        t.flags |= pay.WRONG_PIN
    if merchant >= 0:
        t.merchant = merchant
        which, _, _, _ = draw(books.keys, CASH, o, number, day, 1)
        t.terminal = s.terminal_of(places.merchants, merchant, which)
        t.country = places.merchants[merchant].country
        s.abroad(t, t.country, habits.exchange_rate, CURRENCY_OF_COUNTRY)
    t.flags |= pay.DISCRETIONARY
    c.cash_planned += amount
    return amount


@inline
def verify_card(t, source, o, day, number, id_key):  # type: ignore[no-untyped-def]
    """Plan the verification of 0 by which an online shop checks a card before the first purchase."""
    s.clear(t)
    t.transaction_id = transaction_id(id_key, PLANNED, o, P_VERIFICATION, day, number)
    t.timestamp = source.timestamp - 8_000_000
    t.owner = o
    t.payer = source.payer
    t.payee = source.payee
    t.amount = 0
    t.kind = pay.VERIFICATION
    t.slot = source.slot
    t.rail = pay.CARD
    t.channel = pay.ONLINE if source.channel == pay.PHONE else source.channel
    t.merchant = source.merchant
    t.mcc = source.mcc
    t.terminal = source.terminal
    t.device = source.device
    t.ip = source.ip
    t.place = source.place
    t.country = source.country
    t.entry_mode = pay.ECOMMERCE
    t.authentication = pay.NO_AUTHENTICATION
    t.category = source.category


@inline
def sitting(o, day, u, habits, keys):  # type: ignore[no-untyped-def]
    """Return (time, two uniforms of the address, three of the device) of a purchase in the one sitting of a day.

    It comes minutes after the sitting began, by the uniform u; address and device are those of the whole sitting.
    """
    v, w, f, g = draw(keys, MEANS, o, 0, day, 2)
    r, z, which, _ = draw(keys, MEANS, o, 0, day, 3)
    begin = s.time_of_day(habits.remote_hours, v, w)
    later = np.int64(1e6 * np.exp(SITS + SITS_SIGMA * normal(u)))
    time = begin + later if begin + later <= LATEST else max(begin - later, 0)  # nobody shops past midnight
    return time, f, g, r, z, which


@inline
def purchase(out, n, c, o, day, time, number, hour, here, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan one purchase, with the withdrawal or the verification before it; return the rows written so far."""
    behaviour = habits.behaviour[0]
    keys = books.keys
    u, v, w, x = draw(keys, PURCHASE, o, number, day, 0)
    category = pick(habits.category_by_hour[hour], u)
    k = habits.categories[category]
    odds = (1.0 - k.in_person) / max(k.in_person, 1e-6) * behaviour.remote_factor * c.remote_tilt
    remote = w * (1.0 + odds) < odds
    merchant, is_new = choose_merchant(c, o, day, number, category, remote, here, places, habits, people, keys)
    if merchant < 0:
        return n
    prefetch(places.merchants, merchant)
    a, b, d, e = draw(keys, MEANS, o, number, day, 0)
    f, g, h, i = draw(keys, MISTAKE, o, number, day, 0)
    m = places.merchants[merchant]
    amount = s.price(k.log_mean, k.sigma, c.scale + m.price, normal(v), k.ending, behaviour.tip, x)
    means = choose_means(c, habits.means[category, 1 if remote else 0, amount_band(amount), c.income_band_code], a)
    p = q = r = z = which = wrong = 1.0
    if remote:
        p, q, r, z = draw(keys, MISTAKE, o, number, day, 1)
        sits, gap, wrong, which = draw(keys, MEANS, o, number, day, 1)
        if sits < behaviour.one_sitting:
            time, f, g, r, z, which = sitting(o, day, gap, habits, keys)
        else:
            time = s.time_of_day(habits.remote_hours, b, d)
    if means == 0:
        if c.cash_planned < amount:
            withdraw(
                out[n],
                c,
                o,
                day,
                max(time - np.int64(300_000_000 + d * 3_000_000_000), 60_000_000),
                number,
                here,
                amount - c.cash_planned,
                places,
                habits,
                people,
                books,
            )
            n += 1
        if c.cash_planned < amount:
            means = 1 if c.cards & 1 else 2
    t = out[n]
    n += 1
    head(
        t,
        o,
        time,
        amount,
        pay.PURCHASE,
        books.id_key[0],
        P_PURCHASE,
        day,
        number,
        o * 4,
        books.merchant_base[0] + merchant,
    )
    t.flags = pay.DISCRETIONARY
    t.merchant = merchant
    t.mcc = m.mcc
    t.category = category
    t.terminal = s.terminal_of(places.merchants, merchant, e)
    t.rail = pay.CARD
    if is_new:
        t.flags |= pay.NEW_PAYEE
    if i < k.refund:
        t.flags |= pay.REFUNDABLE
    if means == 2:
        t.slot = 2
        t.payer = o * 4 + 2
    if remote:
        s.at_home_online(t, c, o, places, here, f, g)
        t.channel = pay.APP if h < 0.35 else (pay.PHONE if h > 0.985 else pay.ONLINE)
        t.entry_mode = pay.KEYED if t.channel == pay.PHONE else pay.ECOMMERCE
        t.authentication = pay.NO_AUTHENTICATION
        if p < behaviour.card_on_file and not is_new:
            t.entry_mode = pay.CARD_ON_FILE
        elif p > 0.9 and t.channel != pay.PHONE:
            t.entry_mode = pay.TOKEN
            t.authentication = pay.BIOMETRIC
        elif q < behaviour.three_d_secure and t.channel != pay.PHONE:
            t.authentication = pay.THREE_D_SECURE
        if r < 0.3:
            t.device = NO_CODE
        elif z > 1.0 - behaviour.other_device:
            t.device = s.other_device(people.customers.shape[0], day, (1.0 - z) / behaviour.other_device, which)
        elif r > 0.8 and s.shares_devices(o) and (o ^ 1) < people.customers.shape[0]:
            partner = people.customers[o ^ 1]
            if not s.is_absent(partner, day):
                t.device = pack_customer(o ^ 1, partner.device)
        if t.entry_mode == pay.ECOMMERCE and wrong < behaviour.mistype:
            t.flags |= pay.MISTYPED
    else:
        s.in_person(t, c, o, behaviour, b, f, g)
        t.country = m.country
    if m.country != 0:
        s.abroad(t, m.country, habits.exchange_rate, CURRENCY_OF_COUNTRY)
    if means == 0:
        c.cash_planned -= amount
        t.rail = pay.CASH
    elif means >= 3:
        t.rail = pay.CHECK if means == 3 else pay.DIRECT_DEBIT
        t.slot = 0
        t.payer = o * 4
        t.entry_mode = pay.NONE
        t.authentication = pay.NONE
        t.terminal = NO_CODE
        t.flags &= ~(pay.MISTYPED | pay.WRONG_PIN | pay.REFUNDABLE)
        t.flags |= pay.MANDATE
        if means == 4 and not remote:
            t.channel = pay.ONLINE
    if remote and is_new and (means == 1 or means == 2) and x < behaviour.verification and time > 20_000_000:
        verify_card(out[n], t, o, day, number, books.id_key[0])
        if i > 1.0 - behaviour.mistype:
            out[n].flags |= pay.MISTYPED
        n += 1
    return n


@inline
def shopping(out, n, c, o, u, conditions, here, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan the day's shopping trips: a Poisson number of trips, by the uniform u, each with one or a few purchases."""
    day = conditions.day
    behaviour = habits.behaviour[0]
    rate = c.activity * conditions.activity
    if c.pay_schedule != NO_PAY and day - c.last_pay_day < 3:
        rate *= 1.0 + behaviour.pay_day
    trips = min(poisson(u, rate), 20)
    stop = 1.0 / behaviour.purchases_per_trip
    for trip in range(trips):
        v, w, x, _ = draw(books.keys, TRIPS, o, trip + 1, day, 0)
        time = s.time_of_day(habits.hours, v, w)
        hour = np.int64(time // 3_600_000_000)
        count = 1
        if stop < 1.0:
            count = min(1 + np.int64(np.log(x) / np.log(1.0 - stop)), 8)
        for item in range(count):
            number = trip * 8 + item
            n = purchase(out, n, c, o, day, min(time, LATEST), number, hour, here, places, habits, people, books)
            if item + 1 < count:
                gap, _, _, _ = draw(books.keys, TRIPS, o, trip + 1, day, item + 1)
                time += np.int64(1e6 * np.exp(6.4 + 0.7 * normal(gap)))
    return n


@kernel
def plan_block(out, cursors, first, last, conditions, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan the day of the owners from row first to row last - 1.

    Args:
        out: (n,) TRANSACTION, overwritten from the start.
        cursors: (7, 2) int64, overwritten: one for each day of the month whose dues are collected today.
        first, last: range of customer rows.
        conditions: DAY record of the day.
        places, habits, people, books: see `finsim.agents.world`.

    Returns:
        (rows written, next owner): the pass stops before an owner for whom there might be no room.
    """
    n = 0
    customers = people.customers
    for k in range(cursors.shape[0]):
        cursors[k, 0] = due_day(conditions, k) if k < conditions.days_collected else 0
        cursors[k, 1] = (
            first_due(people.obligations, cursors[k, 0], first) if cursors[k, 0] > 0 else people.obligations.shape[0]
        )
    for o in range(first, last):
        if n + ROOM > out.shape[0]:
            return n, o
        if o + 2 < last:
            prefetch(people.favourites, o + 2)
        c = customers[o]
        if c.tombstone or c.since_day > conditions.day:
            continue
        u, v, _, _ = draw(books.keys, TRIPS, o, 0, conditions.day, 0)
        here = journey(c, o, v, conditions.day, places, habits.behaviour[0], books.keys)
        n = plan_dues(out, n, c, o, conditions, cursors, places, habits, people, books)
        if c.promoted == 0:
            n = shopping(out, n, c, o, u, conditions, here, places, habits, people, books)
    return n, last
