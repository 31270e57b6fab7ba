"""Published figures: complete, cited, and what the baseline's tables say about them is true."""

from __future__ import annotations

import math
import subprocess
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from finsim.calibration.figures import FigureError, cited, load_figures, load_sources
from finsim.parameters.behaviour import Category
from finsim.scenario import Scenario

MEANS = ("cash", "debit_card", "credit_card", "check")
BANK = ("bank_account_number", "online_banking_bill")
SOURCES = "sources:\n  - {id: s, title: A title, publisher: A publisher, year: 2024, url: 'https://example.org/'}\n"
FIGURE = "{id: a, metric: m, segment: all, value: 1.5, unit: share, year: 2024, geography: US, source: s}"


def payee_type(category: Category) -> str:
    """Return the diary's payee type that a category cites."""
    return category.sources.partition("us_dcp_*_by_payee_")[2].partition("_2017_2019")[0]


def published(metric: str, payee: str) -> float:
    """Return a figure of the diary by payee type."""
    value = load_figures()[f"us_dcp_{metric}_{payee}_2017_2019"].value
    assert value is not None
    return value


def published_values(payee: str) -> dict[str, float]:
    """Return what the diary says on one payee type, under the names of a category's parameters."""
    values = {
        "share": published("share_of_payments_number_by_payee", payee),
        "log_mean": published("amount_lognormal_mu_by_payee", payee),
        "log_sigma": published("amount_lognormal_sigma_by_payee", payee),
        "in_person": published("in_person_share_by_payee", payee),
        "bank": sum(published("pi_share_given_payee", f"{payee}_{means}") for means in BANK),
    }
    return values | {means: published("pi_share_given_payee", f"{payee}_{means}") for means in MEANS}


def categories_by_payee() -> dict[str, list[Category]]:
    """Return the baseline's categories by the payee type that they cite."""
    groups: dict[str, list[Category]] = defaultdict(list)
    for category in Scenario.load("baseline").behaviour.categories.values():
        groups[payee_type(category)].append(category)
    return groups


def test_figures_are_complete_and_cited() -> None:
    figures = load_figures()
    assert len(figures) > 1500
    for name, figure in figures.items():
        assert figure.id == name
        assert figure.metric
        assert figure.unit
        assert figure.source.title
        assert figure.source.url
        assert figure.value is None or math.isfinite(figure.value)
        assert (figure.low, figure.high) != (None, None)


def test_every_source_is_used_and_leads_somewhere() -> None:
    used = {figure.source.id for figure in load_figures().values()}
    assert used == set(load_sources())
    assert all("://" in source.url for source in load_sources().values())


def test_known_figures() -> None:
    figures = load_figures()
    assert figures["us_pay_diary_payments_per_consumer_month_all_2024"].value == 48.0
    assert figures["US-020"].value == 17.6
    bounds = figures["BEHAVIOUR-001"]
    assert (bounds.value, bounds.low, bounds.high) == (None, 30.0, 90.0)
    assert figures["us_dcp_bill_share_all_2017_2019"].source.id == "dcpc_micro"


def test_shares_of_one_whole_add_up() -> None:
    figures = load_figures()
    payees = [
        f.value for f in figures.values() if f.theme == "us_diary" and f.metric == "share_of_payments_number_by_payee"
    ]
    assert sum(value for value in payees if value) == pytest.approx(1.0, abs=1e-3)


def test_citations_follow_stars_and_refuse_the_unknown() -> None:
    assert [entry.id for entry in cited("US-020, dcpc_micro")] == ["US-020", "dcpc_micro"]
    assert len(cited("us_dcp_pi_share_given_payee_hotel_*")) == 6
    assert cited("design") == cited("assumption: nobody knows") == []
    with pytest.raises(FigureError, match="did you mean 'dcpc_micro'"):
        cited("dcpc_mikro")


def test_categories_equal_the_figures_that_they_name() -> None:
    for name, category in Scenario.load("baseline").behaviour.categories.items():
        if not category.derived:
            for key, value in published_values(payee_type(category)).items():
                assert getattr(category, key) == pytest.approx(value, abs=1e-9), f"{name}.{key}"


def test_parts_make_up_the_payee_type_that_they_split() -> None:
    split = {payee: parts for payee, parts in categories_by_payee().items() if len(parts) > 1}
    assert len(split) >= 3
    for payee, parts in split.items():
        assert all("the parts make up the payee type" in part.derived for part in parts)
        check_parts(parts, published_values(payee), payee)


