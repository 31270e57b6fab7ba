"""The content hash: a fingerprint of a table's integers that does not depend on how its rows are cut into files.

Each row's ids, cents, microseconds and codes, and its number within the table, are mixed into 64 bits; a
table's hash is the sum over its rows modulo 2**64. So parts may be hashed one by one, in any thread, and the
hashes of parts add up. Floats that are no money (places, scores) may differ in their last bit between
machines and stay out.
"""

from __future__ import annotations

import hashlib

import numpy as np

from finsim.compile import inline, njit

MODULUS = 1 << 64


@inline
def absorb(state, word):  # type: ignore[no-untyped-def]
    """Return the 64-bit state after one more word."""
    state = (state ^ np.uint64(word)) * np.uint64(0x9E3779B97F4A7C15)
    return state ^ (state >> np.uint64(32))


@inline
def finish(state, position):  # type: ignore[no-untyped-def]
    """Return a row's hash from its state and its number within the table."""
    v = state + np.uint64(position) * np.uint64(0xD1B54A32D192ED03)
    v = (v ^ (v >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    v = (v ^ (v >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return v ^ (v >> np.uint64(31))


@njit
def hash_words(words, start):  # type: ignore[no-untyped-def]
    """Return the summed hash of rows whose columns are words, (k, n) uint64; the first is row `start`."""
    total = np.uint64(0)
    for i in range(words.shape[1]):
        state = np.uint64(0)
        for j in range(words.shape[0]):
            state = absorb(state, words[j, i])
        total += finish(state, start + i)
    return total


def add(left: int, right: int) -> int:
    """Return the hash of two parts of one table together."""
    return (left + right) % MODULUS


def text_word(text: str) -> int:
    """Return 64 bits that stand for a text."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def to_hex(value: int) -> str:
    """Return a hash as 16 hexadecimal digits."""
    return f"{value:016x}"
