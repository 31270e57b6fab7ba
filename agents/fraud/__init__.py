"""Typologies: one file each. `registry()` finds the project's own and those of other distributions."""

from __future__ import annotations

from finsim.agents.fraud.registry import registry

__all__ = ["registry"]
