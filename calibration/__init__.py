"""Published figures and how the economy is held against them."""

from __future__ import annotations

if __name__ != "finsim.calibration":
    # From the repository's root the folder can be found as `calibration`, which would load everything twice.
    raise ImportError(f"this folder is the package finsim.calibration; import that instead of {__name__!r}")
