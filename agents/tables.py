"""From the scenario's parameters to the tables that kernels read."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from finsim.agents.world import BEHAVIOUR, RULES
from finsim.parameters import Parameters
from finsim.parameters.banks import Banks
from finsim.parameters.behaviour import Behaviour, Category
from finsim.payments import CURRENCIES

EXCHANGE_RATES = {
    "USD": 1.0,
    "CAD": 1.37,
    "MXN": 18.3,
    "GBP": 0.78,
    "EUR": 0.92,
    "JPY": 151.0,
    "BRL": 5.4,
    "THB": 35.3,
    "RON": 4.6,
    "NGN": 1480.0,
    "CNY": 7.2,
}
"""Units of a currency for one of the home currency (assumption: rounded rates of 2024, constant over a run)."""

PARTS = 2.1
"""Mean parts of a payment that is made in parts, of those that fall within its three days (as `plan_pooling` draws)."""

AMOUNT_TILTS = np.array(
    [
        [1.60, 1.10, 0.66, 0.43, 0.36],
        [0.88, 1.07, 1.19, 1.03, 0.82],
        [0.80, 1.01, 1.20, 1.23, 0.88],
        [0.15, 0.55, 0.90, 1.60, 2.40],
        [0.4, 0.7, 0.9, 1.2, 1.6],
    ]
).T
"""Weights of (cash, debit, credit, check, bank) in each amount band against all bands; square roots of the diary's
ratios us_dcp_pi_share_given_amount_* for cash, and the ratios for the others, since categories carry a part."""

BAND_AMOUNTS = (5.0, 16.0, 35.0, 70.0, 180.0, 800.0)
"""A typical amount of each band, USD; the diary's last band, above 100, is cut at 400."""

INCOME_TILTS = np.array(
    [
        [1.42, 1.22, 1.0, 0.86, 0.77],
        [1.0, 1.08, 1.17, 1.11, 0.81],
        [0.50, 0.56, 0.80, 1.04, 1.50],
        [1.0] * 5,
        [0.85, 0.95, 1.0, 1.05, 1.1],
    ]
).T
"""The same for income bands (us_dcp_pi_share_given_hh_income_*: the diary's share against the mean)."""

HOLDING = np.array([1.3, 0.82, 1.45, 1.5, 1.0])
"""Corrects the weights of (cash, debit, credit, check, bank) for people who lack a card and for the spread of their own
tilts (assumption: adjusted by hand until a run's mix is near the published one; calibration will fit it)."""

HOUR_SHAPES = {
    "day": [(0, 7, 0.02), (7, 9, 0.5), (9, 21, 1.0), (21, 24, 0.15)],
    "meal": [(0, 5, 0.2), (5, 10, 0.9), (10, 11, 0.7), (11, 14, 1.5), (14, 17, 0.7), (17, 21, 1.4), (21, 24, 0.7)],
    "evening": [(0, 3, 1.0), (3, 10, 0.05), (10, 16, 0.5), (16, 24, 1.6)],
    "round_the_clock": [(0, 24, 1.0)],
    "office": [(0, 7, 0.02), (7, 18, 1.2), (18, 20, 0.3), (20, 24, 0.02)],
}
"""How likely a category is at an hour against others (assumption: opening hours and meals)."""

REMOTE_HOURS = np.array(
    [
        1.6,
        1.0,
        0.7,
        0.5,
        0.4,
        0.6,
        1.2,
        2.2,
        3.2,
        4.2,
        5.0,
        5.2,
        5.4,
        5.0,
        4.8,
        4.8,
        5.0,
        5.2,
        5.6,
        6.4,
        7.2,
        7.0,
        5.2,
        3.2,
    ]
)
"""Weights of the hours for what is done from home (assumption: flatter than trips, with an evening peak)."""

ELDER = 70
"""Age from which challenges are failed oftener."""
FAVOURITES_MAX = 8


def hour_shape(name: str) -> NDArray[np.float64]:
    """Return the weight of each hour, (24,) float64."""
    out = np.zeros(24)
    for first, last, weight in HOUR_SHAPES[name]:
        out[first:last] = weight
    return out


def purchases(parameters: Parameters) -> list[Category]:
    """Return the categories that are bought on the way, in order; bills have share 0 on a trip."""
    return list(parameters.behaviour.fitted_categories().values())


def amount_tilts(behaviour: Behaviour) -> NDArray[np.float64]:
    """Return the weights of (cash, debit, credit, check, bank) in each amount band, (6, 5): the diary's, and beyond."""
    tilts = np.vstack([AMOUNT_TILTS, AMOUNT_TILTS[-1]])
    distance = np.log(np.array(BAND_AMOUNTS) / BAND_AMOUNTS[2])
    tilts[:, 0] *= np.exp(-behaviour.cash_amount_tilt * np.maximum(distance, 0.0))
    tilts[:, 1] *= np.exp(-behaviour.credit_amount_tilt * distance)
    tilts[:, 2] *= np.exp(behaviour.credit_amount_tilt * distance)
    tilts[:, 3] *= np.exp(behaviour.check_amount_tilt * distance)
    return tilts


