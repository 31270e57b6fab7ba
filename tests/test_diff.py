"""The differ matches two runs row by row, and explains what differs by what reached it, or names it."""

from __future__ import annotations

import copy
import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from dataset_builder import Row, at, number
from dataset_story import ANNA, BEN, CARD_CAMPAIGN, CARLA, CLUB, SCAM, SHOP, STRANGER, Story, checking, savings
from hypothesis import given, settings
from hypothesis import strategies as st

from finsim.dataset.diff import DiffReport, diff
from finsim.dataset.diff_reach import Spread
from finsim.dataset.diff_tables import differing_parameters
from finsim.errors import DatasetError

HOUR = dt.timedelta(hours=1)
Compare = Callable[[Story, Story], DiffReport]


@pytest.fixture
def compare(tmp_path: Path) -> Compare:
    def run(a: Story, b: Story) -> DiffReport:
        report = diff(a.write(tmp_path / "a"), b.write(tmp_path / "b"))
        json.dumps(report.to_dict())
        assert str(report)
        return report

    return run


@pytest.fixture
def twins() -> tuple[Story, Story]:
    """Return the story with fraud, and without."""
    return Story(), Story(fraud=False)


@pytest.fixture
def same() -> tuple[Story, Story]:
    """Return the story with fraud twice, with a parameter of fraud that differs."""
    story = Story()
    other = copy.deepcopy(story)
    other.scenario["fraud"]["intensity"] = 2.0
    return story, other


