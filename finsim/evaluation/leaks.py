"""The leak audit: what gives fraud or laundering away though no bank could have it so easy.

Groups of findings, each judged by the same two figures (`separation`):
- `columns` and `pairs`: every column of a row and every two of them, with what a bank joins to a row;
- `events`: hours since the customer's last event of each kind;
- `ids`: patterns in the bits, the order and the remainders of ids;
- `accounts`: totals, counts, ratios and degree of those that fraud or laundering touches;
- `pairs of accounts`: first-ever pair, count and amount between payer and payee.

For information, since no decision could rest on them alone, or a bank is meant to use them:
- `outcomes`: columns that the decision leaves behind, alone and in pairs;
- `memory`: what a bank remembers (`history`), alone and, for all fraud, in pairs;
- `devices`, `addresses`: use and sharing over the whole data set, in hindsight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from finsim.dataset.reader import Dataset
from finsim.evaluation.columns import CATEGORICAL, FEATURE_COLUMNS, OUTCOME_COLUMNS, since_events, widened
from finsim.evaluation.drift import turns
from finsim.evaluation.exclusive import exclusive
from finsim.evaluation.history import history
from finsim.evaluation.leak_entities import accounts_apart, addresses_apart, devices_apart, pairs_apart
from finsim.evaluation.leak_ids import id_patterns
from finsim.evaluation.rows import AUDITED, attempts, codes
from finsim.evaluation.separation import Contrast, Finding, both, cap, cut
from finsim.evaluation.targets import Target, targets

SHOWN: Final = 8
"""Findings that a group keeps for each target beside those that fail."""
INFORMATIVE: Final = frozenset({"outcomes", "devices", "addresses", "memory"})
"""Groups that fail nothing."""
MORE_AUC, MORE_RECALL = 0.02, 0.10
"""What a pair has to add to the better of its two columns to be kept beside it."""


@dataclass
class Audit:
    """What the audit found.

    Attributes:
        findings: the strongest of each group, and all that are no `ok`.
        tested: columns, pairs and patterns that were tried, by group.
        exclusive: combinations of values that occur only in fraud, only in laundering, or only in genuine rows.
        turns: how the rates by value of each column agree between the first and the second half of the time.
    """

    findings: dict[str, list[Finding]] = field(default_factory=dict)
    tested: dict[str, int] = field(default_factory=dict)
    exclusive: list[dict[str, Any]] = field(default_factory=list)
    turns: list[dict[str, Any]] = field(default_factory=list)

    @property
    def leaks(self) -> list[str]:
        """What fails the command, one line each."""
        found = [
            f"{group}: {one.columns} gives {one.target} away: ROC AUC {one.roc_auc:.3f}, recall {one.recall:.2f}"
            for group, some in self.findings.items()
            if group not in INFORMATIVE
            for one in some
            if one.verdict == "leak"
        ]
        return found + [
            f"{one['of']}: {one['values']} occurs in {one['positives']} rows of {one['target']} and in no genuine one"
            for one in self.exclusive
            if one["verdict"] == "leak"
        ]

    def add(self, group: str, findings: Iterable[Finding]) -> None:
        """Keep what matters of findings."""
        some = list(findings)
        self.tested[group] = self.tested.get(group, 0) + len(some)
        self.findings.setdefault(group, [])
        for target in dict.fromkeys(one.target for one in some):
            ranked = sorted((one for one in some if one.target == target), key=lambda one: -one.roc_auc)
            best = sorted(ranked, key=lambda one: -one.recall)[:3]
            kept = [one for k, one in enumerate(ranked) if k < SHOWN or one in best or one.verdict != "ok"]
            self.findings[group].extend(kept)

    def add_both(self, group: str, pairs: str, contrast: Contrast) -> None:
        """Keep what columns tell, and pairs that tell more than the better of their two columns."""
        alone = {one.columns: one for one in contrast.columns()}
        self.add(group, alone.values())
        tried, kept = 0, []
        for one in contrast.pairs():
            tried += 1
            better = [alone[name] for name in one.columns.split(" x ")]
            auc, recall = max(b.roc_auc for b in better), max(b.recall for b in better)
            if one.roc_auc >= auc + MORE_AUC or one.recall >= recall + MORE_RECALL:
                kept.append(one)
        self.add(pairs, kept)
        self.tested[pairs] += tried - len(kept)


def audit(data: Dataset, say: Callable[[str], None] | None = None) -> Audit:
    """Look for what gives fraud and laundering away.

    Args:
        data: the data set.
        say: told what is under way.
    """
    say = say or (lambda _: None)
    out = Audit()
    say("columns and pairs")
    rows = widened(data, attempts(data, AUDITED))
    table = Table(rows)
    events, past = since_events(data, rows), history(data, rows)
    chosen = list(targets(rows))
    for target in chosen:
        out.add_both("columns", "pairs", table.contrast(target, FEATURE_COLUMNS))
        out.add_both("outcomes", "outcomes", table.contrast(target, OUTCOME_COLUMNS))
        out.add("events", table.contrast(target, events.columns, events).columns())
        remembered = table.contrast(target, past.columns, past)
        if target.name == "fraud":
            out.add_both("memory", "memory", remembered)
        else:
            out.add("memory", remembered.columns())
    say("ids")
    out.add("ids", id_patterns(rows))
    say("accounts, devices, addresses")
    for group, contrasts in (
        ("accounts", accounts_apart(data)),
        ("devices", devices_apart(rows)),
        ("addresses", addresses_apart(rows)),
    ):
        for contrast in contrasts:
            out.add_both(group, group, contrast)
    out.add("pairs of accounts", pairs_apart(rows, chosen, table))
    say("exclusive values")
    out.exclusive = exclusive(data, rows)
    out.turns = turns(rows, FEATURE_COLUMNS)
    return out


class Table:
    """Columns of the audited rows, cut into cells for one target after the other.

    Args:
        rows: rows of `widened`.
    """

    def __init__(self, rows: pl.DataFrame) -> None:
        self.rows = rows
        campaign = rows["campaign_id"].cast(pl.UInt64).fill_null(0).to_numpy()
        owner = rows["customer_id"].cast(pl.UInt64).to_numpy()
        # A campaign's rows share a half, so that one burst cannot vouch for itself; so do a customer's genuine rows.
        key = np.where(campaign > 0, campaign, owner) * np.uint64(0x9E3779B97F4A7C15)
        self.half = ((key >> np.uint64(40)) & np.uint64(1)).astype(bool)
        self.cluster = campaign.astype(np.int64)
        self.codes: dict[str, NDArray[np.int16]] = {}

    def contrast(self, target: Target, names: Iterable[str], other: pl.DataFrame | None = None) -> Contrast:
        """Return a target with columns of these rows, or of another frame aligned with them."""
        frame = self.rows if other is None else other
        named = list(names)
        cells = [self._cells(frame, name, target) for name in named]
        return Contrast(
            target.name, named, cells, target.positive, self.half[target.rows],
            self.cluster[target.rows], target.weight,
        )  # fmt: skip

    def _cells(self, frame: pl.DataFrame, name: str, target: Target) -> NDArray[np.int16]:
        if name in CATEGORICAL:
            if name not in self.codes:
                self.codes[name] = cap(codes(frame[name])[0])
            return both(self.codes[name][target.rows])
        values = frame[name].cast(pl.Float64).to_numpy()[target.rows]
        return cut(values, target.positive, self.half[target.rows])
