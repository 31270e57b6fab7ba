"""Parts of the features that are computed together: what nobody asks for is not looked up.

Counting goes on for all of them, so that a run's own record of the features is whole whatever its model asks for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from finsim.features import FEATURES, Feature

COUNTERS, KNOWN, PLACES, CARD, MERCHANT, PAYEE, TERMINAL, DEVICE, IP, CREDIT = (1 << k for k in range(10))
EVERYTHING: Final = (1 << 10) - 1

BY_COUNTER: Final = {
    "card": CARD,
    "merchant": MERCHANT,
    "payee": PAYEE,
    "terminal": TERMINAL,
    "device": DEVICE,
    "ip": IP,
    "payer account": CREDIT,
}
"""Part of each `Feature.counter` that is a part of its own."""

BY_START: Final = {
    "attempts_": COUNTERS,
    "approved_": COUNTERS,
    "declined_": COUNTERS,
    "new_": KNOWN,
    "km_": PLACES,
    "kmh_": PLACES,
}
"""Part of the customers' own features whose names begin so; the others stand in one record and cost next to nothing."""


def part_of(feature: Feature) -> int:
    """Return the part to which a feature belongs, 0 for what is always computed."""
    if feature.counter != "customer":
        return BY_COUNTER.get(feature.counter, 0)
    return next((part for start, part in BY_START.items() if feature.name.startswith(start)), 0)


def parts_of(columns: Iterable[int]) -> int:
    """Return the bits of the parts that some columns need."""
    parts = 0
    for column in columns:
        parts |= part_of(FEATURES[column])
    return parts
