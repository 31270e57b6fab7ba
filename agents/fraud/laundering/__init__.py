"""Laundering: patterns by which money from outside the economy is placed, moved and taken out. One file a typology."""

from __future__ import annotations

from finsim.agents.fraud.laundering.bipartite import Bipartite
from finsim.agents.fraud.laundering.cycle import Cycle
from finsim.agents.fraud.laundering.fan_in import FanIn
from finsim.agents.fraud.laundering.fan_out import FanOut
from finsim.agents.fraud.laundering.gather_scatter import GatherScatter
from finsim.agents.fraud.laundering.mule_cash_out import MuleCashOut
from finsim.agents.fraud.laundering.random_walk import RandomWalk
from finsim.agents.fraud.laundering.scatter_gather import ScatterGather
from finsim.agents.fraud.laundering.stack import Stack
from finsim.agents.fraud.laundering.structuring import Structuring
from finsim.agents.fraud.laundering.typology import LaunderingTypology

TYPOLOGIES: tuple[type[LaunderingTypology], ...] = (
    Structuring,
    FanIn,
    FanOut,
    Cycle,
    ScatterGather,
    GatherScatter,
    Bipartite,
    Stack,
    RandomWalk,
    MuleCashOut,
)
LAUNDERING: frozenset[str] = frozenset(typology.name for typology in TYPOLOGIES)
"""Names of the typologies of laundering."""

__all__ = ["LAUNDERING", "TYPOLOGIES", "LaunderingTypology"]
