"""How genuine customers behave: what they buy, when, where, by which means, and what they do when money is short."""

from __future__ import annotations

import math
from typing import Literal

from finsim.parameters.fields import Model, param
from finsim.parameters.mobile_money import MobileMoney
from finsim.parameters.occasions import Occasions
from finsim.parameters.pooling import Pooling


class Category(Model):
    """One category of payees: its merchants and the payments to them.

    `share`, `log_mean`, `log_sigma` and the means are of the Diary of Consumer Payment Choice 2017-2019 by payee type;
    where several categories split one payee type, their shares add up to its share. The baseline's categories are
    grocery 5411, convenience 5499, pharmacy 5912 (together grocery_convenience_pharmacy); fuel 5541; restaurant 5812
    (tip); fast_food 5814 (hours meal); general_merchandise 5311, online_retail 5964 (in_person 0), clothing 5651,
    electronics 5732, home_improvement 5200 (together general_merchandise_online, in person 0.749 overall);
    personal_services 7230, auto_services 7538 (general_services); entertainment 7832, digital_goods 5816 (in_person
    0; both arts_entertainment); transport 4111 (public_transport_toll); taxi 4121, airline 4511 (taxi_airline_delivery);
    hotel 7011; health 8011; education 8299; charity 8398; government 9399; professional_services 8999; contractor 1520
    (building_contractor); quasi_cash 6051 (assumption: money transfer and crypto, share 0.004, mostly remote). Bills
    (`bill: true`): utilities 4900, telecom 4814, insurance 6300 (a part of financial_insurance_loan). Rent, loans and
    payments to people are no categories. Code names utilities, telecom, insurance and digital_goods must exist.
    """

    mcc: int = param(..., unit="MCC", doc="merchant category code (ISO 18245)", source="design", low=1, high=9999)
    share: float = param(..., unit="share", doc="share of all payments by number, before the re-basing to 2024", source="entry", low=0.0, high=1.0, transform="log", calibratable=True)
    log_mean: float = param(..., unit="ln USD", doc="mean of the log of the amount, prices of 2017-2019", source="entry", low=-3.0, high=12.0, calibratable=True)
    log_sigma: float = param(..., unit="ln USD", doc="standard deviation of the log of the amount", source="entry", low=0.05, high=3.0, calibratable=True)
    in_person: float = param(..., unit="share", doc="share of payments made in person", source="entry", low=0.0, high=1.0)
    cash: float = param(..., unit="share", doc="share paid in cash", source="entry", low=0.0, high=1.0)
    debit_card: float = param(..., unit="share", doc="share paid by debit card", source="entry", low=0.0, high=1.0)
    credit_card: float = param(..., unit="share", doc="share paid by credit card", source="entry", low=0.0, high=1.0)
    check: float = param(0.0, unit="share", doc="share paid by check", source="entry", low=0.0, high=1.0)
    bank: float = param(0.0, unit="share", doc="share paid from the bank account (number or online banking)", source="entry", low=0.0, high=1.0)
    price_ending: Literal["free", "charm", "whole", "tip"] = param("free", unit="", doc="how prices end: any cent, .99, whole units, or a tip on top", source="design")
    hours: Literal["day", "meal", "evening", "round_the_clock", "office"] = param("day", unit="", doc="opening hours and the profile over the day", source="design")
    merchant_weight: float = param(1.0, unit="", doc="relative number of merchants per payment", source="design", low=0.0, high=100.0)
    favourites: int = param(2, unit="merchant", doc="merchants of this category that a customer returns to", source="design", low=1, high=8)
    refund_rate: float = param(0.0, unit="share", doc="purchases that are refunded later", source="design", low=0.0, high=0.5)
    bill: bool = param(False, unit="", doc="paid on a due date rather than bought on the way", source="design")
    payee: str = param("", unit="", doc="entry of behaviour.payees whose factors apply; none where empty", source="design")
    sources: str = param(..., unit="", doc="ids of the figures these numbers come from, or `assumption: reason`", source="design")
    derived: str = param("", unit="", doc="how the numbers follow from the figures where they do not equal them", source="design")


