"""What was known on a day: labels, homes and training frames on random days, against the tables themselves."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import finsim
from finsim.dataset import labels
from finsim.dataset.labels import PRECEDENCE
from finsim.dataset.reader import Dataset
from finsim.features import NAMES

pytestmark = pytest.mark.behaviour

DAYS = 24
START = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
RUN = {"population.customers": 1500, "run.days": DAYS, "run.warm_up_days": 5, "fraud.intensity": 6,
       "behaviour.move_per_year": 2.0, "run.feature_history": True}  # fmt: skip
MOMENTS = st.integers(-2 * 24 * 60, 150 * 24 * 60).map(lambda minutes: START + dt.timedelta(minutes=minutes))
"""Moments from before the run to long after its last event."""
TEXT = pl.col("label", "source").cast(pl.String)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return finsim.run("baseline", out=tmp_path_factory.mktemp("known") / "run", overrides=RUN)


@pytest.fixture(scope="module")
def events(data: Dataset) -> list[dict[str, object]]:
    return data.label_events.with_columns(TEXT).collect().to_dicts()


@pytest.fixture(scope="module")
def frame(data: Dataset) -> pl.DataFrame:
    """Return the whole training frame, as the last day knows it."""
    whole: pl.DataFrame = finsim.training_frame(data, young="mark")
    return whole


def before(events: list[dict[str, object]], moment: dt.datetime) -> dict[object, str]:
    """Return the label of each transaction by going through the events, as the documentation says."""
    known: dict[object, tuple[object, int, object]] = {}
    for event in events:
        if event["event_at"] < moment:  # type: ignore[operator]
            place = (event["event_at"], -PRECEDENCE.index(str(event["source"])), event["label"])
            number = event["transaction_id"]
            known[number] = max(known.get(number, place), place, key=lambda p: (p[0], p[1]))  # type: ignore[arg-type, return-value]
    return {number: str(place[2]) for number, place in known.items()}


@settings(max_examples=60, deadline=None)
@given(moment=MOMENTS)
def test_no_label_is_known_before_its_event(
    data: Dataset, events: list[dict[str, object]], moment: dt.datetime
) -> None:
    known = data.labels_as_of(moment).with_columns(TEXT).collect()
    assert known.filter(pl.col("event_at") >= moment).is_empty()
    assert dict(known.select("transaction_id", "label").rows()) == before(events, moment)
    told = data.label_events.filter(pl.col("event_at") < moment)
    assert labels.labels_as_of(told, moment).with_columns(TEXT).collect().equals(known)


def last(data: Dataset, *tables: str) -> pl.DataFrame:
    """Return the label that wins for each transaction, and its source, once all events of some tables are known."""
    found = pl.concat([getattr(data, name).select("transaction_id", "event_at", TEXT) for name in tables])
    return labels.last_labels(found).select("transaction_id", "label", "source").collect()


def parts_of(data: Dataset) -> dict[tuple[str, str], set[int]]:
    """Return, from the tables alone, the transactions whose last label is not their truth, by kind and reason.

    Each reason is told by what it is, not by what is left over.
    """
    truth = data.truth.select("transaction_id", "is_fraud", "is_laundering").collect()
    known, hidden = last(data, "label_events"), last(data, "labels_hidden")
    rows = truth.join(known, on="transaction_id", how="full", coalesce=True)
    rows = rows.join(hidden, on="transaction_id", how="left", suffix="_hidden")
    found: dict[tuple[str, str], set[int]] = {}
    for kind in ("fraud", "laundering"):
        real = pl.col(f"is_{kind}").fill_null(value=False)
        wrong = rows.filter(pl.col("label").eq_missing(kind) != real)
        right = pl.when("is_fraud").then(pl.lit("fraud")).when("is_laundering").then(pl.lit("laundering"))
        cut = pl.col("label_hidden") == right.otherwise(pl.lit("genuine"))
        kept = cut.not_().fill_null(value=True)
        reasons = {
            "cut_off": cut,
            "unreported": real & pl.col("label").is_null() & kept,
            "wrongly_claimed": pl.col("source").is_in(["customer", "chargeback"]) & kept,
            "wrongly_judged": pl.col("source").is_in(["analyst", "police", "scheme"]) & kept,
        }
        found |= {(kind, name): set(wrong.filter(is_it)["transaction_id"]) for name, is_it in reasons.items()}
        assert sum(len(found[kind, name]) for name in reasons) == len(wrong)
    return found


RARE = {"population.customers": 900, "run.days": 30, "run.warm_up_days": 5, "fraud.intensity": 3}


@pytest.fixture(scope="module")
def rare(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Return a run of all typologies, short enough to cut a lot off."""
    return finsim.run("all_typologies", out=tmp_path_factory.mktemp("rare") / "run", seed=3, overrides=RARE)


