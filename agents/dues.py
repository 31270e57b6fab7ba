"""What customers must pay each month: housing, utilities, telephone, insurance, loans, subscriptions, rent shares."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from finsim.agents import customer as cu
from finsim.agents.places import Founding
from finsim.agents.world import (
    BY_CHECK,
    BY_CREDIT_CARD,
    BY_DEBIT_CARD,
    BY_DIRECT_DEBIT,
    BY_INSTANT,
    BY_TRANSFER,
    OBLIGATION,
    TO_WALLET,
)
from finsim.ledger import LANDLORDS, LENDERS, SLOTS, WALLET, Ledger
from finsim.parameters import Parameters
from finsim.records import chosen, joined
from finsim.rng import Purpose, Streams, choose, to_normal

# Kinds of dues in a fixed order; their position is the ordinal of the payment's id.
HOUSING, UTILITY, TELEPHONE, INSURANCE, LOAN, SUBSCRIPTION, FLATMATE, TOP_UP = 0, 2, 6, 10, 14, 18, 28, 30
MAX_SUBSCRIPTIONS = 8
MOST_FINANCIAL = 3


class _Book:
    """Collects obligations column by column."""

    def __init__(self) -> None:
        self.parts: list[NDArray[np.void]] = []

    def add(self, owners: NDArray[Any], number: int, **columns: Any) -> None:
        part = np.zeros(len(owners), dtype=OBLIGATION)
        part["owner"] = owners
        part["number"] = number
        part["merchant"] = -1
        part["category"] = 255
        for name, values in columns.items():
            part[name] = values
        self.parts.append(part)


def _means(
    weights: NDArray[np.float64], u: NDArray[np.float64], automatic: NDArray[np.bool_], cards: NDArray[Any]
) -> NDArray[np.int64]:
    """Return how each pays a bill, (n,) BY_...: weights of (debit card, credit card, check, bank) and the own habit."""
    table = np.cumsum(weights / weights.sum())
    choice = np.searchsorted(table, u).clip(0, 3)
    by_bank = np.where(automatic, BY_DIRECT_DEBIT, BY_TRANSFER)
    means = np.select([choice == 0, choice == 1, choice == 2], [BY_DEBIT_CARD, BY_CREDIT_CARD, BY_CHECK], by_bank)
    means = np.where((means == BY_DEBIT_CARD) & (cards & 1 == 0), by_bank, means)
    return np.where((means == BY_CREDIT_CARD) & (cards & 4 == 0), by_bank, means)


def _pick_online(founding: Founding, category: int, u: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return a merchant of the national market for each uniform, by popularity."""
    places = founding.places
    cell = places.homes * len(founding.categories) + category
    first, end = places.cell_start[cell], places.cell_start[cell + 1]
    return np.asarray(first + choose(places.cell_cumulative[first:end], u))


