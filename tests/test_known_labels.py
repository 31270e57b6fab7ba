"""What was known on a day: labels, homes and training frames on random days, against the tables themselves."""

from __future__ import annotations

import datetime as dt
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


def test_all_labels_differ_from_the_truth_only_by_what_events_say(data: Dataset) -> None:
    """Each transaction whose last label is not its truth was never reported, or is claimed or judged wrongly."""
    last = data.labels_as_of(START + dt.timedelta(days=3000)).with_columns(TEXT).collect()
    rows = data.transactions.select("transaction_id").collect()
    rows = rows.join(data.truth.collect(), on="transaction_id", how="left").join(last, on="transaction_id", how="left")
    assert rows["label"].count() == len(last)  # no label is of anything that was not exported
    fraud, laundering = (pl.col(name).fill_null(False) for name in ("is_fraud", "is_laundering"))
    true = pl.when(fraud).then(pl.lit("fraud")).when(laundering).then(pl.lit("laundering")).otherwise(pl.lit("genuine"))
    wrong = rows.filter(pl.col("label").fill_null("genuine") != true)
    judged = pl.col("source") == "analyst"
    parts = {
        "unreported": wrong.filter(pl.col("label").is_null()),
        "wrongly judged": wrong.filter(judged),
        "wrongly claimed": wrong.filter(~judged),
    }
    assert sum(map(len, parts.values())) == len(wrong)
    for name, is_it in (("fraud", fraud), ("laundering", laundering)):
        labelled, real = (rows.filter(given).height for given in (pl.col("label") == name, is_it))
        missed = wrong.filter(is_it).height
        said = wrong.filter(pl.col("label") == name).height
        assert labelled == real - missed + said, name
    assert parts["unreported"].filter(~fraud & ~laundering).is_empty()
    assert len(parts["unreported"]) > 20
    assert len(parts["wrongly judged"]) > 0
    claims = parts["wrongly claimed"].join(data.label_events.with_columns(TEXT).collect(), on="transaction_id")
    assert set(claims["source_right"].to_list()) <= {"customer", "chargeback", "analyst", "scheme"}


def test_what_the_end_cut_off_is_what_a_longer_run_tells(data: Dataset, tmp_path: Path) -> None:
    """A run that goes on for three months gives labels to no more of the same rows than the manifest counts."""
    longer = finsim.run("baseline", out=tmp_path / "longer", overrides=RUN | {"run.days": DAYS + 90})
    mine = data.transactions.select("transaction_id").collect()
    late = START + dt.timedelta(days=3000)
    known = [
        mine.join(d.labels_as_of(late).with_columns(TEXT).collect(), on="transaction_id", how="left")
        for d in (data, longer)
    ]
    changed = known[0].filter(known[0]["label"].fill_null("") != known[1]["label"].fill_null(""))
    truth = longer.truth.with_columns(pl.col("typology").cast(pl.String)).collect()
    drawn = truth.filter(
        pl.col("typology").is_in(["application_fraud", "synthetic_identity"])
    )  # judged at the charge-off
    changed = changed.join(drawn, on="transaction_id", how="anti")
    assert 0 < len(changed) <= data.manifest["cut_off_labels"]


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
    """In every form: rows before the moment only, with the features of the whole frame and labels of that day."""
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
    known, settled = before(events, moment), moment - dt.timedelta(days=delay)
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
