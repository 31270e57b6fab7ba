"""Fraud from inside the accounts: SIM swaps, identities, first-party claims and refunds, merchants, agents."""

from __future__ import annotations

from finsim.parameters.fields import Model, param


class Identities(Model):
    """Names that rings make up or steal: customers that no bank has until a ring applies with them."""

    per_1000_customers: float = param(10.0, unit="identity/1000 customers", doc="reserve of identities, whatever the intensity; they are none of the genuine customers", low=0.0, high=300.0,
                                      source="assumption: enough for the identities that are alive at the start and those of a year")  # fmt: skip
    charge_off_days: float = param(150.0, unit="day", doc="median time from the last draw to the charge-off", low=10.0, high=400.0, source="assumption: 90 to 210 days, the charge-off cycle of card lenders")
    recognised: float = param(0.1, unit="share", doc="charged-off identities that the bank recognises as fraud", low=0.0, high=1.0, source="assumption: BEHAVIOUR-036, 85 to 95 per cent of synthetic applicants are not flagged")


class SimSwap(Model):
    """A telephone number is moved to the thief's card; codes by message then reach the thief."""

    rate: float = param(0.11, unit="campaigns/1000 customers/year", doc="numbers taken over to reach an account", low=0.0, high=200.0, transform="log", calibratable=True,
                        source="assumption: US-sim-swap-cases, complaints of 2021 over the share of victims who tell the police, US-122, is 0.089, and some attempts take nothing; UK-117 is 0.06 per 1000")  # fmt: skip
    candidates: int = param(160, unit="person", doc="persons whose accounts a ring has looked into before it has a number moved; it takes the richest", low=1, high=1000, source="assumption: a swap takes an insider or an hour of talk, so it has to pay; US-sim-swap-mean is sixty times the mean loss of misused accounts, US-118")
    minutes: float = param(60.0, unit="minute", doc="median time from the new SIM to the first transfer", low=1.0, high=1000.0, source="assumption: 10 minutes to some hours, at times overnight")
    transfers: float = param(7.0, unit="count", doc="mean transfers that the thief has in mind, of which nine at most are tried", low=1.0, high=20.0, source="assumption: drained in steps before the victim has service again; with candidates US-sim-swap-mean")
    share_of_balance: float = param(0.5, unit="share", doc="median share of the balance that a transfer tries to take", low=0.01, high=1.0, source="assumption: as account_takeover")
    notice_hours: float = param(16.0, unit="hour", doc="median time until the victim understands why the telephone is dead", low=0.5, high=500.0, source="assumption: within a day")


class ApplicationFraud(Model):
    """An account is opened in a stolen name and drawn up at once."""

    rate: float = param(0.9, unit="campaigns/1000 customers/year", doc="accounts opened with stolen names", low=0.0, high=200.0, transform="log", calibratable=True,
                        source="assumption: BEHAVIOUR-066, about 1.1 per cent of the applications of the year's newcomers")  # fmt: skip
    card_days: float = param(50.0, unit="day", doc="median time from the account to the first draw", low=0.5, high=400.0, source="assumption: a card comes by post, and many a thief waits until the account is no longer watched as new")
    bought: float = param(0.5, unit="share", doc="accounts that were opened long ago in a stolen name and are bought", low=0.0, high=1.0, source="assumption: aged accounts are traded as credentials are")
    bought_days: float = param(1500.0, unit="day", doc="mean age of an account that is bought, before very new and very old ones are left out", low=1.0, high=5000.0, source="assumption: the older the dearer")
    limit_median: float = param(3500.0, unit="USD", doc="median credit limit of a new name", low=100.0, high=1e5, transform="log", source="assumption: US-120 puts the mean loss of a new account at 3,430")
    use_days: float = param(5.0, unit="day", doc="median time in which the limit is used up", low=0.1, high=100.0, source="assumption: maxed out at once, within days")


class SyntheticIdentity(Model):
    """A made-up name builds credit for months and is then drawn up and left."""

    rate: float = param(2.1, unit="campaigns/1000 customers/year", doc="synthetic identities opened", low=0.0, high=200.0, transform="log", calibratable=True,
                        source="assumption: BEHAVIOUR-033 over BEHAVIOUR-032 and 260 million adults is 1.5; raised towards US-synthetic-per-adult, as many bust out later than in the data or with less")  # fmt: skip
    build_days: float = param(360.0, unit="day", doc="median time of ordinary purchases and repayments before the bust-out", low=5.0, high=2000.0, source="assumption: 6 to 24 months")
    limit_start: float = param(5000.0, unit="USD", doc="median credit limit of a thin file", low=100.0, high=1e5, source="assumption: limits of new names are low, and those who bust out waited for a larger one")
    limit_raise: float = param(1.45, unit="ratio", doc="mean factor of each rise of the limit", low=1.0, high=5.0, source="assumption: leads a limit from limit_start to BEHAVIOUR-032 in a year")
    raise_days: float = param(75.0, unit="day", doc="mean time between two rises of the limit", low=5.0, high=1000.0, source="assumption: reviewed a few times a year")
    bust_days: float = param(9.0, unit="day", doc="median length of the bust-out", low=0.5, high=100.0, source="assumption: 3 to 20 days")


