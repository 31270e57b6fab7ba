"""SIM swap: the victim's number is moved to the thief's card, codes by message arrive there, the account is drained.

Stages: at times a device enrolled days before with phished credentials; the new SIM; a password reset where it was not
phished; a device enrolled, a browser that is not, or a copy of the victim's own; a new payee, transfers to mules within
minutes to half a day, mostly at night and at weekends, then what mules do. Actors: a ring, somebody at the carrier, the
victim, mules.

Traces in transactions: transfers to a new payee from a device seen for the first time, which pass every challenge by
one-time code; the victim's own payments pause. In `events`: sim_changed where the carrier tells the bank
(behaviour.sim_known_share), password_reset, device_added, at times contact_changed; each in a part of the campaigns.
Genuine look-alikes: a new telephone with a new SIM card and a password forgotten (behaviour.sim_change_per_year), on
the occasion of a payment that follows at once (behaviour.errand_share).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finsim import payments as pay
from finsim.agents.fraud.draining import LEAST, drain, goes_on
from finsim.clock import DAY, HOUR, MINUTE, weekday
from finsim.ids import ring_code
from finsim.rng import to_normal

SPREAD = 1.3
"""Sigma of the log of the time from the new SIM to the first transfer (assumption: some wait for the night)."""
PHISHED = 0.55
"""Campaigns in which the password is known beforehand and needs no reset (assumption: phishing comes first)."""
BEFORE, AFTER = 0.3, 0.3
"""Campaigns that enrol their device days before the swap, and after it; the others use a browser that stays unknown to
the bank (assumption)."""
COPIED = 0.3
"""Campaigns from something that the bank takes for the victim's own device (assumption: its fingerprint is stolen with
the password, as thieves of cards do)."""
BEFORE_DAYS = 6.0
"""Mean days from an enrolment to the swap (assumption: until somebody at the carrier is found)."""

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld


FIRST_TAKE, NEXT_TAKE = 500_000, 2_000_000
"""Cents that the first transfer takes at most, below what most banks hold, and a later one, mostly to the same payee,
so that both together are what banks let out in a day (banks.institutions: new_payee_hold, transfer_day_limit)."""

CHANGES = 0.25
"""Later transfers that go to another mule (assumption: few, since who was paid once is held less than somebody new)."""

READS_LIMIT = 0.9
"""Transfers for which the thief reads on the bank's page how much may still be sent today (assumption)."""


