"""A picture of a month by hours beside the run that lived through it, as SVG: nothing has to be installed for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from finsim.calibration.hourly_table import HOURS, HourlyTable
from finsim.parameters.mobile_money import USES

WIDE, NARROW, HIGH, GAP, TOP, LEFT = 620, 230, 110, 50, 60, 90
TABLE, RUN = "#222222", "#d9480f"


def month_svg(simulated: HourlyTable, published: HourlyTable) -> str:
    """Return a picture: for each type counts over the hours of the month and over the hours of the day.

    Args:
        simulated: the run's month; its counts are scaled to the table's total.
        published: the operator's.
    """
    scale = published.count.sum() / max(simulated.count.sum(), 1.0)
    parts = [
        _text(LEFT, 22, "Payments by hour: the table (black) and the run, scaled to the same total (orange)", 15),
        _text(LEFT, TOP - 10, "hours of the month", 12),
        _text(LEFT + WIDE + GAP, TOP - 10, "hours of the day, all days", 12),
    ]
    for k, name in enumerate(USES):
        y = TOP + k * (HIGH + 28)
        parts.append(_text(8, y + HIGH // 2, name.upper(), 12))
        pairs = (published.count[k], simulated.count[k] * scale)
        parts += _panel(LEFT, y, WIDE, pairs)
        by_hour = [values.reshape(-1, HOURS).sum(axis=0) for values in pairs]
        parts += _panel(LEFT + WIDE + GAP, y, NARROW, by_hour)
    height = TOP + len(USES) * (HIGH + 28)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDE + GAP + NARROW + 20}" height="{height}"'
    return (
        f'{head} font-family="sans-serif">\n<rect width="100%" height="100%" fill="white"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _panel(x: int, y: int, width: int, pairs: Sequence[NDArray[np.float64]]) -> list[str]:
    """Return the frame and the two lines of one panel."""
    most = max(float(np.max(values)) for values in pairs) or 1.0
    out = [
        f'<rect x="{x}" y="{y}" width="{width}" height="{HIGH}" fill="none" stroke="#bbbbbb"/>',
        _text(x + 4, y + 12, f"{most:,.0f}", 9),
    ]
    for values, colour, thick in zip(pairs, (TABLE, RUN), (1.6, 0.9), strict=True):
        step = width / max(len(values) - 1, 1)
        points = " ".join(f"{x + i * step:.1f},{y + HIGH * (1 - v / most):.1f}" for i, v in enumerate(values))
        out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{thick}"/>')
    return out


def _text(x: int, y: int, text: str, size: int) -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="#333333">{text}</text>'
