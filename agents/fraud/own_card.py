"""Drawing up a credit line: purchases with a card by whom it was issued to, at home and online, until nothing is left.

Shared by the typologies in which the holder of the account is the fraudster. Shops are those of thieves with stolen
cards, and some cash-like ones; devices are the holder's own, or one that a ring uses for several.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finsim import payments as pay
from finsim.agents.fraud.remote import category_weights
from finsim.clock import HOUR
from finsim.ids import NO_CODE, merchant_code, ring_code
from finsim.ledger import CREDIT_CARD, SLOTS
from finsim.rng import choose, to_normal

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

LARGE = (8.0, 5.5, 3.5)
"""Tickets of a draw against ordinary ones of the category by the careless, the usual and the careful (assumption: dear
goods are drawn first, by those in a hurry above all; a line of the size of BEHAVIOUR-032 is used up in days)."""
CASH_LIKE = 0.12
"""Draws at cash-like merchants, MCC 6051 (assumption: money transfer, prepaid cards, crypto)."""
REMOTE = 0.6
LEAST = 5_000
"""Cents of a credit line below which drawing ends."""


def draw_up(world: Underworld, campaign: Campaign, customer: int, at: int, stage: int) -> bool:
    """Submit one purchase on an identity's credit card; False where nothing worth while is left.

    Args:
        world: the underworld.
        campaign: the campaign it belongs to.
        customer: row of the identity.
        at: microseconds.
        stage: position in the typology's stages.
    """
    economy = world.economy
    left = world.identities.available(customer)
    if left < LEAST or economy.world.customers.data["credit_blocked"][customer]:
        return False
    names, places, categories = economy.world.category_names, economy.world.places, economy.world.habits.categories
    u, v, w = world.draw(campaign), world.draw(campaign), world.draw(campaign)
    cumulative = category_weights(world, campaign)
    category = int(choose(cumulative, u[0]))
    if v[0] < CASH_LIKE and "quasi_cash" in names:
        category = names.index("quasi_cash")
    k = categories[category]
    home = int(economy.world.customers.data["area"][customer])
    remote = v[1] < REMOTE or k["in_person"] < 0.02
    merchant = world.online_merchant(category, u[1]) if remote else world.shop(home, category, u[1])
    shop = places.merchants[merchant]
    z = float(to_normal(u[2:3])[0])
    dear = np.log(world.care(campaign).between(*LARGE)) + float(shop["price"])
    cents = int(np.exp(k["log_mean"] + dear + 0.7 * float(k["sigma"]) * z))
    cents = (cents // 100) * 100 + 99 if v[2] < 0.4 else cents
    cents = max(min(cents, 400_000, left if v[3] < 0.85 else left + 20_000), 500)
    row = world.request(campaign, customer, CREDIT_CARD, economy.ledger.merchant_base + merchant, cents, at, stage)
    row["payer"] = customer * SLOTS + CREDIT_CARD
    row["rail"], row["kind"], row["card"] = pay.CARD, pay.PURCHASE, economy.life.cards.code(customer, CREDIT_CARD)
    row["merchant"], row["mcc"], row["category"], row["country"] = merchant, shop["mcc"], category, shop["country"]
    row["terminal"] = merchant_code(merchant, int(w[0] * max(int(shop["terminals"]), 1)))
    row["authentication"] = pay.NO_AUTHENTICATION
    if remote:
        shared = w[1] < 0.25
        row["channel"] = pay.APP if w[2] < 0.35 else pay.ONLINE
        row["entry_mode"] = pay.ECOMMERCE if w[3] < 0.7 else pay.CARD_ON_FILE
        if w[3] > 0.92:
            row["entry_mode"], row["authentication"] = pay.TOKEN, pay.BIOMETRIC
        device = ring_code(max(campaign.ring, 0), int(w[1] * 160)) if shared else world.own_device(customer)
        row["device"] = device if u[3] < 0.75 else NO_CODE
        row["ip"], row["place"], row["country"] = world.own_ip(customer), home, 0
    else:
        row["channel"], row["entry_mode"] = pay.POS, pay.CONTACTLESS if w[1] < 0.4 else pay.CHIP
        if row["entry_mode"][0] == pay.CHIP and w[2] > 0.8:
            row["authentication"] = pay.SIGNATURE
    world.foreign_amount(row, int(shop["country"]))
    world.submit(row)
    return True


def next_draw(world: Underworld, campaign: Campaign, row: np.void, days: float) -> int | None:
    """Return when an identity draws again after an outcome, or None where it is given up.

    Args:
        world: the underworld.
        campaign: its campaign; `facts` hold `identity`, `declines`, `rows`.
        row: the outcome, one TRANSACTION.
        days: time in which the line is to be used up.
    """
    facts, u = campaign.facts, world.draw(campaign)
    if row["decision"] == pay.APPROVED:
        facts["rows"].append([int(row["transaction_id"]), int(row["timestamp"])])
    elif row["decision"] == pay.DECLINED:
        facts["declines"] += 1
        if facts["declines"] > 4:
            return None
    gap = days * 24.0 / 14.0 * float(-np.log(u[0]))
    hours = 60.0 if row["decline_reason"] == pay.BLOCKED else max(gap, 0.1)
    return world.opening(int(row["timestamp"]) + int(hours * HOUR), u[1])
