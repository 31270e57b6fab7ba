"""Money that victims of long scams raise: they draw on retirement savings, or borrow, once the accounts are empty.

Fraudsters are after "the retirement funds, it's maybe life insurance proceeds, but it's also homes and cars" (K.
Stokes, AARP Fraud Watch Network, on the Federal Trade Commission's report on older adults, Boston 25 News).
What is raised comes as a genuine transfer of the victim's own money, from the funds and lenders from which others are
paid before they buy a car or a house (`finsim.agents.plan_occasions`). Few go so far, and only who is deep in it and
has paid in this run: the row exists for no other reason than the fraud, and that payment is what explains it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from finsim import payments as pay
from finsim.agents.plan_occasions import BORROWED
from finsim.clock import DAY, HOUR
from finsim.ledger import FUNDS, LENDERS, SLOTS
from finsim.rng import Purpose, to_normal

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

NEST_EGGS = ((35, 1_888_000), (45, 4_500_000), (55, 11_500_000), (65, 18_500_000), (200, 20_000_000))
"""Below which age, and the median of retirement accounts of those who have one, cents:
us_hou_retirement_account_median_age_*_2022."""
NEST_EGG_LOG_SIGMA = 1.45
"""Spread of their log within an age (derived: sqrt(2 ln(mean / median)) of the figures by age of the same source)."""
CREDIT_MONTHS = 3.0
"""Months of income that anybody can borrow (assumption: a usual personal loan, or what a car is sold for)."""
DEEP = 3
"""Payments after which a victim raises money (assumption: what is gone by then is more than anybody likes to admit)."""
LEAST_MISSING, LEAST_RAISED = 50_000, 100_000
"""Cents that have to be missing, and that one withdrawal or loan is at least."""


def reserves(world: Underworld, customer: int) -> int:
    """Return what a person could raise beside what lies on the accounts, cents: a nest egg, for some, and a loan."""
    economy = world.economy
    data = economy.world.customers.data
    age = economy.year - int(data["birth_year"][customer])
    holds = float(economy.streams.one(Purpose.OCCASION, customer)[3])
    z = float(to_normal(economy.streams.one(Purpose.OCCASION, customer, draw=12)[0:1])[0])
    median = next(cents for below, cents in NEST_EGGS if age < below)
    egg = median * float(np.exp(NEST_EGG_LOG_SIGMA * z))
    loan = CREDIT_MONTHS * float(data["income_cents"][customer])
    return int(loan + egg * (holds < float(economy.world.habits.behaviour["holders"][0])))


def could_raise(world: Underworld, campaign: Campaign, settings: Any) -> int:
    """Return what the victim of a campaign is still ready to raise, cents; decided once."""
    if "could_raise" not in campaign.facts:
        u = world.draw(campaign)
        ready = u[0] < settings.raises
        campaign.facts["could_raise"] = int(settings.raised_share * u[1] * reserves(world, campaign.victim)) * ready
    return int(campaign.facts["could_raise"])


def raise_missing(world: Underworld, campaign: Campaign, missing: int, now: int, settings: Any) -> int:
    """Let a victim who has paid several times raise what is missing for the next payment.

    Args:
        world: the underworld.
        campaign: the campaign; its facts say whether money was raised for this payment already.
        missing: cents.
        now: microseconds.
        settings: parameters of the typology, with `raises` and `raised_share`.

    Returns:
        the time at which the payment can be made: now, or when the money is there.
    """
    facts = campaign.facts
    paid = facts.get("paid", 0)
    if facts.pop("raised", False) or not paid or paid + facts["before"] < DEEP or missing < LEAST_MISSING:
        return now
    cents = min(missing, could_raise(world, campaign, settings))
    if cents < LEAST_RAISED:
        return now
    u, v = world.draw(campaign), world.draw(campaign)
    step = 100 if u[0] < 0.2 else (5_000 if u[0] < 0.5 else 10_000)
    cents = (cents + step - 1) // step * step
    facts["raised"], facts["could_raise"] = True, facts["could_raise"] - cents
    arrives = (now // DAY + 1 + int(4.0 * u[1])) * DAY + int((1.0 + 5.0 * u[2]) * HOUR)
    _bring(world, campaign, cents, arrives, LENDERS if u[3] < BORROWED else FUNDS)
    return world.evening(arrives + int((1.0 + 3.0 * v[0]) * DAY), v[1], v[2])


def _bring(world: Underworld, campaign: Campaign, cents: int, at: int, source: int) -> None:
    """Submit the transfer from a fund or a lender, as `finsim.agents.plan_occasions.bring` plans it."""
    row = world.request(campaign, campaign.victim, 0, campaign.victim * SLOTS, cents, at, 0)
    row["payer"], row["slot"] = int(world.economy.ledger.named[source]), pay.NONE
    row["rail"], row["kind"], row["channel"], row["flags"] = pay.ACH, pay.TRANSFER, pay.BATCH, pay.FORCED
    row["truth"], row["campaign"], row["stage"] = 0, -1, pay.NONE
    world.submit(row)
