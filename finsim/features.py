"""Running features: what a control is told about a request besides its own columns, declared once.

Names, units and meanings stand here; `finsim.feature_kernels` computes them, in the economy and in
`finsim.training_frame` alike, and `docs/models.md` shows the table that `table()` makes. Each is a float32; nan
means that it does not apply (no device on the row) or that there is nothing to count from yet.

Counts and sums decay: an attempt counts 1 at its time and exp(-t / window) a time t later, so that a counter holds
about what happened within the window and takes four bytes. Own features cover the customer's attempts before the
row, in order of time, with their decisions. Shared ones are those of the customer's institution, as they stood when
the tick began. Releases of held payments and what a bank books by itself are no attempts and count nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

WINDOWS: Final = {"hour": 3600.0, "day": 86_400.0, "week": 604_800.0, "month": 2_592_000.0}
"""Time constants of decayed counters, seconds."""


@dataclass(frozen=True)
class Feature:
    """One running feature.

    Attributes:
        name: name of its column.
        unit: unit of the value, empty for a pure number.
        doc: meaning, one line.
        counter: whose it is: `row`, `customer`, `card`, or the thing that a shared counter is kept for.
    """

    name: str
    unit: str
    doc: str
    counter: str


def _windows(name: str, unit: str, doc: str, counter: str = "customer") -> list[Feature]:
    return [Feature(f"{name}_{window}", unit, f"{doc}, decayed over a {window}", counter) for window in WINDOWS]


FEATURES: Final[tuple[Feature, ...]] = (
    Feature("amount", "currency", "amount of the request", "row"),
    Feature("hour", "h", "time of day, with its fraction", "row"),
    Feature("weekday", "", "day of the week, Monday 0", "row"),
    *_windows("attempts", "count", "attempts"),
    *_windows("approved", "count", "approved attempts"),
    *_windows("declined", "count", "declined attempts"),
    *_windows("approved_amount", "currency", "sum of approved attempts"),
    Feature("amount_mean", "currency", "running mean of approved amounts, the last 64 or so", "customer"),
    Feature("amount_deviation", "currency", "running standard deviation of approved amounts", "customer"),
    Feature("amount_ratio", "", "amount over the running mean", "customer"),
    Feature("night_share", "share", "running share of attempts between 0:00 and 6:00", "customer"),
    Feature("remote_share", "share", "running share of attempts made at no till, machine or branch", "customer"),
    Feature("distinct_merchants", "count", "merchants tried today and yesterday, by a sketch of 64 bits", "customer"),
    Feature("seconds_since_last", "s", "time since the last attempt", "customer"),
    Feature("seconds_since_purchase", "s", "time since the last attempt to purchase", "customer"),
    Feature("seconds_since_online", "s", "time since the last row that shows a login: app, site or phone", "customer"),
    Feature("seconds_since_declined", "s", "time since the last declined attempt", "customer"),
    Feature("new_merchant", "0 or 1", "merchant is not among the last 64 that were paid", "customer"),
    Feature("new_payee", "0 or 1", "account is not among the last 12 paid that belong to no merchant", "customer"),
    Feature("new_device", "0 or 1", "device is not among the last 6 used in approved attempts", "customer"),
    Feature("new_country", "0 or 1", "no approved attempt in this country before", "customer"),
    Feature("new_category", "0 or 1", "no approved attempt in this MCC before, by a sketch of 64 bits", "customer"),
    Feature("km_from_last", "km", "distance to the last card-present row", "customer"),
    Feature("kmh_from_last", "km/h", "that distance over the time since", "customer"),
    Feature("km_from_home", "km", "distance to the running centre of card-present rows; starts at home", "customer"),
    Feature("account_age", "day", "time since the customer came to the institution", "date"),
    Feature("card_age", "day", "time since the card was issued", "date"),
    Feature("card_attempts_hour", "count", "attempts with this card, decayed over an hour", "card"),
    Feature("card_attempts_day", "count", "attempts with this card, decayed over a day", "card"),
    Feature("card_declined_day", "count", "declined attempts with this card, decayed over a day", "card"),
    Feature("card_amount_day", "currency", "sum of approved attempts with this card, decayed over a day", "card"),
    Feature("seconds_since_card", "s", "time since the last attempt with this card", "card"),
    Feature("merchant_attempts_hour", "count", "attempts at the merchant, decayed over an hour", "merchant"),
    Feature("merchant_attempts_day", "count", "attempts at the merchant, decayed over a day", "merchant"),
    Feature("merchant_declined_share", "share", "share of them that was declined, decayed over a day", "merchant"),
    Feature("merchant_amount_ratio", "", "amount over the mean attempt there, decayed over a week", "merchant"),
    Feature("merchant_age", "day", "time since the first attempt at the merchant", "merchant"),
    Feature("terminal_attempts_hour", "count", "attempts at the terminal, decayed over an hour", "terminal"),
    Feature("terminal_declined_share", "share", "share of them that was declined, decayed over a day", "terminal"),
    Feature("device_attempts_day", "count", "attempts from the device by anybody, decayed over a day", "device"),
    Feature("device_declined_share", "share", "share of them that was declined, decayed over a week", "device"),
    Feature("device_age", "day", "time since the first attempt from the device", "device"),
    Feature("ip_attempts_hour", "count", "attempts from the IP address, decayed over an hour", "ip"),
    Feature("ip_attempts_day", "count", "attempts from the IP address, decayed over a day", "ip"),
    Feature("ip_declined_share", "share", "share of them that was declined, decayed over a day", "ip"),
    Feature("payee_attempts_day", "count", "attempts to pay the account (no merchant's), decayed over a day", "payee"),
    Feature("payee_attempts_week", "count", "attempts to pay the account, decayed over a week", "payee"),
    Feature("payee_amount_day", "currency", "approved payments to the account, decayed over a day", "payee"),
    Feature("payee_declined_share", "share", "share of them that was declined, decayed over a week", "payee"),
    Feature("payee_age", "day", "time since the first attempt to pay the account", "payee"),
    Feature("credited_amount_day", "currency", "money that came in, decayed over a day", "payer account"),
    Feature("credited_amount_week", "currency", "money that came in, decayed over a week", "payer account"),
    Feature("seconds_since_credited", "s", "time since money came in", "payer account"),
    Feature("passed_on", "", "amount over what came in, decayed over a day", "payer account"),
)  # fmt: skip
"""Every running feature, in the order of the columns that kernels write."""

NAMES: Final[tuple[str, ...]] = tuple(feature.name for feature in FEATURES)
AT: Final[dict[str, int]] = {name: position for position, name in enumerate(NAMES)}
"""Column of each feature."""

CODES: Final = ("rail", "kind", "channel", "entry_mode", "authentication", "country")
"""Observable columns that a matrix holds as the positions of their values, nan for null."""

NUMBERS: Final = ("mcc", "latitude", "longitude")
"""Observable columns that a matrix holds as they are, nan for null."""

INPUTS: Final[tuple[str, ...]] = (*NAMES, *CODES, *NUMBERS)
"""Every name that a fitted model may ask for; `training_frame` has a column of each."""

WHOSE: Final = {
    "row": "the row itself",
    "date": "a date that the institution knows",
    "customer": "the customer, up to the row",
    "card": "the card, up to the row",
    "merchant": "the merchant, at the customer's institution when the tick began",
    "terminal": "the terminal, at the customer's institution when the tick began",
    "device": "the device, at the customer's institution when the tick began",
    "ip": "the IP address, at the customer's institution when the tick began",
    "payee": "the paid account, at the customer's institution when the tick began",
    "payer account": "the paying account, when the tick began",
}
"""Whose counter each value of `Feature.counter` means."""


def table() -> str:
    """Return the features as a Markdown table, for the documentation."""
    lines = ["| feature | type | unit | meaning | whose |", "| --- | --- | --- | --- | --- |"]
    lines += [f"| `{f.name}` | float32 | {f.unit} | {f.doc} | {WHOSE[f.counter]} |" for f in FEATURES]
    return "\n".join(lines)
