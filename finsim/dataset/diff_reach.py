"""How a difference spreads: from what is fraud or an event of one run only, in time order, until nothing is reached.

A row that differs reads nodes (its payer's and payee's owner, counters, a queue) and writes nodes. It is explained if
one of the nodes it reads was reached at or before its time; then what it writes is reached from its time on. The
smallest such set is computed: a row never explains itself, and what is not explained explains nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from finsim.dataset.diff_rows import BANK_KINDS
from finsim.dataset.diff_seeds import COUNTERS, CUSTOMER_NODES, NODE_CAUSES, node

NEVER: Final = np.iinfo(np.int64).max
NO_CAMPAIGN: Final = -1
UNEXPLAINED: Final = ""

Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]

RULE_REASONS: Final = ("rule", "model", "authentication_failed")


@dataclass(frozen=True)
class Edges:
    """Pairs of a row and a node that it reads or writes.

    Args:
        row: (e,) int64, position of the row.
        node: (e,) int64, position of the node.
    """

    row: Longs
    node: Longs


class Spread:
    """The spread of differences over rows in time order.

    Args:
        rows: rows that differ, as `diff_rows.Matched.rows`.
        known: owner of each account, as `diff_seeds.owners`.
        seeds: where differences start, as `diff_seeds.seeds`.

    Attributes:
        cause: (n,) str, the cause of each row, empty where there is none.
        campaign: (n,) int64, campaign at the root of it, -1 where none is.
    """

    def __init__(self, rows: pl.DataFrame, known: pl.DataFrame, seeds: pl.DataFrame) -> None:
        rows = rows.with_row_index("row")
        self.time: Longs = rows["time"].to_numpy()
        # A retry comes after its owner's last request of the tick: what is new there moves it, so the later time reads.
        self.read_at: Longs = rows["until"].to_numpy() if "until" in rows.columns else self.time
        reads, writes = _reads(rows, known), _writes(rows, known)
        self.nodes: NDArray[np.uint64] = np.unique(reads["node"].to_numpy())
        kinds = np.array(list(NODE_CAUSES.values()))
        self.node_cause = kinds[(self.nodes >> np.uint64(40)).astype(np.int64)] if len(self.nodes) else np.empty(0, str)
        self.reads, self.writes = self._edges(reads), self._edges(writes)
        self.reached: Longs = np.full(len(self.nodes), NEVER, dtype=np.int64)
        self.root: Longs = np.full(len(self.nodes), NO_CAMPAIGN, dtype=np.int64)
        self.cause = np.full(len(rows), UNEXPLAINED, dtype="<U16")
        self.campaign: Longs = rows["campaign_id"].cast(pl.Int64).fill_null(NO_CAMPAIGN).to_numpy().copy()
        self.done: Bools = np.zeros(len(rows), dtype=np.bool_)
        places, at = self._positions(seeds["node"].to_numpy())
        campaigns = seeds["campaign_id"].cast(pl.Int64).fill_null(NO_CAMPAIGN).to_numpy()
        self._reach(places, seeds["time"].to_numpy()[at], campaigns[at])

    def start(self, rows: Bools, cause: str) -> None:
        """Explain rows from outside, and let everything that follows be reached.

        Args:
            rows: (n,) bool.
            cause: what explains them.
        """
        fresh = rows & ~self.done
        self.cause[fresh] = cause
        while True:
            self.done |= fresh
            self._write(fresh)
            fresh = self._explained()
            if not fresh.any():
                return

    def _explained(self) -> Bools:
        """Mark the rows that a node reached in time explains by the nearest such node; return them."""
        row, at = self.reads.row, self.reads.node
        hit = ~self.done[row] & (self.reached[at] <= self.read_at[row])
        row, at = row[hit], at[hit]
        order = np.lexsort((self.reached[at], row))
        row, at = row[order], at[order]
        rooted = self.root[at] != NO_CAMPAIGN
        # A blocked card names no campaign: the last one that reached the row by another way is at its root.
        self.campaign[row[rooted]] = self.root[at[rooted]]
        self.cause[row] = self.node_cause[at]  # of several nodes of a row the last, and nearest, stays
        fresh: Bools = np.zeros_like(self.done)
        fresh[row] = True
        return fresh

    def _write(self, rows: Bools) -> None:
        chosen = rows[self.writes.row]
        row = self.writes.row[chosen]
        self._reach(self.writes.node[chosen], self.time[row], self.campaign[row])

    def _reach(self, at: Longs, time: Longs, root: Longs) -> None:
        """Let nodes be reached at times, unless they were before."""
        order = np.argsort(time, kind="stable")
        nodes, first = np.unique(at[order], return_index=True)
        time, root = time[order][first], root[order][first]
        earlier = time < self.reached[nodes]
        self.reached[nodes[earlier]] = time[earlier]
        self.root[nodes[earlier]] = root[earlier]

    def _positions(self, values: NDArray[np.uint64]) -> tuple[Longs, Longs]:
        """Return the positions of those nodes that some row reads, and where among the values they stand."""
        if not len(self.nodes):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        place = np.minimum(np.searchsorted(self.nodes, values), len(self.nodes) - 1)
        found = np.flatnonzero(self.nodes[place] == values)
        return place[found].astype(np.int64), found

    def _edges(self, pairs: pl.DataFrame) -> Edges:
        place, found = self._positions(pairs["node"].to_numpy())
        return Edges(pairs["row"].to_numpy().astype(np.int64)[found], place)


def is_decided() -> pl.Expr:
    """Return whether a control's decision differs: both runs have the request, and one of them refused or asked."""
    one = [_was_ruled(""), _was_ruled("_b")]
    return (pl.col("group") == "changed") & (pl.col("decision") != pl.col("decision_b")) & (one[0] | one[1])


