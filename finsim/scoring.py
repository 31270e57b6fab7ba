"""Models in the loop: controls get the round's requests with their running features, and their scores are kept.

A model is asked about requests that are ready: what the customer drops for want of money is dropped before, and of two
requests of one customer the second is asked about when the first is decided. So a round is worked off in waves, each
with at most one open request of a customer; most ticks have two or three. Without controls none of this happens.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.errors import FinsimError, did_you_mean
from finsim.feature_start import opening_state
from finsim.feature_store import FeatureStore
from finsim.features import AT, INPUTS, NAMES
from finsim.frames import FORMS
from finsim.ids import mixed
from finsim.observed import GIVEN_CARD, OBSERVED, Sight, observe, put_scores
from finsim.partition import Outcome
from finsim.records import chosen, joined
from finsim.waves import adopt, number_waves, wave_of

if TYPE_CHECKING:
    from finsim.economy import Economy

EMPTY = np.empty(0, dtype=pay.TRANSACTION)


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

    def ask(self, observed: NDArray[np.void], features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the control's scores of requests, (n,) float32."""
        scores = np.asarray(self.control.score(FORMS[self.form](observed, features, self.names)), dtype=np.float32)
        if scores.shape != (len(observed),) or not ((scores >= 0) & (scores <= 1)).all():
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