@pytest.mark.parametrize("name", ["data", "rare"])
def test_labels_differ_from_the_truth_by_exactly_what_the_manifest_counts(
    name: str, request: pytest.FixtureRequest
) -> None:
    data: Dataset = request.getfixturevalue(name)
    parts, stated = parts_of(data), data.manifest["labels"]
    for kind, name_of in (("fraud", "is_fraud"), ("laundering", "is_laundering")):
        real = set(data.truth.filter(pl.col(name_of)).collect()["transaction_id"])
        said = set(last(data, "label_events").filter(pl.col("label") == kind)["transaction_id"])
        assert len(real ^ said) == sum(stated[kind].values())
        assert {reason: len(parts[kind, reason]) for reason in stated[kind]} == stated[kind]
    cut = parts["fraud", "cut_off"] | parts["laundering", "cut_off"]
    assert len(cut) == data.manifest["cut_off_labels"] == stated["either"]["cut_off"]
    assert finsim.check(data.path).ok
    assert sum(stated["fraud"].values()) > 20


def test_what_is_cut_off_lies_after_the_end(rare: Dataset) -> None:
    end = dt.datetime.fromisoformat(rare.manifest["last_day"]).replace(tzinfo=dt.UTC) + dt.timedelta(days=1)
    hidden = rare.labels_hidden.with_columns(TEXT).collect()
    assert hidden["event_at"].min() >= end - dt.timedelta(minutes=30)  # type: ignore[operator]
    assert {"scheme", "analyst"} <= set(hidden["source"])
    assert rare.manifest["cut_off_labels"] > 50


