"""What a run consists of beside what was published: payments, means, tickets, times, habits, declines and fraud.

    python benchmarks/composition.py RUN_DIR
    python benchmarks/composition.py --scenario baseline --profiles

Genuine approved payments of persons (customers that are no business) stand for the diary's payments: purchases,
bills, transfers to others, card repayments, and cash purchases of cash_hidden/. Money amounts of the diaries of
2017-2019 are lifted by the scenario's `behaviour.price_level`. A figure without a published counterpart is printed
alone. Ratio is simulated over published. Published fraud is what was reported after controls: gross approved value
is set beside it.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from frames import Frames
from printing import show

import finsim
from finsim.calibration.figures import Figure, load_figures
from finsim.dataset.reader import Dataset
from finsim.evaluation.composition import composition
from finsim.scenario import parse_settings

PAYEES = {
    "grocery_convenience_pharmacy": ("grocery", "convenience", "pharmacy"),
    "gas_station": ("fuel",),
    "sitdown_restaurant_bar": ("restaurant",),
    "fast_food_coffee": ("fast_food",),
    "general_merchandise_online": (
        "general_merchandise", "clothing", "electronics", "home_improvement", "online_marketplace", "digital_goods",
    ),
    "general_services": ("personal_services",),
    "arts_entertainment": ("entertainment",),
    "taxi_airline_delivery": ("taxi_delivery", "airline"),
    "hotel": ("hotel",),
    "health": ("health",),
    "utilities": ("utilities",),
    "telecom_media": ("telecom",),
    "public_transport_toll": ("public_transport",),
}  # fmt: skip
"""Payee types of the diary and the merchant categories that make them up."""

DIARY = "us_dcp_{}_2017_2019"
COARSER = ("bank", "account_to_account")
"""Means that the diary splits otherwise: it has apps, bank account numbers and online banking apart."""
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Comparison:
    """Rows of (section, moment, published figure, simulated value)."""

    def __init__(self, price_level: float) -> None:
        self.price_level = price_level
        self.rows: list[dict[str, Any]] = []
        self.figures: dict[str, Figure] = load_figures()

    def add(self, section: str, moment: str, simulated: float, figure: str = "", *, scale: float = 1.0) -> None:
        """Set a simulated value beside a published figure, times scale to bring it to the moment's unit."""
        published, shown = None, figure
        if figure:
            known = self.figures[figure]
            if known.value is not None:
                published = known.value * scale
            else:
                shown = f"{figure} in [{known.low}, {known.high}]"
        ratio = simulated / published if published else None
        self.rows.append({"section": section, "moment": moment, "published": published, "simulated": float(simulated),
                          "ratio": ratio, "figure": shown})  # fmt: skip

    def money(self, section: str, moment: str, simulated: float, figure: str) -> None:
        """Set an amount beside one of the diary, lifted to the scenario's prices."""
        self.add(section, moment, simulated, figure, scale=self.price_level)


