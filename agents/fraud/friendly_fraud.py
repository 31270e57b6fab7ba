"""Friendly fraud: a customer buys something, receives it, and claims the money back as if somebody else had bought it.

Stages: the purchase, which is genuine to the last detail and is the row that truth names; weeks later the claim, which
is the fraud. Actors: the customer, the merchant, the issuer.

Traces in transactions: none in the purchase; a reimbursement later, and where the merchant wins a reversal. In
`label_events`: the customer's claim with its reason code (10.4 for a purchase that is denied, 13.1 to 13.7 for one that
is said not to have come or to have been cancelled), the chargeback, and `genuine` where the merchant proves it. In
`events`: the card that is blocked and replaced. What tells is the history of a customer's claims: a few serial
claimants make a third of them. Genuine look-alikes: honest disputes (behaviour.disputes_per_1000_customers), purchases
not recognised, true card-not-present fraud.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld
    from finsim.parameters import Fraud


class FriendlyFraud:
    """The claims of one customer in one quarter."""

    name = "friendly_fraud"
    stages = ("purchase",)
    victimless = True
    by_customers = True

    @staticmethod
    def tendencies(fraud: Fraud, u: NDArray[np.float64], purchases: float) -> NDArray[np.float64]:
        """Return each customer's chance to claim a remote purchase back, (C,) float64.

        Args:
            fraud: settings.
            u: (C,) float64 uniform that says who does it.
            purchases: remote purchases of a customer in a year.
        """
        s = fraud.friendly_fraud
        yearly = s.rate / 1000.0 * fraud.intensity / max(purchases, 1e-9)
        serial = yearly * s.serial_claims / s.serial_share
        occasional = yearly * (1.0 - s.serial_claims) / s.occasional_share
        chance = np.where(u < s.serial_share + s.occasional_share, occasional, 0.0)
        return np.minimum(np.where(u < s.serial_share, serial, chance), 0.9)

    def launch(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Return nothing: no ring plans it; see `finsim.agents.first_party`."""
        return None

    def act(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Return nothing: the customer acts by a claim."""
        return None

    def observe(self, world: Underworld, campaign: Campaign, row: np.void) -> int | None:
        """Return nothing: there is nothing to learn."""
        return None
