"""A typology of laundering: a pattern, cast with accounts, moved on by one scheduler.

What is laundered comes from outside the economy (cash takings of crime, proceeds at other banks): a campaign of its
own, laundering and no fraud. Each subclass draws its pattern; launching, acting and observing are the same for all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from finsim.agents.fraud.laundering import scheduler
from finsim.agents.fraud.laundering.accounts import cast_accounts
from finsim.agents.fraud.laundering.pattern import INSIDE, OUTSIDE, STAGES, TEST, Draws, Pattern
from finsim.clock import DAY

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld


class LaunderingTypology(ABC):
    """One pattern of laundering.

    Attributes:
        name: name of the typology, as `typology` exports it.
        stages: names of the stages.
        fewest: smallest size of the pattern.
        waits_for_releases: held payments matter to it when they are released or refused.
    """

    name: ClassVar[str]
    stages: ClassVar[tuple[str, ...]] = STAGES
    fewest: ClassVar[int]
    waits_for_releases: ClassVar[bool] = True

    @abstractmethod
    def sketch(self, size: int, days: float, draws: Draws) -> Pattern:
        """Draw the pattern.

        Args:
            size: accounts, or deposits, beside those that every pattern of this kind has.
            days: time over which it takes place.
            draws: the campaign's uniforms.
        """

    def launch(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Draw a pattern that the available accounts suffice for, and cast it; None where they do not."""
        settings = getattr(world.settings, self.name)
        draws = Draws(world, campaign)
        size = min(self.fewest + draws.extra(settings.extra), self.fewest + 12)
        days = draws.exponential(settings.window_days)
        available = len(world.mule_market.working())
        pattern = self.sketch(size, days, draws)
        while pattern.inside > available and size > self.fewest:
            size -= 1
            pattern = self.sketch(size, days, draws)
        accounts = cast_accounts(world, campaign, pattern.roles, draws)
        if accounts is None:
            return None
        cents = pattern.cents
        if not cents:
            spread = settings.amount_log_sigma * draws.normal()
            cents = int(100.0 * settings.amount_median * np.exp(spread) * size / (self.fewest + settings.extra))
        _test_accounts(world, campaign, pattern, accounts, draws)
        return scheduler.start(world, campaign, pattern.legs, accounts, cents, now)

    def act(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Make the payments that are due."""
        return scheduler.act(world, campaign, now)

    def observe(self, world: Underworld, campaign: Campaign, row: np.void) -> int | None:
        """Pass on what went through; what was declined or frozen is not passed on."""
        return scheduler.observe(world, campaign, row)

    def wind_up(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """When the ring is gone, nothing more moves; return when an investigation uncovers it, or None."""
        del now
        return scheduler.wind_up(world, campaign)

    def foretell(self, world: Underworld, campaign: Campaign, now: int) -> tuple[int, str, str] | None:
        """Return when, by whom and how its payments will be labelled; None for never."""
        del now
        return scheduler.foretell(world, campaign)


def _test_accounts(world: Underworld, campaign: Campaign, pattern: Pattern, accounts: list[int], draws: Draws) -> None:
    """Have some accounts that are new to the ring get a small amount first and pass it on; all else waits for that."""
    share = world.settings.laundering.tests
    delay = 0
    legs = pattern.legs
    rest = len(legs)
    for role in [role for role, where in enumerate(pattern.roles) if where == INSIDE]:
        if draws() >= share or not world.mule_market.is_fresh(accounts[role]):
            continue
        sender = pattern.role(OUTSIDE)
        accounts.extend(cast_accounts(world, campaign, [OUTSIDE], draws) or [])
        first = pattern.add(sender, role, day=draws(), stage=TEST, single=True)
        legs[first].planned = (2 + int(10 * draws())) * 500
        back = pattern.add(role, sender, 1.0, [first], stage=TEST, single=True)
        legs[back].earliest = legs[first].earliest
        delay = max(delay, int((1.0 + 2.0 * draws()) * DAY))
    for leg in legs[:rest]:
        leg.earliest += delay
