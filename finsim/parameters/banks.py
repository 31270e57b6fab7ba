"""The institutions: market shares, and each one's controls."""

from __future__ import annotations

import hashlib
from pathlib import Path

from finsim.errors import ScenarioError
from finsim.parameters.fields import Model, param

NEVER = 2.0
"""Threshold that no score reaches."""


class ModelFile(Model):
    """A fitted model of the user's in the authorisation path, and what its scores lead to."""

    path: str = param(..., unit="", doc="file: LightGBM text (.txt), .onnx, .skops; .pkl only with allow_pickle. Relative to the scenario's file, or to the working directory", source="design", execution=True)
    allow_pickle: bool = param(False, unit="", doc="whether a pickle may be read, which can run any code", source="design")
    features: list[str] = param([], unit="", doc="names of its columns in order, where the file does not say them", source="design")
    decline: float | None = param(None, unit="score", doc="score from which it declines, in place of banks.model_decline", source="design", low=0.0, high=1.0)
    hold: float | None = param(None, unit="score", doc="score from which it holds what is not paid by card, in place of banks.model_hold", source="design", low=0.0, high=1.0)
    challenge: float | None = param(None, unit="score", doc="score from which it challenges, in place of banks.model_challenge", source="design", low=0.0, high=1.0)

    def digest(self) -> str:
        """Return the SHA-256 of the file, hexadecimal.

        Raises:
            ScenarioError: it cannot be read.
        """
        try:
            return hashlib.sha256(Path(self.path).read_bytes()).hexdigest()
        except OSError as error:
            raise ScenarioError(f"the model {self.path!r} cannot be read: {error.strerror}") from None


class Institution(Model):
    """One issuer: its share of the customers and its rules. Thresholds differ between issuers, so fraud shifts."""

    share: float = param(..., unit="share", doc="share of the customers", source="design", low=0.0, high=1.0)
    velocity_limit: int = param(14, unit="count", doc="card attempts in one to two hours above which the card is declined", low=2, high=1000,
                                source="assumption: near BEHAVIOUR-014, the split that real detectors find, over a shorter window")  # fmt: skip
    decline_velocity_limit: int = param(4, unit="count", doc="declined card attempts in one to two hours above which the card is declined", low=1, high=1000,
                                        source="assumption: usual rule against guessing")  # fmt: skip
    remote_amount_limit: float = param(1800.0, unit="USD", doc="remote card payment at a merchant new to the card that is challenged", low=1.0, high=1e6,
                                       source="assumption: usual size of a step-up rule")  # fmt: skip
    foreign_amount_limit: float = param(450.0, unit="USD", doc="card payment in a country new to the customer that is challenged", low=1.0, high=1e6,
                                        source="assumption: geography rule with a floor")  # fmt: skip
    new_payee_limit: float = param(1500.0, unit="USD", doc="transfer to a new payee that is challenged", low=1.0, high=1e6, source="assumption: usual size of a step-up rule")
    new_payee_hold: float = param(6000.0, unit="USD", doc="transfer to a new payee that is held for review", low=1.0, high=1e6, source="assumption: usual size of a review rule")
    new_device_limit: float = param(800.0, unit="USD", doc="transfer from a device new to the customer that is challenged", low=1.0, high=1e6, source="assumption: usual rule")
    alert_amount: float = param(2000.0, unit="USD", doc="remote payment at a new merchant or transfer to a new payee that raises an alert", low=1.0, high=1e6, source="assumption: alert rates of a few per 10,000 payments")
    cash_machine_limit: float = param(800.0, unit="USD", doc="cash withdrawals in a day", low=20.0, high=1e5, source="assumption: usual daily limit")
    card_day_limit: float = param(7500.0, unit="USD", doc="debit card purchases in a day", low=50.0, high=1e6, source="assumption: usual daily limit")
    merchant_test_limit: int = param(25, unit="count", doc="declined small remote attempts at one merchant in an hour above which more are declined", low=1, high=100000,
                                     source="assumption: velocity rule against enumeration")  # fmt: skip
    model: ModelFile | None = param(None, unit="", doc="model that scores its customers' requests, in place of banks.model", source="design")


class Banks(Model):
    """The issuers and what all of them have in common."""

    institutions: list[Institution] = param(..., unit="", doc="issuers, the largest first", source="design")
    acquirers: int = param(3, unit="", doc="number of acquirers", source="design", low=1, high=20)
    challenge_pass_owner: float = param(0.93, unit="share", doc="challenges that the owner passes", low=0.0, high=1.0, source="assumption: most owners answer a one-time code")
    challenge_pass_thief: float = param(0.12, unit="share", doc="challenges that a thief passes (interception, social engineering)", low=0.0, high=1.0, source="assumption: one in eight")
    challenge_abandon: float = param(0.04, unit="share", doc="challenges that nobody answers", low=0.0, high=1.0, source="assumption: one in 25")
    review_hours: float = param(3.0, unit="hour", doc="median time until an analyst decides on an alert or a held payment", low=0.01, high=240.0, source="assumption: typologies put it at one hour to five days; held payments come first")
    review_error: float = param(0.03, unit="share", doc="analyst decisions that are wrong on genuine payments", low=0.0, high=0.5, source="assumption: one to five per cent")
    review_miss: float = param(0.35, unit="share", doc="fraud that an analyst takes for genuine", low=0.0, high=1.0, source="assumption: deceived customers vouch for their payments")
    overdraft_fee: float = param(27.0, unit="USD", doc="fee for the day's first payment into overdraft", low=0.0, high=200.0, source="assumption: usual US overdraft fee of 2023")
    reissue_days: float = param(4.0, unit="day", doc="median days until a reissued card is used", low=0.0, high=60.0, source="assumption: a card comes by post")
    chargeback_days: float = param(35.0, unit="day", doc="median days from a claim to the chargeback's posting", low=1.0, high=120.0, source="BEHAVIOUR-001")
    merchant_liability: float = param(0.85, unit="share", doc="remote card fraud without 3-D Secure that is charged back to the merchant", low=0.0, high=1.0, source="assumption: US-028 (merchants bear half of all debit fraud) and remote fraud's share of it")
    representment_win: float = param(0.12, unit="share", doc="chargebacks that the merchant wins back", low=0.0, high=1.0, source="assumption: representment of true fraud seldom wins")
    scam_reimbursed: float = param(0.25, unit="share", doc="claims for authorised push payment scams that a bank reimburses; each typology has its factor", low=0.0, high=1.0, source="assumption: no US duty to reimburse; goodwill only")
    control_group_share: float = param(0.0, unit="share", doc="scored requests to which the score does not apply", low=0.0, high=1.0, source="design")
    model_decline: float = param(0.98, unit="score", doc="score from which a model declines", low=0.0, high=1.0, source="design")
    model_challenge: float = param(0.9, unit="score", doc="score from which a model challenges", low=0.0, high=1.0, source="design")
    model_hold: float | None = param(None, unit="score", doc="score from which a model holds what is not paid by card; none: never", source="design", low=0.0, high=1.0)
    model: ModelFile | None = param(None, unit="", doc="model that scores the requests of every institution without one of its own", source="design")

    def thresholds(self, bank: Institution) -> tuple[float, float, float]:
        """Return the scores from which an institution's model declines, holds and challenges; above 1 for never."""
        model = bank.model or self.model
        own = (model.decline, model.hold, model.challenge) if model else (None, None, None)
        common = (self.model_decline, NEVER if self.model_hold is None else self.model_hold, self.model_challenge)
        decline, hold, challenge = (b if a is None else a for a, b in zip(own, common, strict=True))
        return decline, hold, challenge
