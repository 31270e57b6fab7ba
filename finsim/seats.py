"""Seats of controls: where each sits, what it asks for, and how it is asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finsim.errors import FinsimError, did_you_mean
from finsim.feature_parts import parts_of
from finsim.features import AT, INPUTS, NAMES
from finsim.frames import FORMS
from finsim.observed import are_scores
from finsim.records import chosen


class ControlError(FinsimError):
    """A control asks for what does not exist, or returns no scores."""


@dataclass(frozen=True)
class Seat:
    """A control and where it sits.

    Attributes:
        control: has `score`.
        institutions: exported ids of the institutions whose requests it scores; None for all.
        form: what it is handed, a key of `frames.FORMS`.
        names: columns of features, or of the matrix.
    """

    control: Any
    institutions: frozenset[int] | None
    form: str
    names: tuple[str, ...]

    @property
    def columns(self) -> tuple[int, ...]:
        """Columns of the running features that it asks for."""
        return tuple(AT[name] for name in self.names if name in AT)

    def ask(self, observed: NDArray[np.void], features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the control's scores of requests, (n,) float32.

        Args:
            observed: (n,) OBSERVED, at least one.
            features: (n, k) float32, those of `names` that are running features, in their order.

        Raises:
            ControlError: it returned something else than scores.
        """
        scores = np.asarray(self.control.score(FORMS[self.form](observed, features, self.names)), dtype=np.float32)
        if scores.shape != (len(observed),) or not are_scores(scores):
            raise ControlError(
                f"{type(self.control).__name__}.score must return one number from 0 to 1 for each of "
                f"{len(observed)} requests; it returned an array of shape {scores.shape}, or numbers outside"
            )
        return scores


def seat(control: Any, institutions: Iterable[int] | None = None) -> Seat:
    """Return the seat of a control.

    Args:
        control: see `finsim.submission.Control`.
        institutions: rows of the institutions that use it; None for all.

    Raises:
        ControlError: it asks for a form or a feature that does not exist.
    """
    form, names = getattr(control, "batch", "polars"), getattr(control, "features", None)
    who = type(control).__name__
    if form not in FORMS:
        raise ControlError(f"{who}.batch is {form!r}{did_you_mean(str(form), FORMS)}")
    allowed = INPUTS if form == "matrix" else NAMES
    chosen_names = NAMES if names is None else tuple(names)
    for name in chosen_names:
        if name not in allowed:
            raise ControlError(
                f"{who} asks for the feature {name!r}, which does not exist{did_you_mean(name, allowed)}"
            )
    ids = None if institutions is None else frozenset(row + 1 for row in institutions)
    return Seat(control, ids, form, chosen_names)


class Panel:
    """The controls of an economy: who is asked about a request, and which features that takes.

    Attributes:
        seats: the controls.
        columns: (k,) int64, the running features that any of them asks for.
        parts: bits of the parts of features that these belong to.
    """

    def __init__(self) -> None:
        self.seats: list[Seat] = []
        self.columns: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self.parts = 0
        self._places: list[NDArray[np.int64] | None] = []

    def add(self, new: Seat) -> None:
        """Give a control its seat."""
        self.seats.append(new)
        wanted = list(dict.fromkeys(column for one in self.seats for column in one.columns))
        self.columns, self.parts = np.array(wanted, dtype=np.int64), parts_of(wanted)
        # Where a control asks for all of them in their order, what was served is handed on as it is.
        self._places = [
            None if list(one.columns) == wanted else np.array([wanted.index(k) for k in one.columns], dtype=np.int64)
            for one in self.seats
        ]

    def ask(self, observed: NDArray[np.void], features: NDArray[np.float32], *, in_order: bool) -> NDArray[np.float32]:
        """Return the highest score of each attempt, -1 where no control sits, (n,) float32.

        Args:
            observed: (n,) OBSERVED, at least one.
            features: (n, len(columns)) float32.
            in_order: whether they are in order of time; controls are handed them so in any case.
        """
        order = None if in_order else np.lexsort((observed["transaction_id"], observed["timestamp"]))
        if order is None and len(self.seats) == 1 and self.seats[0].institutions is None:
            return self.seats[0].ask(observed, features)
        scores = np.full(len(observed), -1.0, dtype=np.float32)
        for one, columns in zip(self.seats, self._places, strict=True):
            places = np.arange(len(observed)) if order is None else order
            if one.institutions is not None:
                places = places[np.isin(observed["payer_institution_id"][places], list(one.institutions))]
            if len(places):
                mine = features[places] if columns is None else features[places[:, None], columns]
                scores[places] = np.maximum(scores[places], one.ask(chosen(observed, places), mine))
        return scores
