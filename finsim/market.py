"""The market: what everybody shares on a day (month, weekday, holiday factors)."""

from __future__ import annotations

from dataclasses import dataclass

from finsim.clock import date_of, federal_holidays, weekday
from finsim.parameters.market import Market as MarketParameters


@dataclass(frozen=True)
class DayConditions:
    """What a day is like for everybody.

    Attributes:
        day: days since 1970-01-01.
        weekday: Monday 0 to Sunday 6.
        activity: factor of shopping trips.
        month_day: day of the month.
        month_length: days in the month.
        holiday: whether it is a federal holiday.
    """

    day: int
    weekday: int
    activity: float
    month_day: int
    month_length: int
    holiday: bool


class Market:
    """Month, weekday and holiday factors of the scenario.

    Args:
        parameters: the scenario's section `market`.
        holiday_effect: extra purchases on all days (scenarios of a peak season).
    """

    def __init__(self, parameters: MarketParameters, holiday_effect: float) -> None:
        self.parameters = parameters
        mean = sum(parameters.weekday_factors) / 7.0
        self._weekdays = [value / mean for value in parameters.weekday_factors]
        self._holiday_effect = holiday_effect

    def conditions(self, day: int) -> DayConditions:
        """Return the conditions of a day number."""
        date = date_of(day)
        following = (date.replace(day=28) + (date_of(4) - date_of(0))).replace(day=1)
        holiday = date in federal_holidays(date.year)
        # A federal holiday is shopped like a Sunday (assumption).
        shopped_like = 6 if holiday else weekday(day)
        factor = (
            self._weekdays[shopped_like] * self.parameters.month_factors[date.month - 1] * (1.0 + self._holiday_effect)
        )
        return DayConditions(
            day=day,
            weekday=weekday(day),
            activity=factor,
            month_day=date.day,
            month_length=(following - date.replace(day=1)).days,
            holiday=holiday,
        )
