"""The moments, and how all of them are computed from one data set.

Each function takes its view and what selects the payments, and returns an expression that Polars evaluates; moments of
one view share one pass over it. To add one, write a function and register it: a file of targets may then name it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from finsim.calibration.registry import MONEY, Arguments, Moment, find, moment
from finsim.calibration.words import INCOMES, KINDS, MEANS, MEANS_GROUPS, PAYEE_GROUPS, PAYEES, PLACES, WEEKDAYS

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from finsim.calibration.frames import Views

    Float = NDArray[np.float64]

WHERE: Final = {
    "means": ("all", *MEANS, *MEANS_GROUPS),
    "payee": ("all", *PAYEES, *PAYEE_GROUPS),
    "kind": ("all", *KINDS),
    "place": ("all", *PLACES),
    "income": ("all", *INCOMES),
    "weekday": ("all", *WEEKDAYS),
    "hour": range(24),
    "low": None,
    "high": None,
}
"""What selects payments: means, type of payee, kind, place, payer's income, weekday, hour of the day, amount from `low`
(included) to `high`."""
GIVEN: Final = {f"given_{name}": values for name, values in WHERE.items()}
"""The same for the payments of which something is a share."""
SHARE: Final = {**WHERE, **GIVEN}


def selected(means: str = "all", payee: str = "all", **where: Any) -> pl.Expr:
    """Return the condition that selects payments, as WHERE names them."""
    import polars as pl

    out = pl.col("amount").is_not_null()
    if means != "all":
        out = out & pl.col("means").is_in(MEANS_GROUPS.get(means, (means,)))
    if payee != "all":
        out = out & pl.col("payee").is_in(PAYEE_GROUPS.get(payee, (payee,)))
    for name in ("kind", "income", "weekday"):
        if where.get(name, "all") != "all":
            out = out & (pl.col(name) == where[name])
    if where.get("place", "all") != "all":
        out = out & (pl.col("remote") == (where["place"] == "remote"))
    if "hour" in where:
        out = out & (pl.col("hour") == int(where["hour"]))
    if where.get("low", 0.0) > 0:
        out = out & (pl.col("amount") >= where["low"])
    if where.get("high", math.inf) < math.inf:
        out = out & (pl.col("amount") < where["high"])
    return out


def _split(where: Arguments) -> tuple[pl.Expr, pl.Expr]:
    """Return the condition on the part and that on the whole."""
    given = {name.removeprefix("given_"): value for name, value in where.items() if name.startswith("given_")}
    part = {name: value for name, value in where.items() if not name.startswith("given_")}
    base = selected(**given)
    return selected(**part) & base, base


def _whole(targets: Sequence[Arguments]) -> bool:
    """Say whether shares of the same payments leave nothing out: all means, all weekdays, both places, all bands."""
    changing = {name for one in targets for name in one if any(other.get(name) != one[name] for other in targets)}
    changing |= {name for one in targets for name in one if any(name not in other for other in targets)}
    if changing and changing <= {"low", "high"}:
        bands = sorted((one.get("low", 0.0), one.get("high", math.inf)) for one in targets)
        ends = [0.0, *(high for _, high in bands)]
        return ends[-1] == math.inf and all(low == end for (low, _), end in zip(bands, ends, strict=False))
    if len(changing) != 1:
        return False
    name = changing.pop()
    options = {"place": PLACES, "weekday": WEEKDAYS, "means": MEANS, "kind": KINDS}.get(name, ())
    values = {value for one in targets for value in MEANS_GROUPS.get(one.get(name, ""), (one.get(name),))}
    return bool(options) and set(options) <= values


# -- payments ---------------------------------------------------------------------------------------------------


@moment("payments", "share", SHARE, whole=_whole)
def share_of_payments(views: Views, **where: Any) -> pl.Expr:
    """Return the share of payments by number."""
    part, base = _split(where)
    return part.sum() / base.sum()


@moment("payments", "ratio", SHARE)
def relative_share(views: Views, **where: Any) -> pl.Expr:
    """Return a share of the payments given something, against that share of all payments."""
    import polars as pl

    part, base = _split(where)
    everywhere = selected(**{name: value for name, value in where.items() if not name.startswith("given_")})
    return (part.sum() / base.sum()) / (everywhere.sum() / pl.len())


@moment("payments", "share", SHARE, whole=_whole)
def share_of_value(views: Views, **where: Any) -> pl.Expr:
    """Return the share of payments by value."""
    import polars as pl

    part, base = _split(where)
    return (pl.col("amount") * part).sum() / (pl.col("amount") * base).sum()


@moment("payments", "count/month", WHERE)
def payments_per_month(views: Views, **where: Any) -> pl.Expr:
    """Return the number of payments of a person in a month."""
    return selected(**where).sum() / (views.number_of_persons * views.months)


@moment("payments", f"{MONEY}/month", WHERE)
def value_per_month(views: Views, **where: Any) -> pl.Expr:
    """Return what a person pays in a month."""
    import polars as pl

    return (pl.col("amount") * selected(**where)).sum() / (views.number_of_persons * views.months)


@moment("payments", MONEY, WHERE)
def ticket_mean(views: Views, **where: Any) -> pl.Expr:
    """Return the mean amount of a payment."""
    import polars as pl

    return pl.col("amount").filter(selected(**where)).mean()


@moment("payments", MONEY, WHERE)
def ticket_median(views: Views, **where: Any) -> pl.Expr:
    """Return the median amount of a payment."""
    import polars as pl

    return pl.col("amount").filter(selected(**where)).median()


@moment("payments", f"ln {MONEY}", WHERE)
def ticket_log_mean(views: Views, **where: Any) -> pl.Expr:
    """Return the mean of the log of the amount."""
    import polars as pl

    return pl.col("amount").filter(selected(**where)).log().mean()


@moment("payments", f"ln {MONEY}", WHERE)
def ticket_log_sigma(views: Views, **where: Any) -> pl.Expr:
    """Return the standard deviation of the log of the amount."""
    import polars as pl

    return pl.col("amount").filter(selected(**where)).log().std()


@moment("payments", "share", WHERE)
def whole_amount_share(views: Views, **where: Any) -> pl.Expr:
    """Return the share of payments whose amount is a whole number of units."""
    import polars as pl

    where_ = selected(**where)
    cents = (pl.col("amount") * 100).round().cast(pl.Int64)
    return ((cents % 100 == 0) & where_).sum() / where_.sum()


@moment("payments", "share", WHERE)
def abroad_share(views: Views, **where: Any) -> pl.Expr:
    """Return the share of payments, by number, in a currency other than that of the account."""
    import polars as pl

    where_ = selected(**where)
    return (pl.col("abroad") & where_).sum() / where_.sum()


@moment("payments", "bp", WHERE)
def fraud_rate_of_value(views: Views, **where: Any) -> pl.Expr:
    """Return the value of fraudulent payments against that of all, in basis points."""
    import polars as pl

    where_ = selected(**where)
    return 1e4 * (pl.col("amount") * (pl.col("fraud") & where_)).sum() / (pl.col("amount") * where_).sum()


@moment("payments", "ratio", {"month": None, "to": None}, needed=("month", "to"))
def month_ratio(views: Views, month: float, to: float) -> pl.Expr:
    """Return the value of purchases a day in one month against that of another."""
    import polars as pl

    bought = pl.col("kind") == "purchase"
    value = [(pl.col("amount") * (bought & (pl.col("month") == int(one)))).sum() for one in (month, to)]
    return (value[0] / views.days_of(int(month))) / (value[1] / views.days_of(int(to)))


@moment("payments", "share", WHERE)
def fraud_rate_of_number(views: Views, **where: Any) -> pl.Expr:
    """Return the share of payments, by number, that are fraudulent."""
    import polars as pl

    where_ = selected(**where)
    return (pl.col("fraud") & where_).sum() / where_.sum()


# -- persons ----------------------------------------------------------------------------------------------------


@moment("windows", "ratio")
def dispersion_of_counts(views: Views) -> pl.Expr:
    """Return the variance of a person's number of payments in three days against its mean."""
    import polars as pl

    return pl.col("number").var() / pl.col("number").mean()