class FriendlyFraud(Model):
    """A customer claims an own purchase back after delivery."""

    rate: float = param(14.0, unit="claims/1000 customers/year", doc="genuine remote purchases that are claimed as fraud or as not received", low=0.0, high=5000.0, transform="log", calibratable=True,
                        source="assumption: with card_not_present at most the share of BEHAVIOUR-039")  # fmt: skip
    serial_share: float = param(0.02, unit="share", doc="customers who claim again and again", low=0.0001, high=1.0, source="assumption: 1 to 3 per cent of customers")
    serial_claims: float = param(0.3, unit="share", doc="claims made by them", low=0.0, high=1.0, source="assumption: 20 to 40 per cent of first-party disputes")
    occasional_share: float = param(0.2, unit="share", doc="customers who may claim once", low=0.0001, high=1.0, source="assumption: one in five")
    delay_days: float = param(38.0, unit="day", doc="median time from purchase to claim", low=1.0, high=120.0, source="assumption: 20 to 90 days, within BEHAVIOUR-004")
    as_fraud: float = param(0.6, unit="share", doc="claims that say somebody else bought it; the others that it never came or was cancelled", low=0.0, high=1.0, source="assumption: over half")
    represented: float = param(0.45, unit="share", doc="chargebacks that the merchant contests", low=0.0, high=1.0, source="assumption: a little under half")
    merchant_wins: float = param(0.45, unit="share", doc="contested chargebacks that the merchant wins", low=0.0, high=1.0, source="BEHAVIOUR-043")


class RefundAbuse(Model):
    """A customer returns what was used, stolen or never sent back, and is refunded."""

    rate: float = param(110.0, unit="refunds/1000 customers/year", doc="bogus refunds", low=0.0, high=20000.0, transform="log", calibratable=True,
                        source="assumption: BEHAVIOUR-047 counts abuse of every kind as a seventh of returns; a tenth of that is outright bogus")  # fmt: skip
    abusers: float = param(0.05, unit="share", doc="customers who do it", low=0.0001, high=1.0, source="assumption: one in twenty")


class MerchantCollusion(Model):
    """A merchant books sales that never were, or those of another business, and may vanish."""

    rate: float = param(0.17, unit="campaigns/1000 customers/year", doc="merchants that work for a ring", low=0.0, high=200.0, transform="log", calibratable=True,
                        source="assumption: no figure found; a fraction of a per cent of merchants a year")  # fmt: skip
    fronts: float = param(0.04, unit="share", doc="small online merchants that exist only to be used, without customers of their own", low=0.0, high=0.5, source="assumption: one in 25 of the smallest online merchants")
    set_up: float = param(0.6, unit="share", doc="campaigns at such a front; the others at an existing shop", low=0.0, high=1.0, source="assumption: more are set up than turned")
    laundering: float = param(0.4, unit="share", doc="campaigns that book the sales of another business (transaction laundering)", low=0.0, high=1.0, source="assumption: two in five")
    cover_days: float = param(14.0, unit="day", doc="mean time of plausible sales before the others", low=1.0, high=120.0, source="assumption: 1 to 8 weeks")
    sales: float = param(45.0, unit="count", doc="mean sales of a campaign to cards of the simulated customers", low=2.0, high=2000.0, source="assumption: a sudden step in volume of a small merchant")
    sales_days: float = param(18.0, unit="day", doc="mean time of the false sales", low=1.0, high=120.0, source="assumption: until chargebacks arrive")
    complicit: float = param(0.35, unit="share", doc="false sales on cards of mules who know; the others on stolen cards", low=0.0, high=1.0, source="assumption: a third")
    vanishes: float = param(0.7, unit="share", doc="fronts that vanish before the chargebacks", low=0.0, high=1.0, source="assumption: most disappear owing the acquirer")
    review_weeks: float = param(7.0, unit="week", doc="median time until the acquirer's review finds a merchant that did not vanish", low=0.5, high=60.0, source="assumption: 2 to 12 weeks")


class AgentFraud(Model):
    """An agent for cash into and out of wallets splits deposits, books phantom ones or overcharges."""

    rate: float = param(0.25, unit="campaigns/1000 customers/year", doc="agents who cheat for a while", low=0.0, high=200.0, transform="log", calibratable=True,
                        source="assumption: few in the US preset, where wallets are filled from accounts; BEHAVIOUR-058 says that it grows elsewhere")  # fmt: skip
    customers: float = param(7.0, unit="count", doc="mean customers on whom an agent cheats", low=1.0, high=1000.0, source="assumption: some weeks of a small agent")
    gap_hours: float = param(30.0, unit="hour", doc="median time between two of them", low=0.1, high=1000.0, source="assumption: as customers")
    split: float = param(0.5, unit="share", doc="agents who split deposits for the commission", low=0.0, high=1.0, source="assumption: the commonest abuse")
    phantom: float = param(0.25, unit="share", doc="agents who book deposits and withdrawals of nobody", low=0.0, high=1.0, source="assumption: a quarter; the others overcharge")
    overcharge: float = param(4.0, unit="ratio", doc="mean fee of an overcharged withdrawal against the posted fee", low=1.0, high=50.0, source="assumption: several times the posted fee")
