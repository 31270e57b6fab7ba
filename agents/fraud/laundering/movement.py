"""From one part of a leg to a payment request, with the rails, channels, devices, hours and amounts of genuine ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from finsim import payments as pay
from finsim.agents.cards import DEBIT
from finsim.agents.customer import BUSINESS, COMPLICIT
from finsim.agents.fraud.laundering.accounts import elsewhere
from finsim.agents.fraud.laundering.pattern import CASH, EXIT, Draws, Leg
from finsim.agents.fraud.present import withdraw_cash
from finsim.clock import DAY, HOUR, next_banking_day
from finsim.ids import OUTSIDE, merchant_code
from finsim.ledger import CASH_ACCOUNT, EXCHANGE, SLOTS
from finsim.rng import choose

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

WIRE_FROM = 350_000
"""Cents from which genuine transfers go by wire or batch rather than instantly."""
MOST_CASH, MOST_GOODS = 120_000, 90_000
"""Cents up to which money leaves as cash from machines, or as goods (assumption: limits of cards)."""
NOTES = (10_000, 40_000)
"""Cents between which a withdrawal lies at most (assumption: what others take out, too, and limits of machines)."""
AT_ONCE = 0.3
"""Payments made as soon as the money has rested, whatever the hour (assumption)."""
GOODS = ("electronics", "general_merchandise", "online_retail", "clothing", "home_improvement")


def means_of(world: Underworld, leg: Leg, accounts: list[int], cents: int, at: int, draws: Draws) -> str:
    """Return how a leg's money moves from a time on: its means, chosen once the amount is known."""
    economy = world.economy
    customers = economy.ledger.customer_accounts
    if leg.payer == CASH:
        return "deposit" if accounts[leg.payee] < customers else "unseen"
    if accounts[leg.payer] >= customers:
        return "incoming" if leg.payee >= 0 and accounts[leg.payee] < customers else "unseen"
    if leg.payee != EXIT:
        return "transfer"
    customer = accounts[leg.payer] // SLOTS
    data = economy.world.customers.data
    card = economy.life.cards.at_hand(customer, DEBIT, at)
    firm = data["segment_code"][customer] == BUSINESS
    return draws.pick(
        {
            "withdrawal": 0.4 if card and cents <= MOST_CASH and not firm else 0.0,
            "exchange": 0.15 if not firm else 0.05,
            "wire": 0.1 if cents > WIRE_FROM else 0.0,
            "goods": 0.12 if card and cents <= MOST_GOODS else 0.0,
            "away": 0.3,
        }
    )


def piece(how: str, u: float) -> int:
    """Return the largest amount, cents, that one part of a leg by these means may have; 0 for no bound.

    Args:
        how: what `means_of` returned.
        u: uniform that decides where the bound varies.
    """
    if how == "withdrawal":
        return NOTES[0] + int((NOTES[1] - NOTES[0]) * u * u)
    return MOST_GOODS // 3 if how == "goods" else 0


