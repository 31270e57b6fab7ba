"""A run in memory and its moments: what calibration calls a simulation."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from finsim.calibration.target_sets import TargetSet
from finsim.errors import FinsimError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class SimulationError(FinsimError):
    """A run that calibration asked for cannot be made, or does not show what is to be measured."""


def simulated_moments(
    target_set: TargetSet, values: Mapping[str, float], seed: int | None = None
) -> NDArray[np.float64]:
    """Run the economy of a set of targets in memory and return all its moments.

    The same values and seed give the same moments to the bit. With one seed for all values, customers keep their draws,
    so that moments move smoothly with the values.

    Args:
        target_set: the targets, the scenario and the settings of the run.
        values: values by dotted key; those that are not given stay as the scenario has them.
        seed: seed of the run; that of the set if None.

    Returns:
        the moments of `target_set.targets`, fitted and held out, (n,) float64.

    Raises:
        SimulationError: the values are not allowed, or the run shows nothing to measure a moment by.
    """
    try:
        return _measured(target_set, values, seed)
    finally:
        gc.collect()  # an economy is a circle of references; several dead ones would fill the memory of a worker


def _measured(target_set: TargetSet, values: Mapping[str, float], seed: int | None) -> NDArray[np.float64]:
    import numpy as np

    from finsim.calibration.frames import Tables, Views
    from finsim.calibration.moments import compute
    from finsim.dataset.context import export_context
    from finsim.dataset.memory import MemoryRecorder
    from finsim.economy import Economy

    overrides: dict[str, Any] = {**target_set.overrides, **{key: float(value) for key, value in values.items()}}
    recorder = MemoryRecorder()
    try:
        economy = Economy(target_set.scenario, recorder, **overrides, seed=target_set.seed if seed is None else seed)
        recorder.bind(export_context(economy))
        while not economy.is_over:
            economy.step()
    except FinsimError as error:
        raise SimulationError(f"{target_set.name}: the run cannot be made: {error}") from None
    run = economy.config.run
    views = Views(Tables.of_recorder(recorder, run.start, run.days))
    moments = compute(views, [(one.moment, one.arguments) for one in target_set.targets])
    for target, value in zip(target_set.targets, moments, strict=True):
        if not np.isfinite(value):
            raise SimulationError(f"{target_set.name}: nothing in the run measures {target.id} ({target.call})")
    return moments
