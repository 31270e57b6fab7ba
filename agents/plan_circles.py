"""Circles in a day's plan: sixteen neighbours who pool money each month, and honestly look like laundering.

A savings club whose holder rotates, club dues, a kitty that pays several, allowances that all go to one payee.
"""

from __future__ import annotations

import numpy as np

from finsim.agents import slots as s
from finsim.agents.customer import BUSINESS
from finsim.agents.plan_moves import POOLING, receive, round_down, scatter, send
from finsim.agents.slots import draw
from finsim.clock import HOUR
from finsim.compile import inline, seldom

CIRCLE = 16
LATEST_DAY = 4
"""Days after a due day on which the money may still be passed on."""


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
