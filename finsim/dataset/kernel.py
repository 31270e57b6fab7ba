"""The compiled pass that turns TRANSACTION records into the columns of the data set.

It goes through the rows in blocks that stay in the cache, a few columns at a time: with all columns in one loop
the processor runs out of places to keep what is half written. Each value goes straight into the buffer that Arrow
wraps later, and into the content hash.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finsim import payments
from finsim.compile import inline, njit, prefetch
from finsim.dataset.content import absorb, finish
from finsim.ids import NO_CODE, mix32, pack_customer, pack_merchant

APPROVED, CONTROL_GROUP, NONE = payments.APPROVED, payments.CONTROL_GROUP, payments.NONE
NO: Final = np.uint32(NO_CODE)
BLOCK: Final = 2048
AHEAD: Final = 16

NULLABLE: Final = (
    "original_amount", "original_currency", "merchant_id", "mcc", "terminal_id", "card_id", "device_id", "entry_mode",
    "authentication", "latitude", "longitude", "ip_id", "decline_reason", "challenge", "score",
    "related_transaction_id", "posted_at", "payer_balance_after", "payee_balance_after",
)  # fmt: skip
"""Columns with a validity bitmap, in the order of the rows of `Buffers.valid`."""

(V_ORIGINAL_AMOUNT, V_ORIGINAL_CURRENCY, V_MERCHANT, V_MCC, V_TERMINAL, V_CARD, V_DEVICE, V_ENTRY_MODE,
 V_AUTHENTICATION, V_LATITUDE, V_LONGITUDE, V_IP, V_DECLINE_REASON, V_CHALLENGE, V_SCORE, V_RELATED, V_POSTED_AT,
 V_PAYER_BALANCE, V_PAYEE_BALANCE) = range(19)  # fmt: skip

LIMITS: Final = (
    len(payments.RAILS), len(payments.KINDS), len(payments.CHANNELS), len(payments.DECISIONS), len(payments.COUNTRIES),
    len(payments.CURRENCIES), len(payments.ENTRY_MODES), len(payments.AUTHENTICATIONS), len(payments.DECLINE_REASONS),
    len(payments.CHALLENGES),
)  # fmt: skip
"""Number of values of each column of codes."""


class Buffers(NamedTuple):
    """Arrays that the kernel fills, one per column, (n,); `valid` and `control_group` are bits, lowest first."""

    timestamp: NDArray[np.int64]
    posted_at: NDArray[np.int64]
    transaction_id: NDArray[np.uint64]
    related_transaction_id: NDArray[np.uint64]
    amount: NDArray[np.float64]
    original_amount: NDArray[np.float64]
    payer_balance_after: NDArray[np.float64]
    payee_balance_after: NDArray[np.float64]
    latitude: NDArray[np.float32]
    longitude: NDArray[np.float32]
    score: NDArray[np.float32]
    payer_account_id: NDArray[np.uint32]
    payee_account_id: NDArray[np.uint32]
    customer_id: NDArray[np.uint32]
    merchant_id: NDArray[np.uint32]
    terminal_id: NDArray[np.uint32]
    card_id: NDArray[np.uint32]
    device_id: NDArray[np.uint32]
    ip_id: NDArray[np.uint32]
    payer_institution_id: NDArray[np.uint16]
    payee_institution_id: NDArray[np.uint16]
    mcc: NDArray[np.uint16]
    rail: NDArray[np.uint8]
    kind: NDArray[np.uint8]
    channel: NDArray[np.uint8]
    original_currency: NDArray[np.uint8]
    entry_mode: NDArray[np.uint8]
    authentication: NDArray[np.uint8]
    country: NDArray[np.uint8]
    decision: NDArray[np.uint8]
    decline_reason: NDArray[np.uint8]
    challenge: NDArray[np.uint8]
    control_group: NDArray[np.uint8]
    valid: NDArray[np.uint8]  # (len(NULLABLE), bytes)


class Lookups(NamedTuple):
    """What the kernel reads besides the rows: accounts and places by row, and the keys of tables of ids."""

    accounts: NDArray[np.uint64]  # (N,) exported id and institution in one word, so that a row costs one cache miss
    customer_accounts: int
    merchant_latitude: NDArray[np.float32]
    merchant_longitude: NDArray[np.float32]
    area_latitude: NDArray[np.float32]
    area_longitude: NDArray[np.float32]
    home_country: int
    customer_key: np.uint64
    merchant_key: np.uint64
    terminal_key: np.uint64
    card_key: np.uint64
    device_key: np.uint64
    ip_key: np.uint64


@inline
def out_of_range(row):  # type: ignore[no-untyped-def]
    """Return True where a code stands for no value of the contract."""
    return (
        row.rail >= LIMITS[0]
        or row.kind >= LIMITS[1]
        or row.channel >= LIMITS[2]
        or row.decision >= LIMITS[3]
        or (row.country >= LIMITS[4] and row.country != NONE)
        or (row.currency >= LIMITS[5] and row.currency != NONE)
        or (row.entry_mode >= LIMITS[6] and row.entry_mode != NONE)
        or (row.authentication >= LIMITS[7] and row.authentication != NONE)
        or (row.decline_reason >= LIMITS[8] and row.decline_reason != NONE)
        or (row.challenge >= LIMITS[9] and row.challenge != NONE)
    )


@inline
def mark(valid, column, i, given):  # type: ignore[no-untyped-def]
    """Set bit i of a column's validity bitmap where the value is given; return that as an integer."""
    bit = np.uint8(given)
    valid[column, i >> 3] |= bit << np.uint8(i & 7)
    return np.uint64(given) << np.uint64(column)


