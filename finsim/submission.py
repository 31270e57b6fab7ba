"""How Python-level agents take part: submit requests, wait for outcomes, score requests, promote a customer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from finsim import payments as pay
from finsim.agents.customer import Customer
from finsim.agents.merchant import Merchant
from finsim.errors import FinsimError, did_you_mean
from finsim.ids import SUBMITTED, new_id
from finsim.ledger import ADJUSTMENT, SLOTS
from finsim.outbox import ON_APPROVED, ON_DECLINED

if TYPE_CHECKING:
    import mesa

    from finsim.economy import Economy

CODES = {
    "rail": pay.RAILS,
    "kind": pay.KINDS,
    "channel": pay.CHANNELS,
    "entry_mode": pay.ENTRY_MODES,
    "authentication": pay.AUTHENTICATIONS,
    "country": pay.COUNTRIES,
}


class SubmissionError(FinsimError):
    """A request, or what it names, is not possible."""


class Control(Protocol):
    """A model in the authorisation path.

    It may say in two attributes what it wants to be handed:

    - `batch`: `"polars"` (the default, a `polars.DataFrame`), `"arrow"` (a `pyarrow.RecordBatch`) or `"matrix"` (an
      array, (n, k) float32, with the columns of `features`, nulls and what does not apply as nan; the fastest);
    - `features`: names of running features (`finsim.features`), by default all; a matrix may also have the observable
      columns of `finsim.features.INPUTS`. An empty tuple: none, and none are counted.

    A frame has the observable columns of `transactions` without the outcome (`finsim.frames.OBSERVABLE`), and the
    features; the amount in the home currency, `amount`, is one of these. A customer's requests come one by one, each
    when the one before is decided.

    One that changes with what it sees has `state()` and `restore(state)` too, as an agent has; one without them must
    not change, so that a resumed run gives the same data.
    """

    def score(self, batch: Any) -> NDArray[np.floating[Any]]:
        """Return one score for each request, (n,) float, 0 to 1, higher is more suspicious.

        Args:
            batch: n requests in order of time, undecided.
        """


class Submission:
    """The desk at which Python-level agents hand requests in and collect outcomes.

    Args:
        economy: the economy it belongs to.
    """

    def __init__(self, economy: Economy) -> None:
        self.economy = economy
        self.ordinals: dict[int, int] = {}  # owner -> requests submitted today
        self.ordinal_day = -1
        self.waiting: dict[int, str] = {}  # transaction id -> key of the agent that waits

    # -- requests -----------------------------------------------------------------------------------------

    def submit(
        self,
        payer: Any,
        payee: Any,
        amount: float,
        *,
        rail: str = "instant",
        kind: str = "transfer",
        channel: str = "app",
        time: int | None = None,
        depends_on: int | None = None,
        depends_when: str = "approved",
        agent: mesa.Agent | None = None,
        card: str | None = None,
        **details: Any,
    ) -> int:
        """Submit a request for a payment and return its transaction id.

        Args:
            payer: a customer (view or row number).
            payee: a customer, a merchant, or an account row.
            amount: currency units, above 0 (0 for a verification).
            rail, kind, channel: values of the columns of `transactions`.
            time: microseconds; the present tick's start if None.
            depends_on: id of a request that has to be decided first.
            depends_when: `approved` or `declined`.
            agent: an enlisted agent that observes the outcome.
            card: `debit` or `credit` for a card payment.
            details: entry_mode, authentication, country by value; any other request column by its code.

        Raises:
            SubmissionError: a value is not allowed, or a party is unknown.
        """
        economy = self.economy
        row = pay.blank(1)
        owner = payer.row if isinstance(payer, Customer) else int(payer)
        if not 0 <= owner < len(economy.world.customers):
            raise SubmissionError(f"payer {payer!r} is no customer of this economy")
        slot = 2 if card == "credit" else (3 if rail == "wallet" else 0)
        self._fill(row, {"rail": rail, "kind": kind, "channel": channel, **details})
        row["owner"], row["slot"], row["payer"] = owner, slot, owner * SLOTS + slot
        row["payee"], row["merchant"] = self._payee(payee)
        if row["merchant"][0] >= 0:
            shop = economy.world.merchants.data[row["merchant"][0]]
            row["mcc"], row["category"] = shop["mcc"], shop["category_code"]
            if row["country"][0] == pay.NONE:
                row["country"] = shop["country"]
        if row["payer"][0] == row["payee"][0]:
            raise SubmissionError(f"payer and payee are the same account, {int(row['payer'][0])}")
        row["amount"] = round(amount * 100)
        if row["amount"][0] < 0 or (row["amount"][0] == 0 and kind != "verification"):
            raise SubmissionError(f"amount {amount} is not above 0")
        row["timestamp"] = economy.now if time is None else time
        row["transaction_id"] = self.next_id(owner)
        if agent is not None or owner in economy.promoted:
            row["flags"] |= pay.WATCHED
        if agent is not None:
            self.waiting[int(row["transaction_id"][0])] = self._key(agent)
        if depends_on is None:
            economy.outbox.add(row, economy.tick)
        else:
            if depends_when not in ("approved", "declined"):
                raise SubmissionError(
                    f"depends_when is {depends_when!r}{did_you_mean(depends_when, ('approved', 'declined'))}"
                )
            economy.outbox.add_child(row, int(depends_on), ON_APPROVED if depends_when == "approved" else ON_DECLINED)
        return int(row["transaction_id"][0])

    def next_id(self, owner: int) -> int:
        """Return the id of the next request that is submitted for an owner today."""
        economy = self.economy
        if self.ordinal_day != economy.day:
            self.ordinals.clear()
            self.ordinal_day = economy.day
        ordinal = self.ordinals.get(owner, 0)
        self.ordinals[owner] = ordinal + 1
        return int(new_id(economy.ids.transaction, SUBMITTED, owner, 0, economy.day, ordinal))

    def _fill(self, row: NDArray[np.void], details: dict[str, Any]) -> None:
        for name, value in details.items():
            if name not in (pay.TRANSACTION.names or ()):
                raise SubmissionError(
                    f"a request has no column {name!r}{did_you_mean(name, pay.TRANSACTION.names or ())}"
                )
            if isinstance(value, str):
                if value not in CODES.get(name, ()):
                    raise SubmissionError(f"{name} is {value!r}{did_you_mean(value, CODES.get(name, ()))}")
                row[name] = CODES[name].index(value)
            else:
                row[name] = value

    def _payee(self, payee: Any) -> tuple[int, int]:
        """Return (account row, merchant row or -1) of a payee."""
        ledger = self.economy.ledger
        if isinstance(payee, Customer):
            return payee.row * SLOTS, -1
        if isinstance(payee, Merchant):
            return ledger.merchant_base + payee.row, payee.row
        account = int(payee)
        if not 0 <= account < len(ledger.accounts):
            raise SubmissionError(f"payee {payee!r} is no account of this economy")
        merchant = account - ledger.merchant_base
        return account, merchant if 0 <= merchant < ledger.merchants else -1

    def _key(self, agent: mesa.Agent) -> str:
        for key, other in self.economy.python_agents.items():
            if other is agent:
                return key
        raise SubmissionError(f"{agent!r} is not enlisted: call economy.enlist(key, agent) first")

    # -- rounds -------------------------------------------------------------------------------------------

    def split_waiting(self, batches: list[NDArray[np.void]]) -> tuple[list[NDArray[np.void]], list[NDArray[np.void]]]:
        """Hold back what comes after a request that waits for one of this tick.

        Only a child whose parent has the same owner and is among the requests of this round makes the owner's
        later requests wait; other children wait alone.
        """
        economy = self.economy
        now: list[NDArray[np.void]] = []
        late: list[NDArray[np.void]] = []
        for batch in batches:
            wait = np.zeros(len(batch), dtype=bool)
            parents = np.flatnonzero(
                np.isin(
                    batch["transaction_id"],
                    np.fromiter(economy.outbox.children, np.uint64, len(economy.outbox.children)),
                )
            )
            for k in parents:
                owner = batch["owner"][k]
                times = [
                    int(child["timestamp"][0])
                    for child, _ in economy.outbox.children[int(batch["transaction_id"][k])]
                    if child["owner"][0] == owner
                ]
                times = [time for time in times if time < economy.tick_end]
                if times:
                    wait |= (batch["owner"] == owner) & (
                        batch["timestamp"] > max(min(times), int(batch["timestamp"][k]))
                    )
            now.append(batch[~wait] if wait.any() else batch)
            if wait.any():
                late.append(batch[wait])
        return now, late

    # -- outcomes -----------------------------------------------------------------------------------------

    def tell(self, rows: NDArray[np.void], watched: NDArray[np.void]) -> None:
        """Tell enlisted agents and promoted customers what concerns them, and wake them."""
        economy = self.economy
        if self.waiting and len(watched):
            keys: dict[str, list[int]] = {}
            released = watched["flags"] & pay.RELEASE > 0  # a release decides the held payment that it names
            numbers = np.where(released, watched["related_id"], watched["transaction_id"])
            for k, number in enumerate(numbers.tolist()):
                key = self.waiting.get(number)
                if key is not None:
                    keys.setdefault(key, []).append(k)
                    if watched["decision"][k] != pay.HELD:
                        del self.waiting[number]
            for key, positions in keys.items():
                economy.python_agents[key].observe(watched[positions])
                economy.agenda.wake(key, economy.tick_end)
        if economy.promoted and len(rows):
            limit = economy.ledger.customer_accounts
            for row in sorted(economy.promoted):
                mine = (rows["payer"] < limit) & (rows["payer"] // SLOTS == row) | (rows["payee"] < limit) & (
                    rows["payee"] // SLOTS == row
                )
                if mine.any():
                    economy.world.customers.specialised[row].observe(rows[mine])
                    economy.agenda.wake(f"customer:{row}", economy.tick_end)

    # -- single customers ---------------------------------------------------------------------------------

    def promote(self, ids: Iterable[int], cls: type[Customer]) -> list[Customer]:
        """Let a user's class take the decisions of single customers.

        Pay, collections, statements and payments by others go on; shopping and transfers stop. The agent is
        stepped at its wake times, and whenever something concerned it.

        Args:
            ids: customer rows.
            cls: subclass of Customer.

        Raises:
            SubmissionError: an id is no customer, or the class is no Customer.
        """
        economy = self.economy
        if not (isinstance(cls, type) and issubclass(cls, Customer)):
            raise SubmissionError(f"{cls!r} is no subclass of finsim.agents.Customer")
        out = []
        for row in ids:
            if not 0 <= int(row) < len(economy.world.customers):
                raise SubmissionError(f"{row!r} is no customer of this economy")
            agent = cls(economy.world.customers, int(row))
            economy.world.customers.specialised[int(row)] = agent
            economy.world.customers.data["promoted"][int(row)] = 1
            economy.promoted.add(int(row))
            economy.enlist(f"customer:{int(row)}", agent)
            economy.agenda.wake(f"customer:{int(row)}", economy.now)
            out.append(agent)
        return out

    def set_balances(self, rows: NDArray[np.int64], cents: NDArray[np.int64]) -> None:
        """Set balances of checking accounts, (n,) rows and int64 cents.

        Before the first step this sets what the account opens with; afterwards the difference is booked
        against the outside account `adjustment` and leaves a row.
        """
        economy = self.economy
        accounts = np.asarray(rows, dtype=np.int64) * SLOTS
        change = np.asarray(cents, dtype=np.int64) - economy.ledger.accounts["balance"][accounts]
        if economy.tick == 0:
            economy.ledger.accounts["balance"][accounts] += change
            economy.opening = economy.ledger.accounts["balance"].copy()
            return
        outside = int(economy.ledger.named[ADJUSTMENT])
        for row, difference in zip(np.asarray(rows).tolist(), change.tolist(), strict=True):
            if not difference:
                continue
            request = pay.blank(1)
            request["owner"], request["amount"], request["timestamp"] = row, abs(difference), economy.now
            request["payer"], request["payee"] = (outside, row * SLOTS) if difference > 0 else (row * SLOTS, outside)
            request["rail"], request["kind"], request["channel"], request["flags"] = (
                pay.INSTANT,
                pay.ADJUSTMENT,
                pay.BRANCH,
                pay.FORCED,
            )
            request["slot"] = 0 if difference < 0 else pay.NONE
            request["transaction_id"] = self.next_id(row)
            economy.outbox.add(request, economy.tick)


__all__ = ["Control", "Submission", "SubmissionError"]
