"""What mules do with stolen money: it rests with them for a time drawn beforehand, then goes on, or is taken back.

It goes to another mule, to somebody at another bank, to an exchange, or out of a cash machine or at a wallet agent.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

import numpy as np

from finsim import payments as pay
from finsim.agents.cards import DEBIT
from finsim.agents.fraud import registry
from finsim.agents.fraud.present import withdraw_cash
from finsim.agents.slots import WIRE_FROM
from finsim.clock import DAY, HOUR, MINUTE
from finsim.ids import merchant_code, ring_code
from finsim.ledger import CASH_ACCOUNT, EXCHANGE, SLOTS, WALLET
from finsim.rng import to_normal

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld

KEY = "mules"
LAYERING, CASH_OUT = -2, -1
"""Stages of what mules do: the last two of every typology that needs them."""
MOST_HOPS = 3
CHANGES = 0.4
"""Payments of a thief for which another mule is named, unless the campaign says otherwise (assumption)."""
INSTANT_TILT = 0.85
"""By how much strangers lean to the instant rail, where nothing comes back (assumption)."""
WIRED = 0.65
"""Large transfers of strangers that go by wire, which is final within the day; others' are mostly ACH (assumption)."""


class MuleMoney:
    """The money that rests with mules, and how it moves.

    Args:
        underworld: the underworld whose campaigns it comes from.
    """

    def __init__(self, underworld: Underworld) -> None:
        self.underworld = underworld
        self.due: list[tuple[int, int, int, int, int, int]] = []  # time, ordinal, campaign, mule, cents, hop
        self.ordinal = 0
        self.recalled: dict[int, tuple[int, int]] = {}  # mule -> tick and cents recalled in it
        underworld.economy.enlist(KEY, self)

    def pay(self, campaign: Campaign, customer: int, cents: int, at: int, stage: int, device: int, thief: bool) -> None:
        """Submit the payment of a victim to a mule."""
        world = self.underworld
        economy = world.economy
        u, v = world.draw(campaign), world.draw(campaign)
        payee = campaign.facts.get("mule")
        if payee is None or u[0] < campaign.facts.get("changes", CHANGES) or payee // SLOTS == customer:
            payee = world.mule_market.choose(campaign, u[1], u[2])
            campaign.facts["mule"] = payee
        row = world.request(campaign, customer, 0, payee, cents, at, stage)
        self._send(row, u[3], v, thief=thief, browser=bool(campaign.facts.get("browser")))
        self._from_purse(row, customer)
        row["device"] = device
        near = not thief or v[2] < 0.6
        row["place"] = (
            economy.world.customers.data["area"][customer] if near else world.ring_area(max(campaign.ring, 0))
        )
        row["country"] = economy.world.places.areas["country"][row["place"][0]]
        home = world.own_ip(customer)
        row["ip"] = home if not thief else ring_code(max(campaign.ring, 0), 131_072 + int(v[3] * 400))
        if thief and not campaign.facts.get("receives_codes"):
            row["flags"] |= pay.THIEF
        world.submit(row)

    @staticmethod
    def _send(row: Any, u: float, v: Any, *, thief: bool = False, browser: bool = False) -> None:
        """Fill in rail, channel and authentication as genuine transfers have them; a browser has no app."""
        cents = int(row["amount"][0])
        row["kind"] = pay.TRANSFER
        row["rail"] = pay.INSTANT if u * (INSTANT_TILT if thief else 1.0) < 0.72 else pay.ACH
        if cents > WIRE_FROM:
            row["rail"] = pay.WIRE if u < (WIRED if thief else 0.4) else pay.ACH
        app = v[0] < 0.75 and not browser
        row["channel"] = pay.APP if app else pay.ONLINE
        row["authentication"] = (
            pay.BIOMETRIC if app and v[1] < 0.6 else (pay.ONE_TIME_CODE if v[1] > 0.93 else pay.NO_AUTHENTICATION)
        )

    def _from_purse(self, row: Any, customer: int) -> None:
        """Take a payment from the wallet where the customer's money is there, and to the payee's wallet."""
        economy = self.underworld.economy
        if self.underworld.purse(customer) != WALLET:
            return
        row["slot"], row["payer"] = WALLET, customer * SLOTS + WALLET
        row["payee"] = economy.mobile_money.wallet_of(int(row["payee"][0]))
        row["rail"], row["channel"] = pay.WALLET, pay.APP

    def observe(self, campaign: Campaign, row: np.void) -> None:
        """When stolen money is on its way to a mule, draw how long it will rest there."""
        world = self.underworld
        economy = world.economy
        if (
            row["decision"] != pay.APPROVED
            or row["rail"] == pay.CARD
            or row["payee"] >= economy.ledger.customer_accounts
        ):
            return
        mule = int(row["payee"]) // SLOTS
        if not row["truth"] or mule in (row["owner"], campaign.victim):
            return
        s = world.settings.mules
        u = world.draw(campaign)
        dwell = s.dwell_minutes * float(np.exp(s.dwell_log_sigma * to_normal(u[0:1])[0])) * MINUTE
        hop = 1 if row["truth"] & pay.IS_FRAUD else campaign.facts.get("hops", 1) + 1
        campaign.facts["hops"] = hop
        self.ordinal += 1
        at = int(row["posted_at"]) + int(dwell)
        if at % DAY < 6 * HOUR and u[1] < 0.9:
            at += int((6.0 + 3.0 * u[2]) * HOUR)
        heapq.heappush(self.due, (at, self.ordinal, campaign.number, mule, int(row["amount"]), hop))
        economy.agenda.wake(KEY, at)

    def step(self) -> None:
        """Pass on what has rested long enough."""
        economy = self.underworld.economy
        while self.due and self.due[0][0] < economy.tick_end:
            at, _, number, mule, cents, hop = heapq.heappop(self.due)
            campaign = self.underworld.campaigns.get(number)
            if campaign is not None:
                self._pass_on(campaign, mule, cents, max(at, economy.now), hop)
        if self.due:
            economy.agenda.wake(KEY, self.due[0][0])

    def _pass_on(self, campaign: Campaign, mule: int, cents: int, at: int, hop: int) -> None:
        """Send the money on less the commission, in one or two parts."""
        world = self.underworld
        economy = world.economy
        if economy.world.customers.data["frozen"][mule]:
            return
        u, v, w = world.draw(campaign), world.draw(campaign), world.draw(campaign)
        commission = world.settings.mules.commission * (0.5 + u[0])
        rest = min(int(cents * (1.0 - commission)), world.balance(mule))
        rest -= rest % (2_000 if u[1] < 0.4 else 100)
        if rest < 2_000:
            return
        if world.purse(mule) == WALLET and u[2] < 0.6:
            self._at_agent(campaign, mule, rest, at)
            return
        cash = u[2] < 0.35 and rest <= 160_000 and economy.life.cards.at_hand(mule, DEBIT, at)
        if cash:
            for k in range(1 + rest // 60_000):
                part = min(60_000, rest - k * 60_000) // 2_000 * 2_000
                if part > 0:
                    self._withdraw(campaign, mule, part, at + k * int((4 + 50 * v[0]) * MINUTE))
            return
        to_mule = hop <= MOST_HOPS and u[2] > 0.75
        payee = (
            world.mule_market.choose(campaign, v[0], v[1])
            if to_mule
            else int(
                economy.ledger.named[EXCHANGE]
                if v[2] < 0.3
                else economy.ledger.person_base + int(v[3] * economy.ledger.outside.persons)
            )
        )
        if payee // SLOTS == mule:
            return
        stage = _stage(campaign, LAYERING if payee < economy.ledger.customer_accounts else CASH_OUT)
        row = world.request(campaign, mule, 0, payee, rest, at, stage)
        self._send(row, u[3], w)
        self._from_purse(row, mule)
        row["truth"] = pay.IS_LAUNDERING
        row["device"] = world.own_device(mule)
        row["place"], row["country"] = economy.world.customers.data["area"][mule], 0
        row["ip"] = world.own_ip(mule)
        world.submit(row)

    def _at_agent(self, campaign: Campaign, mule: int, cents: int, at: int) -> None:
        """Take money out of a mule's wallet at an agent, in fives as most people do."""
        economy, u = self.underworld.economy, self.underworld.draw(campaign)
        cash, cents = int(economy.ledger.named[CASH_ACCOUNT]), cents // 500 * 500
        row = self.underworld.request(campaign, mule, WALLET, cash, cents, at, _stage(campaign, CASH_OUT))
        area = economy.world.customers.data["area"][[mule]].astype(np.int64)
        agent = int(economy.wallet_agents.near(area, u[:1])[0])
        row["merchant"], row["mcc"] = agent, economy.world.merchants.data["mcc"][agent]
        row["terminal"], row["kind"], row["truth"] = merchant_code(agent, 0), pay.WITHDRAWAL, pay.IS_LAUNDERING
        row["rail"], row["channel"], row["country"], row["place"] = pay.WALLET, pay.POS, 0, -1
        self.underworld.submit(row)

    def _withdraw(self, campaign: Campaign, mule: int, cents: int, at: int) -> None:
        economy = self.underworld.economy
        code = economy.life.cards.code(mule, 0)
        withdraw_cash(
            self.underworld,
            campaign,
            mule,
            code,
            at,
            _stage(campaign, CASH_OUT),
            magstripe=False,
            far=False,
            cents=cents,
            laundering=True,
        )

    def recall(self, bank: Any, case: Any, loss: Any, at: int, to_victim: bool) -> int:
        """Freeze the mule that a loss went to and take back what is still there; return the cents recovered."""
        economy = self.underworld.economy
        if loss.payee >= economy.ledger.customer_accounts:
            return 0
        mule = loss.payee // SLOTS
        data = economy.world.customers.data
        tick, taken = self.recalled.get(mule, (-1, 0))
        taken = taken if tick == economy.tick else 0
        account = economy.ledger.accounts[loss.payee]
        there = int(max(min(int(account["balance"] - account["reserved"]) - taken, loss.cents), 0))
        self.recalled[mule] = (economy.tick, taken + there)
        claims = economy.banks[int(data["institution"][mule])].claims
        claims.freeze(mule, at, 24.0 * 14)
        data["mule_ring"][mule] = -1
        if there < 100:
            return 0
        target = loss.payer if to_victim else int(economy.ledger.loss_accounts[bank.row])
        bank.recovery.book(pay.RECOVERY, loss, mule, loss.payee, target, there, at, 4)
        self.underworld.account(case.campaign, loss.at, "recovered", there)
        if not to_victim:
            self.underworld.account(case.campaign, loss.at, "recovered_bank", there)
        return there

    def busy(self) -> set[int]:
        """Return the campaigns whose money still rests with mules."""
        return {item[2] for item in self.due}

    def state(self) -> dict[str, Any]:
        """Return declared state."""
        return {"due": list(self.due), "ordinal": self.ordinal, "recalled": self.recalled}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned."""
        self.due, self.ordinal, self.recalled = list(state["due"]), state["ordinal"], state["recalled"]
        heapq.heapify(self.due)


def _stage(campaign: Campaign, which: int) -> int:
    """Return the position of LAYERING or CASH_OUT among the stages of the campaign's typology."""
    return len(registry()[campaign.typology].stages) + which