def time_of(world: Underworld, how: str, leg: Leg, accounts: list[int], at: int, draws: Draws) -> int:
    """Return when a part that may happen from a time on does happen: by the hours of such payments."""
    if how == "deposit" or (leg.payer >= 0 and _is_firm(world, accounts[leg.payer])):
        day = next_banking_day(at // DAY)
        time = day * DAY + int((8.75 + 7.75 * draws()) * HOUR)
        return time if time >= at else next_banking_day(day + 1) * DAY + int((8.75 + 7.75 * draws()) * HOUR)
    if how in ("withdrawal", "goods"):
        return world.opening(at, draws())
    return _online_hours(world, at, draws)


def _online_hours(world: Underworld, at: int, draws: Draws) -> int:
    """Return a time by the hours at which people are online, on the same or the next day; some act at once."""
    if draws() < AT_ONCE:
        return at
    hour = int(choose(world.economy.world.habits.remote_hours, draws()))
    time = at // DAY * DAY + int((hour + draws()) * HOUR)
    return time if time >= at else time + DAY


def submit(world: Underworld, campaign: Campaign, leg: Leg, accounts: list[int], cents: int, at: int) -> int:
    """Submit one part of a leg; return its transaction id, 0 where nothing could be asked for."""
    draws = Draws(world, campaign)
    if leg.how == "withdrawal":
        return _withdraw(world, campaign, leg, accounts[leg.payer] // SLOTS, cents, at)
    if leg.how == "goods":
        row = _goods(world, campaign, leg, accounts[leg.payer] // SLOTS, cents, at, draws)
    elif leg.how in ("deposit", "incoming"):
        row = _credit(world, campaign, leg, accounts, cents, at, draws)
    else:
        row = _transfer(world, campaign, leg, accounts, cents, at, draws)
    if row is None:
        return 0
    row["truth"] = pay.IS_LAUNDERING
    world.submit(row)
    return int(row["transaction_id"][0])


def rounded(world: Underworld, leg: Leg, accounts: list[int], cents: int, draws: Draws) -> int:
    """Return an amount rounded down as such payments are: people to fives and tens, firms and machines by their own."""
    if leg.how == "withdrawal":
        return cents // 2_000 * 2_000
    if leg.how == "deposit":
        return cents // 100 * 100
    if leg.how == "goods" or (leg.payer >= 0 and _is_firm(world, accounts[leg.payer])):
        return cents
    share = world.economy.config.parameters.behaviour.transfer_round_share
    if draws() >= share:
        return cents
    u, step = draws(), 100
    if cents >= 1_000 and u < 0.75:
        step = 500
    if cents >= 4_000 and u < 0.53:
        step = 1_000
    if cents >= 100_000 and u < 0.7:
        step = 10_000
    return cents // step * step


def _is_firm(world: Underworld, account: int) -> bool:
    ledger = world.economy.ledger
    return account < ledger.customer_accounts and bool(
        world.economy.world.customers.data["segment_code"][account // SLOTS] == BUSINESS
    )


def _credit(
    world: Underworld, campaign: Campaign, leg: Leg, accounts: list[int], cents: int, at: int, draws: Draws
) -> Any:
    """Return a cash deposit at a branch, or a transfer from another bank: neither needs a decision."""
    economy = world.economy
    data = economy.world.customers.data
    payee = accounts[leg.payee]
    customer = payee // SLOTS
    row = world.request(campaign, customer, 0, payee, cents, at, leg.stage)
    row["slot"], row["kind"] = pay.NONE, pay.TRANSFER
    row["flags"] = pay.FORCED
    if leg.how == "incoming":
        row["payer"], row["rail"], row["channel"] = accounts[leg.payer], pay.INSTANT, pay.APP
        return row
    row["payer"], row["kind"] = economy.ledger.named[CASH_ACCOUNT], pay.DEPOSIT
    row["rail"], row["channel"], row["country"] = pay.CASH, pay.BRANCH, 0
    near = economy.config.parameters.behaviour.near_share
    area = int(data["area"][customer])
    row["place"] = area if draws() < near else _other_area(world, area, draws)
    return row


def _other_area(world: Underworld, area: int, draws: Draws) -> int:
    """Return an area by size, one of the own region if the first try is one."""
    region = world.economy.world.places.areas["region"]
    other = _by_size(world, draws())
    return other if region[other] == region[area] else _by_size(world, draws())


def _by_size(world: Underworld, u: float) -> int:
    """Return a home area by its size."""
    return int(choose(world.economy.world.places.area_cumulative, u))


def _transfer(
    world: Underworld, campaign: Campaign, leg: Leg, accounts: list[int], cents: int, at: int, draws: Draws
) -> Any:
    """Return a transfer to an account of the pattern, an exchange, a person abroad or at another bank."""
    ledger = world.economy.ledger
    payer = accounts[leg.payer]
    customer = payer // SLOTS
    if leg.payee != EXIT:
        payee = accounts[leg.payee]
    elif leg.how == "exchange":
        payee = int(ledger.named[EXCHANGE])
    else:
        payee = elsewhere(world, campaign.ring, draws)
    row = world.request(campaign, customer, 0, payee, cents, at, leg.stage)
    row["kind"] = pay.TRANSFER
    if _is_firm(world, payer):
        _as_firms_pay(row, draws, wire=leg.how == "wire")
    else:
        _as_people_pay(world, row, cents, draws)
        if leg.how == "wire" and cents > WIRE_FROM:
            row["rail"] = pay.WIRE
    if row["channel"][0] in (pay.APP, pay.ONLINE):
        _from_where(world, row, customer, draws)
    return row


def _as_people_pay(world: Underworld, row: Any, cents: int, draws: Draws) -> None:
    """Fill in rail, channel and authentication as people's transfers have them."""
    instant = world.economy.config.parameters.behaviour.instant_share
    row["rail"] = pay.INSTANT if draws() < instant + 0.1 else pay.ACH
    if cents > WIRE_FROM:
        row["rail"] = pay.ACH if draws() < 0.7 else pay.WIRE
    u = draws()
    row["channel"] = pay.APP if u < 0.75 else (pay.ONLINE if u < 0.95 else pay.BRANCH)
    if row["channel"][0] == pay.BRANCH:
        return
    app = row["channel"][0] == pay.APP
    row["authentication"] = pay.BIOMETRIC if app and draws() < 0.6 else pay.NO_AUTHENTICATION
    if draws() > 0.93:
        row["authentication"] = pay.ONE_TIME_CODE


def _as_firms_pay(row: Any, draws: Draws, wire: bool) -> None:
    """Fill in rail, channel and authentication as small firms' payments have them."""
    u = 0.25 if wire else draws()
    row["rail"] = pay.ACH
    if u < 0.2:
        row["rail"] = pay.CHECK
    elif u < 0.26:
        row["rail"] = pay.WIRE
    elif u < 0.36:
        row["rail"] = pay.INSTANT
    row["channel"] = pay.ONLINE if draws() < 0.85 else pay.BRANCH
    if row["rail"][0] == pay.CHECK:
        row["channel"], row["flags"] = pay.BATCH, pay.MANDATE
    elif row["channel"][0] == pay.ONLINE:
        row["authentication"] = pay.ONE_TIME_CODE if draws() < 0.5 else pay.NO_AUTHENTICATION


def _from_where(world: Underworld, row: Any, customer: int, draws: Draws) -> None:
    """Fill in device and IP address: the own phone, or another mule's; at home, or over a mobile carrier."""
    economy = world.economy
    data, places = economy.world.customers.data, economy.world.places
    row["device"] = world.own_device(customer)
    if data["mule_kind"][customer] == COMPLICIT and draws() < world.settings.laundering.shared_devices:
        row["device"] = world.own_device(world.mule_market.companion(customer))
    area = int(data["area"][customer])
    u, v = draws(), draws()
    row["place"], row["ip"] = area, world.own_ip(customer)
    if u >= 0.65:
        row["ip"] = OUTSIDE << 30 | (1 + customer % 5) << 20 | int(v * 4000.0)
        if u > 0.994:
            row["place"] = world.foreign_area(v)
        elif u > 0.85:
            row["place"] = _by_size(world, v)
    row["country"] = places.areas["country"][row["place"][0]]


def _withdraw(world: Underworld, campaign: Campaign, leg: Leg, customer: int, cents: int, at: int) -> int:
    """Submit a withdrawal at a cash machine; return its transaction id."""
    code = world.economy.life.cards.code(customer, 0)
    return withdraw_cash(
        world, campaign, customer, code, at, leg.stage, magstripe=False, far=False, cents=cents, laundering=True
    )


def _goods(world: Underworld, campaign: Campaign, leg: Leg, customer: int, cents: int, at: int, draws: Draws) -> Any:
    """Return a purchase of something that can be sold again, at a till with the mule's own card; None for no shop."""
    economy = world.economy
    names, places = economy.world.category_names, economy.world.places
    known = [name for name in GOODS if name in names]
    category = names.index(known[int(draws() * len(known))])
    merchant = world.shop(int(economy.world.customers.data["area"][customer]), category, draws())
    if merchant < 0:
        return None
    shop = places.merchants[merchant]
    row = world.request(campaign, customer, 0, economy.ledger.merchant_base + merchant, cents, at, leg.stage)
    row["rail"], row["kind"], row["channel"] = pay.CARD, pay.PURCHASE, pay.POS
    row["card"] = economy.life.cards.code(customer, 0)
    row["merchant"], row["mcc"], row["category"], row["country"] = merchant, shop["mcc"], category, shop["country"]
    row["terminal"] = merchant_code(merchant, int(draws() * max(int(shop["terminals"]), 1)))
    u = draws()
    row["entry_mode"], row["authentication"] = pay.CHIP, pay.PIN if u < 0.45 else pay.NO_AUTHENTICATION
    if u > 0.65:
        row["entry_mode"] = pay.CONTACTLESS
    world.foreign_amount(row, int(shop["country"]))
    return row
