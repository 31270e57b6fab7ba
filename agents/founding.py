"""Founding an economy: from a scenario to populations, ledger and the tables that kernels read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finsim.agents.birth import Birth, draw_favourites, habits, holdings, incomes, people, social_graph
from finsim.agents.customer import Customer
from finsim.agents.dues import found_dues, monthly_dues
from finsim.agents.employer import Employer
from finsim.agents.firms import fill_tills, found_firms, trading_weights
from finsim.agents.merchant import Merchant
from finsim.agents.places import found_places
from finsim.agents.tables import behaviour_record, habit_tables, mean_ticket, rule_table
from finsim.agents.world import BY_INSTANT, Books, Habits, People, Places
from finsim.errors import ScenarioError
from finsim.ids import CUSTOMER, MERCHANT, capacity
from finsim.ledger import Ledger, Outside
from finsim.parameters import Parameters
from finsim.population import Population
from finsim.rng import Purpose, Streams, to_normal


@dataclass
class World:
    """Everything that exists at the start of a run.

    Attributes:
        customers, merchants, employers: populations.
        ledger: all accounts.
        places, habits, people, books: the tuples that kernels read.
        category_names: names by category code.
        birth: days of opening and issue.
        areas: (A,) AREA.
    """

    customers: Population
    merchants: Population
    employers: Population
    ledger: Ledger
    places: Places
    habits: Habits
    people: People
    books: Books
    category_names: list[str]
    birth: Birth
    areas: NDArray[np.void]


def _draw_favourites(
    out: NDArray[np.int32],
    data: NDArray[Any],
    places: Places,
    categories: NDArray[Any],
    abroad: float,
    streams: Streams,
) -> None:
    """Fill out, (C, F) int32, with the merchants that customers know when the run begins."""
    key = streams.keys[Purpose.SOCIAL]
    draw_favourites(key, data, places, categories, abroad, out, np.arange(len(data)), 0)


def found(model: Any, parameters: Parameters, streams: Streams, id_key: np.uint64, first_day: int) -> World:
    """Build the world of a scenario.

    Args:
        model: the economy that the populations belong to.
        parameters: validated parameters.
        streams: random streams of the run.
        id_key: key of transaction ids.
        first_day: day number of the start of the run.

    Raises:
        ScenarioError: more customers or merchants than ids can tell apart.
    """
    size = parameters.population.customers
    founding = found_places(parameters, streams, first_day)
    count = len(founding.merchants["area"])
    for name, number, kind in (("customers", size, CUSTOMER), ("merchants", count, MERCHANT)):
        if number > capacity(kind)[0]:
            raise ScenarioError(
                f"population.{name}: {number} is more than the {capacity(kind)[0]} that ids can tell apart"
            )
    employers = max(4, round(size * parameters.population.employers_per_1000_customers / 1000.0))
    outside = Outside(len(parameters.banks.institutions), parameters.banks.acquirers, employers, max(50, size // 2))
    ledger = Ledger(size, count, outside)
    customers = Population("customer", model, Customer, size)
    merchants = Population("merchant", model, Merchant, count)
    for name, values in founding.merchants.items():
        merchants.data[name] = values
    merchants.data["owner"] = -1
    data = customers.data
    people(data, parameters, streams, founding, first_day)
    places = founding.places._replace(merchants=merchants.data)
    favourites = np.full((size, founding.favourite_slots), -1, dtype=np.int32)
    with ThreadPoolExecutor(1) as pool:
        # Compiled and long: it runs beside the rest, which hardly needs this thread's lock.
        abroad = parameters.behaviour.foreign_online_share
        drawing = pool.submit(_draw_favourites, favourites, data, places, founding.categories, abroad, streams)
        incomes(data, parameters, streams, employers)
        birth = holdings(data, parameters, streams, ledger, first_day)
        found_firms(data, parameters, streams)
        fill_tills(data, parameters, streams, ledger)
        _give_shops(data, merchants.data, birth, parameters, streams, first_day)
        dues = found_dues(data, parameters, streams, founding, ledger)
        dues = dues[data["reserved"][dues["owner"]] == 0]  # a made-up name has no home and no bills
        tables = habit_tables(parameters, founding.categories)
        ticket, share = mean_ticket(parameters)
        habits(data, parameters, streams, monthly_dues(dues, size), ticket, share)
        drawing.result()
    birth.favourites = favourites
    persons = (ledger.person_base, outside.persons)
    birth.contacts = social_graph(
        size, parameters.population.contacts, parameters.population.rewiring, persons, streams
    )
    merchants.data["working_cents"] = 200_000 + (merchants.data["popularity"] * 500_000).astype(np.int64)
    employing = _found_employers(model, ledger, employers, streams)
    return World(
        customers=customers,
        merchants=merchants,
        employers=employing,
        ledger=ledger,
        places=places,
        habits=Habits(categories=founding.categories, behaviour=behaviour_record(parameters), **tables),
        people=People(
            customers=data,
            favourites=birth.favourites,
            contacts=birth.contacts,
            payees=_known_payees(data, dues),
            obligations=dues,
            employers=employing.data,
            businesses=birth.businesses,
            trade=trading_weights(data, birth.businesses),
            suppliers=np.array([ledger.person_base, outside.persons], dtype=np.int64),
        ),
        books=Books(
            accounts=ledger.accounts,
            rules=rule_table(parameters.banks, -parameters.run.warm_up_days),
            tests=np.zeros((len(parameters.banks.institutions), count), dtype=np.int32),
            named=ledger.named,
            merchants=merchants.data,
            income_accounts=ledger.income_accounts,
            keys=streams.keys,
            id_key=np.array([id_key], dtype=np.uint64),
            merchant_base=np.array([ledger.merchant_base], dtype=np.int64),
        ),
        category_names=founding.category_names,
        birth=birth,
        areas=places.areas,
    )


def _give_shops(
    data: NDArray[Any], merchants: NDArray[Any], birth: Birth, parameters: Parameters, streams: Streams, first_day: int
) -> None:
    """Let some small firms own a merchant of their own town, or one that sells online."""
    firms = birth.businesses[data["since_day"][birth.businesses] <= first_day]
    u = streams.uniform(Purpose.BUSINESS, len(data))[firms]
    taken = np.zeros(len(merchants), dtype=bool)
    homes = parameters.population.areas
    here = (merchants["area"] < homes + 1) & (merchants["country"] == 0) & (merchants["front"] == 0)
    free = np.flatnonzero(here & (merchants["mcc"] != 6011))
    for firm, draw in zip(firms, u, strict=True):
        if draw[0] >= parameters.population.business_with_shop_share:
            continue
        merchant = int(free[int(draw[1] * len(free))])
        if not taken[merchant]:
            taken[merchant] = True
            merchants["owner"][merchant] = firm


def _found_employers(model: Any, ledger: Ledger, number: int, streams: Streams) -> Population:
    employers = Population("employer", model, Employer, number)
    u = streams.uniform(Purpose.INCOME, number, second=2)
    employers.data["account"] = ledger.employer_accounts
    employers.data["size"] = np.exp(1.2 * to_normal(u[:, 0]))
    employers.data["hour"] = 1 + (4 * u[:, 1]).astype(int)
    return employers


def _known_payees(data: NDArray[Any], dues: NDArray[np.void]) -> NDArray[np.int32]:
    """Return the accounts paid lately, (C, 8) int32, -1 for none: flatmates have been paid before the run begins."""
    payees = np.full((len(data), 8), -1, dtype=np.int32)
    shares = dues[dues["means"] == BY_INSTANT]
    payees[shares["owner"], 0] = shares["payee"]
    data["payee_cursor"][shares["owner"]] = 1
    return payees
