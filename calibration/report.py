"""What a calibration found, as plain data for JSON and as tables for a terminal and a page."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from finsim.calibration.estimation import Estimate
from finsim.calibration.plots import as_svg
from finsim.calibration.posterior import Posterior
from finsim.calibration.problem import Moment
from finsim.calibration.what_if import WhatIf
from finsim.page import Table, number, page, percent

TOLERANCE: Final = {"fit": 0.10, "hold_out": 0.25}
"""Share of the published figure within which a simulated one counts as in, by role."""


@dataclass(frozen=True)
class Report:
    """A calibration and where it came from.

    Attributes:
        estimate: the fit.
        provenance: scenario, versions, hashes and seeds.
        posterior: draws, if the Bayesian stage was asked for.
        what_ifs: fits to other figures, if they were asked for.
        cost: seconds, workers, simulations.
    """

    estimate: Estimate
    provenance: dict[str, Any]
    posterior: Posterior | None = None
    what_ifs: tuple[WhatIf, ...] = ()
    cost: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain data that JSON can hold: None for numbers that are not finite."""
        fit = self.estimate
        found = fit.inference
        everything = {
            "provenance": self.provenance,
            "cost": self.cost,
            "summary": self.summary(),
            "targets": self.targets(),
            "parameters": self.parameters(),
            "correlations": {"keys": list(fit.problem.keys), "matrix": found.correlations.tolist()},
            "j_test": {"statistic": found.j_statistic, "degrees": found.j_degrees, "p_value": found.j_p_value},
            "identification": {
                "rank": fit.identification.rank,
                "parameters": len(fit.problem.parameters),
                "condition": fit.identification.condition,
                "directions": [
                    {"standard_error": one.standard_error, "verdict": one.verdict, "loadings": one.loadings}
                    for one in fit.identification.directions
                ],
            },
            "trace": [vars(step) for step in fit.trace],
            "posterior": self._posterior(),
            "what_if": [one.to_dict() for one in self.what_ifs],
        }
        return {key: _finite(value) for key, value in everything.items()}

    def summary(self) -> dict[str, Any]:
        """Return the figures that say how good the fit is."""
        rows = self.targets()
        fit = [row for row in rows if row["role"] == "fit"]
        held = [row for row in rows if row["role"] == "hold_out"]
        trace, effort = self.estimate.trace, self.estimate.effort
        unseen = effort.replicates - effort.seeds
        return {
            "objective_before": next(step.objective for step in trace if step.stage == "start"),
            "objective_after": self.estimate.objective,
            "fitted": len(fit),
            "fitted_in": _share(fit),
            "fitted_in_before": statistics.fmean(row["error_before"] <= TOLERANCE["fit"] for row in fit),
            "fitted_median_error": statistics.median(row["error_after"] for row in fit),
            "unseen_seeds": unseen,
            "fitted_in_unseen": statistics.fmean(row["error_unseen"] <= TOLERANCE["fit"] for row in fit)
            if unseen
            else None,
            "fitted_median_error_unseen": statistics.median(row["error_unseen"] for row in fit) if unseen else None,
            "held_out": len(held),
            "held_out_in": _share(held) if held else None,
            "held_out_median_error": statistics.median(row["error_after"] for row in held) if held else None,
        }

    def targets(self) -> list[dict[str, Any]]:
        """Return one row a target: published, before, after, in or out."""
        fit = self.estimate
        columns = zip(fit.problem.moments, fit.before, fit.after, fit.unseen, fit.noise, strict=True)
        return [_target(moment, *map(float, numbers)) for moment, *numbers in columns]

    def parameters(self) -> list[dict[str, Any]]:
        """Return one row a parameter: start, estimate, standard error, interval, and what tells of it."""
        fit = self.estimate
        found = fit.inference
        intervals = found.intervals(fit.problem, fit.scaled)
        rows = []
        for place, parameter in enumerate(fit.problem.parameters):
            rows.append(
                {
                    "key": parameter.key,
                    "unit": parameter.unit,
                    "doc": parameter.doc,
                    "start": parameter.start,
                    "estimate": fit.values[parameter.key],
                    "standard_error": float(found.standard_errors[place]),
                    "interval_90": list(intervals[place]),
                    "bounds": [parameter.low, parameter.high],
                    "at_bound": parameter.key in fit.at_bound,
                    "told_by": fit.identification.told_by[parameter.key],
                }
            )
        return rows

    def _posterior(self) -> dict[str, Any] | None:
        if self.posterior is None:
            return None
        draws = self.posterior.draws()
        intervals = self.posterior.intervals()
        return {
            "draws": len(draws),
            "acceptance": self.posterior.acceptance,
            "autocorrelation": self.posterior.autocorrelation,
            "converged": self.posterior.converged,
            "parameters": {
                key: {
                    "mean": float(draws[:, j].mean()),
                    "sd": float(draws[:, j].std()),
                    "interval_90": list(intervals[j]),
                }
                for j, key in enumerate(self.posterior.problem.keys)
            },
        }

    def lines(self) -> list[str]:
        """Return sentences that say how the fit came out."""
        s, fit = self.summary(), self.estimate
        found = fit.inference
        lines = [
            f"Objective {number(s['objective_before'])} before, {number(s['objective_after'])} after "
            f"{fit.simulations:,} simulations.",
            f"Fitted targets within 10 % or their published range: {percent(s['fitted_in'])} of {s['fitted']} "
            f"({percent(s['fitted_in_before'])} before); median error {percent(s['fitted_median_error'])}.",
        ]
        if s["unseen_seeds"]:
            lines.append(
                f"With {s['unseen_seeds']} seeds that the search did not use: {percent(s['fitted_in_unseen'])}, "
                f"median error {percent(s['fitted_median_error_unseen'])}."
            )
        if s["held_out"]:
            lines.append(
                f"Held-out targets within 25 %: {percent(s['held_out_in'])} of {s['held_out']}; "
                f"median error {percent(s['held_out_median_error'])}."
            )
        if found.j_degrees:
            lines.append(
                f"J test of over-identification: {number(found.j_statistic)} with {number(found.j_degrees)} degrees of "
                f"freedom, p = {number(found.j_p_value)}. A small p says that no values of these parameters give all "
                "figures at once."
            )
        else:
            lines.append("No J test of over-identification: there are as many parameters as figures.")
        missing = fit.identification.unidentified
        names = "; ".join(" and ".join(one.loadings) for one in missing)
        lines.append(f"Not identified by these targets: {names}." if missing else "Every parameter is identified.")
        if fit.at_bound:
            lines.append(f"At a bound, where standard errors mean little: {', '.join(fit.at_bound)}.")
        if self.posterior is not None and not self.posterior.converged:
            lines.append("The chains of the posterior are too short for their autocorrelation: take it as rough.")
        return lines

    def tables(self) -> Iterator[Table]:
        """Yield the tables of the report."""
        yield _targets_table(self.targets())
        yield _parameters_table(self.parameters())
        yield _identification_table(self.estimate)
        if self.posterior is not None:
            yield _posterior_table(self.posterior)
        for one in self.what_ifs:
            yield _what_if_table(one)
        yield Table(
            "Provenance and cost",
            ("", ""),
            [(key.replace("_", " "), str(value)) for key, value in {**self.provenance, **self.cost}.items()],
        )

    def as_html(self) -> str:
        """Return the report as one page that needs nothing else."""
        pictures = as_svg(self.estimate)
        lines = self.lines()
        if not pictures:
            lines.append("Without plots: matplotlib is not installed (pip install 'finsim[calibrate]').")
        return page(f"finsim calibrate: {self.estimate.problem.name}", lines, self.tables(), pictures)


