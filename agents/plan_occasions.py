"""Occasions that look like scams: projects in parts, saving at an exchange, help for somebody, private sellers.

What a project costs more than is on hand comes before it from a retirement or brokerage account, or from a lender; some
draw on such accounts at other times too.

Each customer has traits that never change, from one draw, and the calendar does the rest: a project comes round every
few years and is paid on fixed days, an investor puts money in along an episode of months, who supports somebody pays
every two weeks and more each time. So nothing has to be remembered, and a day on which nothing happens costs one draw.
"""

from __future__ import annotations

import numpy as np

from finsim import payments as pay
from finsim.agents import slots as s
from finsim.agents.customer import BUSINESS
from finsim.agents.plan_sources import P_OCCASION
from finsim.agents.slots import begin, draw, round_amount
from finsim.clock import DAY, MINUTE
from finsim.compile import inline, seldom
from finsim.ledger import EXCHANGE, FUNDS, LENDERS
from finsim.rng import Purpose, normal

OCCASION = int(Purpose.OCCASION)
INSTALMENTS = np.array([0, 6, 17, 34], dtype=np.int64)  # days of a project on which it is paid (assumption)
EPISODE = 240  # days of one round of saving (assumption)
DEPOSITS = np.array([0, 14, 31, 52, 80, 115, 160, 205], dtype=np.int64)  # its days of payments in (assumption)
PAYOUTS = np.array([9, 68, 180], dtype=np.int64)  # and of payments back, which not everybody takes (assumption)
SUPPORT, EVERY = 300, 13  # days for which somebody is supported, days between payments (assumption)
LEADS = 3  # days, from FIRST_LEAD on, by which money for a project is there before it
FIRST_LEAD = 2
BORROWED = 0.3  # money for projects that is borrowed, not drawn from what was saved (assumption)
MOST = 25_000_000  # cents; the largest planned payment (assumption: a house deposit)


@inline
def step_of(days, position):  # type: ignore[no-untyped-def]
    """Return which of some days a position is, or -1."""
    for k in range(days.shape[0]):
        if days[k] == position:
            return k
    return -1


@seldom
def push(t, c, o, number, day, cents, payee, u, v, w, x, places, habits, books):  # type: ignore[no-untyped-def]
    """Plan one transfer to an account, by the rails and channels of transfers to people."""
    behaviour = habits.behaviour[0]
    amount = min(round_amount(cents, u, v, behaviour.transfer_round), MOST)
    rail = pay.INSTANT if x <= behaviour.instant else pay.ACH
    if amount > s.WIRE_FROM:
        rail = pay.ACH if w < 0.7 else pay.WIRE
    channel = pay.APP if v < 0.75 else pay.ONLINE
    time = s.time_of_day(habits.remote_hours, w, u)
    payer = np.int64(o * 4)
    if x > behaviour.instant and amount <= 100_000 and c.accounts & 8 and payee >= books.merchant_base[0]:
        rail = pay.WALLET
        channel = pay.APP
        payer = np.int64(o * 4 + 3)
    begin(t, o, day, time, amount, pay.TRANSFER, rail, channel, P_OCCASION, number, payer, payee, books.id_key[0])
    t.flags = pay.DISCRETIONARY
    a, b, d, e = draw(books.keys, OCCASION, o, number, day, 3)
    if channel == pay.ONLINE and d > 0.8:
        t.channel = pay.BRANCH
        t.timestamp = day * DAY + np.int64((9.0 + 8.0 * e) * 60 * MINUTE)
        return
    s.at_home_online(t, c, o, places, np.int64(c.area), a, b)
    t.authentication = pay.BIOMETRIC if channel == pay.APP and d < 0.6 else pay.NO_AUTHENTICATION
    if e > 0.93:
        t.authentication = pay.ONE_TIME_CODE


