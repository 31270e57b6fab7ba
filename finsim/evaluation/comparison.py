"""Simulated figures beside published ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from finsim.calibration.figures import Figure, load_figures
from finsim.evaluation.quotients import share

FACTOR: Final = 1.5
"""A figure is met if it lies within this factor of the published one."""
USD: Final = {"GBP": 1.25, "EUR": 1.08}
"""assumption: US dollars for a pound and a euro, rounded averages of 2023 and 2024, far inside the factor asked."""


@dataclass
class Comparison:
    """Simulated figures beside published ones.

    Attributes:
        rows: section, measure, simulated, published, ratio, within (of the factor), figure, geography.
        figures: every published figure by id.
        parts: what a mean was divided from, sum and number, by (section, measure): replicates add them up.
        samples: what a median is the median of, likewise: replicates put them together.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    figures: dict[str, Figure] = field(default_factory=load_figures)
    parts: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    samples: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    def mean(
        self, section: str, measure: str, total: Any, number: int, figure: str = "", *, scale: float = 1.0
    ) -> None:
        """Set a mean, a total over a number, beside a published one; for the rest see `add`."""
        self.parts[section, measure] = float(total), float(number)
        self.add(section, measure, share(total, number), figure, scale=scale)

    def median(self, section: str, measure: str, sample: Sequence[float], figure: str = "") -> None:
        """Set the median of a sample beside a published one; for the rest see `add`."""
        self.samples[section, measure] = [float(one) for one in sample]
        self.add(section, measure, float(np.median(sample)) if len(sample) else None, figure)

    def add(self, section: str, measure: str, simulated: float | None, figure: str = "", *, scale: float = 1.0) -> None:
        """Set a figure beside a published one.

        Args:
            section: heading.
            measure: what is measured, with its unit.
            simulated: the figure; None or NaN where nothing happened to measure it by.
            figure: id of the published one, `A / B` for a ratio of two, empty for none.
            scale: brings the published figure to the unit of the measure.
        """
        value = None if simulated is None or np.isnan(simulated) else float(simulated)
        published, place = self.published(figure, scale)
        low, high = published if published is not None else (None, None)
        ratio = within = None
        if value is not None and published is not None:
            near = min(max(value, low if low is not None else value), high if high is not None else value)
            ratio = value / near if near else None
            within = bool(near and 1 / FACTOR <= value / near <= FACTOR)
        self.rows.append(
            {
                "section": section,
                "measure": measure,
                "simulated": value,
                "published": low if low == high else None,
                "low": low,
                "high": high,
                "ratio": ratio,
                "within": within,
                "figure": figure,
                "geography": place,
            }
        )

    def published(self, figure: str, scale: float) -> tuple[tuple[float | None, float | None] | None, str]:
        """Return the bounds of a published figure in the measure's unit, and whose it is."""
        if not figure:
            return None, ""
        known = [self.figures[name.strip()] for name in figure.split("/")]
        if len(known) == 2:
            first, second = (one.value for one in known)
            assert first is not None
            assert second is not None
            return (scale * first / second, scale * first / second), known[0].geography
        for currency, rate in USD.items():
            if known[0].unit.startswith(currency):
                scale *= rate
        bounds = (known[0].low, known[0].high)
        return (
            None if bounds[0] is None else bounds[0] * scale,
            None if bounds[1] is None else bounds[1] * scale,
        ), known[0].geography
