"""Who acts: customers, merchants, employers, banks, fraudsters and mules.

The names are loaded when they are first asked for: `from finsim.agents import Customer`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if __name__ != "finsim.agents":
    # From the repository's root the folder can be found as `agents`, which would load every class twice.
    raise ImportError(f"this folder is the package finsim.agents; import that instead of {__name__!r}")

__all__ = ["Bank", "Customer", "Employer", "Fraudster", "Merchant", "Mule"]

if TYPE_CHECKING:
    from finsim.agents.bank import Bank
    from finsim.agents.customer import Customer
    from finsim.agents.employer import Employer
    from finsim.agents.fraudster import Fraudster
    from finsim.agents.merchant import Merchant
    from finsim.agents.mule import Mule
else:

    def __getattr__(name: str) -> object:
        """Load an agent's class when it is first asked for (PEP 562); each lives in the module of its name."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{name.lower()}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """List the agents, loaded or not."""
        return sorted(__all__)
