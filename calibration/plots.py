"""Plots of a calibration report, each a small function from an estimate to Axes, and their SVG for a page."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from finsim.calibration.estimation import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Plot = Callable[[Estimate, "Axes"], None]
BEFORE, AFTER, HELD = "#b9b9b9", "#1b6e9c", "#c2570c"


def draw_trace(estimate: Estimate, axes: Axes) -> None:
    """Draw how the objective fell with the number of simulations."""
    steps = [step for step in estimate.trace if step.stage != "start"]
    count = np.array([step.simulations for step in steps])
    axes.step(count, np.minimum.accumulate([step.objective for step in steps]), where="post", color=AFTER)
    axes.plot(count, [step.objective for step in steps], ".", color=AFTER)
    for step in estimate.trace:
        if step.stage == "start":
            axes.axhline(step.objective, color=BEFORE, linestyle="--", label="before")
    axes.set(xlabel="simulations", ylabel="objective", yscale="log", title="How the objective fell")
    axes.legend()


def draw_targets(estimate: Estimate, axes: Axes) -> None:
    """Draw the distance from each published figure, in its standard errors, before and after."""
    moments = estimate.problem.moments
    error = np.sqrt(np.diag(estimate.covariance))
    rows = np.arange(len(moments))[::-1]
    for row, moment in zip(rows, moments, strict=True):
        if moment.role != "fit":
            axes.axhspan(row - 0.5, row + 0.5, color=HELD, alpha=0.08, linewidth=0)
    for values, colour, label in ((estimate.before, BEFORE, "before"), (estimate.after, AFTER, "after")):
        distance = (values - estimate.problem.targets) / error
        axes.plot(np.clip(distance, -20, 20), rows, "o", markersize=4, color=colour, label=label)
    axes.axvspan(-2, 2, color=AFTER, alpha=0.1, linewidth=0)
    axes.set_yticks(rows, [moment.id for moment in moments], fontsize=6)
    axes.set(xlabel="simulated less published, in standard errors (held-out targets shaded)", title="Targets")
    axes.set_xlim(-21, 21)
    axes.legend()


def draw_parameters(estimate: Estimate, axes: Axes) -> None:
    """Draw estimates with intervals of 90 % on the scale of the search."""
    problem = estimate.problem
    rows = np.arange(len(problem.parameters))[::-1]
    wide = 1.645 * estimate.inference.scaled_errors
    axes.axvspan(-1, 1, color=BEFORE, alpha=0.2, linewidth=0, label="searched")
    axes.errorbar(estimate.scaled, rows, xerr=np.minimum(wide, 5.0), fmt="o", color=AFTER, capsize=2, label="estimate")
    axes.axvline(0.0, color="#666666", linestyle=":", label="start")
    axes.set_yticks(rows, problem.keys, fontsize=6)
    reach = max(1.2, float(np.abs(estimate.scaled).max()) + 0.2)
    axes.set_xlim(-reach, reach)
    axes.set(xlabel="half widths of the search", title="Parameters")
    axes.legend()


def draw_correlations(estimate: Estimate, axes: Axes) -> None:
    """Draw the correlations of the estimates."""
    keys = estimate.problem.keys
    image = axes.imshow(estimate.inference.correlations, vmin=-1, vmax=1, cmap="RdBu_r")
    axes.set_xticks(range(len(keys)), keys, rotation=90, fontsize=6)
    axes.set_yticks(range(len(keys)), keys, fontsize=6)
    axes.set_title("Correlations of the estimates")
    figure = axes.figure
    figure.colorbar(image, ax=axes, shrink=0.7)


PLOTS: Final[tuple[Plot, ...]] = (draw_targets, draw_parameters, draw_trace, draw_correlations)
ROW: Final = 0.16
"""Height of a target or parameter, in inches."""


def as_svg(estimate: Estimate) -> list[str]:
    """Return every plot as SVG text; an empty list where matplotlib is not installed."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        return []
    drawn = []
    # Ids in the SVG hang on the salt and there is no date, so that the same fit gives the same page.
    with matplotlib.rc_context({"svg.hashsalt": "finsim", "svg.fonttype": "none"}):
        for plot in PLOTS:
            rows = len(estimate.problem.moments) if plot is draw_targets else len(estimate.problem.parameters)
            figure: Any = Figure(figsize=(9, max(4.5, 1.5 + ROW * rows)), layout="constrained")
            plot(estimate, figure.subplots())
            text = io.StringIO()
            figure.savefig(text, format="svg", metadata={"Date": None})
            drawn.append(text.getvalue()[text.getvalue().index("<svg") :])
    return drawn
