"""Moments of mobile money: how wallets are used, by type, hour and client, and what is on them.

Amounts are compared in an operator's own currency: `unit` says how much of it one unit of the run's currency is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from finsim.calibration.registry import Arguments, moment
from finsim.parameters.mobile_money import USES

if TYPE_CHECKING:
    import polars as pl

    from finsim.calibration.frames import Views

LOCAL: Final = "local ccy"
USE: Final = {"use": USES}


def _all_uses(targets: Sequence[Arguments]) -> bool:
    """Say whether shares of uses leave none out."""
    return {one.get("use") for one in targets} >= set(USES)


def _is(use: str) -> pl.Expr:
    import polars as pl

    return pl.col("use") == use


@moment("wallets", "share", USE, needed=("use",), whole=_all_uses)
def wallet_share_of_number(views: Views, use: str) -> pl.Expr:
    """Return the share of a use in payments of wallets by number."""
    return _is(use).mean()


@moment("wallets", "share", USE, needed=("use",), whole=_all_uses)
def wallet_share_of_value(views: Views, use: str) -> pl.Expr:
    """Return the share of a use in payments of wallets by value."""
    import polars as pl

    return pl.col("amount").filter(_is(use)).sum() / pl.col("amount").sum()


@moment("wallets", "share", {"hour": range(24)}, needed=("hour",))
def wallet_hour_share(views: Views, hour: float) -> pl.Expr:
    """Return the share of payments of wallets that are made in an hour of the day."""
    import polars as pl

    return (pl.col("hour") == int(hour)).mean()


@moment("wallets", LOCAL, {**USE, "unit": None}, needed=("use",))
def wallet_ticket_mean(views: Views, use: str, unit: float = 1.0) -> pl.Expr:
    """Return the mean amount of a use of wallets, in the operator's currency."""
    import polars as pl

    mean: pl.Expr = pl.col("amount").filter(_is(use)).mean() * unit
    return mean


@moment("wallets", "ratio", USE, needed=("use",))
def wallet_ticket_variation(views: Views, use: str) -> pl.Expr:
    """Return the coefficient of variation of the amounts of a use of wallets."""
    import polars as pl

    amount = pl.col("amount").filter(_is(use))
    return amount.std() / amount.mean()


@moment("wallets", "count/month")
def wallet_payments_per_month(views: Views) -> pl.Expr:
    """Return the number of payments in a month of a wallet with any."""
    import polars as pl

    return pl.len() / pl.col("customer_id").n_unique() / views.months


@moment("wallet_clients", "share", {**USE, "low": None, "high": None}, needed=("use", "low", "high"))
def wallet_clients_share(views: Views, use: str, low: float, high: float) -> pl.Expr:
    """Return the share of those who used a wallet for something that did so from low to high times in a month."""
    import polars as pl

    share: pl.Expr = pl.col("number").filter(_is(use)).is_between(low, high).mean()
    return share


@moment("wallet_clients", "ratio", {**USE, "low": None, "high": None}, needed=("use", "low", "high"))
def wallet_ticket_growth(views: Views, use: str, low: float, high: float) -> pl.Expr:
    """Return the mean amount of clients with low to high payments of a use in a month against those with one."""
    growth: pl.Expr = _mean_of(use, low, high) / _mean_of(use, 1, 1)
    return growth


@moment("wallet_balances", "share", {"below": None, "unit": None}, needed=("below",))
def wallet_balance_share(views: Views, below: float, unit: float = 1.0) -> pl.Expr:
    """Return the share of wallets that hold less than an amount of the operator's currency when the run begins."""
    import polars as pl

    return (pl.col("balance") * unit < below).mean()


@moment("wallet_balances", LOCAL, {"share": None, "unit": None}, needed=("share",))
def wallet_balance_quantile(views: Views, share: float, unit: float = 1.0) -> pl.Expr:
    """Return the balance, in the operator's currency, that a share of wallets does not pass when the run begins."""
    import polars as pl

    return pl.col("balance").quantile(share, "linear") * unit


def _mean_of(use: str, low: float, high: float) -> Any:
    import polars as pl

    return pl.col("mean").filter(_is(use) & pl.col("number").is_between(low, high)).mean()
