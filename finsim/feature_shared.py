"""Shared counters of running features: what an institution counts about merchants, devices and accounts.

They stand in one hash table, keyed by what is counted, the institution and the id. Rows read them as they stood when
the tick began; `merge` lets them see the tick's rows at its end.
"""

from __future__ import annotations

import numpy as np

from finsim import payments as pay
from finsim.clock import DAY
from finsim.compile import inline, kernel, prefetch
from finsim.feature_parts import CREDIT, DEVICE, IP, MERCHANT, PAYEE, TERMINAL
from finsim.feature_state import FORGOTTEN
from finsim.features import AT, WINDOWS
from finsim.observed import GIVEN_DEVICE, GIVEN_IP, GIVEN_MERCHANT, GIVEN_TERMINAL, IS_ATTEMPT, TO_CUSTOMER

HOUR_S, DAY_S, WEEK_S, MONTH_S = (float(seconds) for seconds in WINDOWS.values())
NAN = np.float32(np.nan)
AHEAD = 6  # rows from one whose memory is asked for to the one that is counted
BY_MERCHANT, BY_TERMINAL, BY_DEVICE, BY_IP, BY_PAYEE, BY_CREDIT = 1, 2, 3, 4, 5, 6

MERCHANT_HOUR, MERCHANT_DAY = AT["merchant_attempts_hour"], AT["merchant_attempts_day"]
MERCHANT_DECLINED, MERCHANT_RATIO = AT["merchant_declined_share"], AT["merchant_amount_ratio"]
MERCHANT_AGE, TERMINAL_HOUR = AT["merchant_age"], AT["terminal_attempts_hour"]
TERMINAL_DECLINED, DEVICE_DAY = AT["terminal_declined_share"], AT["device_attempts_day"]
DEVICE_DECLINED, DEVICE_AGE = AT["device_declined_share"], AT["device_age"]
IP_HOUR, IP_DAY, IP_DECLINED = AT["ip_attempts_hour"], AT["ip_attempts_day"], AT["ip_declined_share"]
PAYEE_DAY, PAYEE_WEEK, PAYEE_AMOUNT = AT["payee_attempts_day"], AT["payee_attempts_week"], AT["payee_amount_day"]
PAYEE_DECLINED, PAYEE_AGE = AT["payee_declined_share"], AT["payee_age"]
CREDIT_DAY, CREDIT_WEEK = AT["credited_amount_day"], AT["credited_amount_week"]
SINCE_CREDIT, PASSED_ON = AT["seconds_since_credited"], AT["passed_on"]


@inline
def decay(now, last, window):  # type: ignore[no-untyped-def]
    """Return what is left, after the time since last, of what decays over a window of so many seconds."""
    return np.exp(-(now - last) / (window * 1e6))


@inline
def since(now, last):  # type: ignore[no-untyped-def]
    """Return the seconds since a time, nan where it never was."""
    return NAN if last == 0 else np.float32((now - last) / 1e6)


@inline
def share(part, whole):  # type: ignore[no-untyped-def]
    """Return a share, nan where there is no whole."""
    return np.float32(part / whole) if whole > 0 else NAN


@inline
def key_of(what, institution, number):  # type: ignore[no-untyped-def]
    """Return the key of a shared counter."""
    return np.uint64(what) << np.uint64(48) | np.uint64(institution) << np.uint64(32) | np.uint64(number)


