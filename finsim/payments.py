"""Payment requests and transactions: their columns, once, with units and codes.

A request and the transaction that comes of it are one record: the agent fills the first part, the
institution the outcome. Records of one tick travel in one array from plan to recorder without being
copied column by column. Codes are positions in the tuples below, which are the values that are
exported; `NONE` stands for null.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

NONE: Final = 255
"""Code of a null in every column of codes."""

RAILS: Final = ("card", "instant", "ach", "direct_debit", "wire", "check", "cash", "wallet")
CARD, INSTANT, ACH, DIRECT_DEBIT, WIRE, CHECK, CASH, WALLET = range(8)

KINDS: Final = (
    "purchase", "withdrawal", "deposit", "transfer", "bill", "income", "refund", "verification", "reversal",
    "reimbursement", "recovery", "write_off", "fee", "interest", "repayment", "settlement", "adjustment",
)  # fmt: skip
(PURCHASE, WITHDRAWAL, DEPOSIT, TRANSFER, BILL, INCOME, REFUND, VERIFICATION, REVERSAL,
 REIMBURSEMENT, RECOVERY, WRITE_OFF, FEE, INTEREST, REPAYMENT, SETTLEMENT, ADJUSTMENT) = range(17)  # fmt: skip

CHANNELS: Final = ("pos", "online", "atm", "branch", "app", "phone", "batch")
POS, ONLINE, ATM, BRANCH, APP, PHONE, BATCH = range(7)

ENTRY_MODES: Final = ("chip", "contactless", "magstripe", "keyed", "ecommerce", "token", "card_on_file")
CHIP, CONTACTLESS, MAGSTRIPE, KEYED, ECOMMERCE, TOKEN, CARD_ON_FILE = range(7)

AUTHENTICATIONS: Final = ("none", "pin", "signature", "biometric", "one_time_code", "three_d_secure")
NO_AUTHENTICATION, PIN, SIGNATURE, BIOMETRIC, ONE_TIME_CODE, THREE_D_SECURE = range(6)

DECISIONS: Final = ("approved", "declined", "held")
APPROVED, DECLINED, HELD = range(3)
VOID: Final = 3
"""Decision of a request that its agent did not make after all: it leaves no row."""
UNDECIDED: Final = 4

DECLINE_REASONS: Final = (
    "insufficient_funds", "limit", "blocked", "rule", "model", "authentication_failed", "invalid_details",
)  # fmt: skip
INSUFFICIENT_FUNDS, LIMIT, BLOCKED, RULE, MODEL, AUTHENTICATION_FAILED, INVALID_DETAILS = range(7)

CHALLENGES: Final = ("passed", "failed", "abandoned")
PASSED, FAILED, ABANDONED = range(3)

SETTLEMENT_KINDS: Final = (
    "settlement", "merchant_fee", "interchange", "chargeback", "representment", "write_off", "recovery", "sweep",
)  # fmt: skip

COUNTRIES: Final = ("US", "CA", "MX", "GB", "FR", "DE", "ES", "IT", "JP", "BR", "TH", "RO", "NG", "CN")
CURRENCIES: Final = ("USD", "CAD", "MXN", "GBP", "EUR", "JPY", "BRL", "THB", "RON", "NGN", "CNY")
CURRENCY_OF_COUNTRY: Final = (0, 1, 2, 3, 4, 4, 4, 4, 5, 6, 7, 8, 9, 10)
"""Position in CURRENCIES for each of COUNTRIES."""

# Flags of a request (bits of `flags`); none of them is exported.
FORCED: Final = 1  # the bank or a merchant books it: no decision
DISCRETIONARY: Final = 2  # planned by a customer who may skip it when money is short
MISTYPED: Final = 4  # wrong date or code was entered
WRONG_PIN: Final = 8
THIEF: Final = 16  # somebody else than the owner answers a challenge
RELEASE: Final = 32  # what became of a held payment
SCORED: Final = 64  # a control scored it
CONTROL_GROUP: Final = 128  # scored, but the score does not apply
NO_RETRY: Final = 256  # its maker handles a decline itself
NEW_PAYEE: Final = 512  # the payer has not paid this payee before
WATCHED: Final = 1024  # an agent waits for the outcome
REFUNDABLE: Final = 2048
SAME_OWNER: Final = 4096  # payer and payee belong to one owner
PREPARED: Final = 32768  # its maker has reconsidered it, and a control may have scored it
MANDATE: Final = 16384  # collected by the payee or the bank; the bank may pay it into overdraft

# Bits of `truth`.
IS_FRAUD: Final = 1
IS_LAUNDERING: Final = 2

TRANSACTION: Final = np.dtype(
    [
        ("transaction_id", "u8"),  # section 5 of the design
        ("timestamp", "i8"),  # microseconds since 1970-01-01, the economy's one clock
        ("posted_at", "i8"),  # microseconds; 0 unless approved
        ("amount", "i8"),  # cents of the payer account's currency
        ("original_amount", "i8"),  # cents of original_currency; 0 at home
        ("related_id", "u8"),  # transaction_id of what this belongs to; 0 for none
        ("payer_balance", "i8"),  # cents, booked, after; customers' accounts
        ("payee_balance", "i8"),  # cents, booked, after; customers' accounts
        ("owner", "i4"),  # customer row: the payer's owner if a customer, else the payee's
        ("payer", "i4"),  # account row
        ("payee", "i4"),  # account row
        ("merchant", "i4"),  # merchant row; -1 for none
        ("place", "i4"),  # area row of the IP address; -1: at the merchant; -2: nowhere
        ("campaign", "i4"),  # campaign number; -1 for none
        ("score", "f4"),  # 0 to 1; nan where no model ran
        ("terminal", "u4"),  # packed code
        ("card", "u4"),  # packed code
        ("device", "u4"),  # packed code
        ("ip", "u4"),  # packed code
        ("mcc", "u2"),  # 0 for none
        ("flags", "u2"),
        ("rail", "u1"),
        ("kind", "u1"),
        ("channel", "u1"),
        ("entry_mode", "u1"),
        ("authentication", "u1"),
        ("country", "u1"),
        ("currency", "u1"),  # original currency; NONE at home
        ("decision", "u1"),
        ("decline_reason", "u1"),
        ("challenge", "u1"),
        ("truth", "u1"),  # bits IS_FRAUD, IS_LAUNDERING
        ("stage", "u1"),  # stage of the campaign, position in the campaign's stages
        ("category", "u1"),  # position in the scenario's categories; NONE for none
        ("watcher", "u1"),  # kind of agent that waits for the outcome; NONE for nobody
        ("slot", "u1"),  # the payer account's slot at its customer; NONE if not a customer's
        ("alert", "u1"),  # control that raised an alert (its number + 1); 0 for none
    ],
    align=True,
)
"""One request, later transaction: (n,) arrays of this record are what agents and institutions exchange."""

POSTING: Final = np.dtype(
    [
        ("posting_id", "u8"),
        ("posted_at", "i8"),  # microseconds since 1970-01-01
        ("amount", "i8"),  # cents
        ("related_id", "u8"),  # transaction_id; 0 for none
        ("payer", "i4"),  # account row
        ("payee", "i4"),  # account row
        ("merchant", "i4"),  # merchant row; -1 for none
        ("kind", "u1"),  # position in SETTLEMENT_KINDS
    ],
    align=True,
)
"""One movement that touches no customer's account."""


