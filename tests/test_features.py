"""Running features: against a plain reference, their state's budget, and the table of the documentation."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.feature_parts import EVERYTHING, parts_of
from finsim.feature_state import BYTES_PER_CUSTOMER, FORGOTTEN, empty
from finsim.feature_store import FeatureStore
from finsim.features import AT, FEATURES, NAMES, WHOSE, WINDOWS, table
from finsim.observed import (
    GIVEN_CARD,
    GIVEN_DEVICE,
    GIVEN_IP,
    GIVEN_MERCHANT,
    GIVEN_TERMINAL,
    IS_ATTEMPT,
    OBSERVED,
    TO_CUSTOMER,
)

TICK = 1800 * 1_000_000
START = 20_000 * 48 * TICK
SECOND = 1_000_000
TOLERANCE = {"rtol": 2e-4, "atol": 1e-4}  # float32 counters, added up some hundred times


def random_rows(seed: int, count: int = 400) -> NDArray[np.void]:
    """Return decided rows of a few customers and shops over three weeks, in order of time."""
    rng = np.random.default_rng(seed)
    rows = np.zeros(count, dtype=OBSERVED)
    rows["timestamp"] = START + np.sort(rng.integers(0, 21 * 86_400 * SECOND, count)) + np.arange(count)
    rows["transaction_id"] = rng.permutation(count) + 1
    rows["row"] = rng.integers(0, 6, count)
    rows["customer_id"] = rows["row"] + 100
    rows["payer_account_id"] = rows["row"] + 200
    rows["payer_institution_id"] = rows["row"] % 2 + 1
    rows["amount"] = rng.integers(1, 50_000, count)
    rows["decision"] = rng.choice([pay.APPROVED, pay.DECLINED, pay.HELD], count, p=[0.7, 0.2, 0.1])
    rows["kind"] = rng.choice([pay.PURCHASE, pay.TRANSFER], count)
    shop = rows["kind"] == pay.PURCHASE
    rows["channel"] = np.where(shop, rng.choice([pay.POS, pay.ONLINE], count), pay.APP)
    rows["merchant_id"] = np.where(shop, rng.integers(1, 20, count), 0)
    rows["mcc"] = np.where(shop, 5000 + rows["merchant_id"] % 5, 0)
    payee = rng.integers(0, 6, count)
    rows["payee_account_id"] = np.where(shop, 1000 + rows["merchant_id"], 200 + payee)
    rows["payee_institution_id"] = np.where(shop, 101, payee % 2 + 1)
    rows["country"] = rng.integers(0, 3, count)
    rows["card_id"] = np.where(shop, rows["row"] * 2 + rng.integers(0, 2, count), 0)
    rows["device_id"], rows["ip_id"] = rng.integers(1, 7, count), rng.integers(1, 9, count)
    rows["terminal_id"] = rows["merchant_id"]
    rows["latitude"] = np.where(rows["channel"] == pay.POS, rng.uniform(30, 45, count), np.nan)
    rows["longitude"] = np.where(rows["channel"] == pay.POS, rng.uniform(-120, -70, count), np.nan)
    given = np.where(shop, GIVEN_MERCHANT | GIVEN_TERMINAL | GIVEN_CARD, 0)
    rows["given"] = given | np.where(rows["channel"] != pay.POS, GIVEN_DEVICE | GIVEN_IP, 0)
    rows["what"] = IS_ATTEMPT | np.where(shop, 0, TO_CUSTOMER)
    rows["since"] = START - 100 * 86_400 * SECOND
    return rows


class Reference:
    """Features of a row by going through all rows before it, as their descriptions say."""

    def __init__(self, rows: NDArray[np.void]) -> None:
        self.rows = rows

    def decayed(self, i: int, among: NDArray[np.bool_], window: str, weight: Any = 1.0) -> float:
        ages = (self.rows["timestamp"][i] - self.rows["timestamp"]) / 1e6
        return float((np.exp(-ages / WINDOWS[window]) * weight)[among].sum())

    def of(self, i: int) -> dict[str, float]:
        rows, row = self.rows, self.rows[i]
        before = np.arange(len(rows)) < i
        own = before & (rows["row"] == row["row"])
        yes, no = rows["decision"] == pay.APPROVED, rows["decision"] == pay.DECLINED
        dollars = rows["amount"] / 100.0
        out = {}
        for window in WINDOWS:
            out[f"attempts_{window}"] = self.decayed(i, own, window)
            out[f"approved_{window}"] = self.decayed(i, own & yes, window)
            out[f"declined_{window}"] = self.decayed(i, own & no, window)
            out[f"approved_amount_{window}"] = self.decayed(i, own & yes, window, dollars)
        out["amount_mean"] = float(dollars[own & yes].mean()) if (own & yes).any() else math.nan
        out["amount_deviation"] = float(dollars[own & yes].std()) if (own & yes).sum() > 1 else math.nan
        for name, among in (
            ("last", own),
            ("purchase", own & (rows["kind"] == pay.PURCHASE)),
            ("online", own & (rows["channel"] != pay.POS)),
            ("declined", own & no),
        ):
            out[f"seconds_since_{name}"] = self.since(i, among)
        out |= self.of_means(i, before, own, yes, no, dollars)
        return out | self.of_shared(i, yes, no, dollars)

    def since(self, i: int, among: NDArray[np.bool_]) -> float:
        times = self.rows["timestamp"]
        return float(times[i] - times[among].max()) / 1e6 if among.any() else math.nan

    def of_means(self, i: int, before: Any, own: Any, yes: Any, no: Any, dollars: Any) -> dict[str, float]:
        rows, row = self.rows, self.rows[i]
        shop = bool(row["given"] & GIVEN_MERCHANT)

        def new(name: str, bit: int = 0, among: Any = True) -> float:
            return float(
                not (own & yes & among & (rows[name] == row[name]) & ((bit == 0) | (rows["given"] & bit > 0))).any()
            )

        card = own & (rows["card_id"] == row["card_id"]) & (rows["given"] & GIVEN_CARD > 0)
        return {
            "new_merchant": new("merchant_id", GIVEN_MERCHANT) if shop else math.nan,
            "new_payee": math.nan if shop else new("payee_account_id", among=rows["given"] & GIVEN_MERCHANT == 0),
            "new_device": new("device_id", GIVEN_DEVICE) if row["given"] & GIVEN_DEVICE else math.nan,
            "new_country": new("country"),
            "card_attempts_hour": self.decayed(i, card, "hour") if shop else math.nan,
            "card_declined_day": self.decayed(i, card & no, "day") if shop else math.nan,
            "card_amount_day": self.decayed(i, card & yes, "day", dollars) if shop else math.nan,
            "seconds_since_card": self.since(i, card) if shop else math.nan,
        }

    def of_shared(self, i: int, yes: Any, no: Any, dollars: Any) -> dict[str, float]:
        rows, row = self.rows, self.rows[i]
        ended = rows["timestamp"] // TICK < row["timestamp"] // TICK
        same_bank = ended & (rows["payer_institution_id"] == row["payer_institution_id"])
        out: dict[str, float] = {}
        for name, bit, windows in (("merchant", GIVEN_MERCHANT, ("hour", "day")), ("ip", GIVEN_IP, ("hour", "day"))):
            given = bool(row["given"] & bit)
            among = same_bank & (rows["given"] & bit > 0) & (rows[f"{name}_id"] == row[f"{name}_id"])
            for window in windows:
                out[f"{name}_attempts_{window}"] = self.decayed(i, among, window) if given else math.nan
            known = given and among.any()
            out[f"{name}_declined_share"] = (
                self.decayed(i, among & no, "day") / self.decayed(i, among, "day") if known else math.nan
            )
        bank = row["payer_institution_id"]
        seen = ended & ((rows["payer_institution_id"] == bank) | (rows["payee_institution_id"] == bank))
        among = seen & (rows["given"] & GIVEN_MERCHANT == 0) & (rows["payee_account_id"] == row["payee_account_id"])
        shop = bool(row["given"] & GIVEN_MERCHANT)
        out["payee_attempts_week"] = math.nan if shop else self.decayed(i, among, "week")
        out["payee_amount_day"] = math.nan if shop else self.decayed(i, among & yes, "day", dollars)
        came = ended & yes & (rows["payee_account_id"] == row["payer_account_id"])
        out["credited_amount_week"] = self.decayed(i, came, "week", dollars)
        out["seconds_since_credited"] = self.since(i, came)
        return out


def served(rows: NDArray[np.void]) -> NDArray[np.float32]:
    """Return the features of rows, replayed tick by tick."""
    store = FeatureStore(empty(6, capacity=16))
    edges = np.flatnonzero(np.diff(rows["timestamp"] // TICK)) + 1
    return np.concatenate([store.replay(part) for part in np.split(rows, edges)])


@pytest.mark.parametrize("seed", [1, 2])
def test_features_are_what_their_descriptions_say(seed: int) -> None:
    rows = random_rows(seed)
    got = served(rows)
    reference = Reference(rows)
    for i in range(len(rows)):
        for name, value in reference.of(i).items():
            found = got[i, AT[name]]
            assert math.isnan(found) == math.isnan(value), (i, name, found, value)
            if not math.isnan(value):
                assert np.isclose(found, value, **TOLERANCE), (i, name, found, value)


def test_serving_in_waves_is_the_same_as_row_by_row() -> None:
    """The economy serves one open row of a customer at a time and merges at the tick's end; a replay does both."""
    rows = random_rows(3)
    rows["timestamp"] = START + np.arange(len(rows)) * 40 * SECOND  # many rows of a customer in a tick
    store = FeatureStore(empty(6, capacity=16))
    out = np.empty((len(rows), len(NAMES)), dtype=np.float32)
    for tick in np.unique(rows["timestamp"] // TICK):
        here = np.flatnonzero(rows["timestamp"] // TICK == tick)
        left = here.copy()
        while len(left):
            _, first = np.unique(rows["row"][left], return_index=True)
            wave = left[np.sort(first)]
            out[wave] = store.serve(rows[wave])
            store.remember(rows[wave])
            left = np.setdiff1d(left, wave)
        store.merge(rows[here])
    assert np.array_equal(out, served(rows), equal_nan=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_feature_needs_no_more_counted_than_its_part(name: str) -> None:
    """From a day on, a run counts only what its controls ask for."""
    rows, column = random_rows(6), np.array([AT[name]])
    part, changed = parts_of(column.tolist()), int(np.searchsorted(rows["timestamp"], START + 10 * 86_400 * SECOND))
    store, got = FeatureStore(empty(6, capacity=16)), np.empty(len(rows), dtype=np.float32)
    for i in range(len(rows)):
        counted = part if i >= changed else EVERYTHING
        row = rows[i : i + 1]
        got[i] = store.serve(row, column, part)[0, 0]
        store.remember(row, counted)
        store.merge(row, counted)
    store = FeatureStore(empty(6, capacity=16))
    whole = np.concatenate([store.replay(rows[i : i + 1]) for i in range(len(rows))])[:, AT[name]]
    attempts = rows["what"] & IS_ATTEMPT > 0
    assert np.array_equal(got[attempts], whole[attempts], equal_nan=True)


@pytest.mark.parametrize("capacity", [16, 1 << 14])
def test_what_was_not_touched_for_long_is_forgotten_whatever_the_size_of_the_table(capacity: int) -> None:
    """A run that counts less fills its table later; what it serves must not depend on when the table grows."""
    rows = random_rows(8)
    rows["timestamp"] = START + np.sort(np.random.default_rng(8).integers(0, 400, len(rows))) * 86_400 * SECOND
    rows["timestamp"] += np.arange(len(rows))
    for name in ("merchant_id", "ip_id", "terminal_id"):
        rows[name] = np.where(rows[name] > 0, rows["transaction_id"] % 200, 0)  # most are rare
    store = FeatureStore(empty(6, capacity=capacity))
    got = np.concatenate([store.replay(rows[i : i + 1]) for i in range(len(rows))])
    attempts = np.flatnonzero((rows["what"] & IS_ATTEMPT > 0) & (rows["given"] & GIVEN_IP > 0))
    seen: dict[tuple[int, int], int] = {}
    returned = 0
    for i in range(len(rows)):
        key = (int(rows["payer_institution_id"][i]), int(rows["ip_id"][i]))
        if i in attempts:
            known = key in seen and rows["timestamp"][i] - seen[key] < FORGOTTEN
            returned += key in seen and not known
            assert math.isnan(got[i, AT["ip_declined_share"]]) == (not known)
            seen[key] = int(rows["timestamp"][i])
    assert returned > 5


def test_what_a_store_is_saved_as_makes_the_same_store() -> None:
    """Of the table of shared counters only the taken places are kept."""
    rows = random_rows(7)
    store = FeatureStore(empty(6, capacity=16))
    store.replay(rows)
    arrays = store.arrays()
    assert len(arrays["shared"]) == store.used < arrays["capacity"][0]
    again = FeatureStore(empty(6, capacity=16))
    again.restore(arrays)
    assert again.used == store.used
    assert all(
        np.array_equal(a.view(np.uint8), b.view(np.uint8)) for a, b in zip(again.state, store.state, strict=True)
    )


def test_every_feature_is_written_and_varies() -> None:
    rows = random_rows(4)
    rows["card_issued"] = START - rows["card_id"].astype(np.int64) * 86_400 * SECOND
    got = served(rows)
    for name, column in zip(NAMES, got.T, strict=True):
        assert len(np.unique(column[~np.isnan(column)])) > 1, name
    assert not np.isinf(got).any()


def test_a_rare_customer_is_remembered_by_the_last_merchants_only() -> None:
    rows = np.repeat(random_rows(5, 1), 70)
    rows["what"], rows["decision"], rows["given"], rows["kind"] = IS_ATTEMPT, pay.APPROVED, GIVEN_MERCHANT, pay.PURCHASE
    rows["timestamp"] = START + np.arange(70) * 3600 * SECOND
    rows["merchant_id"] = [*range(1, 66), 2, 1, 65, 64, 3]  # 65 shops: the first is forgotten, and each return counts
    new = served(rows)[:, AT["new_merchant"]]
    assert new.tolist() == [1.0] * 65 + [0.0, 1.0, 0.0, 0.0, 1.0]


def test_bytes_per_customer_are_as_declared() -> None:
    one, many = (FeatureStore(empty(n)).nbytes for n in (0, 1000))
    assert many - one == 1000 * BYTES_PER_CUSTOMER
    assert BYTES_PER_CUSTOMER <= 640


def test_the_documentation_shows_the_declaration(repository: Path) -> None:
    assert len(FEATURES) >= 25
    assert len(set(NAMES)) == len(NAMES)
    assert {feature.counter for feature in FEATURES} == set(WHOSE)
    page = (repository / "docs" / "models.md").read_text(encoding="utf-8")
    assert table() in page, "put what finsim.features.table() returns into docs/models.md"
