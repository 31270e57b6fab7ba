"""Exported ids: packed from what a thing is, then passed through a bijection that hides it.

A transaction id packs (kind of agent, row, purpose, day, ordinal) into 64 bits; all other ids pack
(kind of owner, row, ordinal) into 32 bits with widths of their own for each kind. Both go through a
bijection keyed by the seed (and, for 32 bits, the table), so ids are unique by construction, tell
nothing, and do not shift when something else happens elsewhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from finsim.compile import inline, njit
from finsim.rng import purpose_key

# Kinds of owners; the number is the prefix of a packed 32-bit code.
CUSTOMER, MERCHANT, RING, OUTSIDE = 0, 1, 2, 3
NO_CODE = 0xFFFFFFFF
"""Packed code of "there is none"; it is no code of anything that a run makes."""

ROW_BITS = (23, 20, 12, 10)
"""Bits of the row for (customer, merchant, ring, outside); 30 minus these are left for the ordinal."""

TABLES = ("customer", "merchant", "account", "card", "terminal", "device", "ip", "campaign", "ring")

# Kinds of payments for transaction ids. Their ordinals are counted apart, so one kind never shifts another.
PLANNED, FOLLOW_UP, SUBMITTED, INDUCED, BANK, FOUND = 0, 1, 2, 3, 4, 5
"""Planned by a customer, following from that (retry, refund), submitted by an agent, caused by a ring, bank-made, made
with a found or stolen card."""

FIRST_DAY = 14610
"""Days from 1970-01-01 to 2010-01-01: transaction ids count days from there, for 89 years."""


def capacity(kind: int) -> tuple[int, int]:
    """Return (rows, ordinals) that a packed 32-bit code of this kind can tell apart."""
    return 1 << ROW_BITS[kind], 1 << (30 - ROW_BITS[kind])


@inline
def pack_customer(row, ordinal):  # type: ignore[no-untyped-def]
    """Return the packed code of a customer's thing: 23 bits of row, 7 of ordinal."""
    return np.uint32((row << 7) | ordinal)


@inline
def pack_merchant(row, ordinal):  # type: ignore[no-untyped-def]
    """Return the packed code of a merchant's thing: 20 bits of row, 10 of ordinal."""
    return np.uint32((1 << 30) | (row << 10) | ordinal)


@inline
def pack_outside(row, ordinal):  # type: ignore[no-untyped-def]
    """Return the packed code of an outside party's thing: 10 bits of row, 20 of ordinal."""
    return np.uint32((3 << 30) | (row << 20) | ordinal)


@inline
def mix32(x, key):  # type: ignore[no-untyped-def]
    """Apply a keyed bijection of 32-bit numbers (xorshift-multiply rounds with odd constants)."""
    mask = np.uint64(0xFFFFFFFF)
    v = (np.uint64(x) ^ np.uint64(key)) & mask
    v ^= v >> np.uint64(16)
    v = (v * np.uint64(0x7FEB352D)) & mask
    v ^= v >> np.uint64(15)
    v = (v + (np.uint64(key) >> np.uint64(32))) & mask
    v = (v * np.uint64(0x846CA68B)) & mask
    v ^= v >> np.uint64(16)
    return np.uint32(v)


@inline
def mix64(x, key):  # type: ignore[no-untyped-def]
    """Apply a keyed bijection of 64-bit numbers (two rounds of xorshift-multiply)."""
    v = np.uint64(x) ^ np.uint64(key)
    v ^= v >> np.uint64(30)
    v *= np.uint64(0xBF58476D1CE4E5B9)
    v ^= v >> np.uint64(27)
    v += np.uint64(key) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x632BE59BD9B4E019)
    v *= np.uint64(0x94D049BB133111EB)
    v ^= v >> np.uint64(31)
    return v


@inline
def unmix64(x, key):  # type: ignore[no-untyped-def]
    """Undo `mix64`: the multipliers are the inverses of its own modulo 2**64."""
    v = np.uint64(x)
    v ^= (v >> np.uint64(31)) ^ (v >> np.uint64(62))
    v *= np.uint64(0x319642B2D24D8EC3)
    v -= np.uint64(key) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x632BE59BD9B4E019)
    v ^= (v >> np.uint64(27)) ^ (v >> np.uint64(54))
    v *= np.uint64(0x96DE1B173F119089)
    v ^= (v >> np.uint64(30)) ^ (v >> np.uint64(60))
    return v ^ np.uint64(key)


