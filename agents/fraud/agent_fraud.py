"""Agent fraud: a shop that takes cash into wallets cheats the provider for commission, or its customers by the fee.

Stages, by what the agent is up to: `split`: one deposit of a customer is booked in 2 to 6 parts, each below an edge of
the commission's tiers, minutes apart; `phantom`: deposits of nobody into somebody's wallet, taken out again within the
hour or two; `overcharge`: several times the posted fee for what people withdraw there anyway. Actors: the agent, a
customer with a wallet who mostly does not notice, the provider who pays commission by transaction.

Traces in transactions (rail wallet): several deposits of one customer at one agent within minutes whose amounts stand
just below 50, 100 or 200; a deposit and a withdrawal of one wallet in an hour; fees above 1.5 per cent. Split and
phantom deposits are cash that comes in: nobody loses them, and they count with nothing in a campaign's loss. In
`events` and `label_events`: nothing; a provider finds it by looking at an agent's commission. Genuine look-alikes:
deposits above what a till takes at once, and people who come back after minutes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.clock import HOUR, MINUTE
from finsim.ids import merchant_code
from finsim.ledger import CASH_ACCOUNT, SLOTS, WALLET
from finsim.rng import to_normal

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

SPLIT, PHANTOM, OVERCHARGE = range(3)
TIERS = (5_000, 10_000, 20_000)
"""Cents at which the commission of a transaction rises (assumption: tiers as mobile-money providers publish)."""


class AgentFraud:
    """One agent who cheats for a while, in one way."""

    name = "agent_fraud"
    stages = ("split", "phantom", "overcharge")
    probing = (0, 1, 2)
    victimless = True

    def launch(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Choose the agent and what it is up to."""
        s, agents = world.settings.agent_fraud, world.economy.wallet_agents.agents
        if not len(agents):
            return None
        u = world.draw(campaign)
        way = SPLIT if u[1] < s.split else (PHANTOM if u[1] < s.split + s.phantom else OVERCHARGE)
        campaign.facts = {
            "agent": int(agents[int(u[0] * len(agents))]),
            "way": way,
            "left": 1 + min(int(-np.log(u[2]) * s.customers), 200),
        }
        return world.opening(now, u[3])

    def act(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Cheat on one customer, then wait for the next."""
        facts, u = campaign.facts, world.draw(campaign)
        if facts["way"] == OVERCHARGE:
            return self._overcharge(world, campaign, now)
        holder = self._holder(world, facts["agent"], u)
        if holder >= 0:
            (self._split if facts["way"] == SPLIT else self._phantom)(world, campaign, holder, now)
        facts["left"] -= 1
        if facts["left"] <= 0:
            return None
        hours = world.settings.agent_fraud.gap_hours * float(np.exp(0.9 * to_normal(u[2:3])[0]))
        return world.opening(now + int(max(hours, 0.2) * HOUR), u[3])

    @staticmethod
    def _holder(world: Underworld, agent: int, u: NDArray[np.float64]) -> int:
        """Return a customer with a wallet, from the agent's own area where there is one, or -1."""
        data = world.economy.world.customers.data
        near = np.flatnonzero(data["area"] == world.economy.world.merchants.data["area"][agent])
        for some in (near, np.arange(len(data))):
            rows = some[data["accounts"][some] & 8 > 0]
            here = (data["since_day"][rows] < world.economy.day) & (data["reserved"][rows] == 0)
            if here.any():
                return int(rows[here][int(u[0] * here.sum())])
        return -1

    @staticmethod
    def _row(
        world: Underworld, campaign: Campaign, holder: int, cents: int, at: int, deposit: bool
    ) -> NDArray[np.void]:
        """Return a deposit or withdrawal at the agent's till, (1,) TRANSACTION, as genuine ones look."""
        economy, agent = world.economy, campaign.facts["agent"]
        cash = int(economy.ledger.named[CASH_ACCOUNT])
        row = world.request(campaign, holder, WALLET, cash, cents, at, campaign.facts["way"])
        row["rail"], row["channel"], row["country"], row["place"] = pay.WALLET, pay.POS, 0, -1
        row["merchant"], row["mcc"] = agent, economy.world.merchants.data["mcc"][agent]
        row["terminal"], row["kind"] = merchant_code(agent, 0), pay.WITHDRAWAL
        if deposit:
            row["payer"], row["payee"], row["slot"] = cash, holder * SLOTS + WALLET, pay.NONE
            row["kind"], row["flags"] = pay.DEPOSIT, pay.FORCED
        return row

    def _split(self, world: Underworld, campaign: Campaign, holder: int, now: int) -> None:
        """Book one deposit in parts just below an edge."""
        u, v = world.draw(campaign), world.draw(campaign)
        edge = TIERS[int(u[0] * len(TIERS))]
        at = now
        for k in range(2 + min(int(-np.log(u[1]) * 1.4), 4)):
            low = 0.72 + 0.27 * ((u[2] + 0.37 * k) % 1.0)
            cents = int(edge * low) // 100 * 100
            world.submit(self._row(world, campaign, holder, cents, at, deposit=True))
            at += int((0.8 + 6.0 * ((v[k % 4] + 0.2 * k) % 1.0)) * MINUTE)

    def _phantom(self, world: Underworld, campaign: Campaign, holder: int, now: int) -> None:
        """Book a deposit of nobody into a friend's wallet, and take it out again."""
        u = world.draw(campaign)
        cents = int(TIERS[int(u[0] * len(TIERS))] * (0.7 + 0.29 * u[1])) // 500 * 500
        world.submit(self._row(world, campaign, holder, cents, now, deposit=True))
        later = now + int((31.0 + 60.0 * u[2]) * MINUTE)
        world.submit(self._row(world, campaign, holder, cents, later, deposit=False))

    def _overcharge(self, world: Underworld, campaign: Campaign, now: int) -> int | None:
        """Take more than the posted fee from whoever withdraws there for some weeks: the fee is the fraud."""
        s, facts = world.settings.agent_fraud, campaign.facts
        if facts["agent"] in world.overcharging:
            return None  # over, or somebody else's
        u = world.draw(campaign)
        until = now + int(s.customers * s.gap_hours * -np.log(u[0]) * HOUR)
        world.overcharging[facts["agent"]] = [campaign.number, until, OVERCHARGE]
        return None

    def observe(self, world: Underworld, campaign: Campaign, row: np.void) -> int | None:
        """Return nothing: the agent goes by the clock."""
        return None
