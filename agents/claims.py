"""Claims: how fraud becomes known, its labels, and what a bank does at once: new cards, frozen accounts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from finsim import payments as pay
from finsim.agents.cards import card_of
from finsim.clock import DAY, HOUR
from finsim.rng import Purpose, to_normal
from finsim.state import record

if TYPE_CHECKING:
    from finsim.agents.bank import Bank

REASON_CARD_NOT_PRESENT, REASON_COUNTERFEIT, REASON_LOST, REASON_NOT_RECEIVED = "10.4", "10.1", "10.2", "13.1"
"""Visa dispute conditions: card-absent fraud, counterfeit with a chip liability shift, the same with a stolen card,
goods not received."""


@record
@dataclass(slots=True)
class Loss:
    """One fraudulent row that went through.

    Attributes:
        number: transaction id.
        at: its time, microseconds.
        cents: amount.
        payer, payee: account rows.
        merchant: merchant row; -1 for none.
        remote: made without the card being present.
        secure: authenticated by 3-D Secure.
        rail: position in RAILS.
        card: packed code of the card; NO_CODE for none.
        claimed: whether it was reported.
        stripe: read from a magnetic stripe.
    """

    number: int
    at: int
    cents: int
    payer: int
    payee: int
    merchant: int
    remote: bool
    secure: bool
    rail: int
    card: int
    claimed: bool = False
    stripe: bool = False


@record
@dataclass(slots=True)
class Case:
    """What one customer lost, or helped to move, in one campaign."""

    campaign: int
    customer: int
    losses: list[Loss] = field(default_factory=list)
    reported: bool = False


class Claims:
    """A bank's claims desk.

    Args:
        bank: the bank it belongs to.
    """

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        self.cases: dict[tuple[int, int], Case] = {}

    # -- what happened ------------------------------------------------------------------------------------

    def take(self, row: np.void) -> None:
        """Take note of an approved row: fraud opens or extends a case."""
        if row["decision"] != pay.APPROVED:
            return
        if row["truth"] != pay.IS_FRAUD:
            return
        campaign, customer = int(row["campaign"]), int(row["owner"])
        register = self.bank.economy.underworld.register
        if not register.has_victim(self.bank.economy.underworld.campaigns[campaign], row):
            return
        case = self.cases.setdefault((campaign, customer), Case(campaign, customer))
        case.losses.append(
            Loss(
                int(row["transaction_id"]),
                int(row["timestamp"]),
                int(row["amount"]),
                int(row["payer"]),
                int(row["payee"]),
                int(row["merchant"]),
                bool(row["place"] >= 0),
                bool(row["authentication"] == pay.THREE_D_SECURE),
                int(row["rail"]),
                int(row["card"]),
                stripe=bool(row["entry_mode"] == pay.MAGSTRIPE),
            )
        )
        days = self._delay(row)
        if days is not None:
            self.bank.later(int(row["timestamp"]) + int(days * DAY), "report", campaign, customer)

    def _delay(self, row: np.void) -> float | None:
        """Return days until the victim notices this row, or None for never: whoever looks, looks at all of them."""
        economy = self.bank.economy
        settings = economy.config.parameters.fraud
        u = economy.streams.one(Purpose.REPORT, int(row["campaign"]), second=int(row["owner"]), draw=7)
        z = float(to_normal(u[1:2])[0])
        realises = economy.underworld.realises(int(row["campaign"]))
        if realises is not None:  # a scam is understood as a whole, its last payments within hours of that
            return None if realises < 0 else max(realises - int(row["timestamp"]), 6 * HOUR) / DAY
        typology = economy.underworld.typology_of(int(row["campaign"]))
        if typology == "sim_swap":
            return settings.sim_swap.notice_hours / 24.0 * float(np.exp(0.7 * z))
        if typology == "lost_stolen":  # the owner misses the card, and is asked what was not bought by him
            left = int(economy.underworld.campaigns[int(row["campaign"])].facts["missed"]) - int(row["timestamp"])
            return (left if left > 0 else 6 * HOUR) / DAY
        reporting = settings.reporting
        if row["amount"] < 2_000:
            unseen = reporting.never_noticed * (5.0 if row["amount"] < 500 else 1.0)
            if self.bank.draw(Purpose.REPORT, int(row["transaction_id"]))[2] < unseen:
                return None
        if u[0] < reporting.same_day:
            return float(u[3])
        if u[0] < 1.0 - reporting.late_share:
            return reporting.median_days * float(np.exp(0.8 * z))
        return reporting.late_days * float(np.exp(0.4 * z))

    def dispute_in_error(self, row: np.void) -> None:
        """Schedule the claim of a customer who does not recognise an own purchase, and its withdrawal."""
        u = self.bank.draw(Purpose.REPORT, int(row["transaction_id"]), draw=1)
        at = int(row["timestamp"]) + int((3.0 + 30.0 * u[0]) * DAY)
        self.bank.later(at, "mistake", int(row["transaction_id"]), int(row["timestamp"]), "customer", "fraud")
        self.bank.later(
            at + int((5.0 + 25.0 * u[1]) * DAY),
            "mistake",
            int(row["transaction_id"]),
            int(row["timestamp"]),
            "customer",
            "genuine",
        )

    # -- tasks --------------------------------------------------------------------------------------------

    def do(self, at: int, task: str, *details: Any) -> None:
        """Do a task of the bank's queue."""
        if task == "report":
            self.report(at, details[0], details[1])
        elif task == "police":
            self.report(at, details[0], details[1], "police")
        elif task == "mistake":
            number, raised, source, label = details
            self.label(number, raised, at, source, REASON_CARD_NOT_PRESENT if label == "fraud" else None, label)
        elif task == "lost":
            self.miss(details[0], at)
        elif task == "replace":
            self.bank.economy.life.cards.reissue(details[0], details[1], at)
        elif task == "unfreeze":
            self._unfreeze(at, *details)
        elif task == "unlock":
            self.bank.economy.log.event(at, details[0], "password_reset", device=details[1])
            self._unfreeze(at, details[0])

    def finish(self, at: int, task: str, *details: Any) -> None:
        """After the end of the run: export reports that are already determined; no money follows."""
        if task == "report":
            case = self.cases[details[0], details[1]]
            for loss in case.losses:
                if not loss.claimed and loss.at < at:
                    loss.claimed = True
                    self.label(loss.number, loss.at, at, "customer", self._reason(case, loss), "fraud")
        elif task == "mistake":
            self.do(at, task, *details)

    def report(self, at: int, campaign: int, customer: int, source: str = "customer", labelled: int = 0) -> None:
        """Take a victim's claim for all rows so far: labels, a new card, reimbursement, chargebacks, recall.

        Args:
            at: microseconds.
            campaign, customer: the case.
            source: who found out.
            labelled: id of a row that was labelled already.
        """
        case = self.cases.get((campaign, customer))
        if case is None:
            return
        economy = self.bank.economy
        scam = economy.underworld.realises(campaign) is not None
        unclaimed = [loss for loss in case.losses if not loss.claimed and loss.at < at]
        case.reported = case.reported or bool(unclaimed)
        for loss in unclaimed:
            loss.claimed = True
            if loss.number != labelled:
                self.label(loss.number, loss.at, at, source, self._reason(case, loss), "fraud")
            if loss.cents:
                self.bank.recovery.pursue(at, campaign, customer, loss)
        cards = sorted({loss.card for loss in unclaimed if loss.rail == pay.CARD and not scam})
        for card in cards:
            if source == "customer" and economy.underworld.typology_of(campaign) == "lost_stolen":
                self.miss(card, at)
            self.replace_card(card, at)
        economy.underworld.warn(campaign, customer, at)

    def claimed(self, campaign: int, customer: int, number: int) -> bool:
        """Return whether a transaction of a case was claimed as fraud."""
        case = self.cases.get((campaign, customer))
        return case is not None and any(loss.claimed for loss in case.losses if loss.number == number)

    def lock_out(self, customer: int, at: int) -> None:
        """Freeze an account that a stranger used until its owner has set a new password."""
        economy = self.bank.economy
        if economy.world.customers.data["frozen"][customer]:
            return
        u = economy.streams.one(Purpose.REPORT, customer, ordinal=at // DAY, draw=6)
        hours = self.bank.settings.reset_hours * float(np.exp(0.6 * to_normal(u[:1])[0]))
        economy.world.customers.data["frozen"][customer] = 1
        economy.log.event(max(at, economy.now), customer, "account_frozen", slot=0)
        device = customer << 7 | int(economy.world.customers.data["device"][customer])
        self.bank.later(max(at, economy.now) + int(hours * HOUR), "unlock", customer, device)

    def _reason(self, case: Case, loss: Loss) -> str | None:
        if loss.rail != pay.CARD:
            return None
        if self.bank.economy.underworld.realises(case.campaign) is not None:
            return REASON_NOT_RECEIVED
        if loss.remote:
            return REASON_CARD_NOT_PRESENT
        return (
            REASON_LOST
            if self.bank.economy.underworld.typology_of(case.campaign) == "lost_stolen"
            else REASON_COUNTERFEIT
        )

    def label(
        self, number: int, of: int, at: int, source: str, reason: str | None, label: str, recovered: int = 0
    ) -> None:
        """Write a label event for an exported transaction.

        Args:
            number: transaction id.
            of: its time, microseconds.
            at: when this became known.
            source, reason, label: columns of `label_events`.
            recovered: cents.
        """
        economy = self.bank.economy
        if of >= economy.export_start:
            economy.log.add("label_events", number, at, source, reason, label, recovered / 100.0)

    def miss(self, card: int, at: int) -> None:
        """Have the owner report a card lost, unless it has been blocked since; it is replaced."""
        economy = self.bank.economy
        if economy.life.cards.may_be_blocked(card):
            customer, slot = card_of(card)
            economy.log.event(at, customer, "card_reported_lost", slot=slot)
            self.replace_card(card, at)

    def replace_card(self, card: int, at: int) -> None:
        """Block a card and send a new one, unless that has been done."""
        economy = self.bank.economy
        if economy.life.cards.block(card, at):
            customer, slot = card_of(card)
            u = economy.streams.one(Purpose.REPORT, customer, second=slot, ordinal=at // DAY, draw=3)
            days = economy.config.parameters.banks.reissue_days * float(np.exp(0.4 * to_normal(u[:1])[0]))
            arrives = at // DAY * DAY + int(max(days, 1.0)) * DAY + int((9.0 + 10.0 * u[1]) * HOUR)
            self.bank.later(arrives, "replace", customer, slot)

    def freeze(self, customer: int, at: int, hours: float) -> None:
        """Freeze the accounts of a customer for a while."""
        economy = self.bank.economy
        data, at = economy.world.customers.data, max(at, economy.now)
        if not data["frozen"][customer]:
            data["frozen"][customer] = 1
            economy.log.event(at, customer, "account_frozen", slot=0)
            self.bank.later(at + int(hours * HOUR), "unfreeze", customer)

    def _unfreeze(self, at: int, customer: int) -> None:
        self.bank.economy.world.customers.data["frozen"][customer] = 0
        self.bank.economy.log.event(at, customer, "account_unfrozen", slot=0)

    def state(self) -> dict[str, Any]:
        """Return declared state."""
        return {"cases": [list(self.cases.values())]}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned."""
        self.cases = {(case.campaign, case.customer): case for case in state["cases"][0]}


__all__ = ["Case", "Claims", "Loss"]
