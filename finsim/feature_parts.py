"""Parts of the features that are computed together: what nobody asks for is neither looked up nor counted.

Until the export begins all of them are counted, so that the record of the features from which `training_frame` goes on
is whole whatever a model asks for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from finsim.features import FEATURES, Feature

OWN, COUNTERS, KNOWN, PLACES, CARD, MERCHANT, PAYEE, TERMINAL, DEVICE, IP, CREDIT = (1 << k for k in range(11))
EVERYTHING: Final = (1 << 11) - 1
IN_TABLE: Final = MERCHANT | PAYEE | TERMINAL | DEVICE | IP | CREDIT
"""Those that stand in the table of shared counters; every other part needs the customers' own record."""

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
"""Part of the customers' own features whose names begin so; the others stand in one record, `OWN`."""


def part_of(feature: Feature) -> int:
    """Return the part to which a feature belongs, 0 for what needs no counting."""
    if feature.counter != "customer":
        return BY_COUNTER.get(feature.counter, 0)
    return next((part for start, part in BY_START.items() if feature.name.startswith(start)), OWN)


def parts_of(columns: Iterable[int]) -> int:
    """Return the bits of the parts that some columns need."""
    parts = 0
    for column in columns:
        parts |= part_of(FEATURES[column])
    return parts
