"""Recovery: hidden parameters are drawn, data are made with them under other seeds, and the fit has to find them again.

python benchmarks/calibration_recovery.py                                    # 20,000 customers, 60 days, 10 vectors
python benchmarks/calibration_recovery.py --customers 3000 --vectors 3       # smaller: wider errors, the same test

One design of simulations serves every hidden vector, because targets play no part in it. With --keep FILE simulations
are kept there, and a benchmark that was stopped goes on.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from printing import show
from recovery_moments import RichRun
from scipy.stats import norm

import finsim
from finsim.calibration.estimation import Effort, Estimate, estimate
from finsim.calibration.problem import FreeParameter, Moment, Problem
from finsim.calibration.simulations import SimulationCache, Simulator
from finsim.calibration.target_problem import sources_hash
from finsim.parameters.fields import walk

FREE = {
    "behaviour.payments_per_month": (30, 75),
    "behaviour.cash_share": (0.08, 0.22),
    "behaviour.credit_share": (0.25, 0.45),
    "behaviour.price_level": (0.8, 2.0),
    "behaviour.remote_factor": (1.0, 4.0),
    "behaviour.activity_variance": (0.05, 0.6),
    "behaviour.purchases_per_trip": (1.05, 1.8),
    "behaviour.scale_sigma": (0.15, 0.7),
    "behaviour.exploration": (0.03, 0.25),
    "behaviour.foreign_online_share": (0.05, 0.3),
    "behaviour.transfers_per_month": (0.9, 3.6),
    "behaviour.transfer_mean": (140, 560),
    "fraud.card_not_present.rate": (60, 300),
    "fraud.card_not_present.amount_factor": (0.6, 2.5),
    "fraud.lost_stolen.misuse": (0.08, 0.5),
    "fraud.refund_abuse.rate": (25, 150),
    "fraud.friendly_fraud.rate": (5, 30),
}
"""What is hidden, and between which bounds."""
INSIDE = 0.9
"""Hidden vectors are drawn within this share of the bounds, on the scale of the search."""
WELL = 0.05
"""A parameter is well identified where its standard error is at most this share of its value."""
WANTED = {"within": 0.98, "relative": 0.10, "coverage": (0.80, 0.98)}
"""At least the share `within` of estimates within 3 standard errors, and of the well identified ones within `relative`.

Not all of the latter: an estimate with a right standard error of 5 % lies more than 10 % off once in 22. What chance
alone would give is printed beside it.
"""


def main() -> None:
    """Hide, fit and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--vectors", type=int, default=10)
    parser.add_argument("--design", type=int, default=256, help="simulations that all vectors share")
    parser.add_argument("--seeds", type=int, default=2, help="simulations averaged at each point of the local stage")
    parser.add_argument("--replicates", type=int, default=16, help="simulations that measure noise")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="file in which simulations are kept")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    begun = time.perf_counter()
    problem = hidden_problem(args.customers, args.days)
    generator = np.random.default_rng(args.seed)
    hidden = generator.uniform(-INSIDE, INSIDE, (args.vectors, len(problem.parameters)))
    with Simulator(problem, args.workers, SimulationCache(args.keep)) as simulator:
        data = simulator.many([(z, 500_000_000 + place) for place, z in enumerate(hidden)])
        fits = [
            fit_one(problem, simulator, data[place], args, first=1_000_000 * (place + 1))
            for place in range(len(hidden))
        ]
    rows = [row for place, fit in enumerate(fits) for row in compare(place, hidden[place], fit)]
    seconds = time.perf_counter() - begun
    verdict, notes = judge(rows, fits, simulator.count, simulator.done, seconds, args.workers)
    title = f"Recovery of {len(problem.parameters)} parameters: {args.customers:,} customers, {args.days} days"
    show(title, rows if args.json else by_parameter(rows), notes, as_json=args.json)
    if not verdict:
        raise SystemExit(1)


def hidden_problem(customers: int, days: int) -> Problem:
    """Return the problem without targets: what is free is declared by the schema, the bounds above are narrower."""
    simulate = RichRun(customers, days)
    scenario = finsim.Scenario.load("baseline", simulate.overrides())
    declared = {key: info for key, _, info, _ in walk(scenario.parameters)}
    parameters = []
    for key, (low, high) in FREE.items():
        info = declared[key]
        middle = float(np.sqrt(low * high)) if info.transform == "log" else 0.5 * (low + high)
        half = 0.5 * float(np.log(high / low)) if info.transform == "log" else 0.5 * (high - low)
        parameters.append(FreeParameter(key, middle, low, high, info.transform, info.unit, info.doc, reach=half))
    start = {parameter.key: parameter.start for parameter in parameters}
    names = simulate.measure(start, 1)
    moments = tuple(Moment(name, value, 0.0) for name, value in names.items())
    identity = f"recovery-{simulate}-{scenario.hash}-{sources_hash()}"
    return Problem("recovery", tuple(parameters), moments, simulate, identity, sampled=1.0)


