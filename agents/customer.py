"""Customers: people and small firms with accounts, cards, habits and a memory of places.

A customer is a row; its state is the columns declared here, once, on the view class. Fields that only
describe the person never change within a day; the rest is what plan and ledger remember.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from finsim.ledger import CHECKING, SLOTS
from finsim.population import Column, ColumnAgent, Derived

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEGMENTS = ("employed", "student", "unemployed", "retired", "business")
EMPLOYED, STUDENT, UNEMPLOYED, RETIRED, BUSINESS = range(5)
REGIONS = ("northeast", "midwest", "south", "west")
INCOME_BANDS = ("0-25000", "25000-50000", "50000-75000", "75000-100000", "100000-inf")
IDENTITIES = ("genuine", "reserve", "stolen", "synthetic")
GENUINE, RESERVE, STOLEN, SYNTHETIC = range(4)
WEEKLY, BIWEEKLY, SEMIMONTHLY, MONTHLY, PENSION, NO_PAY = range(6)
COMFORTABLE, TIGHT, DRY = range(3)
COMPLICIT, UNWITTING, JOB, FRONT = range(4)


def _balance(population: Any, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    accounts = population.model.ledger.accounts
    return np.asarray(accounts["balance"][rows * SLOTS + CHECKING] / 100.0)


def _set_balance(population: Any, rows: NDArray[np.int64], values: NDArray[np.float64]) -> None:
    population.model.set_balances(rows, np.round(np.asarray(values, dtype=float) * 100).astype(np.int64))


def _age(population: Any, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(population.model.year - population.data["birth_year"][rows].astype(np.int64))


class Customer(ColumnAgent):
    """A customer of one of the simulated institutions: a person or a small firm."""

    # who
    birth_year = Column("i2", unit="year", doc="year of birth; year of foundation for a business")
    sex = Column("u1", doc="0 female, 1 male, 2 business")
    segment_code = Column("u1", doc="position in SEGMENTS")
    area = Column("i4", doc="row of the home area")
    income_band_code = Column("u1", doc="position in INCOME_BANDS")
    institution = Column("u1", doc="row of the issuer")
    employer = Column("i4", doc="employer row; -1 for none", default=-1)
    since_day = Column("i4", unit="day", doc="day the relation with the bank began, days since 1970")
    tombstone = Column("u1", doc="1 when removed from the economy")
    promoted = Column("u1", doc="1 when a user's class takes the decisions")
    mule_ring = Column("i2", doc="ring that the customer works for as a mule; -1 for none", default=-1)
    mule_until = Column("i4", unit="day", doc="day on which that ends")
    mule_since = Column("i4", unit="day", doc="day of the recruitment")
    mule_kind = Column("u1", doc="COMPLICIT, UNWITTING, JOB (believes that it is one) or FRONT (a firm)")
    mule_jobs = Column("u2", doc="payments moved as a mule since the recruitment")
    reserved = Column("u1", doc="position in IDENTITIES; above 0 only a ring brings it to life, nobody plans to pay it")
    dwelling = Column("i4", doc="customer row that the home's IP address belongs to: one's own, or a housemate's")
    susceptibility = Column("f4", doc="how easily deceived, mean 1; hidden")
    # income
    income_cents = Column("i8", unit="cent/month", doc="net income of a month; hidden")
    pay_cents = Column("i8", unit="cent", doc="one pay")
    pay_schedule = Column("u1", doc="WEEKLY ... NO_PAY")
    pay_anchor = Column("u1", doc="week parity (biweekly) or week of the month (pension)")
    last_pay_day = Column("i4", unit="day", doc="last planned pay day")
    savings_cents = Column("i8", unit="cent", doc="standing order to savings at each pay")
    # habits
    activity = Column("f4", unit="trips/day", doc="mean number of shopping trips a day")
    scale = Column("f4", unit="ln", doc="own shift of the log of amounts")
    cash_tilt = Column("f4", doc="own factor of the weight of cash")
    credit_tilt = Column("f4", doc="own factor of the weight of the credit card")
    remote_tilt = Column("f4", doc="own factor of the odds of buying remotely")
    transfer_rate = Column("f4", unit="1/day", doc="mean transfers to people a day")
    daily_cents = Column("i8", unit="cent/day", doc="planned spending a day")
    business_out = Column("i8", unit="cent/month", doc="a firm's payments to suppliers")
    firm_scale = Column("f4", doc="how many times as many invoices a firm pays as the smallest")
    # what they hold
    accounts = Column("u1", doc="bits of the existing account slots")
    cards = Column("u1", doc="bits of the existing cards: 1 debit, 4 credit")
    transactor = Column("u1", doc="1: pays the card statement in full")
    statement_day = Column("u1", unit="day of month", doc="day of the card statement")
    statement_cents = Column("i8", unit="cent", doc="balance owed on the last statement")
    unpaid_cents = Column("i8", unit="cent", doc="part of it not yet paid")
    debit_ordinal = Column("u1", doc="reissues of the debit card so far")
    defaulting = Column("u1", doc="1: pays back nothing any more")
    default_day = Column("i4", unit="day", doc="day on which a genuine customer stops paying back")
    credit_ordinal = Column("u1", doc="reissues of the credit card so far")
    debit_blocked = Column("u1", doc="1: no usable debit card at present")
    credit_blocked = Column("u1", doc="1: no usable credit card at present")
    lost_card = Column("u1", doc="bit, as in cards, of what the owner has lost and the bank not replaced")
    lost_at = Column("i8", unit="us", doc="when it was lost")
    frozen = Column("u1", doc="1: the bank froze the accounts")
    cash_cents = Column("i8", unit="cent", doc="cash on hand")
    cash_planned = Column("i8", unit="cent", doc="cash on hand if every planned withdrawal worked")
    device = Column("u1", doc="ordinal of the main device")
    devices_known = Column("u4", doc="bits of the devices seen by the bank")
    errand_day = Column("i4", unit="day", doc="day on which a payment follows a new device, SIM or password at once")
    errand_minute = Column("i2", unit="minute", doc="minute of that day at which it does")
    errand_device = Column("u1", doc="1: from a device taken into use that day")
    home_ip = Column("u1", doc="ordinal of the home's IP address")
    # journeys (part of the plan)
    away_until = Column("i4", unit="day", doc="first day at home again")
    away_area = Column("i4", doc="area of the journey")
    # what the bank counts about the owner, in coarse buckets
    last_timestamp = Column("i8", unit="us", doc="time of the last request")
    hour = Column("i4", unit="h", doc="hour of the counters below, hours since 1970")
    attempts_now = Column("u2", doc="card attempts in this hour")
    attempts_before = Column("u2", doc="card attempts in the hour before")
    declines_now = Column("u2", doc="declined card attempts in this hour")
    declines_before = Column("u2", doc="declined card attempts in the hour before")
    day = Column("i4", unit="day", doc="day of the counters below")
    withdrawn_cents = Column("i8", unit="cent", doc="cash withdrawn today")
    spent_cents = Column("i8", unit="cent", doc="debit card purchases today")
    sent_cents = Column("i8", unit="cent", doc="transfers to others today")
    sent_new_cents = Column("i8", unit="cent", doc="transfers today to payees not paid before")
    retries = Column("u2", doc="second attempts today")
    refunds = Column("u2", doc="purchases of today that will be refunded")
    fee_charged = Column("u1", doc="1: overdraft fee charged today")
    band = Column("u1", doc="COMFORTABLE, TIGHT or DRY")
    countries = Column("u4", doc="bits of the countries paid in")
    stops = Column("u1", doc="times that a rule stopped a genuine payment lately")
    leaving = Column("u1", doc="1: has had enough of the bank")
    payee_cursor = Column("u1", doc="next place in the memory of payees")

    balance = Derived(_balance, _set_balance, unit="currency", doc="booked balance of the checking account")
    income = Derived(
        lambda p, r: p.data["income_cents"][r] / 100.0,
        lambda p, r, v: p.data["income_cents"].__setitem__(r, np.round(np.asarray(v) * 100).astype(np.int64)),
        unit="currency/month",
        doc="net income of a month",
    )
    age = Derived(_age, unit="year", doc="age in the year of the run's current day")
    segment = Derived(lambda p, r: np.array(SEGMENTS)[p.data["segment_code"][r]], doc="employed ... business")
    region = Derived(
        lambda p, r: np.array(REGIONS)[p.model.world.areas["region"][p.data["area"][r]]], doc="region of the home"
    )
    income_band = Derived(
        lambda p, r: np.array(INCOME_BANDS)[p.data["income_band_code"][r]], doc="band of yearly net income"
    )

    def submit(self, payee: Any, amount: float, **details: Any) -> int:
        """Ask the bank for a payment at the current tick and return its transaction id.

        Args:
            payee: a customer, a merchant, or an account row.
            amount: currency units.
            details: see `finsim.economy.Economy.submit`.
        """
        return int(self.model.submit(payer=self, payee=payee, amount=amount, **details))

    def observe(self, outcomes: NDArray[np.void]) -> None:
        """Take note of outcomes, (n,) TRANSACTION; a promoted customer overrides this."""
