"""Synthetic identity: a made-up name opens an account, builds credit for months, then draws it up and goes.

Stages: the opening; months of ordinary purchases and repayments, in which the bank raises the limit; the bust-out, days
in which the whole line is drawn, while the checking account is emptied; repayments stop, nobody answers; half a year
later the debt is charged off, and seldom called fraud. Actors: a ring with several names. Some names are older than the
run, and some have gone before it begins.

Traces in transactions: none while credit is built (those rows are no fraud: they were paid for); then a step in
utilisation from a part to all, goods that sell again and cash-like merchants, no repayment any more, a write_off. In
`events`: account_opened, limit_changed every few months. Names of one ring share an address and devices. Genuine
look-alikes: thin files of newcomers, limits raised for others (behaviour.limit_change_per_year), and genuine defaults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finsim.agents.customer import SYNTHETIC
from finsim.agents.fraud import aftermath
from finsim.agents.fraud.own_card import draw_up, next_draw
from finsim.clock import DAY
from finsim.ledger import CREDIT_CARD, SLOTS
from finsim.rng import to_normal

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

BUILDING, BUSTING, GONE = range(3)
BUILD_SPREAD = 0.85
"""Sigma of the log of the time for which credit is built (assumption: some cannot wait, some take years)."""
LONGEST = 4.0
"""Times the median for which a name that exists at the start has been built up at most; a choice of the model."""


def building_days(median: float, u: float) -> float:
    """Return for how many days credit is built, by a uniform."""
    return median * float(np.exp(BUILD_SPREAD * to_normal(np.array([u]))[0]))


class SyntheticIdentity:
    """One made-up name."""

    name = "synthetic_identity"
    stages = ("opening", "building", "bust_out")
    probing = (2,)
    victimless = True

    def launch(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Open an account with a made-up name, or take up one that exists at the start.

        Such a one is `facts["aged"]` days old, of the `facts["build"]` in which its credit is built.
        """
        settings = world.settings.synthetic_identity
        u, v = world.draw(campaign), world.draw(campaign)
        identity = world.identities.take(u[0])
        if identity < 0:
            return None
        aged = int(campaign.facts.get("aged", 0))
        build = float(campaign.facts.get("build", building_days(settings.build_days, u[1])))
        # Who takes longer asks for more less often: what a name is worth in the end does not hang on its age.
        pace = max(build / settings.build_days, 1.0)
        limit = settings.limit_start * float(np.exp(0.4 * to_normal(u[2:3])[0]))
        limit *= settings.limit_raise ** (min(aged, build) // (pace * settings.raise_days))
        since = world.economy.day - aged if aged else world.economy.day + 1
        world.identities.open(identity, campaign.ring, SYNTHETIC, since, limit, u[3])
        world.economy.world.customers.data["transactor"][identity] = 1
        world.economy.world.customers.data["credit_tilt"][identity] *= 3.0
        campaign.facts = {
            "identity": identity, "declines": 0, "rows": [], "state": BUILDING, "pace": pace,
            "bust_at": now + int((build - aged) * DAY),
        }  # fmt: skip
        if aged > build:
            return self._already_gone(world, campaign, now, aged - build, v)
        return min(now + self._pause(world, campaign, v[0]), max(int(campaign.facts["bust_at"]), now + DAY))

    def _already_gone(self, world: Underworld, campaign: Campaign, now: int, since: float, v: np.ndarray) -> int:
        """Take up a name that busted out some days before the run: its line is used up; return its charge-off."""
        identity = campaign.facts["identity"]
        account = world.economy.ledger.accounts[identity * SLOTS + CREDIT_CARD]
        account["balance"] = -int(account["limit"] * (0.96 + 0.07 * v[1]))
        world.identities.abandon(identity)
        campaign.facts["state"] = GONE
        days = world.settings.identities.charge_off_days * float(
            np.exp(aftermath.CHARGE_OFF_SPREAD * to_normal(v[0:1])[0])
        )
        at = campaign.facts[aftermath.KEY] = now + int(max(days - since, 1.0 + 20.0 * v[2]) * DAY)
        return at

    @staticmethod
    def _pause(world: Underworld, campaign: Campaign, u: float) -> int:
        """Return the time until the next rise of the limit."""
        mean = campaign.facts["pace"] * world.settings.synthetic_identity.raise_days
        return int(max(-np.log(u) * mean, 5.0) * DAY)

    def act(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Have the limit raised while credit is built; then draw; then be charged off."""
        facts = campaign.facts
        if facts["state"] == GONE:
            world.identities.charge_off(campaign, facts["identity"], world.settings.identities.recognised)
            return None
        if facts["state"] == BUILDING:
            if now < facts["bust_at"]:
                u = world.draw(campaign)
                factor = 1.0 + (world.settings.synthetic_identity.limit_raise - 1.0) * (0.5 + u[0])
                world.economy.life.raise_limit(facts["identity"], factor, now)
                return min(now + self._pause(world, campaign, u[1]), max(int(facts["bust_at"]), now + DAY))
            facts["state"] = BUSTING
            world.identities.abandon(facts["identity"])
            world.identities.empty(campaign, facts["identity"], now)
        if draw_up(world, campaign, facts["identity"], now, 2):
            return None
        return self._end(world, campaign, now)

    def observe(self, world: Underworld, campaign: Campaign, row: np.void) -> int | None:
        """Go on until the line is used up or the card no longer works."""
        at = next_draw(world, campaign, row, world.settings.synthetic_identity.bust_days)
        return at if at is not None else self._end(world, campaign, int(row["timestamp"]))

    @staticmethod
    def _end(world: Underworld, campaign: Campaign, now: int) -> int:
        """Leave; return the time of the charge-off."""
        campaign.facts["state"] = GONE
        return aftermath.set_off(
            world, campaign, now, world.settings.identities.charge_off_days, aftermath.CHARGE_OFF_SPREAD
        )

    def wind_up(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """When the ring is gone: nobody pays for the line any more; return when it is charged off."""
        if aftermath.is_set_off(campaign):
            return int(campaign.facts[aftermath.KEY])
        return self._end(world, campaign, now) if campaign.facts["state"] == BUSTING else None

    def foretell(self, world: Underworld, campaign: Campaign, now: int) -> tuple[int, str, str] | None:
        """Return when, by whom and how the draws will be labelled; None for never."""
        s = world.settings.identities
        return world.identities.foretell(world, campaign, now, s.charge_off_days, s.recognised)