@seldom
def out_of_savings(t, c, o, number, source, places, books):  # type: ignore[no-untyped-def]
    """Plan the move of own money from savings to checking shortly before a large payment."""
    u, v, w, x = draw(books.keys, OCCASION, o, number, source.timestamp // DAY, 4)
    cents = ((source.amount + 1_999) // 2_000 + 1) * 2_000
    before = np.int64((2.0 + (25.0 if w < 0.6 else 600.0) * x) * MINUTE)
    time = max(source.timestamp % DAY - before, MINUTE)
    begin(t, o, source.timestamp // DAY, time, cents, pay.TRANSFER, pay.INSTANT, pay.APP, P_OCCASION, number,
          o * 4 + 1, o * 4, books.id_key[0])  # fmt: skip
    t.flags = pay.DISCRETIONARY | pay.SAME_OWNER | pay.NO_RETRY
    s.at_home_online(t, c, o, places, np.int64(c.area), u, v)
    t.authentication = pay.BIOMETRIC if u < 0.6 else pay.NO_AUTHENTICATION


@inline
def project(out, n, c, o, day, phase, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan what is due today of a builder, a course, a car or a house: to one new payee, in one part or several."""
    behaviour = habits.behaviour[0]
    cycle = max(np.int64(365.0 / behaviour.projects), 64)
    shifted = day + np.int64(phase * cycle)
    lead = FIRST_LEAD + o % LEADS
    k = step_of(INSTALMENTS, (shifted + lead) % cycle)
    if k >= 0:
        n = funding(out, n, c, o, day, (shifted + lead) // cycle, k, habits, books)
    k = step_of(INSTALMENTS, shifted % cycle)
    if k < 0:
        return n
    return instalment(out, n, c, o, day, shifted // cycle, k, places, habits, people, books)


@inline
def part_of_project(c, o, which, k, behaviour, keys):  # type: ignore[no-untyped-def]
    """Return (cents of part k of a project, uniform of its payee, uniform of the means); 0 cents if it has fewer."""
    u, v, w, x = draw(keys, OCCASION, o, which, 0, 1)
    parts = 1 + np.int64(4.0 * v * v)
    if k >= parts:
        return np.int64(0), w, x
    total = 100.0 * behaviour.project_median * np.exp(0.35 * c.scale + behaviour.project_sigma * normal(u))
    share = 1.0
    if parts > 1:
        share = 0.2 if k == 0 else 0.8 / (parts - 1)
    return np.int64(total * share), w, x


@seldom
def bring(t, o, day, number, cents, payer, u, id_key):  # type: ignore[no-untyped-def]
    """Plan money that arrives in a batch from a fund or a lender, in whole units, fifties or hundreds."""
    step = 100 if u < 0.2 else (5_000 if u < 0.5 else 10_000)
    amount = min(max(cents // step * step, 20_000), MOST)
    time = np.int64((1.0 + 5.0 * ((u * 7919.0) % 1.0)) * 60 * MINUTE)
    begin(t, o, day, time, amount, pay.TRANSFER, pay.ACH, pay.BATCH, P_OCCASION, number, payer, o * 4, id_key)
    t.flags = pay.FORCED


@seldom
def funding(out, n, c, o, day, which, k, habits, books):  # type: ignore[no-untyped-def]
    """Plan the money for part k of a project, where it is large and some of it has to be raised."""
    behaviour = habits.behaviour[0]
    cents, _, _ = part_of_project(c, o, which, k, behaviour, books.keys)
    u, v, w, x = draw(books.keys, OCCASION, o, which, k, 10)
    if cents < behaviour.raised_from or u >= behaviour.raised_share:
        return n
    payer = books.named[LENDERS] if v < BORROWED else books.named[FUNDS]
    bring(out[n], o, day, 7, np.int64(cents * (0.5 + 0.55 * w)), payer, x, books.id_key[0])
    return n + 1


@seldom
def withdrawal(t, c, o, day, behaviour, books):  # type: ignore[no-untyped-def]
    """Plan what a person takes out of a retirement or brokerage account for no purpose that shows."""
    u, v, _, _ = draw(books.keys, OCCASION, o, 0, day, 11)
    cents = np.int64(100.0 * behaviour.drawn_median * np.exp(0.35 * c.scale + behaviour.drawn_sigma * normal(u)))
    bring(t, o, day, 8, cents, books.named[FUNDS], v, books.id_key[0])


@seldom
def instalment(out, n, c, o, day, which, k, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan part k of what a customer's project number `which` costs, if it has so many."""
    behaviour = habits.behaviour[0]
    cents, w, x = part_of_project(c, o, which, k, behaviour, books.keys)
    if cents == 0:
        return n
    payee = people.suppliers[0] + np.int64(w * people.suppliers[1])
    a, b, d, e = draw(books.keys, OCCASION, o, which, k, 2)
    push(out[n], c, o, 0, day, cents, payee, a, b, d, e, places, habits, books)
    n += 1
    if c.accounts & 2 and out[n - 1].amount > 100_000 and x < 0.7:
        out_of_savings(out[n], c, o, 1, out[n - 1], places, books)
        n += 1
    return n


@seldom
def saving(out, n, c, o, day, phase, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan what an investor puts in today, less at first than later, or takes out."""
    behaviour = habits.behaviour[0]
    shifted = day + np.int64(phase * EPISODE)
    position, which = shifted % EPISODE, shifted // EPISODE
    k, back = step_of(DEPOSITS, position), step_of(PAYOUTS, position)
    if k < 0 and back < 0:
        return n
    u, v, w, x = draw(books.keys, OCCASION, o, which, 0, 5)
    level = 100.0 * behaviour.invest_median * np.exp(0.5 * c.scale + 0.9 * normal(u))
    platform = books.named[EXCHANGE]
    if phase > 0.6:
        platform = people.suppliers[0] + np.int64(phase * 1e4) % 8  # another platform, one of a few at other banks
    a, b, d, e = draw(books.keys, OCCASION, o, which, position, 6)
    if k >= 0 and k <= np.int64(9.0 * v):
        growth = np.exp((0.15 + 0.5 * w) * k + 0.3 * normal(e))
        push(out[n], c, o, 2, day, np.int64(level * growth), platform, a, b, d, e, places, habits, books)
        n += 1
        if c.accounts & 2 and out[n - 1].amount > 100_000 and x < 0.5:
            out_of_savings(out[n], c, o, 3, out[n - 1], places, books)
            n += 1
    elif back >= 0 and a < 0.4:
        cents = max(np.int64(level * (0.2 + 0.8 * b) * (1 + 2 * back)), 1_000)
        time = s.time_of_day(habits.remote_hours, d, e)
        begin(out[n], o, day, time, cents, pay.TRANSFER, pay.INSTANT, pay.APP, P_OCCASION, 4, platform, o * 4,
              books.id_key[0])  # fmt: skip
        out[n].flags = pay.FORCED
        n += 1
    return n


@seldom
def support(out, n, c, o, day, phase, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan a payment to somebody far away who is helped for months, a little more each time."""
    behaviour = habits.behaviour[0]
    shifted = day + np.int64(phase * SUPPORT)
    position, which = shifted % SUPPORT, shifted // SUPPORT
    a, b, d, e = draw(books.keys, OCCASION, o, which, position // EVERY, 7)
    if position % EVERY != np.int64(a * EVERY):
        return n
    u, v, w, x = draw(books.keys, OCCASION, o, which, 0, 8)
    times = position // EVERY
    if times > 2 + np.int64(40.0 * x * x):
        return n
    level = 100.0 * behaviour.remit_median * np.exp(0.35 * c.scale + 0.7 * normal(u))
    growth = np.exp(min(0.35 * w * w, 0.3) * times + 0.25 * normal(b))
    payee = people.suppliers[0] + np.int64(v * people.suppliers[1])
    push(out[n], c, o, 5, day, np.int64(level * growth), payee, d, e, b, a, places, habits, books)
    return n + 1


@seldom
def from_a_seller(t, c, o, day, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan the purchase of something from a private seller, paid by transfer to somebody not paid before."""
    behaviour = habits.behaviour[0]
    u, v, w, x = draw(books.keys, OCCASION, o, 0, day, 9)
    a, b, _, _ = draw(books.keys, OCCASION, o, 1, day, 9)
    payee = people.suppliers[0] + np.int64(v * people.suppliers[1])
    other = np.int64(v * people.customers.shape[0])
    if w < 0.5 and other != o and not s.is_absent(people.customers[other], day):
        payee = other * 4
    cents = np.int64(100.0 * behaviour.seller_median * np.exp(0.35 * c.scale + behaviour.seller_sigma * normal(u)))
    push(t, c, o, 6, day, cents, payee, a, b, x, (w * 7919.0) % 1.0, places, habits, books)


@inline
def occasions(out, n, c, o, today, day, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan a customer's occasions of the day; return the rows written so far.

    Args:
        today: uniform of this customer and day that decides on purchases from sellers.
        out, n, c, o, day, places, habits, people, books: as everywhere in the plan.
    """
    if c.segment_code == BUSINESS:
        return n
    behaviour = habits.behaviour[0]
    u, v, w, holds = draw(books.keys, OCCASION, o, 0, 0, 0)
    if behaviour.projects > 0.0:
        n = project(out, n, c, o, day, u, places, habits, people, books)
    if v < behaviour.investors:
        n = saving(out, n, c, o, day, w, places, habits, people, books)
    elif v > 1.0 - behaviour.remitters:
        n = support(out, n, c, o, day, w, places, habits, people, books)
    if holds < behaviour.holders and (1.0 - today) * 365.0 < behaviour.withdrawals and c.reserved == 0:
        withdrawal(out[n], c, o, day, behaviour, books)
        n += 1
    if today * 365.0 < behaviour.from_sellers:
        from_a_seller(out[n], c, o, day, places, habits, people, books)
        n += 1
    return n
