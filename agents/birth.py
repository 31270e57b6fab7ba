"""Birth of the customers: who they are, what they earn and hold, where they go, whom they pay.

The economy begins in the middle of life: accounts, cards and devices have ages, cards carry balances,
bills are under way, people know their shops and their friends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finsim.agents import customer as cu
from finsim.agents.mobile_money import opening_cents
from finsim.agents.places import Founding
from finsim.agents.slots import SHARING_HOUSEHOLDS, any_merchant
from finsim.compile import kernel
from finsim.ledger import CHECKING, CREDIT_CARD, SAVINGS, SLOTS, WALLET, Ledger
from finsim.parameters import Behaviour, Parameters
from finsim.payments import COUNTRIES
from finsim.rng import Purpose, Streams, philox, to_normal, unit

AGE_BANDS = (
    (18, 25, 0.12),
    (25, 35, 0.18),
    (35, 45, 0.17),
    (45, 55, 0.16),
    (55, 65, 0.16),
    (65, 75, 0.13),
    (75, 90, 0.08),
)
"""Adults by age, (from, to, share) (assumption: rounded shares of the US adult population)."""
INCOME_BY_AGE = (0.62, 0.9, 1.08, 1.18, 1.12, 0.85, 0.75)
"""Income of each band against the mean (assumption: the usual hump over the working life)."""
NEVER = 1_000_000
"""Days after which nothing happens any more."""
RELATION_YEARS = 7.0
"""Mean length of a relation to a bank beyond its first year (assumption: goes with behaviour.newcomer_share)."""
CHARGE_OFF_DAYS = 180
"""Days without payment after which a card's balance is charged off (assumption: usual US practice)."""
DEFAULT_YEARS = 10
"""Years from the start of a run for which it is drawn who stops paying back; a choice of the model."""
PAYS_PER_MONTH = (52 / 12, 26 / 12, 2.0, 1.0, 1.0, 0.0)
"""Pays a month of WEEKLY ... NO_PAY."""
TICKET_ELASTICITY = 0.15
"""Elasticity of ticket sizes to the budget (derived: medians by income band, us_dcp_amount_median_by_hh_income_*)."""
COUNT_ELASTICITY = 0.3
"""Elasticity of the number of purchases to the budget (derived: with the tickets', expenditure against income over the
quintiles us_hou_ce_table1101_*)."""
CHECKING_SHARE = 0.4
"""Part of a household's transaction accounts that lies on checking where there is a savings account (assumption)."""

MOST_MONEY = 200_000_000
"""Cents beyond which nobody keeps money on such accounts (assumption: it is invested)."""


@dataclass
class Birth:
    """What birth leaves for the economy.

    Attributes:
        favourites: (C, F) int32 merchant rows.
        contacts: (C, k) int32 account rows.
        opened_day: (C, 4) int32 days on which the accounts were opened; -1 where there is none.
        businesses: (B,) int32 customer rows.
        debit_issued, credit_issued: (C,) int32 days of issue of the present cards.
    """

    favourites: NDArray[np.int32]
    contacts: NDArray[np.int32]
    opened_day: NDArray[np.int32]
    businesses: NDArray[np.int32]
    debit_issued: NDArray[np.int32]
    credit_issued: NDArray[np.int32]


def gamma(u: NDArray[np.float64], variance: float) -> NDArray[np.float64]:
    """Return gamma variates of mean 1 by inversion of uniforms, (n,) float64.

    The quantile function is computed at 4097 normal quantiles from -6 to 6 and interpolated linearly between them:
    exact to four digits, and ten times as fast as inverting every uniform.
    """
    if variance <= 0:
        return np.ones_like(u)
    from scipy.special import gammaincinv, ndtr  # heavy; only needed here

    shape = 1.0 / variance
    z = np.linspace(-6.0, 6.0, 4097)
    return np.asarray(np.interp(to_normal(u), z, gammaincinv(shape, ndtr(z)) / shape))


