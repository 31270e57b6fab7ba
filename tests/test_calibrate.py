"""`finsim calibrate` on a small economy: it finds what was hidden, goes on after a kill, and leaves a scenario."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

import finsim
from finsim.calibration.calibrate import Calibration
from finsim.calibration.problem import CalibrationError
from finsim.calibration.scenario_file import write_estimates
from finsim.calibration.simulation import simulated_moments
from finsim.calibration.target_problem import problem_of
from finsim.calibration.target_sets import load_targets
from finsim.cli import main
from finsim.errors import OutputError

HIDDEN = {"behaviour.payments_per_month": 40.0, "behaviour.price_level": 1.6}
RUN = {"population.customers": 200, "run.days": 9, "run.warm_up_days": 2, "run.tick_minutes": 240}
ERRORS = (0.7, 3.0, 0.02)  # about the noise of a run of this size


def written(folder: Path, values: list[float]) -> Path:
    """Write a set of targets whose figures are given, and return its file."""
    moments = [
        ("number", "payments_per_month", {}, "count/month"),
        ("ticket", "ticket_median", {}, "USD"),
        ("cash", "share_of_payments", {"means": "cash"}, "share"),
    ]
    about = {
        "year": 2024,
        "geography": "US",
        "citation": "made by a simulation with hidden parameters, this test, 2024",
    }
    rows = [
        {
            "id": name,
            "moment": moment,
            "arguments": arguments,
            "unit": unit,
            "value": value,
            "standard_error": error,
            **about,
        }
        for (name, moment, arguments, unit), value, error in zip(moments, values, ERRORS, strict=True)
    ]
    rows[2]["role"] = "hold_out"
    free = {"behaviour.payments_per_month": [20, 100], "behaviour.price_level": [0.5, 4]}
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump({"scenario": "baseline", "run": RUN, "seed": 5, "free": free, "targets": rows}))
    return path


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a set of targets that a simulation with hidden parameters and another seed has made."""
    folder = tmp_path_factory.mktemp("targets")
    first = load_targets(written(folder, [1.0, 1.0, 0.5]))
    return written(folder, [round(float(value), 6) for value in simulated_moments(first, HIDDEN, seed=999)])


@pytest.fixture(scope="module")
def fitted(targets: Path, tmp_path_factory: pytest.TempPathFactory) -> Calibration:
    """Return a calibration of the small economy."""
    pytest.importorskip("emcee")
    out = tmp_path_factory.mktemp("result") / "fit"
    return finsim.calibrate(targets, out=out, workers=1, budget=90, bayes=True, what_if=["number=+20%"])


@pytest.mark.slow
def test_hidden_parameters_are_found(fitted: Calibration) -> None:
    errors = fitted.standard_errors
    for key, value in HIDDEN.items():
        assert abs(fitted.values[key] - value) < 4 * errors[key]
        assert errors[key] < 0.15 * value
    assert fitted.report.estimate.identification.unidentified == ()


@pytest.mark.slow
def test_the_overlay_is_a_scenario_with_the_estimates(fitted: Calibration) -> None:
    scenario = finsim.Scenario.load(fitted.scenario)
    for key, value in fitted.values.items():
        section, name = key.split(".")
        assert getattr(getattr(scenario.parameters, section), name) == value
    assert scenario.extends == "baseline"
    assert [key for key, _, _ in scenario.differences()] == list(HIDDEN)
    # How it came about decides nothing.
    assert scenario.hash == finsim.Scenario.load("baseline", fitted.values).hash
    about = scenario.calibration
    assert about is not None
    assert set(about["parameters"]) == set(HIDDEN)
    assert about["correlations"]["behaviour.price_level"][1] == 1.0
    assert scenario.replace({"run.days": 3}).calibration == about


@pytest.mark.slow
def test_a_run_takes_the_overlay_and_a_draw_of_the_posterior(fitted: Calibration, tmp_path: Path) -> None:
    draws = pl.read_parquet(fitted.path / "posterior.parquet")
    assert draws.columns == [*HIDDEN, "log_density"]
    assert fitted.posterior.equals(draws)
    draw = draws.row(7, named=True)
    overrides = {**RUN, "run.days": 1, **{key: draw[key] for key in HIDDEN}}
    data = finsim.run(fitted.scenario, out=tmp_path / "run", overrides=overrides)
    assert data.manifest["scenario"]["behaviour"]["price_level"] == draw["behaviour.price_level"]


@pytest.mark.slow
def test_the_report_says_what_was_found(fitted: Calibration) -> None:
    report = json.loads((fitted.path / "report.json").read_text())
    assert report == json.loads(json.dumps(fitted.report.to_dict()))
    rows = {row["id"]: row for row in report["targets"]}
    assert rows["cash"]["role"] == "hold_out"
    assert rows["number"]["in"]
    assert abs(rows["number"]["after"] / rows["number"]["published"] - 1) == pytest.approx(
        rows["number"]["error_after"]
    )
    assert report["summary"]["objective_after"] < 0.5 * report["summary"]["objective_before"]
    fit = fitted.report.estimate
    assert report["summary"]["unseen_seeds"] == fit.effort.replicates - fit.effort.seeds > 0
    spread = fit.noise * (1 / fit.effort.seeds + 1 / report["summary"]["unseen_seeds"]) ** 0.5
    assert (abs(fit.unseen - fit.after) <= 6 * spread + 1e-12).all(), "other seeds, the same place"
    assert (fit.unseen != fit.after).any()
    median = report["summary"]["fitted_median_error_unseen"]
    assert median == pytest.approx(np.median([r["error_unseen"] for r in rows.values() if r["role"] == "fit"]))
    (what_if,) = report["what_if"]
    assert what_if["parameters"][0]["key"] == "behaviour.payments_per_month"
    assert what_if["simulated_after"] > 1.1 * what_if["simulated_before"]
    assert report["cost"]["simulations"] == report["cost"]["simulations_with_what_if"] - _further(fitted)
    page = (fitted.path / "report.html").read_text()
    assert page.count("<svg") == 4
    for text in (*HIDDEN, "number", "J test", "What if number were"):
        assert text in page


