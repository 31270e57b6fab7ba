"""Sets of targets: the shipped ones are whole, and each mistake gets one clear message."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from finsim.calibration.calibrate import calibrate
from finsim.calibration.figures import load_figures
from finsim.calibration.problem import CalibrationError
from finsim.calibration.registry import MomentError, moments
from finsim.calibration.target_checks import TargetError
from finsim.calibration.target_sets import TargetSet, library, load_targets
from finsim.errors import FinsimError
from finsim.scenario import Scenario

ONE = (
    "id: a, moment: ticket_mean, arguments: {means: card}, value: 60, unit: USD, year: 2024, geography: US, "
    "citation: 'A report, 2024', standard_error: 1"
)
TWO = (
    "figure: us_pay_diary_share_number_cash_2024, moment: share_of_payments, arguments: {means: cash}, tolerance: 0.02"
)


def write(tmp_path: Path, *rows: str, free: str = "{behaviour.price_level: [0.8, 2]}", more: str = "") -> Path:
    """Write a set of targets."""
    path = tmp_path / "own.yaml"
    text = "".join(f"  - {{{row}}}\n" for row in rows)
    path.write_text(f"scenario: baseline\nfree: {free}\n{more}targets:\n{text}", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def us() -> TargetSet:
    return load_targets("us")


def test_the_us_set_has_what_the_fit_needs(us: TargetSet) -> None:
    assert len(us.fitted) >= 40
    assert len(us.held_out) >= 15
    assert len(us.free) >= 12
    assert len(us.fitted) > len(us.free), "more figures than parameters, or nothing tests the fit"


@pytest.mark.parametrize("name", library())
def test_shipped_sets_are_cited_and_agree_with_the_figures(name: str) -> None:
    figures = load_figures()
    for target in load_targets(name).targets:
        assert "://" in target.citation or "Vintage" in target.citation, target.id
        assert target.standard_error > 0
        assert math.isfinite(target.value)
        if target.figure and not target.derived and " / " not in target.figure:
            assert target.value == figures[target.figure].value


@pytest.mark.parametrize("name", library())
def test_free_parameters_say_what_they_are_and_lie_within_their_bounds(name: str) -> None:
    chosen = load_targets(name)
    for key in chosen.free:
        low, high = chosen.bounds[key]
        assert low <= chosen.start[key] <= high, key
        assert chosen.parameters[key].calibratable
        assert chosen.parameters[key].doc


def test_amounts_of_other_years_are_re_based_and_say_how(us: TargetSet) -> None:
    target = next(one for one in us.targets if one.id == "us_dcp_amount_mean_check_2017_2019")
    published = load_figures()[target.id].value
    assert published is not None
    assert target.value == pytest.approx(1.25 * published)
    assert "1.25" in target.derived


def test_the_error_is_the_larger_of_sampling_and_half_the_tolerance(tmp_path: Path) -> None:
    row = ONE.replace("standard_error: 1", "standard_error: 1, tolerance: 10 %")
    assert load_targets(write(tmp_path, row)).targets[0].standard_error == pytest.approx(3.0)
    row = ONE.replace("standard_error: 1", "standard_error: 5, tolerance: 4")
    assert load_targets(write(tmp_path, row)).targets[0].standard_error == pytest.approx(5.0)


def test_a_range_holds_what_lies_in_it(tmp_path: Path) -> None:
    target = load_targets(write(tmp_path, ONE.replace("value: 60", "range: [50, 70]"))).targets[0]
    assert (target.value, target.low, target.high) == (60.0, 50.0, 70.0)
    assert target.holds(50.5)
    assert not target.holds(40.0)


def test_a_quotient_of_figures_has_both_citations(us: TargetSet) -> None:
    target = next(one for one in us.targets if one.id == "season_october_against_september")
    assert target.unit == "ratio"
    assert target.citation.count("://") == 2


SHARE = (
    "id: {0}, moment: share_of_payments, arguments: {{means: {0}}}, value: {1}, unit: share, "
    "year: 2024, geography: US, citation: c, standard_error: 0.01"
)

BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "unknown moment": ((ONE.replace("ticket_mean", "ticket_men"),), "did you mean 'ticket_mean'"),
    "unknown argument": ((ONE.replace("means:", "mean:"),), "has no argument 'mean'; did you mean 'means'"),
    "wrong value": ((ONE.replace("means: card", "means: carrd"),), "did you mean 'card'"),
    "missing argument": (
        (ONE.replace("ticket_mean", "month_ratio").replace("means: card", "month: 1"),),
        "needs the arg",
    ),
    "text for a number": ((ONE.replace("means: card", "hour: noon"),), "must be a number"),
    "no error": ((ONE.replace(", standard_error: 1", ""),), "standard_error is missing"),
    "no citation": ((ONE.replace("citation: 'A report, 2024', ", ""),), "a citation is missing"),
    "no year": ((ONE.replace("year: 2024, ", ""),), "year is missing"),
    "NaN": ((ONE.replace("60", ".nan"),), "no finite number"),
    "infinite": ((ONE.replace("60", ".inf"),), "no finite number"),
    "NaN error": ((ONE.replace("error: 1", "error: .nan"),), "no finite number"),
    "zero error": ((ONE.replace("error: 1", "error: 0"),), "must be above 0"),
    "wrong unit": ((ONE.replace("unit: USD", "unit: share"),), "wrong unit 'share'; moment ticket_mean is in 'USD'"),
    "millions": ((ONE.replace("unit: USD", "unit: USD m"),), "wrong unit 'USD m'; moment ticket_mean is in 'USD'"),
    "per cent": ((SHARE.format("cash", 14),), "14 share, given in 'share', cannot be: allowed is 0 to 1; wrong unit?"),
    "negative": ((ONE.replace("60", "-60"),), "allowed is 0 or more"),
    "no hour": ((ONE.replace("means: card", "hour: 25"),), "must be a whole number from 0 to 23, not 25"),
    "no given hour": (
        (SHARE.format("cash", 0.2).replace("{means: cash}", "{means: cash, given_hour: 25}"),),
        "must be a whole number from 0 to 23, not 25",
    ),
    "a part of nothing": ((ONE.replace("60", "0").replace("standard_error: 1", "tolerance: 10 %"),), "a part of 0"),
    "a list of rebases": ((f"{ONE}, rebase: [prices]",), "unknown rebase ['prices']"),
    "more than all": (
        (SHARE.format("cash", 0.6), SHARE.format("credit_card", 0.7)),
        "cash, credit_card are shares of one whole",
    ),
    "unknown key": ((ONE.replace("year", "yaer"),), "did you mean 'year'"),
    "unknown role": ((f"{ONE}, role: holdout",), "did you mean 'hold_out'"),
    "unknown figure": ((TWO.replace("cash_2024", "cahs_2024"),), "did you mean 'us_pay_diary_share_number_cash_2024'"),
    "figure and value": ((f"{TWO}, value: 0.1",), "gives value beside a figure"),
    "unknown rebase": ((f"{ONE}, rebase: prices",), "unknown rebase 'prices'"),
    "twice": ((ONE, ONE.replace("arguments: {means: card}", "arguments: {means: cash}")), "given twice"),
    "contradiction": ((ONE, ONE.replace("id: a", "id: b").replace("60", "70")), "contradictory figures: a says 60"),
    "same moment": ((ONE, ONE.replace("id: a", "id: b").replace("60", "61")), "the same moment twice"),
    "complement": (
        tuple(
            f"id: {place}, moment: share_of_payments, arguments: {{place: {place}, given_means: card}}, value: 0.5, "
            "unit: share, year: 2024, geography: US, citation: c, standard_error: 0.01"
            for place in ("in_person", "remote")
        ),
        "in_person, remote add up to the whole",
    ),
    "no whole": (
        tuple(
            f"id: {place}, moment: share_of_payments, arguments: {{place: {place}, given_means: card}}, value: 0.4, "
            "unit: share, year: 2024, geography: US, citation: c, standard_error: 0.01"
            for place in ("in_person", "remote")
        ),
        "contradictory figures: in_person, remote are shares of one whole and add up to 0.8",
    ),
    "bands": (
        tuple(
            f"id: b{k}, moment: share_of_payments, arguments: {{{ends}}}, value: 0.33, "
            "unit: share, year: 2024, geography: US, citation: c, standard_error: 0.01"
            for k, ends in enumerate(("high: 10", "low: 10, high: 50", "low: 50"))
        ),
        "b0, b1, b2 add up to the whole",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_target_is_refused(kind: str, tmp_path: Path) -> None:
    rows, says = BAD[kind]
    with pytest.raises((TargetError, MomentError)) as caught:
        load_targets(write(tmp_path, *rows))
    assert says in str(caught.value)
    assert str(caught.value).startswith("own.yaml: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("free", "says"),
    [
        ("{behaviour.price_levle: null}", "did you mean 'behaviour.price_level'"),
        ("{run.days: null}", "run.days may not be freed"),
        ("{behaviour.payees: null}", "behaviour.payees'"),
        ("{behaviour.price_level: [2, 1]}", "bounds must be [low, high]"),
        ("{behaviour.price_level: [0.01, 2]}", "leave those of the schema"),
        ("{behaviour.price_level: [9, 10]}", "outside its bounds"),
        ("3", "free must be a list"),
    ],
)
def test_bad_free_parameter_is_refused(free: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(TargetError) as caught:
        load_targets(write(tmp_path, ONE, free=free))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "[]", "targets: 3\n", "scenario: baseline\n", "scenario: baseline\ntargets: []\n"]
)
def test_bad_file_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TargetError, match=r"own\.yaml"):
        load_targets(path)


def test_unknown_set_and_scenario_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="did you mean 'us'"):
        load_targets("uss")
    path = write(tmp_path, ONE)
    path.write_text(path.read_text().replace("baseline", "baselin"), encoding="utf-8")
    with pytest.raises(TargetError, match="did you mean 'baseline'"):
        load_targets(path)


def test_whole_shares_may_stand_without_one_of_them(tmp_path: Path) -> None:
    rows = BAD["bands"][0][:2]
    assert len(load_targets(write(tmp_path, *rows)).targets) == 2


# -- a user's own aggregates ------------------------------------------------------------------------------------

TABLE = "metric,segment,period,value,standard error\n"


def test_own_aggregates_become_targets(tmp_path: Path, us: TargetSet) -> None:
    path = tmp_path / "own.csv"
    path.write_text(
        f"{TABLE}ticket_mean,means=card; place=remote,2024,70.5,1.5\nshare_of_payments,hour=12,2024,0.1,0.01\n"
    )
    own = load_targets(path)
    assert [(one.moment, dict(one.arguments), one.value, one.standard_error) for one in own.targets] == [
        ("ticket_mean", {"means": "card", "place": "remote"}, 70.5, 1.5),
        ("share_of_payments", {"hour": 12.0}, 0.1, 0.01),
    ]
    assert (own.scenario, own.free) == (us.scenario, us.free)


def test_own_aggregates_may_be_parquet(tmp_path: Path) -> None:
    import polars as pl

    path = tmp_path / "own.parquet"
    pl.DataFrame(
        {"metric": ["ticket_mean"], "segment": [None], "period": [2024], "value": [70.5], "standard_error": [1.5]}
    ).write_parquet(path)
    assert load_targets(path).targets[0].value == 70.5


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has no rows"),
        ("metric,segment,period,value\nticket_mean,,2024,3\n", "column 'standard_error' is missing"),
        (f"{TABLE}ticket_men,,2024,3,1\n", "did you mean 'ticket_mean'"),
        (f"{TABLE}ticket_mean,card,2024,3,1\n", "must be as 'means=card; place=remote'"),
        (f"{TABLE}ticket_mean,means=crad,2024,3,1\n", "did you mean 'card'"),
        (f"{TABLE}ticket_mean,,2024,much,1\n", "'much' is no number"),
        (f"{TABLE}ticket_mean,,2024,nan,1\n", "no finite number"),
        (f"{TABLE}ticket_mean,,2024,3,\n", "standard_error is missing"),
        (f"{TABLE}ticket_mean,,2023,3,1\nticket_mean,,2024,4,1\n", "name the period to take"),
        (f"{TABLE}ticket_mean,,2024,3,0.1\nticket_mean,,2024,9,0.1\n", "contradictory figures"),
        (f"{TABLE[:-1]},value\nticket_mean,,2024,3,1,4\n", "has column 'value' twice"),
        (f"{TABLE}ticket_mean,,2024,3\n", "more or fewer cells"),
        (f"{TABLE[:-1]},colour\nticket_mean,,2024,3,1,red\n", "unknown column 'colour'"),
        # An operator's month by hours is a table of another kind, which has a command of its own.
        ("action,month,day,hour,count,sum,avg,std,step\nCASH_IN,10,0,1,9,90,10,2,1\n", "`finsim import-month`"),
    ],
)
def test_bad_aggregates_are_refused(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FinsimError) as caught:
        load_targets(path)
    assert says in str(caught.value)
    assert "own.csv" in str(caught.value)


def test_a_table_takes_the_settings_of_its_scenario(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text(f"{TABLE}wallet_share_of_number,use=cash_in,2024,0.2,0.01\n")
    own, known = load_targets(path, scenario="mobile_money"), load_targets("mobile_money")
    assert (own.scenario, own.free, own.overrides) == ("mobile_money", known.free, known.overrides)
    # The command takes them from there too: it comes as far as counting the figures.
    with pytest.raises(CalibrationError, match=f"{len(known.free)} free parameters need as many fitted targets"):
        calibrate(path, "mobile_money", tmp_path / "out")
    assert [one.name for one in tmp_path.iterdir()] == ["own.csv"]


def test_a_table_of_few_figures_frees_few_parameters(tmp_path: Path, us: TargetSet) -> None:
    path = tmp_path / "own.CSV"
    path.write_text(f"{TABLE}share_of_payments,means=cash,2024,0.2,0.01\n", encoding="utf-8")
    own = load_targets(path, free=["behaviour.debit_share"])
    assert own.free == ("behaviour.debit_share",)
    assert own.bounds == {"behaviour.debit_share": us.bounds["behaviour.debit_share"]}
    with pytest.raises(TargetError, match=r"did you mean 'behaviour\.debit_share'"):
        load_targets(path, free=["behaviour.debit_shares"])
    with pytest.raises(TargetError, match="names its parameters itself"):
        calibrate(own, out=tmp_path / "out", free=["behaviour.cash_share"])


def test_one_period_of_several_may_be_taken(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text(f"{TABLE}ticket_mean,,2023,3,1\nticket_mean,,2024,4,1\n", encoding="utf-8")
    assert load_targets(path, period="2024").targets[0].value == 4.0
    with pytest.raises(TargetError, match="has no period '2022'"):
        load_targets(path, period="2022")
    with pytest.raises(TargetError, match="has no periods to choose from"):
        load_targets("us", period="2024")


# -- the schema -------------------------------------------------------------------------------------------------


def test_every_moment_says_what_it_is() -> None:
    for name, one in moments().items():
        assert one.doc.startswith("Return "), name
        assert one.unit, name


def test_factors_of_payees_scale_shares_and_amounts() -> None:
    key = "behaviour.payees.gas_station"
    plain = Scenario.load("baseline", {f"{key}.share": 1, f"{key}.ticket": 1}).behaviour
    scaled = Scenario.load("baseline", {f"{key}.share": 2, f"{key}.ticket": math.e}).behaviour
    before, after = plain.fitted_categories()["fuel"], scaled.fitted_categories()["fuel"]
    assert before == plain.categories["fuel"]
    assert after.share == pytest.approx(2 * before.share)
    assert after.log_mean == pytest.approx(before.log_mean + 1)
    assert scaled.categories == plain.categories, "what was published stays"


def test_an_unknown_payee_of_a_category_is_refused() -> None:
    with pytest.raises(FinsimError, match=r"no entry of behaviour\.payees"):
        Scenario.load("baseline", {"behaviour.categories.fuel.payee": "gas"})


def test_bands_of_income_are_those_of_the_data() -> None:
    from finsim.agents.customer import INCOME_BANDS
    from finsim.calibration.words import INCOMES

    assert INCOMES == INCOME_BANDS


def test_reading_targets_imports_nothing_heavy(python: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    code = (
        "import sys\n"
        "from finsim.calibration.target_sets import load_targets\n"
        "load_targets('us')\n"
        "print({'numpy', 'mesa', 'numba', 'polars', 'pyarrow', 'pandas', 'scipy'} & set(sys.modules))\n"
    )
    result = python("-c", code)
    assert result.stdout.strip() == "set()", result.stderr
