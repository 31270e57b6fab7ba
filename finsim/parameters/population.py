"""Who lives in the economy: customers, their accounts, income and homes; merchants; institutions' shares."""

from __future__ import annotations

from finsim.parameters.fields import Model, param


class Population(Model):
    """Sizes and compositions of the populations."""

    customers: int = param(10_000, unit="customer", doc="number of customers of the simulated institutions", source="design", low=50, high=4_000_000)
    areas: int = param(60, unit="area", doc="number of postcode areas (cities and towns)", source="design", low=4, high=5000)
    area_size_exponent: float = param(
        0.8, unit="", doc="exponent of the Zipf law of area sizes", low=0.0, high=2.0,
        source="assumption: cities follow Zipf's law with an exponent near 1; areas are cut finer than cities")  # fmt: skip
    merchants_per_1000_customers: float = param(
        110.0, unit="merchant", doc="merchants (shops and online) per 1,000 customers", low=5.0, high=1000.0,
        source="assumption: dense enough that a shop serves several customers a day, as a shop of a large bank's sample does")  # fmt: skip
    merchant_popularity_exponent: float = param(
        0.45, unit="", doc="merchants' popularity falls with rank to this power", low=0.0, high=2.0,
        source="assumption: the largest tenth of shops then gets about the share of micro_merchant_top10pct_share_store_2017")  # fmt: skip
    employers_per_1000_customers: float = param(
        20.0, unit="employer", doc="employers per 1,000 customers, sizes heavy-tailed", low=1.0, high=500.0,
        source="assumption: mean of about 30 employees in the sample per employer")  # fmt: skip
    business_share: float = param(
        0.05, unit="share", doc="customers that are businesses", low=0.0, high=0.5,
        source="assumption: about one small-business account for twenty retail accounts")  # fmt: skip
    business_with_shop_share: float = param(
        0.5, unit="share", doc="small businesses that own a merchant", low=0.0, high=1.0,
        source="assumption: half of small firms sell to consumers by card")  # fmt: skip
    firm_size_exponent: float = param(
        1.0, unit="", doc="the number of firms above a size falls with the size to this power", low=0.5, high=10.0,
        source="us_fir_size_exponent_1997")  # fmt: skip
    firm_size_most: float = param(
        300.0, unit="ratio", doc="size of the largest firm, payments against those of a one-person business", low=1.0, high=10_000.0,
        source="assumption: receipts of about 30 million USD a year, the mean of firms with 100 to 499 employees, us_fir_receipts_100_499_2002 / us_fir_firms_100_499_2002; larger firms do not bank like customers")  # fmt: skip
    firm_buffer_days: float = param(
        27.0, unit="day", doc="median of the days for which a firm could pay without income, at the start", low=0.0, high=1000.0,
        source="us_fir_cash_buffer_days_median_2015")  # fmt: skip
    retired_age: int = param(66, unit="year", doc="age from which people draw a pension", low=50, high=80, source="assumption: US full retirement age")
    unemployed_share: float = param(0.06, unit="share", doc="people of working age without wage income", low=0.0, high=0.9,
                                    source="assumption: unemployed and others outside paid work with an account of their own")  # fmt: skip
    student_share: float = param(0.35, unit="share", doc="people under 24 who study", low=0.0, high=1.0, source="assumption: enrolment of young adults")
    net_pay_mean: float = param(1836.0, unit="USD", doc="mean of one direct deposit of wages", low=100.0, high=20000.0, transform="log", calibratable=True,
                                source="us_pay_average_value_ach_direct_deposit_2024")  # fmt: skip
    income_log_sigma: float = param(0.65, unit="ln USD", doc="spread of net income between earners", low=0.1, high=1.5, calibratable=True,
                                    source="assumption: sigma of the log of individual earnings")  # fmt: skip
    pension_monthly_mean: float = param(1900.0, unit="USD", doc="mean monthly pension", low=100.0, high=10000.0, calibratable=True, transform="log",
                                        source="assumption: mean Social Security retirement benefit of recent years")  # fmt: skip
    other_income_share: float = param(0.0, unit="share", doc="persons with a further deposit a month: a benefit, an annuity, a refund", low=0.0, high=1.0, calibratable=True,
                                      source="assumption: 0 until fitted to us_pay_number_ach_direct_deposit_2024 per adult")  # fmt: skip
    other_income_mean: float = param(1836.0, unit="USD", doc="mean of such a deposit", low=10.0, high=20000.0, transform="log", calibratable=True, source="us_pay_average_value_ach_direct_deposit_2024")
    pay_weekly: float = param(0.1847, unit="share", doc="wage earners paid weekly", low=0.0, high=1.0, calibratable=True, source="us_dcp_wage_pay_frequency_weekly_2019")
    pay_biweekly: float = param(0.5627, unit="share", doc="wage earners paid every two weeks", low=0.0, high=1.0, calibratable=True, source="us_dcp_wage_pay_frequency_biweekly_2019")
    pay_semimonthly: float = param(0.1575, unit="share", doc="wage earners paid twice a month", low=0.0, high=1.0, calibratable=True, source="us_dcp_wage_pay_frequency_twice_a_month_2019")
    pay_monthly: float = param(0.095, unit="share", doc="wage earners paid monthly", low=0.0, high=1.0, calibratable=True, source="us_dcp_wage_pay_frequency_monthly_2019")
    savings_share: float = param(0.7525, unit="share", doc="customers with a savings account", low=0.0, high=1.0, calibratable=True, source="us_dcp_adoption_share_savings_account_2019")
    credit_card_share: float = param(0.7854, unit="share", doc="customers with a credit card", low=0.0, high=1.0, calibratable=True, source="us_dcp_adoption_share_credit_card_2019")
    debit_card_share: float = param(0.902, unit="share", doc="checking accounts with a debit card", low=0.0, high=1.0, calibratable=True,
                                    source="us_dcp_adoption_share_debit_card_2019, us_dcp_adoption_share_checking_account_2019")  # fmt: skip
    wallet_share: float = param(0.5305, unit="share", doc="customers with a payment app that stores a balance", low=0.0, high=1.0,
                                source="us_dcp_adoption_share_payment_service_account_2019")  # fmt: skip
    balance_median: float = param(8000.0, unit="USD", doc="median of what one household has on transaction accounts", low=10.0, high=1e6, transform="log",
                                  calibratable=True, source="us_hou_transaction_account_median_all_2022")  # fmt: skip
    balance_log_sigma: float = param(2.03, unit="ln USD", doc="sigma of the log of transaction account balances", low=0.1, high=4.0, calibratable=True,
                                     source="us_hou_implied_lognormal_sigma_transaction_account_balance_2022")  # fmt: skip
    overdraft_share: float = param(0.35, unit="share", doc="checking accounts with an arranged overdraft", low=0.0, high=1.0,
                                   source="assumption: opt-in to overdraft services")  # fmt: skip
    overdraft_limit: float = param(500.0, unit="USD", doc="typical arranged overdraft", low=0.0, high=1e5, source="assumption: usual limit of overdraft programmes")
    transactor_share: float = param(0.55, unit="share", doc="credit card holders who pay the whole statement", low=0.0, high=1.0, calibratable=True,
                                    source="assumption: a little over half of card holders carry no balance")  # fmt: skip
    revolving_median: float = param(2500.0, unit="USD", doc="median unpaid balance of card holders who revolve", low=10.0, high=1e5,
                                    source="us_pay_diary_median_unpaid_card_balance_revolvers_2023")  # fmt: skip
    cash_on_person: float = param(73.0, unit="USD", doc="mean cash on the person", low=1.0, high=10000.0, source="us_pay_diary_cash_on_person_mean_all_2022")
    contacts: int = param(6, unit="person", doc="people one pays now and then", low=2, high=16,
                          source="assumption: a person's small circle of payees; the graph's clustering is compared with networ_clustering_coefficient_venmo_p2p_2018")  # fmt: skip
    rewiring: float = param(0.12, unit="share", doc="contacts outside one's own community", low=0.0, high=1.0,
                            source="assumption: small-world graph that keeps clustering near the published one")  # fmt: skip
