"""Every transaction against the contract: amounts, nulls, what it names, lives of cards and accounts, limits."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from finsim.dataset.check_contract import FORCED_KINDS
from finsim.dataset.check_report import Finding, Rule, apply_rules, merged, rules
from finsim.dataset.check_source import Source, cents

HERE: Final = ("transaction_id",)
SIDES: Final = ("payer", "payee")
CHUNK_FILES: Final = 2
"""Files that are joined with the other tables at once, to bound the memory."""

KNOWN: Final = pl.lit(True)

APPROVED: Final = pl.col("decision") == "approved"
DECLINED: Final = pl.col("decision") == "declined"
TIME: Final = pl.col("timestamp")


def check_rows(source: Source) -> list[Finding]:
    """Return what is wrong with single transactions, invariant 4 among it."""
    conditions = [
        *_value_rules(),
        *_null_rules(),
        *(rule for side in SIDES for rule in _side_rules(side)),
        *_owner_rules(),
        *_means_rules(),
        *_life_rules(),
        *_limit_rules(),
    ]
    files = source.files["transactions"]
    chunks = [files[first : first + CHUNK_FILES] for first in range(0, len(files), CHUNK_FILES)]
    return merged(finding for chunk in chunks for finding in apply_rules(enriched(source, chunk), conditions))


def enriched(source: Source, files: list[Path]) -> pl.LazyFrame:
    """Return the transactions of some files with what other tables say of the ids that they name.

    Columns that are joined begin with payer_, payee_, card_, merchant_, device_ and end as in their own table; the
    one that ends in _known is null where an id names nothing.
    """
    accounts = source.frame("accounts").select(
        "account_id", "owner_kind", "owner_id", "opened_at", "closed_at", "currency",
        home="institution_id", limit=cents("credit_limit").fill_null(0), known=KNOWN,
    ).unique("account_id")  # fmt: skip
    cards = source.frame("cards").select(
        "card_id", "issued_at", "expires_at", "blocked_at", holder="customer_id", account="account_id", known=KNOWN
    )
    merchants = source.frame("merchants").select("merchant_id", category="mcc", known=KNOWN)
    devices = source.frame("devices").select("device_id", known=KNOWN)
    frame = source.scan("transactions", files)
    for side in SIDES:
        frame = frame.join(_named(accounts, side, "account_id"), on=f"{side}_account_id", how="left")
    for word, table in (("card", cards), ("merchant", merchants), ("device", devices)):
        key = f"{word}_id"
        frame = frame.join(_named(table.unique(key), word, key).rename({f"{word}_{key}": key}), on=key, how="left")
    return frame


def is_forced() -> pl.Expr:
    """Return whether a transaction is booked by a bank or merchant without a decision."""
    return pl.col("kind").cast(pl.String).is_in(FORCED_KINDS)


def is_release() -> pl.Expr:
    """Return whether a transaction says what became of a held one; that it names one is checked apart."""
    return pl.col("related_transaction_id").is_not_null() & ~is_forced()


def broken_cents(column: str) -> pl.Expr:
    """Return whether money is not exactly a whole number of cents divided by 100; null is."""
    money = pl.col(column)
    hundred = money * 0 + 100  # by a plain 100 Polars would multiply with 0.01, which gives another number
    return (money != (money * 100).round() / hundred) | ~money.is_finite()


def _named(table: pl.LazyFrame, word: str, key: str) -> pl.LazyFrame:
    """Return a table with a word before the name of each column."""
    return table.rename({name: f"{word}_{name}" for name in table.collect_schema().names()} | {key: f"{word}_{key}"})


def _value_rules() -> list[Rule]:
    amount, score = pl.col("amount"), pl.col("score")
    money = ("amount", "original_amount", "payer_balance_after", "payee_balance_after")
    currency = pl.col("currency").cast(pl.String) != pl.col("payer_currency").cast(pl.String)
    return rules(
        "values",
        HERE,
        {
            "an amount is negative": amount < 0,
            "an amount is 0 and the transaction no verification": (amount == 0) & (pl.col("kind") != "verification"),
            "money is no whole number of cents": pl.any_horizontal(broken_cents(name) for name in money),
            "a score is not between 0 and 1": ~score.is_between(0, 1) | score.is_nan(),
            "the currency is not that of the payer's account": currency,
        },
    )


def _null_rules() -> list[Rule]:
    posted, reason = pl.col("posted_at").is_not_null(), pl.col("decline_reason").is_not_null()
    abroad = [pl.col(name).is_null() for name in ("original_amount", "original_currency")]
    nulls = {
        "an approved transaction has no posted_at": APPROVED & ~posted,
        "a transaction that is not approved has a posted_at": ~APPROVED & posted,
        "a declined transaction has no decline_reason": DECLINED & ~reason,
        "a transaction that is not declined has a decline_reason": ~DECLINED & reason,
        "one of original_amount and original_currency is null": abroad[0] != abroad[1],
        "a row of the control group has no score": pl.col("control_group") & pl.col("score").is_null(),
    }
    early = {"a transaction is posted before it was requested": pl.col("posted_at") < TIME}
    return rules("nulls", HERE, nulls) + rules("order", HERE, early)


def _side_rules(side: str) -> list[Rule]:
    """Return the rules on the account of one side."""
    given = pl.col(f"{side}_balance_after").is_not_null()
    customer = pl.col(f"{side}_owner_kind") == "customer"
    where = (*HERE, f"{side}_account_id")
    nulls = {
        f"a customer's account as {side} has no balance": customer & ~given,
        f"an account as {side} has a balance and is no customer's": ~customer & given,
    }
    wrong_bank = pl.col(f"{side}_institution_id") != pl.col(f"{side}_home")
    references = {
        f"the {side} is not among the accounts": pl.col(f"{side}_known").is_null(),
        f"the {side}'s institution is not that of the account": wrong_bank,
    }
    early = {f"the {side}'s account is used before it was opened": customer & (pl.col(f"{side}_opened_at") > TIME)}
    return rules("nulls", where, nulls) + rules("references", where, references) + rules("lifetimes", where, early)


def _owner_rules() -> list[Rule]:
    payer, payee = (pl.col(f"{side}_owner_kind") == "customer" for side in SIDES)
    owner = pl.when(payer).then("payer_owner_id").when(payee).then("payee_owner_id")
    known = pl.col("payer_known") & pl.col("payee_known")
    return rules(
        "references",
        HERE,
        {
            "neither account is a customer's": known & ~payer & ~payee,
            "customer_id is not the owner of the payer's, else of the payee's account": pl.col("customer_id") != owner,
        },
    )


def _means_rules() -> list[Rule]:
    card, merchant, account = pl.col("card_known"), pl.col("merchant_known"), pl.col("card_account")
    draws = (account == pl.col("payer_account_id")) | (account == pl.col("payee_account_id"))
    # A business customer's shop may be paid into a customer's account, so only a merchant's own account tells.
    owned = {side: pl.col(f"{side}_owner_kind") == "merchant" for side in SIDES}
    fits = [owned[side] & (pl.col(f"{side}_owner_id") == pl.col("merchant_id")) for side in SIDES]
    stranger = pl.any_horizontal(owned.values()) & ~pl.any_horizontal(fits)
    return [
        *rules("references", (*HERE, "card_id"), {
            "the card is not among the cards": pl.col("card_id").is_not_null() & card.is_null(),
            "the card belongs to another customer": card & (pl.col("card_holder") != pl.col("customer_id")),
            "the card draws on neither account": card & ~draws,
        }),
        *rules("references", (*HERE, "device_id"), {
            "the device is not among the devices": pl.col("device_id").is_not_null() & pl.col("device_known").is_null(),
        }),
        *rules("references", (*HERE, "merchant_id"), {
            "the merchant is not among the merchants": pl.col("merchant_id").is_not_null() & merchant.is_null(),
            "the merchant does not own the merchant's account": merchant & stranger,
            "the MCC is not that of the merchant": merchant & pl.col("mcc").ne_missing(pl.col("merchant_category")),
        }),
    ]  # fmt: skip


def _life_rules() -> list[Rule]:
    """Return the rules on lives; a release is no new use of a card, its request was made when it was held."""
    used = APPROVED & ~is_forced() & ~is_release()
    cards = {
        "a card is used before it was issued": pl.col("card_issued_at") > TIME,
        "a payment is approved on a blocked card": used & (pl.col("card_blocked_at") < TIME),
        "a payment is approved on an expired card": used & (pl.col("card_expires_at") < TIME),
    }
    closed = {"a payment is approved from a closed account": used & (pl.col("payer_closed_at") < TIME)}
    return rules("lifetimes", (*HERE, "card_id"), cards) + rules("lifetimes", (*HERE, "payer_account_id"), closed)


def _limit_rules() -> list[Rule]:
    """Return invariant 4. What a release books was reserved when it was held, so the limit was asked then."""
    authorised = APPROVED & ~is_forced() & ~is_release() & (pl.col("amount") > 0)
    below = cents("payer_balance_after") < -pl.col("payer_limit")
    broken = authorised & (pl.col("payer_owner_kind") == "customer") & below
    return rules("4", (*HERE, "payer_account_id"), {"an authorised debit passes the limit": broken})
