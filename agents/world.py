"""What kernels read: the places, habits and books of the economy, as named tuples of arrays."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

CATEGORY = np.dtype(
    [
        ("mcc", "u2"),
        ("log_mean", "f8"),  # ln cents at the run's prices
        ("sigma", "f8"),  # ln, within one customer and merchant
        ("in_person", "f8"),  # share bought in person
        ("refund", "f8"),
        ("ending", "u1"),
        ("position_first", "i4"),  # favourites at a place: first slot and number
        ("position_count", "i4"),
        ("online_first", "i4"),  # favourites online
        ("online_count", "i4"),
    ],
    align=True,
)
"""One row per category, cash machines last."""

FREE, CHARM, WHOLE, TIP = range(4)
ENDINGS = ("free", "charm", "whole", "tip")

OBLIGATION = np.dtype(
    [
        ("amount", "i8"),  # cents
        ("owner", "i4"),  # customer row
        ("payee", "i4"),  # account row
        ("merchant", "i4"),  # merchant row; -1 for none
        ("sigma", "f4"),  # spread of the log of the amount from month to month
        ("due", "u1"),  # day of the month, 1 to 28
        ("means", "u1"),  # BY_DIRECT_DEBIT ...
        ("category", "u1"),
        ("number", "u1"),  # number among the owner's obligations
    ],
    align=True,
)
"""What a customer must pay each month, sorted by (due, owner)."""

(BY_DIRECT_DEBIT, BY_DEBIT_CARD, BY_CREDIT_CARD, BY_TRANSFER, BY_CHECK, BY_INSTANT, TO_WALLET, IN_CASH) = range(8)

RULES = np.dtype(
    [
        ("velocity", "i8"),
        ("decline_velocity", "i8"),
        ("remote_amount", "i8"),  # cents, as all amounts here
        ("foreign_amount", "i8"),
        ("new_payee", "i8"),
        ("new_payee_hold", "i8"),
        ("new_device", "i8"),
        ("alert_amount", "i8"),
        ("cash_machine", "i8"),
        ("card_day", "i8"),
        ("merchant_test", "i8"),
        ("transfer_day", "i8"),
        ("new_payee_day", "i8"),
        ("cooling_off", "i8"),
        ("firm", "f8"),  # thresholds of the smallest firm against a person's
        ("wealthy", "f8"),  # limits of a day of the highest income band against another person's
        ("model_decline", "f8"),  # scores; above 1 for never
        ("model_hold", "f8"),
        ("model_challenge", "f8"),
        ("control_group", "f8"),  # share of scored requests
    ],
    align=True,
)
"""Thresholds of one institution's rules."""

BEHAVIOUR = np.dtype(
    [
        (name, "f8")
        for name in [
            "purchases_per_trip",
            "exploration",
            "adoption",
            "near",
            "foreign_online",
            "trips_away",
            "journey_days",
            "abroad",
            "mobile_wallet",
            "contactless",
            "contactless_limit",
            "magstripe",
            "keyed",
            "three_d_secure",
            "card_on_file",
            "tip",
            "mistype",
            "one_sitting",
            "other_device",
            "borrowed_device",
            "wrong_pin",
            "verification",
            "retry",
            "tight_days",
            "tight_skip",
            "dry_skip",
            "transfer_log_mean",
            "transfer_sigma",
            "transfer_round",
            "instant",
            "new_payee",
            "large_transfers",
            "pay_day",
            "other_income",
            "other_income_mean",
            "remote_factor",
            "challenge_owner",
            "challenge_thief",
            "challenge_abandon",
            "challenge_elder",
            "challenge_warned",
            "elder_year",
            "elsewhere",
            "leave",
            "overdraft_fee",
            "credit_interest",
            "savings_interest",
            "cash_mean",
            "projects",
            "project_median",
            "project_sigma",
            "investors",
            "invest_median",
            "remitters",
            "remit_median",
            "raised_from",
            "raised_share",
            "holders",
            "withdrawals",
            "drawn_median",
            "drawn_sigma",
            "from_sellers",
            "seller_median",
            "seller_sigma",
            "supplier_new",
            "supplier_change",
            "group_share",
            "forwards",
            "forward_hours",
            "in_parts",
            "parts_hours",
            "large_credits",
            "deposits",
            "second_bank",
            "own_transfers",
            "staff_share",
            "circle_share",
            "sweep_share",
            "cash_firms",
            "just_below",
        ]
    ],
    align=True,
)
"""Scalars of behaviour and banks that kernels read; one record."""

