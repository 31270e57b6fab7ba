"""Runs that are interrupted, for tests of going on."""

from __future__ import annotations

from typing import Any

import pytest

import finsim


class StoppedError(Exception):
    """What interrupts a run."""


def interrupt(scenario: str, days: int, **arguments: Any) -> None:
    """Leave a run, with arguments of `finsim.run`, that was interrupted after so many days, the warm-up's included."""

    def stop(done: int, total: int, message: str) -> None:
        if done > days:
            raise StoppedError

    with pytest.raises(StoppedError):
        finsim.run(scenario, progress=stop, **arguments)
