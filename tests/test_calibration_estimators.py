"""Estimators on problems whose answers are known: formulas in place of an economy."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from toy_problems import FREE, TRUTH, Sample, line_problem, sample_problem

from finsim.calibration.estimation import Effort, Estimate, estimate
from finsim.calibration.inference import Uncertainty, identify, infer
from finsim.calibration.problem import CalibrationError, FreeParameter, Moment, Problem
from finsim.calibration.search import differences
from finsim.calibration.simulations import SimulationCache, Simulator
from finsim.calibration.surrogate import design, fit_surrogate
from finsim.calibration.weighting import correlations, optimal_weights, shrunk_covariance
from finsim.calibration.what_if import parse_changes, what_if
from finsim.errors import ScenarioError

MATRIX = np.array([[1.0, 0.0, 0.0], [0.5, 1.0, 0.0], [0.0, 0.3, 2.0], [1.0, 1.0, 1.0], [0.2, -1.0, 0.4]])


def fit(problem: Problem, cache: SimulationCache | None = None, **options: object) -> Estimate:
    effort = Effort(**{"replicates": 8, **options})  # type: ignore[arg-type]
    return estimate(problem, Simulator(problem, cache=cache), effort)


# the common scale


@pytest.mark.parametrize("parameter", FREE, ids=lambda p: p.key)
def test_the_common_scale_goes_there_and_back(parameter: FreeParameter) -> None:
    low, high = parameter.bounds
    assert parameter.scaled(parameter.start) == 0.0
    for z in np.linspace(max(low, -2.0), min(high, 2.0), 9):
        assert parameter.scaled(parameter.value(z)) == pytest.approx(z, abs=1e-9)
        slope = (parameter.value(z + 1e-6) - parameter.value(z - 1e-6)) / 2e-6
        if low + 1e-3 < z < high - 1e-3:
            assert parameter.slope(z) == pytest.approx(slope, rel=1e-4)
    assert parameter.low <= parameter.value(-1e9) < parameter.value(1e9) <= parameter.high


def test_bounds_are_kept_whatever_is_asked_for() -> None:
    problem = sample_problem(1)
    for far in (-1e6, 1e6):
        values = problem.values(np.full(4, far))
        assert all(p.low <= values[p.key] <= p.high for p in problem.parameters)


def test_a_problem_with_more_parameters_than_targets_is_refused() -> None:
    moments = (Moment("one", 1.0, 0.1), Moment("two", 1.0, 0.1, role="hold_out"))
    with pytest.raises(CalibrationError, match="4 free parameters need as many fitted targets, but there are 1"):
        Problem("few", FREE, moments, Sample(), "few")


# surrogate


def test_the_design_fills_the_box_and_stays_within_bounds() -> None:
    problem = sample_problem(1)
    points = design(problem, 128, 5)
    assert np.all(points >= np.maximum(problem.lower, -1))
    assert np.all(points <= np.minimum(problem.upper, 1))
    for column in points.T:
        counts, _ = np.histogram(column, 8, (-1, 1))
        assert counts.min() >= 14
        assert counts.max() <= 18
    assert np.array_equal(points[:50], design(problem, 50, 5)[:50])


def test_a_surrogate_is_exact_for_quadratics_and_for_exponentials_of_them() -> None:
    generator = np.random.default_rng(1)
    points = generator.uniform(-1, 1, (60, 3))
    x, y, z = points.T
    quadratic = 1 + 2 * x - y + 0.5 * x * y + 3 * z**2
    surrogate = fit_surrogate(points, np.array([quadratic, np.exp(0.3 * x - y)]).T)
    new = generator.uniform(-1, 1, (5, 3))
    x, y, z = new.T
    wanted = np.array([1 + 2 * x - y + 0.5 * x * y + 3 * z**2, np.exp(0.3 * x - y)]).T
    assert surrogate.moments(new) == pytest.approx(wanted, rel=2e-3)
    assert surrogate.logged.tolist() == [False, True]
    step = 1e-5 * np.eye(3)
    slopes = [(surrogate.moments(new[0] + h) - surrogate.moments(new[0] - h)) / 2e-5 for h in step]
    assert surrogate.jacobian(new[0]) == pytest.approx(np.array(slopes).T, abs=1e-4)


def test_leave_one_out_errors_are_those_of_leaving_one_out() -> None:
    from finsim.calibration.surrogate import _ridge, _terms

    generator = np.random.default_rng(2)
    points = generator.uniform(-1, 1, (30, 3))
    outcomes = points @ [1.0, 2.0, 3.0] + generator.normal(size=30)
    terms = _terms(points)
    ridges = np.array([30.0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("finsim.calibration.surrogate.RIDGES", ridges * 100 / 30)
        _, _, residuals = _ridge(terms, outcomes[:, None], 3)
    penalty = np.diag([0.0] * 4 + [ridges[0]] * 6)
    for left in (0, 7):
        kept = np.arange(30) != left
        solution = np.linalg.solve(terms[kept].T @ terms[kept] + penalty, terms[kept].T @ outcomes[kept])
        assert residuals[left, 0] == pytest.approx(outcomes[left] - terms[left] @ solution, rel=1e-6)


def test_more_terms_than_points_do_not_pass_noise_for_knowledge() -> None:
    """170 points, 171 terms: what interpolates is perfect at its points; leaving one out says how bad it is."""
    generator = np.random.default_rng(8)
    points = generator.uniform(-1, 1, (170, 17))
    surrogate = fit_surrogate(points, np.array([points[:, 0] + generator.normal(size=170)]).T - 10)
    assert surrogate.roughness[0] > 0.8
    assert surrogate.jacobian(np.zeros(17))[0] == pytest.approx(np.eye(17)[0], abs=0.9)


# weights and errors


def test_shrinking_keeps_variances_and_gives_an_inverse() -> None:
    samples = np.random.default_rng(3).normal(size=(6, 20)) * np.arange(1, 21)
    covariance = shrunk_covariance(samples)
    assert np.diag(covariance) == pytest.approx(samples.var(axis=0, ddof=1))
    assert np.linalg.eigvalsh(correlations(covariance)).min() > 0.05
    many = np.random.default_rng(4).multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], 5000)
    assert correlations(shrunk_covariance(many))[0, 1] == pytest.approx(0.8, abs=0.02)


def test_standard_errors_of_a_linear_problem_are_those_of_weighted_least_squares() -> None:
    truth = np.array([1.5, 0.5, 1.2])
    found = fit(line_problem(MATRIX, truth, error=0.2))
    assert list(found.values.values()) == pytest.approx(truth, abs=1e-4)
    covariance = 0.2**2 * np.linalg.inv(MATRIX.T @ MATRIX)
    assert found.inference.standard_errors == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-3)
    assert found.inference.correlations == pytest.approx(correlations(covariance), abs=1e-3)
    assert found.inference.j_degrees == pytest.approx(2.0)
    assert found.inference.j_p_value > 0.99


def test_figures_that_contradict_each_other_fail_the_j_test() -> None:
    assert fit(line_problem(MATRIX, np.ones(3), error=0.2, shift=3.0)).inference.j_p_value < 1e-6


def test_noise_of_simulations_adds_one_plus_one_by_s() -> None:
    matrix = np.vstack([MATRIX] * 2)
    problem = replace(line_problem(matrix, np.ones(3), error=0.0, noise=0.3), sampled=1.0)
    few, many = (fit(problem, seeds=s, replicates=400) for s in (1, 50))
    exact = 0.3 * np.sqrt(np.diag(np.linalg.inv(matrix.T @ matrix)))
    # 400 replicates know each variance to a standard error of 7 %, a standard error to half of that.
    assert few.inference.standard_errors / exact == pytest.approx(np.sqrt(2.0) * np.ones(3), rel=0.15)
    assert many.inference.standard_errors / exact == pytest.approx(np.sqrt(1.02) * np.ones(3), rel=0.15)


def test_the_j_statistic_is_chi_squared_under_the_null_whatever_the_weights() -> None:
    """p-values over draws of the gaps are uniform; Kolmogorov and Smirnov's test at a level of one in a million."""
    generator = np.random.default_rng(6)
    root = np.tril(generator.normal(size=(5, 5))) + 2 * np.eye(5)
    omega = root @ root.T
    problem = line_problem(MATRIX, np.ones(3), error=0.2)
    for weights_covariance in (omega, np.diag(np.diag(omega))):
        weights = optimal_weights(problem, weights_covariance)
        p_values = []
        for _ in range(400):
            gaps = root @ generator.normal(size=5)
            white = weights.residuals(MATRIX)
            solution = np.linalg.lstsq(white, weights.residuals(gaps))[0]
            about = Uncertainty(omega, np.zeros((5, 5)), 15)
            p_values.append(infer(problem, problem.start, MATRIX, weights, about, gaps - MATRIX @ solution).j_p_value)
        assert stats.kstest(p_values, "uniform").pvalue > 1e-6


