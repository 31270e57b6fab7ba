"""The underworld: rings, leaks, the market of stolen details, mules; and the register of all campaigns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.agents.campaign_requests import CampaignRequests
from finsim.agents.capital import capacities
from finsim.agents.credentials import CredentialMarket
from finsim.agents.cut_off import cut_off
from finsim.agents.experience import Experience, Usual
from finsim.agents.first_party import FirstParty
from finsim.agents.fraud import registry
from finsim.agents.fraud.aftermath import is_set_off
from finsim.agents.fraud.campaign import Campaign
from finsim.agents.fraud.care import PACE, STYLE, Care, Manner
from finsim.agents.fraud.laundering import LAUNDERING
from finsim.agents.fraud.remote import resale_weights
from finsim.agents.fraud.synthetic_identity import LONGEST, building_days
from finsim.agents.fraudster import BOUNDS, Fraudster
from finsim.agents.identities import Identities
from finsim.agents.lost_cards import lose_cards
from finsim.agents.mule import MuleMarket
from finsim.agents.mule_money import MuleMoney
from finsim.agents.register import Register
from finsim.agents.ring_choices import OPPORTUNIST, RingChoices
from finsim.agents.rings import RingLife
from finsim.agents.theft import Theft
from finsim.clock import DAY
from finsim.parameters.numbering import CampaignNumbers
from finsim.records import chosen
from finsim.rng import Purpose, choose

if TYPE_CHECKING:
    from finsim.economy import Economy

RINGS_KEY = "underworld"
BOUGHT = ("card_testing", "card_not_present")
"""Typologies that need stolen details from the market."""
SIZES, SIZE_WEIGHTS = (0.6, 1.0, 1.6), (0.15, 0.7, 0.15)
"""What rings make of usual amounts, and how often they do before they know better (assumption)."""
SPARED = 0.4
"""Part of the reserve of identities that is left for those opened during a run; a choice of the model."""


class Underworld(CampaignRequests, RingChoices):
    """Everything that fraudsters share.

    Args:
        economy: the economy they prey on.
    """

    def __init__(self, economy: Economy) -> None:
        super().__init__(economy)
        self.credentials = CredentialMarket(
            self.settings.card_not_present.half_life_days, self.settings.credential_price
        )
        self.campaigns: dict[int, Campaign] = {}
        parameters = economy.config.parameters
        self.numbers = CampaignNumbers(
            parameters.population.customers, self.settings.rings, parameters.run.warm_up_days + parameters.run.days
        )
        self.positions = {name: position for position, name in enumerate(registry())}
        self.rumours, self.usual = Experience(), Usual()
        self.ring_life = RingLife(self)
        self.overcharging: dict[int, list[int]] = {}  # wallet agent -> campaign, until, stage
        self.register = Register(self)
        self.rings = self._found_rings()
        self.opportunist = Fraudster(economy, self, OPPORTUNIST)
        economy.enlist(self.opportunist.key, self.opportunist)
        self.mule_market = MuleMarket(self)
        self.mule_money = MuleMoney(self)
        self.first_party = FirstParty(self)
        self.identities = Identities(self)
        size = len(economy.world.customers)
        self.scale = size / 1000.0 / 365.0
        self.cares = [Care(self.settings.difficulty + more) for more in STYLE.values]
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
        supply = self.theft.supply()
        self.credentials.begin_day(self.economy.now, supply)
        self.shopping.clear()
        per_ring = self.scale / s.rings
        rates = {
            name: getattr(s, name, typology).rate * per_ring  # type: ignore[union-attr]
            for name, typology in registry().items()
            if not getattr(typology, "by_customers", False)
        }
        for name in BOUGHT:
            rates[name] *= supply
        laundering = {name: rates.pop(name) for name in registry() if name in LAUNDERING}
        self.ring_life.begin_day()
        rings = self.active_rings()
        if s.adaptation > 0:
            for ring, capacity in zip(rings, capacities(rings), strict=True):
                ring.capacity = float(capacity)
        for ring in rings:
            if self.economy.day == self.economy.clock.first_day:
                ring.go_on(rates)
            ring.plan(self.economy.day, rates)
            ring.plan(self.economy.day, laundering)
            self.theft.steal(ring)
        self.theft.begin_day()
        lose_cards(self)
        self.mule_market.begin_day()
        self.register.retire(self.economy.now - 70 * DAY)
        self.overcharging = {agent: item for agent, item in self.overcharging.items() if item[1] > self.economy.now}

    def _age_identities(self) -> None:
        """Give each ring the synthetic identities that it has built, or used up, before the run begins."""
        s, now = self.settings, self.economy.now
        median, after = s.synthetic_identity.build_days, s.identities.charge_off_days
        life = LONGEST * median + after
        expected = s.synthetic_identity.rate * self.scale / s.rings * life
        for ring in self.rings:
            u = self.economy.streams.one(Purpose.RING, ring.row, second=98)
            for k in range(int(expected) + (u[0] < expected % 1.0)):
                v = self.economy.streams.one(Purpose.RING, ring.row, second=98, draw=k + 1)
                aged, build = 1 + int(v[0] * life), building_days(median, v[1])
                if aged < build + after and len(self.identities.free) > SPARED * self.identities.reserve:
                    ring.launch("synthetic_identity", now, {"aged": aged, "build": build})

    # -- what a campaign is like --------------------------------------------------------------------------

    def choose_size(self, ring: Fraudster, number: int) -> int:
        """Return a position in SIZES for a campaign: what pays best, mostly; the usual one without adaptation."""
        if ring.row == OPPORTUNIST or self.settings.adaptation == 0:
            return SIZES.index(1.0)
        return self._choose("size", SIZE_WEIGHTS, ring.row, number, 1)

    def choose_style(self, ring: Fraudster, typology: str, number: int) -> int:
        """Return a position in the values of STYLE for a campaign."""
        return self._choose_manner(STYLE, typology, ring.row, number, 2)

    def choose_pace(self, campaign: Campaign) -> int:
        """Return a position in the values of PACE for a campaign."""
        return self._choose_manner(PACE, campaign.typology, campaign.ring, campaign.number, 3)

    def _choose_manner(self, manner: Manner, typology: str, ring: int, number: int, second: int) -> int:
        """Return a position in a manner's values: all of them are tried, and more often what is let through."""
        return self._choose(manner.of(typology), manner.usual, ring, number, second, manner.readiness)

    def _choose(
        self, what: str, usual: tuple[float, ...], ring: int, number: int, second: int, readiness: float = 1.0
    ) -> int:
        """Return an option of a choice, by how often it is usual times a power of the ring's belief in it."""
        belief = np.clip(self.experience(ring, what, len(usual)) ** readiness, *BOUNDS)
        u = self.economy.streams.one(Purpose.EXPERIENCE, number, second=second)
        return int(choose(np.cumsum(np.array(usual) * belief), u[0]))

    def care(self, campaign: Campaign) -> Care:
        """Return how careful a campaign is."""
        return self.cares[campaign.style]

    @staticmethod
    def size(campaign: Campaign) -> float:
        """Return what a campaign makes of usual amounts."""
        return SIZES[campaign.size]

    def pay_mule(
        self, campaign: Campaign, customer: int, cents: int, at: int, stage: int, device: int, thief: bool
    ) -> None:
        """Submit a payment from a victim to a mule of the campaign's ring."""
        self.mule_money.pay(campaign, customer, cents, at, stage, device, thief)

    # -- outcomes -----------------------------------------------------------------------------------------

    def observe(self, rows: NDArray[np.void]) -> None:
        """Give outcomes of fraudulent requests to the register, the mules and the rings."""
        mine = chosen(rows, rows["campaign"] >= 0)
        for row in mine:
            campaign = self.campaigns.get(int(row["campaign"]))
            if campaign is not None:
                self.register.count(campaign, row)
                if campaign.typology not in LAUNDERING:
                    self.mule_money.observe(campaign, row)
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
        campaign = self.campaigns.get(number)
        if campaign is None:
            return
        if what == "recovered":
            self.ring(campaign.ring).lose(campaign, cents)
        if of >= self.economy.export_start:
            setattr(campaign, what, getattr(campaign, what) + cents)

    def recall(self, bank: Any, case: Any, loss: Any, at: int, to_victim: bool) -> int:
        """Try to get money back from the mule that received it; see `MuleMoney.recall`."""
        return self.mule_money.recall(bank, case, loss, at, to_victim)

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
        return tasks + sum(int(is_set_off(campaign)) for campaign in self.campaigns.values())

    def close(self) -> None:
        """At the end of the run: note what it cuts off, finish the banks' books and write the campaigns."""
        for label in cut_off(self):
            self.economy.log.add("labels_hidden", label.number, label.at, label.source, label.label)
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
            "enrolled": self.enrolled,
            "rings": [ring.state() for ring in [*self.rings, self.opportunist]],
            "mules": self.mule_market.state(),
            "mule_money": self.mule_money.state(),
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
        self.campaigns, self.devices, self.enrolled = values["campaigns"], values["devices"], values["enrolled"]
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
        self.mule_money.restore(values["mule_money"])
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
