"""Remote card fraud: what a thief buys with card details, shared by the typologies that use them.

Amounts, shops and hours are drawn from the same tables as genuine purchases, tilted towards what can be
resold; the device is the thief's, the IP address often a proxy in the victim's own area.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.agents.fraud.care import PACE, Care
from finsim.agents.slots import other_device_code, price
from finsim.clock import DAY, HOUR
from finsim.ids import NO_CODE, merchant_code, outside_code, ring_code
from finsim.interpreted import as_written
from finsim.rng import choose, to_normal

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld
    from finsim.economy import Economy

RESALE = {
    "electronics": 3.0,
    "digital_goods": 2.5,
    "online_marketplace": 2.0,
    "airline": 2.0,
    "clothing": 1.8,
    "taxi_delivery": 1.5,
    "entertainment": 1.4,
    "general_merchandise": 1.3,
    "home_improvement": 1.2,
    "hotel": 1.2,
    "fuel": 0.8,
    "fast_food": 0.7,
    "pharmacy": 0.7,
    "grocery": 0.6,
    "restaurant": 0.6,
    "telecom": 0.6,
    "charity": 0.5,
    "public_transport": 0.4,
    "personal_services": 0.4,
    "professional_services": 0.25,
    "health": 0.2,
    "education": 0.15,
    "contractor": 0.1,
    "government": 0.1,
    "utilities": 0.0,
    "insurance": 0.0,
}
"""How much more than genuine customers thieves buy in a category remotely; 1 where it is not named (assumption: goods
that are sold again, gift cards and journeys first; what is used up on the spot less; what names its user hardly
ever)."""
TILT = (1.6, 0.9, 0.2)
"""Power of RESALE of careless, usual and careful thieves: who has time buys what the cardholders of the country buy
(assumption)."""
PROXY_SHARE = (0.3, 0.62, 0.9)
"""Remote attempts through an IP address in the victim's own area (assumption: bought proxies)."""
HIJACKED_HOME, CARRIER = 0.35, 0.4
"""Remote attempts through somebody's home router, and through a mobile carrier (assumption: such proxies are
what is sold most; the rest are servers of the ring's own)."""
NO_DEVICE, COPIED_DEVICE, RING_DEVICE = 0.3, (0.05, 0.2, 0.5), (0.45, 0.2, 0.05)
"""Remote attempts that show no device, a copy of the victim's (details are sold with the browser's fingerprint), one of
the ring's; the others show one that belongs to nobody (assumption)."""
RING_DEVICES = 40
"""Devices of a ring (assumption)."""
BENCH, BENCH_DEVICES = (0.75, 0.5, 0.25), 3
"""Tests that come from one of the few devices of their batch, and how many those are (assumption: a script on some
machines)."""
THROUGH_VICTIM = (0.05, 0.25, 0.7)
"""Attempts with the victim's device that come from the victim's home address too (assumption: the victim's own
computer, run from afar)."""
STORED = (0.08, 0.24, 0.45)
"""Remote attempts on a card that is on file with a merchant (assumption: customers' accounts there are taken over)."""
STAYS, SITTING = (0.5, 0.75, 0.95), 3 * HOUR
"""Purchases on a card made from the device and the address of the one before, if that was not longer ago (assumption: a
customer who moves within minutes is what every detector looks for; who hurries changes proxies all the same)."""
TOKEN, SECURE = 0.07, 0.015
"""Remote attempts with a card loaded into a wallet of the thief, and with an intercepted code (assumption)."""
PAUSE = (0.5, 1.0, 2.5)
"""Pauses between purchases on a card of careless, usual and careful thieves, against `burst_hours` times the campaign's
pace (assumption)."""
KEEPS_ON, WITHIN = 0.92, 6.0
"""Purchases that follow at once, rather than at an hour at which people are online, where the pause is shorter than so
many hours (assumption: a card is used up before it is blocked, BEHAVIOUR-010)."""
DEAR = (1.25, 1.0, 0.85)
"""Tickets of careless, usual and careful thieves against `amount_factor` (assumption: who hurries takes what is
dear)."""
UNTRIED = 2.0
"""How much oftener details are wrong in tests than the market says of them (assumption: what is tested is what nobody
has tried yet, and codes are guessed)."""
FOREIGN_SHARE = 0.22
"""Remote attempts at merchants abroad (assumption: cross-border use is more frequent than genuine)."""