@inline
def put_id(out, valid, column, i, code, key):  # type: ignore[no-untyped-def]
    """Write the exported id of a packed code, null where there is none; return (validity bit, id)."""
    given = code != NO
    value = mix32(code, key) if given else np.uint32(0)
    out[i] = value
    return mark(valid, column, i, given), np.uint64(value)


@inline
def put_code(out, valid, column, i, code):  # type: ignore[no-untyped-def]
    """Write a nullable code; return its validity bit."""
    given = code != NONE
    out[i] = code if given else 0
    return mark(valid, column, i, given)


@inline
def put_places(rows, first, last, look, out):  # type: ignore[no-untyped-def]
    """Write places and scores, which count in no hash."""
    valid = out.valid
    for i in range(first, last):
        row = rows[i]
        latitude = np.float32(np.nan)
        longitude = latitude
        if row.place >= 0:
            latitude = look.area_latitude[row.place]
            longitude = look.area_longitude[row.place]
        elif row.merchant >= 0:
            latitude = look.merchant_latitude[row.merchant]
            longitude = look.merchant_longitude[row.merchant]
        out.latitude[i] = latitude
        out.longitude[i] = longitude
        out.score[i] = row.score
        mark(valid, V_LATITUDE, i, not np.isnan(latitude))
        mark(valid, V_LONGITUDE, i, not np.isnan(longitude))
        mark(valid, V_SCORE, i, not np.isnan(row.score))


@inline
def put_parties(rows, first, last, look, out, state):  # type: ignore[no-untyped-def]
    """Write the transaction's id, both sides and the customer."""
    for i in range(first, last):
        if i + AHEAD < last:
            prefetch(look.accounts, np.int64(rows[i + AHEAD].payer))
            prefetch(look.accounts, np.int64(rows[i + AHEAD].payee))
        row = rows[i]
        payer = look.accounts[row.payer]
        payee = look.accounts[row.payee]
        customer = mix32(pack_customer(row.owner, 0), look.customer_key)
        out.transaction_id[i] = row.transaction_id
        out.payer_account_id[i] = payer >> np.uint64(16)
        out.payee_account_id[i] = payee >> np.uint64(16)
        out.payer_institution_id[i] = payer & np.uint64(0xFFFF)
        out.payee_institution_id[i] = payee & np.uint64(0xFFFF)
        out.customer_id[i] = customer
        v = absorb(absorb(np.uint64(0), row.transaction_id), payer)
        state[i - first] = absorb(absorb(v, payee), customer)


@inline
def put_means(rows, first, last, look, out, state, bits):  # type: ignore[no-untyped-def]
    """Write merchant, terminal and means."""
    valid = out.valid
    for i in range(first, last):
        row = rows[i]
        code = pack_merchant(row.merchant, 0) if row.merchant >= 0 else NO
        b1, merchant = put_id(out.merchant_id, valid, V_MERCHANT, i, code, look.merchant_key)
        b2, terminal = put_id(out.terminal_id, valid, V_TERMINAL, i, row.terminal, look.terminal_key)
        b3, card = put_id(out.card_id, valid, V_CARD, i, row.card, look.card_key)
        b4, device = put_id(out.device_id, valid, V_DEVICE, i, row.device, look.device_key)
        b5, ip = put_id(out.ip_id, valid, V_IP, i, row.ip, look.ip_key)
        out.mcc[i] = row.mcc
        bits[i - first] = b1 | b2 | b3 | b4 | b5 | mark(valid, V_MCC, i, row.mcc != 0)
        v = absorb(state[i - first], merchant << np.uint64(32) | terminal)
        v = absorb(v, card << np.uint64(32) | device)
        state[i - first] = absorb(v, ip << np.uint64(32) | np.uint64(row.mcc))


