"""What a control is handed: observed records and features as a Polars frame, an Arrow batch or a plain matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.features import AT, CODES, NAMES, NUMBERS
from finsim.observed import GIVEN_CARD, GIVEN_DEVICE, GIVEN_IP, GIVEN_MERCHANT, GIVEN_TERMINAL

VALUES: Final = {
    "rail": pay.RAILS,
    "kind": pay.KINDS,
    "channel": pay.CHANNELS,
    "entry_mode": pay.ENTRY_MODES,
    "authentication": pay.AUTHENTICATIONS,
    "country": pay.COUNTRIES,
    "original_currency": pay.CURRENCIES,
}
"""Values of each column of codes, by position."""

BITS: Final = {
    "merchant_id": GIVEN_MERCHANT,
    "terminal_id": GIVEN_TERMINAL,
    "card_id": GIVEN_CARD,
    "device_id": GIVEN_DEVICE,
    "ip_id": GIVEN_IP,
}
"""Bit of `given` that says whether an id is there."""

OBSERVABLE: Final = (
    "transaction_id", "timestamp", "rail", "kind", "channel", "payer_account_id", "payee_account_id",
    "payer_institution_id", "payee_institution_id", "customer_id", "original_amount", "original_currency",
    "merchant_id", "mcc", "terminal_id", "card_id", "device_id", "entry_mode", "authentication", "country", "latitude",
    "longitude", "ip_id",
)  # fmt: skip
"""Observable columns of a batch, named as in `transactions`; the amount is among the features."""


def missing(observed: NDArray[np.void], name: str) -> NDArray[np.bool_] | None:
    """Return which records have no value in a column, (n,) bool; None for a column that is always given."""
    if name in BITS:
        return np.asarray(observed["given"] & BITS[name] == 0)
    if name in ("entry_mode", "authentication", "original_currency"):
        return np.asarray(observed[name] == pay.NONE)
    if name == "original_amount":
        return np.asarray(observed["original_currency"] == pay.NONE)
    if name == "mcc":
        return np.asarray(observed[name] == 0)
    if name in ("latitude", "longitude"):
        return np.asarray(np.isnan(observed[name]))
    return None


def matrix(observed: NDArray[np.void], features: NDArray[np.float32], names: Sequence[str]) -> NDArray[np.float32]:
    """Return the columns of names, each one of `features.INPUTS`, as a matrix (n, len(names)) float32, nan for null.

    Args:
        observed: (n,) OBSERVED.
        features: (n, k) float32, those of the names that are running features, in their order.
        names: columns wanted, in order.
    """
    if features.shape[1] == len(names):
        return features
    out = np.empty((len(observed), len(names)), dtype=np.float32)
    taken = 0
    for k, name in enumerate(names):
        if name in AT:
            out[:, k] = features[:, taken]
            taken += 1
            continue
        out[:, k] = observed[name]
        absent = missing(observed, name)
        if absent is not None:
            out[absent, k] = np.nan
    return out


def arrow(observed: NDArray[np.void], features: NDArray[np.float32], names: Sequence[str] = NAMES) -> Any:
    """Return observable columns and features as a `pyarrow.RecordBatch`.

    Args:
        observed: (n,) OBSERVED.
        features: (n, len(names)) float32.
        names: features wanted.
    """
    import pyarrow as pa

    columns = [_column(observed, name) for name in OBSERVABLE]
    columns += [pa.array(np.ascontiguousarray(features[:, k])) for k in range(len(names))]
    return pa.RecordBatch.from_arrays(columns, names=[*OBSERVABLE, *names])


def polars(observed: NDArray[np.void], features: NDArray[np.float32], names: Sequence[str] = NAMES) -> Any:
    """Return observable columns and features as a `polars.DataFrame`; codes are `polars.Enum`, see `arrow`."""
    import polars as pl

    frame = pl.DataFrame(pl.from_arrow(arrow(observed, features, names)))
    return frame.with_columns(pl.col(name).cast(pl.Enum(list(values))) for name, values in VALUES.items())


def _column(observed: NDArray[np.void], name: str) -> Any:
    """Return one observable column as an Arrow array."""
    import pyarrow as pa

    values = np.ascontiguousarray(observed[name])
    absent = missing(observed, name)
    if name in VALUES:
        codes = pa.array(values.astype(np.int8), mask=absent)
        return pa.DictionaryArray.from_arrays(codes, pa.array(VALUES[name], pa.string()))
    if name == "timestamp":
        return pa.array(values).cast(pa.timestamp("us", "UTC"))
    if name == "original_amount":
        values = values / 100.0
    return pa.array(values, mask=absent)


FORMS: Final[dict[str, Callable[..., Any]]] = {"polars": polars, "arrow": arrow, "matrix": matrix}
"""What a control may ask for in its attribute `batch`."""

__all__ = ["CODES", "FORMS", "NUMBERS", "OBSERVABLE", "arrow", "matrix", "polars"]
