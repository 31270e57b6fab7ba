"""Firms: how large each is, what it pays a month, and what it keeps to pay it from.

Most are one-person businesses, a few are middle-sized: the number of firms above a size falls with that size to a power
(R. L. Axtell, "Zipf distribution of U.S. firm sizes", Science 293, 2001). A larger firm pays more invoices, and
larger ones still: their number grows with its size to the power COUNTED, their amounts with what is left of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from finsim.agents.customer import BUSINESS
from finsim.ledger import CHECKING, SLOTS, Ledger
from finsim.parameters import Parameters
from finsim.rng import Purpose, Streams, to_normal

COUNTED = 0.4
"""Power of a firm's size with which the number of its invoices and clients grows (assumption: less than the half)."""
PAID_OUT = 0.8
"""What a one-person business pays to suppliers, against its owner's income (assumption: with what the owner spends
about us_fir_daily_outflow_median_2015, 374 USD a day)."""
BUFFER_LOG_SIGMA = 0.8
"""Spread of the log of cash buffers between firms (assumption: the report of us_fir_cash_buffer_days_median_2015 finds
wide variation across and within industries)."""


def found_firms(data: NDArray[Any], parameters: Parameters, streams: Streams) -> None:
    """Draw the size of each firm into the customers' columns `firm_scale` and `business_out`, (C,).

    The sizes of n firms are n evenly spaced quantiles, dealt out by lot: a few draws of so heavy a tail would make the
    money of a small economy a matter of luck.
    """
    p = parameters.population
    data["firm_scale"], data["business_out"] = 1.0, 0
    firms = np.flatnonzero(data["segment_code"] == BUSINESS)
    if not len(firms):
        return
    lot = np.argsort(streams.uniform(Purpose.BUSINESS, len(data), draw=1)[firms, 0], kind="stable")
    place = np.empty(len(firms))
    place[lot] = (np.arange(len(firms)) + 0.5) / len(firms)
    rest = 1.0 - place * (1.0 - p.firm_size_most**-p.firm_size_exponent)
    size = rest ** (-1.0 / p.firm_size_exponent)
    data["firm_scale"][firms] = size**COUNTED
    data["business_out"][firms] = (PAID_OUT * size * data["income_cents"][firms]).astype(np.int64)


def fill_tills(data: NDArray[Any], parameters: Parameters, streams: Streams, ledger: Ledger) -> None:
    """Give firms the cash from which they pay for some weeks, where they have less."""
    firms = np.flatnonzero(data["segment_code"] == BUSINESS)
    u = streams.uniform(Purpose.BUSINESS, len(data), draw=2)[firms, 0]
    days = parameters.population.firm_buffer_days * np.exp(BUFFER_LOG_SIGMA * to_normal(u))
    cash = (data["business_out"][firms] * days * 12 / 365).astype(np.int64)
    balance = ledger.accounts["balance"]
    checking = firms * SLOTS + CHECKING
    balance[checking] = np.maximum(balance[checking], cash)


def trading_weights(data: NDArray[Any], firms: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return how much firms supply to others, (B,) float64, cumulative: as much as they buy themselves."""
    return np.cumsum(data["business_out"][firms].astype(np.float64))