def _target(moment: Moment, before: float, after: float, unseen: float, noise: float) -> dict[str, Any]:
    return {
        "id": moment.id,
        "role": moment.role,
        "unit": moment.unit,
        "published": moment.value,
        "range": None if moment.low is None or moment.high is None else [moment.low, moment.high],
        "standard_error": moment.standard_error,
        "before": before,
        "after": after,
        "unseen": unseen,
        "simulation_noise": noise,
        "error_before": moment.error(before),
        "error_after": moment.error(after),
        "error_unseen": moment.error(unseen),
        "in": moment.error(after) <= TOLERANCE[moment.role],
        "citation": moment.citation,
    }


def _finite(value: Any) -> Any:
    """Return plain data with None in place of numbers that are not finite, which JSON does not have."""
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _share(rows: Sequence[dict[str, Any]]) -> float:
    return statistics.fmean(row["in"] for row in rows)


def _targets_table(rows: Sequence[dict[str, Any]]) -> Table:
    return Table(
        "Targets",
        ("target", "role", "unit", "published", "standard error", "before", "after", "error", "", "source"),
        [
            (
                row["id"],
                row["role"].replace("_", " "),
                row["unit"],
                number(row["published"])
                + (f" ({number(row['range'][0])} to {number(row['range'][1])})" if row["range"] else ""),
                number(row["standard_error"]),
                number(row["before"]),
                number(row["after"]),
                percent(row["error_after"]),
                "in" if row["in"] else "OUT",
                row["citation"],
            )
            for row in rows
        ],
        (3, 4, 5, 6, 7),
        "In: within 10 % of the figure or in its published range; 25 % where it is held out.",
    )


