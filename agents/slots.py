"""Writing one payment request: the small compiled functions that every planner shares."""

from __future__ import annotations

import numpy as np

from finsim import payments as pay
from finsim.agents.world import CHARM, TIP, WHOLE
from finsim.clock import DAY
from finsim.compile import inline, njit, seldom
from finsim.ids import FIRST_DAY, PLANNED, pack_customer, pack_merchant, pack_outside, transaction_id
from finsim.requests import clear, draw
from finsim.rng import pick

__all__ = ["clear", "draw"]

SHARING_HOUSEHOLDS = 5  # of 16 households whose members use each other's devices (assumption)
WIRE_FROM = 350_000  # cents above which a transfer goes by ACH or wire (assumption: limits of instant rails)
TOO_LARGE = 5_000_000  # cents; no consumer payment is planned above this (assumption)


@seldom
def begin(t, o, day, time, amount, kind, rail, channel, source, ordinal, payer, payee, id_key):  # type: ignore[no-untyped-def]
    """Start a request that is not a purchase at a till."""
    clear(t)
    t.transaction_id = transaction_id(id_key, PLANNED, o, source, day, ordinal)
    t.timestamp = day * DAY + time
    t.owner = o
    t.payer = payer
    t.payee = payee
    t.amount = amount
    t.kind = kind
    t.rail = rail
    t.channel = channel
    t.slot = np.uint8(payer - o * 4) if payer >= o * 4 and payer < o * 4 + 4 else pay.NONE


@inline
def usual_step(cents, v):  # type: ignore[no-untyped-def]
    """Return the unit to which people round an amount by themselves: whole units, fives, tens, hundreds."""
    step = 100
    if cents >= 1000 and v < 0.75:
        step = 500
    if cents >= 4000 and v < 0.53:
        step = 1000
    if cents >= 100000 and v < 0.7:
        step = 10000
    return step


