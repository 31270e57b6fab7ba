"""What records become: each column against a plain computation row by row, the schema against the contract."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pyarrow as pa
import pytest
from dataset_rows import context, postings, transactions

from finsim import payments as pay
from finsim.dataset.convert import content_hash, to_arrow
from finsim.dataset.encode import Encoder
from finsim.dataset.kernel import NULLABLE
from finsim.dataset.tables import TABLES, TRANSACTIONS

CONTRACT = """transaction_id timestamp rail kind channel payer_account_id payee_account_id payer_institution_id
payee_institution_id customer_id amount currency original_amount original_currency merchant_id mcc terminal_id card_id
device_id entry_mode authentication country latitude longitude ip_id decision decline_reason challenge score
control_group related_transaction_id posted_at payer_balance_after payee_balance_after""".split()  # noqa: SIM905


def time(value):
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=int(value))


def expected(row, at):
    """Return one row's export values, by the words of the contract."""
    one = at.keys.export_one
    code = lambda name, values: None if row[name] == pay.NONE else values[row[name]]  # noqa: E731
    means = lambda name: None if row[name] == 0xFFFFFFFF else one(name, int(row[name]))  # noqa: E731
    approved, abroad = row["decision"] == pay.APPROVED, row["currency"] != pay.NONE
    place = (None, None)
    if row["place"] >= 0:
        place = at.area_latitude[row["place"]], at.area_longitude[row["place"]]
    elif row["merchant"] >= 0:
        place = at.merchant_latitude[row["merchant"]], at.merchant_longitude[row["merchant"]]
    place = tuple(None if x is None or math.isnan(x) else float(x) for x in place)
    return {
        "transaction_id": int(row["transaction_id"]),
        "timestamp": time(row["timestamp"]),
        "rail": pay.RAILS[row["rail"]],
        "kind": pay.KINDS[row["kind"]],
        "channel": pay.CHANNELS[row["channel"]],
        "payer_account_id": one("account", int(at.account_codes[row["payer"]])),
        "payee_account_id": one("account", int(at.account_codes[row["payee"]])),
        "payer_institution_id": int(at.account_institution[row["payer"]]),
        "payee_institution_id": int(at.account_institution[row["payee"]]),
        "customer_id": one("customer", int(row["owner"]) << 7),
        "amount": int(row["amount"]) / 100,
        "currency": "USD",
        "original_amount": int(row["original_amount"]) / 100 if abroad else None,
        "original_currency": code("currency", pay.CURRENCIES),
        "merchant_id": one("merchant", 1 << 30 | int(row["merchant"]) << 10) if row["merchant"] >= 0 else None,
        "mcc": int(row["mcc"]) or None,
        "terminal_id": means("terminal"),
        "card_id": means("card"),
        "device_id": means("device"),
        "entry_mode": code("entry_mode", pay.ENTRY_MODES),
        "authentication": code("authentication", pay.AUTHENTICATIONS),
        "country": code("country", pay.COUNTRIES) or "US",
        "latitude": place[0],
        "longitude": place[1],
        "ip_id": means("ip"),
        "decision": pay.DECISIONS[row["decision"]],
        "decline_reason": code("decline_reason", pay.DECLINE_REASONS),
        "challenge": code("challenge", pay.CHALLENGES),
        "score": None if math.isnan(row["score"]) else float(row["score"]),
        "control_group": bool(row["flags"] & pay.CONTROL_GROUP),
        "related_transaction_id": int(row["related_id"]) or None,
        "posted_at": time(row["posted_at"]) if approved else None,
        "payer_balance_after": int(row["payer_balance"]) / 100 if row["payer"] < at.account_is_customer else None,
        "payee_balance_after": int(row["payee_balance"]) / 100 if row["payee"] < at.account_is_customer else None,
    }


def test_every_column_is_what_the_contract_says():
    at, rows = context(), transactions(700)
    table, _ = Encoder(at).transactions(rows)
    table.validate(full=True)
    assert table.to_pylist() == [expected(row, at) for row in rows]


def test_columns_stand_in_the_order_of_the_contract():
    schema = TRANSACTIONS.schema
    assert schema.names == CONTRACT
    assert schema.field("timestamp").type == pa.timestamp("us", tz="UTC")
    assert schema.field("kind").type == pa.dictionary(pa.int8(), pa.string())
    assert schema.field("transaction_id").type == pa.uint64()
    assert schema.field("card_id").type == pa.uint32()
    assert schema.field("payer_institution_id").type == pa.uint16()
    assert schema.field("latitude").type == pa.float32()
    assert tuple(field.name for field in schema if field.nullable) == NULLABLE


def test_every_column_of_every_table_is_described():
    for table in TABLES.values():
        for field in table.schema:
            assert field.metadata[b"description"], (table.name, field.name)
            number = pa.types.is_floating(field.type) or pa.types.is_timestamp(field.type)
            assert field.metadata[b"unit"] or not number, (table.name, field.name)


def test_buffers_can_be_used_again():
    encoder = Encoder(context())
    first, second = transactions(300, seed=1), transactions(200, seed=2)
    buffers = encoder.buffers(300)
    encoder.transactions(first, 0, buffers)
    again, content = encoder.transactions(second, 7, buffers)
    fresh, same = encoder.transactions(second, 7)
    assert again.equals(fresh)
    assert content == same


