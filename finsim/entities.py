"""The tables of what exists: accounts, customers, cards, devices, merchants, rings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finsim.agents import customer as cu
from finsim.agents.birth import shared_households
from finsim.agents.cards import CREDIT, DEBIT, VALID_DAYS
from finsim.agents.slots import OLDEST_DEVICE, other_device_codes
from finsim.clock import DAY
from finsim.ids import MERCHANT, ROW_BITS
from finsim.ledger import ACCOUNT_KINDS, SLOTS
from finsim.payments import COUNTRIES

if TYPE_CHECKING:
    from finsim.economy import Economy

PIECE = 200_000


def _nullable(values: Any, missing: Any) -> Any:
    """Return values as a masked array: null where missing is True."""
    return np.ma.array(np.asarray(values), mask=np.asarray(missing))


def joined(economy: Economy) -> NDArray[np.int64]:
    """Return the rows of the customers who joined before the end of the run, (n,) int64."""
    return np.flatnonzero(economy.world.customers.data["since_day"] < economy.clock.end_day)


def pieces(rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Cut rows into pieces, so that a table of millions of texts never lies in memory as a whole."""
    for first in range(0, len(rows), PIECE):
        yield rows[first : first + PIECE]


def existing_accounts(economy: Economy) -> NDArray[np.int64]:
    """Return the rows of the accounts that exist or existed, (n,) int64: customers', merchants', outside ones."""
    life, ledger = economy.life, economy.ledger
    held = ((life.opened >= 0) & (life.opened < economy.clock.end)).ravel()
    return np.concatenate([np.flatnonzero(held), np.arange(ledger.customer_accounts, len(ledger.accounts))])


def accounts(economy: Economy, rows: NDArray[np.int64]) -> dict[str, Any]:
    """Return rows of the table `accounts`, all of one kind of owner: customers', merchants' or outside ones."""
    ledger, ids = economy.ledger, economy.ids
    if rows[0] < ledger.customer_accounts:
        own = _customer_accounts(economy, rows)
    elif rows[0] < ledger.outside_base:
        own = _merchant_accounts(economy, rows)
    else:
        own = _outside_accounts(economy, rows)
    limit = ledger.accounts["limit"][rows] / 100.0
    return {
        "account_id": ids.export("account", ledger.codes(rows)),
        **own,
        "currency": (("USD",), np.zeros(len(rows), dtype=np.int64)),
        "credit_limit": _nullable(limit, (rows >= ledger.customer_accounts) | (limit <= 0)),
        "opening_balance": economy.opening[rows] / 100.0,
        "closing_balance": ledger.accounts["balance"][rows] / 100.0,
    }


def _customer_accounts(economy: Economy, rows: NDArray[np.int64]) -> dict[str, Any]:
    life, number, slot = economy.life, rows // SLOTS, rows % SLOTS
    closed = life.closed[number, slot]
    return {
        "kind": (ACCOUNT_KINDS, slot),
        "institution_id": economy.world.customers.data["institution"][number].astype(np.uint16) + 1,
        "owner_kind": (("customer",), np.zeros(len(rows), dtype=np.int64)),
        "owner_id": economy.ids.export("customer", (number << 7).astype(np.uint32)).astype(np.int64),
        "opened_at": life.opened[number, slot],
        "closed_at": _nullable(closed, closed == 0),
    }


def _merchant_accounts(economy: Economy, rows: NDArray[np.int64]) -> dict[str, Any]:
    ledger, data = economy.ledger, economy.world.merchants.data
    merchant = (rows - ledger.merchant_base) % ledger.merchants
    receivable = rows < ledger.merchant_base + ledger.merchants
    return {
        "kind": np.where(receivable, "merchant_receivable", "merchant"),
        "institution_id": data["acquirer"][merchant].astype(np.uint16) + 101,
        "owner_kind": np.full(len(rows), "merchant"),
        "owner_id": economy.ids.export("merchant", merchant_codes(merchant)).astype(np.int64),
        "opened_at": data["opened_day"][merchant].astype(np.int64) * DAY,
        "closed_at": _nullable(np.zeros(len(rows), dtype=np.int64), np.ones(len(rows), dtype=bool)),
    }


