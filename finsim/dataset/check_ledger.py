"""Invariants 1, 2, 3 and 5: every account's chain of balances, from opening to closing, in integer cents."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from finsim.dataset.check_report import SHOWN, Finding
from finsim.dataset.check_source import Source, cents, collect

BUCKET_ROWS: Final = 3_000_000
"""Transactions that are sorted into chains at once; accounts are cut into so many buckets, to bound the memory."""

APPROVED: Final = pl.col("decision") == "approved"
Longs = NDArray[np.int64]


def check_ledger(source: Source) -> list[Finding]:
    """Return accounts and transactions at which money does not add up."""
    accounts = _accounts(source)
    wrong = accounts.filter(pl.col("opening") + pl.col("moved") != pl.col("closing"))
    ids = wrong["account_id"].head(SHOWN).to_list()
    what = "opening_balance plus all movements is not closing_balance"
    findings = [Finding("2", what, wrong.height, {"account_id": ids})]
    drift = int(accounts["closing"].sum()) - int(accounts["opening"].sum())
    if drift:
        what = f"the accounts together end with {drift / 100:,.2f} more than they began with"
        findings.append(Finding("3", what, 1, {}))
    buckets = max(1, -(-source.rows("transactions") // BUCKET_ROWS))
    broken: list[pl.DataFrame] = []
    for bucket in range(buckets):
        chain = _movements(source, accounts, bucket, buckets)
        broken.append(_breaks(chain, accounts))
    return [finding for finding in [*findings, *_chain_findings(pl.concat(broken))] if finding.count]


def _accounts(source: Source) -> pl.DataFrame:
    """Return every account with opening, closing and the sum of all that moved, cents."""
    accounts = source.frame("accounts").unique("account_id").select(
        "account_id", customer=pl.col("owner_kind") == "customer", opening=cents("opening_balance"),
        closing=cents("closing_balance"),
    )  # fmt: skip
    moved = []
    for table, condition in (("transactions", APPROVED), ("settlements", pl.lit(True))):
        for side, sign in (("payer", -1), ("payee", 1)):
            rows = source.scan(table).filter(condition).group_by(account_id=f"{side}_account_id")
            moved.append(collect(rows.agg(moved=(cents("amount") * sign).sum())))
    sums = pl.concat(moved).group_by("account_id").agg(pl.col("moved").sum()).lazy()
    frame = accounts.join(sums, on="account_id", how="left").with_columns(pl.col("moved").fill_null(0))
    return collect(frame).with_row_index("row")


def _movements(source: Source, accounts: pl.DataFrame, bucket: int, buckets: int) -> pl.DataFrame:
    """Return both sides of transactions for the customers' accounts of one bucket, in the order of their chains.

    A debit counts at `timestamp`, a credit at `posted_at`; what moves nothing stands among the debits of its
    `timestamp`. At one time credits come first, then the transaction's id decides.
    """
    wanted = accounts.lazy().filter("customer").select("account_id", pl.col("row").cast(pl.Int32))
    sides = []
    for side in ("payer", "payee"):
        frame = source.scan("transactions").filter(pl.col(f"{side}_account_id") % buckets == bucket)
        frame = frame.join(wanted, left_on=f"{side}_account_id", right_on="account_id", how="inner")
        is_credit = APPROVED & (side == "payee")
        time = pl.when(is_credit & pl.col("posted_at").is_not_null()).then("posted_at").otherwise("timestamp")
        delta = cents("amount") * (1 if side == "payee" else -1)
        sides.append(
            frame.select(
                "row",
                time=time.cast(pl.Int64) * 2 + (~is_credit).cast(pl.Int64),
                transaction_id="transaction_id",
                delta=pl.when(APPROVED).then(delta).otherwise(0),
                given=cents(f"{side}_balance_after"),
                moves=APPROVED,
            )
        )
    return collect(pl.concat(sides).sort("row", "time", "transaction_id"))


def _breaks(chain: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """Return the movements at which a chain breaks: row, transaction_id and the invariant that is to blame.

    What is compared is the distance between the balance given and the one that follows from the opening balance.
    It is 0 all along. Where it changes, that movement is wrong; where it changes back after one movement, the one
    before was; where it differs from the first movement on, the opening balance is.
    """
    row = chain["row"].to_numpy()
    if not len(row):
        return pl.DataFrame(schema={"account_id": pl.UInt32, "transaction_id": pl.UInt64, "invariant": pl.String})
    start = np.empty(len(row), dtype=np.bool_)
    start[0] = True
    start[1:] = row[1:] != row[:-1]
    opening = accounts["opening"].to_numpy()
    distance = _distance(chain, start, opening[row])
    before = _shifted(distance, start)
    two_before = _shifted(before, start)
    returns = ~start & (distance == two_before) & (before != two_before)
    jump = (distance != before) & ~returns
    sum_is_wrong = opening + accounts["moved"].to_numpy() != accounts["closing"].to_numpy()
    is_opening = start & jump & _stays(distance, start, sum_is_wrong[row])
    invariant = np.where(is_opening, "2", np.where(chain["moves"].to_numpy(), "1", "5"))
    at = np.flatnonzero(jump)
    return pl.DataFrame(
        {
            "account_id": accounts["account_id"].gather(row[at]),
            "transaction_id": chain["transaction_id"].gather(at),
            "invariant": invariant[at].astype(str),
        },
        schema_overrides={"invariant": pl.String},
    )


def _distance(chain: pl.DataFrame, start: NDArray[np.bool_], opening: Longs) -> Longs:
    """Return given minus expected balance of each movement, (n,) int64 cents; as before where none is given."""
    delta = chain["delta"].to_numpy()
    running = np.cumsum(delta)
    first = np.maximum.accumulate(np.where(start, np.arange(len(delta)), 0))
    expected = running - (running[first] - delta[first]) + opening
    given = chain["given"]
    has = given.is_not_null().to_numpy()
    distance: Longs = np.where(has, given.fill_null(0).to_numpy() - expected, 0)
    last = np.maximum.accumulate(np.where(has | start, np.arange(len(delta)), 0))
    return distance[last]


def _shifted(values: Longs, start: NDArray[np.bool_]) -> Longs:
    """Return the value of the movement before in the same chain, (n,) int64; 0 at its start."""
    out = np.zeros_like(values)
    out[1:] = np.where(start[1:], 0, values[:-1])
    return out


def _stays(distance: Longs, start: NDArray[np.bool_], sum_is_wrong: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return whether the second movement of a chain is off as the first; for a chain of one, whether its sum is."""
    has_next = np.zeros_like(start)
    has_next[:-1] = ~start[1:]
    following = np.zeros_like(distance)
    following[:-1] = distance[1:]
    stays: NDArray[np.bool_] = np.where(has_next, following == distance, sum_is_wrong)
    return stays


def _chain_findings(broken: pl.DataFrame) -> list[Finding]:
    texts = {
        "1": "a balance is not the one before plus the movement",
        "2": "the first balance does not start from opening_balance",
        "5": "a balance changes at a transaction that was declined or held",
    }
    findings = []
    for invariant, text in texts.items():
        part = broken.filter(pl.col("invariant") == invariant)
        where = {name: part[name].head(SHOWN).to_list() for name in ("account_id", "transaction_id")}
        findings.append(Finding(invariant, text, part.height, where))
    return findings
