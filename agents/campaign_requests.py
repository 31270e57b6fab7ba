"""Requests of campaigns: their ids, the devices that they come from, and how they are handed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.agents.fraud.campaign import Campaign
from finsim.agents.register import FOUND_CARD
from finsim.agents.surroundings import Surroundings
from finsim.clock import DAY
from finsim.ids import FOUND, INDUCED, RING, ROW_BITS, new_id, ring_code
from finsim.ledger import SLOTS
from finsim.rng import Purpose

if TYPE_CHECKING:
    from finsim.economy import Economy

USED_DEVICES = 0.6
"""Devices of rings that a bank had seen before, in other hands (assumption: bought second-hand, stolen or rented)."""
FRESH = 1 << 16
"""First ordinal, and number, of a ring's devices that are used for one victim; a choice of the model."""
REQUEST_BITS = 16
"""Bits of a transaction id that count the requests of one campaign."""


class CampaignRequests(Surroundings):
    """What campaigns ask for.

    Args:
        economy: the economy.

    Attributes:
        devices: rings' devices by packed code: when a bank first saw them, microseconds.
        enrolled: those that a bank believes to be a customer's, by packed code: the customer.
    """

    def __init__(self, economy: Economy) -> None:
        super().__init__(economy)
        self.devices: dict[int, int] = {}
        self.enrolled: dict[int, int] = {}

    def request(
        self, campaign: Campaign, customer: int, slot: int, payee: int, cents: int, at: int, stage: int
    ) -> NDArray[np.void]:
        """Start a fraudulent request, (1,) TRANSACTION, that goes through the same authorisation as everybody's.

        Args:
            campaign: what it belongs to.
            customer, slot: whose account pays.
            payee: account row.
            cents: amount.
            at: microseconds.
            stage: position in the typology's stages.
        """
        row = pay.blank(1)
        row["transaction_id"] = self._next_id(campaign)
        campaign.ordinal += 1
        at = at if at >= self.economy.now else self.economy.now + at % self.economy.clock.tick
        campaign.asked = max(campaign.asked, at)
        row["timestamp"], row["owner"], row["slot"] = at, customer, slot
        row["payer"], row["payee"], row["amount"] = customer * SLOTS + slot, payee, cents
        row["campaign"], row["stage"], row["truth"] = campaign.number, stage, pay.IS_FRAUD
        return row

    def _next_id(self, campaign: Campaign) -> int:
        """Return the id of a campaign's next request; its number stands in row, purpose and ordinal."""
        key, day, number, ordinal = self.economy.ids.transaction, self.economy.day, campaign.number, campaign.ordinal
        if number & FOUND_CARD:
            return int(new_id(key, FOUND, campaign.victim, 0, day, ordinal))
        if ordinal >> REQUEST_BITS:
            raise OverflowError(f"a campaign of {campaign.typology} makes more than {1 << REQUEST_BITS} requests")
        last = number >> 28 << REQUEST_BITS | ordinal
        return int(new_id(key, INDUCED, number & 0xFFFFFF, number >> 24 & 15, day, last))

    def foreign_amount(self, row: NDArray[np.void], country: int) -> None:
        """Fill in the original amount and currency of a purchase at a merchant abroad."""
        currency = pay.CURRENCY_OF_COUNTRY[country]
        if currency:
            row["currency"] = currency
            row["original_amount"] = max(
                int(row["amount"][0] * self.economy.world.habits.exchange_rate[currency] + 0.5),
                int(row["amount"][0] > 0),
            )

    def submit(self, row: NDArray[np.void]) -> None:
        """Hand a request in."""
        device = int(row["device"][0])
        if device >> 30 == RING:
            self.saw(device, int(row["timestamp"][0]))
        limit = 100.0 * self.economy.config.parameters.behaviour.contactless_limit
        if row["entry_mode"][0] == pay.CONTACTLESS and row["amount"][0] > limit:
            row["entry_mode"] = pay.CHIP  # the terminal asks a thief for it too
        self.economy.outbox.add(row, self.economy.tick)

    def fresh_device(self, campaign: Campaign, u: float) -> int:
        """Return the packed code of a device of a campaign's ring that it hardly uses for anybody else."""
        return ring_code(max(campaign.ring, 0), FRESH + int(u * FRESH))

    def enrol(self, device: int, customer: int, at: int) -> None:
        """Have the bank take a ring's device for a customer's: the one who came first, if it is used for several.

        A device is enrolled where it is first seen, as genuine ones are.
        """
        self.devices[device] = min(at, self.devices.get(device, at))
        self.enrolled.setdefault(device, customer)

    def saw(self, device: int, at: int) -> None:
        """Remember when a ring's device was first seen: at its first use, or long before if it was bought or stolen."""
        if device not in self.devices:
            ring, ordinal = (device & 0x3FFFFFFF) >> (30 - ROW_BITS[RING]), device & ((1 << (30 - ROW_BITS[RING])) - 1)
            u = self.economy.streams.one(Purpose.RING, ring, second=98, ordinal=ordinal)
            self.devices[device] = at - (int(-np.log(u[1]) * 250 * DAY) if u[0] < USED_DEVICES else 0)
        self.devices[device] = min(at, self.devices[device])