def _outside_accounts(economy: Economy, rows: NDArray[np.int64]) -> dict[str, Any]:
    """Outside accounts: those with a name of an institution belong to it, the others to whoever holds them."""
    ledger = economy.ledger
    institution = ledger.outside_institutions()[rows - ledger.outside_base]
    named = np.isin(rows, np.concatenate([ledger.loss_accounts, ledger.income_accounts, ledger.acquirer_accounts]))
    own = economy.ids.export("account", ledger.codes(rows)).astype(np.int64)
    return {
        "kind": np.full(len(rows), "outside"),
        "institution_id": institution,
        "owner_kind": np.where(named, "institution", "outside"),
        "owner_id": np.where(named, institution, own),
        "opened_at": np.full(len(rows), economy.clock.start - 3650 * DAY, dtype=np.int64),
        "closed_at": _nullable(np.zeros(len(rows), dtype=np.int64), np.ones(len(rows), dtype=bool)),
    }


def merchant_codes(rows: NDArray[Any]) -> NDArray[np.uint32]:
    """Return the packed codes of merchants, (n,) uint32."""
    return np.uint32(MERCHANT << 30) | rows.astype(np.uint32) << np.uint32(30 - ROW_BITS[MERCHANT])


def postcode_area(area: int) -> str:
    """Return the exported name of an area."""
    return f"A{area:04d}"


def customers(economy: Economy, rows: NDArray[np.int64]) -> dict[str, Any]:
    """Return rows of the table `customers`: what a bank holds about them."""
    data, areas = economy.world.customers.data, economy.world.areas
    area, sex = data["area"][rows], data["sex"][rows]
    return {
        "customer_id": economy.ids.export("customer", (rows << 7).astype(np.uint32)),
        "segment": (cu.SEGMENTS, data["segment_code"][rows]),
        "birth_year": data["birth_year"][rows].astype(np.int64),
        "sex": (("female", "male", None), sex),
        "postcode_area": ([*map(postcode_area, range(len(areas)))], area),
        "latitude": areas["latitude"][area],
        "longitude": areas["longitude"][area],
        "region": (cu.REGIONS, areas["region"][area].clip(0, 3)),
        "income_band": (cu.INCOME_BANDS, data["income_band_code"][rows]),
        "customer_since": data["since_day"][rows].astype(np.int64) * DAY,
    }


