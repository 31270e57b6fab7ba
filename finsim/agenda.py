"""The agenda: which Python agents are awake when. Everybody else sleeps and costs nothing."""

from __future__ import annotations

import heapq


class Agenda:
    """A calendar queue of (time, key): whoever is due is woken, in order of time, then key."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []
        self._next: dict[str, int] = {}

    def wake(self, key: str, time: int) -> None:
        """Wake an agent at a time, microseconds; an earlier appointment stays, a later one is replaced."""
        known = self._next.get(key)
        if known is not None and known <= time:
            return
        self._next[key] = time
        heapq.heappush(self._heap, (time, key))

    def due(self, before: int) -> list[tuple[int, str]]:
        """Remove and return (time, key) of all who wake before a time."""
        out = []
        while self._heap and self._heap[0][0] < before:
            time, key = heapq.heappop(self._heap)
            if self._next.get(key) == time:
                del self._next[key]
                out.append((time, key))
        return out

    def state(self) -> dict[str, int]:
        """Return the appointments by key."""
        return dict(sorted(self._next.items()))

    def restore(self, state: dict[str, int]) -> None:
        """Take back what `state` returned."""
        self._next = dict(state)
        self._heap = [(time, key) for key, time in state.items()]
        heapq.heapify(self._heap)
