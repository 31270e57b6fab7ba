"""What fraud costs, whom, and how it comes out, beside what was published.

One run says little about heavy-tailed losses: `benchmarks/replicates.py` takes the mean over seeds. Published rates are
of reported fraud after controls; approved value is set beside them. A *case* is one victim in one campaign; it counts
if money left. Figures of the United Kingdom and the European Economic Area stand in where the United States publish
none, and say so by their name.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl

from finsim.dataset.reader import Dataset
from finsim.evaluation.comparison import Comparison
from finsim.evaluation.money import Money

REMOTE: Final = ("online", "app", "phone")
PUSH_SCAMS: Final = (
    "purchase_scam",
    "investment_scam",
    "romance_scam",
    "advance_fee_scam",
    "invoice_redirection",
    "impersonation_scam",
)
"""Typologies in which the victim makes the payment."""
BANDS: Final = ((0, 30), (30, 40), (40, 50), (50, 60), (60, 200))


def composition(data: Dataset) -> list[dict[str, Any]]:
    """Return what fraud consists of, one row a measure, beside the published figures.

    Args:
        data: the data set.
    """
    out, money = Comparison(), Money(data)
    _rates(out, money)
    _typologies(out, money)
    _cases_and_amounts(out, money)
    _victims(out, money)
    _bearers(out, data, money)
    _reports(out, money)
    return out.rows


def _points(part: Any, whole: Any) -> float:
    return float(1e4 * part / whole) if whole else np.nan


def _share(part: Any, whole: Any) -> float:
    return float(part / whole) if whole else np.nan


def _rates(out: Comparison, money: Money) -> None:
    """Fraud in basis points of value and share of number, by rail."""
    card, credit, debit = (
        pl.col("rail") == "card",
        pl.col("payer_kind") == "credit_card",
        pl.col("payer_kind") == "checking",
    )
    remote, stolen = pl.col("channel").is_in(REMOTE), money.stolen
    push = pl.col("rail").is_in(["instant", "ach", "wire"]) & (pl.col("kind") == "transfer")
    for name, which, figure, scale in (
        ("cards", card, "US-009", 1.0),
        ("debit cards", card & debit, "US-020", 1.0),
        ("credit cards", card & credit, "", 1.0),
        ("ACH", pl.col("rail") == "ach", "US-008", 1.0),
        ("credit transfers", push, "EU-003", 100.0),
        ("checks", pl.col("rail") == "check", "EU-052", 100.0),
        ("wallets", pl.col("rail") == "wallet", "EU-005", 100.0),
        ("instant", pl.col("rail") == "instant", "", 1.0),
        ("wires", pl.col("rail") == "wire", "", 1.0),
    ):
        if money.count(which):
            out.add(
                "rate by rail",
                f"{name}, bp of value",
                _points(stolen.filter(which)["amount"].sum(), money.value(which)),
                figure,
                scale=scale,
            )
    out.add("rate by rail", "all rails, bp of value", _points(stolen["amount"].sum(), money.value()))
    taken = stolen.filter(card)
    out.add(
        "rate by rail",
        "debit cards, share of number",
        _share(len(stolen.filter(card & debit)), money.count(card & debit)),
        "US-024",
        scale=0.01,
    )
    value = float(taken["amount"].sum())
    out.add(
        "card fraud", "remote share of value", _share(taken.filter(remote)["amount"].sum(), value), "EU-043", scale=0.01
    )
    out.add(
        "card fraud",
        "cross-border share of value",
        _share(taken.filter(pl.col("country") != "US")["amount"].sum(), value),
        "EU-044",
        scale=0.01,
    )
    out.add("card fraud", "mean payment, USD", taken["amount"].mean(), "US-019")  # type: ignore[arg-type]
    days = taken.group_by("card_id", pl.col("timestamp").dt.date()).len()
    out.add("card fraud", "payments of a compromised card a day", days["len"].mean(), "BEHAVIOUR-010")  # type: ignore[arg-type]
    lost = taken.filter(pl.col("typology") == "lost_stolen")["amount"].sum()
    out.add(
        "card fraud",
        "lost and stolen per remote purchase value",
        _share(lost, taken.filter(remote)["amount"].sum()),
        "UK-049 / UK-048",
    )
    scams = stolen.filter(pl.col("typology").is_in(PUSH_SCAMS))
    out.add("scams", "payments per million transfers", 1e6 * _share(len(scams), money.count(push)), "UK-097")
    out.add("scams", "bp of transfers' value", _points(scams["amount"].sum(), money.value(push)), "UK-095", scale=0.01)
    tried, won = float(money.tried["amount"].sum()), float(money.stolen["amount"].sum())
    out.add(
        "controls", "prevented share of attempted value", 1 - won / tried if tried else np.nan, "UK-030", scale=0.01
    )


PER_TYPOLOGY: Final = {
    "purchase_scam": ("UK-019", "UK-016 / UK-012", "UK-089", ""),
    "investment_scam": ("UK-018 / UK-013", "UK-017 / UK-012", "UK-090", ""),
    "romance_scam": ("UK-039 / UK-032", "UK-038 / UK-031", "UK-040", ""),
    "impersonation_scam": ("", "UK-059 / UK-051", "UK-080", ""),
    "invoice_redirection": ("", "UK-072 / UK-065", "US-079", ""),
    "synthetic_identity": ("", "", "BEHAVIOUR-032", ""),
    "application_fraud": ("", "", "US-120", ""),
    "account_takeover": ("", "", "US-118", ""),
    "card_not_present": ("", "", "UK-007", ""),
    "friendly_fraud": ("", "", "BEHAVIOUR-042", ""),
}
"""Of scams: share of their cases and of their value; of all: mean loss of a case."""


def _typologies(out: Comparison, money: Money) -> None:
    """Basis points, cases and losses by typology."""
    total, scams = money.value(), money.cases.filter(pl.col("typology").is_in(PUSH_SCAMS))
    names = sorted({*money.tried["typology"], *money.stolen["typology"]})
    thousand = len(money.customers) / 1000 * money.years
    for name in names:
        good, cases = money.stolen.filter(pl.col("typology") == name), money.cases.filter(pl.col("typology") == name)
        share, value, mean, _ = PER_TYPOLOGY.get(name, ("", "", "", ""))
        section = name.replace("_", " ")
        out.add(section, "bp of all value", _points(good["amount"].sum(), total))
        out.add(section, "cases per 1,000 customers and year", len(cases) / thousand)
        out.add(section, "mean loss of a case, USD", cases["amount"].mean(), mean)  # type: ignore[arg-type]
        out.add(
            section, "attempts per approved", _share(len(money.tried.filter(pl.col("typology") == name)), len(good))
        )
        if name in PUSH_SCAMS:
            out.add(
                section,
                "share of scam cases",
                _share(len(cases), len(scams)),
                share,
                scale=0.01 if share and "/" not in share else 1.0,
            )
            out.add(section, "share of scam value", _share(cases["amount"].sum(), scams["amount"].sum()), value)


def _cases_and_amounts(out: Comparison, money: Money) -> None:
    """Cases per 1,000 customers and year, and what a case costs, by means."""
    thousand = len(money.customers) / 1000 * money.years
    theft = ~pl.col("typology").is_in(PUSH_SCAMS)
    credit, bank = pl.col("payer_kind") == "credit_card", pl.col("payer_kind").is_in(["checking", "savings"])
    for name, which, prevalence, mean in (
        ("credit cards misused", theft & credit, "US-115", "US-119"),
        ("bank accounts misused", theft & bank, "US-116", "US-118"),
    ):
        some = money.cases.filter(which)
        out.add("cases", f"{name}, per 1,000 customers and year", len(some) / thousand, prevalence, scale=10.0)
        out.add("cases", f"{name}, mean loss, USD", some["amount"].mean(), mean)  # type: ignore[arg-type]
    scams = money.cases.filter(pl.col("typology").is_in(PUSH_SCAMS))
    out.add("cases", "scams, per 1,000 customers and year", len(scams) / thousand)
    out.add("cases", "scams, mean loss, USD", scams["amount"].mean(), "UK-088")  # type: ignore[arg-type]
    out.add("cases", "scams, median loss, USD", scams["amount"].median(), "US-063")  # type: ignore[arg-type]
    out.add("cases", "scams, payments of a case", scams["payments"].mean(), "UK-087")  # type: ignore[arg-type]


def _victims(out: Comparison, money: Money) -> None:
    """Victims by age: how many of a band a year, and their share of cases and losses."""
    people = money.customers.filter(pl.col("birth_year").is_not_null()).with_columns(
        age=money.year - pl.col("birth_year")
    )
    cases = money.cases.join(people.select(victim="customer_id", age="age"), on="victim")
    for low, high in BANDS:
        band = pl.col("age").is_between(low, high - 1)
        some, label = cases.filter(band), f"{low} to {high - 1}" if high < 200 else f"{low} and older"
        out.add(
            "victims",
            f"aged {label}, cases per 1,000 and year",
            _share(len(some), len(people.filter(band)) / 1000 * money.years),
        )
        out.add(
            "victims",
            f"aged {label}, share of losses",
            _share(some["amount"].sum(), cases["amount"].sum()),
            "US-085 / US-072"
            if low == 60
            else "US-086 / US-072"
            if low == 50
            else "US-087 / US-072"
            if low == 40
            else "",
        )


def _bearers(out: Comparison, data: Dataset, money: Money) -> None:
    """Who bears the loss, and what share is reimbursed."""
    bearers = ("customer", "issuer", "acquirer", "merchant")
    campaigns = data.campaigns.select(
        "campaign_id", "typology", "gross_loss", "recovered", *(f"loss_{b}" for b in bearers)
    ).collect()
    debit = money.stolen.filter((pl.col("rail") == "card") & (pl.col("payer_kind") == "checking"))["campaign_id"]
    push = money.stolen.filter(pl.col("rail").is_in(["instant", "ach", "wire"]))["campaign_id"]
    for name, ids, published in (
        ("debit cards", debit, {"merchant": "US-028", "issuer": "US-029", "customer": "US-034"}),
        ("transfers", push, {"customer": "EU-025"}),
    ):
        some = campaigns.filter(pl.col("campaign_id").is_in(ids.implode()))
        net = sum(float(some[f"loss_{bearer}"].sum()) for bearer in bearers)
        for bearer in bearers:
            out.add(
                "who bears the loss",
                f"{name}: {bearer}",
                _share(float(some[f"loss_{bearer}"].sum()), net),
                published.get(bearer, ""),
                scale=0.01,
            )
        out.add(
            "who bears the loss",
            f"{name}: recovered share of what left",
            _share(float(some["recovered"].sum()), float(some["gross_loss"].sum())),
        )
    scam = pl.col("typology").is_in(PUSH_SCAMS)
    for name, which, figure in (("scams", scam, "UK-021"), ("thefts", ~scam, "")):
        some = money.cases.filter(which)
        out.add(
            "reimbursement",
            f"{name}, share of value",
            _share(float(some["reimbursed"].sum()), float(some["amount"].sum())),
            figure,
            scale=0.01,
        )
    theft = money.cases.filter(~scam & pl.col("event_at").is_not_null())
    out.add(
        "reimbursement",
        "thefts reported, share of cases refunded",
        _share(len(theft.filter(pl.col("reimbursed") > 0)), len(theft)),
        "UK-023",
        scale=0.01,
    )


def _reports(out: Comparison, money: Money) -> None:
    """How many cases are reported, and after how long."""
    scam = pl.col("typology").is_in(PUSH_SCAMS)
    days = (pl.col("event_at") - pl.col("timestamp")).dt.total_seconds() / 86_400
    for name, which, figure in (("thefts", ~scam, "US-121"), ("scams", scam, "")):
        some = money.cases.filter(which).with_columns(days=days)
        out.add(
            "reports",
            f"{name} reported, share of cases",
            _share(some["event_at"].is_not_null().sum(), len(some)),
            figure,
            scale=0.01,
        )
        known = some["days"].drop_nulls()
        for quantile in (0.5, 0.9):
            out.add("reports", f"{name}, days to report, {quantile:.0%} quantile", known.quantile(quantile))
