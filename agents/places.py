"""Founding the places: areas, merchants of every category, cash machines, and where to find them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finsim.agents.merchant import AREA
from finsim.agents.world import CATEGORY, ENDINGS, Places
from finsim.parameters import Parameters
from finsim.payments import COUNTRIES
from finsim.rng import Purpose, Streams, to_normal

REGION_SHARES = (0.17, 0.21, 0.39, 0.23)
"""Shares of the four US census regions in the population (assumption: rounded census shares)."""
REGION_BOXES = (
    (39.5, 45.0, -79.0, -70.5),
    (37.0, 47.0, -97.0, -81.0),
    (27.0, 38.0, -103.0, -77.0),
    (33.0, 48.0, -123.0, -106.0),
)
"""Southern, northern, western and eastern bound of the places drawn in each region, degrees."""
FOREIGN_PLACES = {
    "CA": (43.7, -79.4),
    "MX": (19.4, -99.1),
    "GB": (51.5, -0.1),
    "FR": (48.9, 2.4),
    "DE": (52.5, 13.4),
    "ES": (40.4, -3.7),
    "IT": (41.9, 12.5),
    "JP": (35.7, 139.7),
    "BR": (-23.6, -46.6),
    "TH": (13.8, 100.5),
    "RO": (44.4, 26.1),
    "NG": (6.5, 3.4),
    "CN": (31.2, 121.5),
}
FOREIGN_PER_CATEGORY = 3
"""Merchants of each category in each foreign place (assumption: few are met by a sample of one country's cards)."""
MERCHANT_YEARS, FRONT_YEARS = 8.0, 2.0
"""Mean age of merchants, and of those that exist to be used (assumption: about three establishments in a hundred are
new in a quarter; a front is new, or an idle firm bought off the shelf)."""
MACHINES_PER_1000 = 6.0
"""Cash machines per 1,000 customers (assumption: a sample's share of a country's machines)."""


@dataclass
class Founding:
    """What founding the places leaves for the economy.

    Attributes:
        places: arrays for kernels.
        merchants: (M,) columns by name, to be copied into the population.
        category_names: names by category code, cash machines last.
        categories: (K,) CATEGORY.
        favourite_slots: number of favourite merchants of a customer over all categories.
    """

    places: Places
    merchants: dict[str, NDArray[Any]]
    category_names: list[str]
    categories: NDArray[np.void]
    favourite_slots: int


def found_areas(parameters: Parameters, streams: Streams) -> NDArray[np.void]:
    """Return the areas, (homes + 1 + foreign,) AREA: homes of Zipf size, the online market, foreign places."""
    homes = parameters.population.areas
    areas = np.zeros(homes + 1 + len(FOREIGN_PLACES), dtype=AREA)
    u = streams.uniform(Purpose.POPULATION, homes, second=1)
    region = np.searchsorted(np.cumsum(REGION_SHARES) / sum(REGION_SHARES), u[:, 0]).clip(0, 3)
    box = np.array(REGION_BOXES)[region]
    areas["region"][:homes] = region
    areas["latitude"][:homes] = box[:, 0] + (box[:, 1] - box[:, 0]) * u[:, 1]
    areas["longitude"][:homes] = box[:, 2] + (box[:, 3] - box[:, 2]) * u[:, 2]
    areas["weight"][:homes] = np.arange(1, homes + 1, dtype=float) ** -parameters.population.area_size_exponent
    areas["online"][homes] = 1
    areas["latitude"][homes], areas["longitude"][homes] = areas["latitude"][0], areas["longitude"][0]
    for k, (country, (latitude, longitude)) in enumerate(FOREIGN_PLACES.items(), start=homes + 1):
        areas[k] = (latitude, longitude, COUNTRIES.index(country), 255, 0, 0.0)
    return areas


def category_table(parameters: Parameters) -> tuple[list[str], NDArray[np.void], int]:
    """Return names, (K,) CATEGORY and the number of favourite slots; the cash machine comes last."""
    behaviour = parameters.behaviour
    names = list(behaviour.categories)
    table = np.zeros(len(names) + 1, dtype=CATEGORY)
    between = behaviour.scale_sigma**2 + behaviour.merchant_price_sigma**2
    slot = 0
    for row, category in zip(table, behaviour.fitted_categories().values(), strict=False):
        row["mcc"] = category.mcc
        row["log_mean"] = category.log_mean + np.log(100.0 * behaviour.price_level)
        if category.price_ending == "tip":
            # Published amounts are with the tip, which three in four leave, at 0.5 to 1.25 of the mean (slots.price).
            row["log_mean"] -= np.log1p(0.75 * 0.875 * behaviour.tip_share)
        row["sigma"] = np.sqrt(max((behaviour.amount_spread * category.log_sigma) ** 2 - between, 0.05**2))
        row["in_person"] = category.in_person
        row["refund"] = category.refund_rate
        row["ending"] = ENDINGS.index(category.price_ending)
        row["position_first"] = slot
        row["position_count"] = category.favourites if category.in_person > 0.02 and not category.bill else 0
        slot += int(row["position_count"])
        row["online_first"] = slot
        row["online_count"] = (
            min(category.favourites, max(1, round(4 * (1.0 - category.in_person))))
            if category.in_person < 0.98 and not category.bill
            else 0
        )
        slot += int(row["online_count"])
    machine = table[-1]
    machine["mcc"], machine["in_person"], machine["position_first"], machine["position_count"] = 6011, 1.0, slot, 2
    return [*names, "cash_machine"], table, slot + 2


def merchant_cells(
    parameters: Parameters, areas: NDArray[np.void], categories: NDArray[np.void]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (area, category) of every merchant, two (M,) int64 arrays, in order of area, category."""
    homes = parameters.population.areas
    settings = list(parameters.behaviour.categories.values())
    total = parameters.population.customers * parameters.population.merchants_per_1000_customers / 1000.0
    weight = np.array([k.share * k.merchant_weight for k in settings])
    weight /= weight.sum()
    size = areas["weight"][:homes] / areas["weight"][:homes].sum()
    area_of: list[NDArray[np.int64]] = []
    category_of: list[NDArray[np.int64]] = []

    def add(area: int, category: int, number: int) -> None:
        area_of.append(np.full(number, area))
        category_of.append(np.full(number, category))

    for area in range(homes):
        for k, settings_k in enumerate(settings):
            expected = total * weight[k] * settings_k.in_person * size[area]
            add(area, k, max(round(expected), 1) if settings_k.in_person > 0.02 else 0)
        add(
            area,
            len(settings),
            max(1, round(parameters.population.customers * MACHINES_PER_1000 / 1000.0 * size[area])),
        )
    for k, settings_k in enumerate(settings):
        add(homes, k, max(2, round(total * weight[k] * (1.0 - settings_k.in_person))))
    for area in range(homes + 1, len(areas)):
        for k, settings_k in enumerate(settings):
            add(area, k, 0 if settings_k.bill else FOREIGN_PER_CATEGORY)
        add(area, len(settings), 4)
    return np.concatenate(area_of).astype(np.int64), np.concatenate(category_of).astype(np.int64)


AGENT_CATEGORIES = ("convenience", "grocery", "general_merchandise", "pharmacy", "quasi_cash")
"""Categories of shops that take cash into wallets (assumption: chains that load cards and wallets)."""


def _fronts(
    parameters: Parameters,
    online: NDArray[np.bool_],
    category: NDArray[np.int64],
    rank: NDArray[np.int64],
    number: NDArray[np.int64],
    u: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Return which merchants, (M,) bool, have no customers of their own: some of the smaller online ones.

    They are there at every intensity, so that a twin has the same shops.
    """
    bill = np.array([*(k.bill for k in parameters.behaviour.categories.values()), True])
    small = online & (rank > 2) & (2 * rank > number) & ~bill[category]
    return np.asarray(small & (u < parameters.fraud.merchant_collusion.fronts))


def _wallet_agents(
    parameters: Parameters, names: list[str], area: NDArray[np.int64], category: NDArray[np.int64], streams: Streams
) -> NDArray[np.bool_]:
    """Return which merchants, (M,) bool, are agents for cash into and out of wallets."""
    kinds = np.array([name in AGENT_CATEGORIES for name in names])
    able = np.flatnonzero((area < parameters.population.areas) & kinds[category])
    wanted = round(parameters.population.customers * parameters.behaviour.wallet_agents_per_1000_customers / 1000.0)
    u = streams.uniform(Purpose.AGENT, len(area), second=1)[able, 0]
    out = np.zeros(len(area), dtype=bool)
    out[able[np.argsort(u, kind="stable")[:wanted]]] = True
    return out


def found_places(parameters: Parameters, streams: Streams, first_day: int) -> Founding:
    """Return areas and merchants with the indices by which kernels find them.

    Args:
        parameters: the scenario's parameters.
        streams: random streams of the run.
        first_day: day number of the start of the run.
    """
    areas = found_areas(parameters, streams)
    names, categories, slots = category_table(parameters)
    area, category = merchant_cells(parameters, areas, categories)
    count, kinds, homes = len(area), len(categories), parameters.population.areas
    u = streams.uniform(Purpose.MERCHANT, count)
    v = streams.uniform(Purpose.MERCHANT, count, draw=1)
    cell = area * kinds + category
    start = np.searchsorted(cell, np.arange(len(areas) * kinds + 1))
    rank = np.arange(count) - start[cell] + 1
    popularity = rank**-parameters.population.merchant_popularity_exponent * np.exp(0.5 * to_normal(u[:, 0]))
    online = areas["online"][area] == 1
    front = _fronts(parameters, online, category, rank, start[cell + 1] - start[cell], v[:, 2])
    popularity[front] = 0.0
    busy = popularity * (categories["in_person"][category] > 0)
    merchants: dict[str, NDArray[Any]] = {
        "category_code": category,
        "mcc": categories["mcc"][category],
        "area": area,
        "country": areas["country"][area],
        "online": online,
        "price": parameters.behaviour.merchant_price_sigma * to_normal(u[:, 1]),
        "terminals": np.where(online, 1, np.clip(1 + 3 * busy, 1, 40)).astype(int),
        "popularity": popularity,
        "latitude": areas["latitude"][area] + 0.08 * to_normal(u[:, 2]),
        "longitude": areas["longitude"][area] + 0.08 * to_normal(u[:, 3]),
        "acquirer": (v[:, 0] * parameters.banks.acquirers).astype(int),
        "opened_day": first_day
        - 1
        - (-365.0 * np.where(front, FRONT_YEARS, MERCHANT_YEARS) * np.log(v[:, 1])).astype(int),
        "front": front,
        "wallet_agent": _wallet_agents(parameters, names, area, category, streams),
    }
    total = np.cumsum(popularity)
    before = np.concatenate([[0.0], total])[start[cell]]
    at_home = np.flatnonzero(area < homes)
    order = at_home[np.argsort(category[at_home], kind="stable")]
    any_start = np.searchsorted(category[order], np.arange(kinds + 1))
    any_total = np.cumsum(popularity[order])
    any_before = np.concatenate([[0.0], any_total])[any_start[category[order]]]
    places = Places(
        areas=areas,
        merchants=None,
        cell_start=start.astype(np.int64),
        cell_cumulative=total - before,
        cell_merchant=np.arange(count, dtype=np.int32),
        any_start=any_start.astype(np.int64),
        any_cumulative=any_total - any_before,
        any_merchant=order.astype(np.int32),
        area_cumulative=np.cumsum(areas["weight"][:homes]),
        homes=homes,
    )
    return Founding(places, merchants, names, categories, slots)
