"""Views of a data set that moments read: payments of persons, their pay, their accounts, one row each.

A view works on an opened data set and on the tables of a run in memory alike. What a survey of consumers counts as a
payment is decided here, once: purchases, bills and payments to other people that were approved, cash purchases
included; not moving own money, repaying a card, or drawing cash.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Final

import polars as pl

from finsim.calibration.wallet_views import wallet_balances, wallet_clients, wallet_uses
from finsim.calibration.words import MONTH_DAYS, PAYEE_MCC, WEEKDAYS

if TYPE_CHECKING:
    from finsim.dataset.memory import MemoryRecorder
    from finsim.dataset.reader import Dataset

DIGITAL_GOODS: Final = 5818
"""Code of shops of digital goods, to which media subscriptions are paid as bills."""
REMOTE: Final = ("online", "app", "phone", "batch")


@dataclass(frozen=True)
class Tables:
    """The tables of a run, wherever they lie.

    Attributes:
        table: returns a table of the contract by name.
        first_day: first exported day.
        days: number of exported days.
    """

    table: Callable[[str], pl.LazyFrame]
    first_day: dt.date
    days: int

    @classmethod
    def of_dataset(cls, data: Dataset) -> Tables:
        """Return the tables of an opened data set."""
        first, last = (dt.date.fromisoformat(data.manifest[key]) for key in ("first_day", "last_day"))
        return cls(lambda name: getattr(data, name), first, (last - first).days + 1)

    @classmethod
    def of_recorder(cls, recorder: MemoryRecorder, first_day: dt.date, days: int) -> Tables:
        """Return the tables of a run in memory, each put into columns once, however many views read it."""
        frame = cache(recorder.frame)
        return cls(lambda name: frame(name).lazy(), first_day, days)


class Views:
    """Every view of one run, made when first asked for.

    Args:
        tables: the tables of the run.
    """

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.months = tables.days / MONTH_DAYS

    @cached_property
    def number_of_persons(self) -> int:
        """How many persons there are."""
        return int(self.persons.select(pl.len()).collect().item())

    def days_of(self, month: int) -> int:
        """Return how many days of a month of the year the run has."""
        days = (self.tables.first_day + dt.timedelta(days=k) for k in range(self.tables.days))
        return sum(day.month == month for day in days)

    @cached_property
    def persons(self) -> pl.LazyFrame:
        """Persons who were customers all the time: customer_id, segment, income, money on transaction accounts."""
        start = dt.datetime.combine(self.tables.first_day, dt.time(), dt.UTC)
        people = self.tables.table("customers").filter(
            (pl.col("segment") != "business") & (pl.col("customer_since") <= start)
        )
        money = (
            self.tables.table("accounts")
            .filter(
                pl.col("kind").cast(pl.String).is_in(("checking", "savings", "wallet"))
                & (pl.col("owner_kind").cast(pl.String) == "customer")
            )
            .group_by(customer_id="owner_id")
            .agg(pl.col("opening_balance").sum().alias("balance"))
        )
        return (
            people.select("customer_id", "segment", income="income_band")
            .join(money, on="customer_id", how="left")
            .sort("customer_id")
        )

    @cached_property
    def payments(self) -> pl.LazyFrame:
        """Payments of persons: customer_id, income, amount, means, kind, payee, remote, hour, weekday, month, fraud."""
        kinds = self.tables.table("accounts").select(
            payer_account_id="account_id", payer_kind=pl.col("kind").cast(pl.String)
        )
        word = {name: pl.col(name).cast(pl.String) for name in ("rail", "kind", "channel", "decision")}
        banked = (
            self.tables.table("transactions")
            .filter(
                (word["decision"] == "approved")
                & word["kind"].is_in(("purchase", "bill", "transfer"))
                & (pl.col("amount") > 0)
            )
            .join(kinds, on="payer_account_id")
            .join(self._owners, on="payer_account_id")
            .join(self._payees, on="payee_account_id", how="left")
            .filter(pl.col("owner") != pl.col("payee_owner").fill_null(-1))
            .join(self._fraud, on="transaction_id", how="left")
            .select(
                customer_id="owner",
                timestamp="timestamp",
                amount="amount",
                mcc="mcc",
                rail=word["rail"],
                kind=word["kind"],
                means=_means(word["rail"], pl.col("payer_kind")),
                remote=word["channel"].is_in(REMOTE),
                abroad=pl.col("original_currency").is_not_null(),
                fraud=pl.col("fraud").fill_null(False),
            )
        )
        cash = self.tables.table("cash_hidden").select(
            "customer_id",
            "timestamp",
            "amount",
            "mcc",
            rail=pl.lit("cash"),
            kind=pl.lit("purchase"),
            means=pl.lit("cash"),
            remote=pl.lit(False),
            abroad=pl.lit(False),
            fraud=pl.lit(False),
        )
        merged = pl.concat(
            [banked.with_columns(pl.col("customer_id").cast(cash.collect_schema()["customer_id"])), cash]
        )
        return merged.join(self.persons.select("customer_id", "income"), on="customer_id").with_columns(
            payee=_payee(),
            hour=pl.col("timestamp").dt.hour(),
            weekday=pl.col("timestamp").dt.weekday().replace_strict(dict(enumerate(WEEKDAYS, 1)), default=None),
            month=pl.col("timestamp").dt.month(),
            day=pl.col("timestamp").dt.date(),
        )

    @cached_property
    def pays(self) -> pl.LazyFrame:
        """Persons in work who were paid wages: longest gap between pays in days, and whether all are whole weeks.

        Who pays people without work too, pensions and benefits, is no employer.
        """
        paid = (
            self.tables.table("transactions")
            .filter((pl.col("kind").cast(pl.String) == "income") & (pl.col("rail").cast(pl.String) == "ach"))
            .select("customer_id", "payer_account_id", day=pl.col("timestamp").dt.date())
            .join(self.persons.select("customer_id", "segment"), on="customer_id")
        )
        working = pl.col("segment").is_in(("employed", "student"))
        return (
            paid.filter(working)
            .join(paid.filter(~working), on="payer_account_id", how="anti")
            .sort("customer_id", "day")
            .with_columns(gap=pl.col("day").diff().over("customer_id").dt.total_days())
            .group_by("customer_id", maintain_order=True)
            .agg(pl.col("gap").max().alias("longest"), (pl.col("gap") % 7 == 0).all().alias("whole_weeks"))
        )

    @cached_property
    def deposits(self) -> pl.LazyFrame:
        """Direct deposits to persons: wages, pensions, benefits; one row each with customer_id and amount."""
        return (
            self.tables.table("transactions")
            .filter((pl.col("kind").cast(pl.String) == "income") & (pl.col("rail").cast(pl.String) == "ach"))
            .select("customer_id", "amount")
            .join(self.persons.select("customer_id"), on="customer_id")
            .sort("customer_id", "amount")
        )

    @cached_property
    def windows(self) -> pl.LazyFrame:
        """Payments of each person in each window of three days, those without any included: number."""
        windows = self.tables.days // 3
        start = pl.lit(self.tables.first_day)
        numbered = self.payments.select("customer_id", window=(pl.col("day") - start).dt.total_days() // 3).filter(
            pl.col("window") < windows
        )
        counted = numbered.group_by("customer_id", "window").agg(pl.len().alias("number"))
        every = self.persons.select("customer_id").join(
            pl.LazyFrame({"window": list(range(windows))}, schema={"window": pl.Int64}), how="cross"
        )
        return every.join(counted, on=["customer_id", "window"], how="left").with_columns(
            pl.col("number").fill_null(0).cast(pl.Float64)
        )

    @cached_property
    def tills(self) -> pl.LazyFrame:
        """Approved card purchases at points of sale: amount, contactless (telephones included), telephone."""
        word = {name: pl.col(name).cast(pl.String) for name in ("rail", "kind", "channel", "decision", "entry_mode")}
        rows = self.tables.table("transactions").filter(
            (word["rail"] == "card") & (word["kind"] == "purchase") & (word["channel"] == "pos")
        )
        return rows.filter(word["decision"] == "approved").select(
            "amount",
            contactless=word["entry_mode"].is_in(("contactless", "token")).fill_null(False),
            telephone=(word["entry_mode"] == "token").fill_null(False),
        )

    @cached_property
    def wallets(self) -> pl.LazyFrame:
        """Payments of wallets by use, see `wallet_views.wallet_uses`."""
        return wallet_uses(self.tables.table).with_columns(hour=pl.col("timestamp").dt.hour())

    @cached_property
    def wallet_clients(self) -> pl.LazyFrame:
        """Who used a wallet for what, see `wallet_views.wallet_clients`."""
        return wallet_clients(self.wallets, self.tables.days)

    @cached_property
    def wallet_balances(self) -> pl.LazyFrame:
        """What was on each wallet when the run began."""
        return wallet_balances(self.tables.table)

    @cached_property
    def _owners(self) -> pl.LazyFrame:
        return self._customers_accounts.rename({"account_id": "payer_account_id", "owner_id": "owner"})

    @cached_property
    def _payees(self) -> pl.LazyFrame:
        return self._customers_accounts.rename({"account_id": "payee_account_id", "owner_id": "payee_owner"})

    @cached_property
    def _customers_accounts(self) -> pl.LazyFrame:
        return (
            self.tables.table("accounts")
            .filter(pl.col("owner_kind").cast(pl.String) == "customer")
            .select("account_id", pl.col("owner_id").cast(pl.Int64))
        )

    @cached_property
    def _fraud(self) -> pl.LazyFrame:
        return self.tables.table("truth").filter("is_fraud").select("transaction_id", fraud=pl.lit(True))


def _means(rail: pl.Expr, payer: pl.Expr) -> pl.Expr:
    """Return the diary's name of the means of a payment."""
    card = pl.when(payer == "credit_card").then(pl.lit("credit_card")).otherwise(pl.lit("debit_card"))
    return (
        pl.when(rail == "card")
        .then(card)
        .when(rail == "direct_debit")
        .then(pl.lit("bank_account_number"))
        .when(rail == "ach")
        .then(pl.lit("online_banking"))
        .when(rail.is_in(("instant", "wallet")))
        .then(pl.lit("payment_app"))
        .otherwise(rail)
    )


def _payee() -> pl.Expr:
    """Return the diary's type of the payee; `person` for a payment to somebody, `housing_loan` for other bills."""
    table = {mcc: payee for payee, codes in PAYEE_MCC.items() for mcc in codes}
    return (
        pl.when(pl.col("kind") == "transfer")
        .then(pl.lit("person"))
        .when(pl.col("mcc").is_null())
        .then(pl.lit("housing_loan"))
        .when((pl.col("mcc") == DIGITAL_GOODS) & (pl.col("kind") == "bill"))
        .then(pl.lit("telecom_media"))
        .otherwise(pl.col("mcc").replace_strict(table, default="other", return_dtype=pl.String))
    )
