"""What acquirers and issuers settle: merchants' receivables each night, fees, interchange, weekly sweeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.clock import DAY, HOUR, weekday
from finsim.ids import BANK, mixed, new_id, transaction_ids
from finsim.ledger import SWEEP, credit
from finsim.payments import POSTING, SETTLEMENT_KINDS
from finsim.records import joined

if TYPE_CHECKING:
    from finsim.economy import Economy

(S_SETTLEMENT, S_FEE, S_INTERCHANGE, S_CHARGEBACK, S_REPRESENTMENT, S_WRITE_OFF, S_RECOVERY, S_SWEEP) = range(
    len(SETTLEMENT_KINDS)
)
SWEEP_WEEKDAY = 5
"""Merchants' money above their working level leaves on Saturdays (assumption)."""
P_SETTLEMENT, P_CASE = 0, 1


class Settlement:
    """Posts what touches no customer's account, and pays merchants.

    Args:
        economy: the economy whose ledger it works on.
    """

    def __init__(self, economy: Economy) -> None:
        self.economy = economy
        banks = economy.config.parameters.banks
        self.sales = np.zeros((len(banks.institutions), banks.acquirers), dtype=np.int64)
        self._parts: list[NDArray[np.void]] = []

    def settle_day(self) -> None:
        """At midnight: pay the receivables of the day before net of fees, pass interchange on, sweep once a week."""
        self.economy.world.books.tests[:] = 0
        self._settle_merchants()
        self._pay_interchange()
        if weekday(self.economy.day) == SWEEP_WEEKDAY:
            self._sweep()

    def end_tick(self) -> None:
        """Hand postings on; every hour the institutions' counters of small declined attempts start again."""
        economy = self.economy
        if (economy.tick_end // HOUR) != (economy.now // HOUR):
            economy.world.books.tests[:] = 0
        if self._parts:
            rows = joined(self._parts)
            self._parts.clear()
            if economy.tick_end > economy.export_start:
                economy.recorder.table("settlements", {"rows": rows[np.argsort(rows["posted_at"], kind="stable")]})

    def close(self) -> None:
        """Hand the last postings on."""
        self.end_tick()

    def post(
        self,
        kind: int,
        payer: NDArray[Any],
        payee: NDArray[Any],
        amount: NDArray[Any],
        merchant: NDArray[Any],
        ids: NDArray[np.uint64],
        at: int,
        related: int = 0,
    ) -> None:
        """Book movements between accounts that are not customers'.

        Args:
            kind: position in SETTLEMENT_KINDS.
            payer, payee: (n,) account rows.
            amount: (n,) int64 cents, above 0.
            merchant: (n,) merchant rows; -1 for none.
            ids: (n,) uint64 posting ids.
            at: microseconds.
            related: transaction id that all of them belong to; 0 for none.
        """
        rows = np.zeros(len(ids), dtype=POSTING)
        rows["posting_id"], rows["posted_at"], rows["amount"], rows["related_id"] = ids, at, amount, related
        rows["payer"], rows["payee"], rows["merchant"], rows["kind"] = payer, payee, merchant, kind
        accounts = self.economy.ledger.accounts
        credit(accounts, rows["payer"].astype(np.int64), -rows["amount"])
        credit(accounts, rows["payee"].astype(np.int64), rows["amount"])
        self._parts.append(rows)

    def cover(self, merchant: int, cents: int, number: int, of: int, campaign: int, at: int) -> None:
        """Let the acquirer pay what a vanished merchant owes for a chargeback: a write-off.

        Args:
            merchant: merchant row.
            cents: the chargeback.
            number: transaction id of the sale.
            of: its time, microseconds.
            campaign: campaign number.
            at: microseconds.
        """
        economy = self.economy
        data, receivable = economy.world.merchants.data, economy.ledger.merchant_base + merchant
        owed = min(cents, -int(economy.ledger.accounts["balance"][receivable]))
        if not data["vanished_day"][merchant] or owed <= 0:
            return
        payer = int(economy.ledger.acquirer_accounts[data["acquirer"][merchant]])
        ids = np.array([mixed(number ^ 5, economy.ids.posting)], dtype=np.uint64)
        related = number if of >= economy.export_start else 0
        one = np.array([merchant])
        self.post(
            S_WRITE_OFF, np.array([payer]), receivable + 0 * one, np.array([owed]), one, ids,
            max(at, economy.now), related,
        )  # fmt: skip
        economy.underworld.account(campaign, of, "covered", owed)

    def _ids(self, merchants: NDArray[np.int64], kind: int) -> NDArray[np.uint64]:
        out = np.empty(len(merchants), dtype=np.uint64)
        ordinals = np.full(len(merchants), kind, dtype=np.int64)
        transaction_ids(self.economy.ids.transaction, BANK, merchants, P_SETTLEMENT, self.economy.day, ordinals, out)
        return out

    def _settle_merchants(self) -> None:
        economy = self.economy
        ledger, market = economy.ledger, economy.config.parameters.market
        owned = ledger.accounts["balance"][ledger.merchant_base : ledger.merchant_base + ledger.merchants]
        rows = np.flatnonzero(owned > 0)
        gross = owned[rows].copy()
        fee = np.round(gross * market.merchant_fee).astype(np.int64)
        at = economy.day * DAY + 2 * HOUR
        data = economy.world.merchants.data
        receivable = ledger.merchant_base + rows
        paid = fee > 0
        acquirer = ledger.acquirer_accounts[data["acquirer"][rows]]
        self.post(S_FEE, receivable[paid], acquirer[paid], fee[paid], rows[paid], self._ids(rows[paid], S_FEE), at)
        shop = data["owner"][rows] < 0
        net = gross - fee
        working = receivable + ledger.merchants
        self.post(
            S_SETTLEMENT,
            receivable[shop],
            working[shop],
            net[shop],
            rows[shop],
            self._ids(rows[shop], S_SETTLEMENT),
            at,
        )
        self._settle_firms(rows[~shop], net[~shop])

    def _settle_firms(self, rows: NDArray[np.int64], net: NDArray[np.int64]) -> None:
        """Pay merchants that a customer owns into the customer's checking account, in the stream."""
        economy = self.economy
        if not len(rows):
            return
        owner = economy.world.merchants.data["owner"][rows]
        batch = pay.blank(len(rows))
        batch["transaction_id"] = self._ids(rows, S_SETTLEMENT)
        batch["timestamp"] = (
            economy.day * DAY + 2 * HOUR + (batch["transaction_id"] % np.uint64(3 * HOUR)).astype(np.int64)
        )
        batch["owner"], batch["payer"], batch["payee"] = owner, economy.ledger.merchant_base + rows, owner * 4
        batch["amount"], batch["merchant"], batch["mcc"] = net, rows, economy.world.merchants.data["mcc"][rows]
        batch["rail"], batch["kind"], batch["channel"], batch["flags"] = pay.ACH, pay.SETTLEMENT, pay.BATCH, pay.FORCED
        economy.outbox.add(batch, economy.tick)

    def _pay_interchange(self) -> None:
        economy = self.economy
        rate = economy.config.parameters.market.interchange
        issuer, acquirer = np.nonzero(self.sales > 0)
        amount = np.round(self.sales[issuer, acquirer] * rate).astype(np.int64)
        kept = amount > 0
        ordinals = 16 + issuer * 32 + acquirer
        ids = np.array(
            [new_id(economy.ids.transaction, BANK, 0, P_CASE + 1, economy.day, int(k)) for k in ordinals],
            dtype=np.uint64,
        )
        ledger = economy.ledger
        merchant = np.full(len(ids), -1)
        at = economy.day * DAY + 2 * HOUR
        self.post(
            S_INTERCHANGE,
            ledger.acquirer_accounts[acquirer][kept],
            ledger.income_accounts[issuer][kept],
            amount[kept],
            merchant[kept],
            ids[kept],
            at,
        )
        self.sales[:] = 0

    def _sweep(self) -> None:
        economy = self.economy
        ledger = economy.ledger
        first = ledger.merchant_base + ledger.merchants
        balance = ledger.accounts["balance"][first : first + ledger.merchants]
        over = balance - economy.world.merchants.data["working_cents"]
        rows = np.flatnonzero(over > 0)
        target = np.full(len(rows), ledger.named[SWEEP])
        self.post(
            S_SWEEP, first + rows, target, over[rows], rows, self._ids(rows, S_SWEEP), economy.day * DAY + 3 * HOUR
        )
