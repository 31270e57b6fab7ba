"""Card fraud in person: purchases at tills and withdrawals with a found or a counterfeit card."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finsim import payments as pay
from finsim.ids import merchant_code
from finsim.ledger import CASH_ACCOUNT
from finsim.rng import choose, to_normal

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

SHOPS = {
    "grocery": 2.6,
    "convenience": 1.6,
    "fuel": 1.8,
    "fast_food": 1.6,
    "general_merchandise": 2.0,
    "electronics": 0.7,
    "clothing": 0.8,
    "pharmacy": 0.8,
    "restaurant": 0.9,
    "home_improvement": 0.4,
    "transport": 0.4,
    "entertainment": 0.3,
}
"""Weights of the categories in which found and counterfeit cards are used (assumption: where nobody asks)."""

DEARER = (1.4, 1.15, 0.8)
"""Log of tickets with found and counterfeit cards against ordinary ones, by careless, usual and careful thieves
(assumption: baskets that sell again)."""

KEYED, PROVISIONED = 0.05, 0.35
"""Uses of a copied card at a till in which its number is keyed in, and in which it was loaded into the mobile wallet of
a thief's telephone (assumption); the others are by magnetic stripe."""


def _area(world: Underworld, campaign: Campaign, customer: int, far: bool) -> int:
    if not far:
        return int(world.economy.world.customers.data["area"][customer])
    return int(campaign.facts.get("area", world.ring_area(max(campaign.ring, 0))))


def pay_in_person(
    world: Underworld, campaign: Campaign, customer: int, slot: int, code: int, at: int, stage: int, counterfeit: bool
) -> None:
    """Submit one purchase at a till.

    Args:
        world: the underworld.
        campaign: the campaign it belongs to.
        customer, slot, code: the cardholder, the card's account, its packed code.
        at: microseconds.
        stage: position in the typology's stages.
        counterfeit: a copy of the magnetic stripe, used where the ring is; else the card itself, near its owner's home.
    """
    economy = world.economy
    names, places = economy.world.category_names, economy.world.places
    u, v = world.draw(campaign), world.draw(campaign)
    cumulative = np.cumsum(
        np.array([SHOPS.get(name, 0.0) for name in names]) * world.experience(campaign.ring, "category", len(names))
    )
    category = int(choose(cumulative, u[0]))
    merchant = world.shop(_area(world, campaign, customer, counterfeit), category, u[1])
    if merchant < 0:
        return
    shop, k = places.merchants[merchant], economy.world.habits.categories[category]
    z = float(to_normal(u[2:3])[0])
    dearer = world.care(campaign).between(*DEARER)
    cents = int(np.exp(k["log_mean"] + dearer + 0.9 * float(k["sigma"]) * z + float(shop["price"])))
    cents = max(min(cents, 90_000), 100)
    row = world.request(campaign, customer, slot, economy.ledger.merchant_base + merchant, cents, at, stage)
    row["rail"], row["kind"], row["channel"], row["card"] = pay.CARD, pay.PURCHASE, pay.POS, code
    row["merchant"], row["mcc"], row["category"], row["country"] = merchant, shop["mcc"], category, shop["country"]
    row["terminal"] = merchant_code(merchant, int(u[3] * max(int(shop["terminals"]), 1)))
    if counterfeit:
        row["entry_mode"], row["authentication"] = pay.MAGSTRIPE, pay.SIGNATURE
        if v[1] < KEYED:
            row["entry_mode"], row["authentication"] = pay.KEYED, pay.NO_AUTHENTICATION
        elif v[1] < KEYED + PROVISIONED:
            row["entry_mode"], row["authentication"] = pay.TOKEN, pay.BIOMETRIC
            row["device"] = world.fresh_device(campaign, v[2])
            world.saw(int(row["device"][0]), at)
    else:
        row["entry_mode"] = pay.CONTACTLESS if v[0] < 0.6 else pay.CHIP
        row["authentication"] = pay.SIGNATURE if v[0] > 0.9 else pay.NO_AUTHENTICATION
    row["flags"] |= pay.THIEF
    world.foreign_amount(row, int(shop["country"]))
    world.submit(row)


def withdraw_cash(
    world: Underworld,
    campaign: Campaign,
    customer: int,
    code: int,
    at: int,
    stage: int,
    magstripe: bool,
    far: bool,
    cents: int = 0,
    laundering: bool = False,
) -> int:
    """Submit one withdrawal from the checking account at a cash machine, in multiples of 20; return its id.

    Args:
        world: the underworld.
        campaign: the campaign it belongs to.
        customer, code: the cardholder and the packed code of the debit card.
        at: microseconds.
        stage: position in the typology's stages.
        magstripe: by a copy of the magnetic stripe.
        far: where the ring is rather than near the owner's home.
        cents: amount; drawn if 0.
        laundering: a mule takes stolen money out of the own account.
    """
    economy = world.economy
    places = economy.world.places
    u = world.draw(campaign)
    machine = len(economy.world.category_names) - 1
    merchant = world.shop(_area(world, campaign, customer, far), machine, u[0])
    cents = cents or 2_000 * max(1, min(int(np.exp(2.0 + 0.7 * float(to_normal(u[1:2])[0]))), 30))
    row = world.request(campaign, customer, 0, int(economy.ledger.named[CASH_ACCOUNT]), cents, at, stage)
    row["rail"], row["kind"], row["channel"], row["card"], row["mcc"] = pay.CARD, pay.WITHDRAWAL, pay.ATM, code, 6011
    row["entry_mode"], row["authentication"] = pay.MAGSTRIPE if magstripe else pay.CHIP, pay.PIN
    if merchant >= 0:
        shop = places.merchants[merchant]
        row["merchant"], row["country"] = merchant, shop["country"]
        row["terminal"] = merchant_code(merchant, int(u[2] * max(int(shop["terminals"]), 1)))
        world.foreign_amount(row, int(shop["country"]))
    if laundering:
        row["truth"] = pay.IS_LAUNDERING
    else:
        row["flags"] |= pay.THIEF
    world.submit(row)
    return int(row["transaction_id"][0])
