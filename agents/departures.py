"""Departures: customers who had enough of being stopped in error take their money to another bank."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finsim import payments as pay
from finsim.agents.customer import BUSINESS
from finsim.clock import DAY, HOUR, datetime_of
from finsim.ledger import CHECKING, CREDIT_CARD, SAVINGS, SLOTS, WALLET
from finsim.rng import Purpose

if TYPE_CHECKING:
    from finsim.economy import Economy

NOTICE_DAYS = 10
"""Days from the last payment until the accounts are closed (assumption: what is on its way still comes in)."""


class Departures:
    """Lets customers leave; its state stands in the customers' columns.

    Args:
        economy: the economy whose customers they are.
    """

    def __init__(self, economy: Economy) -> None:
        self.economy = economy

    def begin_day(self) -> None:
        """At midnight: let those go who made up their mind yesterday; with the month old annoyance fades."""
        economy = self.economy
        data = economy.world.customers.data
        if datetime_of(economy.now).day == 1:
            data["stops"] >>= 1
        leaving = np.flatnonzero(data["leaving"])
        data["leaving"][leaving] = 0
        free = (data["segment_code"][leaving] != BUSINESS) & (data["promoted"][leaving] == 0)
        free &= (data["mule_ring"][leaving] < 0) & (data["tombstone"][leaving] == 0) & (data["frozen"][leaving] == 0)
        for customer in leaving[free].tolist():
            self._leave(customer)

    def _leave(self, customer: int) -> None:
        """Pay off the credit card, move the rest to another bank and close everything; who cannot pay stays."""
        economy = self.economy
        data, accounts = economy.world.customers.data, economy.ledger.accounts
        first = customer * SLOTS
        balance = [int(accounts["balance"][first + slot]) for slot in range(SLOTS)]
        owed = max(-balance[CREDIT_CARD], 0)
        rest = sum(balance[slot] for slot in (CHECKING, SAVINGS, WALLET)) - owed
        if rest < 0 or any(int(accounts["reserved"][first + slot]) for slot in range(SLOTS)):
            return
        u = economy.streams.one(Purpose.FRICTION, customer, ordinal=economy.day)
        at = economy.now + int((9.0 + 9.0 * u[0]) * HOUR)
        for slot in (SAVINGS, WALLET):
            self._move(customer, slot, first, balance[slot], at + slot * 60_000_000, pay.SAME_OWNER)
        if owed:
            self._move(customer, CHECKING, first + CREDIT_CARD, owed, at + 5 * 60_000_000, pay.SAME_OWNER)
        bank = economy.ledger.person_base + int(u[1] * economy.ledger.outside.persons)
        self._move(customer, CHECKING, bank, rest, at + 20 * 60_000_000, 0)
        for slot in (CHECKING, CREDIT_CARD):
            economy.life.cards.block(economy.life.cards.code(customer, slot), economy.now)
        closes = (economy.day + NOTICE_DAYS) * DAY
        for slot in range(SLOTS):
            if data["accounts"][customer] & (1 << slot):
                economy.life.closed[customer, slot] = closes
                economy.log.event(closes, customer, "account_closed", slot=slot)
        economy.world.customers.remove(np.array([customer]))

    def _move(self, customer: int, slot: int, payee: int, cents: int, at: int, flags: int) -> None:
        """Submit one of the transfers by which an account is emptied."""
        if cents <= 0:
            return
        row = pay.blank(1)
        row["transaction_id"], row["timestamp"] = self.economy.submission.next_id(customer), at
        row["owner"], row["slot"], row["amount"] = customer, slot, cents
        row["payer"], row["payee"] = customer * SLOTS + slot, payee
        own = bool(flags & pay.SAME_OWNER)
        row["rail"] = pay.WALLET if slot == WALLET else (pay.INSTANT if own else pay.ACH)
        repays = payee % SLOTS == CREDIT_CARD and own
        row["kind"] = pay.REPAYMENT if repays else pay.TRANSFER
        row["channel"] = pay.APP if own else pay.BRANCH
        row["flags"] = flags | pay.FORCED
        self.economy.outbox.add(row, self.economy.tick)
