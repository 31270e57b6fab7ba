"""Recovery: recalls, reimbursement, chargebacks and representment as postings, and who bears the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from finsim import payments as pay
from finsim.agents.claims import REASON_CARD_NOT_PRESENT, REASON_COUNTERFEIT, REASON_NOT_RECEIVED
from finsim.agents.settlement import S_CHARGEBACK, S_REPRESENTMENT, S_SETTLEMENT
from finsim.clock import DAY, HOUR
from finsim.ids import mixed
from finsim.ledger import SLOTS
from finsim.rng import Purpose, to_normal

if TYPE_CHECKING:
    from finsim.agents.bank import Bank
    from finsim.agents.claims import Loss


class Recovery:
    """What a bank does about the money of claims; it keeps nothing of its own.

    Args:
        bank: the bank it belongs to.
    """

    tasks = ("recall", "reimburse", "chargeback", "represent")

    def __init__(self, bank: Bank) -> None:
        self.bank = bank

    def pursue(self, at: int, campaign: int, customer: int, loss: Loss) -> None:
        """Set out to get back what a customer claimed: by recall of a transfer, by chargeback of a card payment."""
        banks = self.bank.settings
        scam = self.bank.economy.underworld.realises(campaign) is not None
        u = self.bank.draw(Purpose.REPORT, loss.number, draw=2)
        if loss.rail != pay.CARD:
            hours = banks.recall_hours * float(np.exp(0.8 * to_normal(u[3:4])[0]))
            self.bank.later(at + int(hours * HOUR), "recall", campaign, customer, loss)
            return
        won = u[1] < (self._scam_terms(campaign).chargeback if scam else self._liability(loss))
        if not scam and self._refused(campaign, customer):
            return
        if not scam or won:
            self.bank.later(at + int((0.2 + 3.0 * u[0]) * DAY), "reimburse", campaign, customer, loss, loss.cents)
        if won and loss.merchant >= 0 and (loss.remote or not scam):
            days = banks.chargeback_days * float(np.exp(0.35 * to_normal(u[2:3])[0]))
            self.bank.later(at + int(days * DAY), "chargeback", campaign, loss)

    def _scam_terms(self, campaign: int) -> Any:
        """Return the parameters of a scam's typology: how much of it is charged back or repaid."""
        economy = self.bank.economy
        return getattr(economy.config.parameters.fraud, economy.underworld.typology_of(campaign))

    def _refused(self, campaign: int, customer: int) -> bool:
        """Return whether the bank refuses a case of card fraud as a whole."""
        u = self.bank.economy.streams.one(Purpose.REPORT, campaign, second=customer, draw=2)
        return bool(u[0] < self.bank.settings.card_claims_refused)

    def _liability(self, loss: Loss) -> float:
        """Return how likely the merchant is liable for fraud with a card."""
        banks = self.bank.settings
        if loss.remote:
            return 0.0 if loss.secure else banks.merchant_liability
        return banks.liability_shift if loss.stripe else 0.0

    def recall(self, at: int, campaign: int, customer: int, loss: Loss) -> None:
        """Ask the receiving bank for the money; what is still there comes back, then the customer's loss is settled."""
        economy, banks = self.bank.economy, self.bank.settings
        case = self.bank.claims.cases.get((campaign, customer))
        if case is None:
            return
        scam = economy.underworld.realises(campaign) is not None
        share = banks.transfer_claims_paid
        if scam:
            share = banks.scam_reimbursed * self.bank.rules.scam_reimbursed_factor
            share *= self._scam_terms(campaign).reimbursed
        whole = economy.streams.one(Purpose.REPORT, campaign, second=customer, draw=1)
        paid = whole[0] < share
        # A bank that repays a theft in full keeps what comes back; else it is the victim's.
        to_victim = scam or not paid
        u = self.bank.draw(Purpose.REPORT, loss.number, draw=5)
        recovered = 0
        if u[0] < banks.recall_answered:
            recovered = economy.underworld.recall(self.bank, case, loss, at, to_victim=to_victim)
        if recovered:
            self.bank.claims.label(loss.number, loss.at, at, "scheme", None, "fraud", recovered)
        owed = loss.cents - (recovered if to_victim else 0)
        if owed > 0 and paid:
            self.bank.later(at + int((0.2 + 3.0 * u[1]) * DAY), "reimburse", campaign, customer, loss, owed)

    def _number(self, loss: Loss, what: int) -> int:
        """Return the id of a posting that belongs to a loss: unique by the loss's own id."""
        return mixed(loss.number ^ what, self.bank.economy.ids.posting)

    def book(
        self, kind: int, loss: Loss, customer: int, payer: int, payee: int, cents: int, at: int, what: int
    ) -> None:
        """Submit a movement that the bank makes because of a loss."""
        row = pay.blank(1)
        row["transaction_id"] = self._number(loss, what)
        row["timestamp"], row["amount"] = at, cents
        row["related_id"] = loss.number if loss.at >= self.bank.economy.export_start else 0
        row["owner"], row["payer"], row["payee"] = customer, payer, payee
        row["rail"] = pay.CARD if loss.rail == pay.CARD else pay.INSTANT
        row["kind"], row["channel"], row["flags"] = kind, pay.BATCH, pay.FORCED
        self.bank.economy.outbox.add(row, self.bank.economy.tick)

    def reimburse(self, at: int, campaign: int, customer: int, loss: Loss, cents: int) -> None:
        """Repay a customer at the bank's own loss."""
        ledger = self.bank.economy.ledger
        self.book(pay.REIMBURSEMENT, loss, customer, int(ledger.loss_accounts[self.bank.row]), loss.payer, cents, at, 1)
        self.bank.economy.underworld.account(campaign, loss.at, "reimbursed", cents)
        if loss.rail != pay.CARD and self.bank.economy.underworld.realises(campaign) is not None:
            self._ask_receiver(at, loss, cents)

    def _ask_receiver(self, at: int, loss: Loss, cents: int) -> None:
        """Let the institution that received a scam's money bear its part of what the victim was repaid."""
        economy = self.bank.economy
        part = int(self.bank.settings.scam_receiver_share * cents)
        if not part or loss.payee >= economy.ledger.customer_accounts:
            return
        receiver = int(economy.world.customers.data["institution"][loss.payee // SLOTS])
        if receiver != self.bank.row:
            accounts = economy.ledger.loss_accounts
            self._post(S_SETTLEMENT, loss, int(accounts[receiver]), int(accounts[self.bank.row]), at, 6, part)

    def _post(
        self, kind: int, loss: Loss, payer: int, payee: int, at: int, what: int, cents: int | None = None
    ) -> None:
        economy = self.bank.economy
        exported = loss.number if loss.at >= economy.export_start else 0
        at = max(at, economy.now)
        economy.settlement.post(
            kind,
            np.array([payer]),
            np.array([payee]),
            np.array([loss.cents if cents is None else cents]),
            np.array([loss.merchant]),
            np.array([self._number(loss, what)], dtype=np.uint64),
            at,
            exported,
        )

    def chargeback(self, at: int, campaign: int, loss: Loss) -> None:
        """Charge a loss back to the merchant; some merchants win it back."""
        economy = self.bank.economy
        ledger = economy.ledger
        target = int(ledger.loss_accounts[self.bank.row])
        self._post(S_CHARGEBACK, loss, ledger.merchant_base + loss.merchant, target, at, 2)
        economy.underworld.account(campaign, loss.at, "charged_back", loss.cents)
        economy.settlement.cover(loss.merchant, loss.cents, loss.number, loss.at, campaign, at)
        reason = REASON_CARD_NOT_PRESENT if loss.remote else REASON_COUNTERFEIT
        if economy.underworld.realises(campaign) is not None:
            reason = REASON_NOT_RECEIVED
        self.bank.claims.label(loss.number, loss.at, at, "chargeback", reason, "fraud")
        u, banks = self.bank.draw(Purpose.REPORT, loss.number, draw=4), self.bank.settings
        wins = banks.representment_win_remote if loss.remote else banks.representment_win_present
        if u[0] < banks.representment_contested * wins:
            self.bank.later(at + int((10.0 + 20.0 * u[1]) * DAY), "represent", campaign, loss)

    def represent(self, at: int, campaign: int, loss: Loss) -> None:
        """Give a merchant back what was charged back, since it could prove its part."""
        ledger = self.bank.economy.ledger
        self._post(
            S_REPRESENTMENT, loss, int(ledger.loss_accounts[self.bank.row]), ledger.merchant_base + loss.merchant, at, 3
        )
        self.bank.economy.underworld.account(campaign, loss.at, "charged_back", -loss.cents)