def test_a_direction_that_the_targets_do_not_see_is_named() -> None:
    blind = MATRIX.copy()
    blind[:, 2] = blind[:, 1]  # only p1 + p2 matters
    problem = line_problem(blind, np.ones(3), error=0.2)
    found = identify(problem, blind, optimal_weights(problem, 0.04 * np.eye(5)))
    assert found.rank == 2
    (missing,) = found.unidentified
    assert set(missing.loadings) == {"p1", "p2"}
    assert missing.loadings["p1"] == pytest.approx(-missing.loadings["p2"])
    assert np.prod(list(missing.loadings.values())) == pytest.approx(-0.5)
    fitted = fit(problem)
    assert [set(one.loadings) for one in fitted.identification.unidentified] == [{"p1", "p2"}]
    assert fitted.inference.standard_errors[1] > 1e3 * fitted.inference.standard_errors[0]


def test_a_target_without_error_or_noise_is_refused_by_name() -> None:
    with pytest.raises(CalibrationError, match="m0 has no standard error and does not vary"):
        fit(line_problem(MATRIX, np.ones(3), error=0.0))


# the whole estimator


@pytest.mark.slow
@pytest.mark.parametrize("slopes", ["surrogate", "once", "differences"])
def test_hidden_parameters_are_recovered_with_honest_errors(slopes: str) -> None:
    cache = SimulationCache()
    distances = []
    for seed in range(12):
        problem = sample_problem(seed)
        found = fit(problem, cache, slopes=slopes, seeds=6, replicates=24, seed=1000 * seed, design_seed=7, budget=None)
        distances.append((found.scaled - problem.scaled(TRUTH)) / found.inference.scaled_errors)
    squares = float(np.sum(np.square(distances)))
    # Errors are estimated with 23 degrees of freedom: allow for them, and for correlations within a fit.
    assert stats.chi2.ppf(1e-5, 48) < squares < 1.6 * stats.chi2.ppf(1 - 1e-5, 48)
    assert np.abs(distances).max() < 4.5


