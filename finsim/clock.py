"""Time: ticks, time of day, weekday, month, holidays and pay days.

The economy has one clock without zones or daylight saving. Times are int64 microseconds and days are
counted from 1970-01-01, so that a calendar day has the same random draws in every run.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
EPOCH = dt.date(1970, 1, 1)

EVENING_CLEARING = 17 * HOUR
MORNING_CLEARING = 8 * HOUR
"""Batch rails post at these two times of the day (assumption: two windows, as evening and next morning)."""
EVENING_CUT_OFF = 14 * HOUR
MORNING_CUT_OFF = 6 * HOUR
"""What is requested from the morning's cut-off to the evening's posts in the evening, the rest next morning."""


def day_number(date: dt.date) -> int:
    """Return days since 1970-01-01."""
    return (date - EPOCH).days


def date_of(day: int) -> dt.date:
    """Return the date of a day number."""
    return EPOCH + dt.timedelta(days=day)


def datetime_of(time: int) -> dt.datetime:
    """Return the naive datetime of a time in microseconds."""
    return dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=time)


def weekday(day: int) -> int:
    """Return the weekday of a day number, Monday 0 to Sunday 6 (1970-01-01 was a Thursday)."""
    return (day + 3) % 7


def federal_holidays(year: int) -> set[dt.date]:
    """Return the US federal holidays of a year (5 U.S.C. 6103), without their observed weekdays."""

    def nth(month: int, which: int, day_of_week: int) -> dt.date:
        first = dt.date(year, month, 1)
        return first + dt.timedelta(days=(day_of_week - first.weekday()) % 7 + 7 * (which - 1))

    last_of_may = dt.date(year, 5, 31)
    return {
        dt.date(year, 1, 1),
        nth(1, 3, 0),
        nth(2, 3, 0),
        last_of_may - dt.timedelta(days=last_of_may.weekday()),
        dt.date(year, 6, 19),
        dt.date(year, 7, 4),
        nth(9, 1, 0),
        nth(10, 2, 0),
        dt.date(year, 11, 11),
        nth(11, 4, 3),
        dt.date(year, 12, 25),
    }


def is_banking_day(day: int) -> bool:
    """Return True on weekdays that are not federal holidays."""
    date = date_of(day)
    return weekday(day) < 5 and date not in federal_holidays(date.year)


def next_banking_day(day: int) -> int:
    """Return the day itself if it is a banking day, else the next one."""
    while not is_banking_day(day):
        day += 1
    return day


def previous_banking_day(day: int) -> int:
    """Return the day itself if it is a banking day, else the one before."""
    while not is_banking_day(day):
        day -= 1
    return day


@dataclass(frozen=True)
class Clock:
    """The calendar of one run.

    Args:
        first_day: day number of the first simulated day, warm-up included.
        export_day: day number of the first exported day.
        end_day: day number after the last.
        tick: length of a tick in microseconds, a divisor of a day.
    """

    first_day: int
    export_day: int
    end_day: int
    tick: int

    @property
    def ticks_per_day(self) -> int:
        """Number of ticks in a day."""
        return DAY // self.tick

    @property
    def start(self) -> int:
        """Time at which the run starts, microseconds."""
        return self.first_day * DAY

    @property
    def end(self) -> int:
        """Time at which the run ends, microseconds."""
        return self.end_day * DAY

    def time_of(self, tick: int) -> int:
        """Return the time, in microseconds, at which a tick begins; ticks count from the run's start."""
        return self.start + tick * self.tick

    def day_of(self, tick: int) -> int:
        """Return the day number of a tick."""
        return self.first_day + tick // self.ticks_per_day
