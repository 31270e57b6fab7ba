"""Where a run writes: `OUT.partial/` beside OUT while it runs, OUT when it is complete.

A lock in `OUT.partial/` names the process that writes there, by its id and the time at which it started, so that
an abandoned run is told from a living one. The rename to OUT comes last: OUT is complete or not there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from finsim.dataset import manifest as manifests
from finsim.dataset.lock import Lock
from finsim.errors import DatasetError, OutputError

LOCK: Final = "lock"


class OutputDirectory:
    """The directory that a run writes to.

    Args:
        out: where the complete data set shall lie.
        overwrite: replace a data set that lies there already.
    """

    def __init__(self, out: str | Path, *, overwrite: bool = False) -> None:
        if not str(out):
            raise OutputError("the output directory has an empty name")
        self.final = Path(os.path.abspath(out))
        self.overwrite = overwrite
        self.partial = self.final.with_name(self.final.name + ".partial") if self.final.name else self.final
        self._lock = Lock(self.partial / LOCK)

    def check(self, *, resume: bool = False) -> None:
        """Refuse what cannot be written to; writes nothing.

        Args:
            resume: a complete data set may lie there: whoever resumes has to compare its manifest.

        Raises:
            OutputError: OUT exists and may not be replaced, a parent is no directory or not writable, or a living
                process writes there.
        """
        if not self.final.name:
            raise OutputError(f"{self.final} cannot be an output directory")
        if os.path.lexists(self.final):
            self._check_existing(resume)
        if os.path.lexists(self.partial) and not self.partial.is_dir():
            raise OutputError(f"{self.partial}, where the run in progress would lie, is not a directory")
        parent = self.final.parent
        while not os.path.lexists(parent):
            parent = parent.parent
        if not parent.is_dir():
            raise OutputError(f"{self.final} cannot be made: {parent} is not a directory")
        if not os.access(parent, os.W_OK | os.X_OK):
            raise OutputError(f"{self.final} cannot be made: {parent} is not writable")
        if holder := self._lock.holder():
            raise OutputError(f"{self.partial} is being written by {holder}")

    def completed(self) -> dict[str, Any] | None:
        """Return the manifest of a complete data set at OUT, or None."""
        try:
            return manifests.read(self.final)
        except DatasetError:
            return None

    def open(self, *, resume: bool = False) -> bool:
        """Take the lock and make `OUT.partial/` ready.

        Args:
            resume: keep what an abandoned run left there; a plain run deletes it.

        Returns:
            True if there is something to resume.

        Raises:
            OutputError: as `check`, or the directory cannot be made.
        """
        self.check(resume=resume)
        try:
            self.partial.mkdir(parents=True, exist_ok=True)
            self._lock.take()
            left = [path for path in self.partial.iterdir() if not path.name.startswith(LOCK)]
            if not resume:
                for path in left:
                    _remove(path)
        except OSError as error:
            raise OutputError(f"{self.partial} cannot be written: {error.strerror or error}") from error
        return resume and bool(left)

    def keep_only(self, parts: Iterable[str]) -> None:
        """Delete every file of a table that is not among the parts listed, paths relative to the directory."""
        listed = set(parts)
        for path in sorted(self.partial.glob("*/**/*.parquet*")):
            if path.relative_to(self.partial).as_posix() not in listed:
                path.unlink()

    def finalise(self, manifest: Mapping[str, Any]) -> Path:
        """Write the manifest, remove all that is no part of the data set, and give the directory its name.

        Raises:
            OutputError: something cannot be written, or OUT has come to exist meanwhile.
        """
        tables = {str(part["path"]).split("/", 1)[0] for part in manifest["parts"]}
        if manifest.get("features"):
            tables.add(manifest["features"]["file"])
        try:
            for path in self.partial.iterdir():
                if path.name not in tables and not path.name.startswith(LOCK):
                    _remove(path)
            manifests.write(self.partial, manifest)
            _sync(self.partial)
            self._rename()
        except OSError as error:
            raise OutputError(f"{self.final} cannot be written: {error.strerror or error}") from error
        return self.final

    def release(self) -> None:
        """Give the lock back, as the end of a `with` block does; what lies in `OUT.partial/` can be resumed."""
        self._lock.release()

    def __enter__(self) -> OutputDirectory:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()

    def _check_existing(self, resume: bool) -> None:
        """Refuse an OUT that exists, unless it is a data set that may be replaced or resumed."""
        is_dataset = (self.final / manifests.NAME).is_file() and not self.final.is_symlink()
        if self.overwrite and not is_dataset:
            raise OutputError(f"{self.final} exists and is no data set: it is not overwritten")
        if not self.overwrite and not (resume and is_dataset):
            raise OutputError(f"{self.final} exists already; give another --out, or --overwrite to replace a data set")

    def _rename(self) -> None:
        """Put the complete directory in OUT's place."""
        old = self.final.with_name(f"{self.final.name}.replaced-{os.getpid()}")
        if os.path.lexists(self.final):
            self._check_existing(resume=False)
            os.rename(self.final, old)
        os.rename(self.partial, self.final)
        _sync(self.final.parent)
        self._lock.moved(self.final / LOCK)
        self._lock.release()
        if old.exists():
            shutil.rmtree(old, ignore_errors=True)


def _remove(path: Path) -> None:
    """Delete a file or a directory."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _sync(directory: Path) -> None:
    """Ask for a directory's entries to be on disk, where the system can do that."""
    with contextlib.suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
