"""Invoice redirection (business e-mail compromise): a firm pays a known supplier's invoice to somebody else's account.

Actors: a ring that reads a firm's mail, a supplier who knows nothing, a mule account with the supplier's name. Stages:
an invoice of a regular supplier, a large one where the ring aims, comes again with new bank details; for some the next
one too.
Transactions: a payment to a first-ever payee whose amount, hour, rail and channel are those of the supplier's genuine
invoices, while the supplier's old account was paid weeks before. Events: payee_added. The supplier's own reminder
uncovers it. Confounder: new suppliers, and known ones that change their bank (behaviour.occasions.supplier_new,
supplier_change_years).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.agents.fraud.pushing import at_home, login
from finsim.agents.fraud.scam import TRIES, PushScam, funds, lognormal
from finsim.agents.plan_suppliers import CHECKS, MOST_INVOICES, ONE_OFF, invoice_rail, invoices
from finsim.clock import DAY, HOUR, is_banking_day, next_banking_day
from finsim.rng import choose

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

INVOICE, NEXT_INVOICE = 0, 1
COME_UPON = 0.5
"""Power of their size with which firms and invoices are found where nobody aims at large ones (assumption: passwords
are phished from whoever answers, and larger firms have more mailboxes)."""
KNOWN_DAYS = 200
"""Days before which a payment to somebody is forgotten."""


class InvoiceRedirection(PushScam):
    """One firm whose mail is read."""

    name = "invoice_redirection"
    stages = ("invoice", "next_invoice", "layering", "cash_out")
    history_days = 75
    least_cents = 5_000
    smaller = False

    def find(self, world: Underworld, campaign: Campaign) -> int:
        """Return a firm, larger ones more often where they are aimed at, or -1."""
        economy, settings = world.economy, self.settings(world)
        data, firms = economy.world.customers.data, economy.world.people.businesses
        if not len(firms):
            return -1
        campaign.facts["aimed"] = bool(world.draw(campaign)[0] < settings.aimed)
        weights = _by_size(campaign, data["business_out"][firms], settings.large_firms)
        for _ in range(TRIES):
            u = world.draw(campaign)
            firm = int(firms[choose(weights, u[0])])
            active = data["since_day"][firm] <= economy.day and data["mule_ring"][firm] < 0
            if active and funds(world, firm) >= 100 * settings.funds:
                return firm
        return -1

    def script(self, world: Underworld, campaign: Campaign, start: int) -> list[list[int]]:
        """Return the forged copy of a genuine invoice, and for some the next one; nothing where there is none."""
        settings = self.settings(world)
        u, v, w = world.draw(campaign), world.draw(campaign), world.draw(campaign)
        at = start + int(lognormal(u[0], settings.wait_days, 0.7) * DAY)
        seen = self._mail(world, campaign.victim, at // DAY, settings.look_back_days)
        campaign.facts["known"] = self._known(world, campaign.victim, at // DAY)
        seen = seen[seen[:, 3] < ONE_OFF]
        if not len(seen):
            return []
        weights = _by_size(campaign, seen[:, 1], settings.large)
        copied = seen[choose(weights, u[1])]
        cents = int(copied[1])
        if u[2] >= settings.exact:
            cents = int(cents * (0.96 + 0.08 * v[0]))
        script = [[_office(at, v[1]), INVOICE, cents]]
        if u[3] < settings.second_payment:
            again = script[0][0] + int((5.0 + 25.0 * v[2]) * DAY)
            script.append([_office(again, w[0]), NEXT_INVOICE, int(cents * np.exp(0.5 * (w[1] - 0.5)))])
        return script

    def _known(self, world: Underworld, firm: int, day: int) -> list[int]:
        """Return the accounts, in order, that a firm pays around a day, as its suppliers or otherwise."""
        people = world.economy.world.people
        invoices = self._mail(world, firm, day + KNOWN_DAYS // 10, KNOWN_DAYS)[:, 2]
        known = np.unique(np.concatenate([invoices, people.payees[firm], people.contacts[firm]]))
        return [int(account) for account in known]

    @staticmethod
    def _mail(world: Underworld, firm: int, day: int, back: int) -> NDArray[np.int64]:
        """Return the invoices before a day, (n, 4) int64: day, cents, payee's account, rank of the supplier."""
        economy = world.economy
        days = np.array([d for d in range(day - back, day - 1) if is_banking_day(d)], dtype=np.int64)
        out = np.empty((MOST_INVOICES * len(days), 4), dtype=np.int64)
        people, keys = economy.world.people, economy.world.books.keys
        count = invoices(firm, days, economy.world.habits.behaviour, people, keys, out)
        return out[:count]

    def affordable(self, world: Underworld, campaign: Campaign, cents: int) -> int:
        """Return the invoice's amount, or 0: an invoice is paid whole."""
        return cents if cents <= world.balance(campaign.victim) else 0

    def submit(self, world: Underworld, campaign: Campaign, cents: int, at: int, stage: int) -> bool:
        """Pay as firms pay suppliers."""
        login(world, campaign, at - 240_000_000)
        u, v = world.draw(campaign), world.draw(campaign)
        if "mule" not in campaign.facts:
            campaign.facts["mule"] = self._account(world, campaign)
        row = world.request(campaign, campaign.victim, 0, campaign.facts["mule"], cents, at, stage)
        row["kind"], row["channel"] = pay.TRANSFER, pay.ONLINE
        row["rail"] = invoice_rail(cents, CHECKS + (1.0 - CHECKS) * u[2])  # a new account is no reason for a check
        if u[3] < 0.85:
            at_home(world, row, campaign.victim, v[0], v[1])
            row["authentication"] = pay.ONE_TIME_CODE if v[0] < 0.5 else pay.NO_AUTHENTICATION
        else:
            row["channel"] = pay.BRANCH
        world.submit(row)
        return True

    @staticmethod
    def _account(world: Underworld, campaign: Campaign) -> int:
        """Return the account of a mule that the firm does not pay already."""
        for _ in range(TRIES):
            u = world.draw(campaign)
            account = world.mule_market.choose(campaign, u[0], u[1])
            if account not in campaign.facts["known"]:
                break
        return account


def _by_size(campaign: Campaign, sizes: NDArray[np.int64], aimed: float) -> NDArray[np.float64]:
    """Return cumulative weights of sizes, (n,) float64: to the power `aimed` where the ring aims at large ones."""
    return np.cumsum(sizes.astype(float) ** (aimed if campaign.facts["aimed"] else COME_UPON))


def _office(at: int, u: float) -> int:
    """Return a time in office hours of that banking day or the next one."""
    return next_banking_day(at // DAY) * DAY + int((8.5 + 8.5 * u) * HOUR)
