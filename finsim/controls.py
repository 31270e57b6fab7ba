"""Controls: the compiled rules of the institutions, what a model's score leads to, and challenges.

A rule sees the request, the owner's own counters and what its institution counted about merchants by the start
of the tick. It declines, raises an alert, holds, or asks for a challenge.
"""

from __future__ import annotations

import numpy as np

from finsim import payments as pay
from finsim.compile import inline
from finsim.ids import NO_CODE
from finsim.requests import by_id
from finsim.rng import Purpose

CHALLENGE, CONTROL_GROUP = int(Purpose.CHALLENGE), int(Purpose.CONTROL_GROUP)
WEALTHY = 4  # position of the highest income band in `finsim.agents.customer.INCOME_BANDS`
SMALL_TEST = 600  # cents; what a merchant-velocity rule counts as a small attempt (assumption)

# Numbers of the built-in controls; `alert` holds number + 1, and alerts name them.
CONTROLS = (
    "remote_new_merchant", "new_payee", "new_device", "geography", "velocity", "merchant_test", "model", "cooling_off",
)  # fmt: skip
REMOTE_NEW_MERCHANT, NEW_PAYEE_RULE, NEW_DEVICE, GEOGRAPHY, VELOCITY, MERCHANT_TEST, MODEL, COOLING_OFF = range(8)


@inline
def is_known_payee(t, contacts, payees):  # type: ignore[no-untyped-def]
    """Return whether the owner has paid this account before."""
    for k in range(contacts.shape[1]):
        if contacts[t.owner, k] == t.payee:
            return True
    for k in range(payees.shape[1]):
        if payees[t.owner, k] == t.payee:
            return True
    return False


@inline
def is_known_merchant(t, favourites, categories):  # type: ignore[no-untyped-def]
    """Return whether a merchant is among the owner's favourites of its category."""
    k = categories[t.category]
    for j in range(k.position_count):
        if favourites[t.owner, k.position_first + j] == t.merchant:
            return True
    for j in range(k.online_count):
        if favourites[t.owner, k.online_first + j] == t.merchant:
            return True
    return False


@inline
def decline(t, reason):  # type: ignore[no-untyped-def]
    """Decline a request for a reason."""
    t.decision = pay.DECLINED
    t.decline_reason = reason


@inline
def card_rules(t, c, rule, tests, is_new):  # type: ignore[no-untyped-def]
    """Apply the card rules; return the number of the control that asks for a challenge, or -1."""
    if c.attempts_now + c.attempts_before > rule.velocity or c.declines_now + c.declines_before > rule.decline_velocity:
        t.alert = VELOCITY + 1
        decline(t, pay.RULE)
        return -1
    remote = t.place >= 0
    if (
        remote
        and t.amount < SMALL_TEST
        and t.merchant >= 0
        and is_new
        and tests[c.institution, t.merchant] > rule.merchant_test
    ):
        t.alert = MERCHANT_TEST + 1
        decline(t, pay.RULE)
        return -1
    if t.kind == pay.WITHDRAWAL:
        if c.withdrawn_cents + t.amount > rule.cash_machine:
            decline(t, pay.LIMIT)
            return -1
    elif t.slot == 0 and c.spent_cents + t.amount > rule.card_day:
        decline(t, pay.LIMIT)
        return -1
    abroad = t.country != pay.NONE and not c.countries & np.uint32(1 << t.country)
    if abroad and t.amount >= rule.foreign_amount:
        return GEOGRAPHY
    if remote and is_new:
        if t.amount >= rule.alert_amount:
            t.alert = REMOTE_NEW_MERCHANT + 1
        if t.amount >= rule.remote_amount and t.authentication != pay.THREE_D_SECURE:
            return REMOTE_NEW_MERCHANT
    return -1


@inline
def transfer_rules(t, c, rule, is_new):  # type: ignore[no-untyped-def]
    """Apply the rules for transfers; return the number of the control that asks for a challenge, or -1.

    An unknown device asks for a challenge, and a payee unknown as well holds what passed. A firm's thresholds go with
    its invoices, which grow with their number to the power 1.5, and with their sum. Persons of the highest income band
    have the limits of a day of better accounts.
    """
    sent = t.kind == pay.TRANSFER
    scale, day = 1.0, 1.0
    if c.sex == 2:  # a firm
        scale = rule.firm * c.firm_scale * np.sqrt(c.firm_scale)
        day = scale * c.firm_scale
    elif c.income_band_code == WEALTHY:
        day = rule.wealthy
    if sent and c.sent_cents + t.amount > rule.transfer_day * day:
        decline(t, pay.LIMIT)
        return -1
    if sent and is_new and c.sent_new_cents + t.amount > rule.new_payee_day * day:
        t.alert = NEW_PAYEE_RULE + 1
        decline(t, pay.LIMIT)
        return -1
    challenger = -1
    own = t.device >> 7 == t.owner and c.devices_known & np.uint32(1 << (t.device & 31))
    if t.device != NO_CODE and not own and t.amount >= rule.new_device * scale:
        t.alert = NEW_DEVICE + 1
        challenger = NEW_DEVICE
    if is_new:
        if t.amount >= rule.alert_amount * scale and not t.alert:
            t.alert = NEW_PAYEE_RULE + 1
        if t.amount >= rule.new_payee_hold * scale:
            t.decision = pay.HELD
        elif sent and t.amount >= rule.cooling_off * scale:
            t.alert = COOLING_OFF + 1
            t.decision = pay.HELD
        elif challenger < 0 and t.amount >= rule.new_payee * scale:
            challenger = NEW_PAYEE_RULE
    return challenger


@inline
def apply_model(t, rule, keys):  # type: ignore[no-untyped-def]
    """Let a model's score decline, hold or challenge, except in the control group; return the challenger or -1.

    It adds to what the rules decided and takes nothing back. A card payment cannot wait for an analyst: what would be
    held is challenged.
    """
    if not t.flags & pay.SCORED:
        return -1
    u, _, _, _ = by_id(keys, CONTROL_GROUP, t.transaction_id)
    if u < rule.control_group:
        t.flags |= pay.CONTROL_GROUP
        return -1
    if t.score >= rule.model_decline:
        t.alert = MODEL + 1
        decline(t, pay.MODEL)
    elif t.score >= rule.model_hold and t.rail != pay.CARD:
        if t.alert != COOLING_OFF + 1:  # a rest is not cut short
            t.alert = MODEL + 1
        t.decision = pay.HELD
    elif t.score >= min(rule.model_challenge, rule.model_hold):
        if t.decision != pay.HELD:  # whoever holds a payment has raised its alert
            t.alert = MODEL + 1
        return MODEL
    return -1


@inline
def answer_challenge(t, c, behaviour, keys):  # type: ignore[no-untyped-def]
    """Ask for a one-time code; who is asked decides how likely it comes back.

    A thief seldom has it, the old fail oftener, and some of those who were deceived think again.
    """
    u, _, _, _ = by_id(keys, CHALLENGE, t.transaction_id)
    passes = behaviour.challenge_owner
    if t.flags & pay.THIEF:
        passes = behaviour.challenge_thief
    else:
        if c.sex != 2 and c.birth_year <= behaviour.elder_year:
            passes = max(1.0 - behaviour.challenge_elder * (1.0 - passes), 0.0)
        if t.truth & pay.IS_FRAUD:
            passes *= 1.0 - behaviour.challenge_warned
    if u < passes:
        t.challenge = pay.PASSED
        return
    t.challenge = pay.ABANDONED if u > 1.0 - behaviour.challenge_abandon else pay.FAILED
    decline(t, pay.AUTHENTICATION_FAILED)
