"""The macro conditions of a run: month and weekday factors and shocks on time paths."""

from __future__ import annotations

from finsim.parameters.fields import Model, param


class Breach(Model):
    """A breach of merchants that leaks the cards used there."""

    day: int = param(..., unit="day", doc="exported day on which the leak ends and the cards are sold, from 0", source="design", low=0, high=3650)
    window_days: int = param(..., unit="day", doc="days before that during which cards leak", source="design", low=1, high=120)
    merchants: int = param(..., unit="merchant", doc="number of breached merchants, the largest ones first", source="design", low=1, high=1000)


class Market(Model):
    """Conditions that everybody shares."""

    month_factors: list[float] = param(
        [0.8956, 0.8823, 1.0121, 0.9809, 1.0465, 1.009, 1.0109, 1.0311, 0.96, 0.992, 1.0256, 1.154],
        unit="ratio", doc="purchases in each month against the year's mean, January first",
        source="season_month_factor_retail_ex_food_nsa_01_2015_2019")  # fmt: skip
    weekday_factors: list[float] = param(
        [0.14886, 0.13913, 0.14164, 0.14259, 0.14602, 0.15003, 0.13172],
        unit="share", doc="card payments by weekday, Monday first", source="us_dcp_day_of_week_share_card_mon_2017_2019")  # fmt: skip
    hour_factors: list[float] = param(
        [0.00584, 0.00334, 0.00418, 0.00395, 0.00346, 0.00868, 0.01394, 0.0271, 0.04394, 0.04576, 0.05926, 0.07763,
         0.09926, 0.08483, 0.07991, 0.07307, 0.07301, 0.08263, 0.06663, 0.05837, 0.03616, 0.02115, 0.01447, 0.01343],
        unit="share", doc="card payments by hour of the day", source="us_dcp_hour_of_day_share_card_00_2017_2019")  # fmt: skip
    credit_interest: float = param(0.22, unit="share/year", doc="interest on revolving card balances", low=0.0, high=1.0, source="assumption: US card rates of 2024")
    savings_interest: float = param(0.01, unit="share/year", doc="interest on savings accounts", low=0.0, high=1.0, source="assumption: large banks pay about one per cent")
    merchant_fee: float = param(0.021, unit="share", doc="merchant fee of a card sale", low=0.0, high=0.2, source="assumption: blended merchant discount rate")
    interchange: float = param(0.013, unit="share", doc="interchange of a card sale, from acquirer to issuer", low=0.0, high=0.2, source="assumption: blend of regulated debit and credit interchange")
    breaches: list[Breach] = param([], unit="", doc="breaches set by the scenario, besides those of the rings", source="design")
