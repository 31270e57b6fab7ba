"""The plan of a day for wallets in mobile money: cash in and out, to the bank, to merchants, from person to person.

As in `finsim.agents.plan` everything is a pure function of the wallet's own traits and the day. What goes out has
mostly come in shortly before: the same draws tell, a day ahead, what money will be needed, and it arrives then.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from finsim import payments as pay
from finsim.agents import slots as s
from finsim.agents.plan import LATEST, choose_merchant
from finsim.agents.plan_sources import P_WALLET
from finsim.agents.slots import begin, draw, round_amount
from finsim.clock import HOUR, MINUTE
from finsim.compile import inline, kernel
from finsim.ids import pack_merchant
from finsim.rng import Purpose, normal, pick, poisson

WALLET = int(Purpose.WALLET)
CASH_IN, CASH_OUT, DEBIT, PAYMENT, TRANSFER = range(5)
USES = 5
MOST = 200
"""Payments of one use that a wallet makes on a day at most."""
ROOM = USES * (MOST + 8)
"""Rows that one wallet's day may need at most."""
PER_USE = 1024
"""Ordinals of one use in ids; money that arrives for it has PER_USE more."""
FIRST_PLACE = 1000
"""Numbers of merchants' choices, apart from those of shopping trips."""
COMES_BACK = 0.06
"""Deposits that people make in two parts within minutes (assumption: miscounted, a second thought)."""
SPARE = 1.1
"""What arrives against what goes out (assumption: people keep something for small payments and fees)."""
LUMP, LUMPED = 4.0, 0.3
"""Small payments to merchants are financed several at a time: by so many times the amount, for that share of them."""
WHOLE = 0.93
"""Amounts in whole units, as between persons elsewhere (assumption)."""
CASH, GOVERNMENT = 0, 1


class Wallets(NamedTuple):
    """The wallets in use and where their holders find an agent.

    Attributes:
        rows: (A,) int64 customer rows.
        rates: (A, 5) float64 payments a day of each use.
        scales: (A, 5) float64 shift of the log of amounts of each use.
        agents: (W,) int64 merchant rows of agents, sorted by area.
        first: (homes + 1,) int64 first agent of each area.
        settings: (3,) float64: share of payments that are financed; of that, paid by employers and the state; cents
            above which all are financed.
    """

    rows: Any
    rates: Any
    scales: Any
    agents: Any
    first: Any
    settings: Any


class DayOfWallets(NamedTuple):
    """What a day is like for wallets.

    Attributes:
        factor: (5,) float64 activity by use.
        hours: (5, 24) float64 cumulative weights of the hours.
        log_mean: (5, 24) float64 mean of the log of the amount in cents.
        sigma: (5, 24) float64 its spread within one wallet.
    """

    factor: Any
    hours: Any
    log_mean: Any
    sigma: Any


@inline
def many(u, rate):  # type: ignore[no-untyped-def]
    """Return a Poisson variate of one uniform, by the normal law where the rate is large."""
    if rate < 40.0:
        return min(poisson(u, rate), MOST)
    return min(max(np.int64(rate + np.sqrt(rate) * normal(u) + 0.5), 0), MOST)


@inline
def at_agent(t, c, u, places, agents, first):  # type: ignore[no-untyped-def]
    """Fill in an agent's till: one of the home area, or anywhere where there is none."""
    here, end = first[c.area], first[c.area + 1]
    agent = np.int64(agents[here + np.int64(u * (end - here))] if end > here else agents[np.int64(u * agents.shape[0])])
    t.merchant = agent
    t.mcc = places.merchants[agent].mcc
    t.terminal = pack_merchant(agent, 0)
    t.country = 0
    t.place = -1


@inline
def by_phone(t, o, c, day, u, v, w, places):  # type: ignore[no-untyped-def]
    """Fill in the holder's telephone, where it is and how the holder proves to be it."""
    here = np.int64(c.away_area) if c.away_until > day else np.int64(c.area)
    s.at_home_online(t, c, o, places, here, u, v)
    t.authentication = pay.BIOMETRIC if w < 0.6 else pay.NO_AUTHENTICATION
    if w > 0.93:
        t.authentication = pay.ONE_TIME_CODE


