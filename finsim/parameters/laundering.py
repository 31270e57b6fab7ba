"""Laundering: how dirty money from outside is placed, moved through accounts and taken out, and who lends the accounts."""

from __future__ import annotations

from finsim.parameters.fields import Model, param


class PatternRate(Model):
    """How often a pattern is run, how large it is and how much it moves."""

    rate: float = param(0.8, unit="campaigns/1000 customers/year", doc="campaigns that use accounts of the simulated customers", low=0.0, high=1000.0, transform="log", calibratable=True,
                        source="assumption: all patterns together a few per thousand, below the reports of US-111 per adult, most of which are suspicions only")  # fmt: skip
    extra: float = param(2.5, unit="account", doc="mean number of accounts beyond the fewest that make the pattern (geometric)", low=0.0, high=20.0,
                         source="assumption: sizes of 3 and a geometric number more, as the patterns of AMLSim and AMLGentex are configured")  # fmt: skip
    window_days: float = param(6.0, unit="day", doc="mean time over which money comes in", low=0.1, high=60.0, source="assumption: half a day to 20 days")
    amount_median: float = param(3000.0, unit="USD", doc="median of what a campaign moves", low=50.0, high=1e7, transform="log", calibratable=True,
                                 source="assumption: a few thousand, so that single payments stay among the larger genuine ones")  # fmt: skip
    amount_log_sigma: float = param(0.7, unit="ln USD", doc="sigma of the log of that", low=0.0, high=2.5, source="assumption: as amount_median")


class Structuring(Model):
    """Cash is deposited in amounts below the threshold from which a bank must report, then brought together."""

    rate: float = param(1.6, unit="campaigns/1000 customers/year", doc="campaigns that use accounts of the simulated customers", low=0.0, high=1000.0, transform="log", calibratable=True,
                        source="assumption: a third of the reports that cite structuring (US-112) per adult, since reports are suspicions")  # fmt: skip
    threshold: float = param(10_000.0, unit="USD", doc="cash deposits above this are reported", low=100.0, high=1e6, source="assumption: the currency transaction report of US law")
    extra: float = param(2.0, unit="deposit", doc="mean number of deposits beyond the fewest whose sum passes the threshold (geometric)", low=0.0, high=40.0, source="assumption: 2 to 20 deposits")
    window_days: float = param(6.0, unit="day", doc="mean time over which the deposits are made", low=0.1, high=60.0, source="assumption: 1 to 10 days")
    near_threshold: float = param(0.25, unit="share", doc="deposits of 0.8 to 0.99 of the threshold; the others are smaller, by their logarithm anything from 0.05 of it", low=0.0, high=1.0, source="assumption: the careless aim just below it")
    depositors: float = param(0.6, unit="account", doc="mean number of accounts beyond the first into which the cash goes", low=0.0, high=10.0, source="assumption: smurfs share the work")


class Laundering(Model):
    """What all patterns of laundering have in common, and the lives of mules."""

    dwell_hours: float = param(14.0, unit="hour", doc="median time that money rests on an account within a pattern", low=0.05, high=1000.0, source="assumption: hours to days; four fifths out within 48 hours, BEHAVIOUR-037")
    dwell_log_sigma: float = param(1.1, unit="ln hour", doc="sigma of the log of that time", low=0.1, high=4.0, source="assumption: as dwell_hours")
    part: float = param(1000.0, unit="USD", doc="amount above which a payment within a pattern is made in parts", low=50.0, high=1e6, source="assumption: limits of instant payments, and not to attract notice")
    parts_most: int = param(6, unit="count", doc="parts of one payment at most", low=1, high=30, source="assumption: as part")
    outside: float = param(0.4, unit="share", doc="accounts of a pattern that may lie anywhere and lie at other banks", low=0.0, high=1.0, source="assumption: several banks share the accounts of a pattern")
    firms: float = param(0.12, unit="share", doc="recruits that are small firms, used as fronts", low=0.0, high=1.0, source="assumption: business accounts are a small and growing part, UK-129")
    under_40: float = param(0.83, unit="share", doc="recruits under 40 years among persons", low=0.0, high=1.0, source="UK-127")
    newcomers: float = param(0.2, unit="share", doc="recruits that opened their account within the last two months, some of them for it", low=0.0, high=1.0, source="assumption: purpose-opened against bought or dormant accounts")
    complicit: float = param(0.45, unit="share", doc="recruits who know what they do", low=0.0, high=1.0, source="assumption: about half")
    job_scam: float = param(0.25, unit="share", doc="recruits who believe that it is a job; the others do a favour unwittingly", low=0.0, high=1.0, source="assumption: a quarter")
    tests: float = param(0.3, unit="share", doc="new accounts that first get a small amount and pass it on", low=0.0, high=1.0, source="assumption: herders test most accounts they have not used")
    shared_devices: float = param(0.12, unit="share", doc="payments of complicit mules made on the phone of another mule of the ring", low=0.0, high=1.0, source="assumption: herders operate some accounts; households share phones, too")
    quits: float = param(0.35, unit="share", doc="mules who stop after a payment was refused", low=0.0, high=1.0, source="assumption: the unwitting are frightened off")
    closed: float = param(0.5, unit="share", doc="accounts that stay frozen for good once a bank is sure", low=0.0, high=1.0, source="assumption: banks end the relation or warn")
    uncovered: float = param(0.2, unit="share", doc="campaigns that an investigation uncovers weeks or months later", low=0.0, high=1.0, source="assumption: most laundering is never labelled")
    uncovered_days: float = param(45.0, unit="day", doc="median time until then", low=1.0, high=500.0, source="assumption: alert, case and report take 20 to 90 days")
