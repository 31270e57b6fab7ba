"""What an institution observes of a request: the columns from which features are computed, as one record.

The economy fills records from its transactions, `training_frame` from the exported table, and the same kernels
read both. Ids are the exported ones, so nothing that the packing of codes would tell can reach a feature.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from finsim import payments as pay
from finsim.compile import inline, kernel, prefetch
from finsim.ids import NO_CODE, mix32, pack_customer, pack_merchant

OBSERVED: Final = np.dtype(
    [
        ("transaction_id", "u8"),
        ("timestamp", "i8"),  # microseconds since 1970-01-01
        ("amount", "i8"),  # cents
        ("original_amount", "i8"),  # cents of original_currency; 0 at home
        ("card_issued", "i8"),  # microseconds; 0 where unknown
        ("since", "i8"),  # microseconds, start of the customer's relation
        ("row", "i4"),  # position of the customer in the features' state
        ("customer_id", "u4"),  # exported ids from here
        ("payer_account_id", "u4"),
        ("payee_account_id", "u4"),
        ("merchant_id", "u4"),  # 0 where not given, as those below
        ("terminal_id", "u4"),
        ("card_id", "u4"),
        ("device_id", "u4"),
        ("ip_id", "u4"),
        ("latitude", "f4"),  # degrees; nan for none
        ("longitude", "f4"),
        ("payer_institution_id", "u2"),
        ("payee_institution_id", "u2"),
        ("mcc", "u2"),  # 0 for none
        ("rail", "u1"),
        ("kind", "u1"),
        ("channel", "u1"),
        ("entry_mode", "u1"),  # payments.NONE for null, as the two below
        ("authentication", "u1"),
        ("original_currency", "u1"),
        ("country", "u1"),
        ("decision", "u1"),  # payments.UNDECIDED before it is taken
        ("given", "u1"),  # bits GIVEN_...
        ("what", "u1"),  # bits IS_...
    ],
    align=True,
)
"""One request as its institution sees it."""

GIVEN_MERCHANT, GIVEN_TERMINAL, GIVEN_CARD, GIVEN_DEVICE, GIVEN_IP = 1, 2, 4, 8, 16
IS_ATTEMPT: Final = 1  # the customer, or who poses as the customer, asks for it: it is scored and counted
TO_CUSTOMER: Final = 2  # the payee's account is a customer's

BOOKED_KINDS: Final = (
    pay.REFUND, pay.REVERSAL, pay.REIMBURSEMENT, pay.RECOVERY, pay.WRITE_OFF, pay.FEE, pay.INTEREST,
    pay.SETTLEMENT, pay.ADJUSTMENT,
)  # fmt: skip
"""Kinds that institutions and merchants book by themselves: no attempts."""

IS_BOOKED: Final = np.array([kind in BOOKED_KINDS for kind in range(len(pay.KINDS))])
NO: Final = np.uint32(NO_CODE)
AHEAD: Final = 8
"""Rows from one whose memory is asked for to the one that is observed."""


class Sight(NamedTuple):
    """What turns transactions into observed records: ids, places and cards by row.

    Attributes:
        accounts: (N,) uint64 exported id and institution of each account, in one word.
        customer_accounts: accounts below this row are customers'.
        customers: (C,) customer columns.
        issued: (C, 2) int64 microseconds, issue of the present debit and credit card.
        merchant_latitude, merchant_longitude: (M,) float32.
        area_latitude, area_longitude: (A,) float32.
        customer_key, merchant_key, terminal_key, card_key, device_key, ip_key: uint64 keys of ids.
    """

    accounts: Any
    customer_accounts: Any
    customers: Any
    issued: Any
    merchant_latitude: Any
    merchant_longitude: Any
    area_latitude: Any
    area_longitude: Any
    customer_key: Any
    merchant_key: Any
    terminal_key: Any
    card_key: Any
    device_key: Any
    ip_key: Any


@inline
def is_attempt(t, customer_accounts):  # type: ignore[no-untyped-def]
    """Return whether a customer, or who poses as one, asks for it; `training_frame` tells it from exported columns."""
    return t.payer < customer_accounts and t.related_id == 0 and t.rail != pay.CASH and not IS_BOOKED[t.kind]


@kernel
def observe(  # type: ignore[no-untyped-def]
    rows, accounts, customer_accounts, customers, issued, merchant_latitude, merchant_longitude, area_latitude,
    area_longitude, customer_key, merchant_key, terminal_key, card_key, device_key, ip_key, out, at, everything,
    unknown,
):  # fmt: skip
    """Write what is observed of rows; return of how many.

    Args:
        rows: (n,) TRANSACTION.
        accounts, ..., ip_key: `Sight`, field by field: a call of a few rows costs less without the tuple.
        out: (n,) OBSERVED, overwritten; `card_issued` stays 0 for cards that are not the present ones.
        at: (n,) int64, overwritten: the position of each in rows.
        everything: whether rows that are no attempts are wanted too.
        unknown: (1,) int64, overwritten: number of cards whose `card_issued` stayed 0.
    """
    sight = Sight(
        accounts, customer_accounts, customers, issued, merchant_latitude, merchant_longitude, area_latitude,
        area_longitude, customer_key, merchant_key, terminal_key, card_key, device_key, ip_key,
    )  # fmt: skip
    count = 0
    unknown[0] = 0
    for i in range(rows.shape[0]):
        if i + AHEAD < rows.shape[0]:
            prefetch(sight.customers, rows[i + AHEAD].owner)
            prefetch(sight.accounts, rows[i + AHEAD].payer)
            prefetch(sight.accounts, rows[i + AHEAD].payee)
        t = rows[i]
        attempt = is_attempt(t, sight.customer_accounts)
        if not (attempt or everything):
            continue
        at[count] = i
        o = out[count]
        count += 1
        payer = sight.accounts[t.payer]
        payee = sight.accounts[t.payee]
        o.transaction_id = t.transaction_id
        o.timestamp = t.timestamp
        o.amount = t.amount
        o.original_amount = t.original_amount if t.currency != pay.NONE else 0
        o.row = t.owner
        o.customer_id = mix32(pack_customer(t.owner, 0), sight.customer_key)
        o.since = sight.customers[t.owner].since_day * np.int64(86_400_000_000)
        o.payer_account_id = payer >> np.uint64(16)
        o.payee_account_id = payee >> np.uint64(16)
        o.payer_institution_id = payer & np.uint64(0xFFFF)
        o.payee_institution_id = payee & np.uint64(0xFFFF)
        given = 0
        o.merchant_id = 0
        if t.merchant >= 0:
            given |= GIVEN_MERCHANT
            o.merchant_id = mix32(pack_merchant(t.merchant, 0), sight.merchant_key)
        o.terminal_id = 0
        if t.terminal != NO:
            given |= GIVEN_TERMINAL
            o.terminal_id = mix32(t.terminal, sight.terminal_key)
        o.card_id = 0
        o.card_issued = 0
        if t.card != NO:
            given |= GIVEN_CARD
            o.card_id = mix32(t.card, sight.card_key)
            holder = np.int64(t.card >> np.uint32(7))
            if holder < sight.issued.shape[0]:
                credit = t.card & np.uint32(64) != 0
                c = sight.customers[holder]
                if t.card & np.uint32(63) == (c.credit_ordinal if credit else c.debit_ordinal):
                    o.card_issued = sight.issued[holder, 1 if credit else 0]
            if o.card_issued == 0:
                unknown[0] += 1
        o.device_id = 0
        if t.device != NO:
            given |= GIVEN_DEVICE
            o.device_id = mix32(t.device, sight.device_key)
        o.ip_id = 0
        if t.ip != NO:
            given |= GIVEN_IP
            o.ip_id = mix32(t.ip, sight.ip_key)
        o.given = given
        o.latitude = np.float32(np.nan)
        o.longitude = np.float32(np.nan)
        if t.place >= 0:
            o.latitude = sight.area_latitude[t.place]
            o.longitude = sight.area_longitude[t.place]
        elif t.merchant >= 0:
            o.latitude = sight.merchant_latitude[t.merchant]
            o.longitude = sight.merchant_longitude[t.merchant]
        o.mcc = t.mcc
        o.rail = t.rail
        o.kind = t.kind
        o.channel = t.channel
        o.entry_mode = t.entry_mode
        o.authentication = t.authentication
        o.original_currency = t.currency
        o.country = t.country if t.country != pay.NONE else 0
        o.decision = t.decision
        what = TO_CUSTOMER if t.payee < sight.customer_accounts else 0
        o.what = what | (IS_ATTEMPT if attempt else 0)
    return count


@kernel
def are_scores(numbers):  # type: ignore[no-untyped-def]
    """Return whether all numbers, (n,) float32, lie from 0 to 1; nan does not."""
    for number in numbers:
        if not 0.0 <= number <= 1.0:
            return False
    return True


@kernel
def put_scores(rows, at, scores):  # type: ignore[no-untyped-def]
    """Write scores, (k,) float32, those not below 0, into the rows at positions, (k,) int64."""
    for i in range(scores.shape[0]):
        if scores[i] >= 0:
            rows[at[i]].score = scores[i]
            rows[at[i]].flags |= pay.SCORED
