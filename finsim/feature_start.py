"""What institutions know of their customers when features begin: merchants, payees, devices, countries, home."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finsim.entities import merchant_codes
from finsim.feature_kernels import fill
from finsim.feature_state import DEVICES, MERCHANTS, PAYEES, State, empty

if TYPE_CHECKING:
    from finsim.economy import Economy

MIX = np.uint64(0x9E3779B97F4A7C15)


def opening_state(economy: Economy) -> State:
    """Return the state of features at the present tick, counters at zero.

    Life is in its middle when a run begins: who is a customer already has merchants, payees and a device that the
    bank knows. Later customers begin with nothing.
    """
    world, day = economy.world, economy.day
    state = empty(len(world.customers))
    own = state.own
    rows = np.flatnonzero(world.customers.data["since_day"] < day)
    favourites = world.people.favourites[rows]
    ids = economy.ids.export("merchant", merchant_codes(np.maximum(favourites, 0).ravel())).reshape(favourites.shape)
    fill(state.known, rows, ids, favourites >= 0, 0, MERCHANTS, own["merchants"])
    accounts = np.concatenate([world.people.payees[rows], world.people.contacts[rows]], axis=1)
    paid = np.concatenate([accounts, _dues(economy)[rows]], axis=1)
    codes = economy.ledger.codes(np.maximum(paid, 0).ravel().astype(np.int64))
    ids = economy.ids.export("account", codes).reshape(paid.shape)
    fill(state.known, rows, ids, paid >= 0, MERCHANTS, PAYEES, own["payees"])
    device = (rows << 7 | world.customers.data["device"][rows]).astype(np.uint32)
    ids = economy.ids.export("device", device).reshape(-1, 1)
    fill(state.known, rows, ids, np.ones(ids.shape, bool), MERCHANTS + PAYEES, DEVICES, own["devices"])
    own["countries"][rows] = world.customers.data["countries"][rows] | 1
    mcc = world.merchants.data["mcc"][np.maximum(favourites, 0)].astype(np.uint64)
    bits = np.where(favourites >= 0, np.uint64(1) << (mcc * MIX >> np.uint64(58)), np.uint64(0))
    own["categories"][rows] = np.bitwise_or.reduce(bits, axis=1)
    area = world.customers.data["area"][rows]
    own["home_latitude"][rows], own["home_longitude"][rows] = (
        world.areas["latitude"][area],
        world.areas["longitude"][area],
    )
    own["places"][rows] = 1
    return state


def _dues(economy: Economy, most: int = 4) -> NDArray[np.int64]:
    """Return accounts of no merchant that customers pay each month, (C, most); -1 for none."""
    dues: Any = economy.world.people.obligations
    dues = dues[(dues["merchant"] < 0) & (dues["payee"] >= 0)]
    out = np.full((len(economy.world.customers), most), -1, dtype=np.int64)
    order = np.argsort(dues["owner"], kind="stable")
    owner = dues["owner"][order]
    place = np.arange(len(owner)) - np.searchsorted(owner, owner)
    fits = place < most
    out[owner[fits], place[fits]] = dues["payee"][order][fits]
    return out


__all__ = ["opening_state"]
