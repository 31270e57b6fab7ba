"""Moments of European statistics: instruments without cash, points of sale, cards by trade and weekday.

Statistics of central banks count credit transfers, direct debits, cards and e-money; surveys of consumers count
payments at points of sale, where a telephone is a means of its own; acquirers count cards by trade. Amounts are read in
euros: one unit of the run's currency is one euro.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from finsim.calibration.registry import Arguments, moment
from finsim.calibration.words import WEEKDAYS

if TYPE_CHECKING:
    import polars as pl

    from finsim.calibration.frames import Views

INSTRUMENTS: Final = ("cards", "credit_transfers", "direct_debits", "e_money")
POINT_OF_SALE: Final = ("cash", "card", "mobile")
TRADES: Final = {
    "accommodation": (7011,),
    "food_services": (5812, 5814),
    "food_retail": (5411, 5499),
    "fuel": (5541,),
    "other_retail": (5311, 5651, 5732, 5200, 5262, 5912),
    "transport": (4111, 4121, 4511),
    "entertainment": (7922, 5818),
    "health": (8011,),
    "personal_services": (7299,),
    "professional_services": (8999,),
}
"""Merchant category codes of the trades by which Swiss acquirers count cards."""
TRADE: Final = {"trade": tuple(TRADES)}


def _all_instruments(targets: Sequence[Arguments]) -> bool:
    return {one.get("instrument") for one in targets} >= set(INSTRUMENTS)


def _all_means(targets: Sequence[Arguments]) -> bool:
    return {one.get("means") for one in targets} >= set(POINT_OF_SALE)


def _all_weekdays(targets: Sequence[Arguments]) -> bool:
    return {one.get("weekday") for one in targets} >= set(WEEKDAYS)


def _instrument(name: str) -> pl.Expr:
    import polars as pl

    rails = {
        "cards": ("card",),
        "credit_transfers": ("ach", "instant", "wire"),
        "direct_debits": ("direct_debit",),
        "e_money": ("wallet",),
    }
    return pl.col("rail").is_in(rails[name])


def _trade(name: str) -> pl.Expr:
    import polars as pl

    return pl.col("mcc").is_in(TRADES[name]) & _bought()


def _card() -> pl.Expr:
    import polars as pl

    return pl.col("rail") == "card"


def _bought() -> pl.Expr:
    """Return the condition of card purchases: acquirers of shops do not see bills."""
    import polars as pl

    return _card() & (pl.col("kind") == "purchase")


@moment("payments", "share", {"instrument": INSTRUMENTS}, needed=("instrument",), whole=_all_instruments)
def noncash_share(views: Views, instrument: str) -> pl.Expr:
    """Return the share of an instrument in payments without cash and checks, by number."""
    import polars as pl

    every = pl.any_horizontal(*(_instrument(name) for name in INSTRUMENTS))
    return _instrument(instrument).sum() / every.sum()


@moment("payments", "EUR")
def card_ticket(views: Views) -> pl.Expr:
    """Return the mean amount of a card payment, in euros."""
    import polars as pl

    mean: pl.Expr = pl.col("amount").filter(_card()).mean()
    return mean


@moment("payments", "share", {"means": ("cash", "not_cash")}, needed=("means",))
def till_share(views: Views, means: str) -> pl.Expr:
    """Return the share of a means in purchases at points of sale, by number."""
    return _till(means).sum() / _at_till().sum()


@moment("payments", "share", {"means": ("cash", "not_cash")}, needed=("means",))
def till_share_of_value(views: Views, means: str) -> pl.Expr:
    """Return the share of a means in purchases at points of sale, by value."""
    import polars as pl

    return pl.col("amount").filter(_till(means)).sum() / pl.col("amount").filter(_at_till()).sum()


def _at_till() -> pl.Expr:
    import polars as pl

    return (pl.col("kind") == "purchase") & ~pl.col("remote")


def _till(means: str) -> pl.Expr:
    import polars as pl

    cash = pl.col("means") == "cash"
    return _at_till() & (cash if means == "cash" else ~cash)


@moment("payments", "share")
def online_share(views: Views) -> pl.Expr:
    """Return the share of remote purchases in payments that do not recur (purchases, to persons), by number."""
    return _online().sum() / _once().sum()


@moment("payments", "share")
def online_share_of_value(views: Views) -> pl.Expr:
    """Return the share of remote purchases in payments that do not recur (purchases, to persons), by value."""
    import polars as pl

    return pl.col("amount").filter(_online()).sum() / pl.col("amount").filter(_once()).sum()


def _once() -> pl.Expr:
    import polars as pl

    return pl.col("kind").is_in(("purchase", "transfer"))


def _online() -> pl.Expr:
    import polars as pl

    return (pl.col("kind") == "purchase") & pl.col("remote")


@moment("payments", "share", TRADE, needed=("trade",))
def trade_share(views: Views, trade: str) -> pl.Expr:
    """Return the share of a trade in card payments by number."""
    return _trade(trade).sum() / _bought().sum()


@moment("payments", "ratio", TRADE, needed=("trade",))
def relative_ticket(views: Views, trade: str) -> pl.Expr:
    """Return the mean card payment of a trade against that of all trades."""
    import polars as pl

    return pl.col("amount").filter(_trade(trade)).mean() / pl.col("amount").filter(_bought()).mean()


@moment("payments", "share", TRADE, needed=("trade",))
def trade_online_share(views: Views, trade: str) -> pl.Expr:
    """Return the share of card payments of a trade that are made remotely, by number."""
    import polars as pl

    return (_trade(trade) & pl.col("remote")).sum() / _trade(trade).sum()


@moment("payments", "share", {**TRADE, "weekday": WEEKDAYS}, needed=("weekday",), whole=_all_weekdays)
def card_weekday_share(views: Views, weekday: str, trade: str = "") -> pl.Expr:
    """Return the share of a weekday in card payments, of one trade or all, by number."""
    import polars as pl

    some = _trade(trade) if trade else _bought()
    return (some & (pl.col("weekday") == weekday)).sum() / some.sum()


@moment("tills", "share")
def contactless_share_of_tills(views: Views) -> pl.Expr:
    """Return the share of card payments at points of sale that are contactless, telephones included, by number."""
    import polars as pl

    return pl.col("contactless").mean()


@moment("tills", "share")
def contactless_share_of_till_value(views: Views) -> pl.Expr:
    """Return the share of card payments at points of sale that are contactless, telephones included, by value."""
    import polars as pl

    return pl.col("amount").filter("contactless").sum() / pl.col("amount").sum()


@moment("tills", "EUR")
def contactless_ticket(views: Views) -> pl.Expr:
    """Return the mean amount of a contactless card payment, in euros."""
    import polars as pl

    mean: pl.Expr = pl.col("amount").filter("contactless").mean()
    return mean


@moment("tills", "ratio")
def telephones_against_cards(views: Views) -> pl.Expr:
    """Return the value of payments with a telephone at points of sale against that with a card itself."""
    import polars as pl

    amount = pl.col("amount")
    return amount.filter("telephone").sum() / amount.filter(~pl.col("telephone")).sum()
