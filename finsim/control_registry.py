"""Controls of other distributions: found by name in the entry point group `finsim.controls`.

A control is a class with one method, `score(batch)`; see `finsim.submission.Control` for what it is handed and how it
says what it wants. What the entry point names is called without arguments and goes into the authorisation path of every
institution of a scenario that lists its name in `banks.controls`. A score from `banks.model_challenge` on asks for a
challenge, one from `banks.model_decline` on declines; each raises an alert.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from finsim.errors import ScenarioError

GROUP = "finsim.controls"


def known_controls() -> tuple[str, ...]:
    """Return the names of the controls that are installed, sorted."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def load_control(name: str) -> Any:
    """Return a new control by its name.

    Raises:
        ScenarioError: no installed distribution offers it, it cannot be made, or it has no method `score`.
    """
    for point in sorted(entry_points(group=GROUP, name=name), key=lambda p: p.value):
        try:
            control = point.load()()
        except Exception as error:  # whatever foreign code raises
            raise ScenarioError(f"the control {name!r} ({point.value}) cannot be made: {error}") from error
        if not callable(getattr(control, "score", None)):
            raise ScenarioError(f"the control {name!r} ({point.value}) has no method score(batch)")
        return control
    raise ScenarioError(f"the control {name!r} is not installed (entry points {GROUP})")