@inline
def payee_of(o, day, u, v, w, new_payee, people, books):  # type: ignore[no-untyped-def]
    """Return the account to which a person sends money: a contact's wallet, a stranger's, or another operator's."""
    contacts = people.contacts
    payee = np.int64(contacts[o, min(np.int64(u * u * contacts.shape[1]), contacts.shape[1] - 1)])
    if v < new_payee:
        payee = np.int64(w * people.customers.shape[0]) * 4
    if payee < books.merchant_base[0]:
        other = payee // 4
        if other == o or s.is_absent(people.customers[other], day) or not people.customers[other].accounts & 8:
            return people.suppliers[0] + payee % people.suppliers[1]
        return other * 4 + 3
    return payee


@inline
def pay_merchant(out, n, o, c, day, time, cents, j, u, v, w, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan a payment to a merchant, at the till or remotely; return the rows written so far."""
    a, b, d, e = draw(books.keys, WALLET, o, PAYMENT, day, PER_USE + j)
    category = pick(habits.category_by_hour[time // HOUR], a)
    k = habits.categories[category]
    odds = (1.0 - k.in_person) / max(k.in_person, 1e-6) * habits.behaviour[0].remote_factor
    remote = b * (1.0 + odds) < odds
    number = FIRST_PLACE + j
    merchant, is_new = choose_merchant(
        c, o, day, number, category, remote, np.int64(c.area), places, habits, people, books.keys
    )
    if merchant < 0 or places.merchants[merchant].country != 0:
        merchant = s.any_merchant(places, habits.categories.shape[0], np.int64(c.area), category, d)
        is_new, remote = True, False
        if merchant < 0:
            return n
    t = out[n]
    payee = books.merchant_base[0] + merchant
    begin(t, o, day, time, cents, pay.PURCHASE, pay.WALLET, pay.APP if remote else pay.POS, P_WALLET,
          PAYMENT * 2 * PER_USE + j, o * 4 + 3, payee, books.id_key[0])  # fmt: skip
    t.flags = pay.NO_RETRY
    if is_new:
        t.flags |= pay.NEW_PAYEE
    t.merchant = merchant
    t.mcc = places.merchants[merchant].mcc
    t.category = category
    t.terminal = s.terminal_of(places.merchants, merchant, e)
    if remote:
        by_phone(t, o, c, day, u, v, w, places)
    else:
        t.country = 0
        t.place = -1
        t.authentication = pay.PIN
    return n + 1


@inline
def deposit(out, n, o, c, day, time, cents, j, u, v, places, wallets, books):  # type: ignore[no-untyped-def]
    """Plan cash in at an agent, sometimes in two visits; return the rows written so far."""
    begin(out[n], o, day, time, cents, pay.DEPOSIT, pay.WALLET, pay.POS, P_WALLET, CASH_IN * 2 * PER_USE + 2 * j,
          books.named[CASH], o * 4 + 3, books.id_key[0])  # fmt: skip
    out[n].flags = pay.FORCED
    at_agent(out[n], c, u, places, wallets.agents, wallets.first)
    n += 1
    if v < COMES_BACK:
        a, _, _, _ = draw(books.keys, WALLET, o, CASH_IN, day, PER_USE + j)
        gap = np.int64((1.0 + 12.0 * a) * MINUTE)
        again = time + gap if (time + gap) // HOUR == time // HOUR else time - gap  # within the hour
        part = round_amount(np.int64(cents * (0.4 + 1.2 * a)), a, a, WHOLE)
        begin(out[n], o, day, again, part, pay.DEPOSIT, pay.WALLET, pay.POS, P_WALLET,
              CASH_IN * 2 * PER_USE + 2 * j + 1, books.named[CASH], o * 4 + 3, books.id_key[0])  # fmt: skip
        out[n].flags = pay.FORCED
        at_agent(out[n], c, u, places, wallets.agents, wallets.first)
        n += 1
    return n


@inline
def arrive(t, o, day, use, j, cents, disbursed, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan money that arrives on a day for what goes out on the next, from a payer of wages or benefits or a person."""
    a, b, d, e = draw(books.keys, WALLET, o, use, day, 2 * PER_USE + j)
    amount = (np.int64(cents * SPARE) // 100 + 1) * 100
    ordinal = (2 * use + 1) * PER_USE + j
    if a < disbursed:
        payer = books.named[GOVERNMENT]
        if b > 0.3:
            payer = np.int64(people.employers[np.int64(d * people.employers.shape[0])].account)
        time = np.int64((7.0 + 11.0 * e) * HOUR)
        begin(t, o, day, time, amount, pay.INCOME, pay.WALLET, pay.BATCH, P_WALLET, ordinal, payer, o * 4 + 3,
              books.id_key[0])  # fmt: skip
    else:
        payer = people.suppliers[0] + np.int64(b * people.suppliers[1])
        time = s.time_of_day(habits.remote_hours, d, e)
        begin(t, o, day, time, amount, pay.TRANSFER, pay.WALLET, pay.APP, P_WALLET, ordinal, payer, o * 4 + 3,
              books.id_key[0])  # fmt: skip
    t.flags = pay.FORCED


@inline
def send(t, o, c, day, use, j, time, cents, h, e, k, wallets, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan cash out at an agent, or a transfer to the bank or to a person."""
    payee = books.named[CASH]
    if use == TRANSFER:
        p, q, r, _ = draw(books.keys, WALLET, o, use, day, 3 * PER_USE + j)
        payee = payee_of(o, day, p, q, r, habits.behaviour[0].new_payee, people, books)
    elif use == DEBIT:
        payee = o * 4
    kind = pay.WITHDRAWAL if use == CASH_OUT else pay.TRANSFER
    channel = pay.POS if use == CASH_OUT else pay.APP
    begin(t, o, day, time, cents, kind, pay.WALLET, channel, P_WALLET, use * 2 * PER_USE + j, o * 4 + 3, payee,
          books.id_key[0])  # fmt: skip
    t.flags = pay.NO_RETRY
    if use == CASH_OUT:
        at_agent(t, c, h, places, wallets.agents, wallets.first)
        return
    by_phone(t, o, c, day, h, e, k, places)
    if use == DEBIT:
        t.flags |= pay.SAME_OWNER


@inline
def one(out, n, i, o, c, day, ahead, use, j, wallets, like, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan one payment of a wallet, or what arrives for it; return the rows written so far."""
    a, b, d, e = draw(books.keys, WALLET, o, use, day + ahead, 1 + 2 * j)
    f, g, h, k = draw(books.keys, WALLET, o, use, day + ahead, 2 + 2 * j)
    hour = pick(like.hours[use], a)
    cents = np.int64(
        np.exp(like.log_mean[use, hour] + wallets.scales[i, use] + like.sigma[use, hour] * normal(d)) + 0.5
    )
    cents = max(cents, 1)
    if use != PAYMENT and use != DEBIT:
        cents = round_amount(cents, e, f, WHOLE)
    if ahead:
        if g < wallets.settings[0] * (LUMPED if use == PAYMENT else 1.0) or cents > wallets.settings[2]:
            need = np.int64(cents * LUMP) if use == PAYMENT else cents
            arrive(out[n], o, day, use, j, need, wallets.settings[1], habits, people, books)
            return n + 1
        return n
    time = min(np.int64((hour + b) * 3.6e9), LATEST)
    if use == CASH_IN:
        return deposit(out, n, o, c, day, time, cents, j, h, k, places, wallets, books)
    if use == PAYMENT:
        return pay_merchant(out, n, o, c, day, time, cents, j, e, h, k, places, habits, people, books)
    send(out[n], o, c, day, use, j, time, cents, h, e, k, wallets, places, habits, people, books)
    return n + 1


@kernel
def plan_wallets(out, position, day, ahead, wallets, like, places, habits, people, books):  # type: ignore[no-untyped-def]
    """Plan what some wallets are used for on a day, or the money that arrives today for what goes out tomorrow.

    Args:
        out: (n,) TRANSACTION, overwritten from the start.
        position: position among the wallets to begin at.
        day: day number.
        ahead: 0: payments of this day; 1: money that arrives on this day for the payments of the next.
        wallets: Wallets.
        like: DayOfWallets of the day that is planned, the next one where ahead is 1.
        places, habits, people, books: see `finsim.agents.world`.

    Returns:
        (rows written, next position): the pass stops before a wallet for which there might be no room.
    """
    n = 0
    rows = wallets.rows
    for i in range(position, rows.shape[0]):
        if n + ROOM > out.shape[0]:
            return n, i
        o = rows[i]
        c = people.customers[o]
        if c.tombstone or c.since_day >= day or not c.accounts & 8 or c.reserved or c.promoted:
            continue
        for use in range(CASH_OUT if ahead else CASH_IN, USES):
            rate = wallets.rates[i, use] * like.factor[use]
            if rate > 0.0:
                u, _, _, _ = draw(books.keys, WALLET, o, use, day + ahead, 0)
                for j in range(many(u, rate)):
                    n = one(out, n, i, o, c, day, ahead, use, j, wallets, like, places, habits, people, books)
    return n, rows.shape[0]
