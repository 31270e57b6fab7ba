"""How near a run comes to a month by hours: errors of counts and mean amounts of each type, as PaySim reports them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finsim.calibration.hourly_table import HOURS, HourlyTable
from finsim.calibration.wallet_views import wallet_uses
from finsim.parameters.mobile_money import USES

if TYPE_CHECKING:
    from finsim.dataset.reader import Dataset

PAYSIM_COUNT = {"cash_in": 0.16, "cash_out": 0.20, "debit": 0.11, "payment": 0.22, "transfer": 0.21}
PAYSIM_MEAN = {"cash_in": 0.07, "cash_out": 7.05, "debit": 0.02, "payment": 0.06, "transfer": 0.61}
"""Normalised root mean square errors of PaySim's own summary against its own table (measured once: its default
properties, seed 1, 720 steps, 3.41 million payments; it prints no weighted absolute percentage error)."""


@dataclass(frozen=True)
class Fit:
    """Errors of one type.

    Attributes:
        count_error: root mean square error of the count of an hour, over the table's range of counts.
        count_wape: sum of absolute errors of the counts over the sum of counts.
        mean_error: root mean square error of the mean amount of an hour, over the table's range of means.
        mean_wape: absolute errors of the means, each weighted with the table's count, over the sum of amounts.
        rows: payments simulated.
        unseen: share of the table's payments in hours for which the run has none, so that no mean can be compared.
    """

    count_error: float
    count_wape: float
    mean_error: float
    mean_wape: float
    rows: int
    unseen: float


def hourly_table_of(data: Dataset, days: int, unit: float = 1.0) -> HourlyTable:
    """Return a run's month by hours, as an operator would export it.

    Args:
        data: the data set.
        days: days from the first exported one.
        unit: units of the table's currency for one of the run's.
    """
    import polars as pl

    start = data.manifest["scenario"]["run"]["start"]
    first = pl.lit(start).str.to_datetime(time_zone="UTC", time_unit="us")
    hour = ((pl.col("timestamp") - first).dt.total_seconds() // 3600).alias("hour")
    groups = wallet_uses(lambda name: getattr(data, name)).with_columns(hour).group_by("use", "hour").agg(
        pl.len().alias("count"), pl.col("amount").mean().alias("mean"), pl.col("amount").std().alias("sd")
    ).filter(pl.col("hour").is_between(0, days * HOURS - 1)).collect()  # fmt: skip
    count, mean, deviation = (np.zeros((len(USES), days * HOURS)) for _ in range(3))
    use, at = np.array([USES.index(name) for name in groups["use"]], dtype=np.int64), groups["hour"].to_numpy()
    count[use, at], mean[use, at] = groups["count"].to_numpy(), unit * groups["mean"].to_numpy()
    deviation[use, at] = unit * groups["sd"].fill_null(np.nan).to_numpy()
    return HourlyTable(count, mean, deviation)


def errors(simulated: HourlyTable, published: HourlyTable) -> dict[str, Fit]:
    """Return the errors of each type, the run's counts scaled to the table's total by one factor for all types.

    Args:
        simulated: the run's month.
        published: the operator's; both of the same number of days.
    """
    scale = published.count.sum() / max(simulated.count.sum(), 1.0)
    return {
        name: _fit(
            simulated.count[k] * scale, published.count[k], simulated.mean[k], published.mean[k],
            int(simulated.count[k].sum()),
        )
        for k, name in enumerate(USES)
        if published.count[k].any()
    }  # fmt: skip


def _fit(
    count: NDArray[np.float64],
    wanted: NDArray[np.float64],
    mean: NDArray[np.float64],
    wanted_mean: NDArray[np.float64],
    rows: int,
) -> Fit:
    both = (count > 0) & (wanted > 0)
    span = np.ptp(wanted_mean[wanted > 0])
    off = mean[both] - wanted_mean[both]
    return Fit(
        count_error=float(np.sqrt(np.mean((count - wanted) ** 2)) / max(np.ptp(wanted[wanted > 0]), 1e-12)),
        count_wape=float(np.abs(count - wanted).sum() / wanted.sum()),
        mean_error=float(np.sqrt(np.mean(off**2)) / max(span, 1e-12)) if both.any() else float("nan"),
        mean_wape=float((np.abs(off) * wanted[both]).sum() / max((wanted_mean * wanted)[both].sum(), 1e-12)),
        rows=rows,
        unseen=float(wanted[~both].sum() / wanted.sum()),
    )


def noise(published: HourlyTable, payments: int) -> dict[str, tuple[float, float]]:
    """Return the errors of count and mean that sampling alone leaves in a run of so many payments, by type.

    A perfect simulator that draws payments one by one from the table's own counts, means and deviations has these:
    nothing below them can be reached at that size.
    """
    share = payments / max(published.count.sum(), 1.0)
    found: dict[str, tuple[float, float]] = {}
    for k, name in enumerate(USES):
        there = published.count[k] > 0
        if not there.any():
            continue
        wanted = published.count[k][there]
        expected = wanted * share
        deviation = np.nan_to_num(published.deviation[k][there], nan=published.variation_of(k) * published.mean_of(k))
        seen = 1.0 - np.exp(-expected)
        count = np.sqrt((wanted / share).sum() / published.count.shape[1]) / max(float(np.ptp(wanted)), 1e-12)
        square = (deviation**2 / np.maximum(expected, 1.0) * seen).sum() / seen.sum()
        found[name] = (float(count), float(np.sqrt(square)) / max(float(np.ptp(published.mean[k][there])), 1e-12))
    return found


def pooled(tables: Sequence[HourlyTable]) -> HourlyTable:
    """Return several runs of the same month as one."""
    count = np.sum([table.count for table in tables], axis=0)
    amount = np.sum([table.count * table.mean for table in tables], axis=0)
    mean = np.divide(amount, count, out=np.zeros_like(amount), where=count > 0)
    square = np.sum([t.count * (np.nan_to_num(t.deviation) ** 2 + t.mean**2) for t in tables], axis=0)
    second = np.divide(square, count, out=np.zeros_like(square), where=count > 0)
    return HourlyTable(count, mean, np.sqrt(np.maximum(second - mean**2, 0.0)))
