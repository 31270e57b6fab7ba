"""Reading: lazy frames with the contract's columns, what was known on a day, and one institution's sight."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from dataset_rows import CUSTOMERS, FIRST_DAY, context, transactions

from finsim.clock import DAY
from finsim.dataset import labels, manifest
from finsim.dataset.output import OutputDirectory
from finsim.dataset.reader import open_dataset
from finsim.dataset.recorder import ParquetRecorder
from finsim.dataset.tables import TABLES
from finsim.errors import DatasetError, FinsimError

START = FIRST_DAY * DAY
MARCH = dt.datetime(2025, 3, 1, tzinfo=dt.UTC)


def micros(moment):
    return int(moment.timestamp()) * 1_000_000


def events(*rows):
    """Return label events from (transaction, moment, source, label)."""
    return pl.LazyFrame(
        {
            "transaction_id": [row[0] for row in rows],
            "event_at": [row[1] for row in rows],
            "source": [row[2] for row in rows],
            "reason_code": [None] * len(rows),
            "label": [row[3] for row in rows],
            "amount_recovered": [0.0] * len(rows),
        },
        schema_overrides={"event_at": pl.Datetime("us", "UTC"), "source": pl.Categorical},
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data set of made-up transactions, with accounts, cards and labels that fit them."""
    at, rows = context(), transactions(2_000)
    target = OutputDirectory(tmp_path_factory.mktemp("runs") / "out")
    target.open()
    recorder = ParquetRecorder(target.partial, part_rows=600)
    recorder.bind(at)
    recorder.transactions(rows)
    export = at.keys.export
    count = len(at.account_codes)
    customers = export("customer", (np.arange(CUSTOMERS) << 7).astype(np.uint32))
    owners = np.zeros(count, np.uint32)
    owners[: 4 * CUSTOMERS] = np.repeat(customers, 4)
    recorder.table(
        "accounts",
        {
            "account_id": export("account", at.account_codes),
            "kind": ["checking"] * count,
            "institution_id": at.account_institution,
            "owner_kind": ["customer"] * 4 * CUSTOMERS + ["outside"] * (count - 4 * CUSTOMERS),
            "owner_id": owners,
            "opened_at": START + np.arange(count) * DAY,
            "closed_at": [START + 200 * DAY if i % 2 else None for i in range(count)],
            "currency": ["USD"] * count,
            "opening_balance": np.zeros(count),
            "closing_balance": np.ones(count),
        },
    )
    recorder.table(
        "cards",
        {
            "card_id": np.arange(20),
            "customer_id": customers[:20],
            "account_id": export("account", at.account_codes[: 4 * 20 : 4]),
            "kind": ["debit"] * 20,
            "issued_at": START + np.arange(20) * DAY,
            "expires_at": START + 999 * DAY + np.arange(20),
            "blocked_at": [START + 10 * DAY, *[None] * 19],
        },
    )
    recorder.table(
        "label_events",
        {
            "transaction_id": rows["transaction_id"][:900],
            "event_at": rows["timestamp"][:900] + DAY,
            "source": ["customer"] * 900,
            "label": ["fraud"] * 900,
            "amount_recovered": np.zeros(900),
        },
    )
    recorder.close()
    facts = manifest.RunFacts({"run": {}}, "made_up", "0", 5, dt.date(2025, 1, 28), dt.date(2025, 2, 3))
    parts = [part.to_dict() for part in recorder.parts]
    target.finalise(manifest.build(facts, rows=recorder.rows, content=recorder.content, parts=parts))
    return open_dataset(target.final)


def test_tables_have_the_columns_of_the_contract(data):
    for name, table in TABLES.items():
        frame = getattr(data, name)
        assert isinstance(frame, pl.LazyFrame)
        assert frame.collect_schema().names() == table.schema.names
    frame = data.transactions.collect()
    assert frame.height == 2_000 == data.manifest["rows"]["transactions"]
    assert frame["timestamp"].is_sorted()
    assert frame.schema["kind"] == pl.Categorical
    assert frame.filter(pl.col("kind") == "purchase").height > 0


def test_a_data_set_says_what_it_is(data):
    assert data.seed == 5
    assert data.scenario == {"run": {}}
    assert "'made_up', seed 5: 2,000 transactions" in repr(data)


def test_a_missing_part_is_named(data, tmp_path):
    part = data.manifest["parts"][1]["path"]
    (tmp_path / "manifest.json").write_text((data.path / "manifest.json").read_text())
    first = tmp_path / data.manifest["parts"][0]["path"]
    first.parent.mkdir(parents=True)
    first.touch()
    with pytest.raises(DatasetError, match=part):
        open_dataset(tmp_path)


def test_the_latest_event_before_the_day_wins():
    second = dt.timedelta(seconds=1)
    known = labels.labels_as_of(
        events(
            (1, MARCH - 3 * second, "analyst", "genuine"),
            (1, MARCH - 2 * second, "scheme", "fraud"),
            (2, MARCH - second, "customer", "fraud"),
            (2, MARCH, "analyst", "genuine"),
            (3, MARCH, "customer", "fraud"),
        ),
        "2025-03-01",
    ).collect()
    assert known.select("transaction_id", "label").rows() == [(1, "fraud"), (2, "fraud")]
    assert known.columns == ["transaction_id", "label", "event_at", "source", "reason_code", "amount_recovered"]


def test_at_equal_times_the_better_source_wins():
    order = ["analyst", "customer", "chargeback", "police", "scheme"]
    moment = MARCH - dt.timedelta(days=1)
    for first, winner in enumerate(order):
        for given in (order[first:], order[first:][::-1]):
            known = labels.labels_as_of(events(*((9, moment, source, "fraud") for source in given)), MARCH).collect()
            assert known["source"].to_list() == [winner]