def add(story: Story, name: str, time: dt.datetime, payer: int, payee: int, **more: object) -> Row:
    """Add a row behind the ledger's back: the differ believes every row."""
    row = {**story.row("gift"), "transaction_id": number(name), "timestamp": time, "posted_at": time, **more}
    row |= {"payer_account_id": payer, "payee_account_id": payee, "customer_id": payer // 10}
    story.tables["transactions"].append(row)
    return row


def test_a_run_equals_itself(compare: Compare) -> None:
    report = compare(Story(), Story())
    assert report.identical
    assert report.genuine_identical_share == 1.0
    assert (report.unexplained, report.causes, report.parameters) == (0, {}, {})
    assert not any(counts["only_a"] or counts["only_b"] for counts in report.tables.values())
    assert "identical" in str(report)


def test_twins_differ_by_what_fraud_reached(twins: tuple[Story, Story], compare: Compare) -> None:
    report = compare(*twins)
    a, b = (story.tables["transactions"] for story in twins)
    assert report.parameters == {"fraud.intensity": (1.0, 0.0)}
    assert report.rows == (len(a), len(b))
    assert report.other["only_a"].rows == len(
        {row["transaction_id"] for row in a} - {row["transaction_id"] for row in b}
    )
    assert report.genuine["only_b"].rows > 0  # purchases that Ben had no card for
    assert report.unexplained == 0
    assert sum(side.rows for side in report.causes.values()) == sum(
        side.rows for name, side in report.genuine.items() if name != "identical"
    )
    assert set(report.campaigns) <= {CARD_CAMPAIGN, SCAM}
    assert CARD_CAMPAIGN in report.campaigns
    assert report.cards > 0
    assert report.balances > 0
    assert 0.9 < report.genuine_identical_share < 1.0
    assert report.tables["campaigns"] == {"a": 2, "b": 0, "only_a": 2, "only_b": 0}


def test_the_other_way_round_is_the_mirror_image(twins: tuple[Story, Story], tmp_path: Path) -> None:
    a, b = (story.write(tmp_path / name) for name, story in zip("ab", twins, strict=True))
    there, back = diff(a, b), diff(b, a)
    assert there.genuine["only_b"].rows == back.genuine["only_a"].rows
    assert {name: side.rows for name, side in there.causes.items()} == {n: s.rows for n, s in back.causes.items()}
    assert there.changed_by == back.changed_by


def test_a_row_that_nothing_reached_is_named(twins: tuple[Story, Story], compare: Compare) -> None:
    twins[1].row("gift")["amount"] += 1.0
    report = compare(*twins)
    assert report.unexplained == 1
    assert report.unexplained_ids == (number("gift"),)
    assert report.changed_by["amount"] == 1
    assert str(number("gift")) in str(report)


def test_the_same_scenario_explains_nothing(compare: Compare) -> None:
    a, b = Story(), Story()
    b.row("stolen 0")["amount"] += 1.0
    b.row("gift")["amount"] += 1.0
    report = compare(a, b)
    assert report.unexplained == 2
    assert set(report.unexplained_ids) == {number("gift"), number("stolen 0")}


def test_a_payment_carries_the_difference_on(same: tuple[Story, Story], compare: Compare) -> None:
    """Fraud of one run only reaches Ben, Ben's payment Carla, hers Anna; what Anna did before is no consequence."""
    a, b = same
    stolen = add(a, "more theft", at(2, "01:00"), checking(BEN), STRANGER)
    a.tables["truth"].append({**a.tables["truth"][0], "transaction_id": stolen["transaction_id"]})
    add(a, "first", at(2, "02:00"), checking(BEN), checking(CARLA))
    add(a, "second", at(2, "03:00"), checking(CARLA), checking(ANNA))
    add(a, "third", at(2, "04:00"), checking(ANNA), STRANGER)
    add(a, "early", at(2, "02:30"), checking(ANNA), STRANGER)
    report = compare(a, b)
    assert report.causes["payment"].rows == 3
    assert report.campaigns == {CARD_CAMPAIGN: 3}
    assert report.unexplained_ids == (number("early"),)


def test_a_declined_payment_reaches_nobody_else(same: tuple[Story, Story], compare: Compare) -> None:
    a, b = same
    stolen = add(
        a, "more theft", at(2, "01:00"), checking(BEN), checking(CARLA), decision="declined", decline_reason="rule"
    )
    a.tables["truth"].append({**a.tables["truth"][0], "transaction_id": stolen["transaction_id"]})
    add(a, "Ben", at(2, "02:00"), checking(BEN), STRANGER)
    add(a, "Carla", at(2, "03:00"), checking(CARLA), STRANGER)
    assert compare(a, b).unexplained_ids == (number("Carla"),)


def test_a_blocked_card_reaches_its_holder(same: tuple[Story, Story], compare: Compare) -> None:
    a, b = same
    a._event("card_blocked", at(2, "01:00"), ANNA)
    add(a, "later", at(2, "02:00"), checking(ANNA), STRANGER)
    add(a, "sooner", at(2, "00:30"), checking(ANNA), STRANGER)
    report = compare(a, b)
    assert report.causes["card"].rows == 1
    assert report.unexplained_ids == (number("sooner"),)


@pytest.mark.parametrize("frozen_before", [True, False])
def test_who_is_unfrozen_had_been_frozen(frozen_before: bool, same: tuple[Story, Story], compare: Compare) -> None:
    a, b = same
    if frozen_before:
        a._event("account_frozen", at(2, "01:00"), ANNA)
    a._event("account_unfrozen", at(2, "03:00"), ANNA)
    add(a, "sooner", at(1, "02:00"), checking(ANNA), STRANGER)
    assert compare(a, b).unexplained == (1 if frozen_before else 0)


@pytest.mark.parametrize(("victims", "unexplained"), [(1, 0), (2, 1)])
def test_a_campaign_against_one_victim_reaches_it_when_it_starts(
    victims: int, unexplained: int, same: tuple[Story, Story], compare: Compare
) -> None:
    a, b = same
    b.tables["truth"] = [row for row in b.tables["truth"] if row["campaign_id"] != SCAM]
    a.row("scam 1")["amount"] += 1.0
    b.tables["campaigns"].pop(1)
    a.tables["campaigns"][1].update(victims=victims, started_at=at(1, "15:00"))
    add(a, "from savings", at(1, "15:30"), savings(CARLA), checking(CARLA))
    assert compare(a, b).unexplained == unexplained


def test_a_login_reaches_nobody(same: tuple[Story, Story], compare: Compare) -> None:
    a, b = same
    a._event("login", at(2, "01:00"), ANNA)
    add(a, "later", at(2, "02:00"), checking(ANNA), STRANGER)
    assert compare(a, b).unexplained == 1


@pytest.mark.parametrize(
    ("merchant", "reason", "cause"), [(CLUB, "rule", "counter"), (SHOP, "rule", ""), (CLUB, "insufficient_funds", "")]
)
def test_a_counter_is_shared_by_those_who_pay_one_merchant(
    merchant: int, reason: str, cause: str, same: tuple[Story, Story], compare: Compare
) -> None:
    a, b = same
    extra = a.row("stolen 0") | {
        "transaction_id": number("test"),
        "timestamp": at(2, "01:00"),
        "posted_at": at(2, "01:30"),
    }
    a.tables["transactions"].append(extra)
    a.tables["truth"].append({**a.tables["truth"][0], "transaction_id": extra["transaction_id"]})
    for story, decision in ((a, "declined"), (b, "approved")):
        row = {
            "decision": decision,
            "decline_reason": reason if decision == "declined" else None,
            "merchant_id": merchant,
        }
        add(story, "Anna buys", at(2, "02:00"), checking(ANNA), merchant * 10, **row)
    report = compare(a, b)
    assert set(report.causes) == ({cause} if cause else set())
    assert report.unexplained == (0 if cause else 1)


@pytest.mark.parametrize("other_alert", [True, False])
def test_a_place_in_the_queue_is_a_cause(other_alert: bool, same: tuple[Story, Story], compare: Compare) -> None:
    a, b = same
    a.row("release broker")["timestamp"] += HOUR
    if other_alert:
        a._alert(number("stolen 0"), at(1, "15:00:30"), at(2, "16:30"), "fraud")
    report = compare(a, b)
    assert set(report.causes) == ({"queue"} if other_alert else set())
    assert report.unexplained == (0 if other_alert else 1)


@pytest.mark.parametrize(
    ("section", "key", "value", "unexplained"),
    [
        ("behaviour", "tips", 0.2, set()),
        ("market", "growth", 0.2, set()),
        ("market", "breaches", [{"day": 3}], {"gift", "mistyped"}),
        ("banks", "velocity", 3, {"gift"}),
        ("run", "days", 3, {"gift", "mistyped"}),
        ("fraud", "intensity", 2.0, {"gift", "mistyped"}),
        ("run", "threads", 2, {"gift", "mistyped"}),
    ],
)
def test_a_parameter_explains_what_it_acts_on(
    section: str, key: str, value: object, unexplained: set[str], compare: Compare
) -> None:
    a, b = Story(), Story()
    b.scenario.setdefault(section, {})[key] = value
    b.row("gift")["amount"] += 1.0
    a.row("mistyped").update(decision="approved")
    a.row("mistyped").update(decline_reason=None)
    b.row("mistyped").update(decline_reason="rule")
    report = compare(a, b)
    assert set(report.unexplained_ids) == {number(name) for name in unexplained}
    assert report.causes.get("parameter") is None or len(unexplained) < 2


def test_the_days_that_a_shorter_run_lacks_are_the_parameters(compare: Compare) -> None:
    a, b = Story(), Story()
    b.scenario["run"]["days"], b.last_day = 3, b.last_day - 24 * HOUR
    rows = b.tables["transactions"]
    b.tables["transactions"] = [row for row in rows if row["timestamp"] < at(3, "00:00")]
    lacking = {row["transaction_id"] for row in rows} - {row["transaction_id"] for row in b.tables["transactions"]}
    b.row("gift")["amount"] += 1.0
    report = compare(a, b)
    booked = [a.row(name)["transaction_id"] for name in ("reversal", "recovery 1", "recovery 2")]
    assert report.causes["parameter"].rows == len(lacking - set(booked))
    assert report.unexplained_ids == (number("gift"),)


def test_another_opening_balance_is_where_the_warm_up_differed(same: tuple[Story, Story], compare: Compare) -> None:
    a, b = same
    a.accounts[checking(ANNA)]["opening_balance"] += 1.0
    a.row("gift")["amount"] += 1.0
    assert compare(a, b).causes["payment"].rows == 1


def test_execution_is_no_parameter(tmp_path: Path) -> None:
    from finsim.dataset.reader import open_dataset

    a, b = Story(), Story()
    b.scenario["run"]["threads"] = 2
    b.scenario["extra"] = {"list": [1, {"deep": 2}]}
    runs = [open_dataset(story.write(tmp_path / name)) for name, story in (("a", a), ("b", b))]
    assert differing_parameters(*runs) == {"extra.list.0": (None, 1), "extra.list.1.deep": (None, 2)}


def test_tables_may_have_more_columns_in_one_run(tmp_path: Path) -> None:
    a, b = (Story(fraud=fraud).write(tmp_path / name) for name, fraud in (("a", True), ("b", False)))
    file = next((a / "rings").glob("*.parquet"))
    pl.read_parquet(file).with_columns(skill=pl.lit(1.0)).write_parquet(file)
    for report in (diff(a, b), diff(b, a)):
        assert report.unexplained == 0
    assert diff(a, b).tables["rings"] == {"a": 1, "b": 0, "only_a": 1, "only_b": 0}


def test_the_buckets_do_not_matter(
    twins: tuple[Story, Story], compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = compare(*twins)
    monkeypatch.setattr("finsim.dataset.diff_rows.BUCKET_ROWS", 40)
    assert compare(*twins).to_dict() == whole.to_dict()


def test_what_is_no_data_set_is_refused(tmp_path: Path) -> None:
    run = Story().write(tmp_path / "a")
    with pytest.raises(DatasetError):
        diff(run, tmp_path / "nowhere")
    damaged = Story().write(tmp_path / "b")
    next((damaged / "events").glob("*.parquet")).write_bytes(b"PAR1")
    with pytest.raises(DatasetError, match="cannot be read"):
        diff(run, damaged)


CHAINS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 30), st.booleans()), min_size=1, max_size=40
)