def fit_one(problem: Problem, simulator: Simulator, data: np.ndarray, args: argparse.Namespace, first: int) -> Estimate:
    """Fit one hidden vector with seeds of its own and the shared design."""
    effort = Effort(seeds=args.seeds, replicates=args.replicates, seed=first, design_seed=77, slopes="surrogate")
    effort = Effort(**{**vars(effort), "budget": args.design + effort.beside(len(problem.parameters))})
    targets = dict(zip(problem.ids, map(float, data), strict=True))
    fit = estimate(problem.with_targets(targets), simulator, effort)
    print(f"fitted: objective {fit.objective:.1f}, J test p = {fit.inference.j_p_value:.3f}", flush=True)
    return fit


def compare(place: int, hidden: np.ndarray, fit: Estimate) -> list[dict[str, object]]:
    """Return one row a parameter: what was hidden, what was found, and how far apart they are."""
    truth = fit.problem.values(hidden)
    intervals = fit.inference.intervals(fit.problem, fit.scaled, 0.9)
    rows = []
    for j, key in enumerate(fit.problem.keys):
        estimate_, error = fit.values[key], float(fit.inference.standard_errors[j])
        low, high = intervals[j]
        rows.append(
            {
                "parameter": key,
                "vector": place,
                "hidden": truth[key],
                "estimate": estimate_,
                "standard error": error,
                "errors apart": float((fit.scaled[j] - hidden[j]) / fit.inference.scaled_errors[j]),
                "relative error": abs(estimate_ / truth[key] - 1.0),
                "well identified": error <= WELL * abs(estimate_),
                "covered": low <= truth[key] <= high,
            }
        )
    return rows


def by_parameter(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Return one row a parameter, over all vectors."""
    found = []
    for key in FREE:
        mine = [row for row in rows if row["parameter"] == key]
        found.append(
            {
                "parameter": key,
                "worst, errors apart": max(abs(row["errors apart"]) for row in mine),
                "relative standard error": float(
                    np.median([row["standard error"] / abs(row["estimate"]) for row in mine])
                ),
                "median relative error": float(np.median([row["relative error"] for row in mine])),
                "worst relative error": max(row["relative error"] for row in mine),
                "covered": f"{sum(row['covered'] for row in mine)} of {len(mine)}",
            }
        )
    return found


def judge(
    rows: list[dict[str, object]], fits: list[Estimate], count: int, done: int, seconds: float, workers: int
) -> tuple[bool, list[str]]:
    """Return whether everything wanted was reached, and sentences on it."""
    apart = np.array([abs(row["errors apart"]) for row in rows])
    well = [row["relative error"] for row in rows if row["well identified"]]
    within, covered = float(np.mean(apart <= 3)), float(np.mean([row["covered"] for row in rows]))
    good = float(np.mean(np.array(well) < WANTED["relative"])) if well else float("nan")
    errors = np.array([row["standard error"] / abs(row["estimate"]) for row in rows if row["well identified"]])
    chance = float(np.sum(2 * norm.sf(WANTED["relative"] / errors)))
    low, high = WANTED["coverage"]
    notes = [
        f"within 3 standard errors: {within:.1%} of {len(rows)} estimates (wanted: {WANTED['within']:.0%})",
        f"  errors apart: root mean square {float(np.sqrt(np.mean(apart**2))):.2f}, worst {apart.max():.2f}",
        f"  well identified (standard error at most {WELL:.0%}): {len(well)}; within 10 %: {good:.1%}, worst "
        f"{max(well, default=float('nan')):.1%} (wanted: {WANTED['within']:.0%})",
        f"  further off: {sum(error >= WANTED['relative'] for error in well)}, by chance {chance:.1f} would be",
        f"  90 % intervals cover {covered:.1%} (wanted: {low:.0%} to {high:.0%})",
        f"  J test p-values: {', '.join(f'{fit.inference.j_p_value:.2f}' for fit in fits)}",
        f"  {count:,} simulations, {done:,} of them now, in {seconds:,.0f} s with {workers} workers",
    ]
    reached = within >= WANTED["within"] and low <= covered <= high and (not well or good >= WANTED["within"])
    return reached, notes


if __name__ == "__main__":
    main()