def check_parts(parts: list[Category], whole: dict[str, float], payee: str) -> None:
    """Compare the mixture of the parts of a payee type with the figures of the whole."""
    share = sum(part.share for part in parts)
    assert share == pytest.approx(whole["share"], abs=2e-5), payee
    weights = [part.share / share for part in parts]

    def mean(values: list[float]) -> float:
        return sum(w * v for w, v in zip(weights, values, strict=True))

    # Weights are rounded shares: the rounding of the smallest part moves a mean by about a thousandth of it.
    for key in ("log_mean", "in_person", "bank", *MEANS):
        assert mean([getattr(part, key) for part in parts]) == pytest.approx(whole[key], abs=5e-3), f"{payee}: {key}"
    second = mean([part.log_sigma**2 + part.log_mean**2 for part in parts])
    assert math.sqrt(second - whole["log_mean"] ** 2) == pytest.approx(whole["log_sigma"], abs=5e-3), payee


def test_telephone_and_media_subscriptions_make_up_their_payee_type() -> None:
    category = Scenario.load("baseline").behaviour.categories["telecom"]
    whole = published_values("telecom_media")
    assert category.share == pytest.approx(0.8 * whole["share"], abs=1e-5)
    assert 0.8 * category.log_mean + 0.2 * 2.6 == pytest.approx(whole["log_mean"], abs=1e-4)
    second = 0.8 * (category.log_sigma**2 + category.log_mean**2) + 0.2 * (0.6**2 + 2.6**2)
    assert math.sqrt(second - whole["log_mean"] ** 2) == pytest.approx(whole["log_sigma"], abs=1e-4)


def test_every_derived_category_says_how() -> None:
    for name, category in Scenario.load("baseline").behaviour.categories.items():
        if category.derived:
            assert "assumption: " in category.derived, name
            assert "of the payee type" in category.derived, name


# -- what is refused --------------------------------------------------------------------------------------------

BAD = {
    "no source": (FIGURE.replace(", source: s", ""), "source is missing"),
    "unknown source": (FIGURE.replace("source: s", "source: t"), "'t' is not in sources.yaml"),
    "twice": (f"{FIGURE}\n  - {FIGURE}", "'a' is given twice"),
    "NaN": (FIGURE.replace("1.5", ".nan"), "no finite number"),
    "text": (FIGURE.replace("1.5", "much"), "no finite number"),
    "truth": (FIGURE.replace("1.5", "true"), "no finite number"),
    "no number": (FIGURE.replace("value: 1.5, ", ""), "either value or range"),
    "range": (FIGURE.replace("value: 1.5", "range: [3]"), "range must be"),
    "reversed range": (FIGURE.replace("value: 1.5", "range: [3, 1]"), "lower bound"),
    "unknown key": (FIGURE.replace("value", "valeu"), "did you mean 'value'"),
    "no unit": (FIGURE.replace("unit: share", "unit: ''"), "unit is missing"),
    "no entry": ("3", "must have keys"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_figure_is_refused(kind: str, tmp_path: Path) -> None:
    text, says = BAD[kind]
    (tmp_path / "sources.yaml").write_text(SOURCES, encoding="utf-8")
    (tmp_path / "theme.yaml").write_text(f"defaults: {{}}\nfigures:\n  - {text}\n", encoding="utf-8")
    with pytest.raises(FigureError) as caught:
        load_figures(tmp_path)
    assert says in str(caught.value)
    assert "theme.yaml" in str(caught.value)


def test_good_figure_is_read(tmp_path: Path) -> None:
    (tmp_path / "sources.yaml").write_text(SOURCES, encoding="utf-8")
    (tmp_path / "theme.yaml").write_text(f"figures:\n  - {FIGURE}\n", encoding="utf-8")
    figure = load_figures(tmp_path)["a"]
    assert (figure.value, figure.year, figure.theme, str(figure.source)) == (
        1.5, "2024", "theme", "A title, A publisher, 2024, https://example.org/",
    )  # fmt: skip


@pytest.mark.parametrize(
    "text", ["", "[]", "figures: 3\n", "figures: []\nmore: 3\n", "figures: [", "defaults: {unit: x}\nfigures: []\n"]
)
def test_bad_file_of_figures_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "sources.yaml").write_text(SOURCES, encoding="utf-8")
    (tmp_path / "theme.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(FigureError, match=r"theme\.yaml"):
        load_figures(tmp_path)


def test_source_without_an_address_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sources.yaml").write_text(
        "sources:\n  - {id: s, title: t, publisher: p, year: 2024}\n", encoding="utf-8"
    )
    with pytest.raises(FigureError, match="url is missing"):
        load_figures(tmp_path)


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FigureError, match=r"sources\.yaml"):
        load_figures(tmp_path / "none")


def test_reading_figures_imports_nothing_heavy(python: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    code = (
        "import sys\n"
        "from finsim.calibration.figures import load_figures\n"
        "load_figures()\n"
        "print({'numpy', 'mesa', 'numba', 'polars', 'pyarrow', 'pandas', 'scipy'} & set(sys.modules))\n"
    )
    result = python("-c", code)
    assert result.stdout.strip() == "set()", result.stderr
