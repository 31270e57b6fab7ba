"""The moments of `calibration_recovery.py`: enough of a run to tell 17 parameters of behaviour and fraud apart.

Counts of fraud are taken as 2 sqrt(n + 3/8), whose noise hardly depends on n (Anscombe 1948).
"""

from __future__ import annotations

import gc
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from finsim.calibration.frames import Tables, Views
from finsim.dataset.context import export_context
from finsim.dataset.memory import MemoryRecorder
from finsim.economy import Economy

MEANS = ("cash", "credit_card", "debit_card", "payment_app")
TYPOLOGIES = ("card_not_present", "lost_stolen", "refund_abuse", "friendly_fraud")
TRIP = pl.duration(hours=2)


@dataclass(frozen=True)
class RichRun:
    """The simulator: a run in memory, and its moments.

    Attributes:
        customers: size of the population.
        days: length of the run.
        names: moments, for a check of their order.
    """

    customers: int
    days: int

    def __call__(self, values: Mapping[str, float], seed: int) -> NDArray[np.float64]:
        """Return the moments of one run in the order of `names`."""
        moments = self.measure(values, seed)
        gc.collect()  # an economy is a circle of references; several dead ones would fill the memory of a worker
        return np.array(list(moments.values()))

    def overrides(self) -> dict[str, float]:
        """Return the settings of a run, apart from what is free."""
        return {
            "population.customers": self.customers,
            "run.days": self.days,
            "run.warm_up_days": 7,
            "run.tick_minutes": 120,
            "behaviour.login_sample": 0,
        }

    def measure(self, values: Mapping[str, float], seed: int) -> dict[str, float]:
        """Return the moments of one run by name."""
        recorder = MemoryRecorder()
        economy = Economy("baseline", recorder, **self.overrides(), **values, seed=seed)
        recorder.bind(export_context(economy))
        while not economy.is_over:
            economy.step()
        run = economy.config.run
        tables = Tables.of_recorder(recorder, run.start, run.days)
        views = Views(tables)
        people = views.number_of_persons
        payments = views.payments.select(
            "customer_id", "timestamp", "amount", "means", "remote", "abroad", "fraud"
        ).collect()
        genuine = payments.filter(~pl.col("fraud"))
        return {
            **amounts(genuine, people * views.months),
            **persons(genuine, people),
            **merchants(tables.table("transactions")),
            **fraud(tables.table("truth"), tables.table("transactions")),
        }


def amounts(payments: pl.DataFrame, person_months: float) -> dict[str, float]:
    """Return counts, mix and amounts by means."""
    log = payments["amount"].log()
    found = {"payments_per_month": len(payments) / person_months, "log_mean": _number(log.mean())}
    for means in MEANS:
        part = payments.filter(pl.col("means") == means)
        log = part["amount"].log()
        found |= {
            f"{means}_per_month": len(part) / person_months,
            f"{means}_share": len(part) / len(payments),
            f"{means}_log_mean": _number(log.mean()),
            f"{means}_log_sigma": _number(log.std()),
        }
    app = payments.filter(pl.col("means") == "payment_app")["amount"]
    cards = payments.filter(pl.col("means").is_in(("credit_card", "debit_card")))
    remote = cards.filter("remote")
    found |= {
        "payment_app_mean": _number(app.mean()),
        "remote_share": len(remote) / len(cards),
        "abroad_of_remote": _number(remote["abroad"].mean()),
        "remote_log_mean": _number(remote["amount"].log().mean()),
    }
    return found


def persons(payments: pl.DataFrame, people: int) -> dict[str, float]:
    """Return how persons differ from one another, and how their payments come together on trips."""
    shops = payments.filter(~pl.col("remote")).sort("customer_id", "timestamp")
    gap = shops.select(pl.col("timestamp").diff().over("customer_id"))["timestamp"]
    by_person = payments.group_by("customer_id").agg(
        number=pl.len(), log_mean=pl.col("amount").log().mean(), log_variance=pl.col("amount").log().var()
    )
    number = by_person["number"]
    mean = number.sum() / people
    square = (number.cast(pl.Float64) ** 2).sum() / people
    active = by_person.filter(pl.col("number") >= 20)
    days = shops.group_by("customer_id", pl.col("timestamp").dt.date()).len()["len"]
    return {
        "variance_between_persons": (square - mean**2) / mean**2,
        "on_one_trip": _number((gap < pl.select(TRIP).item()).mean()),
        "payments_of_active_days": _number(days.mean()),
        "dispersion_of_active_days": _number(days.var()) / _number(days.mean()),
        "log_amount_between_persons": _number(active["log_mean"].std()),
        "log_amount_within_persons": _number(active["log_variance"].mean()),
    }


def merchants(transactions: pl.LazyFrame) -> dict[str, float]:
    """Return how faithful customers are to merchants."""
    at_tills = (pl.col("kind").cast(pl.String) == "purchase") & (pl.col("channel").cast(pl.String) == "pos")
    bought = transactions.filter(at_tills).select("customer_id", "merchant_id").collect()
    pairs = bought.group_by("customer_id", "merchant_id").len()["len"]
    return {
        "pairs_per_purchase": len(pairs) / len(bought),
        "pairs_seen_once": _number((pairs == 1).mean()),
        "purchases_of_favourites": float((pairs.cast(pl.Float64) ** 2).sum()) / len(bought),
    }


def fraud(truth: pl.LazyFrame, transactions: pl.LazyFrame) -> dict[str, float]:
    """Return counts of fraud by typology, and amounts of remote card fraud against genuine ones."""
    typologies = truth.with_columns(pl.col("typology").cast(pl.String))
    rows = typologies.join(transactions.select("transaction_id", "amount"), on="transaction_id").collect()
    found = {}
    for typology in TYPOLOGIES:
        part = rows.filter(pl.col("typology") == typology)
        found[f"{typology}_campaigns"] = _stable(part["campaign_id"].n_unique())
        found[f"{typology}_rows"] = _stable(len(part))
    stolen = rows.filter((pl.col("typology") == "card_not_present") & (pl.col("amount") > 0))["amount"].log()
    found["card_not_present_log_mean"] = _number(stolen.mean()) if len(stolen) else 0.0
    found["card_not_present_log_median"] = _number(stolen.median()) if len(stolen) else 0.0
    return found


def _stable(count: int) -> float:
    return 2.0 * float(np.sqrt(count + 0.375))


def _number(value: object) -> float:
    return float(value) if value is not None else 0.0  # type: ignore[arg-type]