def means_weights(parameters: Parameters) -> NDArray[np.float64]:
    """Return weights of (cash, debit, credit, check, bank), (K, 2, 6, 5, 5) by (category, remote, amount, income).

    The diary's means by payee are re-weighted to the mix of 2024 (shares of cash, debit and credit).
    """
    b = parameters.behaviour
    base = np.array([[k.cash, k.debit_card, k.credit_card, k.check, k.bank] for k in purchases(parameters)])
    share = np.array([k.share for k in purchases(parameters)])
    mix = (base * share[:, None]).sum(axis=0) / share.sum()
    wanted = np.array([b.cash_share, b.debit_share, b.credit_share])
    factor = np.array([*(wanted / mix[:3]), b.check_factor, b.bank_factor]) * HOLDING
    amount, income = amount_tilts(b), INCOME_TILTS.copy()
    income[:, 0] **= b.cash_income_tilt
    income[:, 2] **= b.credit_income_tilt
    weights = np.empty((len(base), 2, len(amount), 5, 5))
    for remote in (0, 1):
        allowed = np.array([0.0, 1.0, 1.0, 0.15, 1.3]) if remote else np.array([1.0, 1.0, 1.0, 1.0, 0.25])
        weights[:, remote] = (
            (base * factor * allowed)[:, None, None, :] * amount[None, :, None, :] * income[None, None, :, :]
        )
    weights[..., 1] += 1e-9
    return weights


def habit_tables(parameters: Parameters, categories: NDArray[np.void]) -> dict[str, Any]:
    """Return the arrays of `world.Habits` other than categories and behaviour."""
    hours = np.array(parameters.market.hour_factors)
    kinds = purchases(parameters)
    share = np.array([0.0 if k.bill else k.share for k in kinds])
    shapes = np.stack([hour_shape(k.hours) for k in kinds], axis=1)
    by_hour = shapes * share[None, :]
    # Keep each category's share over the whole day: weight its hours by how many trips happen then.
    kept = (by_hour / by_hour.sum(axis=1, keepdims=True) * (hours / hours.sum())[:, None]).sum(axis=0)
    by_hour *= np.where(kept > 0, share / share.sum() / np.maximum(kept, 1e-12), 0.0)[None, :]
    ranks = np.arange(1, FAVOURITES_MAX + 1, dtype=float) ** -parameters.behaviour.favourite_exponent
    favourite = np.cumsum(np.tile(ranks, (FAVOURITES_MAX + 1, 1)), axis=1)
    return {
        "hours": np.cumsum(hours),
        "remote_hours": np.cumsum(REMOTE_HOURS),
        "category_by_hour": np.cumsum(by_hour, axis=1),
        "means": means_weights(parameters),
        "favourite_cumulative": favourite,
        "exchange_rate": np.array([EXCHANGE_RATES[name] for name in CURRENCIES]),
    }


def mean_ticket(parameters: Parameters) -> tuple[float, float]:
    """Return the mean amount of a purchase, cents at the run's prices, and the share of payments that are purchases."""
    kinds = [k for k in purchases(parameters) if not k.bill]
    share = np.array([k.share for k in kinds])
    mean = np.array([np.exp(k.log_mean + k.log_sigma**2 / 2) for k in kinds])
    return float(100 * parameters.behaviour.price_level * (share @ mean) / share.sum()), float(share.sum())


def rule_table(banks: Banks, day: int) -> NDArray[np.void]:
    """Return the institutions' rules on an exported day, (I,) RULES; amounts in cents."""
    institutions = banks.institutions_on(day)
    table = np.zeros(len(institutions), dtype=RULES)
    for row, bank in zip(table, institutions, strict=True):
        row["velocity"], row["decline_velocity"] = bank.velocity_limit, bank.decline_velocity_limit
        row["merchant_test"] = bank.merchant_test_limit
        row["firm"], row["wealthy"] = banks.firm_limits, banks.wealthy_limits
        row["model_decline"], row["model_hold"], row["model_challenge"] = banks.thresholds(bank, day)
        own = bank.control_group_share
        row["control_group"] = banks.control_group_share if own is None else own
        for field, value in (
            ("remote_amount", bank.remote_amount_limit),
            ("foreign_amount", bank.foreign_amount_limit),
            ("new_payee", bank.new_payee_limit),
            ("new_payee_hold", bank.new_payee_hold),
            ("new_device", bank.new_device_limit),
            ("alert_amount", bank.alert_amount),
            ("cash_machine", bank.cash_machine_limit),
            ("card_day", bank.card_day_limit),
            ("transfer_day", bank.transfer_day_limit),
            ("new_payee_day", bank.new_payee_day_limit),
            ("cooling_off", bank.cooling_off_amount),
        ):
            row[field] = round(100 * value)
    return table


