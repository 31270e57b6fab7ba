"""What a bank remembers at each row: counters strictly before it, computed from the exported tables alone.

One function with one result, `history`, so that features computed by the engine can take its place.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from finsim.dataset.reader import Dataset
from finsim.evaluation.rows import DAY, microseconds

HOUR: Final = DAY // 24
WINDOWS: Final = {"1h": HOUR, "1d": DAY, "7d": 7 * DAY, "30d": 30 * DAY}
EARTH_KM: Final = 6371.0
ALWAYS: Final = 10_000 * DAY
NEVER: Final = -1.0
"""Stands for a time, ratio or distance that does not exist."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Past:
    """The rows of each owner of a key in time order, to count and sum what lies before a row.

    Args:
        key: (n,) owner of each row, any number; those that are `absent` have none.
        time: (n,) microseconds, not falling.
        absent: (n,) rows without an owner.
    """

    def __init__(self, key: Ints, time: Ints, absent: NDArray[np.bool_]) -> None:
        self.absent = absent
        self.order = np.argsort(key, kind="stable")  # rows are in time order, so within an owner they stay in it
        ordered = key[self.order]
        self.same = np.concatenate([[False], ordered[1:] == ordered[:-1]]) if len(key) else np.zeros(0, bool)
        self.owner = np.cumsum(~self.same)
        self.time = time[self.order] - (time[0] if len(time) else 0)
        span = int(self.time.max(initial=0)) + 40 * DAY
        # Owner and time in one number: it grows along the order, so one search finds where each window begins.
        self.base = self.owner * span
        self.code = self.base + self.time
        self.end = np.searchsorted(self.code, self.code, side="left")

    def spread(self, values: Floats) -> Floats:
        """Return values in the order of the rows, 0 for rows without an owner."""
        out = np.empty(len(values))
        out[self.order] = values
        out[self.absent] = 0.0
        return out

    def start(self, window: int) -> Ints:
        """Return the position in `order` where the window before each row begins."""
        return np.asarray(np.searchsorted(self.code, self.base + np.maximum(self.time - window, 0), side="left"))

    def measures(self, window: int, *values: Floats) -> list[Floats]:
        """Return the number of the owner's rows in the window before each row, and the sums of values over them."""
        start = self.start(window)
        out = [self.spread((self.end - start).astype(np.float64))]
        for one in values:
            total = np.concatenate([[0.0], np.cumsum(one[self.order])])
            out.append(self.spread(total[self.end] - total[start]))
        return out

    def last(self) -> Ints:
        """Return the position of the owner's row before each row, -1 where there is none."""
        previous = np.full(len(self.order), -1)
        previous[self.order[1:][self.same[1:]]] = self.order[:-1][self.same[1:]]
        previous[self.absent] = -1
        return previous


def past_of(rows: pl.DataFrame, time: Ints, *columns: str) -> Past:
    """Return the past of each owner: a column, or the combinations of two."""
    numbers = [rows[name].to_physical().cast(pl.Int64).fill_null(0).to_numpy() for name in columns]
    key = numbers[0] if len(numbers) == 1 else (numbers[0] << 32) | numbers[1]
    return Past(key, time, rows[columns[-1]].is_null().to_numpy())


