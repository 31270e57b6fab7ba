"""Compiled functions as the Python that they were written in, for a few calls from outside of kernels.

This stands apart from `finsim.compile`: what imports that counts as a source of kernels, and each change in it would
compile all of them anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def as_written(function: F) -> F:
    """Return a compiled function as the Python that it was written in.

    What is not a kernel is not cached, and compiling it for one call costs each run most of a second.
    """
    written: F = getattr(function, "py_func", function)
    return written
