"""Skimming: a device at a cash machine or till copies cards for some days; copies are used after a wait.

Actors: a ring, a cash machine, fuel station or convenience store that knows nothing, the cardholders. Stage: use of
a part of the copies, days after the device came off, each until a decline or enough. Sources: days BEHAVIOUR-015, the
share of cash machines BEHAVIOUR-018.

Traces in transactions: the misused cards share a genuine visit to one merchant in a window of days before (the point of
compromise); then withdrawals and purchases by magnetic stripe in one area, often far away, some keyed in or from a
mobile wallet into which the card was loaded; other copies buy remotely. In `events`: nothing but cards that are
blocked and replaced. Confounder: magnetic-stripe fallback (behaviour.magstripe_share), journeys
(behaviour.trips_away_per_year), the many customers of one machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finsim import payments as pay
from finsim.agents.fraud.present import pay_in_person, withdraw_cash
from finsim.agents.fraud.remote import buy_remotely
from finsim.clock import DAY, HOUR
from finsim.rng import to_normal

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

READ = 0.8
"""Remote attempts with copied cards whose details prove right (assumption: the stripe has no security code, and codes
are guessed or seen)."""
AT_MACHINES = 0.3
"""Uses of a copied debit card in person that take cash (assumption: less than half, since limits of a day are low)."""
STAYS = 0.35
"""Devices whose copies are used around the place of the device; those of the others are sent somewhere, at times abroad
(assumption: who puts on a device lives within reach of it)."""
PAUSE = (0.3, 1.0, 3.5)
"""Pauses between uses of a copy by careless, usual and careful thieves, against the usual ones (assumption)."""


class Skimming:
    """One device, its captured cards and their use."""

    name = "skimming"
    stages = ("use",)

    def launch(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Put a device on a terminal; what is used there leaks until it is taken off."""
        settings = world.settings.skimming
        u = world.draw(campaign)
        at_machine = u[0] < settings.cash_machine
        names = world.economy.world.category_names
        category = len(names) - 1 if at_machine else names.index("fuel" if u[1] < 0.7 else "convenience")
        merchant = world.shop(int(u[2] ** 2 * world.economy.world.places.homes), category, u[3])
        if merchant < 0:
            return None
        v = world.draw(campaign)
        days = max(1.0, -settings.days * float(np.log(v[0])))
        places = world.economy.world.places
        area = int(v[1] * places.homes) if v[2] < 0.95 else world.foreign_area(v[3])
        if v[2] < STAYS:
            area = int(places.merchants["area"][merchant])
        campaign.facts = {"copied": [], "uses": [], "area": area}
        world.theft.leak(merchant, campaign.number, now, now + int(days * DAY))
        return now + int(days * DAY)

    def act(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """When the device comes off, plan the use of its copies; then use what is due."""
        facts = campaign.facts
        settings = world.settings.skimming
        if facts["copied"]:
            for customer, slot, code in facts.pop("copied"):
                u = world.draw(campaign)
                if u[0] < settings.monetised:
                    wait = settings.wait_days * float(np.exp(0.8 * to_normal(u[1:2])[0]))
                    online = bool(u[2] < settings.online)
                    due = world.opening(now + int(wait * DAY) + int(u[3] * DAY), u[2])
                    facts["uses"].append(
                        [due, customer, slot, code, 1 + int(-np.log(u[3]) * settings.attempts), online]
                    )
            facts["copied"] = []
            facts["uses"].sort(key=lambda use: use[0])
        elif facts["uses"] and facts["uses"][0][0] <= now:
            due, customer, slot, code, left, online = facts["uses"].pop(0)
            u = world.draw(campaign)
            if online:
                factor = world.settings.card_not_present.amount_factor
                buy_remotely(world, campaign, (customer, slot, code, READ), now, 0, factor)
            elif slot == 0 and u[0] < AT_MACHINES:
                withdraw_cash(world, campaign, customer, code, now, 0, magstripe=True, far=True)
            else:
                pay_in_person(world, campaign, customer, slot, code, now, 0, counterfeit=True)
            if left > 1:
                pause = (0.1 + 9.0 * u[1] ** 2) * world.care(campaign).between(*PAUSE)
                later = world.opening(now + int(pause * HOUR), u[2])
                facts["uses"].append([later, customer, slot, code, left - 1, online])
                facts["uses"].sort(key=lambda use: use[0])
        return int(facts["uses"][0][0]) if facts["uses"] else None

    def observe(self, world: Underworld, campaign: Campaign, row: np.void) -> int | None:
        """Throw a copy away that is declined."""
        if row["decision"] == pay.DECLINED and world.draw(campaign)[0] < 0.7:
            facts = campaign.facts
            facts["uses"] = [use for use in facts["uses"] if use[1] != int(row["owner"])]
        return None