@given(CHAINS)
@settings(max_examples=60, deadline=None)
def test_the_spread_is_what_a_plain_loop_finds(payments: list[tuple[int, int, int, bool]]) -> None:
    """Payments between six people, some of them fraud: who is reached follows from going through them once in time."""
    payments = sorted(payments, key=lambda p: p[2])
    n = len(payments)
    column = {
        name: [None] * n for name in ("merchant_id", "terminal_id", "device_id", "ip_id", "challenge", "decline_reason")
    }
    half = {
        "payer_account_id": [p[0] for p in payments], "payee_account_id": [p[1] for p in payments],
        "decision": ["approved"] * n, "kind": ["transfer"] * n, "related_transaction_id": [None] * n,
        "payer_institution_id": [1] * n, **column,
    }  # fmt: skip
    missing = {f"{name}_b": [None] * n for name in half}
    rows = pl.DataFrame(
        {"time": [p[2] for p in payments], "group": ["only_a"] * n, "campaign_id": [7] * n, **half, **missing}
    )
    ids = ("payer_account_id", "payee_account_id", "merchant_id", "terminal_id", "device_id", "ip_id")
    rows = rows.with_columns(pl.col(f"{name}{end}").cast(pl.UInt32) for name in ids for end in ("", "_b"))
    texts = ("decision", "kind", "challenge", "decline_reason")
    rows = rows.with_columns(pl.col(f"{name}{end}").cast(pl.String) for name in texts for end in ("", "_b"))
    known = pl.DataFrame({"account_id": range(6), "owner_kind": ["customer"] * 6, "owner_id": range(6)})
    known = known.with_columns(pl.col("account_id", "owner_id").cast(pl.UInt32))
    seeds = pl.DataFrame(schema={"node": pl.UInt64, "time": pl.Int64, "campaign_id": pl.UInt32})
    spread = Spread(rows, known, seeds)
    fraud = np.array([p[3] for p in payments])
    spread.start(fraud, "fraud")

    reached = dict.fromkeys(range(6), 10**9)
    explained = fraud.copy()
    for k in np.flatnonzero(fraud):
        for person in payments[k][:2]:
            reached[person] = min(reached[person], payments[k][2])
    for _ in range(n):  # payments of one moment may explain each other in either order
        for k, (payer, payee, time, _) in enumerate(payments):
            if min(reached[payer], reached[payee]) <= time:
                explained[k] = True
                reached[payer], reached[payee] = min(reached[payer], time), min(reached[payee], time)
    assert (spread.cause != "").tolist() == explained.tolist()
