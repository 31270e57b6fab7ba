"""Remote card fraud: what a thief buys with card details, shared by the typologies that use them.

Amounts, shops and hours are drawn from the same tables as genuine purchases, tilted towards what can be
resold; the device is the thief's, the IP address often a proxy in the victim's own area.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.ids import merchant_code, ring_code
from finsim.rng import to_normal

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

RESALE = {
    "online_marketplace": 4.0,
    "electronics": 1.5,
    "general_merchandise": 1.3,
    "clothing": 1.2,
    "digital_goods": 1.6,
    "airline": 0.25,
    "home_improvement": 0.6,
    "grocery": 0.5,
    "fast_food": 0.9,
    "entertainment": 0.7,
    "taxi_delivery": 0.4,
    "hotel": 0.15,
    "pharmacy": 0.4,
}
"""Weights of the categories in which thieves buy remotely (assumption: resaleable goods first, subscriptions, travel
and food delivery after; every category that genuine customers buy remotely occurs)."""
PROXY_SHARE = 0.62
"""Remote attempts through an IP address in the victim's own area (assumption: bought proxies)."""
FOREIGN_SHARE = 0.16
"""Remote attempts at merchants abroad (assumption: cross-border use is more frequent than genuine)."""


def category_weights(world: Underworld, ring: int) -> np.ndarray:
    """Return the cumulative weights, (K,) float64, by which a ring buys; what was declined is tried less."""
    base = _resale(tuple(world.economy.world.category_names))
    return np.asarray(np.cumsum(base * world.experience(ring, "category", len(base))))


@lru_cache(maxsize=8)
def _resale(names: tuple[str, ...]) -> NDArray[np.float64]:
    """Return the weight of each category, (K,) float64."""
    return np.array([RESALE.get(name, 0.0) for name in names])


def buy_remotely(
    world: Underworld,
    campaign: Campaign,
    customer: int,
    slot: int,
    code: int,
    at: int,
    stage: int,
    factor: float,
    small: bool = False,
) -> int:
    """Submit one remote purchase with stolen details; return its amount in cents.

    Args:
        world: the underworld.
        campaign: the campaign it belongs to.
        customer, slot: the cardholder and the card's account.
        code: packed code of the card as it was stolen.
        at: microseconds.
        stage: position in the typology's stages.
        factor: amounts against genuine ones.
        small: a test: a verification of 0, or a small amount.
    """
    economy = world.economy
    places, categories = economy.world.places, economy.world.habits.categories
    u, v = world.draw(campaign), world.draw(campaign)
    cumulative = category_weights(world, campaign.ring)
    category = int(np.searchsorted(cumulative, u[0] * cumulative[-1]).clip(0, len(cumulative) - 1))
    merchant = (
        world.online_merchant(category, u[1], abroad=v[0] / FOREIGN_SHARE)
        if "merchant" not in campaign.facts
        else campaign.facts["merchant"]
    )
    shop = places.merchants[merchant]
    category = int(shop["category_code"])
    k = categories[category]
    if small:
        high = world.settings.card_testing.amount_high
        cents = 0 if u[2] < 0.35 else int(50 + 100 * (high - 0.5) * u[2])
    else:
        z = float(to_normal(u[2:3])[0])
        cents = int(np.exp(k["log_mean"] + np.log(factor) + 0.9 * float(k["sigma"]) * z + float(shop["price"])))
        cents = (cents // 100) * 100 + 99 if v[1] < 0.4 else cents
        cents = max(min(cents, 400_000), 100)
    ring = max(campaign.ring, 0)
    device = ring_code(ring, int(v[2] * 40))
    w = world.draw(campaign)
    home = int(economy.world.customers.data["area"][customer])
    near = v[3] < PROXY_SHARE
    place = home if near else (world.ring_area(ring) if v[3] < 0.975 else world.foreign_area(w[0]))
    row = world.request(campaign, customer, slot, economy.ledger.merchant_base + merchant, cents, at, stage)
    row["rail"], row["kind"] = pay.CARD, pay.VERIFICATION if cents == 0 else pay.PURCHASE
    row["card"] = code
    _present(row, w, cents)
    row["merchant"], row["mcc"], row["category"] = merchant, shop["mcc"], category
    row["terminal"] = merchant_code(merchant, int(w[2] * max(int(shop["terminals"]), 1)))
    row["device"] = device if w[3] < 0.7 else 0xFFFFFFFF
    row["ip"] = ring_code(ring, 131_072 + int(u[3] * 400))
    row["place"] = place
    row["country"] = places.areas["country"][place]
    row["flags"] |= pay.THIEF
    x = world.draw(campaign)
    if row["entry_mode"][0] == pay.ECOMMERCE and x[0] < (0.4 if small else 0.25):
        row["flags"] |= pay.MISTYPED
    world.foreign_amount(row, int(shop["country"]))
    world.submit(row)
    return cents


def _present(row: NDArray[np.void], w: NDArray[np.float64], cents: int) -> None:
    """Fill in how stolen details are presented: in the combinations that genuine remote payments have."""
    row["channel"], row["entry_mode"], row["authentication"] = pay.ONLINE, pay.ECOMMERCE, pay.NO_AUTHENTICATION
    if w[0] < 0.3:
        row["channel"] = pay.APP
    if cents == 0:
        return
    if w[0] > 0.985:
        row["channel"], row["entry_mode"] = pay.PHONE, pay.KEYED
    elif w[1] > 0.92:
        row["entry_mode"], row["authentication"] = pay.TOKEN, pay.BIOMETRIC
    elif w[1] < 0.24:
        row["entry_mode"] = pay.CARD_ON_FILE
    elif w[1] < 0.255:
        row["authentication"] = pay.THREE_D_SECURE
