"""Account takeover: a stranger logs in, changes details, adds a payee and moves money to mules.

Actors: a ring, the victim, mules. Stages: the way in; hours or days later transfers, each a part of the balance, less
after a decline, until the third decline, the ninth transfer or the victim's report; then what mules do. Sources: the
time before the first money BEHAVIOUR-007, the rate US-zelle-fraud, US-ach-per-adult and US-116.

Traces in transactions: transfers by app or browser to new payees, half of them rounded, from a device
seen for the first time or, in a third, the victim's own (remote access), and what mules pass on. In `events`: up to two
login_failed, a device_added where the device is strange, login now and then, contact_changed in under half of them and
alerts_changed in a quarter, payee_added minutes before a transfer; account_frozen where the bank locks the stranger
out. Confounder: a customer with a new telephone who forgot the password and pays somebody new
(behaviour.errand_share), and genuine changes of details (behaviour.contact_change_per_year).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finsim.agents.fraud.draining import drain, goes_on
from finsim.clock import HOUR, MINUTE
from finsim.ids import ring_code
from finsim.rng import to_normal

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

GREED, PAUSE = (1.4, 1.0, 0.6), (0.3, 1.0, 5.0)
"""Share of the balance that a transfer tries to take, and pauses between two, of careless, usual and careful thieves,
against the usual ones (assumption)."""
MOST, MORE_OR_LESS = 900_000, 0.3
"""Cents that a transfer takes at most on average, and how far that lies apart from one to the next, as a share of it
(assumption: banks' limits differ, and so does what thieves believe of them)."""


class AccountTakeover:
    """One account taken over."""

    name = "account_takeover"
    stages = ("transfer", "layering", "cash_out")

    def launch(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Get in with phished or guessed credentials and change what would warn the owner."""
        settings = world.settings.account_takeover
        victim = world.find_victim(campaign)
        if victim < 0:
            return None
        u, v = world.draw(campaign), world.draw(campaign)
        campaign.victim = victim
        own = u[0] < settings.own_device
        device = world.own_device(victim) if own else world.fresh_device(campaign, u[1])
        ip = world.own_ip(victim) if own else ring_code(max(campaign.ring, 0), 131_072 + int(u[1] * 400))
        first = world.evening(now, u[2], u[3], ring=campaign.ring)
        if not own:
            world.enrol(device, victim, first - int(v[0] * 3) * 40_000_000)  # failed logins come before it
        log = world.economy.log
        for k in range(int(v[0] * 3)):
            log.event(first - (k + 1) * 40_000_000, victim, "login_failed", device=device, ip=ip)
        if world.draw(campaign)[0] < world.economy.config.parameters.behaviour.login_sample:  # as everybody's
            log.event(first, victim, "login", device=device, ip=ip)
        if not own:
            log.event(first, victim, "device_added", device=device, ip=ip)
        if v[1] < 0.45:
            log.event(first + 4 * MINUTE, victim, "contact_changed", device=device, ip=ip)
        if v[1] < 0.25:
            log.event(first + 5 * MINUTE, victim, "alerts_changed", device=device, ip=ip)
        campaign.facts = {
            "device": device,
            "left": 1 + min(int(-np.log(v[2]) * settings.transfers), 8),
            "declines": 0,
            "own": own,
            "scale": 1.0,
        }
        return first + int(max(settings.prepare_hours * np.exp(1.6 * to_normal(v[3:4])[0]), 0.1) * HOUR)

    def act(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Add a mule as a payee and try to move a part of the balance."""
        settings = world.settings.account_takeover
        facts = campaign.facts
        u = world.draw(campaign)
        share = min(settings.share_of_balance * float(np.exp(0.6 * to_normal(u[0:1])[0])), 0.97) * facts["scale"]
        share = min(share * world.size(campaign) * world.care(campaign).between(*GREED), 0.97)
        drain(world, campaign, now, share, u[1], int(MOST * (1.0 + MORE_OR_LESS * (2.0 * u[2] - 1.0))))
        return None

    def observe(self, world: Underworld, campaign: Campaign, row: np.void) -> int | None:
        """After a decline try a smaller amount, mostly; go on while there is money."""
        if row["stage"] > 0:
            return None
        u = world.draw(campaign)
        if not goes_on(campaign, row, 0.55):
            return None
        pause = (0.05 + 6.0 * u[0] ** 2) * world.care(campaign).between(*PAUSE)
        return int(row["timestamp"]) + int(pause * HOUR)