@inline
def day_of(key, transaction):  # type: ignore[no-untyped-def]
    """Return the day number that is packed into a transaction id."""
    return np.int64((unmix64(transaction, key) >> np.uint64(18)) & np.uint64(0x7FFF)) + FIRST_DAY


@inline
def transaction_id(key, kind, row, purpose, day, ordinal):  # type: ignore[no-untyped-def]
    """Return the id of a payment: 3 bits kind, 24 row, 4 purpose, 15 day, 18 ordinal, through `mix64`.

    Args:
        key: uint64, the run's id key.
        kind: PLANNED ... BANK.
        row: the agent's row.
        purpose: 0 to 15, so that one agent's several sources count their ordinals apart.
        day: days since 1970-01-01.
        ordinal: number within (agent, purpose, day), below 262144.
    """
    packed = (
        (np.uint64(kind) << np.uint64(61))
        | (np.uint64(row) << np.uint64(37))
        | (np.uint64(purpose) << np.uint64(33))
        | (np.uint64(day - FIRST_DAY) << np.uint64(18))
        | np.uint64(ordinal)
    )
    return mix64(packed, key)


@njit
def day_of_id(key, transaction):  # type: ignore[no-untyped-def]
    """Return `day_of` of the same arguments, for code that is not compiled."""
    return day_of(key, transaction)


@njit
def _mix64(x, key):  # type: ignore[no-untyped-def]
    return mix64(x, key)


def mixed(x: int, key: np.uint64) -> int:
    """Return `mix64` of one number of at most 64 bits, for code that is not compiled."""
    return int(_mix64(np.uint64(x), key))


@njit
def new_id(key, kind, row, purpose, day, ordinal):  # type: ignore[no-untyped-def]
    """Return `transaction_id` of the same arguments, for code that is not compiled."""
    return transaction_id(key, kind, row, purpose, day, ordinal)


def ring_code(row: int, ordinal: int) -> int:
    """Return the packed code of a ring's thing; `pack_ring` for code that is not compiled."""
    return RING << 30 | row << (30 - ROW_BITS[RING]) | ordinal


def outside_code(row: int, ordinal: int) -> int:
    """Return the packed code of an outside party's thing; `pack_outside` for code that is not compiled."""
    return OUTSIDE << 30 | row << (30 - ROW_BITS[OUTSIDE]) | ordinal


def merchant_code(row: int, ordinal: int) -> int:
    """Return the packed code of a merchant's thing; `pack_merchant` for code that is not compiled."""
    return MERCHANT << 30 | row << (30 - ROW_BITS[MERCHANT]) | ordinal


@njit
def mix32_array(values, key, out):  # type: ignore[no-untyped-def]
    """Apply `mix32` to each of values, (n,) uint32, into out, (n,) uint32."""
    for i in range(values.shape[0]):
        out[i] = mix32(values[i], key)


@njit
def mix64_array(values, key, out):  # type: ignore[no-untyped-def]
    """Apply `mix64` to each of values, (n,) uint64, into out, (n,) uint64."""
    for i in range(values.shape[0]):
        out[i] = mix64(values[i], key)


@njit
def transaction_ids(key, kind, rows, purpose, day, ordinals, out):  # type: ignore[no-untyped-def]
    """Fill out, (n,) uint64, with transaction ids; rows and ordinals are (n,) int64."""
    for i in range(rows.shape[0]):
        out[i] = transaction_id(key, kind, rows[i], purpose, day, ordinals[i])


@njit
def mixed_ids(numbers, word, key, out):  # type: ignore[no-untyped-def]
    """Fill out with `mix64` of numbers with the bits of a word turned, both (n,) uint64: ids of what follows."""
    for i in range(numbers.shape[0]):
        out[i] = mix64(numbers[i] ^ np.uint64(word), key)


class IdKeys:
    """The keys that hide ids in one run.

    Args:
        seed: the run's seed.
    """

    def __init__(self, seed: int) -> None:
        self.transaction = np.uint64(purpose_key(seed, "id/transaction"))
        self.posting = np.uint64(purpose_key(seed, "id/posting"))
        self.event = np.uint64(purpose_key(seed, "id/event"))
        self.table = {name: np.uint64(purpose_key(seed, f"id/{name}")) for name in TABLES}

    def export(self, table: str, codes: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Return exported ids, (n,) uint32, of packed codes of one table."""
        values = np.ascontiguousarray(codes, dtype=np.uint32)
        out = np.empty_like(values)
        mix32_array(values, self.table[table], out)
        return out

    def export_one(self, table: str, code: int) -> int:
        """Return the exported id of one packed code."""
        return int(self.export(table, np.array([code], dtype=np.uint32))[0])