@inline
def put_codes(rows, first, last, look, out, state):  # type: ignore[no-untyped-def]
    """Write the columns of codes; NONE tells the hash which are null."""
    valid = out.valid
    for i in range(first, last):
        row = rows[i]
        country = row.country if row.country != NONE else np.uint8(look.home_country)
        group = np.uint8((row.flags & CONTROL_GROUP) != 0)
        out.rail[i] = row.rail
        out.kind[i] = row.kind
        out.channel[i] = row.channel
        out.country[i] = country
        out.decision[i] = row.decision
        out.control_group[i >> 3] |= group << np.uint8(i & 7)
        put_code(out.original_currency, valid, V_ORIGINAL_CURRENCY, i, row.currency)
        put_code(out.entry_mode, valid, V_ENTRY_MODE, i, row.entry_mode)
        put_code(out.authentication, valid, V_AUTHENTICATION, i, row.authentication)
        put_code(out.decline_reason, valid, V_DECLINE_REASON, i, row.decline_reason)
        put_code(out.challenge, valid, V_CHALLENGE, i, row.challenge)
        word = np.uint64(row.rail)
        for code in (row.kind, row.channel, country, row.decision, row.currency, row.entry_mode, row.authentication):
            word = word << np.uint64(8) | np.uint64(code)
        v = absorb(state[i - first], word)
        word = np.uint64(row.decline_reason) << np.uint64(16) | np.uint64(row.challenge) << np.uint64(8)
        state[i - first] = absorb(v, word | np.uint64(group))


@inline
def put_money(rows, first, last, look, out, state, bits):  # type: ignore[no-untyped-def]
    """Write times, amounts, balances and the related id."""
    valid = out.valid
    for i in range(first, last):
        row = rows[i]
        abroad, approved = row.currency != NONE, row.decision == APPROVED
        ours, theirs = row.payer < look.customer_accounts, row.payee < look.customer_accounts
        posted_at = row.posted_at if approved else 0
        original = row.original_amount if abroad else 0
        payer_balance = row.payer_balance if ours else 0
        payee_balance = row.payee_balance if theirs else 0
        out.timestamp[i] = row.timestamp
        out.posted_at[i] = posted_at
        out.related_transaction_id[i] = row.related_id
        out.amount[i] = row.amount / 100.0
        out.original_amount[i] = original / 100.0
        out.payer_balance_after[i] = payer_balance / 100.0
        out.payee_balance_after[i] = payee_balance / 100.0
        given = mark(valid, V_ORIGINAL_AMOUNT, i, abroad) | mark(valid, V_POSTED_AT, i, approved)
        given |= mark(valid, V_RELATED, i, row.related_id != 0)
        given |= mark(valid, V_PAYER_BALANCE, i, ours) | mark(valid, V_PAYEE_BALANCE, i, theirs)
        v = absorb(absorb(state[i - first], row.timestamp), posted_at)
        v = absorb(absorb(v, row.amount), original)
        v = absorb(absorb(v, payer_balance), payee_balance)
        state[i - first] = absorb(absorb(v, row.related_id), bits[i - first] | given)


@njit
def fill(rows, look, out, start):  # type: ignore[no-untyped-def]
    """Fill the export columns of rows, block by block, so that a block stays in the cache.

    Args:
        rows: (n,) TRANSACTION.
        look: `Lookups`.
        out: `Buffers` of at least n rows, bits cleared.
        start: number of the first row within the table.

    Returns:
        (summed hash of the rows, uint64; -1 or the index of the first row that breaks the contract).
    """
    total = np.uint64(0)
    state = np.empty(BLOCK, np.uint64)
    bits = np.empty(BLOCK, np.uint64)
    for first in range(0, rows.shape[0], BLOCK):
        last = min(first + BLOCK, rows.shape[0])
        for i in range(first, last):
            if (i > 0 and rows[i].timestamp < rows[i - 1].timestamp) or out_of_range(rows[i]):
                return total, i
        put_places(rows, first, last, look, out)
        put_parties(rows, first, last, look, out, state)
        put_means(rows, first, last, look, out, state, bits)
        put_codes(rows, first, last, look, out, state)
        put_money(rows, first, last, look, out, state, bits)
        for i in range(first, last):
            total += finish(state[i - first], start + i)
    return total, -1
