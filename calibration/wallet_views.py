"""Views of wallets that moments of mobile money read: payments by use, clients by use, balances when the run begins."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl


def wallet_uses(table: Callable[[str], pl.LazyFrame]) -> pl.LazyFrame:
    """Return the approved payments of wallets with their use: columns use, timestamp, amount, customer_id.

    `debit` is what holders send to their own bank account, `transfer` what they send to others; what is paid out when a
    wallet is closed, which nobody orders on a telephone, is neither.

    Args:
        table: returns a table of a data set by name.
    """
    word = {name: pl.col(name).cast(pl.String) for name in ("rail", "decision", "kind")}
    accounts = table("accounts").select("account_id", "owner_id", kind=word["kind"])
    rows = table("transactions").filter((word["rail"] == "wallet") & (word["decision"] == "approved"))
    for side in ("payer", "payee"):
        names = {"account_id": f"{side}_account_id", "kind": side, "owner_id": f"{side}_owner"}
        rows = rows.join(accounts.rename(names), on=f"{side}_account_id")
    kind, from_wallet = word["kind"], pl.col("payer") == "wallet"
    own = (pl.col("payee") == "checking") & (pl.col("payer_owner") == pl.col("payee_owner"))
    use = (
        pl.when((kind == "deposit") & (pl.col("payee") == "wallet"))
        .then(pl.lit("cash_in"))
        .when((kind == "withdrawal") & from_wallet)
        .then(pl.lit("cash_out"))
        .when((kind == "purchase") & from_wallet)
        .then(pl.lit("payment"))
        .when((kind == "transfer") & from_wallet & own & pl.col("device_id").is_not_null())
        .then(pl.lit("debit"))
        .when((kind == "transfer") & from_wallet & ~own)
        .then(pl.lit("transfer"))
    )
    named = rows.with_columns(use=use).filter(pl.col("use").is_not_null())
    return named.select("use", "timestamp", "amount", "customer_id")


def wallet_clients(uses: pl.LazyFrame, days: int) -> pl.LazyFrame:
    """Return who used what: columns use, customer_id, number, mean (of the amounts); of the first 30 days at most.

    Args:
        uses: as `wallet_uses` returns them.
        days: exported days.
    """
    first = pl.col("timestamp").min().dt.truncate("1d")
    month = uses.filter(pl.col("timestamp") < first + pl.duration(days=min(days, 30)))
    return month.group_by("use", "customer_id").agg(pl.len().alias("number"), pl.col("amount").mean().alias("mean"))


def wallet_balances(table: Callable[[str], pl.LazyFrame]) -> pl.LazyFrame:
    """Return what was on each wallet when the run began: column balance.

    Args:
        table: returns a table of a data set by name.
    """
    wallets = table("accounts").filter(pl.col("kind").cast(pl.String) == "wallet")
    return wallets.select(balance="opening_balance")
