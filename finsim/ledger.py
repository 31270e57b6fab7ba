"""The ledger: every account of the economy, in integer cents, two sides to each movement.

Rows: customers' accounts (four slots each), merchants' receivables, merchants' working accounts, then
outside accounts. Outside and merchants' accounts have no limit. Loss and income accounts of the
institutions are outside accounts with a name, so what fraud cost can be added up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finsim.compile import njit
from finsim.ids import MERCHANT, OUTSIDE, ROW_BITS

ACCOUNT = np.dtype(
    [
        ("balance", "i8"),  # cents, booked; minus what is owed on a credit card
        ("limit", "i8"),  # cents that the balance may go below zero
        ("reserved", "i8"),  # cents held by payments under review
    ],
    align=True,
)

ACCOUNT_KINDS = ("checking", "savings", "credit_card", "wallet")
CHECKING, SAVINGS, CREDIT_CARD, WALLET = range(4)
"""Slots of a customer's accounts, whose rows are SLOTS times the customer's row plus the slot."""
SLOTS = 4
NAMED = ("cash", "government", "clients", "sweep", "adjustment", "exchange", "landlords", "lenders", "funds")
CASH_ACCOUNT, GOVERNMENT, CLIENTS, SWEEP, ADJUSTMENT, EXCHANGE, LANDLORDS, LENDERS, FUNDS = range(9)


@dataclass(frozen=True)
class Outside:
    """How many outside accounts of each sort there are.

    Attributes:
        institutions: issuers; each has a loss and an income account.
        acquirers: acquirers; each has one account.
        employers: employers.
        persons: persons and suppliers at other banks.
    """

    institutions: int
    acquirers: int
    employers: int
    persons: int

    @property
    def count(self) -> int:
        """Number of outside accounts."""
        return len(NAMED) + 2 * self.institutions + self.acquirers + self.employers + self.persons


class Ledger:
    """All accounts.

    Args:
        customers: number of customers.
        merchants: number of merchants.
        outside: numbers of outside accounts.
    """

    def __init__(self, customers: int, merchants: int, outside: Outside) -> None:
        self.customers = customers
        self.merchants = merchants
        self.outside = outside
        self.merchant_base = customers * SLOTS
        self.outside_base = self.merchant_base + 2 * merchants
        self.accounts = np.zeros(self.outside_base + outside.count, dtype=ACCOUNT)
        self.named = self.outside_base + np.arange(len(NAMED), dtype=np.int64)
        first = self.outside_base + len(NAMED)
        self.loss_accounts = first + np.arange(outside.institutions, dtype=np.int64)
        self.income_accounts = self.loss_accounts + outside.institutions
        first += 2 * outside.institutions
        self.acquirer_accounts = first + np.arange(outside.acquirers, dtype=np.int64)
        first += outside.acquirers
        self.employer_accounts = first + np.arange(outside.employers, dtype=np.int64)
        self.person_base = first + outside.employers

    @property
    def customer_accounts(self) -> int:
        """Number of account rows that belong to customers; they come first."""
        return self.merchant_base

    def codes(self, rows: NDArray[np.int64] | None = None) -> NDArray[np.uint32]:
        """Return the packed code of account rows, (n,) uint32; of all of them if rows is None."""
        rows = np.arange(len(self.accounts)) if rows is None else rows
        merchant = rows - self.merchant_base
        working = merchant >= self.merchants
        shop = (merchant - working * self.merchants) << (30 - ROW_BITS[MERCHANT]) | working | MERCHANT << 30
        outside = (rows - self.outside_base) | OUTSIDE << 30
        own = (rows >> 2) << 7 | (rows & 3)
        is_own, is_outside = rows < self.customer_accounts, rows >= self.outside_base
        return np.where(is_own, own, np.where(is_outside, outside, shop)).astype(np.uint32)

    def institutions(self, customer_institution: NDArray[np.uint8], acquirer: NDArray[np.uint8]) -> NDArray[np.uint16]:
        """Return the exported institution id of every account row, (N,) uint16.

        Issuers count from 1, acquirers from 101; other banks, which hold outside parties' accounts, from 201.

        Args:
            customer_institution: (customers,) issuer row of each customer.
            acquirer: (merchants,) acquirer row of each merchant.
        """
        out = np.empty(len(self.accounts), dtype=np.uint16)
        out[: self.customer_accounts] = np.repeat(customer_institution.astype(np.uint16) + 1, SLOTS)
        both = acquirer.astype(np.uint16) + 101
        out[self.merchant_base : self.merchant_base + self.merchants] = both
        out[self.merchant_base + self.merchants : self.outside_base] = both
        out[self.outside_base :] = self.outside_institutions()
        return out

    def outside_institutions(self) -> NDArray[np.uint16]:
        """Return the exported institution id of every outside account, (outside,) uint16."""
        out = (201 + np.arange(self.outside.count) % 8).astype(np.uint16)
        issuers = np.arange(self.outside.institutions, dtype=np.uint16) + 1
        out[self.loss_accounts - self.outside_base] = issuers
        out[self.income_accounts - self.outside_base] = issuers
        out[self.acquirer_accounts - self.outside_base] = np.arange(self.outside.acquirers, dtype=np.uint16) + 101
        return out

    def total(self) -> int:
        """Return the sum over all accounts, cents; it never changes but by credits on their way."""
        return int(self.accounts["balance"].sum())


@njit
def credit(accounts, rows, amounts):  # type: ignore[no-untyped-def]
    """Add amounts, (n,) int64 cents, to the balances of account rows, (n,) int64."""
    for i in range(rows.shape[0]):
        accounts[rows[i]].balance += amounts[i]


@njit
def credit_in_order(accounts, rows, amounts, balances):  # type: ignore[no-untyped-def]
    """Credit one after the other and write each balance after, (n,) int64 cents, into balances."""
    for i in range(rows.shape[0]):
        accounts[rows[i]].balance += amounts[i]
        balances[i] = accounts[rows[i]].balance