@moment("windows", "count")
def payments_of_active_windows(views: Views) -> pl.Expr:
    """Return the mean number of payments in three days of persons who pay at all in them."""
    import polars as pl

    return pl.col("number").filter(pl.col("number") > 0).mean()


@moment("persons", MONEY)
def balance_median(views: Views) -> pl.Expr:
    """Return the median of what a person holds on transaction accounts when the export starts."""
    import polars as pl

    return pl.col("balance").median()


@moment("persons", MONEY)
def balance_mean(views: Views) -> pl.Expr:
    """Return the mean of what a person holds on transaction accounts when the export starts."""
    import polars as pl

    return pl.col("balance").mean()


# -- pay --------------------------------------------------------------------------------------------------------

PERIODS: Final = ("weekly", "biweekly", "semimonthly", "monthly")


def _all_periods(targets: Sequence[Arguments]) -> bool:
    return {one["period"] for one in targets} >= set(PERIODS)


@moment("pays", "share", {"period": PERIODS}, needed=("period",), whole=_all_periods)
def pay_period_share(views: Views, period: str) -> pl.Expr:
    """Return the share of wage earners who are paid in a period."""
    import polars as pl

    weeks, gap = pl.col("whole_weeks"), pl.col("longest")
    which = {
        "weekly": weeks & (gap <= 7),
        "biweekly": weeks & (gap > 7) & (gap <= 14),
        "semimonthly": (gap <= 20) & ~(weeks & (gap <= 14)),
        "monthly": gap > 20,
    }
    return (which[period] & gap.is_not_null()).sum() / gap.is_not_null().sum()