@inline
def home_of(shared, key):  # type: ignore[no-untyped-def]
    """Return the place at which the search for a key begins."""
    return (key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(24) & np.uint64(shared.shape[0] - 1)


@inline
def place_of(shared, key):  # type: ignore[no-untyped-def]
    """Return the place of a key, or the empty place where it belongs."""
    mask = np.uint64(shared.shape[0] - 1)
    k = home_of(shared, key)
    while shared[k].key != 0 and shared[k].key != key:
        k = (k + np.uint64(1)) & mask
    return k


@inline
def place_read(shared, key, now):  # type: ignore[no-untyped-def]
    """Return the place of a key, or an empty one where it has none or was not touched for too long.

    What is forgotten does not depend on when the table happens to grow and drops it.
    """
    k = place_of(shared, key)
    if now - shared[k].last >= FORGOTTEN:
        mask = np.uint64(shared.shape[0] - 1)
        while shared[k].key != 0:
            k = (k + np.uint64(1)) & mask
    return k


@inline
def fetch_shared(o, shared, wanted):  # type: ignore[no-untyped-def]
    """Ask for the memory of the shared counters of wanted parts that a row reads or that count it."""
    bank = o.payer_institution_id
    if o.given & GIVEN_MERCHANT:
        if wanted & MERCHANT:
            prefetch(shared, home_of(shared, key_of(BY_MERCHANT, bank, o.merchant_id)))
    elif wanted & PAYEE:
        prefetch(shared, home_of(shared, key_of(BY_PAYEE, bank, o.payee_account_id)))
    if wanted & TERMINAL and o.given & GIVEN_TERMINAL:
        prefetch(shared, home_of(shared, key_of(BY_TERMINAL, bank, o.terminal_id)))
    if wanted & DEVICE and o.given & GIVEN_DEVICE:
        prefetch(shared, home_of(shared, key_of(BY_DEVICE, bank, o.device_id)))
    if wanted & IP and o.given & GIVEN_IP:
        prefetch(shared, home_of(shared, key_of(BY_IP, bank, o.ip_id)))
    if wanted & CREDIT:
        prefetch(shared, home_of(shared, key_of(BY_CREDIT, bank, o.payer_account_id)))


@inline
def serve_shared(o, shared, wanted, now, amount, f):  # type: ignore[no-untyped-def]
    """Write what the customer's institution counted by the start of the tick, of wanted parts."""
    for k in range(MERCHANT_HOUR, PASSED_ON + 1):
        f[k] = NAN
    bank = o.payer_institution_id
    if o.given & GIVEN_MERCHANT:
        if wanted & MERCHANT:
            serve_merchant(shared[place_read(shared, key_of(BY_MERCHANT, bank, o.merchant_id), now)], now, amount, f)
    elif wanted & PAYEE:
        serve_payee(shared[place_read(shared, key_of(BY_PAYEE, bank, o.payee_account_id), now)], now, f)
    if wanted & TERMINAL and o.given & GIVEN_TERMINAL:
        s = shared[place_read(shared, key_of(BY_TERMINAL, bank, o.terminal_id), now)]
        f[TERMINAL_HOUR] = s.hour * decay(now, s.last, HOUR_S)
        f[TERMINAL_DECLINED] = share(s.declined_day, s.day)
    if wanted & DEVICE and o.given & GIVEN_DEVICE:
        s = shared[place_read(shared, key_of(BY_DEVICE, bank, o.device_id), now)]
        f[DEVICE_DAY] = s.day * decay(now, s.last, DAY_S)
        f[DEVICE_DECLINED] = share(s.declined_week, s.week)
        if s.key != 0:
            f[DEVICE_AGE] = (now - s.first) / DAY
    if wanted & IP and o.given & GIVEN_IP:
        s = shared[place_read(shared, key_of(BY_IP, bank, o.ip_id), now)]
        f[IP_HOUR] = s.hour * decay(now, s.last, HOUR_S)
        f[IP_DAY] = s.day * decay(now, s.last, DAY_S)
        f[IP_DECLINED] = share(s.declined_day, s.day)
    if wanted & CREDIT:
        serve_credit(shared[place_read(shared, key_of(BY_CREDIT, bank, o.payer_account_id), now)], now, amount, f)


@inline
def serve_merchant(s, now, amount, f):  # type: ignore[no-untyped-def]
    """Write what was counted of the merchant."""
    f[MERCHANT_HOUR] = s.hour * decay(now, s.last, HOUR_S)
    f[MERCHANT_DAY] = s.day * decay(now, s.last, DAY_S)
    f[MERCHANT_DECLINED] = share(s.declined_day, s.day)
    if s.amount_week > 0:
        f[MERCHANT_RATIO] = amount * s.week / s.amount_week
    if s.key != 0:
        f[MERCHANT_AGE] = (now - s.first) / DAY


@inline
def serve_payee(s, now, f):  # type: ignore[no-untyped-def]
    """Write what was counted of the account that is paid."""
    left = decay(now, s.last, DAY_S)
    f[PAYEE_DAY] = s.day * left
    f[PAYEE_WEEK] = s.week * decay(now, s.last, WEEK_S)
    f[PAYEE_AMOUNT] = s.amount_day * left
    f[PAYEE_DECLINED] = share(s.declined_week, s.week)
    if s.key != 0:
        f[PAYEE_AGE] = (now - s.first) / DAY


@inline
def serve_credit(s, now, amount, f):  # type: ignore[no-untyped-def]
    """Write what came in on the account that pays."""
    day = s.amount_day * decay(now, s.last, DAY_S)
    f[CREDIT_DAY] = day
    f[CREDIT_WEEK] = s.amount_week * decay(now, s.last, WEEK_S)
    f[SINCE_CREDIT] = since(now, s.last)
    if day >= 0.01:
        f[PASSED_ON] = amount / day


@inline
def count(shared, key, now, no, amount):  # type: ignore[no-untyped-def]
    """Add one row to a shared counter; return 1 if the counter is new."""
    s = shared[place_of(shared, key)]
    fresh = 1 if s.key == 0 else 0
    hour = 0.0
    day = 0.0
    week = 0.0
    if now - s.last < FORGOTTEN:
        hour = decay(now, s.last, HOUR_S)
        day = decay(now, s.last, DAY_S)
        week = decay(now, s.last, WEEK_S)
    else:  # new, or forgotten: nothing is left of it
        s.key = key
        s.first = now
    s.hour = s.hour * hour + 1.0
    s.day = s.day * day + 1.0
    s.week = s.week * week + 1.0
    s.declined_day = s.declined_day * day + no
    s.declined_week = s.declined_week * week + no
    s.amount_day = s.amount_day * day + amount
    s.amount_week = s.amount_week * week + amount
    s.last = now
    return fresh


@kernel
def merge(observed, shared, wanted):  # type: ignore[no-untyped-def]
    """Let shared counters of wanted parts see the decided rows of a tick; return how many counters are new.

    A payment is counted by the payer's institution, the paid account's counter also by the institution that keeps it,
    which counts what comes in on customers' accounts.

    Args:
        observed: (n,) OBSERVED in order of time.
        shared: (capacity,) SHARED.
        wanted: bits of the parts that are counted.
    """
    fresh = 0
    for i in range(observed.shape[0]):
        if i + AHEAD < observed.shape[0]:
            fetch_shared(observed[i + AHEAD], shared, wanted & ~CREDIT)
        o = observed[i]
        now = o.timestamp
        amount = o.amount / 100.0
        if o.what & IS_ATTEMPT:
            no = 1.0 if o.decision == pay.DECLINED else 0.0
            paid = amount if o.decision == pay.APPROVED else 0.0
            bank = o.payer_institution_id
            if o.given & GIVEN_MERCHANT:
                if wanted & MERCHANT:
                    fresh += count(shared, key_of(BY_MERCHANT, bank, o.merchant_id), now, no, amount)
            elif wanted & PAYEE:
                fresh += count(shared, key_of(BY_PAYEE, bank, o.payee_account_id), now, no, paid)
                if o.what & TO_CUSTOMER and o.payee_institution_id != bank:
                    key = key_of(BY_PAYEE, o.payee_institution_id, o.payee_account_id)
                    fresh += count(shared, key, now, no, paid)
            if wanted & TERMINAL and o.given & GIVEN_TERMINAL:
                fresh += count(shared, key_of(BY_TERMINAL, bank, o.terminal_id), now, no, amount)
            if wanted & DEVICE and o.given & GIVEN_DEVICE:
                fresh += count(shared, key_of(BY_DEVICE, bank, o.device_id), now, no, amount)
            if wanted & IP and o.given & GIVEN_IP:
                fresh += count(shared, key_of(BY_IP, bank, o.ip_id), now, no, amount)
        if wanted & CREDIT and o.what & TO_CUSTOMER and o.decision == pay.APPROVED:
            key = key_of(BY_CREDIT, o.payee_institution_id, o.payee_account_id)
            fresh += count(shared, key, now, 0.0, amount)
    return fresh


@kernel
def grow(shared, now, out):  # type: ignore[no-untyped-def]
    """Move shared counters to a larger empty table, without those long forgotten; return how many moved."""
    kept = 0
    for i in range(shared.shape[0]):
        if shared[i].key != 0 and now - shared[i].last < FORGOTTEN:
            out[place_of(out, shared[i].key)] = shared[i]
            kept += 1
    return kept
