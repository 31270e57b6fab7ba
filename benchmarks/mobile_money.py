"""How near does a run come to a mobile-money operator's own month by hours, and how near does PaySim come to it?

    python benchmarks/mobile_money.py TABLE [--seeds 6] [--customers 200000] [--separable] [--plot month.svg]

TABLE has the columns action, month, day, hour, count, sum, avg, std, step: PaySim's aggregatedTransactions.csv, or your
own. The importer turns it into a scenario that extends mobile_money; the month is lived through once for each seed and
the runs are pooled. A run is a sample of the operator's clients, so its counts are scaled to the table's total by one
factor for all types: what is compared is how payments spread over types and hours, and the mean amount in each.

Errors are those that PaySim reports. NRMSE: root mean square error over all hours of the month (of means: the hours
with payments), over the largest less the smallest value of the table. WAPE: sum of absolute errors over the sum of what
is wanted, for means weighted by the table's counts. PaySim's NRMSE was measured once on the same table (its own
summary, default properties, 3.41 million payments); it prints no WAPE, so only ours is shown. `noise` is the NRMSE that
sampling alone leaves at this number of payments: nothing below it can be reached, and four times PaySim's number is
needed before half of its error of the mean of CASH_IN can be seen at all. Fraud is left out unless asked for: it does
not know the month's profile, and a few of its rows in hours with a handful of payments weigh as much as a busy hour.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from printing import show

import finsim
from finsim.calibration.hourly_fit import PAYSIM_COUNT, PAYSIM_MEAN, errors, hourly_table_of, noise, pooled
from finsim.calibration.hourly_plot import month_svg
from finsim.calibration.hourly_table import HourlyTable, read_hourly_table
from finsim.calibration.month_import import month_overlay, overlay_text

UNIT = 2500.0
PER_WALLET = 17.5
WANTED = 0.5


def live(scenario: Path, seed: int, customers: int, fraud: float, folder: Path) -> HourlyTable:
    """Return one run of the month by hours."""
    # Every wallet is in use: only their number matters here, and who does not use one costs time.
    overrides = {
        "population.customers": customers,
        "behaviour.mobile_money.active_share": 1.0,
        "fraud.intensity": fraud,
    }
    data = finsim.run(scenario, out=folder / f"seed{seed}", seed=seed, overrides=overrides, overwrite=True)
    return hourly_table_of(data, data.manifest["scenario"]["run"]["days"], UNIT)


def main() -> None:
    """Import the table, live through it and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--customers", type=int, default=200_000)
    parser.add_argument(
        "--separable", action="store_true", help="a factor for each day and one for each hour of the day"
    )
    parser.add_argument("--fraud", type=float, default=0.0, help="intensity; fraud keeps hours of its own")
    parser.add_argument("--plot", type=Path, help="file for a picture of the hours, SVG")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    table = read_hourly_table(args.table)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        scenario = Path(folder) / "month.yaml"
        overlay = month_overlay(table, UNIT, PER_WALLET, separable=args.separable)
        scenario.write_text(overlay_text(overlay, "mobile_money", f"The month of {args.table.name}"))
        seeds = range(1, args.seeds + 1)
        runs = [live(scenario, seed, args.customers, args.fraud, Path(folder)) for seed in seeds]
        simulated = pooled(runs)
    payments = int(simulated.count.sum())
    floor = noise(table, payments)
    rows, missed = [], []
    for name, fit in errors(simulated, table).items():
        rows.append(
            {
                "type": name.upper(), "payments": fit.rows,
                "count NRMSE": f"{fit.count_error:.4f}", "PaySim": PAYSIM_COUNT[name], "noise": f"{floor[name][0]:.4f}",
                "count WAPE": f"{fit.count_wape:.4f}",
                "mean NRMSE": f"{fit.mean_error:.4f}", "PaySim ": PAYSIM_MEAN[name], "noise ": f"{floor[name][1]:.4f}",
                "mean WAPE": f"{fit.mean_wape:.4f}", "unseen": f"{fit.unseen:.6f}",
            }
        )  # fmt: skip
        if fit.count_error > WANTED * PAYSIM_COUNT[name]:
            missed.append(f"{name}: count")
        if fit.mean_error > WANTED * PAYSIM_MEAN[name]:
            missed.append(f"{name}: mean")
    notes = [
        f"{payments:,} payments in {args.seeds} runs, {time.perf_counter() - began:.0f} s",
        f"more than half of PaySim's error: {', '.join(missed) or 'none'} (wanted: none)",
    ]
    if args.plot:
        args.plot.write_text(month_svg(simulated, table))
        notes.append(f"picture: {args.plot}")
    show(f"The month of {args.table.name}, {args.customers:,} customers", rows, notes, as_json=args.json)
    if missed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
