"""Authorisation: the compiled pass that decides on requests and books the payer's side.

Everything that a decision reads belongs to the payer's owner, or is a shared counter as it stood at the
start of the tick. Requests come in order of (time, id); owners are independent, so the pass may be cut
anywhere between owners. Order of the checks: is the means usable, were its details right, is there
money, do the institution's rules object, does a model object; a challenge or a hold comes last.
"""

from __future__ import annotations

import numpy as np

from finsim import payments as pay
from finsim.compile import inline, kernel, njit
from finsim.ids import FOLLOW_UP, NO_CODE, day_of, transaction_id
from finsim.requests import clear, draw
from finsim.rng import Purpose, philox, unit

LIQUIDITY, RETRY, REFUND = int(Purpose.LIQUIDITY), int(Purpose.RETRY), int(Purpose.REFUND)
CHALLENGE, CONTROL_GROUP = int(Purpose.CHALLENGE), int(Purpose.CONTROL_GROUP)

HOUR = 3_600_000_000
DAY = 86_400_000_000
F_RETRY, F_REFUND, F_FEE = 1, 2, 3
SMALL_TEST = 600  # cents; what a merchant-velocity rule counts as a small attempt (assumption)
KNOWS_LIMIT = 0.8  # card holders who know that a purchase would pass their limit (assumption)
COMFORTABLE, TIGHT, DRY = 0, 1, 2

# Numbers of the built-in controls; `alert` holds number + 1, and alerts name them.
CONTROLS = ("remote_new_merchant", "new_payee", "new_device", "geography", "velocity", "merchant_test", "model")
REMOTE_NEW_MERCHANT, NEW_PAYEE_RULE, NEW_DEVICE, GEOGRAPHY, VELOCITY, MERCHANT_TEST, MODEL = range(7)


@inline
def by_id(keys, purpose, transaction):  # type: ignore[no-untyped-def]
    """Return four uniforms that depend on a transaction's id alone."""
    a, b, c, d = philox(keys[purpose], transaction & np.uint64(0xFFFFFFFF), transaction >> np.uint64(32), 0, 0)
    return unit(a), unit(b), unit(c), unit(d)


@inline
def roll(c, timestamp):  # type: ignore[no-untyped-def]
    """Move the owner's coarse counters to the hour and day of a request."""
    hour = timestamp // HOUR
    if hour != c.hour:
        follows = hour == c.hour + 1
        c.attempts_before = c.attempts_now if follows else 0
        c.declines_before = c.declines_now if follows else 0
        c.attempts_now = 0
        c.declines_now = 0
        c.hour = hour
    day = timestamp // DAY
    if day != c.day:
        c.day = day
        c.withdrawn_cents = 0
        c.spent_cents = 0
        c.follow_ups = 0
        c.fee_charged = 0


@inline
def update_band(c, available, behaviour):  # type: ignore[no-untyped-def]
    """Move the customer between COMFORTABLE, TIGHT and DRY, with hysteresis."""
    tight = np.int64(behaviour.tight_days * c.daily_cents)
    dry = c.daily_cents // 2
    if c.band == COMFORTABLE:
        if available < tight:
            c.band = TIGHT
    elif c.band == TIGHT:
        if available > tight + tight // 2:
            c.band = COMFORTABLE
        elif available < dry:
            c.band = DRY
    elif available > 3 * dry:
        c.band = TIGHT


@inline
def switch_card(t, c, slot):  # type: ignore[no-untyped-def]
    """Make the request one by the owner's other card."""
    t.slot = slot
    t.payer = t.owner * 4 + slot
    t.card = NO_CODE


