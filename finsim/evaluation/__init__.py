"""How a data set stands up to scrutiny: how hard its fraud is to find, what gives it away, and what it costs.

Everything here reads data sets only. `finsim.evaluate` is the door.
"""

from __future__ import annotations
