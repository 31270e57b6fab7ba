"""An operator's own month, as a table of counts and amounts by hour, and what follows from it for a scenario.

The table is the one that PaySim (E. A. Lopez-Rojas, A. Elmir, S. Axelsson, "PaySim: a financial mobile money simulator
for fraud detection", EMSS 2016) calls aggregatedTransactions: one row for each hour and type with the columns
action, month, day, hour, count, sum, avg, std, step. `day` counts from 0; `month`, `sum` and `step` may be left out and
are checked where they are given. Hours without payments have no row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finsim.errors import FinsimError, did_you_mean
from finsim.parameters.mobile_money import USES

if TYPE_CHECKING:
    import polars as pl

NEEDED = ("action", "day", "hour", "count", "avg", "std")
OPTIONAL = ("month", "sum", "step")
ACTIONS = tuple(use.upper() for use in USES)
HOURS = 24
LONGEST = 366


class TableError(FinsimError):
    """A table of a month by hours is wrong."""


@dataclass(frozen=True)
class HourlyTable:
    """Counts and amounts of each type in each hour; hours count from the month's first.

    Attributes:
        count: (5, hours) float64 payments.
        mean: (5, hours) float64 mean amount, units of the table's currency; 0 where there is none.
        deviation: (5, hours) float64 standard deviation of the amounts; NaN where it is not known.
    """

    count: NDArray[np.float64]
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @property
    def days(self) -> int:
        """Number of days from the first to the last with a row."""
        return int(self.count.shape[1]) // HOURS

    def mean_of(self, use: int) -> float:
        """Return the mean amount of one type over all hours."""
        return float((self.count[use] * self.mean[use]).sum() / max(self.count[use].sum(), 1.0))

    def variation_of(self, use: int) -> float:
        """Return the coefficient of variation of one type's amounts, within and between hours."""
        count, mean = self.count[use], self.mean_of(use)
        known = np.isfinite(self.deviation[use])
        weight = count * known
        second = (weight * (np.where(known, self.deviation[use], 0.0) ** 2 + self.mean[use] ** 2)).sum()
        return math.sqrt(max(float(second) / max(weight.sum(), 1.0) - mean**2, 0.0)) / mean if mean > 0 else 0.0


def read_hourly_table(path: str | Path) -> HourlyTable:
    """Read and check a table.

    Args:
        path: CSV or Parquet file.

    Raises:
        TableError: it cannot be read, lacks a column or says something impossible; the message names row and value.
    """
    return check_hourly_table(_read(Path(path)), Path(path).name)


def _read(path: Path) -> pl.DataFrame:
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise TableError(f"{path}: must be a .csv or a .parquet file")
    if not path.is_file():
        raise TableError(f"{path}: there is no such file")
    import polars as pl

    try:
        if path.suffix.lower() == ".parquet":
            return pl.read_parquet(path)
        return pl.read_csv(path, infer_schema_length=None)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).partition("\n")[0]
        raise TableError(f"{path}: cannot be read: {reason}") from None


def check_hourly_table(frame: pl.DataFrame, name: str = "table") -> HourlyTable:
    """Return a frame with the columns of the table as arrays.

    Args:
        frame: the rows.
        name: how messages call it.

    Raises:
        TableError: as `read_hourly_table`.
    """
    import polars as pl

    for column in NEEDED:
        if column not in frame.columns:
            raise TableError(f"{name}: column {column!r} is missing{did_you_mean(column, frame.columns)}")
    if not len(frame):
        raise TableError(f"{name}: has no rows")
    numbers = [column for column in (*NEEDED[1:], *OPTIONAL) if column in frame.columns]
    for column in numbers:
        if not frame[column].dtype.is_numeric():
            raise TableError(f"{name}: column {column!r} must hold numbers, not {frame[column].dtype}")
    frame = frame.with_columns(pl.col(numbers).cast(pl.Float64), pl.col("action").cast(pl.String)).with_row_index("row")
    _refuse(frame, name, numbers)
    days = int(frame["day"].max()) + 1  # type: ignore[arg-type]
    count, mean, deviation = (np.zeros((len(USES), days * HOURS)) for _ in range(3))
    use = np.array([ACTIONS.index(action) for action in frame["action"]])
    hour = (frame["day"] * HOURS + frame["hour"]).to_numpy().astype(np.int64)
    count[use, hour], mean[use, hour] = frame["count"].to_numpy(), frame["avg"].to_numpy()
    deviation[use, hour] = frame["std"].fill_null(math.nan).to_numpy()
    return HourlyTable(count, mean, deviation)


def _refuse(frame: pl.DataFrame, name: str, numbers: list[str]) -> None:
    """Refuse rows that cannot be."""
    import polars as pl

    def first(wrong: pl.Expr, column: str, what: str) -> None:
        rows = frame.filter(wrong.fill_null(True))
        if len(rows):
            raise TableError(f"{name}: row {rows['row'][0] + 1}: {column} = {rows[column][0]!r} {what}")

    for action in frame["action"].unique(maintain_order=True):
        if action not in ACTIONS:
            hint = did_you_mean(str(action), ACTIONS)
            raise TableError(f"{name}: action {action!r} is none of {', '.join(ACTIONS)}{hint}")
    for column in numbers:
        if column != "std":
            first(~pl.col(column).is_finite(), column, "is no finite number")
    for column, low, high in (("day", 0, LONGEST), ("hour", 0, HOURS - 1)):
        whole = pl.col(column) == pl.col(column).round()
        first(~(whole & pl.col(column).is_between(low, high)), column, f"must be a whole number from {low} to {high}")
    first(pl.col("count") <= 0, "count", "must be above 0; an hour without payments has no row")
    first(pl.col("avg") <= 0, "avg", "must be above 0")
    first((pl.col("std") < 0).fill_null(False), "std", "must not be below 0")
    twice = pl.struct("action", "day", "hour").is_duplicated()
    first(twice, "hour", "comes twice for the same action and day")
    if "sum" in frame.columns:
        off = (pl.col("sum") - pl.col("count") * pl.col("avg")).abs() > 1e-3 * pl.col("sum").abs() + 1.0
        first(off, "sum", "is not count times avg")
    if "step" in frame.columns:
        off = pl.col("step") != pl.col("day") * HOURS + pl.col("hour")
        first(off, "step", "is not the number of its hour (day * 24 + hour)")
    if "month" in frame.columns and frame["month"].n_unique() > 1:
        raise TableError(f"{name}: holds {frame['month'].n_unique()} months; give one a table")