def history(data: Dataset, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the features of the past, aligned with rows.

    Counts, sums and times look at rows of the same customer, card, payee, merchant or terminal strictly before the
    row, whatever was decided about them. What happened before the data set is not known.

    Args:
        data: the data set; its customers' homes and label events are read.
        rows: rows of `attempts`, in time order.
    """
    time, amount = microseconds(rows["timestamp"]), rows["amount"].to_numpy()
    declined = (rows["decision"].cast(pl.String) == "declined").to_numpy().astype(np.float64)
    customer = past_of(rows, time, "customer_id")
    out: dict[str, Floats] = {}
    for name, past in (("customer", customer), ("card", past_of(rows, time, "card_id"))):
        for label, window in WINDOWS.items():
            count, total, refused = past.measures(window, amount, declined)
            out |= {f"{name}_count_{label}": count, f"{name}_sum_{label}": total}
            if label == "1d":
                out[f"{name}_declined_1d"] = refused
        out[f"{name}_hours_since"] = _since(past, time, HOUR)
    out["amount_to_mean_30d"] = _ratio(amount, out["customer_sum_30d"], out["customer_count_30d"])
    out |= _novelty(rows, time)
    out |= _others(data, rows, time, amount, declined)
    out |= _distances(data, rows, customer, time)
    return pl.DataFrame(out).cast(pl.Float32)


def _since(past: Past, time: Ints, unit: int) -> Floats:
    """Return the time since the owner's row before, in units of so many microseconds."""
    last = past.last()
    return np.where(last >= 0, (time - time[last]) / unit, NEVER)


def _ratio(amount: Floats, total: Floats, count: Floats) -> Floats:
    """Return amounts over the mean of the past."""
    return np.where(total > 0, amount * count / np.maximum(total, 0.01), NEVER)


def _novelty(rows: pl.DataFrame, time: Ints) -> dict[str, Floats]:
    """Return how often the customer met each counterparty, place and means before, and how long ago."""
    out = {}
    for name in ("merchant_id", "payee_account_id", "device_id", "ip_id", "country", "mcc", "entry_mode"):
        past, short = past_of(rows, time, "customer_id", name), name.removesuffix("_id")
        seen = past.measures(ALWAYS)[0]
        out[f"seen_{short}"] = np.where(past.absent, NEVER, seen)
        if name in ("merchant_id", "payee_account_id"):
            out[f"days_since_{short}"] = _since(past, time, DAY)
    return out


def _others(data: Dataset, rows: pl.DataFrame, time: Ints, amount: Floats, declined: Floats) -> dict[str, Floats]:
    """Return what goes on at the other side: pace, mean ticket, declines and fraud known there."""
    out = {}
    for name in ("merchant_id", "terminal_id", "payee_account_id", "device_id", "ip_id"):
        past, short = past_of(rows, time, name), name.removesuffix("_id")
        out[f"{short}_count_1h"] = past.measures(HOUR)[0]
        out[f"{short}_count_1d"], refused = past.measures(DAY, declined)
        if name == "merchant_id":
            count, total = past.measures(WINDOWS["30d"], amount)
            out |= {"amount_to_merchant_mean": _ratio(amount, total, count), "merchant_declined_1d": refused}
        if name in ("merchant_id", "terminal_id", "payee_account_id"):
            out[f"{short}_fraud_known_30d"] = _known_fraud(data, rows, name, time)
    return out


def _known_fraud(data: Dataset, rows: pl.DataFrame, name: str, time: Ints) -> Floats:
    """Return how many rows at this merchant, terminal or payee were called fraud in the 30 days before each row."""
    events = (
        data.label_events.filter(pl.col("label").cast(pl.String) == "fraud")
        .select("transaction_id", "event_at")
        .collect()
        .join(rows.select("transaction_id", name), on="transaction_id")
        .drop_nulls(name)
    )
    first = time.min(initial=0) if len(time) else 0
    owners = np.unique(events[name].to_numpy())
    span = int(time.max(initial=0)) - int(first) + 80 * DAY
    at = np.clip(microseconds(events["event_at"]) - first + 35 * DAY, 0, span - 1)
    code = np.sort(np.searchsorted(owners, events[name].to_numpy()) * span + at)
    # Few owners have any known fraud, so only their rows are looked up.
    value = rows[name].fill_null(0).to_numpy()
    there = np.flatnonzero(np.isin(value, owners) & rows[name].is_not_null().to_numpy())
    own = np.searchsorted(owners, value[there]) * span + time[there] - first + 35 * DAY
    out = np.zeros(len(rows))
    out[there] = np.searchsorted(code, own) - np.searchsorted(code, own - WINDOWS["30d"])
    return out


def _distances(data: Dataset, rows: pl.DataFrame, customer: Past, time: Ints) -> dict[str, Floats]:
    """Return kilometres from home and from the customer's row before, and the speed between the two."""
    homes = data.customers.select("customer_id", home_lat="latitude", home_lon="longitude").collect()
    home = rows.select("customer_id").join(homes, on="customer_id", how="left", maintain_order="left")
    lat, lon = (rows[name].cast(pl.Float64).to_numpy() for name in ("latitude", "longitude"))
    from_home = kilometres(lat, lon, *(home[name].cast(pl.Float64).to_numpy() for name in ("home_lat", "home_lon")))
    last = customer.last()
    from_last = np.where(last >= 0, kilometres(lat, lon, lat[last], lon[last]), np.nan)
    hours = np.maximum((time - time[last]) / HOUR, 1 / 60)
    out = {"km_from_home": from_home, "km_from_last": from_last, "km_per_hour": from_last / hours}
    return {name: np.nan_to_num(values, nan=NEVER) for name, values in out.items()}


def kilometres(lat: Floats, lon: Floats, other_lat: Floats, other_lon: Floats) -> Floats:
    """Return great-circle distances, (n,) km, from degrees; NaN where a place is unknown."""
    a, b = np.radians(lat), np.radians(other_lat)
    half = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(np.radians(other_lon - lon) / 2) ** 2
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1))))
