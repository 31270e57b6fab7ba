"""The log: rows of every table but transactions, gathered during a tick and handed to the recorder in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.clock import SECOND
from finsim.entities import cards, devices, entity_tables, later_devices, postcode_area
from finsim.ids import FIRST_DAY, MERCHANT, NO_CODE, ROW_BITS, IdKeys, mix64_array
from finsim.payments import Recorder
from finsim.records import joined

if TYPE_CHECKING:
    from finsim.economy import Economy

FLUSH_ROWS = 20_000

EVENT_KINDS = (
    "login",
    "login_failed",
    "password_reset",
    "device_added",
    "payee_added",
    "contact_changed",
    "alerts_changed",
    "sim_changed",
    "card_issued",
    "card_activated",
    "card_blocked",
    "card_reported_lost",
    "limit_changed",
    "address_changed",
    "account_opened",
    "account_closed",
    "account_frozen",
    "account_unfrozen",
)

EVENT = np.dtype(
    [
        ("at", "i8"),
        ("customer", "i4"),
        ("device", "u4"),
        ("ip", "u4"),
        ("area", "i4"),  # of the home that was left; -1 for none
        ("kind", "u1"),
        ("slot", "u1"),
        ("ordinal", "u1"),
        ("limit", "i8"),  # credit limit before the event, cents; -1 for none
        ("about", "u8"),  # id of the transaction that it belongs to; 0 for none
    ],
    align=True,
)
"""A happening as it is kept until it is handed on."""

COLUMNS = {
    "truth": (
        "transaction_id",
        "is_fraud",
        "is_laundering",
        "typology",
        "campaign_id",
        "stage",
        "ring_id",
        "victim_customer_id",
    ),
    "label_events": ("transaction_id", "event_at", "source", "reason_code", "label", "amount_recovered"),
    "labels_hidden": ("transaction_id", "event_at", "source", "label"),
    "alerts": ("alert_id", "transaction_id", "raised_at", "control", "score", "decided_at", "decision"),
    "campaigns": (
        "campaign_id",
        "typology",
        "ring_id",
        "started_at",
        "ended_at",
        "victims",
        "attempts",
        "approved",
        "gross_loss",
        "recovered",
        "net_loss",
        "loss_customer",
        "loss_issuer",
        "loss_acquirer",
        "loss_merchant",
    ),
}


class Log:
    """Gathers rows of the tables that are written along the way.

    Args:
        recorder: takes the rows.
        ids: keys of exported ids.
        export_start: microseconds; what belongs to earlier transactions is not exported.
    """

    def __init__(self, recorder: Recorder, ids: IdKeys, export_start: int) -> None:
        self.recorder = recorder
        self.ids = ids
        self.export_start = export_start
        self.rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in COLUMNS}
        self._cash: list[NDArray[np.void]] = []
        self._events: list[NDArray[np.void]] = []
        self._single: list[tuple[int, ...]] = []  # more of them, as the values of EVENT
        self._waiting = 0  # rows of both

    def add(self, table: str, *values: Any) -> None:
        """Add one row of a table, values in the order of COLUMNS, ids already exported, times in microseconds."""
        self.rows[table].append(values)

    def event(
        self,
        at: int,
        customer: int,
        kind: str,
        *,
        slot: int | None = None,
        device: int | None = None,
        ip: int | None = None,
        ordinal: int = 0,
        area: int = -1,
        limit: int = -1,
    ) -> None:
        """Add a happening without money; see `events` for many of one kind.

        Args:
            at: microseconds.
            customer: customer row.
            kind: value of `events.kind`.
            slot: account slot that it concerns.
            device, ip: packed codes.
            ordinal: 0 to 15, tells apart happenings of one kind on one account within a second.
            area: of the home that the customer left; -1 for none.
            limit: credit limit before it changed, cents; -1 for none.
        """
        if at >= self.export_start:
            codes = (NO_CODE if code is None else code for code in (device, ip))
            place = pay.NONE if slot is None else slot
            self._single.append((at, customer, *codes, area, EVENT_KINDS.index(kind), place, ordinal, limit, 0))
            self._waiting += 1

    def events(
        self,
        at: NDArray[np.int64],
        customers: NDArray[np.int64],
        kind: str,
        *,
        slot: int | None = None,
        device: NDArray[Any] | None = None,
        ip: NDArray[Any] | None = None,
        ordinal: int = 0,
        about: NDArray[np.uint64] | None = None,
    ) -> None:
        """Add happenings of one kind, (n,) each; what lies before the export is left out.

        Args:
            at: (n,) int64 microseconds.
            customers: (n,) int64 customer rows.
            kind: value of `events.kind`.
            slot: account slot that they concern.
            device, ip: (n,) packed codes, NO_CODE for none.
            ordinal: 0 to 15, tells apart happenings of one kind on one account within a second.
            about: (n,) uint64 ids of transactions, one happening each: where several may fall into one second.
        """
        rows = np.zeros(len(at), dtype=EVENT)
        rows["at"], rows["customer"], rows["kind"], rows["ordinal"] = at, customers, EVENT_KINDS.index(kind), ordinal
        rows["slot"] = pay.NONE if slot is None else slot
        rows["area"] = rows["limit"] = -1
        rows["about"] = 0 if about is None else about
        rows["device"] = NO_CODE if device is None else device
        rows["ip"] = NO_CODE if ip is None else ip
        rows = rows[rows["at"] >= self.export_start]
        self._events.append(rows)
        self._waiting += len(rows)

    def _event_table(self, rows: NDArray[np.void]) -> dict[str, Any]:
        """Return happenings ready for export."""
        ids = self.ids
        customer = rows["customer"].astype(np.uint64)
        second = (rows["at"] // SECOND - FIRST_DAY * 86_400).astype(np.uint64)
        packed = (
            customer << np.uint64(41)
            | rows["kind"].astype(np.uint64) << np.uint64(36)
            | second << np.uint64(6)
            | (rows["ordinal"].astype(np.uint64) << np.uint64(2) | rows["slot"].astype(np.uint64) & np.uint64(3))
        )
        event_id = np.empty(len(rows), dtype=np.uint64)
        mix64_array(np.where(rows["about"] > 0, rows["about"], packed), ids.event, event_id)
        code = rows["customer"].astype(np.uint32) << np.uint32(7)
        left = rows["area"]
        areas = int(left.max(initial=-1)) + 1
        return {
            "event_id": event_id,
            "event_at": rows["at"],
            "customer_id": ids.export("customer", code),
            "account_id": np.ma.array(
                ids.export("account", code | rows["slot"].astype(np.uint32) & np.uint32(3)),
                mask=rows["slot"] == pay.NONE,
            ),
            "kind": np.array(EVENT_KINDS)[rows["kind"]],
            "device_id": np.ma.array(ids.export("device", rows["device"]), mask=rows["device"] == NO_CODE),
            "ip_id": np.ma.array(ids.export("ip", rows["ip"]), mask=rows["ip"] == NO_CODE),
            "former_postcode_area": ([*map(postcode_area, range(areas)), None], np.where(left < 0, areas, left)),
            "former_credit_limit": np.ma.array(rows["limit"] / 100.0, mask=rows["limit"] < 0),
        }

    def truth(self, rows: NDArray[np.void], underworld: Any) -> None:
        """Add the truth about decided rows that are not genuine."""
        for row in rows[(rows["truth"] > 0) & (rows["timestamp"] >= self.export_start)]:
            typology, stage, campaign, ring, victim = underworld.describe(row)
            self.add(
                "truth",
                int(row["transaction_id"]),
                bool(row["truth"] & pay.IS_FRAUD),
                bool(row["truth"] & pay.IS_LAUNDERING),
                typology,
                campaign,
                stage,
                ring,
                victim,
            )

    def cash(self, rows: NDArray[np.void]) -> None:
        """Keep cash purchases, (n,) TRANSACTION, for `cash_hidden`."""
        if len(rows) and rows["timestamp"][0] >= self.export_start:
            self._cash.append(rows)
            self._waiting += len(rows)

    def flush(self, everything: bool = False) -> None:
        """Hand gathered rows to the recorder where they are many, or all of them."""
        for table, rows in self.rows.items():
            if rows and (everything or len(rows) >= FLUSH_ROWS):
                columns = (list(column) for column in zip(*rows, strict=True))
                self.recorder.table(table, dict(zip(COLUMNS[table], columns, strict=True)))
                rows.clear()
        if not everything and self._waiting < FLUSH_ROWS:
            return
        events, cash = [*self._events, np.array(self._single, dtype=EVENT)], self._cash
        self._events, self._single, self._cash, self._waiting = [], [], [], 0
        if any(map(len, events)):
            self.recorder.table("events", self._event_table(joined(events)))
        if cash:
            self.recorder.table("cash_hidden", self._cash_table(joined(cash)))

    def _cash_table(self, rows: NDArray[np.void]) -> dict[str, Any]:
        """Return cash purchases ready for export."""
        merchant = np.uint32(MERCHANT << 30) | rows["merchant"].astype(np.uint32) << np.uint32(30 - ROW_BITS[MERCHANT])
        return {
            "customer_id": self.ids.export("customer", rows["owner"].astype(np.uint32) << np.uint32(7)),
            "timestamp": rows["timestamp"],
            "amount": rows["amount"] / 100.0,
            "mcc": rows["mcc"],
            "merchant_id": self.ids.export("merchant", merchant),
        }

    def payees(self, rows: NDArray[np.void]) -> None:
        """Add the payees that were added shortly before these transfers, (n,) TRANSACTION, genuine or not."""
        if len(rows):
            before = 60 + (rows["transaction_id"] % np.uint64(400)).astype(np.int64)
            self.events(
                rows["timestamp"] - before * SECOND,
                rows["owner"],
                "payee_added",
                slot=0,
                device=rows["device"],
                ip=rows["ip"],
                about=rows["transaction_id"],
            )

    def past_things(self, economy: Economy) -> None:
        """Hand cards that are past and devices on where they are many, so that memory does not grow with the run."""
        book = economy.life.cards
        if len(book.past) >= FLUSH_ROWS:
            self.recorder.table("cards", cards(economy, np.array(book.past, dtype=np.int64)))
            book.handed_on += len(book.past)
            book.past.clear()
        if len(book.devices) >= FLUSH_ROWS:
            self.recorder.table("devices", devices(economy, later_devices(economy)))
            book.devices.clear()

    def entities(self, economy: Economy) -> None:
        """Hand the tables of accounts, customers, cards, devices, merchants and rings to the recorder."""
        for name, columns in entity_tables(economy):
            self.recorder.table(name, columns)

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what a checkpoint keeps."""
        return {name: [list(row) for row in rows] for name, rows in self.rows.items()}, {
            "cash": joined(self._cash) if self._cash else np.empty(0, dtype=pay.TRANSACTION),
            "events": joined(self._events) if self._events else np.empty(0, dtype=EVENT),
            "single_events": np.array(self._single, dtype=EVENT),
        }

    def restore(self, values: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        """Take back what `state` returned."""
        self.rows = {name: [tuple(row) for row in values[name]] for name in COLUMNS}
        self._cash = [arrays["cash"].view(pay.TRANSACTION)] if len(arrays["cash"]) else []
        self._events = [arrays["events"].view(EVENT)] if len(arrays["events"]) else []
        self._single = arrays["single_events"].view(EVENT).tolist()
        self._waiting = sum(map(len, self._cash)) + sum(map(len, self._events)) + len(self._single)