def people(data: NDArray[Any], parameters: Parameters, streams: Streams, founding: Founding, first_day: int) -> None:
    """Draw age, sex, home, segment and institution into the columns data, (C,)."""
    n, p = len(data), parameters.population
    u = streams.uniform(Purpose.POPULATION, n)
    v = streams.uniform(Purpose.POPULATION, n, draw=1)
    w = streams.uniform(Purpose.POPULATION, n, draw=2)
    shares = np.cumsum([share for _, _, share in AGE_BANDS])
    band = np.searchsorted(shares / shares[-1], u[:, 0]).clip(0, len(AGE_BANDS) - 1)
    low = np.array([first for first, _, _ in AGE_BANDS])[band]
    high = np.array([last for _, last, _ in AGE_BANDS])[band]
    age = low + ((high - low) * u[:, 1]).astype(int)
    year = (
        int((np.datetime64("1970-01-01") + np.timedelta64(first_day, "D")).astype("datetime64[Y]").astype(int)) + 1970
    )
    data["birth_year"] = year - age
    data["sex"] = u[:, 2] < 0.49
    weights = np.cumsum(founding.places.areas["weight"][: p.areas])
    data["area"] = np.searchsorted(weights / weights[-1], u[:, 3]).clip(0, p.areas - 1)
    segment = np.full(n, cu.EMPLOYED)
    segment[v[:, 0] < p.unemployed_share] = cu.UNEMPLOYED
    segment[(age < 24) & (v[:, 1] < p.student_share)] = cu.STUDENT
    segment[age >= p.retired_age] = cu.RETIRED
    business = v[:, 2] < p.business_share
    segment[business] = cu.BUSINESS
    data["segment_code"] = segment
    data["sex"][business] = 2
    data["birth_year"][business] = year - 1 - (20 * v[business, 3]).astype(int)
    shares = np.cumsum([bank.share for bank in parameters.banks.institutions])
    data["institution"] = np.searchsorted(shares / shares[-1], w[:, 0]).clip(0, len(shares) - 1)
    newcomer = w[:, 1] < parameters.behaviour.newcomer_share
    relation = np.where(
        newcomer, 365.0 * w[:, 2], np.minimum(365.0 * (1.0 - RELATION_YEARS * np.log(w[:, 2])), 40 * 365.0)
    ).astype(int)
    # Nobody joins a bank before the age of 16, or before the firm exists.
    life = np.where(business, year - data["birth_year"].astype(int), age - 16)
    relation = np.minimum(relation, 30 + 365 * np.maximum(life - 1, 0))
    # Who joins within the next year is there from the start, asleep: the population does not hang on the run's length.
    joins_later = w[:, 3] < parameters.behaviour.newcomer_share
    joins = first_day + 1 + (364.0 * w[:, 2]).astype(int)
    data["since_day"] = np.where(joins_later, joins, first_day - relation)
    data["susceptibility"] = gamma(streams.uniform(Purpose.POPULATION, n, draw=3)[:, 0], 0.8) * np.where(
        age >= 60, 1.3, 0.9
    )
    _reserve_identities(data, parameters, streams, age, first_day)


