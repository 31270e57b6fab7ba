"""Credit losses: customers who stop paying back, and what the bank charges off half a year later.

Most of them are genuine: work is lost, the card pays for the month, instalments stop. A synthetic identity that busts
out ends the same way, which is why it is seldom called fraud. A charge-off is a `write_off` from the bank's losses to
the card account, which is closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finsim import payments as pay
from finsim.agents.birth import CHARGE_OFF_DAYS
from finsim.clock import DAY, HOUR
from finsim.ids import FOLLOW_UP, new_id
from finsim.ledger import CREDIT_CARD, SLOTS

if TYPE_CHECKING:
    from finsim.economy import Economy

F_CHARGE_OFF, F_REST = 4, 5
"""Sources of the ids of what is charged off, beside those of `finsim.follow_ups`."""
LEAN_ON_CARD = 4.0
"""How much more a customer in default pays by credit card (assumption: the card pays for the month)."""


def live_with_defaults(economy: Economy) -> None:
    """Let the customers whose day has come stop paying back, and charge off those who did so half a year ago."""
    data = economy.world.customers.data
    begins = np.flatnonzero(data["default_day"] == economy.day)
    data["defaulting"][begins] = 1
    data["credit_tilt"][begins] *= LEAN_ON_CARD
    over = np.flatnonzero(data["default_day"] + CHARGE_OFF_DAYS == economy.day)
    for customer in over.tolist():
        if data["accounts"][customer] & 4:
            charge_off(economy, customer)


def charge_off(economy: Economy, customer: int, fraud: int = 0, related: int = 0) -> int:
    """Close a card account at a loss; return the cents that are charged off.

    Args:
        economy: the economy.
        customer: customer row.
        fraud: cents of it that a campaign drew; booked apart from what was owed before, interest and fees.
        related: transaction id of the campaign's last draw; 0 for none.
    """
    data, account = economy.world.customers.data, customer * SLOTS + CREDIT_CARD
    owed = max(-int(economy.ledger.accounts["balance"][account]), 0)
    at = economy.day * DAY + 4 * HOUR + customer * 2_654_435_761 % HOUR
    economy.life.cards.block(economy.life.cards.code(customer, CREDIT_CARD), at)
    data["cards"][customer] &= 0xFF & ~4
    data["accounts"][customer] &= 0xFF & ~4
    economy.life.closed[customer, CREDIT_CARD] = at + 2_000_000
    economy.log.event(at + 2_000_000, customer, "account_closed", slot=CREDIT_CARD)
    parts = [(min(owed, fraud), related, F_CHARGE_OFF), (owed - min(owed, fraud), 0, F_REST)]
    for k, (cents, parent, source) in enumerate(parts):
        if cents > 0:
            _book(economy, customer, cents, parent, source, at + k * 1_000_000)
    return owed


def _book(economy: Economy, customer: int, cents: int, related: int, source: int, at: int) -> None:
    """Submit the movement from the bank's losses to the card account."""
    row = pay.blank(1)
    row["transaction_id"] = new_id(economy.ids.transaction, FOLLOW_UP, customer, source, economy.day, 0)
    bank = int(economy.world.customers.data["institution"][customer])
    row["timestamp"], row["owner"], row["amount"], row["related_id"] = at, customer, cents, related
    row["payer"], row["payee"] = economy.ledger.loss_accounts[bank], customer * SLOTS + CREDIT_CARD
    row["rail"], row["kind"], row["channel"], row["flags"] = pay.CARD, pay.WRITE_OFF, pay.BATCH, pay.FORCED
    economy.outbox.add(row, economy.tick)
