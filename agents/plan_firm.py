"""A firm's part of a day's plan: its invoices, its clients, its takings."""

from __future__ import annotations

import numpy as np

from finsim import payments as pay
from finsim.agents import slots as s
from finsim.agents.plan_firm_rounds import outgoings
from finsim.agents.plan_sources import P_DEPOSIT, P_FIRM
from finsim.agents.plan_suppliers import invoice_rail, invoices_of_day, supplier_invoice
from finsim.agents.slots import begin, draw
from finsim.clock import HOUR
from finsim.compile import inline
from finsim.ledger import CASH_ACCOUNT, CLIENTS
from finsim.rng import Purpose, normal, poisson

FIRM = int(Purpose.BUSINESS)
CLIENTS_A_DAY, CLIENTS_A_MONTH = 0.3, 6.3  # clients of the smallest firm who pay
MOST_CLIENTS = 40


@inline
def firm(out, n, c, o, conditions, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan a firm's day: suppliers, clients who pay invoices, takings that are banked once a week."""
    if not conditions.bank_day:
        return n
    day = conditions.day
    id_key = books.id_key[0]
    u, v, w, x = draw(books.keys, FIRM, o, 0, day, 0)
    for number in range(invoices_of_day(c, u)):
        f, g, h, i = draw(books.keys, FIRM, o, number, day, 2)
        amount, payee, _ = supplier_invoice(c, o, day, number, habits.behaviour[0], people, books.keys)
        rail = invoice_rail(amount, f)
        channel = pay.BATCH if rail == pay.CHECK else (pay.ONLINE if g < 0.85 else pay.BRANCH)
        time = np.int64((8.5 + 8.5 * h) * HOUR)
        begin(out[n], o, day, time, amount, pay.TRANSFER, rail, channel, P_FIRM, number, o * 4, payee, id_key)
        if channel == pay.ONLINE:
            s.at_home_online(out[n], c, o, places, np.int64(c.area), i, f)
            out[n].authentication = pay.ONE_TIME_CODE if i < 0.5 else pay.NO_AUTHENTICATION
        if rail == pay.CHECK:
            out[n].flags = pay.MANDATE
        n += 1
    usual = outgoings(c, o, habits.behaviour[0]) / (CLIENTS_A_MONTH * c.firm_scale)
    for number in range(min(poisson(v, CLIENTS_A_DAY * c.firm_scale), MOST_CLIENTS)):
        a, b, _, _ = draw(books.keys, FIRM, o, number, day, 3)
        amount = max(np.int64(usual * np.exp(0.9 * normal(a) - 0.4)), 1500)
        begin(
            out[n],
            o,
            day,
            np.int64((0.5 + 5.0 * b) * HOUR),
            amount,
            pay.INCOME,
            pay.ACH,
            pay.BATCH,
            P_FIRM,
            100 + number,
            books.named[CLIENTS],
            o * 4,
            id_key,
        )
        out[n].flags = pay.FORCED
        n += 1
    if conditions.weekday == o % 5 and w < 0.7:
        amount = max(np.int64(0.04 * c.income_cents * (0.5 + x)), 2000)
        begin(
            out[n],
            o,
            day,
            np.int64((9.0 + 7.5 * x) * HOUR),
            (amount // 100) * 100,
            pay.DEPOSIT,
            pay.CASH,
            pay.BRANCH,
            P_DEPOSIT,
            0,
            books.named[CASH_ACCOUNT],
            o * 4,
            id_key,
        )
        out[n].flags = pay.FORCED
        out[n].country = 0
        out[n].place = c.area
        n += 1
    return n
