"""The scheduler: moves the legs of a pattern on, one part after the other, by what came of the parts before.

Its state stands in the campaign's facts: `accounts` of the roles, `cuts` that each keeps, `legs`, `start`, `open`
(transaction id to leg), `rows` of payments made (id, time, customer) and `known_at`, when an investigation is through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finsim import payments as pay
from finsim.agents.customer import COMPLICIT
from finsim.agents.fraud.aftermath import DONE, KEY, OPEN, after, fate
from finsim.agents.fraud.laundering import movement
from finsim.agents.fraud.laundering.pattern import TEST, Draws, Leg
from finsim.clock import HOUR, MINUTE
from finsim.ledger import SLOTS

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

LEAST = 500
"""Cents that nobody bothers to pass on any more."""
MOST_OF_A_CARD = 6
"""Withdrawals or purchases into which one leg is cut at most (assumption)."""
UNCOVERED_SPREAD = 0.5
"""Sigma of the log of the time until an investigation is through (assumption)."""
POLICE = 0.3
"""Investigations that are the police's; the others are a bank's own (assumption)."""
MOST_REFUSED = 2
"""Refused parts after which a leg is given up."""


def start(
    world: Underworld, campaign: Campaign, legs: list[Leg], accounts: list[int], cents: int, now: int
) -> int | None:
    """Begin a pattern: legs without sources have their money; return the time of the first of them.

    Args:
        world: the underworld.
        campaign: the campaign.
        legs: the pattern's edges.
        accounts: account row of each role.
        cents: what is brought in.
        now: microseconds.
    """
    draws = Draws(world, campaign)
    settings = world.settings
    cuts = [settings.mules.commission * (0.4 + 1.2 * draws()) for _ in accounts]
    campaign.facts = {
        "accounts": accounts, "cuts": cuts, "legs": legs, "start": now, "open": {}, "rows": [], KEY: OPEN,
    }  # fmt: skip
    tested = now
    for leg in sorted(legs, key=lambda leg: leg.stage != TEST):  # tests first: all else waits until they are made
        if leg.sources:
            continue
        at = now if leg.stage == TEST else tested
        _fund(world, campaign, leg, leg.planned if leg.planned > 0 else int(leg.share * cents), at, draws)
        if leg.stage == TEST:
            tested = max(tested, leg.due + MINUTE)
    return _next(campaign)


def act(world: Underworld, campaign: Campaign, now: int) -> int | None:
    """Make the parts that are due; return when the next one is."""
    facts = campaign.facts
    if 0 <= facts[KEY] <= now:
        _uncover(world, campaign, now)
        return None
    for k, leg in enumerate(facts["legs"]):
        if not leg.done and not leg.waiting and 0 <= leg.due <= now:
            _pay(world, campaign, k, leg, now)
    return _next(campaign)


def observe(world: Underworld, campaign: Campaign, row: np.void) -> int | None:
    """Take note of an outcome: a part that went through, was refused, or is held."""
    facts = campaign.facts
    number = int(row["related_id"] if row["flags"] & pay.RELEASE else row["transaction_id"])
    if number not in facts["open"] or row["decision"] == pay.HELD:
        return None
    leg = facts["legs"][facts["open"].pop(number)]
    leg.waiting = False
    facts["rows"].append([int(row["transaction_id"]), int(row["timestamp"]), int(row["owner"])])
    if row["decision"] == pay.APPROVED:
        leg.moved += int(row["amount"])
        leg.left -= 1
        leg.last = max(leg.last, int(row["posted_at"]))
        world.mule_market.used(int(row["owner"]))
        _continue(world, campaign, leg, int(row["timestamp"]))
    else:
        _refused(world, campaign, leg, row)
    return _next(campaign)


def _fund(world: Underworld, campaign: Campaign, leg: Leg, cents: int, at: int, draws: Draws) -> None:
    """Give a leg its money and its means, cut it into parts and find the time of the first."""
    facts, settings = campaign.facts, world.settings.laundering
    leg.planned = cents
    if cents < LEAST:
        _finish(world, campaign, leg)
        return
    at = max(at, facts["start"] + leg.earliest)
    leg.how = movement.means_of(world, leg, facts["accounts"], cents, at, draws)
    if leg.how == "unseen":
        leg.moved, leg.last = cents, at
        _finish(world, campaign, leg)
        return
    piece = movement.piece(leg.how, draws())
    most = settings.parts_most if not piece else MOST_OF_A_CARD
    piece = piece or int(100.0 * settings.part * (0.5 + draws()))
    leg.left = 1 if leg.single else max(1, min(-(-cents // piece), most))
    leg.due = movement.time_of(world, leg.how, leg, facts["accounts"], at, draws)


def _pay(world: Underworld, campaign: Campaign, position: int, leg: Leg, now: int) -> None:
    """Ask for one part: what is left divided by the parts, unevenly, as far as the payer has it."""
    facts = campaign.facts
    accounts = facts["accounts"]
    draws = Draws(world, campaign)
    rest = leg.planned - leg.moved
    cents = rest if leg.left <= 1 else int(rest / leg.left * (0.7 + 0.6 * draws()))
    if leg.payer >= 0 and accounts[leg.payer] < world.economy.ledger.customer_accounts:
        there = world.economy.ledger.accounts[accounts[leg.payer]]
        cents = min(cents, int(there["balance"] - there["reserved"]))
    elif world.economy.world.customers.data["frozen"][accounts[leg.payee] // SLOTS]:
        _finish(world, campaign, leg)  # nobody sends money to a frozen account
        return
    most = movement.piece(leg.how, draws())
    cents = movement.rounded(world, leg, accounts, min(cents, most) if most else cents, draws)
    number = movement.submit(world, campaign, leg, accounts, cents, now) if cents >= LEAST else 0
    if not number:
        _finish(world, campaign, leg)
        return
    leg.waiting = True
    facts["open"][number] = position


def _continue(world: Underworld, campaign: Campaign, leg: Leg, at: int) -> None:
    """Plan the next part, or end the leg."""
    if leg.left <= 0 or leg.planned - leg.moved < LEAST:
        _finish(world, campaign, leg)
        return
    draws = Draws(world, campaign)
    gap = int(HOUR * (0.1 + draws.exponential(9.0)))
    leg.due = movement.time_of(world, leg.how, leg, campaign.facts["accounts"], at + gap, draws)


def _refused(world: Underworld, campaign: Campaign, leg: Leg, row: np.void) -> None:
    """After a refusal try less, or give up; who is not in the know may stop being a mule."""
    draws = Draws(world, campaign)
    leg.refused += 1
    customer = int(row["owner"])
    data = world.economy.world.customers.data
    if data["mule_kind"][customer] != COMPLICIT and draws() < world.settings.laundering.quits:
        world.mule_market.dismiss(customer)
        leg.refused = MOST_REFUSED + 1
    if leg.refused > MOST_REFUSED or row["decline_reason"] == pay.BLOCKED:
        _finish(world, campaign, leg)
        return
    leg.planned = leg.moved + int(0.6 * (leg.planned - leg.moved))
    at = int(row["timestamp"]) + int(HOUR * (0.3 + draws.exponential(14.0)))
    leg.due = movement.time_of(world, leg.how, leg, campaign.facts["accounts"], at, draws)


def _finish(world: Underworld, campaign: Campaign, leg: Leg) -> None:
    """End a leg; legs all of whose sources have ended get their money after a rest."""
    leg.done, leg.due = True, -1
    facts = campaign.facts
    legs, settings = facts["legs"], world.settings.laundering
    for other in legs:
        if other.done or other.planned >= 0 or not other.sources or not all(legs[k].done for k in other.sources):
            continue
        draws = Draws(world, campaign)
        cut = facts["cuts"][other.payer]
        brought = sum(legs[k].moved for k in other.sources)
        rest = settings.dwell_hours * float(np.exp(settings.dwell_log_sigma * draws.normal()))
        last = max(legs[k].last for k in other.sources)
        at = max(last, facts["start"]) + int(min(rest, 20 * 24.0) * HOUR)
        _fund(world, campaign, other, int(brought * other.share * (1.0 - cut)), at, draws)
    if all(other.done for other in legs) and facts["rows"] and facts[KEY] == OPEN:
        _investigate(world, campaign)


def _investigate(world: Underworld, campaign: Campaign) -> None:
    """Draw whether an investigation will uncover the campaign, and when."""
    campaign.facts[KEY] = _uncovered_at(world, campaign)


def _uncovered_at(world: Underworld, campaign: Campaign) -> int:
    """Return when an investigation will have uncovered a campaign that is over, microseconds; DONE for never."""
    settings = world.settings.laundering
    if not campaign.facts["rows"] or fate(world, campaign)[0] >= settings.uncovered:
        return DONE
    last = max(at for _, at, _ in campaign.facts["rows"])
    return after(world, campaign, last, settings.uncovered_days, UNCOVERED_SPREAD)


def _source(world: Underworld, campaign: Campaign) -> str:
    """Return who uncovers a campaign."""
    return "police" if fate(world, campaign)[2] < POLICE else "analyst"


def wind_up(world: Underworld, campaign: Campaign) -> int | None:
    """Let nothing more move; return when an investigation uncovers what did, or None for never."""
    facts = campaign.facts
    facts["open"].clear()
    for leg in facts["legs"]:
        leg.done, leg.due = True, -1
    if facts[KEY] == OPEN:
        _investigate(world, campaign)
    return int(facts[KEY]) if facts[KEY] >= 0 else None


def foretell(world: Underworld, campaign: Campaign) -> tuple[int, str, str] | None:
    """Return when, by whom and how the payments will be labelled; None for never. What goes on counts as over."""
    at = campaign.facts[KEY]
    at = _uncovered_at(world, campaign) if at == OPEN else int(at)
    return (at, _source(world, campaign), "laundering") if at >= 0 else None


def _uncover(world: Underworld, campaign: Campaign, now: int) -> None:
    """Label every payment of the campaign; the banks close or warn its mules."""
    facts = campaign.facts
    economy = world.economy
    institution = economy.world.customers.data["institution"]
    source = _source(world, campaign)
    for number, at, customer in facts["rows"]:
        bank = economy.banks[int(institution[customer])]
        bank.claims.label(number, at, now, source, None, "laundering")
    for customer in dict.fromkeys(customer for _, _, customer in facts["rows"]):
        world.mule_market.caught(customer, now)
    facts[KEY] = DONE


def _next(campaign: Campaign) -> int | None:
    """Return when something is due next, or None while outcomes are awaited or all is over."""
    facts = campaign.facts
    due = [leg.due for leg in facts["legs"] if not leg.done and not leg.waiting and leg.due >= 0]
    if due:
        return int(min(due))
    return int(facts[KEY]) if facts[KEY] >= 0 else None
