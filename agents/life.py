"""Life's moves: new devices, homes, jobs, numbers, passwords, accounts opened and closed, everyday logins.

All of it is drawn for the whole population at midnight, from each customer's own stream, and stands in
`events/`. It is the genuine side of what takeovers and scams leave there too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.agents.birth import draw_favourites
from finsim.agents.cards import CardBook
from finsim.agents.credit_losses import live_with_defaults
from finsim.agents.errands import note_errands
from finsim.agents.happenings import SIM_WITH_DEVICE, YEAR, eventful, part_of_day, sims_alone
from finsim.clock import DAY, MINUTE
from finsim.ledger import CREDIT_CARD, SAVINGS, SLOTS, WALLET
from finsim.rng import Purpose, choose

if TYPE_CHECKING:
    from finsim.economy import Economy

DEVICES = 31
MOST_CREDIT = 10_000_000
"""Cents; no limit is raised above this (assumption)."""


class Life:
    """Moves the customers' lives on, day by day.

    Args:
        economy: the economy they live in.
    """

    def __init__(self, economy: Economy) -> None:
        self.economy = economy
        self.cards = CardBook(economy)
        self._ahead: tuple[int, NDArray[np.int64]] = (-1, np.empty(0, dtype=np.int64))  # day, who is met by something
        size = len(economy.world.customers)
        self.opened = economy.world.birth.opened_day.astype(np.int64) * DAY
        self.closed = np.zeros((size, 4), dtype=np.int64)

    def live_day(self) -> None:
        """Draw what happens to each customer today."""
        economy = self.economy
        b = economy.config.parameters.behaviour
        data = economy.world.customers.data
        day = economy.day
        here = (data["since_day"] < day) & (data["tombstone"] == 0)
        rows = self._met(day)
        rows = rows[here[rows]]
        u, v, w = (economy.streams.uniform(Purpose.LIFE, rows, ordinal=day, draw=draw) for draw in range(3))
        # What happened in the course of yesterday takes effect today, so that nothing is used before it exists.
        when = ((day - 1) * DAY + part_of_day(w[:, 0]) * DAY).astype(np.int64)

        def those(draw: NDArray[np.float64], per_year: float, *values: NDArray[Any]) -> Any:
            """Return the customers to whom one thing happens, when, and what else was drawn for them."""
            chosen = draw < per_year / YEAR
            return rows[chosen], when[chosen], *(value[chosen] for value in values)

        self._new_devices(day)
        self._limits(*those(1.0 - u[:, 0], b.limit_change_per_year, w[:, 2]))
        self._sims(*those(1.0 - u[:, 1], sims_alone(b), w[:, 3]))
        self._moves(*those(u[:, 1], b.move_per_year, w[:, 1]))
        self._jobs(*those(u[:, 2], b.job_change_per_year, w[:, 2]))
        self._simple("contact_changed", *those(u[:, 3], b.contact_change_per_year))
        self._simple("password_reset", *those(v[:, 0], b.password_reset_per_year))
        self._simple("alerts_changed", *those(1.0 - v[:, 0], b.alerts_change_per_year))
        failed, at = those(v[:, 0], 3.0 * b.password_reset_per_year)
        self._simple("login_failed", failed, at - 60_000_000)
        self._simple("login", *those(v[:, 1], 12.0 * b.logins_per_month * b.login_sample))
        self._open(*those(v[:, 2], b.new_account_per_year, w[:, 3]))
        self._close(*those(v[:, 3], b.account_closure_per_year))
        newcomers = np.flatnonzero(data["since_day"] == day)
        economy.log.events(np.full(len(newcomers), day * DAY), newcomers, "account_opened", slot=0)
        carded = newcomers[data["accounts"][newcomers] & 4 > 0]
        economy.log.events(np.full(len(carded), day * DAY), carded, "account_opened", slot=CREDIT_CARD)
        live_with_defaults(economy)
        self.cards.expire(day)
        self._look_ahead()

    def _met(self, day: int) -> NDArray[np.int64]:
        """Return the customers, (n,) rows, to whom something may happen in the course of the day before a day."""
        if self._ahead[0] == day:
            return self._ahead[1]
        b = self.economy.config.parameters.behaviour
        rates = [
            b.device_change_per_year, b.move_per_year, b.job_change_per_year, b.contact_change_per_year,
            max(3.0 * b.password_reset_per_year, b.alerts_change_per_year), 12.0 * b.logins_per_month * b.login_sample,
            b.new_account_per_year, b.account_closure_per_year, b.limit_change_per_year, sims_alone(b),
        ]  # fmt: skip
        key, count = self.economy.streams.keys[Purpose.LIFE], len(self.economy.world.customers)
        return np.asarray(eventful(key, count, day, np.array(rates) / YEAR))

    def _look_ahead(self) -> None:
        """Draw what will change for whom in the course of today, as tomorrow's `live_day` will: some do it to pay."""
        economy = self.economy
        b = economy.config.parameters.behaviour
        day, data = economy.day + 1, economy.world.customers.data
        self._ahead = day, self._met(day)
        rows = self._ahead[1]
        rows = rows[(data["since_day"][rows] < day) & (data["tombstone"][rows] == 0)]
        u, v, w = (economy.streams.uniform(Purpose.LIFE, rows, ordinal=day, draw=draw) for draw in range(3))
        device = (u[:, 0] < b.device_change_per_year / YEAR) & (data["device"][rows] < DEVICES)
        changed = device | (1.0 - u[:, 1] < sims_alone(b) / YEAR) | (v[:, 0] < b.password_reset_per_year / YEAR)
        note_errands(economy, rows, changed, device, part_of_day(w[:, 0]))

    def _simple(self, kind: str, rows: NDArray[np.int64], when: NDArray[np.int64]) -> None:
        data = self.economy.world.customers.data
        device = rows << 7 | data["device"][rows]
        ip = data["dwelling"][rows].astype(np.int64) << 7 | data["home_ip"][rows]
        self.economy.log.events(when, rows, kind, device=device, ip=ip)

    def _new_devices(self, day: int) -> None:
        """Take the devices into use that came in the course of the day before a day; some were used at once."""
        data, b = self.economy.world.customers.data, self.economy.config.parameters.behaviour
        rows = self._met(day)
        used = (data["errand_day"][rows] == day - 1) & (data["errand_device"][rows] == 1)
        rows = rows[(data["since_day"][rows] < day) & ((data["tombstone"][rows] == 0) | used)]
        u, w = (self.economy.streams.uniform(Purpose.LIFE, rows, ordinal=day, draw=draw) for draw in (0, 2))
        chosen = u[:, 0] < b.device_change_per_year / YEAR
        when = ((day - 1 + part_of_day(w[chosen, 0])) * DAY).astype(np.int64)
        self._devices(rows[chosen], when, w[chosen, 1])

    def close(self) -> None:
        """At the end of the run: take the last day's devices into use, since some of its payments came from them."""
        self._new_devices((self.economy.now - 1) // DAY + 1)

    def _devices(self, rows: NDArray[np.int64], when: NDArray[np.int64], draw: NDArray[np.float64]) -> None:
        """Take a new device into use; half of the new telephones come with a new SIM card, some with a new password."""
        data = self.economy.world.customers.data
        for customer, at, u in zip(rows.tolist(), when.tolist(), draw.tolist(), strict=True):
            if data["device"][customer] >= DEVICES:
                continue
            data["device"][customer] += 1
            ordinal = int(data["device"][customer])
            self.cards.devices.append((customer, ordinal, at))
            self.economy.log.event(at, customer, "device_added", device=customer << 7 | ordinal)
            if u < SIM_WITH_DEVICE:
                self.new_sim(customer, at - int((5.0 + 300.0 * u) * MINUTE))
                if u < 0.3 * SIM_WITH_DEVICE:
                    self.economy.log.event(at - MINUTE, customer, "password_reset", device=customer << 7 | ordinal)

    def _sims(self, rows: NDArray[np.int64], when: NDArray[np.int64], draw: NDArray[np.float64]) -> None:
        """Change a SIM card without a new device: another carrier, a lost card; some change their number too."""
        for customer, at, u in zip(rows.tolist(), when.tolist(), draw.tolist(), strict=True):
            self.new_sim(customer, at)
            if u < 0.3:
                self.economy.log.event(at + int(120.0 * u * MINUTE), customer, "contact_changed")

    def new_sim(self, customer: int, at: int) -> None:
        """Let a bank hear of a new SIM card, if the carrier tells."""
        u = self.economy.streams.one(Purpose.LIFE, customer, second=1, ordinal=at // DAY)
        if u[0] < self.economy.config.parameters.behaviour.sim_known_share:
            self.economy.log.event(at, customer, "sim_changed")

    def _limits(self, rows: NDArray[np.int64], when: NDArray[np.int64], draw: NDArray[np.float64]) -> None:
        """Raise credit limits by a fifth to a half, as banks do for those who pay."""
        data = self.economy.world.customers.data
        for customer, at, u in zip(rows.tolist(), when.tolist(), draw.tolist(), strict=True):
            if data["accounts"][customer] & 4 and not data["defaulting"][customer]:
                self.raise_limit(customer, 1.2 + 0.3 * u, at)

    def raise_limit(self, customer: int, factor: float, at: int) -> None:
        """Raise a customer's credit limit by a factor, to a multiple of 100."""
        account = self.economy.ledger.accounts[customer * SLOTS + CREDIT_CARD]
        raised = int(account["limit"] * factor) // 10_000 * 10_000
        if account["limit"] < raised <= MOST_CREDIT:
            self.economy.log.event(at, customer, "limit_changed", slot=CREDIT_CARD, limit=int(account["limit"]))
            account["limit"] = raised

    def _moves(self, rows: NDArray[np.int64], when: NDArray[np.int64], draw: NDArray[np.float64]) -> None:
        """Move house: two in three stay in the area (the address changes), the others find new shops elsewhere."""
        world = self.economy.world
        data, places = world.customers.data, world.places
        for customer, at, u in zip(rows.tolist(), when.tolist(), draw.tolist(), strict=True):
            data["home_ip"][customer] = (data["home_ip"][customer] + 1) % 64
            data["dwelling"][customer] = customer
            self.economy.log.event(at, customer, "address_changed", area=int(data["area"][customer]))
            if u < 1 / 3:
                share = u * 3.0
                data["area"][customer] = int(choose(places.area_cumulative, share))
                one = np.array([customer])
                key = self.economy.streams.keys[Purpose.SOCIAL]
                share_abroad = self.economy.config.parameters.behaviour.foreign_online_share
                draw_favourites(
                    key,
                    data,
                    places,
                    world.habits.categories,
                    share_abroad,
                    world.people.favourites,
                    one,
                    self.economy.day,
                )

    def _jobs(self, rows: NDArray[np.int64], _: NDArray[np.int64], draw: NDArray[np.float64]) -> None:
        data = self.economy.world.customers.data
        employed = data["employer"][rows] >= 0
        data["employer"][rows[employed]] = (len(self.economy.world.employers) * draw[employed] ** 2).astype(int)

    def _open(self, rows: NDArray[np.int64], when: NDArray[np.int64], draw: NDArray[np.float64]) -> None:
        data = self.economy.world.customers.data
        for customer, at, u in zip(rows.tolist(), when.tolist(), draw.tolist(), strict=True):
            slot = SAVINGS if u < 0.5 else WALLET
            if not data["accounts"][customer] & (1 << slot) and not self.closed[customer, slot]:
                data["accounts"][customer] |= 1 << slot
                self.opened[customer, slot] = at
                self.economy.log.event(at, customer, "account_opened", slot=slot)

    def _close(self, rows: NDArray[np.int64], when: NDArray[np.int64]) -> None:
        """Close a wallet or a savings account; what is left on it goes to checking in the course of the day."""
        data = self.economy.world.customers.data
        balance = self.economy.ledger.accounts["balance"]
        for customer, at in zip(rows.tolist(), when.tolist(), strict=True):
            for slot in (WALLET, SAVINGS):
                if not data["accounts"][customer] & (1 << slot):
                    continue
                left = int(balance[customer * SLOTS + slot])
                if left > 0:
                    self._empty(customer, slot, left, at + DAY)
                data["accounts"][customer] &= ~(1 << slot) & 0xFF
                self.closed[customer, slot] = (self.economy.day + 1) * DAY
                self.economy.log.event(at + DAY, customer, "account_closed", slot=slot)
                break

    def _empty(self, customer: int, slot: int, cents: int, at: int) -> None:
        """Submit the transfer of all that is on an account to checking."""
        row = pay.blank(1)
        row["transaction_id"], row["timestamp"] = self.economy.submission.next_id(customer), at
        row["owner"], row["slot"], row["amount"] = customer, slot, cents
        row["payer"], row["payee"] = customer * SLOTS + slot, customer * SLOTS
        row["rail"] = pay.WALLET if slot == WALLET else pay.INSTANT
        row["kind"], row["channel"], row["flags"] = pay.TRANSFER, pay.APP, pay.SAME_OWNER
        self.economy.outbox.add(row, self.economy.tick)

    def state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what a checkpoint keeps."""
        values, arrays = self.cards.state()
        return values, {**arrays, "opened": self.opened, "closed": self.closed}

    def restore(self, values: dict[str, Any], arrays: dict[str, Any]) -> None:
        """Take back what `state` returned."""
        self.opened, self.closed = arrays["opened"].copy(), arrays["closed"].copy()
        self.cards.restore(values, arrays)