@moment("deposits", MONEY)
def deposit_mean(views: Views) -> pl.Expr:
    """Return the mean amount of a direct deposit: wages, pensions, benefits."""
    import polars as pl

    return pl.col("amount").mean()


@moment("deposits", "count/month")
def deposits_per_month(views: Views) -> pl.Expr:
    """Return the number of direct deposits that a person receives in a month."""
    import polars as pl

    return pl.len() / (views.number_of_persons * views.months)


# -- computing --------------------------------------------------------------------------------------------------


def compute(views: Views, targets: Iterable[tuple[str, Arguments]]) -> Float:
    """Return the moments of a run, (n,) float64; NaN where nothing happened to measure one by.

    Args:
        views: the run.
        targets: name and arguments of each moment.

    Raises:
        MomentError: a moment is unknown, or called with an argument that it does not have.
    """
    import numpy as np
    import polars as pl

    asked = [(find(name, "moments"), arguments) for name, arguments in targets]
    out = np.full(len(asked), np.nan)
    by_view: dict[str, list[int]] = defaultdict(list)
    for place, (one, _) in enumerate(asked):
        by_view[one.view].append(place)
    plans = [
        getattr(views, view).select(_expression(*asked[place], views).alias(str(place)) for place in places)
        for view, places in by_view.items()
    ]
    for frame in pl.collect_all(plans):
        for name, value in frame.row(0, named=True).items():
            # Threads add floats in any order: the last digits are dropped, so that a run has one result.
            out[int(name)] = np.nan if value is None else float(f"{value:.12g}")
    return out


def _expression(one: Moment, arguments: Arguments, views: Views) -> pl.Expr:
    import polars as pl

    expression: pl.Expr = one.function(views, **one.check(arguments, "moments")).cast(pl.Float64)
    return expression
