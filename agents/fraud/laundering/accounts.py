"""Casting: which accounts take the roles of a pattern: mules and fronts among the customers, persons at other banks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finsim.agents.fraud.laundering.pattern import ANYWHERE, INSIDE, Draws
from finsim.ledger import SLOTS

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

BOOK = 10
"""Accounts at other banks that a ring keeps using (assumption: a crew has some helpers and own accounts)."""
KNOWN = 0.85
"""Payments to and from other banks that go over these accounts (assumption)."""
OWN_FIRST = 0.6
"""How strongly a ring prefers its own mules to those that it borrows from other herders (assumption)."""


WORN = 0.04
"""How much less an account is wanted for each payment it has moved: herders spread the risk (assumption)."""


def cast_accounts(world: Underworld, campaign: Campaign, roles: list[str], draws: Draws) -> list[int] | None:
    """Return one account row for each role, no two the same; None where there are too few customers to ask.

    Args:
        world: the underworld.
        campaign: whose ring asks.
        roles: INSIDE, ANYWHERE or OUTSIDE.
        draws: the campaign's uniforms.
    """
    pool = _mules(world, campaign.ring, draws) if roles.count(INSIDE) + roles.count(ANYWHERE) else []
    spare = len(pool) - roles.count(INSIDE)
    if spare < 0:
        return None
    accounts: list[int] = []
    for role in roles:
        inside = role == INSIDE
        if role == ANYWHERE and spare > 0 and draws() >= world.settings.laundering.outside:
            inside, spare = True, spare - 1
        account = pool.pop() * SLOTS if inside else elsewhere(world, campaign.ring, draws)
        for _ in range(20):
            if account not in accounts:
                break
            account = elsewhere(world, campaign.ring, draws)
        accounts.append(account)
    return accounts


def _mules(world: Underworld, ring: int, draws: Draws) -> list[int]:
    """Return the customers who work as mules, the most wanted last: own and unworn ones first."""
    data = world.economy.world.customers.data
    ranked = []
    for mule in world.mule_market.working():
        keen = draws() + OWN_FIRST * (data["mule_ring"][mule] == ring) - WORN * min(int(data["mule_jobs"][mule]), 50)
        ranked.append((keen, mule))
    return [mule for _, mule in sorted(ranked)]


def elsewhere(world: Underworld, ring: int, draws: Draws) -> int:
    """Return an account at another bank: mostly one that the ring has used before."""
    ledger = world.economy.ledger
    persons = ledger.outside.persons
    u = draws()
    if draws() < KNOWN:
        return int(ledger.person_base + (ring * 37 + int(u * BOOK)) * 2_654_435_761 % persons)
    return int(ledger.person_base + int(u * persons))
