"""The errors a user can meet, as a tree.

FinsimError
 ├─ ScenarioError    a scenario file, key or value is wrong
 ├─ OutputError      where a run should write cannot be used
 ├─ DatasetError     a directory is no data set, or cannot be read
 └─ ResumeError      what lies at `--resume` belongs to another run

Each message is one sentence that names the file, key and value, and what is allowed.
The command line prints it and exits with code 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class FinsimError(Exception):
    """Base of every error that finsim raises on purpose."""


class ScenarioError(FinsimError):
    """A scenario cannot be loaded, or one of its values is not allowed."""


class OutputError(FinsimError):
    """The output directory cannot be used."""


class DatasetError(FinsimError):
    """A directory is not a finsim data set, or a part of it is missing."""


class ResumeError(FinsimError):
    """An unfinished run cannot be resumed with this scenario, seed or version."""


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """Return `"; did you mean 'x'?"` for the nearest allowed word, or what is allowed.

    Args:
        word: what the user wrote.
        allowed: every word that would have been accepted.
    """
    options = sorted(allowed)
    near = difflib.get_close_matches(word, options, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; allowed: {', '.join(options)}" if len(options) <= 40 else ""