def _parameters_table(rows: Sequence[dict[str, Any]]) -> Table:
    return Table(
        "Parameters",
        ("parameter", "unit", "before", "estimate", "standard error", "90 % interval", "bounds", "told by"),
        [
            (
                row["key"],
                row["unit"],
                number(row["start"]),
                number(row["estimate"]) + (" (at a bound)" if row["at_bound"] else ""),
                number(row["standard_error"]),
                " to ".join(map(number, row["interval_90"])),
                " to ".join(map(number, row["bounds"])),
                ", ".join(f"{name} {share:.0%}" for name, share in row["told_by"].items()),
            )
            for row in rows
        ],
        (2, 3, 4),
    )


def _identification_table(fit: Estimate) -> Table:
    found = fit.identification
    return Table(
        f"Identification: rank {found.rank} of {len(fit.problem.parameters)}",
        ("standard error", "", "combination of parameters"),
        [
            (
                number(one.standard_error),
                one.verdict,
                ", ".join(f"{share:+.2f} {key}" for key, share in one.loadings.items()),
            )
            for one in found.directions
        ],
        (0,),
        "Directions of the scaled Jacobian, the least known first; standard errors in half widths of the search.",
    )


def _posterior_table(posterior: Posterior) -> Table:
    draws, intervals = posterior.draws(), posterior.intervals()
    return Table(
        "Posterior",
        ("parameter", "mean", "sd", "90 % credible interval"),
        [
            (
                key,
                number(float(draws[:, j].mean())),
                number(float(draws[:, j].std())),
                " to ".join(map(number, intervals[j])),
            )
            for j, key in enumerate(posterior.problem.keys)
        ],
        (1, 2),
        f"{len(draws):,} draws in posterior.parquet; acceptance {posterior.acceptance:.2f}, autocorrelation time "
        f"{posterior.autocorrelation:.0f} steps.",
    )


def _what_if_table(one: WhatIf) -> Table:
    found = one.to_dict()
    return Table(
        f"What if {one.target} were {number(one.changed)}, not {number(one.published)}",
        ("parameter", "estimate", "foreseen", "fitted again", "moved, in standard errors"),
        [
            (
                row["key"],
                number(row["estimate"]),
                number(row["foreseen"]),
                number(row["refitted"]),
                f"{row['standard_errors']:+.2f}",
            )
            for row in found["parameters"]
        ],
        (1, 2, 3, 4),
        f"The simulated moment went from {number(found['simulated_before'])} to {number(found['simulated_after'])}: "
        f"{percent(one.followed)} of the figure's change. Foreseen: by the influence matrix, before fitting again.",
    )
