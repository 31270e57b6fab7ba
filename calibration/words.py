"""Words in which moments and targets speak of payments: means, types of payee, weekdays, bands."""

from __future__ import annotations

from typing import Final

MEANS: Final = (
    "cash", "debit_card", "credit_card", "check", "bank_account_number", "online_banking", "payment_app", "wire",
)  # fmt: skip
"""Means of payment: bank_account_number is collected by the payee, online_banking sent by batch credit transfer,
payment_app sent at once from an account or a wallet."""

MEANS_GROUPS: Final = {
    "card": ("debit_card", "credit_card"),
    "bank": ("bank_account_number", "online_banking"),
}
"""Means that some surveys count together."""

PAYEE_MCC: Final = {
    "grocery_convenience_pharmacy": (5411, 5499, 5912),
    "gas_station": (5541,),
    "sitdown_restaurant_bar": (5812,),
    "fast_food_coffee": (5814,),
    "general_merchandise_online": (5311, 5651, 5732, 5200, 5262, 5818),
    "telecom_media": (4814,),
    "general_services": (7299,),
    "arts_entertainment": (7922,),
    "taxi_airline_delivery": (4121, 4511),
    "public_transport_toll": (4111,),
    "hotel": (7011,),
    "health": (8011,),
    "professional_services": (8999,),
    "building_contractor": (1799,),
    "charity": (8398,),
    "education": (8299,),
    "government": (9399,),
    "utilities": (4900,),
    "insurance": (6300,),
}
"""Merchant category codes of the payee types of the Diary of Consumer Payment Choice."""

PAYEE_GROUPS: Final = {
    "financial_insurance_loan_rent": ("insurance", "housing_loan"),
    "merchants": (*(name for name in PAYEE_MCC if name != "insurance"), "other"),
}
"""Types of payee that data sets do not tell apart, and all but persons, landlords and financial firms."""

PAYEES: Final = (*PAYEE_MCC, "person", "housing_loan", "other")
"""Types of payee: those of the diary, persons, landlords and lenders, and merchants of any other kind."""

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
KINDS: Final = ("purchase", "bill", "transfer")
PLACES: Final = ("in_person", "remote")
INCOMES: Final = ("0-25000", "25000-50000", "50000-75000", "75000-100000", "100000-inf")
"""Bands of net income a year, as `customers.income_band` names them."""
PAY_PERIODS: Final = ("weekly", "biweekly", "semimonthly", "monthly")
MONTH_DAYS: Final = 365.25 / 12
"""Days of a month."""
