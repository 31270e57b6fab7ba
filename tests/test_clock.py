"""The calendar: weekdays, holidays, banking days, ticks, and what a day is like."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finsim.clock import (
    DAY,
    Clock,
    date_of,
    datetime_of,
    day_number,
    federal_holidays,
    is_banking_day,
    next_banking_day,
    previous_banking_day,
    weekday,
)
from finsim.market import Market
from finsim.parameters.market import Market as MarketParameters

DATES = st.dates(dt.date(2010, 1, 1), dt.date(2099, 12, 31))


@given(DATES)
def test_days_agree_with_the_calendar(date: dt.date) -> None:
    day = day_number(date)
    assert date_of(day) == date
    assert weekday(day) == date.weekday()
    assert datetime_of(day * DAY + 1) == dt.datetime(date.year, date.month, date.day, 0, 0, 0, 1)


def test_federal_holidays_of_2025() -> None:
    expected = ["01-01", "01-20", "02-17", "05-26", "06-19", "07-04", "09-01", "10-13", "11-11", "11-27", "12-25"]
    assert sorted(day.strftime("%m-%d") for day in federal_holidays(2025)) == expected


@given(DATES)
def test_banking_days_are_weekdays_without_holidays(date: dt.date) -> None:
    day = day_number(date)
    before, after = previous_banking_day(day), next_banking_day(day)
    assert before <= day <= after
    assert is_banking_day(before)
    assert is_banking_day(after)
    assert not any(is_banking_day(other) for other in range(before + 1, after))
    assert is_banking_day(day) == (before == after)


@pytest.mark.parametrize("minutes", [1, 30, 90, 360])
def test_ticks_fill_days(minutes: int) -> None:
    clock = Clock(100, 102, 110, minutes * 60_000_000)
    assert clock.ticks_per_day * minutes == 1440
    assert clock.time_of(0) == clock.start == 100 * DAY
    assert clock.day_of(clock.ticks_per_day - 1) == 100
    assert clock.day_of(clock.ticks_per_day) == 101
    assert clock.time_of(10 * clock.ticks_per_day) == clock.end


@given(DATES)
def test_conditions_of_a_day(date: dt.date) -> None:
    parameters = MarketParameters()
    conditions = Market(parameters, 0.0).conditions(day_number(date))
    following = (date.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
    assert conditions.month_length == (following - date.replace(day=1)).days
    assert (conditions.month_day, conditions.weekday) == (date.day, date.weekday())
    assert conditions.holiday == (date in federal_holidays(date.year))
    assert Market(parameters, 0.5).conditions(day_number(date)).activity == pytest.approx(1.5 * conditions.activity)


def test_weekday_factors_are_relative() -> None:
    market = Market(MarketParameters(), 0.0)
    monday = day_number(dt.date(2025, 3, 3))
    week = [market.conditions(monday + k).activity for k in range(7)]
    assert sum(week) / 7 == pytest.approx(MarketParameters().month_factors[2])
