"""The state behind running features: bytes per customer are declared here, shared counters stand in one hash table."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finsim.records import chosen, copied, plain

OWN: Final = np.dtype(
    [
        ("last", "i8"),  # microseconds of the last attempt; 0 for never, as the times below
        ("purchase", "i8"),
        ("online", "i8"),
        ("declined", "i8"),
        ("present", "i8"),  # last card-present row
        ("categories", "u8"),  # bits of category codes, hashed
        ("merchants_now", "u8"),  # bits of the day's merchants, hashed
        ("merchants_before", "u8"),  # and of the day's before
        ("latitude", "f4"),  # of the last card-present row
        ("longitude", "f4"),
        ("home_latitude", "f4"),  # running centre of card-present rows
        ("home_longitude", "f4"),
        ("mean", "f4"),  # currency units, of approved amounts
        ("variance", "f4"),
        ("night", "f4"),
        ("remote", "f4"),
        ("day", "i4"),  # of merchants_now, days since 1970
        ("countries", "u4"),  # bits
        ("approved", "u2"),  # number, up to MEMORY
        ("attempts", "u2"),
        ("places", "u2"),
        ("merchants", "u1"),  # number of known ones
        ("payees", "u1"),
        ("devices", "u1"),
    ],
    align=True,
)
"""One customer."""

CARD: Final = np.dtype(
    [
        ("last", "i8"),
        ("card_id", "u4"),
        ("hour", "f4"),  # attempts
        ("day", "f4"),
        ("declined", "f4"),  # over a day
        ("amount", "f4"),  # approved, over a day
    ],
    align=True,
)
"""One of a customer's two cards used last; a `last` of 0 is an empty place."""

SHARED: Final = np.dtype(
    [
        ("key", "u8"),  # what, institution and id; 0 for an empty place
        ("last", "i8"),  # microseconds
        ("first", "i8"),  # microseconds
        ("hour", "f4"),  # attempts, decayed over an hour
        ("day", "f4"),
        ("week", "f4"),
        ("declined_day", "f4"),
        ("declined_week", "f4"),
        ("amount_day", "f4"),  # currency units
        ("amount_week", "f4"),
    ],
    align=True,
)
"""One shared counter."""

MERCHANTS, PAYEES, DEVICES = 64, 12, 6
"""Ids remembered of each sort, the last used first."""
KNOWN: Final = MERCHANTS + PAYEES + DEVICES
CARDS: Final = 2
COUNTERS: Final = 16
"""Decayed counters of a customer: attempts, approved, declined, approved amount, over four windows each."""
MEMORY: Final = 64
"""Running means weigh a row by one over the number of rows, and by no less than one over this."""

BYTES_PER_CUSTOMER: Final = OWN.itemsize + COUNTERS * 4 + CARDS * CARD.itemsize + KNOWN * 4
"""Budget of one customer's own counters; shared ones take up to about 10 counters of `SHARED` at a load of a half."""

FORGOTTEN: Final = 120 * 86_400_000_000
"""Shared counters not touched for so long, microseconds, begin anew; the table drops them when it has to grow."""


class State(NamedTuple):
    """Arrays that kernels read and write.

    Attributes:
        own: (C,) OWN.
        counters: (C, COUNTERS) float32.
        cards: (C, CARDS) CARD.
        known: (C, KNOWN) uint32 exported ids: merchants, payees, devices.
        shared: (capacity,) SHARED, a hash table with open addressing; capacity is a power of two.
    """

    own: Any
    counters: Any
    cards: Any
    known: Any
    shared: Any


def empty(customers: int, capacity: int = 1 << 12) -> State:
    """Return the state of customers of whom nothing is known."""
    return State(
        np.zeros(customers, OWN),
        np.zeros((customers, COUNTERS), np.float32),
        np.zeros((customers, CARDS), CARD),
        np.zeros((customers, KNOWN), np.uint32),
        np.zeros(capacity, SHARED),
    )


def to_arrays(state: State) -> dict[str, NDArray[Any]]:
    """Return the state as arrays by name: of the hash table only what it holds, with the places, and its capacity."""
    places = np.flatnonzero(state.shared["key"])
    return state._asdict() | {
        "shared": chosen(state.shared, places),
        "places": places.astype(np.uint32),
        "capacity": np.array([len(state.shared)], dtype=np.int64),
    }


def from_arrays(arrays: dict[str, NDArray[Any]]) -> State:
    """Return the state that `to_arrays` gave, from arrays that may have become plain bytes."""
    shared = np.zeros(int(arrays["capacity"][0]), SHARED)
    plain(shared)[arrays["places"]] = plain(arrays["shared"].view(SHARED).reshape(-1))
    return State(
        copied(arrays["own"].view(OWN)).reshape(-1),
        arrays["counters"].copy(),
        copied(arrays["cards"].view(CARD)).reshape(-1, CARDS),
        arrays["known"].copy(),
        shared,
    )
