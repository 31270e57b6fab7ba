"""Payments that a deceived customer makes or gets: at hours and from devices of genuine ones, mostly instant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.agents.slots import WIRE_FROM
from finsim.clock import HOUR
from finsim.ids import OUTSIDE, ROW_BITS
from finsim.ledger import SLOTS, WALLET
from finsim.rng import choose

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

OTHERWISE = 0.4
"""What the deceived pay in another way than instantly, against genuine customers: they are asked to be quick
(assumption: with it the value of scams comes near US-zelle-scams)."""
CHANGE_OF_PAYEE = 0.12
"""Payments of one victim for which the ring names another mule (assumption: one in eight)."""


def pay_somebody(
    world: Underworld, campaign: Campaign, cents: int, at: int, stage: int, payee: int | None = None
) -> None:
    """Submit a transfer by the victim, the first one to an account that works for the ring, later ones there mostly.

    Args:
        world: the underworld.
        campaign: the campaign; its facts remember the payee.
        cents: amount.
        at: microseconds.
        stage: position in the typology's stages.
        payee: account row; one of the ring's mules if None.
    """
    economy, victim = world.economy, campaign.victim
    u, v, w = world.draw(campaign), world.draw(campaign), world.draw(campaign)
    if payee is None:
        payee = _mule(world, campaign, u)
    row = world.request(campaign, victim, 0, payee, cents, at, stage)
    row["kind"], row["rail"], row["channel"] = pay.TRANSFER, pay.INSTANT, pay.ONLINE
    instant = float(economy.world.habits.behaviour["instant"][0])
    if u[3] > 1.0 - OTHERWISE * (1.0 - instant):
        row["rail"] = pay.ACH
        wallet = economy.ledger.accounts[victim * SLOTS + WALLET]
        if wallet["balance"] - wallet["reserved"] >= cents and payee >= economy.ledger.customer_accounts:
            row["rail"], row["slot"], row["payer"] = pay.WALLET, WALLET, victim * SLOTS + WALLET
    if world.purse(victim) == WALLET:
        row["rail"], row["slot"], row["payer"] = pay.WALLET, WALLET, victim * SLOTS + WALLET
        row["payee"] = economy.mobile_money.wallet_of(payee)
    elif cents > WIRE_FROM:
        row["rail"], row["slot"], row["payer"] = pay.ACH if v[0] < 0.7 else pay.WIRE, 0, victim * SLOTS
    if v[1] < 0.75 or row["rail"][0] == pay.WALLET:
        row["channel"] = pay.APP
    elif v[1] > 0.95 and 9 * HOUR <= at % (24 * HOUR) < 17 * HOUR:
        row["channel"] = pay.BRANCH
        world.submit(row)
        return
    at_home(world, row, victim, v[2], v[3])
    by_hand = row["channel"][0] == pay.APP and w[0] < 0.6
    row["authentication"] = pay.BIOMETRIC if by_hand else pay.NO_AUTHENTICATION
    if w[1] > 0.93:
        row["authentication"] = pay.ONE_TIME_CODE
    world.submit(row)


def _mule(world: Underworld, campaign: Campaign, u: NDArray[np.float64]) -> int:
    """Return the account of the mule that the victim pays: the same as before, mostly."""
    known = campaign.facts.get("mule")
    if known is None or u[0] < CHANGE_OF_PAYEE or known // SLOTS == campaign.victim or _is_burnt(world, known):
        known = campaign.facts["mule"] = world.mule_market.choose(campaign, u[1], u[2])
    return int(known)


def _is_burnt(world: Underworld, account: int) -> bool:
    economy = world.economy
    mule = account < economy.ledger.customer_accounts
    return bool(mule and economy.world.customers.data["frozen"][account // SLOTS])


def at_home(world: Underworld, row: NDArray[np.void], customer: int, u: float, v: float) -> None:
    """Fill in the customer's own device, and an IP address of the home or of a mobile carrier, as genuine rows have."""
    economy = world.economy
    data, places = economy.world.customers.data, economy.world.places
    place = int(data["area"][customer])
    row["device"], row["ip"] = world.own_device(customer), world.own_ip(customer)
    if u >= 0.65:
        row["ip"] = OUTSIDE << 30 | (1 + customer % 5) << (30 - ROW_BITS[OUTSIDE]) | int(v * 4000.0)
        if u > 0.994:
            place = world.foreign_area(v)
        elif u > 0.85:
            place = int(choose(places.area_cumulative, v))
    row["place"], row["country"] = place, places.areas["country"][place]


def move_savings(world: Underworld, campaign: Campaign, wanted: int, needed: int, at: int, u: float) -> None:
    """Have the victim move own money from savings to checking: what is wanted, or what is there if that suffices.

    This is a genuine transfer of the victim's own money, which a deceived customer makes before paying.
    """
    economy, victim = world.economy, campaign.victim
    account = economy.ledger.accounts[victim * SLOTS + 1]
    cents = min(wanted + 1_999, int(account["balance"] - account["reserved"])) // 2_000 * 2_000
    if cents < max(needed, 2_000):
        cents = int(account["balance"] - account["reserved"])
    if cents < max(needed, 2_000):
        return
    row = world.request(campaign, victim, 1, victim * SLOTS, cents, at, 0)
    row["rail"], row["kind"], row["channel"], row["flags"] = pay.INSTANT, pay.TRANSFER, pay.APP, pay.SAME_OWNER
    at_home(world, row, victim, u, (u * 7919.0) % 1.0)
    row["authentication"] = pay.BIOMETRIC if u < 0.6 else pay.NO_AUTHENTICATION
    row["truth"], row["campaign"], row["stage"] = 0, -1, pay.NONE
    world.submit(row)


def receive(world: Underworld, campaign: Campaign, cents: int, at: int, stage: int) -> None:
    """Have the ring pay the victim: from an account at another bank, or from the exchange that the victim paid."""
    u = world.draw(campaign)
    payer = campaign.facts.get("exchange")
    if payer is None:
        payer = world.mule_market.elsewhere(campaign, u[1])
    row = world.request(campaign, campaign.victim, 0, campaign.victim * SLOTS, cents, at, stage)
    row["payer"], row["slot"], row["truth"] = payer, pay.NONE, pay.IS_LAUNDERING
    row["rail"], row["kind"], row["channel"] = pay.INSTANT, pay.TRANSFER, pay.APP
    row["flags"] = pay.FORCED
    world.submit(row)


def login(world: Underworld, campaign: Campaign, at: int, kind: str = "login") -> None:
    """Leave an event of a session on the victim's own device; everyday logins are thinned as everybody's are."""
    u: Any = world.draw(campaign)
    sample = world.economy.config.parameters.behaviour.login_sample if kind == "login" else 1.0
    if u[0] < sample:
        victim = campaign.victim
        world.economy.log.event(at, victim, kind, device=world.own_device(victim), ip=world.own_ip(victim))
