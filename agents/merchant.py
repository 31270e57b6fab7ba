"""Merchants: shops and online sellers, with place, price level, terminals and popularity; and areas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from finsim.population import Column, ColumnAgent, Derived

if TYPE_CHECKING:
    from numpy.typing import NDArray

AREA = np.dtype(
    [("latitude", "f4"), ("longitude", "f4"), ("country", "u1"), ("region", "u1"), ("online", "u1"), ("weight", "f8")],
    align=True,
)
"""Areas: homes first, then the home country's online market, then one place in each foreign country."""


def _balance(population: Any, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    ledger = population.model.ledger
    first, count = ledger.merchant_base, ledger.merchants
    both = ledger.accounts["balance"][first + rows] + ledger.accounts["balance"][first + count + rows]
    return np.asarray(both / 100.0)


class Merchant(ColumnAgent):
    """A merchant of any category, at one place or online."""

    category_code = Column("u1", doc="position in the scenario's categories")
    mcc = Column("u2", doc="merchant category code")
    area = Column("i4", doc="row of the area")
    country = Column("u1", doc="position in COUNTRIES")
    online = Column("u1", doc="1: sells remotely only")
    price = Column("f4", unit="ln", doc="shift of the log of amounts")
    terminals = Column("u2", doc="number of tills; 1 for an online shop's gateway")
    popularity = Column("f8", doc="weight among the merchants of its category and area")
    latitude = Column("f4", unit="degree", doc="place; the seat's for an online shop")
    longitude = Column("f4", unit="degree", doc="place")
    owner = Column("i4", doc="business customer that owns it; -1 for none", default=-1)
    front = Column("u1", doc="1: without customers of its own, there for a ring to use")
    wallet_agent = Column("u1", doc="1: takes cash into wallets and pays it out")
    vanished_day = Column("i4", unit="day", doc="day since which it cannot be found; 0: it can")
    acquirer = Column("u1", doc="row of the acquirer")
    opened_day = Column("i4", unit="day", doc="day since which it trades, days since 1970")
    working_cents = Column("i8", unit="cent", doc="level above which its money leaves to suppliers each week")

    balance = Derived(_balance, unit="currency", doc="receivable and working account together")
    category = Derived(
        lambda p, r: np.array(p.model.world.category_names)[p.data["category_code"][r]], doc="name of the category"
    )
