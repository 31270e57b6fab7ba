"""What the fraud of a believable data set should cost a model to find: bands from what real data allow.

The figures behind them stand in `calibration/targets/fraud_detection.yaml`: a Belgian stream of e-commerce payments
(MODELPERF-001 to 045), IEEE-CIS (077 to 086) and a bank's account openings (058 to 061). They hold at
`fraud.intensity` 1 and a base rate of 0.05 to 0.3 %, and are for remote card payments, as those streams are
(`streams`). Bands are wider than any one of the figures, since rails differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any, Final

import numpy as np

from finsim.evaluation.metrics import Estimate

BASE_RATES: Final = (0.0005, 0.003)
"""Share of rows that are fraud for which the bands are meant."""
MOST_AUC, MOST_RECALL, RECALL_AT = 0.90, 0.60, 0.001
"""No column or pair may reach this ROC AUC, or this recall at that share of false positives."""


@dataclass(frozen=True)
class Band:
    """What a figure should lie between.

    Attributes:
        figure: what is measured, as people read it.
        model: the model that is measured.
        measure: which of its measures.
        low: least allowed; None for no bound.
        high: most allowed; None for no bound.
        source: published figures behind it, or why it is assumed.
    """

    figure: str
    model: str
    measure: str
    low: float | None
    high: float | None
    source: str

    def kept(self, value: float) -> bool:
        """Return whether a value lies in the band; NaN does not."""
        return (self.low is None or value >= self.low) and (self.high is None or value < self.high)

    def __str__(self) -> str:
        """Return the band as text."""
        if self.low is None:
            return f"under {self.high:g}"
        return f"at least {self.low:g}" if self.high is None else f"{self.low:g} to {self.high:g}"


ROW_TREE, ROW_LOGISTIC, ROW_FOREST, ROW_BOOSTING, HISTORY = (
    "tree on a row",
    "logistic regression on a row",
    "forest on a row",
    "boosting on a row",
    "boosting with history",
)
ORDER: Final = (ROW_TREE, ROW_LOGISTIC, ROW_FOREST, ROW_BOOSTING)
"""Models from the weakest to the strongest, by ROC AUC."""
EASIEST, HARDEST = ("card_testing",), ("purchase_scam", "friendly_fraud")
"""Typologies that should be easiest and hardest to find."""

BANDS: Final = (
    Band(
        "tree of depth 3 on a row, average precision",
        ROW_TREE,
        "average_precision",
        None,
        0.10,
        "MODELPERF-005, MODELPERF-017",
    ),
    Band(
        "boosting on a row, ROC AUC",
        ROW_BOOSTING,
        "roc_auc",
        0.65,
        0.80,
        "assumption: amount, hour and category alone tell a little",
    ),
    Band("boosting with history, ROC AUC", HISTORY, "roc_auc", 0.88, 0.95, "MODELPERF-013, MODELPERF-025"),
    Band(
        "boosting with history, average precision",
        HISTORY,
        "average_precision",
        0.05,
        0.20,
        "MODELPERF-014, MODELPERF-026, MODELPERF-041",
    ),
    Band("boosting with history, lift", HISTORY, "lift", 25, 80, "MODELPERF-026 over a base rate of 0.25 %"),
    Band(
        "boosting with history, recall at 1 % false positives",
        HISTORY,
        "recall_at_1.0%",
        0.40,
        0.65,
        "MODELPERF-082, MODELPERF-084, MODELPERF-078",
    ),
    Band(
        "boosting with history, recall at 5 % false positives",
        HISTORY,
        "recall_at_5.0%",
        0.62,
        0.80,
        "MODELPERF-058, MODELPERF-059, MODELPERF-060",
    ),
    Band(
        "boosting with history, card precision at the top 100",
        HISTORY,
        "card_precision",
        0.15,
        0.35,
        "MODELPERF-018, MODELPERF-027, MODELPERF-045",
    ),
)
"""Every band."""

CHECKED: Final = 100 / 300
"""Cards that are checked a day for each that is compromised then: the Handbook's 100 where 300 are (BEHAVIOUR-011)."""


def verdicts(
    figures: Mapping[str, Mapping[str, Estimate]], typologies: Mapping[str, Estimate], base_rate: float
) -> list[dict[str, Any]]:
    """Return one row a band: figure, value with its interval, band, kept or not.

    Args:
        figures: of each model, its measures.
        typologies: ROC AUC of boosting with history by typology, among genuine rows of the same rail, kind and channel.
        base_rate: share of all tested rows that are fraud.
    """
    out = [
        _row(
            "share of tested rows that are fraud",
            base_rate,
            None,
            f"{BASE_RATES[0]:g} to {BASE_RATES[1]:g}",
            BASE_RATES[0] <= base_rate <= BASE_RATES[1],
            "evidence is of this range",
        )
    ]
    for band in BANDS:
        found = figures.get(band.model, {}).get(band.measure)
        if found is not None:
            out.append(
                _row(band.figure, found.value, (found.low, found.high), str(band), band.kept(found.value), band.source)
            )
    if all(model in figures for model in ORDER):
        aucs = [figures[model]["roc_auc"] for model in ORDER]
        out.append(
            _row(
                "order of models by ROC AUC: " + ", ".join(f"{one.value:.3f}" for one in aucs),
                None,
                None,
                "tree < logistic regression < forest < boosting",
                not any(_surely_above(weak, strong) for weak, strong in pairwise(aucs)),
                "MODELPERF-016 to 027",
            )
        )
    if len(typologies) > 1 and set(typologies) & {*EASIEST, *HARDEST}:
        ranked = sorted(typologies, key=lambda name: -typologies[name].value)
        out.append(
            _row(
                "order of typologies: " + ", ".join(f"{name} {typologies[name].value:.2f}" for name in ranked),
                None,
                None,
                "card testing easiest, purchase scams and friendly fraud hardest",
                not out_of_order(typologies),
                "assumption: expert judgement",
            )
        )
    return out


def out_of_order(typologies: Mapping[str, Estimate]) -> bool:
    """Return whether some typology is surely easier than the easiest, or surely harder than the hardest.

    Args:
        typologies: how well each is told from genuine rows; sure is what intervals that do not meet say.
    """
    others = [one for name, one in typologies.items() if name not in {*EASIEST, *HARDEST}]
    easy = [typologies[name] for name in EASIEST if name in typologies]
    hard = [typologies[name] for name in HARDEST if name in typologies]
    pairs = [*product(others, easy), *product(hard, [*others, *easy])]
    return any(_surely_above(below, above) for below, above in pairs)


def _surely_above(one: Estimate, other: Estimate) -> bool:
    """Return whether a figure is greater than another beyond chance: their intervals do not meet."""
    low = one.low if np.isfinite(one.low) else one.value
    high = other.high if np.isfinite(other.high) else other.value
    return bool(low > high)


def _row(
    figure: str, value: float | None, interval: tuple[float, float] | None, band: str, kept: bool, source: str
) -> dict[str, Any]:
    low, high = interval if interval is not None else (None, None)
    return {"figure": figure, "value": value, "low": low, "high": high, "band": band, "kept": kept, "source": source}
