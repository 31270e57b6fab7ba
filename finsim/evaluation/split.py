"""Train on what was known on a day, test on what truth says of the days after it.

The protocol of the Fraud Detection Handbook (Le Borgne, Siblini, Lebichot and Bontempi, 2022): a training period, a
delay in which labels are awaited, then a test period. A label counts as fraud only if a label event said so before
the test period began; rows without one are taken for genuine. From the test, on each day, the rows of cards and of
accounts without a card are removed which a label event before that day had already called fraudulent: the bank has
blocked or reissued them, and finding them again is no feat.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from finsim.dataset.reader import Dataset
from finsim.errors import FinsimError
from finsim.evaluation.rows import DAY, microseconds

TEST_SHARE: Final = 0.3
"""Share of the days that is tested."""
DELAY_DAYS: Final = 7
"""Days between the last row of the training and the first row of the test: delta_delay of the Handbook."""


class EvaluationError(FinsimError):
    """A data set cannot be evaluated as asked."""


@dataclass(frozen=True)
class Split:
    """Which rows are trained on, with which label, and which are tested.

    Attributes:
        test_from: first day of the test.
        train: (n,) rows before the delay.
        known: (n,) a label event before the test began called the row fraud.
        test: (n,) rows of the test, known compromised cards and accounts left out.
        removed: rows that were left out for that.
    """

    test_from: dt.date
    train: NDArray[np.bool_]
    known: NDArray[np.bool_]
    test: NDArray[np.bool_]
    removed: int


def split(data: Dataset, rows: pl.DataFrame, delay_days: int = DELAY_DAYS, test_share: float = TEST_SHARE) -> Split:
    """Split rows by time.

    Args:
        data: the data set they are of; its label events say what was known.
        rows: rows of `attempts`.
        delay_days: days before the test whose rows are neither trained on nor tested.
        test_share: share of the days that is tested.

    Raises:
        EvaluationError: the data set is too short to leave a day for training.
    """
    first, last = (dt.date.fromisoformat(data.manifest[key]) for key in ("first_day", "last_day"))
    days = (last - first).days + 1
    test_days = max(1, round(days * test_share))
    if days - test_days - delay_days < 1:
        raise EvaluationError(
            f"{data.path} has {days} days, too few for models: {test_days} are tested and the {delay_days} before "
            "them wait for labels, which leaves none to train on"
        )
    test_from = last - dt.timedelta(days=test_days - 1)
    start = int(dt.datetime.combine(test_from, dt.time(), dt.UTC).timestamp()) * 1_000_000
    time = microseconds(rows["timestamp"])
    labels = data.attempts_labelled_as_of(test_from).filter(pl.col("label").cast(pl.String) == "fraud")
    known = rows["transaction_id"].is_in(labels.collect()["transaction_id"].implode()).to_numpy()
    test = time >= start
    compromised = _compromised(data, rows, time)
    return Split(
        test_from, time < start - delay_days * DAY, known, test & ~compromised, int((test & compromised).sum())
    )


def _compromised(data: Dataset, rows: pl.DataFrame, time: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which rows use a card, or without one an account, that was known to be abused when their day began."""
    events = (
        data.label_events.filter(pl.col("label").cast(pl.String) == "fraud")
        .group_by("transaction_id")
        .agg(pl.col("event_at").min())
        .join(data.transactions.select("transaction_id", "card_id", "payer_account_id"), on="transaction_id")
        .collect()
    )
    known = np.full(len(rows), np.iinfo(np.int64).max)
    for key, chosen in (
        ("card_id", pl.col("card_id").is_not_null()),
        ("payer_account_id", pl.col("card_id").is_null()),
    ):
        first = events.filter(chosen).group_by(key).agg(pl.col("event_at").min())
        found = rows.select(pl.when(chosen).then(pl.col(key)).alias(key)).join(
            first, on=key, how="left", maintain_order="left"
        )["event_at"]
        there = found.is_not_null().to_numpy()
        known[there] = microseconds(found)[there]
    out: NDArray[np.bool_] = known < time // DAY * DAY
    return out
