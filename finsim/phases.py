"""The phases of one tick, in order: each is a function of the economy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from finsim.agents.bank import renew_rules
from finsim.clock import DAY, EVENING_CLEARING, MORNING_CLEARING
from finsim.notice import LEAKED, NEW_PAYEE, PAID_OUT, UNRECOGNISED, WATCHED, notice
from finsim.outbox import EMPTY
from finsim.partition import day_record
from finsim.partitions import of_owners
from finsim.payments import SAME_OWNER
from finsim.posting import settle_tick, tally, unmoved_payees
from finsim.records import chosen
from finsim.rounds import authorise_requests

if TYPE_CHECKING:
    from finsim.economy import Economy


def move_market(economy: Economy) -> None:
    """Move the calendar on; at midnight merchants are settled, life moves on and the export may begin."""
    economy.decided = EMPTY
    if economy.tick % economy.clock.ticks_per_day:
        return
    if economy.day == economy.clock.export_day:
        economy.journal.post_all()
        economy.opening = economy.ledger.accounts["balance"].copy()
        _open_features(economy)
    economy.outbox.void_orphans({number for bank in economy.banks for number in bank.held()})
    economy.settlement.settle_day()
    economy.life.live_day()
    renew_rules(economy)
    economy.departures.begin_day()
    if economy.scoring is not None:
        economy.scoring.note_old_cards()
    economy.log.past_things(economy)


def plan_day(economy: Economy) -> None:
    """Let every customer plan the day, at its first tick."""
    if economy.tick % economy.clock.ticks_per_day:
        return
    record = day_record(economy.market.conditions(economy.day))
    economy.wallet_agents.plan_day()
    economy.mobile_money.plan_day()
    carried = economy.outbox.take_day(economy.day)
    economy.partitions.each(lambda part: part.plan(record, of_owners(carried, part)))


def wake_agents(economy: Economy) -> None:
    """Let the Python-level agents that are due act; they submit requests of their own."""
    for _, key in economy.agenda.due(economy.tick_end):
        agent = economy.python_agents.get(key)
        if agent is not None:
            agent.step()


def post(economy: Economy) -> None:
    """Give approved rows their posting times and book the payees' sides."""
    rows = economy.decided
    day = economy.day * DAY
    accounts, customer_accounts = economy.ledger.accounts, economy.ledger.customer_accounts
    unmoved_payees(rows, accounts, customer_accounts)
    settle_tick(
        rows, accounts, customer_accounts, economy.tick_end, day + EVENING_CLEARING, day + DAY + MORNING_CLEARING, day
    )
    if EVENING_CLEARING % economy.clock.tick or MORNING_CLEARING % economy.clock.tick:
        # Accounts are credited at the ends of ticks: clearing that falls into a tick counts at its end.
        batch = (rows["posted_at"] > 0) & (rows["flags"] & SAME_OWNER == 0)
        rows["posted_at"][batch] += -rows["posted_at"][batch] % economy.clock.tick
    tally(
        rows,
        economy.world.people.customers,
        economy.world.merchants.data,
        economy.world.books.tests,
        economy.settlement.sales,
    )
    if economy.scoring is not None:
        economy.scoring.end_tick(rows)
    economy.journal.add(economy.tick_end, rows)


def observe(economy: Economy) -> None:
    """Tell agents what became of what they wait for: rings, banks, users' agents."""
    rows = economy.decided
    if len(economy.reasons) < len(rows):
        economy.reasons = np.empty(2 * len(rows), dtype=np.uint8)
    reasons = economy.reasons[: len(rows)]
    notice(rows, economy.underworld.first_party.chances, economy.underworld.theft.leaking, reasons)
    institution = economy.world.people.customers["institution"]
    watched = _those(rows, reasons, WATCHED)
    if len(watched):
        economy.log.truth(watched, economy.underworld)
        watched_by = institution[watched["owner"]]
        for bank in economy.banks:
            mine = watched_by == bank.row
            if mine.any():
                bank.observe(chosen(watched, mine))
        economy.underworld.observe(watched)
    economy.underworld.first_party.observe(rows, reasons)
    economy.wallet_agents.observe(_those(rows, reasons, PAID_OUT))
    disputed = _those(rows, reasons, UNRECOGNISED)
    for bank in economy.banks if len(disputed) else ():
        bank.dispute(chosen(disputed, institution[disputed["owner"]] == bank.row))
    economy.underworld.theft.collect(_those(rows, reasons, LEAKED))
    economy.log.payees(_those(rows, reasons, NEW_PAYEE))
    economy.submission.tell(rows, watched)


def record(economy: Economy) -> None:
    """Hand other tables on and move the clock."""
    economy.settlement.end_tick()
    economy.log.flush()
    economy.tick += 1
    if economy.is_over:
        economy.close()


PHASES: Final[tuple[tuple[str, Callable[[Economy], None]], ...]] = (
    ("market", move_market),
    ("plan", plan_day),
    ("agents", wake_agents),
    ("authorise", authorise_requests),
    ("post", post),
    ("observe", observe),
    ("record", record),
)
"""The phases by their names."""


def _those(rows: NDArray[np.void], reasons: NDArray[np.uint8], reason: int) -> NDArray[np.void]:
    """Return the rows that are looked at for a reason, as a copy."""
    positions = np.flatnonzero(reasons & reason)
    return chosen(rows, positions) if len(positions) else EMPTY


def _open_features(economy: Economy) -> None:
    """Hand the running features, where some are kept, to a recorder that wants them: the export begins."""
    take = getattr(economy.recorder, "opening", None)
    arrays = economy.scoring.opening() if economy.scoring is not None else None
    if take is not None and arrays is not None:
        take(arrays)