def found_dues(
    data: NDArray[Any], parameters: Parameters, streams: Streams, founding: Founding, ledger: Ledger
) -> NDArray[np.void]:
    """Return the customers' obligations, (n,) OBLIGATION sorted by (due, owner).

    Amounts of utilities, telephone and insurance follow the diary's distribution of their payee type at
    the run's prices; housing and loans follow income.
    """
    n, b = len(data), parameters.behaviour
    book = _Book()
    rows = np.arange(n)
    business = data["segment_code"] == cu.BUSINESS
    person = ~business
    automatic = streams.uniform(Purpose.OBLIGATION, n, draw=99)[:, 0] < b.automatic_bill_share
    income = data["income_cents"].astype(float)

    u = streams.uniform(Purpose.OBLIGATION, n)
    v = streams.uniform(Purpose.OBLIGATION, n, draw=1)
    rents = u[:, 0] < b.rent_share
    mortgage = ~rents & (u[:, 0] < b.rent_share + b.mortgage_share)
    cost = b.rent_of_income * np.clip(income, 90_000, 3_000_000) * np.exp(0.25 * to_normal(u[:, 1])) // 500 * 500
    shares = rents & person & (u[:, 2] < b.shared_rent_share)
    rent_due = np.where(v[:, 0] < 0.75, 1, 2 + (v[:, 1] * 14).astype(int))
    flatmate = (rows + 1) % n
    pays_rent = np.flatnonzero(rents & ~shares & person)
    rent_means = np.select([v[:, 2] < 0.3, v[:, 2] < 0.55], [BY_CHECK, BY_TRANSFER], BY_DIRECT_DEBIT)
    book.add(
        pays_rent,
        HOUSING,
        payee=_landlords(data, parameters, streams, ledger, rent_means)[pays_rent],
        amount=cost[pays_rent],
        due=rent_due[pays_rent],
        means=rent_means[pays_rent],
    )
    flat = np.flatnonzero(shares)
    book.add(
        flat,
        FLATMATE,
        payee=flatmate[flat] * SLOTS,
        amount=0.5 * cost[flat] // 500 * 500,
        due=rent_due[flat],
        means=BY_INSTANT,
    )
    owns = np.flatnonzero(mortgage & person)
    book.add(
        owns,
        HOUSING,
        payee=ledger.named[LENDERS],
        amount=cost[owns] + (v[owns, 3] * 500).astype(int),
        due=rent_due[owns],
        means=BY_DIRECT_DEBIT,
    )
    _add_loans(book, data, parameters, streams, ledger, automatic, (u[:, 3], v[:, 1], v[:, 2]))

    _add_bills(book, data, parameters, streams, founding, ledger, automatic)
    _add_subscriptions(book, data, parameters, streams, founding, ledger)
    w = streams.uniform(Purpose.OBLIGATION, n, draw=50)
    wallet = np.flatnonzero((data["accounts"] & 8 > 0) & person & (w[:, 2] < b.wallet_top_up_share))
    amount = (2_000 + 1_000 * (w[:, 0] * 9).astype(int))[wallet]
    book.add(
        wallet,
        TOP_UP,
        payee=wallet * SLOTS + WALLET,
        amount=amount,
        due=1 + (w[wallet, 1] * 28).astype(int),
        means=TO_WALLET,
    )
    dues = joined(book.parts)
    # Due, owner and number in one sorting key.
    key = dues["due"].astype(np.int64) << 40 | dues["owner"].astype(np.int64) << 8 | dues["number"]
    return chosen(dues, np.argsort(key, kind="stable"))


def _add_loans(
    book: _Book,
    data: NDArray[Any],
    parameters: Parameters,
    streams: Streams,
    ledger: Ledger,
    automatic: NDArray[np.bool_],
    first: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
) -> None:
    """Add instalments and other regular payments to financial firms, in proportion to income.

    Args:
        book: takes them.
        data: customer columns.
        parameters: the scenario's parameters.
        streams: random streams.
        ledger: has the lenders' account.
        automatic: (C,) bool, who lets bills be collected.
        first: uniforms of the first loan, for whether, size and day, (C,) each.
    """
    b = parameters.behaviour
    person = data["segment_code"] != cu.BUSINESS
    income = data["income_cents"].astype(float)
    means = np.where(automatic, BY_DIRECT_DEBIT, BY_TRANSFER)
    for copy in range(1 + MOST_FINANCIAL):
        draws, share = first, b.loan_share
        if copy:
            u = streams.uniform(Purpose.OBLIGATION, len(data), draw=51 + copy)
            draws, share = (u[:, 0], u[:, 1], u[:, 2]), b.financial_payments_mean / MOST_FINANCIAL
        which = np.flatnonzero((draws[0] < share) & person)
        size = np.clip(b.loan_of_income * income, 8_000, 90_000 * b.loan_of_income / 0.07)
        size *= np.exp(0.35 * to_normal(draws[1]))
        book.add(
            which,
            LOAN + copy,
            payee=ledger.named[LENDERS],
            amount=size[which].astype(int),
            due=(1 + (draws[2] * 28).astype(int))[which],
            means=means[which],
        )