def test_a_manifest_that_miscounts_labels_is_found(data: Dataset, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(data.path, copy)
    facts = json.loads((copy / "manifest.json").read_text())
    facts["labels"]["fraud"]["unreported"] += 1
    (copy / "manifest.json").write_text(json.dumps(facts))
    assert "labels" in finsim.check(copy).broken


@pytest.mark.slow
def test_what_the_end_cut_off_is_what_a_longer_run_tells(rare: Dataset, tmp_path: Path) -> None:
    """In a run that goes on, campaigns that were over get the labels that were foretold, none else and none less.

    Only a ring that is arrested later tells more: nobody could know that.
    """
    data, days = rare, int(RARE["run.days"])
    longer = finsim.run("all_typologies", out=tmp_path / "longer", seed=3, overrides=RARE | {"run.days": days + 200})
    rows = data.transactions.select("transaction_id", "timestamp").collect()
    truth = longer.truth.select("transaction_id", "campaign_id").collect()
    later = longer.transactions.filter(pl.col("timestamp") >= START + dt.timedelta(days=days))
    goes_on = later.select("transaction_id").collect().join(truth, on="transaction_id")["campaign_id"].unique()
    over = rows.join(truth.filter(pl.col("campaign_id").is_in(goes_on.implode())), on="transaction_id", how="anti")
    told = over.join(last(data, "label_events", "labels_hidden"), on="transaction_id", how="left")
    both = told.join(last(longer, "label_events"), on="transaction_id", how="left", suffix="_longer")
    both = both.filter(pl.col("source_longer").ne_missing("police") | (pl.col("source") == "police"))
    given, wanted = (
        set(both.filter(pl.col(column).is_in(["fraud", "laundering"])).select("transaction_id", column).rows())
        for column in ("label", "label_longer")
    )
    assert given == wanted
    known = set(last(data, "label_events").select("transaction_id", "label").rows())
    assert len(wanted - known) > 5


@settings(max_examples=15, deadline=None)
@given(
    days=st.integers(0, DAYS),
    minutes=st.integers(0, 1439),
    delay=st.floats(0, 9),
    form=st.sampled_from(["polars", "pandas", "numpy"]),
)
def test_a_training_frame_knows_nothing_of_the_future(
    data: Dataset,
    frame: pl.DataFrame,
    events: list[dict[str, object]],
    days: int,
    minutes: int,
    delay: float,
    form: str,
) -> None:
    """In every form: rows before the moment only, with the features of the whole frame and labels of that day.

    What is said about a release is said about the held attempt.
    """
    moment = START + dt.timedelta(days=days, minutes=minutes)
    part = finsim.training_frame(data, as_of=moment, label_delay_days=delay, young="mark", format=form)
    whole = frame.filter(pl.col("timestamp") < moment)
    if form == "numpy":
        ids, values, told = part.transaction_id, part.x[:, : len(NAMES)], part.y
    else:
        ids, values = part["transaction_id"].to_numpy(), part[list(NAMES)].to_numpy()
        texts = part["label"].to_list() if form == "polars" else part["label"].astype(object).fillna("").tolist()
        told = np.array([{"fraud": 1, None: -1, "": -1}.get(label, 0) for label in texts])
    assert np.array_equal(ids, whole["transaction_id"].to_numpy())
    assert np.array_equal(values, whole.select(NAMES).to_numpy(), equal_nan=True)
    held = data.transactions.filter(pl.col("decision").cast(pl.String) == "held").select("transaction_id")
    pairs = data.transactions.join(held, left_on="related_transaction_id", right_on="transaction_id", how="semi")
    attempt = dict(pairs.select("transaction_id", "related_transaction_id").collect().rows())
    named = [event | {"transaction_id": attempt.get(number := event["transaction_id"], number)} for event in events]
    known, settled = before(named, moment), moment - dt.timedelta(days=delay)
    old = (whole["timestamp"] < settled).to_list()
    expected = [
        (1 if known[number] == "fraud" else 0) if number in known else (0 if is_old else -1)
        for number, is_old in zip(ids.tolist(), old, strict=True)
    ]
    assert told.tolist() == expected


# -- homes ------------------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(days=st.integers(0, DAYS + 1))
def test_customers_live_where_they_lived_on_the_day(data: Dataset, days: int) -> None:
    """Against each customer's moves, undone one by one from the last home."""
    moment = START + dt.timedelta(days=days)
    homes = dict(data.customers.select("customer_id", "postcode_area").collect().rows())
    moves = data.events.filter(pl.col("former_postcode_area").is_not_null()).sort("event_at", descending=True).collect()
    undone = moves.filter(pl.col("event_at") >= moment).select("customer_id", "former_postcode_area")
    homes |= dict(undone.rows())  # the earliest comes last
    then = data.entities_as_of(moment).customers.collect()
    assert then.columns == data.customers.collect_schema().names()
    assert dict(then.select("customer_id", "postcode_area").rows()) == {c: homes[c] for c in then["customer_id"]}


def test_homes_change_only_by_moves(data: Dataset) -> None:
    kinds = data.events.with_columns(pl.col("kind").cast(pl.String)).collect()
    assert set(kinds.filter(pl.col("former_postcode_area").is_not_null())["kind"]) == {"address_changed"}
    assert kinds.filter(pl.col("kind") == "address_changed")["former_postcode_area"].null_count() == 0
    first, last = (data.entities_as_of(START + dt.timedelta(days=d)).customers.collect() for d in (1, DAYS + 1))
    both = first.join(last, on="customer_id")
    moved = both.filter(pl.col("postcode_area") != pl.col("postcode_area_right"))
    assert 5 < len(moved) < 0.2 * len(both)
    known = moved.drop_nulls("latitude")
    assert len(known) > 0.9 * len(moved)
    assert (known["latitude"] != known["latitude_right"]).mean() > 0.9


def test_credit_limits_are_those_of_the_day(data: Dataset) -> None:
    """Against each account's changes, undone one by one from the last limit."""
    limits = dict(data.accounts.select("account_id", "credit_limit").collect().rows())
    changes = (
        data.events.filter(pl.col("former_credit_limit").is_not_null()).sort("event_at", descending=True).collect()
    )
    assert len(changes) > 5
    assert set(changes["kind"].cast(pl.String)) == {"limit_changed"}
    for days in range(DAYS + 1, -1, -3):
        moment = START + dt.timedelta(days=days)
        undone = changes.filter(pl.col("event_at") >= moment).select("account_id", "former_credit_limit")
        expected = limits | dict(undone.rows())
        then = data.entities_as_of(moment).accounts.collect()
        assert dict(then.select("account_id", "credit_limit").rows()) == {a: expected[a] for a in then["account_id"]}
