"""Statements in a day's plan: interest on cards and savings, and the repayment of a card."""

from __future__ import annotations

import numpy as np

from finsim import payments as pay
from finsim.agents.plan_sources import P_STATEMENT
from finsim.agents.slots import begin, draw
from finsim.clock import HOUR
from finsim.compile import inline
from finsim.rng import Purpose

BILL = int(Purpose.BILL)


@inline
def statement(out, n, c, o, conditions, books):  # type: ignore[no-untyped-def]
    """Plan the card statement with its interest, the repayment three weeks later, and savings interest."""
    day = conditions.day
    id_key = books.id_key[0]
    income_account = books.income_accounts[c.institution]
    if c.accounts & 4:
        if conditions.month_day == c.statement_day:
            u, _, _, _ = draw(books.keys, BILL, o, 200, day, 0)
            begin(
                out[n],
                o,
                day,
                np.int64((0.2 + u) * HOUR),
                0,
                pay.INTEREST,
                pay.CARD,
                pay.BATCH,
                P_STATEMENT,
                0,
                o * 4 + 2,
                income_account,
                id_key,
            )
            out[n].flags = pay.FORCED
            n += 1
        repay = (c.statement_day + 20) % 28 + 1
        if conditions.month_day == repay:
            _, v, _, _ = draw(books.keys, BILL, o, 200, day, 0)
            begin(
                out[n],
                o,
                day,
                np.int64((2.0 + 3.0 * v) * HOUR),
                0,
                pay.REPAYMENT,
                pay.ACH,
                pay.BATCH,
                P_STATEMENT,
                1,
                o * 4,
                o * 4 + 2,
                id_key,
            )
            out[n].flags = pay.MANDATE | pay.SAME_OWNER | pay.NO_RETRY
            n += 1
    if c.accounts & 2 and conditions.day == conditions.month_end:
        u, _, _, _ = draw(books.keys, BILL, o, 201, day, 0)
        begin(
            out[n],
            o,
            day,
            np.int64((20.0 + 2.0 * u) * HOUR),
            0,
            pay.INTEREST,
            pay.INSTANT,
            pay.BATCH,
            P_STATEMENT,
            2,
            income_account,
            o * 4 + 1,
            id_key,
        )
        out[n].flags = pay.FORCED
        n += 1
    return n
