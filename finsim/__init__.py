"""finsim: a simulated payment economy with fraud in the loop.

    import finsim

    data = finsim.run("tiny", out="runs/a", seed=7, overrides={"fraud.intensity": 2})
    data.transactions  # a Polars LazyFrame; so are data.truth, data.accounts, ...

Everything here is loaded when it is first asked for, so that `import finsim` costs milliseconds and none
of the libraries that a run needs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "DatasetError",
    "Economy",
    "FinsimError",
    "OutputError",
    "ResumeError",
    "Scenario",
    "ScenarioError",
    "__version__",
    "calibrate",
    "check",
    "diff",
    "evaluate",
    "info",
    "open_dataset",
    "run",
    "training_frame",
]

_HOMES = {
    "DatasetError": "finsim.errors",
    "Economy": "finsim.economy",
    "FinsimError": "finsim.errors",
    "OutputError": "finsim.errors",
    "ResumeError": "finsim.errors",
    "Scenario": "finsim.scenario",
    "ScenarioError": "finsim.errors",
    "calibrate": "finsim.calibration.calibrate",
    "check": "finsim.dataset.check",
    "diff": "finsim.dataset.diff",
    "evaluate": "finsim.evaluation.evaluate",
    "info": "finsim.dataset.info",
    "open_dataset": "finsim.dataset.reader",
    "run": "finsim.running",
    "training_frame": "finsim.dataset.training",
}
"""The module in which each public name lives."""

if TYPE_CHECKING:
    from finsim.calibration.calibrate import calibrate
    from finsim.dataset.check import check
    from finsim.dataset.diff import diff
    from finsim.dataset.info import info
    from finsim.dataset.reader import open_dataset
    from finsim.dataset.training import training_frame
    from finsim.economy import Economy
    from finsim.errors import DatasetError, FinsimError, OutputError, ResumeError, ScenarioError
    from finsim.evaluation.evaluate import evaluate
    from finsim.running import run
    from finsim.scenario import Scenario
else:

    def __getattr__(name: str) -> object:
        """Load a public name when it is first asked for (PEP 562)."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """List the public names, loaded or not."""
        return sorted(__all__)
