"""What must hold between parameters; bounds of single values stand where each is declared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from finsim.control_registry import known_controls
from finsim.errors import did_you_mean
from finsim.parameters.banks import changeable_rules
from finsim.parameters.fields import parse_source
from finsim.parameters.mobile_money import USES
from finsim.parameters.numbering import CampaignNumbers

if TYPE_CHECKING:
    from finsim.parameters import Parameters

LAST_DAY = dt.date(2043, 12, 31)
"""Transaction ids count days up to here."""
MOST_MERCHANTS = 1_000_000
"""Exported ids of merchants have room for so many."""
MOST_CATEGORIES = 200
MOST_INSTITUTIONS = 100
NEEDED_CATEGORIES = ("digital_goods",)
"""Categories that other behaviour refers to by name: subscriptions are paid there."""


class Inconsistent(ValueError):  # noqa: N818  (a pydantic validator reports it)
    """Parameters contradict each other.

    Attributes:
        key: dotted key to blame.
    """

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(reason)
        self.key = key


Problem = tuple[str, str]
"""Dotted key and what is wrong, to be read after the key."""


def check_consistency(parameters: Parameters) -> None:
    """Refuse parameters that contradict each other.

    Raises:
        Inconsistent: the first contradiction.
    """
    for check in CHECKS:
        for key, reason in check(parameters):
            raise Inconsistent(key, reason)


def _dates(p: Parameters) -> Iterator[Problem]:
    run = p.run
    if 1440 % run.tick_minutes:
        yield "run.tick_minutes", f"is {run.tick_minutes}, but must divide a day of 1440 minutes"
    if run.start + dt.timedelta(days=run.days) > LAST_DAY:
        yield "run.days", f"is {run.days}, but the run must end by {LAST_DAY}"
    for i, breach in enumerate(p.market.breaches):
        if breach.day >= run.days:
            yield f"market.breaches.{i}.day", f"is {breach.day}, but the run has only {run.days} days (run.days)"


def _profiles(p: Parameters) -> Iterator[Problem]:
    for name, length in (("month_factors", 12), ("weekday_factors", 7), ("hour_factors", 24)):
        values = getattr(p.market, name)
        if len(values) != length:
            yield f"market.{name}", f"has {len(values)} values, but must have {length}"
        elif min(values) < 0 or sum(values) <= 0:
            yield f"market.{name}", "must hold values of 0 or more, not all of them 0"


def _wallets(p: Parameters) -> Iterator[Problem]:
    """Profiles of mobile money."""
    mobile, key = p.behaviour.mobile_money, "behaviour.mobile_money"
    factors = {"month_day_factors": (mobile.month_day_factors, 31), "weekday_factors": (mobile.weekday_factors, 7)}
    factors |= {f"{use}.hour_factors": (getattr(mobile, use).hour_factors, 24) for use in USES}
    for name, (values, length) in factors.items():
        if len(values) != length:
            yield f"{key}.{name}", f"has {len(values)} values, but must have {length}"
        elif min(values) < 0 or sum(values) <= 0:
            yield f"{key}.{name}", "must hold values of 0 or more, not all of them 0"
    for name in USES:
        use = getattr(mobile, name)
        for field in ("hours_of_run", "amounts_of_run", "sigmas_of_run"):
            values = getattr(use, field)
            if len(values) % 24:
                yield f"{key}.{name}.{field}", f"has {len(values)} values, but must have 24 for each day of the run"
            elif values and (min(values) < 0 or (field == "hours_of_run" and sum(values) <= 0)):
                yield f"{key}.{name}.{field}", "must hold values of 0 or more, of hours_of_run not all of them 0"
    if mobile.active_share > 0 and round(p.population.customers * p.behaviour.wallet_agents_per_1000_customers / 1000) < 1:
        reason = "makes no agent, but mobile money (behaviour.mobile_money.active_share) needs one"
        yield "behaviour.wallet_agents_per_1000_customers", reason


def _categories(p: Parameters) -> Iterator[Problem]:
    categories = p.behaviour.categories
    if not 1 <= len(categories) <= MOST_CATEGORIES:
        yield "behaviour.categories", f"has {len(categories)} entries, but must have 1 to {MOST_CATEGORIES}"
    for name in NEEDED_CATEGORIES:
        if name not in categories:
            yield "behaviour.categories", f"must contain {name!r}"
    total = sum(c.share for c in categories.values())
    if not 0 < total <= 1 + 1e-9:
        yield "behaviour.categories", f"has shares that add up to {total:.4g}, but they are shares of all payments"
    for name, c in categories.items():
        means = c.cash + c.debit_card + c.credit_card + c.check + c.bank
        if not 0 < means <= 1 + 1e-9:
            reason = (
                f"has shares of means of payment that add up to {means:.4g}, but they must be above 0 and at most 1"
            )
            yield f"behaviour.categories.{name}", reason
        if c.payee and c.payee not in p.behaviour.payees:
            yield f"behaviour.categories.{name}.payee", f"= {c.payee!r} is no entry of behaviour.payees"
        try:
            parse_source(c.sources)
        except ValueError as error:
            yield f"behaviour.categories.{name}.sources", f"= {c.sources!r} is not allowed: {error}"


def _shares(p: Parameters) -> Iterator[Problem]:
    """Shares of one whole."""
    b, w = p.behaviour, p.population
    wholes = {
        "behaviour.contactless_share": (b.mobile_wallet_share, b.contactless_share, b.magstripe_share, b.keyed_share),
        "behaviour.mortgage_share": (b.rent_share, b.mortgage_share),
        "banks.challenge_abandon": (p.banks.challenge_pass_owner, p.banks.challenge_abandon),
        "fraud.reporting.late_share": (
            p.fraud.reporting.never_noticed,
            p.fraud.reporting.same_day,
            p.fraud.reporting.late_share,
        ),
    }
    for key, parts in wholes.items():
        if sum(parts) > 1 + 1e-9:
            yield key, f"makes shares of one whole add up to {sum(parts):.4g}, but they must not pass 1"
    if w.pay_weekly + w.pay_biweekly + w.pay_semimonthly + w.pay_monthly <= 0:
        yield "population.pay_weekly", "is 0 as all other pay schedules are, but one must be above 0"


def _sizes(p: Parameters) -> Iterator[Problem]:
    """Widths of ids and of columns."""
    banks = p.banks.institutions
    if not 1 <= len(banks) <= MOST_INSTITUTIONS:
        yield "banks.institutions", f"has {len(banks)} entries, but must have 1 to {MOST_INSTITUTIONS}"
    if sum(bank.share for bank in banks) <= 0:
        yield "banks.institutions", "must have a share above 0"
    merchants = p.population.customers * p.population.merchants_per_1000_customers / 1000
    if merchants > MOST_MERCHANTS:
        reason = f"with population.customers makes {merchants:.0f} merchants, but ids have room for {MOST_MERCHANTS}"
        yield "population.merchants_per_1000_customers", reason


def _models(p: Parameters) -> Iterator[Problem]:
    """Files of fitted models."""
    entries = {"banks.model": p.banks.model}
    entries |= {f"banks.institutions.{row}.model": bank.model for row, bank in enumerate(p.banks.institutions)}
    for key, entry in entries.items():
        if entry is not None and not Path(entry.path).is_file():
            yield f"{key}.path", f"= {entry.path!r}, but there is no such file"


def _campaigns(p: Parameters) -> Iterator[Problem]:
    """Widths of campaigns' numbers."""
    fraud, days = p.fraud, p.run.warm_up_days + p.run.days
    numbers = CampaignNumbers(p.population.customers, fraud.rings, days)
    rings = int(fraud.rings * fraud.intensity + 0.5)
    if rings > numbers.ring_rows - 1:
        most = (numbers.ring_rows - 1) / fraud.rings
        reason = (
            f"is {fraud.intensity:g} and makes {rings} rings, but with population.customers, fraud.rings and run.days "
            f"as they are, campaigns can be numbered for {numbers.ring_rows - 1}: at most {most:.4g}"
        )
        yield "fraud.intensity", reason


