"""What the command line shows: tables, JSON, progress, and one line for what went wrong.

Results go to standard output, everything else to standard error. rich is imported when a table or a bar is
drawn, so that `--help` and refusals stay quick.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

PIPE_WIDTH = 160
"""Columns of a table that is written to a file or a pipe."""


def emit(text: str) -> None:
    """Write text and a line end to standard output; a reader that has gone away (`| head`) is no error."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes standard output once more at its end, which must not fail either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def emit_json(value: Any) -> None:
    """Write a value as indented JSON to standard output; what JSON does not know is written as its text."""
    emit(json.dumps(value, indent=2, default=str, ensure_ascii=False))


def emit_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> None:
    """Write a table to standard output, in colour on a terminal.

    Args:
        title: line above the table.
        columns: headings; empty ones give a table without a head.
        rows: cells of each row, as many as there are columns.
        numbers: positions of the columns that are aligned to the right.
    """
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=SIMPLE, show_header=any(columns), pad_edge=False)
    for position, heading in enumerate(columns):
        table.add_column(heading, justify="right" if position in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    console = Console(width=width, markup=False, emoji=False, highlight=False)
    with console.capture() as capture:
        console.print(table)
    emit("\n".join(line.rstrip() for line in capture.get().splitlines()).rstrip("\n"))


def complain(text: str) -> None:
    """Write one line for a human to standard error, whatever line ends the text has."""
    try:
        sys.stderr.write(f"finsim: {' '.join(text.split())}\n")
        sys.stderr.flush()
    except OSError:  # nobody reads it
        pass


class Progress:
    """Progress of a run on standard error: a bar on a terminal, nothing but notices on a pipe.

    Call it with the days done, the days in all, and a notice or an empty text. Each notice ("compiling
    kernels ...") is written once, as a line of its own.

    Args:
        label: what is under way, left of the bar.
        unit: what is counted.
    """

    def __init__(self, label: str, unit: str = "days") -> None:
        self.label = label
        self.unit = unit
        self._notice = ""
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Progress:
        """Begin; the bar appears with the first call."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away, so that the summary or a message stands alone."""
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, done: float, total: float, message: str = "") -> None:
        """Show that `done` of `total` are done."""
        if message and message != self._notice:
            self._notice = message
            complain(message)
        if not sys.stderr.isatty():
            return
        if self._bar is None:
            self._start(total)
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=total, description=self.label)

    def _start(self, total: float) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
        from rich.progress import TimeRemainingColumn as TimeLeft

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(self.unit),
            TimeElapsedColumn(),
            TimeLeft(),
            console=Console(stderr=True),
            transient=True,
        )
        self._bar.start()
        self._task = self._bar.add_task(self.label, total=total)
