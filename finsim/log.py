"""The log: rows of every table but transactions, gathered during a tick and handed to the recorder in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.clock import SECOND
from finsim.entities import entity_tables
from finsim.ids import FIRST_DAY, IdKeys, mix64
from finsim.payments import Recorder

if TYPE_CHECKING:
    from finsim.economy import Economy

FLUSH_ROWS = 20_000

EVENT_KINDS = (
    "login", "login_failed", "password_reset", "device_added", "payee_added", "contact_changed", "alerts_changed", "sim_changed", "card_issued",
    "card_activated", "card_blocked", "card_reported_lost", "limit_changed", "address_changed", "account_opened", "account_closed",
    "account_frozen", "account_unfrozen",
)  # fmt: skip

COLUMNS = {
    "truth": ("transaction_id", "is_fraud", "is_laundering", "typology", "campaign_id", "stage", "ring_id", "victim_customer_id"),
    "label_events": ("transaction_id", "event_at", "source", "reason_code", "label", "amount_recovered"),
    "alerts": ("alert_id", "transaction_id", "raised_at", "control", "score", "decided_at", "decision"),
    "events": ("event_id", "event_at", "customer_id", "account_id", "kind", "device_id", "ip_id"),
    "cash_hidden": ("customer_id", "timestamp", "amount", "mcc", "merchant_id"),
    "campaigns": (
        "campaign_id", "typology", "ring_id", "started_at", "ended_at", "victims", "attempts", "approved", "gross_loss", "recovered",
        "net_loss", "loss_customer", "loss_issuer", "loss_acquirer", "loss_merchant",
    ),
}  # fmt: skip


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

    def add(self, table: str, *values: Any) -> None:
        """Add one row of a table, values in the order of COLUMNS, ids already exported, times in microseconds."""
        self.rows[table].append(values)

    def event(self, at: int, customer: int, kind: str, *, slot: int | None = None, device: int | None = None, ip: int | None = None, ordinal: int = 0) -> None:
        """Add a happening without money.

        Args:
            at: microseconds.
            customer: customer row.
            kind: value of `events.kind`.
            slot: account slot that it concerns.
            device, ip: packed codes.
            ordinal: 0 to 63, tells apart happenings of one kind within a second.
        """
        if at < self.export_start:
            return
        ids = self.ids
        packed = customer << 41 | EVENT_KINDS.index(kind) << 36 | (at // SECOND - FIRST_DAY * 86_400) << 6 | ordinal
        self.add(
            "events",
            int(mix64(np.uint64(packed), ids.event)),
            at,
            ids.export_one("customer", customer << 7),
            None if slot is None else ids.export_one("account", customer << 7 | slot),
            kind,
            None if device is None else ids.export_one("device", device),
            None if ip is None else ids.export_one("ip", ip),
        )

    def truth(self, rows: NDArray[np.void], underworld: Any) -> None:
        """Add the truth about decided rows that are not genuine."""
        for row in rows[(rows["truth"] > 0) & (rows["timestamp"] >= self.export_start)]:
            typology, stage, campaign, ring, victim = underworld.describe(row)
            self.add(
                "truth", int(row["transaction_id"]), bool(row["truth"] & pay.IS_FRAUD), bool(row["truth"] & pay.IS_LAUNDERING),
                typology, campaign, stage, ring, victim,
            )  # fmt: skip

    def cash(self, rows: NDArray[np.void]) -> None:
        """Keep cash purchases, (n,) TRANSACTION, for `cash_hidden`."""
        if len(rows) and rows["timestamp"][0] >= self.export_start:
            self._cash.append(rows)

    def flush(self, everything: bool = False) -> None:
        """Hand gathered rows to the recorder where they are many, or all of them."""
        for table, rows in self.rows.items():
            if rows and (everything or len(rows) >= FLUSH_ROWS):
                self.recorder.table(table, dict(zip(COLUMNS[table], (list(column) for column in zip(*rows, strict=True)), strict=True)))
                rows.clear()
        if self._cash and (everything or sum(map(len, self._cash)) >= FLUSH_ROWS):
            rows = np.concatenate(self._cash)
            self._cash.clear()
            self.recorder.table("cash_hidden", {
                "customer_id": self.ids.export("customer", rows["owner"].astype(np.uint32) << np.uint32(7)),
                "timestamp": rows["timestamp"],
                "amount": rows["amount"] / 100.0,
                "mcc": rows["mcc"],
                "merchant_id": self.ids.export("merchant", (np.uint32(1) << np.uint32(30)) | (rows["merchant"].astype(np.uint32) << np.uint32(10))),
            })  # fmt: skip

    def entities(self, economy: Economy) -> None:
        """Hand the tables of accounts, customers, cards, devices, merchants and rings to the recorder."""
        for name, columns in entity_tables(economy).items():
            self.recorder.table(name, columns)

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what a checkpoint keeps."""
        return {name: [list(row) for row in rows] for name, rows in self.rows.items()}, {
            "cash": np.concatenate(self._cash) if self._cash else np.empty(0, dtype=pay.TRANSACTION)
        }

    def restore(self, values: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        """Take back what `state` returned."""
        self.rows = {name: [tuple(row) for row in values[name]] for name in COLUMNS}
        self._cash = [arrays["cash"]] if len(arrays["cash"]) else []
