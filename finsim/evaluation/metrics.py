"""How well scores rank fraud before the rest, with intervals from resampling campaigns.

Every measure is a function of the positives alone once it is known how many negatives score above each of them and
how many the same. So a bootstrap over campaigns costs next to nothing: campaigns are drawn with replacement, each
with all its rows, while the negatives, which are many, stay. Ties count half in ROC AUC and are taken together
in average precision and recall, as scikit-learn does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FALSE_POSITIVES: Final = (0.001, 0.01, 0.05)
"""Shares of the negatives at which recall is given."""
LEVEL: Final = 0.95
REPEATS: Final = 500

Floats = NDArray[np.float64]
Measure = Callable[["Ranking", Floats], float]


@dataclass(frozen=True)
class Ranking:
    """Where the positives stand among the negatives.

    Attributes:
        score: (p,) float64 score of each positive, highest first.
        above: (p,) float64 negatives that score higher.
        tied: (p,) float64 negatives that score the same.
        negatives: number of negatives, or the sum of their weights.
        cluster: (p,) int64 campaign of each positive, numbered from 0.
        chosen: (p,) int64 which of the positives given stands at each place.
    """

    score: Floats
    above: Floats
    tied: Floats
    negatives: float
    cluster: NDArray[np.int64]
    chosen: NDArray[np.int64]

    @property
    def positives(self) -> int:
        """Number of positives."""
        return len(self.score)

    def keep(self, which: NDArray[np.bool_]) -> Ranking:
        """Return the ranking of some of the positives, `which` in the order given to `rank`, among all negatives."""
        kept = which[self.chosen]
        clusters = np.unique(self.cluster[kept], return_inverse=True)[1]
        place = (np.cumsum(which) - 1)[self.chosen[kept]]
        return Ranking(self.score[kept], self.above[kept], self.tied[kept], self.negatives, clusters, place)


def rank(positive: Floats, negative: Floats, clusters: NDArray[Any], weights: Floats | None = None) -> Ranking:
    """Rank positives among negatives.

    Args:
        positive: (p,) scores of the positives.
        negative: (n,) scores of the negatives.
        clusters: (p,) campaign of each positive, of any type.
        weights: (n,) weights of the negatives; all one if None.
    """
    order = np.argsort(negative, kind="stable")
    ordered = negative[order]
    weight = np.ones(len(negative)) if weights is None else weights[order]
    below = np.concatenate([[0.0], np.cumsum(weight)])
    chosen = np.argsort(-positive, kind="stable")
    score = positive[chosen].astype(np.float64)
    low = below[np.searchsorted(ordered, score, side="left")]
    high = below[np.searchsorted(ordered, score, side="right")]
    number = np.unique(clusters, return_inverse=True)[1].astype(np.int64)
    return Ranking(score, below[-1] - high, high - low, float(below[-1]), number[chosen], chosen)


def rank_alike(score: Floats, fraud: NDArray[np.bool_], clusters: NDArray[Any], kind: NDArray[Any]) -> Ranking:
    """Rank positives among the negatives of their own kind; a positive without any is taken to stand in their middle.

    Args:
        score: (n,) scores of all rows.
        fraud: (n,) which rows are positives.
        clusters: (n,) campaign of each row.
        kind: (n,) kind of each row, any number.
    """
    positive = score[fraud].astype(np.float64)
    above, tied = np.full(len(positive), 0.5), np.zeros(len(positive))
    for one in np.unique(kind[fraud]):
        mine, others = kind[fraud] == one, np.sort(score[~fraud & (kind == one)])
        if len(others):
            low, high = (np.searchsorted(others, positive[mine], side=side) for side in ("left", "right"))
            above[mine], tied[mine] = 1.0 - high / len(others), (high - low) / len(others)
    number = np.unique(clusters[fraud], return_inverse=True)[1].astype(np.int64)
    order = np.argsort(-positive, kind="stable")
    return Ranking(positive[order], above[order], tied[order], 1.0, number[order], order)


def roc_auc(ranking: Ranking, weight: Floats) -> float:
    """Return the chance that a positive scores higher than a negative; a tie counts half."""
    placed = 1.0 - (ranking.above + 0.5 * ranking.tied) / ranking.negatives
    return float(weight @ placed / weight.sum())


def average_precision(ranking: Ranking, weight: Floats) -> float:
    """Return the mean over positives of the precision down to their score."""
    found = np.cumsum(weight)
    # All positives of one score are taken together.
    found = found[np.searchsorted(-ranking.score, -ranking.score, side="right") - 1]
    precision = found / np.maximum(found + ranking.above + ranking.tied, 1e-12)
    return float(weight @ precision / weight.sum())


def recall_at(share: float) -> Measure:
    """Return the measure that gives the share of positives found at a share of false positives."""

    def recall(ranking: Ranking, weight: Floats) -> float:
        found = ranking.above + ranking.tied <= share * ranking.negatives
        return float(weight @ found / weight.sum())

    return recall


def lift(ranking: Ranking, weight: Floats) -> float:
    """Return average precision over the base rate."""
    total = weight.sum()
    return float(average_precision(ranking, weight) * (total + ranking.negatives) / total)


MEASURES: Final[dict[str, Measure]] = {
    "roc_auc": roc_auc,
    "average_precision": average_precision,
    "lift": lift,
    **{f"recall_at_{share:.1%}": recall_at(share) for share in FALSE_POSITIVES},
}
"""Every measure by name."""


@dataclass(frozen=True)
class Estimate:
    """A measured figure with its interval of 95 %; both ends are NaN where there is too little to resample."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return the figure and its interval."""
        return f"{_short(self.value)} ({_short(self.low)} to {_short(self.high)})"


