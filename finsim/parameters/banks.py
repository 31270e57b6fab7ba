"""The institutions: market shares, and each one's controls."""

from __future__ import annotations

import hashlib
from pathlib import Path

from finsim.errors import ScenarioError
from finsim.parameters.fields import Model, param, parameter_info

NEVER = 2.0
"""Threshold that no score reaches."""


class ModelFile(Model):
    """A fitted model of the user's in the authorisation path, and what its scores lead to."""

    path: str = param(..., unit="", doc="file: LightGBM text (.txt), .onnx, .skops; .pkl only with allow_pickle. Relative to the scenario's file, or to the working directory", source="design", execution=True)
    allow_pickle: bool = param(False, unit="", doc="whether a pickle may be read, which can run any code", source="design")
    features: list[str] = param([], unit="", doc="names of its columns in order, where the file does not say them", source="design")
    since_day: int = param(-1000, unit="day", doc="exported day from which its scores have consequences, from 0; it scores before", low=-1000, high=3650, source="design")
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
    transfer_day_limit: float = param(25000.0, unit="USD", doc="transfers to others in a day", low=50.0, high=1e7, source="assumption: usual daily limit of online banking, higher for wires")
    new_payee_day_limit: float = param(15000.0, unit="USD", doc="transfers in a day to payees that were not paid before", low=50.0, high=1e7, source="assumption: new payees get part of the daily limit")
    cooling_off_amount: float = param(1e6, unit="USD", doc="transfer to a new payee that rests before it is carried out", low=1.0, high=1e6, source="assumption: US banks seldom have such a rule, so it is off by default")
    cooling_off_hours: float = param(24.0, unit="hour", doc="time for which it rests", low=0.5, high=240.0, source="assumption: 12 to 72 hours where the rule exists")
    review_capacity: float = param(1.3, unit="alerts/1000 customers/day", doc="alerts that the analysts can work on, at least two a day", low=0.0, high=1000.0, source="assumption: staffed for a little more than the usual number of alerts")
    scam_reimbursed_factor: float = param(1.0, unit="ratio", doc="scams that this institution reimburses, against banks.scam_reimbursed", low=0.0, high=100.0, source="assumption: alike, though British banks' shares differ widely")
    merchant_test_limit: int = param(25, unit="count", doc="declined small remote attempts at one merchant in an hour above which more are declined", low=1, high=100000,
                                     source="assumption: velocity rule against enumeration")  # fmt: skip
    control_group_share: float | None = param(None, unit="share", doc="scored requests to which the score does not apply, in place of banks.control_group_share", source="design", low=0.0, high=1.0)
    model: ModelFile | None = param(None, unit="", doc="model that scores its customers' requests, in place of banks.model", source="design")


def changeable_rules() -> dict[str, tuple[float, float, bool]]:
    """Return what may change from a day on: (least value, greatest value, whether whole) by name of the parameter."""
    found = {}
    for name, field in Institution.model_fields.items():
        if name not in ("share", "model"):
            info = parameter_info(field)
            found[name] = (float(info.low), float(info.high), field.annotation is int)
    return found


class RuleChange(Model):
    """A rule of institutions that changes on a day and stays so."""

    day: int = param(..., unit="day", doc="exported day from which it holds, from 0", source="design", low=0, high=3650)
    institution: int = param(-1, unit="", doc="position of the institution; -1: all of them", source="design", low=-1, high=99)
    rule: str = param(..., unit="", doc="name of the parameter of an institution that changes", source="design")
    value: float = param(..., unit="", doc="new value, in the unit of that parameter", source="design")


