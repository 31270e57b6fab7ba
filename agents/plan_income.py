"""Income in a day's plan: pay, pensions, what comes beside them, and the standing order to savings that follows."""

from __future__ import annotations

import numpy as np

from finsim import payments as pay
from finsim.agents.customer import BIWEEKLY, BUSINESS, MONTHLY, NO_PAY, PENSION, SEMIMONTHLY, WEEKLY
from finsim.agents.plan_sources import P_INCOME, P_SAVINGS
from finsim.agents.slots import begin, draw
from finsim.clock import HOUR
from finsim.compile import inline
from finsim.ledger import GOVERNMENT
from finsim.rng import Purpose, normal

INCOME = int(Purpose.INCOME)


@inline
def is_pay_day(c, conditions):  # type: ignore[no-untyped-def]
    """Return whether the customer's pay or pension arrives today."""
    schedule = c.pay_schedule
    week = (conditions.day + 3) // 7
    if schedule == WEEKLY:
        return conditions.weekday == 4
    if schedule == BIWEEKLY:
        return conditions.weekday == 4 and week % 2 == c.pay_anchor
    if schedule == SEMIMONTHLY:
        return conditions.day == conditions.last_bank_day or conditions.month_day == 15
    if schedule == MONTHLY:
        return conditions.day == conditions.last_bank_day
    if schedule == PENSION:
        return conditions.weekday == 2 and (conditions.month_day - 1) // 7 == c.pay_anchor
    return False


@inline
def income(out, n, c, o, conditions, people, books):  # type: ignore[no-untyped-def]
    """Plan pay or pension and the standing order to savings that follows it."""
    if c.pay_schedule == NO_PAY or not is_pay_day(c, conditions):
        return n
    day = conditions.day
    c.last_pay_day = day
    u, v, w, _ = draw(books.keys, INCOME, o, 0, day, 0)
    payer = people.employers[c.employer].account if c.employer >= 0 else books.named[GOVERNMENT]
    start = 1 + (c.employer % 4 if c.employer >= 0 else 0)
    amount = c.pay_cents
    if c.pay_schedule == WEEKLY:
        amount = np.int64(amount * np.exp(0.06 * normal(u)))
    t = out[n]
    begin(
        t,
        o,
        day,
        np.int64((start + v) * HOUR),
        amount,
        pay.INCOME,
        pay.ACH,
        pay.BATCH,
        P_INCOME,
        0,
        payer,
        o * 4,
        books.id_key[0],
    )
    t.flags = pay.FORCED
    n += 1
    if c.savings_cents > 0 and c.accounts & 2:
        t = out[n]
        time = np.int64((9.0 + 3.0 * w) * HOUR)
        begin(
            t,
            o,
            day,
            time,
            c.savings_cents,
            pay.TRANSFER,
            pay.INSTANT,
            pay.BATCH,
            P_SAVINGS,
            0,
            o * 4,
            o * 4 + 1,
            books.id_key[0],
        )
        t.flags = pay.DISCRETIONARY | pay.SAME_OWNER | pay.NO_RETRY
        n += 1
    return n


@inline
def other_income(out, n, c, o, conditions, behaviour, books):  # type: ignore[no-untyped-def]
    """Plan a monthly deposit beside pay, a benefit, an annuity or a refund, on a fixed weekday of a fixed week."""
    if conditions.weekday != (o >> 3) % 5 or (conditions.month_day - 1) // 7 != o % 4:
        return n
    if c.segment_code == BUSINESS or c.reserved:  # nobody pays a made-up name
        return n
    u, v, w, _ = draw(books.keys, INCOME, o, 1, 0, 0)
    if u >= behaviour.other_income:
        return n
    begin(
        out[n],
        o,
        conditions.day,
        np.int64((1.0 + 4.0 * v) * HOUR),
        max(np.int64(behaviour.other_income_mean * np.exp(0.6 * normal(w) - 0.18)), 1000),
        pay.INCOME,
        pay.ACH,
        pay.BATCH,
        P_INCOME,
        1,
        books.named[GOVERNMENT],
        o * 4,
        books.id_key[0],
    )
    out[n].flags = pay.FORCED
    return n + 1