def _was_ruled(end: str) -> pl.Expr:
    reason = pl.col(f"decline_reason{end}").cast(pl.String).is_in(RULE_REASONS).fill_null(False)
    held = (pl.col(f"decision{end}") == "held").fill_null(False)
    return reason | held | pl.col(f"challenge{end}").is_not_null()


def _is_reviewed() -> pl.Expr:
    """Return whether a row was held in a run, or is the release of a held one."""
    held = [(pl.col(f"decision{end}") == "held").fill_null(False) for end in ("", "_b")]
    related = pl.coalesce("related_transaction_id", "related_transaction_id_b").is_not_null()
    booked = pl.coalesce("kind", "kind_b").cast(pl.String).is_in([*BANK_KINDS, "refund", "fee", "interest"])
    return held[0] | held[1] | (related & ~booked)


def _sides(rows: pl.DataFrame, known: pl.DataFrame, side: str) -> pl.DataFrame:
    """Return row, owner_kind, owner_id of one side's account in either run, and whether money moved there."""
    parts = [
        rows.select("row", account_id=f"{side}_account_id{end}", moved=pl.col(f"decision{end}") == "approved")
        for end in ("", "_b")
    ]
    return pl.concat(parts).drop_nulls("account_id").join(known, on="account_id")


def _owner_nodes(sides: pl.DataFrame, kinds: Mapping[str, tuple[str, ...]]) -> list[pl.DataFrame]:
    out = []
    for owner, types in kinds.items():
        own = sides.filter(pl.col("owner_kind") == owner)
        out += [own.select("row", node=node(kind, pl.col("owner_id"))) for kind in types]
    return out


def _column_nodes(rows: pl.DataFrame, kind: str, column: str) -> list[pl.DataFrame]:
    parts = [rows.select("row", value=f"{column}{end}").drop_nulls("value") for end in ("", "_b")]
    return [part.select("row", node=node(kind, pl.col("value"))) for part in parts]


def _reads(rows: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Return what explains a row if it is reached: row, node.

    A merchant's state matters for what it pays (settlements, refunds), not for what it is paid.
    """
    parts = _owner_nodes(_sides(rows, known, "payer"), {"customer": CUSTOMER_NODES, "merchant": ("merchant",)})
    parts += _owner_nodes(_sides(rows, known, "payee"), {"customer": CUSTOMER_NODES})
    for column in COUNTERS:
        parts += _column_nodes(rows.filter(is_decided()), column, column)
    parts += _column_nodes(rows.filter(_is_reviewed()), "queue", "payer_institution_id")
    return pl.concat(parts).unique().sort("row", "node")


def _writes(rows: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Return what a row that differs changes: row, node. Who is to be paid is reached only where money moved."""
    both = {"customer": ("customer",), "merchant": ("merchant",)}
    parts = _owner_nodes(_sides(rows, known, "payer"), both)
    parts += _owner_nodes(_sides(rows, known, "payee").filter(pl.col("moved").fill_null(False)), both)
    for column in COUNTERS:
        parts += _column_nodes(rows, column, column)
    parts += _column_nodes(rows.filter(_is_reviewed()), "queue", "payer_institution_id")
    return pl.concat(parts).unique().sort("row", "node")