class Banks(Model):
    """The issuers and what all of them have in common."""

    institutions: list[Institution] = param(..., unit="", doc="issuers, the largest first", source="design")
    rule_changes: list[RuleChange] = param([], unit="", doc="dated changes of the institutions' rules, in any order", source="design")
    controls: list[str] = param([], unit="", doc="controls of other distributions in every institution's path, by their names in the entry point group finsim.controls", source="design")
    acquirers: int = param(3, unit="", doc="number of acquirers", source="design", low=1, high=20)
    firm_limits: float = param(1.75, unit="ratio", doc="thresholds for transfers of the smallest firm against a person's; larger firms have more, in proportion to what they pay", low=1.0, high=100.0, source="assumption: business accounts come with higher limits; about as many alerts as before firms differed in size")
    wealthy_limits: float = param(2.5, unit="ratio", doc="daily limits for transfers by persons of the highest income band, against others'", low=1.0, high=100.0, source="assumption: better accounts have a multiple of the usual limits")
    challenge_pass_owner: float = param(0.93, unit="share", doc="challenges that the owner passes", low=0.0, high=1.0, source="assumption: most owners answer a one-time code")
    challenge_pass_thief: float = param(0.12, unit="share", doc="challenges that a thief passes (interception, social engineering)", low=0.0, high=1.0, source="assumption: one in eight")
    challenge_abandon: float = param(0.04, unit="share", doc="challenges that nobody answers", low=0.0, high=1.0, source="assumption: one in 25")
    challenge_elder_factor: float = param(1.8, unit="ratio", doc="how much oftener people of 70 and over fail a challenge", low=1.0, high=10.0, source="assumption: one-time codes are harder for the old")
    challenge_warned: float = param(0.12, unit="share", doc="deceived customers whom a challenge or a rest makes think again", low=0.0, high=1.0, source="assumption: warnings stop one in eight")
    review_hours: float = param(3.0, unit="hour", doc="median time until an alert or a held payment is ready for an analyst", low=0.01, high=240.0, source="assumption: typologies put it at one hour to five days; held payments come first")
    review_error: float = param(0.03, unit="share", doc="analyst decisions that are wrong on genuine payments", low=0.0, high=0.5, source="assumption: one to five per cent")
    review_miss: float = param(0.2, unit="share", doc="misuse by a stranger that an analyst takes for genuine", low=0.0, high=1.0, source="assumption: customers who are asked know")
    review_miss_scam: float = param(0.55, unit="share", doc="payments of the deceived that an analyst takes for genuine", low=0.0, high=1.0, source="assumption: deceived customers vouch for their payments")
    review_miss_laundering: float = param(0.6, unit="share", doc="payments of mules that an analyst takes for genuine", low=0.0, high=1.0, source="assumption: mules have an explanation")
    alert_expiry_hours: float = param(96.0, unit="hour", doc="time after which an alert that nobody worked on is closed; a held payment is carried out then", low=1.0, high=2000.0, source="assumption: one hour to five days until a decision")
    shift_begin: int = param(7, unit="hour", doc="hour at which analysts begin", low=0, high=23, source="assumption: two shifts")
    shift_end: int = param(22, unit="hour", doc="hour at which analysts stop", low=1, high=24, source="assumption: two shifts")
    reset_hours: float = param(30.0, unit="hour", doc="median time for which an account that a stranger used stays frozen", low=0.5, high=500.0, source="assumption: until the owner has proved who he is and set a new password")
    recall_hours: float = param(5.0, unit="hour", doc="median time from a report until the receiving bank has looked for the money", low=0.0, high=500.0, source="assumption: hours between banks")
    recall_answered: float = param(0.75, unit="share", doc="recalls that the receiving bank follows", low=0.0, high=1.0, source="assumption: some refuse without an indemnity")
    friction_elsewhere: float = param(0.55, unit="share", doc="customers whom a rule stopped in error and who then buy at a shop they know, or by their other card", low=0.0, high=1.0, source="assumption: more than half complete the purchase by other means")
    friction_leave: float = param(0.004, unit="share", doc="customers who leave the bank after a stop in error, times the number of such stops lately", low=0.0, high=1.0, source="assumption: repeated friction makes customers leave, a single one seldom")
    overdraft_fee: float = param(27.0, unit="USD", doc="fee for the day's first payment into overdraft", low=0.0, high=200.0, source="assumption: usual US overdraft fee of 2023")
    reissue_days: float = param(4.0, unit="day", doc="median days until a reissued card is used", low=0.0, high=60.0, source="assumption: a card comes by post")
    chargeback_days: float = param(35.0, unit="day", doc="median days from a claim to the chargeback's posting", low=1.0, high=120.0, source="BEHAVIOUR-001")
    merchant_liability: float = param(0.85, unit="share", doc="remote card fraud without 3-D Secure that is charged back to the merchant", low=0.0, high=1.0, source="assumption: US-028 (merchants bear half of all debit fraud) and remote fraud's share of it")
    representment_contested: float = param(0.43, unit="share", doc="chargebacks that the merchant contests", low=0.0, high=1.0, source="assumption: many small ones are not worth it")
    representment_win_remote: float = param(0.28, unit="share", doc="contested chargebacks of remote fraud that the merchant wins", low=0.0, high=1.0, source="assumption: under BEHAVIOUR-043, the mean over all reasons, since proof of delivery does not make a thief the holder")
    representment_win_present: float = param(0.12, unit="share", doc="contested chargebacks under the chip liability shift that the merchant wins", low=0.0, high=1.0, source="assumption: the terminal's data decide")
    liability_shift: float = param(0.3, unit="share", doc="counterfeit magnetic-stripe fraud at a till that is charged back because the till reads no chip", low=0.0, high=1.0, source="assumption: few tills without a chip reader are left")
    scam_reimbursed: float = param(0.16, unit="share", doc="claims for authorised push payment scams that a bank reimburses; each typology has its factor", low=0.0, high=1.0, source="assumption: no US duty to reimburse; goodwill leads to US-zelle-scams-refunded")
    scam_receiver_share: float = param(0.0, unit="share", doc="part of a scam's reimbursement that the institution which received the money pays to the victim's", low=0.0, high=1.0, source="assumption: no such rule in the US; in the United Kingdom half, by the Payment Systems Regulator's requirement of 7 October 2024")
    card_claims_refused: float = param(0.22, unit="share", doc="claims for card fraud that a bank refuses; the holder bears them", low=0.0, high=1.0, source="assumption: with what holders never notice gives US-034, the part of debit card fraud that holders bear")
    transfer_claims_paid: float = param(0.48, unit="share", doc="claims for transfers that a stranger made that a bank reimburses", low=0.0, high=1.0, source="assumption: US-zelle-fraud-refunded, the part by value at three large banks; they dispute that a stranger made the others")
    control_group_share: float = param(0.0, unit="share", doc="scored requests to which the score does not apply, at institutions without a share of their own", low=0.0, high=1.0, source="design")
    model_decline: float = param(0.98, unit="score", doc="score from which a model declines", low=0.0, high=1.0, source="design")
    model_challenge: float = param(0.9, unit="score", doc="score from which a model challenges", low=0.0, high=1.0, source="design")
    model_hold: float | None = param(None, unit="score", doc="score from which a model holds what is not paid by card; none: never", source="design", low=0.0, high=1.0)
    model: ModelFile | None = param(None, unit="", doc="model that scores the requests of every institution without one of its own", source="design")

    def institutions_on(self, day: int) -> list[Institution]:
        """Return the institutions with the rules that hold on a day.

        Args:
            day: exported day, from 0; negative in the warm-up.
        """
        found = list(self.institutions)
        for change in sorted(self.rule_changes, key=lambda change: change.day):
            if change.day > day:
                break
            for row, bank in enumerate(found):
                if change.institution in (-1, row):
                    whole = Institution.model_fields[change.rule].annotation is int
                    found[row] = bank.model_copy(update={change.rule: int(change.value) if whole else change.value})
        return found

    @property
    def models_begin(self) -> bool:
        """Whether some model's scores have consequences from a day on only."""
        models = [self.model, *(bank.model for bank in self.institutions)]
        return any(model is not None and model.since_day > -1000 for model in models)

    def thresholds(self, bank: Institution, day: int) -> tuple[float, float, float]:
        """Return the scores from which an institution's model declines, holds and challenges; above 1 for never.

        Args:
            bank: the institution.
            day: exported day, from 0; negative in the warm-up.
        """
        model = bank.model or self.model
        if model is not None and day < model.since_day:
            return NEVER, NEVER, NEVER
        own = (model.decline, model.hold, model.challenge) if model else (None, None, None)
        common = (self.model_decline, NEVER if self.model_hold is None else self.model_hold, self.model_challenge)
        decline, hold, challenge = (b if a is None else a for a, b in zip(own, common, strict=True))
        return decline, hold, challenge
