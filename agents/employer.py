"""Employers: outside parties that pay wages and pensions on their pay days."""

from __future__ import annotations

from finsim.population import Column, ColumnAgent


class Employer(ColumnAgent):
    """An employer; its account lies outside the simulated institutions and has no limit."""

    account = Column("i4", doc="account row")
    size = Column("f8", doc="relative size")
    hour = Column("u1", unit="h", doc="hour of the early morning in which its pay file arrives")