def test_content_hash_adds_up_and_sees_every_change():
    encoder, rows = Encoder(context()), transactions(300)
    whole = encoder.transactions(rows)[1]
    parts = encoder.transactions(rows[:123])[1] + encoder.transactions(rows[123:], 123)[1]
    assert whole == parts % 2**64
    for name, value in (
        ("amount", 1),
        ("card", 5 << 7),
        ("payer_balance", 3),
        ("flags", pay.CONTROL_GROUP),
        ("mcc", 7),
    ):
        other = rows.copy()
        # A row in which the change shows: a customer pays by card, outside the control group.
        at = np.flatnonzero((rows["payer"] < 160) & (rows["card"] != 5 << 7) & (rows["flags"] == 0))[0]
        other[name][at] = value
        assert encoder.transactions(other)[1] != whole, name
    swapped = rows.copy()
    swapped["transaction_id"][[4, 5]] = rows["transaction_id"][[5, 4]]
    assert encoder.transactions(swapped)[1] != whole


@pytest.mark.parametrize(
    ("name", "value"), [("kind", 17), ("decision", pay.UNDECIDED), ("entry_mode", 7), ("country", 99)]
)
def test_a_code_that_stands_for_nothing_is_refused(name, value):
    rows = transactions(50)
    rows[name][20] = value
    with pytest.raises(ValueError, match=f"{rows['transaction_id'][20]}.*{name}={value}"):
        Encoder(context()).transactions(rows)


def test_time_that_goes_back_is_refused():
    rows = transactions(50)
    rows["timestamp"][30] = rows["timestamp"][0] - 1
    with pytest.raises(ValueError, match="time order"):
        Encoder(context()).transactions(rows)


def test_no_rows_are_no_problem():
    table, content = Encoder(context()).transactions(transactions(0))
    assert (table.num_rows, content) == (0, 0)


def test_settlements_are_exported():
    at, rows = context(), postings(40)
    table = to_arrow(TABLES["settlements"], Encoder(at).settlements(rows))
    for row, out in zip(rows, table.to_pylist(), strict=True):
        assert out == {
            "posting_id": int(row["posting_id"]),
            "posted_at": time(row["posted_at"]),
            "kind": pay.SETTLEMENT_KINDS[row["kind"]],
            "payer_account_id": at.keys.export_one("account", int(at.account_codes[row["payer"]])),
            "payee_account_id": at.keys.export_one("account", int(at.account_codes[row["payee"]])),
            "amount": int(row["amount"]) / 100,
            "merchant_id": at.keys.export_one("merchant", 1 << 30 | int(row["merchant"]) << 10)
            if row["merchant"] >= 0
            else None,
            "related_transaction_id": int(row["related_id"]) or None,
        }


CARD = {"card_id": [1], "customer_id": [2], "account_id": [3], "kind": ["debit"], "issued_at": [4], "expires_at": [5]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": ["red"]}, "cards has no column 'colour'"),
        ({"kind": ["gift"]}, "cards.kind.*'gift'.*credit"),
        ({"kind": [None]}, "cards.kind may not be null"),
        ({"card_id": [1, 2]}, "values"),
        ({"card_id": [-1]}, "cards.card_id"),
        ({"card_id": ["x"]}, "cards.card_id"),
        ({"kind": np.array([3], np.uint8)}, "cards.kind.*position 3"),
    ],
)
def test_columns_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        to_arrow(TABLES["cards"], CARD | change)


def test_a_missing_column_is_refused():
    with pytest.raises(ValueError, match=r"cards\.issued_at is missing"):
        to_arrow(TABLES["cards"], {name: values for name, values in CARD.items() if name != "issued_at"})


def test_nulls_of_all_kinds():
    table = to_arrow(
        TABLES["campaigns"],
        {
            "campaign_id": np.array([1, 2], np.uint32),
            "typology": np.array(["skimming", "card_testing"]),
            "ring_id": np.ma.array([7, 8], mask=[True, False], dtype=np.uint32),
            "started_at": np.array([0, 10**15]),
            "ended_at": np.array(["NaT", "2025-01-01"], "M8[us]"),
            **{name: np.array([1, 2]) for name in ("victims", "attempts", "approved")},
            **{name: [0.5, 1.25] for name in ("gross_loss", "recovered", "net_loss", "loss_customer", "loss_issuer")},
            "loss_acquirer": np.zeros(2),
            "loss_merchant": np.zeros(2),
        },
    )
    assert table["ring_id"].to_pylist() == [None, 8]
    assert table["ended_at"].to_pylist() == [None, dt.datetime(2025, 1, 1, tzinfo=dt.UTC)]
    assert to_arrow(TABLES["cards"], CARD)["blocked_at"].to_pylist() == [None]
    assert 0 < content_hash(table, 0) != content_hash(table, 1)


def test_hidden_tables_take_further_columns():
    table = to_arrow(TABLES["rings"], {"ring_id": [1], "capital": [2.5], "skill": np.array([0.5])})
    assert table.column_names == ["ring_id", "capital", "skill"]
    assert table.schema.field("skill").metadata[b"description"]
