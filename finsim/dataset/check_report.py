"""What the auditor hands back: findings, each with the number or name of the invariant that broke, and where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from finsim.dataset.check_source import collect

INVARIANTS: Final = {
    "1": "an account's movements chain: each balance is the one before plus the movement",
    "2": "the first balance starts from opening_balance, all movements lead to closing_balance",
    "3": "the sum over all accounts never changes",
    "4": "no authorised debit passes the limit in force",
    "5": "a declined or held request moves nothing",
    "6": "a campaign's counts and losses follow from its rows",
    "files": "the manifest lists every file, its rows and its hash",
    "schema": "every table has the columns and types of the contract",
    "values": "values are those of the contract; amounts are whole cents, and 0 for a verification alone",
    "order": "transactions stand in time order, and nothing is posted or known before it happens",
    "unique": "an id stands once",
    "nulls": "a value is null exactly where the contract says so",
    "references": "an id names a row that exists and fits",
    "labels": "labels differ from the truth by the unreported, wrongly claimed or judged, and cut off of the manifest",
    "lifetimes": "a card or account is used only while it lives",
}
"""What is checked: the six invariants of money by number, the rest of the contract by name."""

SHOWN: Final = 5
"""How many places a finding names."""


@dataclass(frozen=True)
class Finding:
    """One way in which a data set is broken.

    Args:
        invariant: key of `INVARIANTS`.
        what: what is wrong, in a sentence.
        count: how often.
        where: ids or names of the first places, by column: accounts, transactions, files.
    """

    invariant: str
    what: str
    count: int
    where: dict[str, list[Any]]

    @property
    def name(self) -> str:
        """The invariant in words."""
        return INVARIANTS[self.invariant]

    def __str__(self) -> str:
        """One line: the invariant, what broke, how often and where."""
        places = "; ".join(f"{column} {', '.join(map(str, values))}" for column, values in self.where.items() if values)
        more = ", ..." if places and self.count > SHOWN else ""
        return f"[{self.invariant}] {self.what}: {self.count:,}" + (f" ({places}{more})" if places else "")

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "invariant": self.invariant, "name": self.name, "what": self.what, "count": self.count,
            "where": {column: [_plain(value) for value in values] for column, values in self.where.items()},
        }  # fmt: skip


@dataclass(frozen=True)
class CheckReport:
    """The result of an audit.

    Args:
        path: the data set.
        rows: rows of each table.
        findings: what is broken, in the order in which it was looked for.
        unchecked: why a part was not looked at; empty where everything was.
    """

    path: str
    rows: dict[str, int]
    findings: tuple[Finding, ...]
    unchecked: str = ""

    @property
    def ok(self) -> bool:
        """Whether everything holds."""
        return not self.findings

    @property
    def broken(self) -> set[str]:
        """Keys of the invariants that broke."""
        return {finding.invariant for finding in self.findings}

    def __str__(self) -> str:
        """A text for people."""
        total = f"{self.rows.get('transactions', 0):,} transactions, {self.rows.get('accounts', 0):,} accounts"
        if self.ok:
            return f"{self.path}: all {len(INVARIANTS)} invariants hold ({total})"
        lines = [f"{self.path}: {len(self.findings)} findings ({total})"]
        for key in (key for key in INVARIANTS if key in self.broken):
            lines.append(f"{key}: {INVARIANTS[key]}")
            lines += [f"  {finding}" for finding in self.findings if finding.invariant == key]
        if self.unchecked:
            lines.append(self.unchecked)
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "path": self.path, "ok": self.ok, "rows": self.rows, "unchecked": self.unchecked,
            "findings": [finding.to_dict() for finding in self.findings],
        }  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """A condition that no row of a frame may meet.

    Args:
        invariant: key of `INVARIANTS`.
        what: what is wrong with a row that meets it.
        broken: the condition; null counts as not met.
        where: columns that say where a row stands.
    """

    invariant: str
    what: str
    broken: pl.Expr
    where: tuple[str, ...]


def rules(invariant: str, where: tuple[str, ...], broken: dict[str, pl.Expr]) -> list[Rule]:
    """Return several rules of one invariant: what is wrong, and the condition that says so."""
    return [Rule(invariant, what, condition, where) for what, condition in broken.items()]


def apply_rules(frame: pl.LazyFrame, conditions: list[Rule]) -> list[Finding]:
    """Return a finding for each rule that rows of a frame break.

    The frame is read once to count, and again only for the places of what is broken.
    """
    broken = [rule.broken.fill_null(False) for rule in conditions]
    counts = collect(frame.select(expr.sum().alias(str(k)) for k, expr in enumerate(broken))).row(0)
    findings = []
    for rule, expr, count in zip(conditions, broken, counts, strict=True):
        if count:
            places = collect(frame.filter(expr).select(rule.where).head(SHOWN))
            findings.append(Finding(rule.invariant, rule.what, int(count), places_of(places)))
    return findings


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings of several parts of a table as one each."""
    out: dict[tuple[str, str], Finding] = {}
    for one in findings:
        key = one.invariant, one.what
        known = out.get(key)
        if known is None:
            out[key] = one
            continue
        where = {name: [*values, *one.where.get(name, [])][:SHOWN] for name, values in known.where.items()}
        out[key] = Finding(*key, known.count + one.count, where)
    return list(out.values())


def places_of(frame: pl.DataFrame) -> dict[str, list[Any]]:
    """Return the first rows of a frame of ids as the `where` of a finding, without nulls."""
    return {name: frame[name].head(SHOWN).drop_nulls().to_list() for name in frame.columns}


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | str | bool) or value is None else str(value)
