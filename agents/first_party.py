"""First-party fraud: customers who claim or return what they bought themselves, and honest disputes beside them.

Nobody plans it: a purchase is made as all others are, and only afterwards does its buyer, who has the tendency, decide
on it, by the purchase's own id. So a twin without fraud has the same purchases. What follows stands in a queue of dated
tasks: the claim, the money paid back for now, the chargeback, and the merchant's answer.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.agents.claims import REASON_CARD_NOT_PRESENT, Loss
from finsim.agents.customer import GENUINE
from finsim.agents.fraud.campaign import Campaign
from finsim.agents.fraud.friendly_fraud import FriendlyFraud
from finsim.agents.fraud.refund_abuse import RefundAbuse
from finsim.agents.register import NO_RING, own_claim_number
from finsim.agents.settlement import S_CHARGEBACK, S_REPRESENTMENT
from finsim.clock import DAY
from finsim.ids import mixed
from finsim.notice import BOGUS, CLAIMED, FRIENDLY, Chances
from finsim.rng import Purpose, to_normal

if TYPE_CHECKING:
    from finsim.agents.bank import Bank
    from finsim.agents.underworld import Underworld

KEY = "first_party"
SERVICE_REASONS = ("13.1", "13.3", "13.7")
"""Visa dispute conditions: not received, not as described, cancelled recurring transaction."""
LEAST = 2_500
"""Cents; nobody disputes less (assumption: leads the mean claim towards BEHAVIOUR-042)."""
LATEST_DAYS = 118.0
"""Claims come within the dispute window (BEHAVIOUR-004)."""
HONEST_DAYS = 12.0
"""Median days until an honest customer has waited long enough (assumption)."""
MERCHANT_RIGHT = 0.2
"""Contested honest disputes that the merchant wins (assumption: most of them are right)."""


class FirstParty:
    """The customers who claim, and what becomes of each claim.

    Args:
        underworld: what keeps their campaigns.
    """

    def __init__(self, underworld: Underworld) -> None:
        self.underworld = underworld
        self.queue: list[tuple[int, int, str, tuple[Any, ...]]] = []
        self.ordinal = 0
        economy = underworld.economy
        economy.enlist(KEY, self)
        parameters = economy.config.parameters
        data = economy.world.customers.data
        u = economy.streams.uniform(Purpose.FIRST_PARTY, len(data))
        self.genuine = own = data["reserved"] == GENUINE  # a made-up name draws no attention to itself
        remote, returned, returnable = _purchases_a_year(parameters)
        friendly = FriendlyFraud.tendencies(parameters.fraud, u[:, 0], remote) * own
        bogus = RefundAbuse.tendencies(parameters.fraud, u[:, 1], returned) * own
        self.chances = Chances(
            LEAST,
            float(max(friendly.max(initial=0.0), bogus.max(initial=0.0))),
            friendly,
            bogus,
            min(parameters.behaviour.disputes_per_1000_customers / 1000.0 / remote, 0.5),
            returnable,
            economy.streams.keys[Purpose.FIRST_PARTY],
            economy.ids.event,
            _in_error(parameters),
        )

    def observe(self, rows: NDArray[np.void], reasons: NDArray[np.uint8]) -> None:
        """Let buyers decide on their purchases of this tick; rows of first-party claims get truth.

        Args:
            rows: (n,) TRANSACTION.
            reasons: (n,) as `finsim.notice.notice` gives them.
        """
        for position in np.flatnonzero(reasons & CLAIMED).tolist():
            if reasons[position] & FRIENDLY:
                self._friendly(rows[position : position + 1])
            elif reasons[position] & BOGUS:
                purchase = rows[position : position + 1]
                campaign = self._campaign("refund_abuse", int(purchase["owner"][0]), int(purchase["timestamp"][0]))
                RefundAbuse.send_back(self.underworld, campaign, purchase)
            elif self.genuine[int(rows["owner"][position])]:
                self._claim_later(rows[position], -1, HONEST_DAYS, 0.0)

    def _campaign(self, typology: str, customer: int, at: int) -> Campaign:
        """Return the customer's campaign of this quarter, a new one if it is the first purchase."""
        number = own_claim_number(customer, at // DAY, typology == "refund_abuse")
        known = self.underworld.campaigns.get(number)
        if known is None:
            known = self.underworld.campaigns[number] = Campaign(number, typology, NO_RING, at)
        return known

    def _friendly(self, row: NDArray[np.void]) -> None:
        """Note the truth about a purchase, (1,) TRANSACTION, that its buyer will claim back."""
        world = self.underworld
        campaign = self._campaign("friendly_fraud", int(row["owner"][0]), int(row["timestamp"][0]))
        row["campaign"], row["truth"], row["stage"] = campaign.number, pay.IS_FRAUD, 0
        campaign.ended = int(row["timestamp"][0])
        world.economy.log.truth(row, world)
        world.register.count(campaign, row[0])
        settings = world.settings.friendly_fraud
        self._claim_later(row[0], campaign.number, settings.delay_days, settings.as_fraud)

    def _claim_later(self, row: np.void, campaign: int, median: float, as_fraud: float) -> None:
        number = int(row["transaction_id"])
        u = self._draw(number, 0)
        days = min(median * float(np.exp(0.5 * to_normal(u[0:1])[0])), LATEST_DAYS)
        reason = REASON_CARD_NOT_PRESENT if u[1] < as_fraud else SERVICE_REASONS[int(u[2] * len(SERVICE_REASONS))]
        loss = Loss(
            number, int(row["timestamp"]), int(row["amount"]), int(row["payer"]), int(row["payee"]),
            int(row["merchant"]), True, False, int(row["rail"]), int(row["card"]),
        )  # fmt: skip
        self._later(loss.at + int(max(days, 1.0) * DAY), "claim", campaign, int(row["owner"]), reason, loss)

    def _draw(self, number: int, draw: int) -> NDArray[np.float64]:
        """Return four uniforms that depend on a transaction id alone."""
        return self.underworld.economy.streams.one(
            Purpose.FIRST_PARTY, number & 0xFFFFFFFF, second=number >> 32, ordinal=1, draw=draw
        )

    def _later(self, at: int, task: str, *details: Any) -> None:
        self.ordinal += 1
        heapq.heappush(self.queue, (int(at), self.ordinal, task, details))
        self._sleep()

    def _sleep(self) -> None:
        if self.queue:
            clock = self.underworld.economy.clock
            ticks = -((clock.start - self.queue[0][0]) // clock.tick)
            self.underworld.economy.agenda.wake(KEY, clock.start + ticks * clock.tick)

    def step(self) -> None:
        """Do what has come due by now."""
        while self.queue and self.queue[0][0] <= self.underworld.economy.now:
            at, _, task, details = heapq.heappop(self.queue)
            getattr(self, f"_{task}")(at, *details)
        self._sleep()

    # -- tasks --------------------------------------------------------------------------------------------

    def _bank(self, customer: int) -> Bank:
        economy = self.underworld.economy
        return economy.banks[int(economy.world.customers.data["institution"][customer])]

    @staticmethod
    def _label(reason: str) -> str:
        """Return what the bank believes: only who denies the purchase speaks of fraud."""
        return "fraud" if reason == REASON_CARD_NOT_PRESENT else "genuine"

    def _claim(self, at: int, campaign: int, customer: int, reason: str, loss: Loss) -> None:
        """Take the claim: a label, a new card where somebody else is said to have used it, money for now."""
        bank, u = self._bank(customer), self._draw(loss.number, 1)
        bank.claims.label(loss.number, loss.at, at, "customer", reason, self._label(reason))
        if reason == REASON_CARD_NOT_PRESENT:
            bank.claims.replace_card(loss.card, at)
        self._later(at + int((0.2 + 3.0 * u[0]) * DAY), "credit", campaign, customer, loss)
        self._later(self._charged_back(at, loss), "charge_back", campaign, customer, reason, loss)

    def _charged_back(self, at: int, loss: Loss) -> int:
        """Return when a claim of a time is charged back to the merchant."""
        z = float(to_normal(self._draw(loss.number, 1)[1:2])[0])
        days = self.underworld.economy.config.parameters.banks.chargeback_days * float(np.exp(0.35 * z))
        return at + int(max(days, 4.0) * DAY)

    def _credit(self, at: int, campaign: int, customer: int, loss: Loss) -> None:
        bank = self._bank(customer)
        account = int(self.underworld.economy.ledger.loss_accounts[bank.row])
        bank.recovery.book(pay.REIMBURSEMENT, loss, customer, account, loss.payer, loss.cents, at, 11)
        self.underworld.account(campaign, loss.at, "reimbursed", loss.cents)

    def _charge_back(self, at: int, campaign: int, customer: int, reason: str, loss: Loss) -> None:
        """Charge the purchase back to the merchant, who may contest it."""
        bank = self._bank(customer)
        self._post(S_CHARGEBACK, loss, bank, at, 12)
        self.underworld.account(campaign, loss.at, "charged_back", loss.cents)
        self.underworld.economy.settlement.cover(loss.merchant, loss.cents, loss.number, loss.at, campaign, at)
        bank.claims.label(loss.number, loss.at, at, "chargeback", reason, self._label(reason))
        won = self._represented(at, campaign, loss)
        if won is not None:
            self._later(won, "represent", campaign, customer, reason, loss)

    def _represented(self, at: int, campaign: int, loss: Loss) -> int | None:
        """Return when the merchant wins against a chargeback of a time; None where it does not."""
        settings, u = self.underworld.settings.friendly_fraud, self._draw(loss.number, 2)
        wins = settings.merchant_wins if campaign >= 0 else MERCHANT_RIGHT
        return at + int((10.0 + 20.0 * u[2]) * DAY) if u[0] < settings.represented and u[1] < wins else None

    def _represent(self, at: int, campaign: int, customer: int, reason: str, loss: Loss) -> None:
        """Let the merchant win: it is paid again, and the customer has to give the money back."""
        bank = self._bank(customer)
        self._post(S_REPRESENTMENT, loss, bank, at, 13)
        self.underworld.account(campaign, loss.at, "charged_back", -loss.cents)
        account = int(self.underworld.economy.ledger.loss_accounts[bank.row])
        bank.recovery.book(pay.REVERSAL, loss, customer, loss.payer, account, loss.cents, at, 14)
        self.underworld.account(campaign, loss.at, "reimbursed", -loss.cents)
        bank.claims.label(loss.number, loss.at, at, "chargeback", reason, "genuine")

    def _post(self, kind: int, loss: Loss, bank: Bank, at: int, what: int) -> None:
        """Book a movement between the merchant's receivable and the issuer's losses."""
        economy = self.underworld.economy
        merchant = economy.ledger.merchant_base + loss.merchant
        issuer = int(economy.ledger.loss_accounts[bank.row])
        payer, payee = (merchant, issuer) if kind == S_CHARGEBACK else (issuer, merchant)
        economy.settlement.post(
            kind, np.array([payer]), np.array([payee]), np.array([loss.cents]), np.array([loss.merchant]),
            np.array([mixed(loss.number ^ what, economy.ids.posting)], dtype=np.uint64), max(at, economy.now),
            loss.number if loss.at >= economy.export_start else 0,
        )  # fmt: skip

    # -- the end, and state -------------------------------------------------------------------------------

    def busy(self) -> set[int]:
        """Return the campaigns that something is still to come of."""
        return {details[0] for _, _, _, details in self.queue}

    @property
    def pending(self) -> int:
        """Decisions and postings that were due after the end of the run."""
        return sum(task != "claim" for _, _, task, _ in self.queue)

    def foretell(self) -> Iterator[tuple[int, int, int, str, str]]:
        """Yield the claims of fraud that merchants are going to win: id, time, when, source and label of each."""
        for at, _, task, details in self.queue:
            if task not in ("claim", "charge_back", "represent") or details[-2] != REASON_CARD_NOT_PRESENT:
                continue
            loss, when = details[-1], at
            if task != "represent":
                charged = self._charged_back(at, loss) if task == "claim" else at
                won = self._represented(charged, details[0], loss)
                if won is None:
                    continue
                when = won
            yield loss.number, loss.at, when, "chargeback", "genuine"

    def close(self) -> None:
        """After the end of the run export the claims that are already determined; no money follows."""
        for at, _, task, details in sorted(self.queue, key=lambda item: item[:2]):
            if task == "claim":
                _, customer, reason, loss = details
                label = self._label(reason)
                self._bank(customer).claims.label(loss.number, loss.at, at, "customer", reason, label)

    def state(self) -> dict[str, Any]:
        """Return declared state."""
        return {"queue": list(self.queue), "ordinal": self.ordinal}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned."""
        self.queue, self.ordinal = list(state["queue"]), state["ordinal"]
        heapq.heapify(self.queue)


def _in_error(parameters: Any) -> np.uint64:
    """Return the bound of a uniform uint64 below which a genuine card purchase is disputed in error."""
    b = parameters.behaviour
    share = parameters.fraud.reporting.false_claims_per_1000_customers / 1000.0 / b.cards_a_year()
    return np.uint64(min(share, 0.5) * 2.0**64)


def _purchases_a_year(parameters: Any) -> tuple[float, float, NDArray[np.bool_]]:
    """Return how many purchases a customer makes in a year that can be disputed, and returned; and what can be.

    Returns:
        remote purchases by card above `LEAST`, those of goods that are returned, and (K + 1,) bool of the categories.
    """
    b = parameters.behaviour
    categories = b.fitted_categories()
    kinds = [k for k in categories.values() if not k.bill]
    cards = b.cards_a_year()
    total = sum(k.share for k in categories.values())
    remote = returned = 0.0
    for k in kinds:
        # Shares of remote purchases are moved by odds, as in the plan; the share above the least follows its lognormal.
        odds = (1.0 - k.in_person) / max(k.in_person, 1e-6) * b.remote_factor
        z = (np.log(LEAST / 100.0 / b.price_level) - k.log_mean) / k.log_sigma
        large = 1.0 / (1.0 + float(np.exp(1.702 * z)))
        remote += k.share * odds / (1.0 + odds) * large
        returned += k.share * large * (k.refund_rate >= RefundAbuse.least_refund_rate)
    flags = [k.refund_rate >= RefundAbuse.least_refund_rate for k in categories.values()]
    return cards * remote / total, cards * returned / total, np.array([*flags, False])
