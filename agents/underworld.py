"""The underworld: rings, leaks, the market of stolen details, mules; and the register of all campaigns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.agents.credentials import CredentialMarket
from finsim.agents.customer import BUSINESS, GENUINE
from finsim.agents.experience import Experience, Usual
from finsim.agents.first_party import FirstParty
from finsim.agents.fraud import registry
from finsim.agents.fraud.campaign import Campaign
from finsim.agents.fraud.care import STYLE_WEIGHTS, STYLES, Care
from finsim.agents.fraud.laundering import LAUNDERING
from finsim.agents.fraud.remote import resale_weights
from finsim.agents.fraudster import HOUR_BANDS, Fraudster
from finsim.agents.identities import Identities
from finsim.agents.mule import MuleMarket
from finsim.agents.register import FOUND_CARD, Register, found_card_number
from finsim.agents.rings import RingLife
from finsim.agents.theft import Theft
from finsim.clock import DAY, HOUR
from finsim.ids import FOUND, INDUCED, RING, ROW_BITS, new_id
from finsim.ledger import SLOTS
from finsim.parameters.numbering import CampaignNumbers
from finsim.records import chosen
from finsim.rng import Purpose, to_normal

if TYPE_CHECKING:
    from finsim.economy import Economy

OPPORTUNIST = 4095
"""Ring row of thieves who belong to no ring."""
RINGS_KEY = "underworld"
BOUGHT = ("card_testing", "card_not_present")
"""Typologies that need stolen details from the market."""
USED_DEVICES = 0.6
"""Devices of rings that a bank had seen before, in other hands (assumption: bought second-hand, stolen or rented)."""
REQUEST_BITS = 16
"""Bits of a transaction id that count the requests of one campaign."""
SIZES, SIZE_WEIGHTS = (0.6, 1.0, 1.6), (0.15, 0.7, 0.15)
"""What rings make of usual amounts, and how often they do before they know better (assumption)."""
AGES = (30, 45, 60, 75)
"""Edges of the bands of age among which rings choose."""
SPARED = 0.4
"""Part of the reserve of identities that is left for those opened during a run; a choice of the model."""


class Underworld:
    """Everything that fraudsters share.

    Args:
        economy: the economy they prey on.
    """

    def __init__(self, economy: Economy) -> None:
        self.economy = economy
        self.settings = economy.config.parameters.fraud
        self.credentials = CredentialMarket(self.settings.card_not_present.half_life_days)
        self.campaigns: dict[int, Campaign] = {}
        parameters = economy.config.parameters
        self.numbers = CampaignNumbers(
            parameters.population.customers, self.settings.rings, parameters.run.warm_up_days + parameters.run.days
        )
        self.positions = {name: position for position, name in enumerate(registry())}
        self.rumours, self.usual = Experience(), Usual()
        self.ring_life = RingLife(self)
        self.devices: dict[int, int] = {}  # rings' devices by packed code: when a bank first saw them
        self.overcharging: dict[int, list[int]] = {}  # wallet agent -> campaign, until, stage
        self.register = Register(self)
        self.rings = self._found_rings()
        self.opportunist = Fraudster(economy, self, OPPORTUNIST)
        economy.enlist(self.opportunist.key, self.opportunist)
        self.mule_market = MuleMarket(self)
        self.first_party = FirstParty(self)
        self.identities = Identities(self)
        size = len(economy.world.customers)
        self.susceptible = np.cumsum(economy.world.customers.data["susceptibility"].astype(float))
        self.scale = size / 1000.0 / 365.0
        self.cares = [Care(self.settings.difficulty + more) for more in STYLES]
        self.resale = [resale_weights(economy, care) for care in self.cares]
        # Cumulative weights of categories by ring and style, today.
        self.shopping: dict[tuple[int, int], NDArray[np.float64]] = {}
        self.theft = Theft(self)
        if self.rings:
            self._age_identities()
        economy.enlist(RINGS_KEY, _Midnight(self))
        economy.agenda.wake(RINGS_KEY, economy.now)

    def _found_rings(self) -> list[Fraudster]:
        """Found the rings that exist at this intensity: a ring that exists at a smaller one exists at a larger one."""
        number = int(np.floor(self.settings.rings * self.settings.intensity + 0.5))
        rings = [Fraudster(self.economy, self, row) for row in range(number)]
        for ring in rings:
            ring.started_at = (
                self.economy.clock.start
                - int(self.economy.streams.one(Purpose.RING, ring.row, second=99)[0] * 700) * DAY
            )
            self.economy.enlist(ring.key, ring)
        return rings

    def ring(self, row: int) -> Fraudster:
        """Return a ring by its row."""
        return self.opportunist if row == OPPORTUNIST else self.rings[row]

    def active_rings(self) -> list[Fraudster]:
        """Return the rings that have not ended, in order of their rows."""
        return [ring for ring in self.rings if not ring.ended_at]

    def number(self, ring: int, typology: str, k: int) -> int:
        """Return the number of a campaign that begins today: the k-th of its ring and typology."""
        day = self.economy.day - self.economy.clock.first_day
        return self.numbers.number(ring, day, self.positions[typology], k)

    def free_number(self, ring: int, typology: str, victim: int) -> int | None:
        """Return a number for a campaign that no plan of the day made; None where none is left.

        It follows from the victim, or counts from the end, so that plans and other victims seldom take it.
        """
        most = self.numbers.most
        for k in range(most):
            number = self.number(ring, typology, (victim - k) % most)
            if number not in self.campaigns:
                return number
        return None

    # -- every day ----------------------------------------------------------------------------------------

    def begin_day(self) -> None:
        """At midnight: rings plan campaigns, details leak, cards are lost, mules come and go."""
        s = self.settings
        self.credentials.begin_day(self.economy.now)
        self.shopping.clear()
        per_ring = self.scale / s.rings
        rates = {
            name: getattr(s, name, typology).rate * per_ring  # type: ignore[union-attr]
            for name, typology in registry().items()
            if not getattr(typology, "by_customers", False)
        }
        supply = self.theft.supply()
        for name in BOUGHT:
            rates[name] *= supply
        laundering = {name: rates.pop(name) for name in registry() if name in LAUNDERING}
        self.ring_life.begin_day()
        for ring in self.active_rings():
            if self.economy.day == self.economy.clock.first_day:
                ring.go_on(rates)
            ring.plan(self.economy.day, rates)
            ring.plan(self.economy.day, laundering)
            self.theft.steal(ring)
        self.theft.begin_day()
        self._lose_cards()
        self.mule_market.begin_day()
        self.register.retire(self.economy.now - 70 * DAY)
        self.overcharging = {agent: item for agent, item in self.overcharging.items() if item[1] > self.economy.now}

    def _lose_cards(self) -> None:
        """Let customers lose cards; some are found by somebody who uses them, the others are blocked soon."""
        economy, s = self.economy, self.settings.lost_stolen
        data = economy.world.customers.data
        losers = economy.streams.rare(Purpose.LOSS_OF_CARD, len(data), [s.rate / 1000.0 / 365.0], ordinal=economy.day)
        here = (data["since_day"][losers] <= economy.day) & (data["cards"][losers] > 0)
        here &= data["reserved"][losers] == GENUINE  # the cards of made-up names lie with their ring
        losers = losers[here]
        u = economy.streams.uniform(Purpose.LOSS_OF_CARD, losers, ordinal=economy.day)
        for customer, w in zip(losers.tolist(), u, strict=True):
            slot = 2 if data["cards"][customer] & 4 and (w[1] < 0.45 or not data["cards"][customer] & 1) else 0
            at = economy.day * DAY + int((7 + 16 * w[2]) * HOUR)
            if w[3] < s.misuse * self.settings.intensity:
                code = economy.life.cards.code(customer, slot)
                number = found_card_number(customer, economy.day)
                if number not in self.campaigns:
                    facts = {"slot": slot, "code": code}
                    self.opportunist.launch("lost_stolen", at, facts, victim=customer, number=number)
            else:
                v = economy.streams.one(Purpose.LOSS_OF_CARD, customer, ordinal=economy.day, draw=1)
                hours = s.notice_hours * float(np.exp(0.8 * to_normal(v[:1])[0]))
                bank = economy.banks[int(data["institution"][customer])]
                bank.later(at + int(hours * HOUR), "lost", customer, slot)

    def _age_identities(self) -> None:
        """Give each ring the synthetic identities that it has built, or used up, before the run begins."""
        s, now = self.settings, self.economy.now
        life = 1.1 * s.synthetic_identity.build_days + s.identities.charge_off_days
        expected = s.synthetic_identity.rate * self.scale / s.rings * life
        for ring in self.rings:
            u = self.economy.streams.one(Purpose.RING, ring.row, second=98)
            for k in range(int(expected) + (u[0] < expected % 1.0)):
                v = self.economy.streams.one(Purpose.RING, ring.row, second=98, draw=k + 1)
                if len(self.identities.free) > SPARED * self.identities.reserve:
                    ring.launch("synthetic_identity", now, {"aged": 1 + int(v[0] * life)})

    # -- what typologies use ------------------------------------------------------------------------------

    def draw(self, campaign: Campaign) -> NDArray[np.float64]:
        """Return the next four uniforms of a campaign's own stream."""
        campaign.draws += 1
        return self.economy.streams.one(Purpose.CAMPAIGN, campaign.number, ordinal=campaign.draws)

    def experience(self, ring: int, what: str, count: int) -> NDArray[np.float64]:
        """Return a ring's belief in each of count options, (count,) float64."""
        if ring == OPPORTUNIST or ring < 0:
            return np.ones(count)
        return self.rings[ring].weights(what, count)

    def choose_size(self, ring: Fraudster, number: int) -> int:
        """Return a position in SIZES for a campaign: what pays best, mostly; the usual one without adaptation."""
        if ring.row == OPPORTUNIST or self.settings.adaptation == 0:
            return SIZES.index(1.0)
        cumulative = np.cumsum(np.array(SIZE_WEIGHTS) * ring.weights("size", len(SIZES)))
        u = self.economy.streams.one(Purpose.EXPERIENCE, number, second=1)
        return int(np.searchsorted(cumulative, u[0] * cumulative[-1]).clip(0, len(SIZES) - 1))

    def choose_style(self, ring: Fraudster, number: int) -> int:
        """Return a position in STYLES for a campaign: all of them are tried, and more often what is let through."""
        cumulative = np.cumsum(np.array(STYLE_WEIGHTS) * self.experience(ring.row, "style", len(STYLES)))
        u = self.economy.streams.one(Purpose.EXPERIENCE, number, second=2)
        return int(np.searchsorted(cumulative, u[0] * cumulative[-1]).clip(0, len(STYLES) - 1))

    def care(self, campaign: Campaign) -> Care:
        """Return how careful a campaign is."""
        return self.cares[campaign.style]

    @staticmethod
    def size(campaign: Campaign) -> float:
        """Return what a campaign makes of usual amounts."""
        return SIZES[campaign.size]

    def age_band(self, customer: int) -> int:
        """Return the band of a customer's age; the last one for businesses."""
        data = self.economy.world.customers.data
        if data["segment_code"][customer] == BUSINESS:
            return len(AGES) + 1
        return int(np.searchsorted(AGES, self.economy.year - int(data["birth_year"][customer]), side="right"))

    def options_of(self, row: np.void) -> list[tuple[str, int]]:
        """Return what a ring chose in an attempt, one TRANSACTION: (choice, option) each."""
        data, owner = self.economy.world.customers.data, int(row["owner"])
        found = [
            ("institution", int(data["institution"][owner])),
            ("age", self.age_band(owner)),
            ("hour", int(row["timestamp"]) % DAY * HOUR_BANDS // DAY),
        ]
        return [*found, ("category", int(row["category"]))] if row["category"] != pay.NONE else found

    def attraction(self, ring: int, customer: int) -> float:
        """Return how promising a customer is to a ring by their bank; a card's number tells the bank."""
        institutions = self.experience(ring, "institution", len(self.economy.banks))
        return float(institutions[self.economy.world.customers.data["institution"][customer]])

    def online_merchant(self, category: int, u: float, abroad: float = 1.0) -> int:
        """Return an online merchant by popularity: at home, or in a foreign country where abroad is below 1.

        Args:
            category: position in the categories.
            u: uniform that chooses among the merchants.
            abroad: below 1 a uniform that chooses among the countries.
        """
        return self.shop(self.economy.world.places.homes if abroad >= 1.0 else self.foreign_area(abroad), category, u)

    def shop(self, area: int, category: int, u: float) -> int:
        """Return a merchant of a category by popularity in an area, or anywhere; -1 for none."""
        places, kinds = self.economy.world.places, len(self.economy.world.category_names)
        cell = area * kinds + category
        first, end = int(places.cell_start[cell]), int(places.cell_start[cell + 1])
        if end > first:
            cumulative = places.cell_cumulative[first:end]
            return first + int(np.searchsorted(cumulative, u * cumulative[-1]).clip(0, end - first - 1))
        first, end = int(places.any_start[category]), int(places.any_start[category + 1])
        if end <= first:
            return -1
        cumulative = places.any_cumulative[first:end]
        return int(
            places.any_merchant[first + int(np.searchsorted(cumulative, u * cumulative[-1]).clip(0, end - first - 1))]
        )

    def ring_area(self, ring: int) -> int:
        """Return the area that a ring works from."""
        return (ring * 7 + 3) % self.economy.world.places.homes

    def foreign_area(self, u: float) -> int:
        """Return a foreign area."""
        places = self.economy.world.places
        return places.homes + 1 + int(u * (len(places.areas) - places.homes - 1))

    def find_victim(self, campaign: Campaign) -> int:
        """Return somebody who is easily deceived and has money, or -1."""
        data = self.economy.world.customers.data
        for _ in range(6):
            u = self.draw(campaign)
            customer = int(np.searchsorted(self.susceptible, u[0] * self.susceptible[-1]).clip(0, len(data) - 1))
            active = data["since_day"][customer] <= self.economy.day and data["mule_ring"][customer] < 0
            tempting = self.attraction(campaign.ring, customer)
            tempting *= self.experience(campaign.ring, "age", len(AGES) + 2)[self.age_band(customer)]
            if active and self.balance(customer) > 100 * self.settings.victim_balance and u[1] < tempting:
                return customer
        return -1

    def balance(self, customer: int) -> int:
        """Return what is available on the account that a customer's money is on, cents."""
        account = self.economy.ledger.accounts[customer * SLOTS + self.purse(customer)]
        return int(account["balance"] - account["reserved"])

    def purse(self, customer: int) -> int:
        """Return the slot of the account that a customer's money is on: checking, or the wallet in mobile money."""
        return self.economy.mobile_money.purse(customer)

    def own_device(self, customer: int) -> int:
        """Return the packed code of a customer's own device."""
        return customer << 7 | int(self.economy.world.customers.data["device"][customer])

    def own_ip(self, customer: int) -> int:
        """Return the packed code of the IP address of a customer's home."""
        data = self.economy.world.customers.data
        return int(data["dwelling"][customer]) << 7 | int(data["home_ip"][customer])

    def evening(self, at: int, u: float, v: float, keep: float = 0.0, ring: int = OPPORTUNIST) -> int:
        """Return a time on the same or next day by the hours at which people are online; some keep the given time.

        Args:
            at: microseconds.
            u, v: uniforms.
            keep: share of those who keep the given time.
            ring: the ring whose experience with hours counts.
        """
        if u < keep:
            return at
        cumulative = self.economy.world.habits.remote_hours
        if ring != OPPORTUNIST:
            beliefs = np.repeat(self.experience(ring, "hour", HOUR_BANDS), 24 // HOUR_BANDS)
            cumulative = np.cumsum(np.diff(cumulative, prepend=0.0) * beliefs)
        hour = int(np.searchsorted(cumulative, v * cumulative[-1]).clip(0, 23))
        time = at // DAY * DAY + int((hour + u) * HOUR)
        return time if time >= at else time + DAY

    def opening(self, at: int, u: float) -> int:
        """Return the time, or one at the next opening hours of shops if that is in the night."""
        hour = at % DAY / HOUR
        if 7.5 <= hour < 22.0 or u > 0.93:
            return at
        day = at // DAY * DAY + (DAY if hour >= 22.0 else 0)
        return day + int((8.5 + 10.0 * u) * HOUR)

    def request(
        self, campaign: Campaign, customer: int, slot: int, payee: int, cents: int, at: int, stage: int
    ) -> NDArray[np.void]:
        """Start a fraudulent request, (1,) TRANSACTION, that goes through the same authorisation as everybody's.

        Args:
            campaign: what it belongs to.
            customer, slot: whose account pays.
            payee: account row.
            cents: amount.
            at: microseconds.
            stage: position in the typology's stages.
        """
        row = pay.blank(1)
        row["transaction_id"] = self._next_id(campaign)
        campaign.ordinal += 1
        at = at if at >= self.economy.now else self.economy.now + at % self.economy.clock.tick
        row["timestamp"], row["owner"], row["slot"] = at, customer, slot
        row["payer"], row["payee"], row["amount"] = customer * SLOTS + slot, payee, cents
        row["campaign"], row["stage"], row["truth"] = campaign.number, stage, pay.IS_FRAUD
        return row

    def _next_id(self, campaign: Campaign) -> int:
        """Return the id of a campaign's next request; its number stands in row, purpose and ordinal."""
        key, day, number, ordinal = self.economy.ids.transaction, self.economy.day, campaign.number, campaign.ordinal
        if number & FOUND_CARD:
            return int(new_id(key, FOUND, campaign.victim, 0, day, ordinal))
        if ordinal >> REQUEST_BITS:
            raise OverflowError(f"a campaign of {campaign.typology} makes more than {1 << REQUEST_BITS} requests")
        last = number >> 28 << REQUEST_BITS | ordinal
        return int(new_id(key, INDUCED, number & 0xFFFFFF, number >> 24 & 15, day, last))

    def foreign_amount(self, row: NDArray[np.void], country: int) -> None:
        """Fill in the original amount and currency of a purchase at a merchant abroad."""
        currency = pay.CURRENCY_OF_COUNTRY[country]
        if currency:
            row["currency"] = currency
            row["original_amount"] = max(
                int(row["amount"][0] * self.economy.world.habits.exchange_rate[currency] + 0.5),
                int(row["amount"][0] > 0),
            )

    def submit(self, row: NDArray[np.void]) -> None:
        """Hand a request in."""
        device = int(row["device"][0])
        if device >> 30 == RING:
            self.saw(device, int(row["timestamp"][0]))
        limit = 100.0 * self.economy.config.parameters.behaviour.contactless_limit
        if row["entry_mode"][0] == pay.CONTACTLESS and row["amount"][0] > limit:
            row["entry_mode"] = pay.CHIP  # the terminal asks a thief for it too
        self.economy.outbox.add(row, self.economy.tick)

    def saw(self, device: int, at: int) -> None:
        """Remember when a ring's device was first seen: at its first use, or long before if it was bought or stolen."""
        if device not in self.devices:
            ring, ordinal = (device & 0x3FFFFFFF) >> (30 - ROW_BITS[RING]), device & ((1 << (30 - ROW_BITS[RING])) - 1)
            u = self.economy.streams.one(Purpose.RING, ring, second=98, ordinal=ordinal)
            self.devices[device] = at - (int(-np.log(u[1]) * 250 * DAY) if u[0] < USED_DEVICES else 0)
        self.devices[device] = min(at, self.devices[device])

    def pay_mule(
        self, campaign: Campaign, customer: int, cents: int, at: int, stage: int, device: int, thief: bool
    ) -> None:
        """Submit a payment from a victim to a mule of the campaign's ring."""
        self.mule_market.pay(campaign, customer, cents, at, stage, device, thief)

    # -- outcomes -----------------------------------------------------------------------------------------

    def observe(self, rows: NDArray[np.void]) -> None:
        """Give outcomes of fraudulent requests to the register, the mules and the rings."""
        mine = chosen(rows, rows["campaign"] >= 0)
        for row in mine:
            campaign = self.campaigns.get(int(row["campaign"]))
            if campaign is not None:
                self.register.count(campaign, row)
                if campaign.typology not in LAUNDERING:
                    self.mule_market.observe(campaign, row)
                self.ring(campaign.ring).observe(
                    row.reshape(1) if row.shape else np.array([row], dtype=pay.TRANSACTION)
                )

    def typology_of(self, number: int) -> str:
        """Return the typology of a campaign."""
        return self.campaigns[number].typology

    def realises(self, number: int) -> int | None:
        """Return when a deceived customer understands, below 0 for never; None where nobody was deceived."""
        at = self.campaigns[number].facts.get("realises")
        return None if at is None else int(at)

    def describe(self, row: np.void) -> tuple[str, str, int, int | None, int | None]:
        """Return (typology, stage, campaign id, ring id, victim's customer id) of a row that is not genuine."""
        return self.register.describe(row)

    def account(self, number: int, of: int, what: str, cents: int) -> None:
        """Add money to a campaign's account; only what concerns exported rows counts."""
        if number in self.campaigns and of >= self.economy.export_start:
            campaign = self.campaigns[number]
            setattr(campaign, what, getattr(campaign, what) + cents)
            if what == "recovered" and number in self.ring(campaign.ring).campaigns:
                self.ring(campaign.ring).lose(campaign, cents)

    def recall(self, bank: Any, case: Any, loss: Any, at: int, to_victim: bool) -> int:
        """Try to get money back from the mule that received it; see `MuleMarket.recall`."""
        return self.mule_market.recall(bank, case, loss, at, to_victim)

    def warn(self, number: int, customer: int, at: int) -> None:
        """A victim has reported: the campaign leaves this victim alone from now on."""
        campaign = self.campaigns.get(number)
        if campaign is not None and campaign.victim == customer:
            self.ring(campaign.ring).campaigns.pop(number, None)

    @property
    def pending(self) -> int:
        """Decisions and postings that were due after the end of the run and are not exported."""
        tasks = sum(task not in ("report", "mistake") for bank in self.economy.banks for _, _, task, _ in bank.queue)
        tasks += self.first_party.pending
        return tasks + sum(int(campaign.facts.get("uncover", -1) >= 0) for campaign in self.campaigns.values())

    def close(self) -> None:
        """At the end of the run: finish the banks' books and write the campaigns."""
        for bank in self.economy.banks:
            bank.close()
        self.first_party.close()
        self.register.close()

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what a checkpoint keeps."""
        values = {
            "campaigns": self.campaigns,
            "leaks": self.theft.leaks,
            "devices": self.devices,
            "rings": [ring.state() for ring in [*self.rings, self.opportunist]],
            "mules": self.mule_market.state(),
            "first_party": self.first_party.state(),
            "identities": self.identities.state(),
            "overcharging": self.overcharging,
            "register": self.register.state(),
            "rumours": self.rumours,
            "usual": self.usual,
        }
        return values, {"credentials": self.credentials.state()}

    def restore(self, values: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        """Take back what `state` returned."""
        self.campaigns, self.devices = values["campaigns"], values["devices"]
        self.theft.restore(values["leaks"])
        self.rumours, self.usual = values["rumours"], values["usual"]
        while len(self.rings) < len(values["rings"]) - 1:
            self.ring_life.found()
        for ring, state in zip([*self.rings, self.opportunist], values["rings"], strict=True):
            ring.restore(state)
            ring.campaigns = {
                number: self.campaigns.get(number, campaign) for number, campaign in ring.campaigns.items()
            }
        self.mule_market.restore(values["mules"])
        self.first_party.restore(values["first_party"])
        self.identities.restore(values["identities"])
        self.overcharging = values["overcharging"]
        self.register.restore(values["register"])
        self.credentials.restore(arrays["credentials"])


class _Midnight:
    """Wakes the underworld at the start of each day."""

    def __init__(self, underworld: Underworld) -> None:
        self.underworld = underworld

    def step(self) -> None:
        """Begin the day and sleep until the next."""
        economy = self.underworld.economy
        self.underworld.begin_day()
        economy.agenda.wake(RINGS_KEY, (economy.day + 1) * DAY)

    def state(self) -> dict[str, Any]:
        """Return nothing: it has no state of its own."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back nothing."""