def _short(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.1f}"


def draw_clusters(clusters: NDArray[np.int64], repeats: int, seed: int) -> NDArray[np.int64]:
    """Return how often each row counts in each resampling of clusters, (repeats, rows).

    Args:
        clusters: (rows,) cluster of each row, numbered from 0.
        repeats: number of resamplings.
        seed: of the draws, which belong to this call alone.
    """
    count = int(clusters.max()) + 1 if len(clusters) else 0
    draws = np.random.Generator(np.random.Philox(seed)).integers(0, max(count, 1), (repeats, count))
    out = np.empty((repeats, len(clusters)), np.int64)
    for row, draw in zip(out, draws, strict=True):
        row[:] = np.bincount(draw, minlength=count)[clusters]
    return out


def measure(ranking: Ranking, repeats: int = REPEATS, seed: int = 0) -> dict[str, Estimate]:
    """Return every measure with its interval from resampling campaigns.

    Args:
        ranking: at least one positive among at least one negative.
        repeats: resamplings; 0 leaves the intervals out.
        seed: of the resampling.
    """
    ones = np.ones(ranking.positives)
    several = len(np.unique(ranking.cluster)) > 1
    weights = draw_clusters(ranking.cluster, repeats if several else 0, seed).astype(np.float64)
    out = {}
    for name, compute in MEASURES.items():
        values = [compute(ranking, weight) for weight in weights]
        out[name] = Estimate(compute(ranking, ones), *interval(values))
    return out


def interval(values: list[float] | Floats) -> tuple[float, float]:
    """Return the bounds between which the middle 95 % of resampled values lie."""
    if len(values) == 0:
        return np.nan, np.nan
    tail = (1 - LEVEL) / 2
    return float(np.quantile(values, tail)), float(np.quantile(values, 1 - tail))


def card_precision(
    score: Floats,
    fraud: NDArray[np.bool_],
    card: NDArray[Any],
    day: NDArray[np.int64],
    top: float,
    repeats: int = REPEATS,
    weight: float = 1.0,
) -> tuple[Estimate, float]:
    """Return the share of compromised cards among the `top` cards of each day, averaged over days.

    As the Fraud Detection Handbook defines it: each card has the highest score of its day and is compromised if any
    of its payments of the day is fraud. Days are resampled for the interval.

    Args:
        score: (n,) scores.
        fraud: (n,) truth.
        card: (n,) card of each row.
        day: (n,) day of each row.
        top: cards that are checked a day.
        repeats: resamplings.
        weight: cards for which each card stands that is not compromised.

    Returns:
        the precision, and the compromised cards a day.
    """
    keys = np.stack([day, np.unique(card, return_inverse=True)[1]])
    order = np.lexsort((keys[1], keys[0]))
    keys = keys[:, order]
    first = np.flatnonzero(np.concatenate([[True], (np.diff(keys) != 0).any(axis=0)]))
    best = np.maximum.reduceat(score[order], first)
    hit = np.logical_or.reduceat(fraud[order], first)
    days = keys[0][first]
    precise = np.array([_checked(best[days == d], hit[days == d], top, weight) for d in np.unique(days)])
    draws = np.random.Generator(np.random.Philox(0)).integers(0, len(precise), (repeats, len(precise)))
    low, high = interval(precise[draws].mean(axis=1))
    return Estimate(float(precise.mean()), low, high), float(hit.sum() / len(precise))


def _checked(best: Floats, hit: NDArray[np.bool_], top: float, weight: float) -> float:
    """Return the share of compromised cards among the first `top` cards of a day, the last one counted in part."""
    found = hit[np.argsort(-best, kind="stable")]
    size = np.where(found, 1.0, weight)
    taken = np.clip(top - (np.cumsum(size) - size), 0.0, size)
    return float(taken[found].sum() / taken.sum())