@inline
def own_card(t, c):  # type: ignore[no-untyped-def]
    """Put the owner's present card on the request; return False where the owner has none that works."""
    if t.slot == 2 and (not c.cards & 4 or c.credit_blocked):
        if not c.cards & 1 or c.debit_blocked or t.kind == pay.WITHDRAWAL:
            return False
        switch_card(t, c, 0)
    elif t.slot == 0 and (not c.cards & 1 or c.debit_blocked):
        if not c.cards & 4 or c.credit_blocked or t.kind == pay.WITHDRAWAL:
            return False
        switch_card(t, c, 2)
    ordinal = c.credit_ordinal if t.slot == 2 else c.debit_ordinal
    t.card = np.uint32((t.owner << 7) | (64 if t.slot == 2 else 0) | ordinal)
    return True


@inline
def card_works(t, c):  # type: ignore[no-untyped-def]
    """Return whether the card on the request is the owner's present one and not blocked."""
    if t.slot == 2:
        return t.card & 63 == c.credit_ordinal and not c.credit_blocked
    return t.card & 63 == c.debit_ordinal and not c.debit_blocked


@inline
def prepare(t, c, accounts, behaviour, keys, cash_log, counts):  # type: ignore[no-untyped-def]
    """Let the owner reconsider a planned request; return False if it is not made after all.

    Money short: skip it. Cash: pay it from the pocket, which no bank sees, or by card where the pocket is empty.
    """
    if t.flags & pay.DISCRETIONARY:
        available = accounts[t.owner * 4].balance + accounts[t.owner * 4].limit - accounts[t.owner * 4].reserved
        update_band(c, available, behaviour)
        if c.band != COMFORTABLE:
            u, v, _, _ = by_id(keys, LIQUIDITY, t.transaction_id)
            if u < (behaviour.dry_skip if c.band == DRY else behaviour.tight_skip) and (t.slot != 2 or v < 0.5):
                return False
    if t.rail == pay.CASH and t.kind == pay.PURCHASE:
        if c.cash_cents >= t.amount:
            c.cash_cents -= t.amount
            k = counts[2]
            if k < cash_log.shape[0]:
                cash_log[k] = t
                counts[2] = k + 1
            return False
        t.rail = pay.CARD
    if t.rail == pay.CARD and t.card == NO_CODE:
        if t.slot == 2 and t.flags & pay.DISCRETIONARY and c.cards & 1:
            # Most people know when their card is nearly used up.
            credit = accounts[t.payer]
            u, _, _, _ = by_id(keys, LIQUIDITY, t.transaction_id + np.uint64(1))
            if t.amount > credit.balance + credit.limit - credit.reserved and u < KNOWS_LIMIT:
                switch_card(t, c, 0)
        return own_card(t, c)
    if t.rail == pay.WALLET and t.slot == 3 and accounts[t.payer].balance < t.amount:
        t.rail = pay.INSTANT
        t.slot = 0
        t.payer = t.owner * 4
    return True


