"""A lock file that tells whether the process that took it still lives."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import subprocess
from pathlib import Path

from finsim.errors import OutputError


class Lock:
    """A file that names host, process and the time at which the process started.

    A process id alone would be taken for alive when the system has given it to another process.

    Args:
        path: the file; its directory exists when the lock is taken.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._taken = False

    def holder(self) -> str:
        """Return who holds the lock, in words, or an empty text: nobody, or a process that is dead."""
        try:
            held = json.loads(self.path.read_text(encoding="utf-8"))
            host, pid, started = str(held["host"]), int(held["pid"]), str(held["started"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""
        if host != platform.node():
            return f"process {pid} on {host!r}; if that runs no more, delete {self.path}"
        if process_start(pid) != started:
            return ""
        return f"process {pid}, which is alive"

    def take(self) -> None:
        """Take the lock.

        Raises:
            OutputError: a living process holds it.
            OSError: the file cannot be written.
        """
        text = json.dumps({"host": platform.node(), "pid": os.getpid(), "started": process_start(os.getpid())})
        with open(self.path, "a", encoding="utf-8") as file:
            _alone(file.fileno())  # of two that find a dead run, the second sees the first one's name
            if holder := self.holder():
                raise OutputError(f"{self.path.parent} is being written by {holder}")
            file.truncate(0)
            file.write(text)
        self._taken = True

    def moved(self, path: Path) -> None:
        """Take note that the lock's directory has got another name."""
        self.path = path

    def release(self) -> None:
        """Give the lock back, if it was taken."""
        if self._taken:
            self._taken = False
            with contextlib.suppress(OSError):
                self.path.unlink()


def _alone(handle: int) -> None:
    """Wait until no other process looks at an open file, where the system can do that; ends when it is closed."""
    try:
        import fcntl  # not on every system
    except ImportError:
        return
    with contextlib.suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX)


def process_start(pid: int) -> str:
    """Return when a process started, in a form that differs for each process of an id; empty if it is dead."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "" if Path("/proc/self/stat").exists() else _start_from_ps(pid)
    fields = stat.rpartition(")")[2].split()  # the name before it may hold spaces
    return "" if fields[0] in ("Z", "X") else fields[19]


def _start_from_ps(pid: int) -> str:
    """Return the start of a process where there is no /proc."""
    try:
        shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return " ".join(shown.stdout.split())
