"""How easily models find the fraud of a data set, beside what real data allow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from finsim.dataset.reader import Dataset
from finsim.evaluation import bands, metrics, models
from finsim.evaluation.history import history
from finsim.evaluation.metrics import Estimate
from finsim.evaluation.rows import DAY, attempts, microseconds
from finsim.evaluation.split import DELAY_DAYS, EvaluationError, Split, split

LEAST_FRAUD: Final = 10
"""Fraud rows that the training and the test need each."""
LEAST_OF_A_TYPOLOGY: Final = 5

Say = Callable[[str], None]


@dataclass(frozen=True)
class Detectability:
    """What models found.

    Attributes:
        facts: rows, fraud, days and dates of training and test.
        figures: measures of each model, by name of model and measure.
        typologies: measures by model and typology; `rows` of the typology in the test beside them.
        verdicts: each band with the value that was found.
    """

    facts: dict[str, Any]
    figures: dict[str, dict[str, Estimate]]
    typologies: dict[str, dict[str, dict[str, Estimate]]]
    verdicts: list[dict[str, Any]]


class Bench:
    """Rows, labels and split, ready for one model after the other.

    Args:
        data: the data set.
        delay_days: days before the test in which labels are awaited.
        repeats: resamplings for the intervals.

    Raises:
        EvaluationError: too few days, or too little fraud known before the test or true in it.
    """

    def __init__(self, data: Dataset, delay_days: int = DELAY_DAYS, repeats: int = metrics.REPEATS) -> None:
        self.rows = attempts(data)
        self.fraud = self.rows["is_fraud"].to_numpy()
        self.split: Split = split(data, self.rows, delay_days)
        self.delay, self.repeats = delay_days * DAY, repeats
        self.time = microseconds(self.rows["timestamp"])
        self.test = np.flatnonzero(self.split.test)
        self.chosen = models.drawn(self.split.train, self.split.known)
        known, true = int((self.split.train & self.split.known).sum()), int(self.fraud[self.test].sum())
        if min(known, true) < LEAST_FRAUD:
            raise EvaluationError(
                f"{data.path} has too little fraud for models: {known} rows known before {self.split.test_from} and "
                f"{true} true in the test, {LEAST_FRAUD} of each are needed; leave models out: --only leaks,composition"
            )
        # The campaign is the unit that is resampled: its rows stand and fall together.
        self.campaign = self.rows["campaign_id"].fill_null(0).to_numpy()[self.test]

    def facts(self) -> dict[str, Any]:
        """Return what was trained on and tested."""
        truth, tested = self.fraud[self.split.train], self.fraud[self.test]
        return {
            "rows": len(self.rows), "fraud": int(self.fraud.sum()), "base_rate": float(self.fraud.mean()),
            "train_rows": int(self.split.train.sum()), "train_fraud_true": int(truth.sum()),
            "train_fraud_known": int((self.split.train & self.split.known).sum()),
            "delay_days": self.delay // DAY, "test_from": str(self.split.test_from),
            "test_rows": len(self.test), "test_fraud": int(tested.sum()), "test_base_rate": float(tested.mean()),
            "test_campaigns": len(np.unique(self.campaign[tested])), "removed_known_compromised": self.split.removed,
            "interval": "95 %, campaigns resampled with all their rows; days resampled for card precision",
        }  # fmt: skip

    def judge(self, score: NDArray[np.float64]) -> tuple[dict[str, Estimate], dict[str, dict[str, Estimate]]]:
        """Return the measures of scores of the test, over all and by typology."""
        fraud = self.fraud[self.test]
        ranking = metrics.rank(score[fraud], score[~fraud], self.campaign[fraud])
        typology = self.rows["typology"].cast(pl.String).to_numpy()[self.test][fraud]
        by = {}
        for name in sorted(set(typology)):
            if (typology == name).sum() >= LEAST_OF_A_TYPOLOGY:
                by[name] = metrics.measure(ranking.keep(typology == name), self.repeats)
        return metrics.measure(ranking, self.repeats), by

    def card_precision(self, score: NDArray[np.float64]) -> tuple[Estimate, dict[str, Any]] | None:
        """Return card precision of scores of the test, and how many cards were checked; None without cards."""
        card = self.rows["card_id"][self.test]
        used = card.is_not_null().to_numpy()
        if not used.any():
            return None
        day = self.time[self.test][used] // DAY
        top = max(1, round(bands.SCALE * used.sum() / len(np.unique(day))))
        found, compromised = metrics.card_precision(
            score[used], self.fraud[self.test][used], card.filter(used).to_numpy(), day, top, self.repeats
        )
        return found, {"cards_checked_a_day": top, "compromised_cards_a_day": compromised}


def detectability(
    data: Dataset,
    *,
    delay_days: int = DELAY_DAYS,
    repeats: int = metrics.REPEATS,
    with_history: bool = True,
    say: Say | None = None,
) -> Detectability:
    """Train the baselines and measure them.

    Args:
        data: the data set.
        delay_days: days before the test whose rows are neither trained on nor tested, at least 7 for the bands.
        repeats: resamplings for the intervals; 0 leaves them out.
        with_history: whether boosting is trained on the past too.
        say: told what is under way.

    Raises:
        EvaluationError: scikit-learn is missing, or the data set is too small.
    """
    models.need_scikit_learn()
    say = say or (lambda _: None)
    bench = Bench(data, delay_days, repeats)
    facts, known = bench.facts(), bench.split.known
    row = models.encode(bench.rows, None, bench.split.train, known)
    evidence = models.encode(bench.rows, None, bench.split.train, known, binned=True)
    figures: dict[str, dict[str, Estimate]] = {}
    typologies: dict[str, dict[str, dict[str, Estimate]]] = {}

    def fit(name: str, model: Any, x: NDArray[np.float32]) -> None:
        say(name)
        score = models.scores(model, x, known, bench.chosen, bench.test)
        figures[name], typologies[name] = bench.judge(score)
        cards = bench.card_precision(score)
        if cards is not None:
            figures[name]["card_precision"] = cards[0]
            facts.update(cards[1])

    fit(bands.ROW_TREE, models.tree(), row)
    fit(bands.ROW_LOGISTIC, models.logistic(), evidence)
    fit(bands.ROW_FOREST, models.forest(), row)
    fit(bands.ROW_BOOSTING, models.boosting(), row)
    if with_history:
        say("history")
        x = models.encode(bench.rows, history(data, bench.rows), bench.split.train, known)
        fit(bands.HISTORY, models.tuned(x, known, bench.split.train, bench.time, bench.delay, _precision), x)
    aucs = {name: one["roc_auc"].value for name, one in typologies.get(bands.HISTORY, {}).items()}
    return Detectability(facts, figures, typologies, bands.verdicts(figures, aucs, facts["test_base_rate"]))


def _precision(score: NDArray[np.float64], label: NDArray[np.bool_]) -> float:
    """Return the average precision by which settings are chosen."""
    ranking = metrics.rank(score[label], score[~label], np.arange(label.sum()))
    return metrics.average_precision(ranking, np.ones(ranking.positives))