class Scoring:
    """The controls of an economy and the running features that they are served.

    Args:
        economy: the economy.
    """

    def __init__(self, economy: Economy) -> None:
        self.economy = economy
        self.seats: list[Seat] = []
        self.store: FeatureStore | None = None
        self._wave = np.zeros((len(economy.world.customers), 2), dtype=np.int32)
        self._round = 0
        self._past: dict[int, int] = {}
        self._past_seen = 0
        self._accounts = self._account_words()

    def add(self, new: Seat) -> None:
        """Give a control its seat; the first that asks for features starts the counting."""
        self.seats.append(new)
        if any(name in AT for name in new.names):
            self.keep_features()

    def keep_features(self) -> None:
        """Count from now on, begun with what the institutions know of their customers."""
        if self.store is None:
            self.store = FeatureStore(opening_state(self.economy))

    # -- a round ------------------------------------------------------------------------------------------

    def authorise(self, batches: list[NDArray[np.void]]) -> list[Outcome]:
        """Decide on a round's requests, one array for each partition, in waves; return what came of each partition."""
        economy, parts = self.economy, self.economy.partitions
        queues = [self._queue(batch) for batch in batches]
        found: list[list[Outcome]] = [[] for _ in parts]
        for number in range(max(map(len, queues))):
            wave = [queue[number] if number < len(queue) else EMPTY for queue in queues]
            ready = economy.each_partition(lambda part, rows: part.prepare(rows), wave, rows=sum(map(len, wave)))
            observed = self._score(ready)
            done = economy.each_partition(
                lambda part, outcome: part.authorise(outcome.rows, economy.tick_end), ready, rows=sum(map(len, wave))
            )
            if self.store is not None and len(observed):
                adopt(observed, joined([outcome.rows for outcome in done]))
                self.store.remember(observed)
            for kept, first, second in zip(found, ready, done, strict=True):
                second.cash = joined([first.cash, second.cash]) if len(first.cash) else second.cash
                kept.append(second)
        return [_merged(outcomes) for outcomes in found]

    def _queue(self, batch: NDArray[np.void]) -> list[NDArray[np.void]]:
        """Return a batch in waves."""
        self._round += 1
        numbers = np.empty(len(batch), dtype=np.int32)
        waves = number_waves(batch, self._wave, self._round, numbers)
        return [batch] if waves <= 1 else [chosen(batch, wave_of(numbers, number)) for number in range(waves)]

    def _score(self, ready: list[Outcome]) -> NDArray[np.void]:
        """Let the controls score requests that are ready; return what was observed of the attempts, (n,) OBSERVED."""
        rows = joined([outcome.rows for outcome in ready])
        observed, at = self.observe(rows, everything=False)
        if not len(observed):
            return observed
        self._date_old_cards(observed, rows["card"], at)
        features = self.store.serve(observed) if self.store is not None else np.empty((len(observed), 0), np.float32)
        scores = self._asked(observed, features, in_order=len(ready) == 1)
        put_scores(rows, at, scores)
        if len(ready) > 1:  # the rows were joined into a copy
            ends = np.cumsum([len(outcome.rows) for outcome in ready]).tolist()
            for outcome, first, last in zip(ready, [0, *ends], ends, strict=False):
                outcome.rows = rows[first:last]
        return observed

    def _asked(
        self, observed: NDArray[np.void], features: NDArray[np.float32], *, in_order: bool
    ) -> NDArray[np.float32]:
        """Return the highest score of each attempt, -1 where no control sits, (n,) float32."""
        scores = np.full(len(observed), -1.0, dtype=np.float32)
        order = None if in_order else np.lexsort((observed["transaction_id"], observed["timestamp"]))
        for one in self.seats:
            if order is None and one.institutions is None:
                np.maximum(scores, one.ask(observed, features), out=scores)
                continue
            places = np.arange(len(observed)) if order is None else order
            if one.institutions is not None:
                places = places[np.isin(observed["payer_institution_id"][places], list(one.institutions))]
            if len(places):
                asked = one.ask(chosen(observed, places), features[places])
                scores[places] = np.maximum(scores[places], asked)
        return scores

    # -- what is observed ---------------------------------------------------------------------------------

    def observe(self, rows: NDArray[np.void], *, everything: bool = True) -> tuple[NDArray[np.void], NDArray[np.int64]]:
        """Return what the institutions observe of rows, (n,) TRANSACTION, and where they stand among them.

        Args:
            rows: the rows.
            everything: all of them, or attempts only.

        Returns:
            (k,) OBSERVED and (k,) positions.
        """
        out, at = np.empty(len(rows), dtype=OBSERVED), np.empty(len(rows), dtype=np.int64)
        count = observe(rows, self._sight(), out, at, everything)
        return out[:count], at[:count]

    def _sight(self) -> Sight:
        """Return what turns rows into observed records."""
        world, keys = self.economy.world, self.economy.ids.table
        return Sight(
            self._accounts, self.economy.ledger.customer_accounts, world.customers.data,
            self.economy.life.cards.issued, world.merchants.data["latitude"], world.merchants.data["longitude"],
            world.areas["latitude"], world.areas["longitude"],
            *(keys[name] for name in ("customer", "merchant", "terminal", "card", "device", "ip")),
        )  # fmt: skip

    def _date_old_cards(self, observed: NDArray[np.void], codes: NDArray[np.uint32], at: NDArray[np.int64]) -> None:
        """Fill in when cards were issued that have been replaced since."""
        past = self.economy.life.cards.past
        for customer, slot, ordinal, issued, _ in past[self._past_seen :]:
            self._past[customer << 7 | (64 if slot else 0) | ordinal] = issued
        self._past_seen = len(past)
        for k in np.flatnonzero((observed["given"] & GIVEN_CARD > 0) & (observed["card_issued"] == 0)).tolist():
            observed["card_issued"][k] = self._past.get(int(codes[at[k]]), 0)

    def _account_words(self) -> NDArray[np.uint64]:
        """Return exported id and institution of every account in one word, (N,) uint64."""
        economy, world = self.economy, self.economy.world
        ids = economy.ids.export("account", economy.ledger.codes())
        banks = economy.ledger.institutions(world.customers.data["institution"], world.merchants.data["acquirer"])
        return np.asarray((ids.astype(np.uint64) << np.uint64(16)) | banks)

    # -- across ticks -------------------------------------------------------------------------------------

    def end_tick(self, rows: NDArray[np.void]) -> None:
        """Let the counters see the decided rows of a tick, (n,) TRANSACTION in order of time."""
        if self.store is None:
            return
        observed, _ = self.observe(rows)
        if not self.seats:
            self.store.remember(observed)
        self.store.merge(observed)

    def opening(self) -> dict[str, NDArray[Any]] | None:
        """Return the counters as they stand, for the data set: state, customers and releases to come."""
        if self.store is None:
            return None
        economy = self.economy
        held = sorted(number for bank in economy.banks for number in bank.held())
        return self.store.arrays() | {
            "customer_id": economy.ids.export("customer", np.arange(len(self._wave), dtype=np.uint32) << np.uint32(7)),
            "releases": np.array([mixed(number, economy.ids.posting) for number in held], dtype=np.uint64),
        }

    def state(self) -> dict[str, NDArray[Any]]:
        """Return what a checkpoint keeps."""
        return {} if self.store is None else self.store.arrays()

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take back what `state` returned."""
        if self.store is not None and arrays:
            self.store.restore(arrays)


def _merged(outcomes: list[Outcome]) -> Outcome:
    """Return the outcomes of one partition's waves as one, its rows in order of time."""
    if len(outcomes) == 1:
        return outcomes[0]
    rows = joined([outcome.rows for outcome in outcomes])
    rows = chosen(rows, np.lexsort((rows["transaction_id"], rows["timestamp"])))
    return Outcome(
        rows,
        joined([outcome.follow_ups for outcome in outcomes]),
        joined([outcome.cash for outcome in outcomes]),
        sum(outcome.watched for outcome in outcomes),
    )