def test_a_bound_stops_the_estimate_and_is_named() -> None:
    near = line_problem(MATRIX, np.array([1.0, 1.0, 4.0]), error=0.2)
    last = replace(near.parameters[2], high=2.5)
    found = fit(replace(near, parameters=(*near.parameters[:2], last)))
    assert found.values["p2"] == pytest.approx(2.5, abs=2e-3)
    assert found.at_bound == ("p2",)


def test_points_that_cannot_be_simulated_are_walked_around() -> None:
    problem = sample_problem(4, refuse_above=4.5)
    found = fit(problem, seeds=4, replicates=16)
    points = design(problem, 64, 17)
    drawn = Simulator(problem).many([(z, 1) for z in points])
    assert np.isnan(drawn).any()
    assert np.isfinite(drawn).any()
    distance = (found.scaled - problem.scaled(TRUTH)) / found.inference.scaled_errors
    assert np.abs(distance).max() < 5


def test_a_start_that_cannot_be_simulated_says_why() -> None:
    with pytest.raises(ScenarioError, match="rate is too large"):
        fit(sample_problem(4, refuse_above=1.0))


def test_differences_are_one_sided_where_a_side_is_missing() -> None:
    problem = line_problem(MATRIX, np.ones(3), error=0.2)
    jacobian = differences(Simulator(problem), problem, (1,))
    for z in (problem.start, problem.upper, problem.lower):
        assert jacobian(z) == pytest.approx(MATRIX, rel=1e-6)


def test_too_small_a_budget_says_how_many_are_needed() -> None:
    with pytest.raises(CalibrationError, match="20 simulations is too small for 4 free parameters: 94 are needed"):
        Effort(budget=20).design(4)
    assert Effort(budget=94).design(4) == 16


