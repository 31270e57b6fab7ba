"""Purchase scam: somebody pays for goods that never come, to a seller on a marketplace or in a shop that is none.

Actors: the seller (a ring), mules who are paid for it, a small shop online that several victims find. Stages: the
price; for some a fee afterwards (shipping, insurance, customs). Transactions: a first payment to the payee, from the
victim's own device, an advertised price; by card at a shop that is new to the holder, or by instant transfer or wallet
to a person. Events: payee_added, now and then a login. Confounder: everybody's purchases from private sellers
(behaviour.occasions.from_sellers_per_year) and at new shops; nothing in a row tells them apart, only the receiving
side does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finsim import payments as pay
from finsim.agents.fraud.pushing import at_home, login
from finsim.agents.fraud.scam import PushScam, gather, lognormal, price
from finsim.clock import DAY
from finsim.ids import merchant_code

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

PURCHASE, EXTRA_FEE = 0, 1
GOODS = ("online_marketplace", "electronics", "clothing", "general_merchandise", "home_improvement", "digital_goods")
SHOP_DAYS = 30
"""How long a ring keeps a shop (assumption: until the claims come)."""


class PurchaseScam(PushScam):
    """One victim who pays for nothing."""

    name = "purchase_scam"
    stages = ("purchase", "extra_fee", "layering", "cash_out")
    history_days = 12
    smaller = False

    def script(self, world: Underworld, campaign: Campaign, start: int) -> list[list[int]]:
        """Return the price, and for some a fee within days."""
        settings = self.settings(world)
        u, v = world.draw(campaign), world.draw(campaign)
        first = world.evening(start, u[0], u[1])
        cents = price(100 * lognormal(u[2], settings.amount_median, settings.amount_log_sigma), u[3])
        campaign.facts["by_card"] = bool(v[0] < settings.card)
        script = [[first, PURCHASE, min(cents, 1_500_000)]]
        if v[1] < settings.second_payment:
            w = world.draw(campaign)
            later = world.evening(first + int((0.2 + 6.0 * v[2]) * DAY), w[0], w[1])
            script.append([later, EXTRA_FEE, max(price(cents * (0.15 + 0.6 * v[3]), w[2]), 1_500)])
        return script

    def submit(self, world: Underworld, campaign: Campaign, cents: int, at: int, stage: int) -> bool:
        """Pay by card where there is one and the shop takes it, else by transfer."""
        login(world, campaign, at - 90_000_000)
        by_card = campaign.facts["by_card"] and campaign.facts["declines"] == 0
        if by_card and self._buy(world, campaign, cents, at, stage):
            return True
        return super().submit(world, campaign, cents, at, stage)

    def affordable(self, world: Underworld, campaign: Campaign, cents: int) -> int:
        """Return the price, or 0: nobody buys a part of something."""
        return cents if super().affordable(world, campaign, cents) == cents else 0

    def _buy(self, world: Underworld, campaign: Campaign, cents: int, at: int, stage: int) -> bool:
        """Submit a purchase with the victim's own card in the ring's shop; False without a card for it."""
        economy, victim = world.economy, campaign.victim
        u, v = world.draw(campaign), world.draw(campaign)
        slot = 2 if u[0] < 0.5 and economy.life.cards.holds(victim, 2) else 0
        if not economy.life.cards.holds(victim, slot):
            return False
        if slot == 0:
            at = gather(world, campaign, cents, at, 0.0)
        merchant = _shop(world, campaign)
        shop = economy.world.places.merchants[merchant]
        row = world.request(campaign, victim, slot, economy.ledger.merchant_base + merchant, cents, at, stage)
        row["rail"], row["kind"], row["card"] = pay.CARD, pay.PURCHASE, economy.life.cards.code(victim, slot)
        row["channel"] = pay.APP if u[1] < 0.35 else pay.ONLINE
        row["entry_mode"], row["authentication"] = pay.ECOMMERCE, pay.NO_AUTHENTICATION
        if u[2] > 0.92:
            row["entry_mode"], row["authentication"] = pay.TOKEN, pay.BIOMETRIC
        elif v[0] < economy.world.habits.behaviour["three_d_secure"][0]:
            row["authentication"] = pay.THREE_D_SECURE
        row["merchant"], row["mcc"], row["category"] = merchant, shop["mcc"], shop["category_code"]
        row["terminal"] = merchant_code(merchant, int(v[1] * max(int(shop["terminals"]), 1)))
        at_home(world, row, victim, v[2], v[3])
        if u[3] < 0.3:
            row["device"] = 0xFFFFFFFF
        world.foreign_amount(row, int(shop["country"]))
        world.submit(row)
        return True


def _shop(world: Underworld, campaign: Campaign) -> int:
    """Return the shop that a ring runs at present: one of the small ones online, a third of them abroad."""
    places, names = world.economy.world.places, world.economy.world.category_names
    period = campaign.started // DAY // SHOP_DAYS
    key = (campaign.ring * 2_654_435_761 + period * 40_503 + (campaign.victim % 2) * 977) % 2**32
    area = places.homes if key % 3 else places.homes + 1 + key // 3 % (len(places.areas) - places.homes - 1)
    goods = [names.index(name) for name in GOODS if name in names]
    cell = area * len(names) + goods[key // 7 % len(goods)]
    first, end = int(places.cell_start[cell]), int(places.cell_start[cell + 1])
    if end <= first:
        return world.online_merchant(goods[0], (key % 997) / 997)
    weight = np.diff(places.cell_cumulative[first:end], prepend=0.0)
    small = np.argsort(weight, kind="stable")[: max((end - first) // 2, 1)]
    return int(places.cell_merchant[first + int(small[key // 11 % len(small)])])