def levels(out: Comparison, frames: Frames) -> None:
    """Payments and money per person and month, shares of means, tickets."""
    payments, each = frames.payments, frames.persons * frames.months
    out.add(
        "level", "payments per person-month", len(payments) / each, "us_pay_diary_payments_per_consumer_month_all_2024"
    )
    value = float(payments["amount"].sum())
    out.add("level", "USD paid per person-month", value / each, "us_pay_diary_value_per_consumer_month_all_2024")
    out.add("level", "mean payment, USD", value / len(payments), "us_pay_diary_average_value_all_2024")
    bills = payments.filter(pl.col("kind").is_in(["bill", "repayment"]))
    out.add("level", "bills' share of payments", len(bills) / len(payments), DIARY.format("bill_share_all"))
    recent = {"cash": "cash_2024", "credit_card": "credit_2024", "debit_card": "debit_2024"}
    by_means = {row[0]: row[1:] for row in payments.group_by("means").agg(
        pl.len(), pl.col("amount").mean(), pl.col("amount").median().alias("median"),
        (pl.col("amount") * 100).round().cast(pl.Int64).mod(100).eq(0).mean().alias("whole"),
        pl.col("channel").eq("pos").mean().alias("in_person")).iter_rows()}  # fmt: skip
    for means in ("cash", "debit_card", "credit_card", "check", "bank", "account_to_account"):
        n, mean, median, whole, in_person = by_means.get(means, (0, 0.0, 0.0, 0.0, 0.0))
        diary = "bank_account_number" if means == "bank" else means
        share = (
            f"us_pay_diary_share_number_{recent[means]}"
            if means in recent
            else DIARY.format(f"share_of_payments_number_{diary}")
        )
        out.add("means", f"share of payments: {means}", n / len(payments), "" if means in COARSER else share)
        out.money("ticket", f"mean {means}, USD", mean, DIARY.format(f"amount_mean_{diary}"))
        out.money("ticket", f"median {means}, USD", median, DIARY.format(f"amount_median_{diary}"))
        if means != "account_to_account":
            out.add("ending", f"whole dollars: {means}", whole, DIARY.format(f"round_amount_share_whole_unit_{diary}"))
        if means in ("debit_card", "credit_card"):
            out.add("place", f"in person: {means}", in_person, DIARY.format(f"in_person_share_{means}"))
    cards = frames.rows.filter(
        (pl.col("rail") == "card") & pl.col("kind").is_in(["purchase", "bill"]) & (pl.col("decision") == "approved")
    )
    out.add("place", "in person: all cards", cards["channel"].eq("pos").mean() or 0.0,
            "us_pay_share_number_in_person_of_general_purpose_cards_2022")  # fmt: skip
    out.add(
        "ticket",
        "mean card payment, USD",
        cards["amount"].mean() or 0.0,
        "us_pay_average_value_general_purpose_cards_2022",
    )
    people = payments.filter(pl.col("kind") == "transfer")
    share = DIARY.format("share_of_payments_number_by_payee_person_p2p")
    out.add(
        "payee",
        "share of payments: person to person (published: two thirds in cash)",
        len(people) / len(payments),
        share,
    )
    mean = DIARY.format("amount_mean_by_payee_person_p2p")
    out.money("payee", "mean person to person, USD", people["amount"].mean() or 0.0, mean)
    for payee, categories in PAYEES.items():
        part = payments.filter(pl.col("category").is_in(categories))
        out.add(
            "payee",
            f"share of payments: {payee}",
            len(part) / len(payments),
            DIARY.format(f"share_of_payments_number_by_payee_{payee}"),
        )
        out.money(
            "payee", f"mean {payee}, USD", part["amount"].mean() or 0.0, DIARY.format(f"amount_mean_by_payee_{payee}")
        )


def transfers(out: Comparison, frames: Frames) -> None:
    """Direct deposits, payments from person to person, direct debits, withdrawals."""
    good = frames.rows.filter((pl.col("decision") == "approved") & pl.col("typology").is_null())
    p2p = good.filter(
        (pl.col("kind") == "transfer")
        & (pl.col("segment") != "business")
        & (pl.col("payer_owner_id") != pl.col("payee_owner_id"))
    )
    out.add(
        "transfer",
        "direct deposit, mean USD",
        good.filter(pl.col("kind") == "income")["amount"].mean() or 0.0,
        "us_pay_average_value_ach_direct_deposit_2024",
    )
    out.add(
        "transfer",
        "person to person, instant, mean USD",
        p2p.filter(pl.col("rail") == "instant")["amount"].mean() or 0.0,
        "us_pay_average_value_zelle_all_2024",
    )
    out.add(
        "transfer",
        "person to person, ach, mean USD",
        p2p.filter(pl.col("rail") == "ach")["amount"].mean() or 0.0,
        "us_pay_average_value_ach_person_to_person_2024",
    )
    out.add(
        "transfer",
        "direct debit, mean USD",
        good.filter(pl.col("rail") == "direct_debit")["amount"].mean() or 0.0,
        "us_pay_average_value_ach_consumer_bill_payments_and_other_debits_2024",
    )
    whole = (p2p["amount"] * 100).round().cast(pl.Int64) % 100 == 0
    out.add(
        "ending",
        "whole dollars: person to person",
        whole.mean() or 0.0,
        DIARY.format("round_amount_share_whole_unit_person_p2p"),
    )
    atm = good.filter(pl.col("kind") == "withdrawal")["amount"]
    out.add("ending", "cash machine: multiples of 20", (atm % 20 == 0).mean() or 0.0)
    out.add("transfer", "cash machine, mean USD", atm.mean() or 0.0)


