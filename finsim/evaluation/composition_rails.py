"""Fraud against what was paid: basis points and shares of number by rail, what cards are misused for, what was stopped.

Published rates are of payments that a stranger made and that became known, and count what customers pay to others. They
contain accounts opened in stolen names and whatever customers claimed in bad faith, but not synthetic identities, which
lenders book as credit losses.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from finsim.evaluation.comparison import Comparison
from finsim.evaluation.money import FIRST_PARTY, NEW_ACCOUNTS, PERSONAL_SCAMS, SCAMS, Money
from finsim.evaluation.quotients import points, share

REMOTE: Final = ("online", "app", "phone")
CARD: Final = pl.col("rail") == "card"
DEBIT: Final = CARD & (pl.col("payer_kind") == "checking")
CREDIT: Final = CARD & (pl.col("payer_kind") == "credit_card")
OTHERS: Final = ~pl.col("own")
"""Payments to others: what people move between their own accounts is in no published total."""
CLAIMED: Final = ~pl.col("typology").is_in((*SCAMS, "synthetic_identity")) & pl.col("reported")
"""Fraud that published rates count, scams apart."""


def rates(out: Comparison, money: Money) -> None:
    """Fraud in basis points of value and share of number, by rail."""
    known = money.stolen.filter(CLAIMED)
    for name, which, figure in (
        ("cards", CARD, "US-cards-2023"),
        ("debit cards", DEBIT, "US-020"),
        ("credit cards", CREDIT, ""),
        ("debit cards, present", DEBIT & ~pl.col("channel").is_in(REMOTE), ""),
        ("debit cards, not present", DEBIT & pl.col("channel").is_in(REMOTE), ""),
        ("credit cards, present", CREDIT & ~pl.col("channel").is_in(REMOTE), ""),
        ("credit cards, not present", CREDIT & pl.col("channel").is_in(REMOTE), ""),
        ("cash machines", pl.col("channel") == "atm", ""),
        ("checks", pl.col("rail") == "check", ""),
        ("direct debits", pl.col("rail") == "direct_debit", ""),
        ("wallets", pl.col("rail") == "wallet", ""),
        ("wires", pl.col("rail") == "wire", ""),
    ):
        if money.count(which):
            rate = points(known.filter(which)["amount"].sum(), money.value(which))
            out.add("rate by rail", f"{name}, bp of value", rate, figure)
    debit = share(len(known.filter(DEBIT)), money.count(DEBIT))
    out.add("rate by rail", "debit cards, share of number", debit, "US-024", scale=0.01)
    ach = known.filter(pl.col("rail") == "ach")["amount"].sum()
    per_person = share(ach, money.person_years)
    out.add("rate by rail", "ACH, by strangers, USD per person and year", per_person, "US-ach-per-adult")
    out.add("rate by rail", "all rails, bp of value", points(money.stolen["amount"].sum(), money.value()))
    _cards(out, known.filter(CARD & ~pl.col("typology").is_in((*NEW_ACCOUNTS, *FIRST_PARTY))))


def _cards(out: Comparison, taken: pl.DataFrame) -> None:
    """What strangers do with cards."""
    remote, value = pl.col("channel").is_in(REMOTE), float(taken["amount"].sum())
    part = share(taken.filter(remote)["amount"].sum(), value)
    out.add("card fraud", "remote share of value", part, "EU-043", scale=0.01)
    out.add("card fraud", "mean payment, USD", taken["amount"].mean(), "US-019")  # type: ignore[arg-type]
    days = taken.filter(remote).group_by("card_id", pl.col("timestamp").dt.date()).len()
    out.add("card fraud", "remote payments of a compromised card a day", days["len"].mean(), "BEHAVIOUR-010")  # type: ignore[arg-type]
    lost = taken.filter(pl.col("typology") == "lost_stolen")["amount"].sum()
    part = share(lost, taken.filter(remote)["amount"].sum())
    out.add("card fraud", "lost and stolen per remote purchase value", part, "UK-049 / UK-048")


def scams_on_rails(out: Comparison, money: Money) -> None:
    """Instant payments by strangers and by the deceived, and what the deceived transferred on all rails."""
    instant = (pl.col("rail") == "instant") & OTHERS
    value, known = money.value(instant), money.stolen.filter(pl.col("rail") == "instant", "reported")
    scam = pl.col("typology").is_in(SCAMS)
    for name, rows, figure in (
        ("by strangers and scams", known, "US-zelle-rate"),
        ("by strangers", known.filter(~scam), "US-zelle-fraud"),
        ("scams", known.filter(scam), "US-zelle-scams"),
    ):
        out.add("instant payments", f"{name}, bp of value", points(rows["amount"].sum(), value), figure)
    part = share(len(known), money.count(instant))
    out.add("instant payments", "by strangers and scams, share of number", part, "US-zelle-number", scale=0.01)
    known = money.cases.filter(pl.col("typology").is_in(PERSONAL_SCAMS) & pl.col("event_at").is_not_null())
    lost = share(known["transferred"].sum(), money.person_years)
    out.add("scams", "reported losses by transfer per person and year, USD", lost, "US-scams-per-adult")


def controls(out: Comparison, money: Money) -> None:
    """What was tried by strangers and did not succeed."""
    stranger = ~pl.col("typology").is_in((*SCAMS, *FIRST_PARTY, *NEW_ACCOUNTS))
    tried, won = (float(rows.filter(stranger)["amount"].sum()) for rows in (money.tried, money.stolen))
    out.add("controls", "prevented share of what strangers tried", 1.0 - share(won, tried), "UK-030", scale=0.01)
