"""Training frames: running features as controls are served them, with the labels that were known on a day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from finsim import frames
from finsim import payments as pay
from finsim.dataset import opening
from finsim.dataset.labels import Date, as_time
from finsim.dataset.reader import Dataset, open_dataset
from finsim.errors import FinsimError, did_you_mean
from finsim.feature_state import empty, from_arrays
from finsim.feature_store import FeatureStore
from finsim.features import INPUTS, NAMES
from finsim.observed import BOOKED_KINDS, IS_ATTEMPT, OBSERVED, TO_CUSTOMER

FORMATS: Final = ("polars", "pandas", "numpy")
YOUNG: Final = ("drop", "mark")
OUTCOMES: Final = ("decision", "decline_reason", "challenge", "score", "control_group")
ROWS: Final = 1_000_000
"""Rows that are read at once."""


class TrainingError(FinsimError, ValueError):
    """A training frame is asked for in a way that does not exist."""


class TrainingArrays(NamedTuple):
    """A training frame as arrays.

    Attributes:
        x: (n, len(names)) float32, nan for null and for what does not apply.
        y: (n,) int8: 1 fraud, 0 not, -1 not yet known.
        names: columns of x.
        transaction_id: (n,) uint64.
        timestamp: (n,) datetime64[us].
    """

    x: NDArray[np.float32]
    y: NDArray[np.int8]
    names: tuple[str, ...]
    transaction_id: NDArray[np.uint64]
    timestamp: NDArray[np.datetime64]


def training_frame(
    data: Dataset | str,
    *,
    as_of: Date | None = None,
    window: tuple[Date, Date] | int | None = None,
    label_delay_days: float = 7.0,
    young: str = "drop",
    outcomes: bool = False,
    format: str = "polars",  # noqa: A002
) -> Any:
    """Return what a model may be trained on: features as controls are served them, and labels as of a day.

    A row is an attempt, in order of time. `label` is what was known at `as_of`: fraud, laundering or genuine; a row
    without an event is taken for genuine once it is older than the label delay. Younger rows are left out all of
    them, labelled ones too, since only fraud is known of so early; with `young="mark"` they stay, and those without
    an event have a null label. Nothing that happens at or after `as_of` reaches the frame.

    Args:
        data: a data set or its path.
        as_of: the day whose knowledge counts; the end of the data set if None.
        window: first day and the day after the last, or a number of days before `as_of`; all rows if None. Features
            of rows in the window count what happened before it.
        label_delay_days: age below which the lack of a label says nothing.
        young: `drop` or `mark`.
        outcomes: add the outcome columns (decision, decline_reason, challenge, score, control_group); they are no
            features.
        format: `polars`, `pandas`, or `numpy`, which gives `TrainingArrays` over `finsim.features.INPUTS`.

    Raises:
        TrainingError: an argument is not one of those allowed.
        DateError: a date cannot be read.
        DatasetError: the path is no data set, or its file of features is damaged.
    """
    for name, value, allowed in (("format", format, FORMATS), ("young", young, YOUNG)):
        if value not in allowed:
            raise TrainingError(f"{name} is {value!r}{did_you_mean(str(value), allowed)}")
    data = data if isinstance(data, Dataset) else open_dataset(data)
    end = _end(data) if as_of is None else as_time(as_of)
    first, last = _window(window, end)
    settled = end - dt.timedelta(days=label_delay_days)
    last = min(last, settled) if young == "drop" else last
    parts = [
        (observed, features) for observed, features in _replayed(data, _micros(first), _micros(last)) if len(observed)
    ]
    observed = np.concatenate([part[0] for part in parts]) if parts else np.empty(0, OBSERVED)
    features = np.concatenate([part[1] for part in parts]) if parts else np.empty((0, len(NAMES)), np.float32)
    labels = _labels(data, observed, end, settled)
    if format == "numpy":
        known = {"fraud": 1, "laundering": 0, "genuine": 0, None: -1}
        return TrainingArrays(
            frames.matrix(observed, features, INPUTS),
            np.array([known[label] for label in labels.to_list()], dtype=np.int8),
            INPUTS,
            observed["transaction_id"].copy(),
            observed["timestamp"].astype("datetime64[us]"),
        )
    frame: pl.DataFrame = frames.polars(observed, features).with_columns(labels)
    if outcomes:
        rest = data.transactions.select("transaction_id", *OUTCOMES)
        frame = frame.lazy().join(rest, on="transaction_id", how="left", maintain_order="left").collect()
    return frame if format == "polars" else frame.to_pandas()


def _end(data: Dataset) -> dt.datetime:
    return as_time(str(data.manifest["last_day"])) + dt.timedelta(days=1)


def _window(window: tuple[Date, Date] | int | None, end: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """Return first moment and the moment after the last of the rows that are wanted."""
    if window is None:
        return dt.datetime(1970, 1, 1, tzinfo=dt.UTC), end
    if isinstance(window, int):
        return end - dt.timedelta(days=window), end
    if not (isinstance(window, (tuple, list)) and len(window) == 2):
        raise TrainingError(f"window is {window!r}; give a first day and the day after the last, or a number of days")
    return as_time(window[0]), min(as_time(window[1]), end)


def _micros(moment: dt.datetime) -> int:
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def _labels(data: Dataset, observed: NDArray[np.void], end: dt.datetime, settled: dt.datetime) -> pl.Series:
    """Return the label of each row as it was known, null where nothing is."""
    rows = pl.DataFrame(
        {"transaction_id": observed["transaction_id"].copy(), "old": observed["timestamp"] < _micros(settled)}
    )
    known = data.attempts_labelled_as_of(end).select("transaction_id", pl.col("label").cast(pl.String))
    found = rows.lazy().join(known, on="transaction_id", how="left", maintain_order="left")
    label = pl.when(pl.col("label").is_null() & pl.col("old")).then(pl.lit("genuine")).otherwise(pl.col("label"))
    return found.select(label.alias("label")).collect()["label"]


# -- features ---------------------------------------------------------------------------------------------------------


def _replayed(data: Dataset, first: int, last: int) -> Iterator[tuple[NDArray[np.void], NDArray[np.float32]]]:
    """Yield the attempts from first to before last, microseconds, and their features; all rows before count."""
    tick = int(data.scenario["run"]["tick_minutes"]) * 60_000_000
    store, customers, releases = _begin(data)
    for observed in _ticks(data, customers, releases, last, tick):
        edges = np.flatnonzero(np.diff(observed["timestamp"] // tick)) + 1
        found = []
        for start, stop in zip([0, *edges.tolist()], [*edges.tolist(), len(observed)], strict=True):
            rows = observed[start:stop]
            wanted = bool(rows["timestamp"][-1] >= first)
            features = store.replay(rows, wanted=wanted)
            if wanted:
                keep = (rows["what"] & IS_ATTEMPT > 0) & (rows["timestamp"] >= first) & (rows["timestamp"] < last)
                found.append((rows[keep], features[keep]))
        if found:
            yield np.concatenate([part[0] for part in found]), np.concatenate([part[1] for part in found])


def _begin(data: Dataset) -> tuple[FeatureStore, NDArray[np.uint32], NDArray[np.uint64]]:
    """Return the features as the export began, the customers in their order, and ids of releases to come.

    A run that kept no features begins with nothing known.
    """
    entry = data.manifest.get("features")
    if not entry:
        ids = data.customers.select(pl.col("customer_id").sort()).collect()["customer_id"].to_numpy()
        return FeatureStore(empty(len(ids))), ids, np.empty(0, np.uint64)
    arrays = opening.read(data.path, entry)
    return FeatureStore(from_arrays(arrays)), arrays["customer_id"], arrays["releases"]


def _ticks(
    data: Dataset, customers: NDArray[np.uint32], releases: NDArray[np.uint64], last: int, tick: int
) -> Iterator[NDArray[np.void]]:
    """Yield the exported rows up to the end of the tick in which last lies, whole ticks at a time."""
    since = data.customers.select("customer_id", since=pl.col("customer_since").to_physical())
    issued = data.cards.select("card_id", card_issued=pl.col("issued_at").to_physical())
    total = int(data.manifest["rows"].get("transactions", 0))
    rest = np.empty(0, OBSERVED)
    for start in range(0, total, ROWS):
        rows = data.transactions.slice(start, ROWS)
        rows = rows.join(since, on="customer_id", how="left", maintain_order="left")
        table = rows.join(issued, on="card_id", how="left", maintain_order="left").collect()
        observed = np.concatenate([rest, _observed(table, customers, releases)])
        ended = start + ROWS >= total
        cut = (
            len(observed)
            if ended
            else int(np.searchsorted(observed["timestamp"], observed["timestamp"][-1] // tick * tick))
        )
        rest = observed[cut:]
        past = int(np.searchsorted(observed["timestamp"], -(-last // tick) * tick))
        if min(cut, past):
            yield observed[: min(cut, past)]
        if past < cut:
            return


def _observed(table: pl.DataFrame, customers: NDArray[np.uint32], releases: NDArray[np.uint64]) -> NDArray[np.void]:
    """Return exported rows as the records that kernels read, (n,) OBSERVED."""
    out = np.zeros(len(table), dtype=OBSERVED)
    order = np.argsort(customers, kind="stable")
    ids = table["customer_id"].to_numpy()
    out["row"] = order[np.searchsorted(customers[order], ids)]
    out["amount"] = np.round(table["amount"].to_numpy() * 100)
    out["original_amount"] = np.round(table["original_amount"].fill_null(0).to_numpy() * 100)
    out["timestamp"] = table["timestamp"].to_physical().to_numpy()
    for name in ("since", "card_issued", "merchant_id", "terminal_id", "card_id", "device_id", "ip_id", "mcc"):
        out[name] = table[name].fill_null(0).to_numpy()
    for name in ("transaction_id", "customer_id", "payer_account_id", "payee_account_id", "payer_institution_id",
                 "payee_institution_id"):  # fmt: skip
        out[name] = table[name].to_numpy()
    for name in ("latitude", "longitude"):
        out[name] = table[name].fill_null(float("nan")).to_numpy()
    for name, values in {**frames.VALUES, "decision": pay.DECISIONS}.items():
        codes = table[name].cast(pl.String).cast(pl.Enum(list(values))).to_physical()
        out[name] = codes.fill_null(pay.NONE).to_numpy()
    for name, bit in frames.BITS.items():
        out["given"] |= np.where(table[name].is_not_null().to_numpy(), bit, 0).astype(np.uint8)
    pays = table["payer_balance_after"].is_not_null().to_numpy()  # given exactly for customers' accounts
    is_paid = table["payee_balance_after"].is_not_null().to_numpy()
    attempt = pays & table["related_transaction_id"].is_null().to_numpy() & (out["rail"] != pay.CASH)
    attempt &= ~np.isin(out["kind"], BOOKED_KINDS) & ~np.isin(out["transaction_id"], releases)
    out["what"] = np.where(attempt, IS_ATTEMPT, 0) | np.where(is_paid, TO_CUSTOMER, 0)
    return out
