"""The parameters of a scenario: one pydantic model a section, each value with unit, bounds, meaning and source."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from finsim.parameters.banks import Banks
from finsim.parameters.behaviour import Behaviour
from finsim.parameters.consistency import check_consistency
from finsim.parameters.fields import Model, param
from finsim.parameters.fraud import Fraud
from finsim.parameters.market import Market
from finsim.parameters.population import Population
from finsim.parameters.run import Run

__all__ = ["Banks", "Behaviour", "Fraud", "Market", "Model", "Parameters", "Population", "Run"]


class Parameters(Model):
    """Everything that defines a run."""

    run: Run = param(Run(), unit="", doc="dates, ticks, seed, execution", source="design")
    population: Population = param(Population(), unit="", doc="who lives in the economy", source="design")
    behaviour: Behaviour = param(..., unit="", doc="how genuine customers behave", source="design")
    market: Market = param(Market(), unit="", doc="conditions that everybody shares", source="design")
    banks: Banks = param(..., unit="", doc="institutions and their controls", source="design")
    fraud: Fraud = param(Fraud(), unit="", doc="rings and typologies", source="design")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        """Refuse values that contradict each other."""
        check_consistency(self)
        return self
