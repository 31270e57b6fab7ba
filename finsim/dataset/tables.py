"""The tables of a data set: each column declared once, with type, unit and meaning.

Names, types and values are a contract that outside programs read. Columns with a closed list of values are
Arrow dictionaries over exactly that list, so a code means the same in every part of every run.
"""

from __future__ import annotations

from typing import Final

from finsim import payments
from finsim.dataset.columns import BOOL, DEGREE, F32, F64, I16, I32, TEXT, U16, Column, Table
from finsim.dataset.columns import code_column as _code
from finsim.dataset.columns import id_column as _id
from finsim.dataset.columns import money_column as _money
from finsim.dataset.columns import time_column as _time

LABELS: Final = ("fraud", "laundering", "genuine")
SOURCES: Final = ("customer", "chargeback", "analyst", "scheme", "police")
ALERT_DECISIONS: Final = (*LABELS, "unworked")
EVENT_KINDS: Final = (
    "login", "login_failed", "password_reset", "device_added", "payee_added", "contact_changed", "alerts_changed",
    "sim_changed", "card_issued", "card_activated", "card_blocked", "card_reported_lost", "limit_changed",
    "address_changed", "account_opened", "account_closed", "account_frozen", "account_unfrozen",
)  # fmt: skip
ACCOUNT_KINDS: Final = ("checking", "savings", "credit_card", "wallet", "merchant_receivable", "merchant", "outside")
OWNER_KINDS: Final = ("customer", "merchant", "institution", "outside")
CARD_KINDS: Final = ("debit", "credit", "prepaid")

TRANSACTIONS: Final = Table("transactions", "movement or attempt that touches a customer's account", (
    _id("transaction_id", "id of the transaction; tells nothing", wide=True),
    _time("timestamp", "when the request reached the institution"),
    _code("rail", "network that carries the payment", payments.RAILS),
    _code("kind", "what the payment is", payments.KINDS),
    _code("channel", "where it was requested", payments.CHANNELS),
    _id("payer_account_id", "account that pays"),
    _id("payee_account_id", "account that is paid"),
    Column("payer_institution_id", U16, "institution of the payer's account"),
    Column("payee_institution_id", U16, "institution of the payee's account"),
    _id("customer_id", "owner of the payer's account if a customer, else of the payee's"),
    _money("amount", "amount in the payer account's currency, exactly cents / 100; 0 only for a verification"),
    _code("currency", "ISO 4217 currency of the amount", payments.CURRENCIES),
    _money("original_amount", "amount in the currency abroad", null=True),
    _code("original_currency", "ISO 4217 currency abroad", payments.CURRENCIES, null=True),
    _id("merchant_id", "merchant that is paid, or pays back", null=True),
    Column("mcc", U16, "merchant category code of the merchant; 6011 for a cash machine", "", True),
    _id("terminal_id", "till, cash machine or gateway of an online shop", null=True),
    _id("card_id", "card used", null=True),
    _id("device_id", "device used", null=True),
    _code("entry_mode", "how the card's details were read", payments.ENTRY_MODES, null=True),
    _code("authentication", "how the customer was authenticated", payments.AUTHENTICATIONS, null=True),
    _code("country", "ISO 3166-1 alpha-2 country of the terminal or of the IP address' area", payments.COUNTRIES),
    Column("latitude", F32, "latitude of the terminal or of the IP address' area", DEGREE, True),
    Column("longitude", F32, "longitude of the terminal or of the IP address' area", DEGREE, True),
    _id("ip_id", "stable id of the IP address", null=True),
    _code("decision", "what the institution decided", payments.DECISIONS),
    _code("decline_reason", "why it was declined", payments.DECLINE_REASONS, null=True),
    _code("challenge", "outcome of a challenge", payments.CHALLENGES, null=True),
    Column("score", F32, "score of the institution's model, higher is more suspicious", "0 to 1", True),
    Column("control_group", BOOL, "scored, but the score was not applied"),
    _id("related_transaction_id", "transaction that this one belongs to", wide=True, null=True),
    _time("posted_at", "when the payee's side counts; null unless approved", null=True),
    _money("payer_balance_after", "booked balance of a customer's paying account afterwards", null=True),
    _money("payee_balance_after", "booked balance of a customer's paid account afterwards", null=True),
))  # fmt: skip