def times(out: Comparison, frames: Frames, profiles: bool) -> None:
    """Hours and weekdays: half the sum of absolute differences, and each share if asked for."""
    groups = {"all": frames.payments, "cash": frames.payments.filter(pl.col("means") == "cash"),
              "card": frames.payments.filter(pl.col("means").is_in(["debit_card", "credit_card"]))}  # fmt: skip
    shopped = groups["card"].filter(pl.col("kind") == "purchase")["timestamp"].dt.hour().to_numpy()
    card_hours = [DIARY.format(f"hour_of_day_share_card_{hour:02d}") for hour in range(24)]
    _profile(out, "hour, card without bills", np.bincount(shopped, minlength=24) / len(shopped), card_hours, False)
    for name, part in groups.items():
        hours = np.bincount(part["timestamp"].dt.hour().to_numpy(), minlength=24) / len(part)
        _profile(
            out,
            f"hour, {name}",
            hours,
            [DIARY.format(f"hour_of_day_share_{name}_{hour:02d}") for hour in range(24)],
            profiles,
        )
        if name == "cash":
            continue
        per_day = np.bincount(part["timestamp"].dt.weekday().to_numpy() - 1, minlength=7) / frames.days
        _profile(
            out,
            f"weekday, {name}",
            per_day / per_day.sum(),
            [DIARY.format(f"day_of_week_share_{name}_{day}") for day in DAYS],
            profiles,
        )


def _profile(out: Comparison, name: str, shares: Any, figures: list[str], each: bool) -> None:
    published = np.array([out.figures[figure].value or 0.0 for figure in figures])
    out.add("time", f"{name}: share in the wrong place", 0.5 * np.abs(shares - published / published.sum()).sum())
    for share, figure in zip(shares, figures, strict=True) if each else ():
        out.add("time", f"{name} {figure.split('_')[-3]}", share, figure)


