"""A ledger in plain Python that writes a valid data set: what the auditor's and the differ's tests corrupt.

Requests go through a dictionary of balances, one movement after the other. Nothing of the engine is used but the
schemas of the tables, so the auditor is tested against a second telling of the rules, slow and simple.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import heapq
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from finsim.dataset.tables import TABLES

UTC = dt.UTC
START = dt.datetime(2025, 1, 30, tzinfo=UTC)
LAST_DAY = dt.date(2025, 2, 2)
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=UTC)
FAR = dt.datetime(2030, 1, 1, tzinfo=UTC)
TICK = dt.timedelta(minutes=30)
FORCED = ("fee", "interest", "refund", "reversal", "reimbursement", "recovery", "settlement")
BATCH = ("ach", "direct_debit")
Row = dict[str, Any]


def number(name: str, size: int = 8) -> int:
    """Return the id that stands for a name; it tells nothing of the order."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=size).digest(), "little")


def at(day: int, clock: str) -> dt.datetime:
    """Return a time, `HH:MM` or `HH:MM:SS`, of a day counted from the first."""
    hours, minutes, seconds = (*map(int, clock.split(":")), 0, 0)[:3]
    return START + dt.timedelta(days=day, hours=hours, minutes=minutes, seconds=seconds)


class Builder:
    """Accounts, a queue of what will happen, and the tables that come of it.

    Args:
        seed: stands in the manifest.
    """

    def __init__(self, seed: int = 1) -> None:
        self.seed = seed
        self.last_day = LAST_DAY
        self.scenario: Row = {"run": {"days": 4, "seed": seed, "threads": 1}, "fraud": {"intensity": 1.0}}
        self.tables: dict[str, list[Row]] = {name: [] for name in TABLES}
        self.accounts: dict[int, Row] = {}
        self.balance: dict[int, int] = {}
        self.queue: list[tuple[dt.datetime, int, int, str, Row]] = []

    def open_account(self, key: int, kind: str, bank: int, owner: tuple[str, int], cents: int, limit: int = 0) -> None:
        """Open an account long before the first day."""
        self.balance[key] = cents
        self.accounts[key] = {
            "account_id": key, "kind": kind, "institution_id": bank, "owner_kind": owner[0], "owner_id": owner[1],
            "opened_at": LONG_AGO, "closed_at": None, "currency": "USD", "credit_limit": limit / 100 if limit else None,
            "opening_balance": cents / 100, "closing_balance": None,
        }  # fmt: skip
        self.tables["accounts"].append(self.accounts[key])

    def ask(self, name: str, time: dt.datetime, kind: str, payer: int, payee: int, cents: int, **more: Any) -> int:
        """Put a request on the queue and return its id; `more` adds columns, `decision` decides beforehand."""
        key = number(name)
        row: Row = {
            "transaction_id": key, "timestamp": time, "rail": "instant", "kind": kind, "channel": "app",
            "payer_account_id": payer, "payee_account_id": payee, "cents": cents, "currency": "USD", "country": "US",
            "control_group": False, "decision": None, **more,
        }  # fmt: skip
        heapq.heappush(self.queue, (time, 1, key, "debit", row))
        return key

    def post(self, name: str, time: dt.datetime, kind: str, payer: int, payee: int, cents: int, **more: Any) -> int:
        """Put a posting that touches no customer's account on the queue and return its id."""
        key = number(name)
        row: Row = {"posting_id": key, "posted_at": time, "kind": kind, "cents": cents, **more}
        row |= {"payer_account_id": payer, "payee_account_id": payee}
        heapq.heappush(self.queue, (time, 1, key, "posting", row))
        return key

    def run(self) -> None:
        """Carry out the queue: at one time credits come first, then the id decides."""
        while self.queue:
            time, _, key, what, row = heapq.heappop(self.queue)
            if what == "debit":
                self._decide(time, key, row)
                continue
            if what == "posting":
                self.balance[row["payer_account_id"]] -= row["cents"]
                row["amount"] = row["cents"] / 100
                self.tables["settlements"].append(row)
            self.balance[row["payee_account_id"]] += row["cents"]
            if what == "credit":
                row["payee_balance_after"] = self._given(row["payee_account_id"])
        for key, account in self.accounts.items():
            account["closing_balance"] = self.balance[key] / 100
        self.tables["transactions"].sort(key=lambda row: (row["timestamp"], row["transaction_id"]))

    def _decide(self, time: dt.datetime, key: int, row: Row) -> None:
        payer, payee = self.accounts[row["payer_account_id"]], self.accounts[row["payee_account_id"]]
        room = self.balance[payer["account_id"]] + round((payer["credit_limit"] or 0) * 100)
        if row["decision"] is None:
            enough = payer["owner_kind"] != "customer" or row["kind"] in FORCED or row["cents"] <= room
            row["decision"] = "approved" if enough else "declined"
            if not enough:
                row["decline_reason"] = "limit" if payer["kind"] == "credit_card" else "insufficient_funds"
        row["amount"] = row["cents"] / 100
        row |= {f"{side}_institution_id": one["institution_id"] for side, one in (("payer", payer), ("payee", payee))}
        row["customer_id"] = payer["owner_id"] if payer["owner_kind"] == "customer" else payee["owner_id"]
        if row["decision"] == "approved":
            self.balance[payer["account_id"]] -= row["cents"]
            row["posted_at"] = _posting_time(time, row, payer, payee)
            heapq.heappush(self.queue, (row["posted_at"], 0, key, "credit", row))
        else:
            row["payee_balance_after"] = self._given(payee["account_id"])
        row["payer_balance_after"] = self._given(payer["account_id"])
        self.tables["transactions"].append(row)

    def _given(self, account: int) -> float | None:
        return self.balance[account] / 100 if self.accounts[account]["owner_kind"] == "customer" else None

    def row(self, name: str) -> Row:
        """Return the transaction of a name."""
        return next(row for row in self.tables["transactions"] if row["transaction_id"] == number(name))

    def write(self, path: Path) -> Path:
        """Write the data set and return its directory."""
        parts: list[Row] = []
        for name, table in TABLES.items():
            if name == "transactions":
                for k, rows in enumerate(_halves_of_months(self.tables[name])):
                    month = f"{rows[0]['timestamp']:%Y-%m}"
                    parts.append(_part(path, f"{name}/month={month}/part-{k:05d}.parquet", rows, table.schema))
            else:
                parts.append(_part(path, f"{name}/part-00000.parquet", self.tables[name], table.schema))
        write_manifest(path, self, parts)
        return path