@pytest.mark.parametrize(
    "date", ["2025-03-01", dt.date(2025, 3, 1), dt.datetime(2025, 3, 1), MARCH, "2025-03-01T00:00"]
)
def test_dates_come_in_many_forms(date):
    assert labels.as_time(date) == MARCH


@pytest.mark.parametrize("date", ["", "tomorrow", "2025-02-30", "03/01/2025", 20250301, None, float("nan")])
def test_what_is_no_date_is_refused(data, date):
    for method in (data.labels_as_of, data.entities_as_of):
        with pytest.raises(FinsimError, match="no date") as error:
            method(date)
        assert isinstance(error.value, ValueError)


def test_labels_of_a_data_set(data):
    day = dt.date(2025, 1, 31)
    known = data.labels_as_of(day).collect()
    due = data.label_events.collect().filter(pl.col("event_at") < dt.datetime(2025, 1, 31, tzinfo=dt.UTC))
    assert 0 < known.height == due.height < 900
    assert known.join(data.transactions.collect(), on="transaction_id", how="anti").is_empty()


def test_entities_hold_no_future(data):
    day = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=FIRST_DAY + 10)
    then = data.entities_as_of(day)
    accounts = then.accounts.collect()
    assert accounts.height == 10
    assert "closing_balance" not in accounts.columns
    assert accounts["closed_at"].null_count() == 10
    cards = then.cards.collect()
    assert cards.height == 10
    assert cards["blocked_at"].null_count() == 10
    later = data.entities_as_of(day + dt.timedelta(days=1)).cards.collect()
    assert later["blocked_at"].null_count() == later.height - 1


def test_one_institution_sees_its_side(data):
    seen, every = data.view(institution=2), data.transactions.collect()
    pays, is_paid = pl.col("payer_institution_id") == 2, pl.col("payee_institution_id") == 2
    rows = seen.transactions.collect()
    assert rows["transaction_id"].to_list() == every.filter(pays | is_paid)["transaction_id"].to_list()
    assert rows.columns == every.columns
    whole = every.filter(pays | is_paid)
    customers_side = pl.col("payer_balance_after").is_not_null()
    own = whole.select(pl.when(customers_side).then(pays).otherwise(is_paid)).to_series()
    for name in ("card_id", "device_id", "ip_id"):
        assert rows.filter(own)[name].equals(whole.filter(own)[name])
        assert rows.filter(~own)[name].null_count() == (~own).sum() > 0
    assert rows.filter(~pays)["payer_balance_after"].null_count() == rows.filter(~pays).height
    assert rows.filter(is_paid)["payee_balance_after"].equals(whole.filter(is_paid)["payee_balance_after"])

    mine = set(whole.filter(own)["transaction_id"])
    found = set(seen.label_events.collect()["transaction_id"])
    assert found == mine & set(data.label_events.collect()["transaction_id"])
    accounts = set(seen.accounts.collect()["account_id"])
    assert accounts == set(data.accounts.filter(pl.col("institution_id") == 2).collect()["account_id"])
    assert set(seen.cards.collect()["account_id"]) <= accounts
    for name in ("settlements", "alerts", "events", "customers", "devices", "merchants"):
        assert getattr(seen, name).collect().columns == TABLES[name].schema.names
    assert not hasattr(seen, "truth")
    assert seen.labels_as_of("2025-02-01").collect().height > 0
    cards = seen.entities_as_of("2025-02-01").cards.collect()
    assert set(cards["card_id"]) <= set(seen.cards.collect()["card_id"])


def test_what_was_said_about_a_release_counts_for_the_attempt_that_it_let_go():
    payments = pl.LazyFrame(
        {
            "transaction_id": [1, 2, 3],
            "related_transaction_id": [None, 1, None],
            "decision": ["held", "approved", "approved"],
        }
    )
    told = events((1, MARCH, "analyst", "genuine"), (2, MARCH + dt.timedelta(days=3), "customer", "fraud"))
    known = labels.attempts_labelled_as_of(told, payments, MARCH + dt.timedelta(days=4)).collect()
    assert known.select("transaction_id", "label").rows() == [(1, "fraud")]
    early = labels.attempts_labelled_as_of(told, payments, MARCH + dt.timedelta(days=1)).collect()
    assert early.select("transaction_id", "label").rows() == [(1, "genuine")]


def test_a_device_has_no_owner_before_it_is_enrolled(data):
    seen = [MARCH - dt.timedelta(days=90)] * 2
    devices = pl.LazyFrame({"device_id": [5, 6], "customer_id": [7, 7], "first_seen_at": seen})
    told = data.events.collect().clear()
    added = pl.DataFrame({"device_id": [5], "customer_id": [7], "kind": ["device_added"], "event_at": [MARCH]})
    told = pl.concat([told, added.cast({"event_at": pl.Datetime("us", "UTC")})], how="diagonal_relaxed").lazy()
    owners = {}
    for days in (-1, 1):
        day = MARCH + dt.timedelta(days=days)
        known = labels.entities_as_of(data.accounts, data.cards, devices, data.customers, told, day).devices
        owners[days] = known.collect()["customer_id"].to_list()
    assert owners == {-1: [None, 7], 1: [7, 7]}


def test_an_unknown_institution_is_refused(data):
    with pytest.raises(DatasetError, match=r"no institution 77; it has \[1, 2, 3\]"):
        data.view(institution=77)
