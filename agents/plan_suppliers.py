"""A firm's invoices: suppliers that come again, new ones, and known ones whose bank details change.

A large firm has more suppliers, more invoices and larger ones than a small one, and large amounts go in a batch or by
wire. Firms supply each other in proportion to their sizes, so what they pay one another comes back.

Which suppliers a firm has, how large their invoices are and where they bank is a pure function of the firm, so whoever
reads the firm's mail (see `finsim.agents.fraud.invoice_redirection`) sees what the plan will pay.
"""

from __future__ import annotations

import numpy as np

from finsim import payments as pay
from finsim.agents.slots import WIRE_FROM, draw, is_absent
from finsim.compile import inline, kernel, njit
from finsim.rng import Purpose, normal, pick, poisson

FIRM = int(Purpose.BUSINESS)
REGULAR = 10  # suppliers that the smallest firm pays again and again (assumption: a handful to a dozen)
ONE_OFF = 1_000  # first rank of the suppliers that are paid once
INVOICES_A_DAY = 0.42  # of the smallest firm
MOST_INVOICES = 40  # of any firm on one day
A_MONTH = 9.0  # invoices of the smallest firm

CHECKS = 0.2  # invoices paid by check (assumption)
WIRES, LARGE_WIRES = 0.06, 0.25  # invoices paid by wire, below and above WIRE_FROM (assumption: the rest by ACH)
INSTANT = 0.1  # smaller invoices paid instantly (assumption)
BETWEEN, WITHIN = 1.0, 0.4  # spread of the log of amounts between suppliers and within one (assumption)


@njit
def invoice_rail(cents, u):  # type: ignore[no-untyped-def]
    """Return the rail of an invoice by a uniform, which is below CHECKS for a check."""
    if u < CHECKS:
        return pay.CHECK
    if cents > WIRE_FROM:
        return pay.WIRE if u < CHECKS + LARGE_WIRES else pay.ACH
    if u < CHECKS + WIRES:
        return pay.WIRE
    return pay.INSTANT if u < CHECKS + WIRES + INSTANT else pay.ACH


@inline
def invoices_of_day(c, u):  # type: ignore[no-untyped-def]
    """Return how many invoices a firm pays on a banking day, by a uniform."""
    return min(poisson(u, INVOICES_A_DAY * c.firm_scale), MOST_INVOICES)


@inline
def supplier_invoice(c, o, day, number, behaviour, people, keys):  # type: ignore[no-untyped-def]
    """Return (amount, payee's account row, rank of the supplier) of one of a firm's payments on a day.

    A supplier is another firm of the economy, or one at another bank; that one changes its account every few years.
    """
    a, b, d, _ = draw(keys, FIRM, o, number, day, 1)
    rank = np.int64(b * b * REGULAR * c.firm_scale)
    if d < behaviour.supplier_new:
        rank = ONE_OFF + day * MOST_INVOICES + number
    kind, level, phase, which = draw(keys, FIRM, o, rank, 0, 5)
    usual = c.business_out / (A_MONTH * c.firm_scale)
    amount = max(np.int64(usual * np.exp(BETWEEN * normal(level) + WITHIN * normal(a) - 0.58)), 1500)
    if kind < 0.35 and people.businesses.shape[0] > 1:
        other = people.businesses[pick(people.trade, which)]
        if other != o and not is_absent(people.customers[other], day):
            return amount, np.int64(other) * 4, rank
    life = max(np.int64(365.0 * behaviour.supplier_change), 1)
    details = (day + np.int64(phase * life)) // life
    place, _, _, _ = draw(keys, FIRM, o, rank, details, 6)
    return amount, people.suppliers[0] + np.int64(place * people.suppliers[1]), rank


@kernel
def invoices(o, days, behaviour, people, keys, out):  # type: ignore[no-untyped-def]
    """List the payments to suppliers that a firm planned on some days; return how many.

    Args:
        o: row of the firm.
        days: (n,) int64 banking days.
        behaviour: (1,) BEHAVIOUR.
        people: see `finsim.agents.world`.
        keys: (len(Purpose),) uint64.
        out: (m, 4) int64, overwritten: day, amount in cents, payee's account row, rank; m as large as wanted.
    """
    count = 0
    for k in range(days.shape[0]):
        u, _, _, _ = draw(keys, FIRM, o, 0, days[k], 0)
        for number in range(invoices_of_day(people.customers[o], u)):
            if count < out.shape[0]:
                amount, payee, rank = supplier_invoice(
                    people.customers[o], o, days[k], number, behaviour[0], people, keys
                )
                out[count, 0], out[count, 1], out[count, 2], out[count, 3] = days[k], amount, payee, rank
                count += 1
    return count