SETTLEMENTS: Final = Table("settlements", "movement that touches no customer's account", (
    _id("posting_id", "id of the posting; shares the number space of transaction_id", wide=True),
    _time("posted_at", "when both sides count"),
    _code("kind", "what the movement is", payments.SETTLEMENT_KINDS),
    _id("payer_account_id", "account that pays"),
    _id("payee_account_id", "account that is paid"),
    _money("amount", "amount"),
    _id("merchant_id", "merchant concerned", null=True),
    _id("related_transaction_id", "transaction that it belongs to", wide=True, null=True),
))  # fmt: skip

TRUTH: Final = Table("truth", "transaction that is not genuine", (
    _id("transaction_id", "the transaction", wide=True),
    Column("is_fraud", BOOL, "made by a thief, a deceived victim or a false claimant"),
    Column("is_laundering", BOOL, "passes on money from crime"),
    Column("typology", TEXT, "kind of fraud or laundering"),
    _id("campaign_id", "campaign it belongs to"),
    Column("stage", TEXT, "stage of the campaign"),
    _id("ring_id", "ring behind it", null=True),
    _id("victim_customer_id", "customer who is harmed", null=True),
))  # fmt: skip

LABEL_EVENTS: Final = Table("label_events", "what became known of a transaction, and when", (
    _id("transaction_id", "the transaction", wide=True),
    _time("event_at", "when it became known"),
    _code("source", "who says so", SOURCES),
    Column("reason_code", TEXT, "reason code of a chargeback or claim", "", True),
    _code("label", "what is said", LABELS),
    _money("amount_recovered", "amount that was recovered with it"),
))  # fmt: skip

CAMPAIGNS: Final = Table("campaigns", "run of a typology by one ring against its victims", (
    _id("campaign_id", "id of the campaign"),
    Column("typology", TEXT, "kind of fraud or laundering"),
    _id("ring_id", "ring behind it", null=True),
    _time("started_at", "when it was planned; its first attempt comes later, and may lie before the export"),
    _time("ended_at", "last exported attempt; null while it goes on", null=True),
    Column("victims", I32, "customers harmed or attacked", "customer"),
    Column("attempts", I32, "fraudulent requests without releases", "transaction"),
    Column("approved", I32, "fraudulent requests that were approved", "transaction"),
    _money("gross_loss", "sum of the approved amounts"),
    _money("recovered", "what came back"),
    _money("net_loss", "gross loss less what came back"),
    _money("loss_customer", "part of the net loss that customers bear"),
    _money("loss_issuer", "part that the customers' institutions bear"),
    _money("loss_acquirer", "part that acquirers bear"),
    _money("loss_merchant", "part that merchants bear"),
))  # fmt: skip

ALERTS: Final = Table("alerts", "alert of a control", (
    _id("alert_id", "id of the alert", wide=True),
    _id("transaction_id", "transaction that raised it", wide=True),
    _time("raised_at", "when it was raised"),
    Column("control", TEXT, "control that raised it"),
    Column("score", F32, "score that raised it", "0 to 1", True),
    _time("decided_at", "when an analyst decided; null if nobody did", null=True),
    _code("decision", "what the analyst decided", ALERT_DECISIONS),
))  # fmt: skip

EVENTS: Final = Table("events", "what happens to a customer without money", (
    _id("event_id", "id of the event", wide=True),
    _time("event_at", "when it happened"),
    _id("customer_id", "customer concerned"),
    _id("account_id", "account concerned", null=True),
    _code("kind", "what happened", EVENT_KINDS),
    _id("device_id", "device used", null=True),
    _id("ip_id", "IP address used", null=True),
    Column("former_postcode_area", TEXT, "postcode area that the customer left; address_changed only", "", True),
    _money("former_credit_limit", "credit limit before it changed; limit_changed only", null=True),
))  # fmt: skip

