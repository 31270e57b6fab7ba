"""Mules: customers who let a ring move money through their accounts. A role, held in columns.

Stolen money rests with a mule for a time drawn beforehand, then goes on: to another mule, to somebody at another
bank, to an exchange, or out of a cash machine. Most mules have an ordinary life beside. Mules are recruited (some know
what they do, some believe that it is a job or a favour, some are firms), work for a while, also for other rings that
borrow them, and quit, or are frozen or closed out by their bank.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.agents.customer import BUSINESS, COMPLICIT, FRONT, GENUINE, JOB, RETIRED, UNWITTING, Customer
from finsim.agents.fraud import registry
from finsim.agents.fraud.present import withdraw_cash
from finsim.clock import DAY, HOUR, MINUTE
from finsim.ids import merchant_code, ring_code
from finsim.ledger import CASH_ACCOUNT, EXCHANGE, SLOTS, WALLET
from finsim.rng import Purpose, to_normal

if TYPE_CHECKING:
    from finsim.agents.fraud.campaign import Campaign
    from finsim.agents.underworld import Underworld
    from finsim.economy import Economy

KEY = "mules"
LAYERING, CASH_OUT = -2, -1
"""Stages of what mules do: the last two of every typology that needs them."""
MOST_HOPS = 3
NEWCOMER_DAYS = 60
"""Days for which somebody is new at the bank."""
INSTANT_TILT = 0.85
"""By how much strangers lean to the instant rail, where nothing comes back (assumption)."""
LIFE = {COMPLICIT: 1.5, UNWITTING: 0.5, JOB: 0.8, FRONT: 4.0}
"""How long each kind of mule works for a ring, against the mean (assumption: firms longest, the deceived shortest)."""


class Mule(Customer):
    """The view of a customer in the role of a mule; `mule_ring` and `mule_until` say for whom and how long."""


def mules_of(economy: Economy) -> Any:
    """Return the customers who work as mules today, as an AgentSet of Customer views."""
    data = economy.world.customers.data
    rows = np.flatnonzero((data["mule_ring"] >= 0) & (data["mule_until"] > economy.day))
    return economy.world.customers.agents_at(rows)


class MuleMarket:
    """Recruits mules for the rings and passes on what they receive.

    Args:
        underworld: the underworld it serves.
    """

    def __init__(self, underworld: Underworld) -> None:
        self.underworld = underworld
        self.due: list[tuple[int, int, int, int, int, int]] = []  # time, ordinal, campaign, mule, cents, hop
        self.ordinal = 0
        self.pool: dict[int, list[int]] = {}
        self.recalled: dict[int, tuple[int, int]] = {}  # mule -> tick and cents recalled in it
        self._newcomers: tuple[int, NDArray[np.int64]] = (-1, np.empty(0, dtype=np.int64))  # as of a day
        economy = underworld.economy
        economy.enlist(KEY, self)
        self.keenness = np.cumsum(
            _keenness(economy.world.customers.data, economy.year, underworld.settings.laundering.under_40)
        )

    # -- recruitment --------------------------------------------------------------------------------------

    def begin_day(self) -> None:
        """Let mules quit whose time is over; recruit new ones so that each ring has its share."""
        economy, s = self.underworld.economy, self.underworld.settings.mules
        data = economy.world.customers.data
        known = np.array([mule for pool in self.pool.values() for mule in pool], dtype=np.int64)
        data["mule_ring"][known[data["mule_until"][known] <= economy.day]] = -1
        wanted = len(data) / 1000.0 * s.per_1000_customers / self.underworld.settings.rings
        for ring in self.underworld.active_rings():
            pool = [mule for mule in self.pool.get(ring.row, []) if data["mule_ring"][mule] == ring.row]
            u = economy.streams.one(Purpose.MULE, ring.row, ordinal=economy.day)
            target = int(wanted) + (economy.streams.one(Purpose.MULE, ring.row, second=1)[0] < wanted % 1.0)
            if len(pool) < max(target, 1) and u[0] < 0.5:
                mule = self._recruit(ring.row, u)
                if mule >= 0:
                    pool.append(mule)
            self.pool[ring.row] = pool

    def _recruit(self, ring: int, u: NDArray[np.float64]) -> int:
        """Win somebody for a ring: a firm, somebody new at the bank, or anybody who needs money; -1 if that fails."""
        economy, s = self.underworld.economy, self.underworld.settings
        data, businesses = economy.world.customers.data, economy.world.people.businesses
        v = economy.streams.one(Purpose.MULE, ring, ordinal=economy.day, draw=1)
        kind = COMPLICIT
        mule = int(np.searchsorted(self.keenness, u[1] * self.keenness[-1]).clip(0, len(data) - 1))
        if v[0] < s.laundering.firms and len(businesses):
            mule, kind = int(businesses[int(u[1] * len(businesses))]), FRONT
        elif v[1] < s.laundering.newcomers:
            new = self._new_at_the_bank()
            mule = int(new[int(u[1] * len(new))]) if len(new) else mule
        if kind != FRONT and v[2] >= s.laundering.complicit:
            kind = JOB if v[2] < s.laundering.complicit + s.laundering.job_scam else UNWITTING
        if data["mule_ring"][mule] >= 0 or data["since_day"][mule] > economy.day or data["frozen"][mule]:
            return -1
        data["mule_ring"][mule], data["mule_kind"][mule], data["mule_jobs"][mule] = ring, kind, 0
        data["mule_since"][mule] = economy.day
        data["mule_until"][mule] = economy.day + 3 + int(-np.log(u[2]) * s.mules.life_days * LIFE[kind])
        return mule

    def _new_at_the_bank(self) -> NDArray[np.int64]:
        """Return the customers who are new at their bank today, (n,) rows; a made-up name has its own use."""
        day, data = self.underworld.economy.day, self.underworld.economy.world.customers.data
        if self._newcomers[0] != day:
            recent = np.flatnonzero((data["since_day"] > day - NEWCOMER_DAYS) & (data["since_day"] <= day))
            self._newcomers = day, recent[data["reserved"][recent] == GENUINE]
        return self._newcomers[1]

    def working(self) -> list[int]:
        """Return the customers, in order, who can be asked to move money today, whatever ring they work for."""
        data = self.underworld.economy.world.customers.data
        known = np.array(sorted({mule for pool in self.pool.values() for mule in pool}), dtype=np.int64)
        free = (data["mule_ring"][known] >= 0) & (data["frozen"][known] == 0)
        return [int(mule) for mule in known[free & (data["mule_until"][known] > self.underworld.economy.day)]]

    def is_fresh(self, account: int) -> bool:
        """Return whether an account row is a mule's that has not moved anything yet."""
        data = self.underworld.economy.world.customers.data
        return account // SLOTS < len(data) and data["mule_jobs"][account // SLOTS] == 0

    def used(self, customer: int) -> None:
        """Remember that a mule has moved money."""
        jobs = self.underworld.economy.world.customers.data["mule_jobs"]
        jobs[customer] = min(int(jobs[customer]) + 1, 60_000)

    def companion(self, customer: int) -> int:
        """Return the mule of the same ring on whose phone a mule may pay: the first of the pool; itself if alone."""
        ring = int(self.underworld.economy.world.customers.data["mule_ring"][customer])
        return next(iter(self.pool.get(ring, [])), customer)

    def dismiss(self, customer: int) -> None:
        """Let a mule go, who stops or was stopped."""
        self.underworld.economy.world.customers.data["mule_ring"][customer] = -1

    def caught(self, customer: int, at: int) -> None:
        """A bank is sure that an account is used by others: frozen for two weeks, or for good; its mule is lost."""
        economy = self.underworld.economy
        data = economy.world.customers.data
        u = economy.streams.one(Purpose.MULE, customer, second=2, ordinal=at // DAY)
        weeks = 520.0 if u[0] < self.underworld.settings.laundering.closed else 2.0
        economy.banks[int(data["institution"][customer])].claims.freeze(customer, at, 24.0 * 7.0 * weeks)
        self.dismiss(customer)

    def share(self, ring: int, child: int) -> None:
        """Give a ring that split off the mules that went with it."""
        data, pool = self.underworld.economy.world.customers.data, self.pool.get(ring, [])
        self.pool[child] = [mule for mule in pool if data["mule_ring"][mule] == child]
        self.pool[ring] = [mule for mule in pool if data["mule_ring"][mule] == ring]

    def choose(self, campaign: Campaign, u: float, v: float) -> int:
        """Return an account row to pay to: a mule among the customers, or one at another bank."""
        economy = self.underworld.economy
        pool = [
            mule
            for mule in self.pool.get(campaign.ring, [])
            if mule != campaign.victim and not economy.world.customers.data["frozen"][mule]
        ]
        if u < self.underworld.settings.mules.outside or not pool:
            return self.elsewhere(campaign, v)
        return pool[int(v * len(pool))] * SLOTS

    def elsewhere(self, campaign: Campaign, v: float) -> int:
        """Return the account row of a mule whom the ring has at another bank."""
        ledger = self.underworld.economy.ledger
        key = (campaign.ring * 37 + int(v * 6)) * 2_654_435_761 % ledger.outside.persons
        return int(ledger.person_base + key)

    # -- money --------------------------------------------------------------------------------------------

    def pay(self, campaign: Campaign, customer: int, cents: int, at: int, stage: int, device: int, thief: bool) -> None:
        """Submit the payment of a victim to a mule."""
        world = self.underworld
        economy = world.economy
        u, v = world.draw(campaign), world.draw(campaign)
        payee = campaign.facts.get("mule")
        if payee is None or u[0] < 0.4 or payee // SLOTS == customer:
            payee = self.choose(campaign, u[1], u[2])
            campaign.facts["mule"] = payee
        row = world.request(campaign, customer, 0, payee, cents, at, stage)
        self._send(row, INSTANT_TILT * u[3] if thief else u[3], v)
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
    def _send(row: Any, u: float, v: Any) -> None:
        """Fill in rail, channel and authentication as genuine transfers have them."""
        cents = int(row["amount"][0])
        row["kind"] = pay.TRANSFER
        row["rail"] = pay.INSTANT if u < 0.72 else pay.ACH
        if cents > 350_000:
            row["rail"] = pay.ACH if u < 0.6 else pay.WIRE
        row["channel"] = pay.APP if v[0] < 0.75 else pay.ONLINE
        row["authentication"] = (
            pay.BIOMETRIC
            if v[0] < 0.75 and v[1] < 0.6
            else (pay.ONE_TIME_CODE if v[1] > 0.93 else pay.NO_AUTHENTICATION)
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
        cash = u[2] < 0.35 and rest <= 160_000 and economy.world.customers.data["cards"][mule] & 1
        if cash:
            for k in range(1 + rest // 60_000):
                part = min(60_000, rest - k * 60_000) // 2_000 * 2_000
                if part > 0:
                    self._withdraw(campaign, mule, part, at + k * int((4 + 50 * v[0]) * MINUTE))
            return
        to_mule = hop <= MOST_HOPS and u[2] > 0.75
        payee = (
            self.choose(campaign, v[0], v[1])
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

    # -- recall -------------------------------------------------------------------------------------------

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
        bank.claims.book(pay.RECOVERY, loss, mule, loss.payee, target, there, at, 4)
        self.underworld.account(case.campaign, loss.at, "recovered", there)
        if not to_victim:
            self.underworld.account(case.campaign, loss.at, "recovered_bank", there)
        return there

    def busy(self) -> set[int]:
        """Return the campaigns whose money still rests with mules."""
        return {item[2] for item in self.due}

    def state(self) -> dict[str, Any]:
        """Return declared state."""
        return {"due": list(self.due), "ordinal": self.ordinal, "pool": self.pool, "recalled": self.recalled}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned."""
        self.due, self.ordinal, self.pool = list(state["due"]), state["ordinal"], state["pool"]
        self.recalled = state["recalled"]
        heapq.heapify(self.due)


def _stage(campaign: Campaign, which: int) -> int:
    """Return the position of LAYERING or CASH_OUT among the stages of the campaign's typology."""
    return len(registry()[campaign.typology].stages) + which


def _keenness(data: Any, year: int, under_40: float) -> Any:
    """Return how likely each person is to be recruited: the poor more, and the young as their share of mules says."""
    young = year - data["birth_year"] < 40
    weight = np.exp(-data["income_band_code"] * 0.35)
    weight *= (data["segment_code"] != RETIRED) & (data["segment_code"] != BUSINESS) & (data["reserved"] == 0)
    total = np.array([weight[~young].sum(), weight[young].sum()])
    return weight * np.where(young, under_40 / max(total[1], 1e-9), (1.0 - under_40) / max(total[0], 1e-9))
