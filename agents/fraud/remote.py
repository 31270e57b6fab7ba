"""Remote card fraud: what a thief buys with card details, shared by the typologies that use them.

Amounts, shops and hours are drawn from the same tables as genuine purchases, tilted towards what can be
resold; the device is the thief's, the IP address often a proxy in the victim's own area.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.agents.slots import other_device_code
from finsim.clock import DAY
from finsim.ids import NO_CODE, merchant_code, outside_code, ring_code
from finsim.rng import to_normal

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld
    from finsim.economy import Economy

RESALE = {
    "electronics": 1.8,
    "online_marketplace": 1.2,
    "digital_goods": 1.4,
    "clothing": 1.2,
    "taxi_delivery": 1.2,
    "airline": 1.2,
    "entertainment": 1.1,
    "utilities": 0.0,
    "telecom": 0.5,
    "insurance": 0.0,
    "charity": 0.6,
    "education": 0.2,
    "government": 0.1,
    "health": 0.4,
    "professional_services": 0.4,
    "contractor": 0.2,
}
"""How much more than genuine customers thieves buy in a category remotely; 1 where it is not named (assumption: what
can be resold or used up at once a little more, what names its user hardly ever)."""
PROXY_SHARE = 0.62
"""Remote attempts through an IP address in the victim's own area (assumption: bought proxies)."""
HIJACKED_HOME, CARRIER = 0.35, 0.4
"""Remote attempts through somebody's home router, and through a mobile carrier (assumption: such proxies are
what is sold most; the rest are servers of the ring's own)."""
NO_DEVICE, COPIED_DEVICE, RING_DEVICE = 0.3, 0.2, 0.2
"""Remote attempts that show no device, a copy of the victim's (details are sold with the browser's fingerprint), one of
the ring's; the others show one that belongs to nobody (assumption)."""
STORED = 0.24
"""Remote attempts on a card that is on file with a merchant (assumption: customers' accounts there are taken over)."""
FOREIGN_SHARE = 0.16
"""Remote attempts at merchants abroad (assumption: cross-border use is more frequent than genuine)."""


def resale_weights(economy: Economy) -> NDArray[np.float64]:
    """Return the weights, (K,) float64, by which thieves buy remotely: as genuine customers do, tilted to resale."""
    habits = economy.world.habits
    cumulative = habits.category_by_hour
    share = np.diff(cumulative / cumulative[:, -1:], axis=1, prepend=0.0).mean(axis=0)
    in_person = np.clip(habits.categories["in_person"][: len(share)], 1e-6, 1.0)
    odds = (1.0 - in_person) / in_person * float(habits.behaviour["remote_factor"][0])
    tilt = np.array([RESALE.get(name, 1.0) for name in economy.world.category_names])
    weights = np.zeros(len(tilt))
    weights[: len(share)] = share * odds / (1.0 + odds)
    return np.asarray(weights * tilt)


def category_weights(world: Underworld, ring: int) -> NDArray[np.float64]:
    """Return the cumulative weights, (K,) float64, by which a ring buys; what was declined is tried less."""
    known = world.shopping.get(ring)
    if known is None:
        base = world.resale
        known = world.shopping[ring] = np.cumsum(base * world.experience(ring, "category", len(base)))
    return known


def _stored_at(world: Underworld, customer: int, category: int, u: float) -> int:
    """Return an online merchant at which the customer's card is on file, or -1: thieves take such accounts over."""
    k = world.economy.world.habits.categories[category]
    count = int(k["online_count"])
    if not count:
        return -1
    return int(world.economy.world.people.favourites[customer, int(k["online_first"]) + int(u * count)])