def _reserve_identities(
    data: NDArray[Any], parameters: Parameters, streams: Streams, age: NDArray[np.int64], first_day: int
) -> None:
    """Set rows aside for identities that rings bring to life, and say who shares a home.

    A reserved row is there at every intensity, with the same draws, and asleep until a ring applies with it: so the
    others are the same people in a twin. Genuine people who share devices and live in one area share the address too.
    """
    n = len(data)
    u = streams.uniform(Purpose.POPULATION, n, draw=5)
    working = (age >= 21) & (age < 60) & (data["segment_code"] != cu.BUSINESS)
    share = parameters.fraud.identities.per_1000_customers / 1000.0
    reserved = working & (u[:, 0] < share / max(float(working.mean()), 0.1))
    data["reserved"] = reserved
    data["segment_code"][reserved] = cu.EMPLOYED
    data["since_day"][reserved] = first_day + NEVER
    data["susceptibility"][reserved] = 0.0
    rows = np.arange(n)
    partner = np.minimum(rows ^ 1, n - 1)
    together = (shared_households(rows)) & (data["area"] == data["area"][partner]) & ~reserved & ~reserved[partner]
    data["dwelling"] = np.where(together, np.minimum(rows, partner), rows)
    # Who stops paying back, and when: some did so before the run begins.
    d = streams.uniform(Purpose.DEFAULT, n)
    yearly = parameters.behaviour.defaults_per_1000_customers / 1000.0
    span = CHARGE_OFF_DAYS + DEFAULT_YEARS * 365
    defaults = (d[:, 0] < yearly * span / 365.0) & ~reserved & (data["segment_code"] != cu.BUSINESS)
    day = first_day - CHARGE_OFF_DAYS + (d[:, 1] * span).astype(int)
    data["default_day"] = np.where(defaults & (day > data["since_day"] + 60), day, first_day + NEVER)
    data["defaulting"] = data["default_day"] <= first_day


