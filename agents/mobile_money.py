"""Mobile money: which wallets are in use and how much, what a day is like for them, and the day's requests.

Traits follow from seed, row and parameters alone, so nothing here has to be remembered. The requests are written by
the compiled pass of `finsim.agents.plan_wallet` and wait in the outbox as those of wallet agents do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finsim.agents.plan_wallet import COMES_BACK, ROOM, DayOfWallets, Wallets, plan_wallets
from finsim.ledger import CHECKING, SLOTS, WALLET
from finsim.parameters.mobile_money import USES, WalletUse
from finsim.parameters.mobile_money import MobileMoney as MobileMoneyParameters
from finsim.payments import TRANSACTION
from finsim.records import copied, joined
from finsim.rng import Purpose, Streams, to_normal

if TYPE_CHECKING:
    from finsim.economy import Economy
    from finsim.market import DayConditions

MONTH = 365.25 / 12
HOURS = 24
LEAST_SIGMA = 0.05
LARGE = 10.0
"""Times the median balance above which nobody has the money without bringing it in first (assumption)."""


def in_use(parameters: MobileMoneyParameters, streams: Streams, customers: int) -> NDArray[np.bool_]:
    """Return which customers, (customers,) bool, use a wallet, if they have one, as an everyday account."""
    u = streams.uniform(Purpose.WALLET, customers, second=10)
    return np.asarray(u[:, 0] < parameters.active_share)


def opening_cents(parameters: MobileMoneyParameters, streams: Streams, customers: int) -> NDArray[np.int64]:
    """Return what is on each customer's wallet, (customers,) int64 cents, when the run begins."""
    u = streams.uniform(Purpose.WALLET, customers, second=10)
    cents = 100.0 * parameters.balance_median * np.exp(parameters.balance_log_sigma * to_normal(u[:, 1]))
    return np.where(u[:, 0] < parameters.active_share, cents, 0.0).astype(np.int64)


