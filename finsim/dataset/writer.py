"""The background writer: one thread that encodes and writes parts while the economy goes on."""

from __future__ import annotations

import queue
import threading

from finsim.dataset.parts import Job, Part, PartWriter
from finsim.errors import OutputError


class Writer:
    """Carries out jobs in order, in a thread of its own.

    Encoding, compression and hashing release the interpreter's lock, so the economy runs on meanwhile. Whatever
    goes wrong in the thread is raised by the next call from outside.

    Args:
        parts: writes the files.
        depth: jobs that may be handed over and not yet done; a further `submit` waits, which bounds the memory.
    """

    def __init__(self, parts: PartWriter, depth: int = 2) -> None:
        self.done: list[Part] = []
        self._parts = parts
        self._room = threading.Semaphore(depth)
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._idle = threading.Condition()
        self._open = 0
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None

    def submit(self, job: Job) -> None:
        """Hand a job over; waits while `depth` jobs are not done.

        Raises:
            OutputError: a part could not be written.
        """
        self._room.acquire()
        try:
            self._complain()
        except BaseException:
            self._room.release()
            raise
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="finsim-writer", daemon=True)
            self._thread.start()
        with self._idle:
            self._open += 1
        self._jobs.put(job)

    def flush(self) -> None:
        """Wait until everything that was handed over is on disk; raises as `submit` does."""
        with self._idle:
            self._idle.wait_for(lambda: self._open == 0)
        self._complain()

    def close(self) -> None:
        """Finish everything and end the thread; raises as `submit` does."""
        try:
            self.flush()
        finally:
            self.stop()

    def stop(self) -> None:
        """End the thread after the job it is at, without complaint; for a run that has failed."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None

    def _complain(self) -> None:
        error = self._error
        if isinstance(error, OSError):
            raise OutputError(f"cannot write {error.filename or 'a part'}: {error.strerror or error}") from error
        if error is not None:
            raise error

    def _work(self) -> None:
        """Carry out jobs until told to end; after an error the rest is let go."""
        while (job := self._jobs.get()) is not None:
            try:
                if self._error is None:
                    self.done.append(job(self._parts))
            except BaseException as error:  # it is raised again in the main thread
                self._error = error
            finally:
                del job
                with self._idle:
                    self._open -= 1
                    self._idle.notify_all()
                self._room.release()