def present_cards(economy: Economy) -> NDArray[np.int64]:
    """Return (customer, slot, ordinal, issued, blocked) of present and past cards, (n, 5) int64."""
    data, book = economy.world.customers.data, economy.life.cards
    parts = [np.array(book.past, dtype=np.int64).reshape(-1, 5)]
    for slot, name, bit in ((DEBIT, "debit", 1), (CREDIT, "credit", 4)):
        held = (data["cards"] & bit > 0) & (data[f"{name}_blocked"] == 0) & (data["since_day"] < economy.clock.end_day)
        rows = np.flatnonzero(held)
        columns = (
            rows,
            np.full(len(rows), slot),
            data[f"{name}_ordinal"][rows],
            book.issued[rows, slot // 2],
            np.zeros(len(rows)),
        )
        parts.append(np.stack([column.astype(np.int64) for column in columns], axis=1))
    return np.concatenate(parts)


def cards(economy: Economy, table: NDArray[np.int64]) -> dict[str, Any]:
    """Return rows of the table `cards` from rows of `present_cards`."""
    ids = economy.ids
    customer, slot, ordinal, issued, blocked = table.T
    return {
        "card_id": ids.export("card", (customer << 7 | np.where(slot == CREDIT, 64, 0) | ordinal).astype(np.uint32)),
        "customer_id": ids.export("customer", (customer << 7).astype(np.uint32)),
        "account_id": ids.export("account", (customer << 7 | slot).astype(np.uint32)),
        "kind": (("debit", "credit"), slot == CREDIT),
        "issued_at": issued,
        "expires_at": (issued // DAY + VALID_DAYS) * DAY,
        "blocked_at": _nullable(blocked, blocked == 0),
    }


def is_shared(customers: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether each customer's devices are shared in the household, (n,) bool; as `slots.shares_devices`."""
    return shared_households(customers)


def _keeper(customers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the row, (n,) int64, that a bank lists customers' devices under; -1 where a household shares them."""
    return np.where(is_shared(customers), -1, customers)


def later_devices(economy: Economy) -> NDArray[np.int64]:
    """Return (packed code, first seen, owner's row) of devices that customers got during the run, (n, 3) int64."""
    book = np.array(economy.life.cards.devices, dtype=np.int64).reshape(-1, 3)
    return np.stack([book[:, 0] << 7 | book[:, 1], book[:, 2], _keeper(book[:, 0])], axis=1)


def known_devices(economy: Economy) -> NDArray[np.int64]:
    """Return (packed code, first seen, owner's row or -1) of all devices, (n, 3) int64: customers', rings', nobody's.

    What a thief enrolled for a victim is the victim's, as far as a bank knows.
    """
    rows, underworld = joined(economy), economy.underworld
    since = economy.world.customers.data["since_day"][rows].astype(np.int64) * DAY
    first = np.stack([rows << 7, since, _keeper(rows)], axis=1)
    rings = np.array(
        [(code, seen, underworld.enrolled.get(code, -1)) for code, seen in sorted(underworld.devices.items())], np.int64
    ).reshape(-1, 3)
    rings[:, 2] = np.where(rings[:, 2] >= 0, _keeper(np.maximum(rings[:, 2], 0)), -1)
    clock = economy.clock
    others = other_device_codes(len(economy.world.customers), clock.first_day - OLDEST_DEVICE, clock.end_day)
    unowned = np.stack([others[:, 0], others[:, 1] * DAY, np.full(len(others), -1)], axis=1)
    return np.concatenate([first, later_devices(economy), rings, unowned])


def devices(economy: Economy, table: NDArray[np.int64]) -> dict[str, Any]:
    """Return rows of the table `devices` from rows of `known_devices`; shared ones and rings' have no one owner."""
    ids, code = economy.ids, table[:, 0].astype(np.uint32)
    owner = np.maximum(table[:, 2], 0).astype(np.uint32) << np.uint32(7)
    return {
        "device_id": ids.export("device", code),
        "customer_id": _nullable(ids.export("customer", owner), table[:, 2] < 0),
        "kind": (("computer", "phone"), code * np.uint32(2_654_435_761) < np.uint32(2_900_000_000)),
        "first_seen_at": table[:, 1],
    }


def merchants(economy: Economy) -> dict[str, Any]:
    """Return the table `merchants`."""
    data, ids = economy.world.merchants.data, economy.ids
    codes = merchant_codes(np.arange(len(data)))
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
    ended = np.array([ring.ended_at for ring in members], dtype=np.int64)
    return {
        "ring_id": [economy.underworld.register.ring_id(ring.row) for ring in members],
        "started_at": np.array([ring.started_at for ring in members], dtype="datetime64[us]"),
        "ended_at": _nullable(ended, ended == 0),
        "campaigns": [ring.count for ring in members],
    }


def customers_hidden(economy: Economy, rows: NDArray[np.int64]) -> dict[str, Any]:
    """Return rows of the table `customers_hidden`: what no bank knows about customers."""
    data = economy.world.customers.data
    return {
        "customer_id": economy.ids.export("customer", (rows << 7).astype(np.uint32)),
        "susceptibility": data["susceptibility"][rows].astype(float),
        "true_income": data["income_cents"][rows] / 100.0,
        "trips_per_day": data["activity"][rows].astype(float),
        "amount_scale": data["scale"][rows].astype(float),
        "transfer_rate": data["transfer_rate"][rows].astype(float),
        "transactor": data["transactor"][rows].astype(bool),
        "mule": data["mule_ring"][rows] >= 0,
        "identity": np.array(cu.IDENTITIES)[data["reserved"][rows]],
    }


def entity_tables(economy: Economy) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the tables of what exists at the end of a run, ready for export, in pieces: (table, columns)."""
    ledger = economy.ledger
    existing = existing_accounts(economy)
    edges = np.searchsorted(existing, [ledger.merchant_base, ledger.outside_base])
    for part in np.split(existing, edges):
        yield from (("accounts", accounts(economy, rows)) for rows in pieces(part))
    yield from (("customers", customers(economy, rows)) for rows in pieces(joined(economy)))
    yield from (("cards", cards(economy, rows)) for rows in pieces(present_cards(economy)))
    yield from (("devices", devices(economy, rows)) for rows in pieces(known_devices(economy)))
    yield "merchants", merchants(economy)
    yield "rings", rings(economy)
    yield from (("customers_hidden", customers_hidden(economy, rows)) for rows in pieces(joined(economy)))