class Profile:
    """When one use happens, and for how much.

    Args:
        use: its parameters.
        parameters: those of mobile money.
    """

    def __init__(self, use: WalletUse, parameters: MobileMoneyParameters) -> None:
        self.use, self.parameters = use, parameters
        self.activity = np.array(use.hours_of_run).reshape(-1, HOURS)
        self.amounts = np.array(use.amounts_of_run).reshape(-1, HOURS)
        self.sigmas = np.array(use.sigmas_of_run).reshape(-1, HOURS)
        months, weekdays = np.array(parameters.month_day_factors), np.array(parameters.weekday_factors)
        self.months, self.weekdays = months / months.mean(), weekdays / weekdays.mean()

    def activity_of(self, index: int, conditions: DayConditions) -> tuple[float, NDArray[np.float64]]:
        """Return factor and (24,) weights of the hours of a day of the run, 0 the first exported one."""
        if not len(self.activity):
            hours = np.array(self.use.hour_factors)
            return float(self.months[conditions.month_day - 1] * self.weekdays[conditions.weekday]), hours
        if not 0 <= index < len(self.activity):
            return 1.0, self.activity.mean(axis=0)
        return float(self.activity[index].sum() / self.activity.sum(axis=1).mean()), self.activity[index]

    def amounts_of(self, index: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and sigma of the log of the amount in cents, two (24,), in each hour of a day of the run."""
        ratio = self.amounts[index] if 0 <= index < len(self.amounts) else np.zeros(HOURS)
        sigma = self.sigmas[index] if 0 <= index < len(self.sigmas) else np.zeros(HOURS)
        mean = self.use.amount_mean * np.where(ratio > 0, ratio, 1.0)
        whole = np.where(sigma > 0, sigma, self.use.amount_log_sigma)
        between = self.parameters.amount_scale_sigma**2 + (self.use.amount_growth * self.use.activity_log_sigma) ** 2
        within = np.sqrt(np.maximum(whole**2 - between, LEAST_SIGMA**2))
        # The frequent, whose amounts differ, weigh more: their mean lies amount_growth times the variance higher.
        heavy = self.use.amount_growth * self.use.activity_log_sigma**2
        return np.log(100.0 * mean) - 0.5 * (within**2 + between) - heavy, within


class MobileMoney:
    """The wallets in use, and each day's requests of their holders.

    Args:
        economy: the economy that they live in.
    """

    def __init__(self, economy: Economy) -> None:
        self.economy = economy
        p = self.parameters = economy.config.parameters.behaviour.mobile_money
        self.rows = np.empty(0, dtype=np.int64)
        if p.active_share <= 0 or not len(economy.wallet_agents.agents):
            return
        streams, agents = economy.streams, economy.wallet_agents
        customers = economy.world.customers.data
        self.rows = np.flatnonzero(in_use(p, streams, len(customers)) & (customers["reserved"] == 0))
        self.profiles = [Profile(getattr(p, name), p) for name in USES]
        rates, scales = self._traits(streams)
        self.wallets = Wallets(
            rows=self.rows,
            rates=rates,
            scales=scales,
            agents=agents.agents,
            first=agents.first,
            settings=np.array([p.funded, p.disbursed, 100.0 * LARGE * p.balance_median]),
        )

    def _traits(self, streams: Streams) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return each wallet's payments a day and shift of the log of amounts, by use, two (A, 5) float64."""
        p = self.parameters
        u = streams.uniform(Purpose.WALLET, self.rows, second=10)
        shared = to_normal(u[:, 2])
        scale = p.amount_scale_sigma * to_normal(streams.uniform(Purpose.WALLET, self.rows, second=10, draw=1)[:, 0])
        rates, scales = (np.zeros((len(self.rows), len(USES))) for _ in range(2))
        for k, name in enumerate(USES):
            use = getattr(p, name)
            v = streams.uniform(Purpose.WALLET, self.rows, second=10, draw=2 + k)
            z = np.sqrt(p.shared_activity) * shared + np.sqrt(1.0 - p.shared_activity) * to_normal(v[:, 0])
            spread = np.exp(use.activity_log_sigma * (z - 0.5 * use.activity_log_sigma))
            rate = use.per_month / MONTH / use.users * spread
            rates[:, k] = np.where(v[:, 1] < use.users, rate, 0.0)
            scales[:, k] = scale + use.amount_growth * use.activity_log_sigma * z
        rates[:, 0] /= 1.0 + COMES_BACK
        return rates, scales

    def day(self, day: int) -> DayOfWallets:
        """Return what a day number is like for wallets."""
        index, conditions = day - self.economy.clock.export_day, self.economy.market.conditions(day)
        activity = [profile.activity_of(index, conditions) for profile in self.profiles]
        amounts = [profile.amounts_of(index) for profile in self.profiles]
        return DayOfWallets(
            np.array([factor for factor, _ in activity]),
            np.cumsum([hours for _, hours in activity], axis=1),
            np.array([mean for mean, _ in amounts]),
            np.array([sigma for _, sigma in amounts]),
        )

    def plan_day(self) -> None:
        """Submit today's payments, and the money that arrives today for tomorrow's."""
        if not len(self.rows):
            return
        economy = self.economy
        for ahead in (0, 1):
            rows = self._planned(ahead)
            economy.outbox.add(rows, economy.tick)

    def purse(self, customer: int) -> int:
        """Return the slot of the account that has more on it: the wallet in mobile money, else always checking."""
        if not len(self.rows) or not self.economy.world.customers.data["accounts"][customer] & 1 << WALLET:
            return CHECKING
        own = self.economy.ledger.accounts[customer * SLOTS : customer * SLOTS + SLOTS]
        there = own["balance"] - own["reserved"]
        return WALLET if there[WALLET] > there[CHECKING] else CHECKING

    def wallet_of(self, account: int) -> int:
        """Return where money from a wallet goes that is meant for an account row: the wallet of the same customer."""
        customer = account // SLOTS
        if account >= self.economy.ledger.customer_accounts:
            return account
        has = self.economy.world.customers.data["accounts"][customer] & 1 << WALLET
        persons = self.economy.ledger.outside.persons
        return customer * SLOTS + WALLET if has else int(self.economy.ledger.person_base + customer % persons)

    def _planned(self, ahead: int) -> NDArray[np.void]:
        """Return the requests of one pass, (n,) TRANSACTION."""
        economy, world, like = self.economy, self.economy.world, self.day(self.economy.day + ahead)
        expected = float((self.wallets.rates.sum(axis=0) * like.factor).sum())
        block = np.empty(int(1.2 * expected) + 4 * ROOM, dtype=TRANSACTION)
        parts: list[NDArray[np.void]] = []
        position = 0
        while position < len(self.rows):
            count, position = plan_wallets(
                block, position, economy.day, ahead, self.wallets, like,
                world.places, world.habits, world.people, world.books,
            )  # fmt: skip
            parts.append(copied(block[:count]))
        return joined(parts)
