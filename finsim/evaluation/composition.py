"""What fraud costs, whom, and how it comes out, beside what was published.

One run says little about heavy-tailed losses: `benchmarks/replicates.py` takes the mean over seeds, docs/composition.md
holds the result and says which figure is compared with what. Published rates are of fraud that became known, after
controls; so are those that are set beside them. A *case* is one victim in one campaign; it counts if money left.
Figures of other countries stand in where the United States publish none, and say so by their name.
"""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from finsim.dataset.reader import Dataset
from finsim.evaluation.comparison import Comparison
from finsim.evaluation.composition_claims import bearers, reports
from finsim.evaluation.composition_genuine import look_alikes
from finsim.evaluation.composition_rails import controls, rates, scams_on_rails
from finsim.evaluation.money import FIRST_PARTY, NEW_ACCOUNTS, PERSONAL_SCAMS, SCAMS, Money
from finsim.evaluation.quotients import points, share

BANDS: Final = ((0, 30), (30, 40), (40, 50), (50, 60), (60, 200))
BANDS_OF_MEDIANS: Final = ((18, 60, "US-069"), (70, 80, "US-070"), (80, 200, "US-071"))
MEANS: Final = {
    "purchase_scam": "UK-089",
    "investment_scam": "UK-090",
    "romance_scam": "US-romance-losses / US-romance-reports",
    "invoice_redirection": "US-079",
    "sim_swap": "US-sim-swap-mean",
    "synthetic_identity": "BEHAVIOUR-032",
    "application_fraud": "US-120",
    "friendly_fraud": "BEHAVIOUR-042",
}
"""Published mean loss of a case."""
MEDIANS: Final = {
    "investment_scam": "US-057",
    "romance_scam": "US-romance-median",
    "impersonation_scam": "US-056",
}
"""Published median loss of a case; of impersonation: of all scams by telephone."""
LOST_PER_ADULT: Final = {
    "investment_scam": "US-investment-per-adult",
    "romance_scam": "US-romance-per-adult",
    "impersonation_scam": "US-imposter-per-adult",
    "purchase_scam": "US-shopping-per-adult",
    "invoice_redirection": "US-bec-per-adult",
}
"""Published reported losses to scams: of an adult and year."""
COST_PER_ADULT: Final = {
    "card_testing": "US-enumeration-per-adult",
    "synthetic_identity": "US-synthetic-per-adult",
}
"""Published losses of an adult and year, reported or not."""
BILLION: Final = 1e9


def composition(data: Dataset) -> list[dict[str, Any]]:
    """Return what fraud consists of, one row a measure, beside the published figures.

    Args:
        data: the data set.
    """
    return compare(data).rows


def compare(data: Dataset) -> Comparison:
    """Return the rows of `composition`, and what their means and medians are made from.

    Args:
        data: the data set.
    """
    out, money = Comparison(), Money(data)
    rates(out, money)
    scams_on_rails(out, money)
    controls(out, money)
    _typologies(out, money)
    _cases(out, money)
    _victims(out, money)
    bearers(out, money)
    reports(out, money)
    look_alikes(out, data, money)
    return out


def _typologies(out: Comparison, money: Money) -> None:
    """Basis points, cases and losses by typology."""
    total = money.value()
    compared = {*MEANS, *MEDIANS, *LOST_PER_ADULT, *COST_PER_ADULT}
    for name in sorted({*money.tried["typology"], *money.stolen["typology"], *compared}):
        good, cases = money.stolen.filter(pl.col("typology") == name), money.cases.filter(pl.col("typology") == name)
        section = name.replace("_", " ")
        cost = good["amount"].sum()
        out.add(section, "bp of all value", points(cost, total))
        out.add(
            section,
            "cases per 1,000 customers and year",
            1000 * share(len(cases), money.customer_years),
            "US-sim-swap-cases" if name == "sim_swap" else "",
        )
        figure = MEANS.get(name, "")
        scale = BILLION if "/" in figure else 1.0
        out.mean(section, "mean loss of a case, USD", cost, money.begun(name), figure, scale=scale)
        if name in MEDIANS:
            out.median(section, "median loss of a case, USD", money.whole(name)["amount"].to_list(), MEDIANS[name])
        if name in COST_PER_ADULT:
            lost = share(cost, money.person_years)
            out.add(section, "lost per person and year, USD", lost, COST_PER_ADULT[name])
        if name in LOST_PER_ADULT:
            known = cases.filter(pl.col("event_at").is_not_null())["amount"].sum()
            lost = share(known, money.person_years)
            out.add(section, "reported losses per person and year, USD", lost, LOST_PER_ADULT[name])
        attempts = money.tried.filter(pl.col("typology") == name)
        out.add(section, "attempts per approved", share(len(attempts), len(good)))


