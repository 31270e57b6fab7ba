"""How a run is carried out: dates, ticks, seed; and what says how, but not what."""

from __future__ import annotations

import datetime as dt

from finsim.parameters.fields import Model, param


class Run(Model):
    """Dates, tick and seed of a run, and how it is executed."""

    start: dt.date = param(dt.date(2025, 1, 1), unit="date", doc="first exported day", source="design",
                           low=dt.date(2011, 1, 1), high=dt.date(2043, 12, 1))  # fmt: skip
    days: int = param(90, unit="day", doc="number of exported days", source="design", low=1, high=3650)
    warm_up_days: int = param(14, unit="day", doc="days simulated before the first exported one", source="design", low=0, high=365)
    tick_minutes: int = param(30, unit="minute", doc="length of a tick, a divisor of a day", source="design", low=1, high=360)
    seed: int = param(1, unit="", doc="seed of every random stream", source="design", low=0, high=2**63 - 1)
    threads: int = param(1, unit="", doc="threads that plan a day", source="design", low=1, high=256, execution=True)
    partitions: int = param(1, unit="", doc="parts that the owners are cut into", source="design", low=1, high=1024, execution=True)
    checkpoint_seconds: float = param(
        30.0, unit="second", doc="least time between two checkpoints; 0 means every day", source="design",
        low=0.0, high=1e9, execution=True)  # fmt: skip
    part_rows: int = param(262_144, unit="row", doc="rows of a Parquet part", source="design", low=1000, high=20_000_000, execution=True)
    feature_history: bool = param(
        False, unit="", doc="count running features until the export begins without a model too, so that training frames begin as warm as a model's",
        source="design", execution=True)  # fmt: skip