def test_a_changed_figure_moves_its_parameter_and_the_moment_follows() -> None:
    problem = line_problem(MATRIX, np.ones(3), error=0.2)
    with Simulator(problem) as simulator:
        base = estimate(problem, simulator, Effort(replicates=8))
        changes = parse_changes(["m2=+20%"], problem)
        found = what_if(base, simulator, "m2", changes["m2"])
    assert changes == {"m2": pytest.approx(1.2 * 2.3)}
    moved = {key: found.fit.values[key] - base.values[key] for key in base.values}
    assert moved == pytest.approx(found.foreseen, abs=1e-3)
    assert max(moved, key=lambda key: abs(moved[key])) == "p2"
    assert 0.5 < found.followed <= 1.0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("m2", "form TARGET"),
        ("m2=much", "form TARGET"),
        ("m9=+20%", "'m9' is no fitted target"),
        ("m2=+0%", "changes nothing"),
    ],
)
def test_a_what_if_that_cannot_be_read_is_refused(text: str, says: str) -> None:
    with pytest.raises(CalibrationError, match=says):
        parse_changes([text], line_problem(MATRIX, np.ones(3), error=0.2))


# simulations: processes, the cache, going on after a kill


def test_processes_do_not_change_the_result() -> None:
    problem = sample_problem(5)
    effort = Effort(replicates=8)
    with Simulator(problem, workers=2) as many:
        assert np.array_equal(estimate(problem, many, effort).scaled, fit(problem).scaled)


class Mortal(Sample):
    """A simulator that dies after some simulations."""

    left = 50

    def __call__(self, values: Mapping[str, float], seed: int) -> NDArray[np.float64]:
        Mortal.left -= 1
        if Mortal.left < 0:
            raise KeyboardInterrupt
        return super().__call__(values, seed)


def test_a_killed_calibration_goes_on_and_comes_to_the_same_result(tmp_path: Path) -> None:
    problem = sample_problem(6)
    whole = fit(problem)
    path = tmp_path / "simulations.jsonl"
    with pytest.raises(KeyboardInterrupt):
        fit(replace(problem, simulate=Mortal()), SimulationCache(path))
    assert len(path.read_text().splitlines()) == 50
    path.write_text(path.read_text()[:-30])  # the last line was being written
    with Simulator(problem, cache=SimulationCache(path)) as simulator:
        again = estimate(problem, simulator, Effort(replicates=8))
    assert simulator.done == whole.simulations - 49
    assert again.simulations == whole.simulations
    assert np.array_equal(again.scaled, whole.scaled)
    assert np.array_equal(again.inference.covariance, whole.inference.covariance)


def test_a_simulation_that_fails_says_where() -> None:
    problem = replace(line_problem(MATRIX, np.ones(3), error=0.2), simulate=_broken)
    with pytest.raises(CalibrationError, match="seed 3 and p0 = 1, p1 = 1, p2 = 1 failed: ZeroDivisionError"):
        Simulator(problem).moments(problem.start, [3])


def _broken(values: Mapping[str, float], seed: int) -> NDArray[np.float64]:
    raise ZeroDivisionError("nothing to divide by")


def test_a_worker_that_is_ended_from_outside_is_one_sentence() -> None:
    problem = replace(line_problem(MATRIX, np.ones(3), error=0.2), simulate=_ended)
    with Simulator(problem, workers=2) as simulator, pytest.raises(CalibrationError, match="ended from outside"):
        simulator.moments(problem.start, [3])


def _ended(values: Mapping[str, float], seed: int) -> NDArray[np.float64]:
    os._exit(9)


# the posterior


def test_the_posterior_of_a_linear_problem_is_the_normal_one() -> None:
    pytest.importorskip("emcee")
    from finsim.calibration.posterior import sample_posterior

    found = fit(line_problem(MATRIX, np.array([1.2, 0.8, 1.1]), error=0.2))
    posterior = sample_posterior(found, seed=3)
    assert posterior.converged
    exact = np.sqrt(np.diag(0.2**2 * np.linalg.inv(MATRIX.T @ MATRIX)))
    assert posterior.scaled.mean(axis=0) == pytest.approx(found.scaled, abs=0.25 * exact.max())
    assert posterior.scaled.std(axis=0) == pytest.approx(exact, rel=0.15)
    frame = posterior.frame()
    assert frame.columns == ["p0", "p1", "p2", "log_density"]
    assert len(frame) == 2000
    assert np.array_equal(sample_posterior(found, seed=3).scaled, posterior.scaled)
