"""Kernels of running features: serve a row, and remember what was decided.

`serve` and `remember` are what the economy calls round by round, `replay` does both row by row over an exported
tick. All of them go through the same two inlined functions, so a feature has one meaning. `fill` writes what is known
at the start.
"""

from __future__ import annotations

import numpy as np

from finsim import payments as pay
from finsim.clock import DAY, HOUR
from finsim.compile import inline, kernel, prefetch
from finsim.feature_parts import CARD, COUNTERS, EVERYTHING, KNOWN, PLACES
from finsim.feature_shared import (
    DAY_S,
    HOUR_S,
    MONTH_S,
    NAN,
    WEEK_S,
    decay,
    fetch_shared,
    serve_shared,
    share,
    since,
)
from finsim.feature_state import DEVICES, MEMORY, MERCHANTS, PAYEES, State
from finsim.features import AT
from finsim.observed import GIVEN_CARD, GIVEN_DEVICE, GIVEN_MERCHANT, IS_ATTEMPT

KM_PER_DEGREE = 111.195
AHEAD = 6  # rows from one whose memory is asked for to the one that is served

AMOUNT, TIME_OF_DAY, WEEKDAY = AT["amount"], AT["hour"], AT["weekday"]
ATTEMPTS = AT["attempts_hour"]  # sixteen columns from here, in the order of State.counters
MEAN, DEVIATION, RATIO = AT["amount_mean"], AT["amount_deviation"], AT["amount_ratio"]
NIGHT, REMOTE, DISTINCT = AT["night_share"], AT["remote_share"], AT["distinct_merchants"]
SINCE_LAST, SINCE_PURCHASE = AT["seconds_since_last"], AT["seconds_since_purchase"]
SINCE_ONLINE, SINCE_DECLINED = AT["seconds_since_online"], AT["seconds_since_declined"]
NEW_MERCHANT, NEW_PAYEE, NEW_DEVICE = AT["new_merchant"], AT["new_payee"], AT["new_device"]
NEW_COUNTRY, NEW_CATEGORY = AT["new_country"], AT["new_category"]
KM_LAST, KMH_LAST, KM_HOME = AT["km_from_last"], AT["kmh_from_last"], AT["km_from_home"]
ACCOUNT_AGE, CARD_AGE = AT["account_age"], AT["card_age"]
CARD_HOUR, CARD_DAY, CARD_DECLINED = AT["card_attempts_hour"], AT["card_attempts_day"], AT["card_declined_day"]
CARD_AMOUNT, SINCE_CARD = AT["card_amount_day"], AT["seconds_since_card"]


@inline
def kilometres(latitude, longitude, other_latitude, other_longitude):  # type: ignore[no-untyped-def]
    """Return the distance of two places, degrees, on a plane through both."""
    across = abs(longitude - other_longitude)
    across = min(across, 360.0 - across) * np.cos((latitude + other_latitude) * 0.5 * np.pi / 180.0)
    along = latitude - other_latitude
    return KM_PER_DEGREE * np.sqrt(across * across + along * along)


@inline
def is_present(o):  # type: ignore[no-untyped-def]
    """Return whether a row was made at a till, a machine or a branch."""
    return o.channel == pay.POS or o.channel == pay.ATM or o.channel == pay.BRANCH


