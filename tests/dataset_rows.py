"""Made-up TRANSACTION rows with every kind of null, for the tests of the data set; no economy is needed for them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.clock import DAY
from finsim.dataset.context import ExportContext
from finsim.ids import IdKeys

CUSTOMERS, MERCHANTS, AREAS, OUTSIDE = 40, 12, 5, 6
FIRST_DAY = 20_116  # 2025-01-28, so that a few days cross the border of a month


def context(seed: int = 1) -> ExportContext:
    """Return a small economy's context; every third merchant is online and has no place."""
    rng = np.random.default_rng(3)
    customers, merchants = np.arange(4 * CUSTOMERS), np.arange(MERCHANTS)
    codes = np.concatenate(
        [
            (customers >> 2) << 7 | (customers & 3),
            1 << 30 | merchants << 10,
            1 << 30 | merchants << 10 | 1,
            3 << 30 | np.arange(OUTSIDE) << 20,
        ]
    ).astype(np.uint32)
    latitude = rng.uniform(25, 48, MERCHANTS).astype(np.float32)
    latitude[::3] = np.nan
    return ExportContext(
        seed=seed,
        keys=IdKeys(seed),
        account_codes=codes,
        account_institution=rng.integers(1, 4, len(codes)).astype(np.uint16),
        account_is_customer=4 * CUSTOMERS,
        merchant_latitude=latitude,
        merchant_longitude=np.where(np.isnan(latitude), np.nan, -90).astype(np.float32),
        area_latitude=rng.uniform(25, 48, AREAS).astype(np.float32),
        area_longitude=rng.uniform(-120, -70, AREAS).astype(np.float32),
        home_currency="USD",
    )


def transactions(count: int, days: int = 7, seed: int = 0) -> NDArray[np.void]:
    """Return rows, (count,) TRANSACTION, spread over days from FIRST_DAY on, in time order."""
    rng = np.random.default_rng(seed)
    rows = pay.blank(count)
    some = lambda share: rng.random(count) < share  # noqa: E731
    rows["transaction_id"] = rng.permutation(count).astype(np.uint64) + np.uint64(2**60)
    rows["timestamp"] = np.sort(rng.integers(0, days * DAY, count)) + FIRST_DAY * DAY
    rows["owner"] = rng.integers(0, CUSTOMERS, count)
    rows["payer"] = rows["owner"] * 4 + rng.integers(0, 4, count)
    rows["payee"] = rng.integers(4 * CUSTOMERS, 4 * CUSTOMERS + 2 * MERCHANTS + OUTSIDE, count)
    own = some(0.2)
    rows["payee"][own] = rng.integers(0, 4 * CUSTOMERS, own.sum())
    income = some(0.1)
    rows["payer"][income], rows["payee"][income] = rows["payee"][income], rows["payer"][income]
    rows["amount"] = rng.integers(1, 1_000_000, count)
    rows["payer_balance"] = rng.integers(-100_000, 10_000_000, count)
    rows["payee_balance"] = rng.integers(-100_000, 10_000_000, count)
    rows["merchant"] = np.where(some(0.7), rng.integers(0, MERCHANTS, count), -1)
    rows["place"] = rng.integers(-2, AREAS, count)
    rows["campaign"] = np.where(some(0.02), rng.integers(0, 4, count), -1)
    rows["truth"] = np.where(rows["campaign"] >= 0, pay.IS_FRAUD, 0)
    rows["mcc"] = np.where(rows["merchant"] >= 0, 5411, 0)
    rows["flags"] = rng.integers(0, 2, count) * pay.CONTROL_GROUP
    for name in ("card", "terminal", "device", "ip"):
        rows[name] = np.where(some(0.6), rows["owner"].astype(np.uint32) << np.uint32(7), 0xFFFFFFFF)
    codes = {
        "rail": pay.RAILS, "kind": pay.KINDS, "channel": pay.CHANNELS, "decision": pay.DECISIONS,
        "country": pay.COUNTRIES, "entry_mode": pay.ENTRY_MODES, "authentication": pay.AUTHENTICATIONS,
        "challenge": pay.CHALLENGES,
    }  # fmt: skip
    for name, values in codes.items():
        rows[name] = rng.integers(0, len(values), count)
    for name in ("entry_mode", "authentication", "challenge", "country"):
        rows[name][some(0.5)] = pay.NONE
    abroad = some(0.1)
    rows["currency"] = np.where(abroad, rng.integers(0, len(pay.CURRENCIES), count), pay.NONE)
    rows["original_amount"] = rows["amount"] * 3
    declined = rows["decision"] == pay.DECLINED
    rows["decline_reason"] = np.where(declined, rng.integers(0, len(pay.DECLINE_REASONS), count), pay.NONE)
    rows["posted_at"] = np.where(rows["decision"] == pay.APPROVED, rows["timestamp"] + 1_800_000_000, 0)
    rows["related_id"] = np.where(some(0.1), 2**60, 0)
    rows["score"] = np.where(some(0.5), rng.random(count), np.nan)
    return rows


def postings(count: int, seed: int = 0) -> NDArray[np.void]:
    """Return settlement rows, (count,) POSTING."""
    rng = np.random.default_rng(seed)
    rows = np.zeros(count, dtype=pay.POSTING)
    rows["posting_id"] = np.arange(count) + 2**61
    rows["posted_at"] = FIRST_DAY * DAY + np.arange(count) * 1000
    rows["amount"] = rng.integers(1, 100_000, count)
    rows["related_id"] = np.where(rng.random(count) < 0.5, 2**60, 0)
    rows["payer"] = 4 * CUSTOMERS + rng.integers(0, MERCHANTS, count)
    rows["payee"] = 4 * CUSTOMERS + MERCHANTS + rng.integers(0, MERCHANTS, count)
    rows["merchant"] = rng.integers(-1, MERCHANTS, count)
    rows["kind"] = rng.integers(0, len(pay.SETTLEMENT_KINDS), count)
    return rows
