"""What authorised push payment scams share: a script of payments that a deceived customer makes with the own means.

The whole script, with its times, stages and amounts, is drawn when the campaign begins, and so is the moment at which
the victim will understand. Outcomes change it: what is declined comes again smaller or ends the affair, what the
victim does not have is not paid. So a campaign that began before the run is the same script with its first steps
behind it, and long scams are under way on the first day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from finsim import payments as pay
from finsim.agents.customer import BUSINESS
from finsim.agents.fraud.pushing import move_savings, pay_somebody, receive
from finsim.agents.fraud.raising import raise_missing
from finsim.clock import DAY, HOUR, MINUTE
from finsim.ledger import SLOTS
from finsim.rng import Purpose, choose, to_normal

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

TRIES = 40
"""Candidates looked at for one campaign; without a fit one it comes to nothing."""
MOST_DECLINES = 3
NEVER = -1
SPENDS = 0.95
"""Most of what lies on the accounts that a victim gives for one payment (assumption)."""
SAVINGS_ANYWAY = 0.12
"""Scam payments for which money is moved from savings although there is enough (assumption: one in eight)."""


class PushScam:
    """The course of a scam along its script; a typology says whom it seeks and what the script is.

    Attributes:
        name: name of the typology.
        stages: names of the stages in order; the last two are those of the mules.
        received: the stage in which the victim is paid, if there is one.
        history_days: how long before the run a campaign may have begun that is still under way.
        least_cents: what is less is not worth a payment.
        smaller: whether victims pay less after a decline; else they try the same again.
        raises: whether victims draw on retirement savings or borrow where their accounts do not suffice.
    """

    name: str
    stages: tuple[str, ...]
    received: int | None = None
    history_days: int = 0
    least_cents: int = 1_000
    smaller: bool = True
    raises: bool = False

    # -- what a typology says -----------------------------------------------------------------------------

    def fits(self, world: Underworld, customer: int, u: float) -> bool:
        """Return whether a candidate is sought: by age, by its odds against the others."""
        return u < age_weight(world, customer, self.settings(world))

    def script(self, world: Underworld, campaign: Campaign, start: int) -> list[list[int]]:
        """Return [time, stage, cents] of every payment, in time order."""
        raise NotImplementedError

    def settings(self, world: Underworld) -> Any:
        """Return the parameters of the typology."""
        return getattr(world.settings, self.name)

    # -- the course ---------------------------------------------------------------------------------------

    def launch(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Find a victim, draw the script, and skip what lies before the run."""
        settings = self.settings(world)
        campaign.victim = self.find(world, campaign)
        if campaign.victim < 0:
            return None
        script = self.script(world, campaign, now)
        if not script:
            return None
        realises = realisation(world, campaign, settings, script[0][0])
        today = world.economy.now
        if NEVER < realises <= today:
            return None
        before = sum(step[0] < today for step in script)
        campaign.facts |= {"script": script, "realises": realises, "declines": 0, "scale": 1.0, "before": before}
        del script[:before]
        return self.due(campaign)

    def find(self, world: Underworld, campaign: Campaign) -> int:
        """Return somebody who is easily deceived, fits and has money, or -1."""
        data = world.economy.world.customers.data
        for _ in range(TRIES):
            u = world.draw(campaign)
            customer = int(choose(world.susceptible, u[0]))
            active = data["since_day"][customer] <= world.economy.day and data["mule_ring"][customer] < 0
            person = data["segment_code"][customer] != BUSINESS
            enough = funds(world, customer) >= 100 * self.settings(world).funds
            if active and person and enough and self.fits(world, customer, u[1]):
                return customer
        return -1

    def act(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Have the victim make the payment that is due, or be paid."""
        script = campaign.facts["script"]
        if not script or script[0][0] > now:
            return self.due(campaign)
        _, stage, cents = script.pop(0)
        if stage == self.received:
            receive(world, campaign, cents, now, stage)
            return self.due(campaign)
        wanted = int(cents * campaign.facts["scale"])
        if self.raises:
            missing = wanted - int(SPENDS * funds(world, campaign.victim))
            later = raise_missing(world, campaign, missing, now, self.settings(world)) - now
            if later > 0:
                for step in script:
                    step[0] += later
                script.insert(0, [now + later, stage, cents])
                return self.due(campaign)
        cents = self.affordable(world, campaign, wanted)
        if cents < self.least_cents or not self.submit(world, campaign, cents, now, stage):
            return self.due(campaign)
        return None

    def affordable(self, world: Underworld, campaign: Campaign, cents: int) -> int:
        """Return what the victim can pay of an amount, with the savings."""
        there = int(SPENDS * funds(world, campaign.victim))
        return cents if cents <= there else there // 1_000 * 1_000

    def submit(self, world: Underworld, campaign: Campaign, cents: int, at: int, stage: int) -> bool:
        """Submit a payment to somebody who works for the ring; False where there is none."""
        at = gather(world, campaign, cents, at, SAVINGS_ANYWAY)
        pay_somebody(world, campaign, cents, at, stage)
        return True

    def observe(self, world: Underworld, campaign: Campaign, row: np.void) -> int | None:
        """Go on along the script; after a decline or a question of the bank pay less, or stop believing."""
        if not row["truth"] & pay.IS_FRAUD:
            return None
        facts = campaign.facts
        if row["decision"] == pay.APPROVED:
            facts["paid"] = facts.get("paid", 0) + 1
            return self.due(campaign)
        u = world.draw(campaign)
        facts["declines"] += 1
        before = facts["scale"]
        if facts["declines"] > MOST_DECLINES or u[0] > self.settings(world).persistence:
            facts["script"] = []
            return None
        if row["decision"] == pay.DECLINED:
            again = world.evening(int(row["timestamp"]) + int((0.2 + 20.0 * u[1] ** 3) * HOUR), u[2], u[3], keep=0.6)
            self.postpone(campaign, again + HOUR)
            cents = int(row["amount"])
            if self.smaller:
                facts["scale"] *= 0.35 + 0.4 * u[2]
            facts["script"].insert(0, [again, int(row["stage"]), round(cents / before)])
        return self.due(campaign)

    def postpone(self, campaign: Campaign, until: int) -> None:
        """Move what is left of the script so that it goes on at a time or later."""
        script = campaign.facts["script"]
        if script and script[0][0] < until:
            later = until - script[0][0]
            for step in script:
                step[0] += later

    def due(self, campaign: Campaign) -> int | None:
        """Return the time of the next step; None at the end, or where the victim understands before it."""
        script = campaign.facts["script"]
        if not script or NEVER < campaign.facts["realises"] <= script[0][0]:
            return None
        return int(script[0][0])


def funds(world: Underworld, customer: int) -> int:
    """Return what a customer has on checking and savings accounts, cents."""
    account = world.economy.ledger.accounts[customer * SLOTS + 1]
    return max(world.balance(customer), 0) + max(int(account["balance"] - account["reserved"]), 0)


def age_weight(world: Underworld, customer: int, settings: Any) -> float:
    """Return how often a customer of that age is sought, against the age that is sought most."""
    age = age_of(world, customer)
    weights = (settings.under_30, settings.from_30, settings.from_45, settings.from_60, settings.from_75)
    most = max(weights)
    return float(weights[sum(age >= low for low in (30, 45, 60, 75))] / most) if most > 0 else 1.0


def age_of(world: Underworld, customer: int) -> int:
    """Return how old a customer becomes this year."""
    return world.economy.year - int(world.economy.world.customers.data["birth_year"][customer])


def realisation(world: Underworld, campaign: Campaign, settings: Any, first: int) -> int:
    """Return when the victim understands and tells the bank, microseconds; NEVER for never."""
    u = world.economy.streams.one(Purpose.REPORT, campaign.number, second=campaign.victim)
    if u[0] < settings.never_reported:
        return NEVER
    z = float(to_normal(u[1:2])[0])
    return first + int(settings.realise_days * np.exp(settings.realise_log_sigma * z) * DAY)


def gather(world: Underworld, campaign: Campaign, cents: int, at: int, anyway: float) -> int:
    """Let the victim move what is missing from savings, some of them anyway; return the time to pay after that."""
    u = world.draw(campaign)
    missing = cents - world.balance(campaign.victim)
    if missing <= 0 and u[0] >= anyway:
        return at
    move_savings(world, campaign, max(missing, cents) + 2_000, max(missing, 0), at, u[1])
    return at + int((2.0 + 25.0 * u[2]) * MINUTE)


def lognormal(u: float, median: float, sigma: float) -> float:
    """Return a lognormal variate of a uniform."""
    return float(median * np.exp(sigma * to_normal(np.array([u]))[0]))


def price(cents: float, u: float) -> int:
    """Return an amount as people ask and pay it: whole units, mostly fives and tens, hundreds where it is large."""
    step = 100
    if cents >= 1_000 and u < 0.75:
        step = 500
    if cents >= 4_000 and u < 0.55:
        step = 1_000
    if cents >= 100_000 and u < 0.7:
        step = 10_000
    return max(int(cents + step // 2) // step * step, step)