@inline
def bit_of(number):  # type: ignore[no-untyped-def]
    """Return one of 64 bits for a number."""
    return np.uint64(1) << ((np.uint64(number) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(58))


@inline
def ones(word):  # type: ignore[no-untyped-def]
    """Return the number of bits that are set in a uint64."""
    v = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    v = (v & np.uint64(0x3333333333333333)) + ((v >> np.uint64(2)) & np.uint64(0x3333333333333333))
    v = (v + (v >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (v * np.uint64(0x0101010101010101)) >> np.uint64(56)


@inline
def is_known(known, r, first, count, number):  # type: ignore[no-untyped-def]
    """Return whether an id is among the first count of those remembered."""
    for k in range(first, first + count):
        if known[r, k] == number:
            return True
    return False


@inline
def learn(known, r, first, room, count, number):  # type: ignore[no-untyped-def]
    """Put an id in front of those remembered, the last used drops out; return how many are remembered."""
    k = 0
    while k < count and known[r, first + k] != number:
        k += 1
    if k == count:
        if count < room:
            count += 1
        else:
            k = room - 1
    while k > 0:
        known[r, first + k] = known[r, first + k - 1]
        k -= 1
    known[r, first] = number
    return count


@inline
def serve_row(o, state, wanted, f):  # type: ignore[no-untyped-def]
    """Write the features of one attempt, those of wanted parts, into f, (features,) float32; the state stays."""
    r = o.row
    own = state.own[r]
    counters = state.counters
    now = o.timestamp
    amount = o.amount / 100.0
    f[AMOUNT] = amount
    f[TIME_OF_DAY] = (now % DAY) / HOUR
    f[WEEKDAY] = (now // DAY + 3) % 7
    if wanted & COUNTERS:
        for k in range(4):
            window = HOUR_S if k == 0 else DAY_S if k == 1 else WEEK_S if k == 2 else MONTH_S
            left = decay(now, own.last, window)
            for j in range(4):
                f[ATTEMPTS + 4 * j + k] = counters[r, 4 * j + k] * left
    f[MEAN] = own.mean if own.approved > 0 else NAN
    f[DEVIATION] = np.sqrt(own.variance) if own.approved > 1 else NAN
    f[RATIO] = share(amount, own.mean) if own.approved > 0 else NAN
    f[NIGHT] = own.night if own.attempts > 0 else NAN
    f[REMOTE] = own.remote if own.attempts > 0 else NAN
    today = now // DAY
    seen = own.merchants_before | own.merchants_now
    if today == own.day + 1:
        seen = own.merchants_now
    elif today != own.day:
        seen = np.uint64(0)
    f[DISTINCT] = ones(seen)
    f[SINCE_LAST] = since(now, own.last)
    f[SINCE_PURCHASE] = since(now, own.purchase)
    f[SINCE_ONLINE] = since(now, own.online)
    f[SINCE_DECLINED] = since(now, own.declined)
    if wanted & KNOWN:
        serve_new(o, own, state.known, f)
    if wanted & PLACES:
        serve_places(o, own, now, f)
    f[ACCOUNT_AGE] = (now - o.since) / DAY
    f[CARD_AGE] = (now - o.card_issued) / DAY if o.card_issued != 0 else NAN
    if wanted & CARD:
        serve_card(o, state.cards, now, f)
    serve_shared(o, state.shared, wanted, now, amount, f)


@inline
def serve_new(o, own, known, f):  # type: ignore[no-untyped-def]
    """Write what is new to the customer."""
    f[NEW_MERCHANT] = NAN
    f[NEW_PAYEE] = NAN
    f[NEW_DEVICE] = NAN
    f[NEW_CATEGORY] = NAN
    if o.given & GIVEN_MERCHANT:
        f[NEW_MERCHANT] = not is_known(known, o.row, 0, own.merchants, o.merchant_id)
    else:
        f[NEW_PAYEE] = not is_known(known, o.row, MERCHANTS, own.payees, o.payee_account_id)
    if o.given & GIVEN_DEVICE:
        f[NEW_DEVICE] = not is_known(known, o.row, MERCHANTS + PAYEES, own.devices, o.device_id)
    f[NEW_COUNTRY] = own.countries & np.uint32(1 << o.country) == 0
    if o.mcc > 0:
        f[NEW_CATEGORY] = own.categories & bit_of(o.mcc) == 0


@inline
def serve_places(o, own, now, f):  # type: ignore[no-untyped-def]
    """Write distances, for rows with a place."""
    f[KM_LAST] = NAN
    f[KMH_LAST] = NAN
    f[KM_HOME] = NAN
    if np.isnan(o.latitude):
        return
    if own.present > 0:
        km = kilometres(o.latitude, o.longitude, own.latitude, own.longitude)
        f[KM_LAST] = km
        f[KMH_LAST] = km / max((now - own.present) / HOUR, 1.0 / 60.0)
    if own.places > 0:
        f[KM_HOME] = kilometres(o.latitude, o.longitude, own.home_latitude, own.home_longitude)


@inline
def serve_card(o, cards, now, f):  # type: ignore[no-untyped-def]
    """Write what the card did."""
    f[CARD_HOUR] = NAN
    f[CARD_DAY] = NAN
    f[CARD_DECLINED] = NAN
    f[CARD_AMOUNT] = NAN
    f[SINCE_CARD] = NAN
    if not o.given & GIVEN_CARD:
        return
    f[CARD_HOUR] = 0.0
    f[CARD_DAY] = 0.0
    f[CARD_DECLINED] = 0.0
    f[CARD_AMOUNT] = 0.0
    for k in range(cards.shape[1]):
        card = cards[o.row, k]
        if card.last != 0 and card.card_id == o.card_id:
            left = decay(now, card.last, DAY_S)
            f[CARD_HOUR] = card.hour * decay(now, card.last, HOUR_S)
            f[CARD_DAY] = card.day * left
            f[CARD_DECLINED] = card.declined * left
            f[CARD_AMOUNT] = card.amount * left
            f[SINCE_CARD] = since(now, card.last)


@inline
def remember_row(o, state, wanted):  # type: ignore[no-untyped-def]
    """Let the customer's own counters of wanted parts see a decided attempt."""
    r = o.row
    own = state.own[r]
    counters = state.counters
    now = o.timestamp
    amount = o.amount / 100.0
    yes = 1.0 if o.decision == pay.APPROVED else 0.0
    no = 1.0 if o.decision == pay.DECLINED else 0.0
    if wanted & COUNTERS:
        for k in range(4):
            window = HOUR_S if k == 0 else DAY_S if k == 1 else WEEK_S if k == 2 else MONTH_S
            left = decay(now, own.last, window)
            counters[r, k] = counters[r, k] * left + 1.0
            counters[r, 4 + k] = counters[r, 4 + k] * left + yes
            counters[r, 8 + k] = counters[r, 8 + k] * left + no
            counters[r, 12 + k] = counters[r, 12 + k] * left + yes * amount
    own.last = now
    if o.kind == pay.PURCHASE:
        own.purchase = now
    if o.channel == pay.APP or o.channel == pay.ONLINE or o.channel == pay.PHONE:
        own.online = now
    if no > 0.0:
        own.declined = now
    own.attempts = min(own.attempts + 1, MEMORY)
    weight = 1.0 / own.attempts
    own.night += weight * ((1.0 if now % DAY < 6 * HOUR else 0.0) - own.night)
    own.remote += weight * ((0.0 if is_present(o) else 1.0) - own.remote)
    if o.given & GIVEN_MERCHANT:
        today = now // DAY
        if today != own.day:
            own.merchants_before = own.merchants_now if today == own.day + 1 else np.uint64(0)
            own.merchants_now = np.uint64(0)
            own.day = today
        own.merchants_now |= bit_of(o.merchant_id)
    if is_present(o) and not np.isnan(o.latitude):
        own.present = now
        own.latitude = o.latitude
        own.longitude = o.longitude
    if wanted & CARD and o.given & GIVEN_CARD:
        remember_card(o, state.cards, now, yes, no, amount)
    if yes > 0.0:
        remember_approved(o, own, state.known, wanted, amount)


@inline
def remember_approved(o, own, known, wanted, amount):  # type: ignore[no-untyped-def]
    """Let an approved attempt become part of what the customer is known for."""
    own.approved = min(own.approved + 1, MEMORY)
    weight = 1.0 / own.approved
    step = amount - own.mean
    own.mean += weight * step
    own.variance = (1.0 - weight) * (own.variance + weight * step * step)
    if wanted & KNOWN:
        remember_new(o, own, known)
    if is_present(o) and not np.isnan(o.latitude):
        own.places = min(own.places + 1, MEMORY)
        weight = 1.0 / own.places
        own.home_latitude += weight * (o.latitude - own.home_latitude)
        own.home_longitude += weight * (o.longitude - own.home_longitude)


@inline
def remember_new(o, own, known):  # type: ignore[no-untyped-def]
    """Let what was paid for become known to the customer."""
    if o.given & GIVEN_MERCHANT:
        own.merchants = learn(known, o.row, 0, MERCHANTS, own.merchants, o.merchant_id)
    else:
        own.payees = learn(known, o.row, MERCHANTS, PAYEES, own.payees, o.payee_account_id)
    if o.given & GIVEN_DEVICE:
        own.devices = learn(known, o.row, MERCHANTS + PAYEES, DEVICES, own.devices, o.device_id)
    own.countries |= np.uint32(1 << o.country)
    if o.mcc > 0:
        own.categories |= bit_of(o.mcc)


@inline
def remember_card(o, cards, now, yes, no, amount):  # type: ignore[no-untyped-def]
    """Let the card's counters see an attempt; a card that was not used before takes the place of the older one."""
    r = o.row
    k = 0
    if not (cards[r, 0].last != 0 and cards[r, 0].card_id == o.card_id):
        if cards[r, 1].last != 0 and cards[r, 1].card_id == o.card_id:
            k = 1
        else:
            k = 0 if cards[r, 0].last <= cards[r, 1].last else 1
            fresh = cards[r, k]
            fresh.card_id = o.card_id
            fresh.hour = 0.0
            fresh.day = 0.0
            fresh.declined = 0.0
            fresh.amount = 0.0
    card = cards[r, k]
    left = decay(now, card.last, DAY_S)
    card.hour = card.hour * decay(now, card.last, HOUR_S) + 1.0
    card.day = card.day * left + 1.0
    card.declined = card.declined * left + no
    card.amount = card.amount * left + yes * amount
    card.last = now


@inline
def fetch(o, state, wanted):  # type: ignore[no-untyped-def]
    """Ask for the memory that a row's features stand in."""
    prefetch(state.own, o.row)
    if wanted & COUNTERS:
        prefetch(state.counters, o.row)
    if wanted & KNOWN:
        prefetch(state.known, o.row)
    if wanted & CARD:
        prefetch(state.cards, o.row)
    fetch_shared(o, state.shared, wanted)


@kernel
def serve(observed, own, counters, cards, known, shared, wanted, columns, row, out):  # type: ignore[no-untyped-def]
    """Write features of rows.

    Args:
        observed: (n,) OBSERVED, attempts, at most one of each customer that is not yet remembered.
        own, counters, cards, known, shared: `State`, field by field: a call of a few rows costs less without the tuple.
        wanted: bits of the parts that columns need.
        columns: (k,) int64, the features that are wanted.
        row: (features,) float32, scratch.
        out: (n, k) float32, overwritten.
    """
    state = State(own, counters, cards, known, shared)
    for i in range(observed.shape[0]):
        if i + AHEAD < observed.shape[0]:
            fetch(observed[i + AHEAD], state, wanted)
        serve_row(observed[i], state, wanted, row)
        for k in range(columns.shape[0]):
            out[i, k] = row[columns[k]]


@kernel
def remember(observed, own, counters, cards, known, shared, wanted):  # type: ignore[no-untyped-def]
    """Let customers' own counters see decided rows.

    Args:
        observed: (n,) OBSERVED, each customer's in order of time.
        own, counters, cards, known, shared: `State`, field by field.
        wanted: bits of the parts that are counted.
    """
    state = State(own, counters, cards, known, shared)
    for i in range(observed.shape[0]):
        if i + AHEAD < observed.shape[0]:
            fetch(observed[i + AHEAD], state, wanted & (COUNTERS | KNOWN | CARD))
        if observed[i].what & IS_ATTEMPT:
            remember_row(observed[i], state, wanted)


@kernel
def replay(observed, state, out, written):  # type: ignore[no-untyped-def]
    """Serve and remember the attempts of one tick, row by row.

    Args:
        observed: (n,) OBSERVED in order of time, decided.
        state: `State`; shared counters stay as they are.
        out: (n, features) float32, overwritten where written.
        written: whether features are wanted at all.
    """
    for i in range(observed.shape[0]):
        if observed[i].what & IS_ATTEMPT:
            if written:
                serve_row(observed[i], state, EVERYTHING, out[i])
            remember_row(observed[i], state, EVERYTHING)


@kernel
def fill(known, rows, ids, given, first, room, count):  # type: ignore[no-untyped-def]
    """Write ids into what customers' memories have room for.

    Args:
        known: (C, KNOWN) uint32, filled from column first on.
        rows: (n,) int64, the customers.
        ids: (n, k) uint32.
        given: (n, k) bool, which of them are ids at all.
        first, room: first column and number of columns.
        count: (C,) uint8, overwritten for these customers: ids written.
    """
    for i in range(rows.shape[0]):
        number = 0
        for k in range(ids.shape[1]):
            if given[i, k] and number < room:
                known[rows[i], first + number] = ids[i, k]
                number += 1
        count[rows[i]] = number
