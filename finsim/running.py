"""Running a scenario: from its name to a complete data set, with checkpoints on the way."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finsim.dataset.output import OutputDirectory
from finsim.errors import ResumeError
from finsim.scenario import Scenario

if TYPE_CHECKING:
    from finsim.dataset.reader import Dataset
    from finsim.dataset.recorder import ParquetRecorder
    from finsim.economy import Economy

Progress = Callable[[int, int, str], None]
"""Called with (days done, days in all, message)."""

MOST_OF_A_RUN = 0.05
"""Checkpoints may cost at most this share of the time (DESIGN section 10)."""


def default_output(scenario: Scenario) -> Path:
    """Return where a run is written unless told otherwise."""
    return Path("runs") / f"{scenario.name}-seed{scenario.seed}"


def run(
    scenario: Scenario | str = "baseline",
    out: str | Path | None = None,
    *,
    seed: int | None = None,
    overrides: Mapping[str, Any] | None = None,
    threads: int | None = None,
    partitions: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
    prepare: Callable[[Economy], None] | None = None,
) -> Dataset:
    """Simulate a scenario, write the data set and return it.

    Args:
        scenario: a `Scenario`, or the name or path of one.
        out: directory of the data set; `runs/<scenario>-seed<seed>` if None.
        seed: seed of the run.
        overrides: further parameters by dotted key.
        threads: threads that plan a day, in place of `run.threads`; the data do not depend on it.
        partitions: parts that owners are cut into, in place of `run.partitions`; there is one at least for each thread.
        resume: go on with an interrupted run where its last checkpoint was taken.
        overwrite: replace a data set that lies at `out`.
        progress: called after each simulated day.
        prepare: called with the economy before the first tick, to enlist agents, promote customers or add controls.

    Raises:
        ScenarioError: the scenario or an override is not allowed.
        OutputError: the output directory cannot be used.
        ResumeError: what lies there belongs to another run.
    """
    begun = time.perf_counter()
    execution = {"run.threads": threads, "run.partitions": partitions}
    config = scenario if isinstance(scenario, Scenario) else Scenario.load(scenario)
    config = config.replace(
        {**(overrides or {}), **{key: value for key, value in execution.items() if value is not None}}, seed
    )
    if any(model is not None for model in (config.banks.model, *(bank.model for bank in config.banks.institutions))):
        from finsim import models

        models.controls_of(config)  # whatever is wrong with a model is said before anything is written
    if config.banks.controls:
        from finsim.control_registry import load_control
        from finsim.seats import seat

        for name in config.banks.controls:
            seat(load_control(name))  # as with a model
    output = OutputDirectory(out if out is not None else default_output(config), overwrite=overwrite)
    output.check(resume=resume)
    about = {"seed": config.seed, "version": _version(), "scenario": config.hash}
    if resume and (complete := output.completed()) is not None:
        if (
            complete.get("scenario_hash") != config.hash
            or complete["seed"] != config.seed
            or complete["versions"]["finsim"] != about["version"]
        ):
            raise ResumeError(
                f"{output.final} is complete for another scenario, seed or version; give another --out, or --overwrite"
            )
        from finsim.dataset.reader import open_dataset

        return open_dataset(output.final)
    return _Run(config, output, about, progress or _silent, prepare).carry_out(resume, begun)


class _Run:
    """One run, from its first tick or its last checkpoint to the complete data set."""

    def __init__(
        self,
        config: Scenario,
        output: OutputDirectory,
        about: dict[str, Any],
        progress: Progress,
        prepare: Callable[[Economy], None] | None,
    ) -> None:
        self.config = config
        self.output = output
        self.about = about
        self.progress = progress
        self.prepare = prepare
        self.checkpoint_cost = 0.0

    def carry_out(self, resume: bool, begun: float) -> Dataset:
        days = self.config.run.days + self.config.run.warm_up_days
        self._announce(days)
        with _rare_collections(), self.output:
            self._run(resume, days, begun)
        from finsim.dataset.reader import open_dataset

        return open_dataset(self.output.final)

    def _run(self, resume: bool, days: int, begun: float) -> None:
        from finsim.dataset.context import export_context
        from finsim.dataset.recorder import ParquetRecorder
        from finsim.economy import Economy

        found = self.output.open(resume=resume)
        recorder = ParquetRecorder(self.output.partial, part_rows=self.config.run.part_rows)
        try:
            economy = Economy(self.config, recorder)
            recorder.bind(export_context(economy))
            if self.prepare is not None:
                self.prepare(economy)
            if found:
                self._resume(economy, recorder)
            self._simulate(economy, recorder, days)
            self._finish(economy, recorder, begun)
        finally:
            recorder.stop()

    def _announce(self, days: int) -> None:
        """Say that kernels are being compiled where they are not yet on this machine."""
        from finsim.compile import is_warm

        self.progress(
            0,
            days,
            "" if is_warm() else "compiling kernels, once per installation; this takes about half a minute",
        )

    def _resume(self, economy: Economy, recorder: ParquetRecorder) -> None:
        from finsim import checkpoint

        kept = checkpoint.read(self.output.partial, self.about)
        if kept is None:
            self.output.keep_only([])
            return
        content, arrays = kept
        recorder.restore(
            content["recorder"],
            {name.split("/", 1)[1]: array for name, array in arrays.items() if name.startswith("recorder/")},
        )
        checkpoint.reinstate(economy, content["values"], arrays)
        self.output.keep_only([part.path for part in recorder.parts])

    def _simulate(self, economy: Economy, recorder: ParquetRecorder, days: int) -> None:
        """Step through all ticks, with a checkpoint at some day's boundaries."""
        from finsim import checkpoint

        impossible = checkpoint.undeclared(economy)
        if impossible:
            self.progress(0, days, f"this run cannot be resumed: {', '.join(impossible)} declare no state")
        per_day = economy.clock.ticks_per_day
        start = last = time.perf_counter()
        every = self.config.run.checkpoint_seconds
        while not economy.is_over:
            for _ in range(per_day):
                economy.step()
            done = economy.tick // per_day
            self.progress(done, days, "")
            now = time.perf_counter()
            affordable = every == 0 or self.checkpoint_cost <= MOST_OF_A_RUN * (now - start)
            if not economy.is_over and not impossible and now - last >= every and affordable:
                checkpoint.write(self.output.partial, economy, recorder, self.about)
                last = time.perf_counter()
                self.checkpoint_cost += last - now

    def _finish(self, economy: Economy, recorder: ParquetRecorder, begun: float) -> None:
        """Write the manifest and give the directory its name."""
        from finsim import models
        from finsim.dataset import manifest, opening
        from finsim.summary import summarise

        seconds = time.perf_counter() - begun
        config = self.config
        from finsim.clock import date_of

        facts = manifest.RunFacts(
            scenario=config.to_dict(),
            scenario_name=config.name,
            scenario_hash=config.hash,
            seed=config.seed,
            first_day=config.run.start,
            last_day=date_of(economy.clock.end_day - 1),
            logins_exported=config.behaviour.login_sample,
            pending_labels=economy.underworld.pending,
            labels=_labels(self.output.partial, recorder),
            typologies=list(economy.underworld.positions),
            assumptions=config.assumptions(),
            models=models.facts(config),
            features=opening.describe(self.output.partial),
            summary=summarise(economy, recorder),
            timings={"seconds": seconds, "rows_per_second": recorder.rows["transactions"] / seconds},
        )
        parts = [part.to_dict() for part in recorder.parts]
        self.output.finalise(manifest.build(facts, rows=recorder.rows, content=recorder.content, parts=parts))


def _labels(directory: Path, recorder: ParquetRecorder) -> dict[str, dict[str, int]]:
    """Return how labels differ from the truth in the tables of a run that is over."""
    import polars as pl

    from finsim.dataset.label_account import account

    names = ("truth", "label_events", "labels_hidden")
    files = {name: [directory / part.path for part in recorder.parts if part.table == name] for name in names}
    return account(*(pl.scan_parquet(files[name], hive_partitioning=False) for name in names))


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Do not look for cyclic garbage during a run: it makes hardly any, and looking through all agents costs time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _version() -> str:
    import finsim

    return str(finsim.__version__)


def _silent(done: int, total: int, message: str) -> None:
    """Report nothing."""