@inline
def repayment(t, c, accounts):  # type: ignore[no-untyped-def]
    """Set the amount of a card repayment: the whole statement, or what a revolver pays; False for nothing."""
    owed = min(c.unpaid_cents, max(-accounts[t.payee].balance, 0))
    if owed <= 0:
        return False
    amount = owed
    if not c.transactor:
        amount = min(max(2500, (c.statement_cents * 6) // 100), owed)
    a = accounts[t.payer]
    if amount > a.balance - a.reserved:
        amount = min(max(2500, (c.statement_cents * 2) // 100), owed)
    t.amount = amount
    return True


@inline
def book_interest(t, c, accounts, behaviour):  # type: ignore[no-untyped-def]
    """Set the amount of interest: on a card's statement for who still owes, on savings at the month's end."""
    if t.slot == 2:
        owed = max(-accounts[t.payer].balance, 0)
        carried = c.unpaid_cents
        t.amount = np.int64(carried * behaviour.credit_interest / 12.0) if carried > 0 else 0
        c.statement_cents = owed + t.amount
        c.unpaid_cents = c.statement_cents
    else:
        t.amount = np.int64(max(accounts[t.payee].balance, 0) * behaviour.savings_interest / 12.0)
    return t.amount > 0


@inline
def is_known_payee(t, contacts, payees):  # type: ignore[no-untyped-def]
    """Return whether the owner has paid this account before."""
    for k in range(contacts.shape[1]):
        if contacts[t.owner, k] == t.payee:
            return True
    for k in range(payees.shape[1]):
        if payees[t.owner, k] == t.payee:
            return True
    return False


@inline
def is_known_merchant(t, favourites, categories):  # type: ignore[no-untyped-def]
    """Return whether a merchant is among the owner's favourites of its category."""
    k = categories[t.category]
    for j in range(k.position_count):
        if favourites[t.owner, k.position_first + j] == t.merchant:
            return True
    for j in range(k.online_count):
        if favourites[t.owner, k.online_first + j] == t.merchant:
            return True
    return False


@inline
def decline(t, reason):  # type: ignore[no-untyped-def]
    """Decline a request for a reason."""
    t.decision = pay.DECLINED
    t.decline_reason = reason


@inline
def card_rules(t, c, rule, tests, is_new):  # type: ignore[no-untyped-def]
    """Apply the card rules; return the number of the control that asks for a challenge, or -1."""
    if c.attempts_now + c.attempts_before > rule.velocity or c.declines_now + c.declines_before > rule.decline_velocity:
        t.alert = VELOCITY + 1
        decline(t, pay.RULE)
        return -1
    remote = t.place >= 0
    if remote and t.amount < SMALL_TEST and t.merchant >= 0 and is_new and tests[c.institution, t.merchant] > rule.merchant_test:
        t.alert = MERCHANT_TEST + 1
        decline(t, pay.RULE)
        return -1
    if t.kind == pay.WITHDRAWAL:
        if c.withdrawn_cents + t.amount > rule.cash_machine:
            decline(t, pay.LIMIT)
            return -1
    elif t.slot == 0 and c.spent_cents + t.amount > rule.card_day:
        decline(t, pay.LIMIT)
        return -1
    abroad = t.country != pay.NONE and not c.countries & np.uint32(1 << t.country)
    if abroad and t.amount >= rule.foreign_amount:
        return GEOGRAPHY
    if remote and is_new and t.amount >= rule.alert_amount:
        t.alert = REMOTE_NEW_MERCHANT + 1
        if t.amount >= rule.remote_amount and t.authentication != pay.THREE_D_SECURE:
            return REMOTE_NEW_MERCHANT
    return -1


@inline
def transfer_rules(t, c, rule, is_new):  # type: ignore[no-untyped-def]
    """Apply the rules for transfers; return the number of the control that asks for a challenge, or -1."""
    own = t.device >> 7 == t.owner and c.devices_known & np.uint32(1 << (t.device & 31))
    if t.device != NO_CODE and not own and t.amount >= rule.new_device:
        t.alert = NEW_DEVICE + 1
        return NEW_DEVICE
    if is_new:
        if t.amount >= rule.alert_amount:
            t.alert = NEW_PAYEE_RULE + 1
        if t.amount >= rule.new_payee_hold:
            t.decision = pay.HELD
        elif t.amount >= rule.new_payee:
            return NEW_PAYEE_RULE
    return -1


@inline
def apply_model(t, behaviour, keys):  # type: ignore[no-untyped-def]
    """Let a model's score decline or challenge, except in the control group; return the challenger or -1."""
    if not t.flags & pay.SCORED:
        return -1
    u, _, _, _ = by_id(keys, CONTROL_GROUP, t.transaction_id)
    if u < behaviour.control_group:
        t.flags |= pay.CONTROL_GROUP
        return -1
    if t.score >= behaviour.score_decline:
        t.alert = MODEL + 1
        decline(t, pay.MODEL)
    elif t.score >= behaviour.score_challenge:
        t.alert = MODEL + 1
        return MODEL
    return -1


@inline
def answer_challenge(t, behaviour, keys):  # type: ignore[no-untyped-def]
    """Ask for a one-time code; who is asked decides how likely it comes back."""
    u, _, _, _ = by_id(keys, CHALLENGE, t.transaction_id)
    passes = behaviour.challenge_thief if t.flags & pay.THIEF else behaviour.challenge_owner
    if u < passes:
        t.challenge = pay.PASSED
        return
    t.challenge = pay.ABANDONED if u > 1.0 - behaviour.challenge_abandon else pay.FAILED
    decline(t, pay.AUTHENTICATION_FAILED)


@inline
def decide(t, c, accounts, people, habits, books):  # type: ignore[no-untyped-def]
    """Decide on one request; the decision stands in the record afterwards."""
    behaviour = habits.behaviour[0]
    by_card = t.rail == pay.CARD
    if by_card:
        if not card_works(t, c):
            decline(t, pay.BLOCKED)
            return
        if t.flags & pay.MISTYPED:
            decline(t, pay.INVALID_DETAILS)
            return
        if t.flags & pay.WRONG_PIN:
            decline(t, pay.AUTHENTICATION_FAILED)
            return
    elif c.frozen and not t.flags & pay.SAME_OWNER:
        decline(t, pay.BLOCKED)
        return
    a = accounts[t.payer]
    if t.amount > a.balance + a.limit - a.reserved:
        decline(t, pay.LIMIT if t.slot == 2 else pay.INSUFFICIENT_FUNDS)
        return
    if t.flags & (pay.MANDATE | pay.SAME_OWNER):
        t.decision = pay.APPROVED
        return
    rule = books.rules[c.institution]
    if by_card:
        is_new = t.flags & pay.NEW_PAYEE != 0
        if t.campaign >= 0 and t.merchant >= 0 and t.category != pay.NONE:
            is_new = not is_known_merchant(t, people.favourites, habits.categories)
        challenger = card_rules(t, c, rule, books.tests, is_new)
    else:
        challenger = transfer_rules(t, c, rule, not is_known_payee(t, people.contacts, people.payees))
    if t.decision == pay.UNDECIDED:
        by_model = apply_model(t, behaviour, books.keys)
        challenger = by_model if by_model >= 0 else challenger
    if t.decision == pay.UNDECIDED and challenger >= 0:
        answer_challenge(t, behaviour, books.keys)
    if t.decision == pay.UNDECIDED:
        t.decision = pay.APPROVED


@inline
def next_follow_up(t, c, source, day, id_key):  # type: ignore[no-untyped-def]
    """Return the id of the next request that follows from one of this owner's today."""
    ordinal = c.follow_ups
    c.follow_ups = ordinal + 1
    return transaction_id(id_key, FOLLOW_UP, t.owner, source, day, np.int64(ordinal))


@inline
def follow_refund(f, t, c, keys, id_key):  # type: ignore[no-untyped-def]
    """Write the refund that a purchase will get: most of them whole, after two to about thirty days."""
    u, v, w, _ = by_id(keys, REFUND, t.transaction_id)
    f[0] = t
    r = f[0]
    r.transaction_id = next_follow_up(t, c, F_REFUND, t.timestamp // DAY, id_key)
    days = 2.0 - 7.0 * np.log(u)
    due = t.timestamp // DAY + np.int64(min(days, 28.0))
    r.timestamp = due * DAY + np.int64((9.0 + 11.0 * v) * HOUR)
    r.payer = t.payee
    r.payee = t.payer
    r.amount = t.amount if w < 0.75 else max(np.int64(t.amount * (0.2 + 2.8 * (1.0 - w))), 1)
    r.related_id = t.transaction_id
    r.kind = pay.REFUND
    r.flags = pay.FORCED
    r.original_amount = 0
    r.currency = pay.NONE
    r.decision = pay.UNDECIDED
    r.posted_at = 0
    r.device = NO_CODE
    r.ip = NO_CODE
    r.entry_mode = pay.NONE
    r.authentication = pay.NONE
    r.challenge = pay.NONE
    r.slot = pay.NONE
    r.alert = 0
    r.score = np.float32(np.nan)


@inline
def follow_retry(f, t, c, keys, id_key):  # type: ignore[no-untyped-def]
    """Write the second attempt after a decline: details corrected, or the other card, half a minute later.

    Returns False where the customer gives up.
    """
    u, v, w, _ = by_id(keys, RETRY, t.transaction_id)
    f[0] = t
    r = f[0]
    r.flags = (t.flags & ~(pay.MISTYPED | pay.WRONG_PIN | pay.REFUNDABLE | pay.DISCRETIONARY)) | pay.NO_RETRY
    if t.decline_reason == pay.INSUFFICIENT_FUNDS or t.decline_reason == pay.LIMIT or t.decline_reason == pay.BLOCKED:
        if t.rail != pay.CARD or t.kind != pay.PURCHASE:
            return False
        other = 0 if t.slot == 2 else 2
        if not c.cards & (1 if other == 0 else 4):
            return False
        switch_card(r, c, other)
        if r.authentication == pay.PIN:
            r.authentication = pay.NO_AUTHENTICATION
    r.transaction_id = next_follow_up(t, c, F_RETRY, t.timestamp // DAY, id_key)
    r.timestamp = t.timestamp + np.int64((12.0 + 70.0 * v) * 1e6)
    r.decision = pay.UNDECIDED
    r.decline_reason = pay.NONE
    r.challenge = pay.NONE
    r.alert = 0
    r.score = np.float32(np.nan)
    return u < 1.0


@inline
def follow_fee(f, t, c, amount, income_account, id_key):  # type: ignore[no-untyped-def]
    """Write the fee for the day's first payment into overdraft, booked in the next night."""
    clear(f[0])
    r = f[0]
    day = t.timestamp // DAY
    r.transaction_id = next_follow_up(t, c, F_FEE, day, id_key)
    r.timestamp = (day + 1) * DAY + np.int64(0.4 * HOUR) + (t.timestamp % HOUR) // 2
    r.owner = t.owner
    r.payer = t.payer
    r.payee = income_account
    r.amount = amount
    r.kind = pay.FEE
    r.rail = pay.INSTANT
    r.channel = pay.BATCH
    r.slot = 0
    r.flags = pay.FORCED


@inline
def remember(t, c, payees):  # type: ignore[no-untyped-def]
    """Let the owner's counters and memory see an approved request."""
    if t.rail == pay.CARD:
        if t.kind == pay.WITHDRAWAL:
            c.withdrawn_cents += t.amount
            if not t.flags & pay.THIEF:
                c.cash_cents += t.amount
        elif t.slot == 0:
            c.spent_cents += t.amount
        if t.country != pay.NONE:
            c.countries |= np.uint32(1 << t.country)
    elif t.kind == pay.TRANSFER and not t.flags & pay.SAME_OWNER:
        payees[t.owner, c.payee_cursor] = t.payee
        c.payee_cursor = (c.payee_cursor + 1) % payees.shape[1]
    if t.device != NO_CODE and t.device >> 7 == t.owner:
        c.devices_known |= np.uint32(1 << (t.device & 31))
    if t.kind == pay.REPAYMENT:
        c.unpaid_cents = max(c.unpaid_cents - t.amount, 0)


@inline
def book(t, accounts, customer_accounts):  # type: ignore[no-untyped-def]
    """Debit the payer's side of an approved request, and credit the payee's where both have one owner."""
    if t.payer < customer_accounts:
        accounts[t.payer].balance -= t.amount
        if t.payee < customer_accounts and t.payer // 4 == t.payee // 4:
            t.flags |= pay.SAME_OWNER
            accounts[t.payee].balance += t.amount
            t.posted_at = t.timestamp
            t.payee_balance = accounts[t.payee].balance


@inline
def book_forced(t, c, accounts, habits, customer_accounts):  # type: ignore[no-untyped-def]
    """Book what the bank or a merchant books by itself; a release keeps the decision it came with."""
    if t.kind == pay.INTEREST and t.amount == 0 and not book_interest(t, c, accounts, habits.behaviour[0]):
        t.decision = pay.VOID
        return
    if t.flags & pay.RELEASE:
        accounts[t.payer].reserved -= t.amount
    elif t.decision == pay.UNDECIDED:
        t.decision = pay.APPROVED
    if t.decision == pay.APPROVED:
        book(t, accounts, customer_accounts)


@kernel
def authorise(batch, habits, people, books, follow, cash_log, counts, tick_end):  # type: ignore[no-untyped-def]
    """Decide on a batch in place and pack the rows that remain at its start.

    Args:
        batch: (n,) TRANSACTION in order of (timestamp, transaction_id).
        habits, people, books: see `finsim.agents.world`.
        follow: (2 n + 2,) TRANSACTION, overwritten: refunds, retries and fees that follow.
        cash_log: (n + 1,) TRANSACTION, overwritten: cash purchases, which leave no row.
        counts: (4,) int64, overwritten: rows, follow-ups, cash purchases, rows somebody waits for.
        tick_end: microseconds; times stay before it.
    """
    counts[:] = 0
    kept = 0
    behaviour = habits.behaviour[0]
    accounts = books.accounts
    customers = people.customers
    customer_accounts = books.merchant_base[0]
    for i in range(batch.shape[0]):
        t = batch[i]
        c = customers[t.owner]
        if t.timestamp <= c.last_timestamp:
            t.timestamp = c.last_timestamp + 1
        roll(c, t.timestamp)
        if t.flags & pay.FORCED:
            book_forced(t, c, accounts, habits, customer_accounts)
        elif t.campaign < 0 and not prepare(t, c, accounts, behaviour, books.keys, cash_log, counts):
            t.decision = pay.VOID
        elif t.kind == pay.REPAYMENT and t.amount == 0 and not repayment(t, c, accounts):
            t.decision = pay.VOID
        else:
            if t.rail == pay.CARD:
                c.attempts_now += 1
            decide(t, c, accounts, people, habits, books)
            if t.decision == pay.APPROVED:
                before = accounts[t.payer].balance
                book(t, accounts, customer_accounts)
                remember(t, c, people.payees)
                if t.slot == 0 and before >= 0 and accounts[t.payer].balance < 0 and not c.fee_charged and behaviour.overdraft_fee > 0:
                    c.fee_charged = 1
                    k = counts[1]
                    follow_fee(follow[k : k + 1], t, c, np.int64(behaviour.overdraft_fee), books.income_accounts[c.institution], books.id_key[0])
                    counts[1] = k + 1
                if t.flags & pay.REFUNDABLE:
                    k = counts[1]
                    follow_refund(follow[k : k + 1], t, c, books.keys, books.id_key[0])
                    counts[1] = k + 1
            elif t.decision == pay.HELD:
                accounts[t.payer].reserved += t.amount
            else:
                if t.rail == pay.CARD:
                    c.declines_now += 1
                if t.flags & pay.DISCRETIONARY and not t.flags & pay.NO_RETRY:
                    u, _, _, _ = by_id(books.keys, RETRY, t.transaction_id)
                    k = counts[1]
                    if u < behaviour.retry and follow_retry(follow[k : k + 1], t, c, books.keys, books.id_key[0]):
                        counts[1] = k + 1
        if t.decision == pay.VOID:
            continue
        c.last_timestamp = t.timestamp
        t.payer_balance = accounts[t.payer].balance
        if t.flags & pay.WATCHED or t.alert or t.decision == pay.HELD or t.truth:
            counts[3] += 1
        if kept != i:
            batch[kept] = t
        kept += 1
    counts[0] = kept


@kernel
def settle_tick(rows, accounts, customer_accounts, tick_end, evening, morning, day_start):  # type: ignore[no-untyped-def]
    """Give every approved row its posting time, and book both sides that are not customers' accounts.

    Args:
        rows: (n,) TRANSACTION of the tick, decided, in time order.
        accounts: (N,) ACCOUNT.
        customer_accounts: account rows below this are customers'.
        tick_end, day_start: microseconds.
        evening, morning: microseconds of today's evening clearing and of the next morning clearing.

    Returns:
        number of rows that credit a customer's account.
    """
    waiting = 0
    for i in range(rows.shape[0]):
        t = rows[i]
        if t.decision != pay.APPROVED:
            continue
        if t.payer >= customer_accounts:
            accounts[t.payer].balance -= t.amount
        if t.flags & pay.SAME_OWNER:
            continue
        t.posted_at = tick_end
        if t.rail == pay.ACH or t.rail == pay.DIRECT_DEBIT or t.rail == pay.CHECK:
            time = t.timestamp - day_start
            if time < 6 * HOUR:
                t.posted_at = max(day_start + 8 * HOUR, tick_end)
            elif time < 14 * HOUR:
                t.posted_at = max(evening, tick_end)
            else:
                t.posted_at = morning
        if t.payee >= customer_accounts:
            accounts[t.payee].balance += t.amount
        elif t.amount > 0:
            waiting += 1
        else:
            t.payee_balance = accounts[t.payee].balance
    return waiting


@kernel
def unmoved_payees(rows, accounts, customer_accounts):  # type: ignore[no-untyped-def]
    """Give rows that moved nothing the payee's balance at their own time, before credits of the tick.

    The balance at the end of the tick's debits is known; what the payee itself moved after the row is undone.
    """
    for i in range(rows.shape[0]):
        t = rows[i]
        if t.decision == pay.APPROVED or t.payee >= customer_accounts:
            continue
        balance = accounts[t.payee].balance
        for j in range(i + 1, rows.shape[0]):
            later = rows[j]
            if later.decision == pay.APPROVED:
                if later.payer == t.payee:
                    balance += later.amount
                elif later.payee == t.payee and later.flags & pay.SAME_OWNER:
                    balance -= later.amount
        t.payee_balance = balance


@kernel
def tally(rows, customers, merchants, tests, sales):  # type: ignore[no-untyped-def]
    """Add the tick's rows to what institutions share and what they settle.

    Args:
        rows: (n,) TRANSACTION, decided.
        customers: (C,) customer columns.
        merchants: (M,) merchant columns.
        tests: (I, M) int32 declined small remote attempts of each issuer at each merchant.
        sales: (I, A) int64 cents of card sales of the day by issuer and acquirer.
    """
    for i in range(rows.shape[0]):
        t = rows[i]
        if t.rail != pay.CARD or t.merchant < 0 or t.kind == pay.WITHDRAWAL:
            continue
        institution = customers[t.owner].institution
        if t.decision == pay.APPROVED:
            amount = -t.amount if t.kind == pay.REFUND else t.amount
            sales[institution, merchants[t.merchant].acquirer] += amount
        elif t.decision == pay.DECLINED and t.place >= 0 and t.amount < SMALL_TEST:
            tests[institution, t.merchant] += 1


@kernel
def merge_rows(first, second, out):  # type: ignore[no-untyped-def]
    """Merge two TRANSACTION arrays that are in order of (timestamp, transaction_id) into out."""
    a = 0
    b = 0
    for i in range(out.shape[0]):
        if b >= second.shape[0]:
            out[i] = first[a]
            a += 1
        elif a >= first.shape[0] or second[b].timestamp < first[a].timestamp or (
            second[b].timestamp == first[a].timestamp and second[b].transaction_id < first[a].transaction_id
        ):
            out[i] = second[b]
            b += 1
        else:
            out[i] = first[a]
            a += 1


@kernel
def gather(plan, order, first, last, out):  # type: ignore[no-untyped-def]
    """Copy plan[order[first:last]] into out, both TRANSACTION."""
    for i in range(first, last):
        out[i - first] = plan[order[i]]


@njit
def time_order(times, day_start, order, buckets):  # type: ignore[no-untyped-def]
    """Write the order that sorts times of one day, by counting seconds and inserting within one.

    Args:
        times: (n,) int64 microseconds.
        day_start: microseconds.
        order: (n,) int32, overwritten.
        buckets: (86401,) int64, overwritten: first position of each second.
    """
    buckets[:] = 0
    for i in range(times.shape[0]):
        buckets[(times[i] - day_start) // 1_000_000 + 1] += 1
    for k in range(1, buckets.shape[0]):
        buckets[k] += buckets[k - 1]
    fill = buckets.copy()
    for i in range(times.shape[0]):
        second = (times[i] - day_start) // 1_000_000
        j = fill[second]
        fill[second] = j + 1
        first = buckets[second]
        while j > first and times[order[j - 1]] > times[i]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = i


@njit
def credits_of(rows, customer_accounts):  # type: ignore[no-untyped-def]
    """Return the positions, (n,) int64, of rows that credit a customer's account after their own time."""
    found = np.empty(rows.shape[0], dtype=np.int64)
    n = 0
    for i in range(rows.shape[0]):
        t = rows[i]
        if t.decision == pay.APPROVED and t.payee < customer_accounts and t.amount > 0 and not t.flags & pay.SAME_OWNER:
            found[n] = i
            n += 1
    return found[:n].copy()


@njit
def watched_rows(rows):  # type: ignore[no-untyped-def]
    """Return the positions, (n,) int64, of rows that an agent or a bank's desk waits for."""
    found = np.empty(rows.shape[0], dtype=np.int64)
    n = 0
    for i in range(rows.shape[0]):
        t = rows[i]
        if t.flags & pay.WATCHED or t.alert or t.decision == pay.HELD or t.truth or t.campaign >= 0:
            found[n] = i
            n += 1
    return found[:n].copy()


@njit
def leaked_rows(rows, merchants):  # type: ignore[no-untyped-def]
    """Return the positions, (n,) int64, of approved card rows at any of merchants, (k,) int64 sorted."""
    found = np.empty(rows.shape[0], dtype=np.int64)
    n = 0
    for i in range(rows.shape[0]):
        t = rows[i]
        if t.rail != pay.CARD or t.decision != pay.APPROVED or t.merchant < 0 or t.card == NO_CODE or t.campaign >= 0:
            continue
        low, high = 0, merchants.shape[0]
        while low < high:
            middle = (low + high) >> 1
            if merchants[middle] < t.merchant:
                low = middle + 1
            else:
                high = middle
        if low < merchants.shape[0] and merchants[low] == t.merchant and t.slot != 3 and (t.kind == pay.PURCHASE or t.kind == pay.WITHDRAWAL):
            found[n] = i
            n += 1
    return found[:n].copy()


@kernel
def forget_before(rows, key, day):  # type: ignore[no-untyped-def]
    """Null the transaction that a refund belongs to where it lies before a day, which is not exported."""
    for i in range(rows.shape[0]):
        t = rows[i]
        if t.kind == pay.REFUND and t.related_id != 0 and day_of(key, t.related_id) < day:
            t.related_id = np.uint64(0)


@kernel
def is_ordered(rows):  # type: ignore[no-untyped-def]
    """Return whether rows are in order of (timestamp, transaction_id); a tie of one owner moves a row on."""
    for i in range(1, rows.shape[0]):
        a, b = rows[i - 1], rows[i]
        if b.timestamp < a.timestamp or (b.timestamp == a.timestamp and b.transaction_id < a.transaction_id):
            return False
    return True
