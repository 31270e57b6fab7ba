"""What the comparison of two runs hands back: rows, money, parameters, and the cause of each difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

CAUSES: Final = {
    "payment": "a payment that happened in one run only, or differently, reached its owner",
    "card": "a card or account of its owner was blocked, reissued, frozen, opened or changed",
    "counter": "a control read a counter that others share, of a merchant, payee, terminal, device or address",
    "queue": "its place in an alert queue was another",
    "parameter": "a parameter that differs acts on it",
}
"""Why a genuine row differs, nearest cause first come."""

GROUPS: Final = {"identical": "identical", "changed": "changed", "only_a": "only in A", "only_b": "only in B"}
"""Groups of matched rows, and how they are called in a text."""

SHOWN: Final = 20
"""How many ids of unexplained rows are named."""


@dataclass(frozen=True)
class Side:
    """Rows and money of one group of transactions.

    Args:
        rows: number of rows.
        value_a: their amounts in run A, currency units.
        value_b: their amounts in run B.
    """

    rows: int
    value_a: float
    value_b: float


@dataclass(frozen=True)
class DiffReport:
    """What differs between two runs, and why.

    Rows are matched by id. Two are identical when time, amount, payer, payee and decision are; cards (reissued) and
    balances (settlement) may differ and are counted apart. A row is genuine unless truth names it in either run, or a
    bank booked it because of such a row.

    Args:
        path_a: the first data set.
        path_b: the second.
        parameters: what differs between the scenarios: dotted key to (value in A, value in B).
        rows: number of transactions in A and in B.
        genuine: identical, changed, only_a, only_b of genuine rows.
        other: the same of fraud, laundering and what banks booked because of it.
        changed_by: number of changed rows by the column that differs.
        cards: identical rows whose card is another one.
        balances: identical rows after which a balance is another one.
        tables: rows of the other tables: a, b, only_a, only_b.
        causes: differing genuine rows by their cause, a key of `CAUSES`.
        campaigns: differing genuine rows by the campaign at the root, the largest first.
        unexplained: number of rows that differ for no known reason; each one is a defect.
        unexplained_ids: transaction ids of the first of them, in time order.
    """

    path_a: str
    path_b: str
    parameters: Mapping[str, tuple[Any, Any]]
    rows: tuple[int, int]
    genuine: Mapping[str, Side]
    other: Mapping[str, Side]
    changed_by: Mapping[str, int]
    cards: int
    balances: int
    tables: Mapping[str, Mapping[str, int]]
    causes: Mapping[str, Side]
    campaigns: Mapping[int, int]
    unexplained: int
    unexplained_ids: tuple[int, ...]

    @property
    def genuine_identical_share(self) -> float:
        """Identical genuine rows in the genuine rows of both runs together; 1 where there are none."""
        total = sum(side.rows for side in self.genuine.values())
        return self.genuine["identical"].rows / total if total else 1.0

    @property
    def identical(self) -> bool:
        """Whether both runs have the same transactions, cards and balances included."""
        groups = (*self.genuine.items(), *self.other.items())
        return not (self.cards or self.balances or any(side.rows for name, side in groups if name != "identical"))

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "a": self.path_a,
            "b": self.path_b,
            "parameters": {key: {"a": a, "b": b} for key, (a, b) in self.parameters.items()},
            "rows": {"a": self.rows[0], "b": self.rows[1]},
            "genuine": {name: vars(side) for name, side in self.genuine.items()},
            "other": {name: vars(side) for name, side in self.other.items()},
            "genuine_identical_share": self.genuine_identical_share,
            "changed_by": dict(self.changed_by),
            "identical_but_card": self.cards,
            "identical_but_balance": self.balances,
            "tables": {name: dict(counts) for name, counts in self.tables.items()},
            "causes": {name: vars(side) for name, side in self.causes.items()},
            "campaigns": {str(campaign): rows for campaign, rows in self.campaigns.items()},
            "unexplained": self.unexplained,
            "unexplained_ids": list(self.unexplained_ids),
        }

    def __str__(self) -> str:
        """A text for people."""
        lines = [f"A {self.path_a}: {self.rows[0]:,} transactions", f"B {self.path_b}: {self.rows[1]:,} transactions"]
        lines += self._parameter_lines()
        if self.identical:
            lines.append("The transactions are identical.")
        titles = ("Genuine rows", "Fraud, laundering and what it made banks book")
        for title, group in zip(titles, (self.genuine, self.other), strict=True):
            lines += [f"{title}:", _row("", "rows", "value in A", "value in B")]
            lines += [
                _row(GROUPS[name], f"{side.rows:,}", f"{side.value_a:,.2f}", f"{side.value_b:,.2f}")
                for name, side in group.items()
            ]
        lines.append(f"Genuine rows that are identical: {self.genuine_identical_share:.4%}")
        lines.append(f"  of all identical rows, {self.cards:,} have another card and {self.balances:,} another balance")
        if self.changed_by:
            changes = ", ".join(f"{column} {count:,}" for column, count in self.changed_by.items())
            lines.append(f"Changed rows, by column: {changes}")
        lines += self._table_lines()
        lines += self._cause_lines()
        return "\n".join(lines)

    def _parameter_lines(self) -> list[str]:
        if not self.parameters:
            return ["The scenarios are the same."]
        return ["Parameters:", *(f"  {key}: {a!r} in A, {b!r} in B" for key, (a, b) in self.parameters.items())]

    def _table_lines(self) -> list[str]:
        rows = [(name, counts) for name, counts in self.tables.items() if counts["only_a"] or counts["only_b"]]
        if not rows:
            return ["Every other table is the same."]
        title = _row("Other tables", "rows only in A", "rows only in B", "")
        return [title, *(_row(name, f"{c['only_a']:,}", f"{c['only_b']:,}", "") for name, c in rows)]

    def _cause_lines(self) -> list[str]:
        lines = []
        if self.causes:
            lines.append("Why genuine rows differ:")
        for name, side in self.causes.items():
            lines.append(f"  {name:<10} {side.rows:>12,}  {CAUSES[name]}")
        if self.campaigns:
            first = ", ".join(f"{campaign} ({rows:,})" for campaign, rows in list(self.campaigns.items())[:5])
            lines.append(f"  they go back to {len(self.campaigns):,} campaigns; the first: {first}")
        lines.append(f"Unexplained: {self.unexplained:,}")
        if self.unexplained:
            lines.append(f"  transaction_id {', '.join(map(str, self.unexplained_ids))}")
        return lines


def _row(name: str, *cells: str) -> str:
    return f"  {name:<24}" + "".join(f"{cell:>18}" for cell in cells).rstrip()
