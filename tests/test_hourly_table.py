"""An operator's month by hours: what is refused, what a scenario makes of it, and that a run lives through it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

import finsim
from finsim.calibration.hourly_fit import errors, hourly_table_of, noise, pooled
from finsim.calibration.hourly_plot import month_svg
from finsim.calibration.hourly_table import (
    ACTIONS,
    HOURS,
    TableError,
    check_hourly_table,
    read_hourly_table,
)
from finsim.calibration.month_import import import_month, month_overlay, month_targets, overlay_text
from finsim.calibration.target_problem import problem_of
from finsim.calibration.target_sets import load_targets
from finsim.cli import main
from finsim.errors import OutputError
from finsim.parameters.mobile_money import USES
from finsim.scenario import Scenario

DAYS = 4
MEANS = {"CASH_IN": 160_000.0, "CASH_OUT": 170_000.0, "DEBIT": 5_000.0, "PAYMENT": 13_000.0, "TRANSFER": 850_000.0}
COUNTS = {"CASH_IN": 200, "CASH_OUT": 350, "DEBIT": 60, "PAYMENT": 330, "TRANSFER": 100}


def month() -> pl.DataFrame:
    """Return a made-up table: two busy days, an evening peak, nothing at night, means that move over the day."""
    rows = []
    for action in ACTIONS:
        for day in range(DAYS):
            for hour in range(6, HOURS):
                busy = (3.0 if day in (0, 2) else 0.5) * (2.0 if hour >= 18 else 1.0)
                count = int(COUNTS[action] * busy)
                mean = MEANS[action] * (0.7 + 0.03 * hour)
                rows.append((action, 3, day, hour, count, count * mean, mean, 0.8 * mean, day * HOURS + hour))
    columns = ["action", "month", "day", "hour", "count", "sum", "avg", "std", "step"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def test_a_table_is_read_from_csv_and_parquet(tmp_path: Path) -> None:
    month().write_csv(tmp_path / "month.csv")
    month().write_parquet(tmp_path / "month.parquet")
    first, second = read_hourly_table(tmp_path / "month.csv"), read_hourly_table(tmp_path / "month.parquet")
    assert first.days == DAYS
    for a, b in ((first.count, second.count), (first.mean, second.mean), (first.deviation, second.deviation)):
        np.testing.assert_allclose(a, b)
    total = month().filter(pl.col("action") == "DEBIT").select(pl.col("sum").sum() / pl.col("count").sum()).item()
    assert first.mean_of(USES.index("debit")) == pytest.approx(total)
    assert first.count[:, :6].sum() == 0
    assert first.count.sum() == month()["count"].sum()


def test_what_may_be_left_out() -> None:
    table = check_hourly_table(month().drop("month", "sum", "step").with_columns(std=pl.lit(None, pl.Float64)))
    assert np.isnan(table.deviation[0, 7])
    assert month_overlay(table, 1.0, 10.0)["behaviour"]["mobile_money"]["cash_in"]["sigmas_of_run"] == [0.0] * 96


REFUSED: list[tuple[Callable[[pl.DataFrame], pl.DataFrame], str]] = [
    (lambda t: t.drop("avg"), "column 'avg' is missing"),
    (lambda t: t.clear(), "has no rows"),
    (lambda t: t.with_columns(count=pl.lit("many")), "column 'count' must hold numbers"),
    (lambda t: t.with_columns(action=pl.lit("CASHIN")), "action 'CASHIN' is none of .*did you mean 'CASH_IN'"),
    (lambda t: t.with_columns(avg=pl.lit(float("nan"))), "row 1: avg = nan is no finite number"),
    (lambda t: t.with_columns(hour=pl.lit(24)), "row 1: hour = 24.0 must be a whole number from 0 to 23"),
    (lambda t: t.with_columns(day=pl.lit(0.5)), "row 1: day = 0.5 must be a whole number"),
    (lambda t: t.with_columns(count=pl.lit(0)), "row 1: count = 0.0 must be above 0"),
    (lambda t: t.with_columns(avg=-pl.col("avg")), "row 1: avg = .* must be above 0"),
    (lambda t: t.with_columns(std=-pl.col("std")), "row 1: std = .* must not be below 0"),
    (lambda t: pl.concat([t, t.head(1)]), "row 1: hour = 6.0 comes twice"),
    (lambda t: t.with_columns(sum=pl.col("sum") * 2), "row 1: sum = .* is not count times avg"),
    (lambda t: t.with_columns(step=pl.col("step") + 5), "row 1: step = .* is not the number of its hour"),
    (lambda t: t.with_columns(month=pl.col("day")), "holds 4 months"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_impossible_tables_are_refused(change: Callable[[pl.DataFrame], pl.DataFrame], message: str) -> None:
    with pytest.raises(TableError, match=message):
        check_hourly_table(change(month()))


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no such file"):
        read_hourly_table(tmp_path / "none.csv")
    with pytest.raises(TableError, match=r"must be a \.csv or a \.parquet"):
        read_hourly_table(tmp_path / "month.xlsx")
    (tmp_path / "broken.parquet").write_text("no table")
    with pytest.raises(TableError, match="cannot be read"):
        read_hourly_table(tmp_path / "broken.parquet")


def test_an_overlay_is_a_scenario_with_the_table_in_it(tmp_path: Path) -> None:
    table = check_hourly_table(month())
    (tmp_path / "month.yaml").write_text(overlay_text(month_overlay(table, 2_500.0, 12.0), "mobile_money", "A month"))
    mobile = Scenario.load(tmp_path / "month.yaml").behaviour.mobile_money
    assert sum(getattr(mobile, use).per_month for use in USES) == pytest.approx(12.0 * 30.4375 / DAYS, rel=1e-3)
    assert len(mobile.transfer.hours_of_run) == DAYS * HOURS
    assert mobile.debit.amount_mean == pytest.approx(table.mean_of(2) / 2_500.0, rel=1e-4)
    per_hour = np.array(mobile.cash_in.hours_of_run)
    np.testing.assert_allclose(per_hour / per_hour.sum(), table.count[0] / table.count[0].sum(), rtol=1e-3)


def test_a_separable_overlay_has_one_profile_of_days_and_one_of_hours() -> None:
    use = month_overlay(check_hourly_table(month()), 1.0, 12.0, separable=True)["behaviour"]["mobile_money"]["payment"]
    profile = np.array(use["hours_of_run"]).reshape(DAYS, HOURS)
    assert np.linalg.matrix_rank(profile, tol=1e-3) == 1
    assert use["amounts_of_run"] == []


@pytest.mark.slow
def test_a_run_lives_through_the_month(tmp_path: Path) -> None:
    """Errors of counts and means come down to what sampling leaves, for every type."""
    table = check_hourly_table(month())
    scenario = tmp_path / "month.yaml"
    scenario.write_text(overlay_text(month_overlay(table, 2_500.0, 20.0), "mobile_money", "A month"))
    overrides = {"population.customers": 3_000, "behaviour.mobile_money.active_share": 1.0, "run.warm_up_days": 4}
    # A hundred wallets would make nearly all payments of this type: who is among them would move its count by a third.
    overrides |= {"behaviour.mobile_money.debit.users": 0.5, "behaviour.mobile_money.debit.activity_log_sigma": 1.0}
    data = finsim.run(scenario, out=tmp_path / "run", seed=5, overrides=overrides)
    simulated = hourly_table_of(data, DAYS, 2_500.0)
    floor = noise(table, int(simulated.count.sum()))
    for name, fit in errors(simulated, table).items():
        assert fit.rows > 200, name
        # Twice what a perfect simulator has, and what is not paid for want of money.
        assert fit.count_error < 2.0 * floor[name][0] + 0.03, name
        assert fit.mean_error < 2.0 * floor[name][1] + 0.05, name
    steady = errors(simulated, table)["cash_out"].count_error
    flat = simulated.__class__(np.full_like(simulated.count, 10.0), simulated.mean, simulated.deviation)
    assert steady < 0.3 * errors(flat, table)["cash_out"].count_error
    picture = month_svg(pooled([simulated, simulated]), table)
    assert picture.count("<polyline") == 4 * len(USES)


def test_the_table_itself_has_no_error() -> None:
    table = check_hourly_table(month())
    twice = pooled([table, table])
    assert twice.count.sum() == 2 * table.count.sum()
    for fit in errors(twice, table).values():
        assert (fit.count_error, fit.mean_error, fit.count_wape, fit.mean_wape, fit.unseen) == pytest.approx((0,) * 5)


def test_a_month_is_imported_to_a_file_once(tmp_path: Path) -> None:
    month().write_csv(tmp_path / "month.csv")
    out = tmp_path / "month.yaml"
    import_month(tmp_path / "month.csv", out, unit=2_500.0, per_wallet=10.0)
    assert Scenario.load(out).run.days == DAYS
    with pytest.raises(OutputError, match="is there already"):
        import_month(tmp_path / "month.csv", out, unit=2_500.0, per_wallet=10.0)
    with pytest.raises(TableError, match="unit = 0 must be a number above 0"):
        import_month(tmp_path / "month.csv", tmp_path / "other.yaml", unit=0, per_wallet=10.0)


def test_the_command_leaves_a_scenario_that_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    month().write_csv(tmp_path / "month.csv")
    (tmp_path / "own.yaml").write_text("extends: mobile_money\npopulation: {customers: 400}\n")
    (tmp_path / "months").mkdir()
    out = tmp_path / "months" / "month.yaml"
    words = ["import-month", str(tmp_path / "month.csv"), "--unit", "2500", "--per-wallet", "10", "--out", str(out)]
    assert main([*words, "--scenario", str(tmp_path / "own.yaml"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["days"] == DAYS
    assert {one["type"]: one["count"] for one in told["types"]} == dict(
        month().group_by("action").agg(pl.col("count").sum()).iter_rows()
    )
    # The parent is found from where the month lies, and the month is the table's.
    scenario = Scenario.load(out)
    assert (scenario.extends, scenario.population.customers) == ("../own.yaml", 400)
    rates = {use: getattr(scenario.behaviour.mobile_money, use).per_month for use in USES}
    assert rates["cash_out"] / rates["transfer"] == pytest.approx(COUNTS["CASH_OUT"] / COUNTS["TRANSFER"], rel=0.01)


@pytest.mark.parametrize(
    ("change", "unit", "says"),
    [
        (lambda t: t.with_columns(count=pl.lit(0)), "2500", "row 1: count = 0.0 must be above 0"),
        (lambda t: t.rename({"avg": "average"}), "2500", "column 'avg' is missing"),
        (lambda t: t, "1e-6", "amount_mean"),  # a month of billions: the unit must be wrong
    ],
)
def test_the_command_refuses_what_is_no_month(
    change: Callable[[pl.DataFrame], pl.DataFrame], unit: str, says: str, tmp_path: Path, capsys: Any
) -> None:
    change(month()).write_csv(tmp_path / "month.csv")
    words = ["import-month", str(tmp_path / "month.csv"), "--per-wallet", "10", "--out", str(tmp_path / "m.yaml")]
    assert main([*words, "--unit", unit]) == 2
    assert says in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["month.csv"], "nothing half written"


def test_a_month_is_a_set_of_targets(tmp_path: Path) -> None:
    table = check_hourly_table(month())
    made = month_targets(table, "mobile_money", 2_500.0, citation="An operator's own", year="2026", geography="here")
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(made))
    own = load_targets(tmp_path / "own.yaml")
    by_id = {one.id: one for one in own.targets}
    assert by_id["mean_transfer"].value == pytest.approx(table.mean_of(4), rel=1e-4)
    assert by_id["share_cash_out"].value == pytest.approx(table.count[1].sum() / table.count.sum(), rel=1e-4)
    assert len(own.fitted) == 14
    assert {one.id for one in own.held_out} == {f"hour_{hour:02d}" for hour in range(6, 23)}
    assert "An operator's own (here, 2026)" in by_id["mean_debit"].citation


WORDS = ["--unit", "2500", "--per-wallet", "10"]
SOURCE = ["--citation", "Our own ledger", "--year", "2026", "--geography", "here"]


def test_the_command_writes_targets_that_can_be_fitted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    month().write_csv(tmp_path / "month.csv")
    files = {name: tmp_path / name for name in ("month.csv", "month.yaml", "own.yaml")}
    words = ["import-month", str(files["month.csv"]), *WORDS, "--out", str(files["month.yaml"])]
    assert main([*words, "--targets", str(files["own.yaml"]), *SOURCE]) == 0
    assert str(files["own.yaml"]) in capsys.readouterr().out
    assert Scenario.load(files["month.yaml"]).parameters.run.days == DAYS
    problem = problem_of(load_targets(files["own.yaml"]))
    assert len(problem.parameters) <= len(problem.fitted)
    assert "behaviour.mobile_money.transfer.amount_mean" in problem.keys
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(files), "no draft is left"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--targets", "own.yaml"], "citation"),
        (["--targets", "own.yaml", *SOURCE[:4]], "geography"),
        (["--targets", "own.csv", *SOURCE], "yaml"),
        (["--targets", "month.yaml", *SOURCE], "another name"),
    ],
)
def test_targets_without_an_origin_or_a_place_are_refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    more: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    month().write_csv("month.csv")
    assert main(["import-month", "month.csv", *WORDS, *more]) == 2
    assert says in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["month.csv"], "nothing half written"


def test_deviations_that_are_not_known_are_neither_fitted_nor_free(tmp_path: Path) -> None:
    bare = month().with_columns(
        std=pl.when(pl.col("action") == "DEBIT")
        .then(None)
        .when(pl.col("action") == "PAYMENT")
        .then(0.0)
        .otherwise("std")
    )
    made = month_targets(check_hourly_table(bare), "mobile_money", 2_500.0, citation="c", year="y", geography="g")
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(made))
    problem = problem_of(load_targets(tmp_path / "own.yaml"))
    assert "behaviour.mobile_money.debit.amount_log_sigma" not in problem.keys
    assert len(problem.parameters) <= len(problem.fitted)


def test_an_origin_without_targets_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    month().write_csv(tmp_path / "month.csv")
    words = ["import-month", str(tmp_path / "month.csv"), *WORDS, "--out", str(tmp_path / "m.yaml"), "--year", "2026"]
    assert main(words) == 2
    assert "targets" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["month.csv"]