def behaviour_record(parameters: Parameters) -> NDArray[np.void]:
    """Return the scalars that kernels read, (1,) BEHAVIOUR."""
    b, banks, market = parameters.behaviour, parameters.banks, parameters.market
    record = np.zeros(1, dtype=BEHAVIOUR)
    values = {
        "purchases_per_trip": b.purchases_per_trip,
        "exploration": b.exploration,
        "adoption": b.adoption,
        "near": b.near_share,
        "foreign_online": b.foreign_online_share,
        "trips_away": b.trips_away_per_year,
        "journey_days": b.journey_days,
        "abroad": b.abroad_share,
        "mobile_wallet": b.mobile_wallet_share,
        "contactless": b.contactless_share,
        "contactless_limit": b.contactless_limit,
        "magstripe": b.magstripe_share,
        "keyed": b.keyed_share,
        "three_d_secure": b.three_d_secure_share,
        "card_on_file": b.card_on_file_share,
        "tip": b.tip_share,
        "mistype": b.mistype_rate,
        "one_sitting": b.one_sitting_share,
        "other_device": b.other_device_share,
        "borrowed_device": b.borrowed_device_share,
        "wrong_pin": b.wrong_pin_rate,
        "verification": b.verification_rate,
        "retry": b.retry_rate,
        "tight_days": b.tight_days,
        "tight_skip": b.tight_skip,
        "dry_skip": b.dry_skip,
        "transfer_log_mean": np.log(b.transfer_mean) - b.transfer_log_sigma**2 / 2,
        "transfer_sigma": b.transfer_log_sigma,
        "transfer_round": b.transfer_round_share,
        "instant": b.instant_share,
        "new_payee": b.new_payee_rate,
        "large_transfers": b.large_transfers_per_year,
        "pay_day": b.pay_day_effect,
        "other_income": parameters.population.other_income_share,
        "other_income_mean": 100.0 * parameters.population.other_income_mean,
        "remote_factor": b.remote_factor,
        "challenge_owner": banks.challenge_pass_owner,
        "challenge_thief": banks.challenge_pass_thief,
        "challenge_abandon": banks.challenge_abandon,
        "challenge_elder": banks.challenge_elder_factor,
        "challenge_warned": banks.challenge_warned,
        "elder_year": parameters.run.start.year - ELDER,
        "elsewhere": banks.friction_elsewhere,
        "leave": banks.friction_leave,
        "overdraft_fee": round(100 * banks.overdraft_fee),
        "credit_interest": market.credit_interest,
        "savings_interest": market.savings_interest,
        "cash_mean": 100 * parameters.population.cash_on_person,
        "projects": b.occasions.projects_per_year,
        "project_median": b.occasions.project_median,
        "project_sigma": b.occasions.project_log_sigma,
        "investors": b.occasions.investors,
        "invest_median": b.occasions.invest_median,
        "remitters": b.occasions.remitters,
        "remit_median": b.occasions.remit_median,
        "raised_from": 100.0 * b.occasions.raised_from,
        "raised_share": b.occasions.raised_share,
        "holders": b.occasions.holders,
        "withdrawals": b.occasions.withdrawals_per_year,
        "drawn_median": b.occasions.withdrawal_median,
        "drawn_sigma": b.occasions.withdrawal_log_sigma,
        "from_sellers": b.occasions.from_sellers_per_year,
        "seller_median": b.occasions.seller_median,
        "seller_sigma": b.occasions.seller_log_sigma,
        "supplier_new": b.occasions.supplier_new,
        "supplier_change": b.occasions.supplier_change_years,
        "group_share": b.pooling.group_share,
        "forwards": b.pooling.forwards_per_year,
        "forward_hours": b.pooling.forward_hours,
        "in_parts": 12.0 * b.transfers_per_month * b.pooling.parts_share / PARTS,
        "parts_hours": b.pooling.parts_hours,
        "large_credits": b.pooling.large_credits_per_year,
        "deposits": b.pooling.deposits_per_year,
        "second_bank": b.pooling.second_bank,
        "own_transfers": b.pooling.own_transfers_per_year,
        "staff_share": b.pooling.staff_share,
        "circle_share": b.pooling.circle_share,
        "sweep_share": b.pooling.sweep_share,
        "cash_firms": b.pooling.cash_share,
        "just_below": b.pooling.just_below,
    }
    for name, value in values.items():
        record[name] = value
    return record
