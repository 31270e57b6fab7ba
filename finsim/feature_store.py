"""The store of running features: state, and the calls that serve it, for the economy and for `training_frame`."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from finsim import feature_state
from finsim.feature_kernels import remember, replay, serve
from finsim.feature_parts import EVERYTHING
from finsim.feature_shared import grow, merge
from finsim.feature_state import SHARED, State
from finsim.features import NAMES

ALL: Final = np.arange(len(NAMES))
KEYS_OF_A_ROW: Final = 6
"""Shared counters that one row may begin at most."""


class FeatureStore:
    """Running features of a set of customers.

    Args:
        state: what is known at the start.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self.used = int(np.count_nonzero(state.shared["key"]))

    @property
    def nbytes(self) -> int:
        """Bytes of the state."""
        return sum(int(array.nbytes) for array in self.state)

    def serve(
        self, observed: NDArray[np.void], columns: NDArray[np.int64] = ALL, parts: int = EVERYTHING
    ) -> NDArray[np.float32]:
        """Return features of attempts, (n,) OBSERVED, one of a customer: (n, len(columns)) float32.

        Args:
            observed: the attempts.
            columns: (k,) int64, the features that are wanted; all by default.
            parts: bits of the parts that these belong to.
        """
        out = np.empty((len(observed), len(columns)), dtype=np.float32)
        serve(observed, *self.state, parts, columns, np.zeros(len(NAMES), dtype=np.float32), out)
        return out

    def remember(self, observed: NDArray[np.void], parts: int = EVERYTHING) -> None:
        """Let customers' own counters see decided rows, (n,) OBSERVED, of some parts of the features."""
        if parts:
            remember(observed, *self.state, parts)

    def replay(self, observed: NDArray[np.void], *, wanted: bool = True) -> NDArray[np.float32]:
        """Serve a whole decided tick, (n,) OBSERVED in order of time, and let all counters see it.

        Returns:
            (n, features) float32; rows that are no attempts, and all rows where none are wanted, are not set.
        """
        out = np.empty((len(observed) if wanted else 0, len(NAMES)), dtype=np.float32)
        replay(observed, self.state, out, wanted)
        self.merge(observed)
        return out

    def merge(self, observed: NDArray[np.void], parts: int = EVERYTHING) -> None:
        """Let shared counters of some parts see the decided rows of a tick, (n,) OBSERVED in order of time."""
        if not (len(observed) and parts):
            return
        self._make_room(KEYS_OF_A_ROW * len(observed), int(observed["timestamp"][0]))
        self.used += merge(observed, self.state.shared, parts)

    def _make_room(self, fresh: int, now: int) -> None:
        """Keep the table at most half full whatever the next rows bring."""
        capacity = len(self.state.shared)
        if 2 * (self.used + fresh) <= capacity:
            return
        while 2 * (self.used + fresh) > capacity:
            capacity *= 2
        shared = np.zeros(capacity, SHARED)
        self.used = grow(self.state.shared, now, shared)
        self.state = self.state._replace(shared=shared)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what a checkpoint keeps."""
        return feature_state.to_arrays(self.state)

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take back what `arrays` returned."""
        self.state = feature_state.from_arrays(arrays)
        self.used = int(np.count_nonzero(self.state.shared["key"]))
