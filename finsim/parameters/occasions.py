"""Occasions of genuine customers that look like scams: projects, saving, support, private sellers, firms' suppliers."""

from __future__ import annotations

from finsim.parameters.fields import Model, param


class Occasions(Model):
    """Payments that are rare for one person and common among many; each is the double of a scam."""

    projects_per_year: float = param(0.12, unit="count/year", doc="builders, courses, cars and house deposits, paid to a new payee in one to four parts", low=0.0, high=5.0,
                                     source="assumption: one in eight years, beside behaviour.large_transfers_per_year")  # fmt: skip
    project_median: float = param(3000.0, unit="USD", doc="median of all parts of a project", low=10.0, high=1e6, transform="log", source="assumption: a repair or a course; the tail reaches house deposits")
    project_log_sigma: float = param(1.15, unit="ln USD", doc="sigma of the log of that amount", low=0.0, high=3.0, source="assumption: from a small repair to a house deposit")
    raised_from: float = param(4000.0, unit="USD", doc="least part of a project for which money is raised before it", low=10.0, high=1e6, transform="log", source="assumption: half of what households have on accounts at the median, us_hou_transaction_account_median_all_2022")
    raised_share: float = param(0.5, unit="share", doc="such parts for which money comes from a retirement or brokerage account, or from a lender", low=0.0, high=1.0, source="assumption: half of large purchases are not paid from what lies on the account")
    holders: float = param(0.543, unit="share", doc="persons with a retirement or brokerage account", low=0.0, high=1.0, source="us_hou_retirement_account_share_all_2022")
    withdrawals_per_year: float = param(0.8, unit="count/year", doc="times that such a person draws on it beside projects", low=0.0, high=50.0, source="assumption: retired persons several times a year, others seldom")
    withdrawal_median: float = param(2500.0, unit="USD", doc="median of such a withdrawal", low=10.0, high=1e6, transform="log", source="assumption: a holiday, a bill, a quarter's supplement to a pension")
    withdrawal_log_sigma: float = param(1.3, unit="ln USD", doc="sigma of the log of that amount", low=0.0, high=3.0, source="assumption: from a small supplement to a whole account")
    investors: float = param(0.08, unit="share", doc="customers who pay into an exchange or an investment platform from time to time", low=0.0, high=1.0,
                             source="assumption: about one adult in twelve holds cryptocurrency or trades on such a platform")  # fmt: skip
    invest_median: float = param(160.0, unit="USD", doc="median of the first payment of a round of saving; later ones grow", low=1.0, high=1e6, transform="log", source="assumption: people try with a little")
    remitters: float = param(0.06, unit="share", doc="customers who support somebody far away for months", low=0.0, high=1.0, source="assumption: about one adult in sixteen sends money abroad by account")
    remit_median: float = param(140.0, unit="USD", doc="median of the first payment of such support; later ones grow", low=1.0, high=1e5, transform="log",
                                source="assumption: half of the mean payment to a person, us_pay_average_value_zelle_all_2024")  # fmt: skip
    from_sellers_per_year: float = param(1.0, unit="count/year", doc="purchases from private sellers paid by transfer", low=0.0, high=50.0, source="assumption: one a year; many more are paid in cash or by card")
    seller_median: float = param(150.0, unit="USD", doc="median price of such a purchase", low=1.0, high=1e5, transform="log", source="assumption: used phones, furniture, tickets")
    seller_log_sigma: float = param(1.15, unit="ln USD", doc="sigma of the log of that price", low=0.0, high=3.0, source="assumption: from a ticket to a used car")
    supplier_new: float = param(0.12, unit="share", doc="firms' payments that go to a supplier never paid before", low=0.0, high=1.0, source="assumption: one in eight")
    supplier_change_years: float = param(4.0, unit="year", doc="time after which a supplier banks elsewhere", low=0.1, high=100.0, source="assumption: a supplier changes its account once in four years")
