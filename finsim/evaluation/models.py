"""The baselines: a small tree, logistic regression, a forest and boosting.

scikit-learn is an extra and imported here only, when a model is fitted. Categories are given to every model as the
log of how much more often than average they were fraud in the training part, shrunk towards none where rows are few;
a tree gains more from that than from dummies, and numbers go to the logistic regression the same way, in bins.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from finsim.evaluation.rows import CATEGORIES, NUMBERS, PRESENT, codes
from finsim.evaluation.split import EvaluationError

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

MOST_NEGATIVES, MOST_NEGATIVES_TO_TUNE = 200_000, 50_000
"""Genuine rows that a model is trained on at most; which ones is drawn, and does not move the ranking."""
PRIOR: Final = 2.0
"""Fraud rows, at the average rate, that are added to each category."""
BINS: Final = 20
INSTALL: Final = "pip install 'finsim[evaluate]'"


def need_scikit_learn() -> None:
    """Refuse to go on without scikit-learn.

    Raises:
        EvaluationError: it is not installed; the message says how to install it.
    """
    if importlib.util.find_spec("sklearn") is None:
        raise EvaluationError(
            f"the baseline models need scikit-learn, an extra: {INSTALL}; or leave them out: --only leaks,composition"
        )


def encode(
    rows: pl.DataFrame, past: pl.DataFrame | None, train: Bools, known: Bools, *, binned: bool = False
) -> Floats:
    """Turn rows into numbers, learning from the training part as it was labelled.

    Args:
        rows: rows of `attempts`.
        past: features of `history`, aligned with rows; None for the row alone.
        train: (n,) rows of the training part.
        known: (n,) rows that were called fraud.
        binned: whether numbers too become the rates of their bins, as a linear model needs.

    Returns:
        (n, k) float32: categories, numbers, presence of ids, then the past.
    """
    columns = [log_rates(codes(rows[name])[0], train, known) for name in CATEGORIES]
    numbers = [rows[name].cast(pl.Float32).fill_null(-1000.0) for name in (*NUMBERS, *PRESENT)]
    for column in (*numbers, *(past.get_columns() if past is not None else ())):
        values = column.to_numpy()
        if binned:
            edges = np.unique(np.quantile(values[train][::8], np.linspace(0, 1, BINS + 1)[1:-1]))
            values = log_rates(np.searchsorted(edges, values, side="right"), train, known)
        columns.append(values)
    return np.column_stack(columns).astype(np.float32)


def log_rates(code: NDArray[Any], train: Bools, known: Bools) -> Floats:
    """Return the log of each row's rate of fraud over the average, of its category in the training part."""
    size = int(code.max()) + 1 if len(code) else 1
    base = max(float(known[train].mean()), 1e-9)
    seen = np.bincount(code[train], minlength=size) * base
    fraud = np.bincount(code[train & known], minlength=size)
    out: Floats = np.log((fraud + PRIOR) / (seen + PRIOR)).astype(np.float32)[code]
    return out


def tree() -> Any:
    """Return a tree of depth 3."""
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(max_depth=3, min_samples_leaf=20, random_state=0)


def logistic() -> Any:
    """Return a logistic regression on standardised columns."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))


def forest() -> Any:
    """Return a random forest."""
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(60, max_depth=8, min_samples_leaf=100, max_samples=0.4, n_jobs=-1, random_state=0)


def boosting(**settings: Any) -> Any:
    """Return gradient boosting: LightGBM's where it is installed, scikit-learn's otherwise.

    Args:
        settings: leaves (default 8), rounds (80), rate (0.05), rows (200 in a leaf at least).
    """
    leaves, rounds = settings.get("leaves", 8), settings.get("rounds", 80)
    rate, least = settings.get("rate", 0.05), settings.get("rows", 200)
    if importlib.util.find_spec("lightgbm") is not None:
        from lightgbm import LGBMClassifier

        return LGBMClassifier(
            n_estimators=rounds, learning_rate=rate, num_leaves=leaves, min_child_samples=least, reg_lambda=1.0,
            random_state=0, deterministic=True, force_col_wise=True, verbose=-1,
        )  # fmt: skip
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=rounds, learning_rate=rate, max_leaf_nodes=leaves, min_samples_leaf=least, l2_regularization=1.0,
        early_stopping=False, random_state=0,
    )  # fmt: skip


CANDIDATES: Final[tuple[Mapping[str, Any], ...]] = (
    {"leaves": 4, "rounds": 100, "rate": 0.06, "rows": 100},
    {"leaves": 8, "rounds": 100, "rate": 0.06, "rows": 200},
    {"leaves": 16, "rounds": 150, "rate": 0.06, "rows": 60},
)
"""Settings among which boosting is tuned."""


def drawn(train: Bools, known: Bools, most: int = MOST_NEGATIVES) -> NDArray[np.int64]:
    """Return the positions that a model is trained on: all known fraud, and so many of the rest at most."""
    rest = np.flatnonzero(train & ~known)
    if len(rest) > most:
        rest = np.sort(np.random.Generator(np.random.Philox(1)).choice(rest, most, replace=False))
    return np.concatenate([np.flatnonzero(train & known), rest])


def scores(
    model: Any, x: Floats, known: Bools, rows: NDArray[np.int64], test: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Fit a model on some rows and return the scores of others.

    Args:
        model: anything with fit and predict_proba.
        x: (n, k) columns.
        known: (n,) labels.
        rows: positions to fit on.
        test: positions to score.
    """
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a model that did not converge within its rounds is a weak one, no failure
        model.fit(x[rows], known[rows])
        out: NDArray[np.float64] = model.predict_proba(x[test])[:, 1]
    return out


def tuned(
    x: Floats, known: Bools, train: Bools, time: NDArray[np.int64], delay: int, judge: Callable[..., float]
) -> Any:
    """Return boosting with the settings that did best on the last quarter of the training part.

    Args:
        x: (n, k) columns.
        known: (n,) labels as known.
        train: (n,) rows of the training part.
        time: (n,) microseconds.
        delay: microseconds between the rows fitted on and those judged on.
        judge: gives (scores, labels) a figure, more is better.
    """
    first, last = time[train].min(), time[train].max()
    since = last - (last - first) // 4
    early, late = train & (time < since - delay), np.flatnonzero(train & (time >= since))
    if known[early].sum() < 10 or known[late].sum() < 10:
        return boosting()
    rows = drawn(early, known, MOST_NEGATIVES_TO_TUNE)
    figures = [judge(scores(boosting(**one), x, known, rows, late), known[late]) for one in CANDIDATES]
    return boosting(**CANDIDATES[int(np.argmax(figures))])