class Payee(Model):
    """What calibration changes at all categories of one type of payee, whose own figures stay as published."""

    share: float = param(1.0, unit="ratio", doc="factor of the share of payments", low=0.05, high=20.0, transform="log", calibratable=True, source="assumption: 1 until fitted")
    ticket: float = param(1.0, unit="ratio", doc="factor of the amounts", low=0.05, high=20.0, transform="log", calibratable=True, source="assumption: 1 until fitted")


PERSONAL = 0.79
"""Share of payments in cash or by card, the rest being checks and payments from accounts: the sum of
us_pay_diary_share_number_cash_2024, _debit_2024 and _credit_2024."""


class Behaviour(Model):
    """Payments of genuine customers."""

    categories: dict[str, Category] = param(..., unit="", doc="payee categories by name", source="design")
    payees: dict[str, Payee] = param({}, unit="", doc="factors of calibration by type of payee", source="design")
    payments_per_month: float = param(48.0, unit="count/month", doc="payments of a consumer in a month, cash and bills included", low=1.0, high=300.0, transform="log",
                                      calibratable=True, source="us_pay_diary_payments_per_consumer_month_all_2024")  # fmt: skip
    cash_share: float = param(0.14, unit="share", doc="share of payments in cash, by number", low=0.0, high=1.0, calibratable=True, source="us_pay_diary_share_number_cash_2024")
    credit_share: float = param(0.35, unit="share", doc="share of payments by credit card", low=0.0, high=1.0, calibratable=True, source="us_pay_diary_share_number_credit_2024")
    debit_share: float = param(0.30, unit="share", doc="share of payments by debit card", low=0.0, high=1.0, calibratable=True, source="us_pay_diary_share_number_debit_2024")
    check_factor: float = param(0.6, unit="ratio", doc="weight of checks against 2017-2019", low=0.05, high=10.0, transform="log", calibratable=True, source="assumption: checks fell by 7 % a year, us_pay_growth_number_checks_2018_2021_2021")
    bank_factor: float = param(1.0, unit="ratio", doc="weight of payments from the bank account against 2017-2019", low=0.05, high=10.0, transform="log", calibratable=True, source="assumption: 1 until fitted")
    cash_amount_tilt: float = param(0.0, unit="", doc="weight of cash falls with the amount, above 25 USD, by this power, beyond the diary's", low=-2.0, high=2.0, calibratable=True, source="assumption: 0 is the diary's dependence on the amount")
    credit_amount_tilt: float = param(0.0, unit="", doc="weight of credit against debit cards rises with the amount by this power, beyond the diary's", low=-1.0, high=1.0, calibratable=True, source="assumption: 0 is the diary's dependence on the amount")
    check_amount_tilt: float = param(0.0, unit="", doc="weight of checks rises with the amount by this power, beyond the diary's", low=-1.0, high=2.0, calibratable=True, source="assumption: 0 is the diary's dependence on the amount")
    cash_income_tilt: float = param(1.0, unit="", doc="power of the diary's dependence of cash on income", low=0.0, high=4.0, calibratable=True, source="assumption: 1 is the diary's dependence on income")
    credit_income_tilt: float = param(1.0, unit="", doc="power of the diary's dependence of credit cards on income", low=0.0, high=4.0, calibratable=True, source="assumption: 1 is the diary's dependence on income")
    amount_spread: float = param(1.0, unit="ratio", doc="factor of the spread of the log of amounts within a category", low=0.3, high=2.0, transform="log", calibratable=True, source="assumption: 1 is the diary's spread")
    price_level: float = param(1.25, unit="ratio", doc="prices of the run against those of 2017-2019", low=0.2, high=10.0, transform="log", calibratable=True,
                               source="assumption: consumer prices rose by about a quarter from 2018 to 2024")  # fmt: skip
    remote_factor: float = param(1.9, unit="ratio", doc="odds of buying remotely against 2017-2019", low=0.1, high=20.0, transform="log", calibratable=True,
                                 source="assumption: raises the diary's remote share of 2017-2019 towards us_pay_share_number_in_person_of_general_purpose_cards_2022")  # fmt: skip
    activity_variance: float = param(0.22, unit="", doc="squared coefficient of variation of payments a day between people", low=0.0, high=3.0, calibratable=True,
                                     source="assumption: with trips of several purchases gives counts over 3 days a variance of 2.5 times the mean, as in the diary")  # fmt: skip
    purchases_per_trip: float = param(1.28, unit="count", doc="mean purchases on one trip", low=1.0, high=5.0, calibratable=True,
                                      source="assumption: with activity_variance gives the diary's dispersion of 3-day counts")  # fmt: skip
    spending_of_income: float = param(0.93, unit="share", doc="share of net income that is planned to be spent", low=0.3, high=1.5, calibratable=True,
                                      source="assumption: the rest is saved; keeps balances from drifting")  # fmt: skip
    scale_sigma: float = param(0.35, unit="ln USD", doc="spread of ticket sizes between customers of one income", low=0.0, high=1.5, calibratable=True,
                               source="assumption: part of the diary's spread lies between people")  # fmt: skip
    merchant_price_sigma: float = param(0.30, unit="ln USD", doc="spread of price levels between merchants of a category", low=0.0, high=1.5,
                                        source="assumption: part of the diary's spread lies between shops")  # fmt: skip
    pay_day_effect: float = param(0.18, unit="share", doc="extra purchases on pay day and the two days after", low=0.0, high=2.0, calibratable=True,
                                  source="assumption: spending rises by a fifth after pay day")  # fmt: skip
    holiday_effect: float = param(0.0, unit="share", doc="extra purchases on top of the month factor, all days of the run", low=-0.9, high=5.0,
                                  source="assumption: 0 except in scenarios of a peak season")  # fmt: skip
    exploration: float = param(0.0973, unit="share", doc="purchases at a merchant outside one's favourites", low=0.0, high=1.0, calibratable=True,
                               source="micro_exploration_rate_n5_10_store_2017")  # fmt: skip
    adoption: float = param(0.3, unit="share", doc="explored merchants that replace a favourite", low=0.0, high=1.0,
                            source="assumption: most first visits stay the only one")  # fmt: skip
    favourite_exponent: float = param(1.2, unit="", doc="visits to favourites fall with their rank to this power", low=0.0, high=3.0,
                                      source="assumption: Zipf law of visit frequencies, micro_top_merchant_share_per_user_mean_store_2017")  # fmt: skip
    near_share: float = param(0.99, unit="share", doc="explored merchants that lie in the home area", low=0.0, high=1.0,
                              source="assumption: errands are run at home; distance comes from journeys")  # fmt: skip
    trips_away_per_year: float = param(3.0, unit="count/year", doc="journeys away from home", low=0.0, high=50.0, source="assumption: a few overnight journeys a year")
    journey_days: float = param(4.0, unit="day", doc="mean length of a journey", low=1.0, high=60.0, source="assumption: usual length of an overnight journey")
    abroad_share: float = param(0.12, unit="share", doc="journeys that go abroad", low=0.0, high=1.0, source="assumption: about one journey in eight goes abroad")
    foreign_online_share: float = param(0.15, unit="share", doc="online purchases at a merchant abroad", low=0.0, high=1.0, calibratable=True,
                                        source="assumption: with journeys abroad leads towards us_pay_share_number_cross_border_of_general_purpose_cards_2022")  # fmt: skip
    mobile_wallet_share: float = param(0.09, unit="share", doc="in-person card payments with a token in a phone", low=0.0, high=1.0, calibratable=True,
                                       source="assumption: us_pay_number_mobile_wallet_payments_2022 over all card payments, more than half of them in person")  # fmt: skip
    contactless_share: float = param(0.35, unit="share", doc="in-person card payments by tapping the card", low=0.0, high=1.0, calibratable=True, source="assumption: US terminals of 2024")
    contactless_limit: float = param(1e6, unit="USD", doc="amount above which a card has to be inserted; telephones have no such limit", low=1.0, high=1e6, transform="log", calibratable=True, source="assumption: none that matters in the US")
    magstripe_share: float = param(0.05, unit="share", doc="in-person card payments by magnetic stripe", low=0.0, high=1.0, source="assumption: old terminals and fallback")
    keyed_share: float = param(0.02, unit="share", doc="in-person card payments keyed by the merchant, mail and telephone orders", low=0.0, high=1.0, source="assumption: small shops and orders by telephone")
    three_d_secure_share: float = param(0.08, unit="share", doc="e-commerce payments authenticated by 3-D Secure", low=0.0, high=1.0, source="assumption: little used in the US")
    card_on_file_share: float = param(0.4, unit="share", doc="remote payments with a stored card", low=0.0, high=1.0, source="assumption: repeat customers of online shops")
    one_sitting_share: float = param(0.7, unit="share", doc="remote purchases of a day made in one sitting, minutes apart, from one device and address", low=0.0, high=1.0,
                                     source="assumption: who shops online visits several shops at a time")  # fmt: skip
    tip_share: float = param(0.18, unit="share", doc="mean tip on a bill where tips are customary", low=0.0, high=1.0, source="assumption: US restaurants")
    other_device_share: float = param(0.12, unit="share", doc="remote card payments from a device that is not the customer's: at work, borrowed, a browser that forgets", low=0.0, high=0.9,
                                      source="assumption: one in eight; cleared cookies and private windows make a known customer's device look new")  # fmt: skip
    borrowed_device_share: float = param(0.02, unit="share", doc="transfers made on the phone or computer of a relative or friend who lives elsewhere", low=0.0, high=0.9,
                                         source="assumption: one in fifty; carers, couples with two homes, a flat battery")  # fmt: skip
    mistype_rate: float = param(0.055, unit="share", doc="remote card payments with typed details of which one is wrong or out of date", low=0.0, high=0.2,
                                source="US-cnp-wrong-details")  # fmt: skip
    wrong_pin_rate: float = param(0.006, unit="share", doc="PIN entries that are wrong", low=0.0, high=0.2, source="assumption: one in 160")
    verification_rate: float = param(0.12, unit="share", doc="first payments to an online merchant preceded by a card verification of 0", low=0.0, high=1.0, source="assumption: shops that store the card verify it")
    retry_rate: float = param(0.75, unit="share", doc="declined purchases that are tried again", low=0.0, high=1.0, source="US-cnp-gives-up, US-cnp-elsewhere")
    tight_days: float = param(4.0, unit="day", doc="a customer feels tight when the balance is below this many days of spending", low=0.0, high=60.0, source="assumption: less than a working week's spending in hand")
    tight_skip: float = param(0.35, unit="share", doc="discretionary purchases skipped when tight", low=0.0, high=1.0, source="assumption: a third is put off")
    dry_skip: float = param(0.8, unit="share", doc="discretionary purchases skipped when nothing is left", low=0.0, high=1.0, source="assumption: most are put off")
    transfers_per_month: float = param(1.85, unit="count/month", doc="payments from person to person by account or app", low=0.0, high=60.0, transform="log", calibratable=True,
                                       source="us_dcp_share_of_payments_number_by_payee_person_p2p_2017_2019, us_pay_diary_payments_per_consumer_month_all_2024")  # fmt: skip
    transfer_mean: float = param(277.78, unit="USD", doc="mean amount of a payment from person to person", low=1.0, high=10000.0, transform="log", calibratable=True,
                                 source="us_pay_average_value_zelle_all_2024")  # fmt: skip
    transfer_log_sigma: float = param(1.57, unit="ln USD", doc="sigma of the log of such amounts", low=0.1, high=3.0, calibratable=True, source="us_dcp_amount_lognormal_sigma_by_payee_person_p2p_2017_2019")
    transfer_round_share: float = param(0.93, unit="share", doc="such amounts that are whole units", low=0.0, high=1.0, source="us_dcp_round_amount_share_whole_unit_person_p2p_2017_2019")
    instant_share: float = param(0.7, unit="share", doc="transfers on the instant rail; the rest by wallet or batch", low=0.0, high=1.0, calibratable=True, source="assumption: Zelle-like services lead")
    new_payee_rate: float = param(0.08, unit="share", doc="transfers that go to somebody not paid before", low=0.0, high=1.0, source="assumption: tradesmen, sellers, new friends")
    large_transfers_per_year: float = param(0.4, unit="count/year", doc="large one-off transfers (car, deposit, family)", low=0.0, high=12.0, source="assumption: with occasions.projects_per_year one in two years")
    savings_rate: float = param(0.05, unit="share", doc="share of net pay moved to savings by standing order", low=0.0, high=0.6, calibratable=True, source="assumption: personal saving rate of recent years")
    rent_share: float = param(0.36, unit="share", doc="customers who rent", low=0.0, high=1.0, source="assumption: share of households that rent")
    shared_rent_share: float = param(0.15, unit="share", doc="renters who pay their share to a flatmate", low=0.0, high=1.0, source="assumption: young renters share flats")
    rent_of_income: float = param(0.27, unit="share", doc="rent or mortgage instalment as a share of net income", low=0.05, high=0.8, calibratable=True,
                                  source="assumption: us_hou_expenditure_share_housing_2023 is 0.329 with utilities and furnishing; rent and instalments are the larger part")  # fmt: skip
    mortgage_share: float = param(0.4, unit="share", doc="customers with a mortgage", low=0.0, high=1.0, source="assumption: about two thirds of owners")
    loan_share: float = param(0.4, unit="share", doc="customers with a car or student loan", low=0.0, high=1.0, source="assumption: consumer credit holding")
    loan_of_income: float = param(0.07, unit="share", doc="instalment of a loan as a share of net income", low=0.01, high=0.6, calibratable=True, source="assumption: usual instalment of a car loan")
    financial_payments_mean: float = param(0.0, unit="count/month", doc="further regular payments to financial firms per customer: second loans, investments, premiums, each of loan_of_income", low=0.0, high=3.0, calibratable=True,
                                           source="assumption: 0 until fitted; the diary of 2019 counts more payments to financial payees than those of 2017-2018, us_pay_diary_share_value_financial_services_payees_2019")  # fmt: skip
    automatic_bill_share: float = param(0.6757, unit="share", doc="customers who let bills be collected", low=0.0, high=1.0, calibratable=True, source="us_dcp_adoption_share_automatic_bill_pay_2019")
    subscriptions_mean: float = param(2.6, unit="count", doc="subscriptions on a card per customer", low=0.0, high=20.0, calibratable=True, source="assumption: streaming, software, gym")
    device_change_per_year: float = param(0.35, unit="count/year", doc="new phones or computers per customer", low=0.0, high=5.0, source="assumption: a device lasts about three years")
    move_per_year: float = param(0.09, unit="count/year", doc="changes of home per customer", low=0.0, high=3.0, source="assumption: about one in eleven moves a year")
    job_change_per_year: float = param(0.15, unit="count/year", doc="changes of employer per earner", low=0.0, high=3.0, source="assumption: one in seven a year")
    contact_change_per_year: float = param(0.12, unit="count/year", doc="changes of e-mail or telephone number", low=0.0, high=5.0, source="assumption: one in eight a year")
    password_reset_per_year: float = param(0.6, unit="count/year", doc="forgotten passwords", low=0.0, high=12.0, source="assumption: a little over one in two years")
    alerts_change_per_year: float = param(0.15, unit="count/year", doc="changes of what the bank sends messages about", low=0.0, high=12.0, source="assumption: one in seven a year")
    logins_per_month: float = param(12.0, unit="count/month", doc="sessions in the bank's app or site", low=0.0, high=200.0, source="assumption: three a week")
    login_sample: float = param(0.05, unit="share", doc="everyday logins that are exported", low=0.0, high=1.0, source="design")
    new_account_per_year: float = param(0.05, unit="count/year", doc="savings accounts or wallets opened", low=0.0, high=3.0, source="assumption: one in twenty a year")
    account_closure_per_year: float = param(0.02, unit="count/year", doc="savings accounts or wallets closed", low=0.0, high=3.0, source="assumption: one in fifty a year")
    newcomer_share: float = param(0.12, unit="share", doc="customers who joined their bank within the last year", low=0.0, high=1.0, source="assumption: one relation in eight is younger than a year, which goes with a mean of eight years")
    sim_change_per_year: float = param(0.3, unit="count/year", doc="SIM cards changed per customer, most of them with a new telephone", low=0.0, high=5.0, source="assumption: new telephones, lost ones and changes of carrier")
    sim_known_share: float = param(0.5, unit="share", doc="changes of SIM cards that a carrier tells the bank about", low=0.0, high=1.0, source="assumption: banks ask some carriers, and for some numbers")
    errand_share: float = param(0.3, unit="share", doc="new devices, new SIM cards and forgotten passwords on the occasion of a payment, which follows within minutes to hours", low=0.0, high=1.0,
                                source="assumption: a password is missed when it is needed, a new phone is tried out")  # fmt: skip
    limit_change_per_year: float = param(0.2, unit="count/year", doc="credit limits raised per customer with a card", low=0.0, high=5.0, source="assumption: reviewed every few years")
    disputes_per_1000_customers: float = param(10.0, unit="claims/1000 customers/year", doc="honest disputes: remote purchases that never came or were not as described", low=0.0, high=1000.0,
                                               source="assumption: with friendly fraud leads a third to a half of chargebacks that are no third-party fraud, BEHAVIOUR-041")  # fmt: skip
    defaults_per_1000_customers: float = param(28.0, unit="customers/1000/year", doc="genuine card holders who stop paying and are charged off", low=0.0, high=300.0,
                                               source="assumption: BEHAVIOUR-035, synthetic identities are one charged-off account in twenty")  # fmt: skip
    wallet_agents_per_1000_customers: float = param(3.0, unit="merchant/1000 customers", doc="shops that take cash into wallets and pay it out", low=0.0, high=100.0, source="assumption: retail cash loading points of payment apps")
    wallet_cash_in_per_month: float = param(0.06, unit="count/month", doc="cash deposits per wallet", low=0.0, high=30.0, source="assumption: US wallets are filled from accounts; cash is the exception")
    wallet_cash_out_per_month: float = param(0.03, unit="count/month", doc="cash withdrawals per wallet", low=0.0, high=30.0, source="assumption: half of wallet_cash_in_per_month")
    wallet_top_up_share: float = param(1.0, unit="share", doc="wallets with a standing order that fills them from the own account each month", low=0.0, high=1.0, source="assumption: US wallets are filled from accounts")
    mobile_money: MobileMoney = param(MobileMoney(), unit="", doc="wallets as everyday accounts", source="design")
    occasions: Occasions = param(Occasions(), unit="", doc="rare payments that look like scams", source="design")
    pooling: Pooling = param(Pooling(), unit="", doc="money pooled, passed on, paid round and banked", source="design")

    def cards_a_year(self) -> float:
        """Return about how many payments by card a customer makes in a year; shares of means matter as ratios only."""
        cards = self.debit_share + self.credit_share
        return 12.0 * self.payments_per_month * PERSONAL * cards / max(cards + self.cash_share, 1e-9)

    def fitted_categories(self) -> dict[str, Category]:
        """Return the categories with the factors of their payees applied, by name."""
        return {name: self._fitted(category) for name, category in self.categories.items()}

    def _fitted(self, category: Category) -> Category:
        factors = self.payees.get(category.payee)
        if factors is None:
            return category
        changes = {"share": category.share * factors.share, "log_mean": category.log_mean + math.log(factors.ticket)}
        return category.model_copy(update=changes)