class Recorder(Protocol):
    """What the economy hands its rows to: a sink for whole batches in time order."""

    def transactions(self, rows: NDArray[np.void]) -> None:
        """Take rows, (n,) TRANSACTION, complete and in time order; they are the recorder's from then on."""

    def table(self, name: str, rows: Mapping[str, Any]) -> None:
        """Take rows of another table (`settlements`, `truth`, `events`, ...), columns by internal name."""

    def close(self) -> None:
        """Take note that the run is complete."""


def blank(count: int) -> NDArray[np.void]:
    """Return count requests, (count,) TRANSACTION, with every optional column null and nothing decided."""
    return np.repeat(_BLANK, count).view(TRANSACTION)


def _blank_row() -> NDArray[np.void]:
    rows = np.zeros(1, dtype=TRANSACTION)
    for name in ("merchant", "campaign"):
        rows[name] = -1
    rows["place"] = -2
    rows["score"] = np.nan
    for name in ("terminal", "card", "device", "ip"):
        rows[name] = 0xFFFFFFFF
    for name in (
        "entry_mode",
        "authentication",
        "country",
        "currency",
        "decline_reason",
        "challenge",
        "category",
        "watcher",
        "slot",
    ):
        rows[name] = NONE
    rows["decision"] = UNDECIDED
    return rows


_BLANK: Final = _blank_row().view(np.dtype((np.void, TRANSACTION.itemsize)))
