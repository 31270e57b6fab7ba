"""Wallet agents: shops that take cash into wallets and pay it out, and the people who use them.

In the United States wallets are filled from accounts, and few people go to a shop for it; where mobile money is the
bank, most do (raise behaviour.wallet_cash_in_per_month). A deposit is `deposit` on the rail `wallet` from the outside
account `cash`; a withdrawal the reverse, with a fee to the agent. What is more than a till takes at once is split, and
some people come back within minutes: honest deposits are split too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.clock import DAY, HOUR, MINUTE, SECOND
from finsim.ids import SUBMITTED, merchant_code, mixed_ids, transaction_ids
from finsim.ledger import CASH_ACCOUNT, SLOTS, WALLET
from finsim.records import chosen, joined
from finsim.rng import Purpose, choose, to_normal

if TYPE_CHECKING:
    from finsim.economy import Economy

P_CASH_IN, P_CASH_OUT = 1, 2
MONTH = 365.25 / 12
LOG_MEDIAN, SIGMA = 4.1, 0.8
"""Log of a deposit or withdrawal in units of currency (assumption: about 60, a few hundred at most)."""
MOST_AT_ONCE = 50_000
"""Cents that a till takes in one deposit (assumption: retail loads end at 500)."""
COMES_BACK = 0.06
"""Deposits that people make in two parts within minutes (assumption: miscounted, a second thought)."""
FEE_SHARE, LEAST_FEE = 0.015, 50
"""The agent's fee for a withdrawal, and its least in cents (assumption)."""

LEAST_RATIO = 1.3
"""An overcharged fee against the posted one, at least (assumption)."""


FEE_WORD = 6
"""Bits that tell a fee's id from that of its withdrawal."""


