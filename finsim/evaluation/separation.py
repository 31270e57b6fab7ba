"""How well one column or a pair of columns tells two kinds of rows apart, from counts in cells.

Numbers are cut into bins, narrow where positives are. Each cell of one column, or of two crossed, gets the ratio of
positives to what would be expected of it, and the rows are ranked by that ratio. Ratios are learned on one half of the
campaigns and customers and judged on the other, and the other way round, so that many cells and few positives do not
look like knowledge; the bins too are placed by the half that is learned from.
Nothing loops over rows: a column costs a search, a pair a count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from finsim.evaluation.bands import MOST_AUC, MOST_RECALL, RECALL_AT

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Counts = tuple[Floats, Floats]

BINS: Final = 24
"""Bins by all rows, and as many again by the positives."""
MOST_VALUES: Final = 120
"""Values of a category that are told apart; the rarest share the last."""
SHRINK: Final = 1.0
"""Positives, at the expected rate, that are added to each cell."""
NORMAL: Final = 2.326
"""Standard errors of a one-sided bound of 99 % where there are many campaigns."""


@dataclass(frozen=True)
class Finding:
    """What one column or pair tells.

    Attributes:
        target: what is told apart from genuine rows.
        columns: the column, or the two joined by ` x `.
        roc_auc: ROC AUC.
        recall: recall at 0.1 % false positives.
        auc_bound: lower bound of 99 % of the ROC AUC, campaigns counted as one each where they agree.
        recall_bound: the same of the recall.
        positives: positives behind it.
    """

    target: str
    columns: str
    roc_auc: float
    recall: float
    auc_bound: float
    recall_bound: float
    positives: int

    @property
    def verdict(self) -> str:
        """`leak` if a bound passes what is allowed, `suspect` if only the estimate does, else `ok`."""
        if self.auc_bound >= MOST_AUC or self.recall_bound >= MOST_RECALL:
            return "leak"
        return "suspect" if self.roc_auc >= MOST_AUC or self.recall >= MOST_RECALL else "ok"


def cut(values: NDArray[np.float64], positive: NDArray[np.bool_], half: NDArray[np.bool_]) -> NDArray[np.int16]:
    """Return the bin of each number, (2, m) int16, as it counts when either half is judged; NaN has a bin of its own.

    Args:
        values: (m,) float64.
        positive: (m,) rows by which half of the edges are placed.
        half: (m,) bool; the positives of the half that is judged place no edges.
    """
    return np.stack([bins(values, positive & (half != judged)) for judged in (False, True)])


def bins(values: NDArray[np.float64], positive: NDArray[np.bool_]) -> NDArray[np.int16]:
    """Return the bin of each number, (m,) int16: narrow where there are many, or many positives; NaN has its own."""
    there = ~np.isnan(values)
    edges: list[Floats] = []
    for some in (values[there], values[there & positive]):
        if len(some):
            steps = np.quantile(some, np.linspace(0, 1, BINS + 1), method="lower")
            single, often = np.unique(steps, return_counts=True)
            # A value that fills a whole bin stands alone in one: (the number before it, itself].
            edges += [single, np.nextafter(single[often > 1], -np.inf)]
    bounds = np.unique(np.concatenate(edges)) if edges else np.zeros(0)
    out = np.searchsorted(bounds, values, side="left") + 1
    out[~there] = 0
    return out.astype(np.int16)


def both(code: NDArray[np.int16]) -> NDArray[np.int16]:
    """Return cells that are the same whichever half is judged, (2, m) of (m,)."""
    return np.broadcast_to(code, (2, len(code)))


def cap(code: NDArray[np.int32]) -> NDArray[np.int16]:
    """Return categories with all but the most frequent values made one."""
    counts = np.bincount(code)
    if len(counts) <= MOST_VALUES:
        return code.astype(np.int16)
    place = np.empty(len(counts), np.int64)
    place[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return np.minimum(place, MOST_VALUES - 1)[code].astype(np.int16)


class Contrast:
    """Positives and negatives of one target, cut into cells and two halves.

    Args:
        target: its name.
        names: of the columns.
        cells: k arrays (2, m) int16, the cell of each row in each column when the first and the second half is judged.
        positive: (m,) which rows are positives.
        half: (m,) bool, the half of each row; rows of one campaign or customer share it.
        cluster: (m,) campaign of each row; read for positives.
        weight: (m,) weight of each negative.
    """

    def __init__(
        self, target: str, names: list[str], cells: list[NDArray[np.int16]], positive: NDArray[np.bool_],
        half: NDArray[np.bool_], cluster: NDArray[np.int64], weight: Floats,
    ) -> None:  # fmt: skip
        self.target, self.names = target, names
        self.pos = [one[:, positive].astype(np.int64) for one in cells]
        self.neg = [one[:, ~positive].astype(np.int64) for one in cells]
        self.size = [int(one.max(initial=0)) + 1 for one in cells]
        self.pos_half, self.neg_half = half[positive].astype(np.int64), half[~positive].astype(np.int64)
        self.weight = weight[~positive]
        self.cluster = np.unique(cluster[positive], return_inverse=True)[1]
        self.alone = [self._count(p, n, s) for p, n, s in zip(self.pos, self.neg, self.size, strict=True)]

    def _count(self, pos: Ints, neg: Ints, size: int) -> list[Counts]:
        """Return positives and negatives by half and cell, (2, size) each, in the cells that count for either half."""
        out = []
        for mine, others in zip(pos, neg, strict=True):
            positives = np.bincount(self.pos_half * size + mine, minlength=2 * size).reshape(2, size)
            negatives = np.bincount(self.neg_half * size + others, self.weight, minlength=2 * size).reshape(2, size)
            out.append((positives.astype(np.float64), negatives.astype(np.float64)))
        return out

    def columns(self) -> Iterator[Finding]:
        """Yield what each column tells."""
        for i, name in enumerate(self.names):
            ratios = [self._ratio(self.alone[i][half], 1 - half, 1.0) for half in (0, 1)]
            yield self._judge(name, self.pos[i], self.alone[i], ratios)

    def pairs(self) -> Iterator[Finding]:
        """Yield what each pair of columns that vary tells."""
        single = [[self._ratio(one[half], 1 - half, 1.0) for half in (0, 1)] for one in self.alone]
        vary = [i for i, one in enumerate(self.alone) if ((one[0][0] + one[0][1]).sum(axis=0) > 0).sum() > 1]
        for place, i in enumerate(vary):
            for j in vary[place + 1 :]:
                size = self.size[j]
                pos, neg = self.pos[i] * size + self.pos[j], self.neg[i] * size + self.neg[j]
                counts = self._count(pos, neg, self.size[i] * size)
                ratios = [
                    self._ratio(counts[half], 1 - half, np.outer(single[i][half], single[j][half]).ravel())
                    for half in (0, 1)
                ]
                yield self._judge(f"{self.names[i]} x {self.names[j]}", pos, counts, ratios)

    @staticmethod
    def _ratio(counts: Counts, half: int, prior: Floats | float) -> Floats:
        """Return positives over what is expected in each cell, from one half, shrunk towards a prior ratio."""
        pos, neg = counts[0][half], counts[1][half]
        expected = neg * (pos.sum() / max(neg.sum(), 1e-9)) * prior
        return np.asarray(prior * (pos + SHRINK) / (expected + SHRINK))

    def _judge(self, name: str, cells: Ints, counts: list[Counts], ratios: list[Floats]) -> Finding:
        """Rank the cells of each half by the ratios learned on the other one."""
        size = len(ratios[0])
        placed, found = np.zeros((2, size)), np.zeros((2, size))
        for half, ratio in enumerate(ratios):
            pos, neg = counts[half][0][half], counts[half][1][half]
            total = max(neg.sum(), 1e-9)
            used = np.flatnonzero((neg > 0) | (pos > 0))
            order = used[np.argsort(-ratio[used], kind="stable")]
            upto = np.cumsum(neg[order])
            placed[half, order] = 1 - (upto - 0.5 * neg[order]) / total
            found[half, order] = upto <= RECALL_AT * total
        each = self.pos_half * size + np.where(self.pos_half == 1, cells[1], cells[0])
        auc, recall = placed.ravel()[each], found.ravel()[each]
        return Finding(
            self.target, name, float(auc.mean()), float(recall.mean()), self.bound(auc), self.bound(recall), len(each)
        )

    def bound(self, values: Floats) -> float:
        """Return a lower bound of the mean of values in [0, 1] that come in clusters: Wilson's, by effective number."""
        mean, count = float(values.mean()), len(values)
        if mean < 0.3:
            return 0.0  # far from anything that matters, and most pairs are
        sizes = np.bincount(self.cluster)
        error = np.bincount(self.cluster, values - mean)
        variance = float(error @ error) / count**2
        least = count**2 / float(sizes @ sizes)
        number = float(np.clip(mean * (1 - mean) / variance, least, count)) if variance > 0 else least
        errors = standard_errors(len(sizes) - 1)
        centre = mean + errors**2 / (2 * number)
        spread = errors * np.sqrt(mean * (1 - mean) / number + errors**2 / (4 * number**2))
        return float((centre - spread) / (1 + errors**2 / number))


def standard_errors(freedom: int) -> float:
    """Return the standard errors of a one-sided bound of 99 %: Student's, since a few campaigns agree by chance.

    Args:
        freedom: campaigns that the variance was estimated from, less one.
    """
    z, n = NORMAL, max(freedom, 1)
    # Cornish and Fisher's expansion of the quantile.
    return z + (z**3 + z) / (4 * n) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
