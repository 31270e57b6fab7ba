"""Counter-based random numbers: every draw is a pure function of who, why, when and which.

The generator is Philox4x32-10 (J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random
numbers: as easy as 1, 2, 3", SC 2011). Its key is a hash of the seed and the name of a purpose; its
counter is (agent, second id or 0, day or event ordinal, draw). There is no state and no order of calls,
so results do not depend on threads, partitions or on what other agents do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import IntEnum, auto
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finsim.compile import inline, njit


class Purpose(IntEnum):
    """What a draw decides. Each purpose has its own stream; the name, not the number, is hashed."""

    POPULATION = 0
    MERCHANT = auto()
    OBLIGATION = auto()
    SOCIAL = auto()
    TRIPS = auto()
    PURCHASE = auto()
    PLACE = auto()
    MEANS = auto()
    BILL = auto()
    INCOME = auto()
    PERSON_TO_PERSON = auto()
    BUSINESS = auto()
    CASH = auto()
    TRAVEL = auto()
    LIFE = auto()
    MISTAKE = auto()
    LIQUIDITY = auto()
    RETRY = auto()
    REFUND = auto()
    CHALLENGE = auto()
    CONTROL_GROUP = auto()
    ALERT = auto()
    REPORT = auto()
    RING = auto()
    CAMPAIGN = auto()
    CREDENTIAL = auto()
    MULE = auto()
    LOSS_OF_CARD = auto()
    BREACH = auto()
    MARKET = auto()
    USER = auto()
    FIRST_PARTY = auto()
    AGENT = auto()
    DEFAULT = auto()
    OCCASION = auto()
    POOLING = auto()
    RING_LIFE = auto()
    EXPERIENCE = auto()
    FRICTION = auto()
    WALLET = auto()


def purpose_key(seed: int, name: str) -> int:
    """Return the 64-bit key of a stream: a BLAKE2b hash of seed and purpose name."""
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def purpose_keys(seed: int) -> NDArray[np.uint64]:
    """Return the keys of all purposes, (len(Purpose),) uint64, indexed by `Purpose`."""
    return np.array([purpose_key(seed, p.name.lower()) for p in Purpose], dtype=np.uint64)


@inline
def philox(key, c0, c1, c2, c3):  # type: ignore[no-untyped-def]
    """Return four uint32 words of Philox4x32-10.

    Args:
        key: uint64, low word first.
        c0, c1, c2, c3: the counter, each reduced to 32 bits.
    """
    mask = np.uint64(0xFFFFFFFF)
    k0 = np.uint64(key) & mask
    k1 = np.uint64(key) >> np.uint64(32)
    x0 = np.uint64(c0) & mask
    x1 = np.uint64(c1) & mask
    x2 = np.uint64(c2) & mask
    x3 = np.uint64(c3) & mask
    for _ in range(10):
        p0 = np.uint64(0xD2511F53) * x0
        p1 = np.uint64(0xCD9E8D57) * x2
        y0 = (p1 >> np.uint64(32)) ^ x1 ^ k0
        y2 = (p0 >> np.uint64(32)) ^ x3 ^ k1
        x1 = p1 & mask
        x3 = p0 & mask
        x0 = y0
        x2 = y2
        k0 = (k0 + np.uint64(0x9E3779B9)) & mask
        k1 = (k1 + np.uint64(0xBB67AE85)) & mask
    return np.uint32(x0), np.uint32(x1), np.uint32(x2), np.uint32(x3)


@inline
def unit(word):  # type: ignore[no-untyped-def]
    """Map a uint32 word to the open interval (0, 1)."""
    return (np.float64(word) + 0.5) * 2.3283064365386963e-10


@inline
def normal(u):  # type: ignore[no-untyped-def]
    """Return the standard normal quantile of u in (0, 1), relative error about 1e-7.

    Routine PPND7 of M. J. Wichura, "Algorithm AS 241: the percentage points of the normal
    distribution", Applied Statistics 37 (1988). Monotone in u, so common random numbers stay common.
    """
    q = u - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        return (
            q
            * (((59.109374720 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179)
            / (((67.187563600 * r + 78.757757664) * r + 17.895169469) * r + 1.0)
        )
    r = u if q < 0.0 else 1.0 - u
    r = np.sqrt(-np.log(r))
    if r <= 5.0:
        r -= 1.6
        value = (((0.17023821103 * r + 1.3067284816) * r + 2.7568153900) * r + 1.4234372777) / (
            (0.12021132975 * r + 0.73700164250) * r + 1.0
        )
    else:
        r -= 5.0
        value = (((0.017337203997 * r + 0.42868294337) * r + 3.0812263860) * r + 6.6579051150) / (
            (0.012258202635 * r + 0.24197894225) * r + 1.0
        )
    return -value if q < 0.0 else value


@inline
def poisson(u, rate):  # type: ignore[no-untyped-def]
    """Return a Poisson variate by inversion of one uniform; for rates up to about 50."""
    p = np.exp(-rate)
    total = p
    count = 0
    while u > total and count < 200:
        count += 1
        p *= rate / count
        total += p
    return count


def choose(cumulative: NDArray[np.float64], u: Any) -> Any:
    """Return, outside of compiled code, the positions that uniforms choose by weight, intp in the shape of u.

    Args:
        cumulative: (n,) float64, increasing; the last entry is the total weight.
        u: float or array of float64 in (0, 1).
    """
    return np.searchsorted(cumulative, u * cumulative[-1]).clip(0, len(cumulative) - 1)


@inline
def pick(cumulative, u):  # type: ignore[no-untyped-def]
    """Return the first index whose cumulative weight exceeds u times the total.

    Args:
        cumulative: (n,) float, increasing, the last entry is the total weight.
        u: float in (0, 1).
    """
    x = u * cumulative[-1]
    low, high = 0, cumulative.shape[0] - 1
    while low < high:
        middle = (low + high) >> 1
        if cumulative[middle] > x:
            high = middle
        else:
            low = middle + 1
    return low


@njit
def uniforms(key, first, second, ordinal, draw, out):  # type: ignore[no-untyped-def]
    """Fill out, (n, 4) float64, with the four uniforms of each agent.

    Args:
        key: uint64 purpose key.
        first: (n,) int64 agent rows (the first counter word).
        second: int second id.
        ordinal: int day or event ordinal.
        draw: int number of the draw.
        out: (n, 4) float64, overwritten.
    """
    for i in range(first.shape[0]):
        a, b, c, d = philox(key, first[i], second, ordinal, draw)
        out[i, 0] = unit(a)
        out[i, 1] = unit(b)
        out[i, 2] = unit(c)
        out[i, 3] = unit(d)


@njit
def rare(key, count, ordinal, rates):  # type: ignore[no-untyped-def]
    """Return the agents, (n,) int64, for whom any of the four uniforms of draw 0 is below its rate: few of many.

    Args:
        key: uint64 purpose key.
        count: number of agents.
        ordinal: int day or event ordinal.
        rates: (4,) float64; 0 for a uniform that does not count.
    """
    found = np.empty(count, dtype=np.int64)
    n = 0
    for i in range(count):
        a, b, c, d = philox(key, i, 0, ordinal, 0)
        if unit(a) < rates[0] or unit(b) < rates[1] or unit(c) < rates[2] or unit(d) < rates[3]:
            found[n] = i
            n += 1
    return found[:n].copy()


@njit
def four(key, first, second, ordinal, draw):  # type: ignore[no-untyped-def]
    """Return the four uniforms of one decision as floats."""
    a, b, c, d = philox(key, first, second, ordinal, draw)
    return unit(a), unit(b), unit(c), unit(d)


@njit
def philox_words(key, counter, out):  # type: ignore[no-untyped-def]
    """Write the four words of one counter, (4,) uint32 in and out; for the known-answer test."""
    a, b, c, d = philox(key, counter[0], counter[1], counter[2], counter[3])
    out[0] = a
    out[1] = b
    out[2] = c
    out[3] = d


@njit
def normals(values, out):  # type: ignore[no-untyped-def]
    """Fill out with the normal quantiles of values, both (n,) float64."""
    for i in range(values.shape[0]):
        out[i] = normal(values[i])


class Streams:
    """The random streams of one run, for code that is not compiled.

    Args:
        seed: the run's seed.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.keys = purpose_keys(seed)

    def uniform(
        self, purpose: Purpose, rows: NDArray[np.int64] | int, *, second: int = 0, ordinal: int = 0, draw: int = 0
    ) -> NDArray[np.float64]:
        """Return uniforms in (0, 1), (n, 4) float64: four for each agent row.

        Args:
            purpose: the decision.
            rows: (n,) agent rows, or n for all rows 0 to n - 1.
            second: a second id, where a draw belongs to a pair.
            ordinal: simulated day or event number.
            draw: number of the draw within this decision.
        """
        first = np.arange(rows, dtype=np.int64) if isinstance(rows, (int, np.integer)) else np.asarray(rows, np.int64)
        out = np.empty((len(first), 4))
        uniforms(self.keys[purpose], first, second, ordinal, draw, out)
        return out

    def rare(self, purpose: Purpose, count: int, rates: Sequence[float], *, ordinal: int = 0) -> NDArray[np.int64]:
        """Return the rows, (n,) int64, for which `uniform` would give a value below one of its rates.

        Args:
            purpose: the decision.
            count: number of agents.
            rates: chances for the first of the four uniforms.
            ordinal: simulated day or event number.
        """
        bounds = np.array([*rates, *[0.0] * (4 - len(rates))])
        return np.asarray(rare(self.keys[purpose], count, ordinal, bounds))

    def one(
        self, purpose: Purpose, row: int, *, second: int = 0, ordinal: int = 0, draw: int = 0
    ) -> NDArray[np.float64]:
        """Return the four uniforms of one agent, (4,) float64."""
        return np.array(four(self.keys[purpose], row, second, ordinal, draw))


def poisson_count(u: float, rate: float) -> int:
    """Return a Poisson variate by inversion of one uniform; for rates up to a few hundred."""
    if u <= np.exp(-rate):
        return 0
    count = int(rate + 8.0 * np.sqrt(rate) + 12.0)
    k = np.arange(count)
    logs = k * np.log(max(rate, 1e-300)) - rate - np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, count)))])
    return max(int(np.searchsorted(np.cumsum(np.exp(logs)), u)), 1)


def to_normal(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return standard normal quantiles of uniforms, same shape as values."""
    flat = np.ascontiguousarray(values).ravel()
    out = np.empty_like(flat)
    normals(flat, out)
    return out.reshape(values.shape)