def fees_of(cents: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the posted fees of withdrawals, (n,) int64 cents."""
    return np.maximum((cents * FEE_SHARE + 0.5).astype(np.int64), LEAST_FEE)


class WalletAgents:
    """The agents, and each day's cash in and out of wallets.

    Args:
        economy: the economy that they serve.
    """

    def __init__(self, economy: Economy) -> None:
        self.economy = economy
        merchants = economy.world.merchants.data
        self.agents = np.flatnonzero(merchants["wallet_agent"])
        area = merchants["area"][self.agents]
        order = np.argsort(area, kind="stable")
        self.agents = self.agents[order]
        self.first = np.searchsorted(area[order], np.arange(economy.world.places.homes + 1))

    def near(self, areas: NDArray[np.int64], u: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return an agent in each area, or anywhere where there is none, (n,) merchant rows."""
        first, end = self.first[areas], self.first[areas + 1]
        local = first + (u * (end - first)).astype(np.int64)
        anywhere = (u * len(self.agents)).astype(np.int64)
        return np.asarray(self.agents[np.where(end > first, local, anywhere)])

    def plan_day(self) -> None:
        """Let holders of wallets go to an agent today."""
        economy = self.economy
        if not len(self.agents):
            return
        b, data = economy.config.parameters.behaviour, economy.world.customers.data
        rates = [b.wallet_cash_in_per_month / MONTH, b.wallet_cash_out_per_month / MONTH]
        rows = economy.streams.rare(Purpose.AGENT, len(data), rates, ordinal=economy.day)
        here = (data["accounts"][rows] & 8 > 0) & (data["since_day"][rows] < economy.day)
        rows = rows[here & (data["reserved"][rows] == 0) & (data["promoted"][rows] == 0)]
        u = economy.streams.uniform(Purpose.AGENT, rows, ordinal=economy.day)
        into, out = u[:, 0] < rates[0], u[:, 1] < rates[1]
        parts = [*self._deposits(rows[into], u[into, 2]), *self._withdrawals(rows[out], u[out, 3])]
        if parts:
            economy.outbox.add(joined(parts), economy.tick)

    def _visits(self, rows: NDArray[np.int64], draw: int) -> tuple[NDArray[np.float64], NDArray[np.void]]:
        """Return three spare uniforms, (n, 4), and a request for each customer at an agent's till."""
        economy = self.economy
        v = economy.streams.uniform(Purpose.AGENT, rows, ordinal=economy.day, draw=draw)
        data, merchants = economy.world.customers.data, economy.world.merchants.data
        batch = pay.blank(len(rows))
        agent = self.near(data["area"][rows].astype(np.int64), v[:, 0])
        hour = choose(economy.world.habits.hours, v[:, 1])
        batch["timestamp"] = economy.day * DAY + ((hour + v[:, 2]) * HOUR).astype(np.int64)
        batch["owner"], batch["merchant"], batch["mcc"] = rows, agent, merchants["mcc"][agent]
        batch["country"], batch["place"], batch["rail"], batch["channel"] = 0, -1, pay.WALLET, pay.POS
        tills = np.array([merchant_code(int(a), 0) for a in agent], dtype=np.uint32)
        batch["terminal"] = tills
        return v, batch

    def _ids(self, batch: NDArray[np.void], source: int, ordinal: int) -> None:
        out = np.empty(len(batch), dtype=np.uint64)
        ordinals = np.full(len(batch), ordinal, dtype=np.int64)
        rows, economy = batch["owner"].astype(np.int64), self.economy
        transaction_ids(economy.ids.transaction, SUBMITTED, rows, source, economy.day, ordinals, out)
        batch["transaction_id"] = out

    def _deposits(self, rows: NDArray[np.int64], u: NDArray[np.float64]) -> list[NDArray[np.void]]:
        """Return the day's deposits, those in parts as several; u, (n,), decides on the amounts."""
        if not len(rows):
            return []
        v, batch = self._visits(rows, 1)
        batch["payer"], batch["payee"] = self.economy.ledger.named[CASH_ACCOUNT], rows * SLOTS + WALLET
        batch["kind"], batch["flags"] = pay.DEPOSIT, pay.FORCED
        cents = _amounts(u)
        pieces = np.maximum(1 + cents // (MOST_AT_ONCE + 1), 1 + (v[:, 3] < COMES_BACK))
        parts = []
        for k in range(int(pieces.max())):
            part = batch[pieces > k].copy()
            number = pieces[pieces > k]
            share = cents[pieces > k] // number // 100 * 100
            part["amount"] = np.maximum(np.where(k == number - 1, cents[pieces > k] - share * (number - 1), share), 100)
            part["timestamp"] += (k * (1.0 + 12.0 * v[pieces > k, 2]) * MINUTE).astype(np.int64)
            self._ids(part, P_CASH_IN, k)
            parts.append(part)
        return parts

    def _withdrawals(self, rows: NDArray[np.int64], u: NDArray[np.float64]) -> list[NDArray[np.void]]:
        """Return the day's withdrawals; u, (n,), decides on the amounts."""
        if not len(rows):
            return []
        _, batch = self._visits(rows, 2)
        batch["payer"], batch["payee"] = rows * SLOTS + WALLET, self.economy.ledger.named[CASH_ACCOUNT]
        batch["kind"], batch["slot"] = pay.WITHDRAWAL, WALLET
        batch["amount"] = np.maximum(_amounts(u) // 500 * 500, 500)
        self._ids(batch, P_CASH_OUT, 0)
        return [batch]

    def observe(self, rows: NDArray[np.void]) -> None:
        """Let agents take their fee for approved withdrawals, (n,) TRANSACTION."""
        if len(rows):
            self._charge(chosen(rows, rows["campaign"] < 0))

    def _charge(self, withdrawals: NDArray[np.void]) -> None:
        """Submit the fees for withdrawals, (n,) TRANSACTION: the posted ones, or what a cheating agent takes."""
        economy, fees = self.economy, pay.blank(len(withdrawals))
        there = economy.ledger.accounts["balance"][withdrawals["payer"]]
        for name in ("owner", "payer", "slot", "merchant", "mcc", "terminal", "country", "place", "rail", "channel"):
            fees[name] = withdrawals[name]
        mixed_ids(withdrawals["transaction_id"].copy(), FEE_WORD, economy.ids.posting, fees["transaction_id"])
        fees["timestamp"] = withdrawals["timestamp"] + SECOND
        fees["payee"], fees["kind"] = economy.ledger.merchant_base + fees["merchant"], pay.FEE
        fees["flags"], fees["amount"] = pay.FORCED, fees_of(withdrawals["amount"])
        cheats = np.array(list(economy.underworld.overcharging), dtype=np.int64)
        for k in np.flatnonzero(np.isin(fees["merchant"], cheats)) if len(cheats) else ():
            self._overcharge(fees[k : k + 1], int(withdrawals["transaction_id"][k]))
        fees["amount"] = np.minimum(fees["amount"], there)
        economy.outbox.add(chosen(fees, fees["amount"] > 0), economy.tick)

    def _overcharge(self, fee: NDArray[np.void], parent: int) -> None:
        """Raise one fee, (1,) TRANSACTION, where its agent cheats at present."""
        economy = self.economy
        campaign, until, stage = economy.underworld.overcharging[int(fee["merchant"][0])]
        if campaign not in economy.underworld.campaigns or economy.now >= until:
            return
        u = economy.streams.one(Purpose.AGENT, parent & 0xFFFFFFFF, second=parent >> 32, draw=3)
        mean = economy.config.parameters.fraud.agent_fraud.overcharge
        fee["amount"] = int(fee["amount"][0] * (LEAST_RATIO - np.log(u[0]) * max(mean - LEAST_RATIO, 0.0)))
        # The holder is wronged as by a thief.
        fee["truth"], fee["campaign"], fee["stage"] = pay.IS_FRAUD, campaign, stage
        fee["flags"] |= pay.THIEF


def _amounts(u: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return amounts, (n,) int64 cents, in whole fives mostly."""
    cents = 100.0 * np.exp(LOG_MEDIAN + SIGMA * to_normal(u))
    step = np.where(u % 0.01 < 0.007, 500, 100)
    return np.asarray(np.clip((cents // step) * step, 500, 150_000).astype(np.int64))