def _landlords(
    data: NDArray[Any], parameters: Parameters, streams: Streams, ledger: Ledger, means: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return whom each customer would pay rent to, (n,) account rows: a private person of this bank, or any other."""
    w = streams.uniform(Purpose.OBLIGATION, len(data), draw=51)
    payee = np.full(len(data), ledger.named[LANDLORDS], dtype=np.int64)
    letting = np.flatnonzero((data["segment_code"] != cu.BUSINESS) & (data["income_band_code"] >= 3) & (w[:, 0] < 0.12))
    if len(letting):
        landlord = letting[(w[:, 1] * len(letting)).astype(np.int64)]
        private = (means != BY_DIRECT_DEBIT) & (w[:, 2] < parameters.behaviour.pooling.private_landlords)
        private &= landlord != np.arange(len(data))
        payee[private] = landlord[private] * SLOTS
    return payee


def _add_bills(
    book: _Book,
    data: NDArray[Any],
    parameters: Parameters,
    streams: Streams,
    founding: Founding,
    ledger: Ledger,
    automatic: NDArray[np.bool_],
) -> None:
    """Add the bills of the categories that are marked as bills, in as many copies as their share of payments asks."""
    n, b = len(data), parameters.behaviour
    first = {"utilities": UTILITY, "telecom": TELEPHONE, "insurance": INSURANCE}
    scale = np.clip((data["income_cents"] / np.median(data["income_cents"])) ** 0.3, 0.5, 2.0)
    for position, (name, category) in enumerate(b.fitted_categories().items()):
        if not category.bill:
            continue
        number = first.get(name, 22 + position % 3)
        mean = b.payments_per_month * category.share
        for copy in range(min(int(np.ceil(mean)), 4)):
            u = streams.uniform(Purpose.OBLIGATION, n, second=position, draw=2 * copy + 10)
            v = streams.uniform(Purpose.OBLIGATION, n, second=position, draw=2 * copy + 11)
            owners = np.flatnonzero(u[:, 0] < min(1.0, mean - copy))
            merchant = _pick_online(founding, position, u[owners, 1])
            amount = (
                100
                * b.price_level
                * np.exp(category.log_mean + 0.85 * category.log_sigma * to_normal(u[owners, 2]))
                * scale[owners]
            )
            weights = np.array([category.debit_card, category.credit_card * 1.3, category.check * 0.6, category.bank])
            book.add(
                owners,
                number + copy,
                payee=ledger.merchant_base + merchant,
                merchant=merchant,
                category=position,
                amount=np.clip(amount, 500, 300_000).astype(np.int64),
                sigma=0.12 if name == "utilities" else 0.0,
                due=1 + (u[owners, 3] * 28).astype(int),
                means=_means(weights, v[owners, 0], automatic[owners], data["cards"][owners]),
            )


def _add_subscriptions(
    book: _Book, data: NDArray[Any], parameters: Parameters, streams: Streams, founding: Founding, ledger: Ledger
) -> None:
    """Add subscriptions on a stored card, to merchants of digital goods."""
    n = len(data)
    position = founding.category_names.index("digital_goods")
    share = parameters.behaviour.subscriptions_mean / MAX_SUBSCRIPTIONS
    for copy in range(MAX_SUBSCRIPTIONS):
        u = streams.uniform(Purpose.OBLIGATION, n, draw=20 + 2 * copy)
        v = streams.uniform(Purpose.OBLIGATION, n, draw=21 + 2 * copy)
        owners = np.flatnonzero((u[:, 0] < share) & (data["cards"] > 0))
        merchant = _pick_online(founding, position, u[owners, 1])
        amount = (np.array([4, 7, 9, 11, 14, 15, 19, 29])[(u[owners, 2] ** 1.5 * 8).astype(int)] * 100 + 99).astype(
            np.int64
        )
        credit = (v[owners, 0] < 0.55) & (data["cards"][owners] & 4 > 0) | (data["cards"][owners] & 1 == 0)
        book.add(
            owners,
            SUBSCRIPTION + copy,
            payee=ledger.merchant_base + merchant,
            merchant=merchant,
            category=position,
            amount=amount,
            due=1 + (u[owners, 3] * 28).astype(int),
            means=np.where(credit, BY_CREDIT_CARD, BY_DEBIT_CARD),
        )


def monthly_dues(dues: NDArray[np.void], customers: int) -> NDArray[np.int64]:
    """Return what each customer owes a month, (customers,) int64 cents, top-ups of the own wallet left out."""
    counted = dues[dues["means"] != TO_WALLET]
    return np.bincount(counted["owner"], weights=counted["amount"], minlength=customers).astype(np.int64)