def incomes(data: NDArray[Any], parameters: Parameters, streams: Streams, employers: int) -> None:
    """Draw income, pay schedule and employer."""
    n, p = len(data), parameters.population
    u = streams.uniform(Purpose.INCOME, n, second=1)
    v = streams.uniform(Purpose.INCOME, n, second=1, draw=1)
    frequency = np.array([p.pay_weekly, p.pay_biweekly, p.pay_semimonthly, p.pay_monthly])
    frequency = frequency / frequency.sum()
    mean = p.net_pay_mean * float(frequency @ np.array(PAYS_PER_MONTH[:4]))
    segment = data["segment_code"]
    age = (data["birth_year"].max() + 18) - data["birth_year"]
    band = np.searchsorted([high for _, high, _ in AGE_BANDS[:-1]], age, side="right")
    level = mean * np.array(INCOME_BY_AGE)[band.clip(0, len(INCOME_BY_AGE) - 1)]
    level = np.where(segment == cu.RETIRED, p.pension_monthly_mean * 1.35, level)
    level = np.where(segment == cu.STUDENT, 0.35 * mean, level)
    level = np.where(segment == cu.UNEMPLOYED, 0.4 * mean, level)
    level = np.where(segment == cu.BUSINESS, 2.2 * mean, level)
    sigma = np.where(segment == cu.RETIRED, 0.45, p.income_log_sigma)
    income = level * np.exp(sigma * to_normal(u[:, 0]) - sigma**2 / 2)
    schedule = np.searchsorted(np.cumsum(frequency), u[:, 1]).clip(0, 3)
    schedule = np.where((segment == cu.RETIRED) | (segment == cu.UNEMPLOYED), cu.PENSION, schedule)
    schedule = np.where(segment == cu.BUSINESS, cu.NO_PAY, schedule)
    data["income_cents"] = np.maximum(income * 100, 20_000).astype(np.int64)
    data["pay_schedule"] = schedule
    data["pay_anchor"] = np.where(schedule == cu.PENSION, 1 + (u[:, 2] * 3).astype(int), u[:, 2] < 0.5)
    per_month = np.array(PAYS_PER_MONTH)[schedule]
    data["pay_cents"] = np.where(per_month > 0, data["income_cents"] / np.maximum(per_month, 1.0), 0).astype(np.int64)
    has_employer = (segment == cu.EMPLOYED) | (segment == cu.STUDENT)
    data["employer"] = np.where(has_employer, (employers * v[:, 0] ** 2).astype(int), -1)
    yearly = data["income_cents"] * 12 / 100
    data["income_band_code"] = np.searchsorted([25_000, 50_000, 75_000, 100_000], yearly, side="right")
    saves = parameters.behaviour.savings_rate * data["pay_cents"] * (v[:, 1] < 0.6) * np.where(v[:, 2] < 0.5, 0.5, 1.5)
    data["savings_cents"] = (saves // 500 * 500).astype(np.int64)
    data["last_pay_day"] = -100


def holdings(data: NDArray[Any], parameters: Parameters, streams: Streams, ledger: Ledger, first_day: int) -> Birth:
    """Draw accounts, cards, limits and balances; put the balances into the ledger."""
    n, p = len(data), parameters.population
    u = streams.uniform(Purpose.POPULATION, n, draw=10)
    v = streams.uniform(Purpose.POPULATION, n, draw=11)
    w = streams.uniform(Purpose.POPULATION, n, draw=12)
    x = streams.uniform(Purpose.POPULATION, n, draw=13)
    rich = data["income_cents"] / np.median(data["income_cents"])
    business = data["segment_code"] == cu.BUSINESS
    has_savings = u[:, 0] < p.savings_share * np.clip(rich**0.15, 0.7, 1.25)
    has_credit = u[:, 1] < p.credit_card_share * np.clip(rich**0.2, 0.6, 1.2)
    has_wallet = (u[:, 2] < p.wallet_share) & ~business
    data["accounts"] = 1 + 2 * has_savings + 4 * has_credit + 8 * has_wallet
    data["cards"] = 1 * (u[:, 3] < p.debit_card_share) + 4 * has_credit
    data["transactor"] = v[:, 0] < p.transactor_share * np.clip(rich**0.2, 0.6, 1.3)
    data["statement_day"] = 1 + (v[:, 1] * 28).astype(int)
    spread = np.sqrt(max(p.balance_log_sigma**2 - (0.6 * p.income_log_sigma) ** 2, 0.01))
    wealth = 100 * p.balance_median * rich**0.6 * np.exp(spread * to_normal(v[:, 2]))
    wealth = np.clip(wealth, 2_000, MOST_MONEY) * np.where(business, 2.0, 1.0)
    checking = np.where(has_savings, CHECKING_SHARE, 1.0) * wealth
    floor = data["income_cents"] * 0.15 * w[:, 0]
    books = ledger.accounts[: ledger.customer_accounts].reshape(n, SLOTS)
    books["balance"][:, CHECKING] = np.maximum(checking, floor).astype(np.int64)
    books["balance"][:, SAVINGS] = np.where(has_savings, wealth * (1 - CHECKING_SHARE), 0).astype(np.int64)
    limit = np.clip(3.0 * data["income_cents"] * np.exp(0.5 * to_normal(w[:, 1])), 50_000, 6_000_000) // 50_000 * 50_000
    books["limit"][:, CREDIT_CARD] = np.where(has_credit, limit, 0)
    revolving = 100 * p.revolving_median * np.exp(1.0 * to_normal(w[:, 2]))
    spent = 0.35 * data["income_cents"] * w[:, 2]
    owed = np.where(data["transactor"] == 1, spent, np.minimum(revolving, 0.8 * limit)) * has_credit
    # Who stopped paying back before the run has used up most of the limit since.
    behind = (first_day - data["default_day"]) / CHARGE_OFF_DAYS
    owed = np.where(behind > 0, np.maximum(owed, (0.55 + 0.4 * np.minimum(behind, 1.0)) * limit * has_credit), owed)
    books["balance"][:, CREDIT_CARD] = -owed.astype(np.int64)
    data["statement_cents"] = (0.8 * owed).astype(np.int64)
    data["unpaid_cents"] = np.where(w[:, 3] < 0.7, data["statement_cents"], 0)
    in_wallet = 4_000 * np.exp(1.2 * to_normal(v[:, 3]))
    if parameters.behaviour.mobile_money.active_share > 0:
        in_wallet = opening_cents(parameters.behaviour.mobile_money, streams, n).astype(np.float64)
    books["balance"][:, WALLET] = np.where(has_wallet, in_wallet, 0).astype(np.int64)
    overdraft = 100 * p.overdraft_limit * np.where(x[:, 0] < 0.5, 0.5, 1.5) // 10_000 * 10_000
    books["limit"][:, CHECKING] = np.where(x[:, 1] < p.overdraft_share, overdraft, 0)
    data["cash_cents"] = (-np.log(x[:, 2]) * p.cash_on_person * 100).astype(np.int64)
    data["cash_planned"] = data["cash_cents"]
    _thin_files(data, books)
    y = streams.uniform(Purpose.POPULATION, n, draw=14)
    age = np.minimum(first_day - data["since_day"], 40 * 365)
    opened = np.repeat(np.maximum(age, 0)[:, None], SLOTS, axis=1) * np.column_stack(
        [np.ones(n), y[:, 0], y[:, 1], y[:, 2]]
    )
    opened_day = np.where(
        (data["accounts"][:, None] >> np.arange(4)) & 1,
        data["since_day"][:, None] + (np.maximum(age, 0)[:, None] - opened),
        -1,
    )
    issued = first_day - (y * 4 * 365).astype(int)
    return Birth(
        favourites=np.empty((0, 0), np.int32),
        contacts=np.empty((0, 0), np.int32),
        opened_day=opened_day.astype(np.int32),
        businesses=np.flatnonzero(business).astype(np.int32),
        debit_issued=np.maximum(issued[:, 0], opened_day[:, CHECKING]).astype(np.int32),
        credit_issued=np.maximum(issued[:, 1], opened_day[:, CREDIT_CARD]).astype(np.int32),
    )


def _thin_files(data: NDArray[Any], books: NDArray[Any]) -> None:
    """Leave reserved identities a checking account with little on it and an empty credit card.

    Args:
        data: (C,) customer columns.
        books: (C, SLOTS) ACCOUNT.
    """
    rows = np.flatnonzero(data["reserved"])
    data["accounts"][rows], data["cards"][rows] = 5, 5
    data["statement_cents"][rows] = data["unpaid_cents"][rows] = 0
    books["balance"][rows, CHECKING] = 2_000 + books["balance"][rows, CHECKING] % 110_000
    books["limit"][rows, CHECKING] = 0
    for slot in (SAVINGS, CREDIT_CARD, WALLET):
        books["balance"][rows, slot] = 0
    books["limit"][rows, CREDIT_CARD] = 50_000


def habits(
    data: NDArray[Any],
    parameters: Parameters,
    streams: Streams,
    dues: NDArray[np.int64],
    mean_ticket: float,
    shopping_share: float,
) -> None:
    """Draw how much, how often and by which means one buys, within one's budget.

    Args:
        data: customer columns.
        parameters: the scenario's parameters.
        streams: random streams.
        dues: (C,) int64 cents that each owes a month.
        mean_ticket: mean amount of a purchase at scale 0, cents.
        shopping_share: share of the payments of a month that are purchases.
    """
    n, b = len(data), parameters.behaviour
    u = streams.uniform(Purpose.PURCHASE, n, second=1)
    v = streams.uniform(Purpose.PURCHASE, n, second=1, draw=1)
    business = data["segment_code"] == cu.BUSINESS
    month = 365.25 / 12
    target = b.payments_per_month * shopping_share
    budget = np.maximum(b.spending_of_income * data["income_cents"] - dues, 0.3 * data["income_cents"])
    wealth = np.log(budget / np.median(budget))
    purchases = target * gamma(u[:, 0], b.activity_variance) * np.exp(COUNT_ELASTICITY * wealth)
    scale = TICKET_ELASTICITY * wealth + b.scale_sigma * to_normal(u[:, 1])
    short = np.clip(budget / (purchases * mean_ticket * np.exp(scale)), 0.1, 1.0)
    purchases *= short**0.6
    purchases *= target / purchases.mean()
    scale += 0.4 * np.log(short)
    scale -= scale.mean()
    data["activity"] = purchases / month / b.purchases_per_trip * np.where(business, 0.6, 1.0)
    data["scale"] = scale.clip(-1.2, 1.4)
    data["daily_cents"] = np.minimum(purchases * mean_ticket * np.exp(scale), budget) / month
    data["cash_tilt"] = np.exp(0.9 * to_normal(u[:, 2]) - 0.4)
    data["credit_tilt"] = np.exp(1.4 * to_normal(u[:, 3]) - 0.3) * np.where(data["transactor"] == 1, 1.4, 0.8)
    data["remote_tilt"] = np.exp(0.6 * to_normal(v[:, 0]) - 0.18)
    data["transfer_rate"] = _usual_transfers(b) / month * gamma(v[:, 1], 0.8) * np.where(business, 0.4, 1.0)
    data["device"] = 0
    data["devices_known"] = 1
    data["countries"] = 1
    abroad = v[:, 2] < 0.35
    data["countries"][abroad] |= np.uint32(1) << (1 + (v[abroad, 3] * (len(COUNTRIES) - 1)).astype(np.uint32))


def _usual_transfers(b: Behaviour) -> float:
    """Return the transfers a month that are neither errands nor made in parts, which have rates of their own."""
    changes = b.device_change_per_year + b.sim_change_per_year + b.password_reset_per_year
    singly = b.transfers_per_month * (1.0 - b.pooling.parts_share)
    return max(singly - b.errand_share * changes / 12.0, 0.3 * singly)


def shared_households(rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether each customer's household shares its devices, (n,) bool; as `slots.shares_devices`."""
    return (rows >> 1) * 2_654_435_761 % 2**32 >> 28 < SHARING_HOUSEHOLDS


@kernel
def draw_favourites(key, customers, places, categories, foreign, out, rows, day):  # type: ignore[no-untyped-def]
    """Fill out, (C, F) int32, with the merchants that customers return to, by popularity at home and online.

    Args:
        key: uint64 purpose key.
        customers: (C,) customer columns.
        places, categories: see `finsim.agents.world`.
        foreign: share of online favourites that are abroad.
        out: (C, F) int32, overwritten in the given rows.
        rows: (n,) int64 customer rows.
        day: day of the draw, 0 at birth.
    """
    kinds = categories.shape[0]
    for i in range(rows.shape[0]):
        o = rows[i]
        area = np.int64(customers[o].area)
        for k in range(kinds):
            c = categories[k]
            for j in range(c.position_count + c.online_count):
                first, second, _, _ = philox(key, o, 0, day, k * 16 + j)
                u, v = unit(first), unit(second)
                where = area
                if j >= c.position_count:
                    where = np.int64(places.homes)
                    if v < foreign:
                        where = places.homes + 1 + np.int64((v / foreign) * (places.areas.shape[0] - places.homes - 1))
                slot = c.position_first + j if j < c.position_count else c.online_first + j - c.position_count
                out[o, slot] = any_merchant(places, kinds, where, k, u)


def social_graph(
    n: int, contacts: int, rewiring: float, outside: tuple[int, int], streams: Streams
) -> NDArray[np.int32]:
    """Return whom each customer pays now and then, (n, contacts) int32 account rows.

    A small-world graph (D. J. Watts, S. H. Strogatz, "Collective dynamics of small-world networks", Nature 393,
    1998): neighbours on a ring are a community and know each other, some ties are rewired; every second tie
    leads to a person at another bank.

    Args:
        n: customers.
        contacts: ties of each.
        rewiring: share of ties that lead anywhere.
        outside: first account row and number of persons at other banks.
        streams: random streams.
    """
    half = (contacts + 1) // 2
    steps = np.concatenate([np.arange(1, half + 1), -np.arange(1, half + 1)])[:contacts]
    rows = np.arange(n)
    ties = (rows[:, None] + steps[None, :]) % n
    out = np.empty((n, contacts), dtype=np.int32)
    for k in range(contacts):
        u = streams.uniform(Purpose.SOCIAL, n, draw=k)
        tie = np.where(u[:, 0] < rewiring, (u[:, 1] * n).astype(int), ties[:, k])
        person = outside[0] + ((u[:, 2] * 7 + rows * 3 + k) % outside[1]).astype(int)
        out[:, k] = np.where((k % 2 == 1) | (tie == rows), person, tie * SLOTS)
    return out