def _rule_changes(p: Parameters) -> Iterator[Problem]:
    """Dated changes of rules name a rule, an institution and an allowed value."""
    banks = p.banks
    for i, change in enumerate(banks.rule_changes):
        key, allowed = f"banks.rule_changes.{i}", changeable_rules()
        if change.rule not in allowed:
            yield f"{key}.rule", f"= {change.rule!r} is no rule{did_you_mean(change.rule, allowed)}"
            continue
        if change.institution >= len(banks.institutions):
            number = len(banks.institutions)
            yield f"{key}.institution", f"is {change.institution}, but there are only {number} (banks.institutions)"
        if change.day >= p.run.days:
            yield f"{key}.day", f"is {change.day}, but the run has only {p.run.days} days (run.days)"
        low, high, whole = allowed[change.rule]
        if not low <= change.value <= high:
            yield f"{key}.value", f"is {change.value:g}, but {change.rule} must be between {low:g} and {high:g}"
        elif whole and change.value != int(change.value):
            yield f"{key}.value", f"is {change.value:g}, but {change.rule} must be a whole number"
    for i, name in enumerate(banks.controls):
        if name not in known_controls():
            reason = f"= {name!r} is not installed (entry points finsim.controls){did_you_mean(name, known_controls())}"
            yield f"banks.controls.{i}", reason
    if banks.shift_end <= banks.shift_begin:
        yield "banks.shift_end", f"is {banks.shift_end}, but must be after banks.shift_begin ({banks.shift_begin})"


CHECKS: tuple[Callable[[Parameters], Iterator[Problem]], ...] = (
    _dates,
    _profiles,
    _wallets,
    _categories,
    _shares,
    _sizes,
    _campaigns,
    _rule_changes,
    _models,
)
"""Every check, in order."""
