"""Sets of targets beside the American one: large enough, cited, measurable, and honest about what is held out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from finsim.calibration.simulation import simulated_moments
from finsim.calibration.target_sets import TargetSet, load_targets

pytestmark = pytest.mark.behaviour

SETS = ("mobile_money", "euro_uk")


def small(name: str, customers: int) -> TargetSet:
    """Return a set with a run that is small."""
    known = load_targets(name)
    return replace(known, overrides={**known.overrides, "population.customers": customers, "run.days": 15})


@pytest.mark.parametrize("name", SETS)
def test_a_set_has_enough_targets_with_sources(name: str) -> None:
    known = load_targets(name)
    assert len(known.fitted) >= 20
    assert len(known.held_out) >= 8
    assert not {one.call for one in known.fitted} & {one.call for one in known.held_out}
    assert all(one.citation and one.figure for one in known.targets)
    assert all(low < known.start[key] < high for key, (low, high) in known.bounds.items())


def test_moments_of_the_euro_area_follow_their_parameters() -> None:
    known = small("euro_uk", 900)
    base = simulated_moments(known, {})
    more = simulated_moments(known, {"behaviour.contactless_share": 0.2, "behaviour.contactless_limit": 30.0})
    place = {one.call: k for k, one in enumerate(known.targets)}
    assert np.isfinite(base).all()
    assert more[place["contactless_ticket()"]] < base[place["contactless_ticket()"]]
    assert more[place["contactless_share_of_tills()"]] < base[place["contactless_share_of_tills()"]] - 0.1
    shares = [base[place[call]] for call in place if call.startswith("trade_share")]
    assert 0.5 < sum(shares) <= 1.0


def test_moments_of_mobile_money_follow_their_parameters() -> None:
    known = small("mobile_money", 5000)
    base = simulated_moments(known, {})
    key = "behaviour.mobile_money.cash_out"
    more = simulated_moments(known, {f"{key}.per_month": 3.0, f"{key}.amount_mean": 120.0})
    place = {one.call: k for k, one in enumerate(known.targets)}
    assert np.isfinite(base).all()
    share, mean = "wallet_share_of_number(use=cash_out)", "wallet_ticket_mean(unit=2500.0, use=cash_out)"
    assert more[place[share]] > base[place[share]] + 0.1
    # A lognormal mean over hundreds of payments; some of the larger sums are not there and are not paid out.
    assert more[place[mean]] / base[place[mean]] == pytest.approx(120.0 / known.start[f"{key}.amount_mean"], rel=0.15)
    untouched = "wallet_ticket_mean(unit=2500.0, use=cash_in)"
    assert more[place[untouched]] == pytest.approx(base[place[untouched]], rel=1e-9)
