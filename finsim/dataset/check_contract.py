"""The tables as outside programs may expect them, stated a second time for the auditor.

`finsim.dataset.tables` says what the writer writes. This module says what a reader was promised, and the two share
nothing, so a mistake in one is a finding and not a rule. A column is written `name:type`, with `?` where it may be
null.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import polars as pl


@dataclass(frozen=True)
class Column:
    """What a column has to be.

    Args:
        name: its name.
        type: one of the keys of `TYPES`.
        null: whether it may be null.
    """

    name: str
    type: str
    null: bool

    def accepts(self, dtype: Any) -> bool:
        """Return whether a Polars dtype is what was promised."""
        return dtype in TYPES[self.type]


TIME: Final = pl.Datetime("us", "UTC")
TYPES: Final[dict[str, tuple[Any, ...]]] = {
    "u64": (pl.UInt64,),
    "u32": (pl.UInt32,),
    "u16": (pl.UInt16,),
    "f64": (pl.Float64,),
    "f32": (pl.Float32,),
    "bool": (pl.Boolean,),
    "time": (TIME,),
    "code": (pl.Categorical, pl.Enum),
    "text": (pl.String, pl.Categorical, pl.Enum),
    "int": (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64),
    "number": (pl.Float32, pl.Float64),
}
"""Dtypes that each word accepts; `code` is a Parquet dictionary."""


def _columns(text: str) -> tuple[Column, ...]:
    words = (word.partition(":") for word in text.split())
    return tuple(Column(name, word.rstrip("?"), word.endswith("?")) for name, _, word in words)


TABLES: Final = {
    name: _columns(text)
    for name, text in {
        "transactions": """transaction_id:u64 timestamp:time rail:code kind:code channel:code payer_account_id:u32
            payee_account_id:u32 payer_institution_id:u16 payee_institution_id:u16 customer_id:u32 amount:f64
            currency:code original_amount:f64? original_currency:code? merchant_id:u32? mcc:u16? terminal_id:u32?
            card_id:u32? device_id:u32? entry_mode:code? authentication:code? country:code latitude:f32? longitude:f32?
            ip_id:u32? decision:code decline_reason:code? challenge:code? score:f32? control_group:bool
            related_transaction_id:u64? posted_at:time? payer_balance_after:f64? payee_balance_after:f64?""",
        "settlements": """posting_id:u64 posted_at:time kind:text payer_account_id:u32 payee_account_id:u32 amount:f64
            merchant_id:u32? related_transaction_id:u64?""",
        "truth": """transaction_id:u64 is_fraud:bool is_laundering:bool typology:text campaign_id:u32 stage:text
            ring_id:u32? victim_customer_id:u32?""",
        "label_events": """transaction_id:u64 event_at:time source:text reason_code:text? label:text
            amount_recovered:f64""",
        "campaigns": """campaign_id:u32 typology:text ring_id:u32? started_at:time ended_at:time? victims:int
            attempts:int approved:int gross_loss:f64 recovered:f64 net_loss:f64 loss_customer:f64 loss_issuer:f64
            loss_acquirer:f64 loss_merchant:f64""",
        "alerts": """alert_id:int transaction_id:u64 raised_at:time control:text score:f32? decided_at:time?
            decision:text""",
        "events": "event_id:int event_at:time customer_id:u32 account_id:u32? kind:text device_id:u32? ip_id:u32? "
        "former_postcode_area:text? former_credit_limit:f64?",
        "accounts": """account_id:u32 kind:text institution_id:u16 owner_kind:text owner_id:u32 opened_at:time
            closed_at:time? currency:text credit_limit:f64? opening_balance:f64 closing_balance:f64""",
        "customers": """customer_id:u32 segment:text birth_year:int? sex:text? postcode_area:text latitude:number
            longitude:number region:text income_band:text? customer_since:time""",
        "cards": "card_id:u32 customer_id:u32 account_id:u32 kind:text issued_at:time expires_at:time blocked_at:time?",
        "devices": "device_id:u32 customer_id:u32? kind:text first_seen_at:time",
        "merchants": """merchant_id:u32 owner_customer_id:u32? mcc:u16 category:text online:bool latitude:number?
            longitude:number? country:text opened_at:time""",
        "rings": "ring_id:u32",
        "customers_hidden": "customer_id:u32",
        "labels_hidden": "transaction_id:u64 event_at:time source:text label:text",
        "cash_hidden": "customer_id:u32 timestamp:time amount:f64 mcc:u16? merchant_id:u32?",
    }.items()
}
"""Columns of every table; a data set may have more."""

KEYS: Final = {
    "transactions": "transaction_id", "settlements": "posting_id", "truth": "transaction_id",
    "campaigns": "campaign_id", "alerts": "alert_id", "events": "event_id", "accounts": "account_id",
    "customers": "customer_id", "cards": "card_id", "devices": "device_id", "merchants": "merchant_id",
    "rings": "ring_id", "customers_hidden": "customer_id",
}  # fmt: skip
"""The column of each table in which no value stands twice."""

_LABELS = "fraud laundering genuine"
VALUES: Final = {
    name: tuple(text.split())
    for name, text in {
        "transactions.rail": "card instant ach direct_debit wire check cash wallet",
        "transactions.kind": """purchase withdrawal deposit transfer bill income refund verification reversal
            reimbursement recovery write_off fee interest repayment settlement adjustment""",
        "transactions.channel": "pos online atm branch app phone batch",
        "transactions.entry_mode": "chip contactless magstripe keyed ecommerce token card_on_file",
        "transactions.authentication": "none pin signature biometric one_time_code three_d_secure",
        "transactions.decision": "approved declined held",
        "transactions.decline_reason": """insufficient_funds limit blocked rule model authentication_failed
            invalid_details""",
        "transactions.challenge": "passed failed abandoned",
        "settlements.kind": """settlement merchant_fee interchange chargeback representment write_off recovery
            sweep""",
        "truth.typology": """card_testing card_not_present lost_stolen skimming account_takeover sim_swap
            purchase_scam investment_scam romance_scam advance_fee_scam invoice_redirection impersonation_scam
            application_fraud synthetic_identity friendly_fraud refund_abuse merchant_collusion agent_fraud structuring
            fan_in fan_out cycle scatter_gather gather_scatter bipartite stack random mule_cash_out""",
        "label_events.source": "customer chargeback analyst scheme police",
        "label_events.label": _LABELS,
        "labels_hidden.source": "customer chargeback analyst scheme police",
        "labels_hidden.label": _LABELS,
        "alerts.decision": f"{_LABELS} unworked",
        "events.kind": """login login_failed password_reset device_added payee_added contact_changed alerts_changed
            sim_changed card_issued card_activated card_blocked card_reported_lost limit_changed address_changed
            account_opened account_closed account_frozen account_unfrozen""",
        "accounts.kind": "checking savings credit_card wallet merchant_receivable merchant outside",
        "accounts.owner_kind": "customer merchant institution outside",
        "cards.kind": "debit credit prepaid",
    }.items()
}
"""The closed lists of values, by `table.column`. Typologies from outside the package may be added to the last list."""

FORCED_KINDS: Final = (
    "fee", "interest", "refund", "reversal", "reimbursement", "recovery", "write_off", "settlement", "adjustment",
)  # fmt: skip
"""Kinds that a bank or a merchant books by itself: no limit stops them, and no card has to be good for them."""