def resale_weights(economy: Economy, care: Care) -> NDArray[np.float64]:
    """Return the weights, (K,) float64, by which thieves buy remotely: as genuine customers do, tilted to resale."""
    habits = economy.world.habits
    cumulative = habits.category_by_hour
    share = np.diff(cumulative / cumulative[:, -1:], axis=1, prepend=0.0).mean(axis=0)
    in_person = np.clip(habits.categories["in_person"][: len(share)], 1e-6, 1.0)
    odds = (1.0 - in_person) / in_person * float(habits.behaviour["remote_factor"][0])
    tilt = np.array([RESALE.get(name, 1.0) for name in economy.world.category_names]) ** care.between(*TILT)
    weights = np.zeros(len(tilt))
    weights[: len(share)] = share * odds / (1.0 + odds)
    return np.asarray(weights * tilt)


def category_weights(world: Underworld, campaign: Campaign) -> NDArray[np.float64]:
    """Return the cumulative weights, (K,) float64, by which a ring buys; what was declined is tried less."""
    key = (campaign.ring, campaign.style)
    known = world.shopping.get(key)
    if known is None:
        base = world.resale[campaign.style]
        known = world.shopping[key] = np.cumsum(base * world.experience(campaign.ring, "category", len(base)))
    return known


def _stored_at(world: Underworld, customer: int, category: int, u: float) -> int:
    """Return an online merchant at which the customer's card is on file, or -1: thieves take such accounts over."""
    k = world.economy.world.habits.categories[category]
    count = int(k["online_count"])
    if not count:
        return -1
    return int(world.economy.world.people.favourites[customer, int(k["online_first"]) + int(u * count)])


def _device(world: Underworld, campaign: Campaign, customer: int, day: int, x: NDArray[np.float64], small: bool) -> int:
    """Return the packed code of the device that a purchase, or a test, seems to come from, or NO_CODE."""
    care, ring = world.care(campaign), max(campaign.ring, 0)
    if small and x[1] >= 1.0 - care.between(*BENCH):
        return ring_code(ring, (campaign.number * BENCH_DEVICES + int(x[2] * BENCH_DEVICES)) % RING_DEVICES)
    copied = NO_DEVICE + care.between(*COPIED_DEVICE)
    if x[1] < NO_DEVICE:
        return NO_CODE
    if x[1] < copied:
        return world.own_device(customer)
    if x[1] < copied + care.between(*RING_DEVICE):
        return ring_code(ring, int(x[2] * RING_DEVICES))
    return int(other_device_code(len(world.economy.world.customers), day, x[2], x[3]))


def _address(
    world: Underworld, campaign: Campaign, customer: int, near: bool, own: bool, y: NDArray[np.float64]
) -> tuple[int, int]:
    """Return (packed code of an IP address, its area): the victim's, a carrier's, a hijacked home's or a ring's."""
    economy, ring = world.economy, max(campaign.ring, 0)
    data = economy.world.customers.data
    if own and y[3] < world.care(campaign).between(*THROUGH_VICTIM):
        return world.own_ip(customer), int(data["area"][customer])
    if y[0] < HIJACKED_HOME and not near:
        host = int(y[1] * len(data))
        return world.own_ip(host), int(data["area"][host])
    area = int(data["area"][customer]) if near else world.ring_area(ring)
    if y[0] < HIJACKED_HOME + CARRIER:
        return outside_code(1 + customer % 5, int(y[1] * 4000.0)), area
    return ring_code(ring, 131_072 + int(y[1] * 400)), area if y[2] < 0.95 else world.foreign_area(y[1] * 7.0 % 1.0)


def _seat(
    world: Underworld, campaign: Campaign, card: int, at: int, stays: float, fresh: list[float]
) -> tuple[int, NDArray[np.float64]]:
    """Return (day, uniforms): from which device and address somebody buys; new ones, or those of just before.

    Args:
        world: the underworld.
        campaign: the campaign, which remembers the last of each card.
        card: packed code.
        at: microseconds.
        stays: a uniform that decides whether a thief who sits there still stays.
        fresh: new uniforms.
    """
    seats = campaign.facts.setdefault("seats", {})
    last = seats.get(card)
    if last and at - last["at"] < SITTING and stays < world.care(campaign).between(*STAYS):
        day, fresh = last["day"], last["drawn"]
    else:
        day = at // DAY
    seats[card] = {"at": at, "day": day, "drawn": fresh}
    return day, np.array(fresh)


