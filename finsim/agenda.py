"""The agenda: which Python agents are awake when. Everybody else sleeps and costs nothing."""

from __future__ import annotations

import heapq


class Agenda:
    """A calendar queue of (time, key): whoever is due is woken, in order of time, then key."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []
        self._known: set[tuple[int, str]] = set()

    def wake(self, key: str, time: int) -> None:
        """Wake an agent at a time, microseconds; its other appointments stay."""
        if (time, key) not in self._known:
            self._known.add((time, key))
            heapq.heappush(self._heap, (time, key))

    def due(self, before: int) -> list[tuple[int, str]]:
        """Remove the appointments before a time and return (time, key) of all who wake, each once, at the first."""
        first: dict[str, int] = {}
        while self._heap and self._heap[0][0] < before:
            time, key = heapq.heappop(self._heap)
            self._known.discard((time, key))
            first.setdefault(key, time)
        return [(time, key) for key, time in first.items()]

    def state(self) -> list[tuple[int, str]]:
        """Return all appointments in order, (time, key)."""
        return sorted(self._known)

    def restore(self, state: list[tuple[int, str]]) -> None:
        """Take back what `state` returned."""
        self._heap = sorted(state)
        self._known = set(state)