def _cases(out: Comparison, money: Money) -> None:
    """Holders of cards and accounts that strangers misused, and the deceived: how many, and what a case costs."""
    stranger = ~pl.col("typology").is_in((*SCAMS, *FIRST_PARTY, *NEW_ACCOUNTS)) & pl.col("wronged")
    people = money.persons["customer_id"].implode()
    credit, bank = pl.col("payer_kind") == "credit_card", pl.col("payer_kind").is_in(["checking", "savings"])
    for name, which, prevalence, mean in (
        ("credit cards", credit, "US-115", "US-119"),
        ("bank accounts", bank, "US-116", "US-118"),
    ):
        hit = money.tried.filter(stranger, which, pl.col("victim").is_in(people), pl.col("amount") > 0)
        victims = len(hit.select("campaign_id", "victim").unique())
        measure = f"{name} misused or tried, per 1,000 persons and year"
        out.add("cases", measure, 1000 * share(victims, money.person_years), prevalence, scale=10.0)
        some = money.cases.filter(stranger, which, pl.col("victim").is_in(people))
        out.mean("cases", f"{name} misused, mean loss, USD", some["amount"].sum(), len(some), mean)
    scams = money.cases.filter(pl.col("typology").is_in(PERSONAL_SCAMS))
    out.add("cases", "scams, per 1,000 customers and year", 1000 * share(len(scams), money.customer_years))
    out.mean("cases", "scams, mean loss, USD", scams["amount"].sum(), len(scams), "UK-088")
    out.median("cases", "scams, median loss, USD", scams["amount"].to_list(), "US-063")
    out.mean("cases", "scams, payments of a case", scams["payments"].sum(), len(scams), "UK-087")


def _victims(out: Comparison, money: Money) -> None:
    """Victims by age: how many of a band a year, their share of losses, and what a scam costs them."""
    people = money.persons.filter(pl.col("birth_year").is_not_null()).with_columns(
        age=money.year - pl.col("birth_year")
    )
    cases = money.cases.filter("wronged").join(people.select(victim="customer_id", age="age"), on="victim")
    figures = {60: "US-085 / US-072", 50: "US-086 / US-072", 40: "US-087 / US-072"}
    for low, high in BANDS:
        some, years = (
            cases.filter(pl.col("age").is_between(low, high - 1)),
            people.filter(pl.col("age").is_between(low, high - 1))["years"].sum(),
        )
        label = f"{low} to {high - 1}" if high < 200 else f"{low} and older"
        out.add("victims", f"aged {label}, cases per 1,000 and year", 1000 * share(len(some), years))
        lost = share(some["amount"].sum(), cases["amount"].sum())
        out.add("victims", f"aged {label}, share of losses", lost, figures.get(low, ""))
    scams = cases.filter(pl.col("typology").is_in(SCAMS))
    for low, high, figure in BANDS_OF_MEDIANS:
        label = f"{low} to {high - 1}" if high < 200 else f"{low} and older"
        losses = scams.filter(pl.col("age").is_between(low, high - 1))["amount"].to_list()
        out.median("victims", f"aged {label}, median loss to a scam, USD", losses, figure)
