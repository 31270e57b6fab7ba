"""Fixtures that several test files share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import finsim

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the root of the checkout."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def python() -> Command:
    """Return a function that runs this Python with the finsim that the tests import, in a process of its own."""
    home = str(Path(finsim.__file__).resolve().parent.parent)
    environment = {**os.environ, "PYTHONPATH": home, "PYTHONSAFEPATH": "1", "COLUMNS": "120"}

    def run(*arguments: str, cwd: Path | str | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd,
            env={**environment, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    return run


@pytest.fixture(scope="session")
def command(python: Command) -> Command:
    """Return a function that runs the command `finsim` with the given words."""

    def run(*words: str, cwd: Path | str | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        return python("-m", "finsim", *words, cwd=cwd, **variables)

    return run
