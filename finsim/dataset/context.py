"""What the data set has to know of the economy to export its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finsim.ids import IdKeys

if TYPE_CHECKING:
    from finsim.economy import Economy


@dataclass(frozen=True)
class ExportContext:
    """Ids, institutions and places by row, as the economy holds them; arrays are not copied and not changed.

    Args:
        seed: the run's seed.
        keys: the keys that hide ids.
        account_codes: (N,) uint32 packed code of each account row.
        account_institution: (N,) uint16 institution of each account row.
        account_is_customer: number of customers' account rows, 4 for each customer; rows below it are theirs.
        merchant_latitude: (M,) float32 degrees, nan for a merchant without a place.
        merchant_longitude: (M,) float32 degrees, nan for a merchant without a place.
        area_latitude: (A,) float32 degrees, centre of each area.
        area_longitude: (A,) float32 degrees, centre of each area.
        home_currency: ISO 4217 code of every account.
        home_country: position in `payments.COUNTRIES` that stands in rows which name no country.
    """

    seed: int
    keys: IdKeys
    account_codes: NDArray[np.uint32]
    account_institution: NDArray[np.uint16]
    account_is_customer: int
    merchant_latitude: NDArray[np.float32]
    merchant_longitude: NDArray[np.float32]
    area_latitude: NDArray[np.float32]
    area_longitude: NDArray[np.float32]
    home_currency: str
    home_country: int = 0


def export_context(economy: Economy) -> ExportContext:
    """Return what the data set has to know of an economy to export its rows."""
    ledger, world = economy.ledger, economy.world
    merchants = world.merchants.data
    return ExportContext(
        seed=economy.config.seed,
        keys=economy.ids,
        account_codes=ledger.codes(),
        account_institution=ledger.institutions(world.customers.data["institution"], merchants["acquirer"]),
        account_is_customer=ledger.customer_accounts,
        merchant_latitude=merchants["latitude"].copy(),
        merchant_longitude=merchants["longitude"].copy(),
        area_latitude=world.areas["latitude"].copy(),
        area_longitude=world.areas["longitude"].copy(),
        home_currency="USD",
    )
