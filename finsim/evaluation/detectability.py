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
from finsim.evaluation.streams import ALL, REMOTE_CARDS, Stream

LEAST_FRAUD: Final = 10
"""Fraud rows that the training and the test need each."""
LEAST_OF_A_TYPOLOGY: Final = 5
ALIKE: Final = "roc_auc_alike"
"""ROC AUC of a typology among genuine rows of the same rail, kind and channel."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Judged:
    """What models found in one stream of payments.

    Attributes:
        facts: rows, fraud, days and dates of training and test.
        figures: measures of each model, by name of model and measure.
        typologies: measures by model and typology.
        learned: typologies of which the training knew rows enough to learn from.
    """

    facts: dict[str, Any]
    figures: dict[str, dict[str, Estimate]]
    typologies: dict[str, dict[str, dict[str, Estimate]]]
    learned: set[str]


@dataclass(frozen=True)
class Detectability:
    """What models found.

    Attributes:
        whole: in everything that a bank scores.
        remote: in remote card payments, for which the bands are; None where they hold too little fraud.
        verdicts: each band with the value that was found.
    """

    whole: Judged
    remote: Judged | None
    verdicts: list[dict[str, Any]]


class Bench:
    """Rows, labels and split of a stream, ready for one model after the other.

    Args:
        data: the data set.
        delay_days: days before the test in which labels are awaited.
        repeats: resamplings for the intervals.
        stream: which rows are judged.
        rows: all rows of `attempts`; read from the data if None.

    Raises:
        EvaluationError: too few days, or too little fraud known before the test or true in it.
    """

    def __init__(
        self,
        data: Dataset,
        delay_days: int = DELAY_DAYS,
        repeats: int = metrics.REPEATS,
        stream: Stream = ALL,
        rows: pl.DataFrame | None = None,
    ) -> None:
        everything = attempts(data) if rows is None else rows
        self.data, self.stream, self.held = data, stream, stream.holds(everything)
        self.rows = everything.filter(self.held)
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
        self.typology = self.rows["typology"].cast(pl.String).fill_null("").to_numpy()
        self.weight = stream.weight(true, len(self.test) - true)

    def facts(self) -> dict[str, Any]:
        """Return what was trained on and tested."""
        truth, tested = self.fraud[self.split.train], self.fraud[self.test]
        return {
            "stream": self.stream.name,
            "rows": len(self.rows), "fraud": int(self.fraud.sum()), "base_rate": float(self.fraud.mean()),
            "train_rows": int(self.split.train.sum()), "train_fraud_true": int(truth.sum()),
            "train_fraud_known": int((self.split.train & self.split.known).sum()),
            "delay_days": self.delay // DAY, "test_from": str(self.split.test_from),
            "test_rows": len(self.test), "test_fraud": int(tested.sum()), "test_base_rate": float(tested.mean()),
            "precision_at_base_rate": self.stream.rate or float(tested.mean()),
            "test_campaigns": len(np.unique(self.campaign[tested])), "removed_known_compromised": self.split.removed,
            "interval": "95 %, campaigns resampled with all their rows; days resampled for card precision",
        }  # fmt: skip

    def learned(self) -> set[str]:
        """Return the typologies of which the training knew rows enough."""
        names, count = np.unique(self.typology[self.split.train & self.split.known], return_counts=True)
        return {str(name) for name, rows in zip(names, count, strict=True) if name and rows >= LEAST_OF_A_TYPOLOGY}

    def judge(self, score: NDArray[np.float64]) -> tuple[dict[str, Estimate], dict[str, dict[str, Estimate]]]:
        """Return the measures of scores of the test, over all and by typology."""
        fraud, typology = self.fraud[self.test], self.typology[self.test]
        genuine = score[~fraud]
        weights = None if self.weight == 1.0 else np.full(len(genuine), self.weight)
        ranking = metrics.rank(score[fraud], genuine, self.campaign[fraud], weights)
        kinds = self.rows.select(pl.struct("rail", "kind", "channel").rank("dense").cast(pl.Int64)).to_series()
        alike = metrics.rank_alike(score, fraud, self.campaign, kinds.to_numpy()[self.test])
        by = {}
        for name in sorted(set(typology[fraud])):
            mask = typology[fraud] == name
            if mask.sum() >= LEAST_OF_A_TYPOLOGY:
                by[name] = metrics.measure(ranking.keep(mask), self.repeats)
                by[name][ALIKE] = metrics.measure(alike.keep(mask), self.repeats)["roc_auc"]
        return metrics.measure(ranking, self.repeats), by

    def card_precision(self, score: NDArray[np.float64]) -> tuple[Estimate, dict[str, Any]] | None:
        """Return card precision of scores of the test, and how many cards were checked; None without cards."""
        card = self.rows["card_id"][self.test]
        used = card.is_not_null().to_numpy()
        if not used.any():
            return None
        day = self.time[self.test][used] // DAY
        fraud = self.fraud[self.test][used]
        cards = card.filter(used).to_numpy()
        hit = np.unique(np.stack([day[fraud], cards[fraud].astype(np.int64)]), axis=1).shape[1]
        top = max(1.0, bands.CHECKED * hit / len(np.unique(day)))
        found, compromised = metrics.card_precision(score[used], fraud, cards, day, top, self.repeats, self.weight)
        rows = float(fraud.sum()) / max(hit, 1)
        return found, {
            "cards_checked_a_day": top,
            "compromised_cards_a_day": compromised,
            "fraud_rows_a_compromised_card_day": rows,
        }

    def run(self, past: pl.DataFrame | None, say: Say) -> Judged:
        """Train the baselines and measure them.

        Args:
            past: features of `history` of all rows; None leaves boosting with history out.
            say: told what is under way.
        """
        facts, known = self.facts(), self.split.known
        row = models.encode(self.rows, None, self.split.train, known)
        evidence = models.encode(self.rows, None, self.split.train, known, binned=True)
        out = Judged(facts, {}, {}, self.learned())

        def fit(name: str, model: Any, x: NDArray[np.float32]) -> None:
            say(f"{self.stream.name}: {name}")
            score = models.scores(model, x, known, self.chosen, self.test)
            out.figures[name], out.typologies[name] = self.judge(score)
            cards = self.card_precision(score)
            if cards is not None:
                out.figures[name]["card_precision"] = cards[0]
                facts.update(cards[1])

        fit(bands.ROW_TREE, models.tree(), row)
        fit(bands.ROW_LOGISTIC, models.logistic(), evidence)
        fit(bands.ROW_FOREST, models.forest(), row)
        fit(bands.ROW_BOOSTING, models.boosting(), row)
        if past is not None:
            x = models.encode(self.rows, past.filter(self.held), self.split.train, known)
            fit(bands.HISTORY, models.tuned(x, known, self.split.train, self.time, self.delay, _precision), x)
        return out


def detectability(
    data: Dataset,
    *,
    delay_days: int = DELAY_DAYS,
    repeats: int = metrics.REPEATS,
    with_history: bool = True,
    say: Say | None = None,
) -> Detectability:
    """Train the baselines on each stream of payments and measure them.

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
    say("history")
    past = history(data, bench.rows) if with_history else None
    whole = bench.run(past, say)
    try:
        remote = Bench(data, delay_days, repeats, REMOTE_CARDS, bench.rows).run(past, say)
    except EvaluationError:
        remote = None  # the bands are then set beside the whole, for want of better
    ranked = {
        name: one[ALIKE] for name, one in whole.typologies.get(bands.HISTORY, {}).items() if name in whole.learned
    }
    judged = whole if remote is None else remote
    return Detectability(whole, remote, bands.verdicts(judged.figures, ranked, whole.facts["test_base_rate"]))


def _precision(score: NDArray[np.float64], label: NDArray[np.bool_]) -> float:
    """Return the average precision by which settings are chosen."""
    ranking = metrics.rank(score[label], score[~label], np.arange(label.sum()))
    return metrics.average_precision(ranking, np.ones(ranking.positives))
