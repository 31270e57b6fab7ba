"""Merchant collusion and transaction laundering: a shop books sales that never were, or those of another business.

Stages: a front is boarded in a harmless category, or an existing online shop is turned; some weeks of plausible sales;
then a step in volume, either sales on stolen and complicit cards (collusion, at times followed by bogus refunds to a
complicit card) or the sales of a hidden shop to people who know what they buy (laundering); pay-outs; chargebacks come
weeks later, when many a front has vanished and its acquirer has to pay. Actors: a ring, the merchant, mules with cards,
cardholders, the acquirer.

Traces in transactions: tickets, hours and a volume that do not fit the merchant's category, few cards that come back,
refunds to cards that hardly bought; in `settlements` chargebacks above one per cent of sales, a write_off by the
acquirer where a merchant vanished; in `label_events` the cardholders' claims and, where somebody looks at the merchant,
the scheme's notice for all of its sales. In `events`: only the cards that cardholders have replaced. Genuine
look-alikes: small shops with a sale or a season, honest disputes at any merchant, categories with many refunds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.agents.fraud import aftermath
from finsim.agents.fraud.remote import buy_remotely
from finsim.clock import DAY, HOUR
from finsim.ids import NO_CODE, merchant_code
from finsim.ledger import CREDIT_CARD, SLOTS
from finsim.rng import to_normal

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

COVER, SALE, LAUNDERED, REFUND = range(4)
IN_USE = 2
COVER_SALES = 6
"""Mean plausible sales on complicit cards before the others (assumption)."""
REVIEW_SPREAD = 0.5
"""Sigma of the log of the time until the acquirer's review (assumption)."""
HIDDEN_LOG_MEAN, HIDDEN_SIGMA = 4.1, 0.75
"""Log of the tickets, in units of currency, of the hidden business (assumption: gambling, pills, content)."""