class SimSwap:
    """One number taken over, and the account that hangs on it."""

    name = "sim_swap"
    stages = ("transfer", "layering", "cash_out")

    def launch(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Choose the richest of some whose numbers can be had, and a time at which a dead telephone is noticed late."""
        found = [world.find_victim(campaign) for _ in range(max(world.settings.sim_swap.candidates, 1))]
        victim = max(found, key=lambda customer: world.balance(customer) if customer >= 0 else -1)
        if victim < 0:
            return None
        u = world.draw(campaign)
        campaign.victim = victim
        ring = max(campaign.ring, 0)
        campaign.facts = {
            "device": world.fresh_device(campaign, u[0]),
            "ip": ring_code(ring, 131_072 + int(u[1] * 400)),
            "left": 0,
            "declines": 0,
            "scale": 1.0,
            "receives_codes": True,
            "moved": False,
            "changes": CHANGES,
        }
        v = world.draw(campaign)
        if v[3] < COPIED:
            campaign.facts |= {"device": world.own_device(victim), "enrol": False}
            return _quiet_time(now, u[2], u[3])
        campaign.facts["enrol"] = bool(BEFORE <= v[0] < BEFORE + AFTER)
        campaign.facts["browser"] = bool(v[0] >= BEFORE + AFTER)
        if v[0] >= BEFORE:
            return _quiet_time(now, u[2], u[3])
        self._enrol(world, campaign, now, v[1])
        return _quiet_time(now + int(-np.log(v[2]) * BEFORE_DAYS * DAY), u[2], u[3])

    def act(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """First have the number moved and get in; from then on try to move a part of the balance."""
        settings, facts = world.settings.sim_swap, campaign.facts
        u, v = world.draw(campaign), world.draw(campaign)
        if not facts["moved"]:
            facts["moved"] = True
            facts["left"] = 1 + min(int(-np.log(v[0]) * (settings.transfers - 0.5)), 8)
            minutes = max(settings.minutes * float(np.exp(SPREAD * to_normal(v[1:2])[0])), 6.0)
            first = now + int(minutes * MINUTE)
            self._get_in(world, campaign, now, first, u)
            return first
        through = facts.get("through", False)
        share = (1.4 if through else 1.0) * settings.share_of_balance * float(np.exp(0.6 * to_normal(u[0:1])[0]))
        most = int((0.6 + 0.4 * u[2]) * (NEXT_TAKE if through else FIRST_TAKE))
        if u[3] < READS_LIMIT:
            most = min(most, world.may_send(campaign.victim, now))
            if most < LEAST and not facts.get("waited"):
                return self._midnight(campaign, now, v[3])
        drain(world, campaign, now, min(share, 0.97) * facts["scale"], u[1], most)
        return None

    def _get_in(self, world: Underworld, campaign: Campaign, now: int, first: int, u: np.ndarray) -> None:
        """Leave the traces between the new SIM and the first transfer."""
        log, victim, facts = world.economy.log, campaign.victim, campaign.facts
        device, ip = facts["device"], facts["ip"]
        if device != world.own_device(victim) and not facts["enrol"]:
            world.saw(device, first)
        world.economy.life.new_sim(victim, now)
        start, span = now + (first - now) // 3, first - now
        if u[1] >= PHISHED:
            log.event(start, victim, "password_reset", device=device, ip=ip)
        if facts["enrol"]:
            self._enrol(world, campaign, start + span // 8, u[3])
        if u[2] < 0.4:
            log.event(start + span // 5, victim, "contact_changed", device=device, ip=ip)

    @staticmethod
    def _enrol(world: Underworld, campaign: Campaign, at: int, u: float) -> None:
        """Log in and have the bank know the device; everyday logins are thinned as everybody's are."""
        device, ip, victim = campaign.facts["device"], campaign.facts["ip"], campaign.victim
        world.enrol(device, victim, at - MINUTE)
        if u < world.economy.config.parameters.behaviour.login_sample:
            world.economy.log.event(at - MINUTE, victim, "login", device=device, ip=ip)
        world.economy.log.event(at, victim, "device_added", device=device, ip=ip)

    def observe(self, world: Underworld, campaign: Campaign, row: np.void) -> int | None:
        """Go on quickly while there is money; at a limit wait for midnight, after another decline try less."""
        if row["stage"] > 0:
            return None
        u = world.draw(campaign)
        if row["decision"] == pay.APPROVED:
            campaign.facts["through"] = True
        limited = row["decision"] == pay.DECLINED and row["decline_reason"] == pay.LIMIT
        if limited and campaign.facts["left"] > 0 and not campaign.facts.get("waited"):
            return self._midnight(campaign, int(row["timestamp"]), u[1])
        if not goes_on(campaign, row, 0.5):
            return None
        return int(row["timestamp"]) + int((3.0 + 40.0 * u[0] ** 2) * MINUTE)

    @staticmethod
    def _midnight(campaign: Campaign, now: int, u: float) -> int:
        """Return a time soon after midnight, for once: the limit is of a day, and the night is long."""
        campaign.facts["waited"] = True
        return (now // DAY + 1) * DAY + int((3.0 + 90.0 * u) * MINUTE)


def _quiet_time(now: int, u: float, v: float) -> int:
    """Return a time within the next days: two in three at night or a weekend (assumption), the others at any hour."""
    if u > 2 / 3:
        return now + int(v * 12 * HOUR)
    night = now // DAY * DAY + int((21.0 + 8.0 * v) * HOUR)
    if u < 1 / 3:
        return night if night >= now else night + DAY
    days = (5 - weekday(now // DAY)) % 7
    weekend = (now // DAY + days) * DAY + int((9.0 + 36.0 * v) * HOUR)
    return weekend if weekend >= now else night + DAY
