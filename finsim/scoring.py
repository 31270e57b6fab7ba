"""Models in the loop: controls get the round's requests with their running features, and their scores are kept.

A model is asked about requests that are ready: what the customer drops for want of money is dropped before, and of two
requests of one customer the second is asked about when the first is decided. So a round is worked off in waves, each
with at most one open request of a customer; most ticks have two or three. Without controls none of this happens.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.batches import in_time_order, is_ordered, sorted_rows
from finsim.feature_parts import EVERYTHING, IN_TABLE, parts_of
from finsim.feature_start import opening_state
from finsim.feature_store import FeatureStore
from finsim.features import NAMES
from finsim.ids import mixed
from finsim.observed import GIVEN_CARD, OBSERVED, Sight, observe, put_scores
from finsim.partition import Outcome
from finsim.records import joined
from finsim.seats import ControlError, Panel, Seat
from finsim.waves import adopt, cut, number_waves

if TYPE_CHECKING:
    from finsim.economy import Economy

EMPTY = np.empty(0, dtype=pay.TRANSACTION)


class Scoring:
    """The controls of an economy and the running features that they are served.

    Args:
        economy: the economy.
    """

    def __init__(self, economy: Economy) -> None:
        self.economy = economy
        self.panel = Panel()
        self.store: FeatureStore | None = None
        self._wave = np.zeros((len(economy.world.customers), 2), dtype=np.int32)
        self._round = 0
        self._issued: dict[int, int] = {}
        self._noted = 0
        self._begun = 0
        self._unknown = np.zeros(1, dtype=np.int64)
        self._accounts = self._account_words()

    def add(self, new: Seat) -> None:
        """Give a control its seat; the first that asks for features starts the counting.

        Raises:
            ControlError: it asks for features that have not been counted since the export began.
        """
        late = self.store is not None and self.economy.now > max(self.economy.export_start, self._begun)
        missing = [NAMES[k] for k in new.columns if late and parts_of([k]) & ~self._counted]
        if missing:
            raise ControlError(
                f"{type(new.control).__name__} asks for {', '.join(missing)}; nobody has asked for that since the "
                "export began, so it was not counted: add it before"
            )
        self.panel.add(new)
        if new.columns:
            self.keep_features()

    def keep_features(self) -> None:
        """Count from now on, begun with what the institutions know of their customers."""
        if self.store is None:
            self.store = FeatureStore(opening_state(self.economy))
            self._begun = self.economy.now

    @property
    def _counted(self) -> int:
        """Parts of the features that are counted: all for the record at the export's beginning, then what is served."""
        return EVERYTHING if self.economy.now < self.economy.export_start else self.panel.parts

    # -- a round ------------------------------------------------------------------------------------------

    def authorise(self, batches: list[NDArray[np.void]]) -> list[Outcome]:
        """Decide on a round's requests, one array for each partition, in waves; return what came of each partition."""
        economy, parts, sight = self.economy, self.economy.partitions, self._sight()
        queues, counted = [self._queue(batch) for batch in batches], self._counted & ~IN_TABLE
        found: list[list[Outcome]] = [[] for _ in parts]
        for number in range(max(map(len, queues))):
            wave = [queue[number] if number < len(queue) else EMPTY for queue in queues]
            count = sum(map(len, wave))
            ready = economy.partitions.each(lambda part, rows: part.prepare(rows), wave, rows=count)
            observed = self._score(ready, sight)
            done = economy.partitions.each(
                lambda part, outcome: part.authorise(outcome.rows, economy.tick_end), ready, rows=count
            )
            if self.store is not None and counted and len(observed):
                adopt(observed, joined([outcome.rows for outcome in done]))
                self.store.remember(observed, counted)
            for kept, first, second in zip(found, ready, done, strict=True):
                second.cash = _together([first.cash, second.cash])
                kept.append(second)
        return [_merged(outcomes) for outcomes in found]

    def _queue(self, batch: NDArray[np.void]) -> list[NDArray[np.void]]:
        """Return a batch in waves."""
        self._round += 1
        numbers = np.empty(len(batch), dtype=np.int32)
        waves = number_waves(batch, self._wave, self._round, numbers)
        if waves <= 1:
            return [batch]
        starts, out = np.empty(waves + 1, dtype=np.int64), np.empty(len(batch), dtype=pay.TRANSACTION)
        cut(batch, numbers, starts, out)
        return [out[first:last] for first, last in pairwise(starts.tolist())]

    def _score(self, ready: list[Outcome], sight: Sight) -> NDArray[np.void]:
        """Let the controls score requests that are ready; return what was observed of the attempts, (n,) OBSERVED."""
        rows = joined([outcome.rows for outcome in ready])
        observed, at = self._observe(rows, sight, everything=False)
        if not len(observed):
            return observed
        if self._unknown[0]:
            self._date_old_cards(observed, rows["card"], at)
        features = (
            self.store.serve(observed, self.panel.columns, self.panel.parts)
            if self.store is not None
            else np.empty((len(observed), 0), dtype=np.float32)
        )
        put_scores(rows, at, self.panel.ask(observed, features, in_order=len(ready) == 1))
        if len(ready) > 1:  # the rows were joined into a copy
            ends = np.cumsum([len(outcome.rows) for outcome in ready]).tolist()
            for outcome, first, last in zip(ready, [0, *ends], ends, strict=False):
                outcome.rows = rows[first:last]
        return observed

    # -- what is observed ---------------------------------------------------------------------------------

    def _observe(
        self, rows: NDArray[np.void], sight: Sight, *, everything: bool
    ) -> tuple[NDArray[np.void], NDArray[np.int64]]:
        """Return what the institutions observe of rows, (n,) TRANSACTION, and where they stand among them.

        Args:
            rows: the rows.
            sight: what they look through.
            everything: all of them, or attempts only.

        Returns:
            (k,) OBSERVED and (k,) positions.
        """
        out, at = np.empty(len(rows), dtype=OBSERVED), np.empty(len(rows), dtype=np.int64)
        count = observe(rows, *sight, out, at, everything, self._unknown)
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

    def note_old_cards(self) -> None:
        """Note when cards were issued that have been replaced since the last call."""
        book = self.economy.life.cards
        for customer, slot, ordinal, issued, _ in book.past[max(self._noted - book.handed_on, 0) :]:
            self._issued[customer << 7 | (64 if slot else 0) | ordinal] = issued
        self._noted = book.handed_on + len(book.past)

    def _date_old_cards(self, observed: NDArray[np.void], codes: NDArray[np.uint32], at: NDArray[np.int64]) -> None:
        """Fill in when cards were issued that are not the present ones."""
        self.note_old_cards()
        for k in np.flatnonzero((observed["given"] & GIVEN_CARD > 0) & (observed["card_issued"] == 0)).tolist():
            observed["card_issued"][k] = self._issued.get(int(codes[at[k]]), 0)

    def _account_words(self) -> NDArray[np.uint64]:
        """Return exported id and institution of every account in one word, (N,) uint64."""
        economy, world = self.economy, self.economy.world
        ids = economy.ids.export("account", economy.ledger.codes())
        banks = economy.ledger.institutions(world.customers.data["institution"], world.merchants.data["acquirer"])
        return np.asarray((ids.astype(np.uint64) << np.uint64(16)) | banks)

    # -- across ticks -------------------------------------------------------------------------------------

    def end_tick(self, rows: NDArray[np.void]) -> None:
        """Let the counters see the decided rows of a tick, (n,) TRANSACTION in order of time."""
        counted = self._counted
        if self.panel.seats:  # own counters have seen the rows of each wave
            counted &= IN_TABLE
        if self.store is None or not counted:
            return
        observed, _ = self._observe(rows, self._sight(), everything=True)
        self.store.remember(observed, counted & ~IN_TABLE)
        self.store.merge(observed, counted & IN_TABLE)

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
        if self.store is None:
            return {}
        self.note_old_cards()
        return self.store.arrays() | {
            "old_cards": np.array(list(self._issued.items()), np.int64).reshape(-1, 2),
            "counted": np.array([self._counted], np.int64),
        }

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take back what `state` returned.

        Raises:
            ControlError: a control asks for features that the run did not count before it was stopped.
        """
        if self.panel.parts & ~int(arrays["counted"][0] if arrays else 0):
            raise ControlError("the controls ask for features that were not counted before the run was stopped")
        if self.store is not None and arrays:
            self.store.restore(arrays)
            self._issued = dict(arrays["old_cards"].tolist())
            self._noted = 0


def _merged(outcomes: list[Outcome]) -> Outcome:
    """Return the outcomes of one partition's waves as one, its rows in order of time."""
    if len(outcomes) == 1:
        return outcomes[0]
    waves = [outcome.rows for outcome in reversed(outcomes) if len(outcome.rows)]  # the first, most rows, is moved once
    rows = in_time_order(waves or [outcomes[0].rows])
    return Outcome(
        rows if is_ordered(rows) else sorted_rows(rows),
        _together([outcome.follow_ups for outcome in outcomes]),
        _together([outcome.cash for outcome in outcomes]),
    )


def _together(parts: list[NDArray[np.void]]) -> NDArray[np.void]:
    """Return the concatenation of records, most of which are none."""
    return joined([part for part in parts if len(part)] or parts[:1])