ACCOUNTS: Final = Table("accounts", "account", (
    _id("account_id", "id of the account"),
    _code("kind", "kind of account", ACCOUNT_KINDS),
    Column("institution_id", U16, "institution that keeps it"),
    _code("owner_kind", "kind of owner", OWNER_KINDS),
    _id("owner_id", "id of the owner in the table of its kind"),
    _time("opened_at", "when it was opened"),
    _time("closed_at", "when it was closed", null=True),
    Column("currency", TEXT, "ISO 4217 currency"),
    _money("credit_limit", "how far the balance may go below zero; null for no credit", null=True),
    _money("opening_balance", "balance when the export starts"),
    _money("closing_balance", "balance at the end, credits still on their way included"),
))  # fmt: skip

CUSTOMERS: Final = Table("customers", "customer, as a bank knows it", (
    _id("customer_id", "id of the customer"),
    Column("segment", TEXT, "segment; business for a firm"),
    Column("birth_year", I16, "year of birth", "year", True),
    Column("sex", TEXT, "sex; null for a business", "", True),
    Column("postcode_area", TEXT, "postcode area of the home"),
    Column("latitude", F32, "latitude of the area's centre", DEGREE),
    Column("longitude", F32, "longitude of the area's centre", DEGREE),
    Column("region", TEXT, "region of the home"),
    Column("income_band", TEXT, "income band that the bank knows", "", True),
    _time("customer_since", "start of the relation"),
))  # fmt: skip

CARDS: Final = Table("cards", "card", (
    _id("card_id", "id of the card"),
    _id("customer_id", "holder"),
    _id("account_id", "account that it draws on"),
    _code("kind", "kind of card", CARD_KINDS),
    _time("issued_at", "when it was issued"),
    _time("expires_at", "when it expires"),
    _time("blocked_at", "when it was blocked", null=True),
))  # fmt: skip

DEVICES: Final = Table("devices", "device", (
    _id("device_id", "id of the device"),
    _id("customer_id", "customer who owns it; null if shared", null=True),
    Column("kind", TEXT, "kind of device"),
    _time("first_seen_at", "when it was first seen"),
))  # fmt: skip

MERCHANTS: Final = Table("merchants", "merchant", (
    _id("merchant_id", "id of the merchant"),
    _id("owner_customer_id", "business customer who owns it", null=True),
    Column("mcc", U16, "merchant category code"),
    Column("category", TEXT, "category of the scenario"),
    Column("online", BOOL, "sells online"),
    Column("latitude", F32, "latitude", DEGREE, True),
    Column("longitude", F32, "longitude", DEGREE, True),
    Column("country", TEXT, "ISO 3166-1 alpha-2 country"),
    _time("opened_at", "when it opened"),
))  # fmt: skip

RINGS: Final = Table("rings", "ring, as only the simulation knows it", (
    _id("ring_id", "id of the ring"),
), more=True)  # fmt: skip

CUSTOMERS_HIDDEN: Final = Table("customers_hidden", "customer, as only the simulation knows it", (
    _id("customer_id", "id of the customer"),
    Column("susceptibility", F64, "how easily the customer is deceived", "0 to 1"),
    _money("true_income", "net income a month"),
), more=True)  # fmt: skip

LABELS_HIDDEN: Final = Table("labels_hidden", "label that the end of the run cut off, had nothing new happened", (
    _id("transaction_id", "the transaction", wide=True),
    _time("event_at", "when it would have become known"),
    _code("source", "who would have said so", SOURCES),
    _code("label", "what would have been said", LABELS),
))  # fmt: skip

CASH_HIDDEN: Final = Table("cash_hidden", "cash purchase, which no bank sees", (
    _id("customer_id", "customer who pays"),
    _time("timestamp", "when it happened"),
    _money("amount", "amount"),
    Column("mcc", U16, "merchant category code", "", True),
    _id("merchant_id", "merchant that is paid", null=True),
))  # fmt: skip

TABLES: Final = {
    table.name: table
    for table in (
        TRANSACTIONS, SETTLEMENTS, TRUTH, LABEL_EVENTS, CAMPAIGNS, ALERTS, EVENTS, ACCOUNTS, CUSTOMERS, CARDS,
        DEVICES, MERCHANTS, RINGS, CUSTOMERS_HIDDEN, LABELS_HIDDEN, CASH_HIDDEN,
    )
}  # fmt: skip
"""Every table by name, in the order of the contract."""