class MerchantCollusion:
    """One merchant that works for a ring."""

    name = "merchant_collusion"
    stages = ("cover", "sale", "laundered_sale", "refund")
    probing = (0, 1, 2, 3)
    victimless = True

    def launch(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Board a front, or turn an online shop, and decide on what it is for."""
        s = world.settings.merchant_collusion
        u, v = world.draw(campaign), world.draw(campaign)
        merchant, front = self._merchant(world, u)
        if merchant < 0:
            return None
        begins = now + int(-np.log(v[0]) * s.cover_days * DAY)
        campaign.facts = {
            "shop": merchant,
            "front": front,
            "laundering": bool(v[1] < s.laundering),
            "begins": begins,
            "left": 1 + min(int(-np.log(v[2]) * s.sales), 400),
            "refunds": int(3 * v[3]),
            "rows": [],
            "state": "open",
        }
        return world.evening(now, u[2], u[3])

    @staticmethod
    def _merchant(world: Underworld, u: NDArray[np.float64]) -> tuple[int, bool]:
        """Return a front that nobody uses yet, or an existing online shop; and whether it is a front."""
        s, economy = world.settings.merchant_collusion, world.economy
        data = economy.world.merchants.data
        free = np.flatnonzero(data["front"] == 1)
        if u[0] < s.set_up and len(free):
            merchant = int(free[int(u[1] * len(free))])
            data["front"][merchant] = IN_USE
            return merchant, True
        shops = np.flatnonzero((data["online"] == 1) & (data["country"] == 0) & (data["front"] == 0))
        return (int(shops[int(u[1] * len(shops))]), False) if len(shops) else (-1, False)

    def act(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Book one sale or refund; at the end vanish, or be found out."""
        facts = campaign.facts
        if facts["state"] == "closed":
            return self._found_out(world, campaign, now)
        if facts["left"] <= 0:
            if facts["refunds"] > 0 and not facts["laundering"] and self._refund(world, campaign, now):
                facts["refunds"] -= 1
                return now + int((6.0 + 60.0 * world.draw(campaign)[0]) * HOUR)
            return self._close(world, campaign, now)
        if now < facts["begins"]:
            self._sell(world, campaign, now, COVER)
        else:
            facts["left"] -= 1
            self._sell(world, campaign, now, LAUNDERED if facts["laundering"] else SALE)
        return self._next(world, campaign, now)

    @staticmethod
    def _next(world: Underworld, campaign: Campaign, now: int) -> int:
        """Return the time of the next sale: seldom at first, then as often as the ring has cards or the shop buyers."""
        s, u = world.settings.merchant_collusion, world.draw(campaign)
        busy = now >= campaign.facts["begins"]
        days = s.sales_days / s.sales if busy else s.cover_days / COVER_SALES
        return world.evening(now + int(-np.log(u[0]) * days * DAY), u[1], u[2], keep=0.35 if busy else 0.1)

    def _sell(self, world: Underworld, campaign: Campaign, now: int, stage: int) -> None:
        """Submit one sale: on the card of a mule, of a stranger, or of somebody who buys from the hidden shop."""
        facts, economy, u = campaign.facts, world.economy, world.draw(campaign)
        holder = self._buyer(world, u) if stage == LAUNDERED else self._mule(world, campaign, u)
        if stage == SALE and u[2] >= world.settings.merchant_collusion.complicit:
            stolen = world.credentials.take(world, campaign, 1, cheap=0.0)
            if stolen:
                facts["merchant"] = facts["shop"]
                buy_remotely(world, campaign, stolen[0], now, stage, 1.15)
                return
        if holder < 0:
            return
        shop = economy.world.places.merchants[facts["shop"]]
        k = economy.world.habits.categories[int(shop["category_code"])]
        z = float(to_normal(u[3:4])[0])
        cents = int(np.exp(k["log_mean"] + 0.9 * float(k["sigma"]) * z + float(shop["price"])))
        if stage == LAUNDERED:
            cents = int(100 * np.exp(HIDDEN_LOG_MEAN + HIDDEN_SIGMA * z))
        self._own_sale(world, campaign, holder, max(min(cents, 400_000), 500), now, stage)

    @staticmethod
    def _mule(world: Underworld, campaign: Campaign, u: NDArray[np.float64]) -> int:
        """Return a mule of the ring who has a card, or -1."""
        data = world.economy.world.customers.data
        pool = [row for row in world.mule_market.pool.get(campaign.ring, []) if data["cards"][row] & 5]
        return pool[int(u[0] * len(pool))] if pool else -1

    @staticmethod
    def _buyer(world: Underworld, u: NDArray[np.float64]) -> int:
        """Return a customer of the hidden shop: anybody with a card, younger ones more, or -1."""
        data = world.economy.world.customers.data
        for draw in (u[0], u[1]):
            row = int(draw * len(data))
            if data["since_day"][row] <= world.economy.day and data["cards"][row] & 5 and not data["reserved"][row]:
                return row
        return -1

    @staticmethod
    def _own_sale(world: Underworld, campaign: Campaign, customer: int, cents: int, at: int, stage: int) -> None:
        """Submit a sale on a card that its holder lets be used, as genuine remote purchases look."""
        economy = world.economy
        u, v = world.draw(campaign), world.draw(campaign)
        data, shop = economy.world.customers.data, campaign.facts["shop"]
        cards = int(data["cards"][customer])
        slot = CREDIT_CARD if cards & 4 and (u[0] < 0.5 or not cards & 1) else 0
        if v[0] < 0.35:
            cents = cents // 100 * 100 + 99
        row = world.request(campaign, customer, slot, economy.ledger.merchant_base + shop, cents, at, stage)
        row["payer"] = customer * SLOTS + slot
        row["rail"], row["kind"], row["card"] = pay.CARD, pay.PURCHASE, economy.life.cards.code(customer, slot)
        place = economy.world.places.merchants[shop]
        row["merchant"], row["mcc"], row["category"] = shop, place["mcc"], place["category_code"]
        row["terminal"] = merchant_code(shop, int(u[1] * max(int(place["terminals"]), 1)))
        row["channel"] = pay.APP if u[2] < 0.35 else pay.ONLINE
        row["entry_mode"], row["authentication"] = pay.ECOMMERCE, pay.NO_AUTHENTICATION
        if u[3] < 0.25:
            row["entry_mode"] = pay.CARD_ON_FILE
        elif u[3] > 0.9:
            row["entry_mode"], row["authentication"] = pay.TOKEN, pay.BIOMETRIC
        row["device"] = world.own_device(customer) if v[1] < 0.7 else NO_CODE
        row["ip"], row["place"], row["country"] = world.own_ip(customer), data["area"][customer], 0
        world.submit(row)

    def _refund(self, world: Underworld, campaign: Campaign, now: int) -> bool:
        """Submit a bogus refund to the card of a mule, against one of its sales; False where there is none."""
        economy, facts = world.economy, campaign.facts
        sales = [row for row in facts["rows"] if row[5]]
        if not sales:
            return False
        number, at, account, cents, card, _ = sales[int(world.draw(campaign)[0] * len(sales))]
        customer = account // SLOTS
        facts["rows"] = [[*row[:5], row[5] and row[0] != number] for row in facts["rows"]]
        row = world.request(campaign, customer, 0, account, cents, now, REFUND)
        row["payer"], row["slot"], row["card"] = economy.ledger.merchant_base + facts["shop"], pay.NONE, card
        place = economy.world.places.merchants[facts["shop"]]
        row["merchant"], row["mcc"], row["category"] = facts["shop"], place["mcc"], place["category_code"]
        row["terminal"], row["country"] = merchant_code(facts["shop"], 0), 0
        row["rail"], row["kind"], row["channel"], row["flags"] = pay.CARD, pay.REFUND, pay.ONLINE, pay.FORCED
        row["place"] = economy.world.customers.data["area"][customer]
        row["related_id"] = number if at >= economy.export_start else 0
        world.submit(row)
        return True

    def observe(self, world: Underworld, campaign: Campaign, row: np.void) -> int | None:
        """Keep what went through; everything else goes by the clock."""
        if row["decision"] == pay.APPROVED and row["kind"] == pay.PURCHASE:
            complicit = not row["flags"] & pay.THIEF
            campaign.facts["rows"].append(
                [int(row[name]) for name in ("transaction_id", "timestamp", "payer", "amount", "card")] + [complicit]
            )
        return None

    @staticmethod
    def _close(world: Underworld, campaign: Campaign, now: int) -> int:
        """End the sales; a front mostly vanishes. Return when the acquirer's review finds it."""
        facts, s, u = campaign.facts, world.settings.merchant_collusion, world.draw(campaign)
        facts["state"] = "closed"
        if facts["front"] and u[0] < s.vanishes:
            data = world.economy.world.merchants.data
            data["vanished_day"][facts["shop"]] = world.economy.day
            data["working_cents"][facts["shop"]] = 0
        return aftermath.set_off(world, campaign, now, 7.0 * s.review_weeks, REVIEW_SPREAD)

    def wind_up(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """When the ring is gone: the front closes; return when the acquirer's review finds it."""
        if aftermath.is_set_off(campaign):
            return int(campaign.facts[aftermath.KEY])
        return self._close(world, campaign, now) if campaign.facts["state"] == "open" else None

    @staticmethod
    def foretell(world: Underworld, campaign: Campaign, now: int) -> tuple[int, str, str] | None:
        """Return when, by whom and how the sales will be labelled; one that still sells counts as over."""
        days = 7.0 * world.settings.merchant_collusion.review_weeks
        at = aftermath.due(world, campaign, now, days, REVIEW_SPREAD)
        return None if at is None else (at, "scheme", "fraud")

    @staticmethod
    def _found_out(world: Underworld, campaign: Campaign, now: int) -> None:
        """Let the scheme tell the issuers which sales were no sales."""
        campaign.facts["state"], campaign.facts[aftermath.KEY] = "found", aftermath.DONE
        for number, at, account, _, _, _ in campaign.facts["rows"]:
            bank = world.economy.banks[int(world.economy.world.customers.data["institution"][account // SLOTS])]
            bank.claims.label(number, at, now, "scheme", None, "fraud")