def _device(world: Underworld, ring: int, customer: int, at: int, x: NDArray[np.float64]) -> int:
    """Return the packed code of the device that a purchase seems to come from, or NO_CODE."""
    if x[1] < NO_DEVICE:
        return NO_CODE
    if x[1] < NO_DEVICE + COPIED_DEVICE:
        return world.own_device(customer)
    if x[1] < NO_DEVICE + COPIED_DEVICE + RING_DEVICE:
        return ring_code(ring, int(x[2] * 40))
    return int(other_device_code(len(world.economy.world.customers), at // DAY, x[2], x[3]))


def _address(world: Underworld, ring: int, customer: int, near: bool, y: NDArray[np.float64]) -> tuple[int, int]:
    """Return (packed code of an IP address, its area): a carrier's, a hijacked home's or a ring's."""
    economy = world.economy
    data = economy.world.customers.data
    if y[0] < HIJACKED_HOME and not near:
        host = int(y[1] * len(data))
        return world.own_ip(host), int(data["area"][host])
    area = int(data["area"][customer]) if near else world.ring_area(ring)
    if y[0] < HIJACKED_HOME + CARRIER:
        return outside_code(1 + customer % 5, int(y[1] * 4000.0)), area
    return ring_code(ring, 131_072 + int(y[1] * 400)), area if y[2] < 0.95 else world.foreign_area(y[3])


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
    u, v, w, x, y = (world.draw(campaign) for _ in range(5))
    ring = max(campaign.ring, 0)
    cumulative = category_weights(world, campaign.ring)
    category = min(int(np.searchsorted(cumulative, u[0] * cumulative[-1])), len(cumulative) - 1)
    stored = -1
    if "merchant" in campaign.facts:
        merchant = campaign.facts["merchant"]
    else:
        stored = _stored_at(world, customer, category, u[1]) if w[1] < STORED and not small else -1
        merchant = stored if stored >= 0 else world.online_merchant(category, u[1], abroad=v[0] / FOREIGN_SHARE)
    shop = places.merchants[merchant]
    category = int(shop["category_code"])
    k = categories[category]
    if small:
        high = world.settings.card_testing.amount_high
        cents = 0 if u[2] < 0.35 else int(50 + 100 * (high - 0.5) * u[2])
    else:
        z = float(to_normal(u[2:3])[0])
        usual = k["log_mean"] + 0.9 * float(k["sigma"]) * z + float(shop["price"])
        cents = int(np.exp(usual) * factor * world.size(campaign))
        cents = (cents // 100) * 100 + 99 if v[1] < 0.4 else cents
        cents = max(min(cents, 400_000), 100)
    row = world.request(campaign, customer, slot, economy.ledger.merchant_base + merchant, cents, at, stage)
    row["rail"], row["kind"] = pay.CARD, pay.VERIFICATION if cents == 0 else pay.PURCHASE
    row["card"] = code
    _present(row, w, cents, stored >= 0)
    row["merchant"], row["mcc"], row["category"] = merchant, shop["mcc"], category
    row["terminal"] = merchant_code(merchant, int(w[2] * max(int(shop["terminals"]), 1)))
    row["device"] = _device(world, ring, customer, int(row["timestamp"][0]), x)
    row["ip"], place = _address(world, ring, customer, bool(v[3] < PROXY_SHARE), y)
    row["place"] = place
    row["country"] = places.areas["country"][place]
    row["flags"] |= pay.THIEF
    if row["entry_mode"][0] == pay.ECOMMERCE and x[0] < (0.4 if small else 0.25):
        row["flags"] |= pay.MISTYPED
    world.foreign_amount(row, int(shop["country"]))
    world.submit(row)
    return cents


def _present(row: NDArray[np.void], w: NDArray[np.float64], cents: int, stored: bool) -> None:
    """Fill in how stolen details are presented: in the combinations that genuine remote payments have."""
    row["channel"], row["entry_mode"], row["authentication"] = pay.ONLINE, pay.ECOMMERCE, pay.NO_AUTHENTICATION
    if w[0] < 0.35:
        row["channel"] = pay.APP
    if cents == 0:
        return
    if w[0] > 0.985:
        row["channel"], row["entry_mode"] = pay.PHONE, pay.KEYED
    elif stored:
        row["entry_mode"] = pay.CARD_ON_FILE
    elif w[1] > 0.93:
        row["entry_mode"], row["authentication"] = pay.TOKEN, pay.BIOMETRIC
    elif w[1] < 0.255:
        row["authentication"] = pay.THREE_D_SECURE if w[1] >= STORED else pay.NO_AUTHENTICATION
