"""Identities: names that a ring made up or stole, and the accounts it opens with them.

The rows were set aside at the founding, whatever the intensity, so no genuine customer changes when a ring brings one
to life. Identities of one ring share an address now and then, as families do, and a few devices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from finsim import payments as pay
from finsim.agents.cards import VALID_DAYS
from finsim.agents.credit_losses import charge_off
from finsim.agents.customer import NO_PAY, RESERVE, STOLEN
from finsim.agents.fraud import aftermath
from finsim.clock import DAY
from finsim.ledger import CREDIT_CARD, SLOTS

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

SAME_ADDRESS = 0.6
"""Identities of a ring that live at its first one's address (assumption: mail has to arrive somewhere)."""


class Identities:
    """The reserve, and what rings do with it.

    Args:
        underworld: the underworld whose rings use them.
    """

    def __init__(self, underworld: Underworld) -> None:
        self.underworld = underworld
        data = underworld.economy.world.customers.data
        self.free: list[int] = np.flatnonzero(data["reserved"] == RESERVE).tolist()
        self.reserve = len(self.free)
        self.heads: dict[int, int] = {}  # ring -> its first identity, whose address the others use

    def take(self, u: float) -> int:
        """Take an identity from the reserve by a uniform; -1 where none is left."""
        return self.free.pop(int(u * len(self.free))) if self.free else -1

    def open(self, customer: int, ring: int, kind: int, since: int, limit: float, u: float) -> None:
        """Open a checking account and a credit card in an identity's name.

        Args:
            customer: row of the identity.
            ring: row of the ring.
            kind: STOLEN or SYNTHETIC.
            since: day of the opening; a later one than today's is announced by `Life`.
            limit: credit limit, currency units.
            u: uniform that decides on the address.
        """
        economy = self.underworld.economy
        data, life = economy.world.customers.data, economy.life
        data["reserved"][customer], data["since_day"][customer] = kind, since
        head = self.heads.setdefault(ring, customer)
        if head != customer and u < SAME_ADDRESS:
            for name in ("dwelling", "home_ip", "area"):
                data[name][customer] = data[name][head]
        life.opened[customer, (0, CREDIT_CARD)] = since * DAY
        issued = since + max(economy.day - since, 0) // VALID_DAYS * VALID_DAYS  # its cards were renewed since
        life.cards.issued[customer] = issued * DAY
        life.cards.expiry[customer] = issued + VALID_DAYS
        cents = max(int(limit * 100) // 10_000 * 10_000, 50_000)
        economy.ledger.accounts["limit"][customer * SLOTS + CREDIT_CARD] = cents
        if kind == STOLEN:
            self.abandon(customer)

    def abandon(self, customer: int) -> None:
        """Nobody lives on this account: no pay, no errands, no payments to friends, and no debt is paid back.

        Somebody may still send money there, so an empty account alone would not keep a repayment from going through.
        """
        data = self.underworld.economy.world.customers.data
        data["activity"][customer] = data["transfer_rate"][customer] = 0.0
        data["pay_schedule"][customer], data["savings_cents"][customer] = NO_PAY, 0
        data["defaulting"][customer] = 1

    def available(self, customer: int) -> int:
        """Return what is left of an identity's credit limit, cents."""
        account = self.underworld.economy.ledger.accounts[customer * SLOTS + CREDIT_CARD]
        return int(account["balance"] + account["limit"] - account["reserved"])

    def empty(self, campaign: Campaign, customer: int, at: int) -> None:
        """Move what is left on the checking account to somebody at another bank; it is the identity's own."""
        world = self.underworld
        economy = world.economy
        cents = world.balance(customer) // 1_000 * 1_000
        if cents < 2_000:
            return
        u = world.draw(campaign)
        payee = economy.ledger.person_base + int(u[0] * economy.ledger.outside.persons)
        row = world.request(campaign, customer, 0, payee, cents, at, 0)
        row["rail"], row["kind"], row["channel"] = pay.INSTANT if u[1] < 0.7 else pay.ACH, pay.TRANSFER, pay.APP
        row["authentication"] = pay.BIOMETRIC if u[2] < 0.6 else pay.NO_AUTHENTICATION
        row["device"], row["ip"] = world.own_device(customer), world.own_ip(customer)
        row["place"], row["country"] = economy.world.customers.data["area"][customer], 0
        row["truth"], row["campaign"], row["stage"] = 0, -1, pay.NONE
        world.submit(row)

    def charge_off(self, campaign: Campaign, customer: int, recognised: float) -> None:
        """Let the bank give the debt up; now and then it recognises what it was and labels the draws.

        Args:
            campaign: the campaign; `facts["rows"]` holds [transaction id, time] of what it drew.
            customer: row of the identity.
            recognised: chance that the bank calls it fraud.
        """
        world = self.underworld
        economy = world.economy
        rows = campaign.facts["rows"]
        last, at = rows[-1] if rows else (0, 0)
        exported = at >= economy.export_start
        owed = charge_off(economy, customer, campaign.gross if exported else 0, last if exported else 0)
        world.account(campaign.number, at, "written_off", min(owed, campaign.gross))
        campaign.facts[aftermath.KEY] = aftermath.DONE
        if aftermath.fate(world, campaign)[0] < recognised:
            bank = economy.banks[int(economy.world.customers.data["institution"][customer])]
            for number, when in rows:
                bank.claims.label(number, when, economy.now, "analyst", None, "fraud")

    @staticmethod
    def foretell(
        world: Underworld, campaign: Campaign, now: int, days: float, recognised: float
    ) -> tuple[int, str, str] | None:
        """Return when, by whom and how what a campaign drew will be labelled at its charge-off; None for never.

        Args:
            world: the underworld.
            campaign: the campaign; one that still draws counts as over.
            now: microseconds.
            days: median days until the charge-off.
            recognised: as in `charge_off`.
        """
        at = aftermath.due(world, campaign, now, days, aftermath.CHARGE_OFF_SPREAD)
        if at is None or aftermath.fate(world, campaign)[0] >= recognised:
            return None
        return at, "analyst", "fraud"

    def state(self) -> dict[str, Any]:
        """Return declared state."""
        return {"free": list(self.free), "heads": self.heads}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned."""
        self.free, self.heads = list(state["free"]), state["heads"]
