"""Refund abuse: a customer is refunded for what was worn, stolen, swapped or never sent back.

Stages: an ordinary purchase; within two weeks the bogus refund, which is the row that truth names. Actors: the
customer, the merchant who pays.

Traces in transactions: the refund, with the amounts, gaps and hours of genuine ones; merchants do not tell the bank, so
no label follows. In `events`: nothing. What tells is the share of a customer's purchases that come back. Genuine
look-alikes: the refunds of behaviour.categories, more of them online and for clothes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finsim import payments as pay
from finsim.clock import DAY, HOUR
from finsim.ids import FOUND, NO_CODE, new_id

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld
    from finsim.parameters import Fraud

P_REFUND = 1
"""Source of the ids of bogus refunds, beside that of found cards."""


class RefundAbuse:
    """The bogus refunds of one customer in one quarter."""

    name = "refund_abuse"
    stages = ("purchase", "refund")
    victimless = True
    by_customers = True
    least_refund_rate = 0.01
    """Categories with at least this rate of genuine refunds are abused (assumption: goods that are taken back)."""

    @staticmethod
    def tendencies(fraud: Fraud, u: NDArray[np.float64], purchases: float) -> NDArray[np.float64]:
        """Return each customer's chance to return a purchase without right, (C,) float64.

        Args:
            fraud: settings.
            u: (C,) float64 uniform that says who does it.
            purchases: purchases of a customer in a year that can be returned.
        """
        s = fraud.refund_abuse
        chance = s.rate / 1000.0 * fraud.intensity / s.abusers / max(purchases, 1e-9)
        return np.where(u < s.abusers, min(chance, 0.6), 0.0)

    @staticmethod
    def send_back(world: Underworld, campaign: Campaign, purchase: NDArray[np.void]) -> None:
        """Submit the refund of a purchase, (1,) TRANSACTION, as genuine ones look."""
        economy = world.economy
        u = world.draw(campaign)
        row = purchase.copy()
        owner, at = int(row["owner"][0]), int(row["timestamp"][0])
        due = at // DAY + int(min(1.0 - 3.5 * np.log(u[0]), 13.0))
        row["transaction_id"] = new_id(economy.ids.transaction, FOUND, owner, P_REFUND, at // DAY, campaign.ordinal)
        campaign.ordinal += 1
        row["timestamp"] = due * DAY + int((9.0 + 11.0 * u[1]) * HOUR)
        row["payer"], row["payee"] = purchase["payee"], purchase["payer"]
        cents = int(purchase["amount"][0])
        row["amount"] = cents if u[2] < 0.75 else max(int(cents * (0.2 + 2.8 * (1.0 - u[2]))), 1)
        row["related_id"], row["kind"], row["flags"] = purchase["transaction_id"], pay.REFUND, pay.FORCED
        row["original_amount"], row["currency"], row["decision"], row["posted_at"] = 0, pay.NONE, pay.UNDECIDED, 0
        row["device"], row["ip"], row["alert"], row["score"] = NO_CODE, NO_CODE, 0, np.nan
        for name in ("entry_mode", "authentication", "challenge", "slot"):
            row[name] = pay.NONE
        row["campaign"], row["truth"], row["stage"] = campaign.number, pay.IS_FRAUD, 1
        world.submit(row)

    def launch(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Return nothing: no ring plans it; see `finsim.agents.first_party`."""
        return None

    def act(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Return nothing: the customer has acted."""
        return None

    def observe(self, world: Underworld, campaign: Campaign, row: np.void) -> int | None:
        """Return nothing: there is nothing to learn."""
        return None
