"""The part of a day's plan that is not shopping: pay, bills, statements, transfers, what firms pay and people pool."""

from __future__ import annotations

from finsim.agents.customer import BUSINESS
from finsim.agents.plan_bills import bills
from finsim.agents.plan_firm import firm
from finsim.agents.plan_firm_rounds import firm_rounds
from finsim.agents.plan_income import income, other_income
from finsim.agents.plan_pooling import pooling
from finsim.agents.plan_statements import statement
from finsim.agents.plan_transfers import transfers
from finsim.compile import inline


@inline
def plan_dues(out, n, c, o, conditions, cursors, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan everything but shopping; return the rows written so far.

    A promoted customer decides on transfers itself; pay, collections, statements and repayments go on.
    """
    n = income(out, n, c, o, conditions, people, books)
    n = other_income(out, n, c, o, conditions, habits.behaviour[0], books)
    n = bills(out, n, c, o, conditions, cursors, places, habits, people, books)
    n = statement(out, n, c, o, conditions, books)
    if c.promoted == 0:
        n = transfers(out, n, c, o, conditions, places, habits, people, books)
        if c.segment_code == BUSINESS:
            n = firm(out, n, c, o, conditions, places, habits, people, books)
            n = firm_rounds(out, n, c, o, conditions, places, habits, people, books)
        elif c.reserved == 0:  # nobody sends money to a made-up name, or through it
            n = pooling(out, n, c, o, conditions, places, habits, people, books)
    return n
