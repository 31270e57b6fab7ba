"""The tables of what exists: accounts, customers, cards, devices, merchants, rings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finsim.agents import customer as cu
from finsim.agents.cards import CREDIT, DEBIT, VALID_DAYS
from finsim.clock import DAY
from finsim.payments import COUNTRIES

if TYPE_CHECKING:
    from finsim.economy import Economy

ACCOUNT_KIND_CUSTOMER = np.array(cu.ACCOUNT_KINDS)


def _nullable(values: Any, missing: Any) -> Any:
    """Return values as a masked array: null where missing is True."""
    return np.ma.array(np.asarray(values), mask=np.asarray(missing))


def joined(economy: Economy) -> NDArray[np.int64]:
    """Return the rows of the customers who joined before the end of the run, (n,) int64."""
    return np.flatnonzero(economy.world.customers.data["since_day"] < economy.clock.end_day)


def accounts(economy: Economy) -> dict[str, Any]:
    """Return the table `accounts`: customers' that exist or existed, merchants', outside ones."""
    ledger, ids, data = economy.ledger, economy.ids, economy.world.customers.data
    size = len(data)
    life = economy.life
    held = (life.opened >= 0) & (life.opened < economy.clock.end)
    exists = np.concatenate([held.ravel(), np.ones(len(ledger.accounts) - ledger.customer_accounts, dtype=bool)])
    rows = np.flatnonzero(exists)
    number, slot = rows // cu.SLOTS, rows % cu.SLOTS
    is_customer = rows < ledger.customer_accounts
    merchant = rows - ledger.merchant_base
    is_merchant = ~is_customer & (rows < ledger.outside_base)
    receivable = is_merchant & (merchant < ledger.merchants)
    kind = np.where(is_customer, ACCOUNT_KIND_CUSTOMER[slot], np.where(receivable, "merchant_receivable", np.where(is_merchant, "merchant", "outside")))
    institution_owned = np.isin(rows, np.concatenate([ledger.loss_accounts, ledger.income_accounts, ledger.acquirer_accounts]))
    customers = ids.export("customer", np.arange(size, dtype=np.uint32) << np.uint32(7))
    merchants = ids.export("merchant", (np.uint32(1) << np.uint32(30)) | (np.arange(ledger.merchants, dtype=np.uint32) << np.uint32(10)))
    owner = np.zeros(len(rows), dtype=np.int64)
    owner[is_customer] = customers[number[is_customer]]
    owner[is_merchant] = merchants[merchant[is_merchant] % ledger.merchants]
    institution = ledger.institutions(data["institution"], economy.world.merchants.data["acquirer"])[rows]
    account = ids.export("account", ledger.codes()[rows])
    outside = ~(is_customer | is_merchant)
    owner[outside] = np.where(institution_owned, institution, account)[outside]
    opened = np.full(len(rows), economy.clock.start - 3650 * DAY, dtype=np.int64)
    opened[is_customer] = life.opened.ravel()[rows[is_customer]]
    opened[is_merchant] = economy.world.merchants.data["opened_day"][merchant[is_merchant] % ledger.merchants].astype(np.int64) * DAY
    closed = np.zeros(len(rows), dtype=np.int64)
    closed[is_customer] = life.closed.ravel()[rows[is_customer]]
    limit = ledger.accounts["limit"][rows] / 100.0
    return {
        "account_id": account,
        "kind": kind,
        "institution_id": institution,
        "owner_kind": np.where(is_customer, "customer", np.where(is_merchant, "merchant", np.where(institution_owned, "institution", "outside"))),
        "owner_id": owner,
        "opened_at": opened,
        "closed_at": _nullable(closed, closed == 0),
        "currency": np.full(len(rows), "USD"),
        "credit_limit": _nullable(limit, ~is_customer | (limit <= 0)),
        "opening_balance": economy.opening[rows] / 100.0,
        "closing_balance": ledger.accounts["balance"][rows] / 100.0,
    }


def customers(economy: Economy) -> dict[str, Any]:
    """Return the table `customers`: what a bank holds about them."""
    rows, areas = joined(economy), economy.world.areas
    data = economy.world.customers.data[rows]
    area = data["area"]
    codes = rows.astype(np.uint32) << np.uint32(7)
    sex = np.array(["female", "male", ""])[data["sex"]]
    return {
        "customer_id": economy.ids.export("customer", codes),
        "segment": np.array(cu.SEGMENTS)[data["segment_code"]],
        "birth_year": data["birth_year"].astype(np.int64),
        "sex": _nullable(sex, data["sex"] == 2),
        "postcode_area": np.char.add("A", np.char.zfill(area.astype(str), 4)),
        "latitude": areas["latitude"][area],
        "longitude": areas["longitude"][area],
        "region": np.array(cu.REGIONS)[areas["region"][area].clip(0, 3)],
        "income_band": np.array(cu.INCOME_BANDS)[data["income_band_code"]],
        "customer_since": data["since_day"].astype(np.int64) * DAY,
    }


def cards(economy: Economy) -> dict[str, Any]:
    """Return the table `cards`: present cards and those that were replaced."""
    data, book, ids = economy.world.customers.data, economy.life.cards, economy.ids
    columns: dict[str, list[Any]] = {"customer": [], "slot": [], "ordinal": [], "issued": [], "blocked": []}
    for slot, name, bit in ((DEBIT, "debit", 1), (CREDIT, "credit", 4)):
        rows = np.flatnonzero((data["cards"] & bit > 0) & (data[f"{name}_blocked"] == 0) & (data["since_day"] < economy.clock.end_day))
        columns["customer"].append(rows)
        columns["slot"].append(np.full(len(rows), slot))
        columns["ordinal"].append(data[f"{name}_ordinal"][rows])
        columns["issued"].append(book.issued[rows, slot // 2])
        columns["blocked"].append(np.zeros(len(rows), dtype=np.int64))
    past = np.array(book.past, dtype=np.int64).reshape(-1, 5)
    for position, name in enumerate(columns):
        columns[name].append(past[:, position])
    table = {name: np.concatenate(parts).astype(np.int64) for name, parts in columns.items()}
    codes = (table["customer"] << 7 | np.where(table["slot"] == CREDIT, 64, 0) | table["ordinal"]).astype(np.uint32)
    account = (table["customer"] << 7 | table["slot"]).astype(np.uint32)
    return {
        "card_id": ids.export("card", codes),
        "customer_id": ids.export("customer", (table["customer"] << 7).astype(np.uint32)),
        "account_id": ids.export("account", account),
        "kind": np.where(table["slot"] == CREDIT, "credit", "debit"),
        "issued_at": table["issued"],
        "expires_at": (table["issued"] // DAY + VALID_DAYS) * DAY,
        "blocked_at": _nullable(table["blocked"], table["blocked"] == 0),
    }


def devices(economy: Economy) -> dict[str, Any]:
    """Return the table `devices`: first devices, later ones, and those of rings, which the bank cannot place."""
    data, ids = economy.world.customers.data, economy.ids
    rows = joined(economy)
    first = rows << 7
    later = np.array(economy.life.cards.devices, dtype=np.int64).reshape(-1, 3)
    code = np.concatenate([first, later[:, 0] << 7 | later[:, 1]]).astype(np.uint32)
    seen = np.concatenate([data["since_day"][rows].astype(np.int64) * DAY, later[:, 2]])
    customer = (code >> np.uint32(7)) << np.uint32(7)
    foreign = np.array([2 << 30 | ring.row << 18 | k for ring in economy.underworld.rings for k in range(40)], dtype=np.uint32)
    both = np.concatenate([code, foreign])
    return {
        "device_id": ids.export("device", both),
        "customer_id": _nullable(ids.export("customer", np.concatenate([customer, foreign])), np.arange(len(both)) >= len(code)),
        "kind": np.where(both * np.uint32(2_654_435_761) < np.uint32(2_900_000_000), "phone", "computer"),
        "first_seen_at": np.concatenate([seen, np.full(len(foreign), economy.clock.start - 200 * DAY)]),
    }


def merchants(economy: Economy) -> dict[str, Any]:
    """Return the table `merchants`."""
    data, ids = economy.world.merchants.data, economy.ids
    codes = (np.uint32(1) << np.uint32(30)) | (np.arange(len(data), dtype=np.uint32) << np.uint32(10))
    owner = np.where(data["owner"] >= 0, data["owner"], 0).astype(np.uint32) << np.uint32(7)
    return {
        "merchant_id": ids.export("merchant", codes),
        "owner_customer_id": _nullable(ids.export("customer", owner), data["owner"] < 0),
        "mcc": data["mcc"],
        "category": np.array(economy.world.category_names)[data["category_code"]],
        "online": data["online"].astype(bool),
        "latitude": data["latitude"],
        "longitude": data["longitude"],
        "country": np.array(COUNTRIES)[data["country"]],
        "opened_at": data["opened_day"].astype(np.int64) * DAY,
    }


def rings(economy: Economy) -> dict[str, Any]:
    """Return the table `rings`: what only the simulation knows about them."""
    members = economy.underworld.rings
    return {
        "ring_id": [economy.underworld.register.ring_id(ring.row) for ring in members],
        "started_at": [ring.started_at for ring in members],
        "campaigns": [ring.count for ring in members],
    }


def customers_hidden(economy: Economy) -> dict[str, Any]:
    """Return the table `customers_hidden`: what no bank knows about customers."""
    rows = joined(economy)
    data = economy.world.customers.data[rows]
    return {
        "customer_id": economy.ids.export("customer", rows.astype(np.uint32) << np.uint32(7)),
        "susceptibility": data["susceptibility"].astype(float),
        "true_income": data["income_cents"] / 100.0,
        "trips_per_day": data["activity"].astype(float),
        "amount_scale": data["scale"].astype(float),
        "transfer_rate": data["transfer_rate"].astype(float),
        "transactor": data["transactor"].astype(bool),
        "mule": data["mule_ring"] >= 0,
    }


def entity_tables(economy: Economy) -> dict[str, dict[str, Any]]:
    """Return all tables of what exists at the end of a run, ready for export."""
    return {
        "accounts": accounts(economy),
        "customers": customers(economy),
        "cards": cards(economy),
        "devices": devices(economy),
        "merchants": merchants(economy),
        "rings": rings(economy),
        "customers_hidden": customers_hidden(economy),
    }

