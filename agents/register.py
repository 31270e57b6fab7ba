"""The register of campaigns: what each did and cost, as `campaigns` and `truth` export it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from finsim import payments as pay
from finsim.agents.fraud import registry
from finsim.agents.fraud.laundering import LAUNDERING
from finsim.ids import OUTSIDE, RING, day_of_id, ring_code

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

NO_RING = 4095
FOUND_CARD = 1 << 30
"""Bit of the number of a campaign with a found card; below it 7 bits of the month and 23 of the customer's row."""


def found_card_number(customer: int, day: int) -> int:
    """Return the number of the campaign with a customer's lost card.

    It is a function of the loss alone, so that the same loss has the same draws at every intensity; two losses of one
    customer within 30 days share it.
    """
    return FOUND_CARD | (day // 30 % 127) << 23 | customer


OWN_CLAIM = 1 << 29
"""Bit of the number of a campaign of a customer's own; below it 1 bit for bogus refunds, 5 of the quarter, 23 of the
customer's row."""


def own_claim_number(customer: int, day: int, refunds: bool) -> int:
    """Return the number of the campaign of a customer's claims, or bogus refunds, of one quarter."""
    return OWN_CLAIM | int(refunds) << 28 | (day // 91 % 32) << 23 | customer


class Register:
    """Counts and accounts of all campaigns.

    Args:
        underworld: the underworld whose campaigns it keeps.
    """

    def __init__(self, underworld: Underworld) -> None:
        self.underworld = underworld
        self.totals: dict[str, list[int]] = {}  # typology -> attempts, approved, cents

    def campaign_code(self, number: int) -> int:
        """Return the packed code of a campaign: the ring's, or the customer's whose card was found."""
        if number & FOUND_CARD:
            return (number & 0x7FFFFF) << 7 | number >> 23 & 0x7F
        if number & OWN_CLAIM:
            return OUTSIDE << 30 | number & (OWN_CLAIM - 1)
        return RING << 30 | number

    def ring_id(self, row: int) -> int | None:
        """Return the exported id of a ring; None for thieves who belong to none."""
        return None if row == NO_RING else self.underworld.economy.ids.export_one("ring", ring_code(row, 0))

    def describe(self, row: np.void) -> tuple[str, str, int, int | None, int | None]:
        """Return (typology, stage, campaign id, ring id, victim's customer id) of a row that is not genuine."""
        campaign = self.underworld.campaigns[int(row["campaign"])]
        ids = self.underworld.economy.ids
        stage = registry()[campaign.typology].stages[int(row["stage"])]
        victim = int(row["owner"]) if row["truth"] & pay.IS_FRAUD else campaign.victim
        if not self.has_victim(campaign, row):
            victim = -1
        customer = ids.export_one("customer", victim << 7) if victim >= 0 else None
        return (
            campaign.typology,
            stage,
            ids.export_one("campaign", self.campaign_code(campaign.number)),
            self.ring_id(campaign.ring),
            customer,
        )

    @staticmethod
    def has_victim(campaign: Campaign, row: np.void) -> bool:
        """Return whether a customer was wronged by a row: the holder of an account that somebody else used."""
        return bool(row["flags"] & pay.THIEF) or not getattr(registry()[campaign.typology], "victimless", False)

    def count(self, campaign: Campaign, row: np.void) -> None:
        """Count an exported fraudulent row: an attempt, or through it or its release a loss.

        Mules may pass on in the export what was taken before it: such a campaign has a victim and no attempts.
        """
        if row["timestamp"] < self.underworld.economy.export_start:
            return
        if not row["truth"] & pay.IS_FRAUD:
            campaign.laundered += 1
            campaign.ended = max(campaign.ended, int(row["timestamp"]))
            if campaign.victim >= 0 and campaign.victim not in campaign.victims:
                campaign.victims.append(campaign.victim)
            return
        totals = self.totals.setdefault(campaign.typology, [0, 0, 0])
        if not row["flags"] & pay.RELEASE or self._is_orphan(row):
            totals[0] += 1
            campaign.attempts += 1
            campaign.ended = max(campaign.ended, int(row["timestamp"]))
            if self.has_victim(campaign, row) and int(row["owner"]) not in campaign.victims:
                campaign.victims.append(int(row["owner"]))
        if row["decision"] == pay.APPROVED:
            # Cash that comes in from nowhere is nobody's loss.
            cents = int(row["amount"]) if row["payer"] < self.underworld.economy.ledger.outside_base else 0
            totals[1] += 1
            totals[2] += cents
            campaign.approved += 1
            campaign.gross += cents
            campaign.refunded += cents if row["kind"] == pay.REFUND else 0

    def _is_orphan(self, row: np.void) -> bool:
        """Return whether a release belongs to a row that lies before the export: it is the attempt that is exported."""
        economy = self.underworld.economy
        return bool(day_of_id(economy.ids.transaction, np.uint64(row["related_id"])) < economy.clock.export_day)

    def retire(self, before: int) -> None:
        """Write campaigns that ended long ago and forget them, so that memory does not grow with the run."""
        underworld = self.underworld
        active = {number for ring in underworld.rings for _, number in ring.due} | {
            number for _, number in underworld.opportunist.due
        }
        active |= (
            {leak[1] for leak in underworld.theft.leaks} | underworld.mule_money.busy() | underworld.first_party.busy()
        )
        active |= {item[0] for item in underworld.overcharging.values()}
        for number, campaign in list(underworld.campaigns.items()):
            last = max(campaign.ended, campaign.started, campaign.asked)
            if (
                last < before - _patience(campaign.typology)
                and number not in active
                and not self._has_open_case(number)
            ):
                self._write(campaign)
                del underworld.campaigns[number]
                underworld.ring(campaign.ring).campaigns.pop(number, None)

    def _has_open_case(self, number: int) -> bool:
        """Return whether a bank still has to do something about a campaign; closed cases are forgotten."""
        for bank in self.underworld.economy.banks:
            for key in [key for key in bank.claims.cases if key[0] == number]:
                if any(
                    number in details[:1]
                    for _, _, task, details in bank.queue
                    if task in ("report", "police", "recall", "reimburse", "chargeback", "represent")
                ):
                    return True
                del bank.claims.cases[key]
        return False

    def close(self) -> None:
        """Write all campaigns that are left."""
        for campaign in self.underworld.campaigns.values():
            self._write(campaign)
        self.underworld.campaigns.clear()

    def _write(self, campaign: Campaign) -> None:
        laundered = campaign.laundered and campaign.typology in LAUNDERING
        if not campaign.victims and not campaign.attempts and not laundered:
            return
        economy = self.underworld.economy
        issuer = campaign.reimbursed - campaign.charged_back - campaign.recovered_bank + campaign.written_off
        customer = campaign.gross - campaign.refunded - campaign.reimbursed - campaign.written_off
        customer -= campaign.recovered - campaign.recovered_bank
        economy.log.add(
            "campaigns",
            economy.ids.export_one("campaign", self.campaign_code(campaign.number)),
            campaign.typology,
            self.ring_id(campaign.ring),
            campaign.started,
            campaign.ended,
            len(campaign.victims),
            campaign.attempts,
            campaign.approved,
            campaign.gross / 100.0,
            campaign.recovered / 100.0,
            (campaign.gross - campaign.recovered) / 100.0,
            customer / 100.0,
            issuer / 100.0,
            campaign.covered / 100.0,
            (campaign.charged_back + campaign.refunded - campaign.covered) / 100.0,
        )

    def state(self) -> dict[str, Any]:
        """Return declared state."""
        return {"totals": self.totals}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned."""
        self.totals = state["totals"]


def _patience(typology: str) -> int:
    """Return how much longer a campaign is kept because its claims come late, microseconds."""
    return 60 * 86_400_000_000 if typology != "lost_stolen" else 0