@inline
def round_amount(cents, u, v, share):  # type: ignore[no-untyped-def]
    """Round a gift or a share to whole units, mostly to fives and tens, as people do."""
    if u >= share:
        return max(cents, 100)
    step = usual_step(cents, v)
    return max(((cents + step // 2) // step) * step, step)


@inline
def time_of_day(cumulative, u, v):  # type: ignore[no-untyped-def]
    """Return microseconds after midnight: an hour by its weight, uniform within it."""
    hour = pick(cumulative, u)
    return np.int64((hour + v) * 3.6e9)


@inline
def price(log_mean, sigma, shift, z, ending, tip, u):  # type: ignore[no-untyped-def]
    """Return an amount in cents with the ending customary in its category.

    Args:
        log_mean: mean of the log of the amount in cents.
        sigma: its spread.
        shift: the customer's and the merchant's shift of the log.
        z: standard normal draw.
        ending: FREE, CHARM, WHOLE or TIP.
        tip: mean tip as a share.
        u: uniform draw that decides on the ending.
    """
    cents = np.int64(np.exp(log_mean + sigma * z + shift) + 0.5)
    if ending == TIP:
        if u < 0.75:
            cents = np.int64(cents * (1.0 + tip * (0.5 + u)) + 0.5)
        if u < 0.3:
            cents = ((cents + 50) // 100) * 100
    elif ending == CHARM:
        if u < 0.55:
            cents = (cents // 100) * 100 + 99
        elif u < 0.68:
            cents = ((cents + 50) // 100) * 100
    elif ending == WHOLE:
        if u < 0.45:
            cents = ((cents + 250) // 500) * 500 if cents > 1500 else ((cents + 50) // 100) * 100
    elif u < 0.22:
        cents = ((cents + 50) // 100) * 100
    return min(max(cents, 50), TOO_LARGE)


@inline
def pick_cell(start, cumulative, cell, u):  # type: ignore[no-untyped-def]
    """Return a position within a cell by popularity, or -1 where the cell is empty.

    Args:
        start: (cells + 1,) first positions.
        cumulative: (M,) popularity, cumulative within each cell.
        cell: cell number.
        u: uniform draw.
    """
    first, end = start[cell], start[cell + 1]
    if end <= first:
        return -1
    x = u * cumulative[end - 1]
    low, high = first, end - 1
    while low < high:
        middle = (low + high) >> 1
        if cumulative[middle] > x:
            high = middle
        else:
            low = middle + 1
    return low


@inline
def near_area(places, home, u, v, w, near):  # type: ignore[no-untyped-def]
    """Return the area of an explored merchant: home with probability near, else by size, the own region first."""
    if u < near or places.homes < 2:
        return home
    other = pick(places.area_cumulative, v)
    if places.areas[other].region != places.areas[home].region:
        other = pick(places.area_cumulative, w)
    return other


@inline
def any_merchant(places, categories, area, category, u):  # type: ignore[no-untyped-def]
    """Return a merchant of a category by popularity in an area, or anywhere where that area has none; -1 for none."""
    cell = area * categories + category
    position = pick_cell(places.cell_start, places.cell_cumulative, cell, u)
    if position >= 0:
        return np.int64(places.cell_merchant[position])
    position = pick_cell(places.any_start, places.any_cumulative, category, u)
    return np.int64(places.any_merchant[position]) if position >= 0 else np.int64(-1)


@inline
def in_person(t, c, row, behaviour, u, v, w):  # type: ignore[no-untyped-def]
    """Fill in how a card is presented at a till."""
    t.channel = pay.POS
    if u < behaviour.mobile_wallet:
        t.entry_mode = pay.TOKEN
        t.authentication = pay.BIOMETRIC
        t.device = pack_customer(row, c.device)
    elif u < behaviour.mobile_wallet + behaviour.contactless:
        t.entry_mode = pay.CONTACTLESS if t.amount <= 100.0 * behaviour.contactless_limit else pay.CHIP
        t.authentication = pay.NO_AUTHENTICATION if t.entry_mode == pay.CONTACTLESS or t.slot == 2 else pay.PIN
    elif u < behaviour.mobile_wallet + behaviour.contactless + behaviour.magstripe:
        t.entry_mode = pay.MAGSTRIPE
        t.authentication = pay.PIN if v < 0.3 and t.slot == 0 else pay.SIGNATURE
    elif u < behaviour.mobile_wallet + behaviour.contactless + behaviour.magstripe + behaviour.keyed:
        t.entry_mode = pay.KEYED
        t.authentication = pay.NO_AUTHENTICATION
    else:
        t.entry_mode = pay.CHIP
        t.authentication = pay.NO_AUTHENTICATION
        if t.slot == 0 and v < 0.45:
            t.authentication = pay.PIN
            if w < behaviour.wrong_pin:
                t.flags |= pay.WRONG_PIN
        elif v > 0.8:
            t.authentication = pay.SIGNATURE


@inline
def is_absent(customer, day):  # type: ignore[no-untyped-def]
    """Return whether nobody can plan to pay a customer: not there yet, or never a genuine one."""
    return customer.since_day > day or customer.reserved != 0


@inline
def shares_devices(row):  # type: ignore[no-untyped-def]
    """Return whether a customer shares devices with the neighbour of the same household (rows 2k and 2k + 1)."""
    return ((row >> 1) * 2_654_435_761 % 4_294_967_296) >> 28 < SHARING_HOUSEHOLDS


@inline
def at_home_online(t, c, row, places, area, u, v):  # type: ignore[no-untyped-def]
    """Fill in device and IP address of somebody who pays from a phone or a computer.

    Two thirds use the home's address, the rest a mobile carrier's, whose location is often another town's.
    """
    t.device = pack_customer(row, c.device)
    t.place = area
    if u < 0.65 and area == c.area:
        t.ip = pack_customer(np.int64(c.dwelling), c.home_ip)
    else:
        t.ip = pack_outside(np.int64(1 + (row % 5)), np.int64(v * 4000.0))
        if u > 0.994:
            # Roaming and private networks show another country.
            t.place = places.homes + 1 + np.int64(v * (places.areas.shape[0] - places.homes - 1))
        elif u > 0.85 and area < places.homes:
            t.place = pick(places.area_cumulative, v)
    t.country = places.areas[t.place].country


@inline
def abroad(t, country, exchange_rate, currency_of_country):  # type: ignore[no-untyped-def]
    """Fill in the original amount and currency of a payment to a merchant in another country."""
    currency = currency_of_country[country]
    if currency != 0:
        t.currency = currency
        t.original_amount = max(np.int64(t.amount * exchange_rate[currency] + 0.5), 1)


@inline
def terminal_of(merchants, merchant, u):  # type: ignore[no-untyped-def]
    """Return the packed code of one of a merchant's terminals."""
    return pack_merchant(merchant, np.int64(u * merchants[merchant].terminals))


OTHER_DEVICES = 16
"""First outside row whose ordinals are devices that belong to no customer."""
OLDEST_DEVICE = 60
"""Days for which such a device is met again at most (assumption: browsers forget, public devices are replaced)."""


@inline
def other_devices(customers):  # type: ignore[no-untyped-def]
    """Return how many devices without an owner are first seen on a day, for a number of customers (assumption)."""
    return max(customers // 160, 2)


@inline
def other_device(customers, day, u, v):  # type: ignore[no-untyped-def]
    """Return the packed code of a device that is not the payer's: at work, borrowed, public, a browser that forgets.

    Half of them are seen for the first time today, the others some weeks ago.

    Args:
        customers: number of customers.
        day: day number.
        u: uniform that decides on the age.
        v: uniform that chooses among the devices of one age.
    """
    age = 0 if u < 0.5 else min(np.int64(-np.log(2.0 * (1.0 - u) + 1e-9) * 15.0), OLDEST_DEVICE)
    each = other_devices(customers)
    index = (day - FIRST_DAY - age) * each + np.int64(v * each)
    return pack_outside(OTHER_DEVICES + (index >> 20), index & 0xFFFFF)


@njit
def other_device_code(customers, day, u, v):  # type: ignore[no-untyped-def]
    """Return `other_device` of the same arguments, for code that is not compiled."""
    return other_device(customers, day, u, v)


@njit
def other_device_codes(customers, first, last):  # type: ignore[no-untyped-def]
    """Return (packed code, day first seen), (n, 2) int64, of the devices without an owner of days first to last - 1."""
    each = other_devices(customers)
    out = np.empty(((last - first) * each, 2), dtype=np.int64)
    for k in range(out.shape[0]):
        index = (first - FIRST_DAY) * each + k
        out[k, 0] = pack_outside(OTHER_DEVICES + (index >> 20), index & 0xFFFFF)
        out[k, 1] = first + k // each
    return out
