"""Mobile money: what holders of wallets do where a wallet is the account of most people."""

from __future__ import annotations

from finsim.parameters.fields import Model, param

USES = ("cash_in", "cash_out", "debit", "payment", "transfer")
"""What a wallet is used for; operators call these types CASH_IN, CASH_OUT, DEBIT, PAYMENT and TRANSFER."""

HOURS_OF_DAY = [
    0.02268, 0.010104, 0.003002, 0.000324, 0.000008, 0.000008, 0.000646, 0.004086, 0.010998, 0.016071, 0.012217,
    0.019249, 0.026984, 0.037734, 0.049963, 0.047696, 0.064147, 0.08344, 0.107351, 0.12884, 0.124392, 0.096785,
    0.077714, 0.05557,
]  # fmt: skip


class WalletUse(Model):
    """One use of wallets: how often, by whom, how much and when."""

    per_month: float = param(1.0, unit="count/month", doc="mean number a month over all wallets in use", low=1e-4, high=500.0, transform="log", calibratable=True,
                             source="assumption: once a month; scenarios of mobile money fit it")  # fmt: skip
    users: float = param(0.7, unit="share", doc="wallets in use that are used for this at all", low=0.001, high=1.0, transform="logit", calibratable=True,
                         source="assumption: most uses are common; scenarios of mobile money fit it")  # fmt: skip
    activity_log_sigma: float = param(1.0, unit="ln count/month", doc="spread of the log of a user's rate", low=0.0, high=3.0, calibratable=True,
                                      source="assumption: many act once, a few very often; scenarios of mobile money fit it")  # fmt: skip
    amount_mean: float = param(60.0, unit="unit of currency", doc="mean amount", low=0.05, high=1e6, transform="log", calibratable=True,
                               source="assumption: deposits at agents; scenarios of mobile money fit it")  # fmt: skip
    amount_log_sigma: float = param(0.8, unit="ln", doc="sigma of the log of the amounts, within and between wallets", low=0.05, high=3.0, calibratable=True,
                                    source="assumption: as deposits at agents; scenarios of mobile money fit it")  # fmt: skip
    amount_growth: float = param(0.0, unit="", doc="amounts grow with a user's rate to this power", low=-1.0, high=1.0, calibratable=True,
                                 source="assumption: no growth; scenarios of mobile money fit it")  # fmt: skip
    hour_factors: list[float] = param(HOURS_OF_DAY, unit="share", doc="payments by hour of the day",
                                      source="mobile_hour_of_day_share_number_days_with_14_hours_present_*")  # fmt: skip
    hours_of_run: list[float] = param([], unit="ratio", doc="activity in each hour of the run from the first exported one, whole days; empty: the other factors say it",
                                      source="design")  # fmt: skip
    amounts_of_run: list[float] = param([], unit="ratio", doc="mean amount in each of those hours against amount_mean, 0 where nothing is known; empty: always amount_mean",
                                        source="design")  # fmt: skip
    sigmas_of_run: list[float] = param([], unit="ln", doc="sigma of the log of the amounts in each of those hours, 0 where nothing is known; empty: always amount_log_sigma",
                                       source="design")  # fmt: skip


class MobileMoney(Model):
    """Wallets as accounts of everyday life; off where no wallet is in use in this sense (active_share 0)."""

    active_share: float = param(0.0, unit="share", doc="wallets in use as everyday accounts; 0: no mobile money", low=0.0, high=1.0, calibratable=True,
                                source="assumption: in the US wallets are filled from accounts, see behaviour.wallet_cash_in_per_month")  # fmt: skip
    cash_in: WalletUse = param(WalletUse(), unit="", doc="cash in at an agent", source="design")
    cash_out: WalletUse = param(WalletUse(), unit="", doc="cash out at an agent", source="design")
    debit: WalletUse = param(WalletUse(), unit="", doc="from the wallet to the holder's bank account", source="design")
    payment: WalletUse = param(WalletUse(), unit="", doc="to a merchant", source="design")
    transfer: WalletUse = param(WalletUse(), unit="", doc="from person to person", source="design")
    shared_activity: float = param(0.3, unit="share", doc="part of the spread of rates that all uses of a wallet share", low=0.0, high=1.0,
                                   source="assumption: who uses a wallet much, uses it for several things")  # fmt: skip
    amount_scale_sigma: float = param(0.35, unit="ln", doc="spread of ticket sizes between wallets, a part of each use's sigma", low=0.0, high=2.0,
                                      source="assumption: as behaviour.scale_sigma")  # fmt: skip
    month_day_factors: list[float] = param([1.0] * 31, unit="ratio", doc="activity by day of the month, first day first",
                                           source="assumption: flat; the one operator's month that is published is not steady")  # fmt: skip
    weekday_factors: list[float] = param([1.0] * 7, unit="ratio", doc="activity by weekday, Monday first", source="assumption: flat; no operator's weekdays are published")
    funded: float = param(0.75, unit="share", doc="outgoing payments for which money from outside arrives within the two days before: wages, benefits, remittances, other operators", low=0.0, high=1.0,
                          source="assumption: wallets hold little (mobile_initial_balance_share_below_100_clients_*), so what goes out has just come in")  # fmt: skip
    disbursed: float = param(0.7, unit="share", doc="of that, paid out by employers and the state rather than sent by persons", low=0.0, high=1.0,
                             source="mobile_value_per_month_bulk_disbursements_2024, mobile_value_per_month_international_remittances_2024")  # fmt: skip
    balance_median: float = param(15.0, unit="unit of currency", doc="median balance of wallets in use when the run begins; others are empty", low=0.01, high=1e6, transform="log", calibratable=True,
                                  source="assumption: from the quantiles mobile_initial_balance_quantile_*, where a third of the wallets are in use")  # fmt: skip
    balance_log_sigma: float = param(1.9, unit="ln", doc="sigma of the log of those balances", low=0.05, high=4.0, calibratable=True, source="assumption: as balance_median")
    table_unit: float = param(1.0, unit="ratio", doc="units of an operator's currency for one of the run's, where its figures are carried over", low=1e-6, high=1e9, source="design")