def _posting_time(time: dt.datetime, row: Row, payer: Row, payee: Row) -> dt.datetime:
    same = ("owner_kind", "owner_id")
    if payer["owner_kind"] == "customer" and all(payer[name] == payee[name] for name in same):
        return time
    if row["rail"] in BATCH:
        return time.replace(hour=8, minute=0, second=0) + dt.timedelta(days=1)
    return time + TICK - (time - START) % TICK


def _halves_of_months(rows: list[Row]) -> list[list[Row]]:
    out = []
    for month in sorted({row["timestamp"].month for row in rows}):
        chosen = [row for row in rows if row["timestamp"].month == month]
        out += [chosen[: len(chosen) // 2], chosen[len(chosen) // 2 :]]
    return out


def _part(path: Path, name: str, rows: list[Row], schema: pa.Schema) -> Row:
    """Write one file, null allowed in every column, since tests want to break that promise too."""
    file = path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    columns = []
    for field in schema:
        plain = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        columns.append(pa.array([row.get(field.name) for row in rows], plain).cast(field.type))
    loose = pa.schema([field.with_nullable(True) for field in schema])
    pq.write_table(pa.Table.from_arrays(columns, schema=loose), file, compression="zstd")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    table = name.partition("/")[0]
    return {
        "path": name,
        "table": table,
        "rows": len(rows),
        "bytes": 0,
        "sha256": digest,
        "content": f"{number(name):016x}",
    }


def write_manifest(path: Path, builder: Builder, parts: list[Row]) -> None:
    """Write manifest.json over the parts that lie there."""
    own = {name: [part for part in parts if part["table"] == name] for name in TABLES}
    rows = {name: sum(part["rows"] for part in own[name]) for name in TABLES}
    content = {name: f"{sum(int(part['content'], 16) for part in own[name]) % 2**64:016x}" for name in TABLES}
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(content):
        digest.update(f"{name}:{rows[name]}:{content[name]}\n".encode())
    manifest = {
        "format": 1, "scenario_name": "hand-made", "scenario": builder.scenario, "scenario_hash": "0",
        "seed": builder.seed, "versions": {}, "first_day": f"{START:%Y-%m-%d}", "last_day": str(builder.last_day),
        "rows": rows, "content": content, "content_hash": digest.hexdigest(), "logins_exported": 1.0,
        "pending_labels": 0, "assumptions": [], "summary": {}, "host": {}, "timings": {}, "parts": parts,
    }  # fmt: skip
    (path / "manifest.json").write_text(json.dumps(manifest))