def buy_remotely(
    world: Underworld,
    campaign: Campaign,
    card: Sequence[Any],
    at: int,
    stage: int,
    factor: float,
    small: bool = False,
) -> int:
    """Submit one remote purchase with stolen details; return its amount in cents.

    Args:
        world: the underworld.
        campaign: the campaign it belongs to.
        card: the cardholder, the card's account (slot), packed code of the card as it was stolen, and the part of
            attempts in which the details prove right.
        at: microseconds.
        stage: position in the typology's stages.
        factor: amounts against genuine ones.
        small: a test: a verification of 0, or a small amount.
    """
    customer, slot, code, quality = card
    economy = world.economy
    places, categories = economy.world.places, economy.world.habits.categories
    u, v, w, x, y = (world.draw(campaign) for _ in range(5))
    care = world.care(campaign)
    cumulative = category_weights(world, campaign)
    category = int(choose(cumulative, u[0]))
    stored = -1
    if "merchant" in campaign.facts:
        merchant = campaign.facts["merchant"]
    else:
        on_file = w[1] < care.between(*STORED) and not small
        stored = _stored_at(world, customer, category, u[1]) if on_file else -1
        merchant = stored if stored >= 0 else world.online_merchant(category, u[1], abroad=v[0] / FOREIGN_SHARE)
    shop = places.merchants[merchant]
    category = int(shop["category_code"])
    k = categories[category]
    if small:
        high = world.settings.card_testing.amount_high
        cents = 0 if u[2] < 0.35 else int(50 + 100 * (high - 0.5) * u[2])
    else:
        z = float(to_normal(u[2:3])[0])
        shift = float(shop["price"]) + np.log(factor * world.size(campaign) * care.between(*DEAR))
        # The shop sets the price, and with it the ending.
        sigma, ending = 0.9 * float(k["sigma"]), int(k["ending"])
        cents = int(as_written(price)(float(k["log_mean"]), sigma, shift, z, ending, 0.0, v[1]))
        cents = max(min(cents, 400_000), 100)
    row = world.request(campaign, customer, slot, economy.ledger.merchant_base + merchant, cents, at, stage)
    row["rail"], row["kind"] = pay.CARD, pay.VERIFICATION if cents == 0 else pay.PURCHASE
    row["card"] = code
    _present(row, w, cents, stored >= 0, care.between(*STORED))
    row["merchant"], row["mcc"], row["category"] = merchant, shop["mcc"], category
    row["terminal"] = merchant_code(merchant, int(w[2] * max(int(shop["terminals"]), 1)))
    day, seat = at // DAY, np.array([*x, *y, v[3]])
    if not small:
        day, seat = _seat(world, campaign, code, at, w[3], seat.tolist())
    row["device"] = _device(world, campaign, customer, day, seat[:4], small)
    own = bool(row["device"][0] == world.own_device(customer))
    row["ip"], place = _address(world, campaign, customer, bool(seat[8] < care.between(*PROXY_SHARE)), own, seat[4:8])
    row["place"] = place
    row["country"] = places.areas["country"][place]
    row["flags"] |= pay.THIEF
    if row["entry_mode"][0] == pay.ECOMMERCE and x[0] < (1.0 - quality) * (UNTRIED if small else 1.0):
        row["flags"] |= pay.MISTYPED
    world.foreign_amount(row, int(shop["country"]))
    world.submit(row)
    return cents


def next_purchase(world: Underworld, campaign: Campaign, at: int, u: NDArray[np.float64]) -> int:
    """Return when a card is used again, microseconds: by the campaign's pace and care.

    A burst goes on while it works; who has paused for hours comes back when people are online.

    Args:
        world: the underworld.
        campaign: the campaign.
        at: microseconds, of the purchase before.
        u: three uniforms.
    """
    gap = world.settings.card_not_present.burst_hours * PACE.values[campaign.pace]
    gap *= world.care(campaign).between(*PAUSE)
    gap *= float(np.exp(1.5 * to_normal(u[:1])[0]))
    keep = KEEPS_ON if gap < WITHIN else 0.0
    return world.evening(at + int(max(gap, 0.02) * HOUR), u[1], u[2], keep=keep, ring=campaign.ring)


def _present(row: NDArray[np.void], w: NDArray[np.float64], cents: int, stored: bool, share: float) -> None:
    """Fill in how stolen details are presented: in the combinations that genuine remote payments have.

    Args:
        row: the request.
        w: (4,) uniforms; the second one decided with `share` whether a card on file was looked for.
        cents: amount.
        stored: whether a card on file is used.
        share: attempts on cards on file.
    """
    row["channel"], row["entry_mode"], row["authentication"] = pay.ONLINE, pay.ECOMMERCE, pay.NO_AUTHENTICATION
    if w[0] < 0.35:
        row["channel"] = pay.APP
    if cents == 0:
        return
    if w[0] > 0.985:
        row["channel"], row["entry_mode"] = pay.PHONE, pay.KEYED
    elif stored:
        row["entry_mode"] = pay.CARD_ON_FILE
    elif w[1] > 1.0 - TOKEN:
        row["entry_mode"], row["authentication"] = pay.TOKEN, pay.BIOMETRIC
    elif share <= w[1] < share + SECURE:
        row["authentication"] = pay.THREE_D_SECURE
