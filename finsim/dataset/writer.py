"""The background writer: a thread that encodes and writes parts while the economy goes on."""

from __future__ import annotations

import queue
import threading

from finsim.dataset.parts import Job, Part, PartWriter
from finsim.errors import OutputError


class Writer:
    """Carries out jobs in a thread of its own; who would have to wait for it lends a hand instead.

    Encoding, compression and hashing release the interpreter's lock, so the economy runs on meanwhile. Whatever
    goes wrong in the thread is raised by the next call from outside.

    Args:
        parts: writes the files.
        depth: jobs that may be handed over and not yet done, which bounds the memory; a further `submit` carries out
            the next waiting job itself.
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
        """Hand a job over; while `depth` jobs are not done, do one of them, or wait where all are in work.

        Raises:
            OutputError: a part could not be written.
        """
        while not self._room.acquire(blocking=False):
            if not self._help():
                self._room.acquire()
                break
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
        """Return when everything that was handed over is on disk; raises as `submit` does."""
        while self._help():
            pass
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
        """Carry out jobs until told to end."""
        while (job := self._jobs.get()) is not None:
            self._carry_out(job)
            del job

    def _help(self) -> bool:
        """Carry out one waiting job in the thread that calls; False where none waits."""
        try:
            job = self._jobs.get_nowait()
        except queue.Empty:
            return False
        assert job is not None, "only `stop` asks the thread to end, and no job comes after it"
        self._carry_out(job)
        return True

    def _carry_out(self, job: Job) -> None:
        """Do one job; after an error the rest is let go."""
        try:
            if self._error is None:
                self.done.append(job(self._parts))
        except BaseException as error:  # it is raised again by the next call from outside
            self._error = error
        finally:
            with self._idle:
                self._open -= 1
                self._idle.notify_all()
            self._room.release()