DAY = np.dtype(
    [
        ("day", "i8"),
        ("weekday", "i8"),
        ("month_day", "i8"),
        ("month_length", "i8"),
        ("bank_day", "i8"),
        ("days_collected", "i8"),  # days whose dues are collected today: since the last banking day
        ("last_month_length", "i8"),
        ("last_bank_day", "i8"),
        ("month_end", "i8"),
        ("activity", "f8"),
    ],
    align=True,
)
"""Conditions of one day as kernels read them."""


class Places(NamedTuple):
    """Where one can pay.

    Attributes:
        areas: (A,) AREA; homes, the online market, foreign places.
        merchants: (M,) merchant columns.
        cell_start: (A * K + 1,) int64 first position in cell_merchant of each (area, category).
        cell_cumulative: (M,) float64 popularity, cumulative within the cell.
        cell_merchant: (M,) int32 merchant rows sorted by cell.
        any_start: (K + 1,) int64 as cell_start, over all home areas, in person.
        any_cumulative, any_merchant: as above.
        area_cumulative: (homes,) float64 cumulative weight of home areas.
        homes: int, number of home areas; the online market is area `homes`.
    """

    areas: Any
    merchants: Any
    cell_start: Any
    cell_cumulative: Any
    cell_merchant: Any
    any_start: Any
    any_cumulative: Any
    any_merchant: Any
    area_cumulative: Any
    homes: int


class Habits(NamedTuple):
    """What, when and how one pays.

    Attributes:
        categories: (K,) CATEGORY.
        hours: (24,) float64 cumulative, trips by hour.
        remote_hours: (24,) float64 cumulative, remote purchases by hour.
        category_by_hour: (24, K - 1) float64 cumulative, what is bought in person and remotely in an hour.
        means: (K - 1, 2, 5, 5, 5) float64 weights of cash, debit, credit, check, bank by (category, remote,
            amount band, income band).
        favourite_cumulative: (9, 8) float64, row n: cumulative visit weights of n favourites.
        behaviour: (1,) BEHAVIOUR.
        exchange_rate: (currencies,) float64, units of the currency for one of the home currency.
    """

    categories: Any
    hours: Any
    remote_hours: Any
    category_by_hour: Any
    means: Any
    favourite_cumulative: Any
    behaviour: Any
    exchange_rate: Any


class People(NamedTuple):
    """The customers' columns and memories.

    Attributes:
        customers: (C,) customer columns.
        favourites: (C, F) int32 merchant rows; -1 for none.
        contacts: (C, k) int32 account rows.
        payees: (C, 8) int32 account rows paid lately; -1 for none.
        obligations: (n,) OBLIGATION.
        employers: (E,) employer columns.
        businesses: (B,) int32 rows of business customers.
        trade: (B,) float64, cumulative: how much each of them supplies to others.
        suppliers: (2,) int64 first account row and number of outside persons and suppliers.
    """

    customers: Any
    favourites: Any
    contacts: Any
    payees: Any
    obligations: Any
    employers: Any
    businesses: Any
    trade: Any
    suppliers: Any


class Books(NamedTuple):
    """Account rows and keys that kernels need.

    Attributes:
        accounts: (N,) ledger.ACCOUNT.
        rules: (I,) RULES.
        tests: (I, M) int32 declined small remote attempts of this hour, as of the start of the tick.
        named: (len(NAMED),) int64 rows of the named outside accounts.
        merchants: (M,) merchant columns.
        income_accounts: (I,) int64 rows of the institutions' income accounts.
        keys: (len(Purpose),) uint64.
        id_key: (1,) uint64.
        merchant_base: (1,) int64.
    """

    accounts: Any
    rules: Any
    tests: Any
    named: Any
    merchants: Any
    income_accounts: Any
    keys: Any
    id_key: Any
    merchant_base: Any