def _further(fitted: Calibration) -> int:
    return len((fitted.path / "simulations.jsonl").read_text().splitlines()) - fitted.report.estimate.simulations


@pytest.mark.slow
def test_a_killed_calibration_goes_on_where_it_was(fitted: Calibration, targets: Path, tmp_path: Path) -> None:
    out = tmp_path / "fit"
    partial = tmp_path / "fit.partial"
    partial.mkdir()
    lines = (fitted.path / "simulations.jsonl").read_text().splitlines(keepends=True)
    (partial / "simulations.jsonl").write_text("".join(lines[:-2]) + lines[-2][:40])
    (partial / "lock").write_text(json.dumps({"host": "elsewhere", "pid": 1, "started": "x"}))
    with pytest.raises(OutputError, match="is being written by process 1 on 'elsewhere'"):
        finsim.calibrate(targets, out=out, workers=1, budget=90)
    (partial / "lock").unlink()
    again = finsim.calibrate(targets, out=out, workers=1, budget=90, bayes=True, what_if=["number=+20%"])
    assert again.report.cost["simulated_now"] == 2
    assert again.scenario.read_text() == fitted.scenario.read_text()
    assert not partial.exists()
    assert np.array_equal(again.posterior, fitted.posterior)


@pytest.mark.slow
def test_what_lies_there_is_kept_unless_it_is_a_calibration(fitted: Calibration, targets: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="exists already; give another --out, or --overwrite"):
        finsim.calibrate(targets, out=fitted.path)
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(OutputError, match="is no calibration: it is not overwritten"):
        finsim.calibrate(targets, out=other, overwrite=True)
    shutil.copytree(fitted.path, tmp_path / "old")
    with pytest.raises(CalibrationError, match="a budget of 5 simulations is too small"):
        finsim.calibrate(targets, out=tmp_path / "old", overwrite=True, budget=5)
    assert (tmp_path / "old" / "report.html").is_file()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--budget", "5"), "a budget of 5 simulations is too small for 2 free parameters: "),
        (("--what-if", "numbr=+20%"), "'numbr' is no fitted target; did you mean 'number'?"),
        (("--what-if", "cash=+20%"), "'cash' is no fitted target"),
        (("--what-if", "number=1e400"), "inf is no figure"),
        (("--what-if", "number=-200%"), "cannot become"),
        (("--free", "behaviour.price_levle"), "did you mean 'behaviour.price_level'?"),
        (("--scenario", "nowhere.yaml"), "nowhere.yaml"),
    ],
)
def test_what_is_refused_leaves_nothing(
    words: tuple[str, ...], says: str, targets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", str(targets), "--out", str(tmp_path / "out"), *words]) == 2
    message = capsys.readouterr().err
    assert says in message
    assert message.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_estimates_go_into_the_lines_of_the_scenario(fitted: Calibration, tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    lines = (
        "# Ours.\nextends: baseline\n{}behaviour:\n  payments_per_month: {}  # guessed\n"
        "  price_level: {}\n  payees: {{insurance: {{ticket: 1}}}}\n"
    )
    path.write_text(lines.format("calibration: {targets: before}\n", 47, 0.9))
    write_estimates(path, fitted.report)
    text = path.read_text()
    assert text.startswith(lines.format("", *(f"{fitted.values[key]:.4g}" for key in HIDDEN)))
    about = finsim.Scenario.load(path).calibration
    assert about is not None
    assert about["targets"] == "small"
    for one, error in about["standard_errors"].items():
        assert error == pytest.approx(fitted.standard_errors[one], rel=0.05)
    write_estimates(path, fitted.report)
    assert path.read_text() == text
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("payments_per_month: 1.0", "payments_per_month is 1.0 there and "),
        ("price_level: {price}", "has no line for behaviour.payments_per_month, which is fitted"),
        ("price: 1", "unknown"),
    ],
)
def test_a_file_that_is_another_scenario_takes_no_estimates(
    lines: str, says: str, targets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.yaml"
    price = finsim.Scenario.load("baseline").behaviour.price_level
    path.write_text(f"extends: baseline\nbehaviour:\n  {lines.format(price=price)}\n")
    before = path.read_text()
    assert main(["calibrate", str(targets), "--out", str(tmp_path / "out"), "--into", str(path)]) == 2
    message = capsys.readouterr().err
    assert says in message
    assert message.count("\n") == 1
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == before


def test_kept_simulations_are_of_this_scenario_and_these_moments_only(targets: Path, tmp_path: Path) -> None:
    problem = problem_of(load_targets(targets))
    text = targets.read_text()
    for old, new, same in (
        ("value: ", "value:  ", True),
        ("citation: made", "citation: and made", True),
        ("run.days: 9", "run.days: 10", False),
        ("ticket_median", "ticket_mean", False),
    ):
        assert old in text
        (tmp_path / "small.yaml").write_text(text.replace(old, new))
        changed = problem_of(load_targets(tmp_path / "small.yaml"))
        assert (changed.simulation_id == problem.simulation_id) is same