def habits(out: Comparison, frames: Frames) -> None:
    """How regular people are: dispersion over three days, gaps between payments, and merchants seen again."""
    bought = frames.payments.filter(pl.col("kind") == "purchase").sort("customer_id", "timestamp")
    person = bought["customer_id"].rank("dense").to_numpy().astype(int) - 1
    at = bought["timestamp"].dt.epoch("us").to_numpy()
    window = (at - at.min()) // (3 * 86_400_000_000)
    size = int(window.max()) - 1  # the last window may be short
    full = window < size
    counts = np.bincount(person[full] * size + window[full], minlength=(person.max() + 1) * size).reshape(-1, size)
    mean = counts.mean(axis=1)
    busy = mean > 0.5
    out.add(
        "habit",
        "3 days, within a person: variance / mean (Poisson trips: a little above 1)",
        np.median(counts[busy].var(axis=1, ddof=1) / mean[busy]),
    )
    active = counts[counts > 0]
    out.add(
        "habit",
        "3 days, payments if any (purchases only)",
        active.mean(),
        "us_dcp_payments_per_respondent_3day_mean_active_respondents_1_payment_2017_2019",
    )
    out.add("habit", "purchases per person: coefficient of variation", mean.std() / mean.mean())
    # A trip: purchases of one person less than half an hour apart.
    gaps = np.diff(at) / 3_600_000_000
    same = np.diff(person) == 0
    out.add("habit", "purchases within half an hour of the one before", float((gaps[same] < 0.5).mean()))
    trips = pl.DataFrame({"person": person[1:][same], "gap": gaps[same]}).filter(pl.col("gap") >= 0.5)
    spread = (
        trips.group_by("person")
        .agg(pl.len(), (pl.col("gap").std() / pl.col("gap").mean()).alias("cv"))
        .filter(pl.col("len") >= 20)["cv"]
    )
    burstiness = (spread - 1) / (spread + 1)
    out.add(
        "habit",
        "gaps between trips: burstiness (Poisson 0)",
        burstiness.median() or 0.0,
        "micro_burstiness_b_per_user_median_baskets_subsampled_lines_2017",
    )
    seen = bought.filter(pl.col("merchant_id").is_not_null()).with_columns(
        nth=pl.int_range(pl.len()).over("customer_id"),
        first=pl.col("merchant_id").is_first_distinct().over("customer_id"),
    )
    out.add(
        "habit",
        "purchases at a merchant seen before (published: stores of one chain)",
        1 - (seen["first"].mean() or 0.0),
        "micro_repeat_merchant_share_store_2017",
    )
    late = seen.filter(pl.col("nth").is_between(20, 30))
    out.add(
        "habit",
        "new merchants, 20th to 30th purchase (published: stores of one chain)",
        late["first"].mean() or 0.0,
        "micro_exploration_rate_n20_30_store_2017",
    )


def declines(out: Comparison, frames: Frames) -> None:
    """Share of genuine attempts declined, by rail and reason."""
    tried = frames.rows.filter(
        pl.col("typology").is_null()
        & pl.col("kind").is_in(["purchase", "bill", "transfer", "withdrawal", "repayment", "verification"])
    )
    for (rail,), part in sorted(tried.group_by(["rail"])):
        out.add("decline", f"genuine declined: {rail}", part["decision"].eq("declined").mean() or 0.0)
    for reason in sorted(tried["decline_reason"].drop_nulls().unique()):
        out.add("decline", f"genuine declined for {reason}", tried["decline_reason"].eq(reason).sum() / len(tried))


def fraud(out: Comparison, data: Dataset) -> None:
    """Fraud as `finsim evaluate` sets it beside published figures."""
    for row in composition(data):
        figure = (
            row["figure"]
            if row["published"] is not None or not row["figure"]
            else (f"{row['figure']} in [{row['low']}, {row['high']}]")
        )
        kept = {name: row[name] for name in ("published", "simulated", "ratio")}
        moment = f"{row['section']}: {row['measure']}"
        out.rows.append({"section": "fraud", "moment": moment, **kept, "figure": figure})


def compare(data: Dataset, profiles: bool) -> list[dict[str, Any]]:
    """Return every moment beside its published figure."""
    out = Comparison(float(data.scenario["behaviour"]["price_level"]))
    frames = Frames(data)
    levels(out, frames)
    transfers(out, frames)
    times(out, frames, profiles)
    habits(out, frames)
    declines(out, frames)
    fraud(out, data)
    order = {name: i for i, name in enumerate(dict.fromkeys(row["section"] for row in out.rows))}
    return sorted(out.rows, key=lambda row: order[row["section"]])


def main() -> None:
    """Compare a data set, or a run made for it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", type=Path, help="data set; without one the scenario is run")
    parser.add_argument("--scenario", default="baseline")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as in finsim run")
    parser.add_argument("--profiles", action="store_true", help="each hour and weekday")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if args.path is not None:
        rows = compare(finsim.open_dataset(args.path), args.profiles)
    else:
        overrides = parse_settings(args.set)
        with tempfile.TemporaryDirectory() as folder:
            data = finsim.run(args.scenario, out=Path(folder) / "run", seed=args.seed, overrides=overrides)
            rows = compare(data, args.profiles)
    show("Simulated moments beside published figures", rows, as_json=args.json)


if __name__ == "__main__":
    main()
