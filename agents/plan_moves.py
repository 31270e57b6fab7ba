"""How money that is pooled, passed on or banked moves: the ways in which people send, get and pay it in.

None of it is remembered: who takes part and how follows from hashes of rows and from the payers' own draws.
"""

from __future__ import annotations

import numpy as np

from finsim import payments as pay
from finsim.agents import slots as s
from finsim.agents.plan_sources import P_POOLING
from finsim.agents.slots import begin, draw
from finsim.clock import DAY, HOUR
from finsim.compile import inline, seldom
from finsim.ledger import CASH_ACCOUNT
from finsim.rng import Purpose

POOLING = int(Purpose.POOLING)


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


@inline
def log_in(t, c, o, day, channel, places, i, k, p, m):  # type: ignore[no-untyped-def]
    """Fill in where a person is who sends money in an app or online, the device, and the authentication."""
    here = np.int64(c.away_area) if c.away_until > day else np.int64(c.area)
    s.at_home_online(t, c, o, places, here, k, p)
    t.authentication = pay.BIOMETRIC if channel == pay.APP and i < 0.6 else pay.NO_AUTHENTICATION
    if m > 0.93:
        t.authentication = pay.ONE_TIME_CODE


@seldom
def send(t, c, o, day, time, amount, payee, ordinal, second, places, habits, books):  # type: ignore[no-untyped-def]
    """Write a person's transfer with rail, channel, device and place; times beyond the day are cut to its end."""
    behaviour = habits.behaviour[0]
    b, f, h, i = draw(books.keys, POOLING, o, second, day, 10)
    k, p, m, _ = draw(books.keys, POOLING, o, second, day, 11)
    rail = pay.INSTANT if b < behaviour.instant + 0.1 else pay.ACH
    if amount > s.WIRE_FROM:
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
        log_in(t, c, o, day, channel, places, i, k, p, m)


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
