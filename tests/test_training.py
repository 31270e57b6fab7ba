"""Training frames: the features that a control was served, and nothing from the future."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from feature_run import SMALL, Keeper, run_with

import finsim
from finsim.dataset.reader import Dataset
from finsim.dataset.training import TrainingError
from finsim.errors import DatasetError
from finsim.features import AT, INPUTS, NAMES
from finsim.frames import OBSERVABLE
from finsim.seats import ControlError

Kept = tuple[Dataset, pl.DataFrame]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """Return a run and everything that its control was handed."""
    keeper = Keeper()
    data = run_with(tmp_path_factory.mktemp("kept") / "run", keeper)
    return data, keeper.seen()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Return the same run without a control."""
    return finsim.run("baseline", out=tmp_path_factory.mktemp("plain") / "run", overrides=SMALL)


def start(data: Dataset) -> pl.Expr:
    return pl.lit(dt.datetime.fromisoformat(data.manifest["first_day"]).replace(tzinfo=dt.UTC))


def equal(a: pl.Series, b: pl.Series) -> bool:
    return bool(np.array_equal(a.to_numpy(), b.to_numpy(), equal_nan=True) if a.dtype.is_float() else a.equals(b))


def test_features_are_those_that_were_served(kept: Kept) -> None:
    data, seen = kept
    seen = seen.filter(pl.col("timestamp") >= start(data))
    frame = finsim.training_frame(data, young="mark").sort("timestamp", "transaction_id")
    assert len(frame) == len(seen) > 10_000
    assert [*OBSERVABLE, *NAMES] == seen.columns == frame.columns[:-1]
    assert [name for name in seen.columns if not equal(seen[name], frame[name])] == []


def test_a_control_without_opinion_changes_nothing(kept: Kept, plain: Dataset) -> None:
    data, _ = kept
    assert data.manifest["content_hash"] == plain.manifest["content_hash"]
    assert plain.manifest["features"] is None
    assert finsim.check(data.path).ok


def test_features_that_were_not_counted_cannot_be_asked_for_later() -> None:
    """From the export on only what controls ask for is counted; who comes later and asks for more is told so."""

    economy = finsim.Economy("tiny", **{"run.warm_up_days": 1})
    economy.add_control(Keeper("attempts_day", "ip_attempts_day"))
    while economy.now <= economy.export_start:
        economy.step()
    economy.add_control(Keeper("attempts_week", "ip_declined_share"))  # other columns of parts that are counted
    with pytest.raises(
        ControlError, match="Keeper asks for device_age; nobody has asked for that since the export began"
    ):
        economy.add_control(Keeper("amount", "device_age"))
    economy.step()
    assert len(economy.controls) == 2


def test_counting_may_begin_late_for_all_that_come_then() -> None:
    economy = finsim.Economy("tiny", **{"run.warm_up_days": 0})
    economy.step()
    for name in ("attempts_day", "device_age"):
        economy.add_control(Keeper(name))
    economy.step()
    with pytest.raises(ControlError):
        economy.add_control(Keeper())


def test_what_is_scored_is_what_stands_in_the_frame(kept: Kept) -> None:
    data, _ = kept
    scored = data.transactions.filter(pl.col("score").is_not_null()).select("transaction_id").collect()
    frame = finsim.training_frame(data, young="mark")
    assert set(scored["transaction_id"]) == set(frame["transaction_id"])


def test_a_run_that_kept_no_features_begins_with_nothing_known(kept: Kept, plain: Dataset) -> None:
    warm = finsim.training_frame(kept[0], young="mark").sort("timestamp", "transaction_id")
    cold = finsim.training_frame(plain, young="mark").sort("timestamp", "transaction_id")
    assert cold["transaction_id"].equals(warm["transaction_id"])
    assert cold["new_merchant"][:500].drop_nans().mean() > 0.9
    assert 0.02 < warm["new_merchant"][:500].drop_nans().mean() < 0.5
    assert equal(cold["amount"], warm["amount"])


@pytest.mark.parametrize("as_of", ["2025-01-05", "2025-01-07"])
def test_nothing_from_the_future_reaches_a_frame(kept: Kept, as_of: str) -> None:
    data, _ = kept
    moment = dt.datetime.fromisoformat(as_of).replace(tzinfo=dt.UTC)
    frame = finsim.training_frame(data, as_of=as_of, label_delay_days=1.0, young="mark")
    assert frame["timestamp"].max() < moment
    whole = finsim.training_frame(data, young="mark").filter(pl.col("timestamp") < moment)
    assert [name for name in whole.columns[:-1] if not equal(whole[name], frame[name])] == []
    events = data.label_events.filter(pl.col("event_at") < moment).collect()
    fraud = events.filter(pl.col("label").cast(pl.String) == "fraud")["transaction_id"]
    assert set(frame.filter(pl.col("label") == "fraud")["transaction_id"]) <= set(fraud)
    unlabelled = frame.filter(~pl.col("transaction_id").is_in(events["transaction_id"].implode()))
    young = unlabelled["timestamp"] >= moment - dt.timedelta(days=1)
    assert unlabelled["label"].is_null().equals(young)
    assert unlabelled.filter(~young)["label"].unique().to_list() == ["genuine"]


def test_young_rows_are_left_out_all_of_them(kept: Kept) -> None:
    data, _ = kept
    frame = finsim.training_frame(data, as_of="2025-01-08", label_delay_days=2.5)
    assert frame["timestamp"].max() < dt.datetime(2025, 1, 5, 12, tzinfo=dt.UTC)
    assert frame["label"].null_count() == 0
    assert (frame["label"] == "fraud").sum() > 5


def test_a_window_cuts_rows_and_not_history(kept: Kept) -> None:
    data, _ = kept
    whole = finsim.training_frame(data, young="mark")
    part = finsim.training_frame(data, window=("2025-01-04", "2025-01-06"), young="mark")
    days = pl.col("timestamp").dt.day()
    expected = whole.filter((days == 4) | (days == 5))
    assert [name for name in part.columns[:-1] if not equal(part[name], expected[name])] == []
    last = finsim.training_frame(data, as_of="2025-01-06", window=2, young="mark")
    assert last["transaction_id"].equals(part["transaction_id"])


def test_formats_hold_the_same(kept: Kept) -> None:
    data, _ = kept
    frame = finsim.training_frame(data, label_delay_days=2.0, outcomes=True)
    arrays = finsim.training_frame(data, label_delay_days=2.0, format="numpy")
    table = finsim.training_frame(data, label_delay_days=2.0, format="pandas", outcomes=True)
    assert list(table.columns) == frame.columns
    assert frame["decision"].null_count() == 0
    assert arrays.names == INPUTS
    assert arrays.y.tolist() == (frame["label"] == "fraud").cast(pl.Int8).to_list()
    assert np.array_equal(arrays.x[:, : len(NAMES)], frame.select(NAMES).to_numpy(), equal_nan=True)
    mcc = arrays.x[:, INPUTS.index("mcc")]
    assert np.array_equal(mcc, frame["mcc"].cast(pl.Float32).fill_null(np.nan).to_numpy(), equal_nan=True)
    assert np.array_equal(arrays.x[:, INPUTS.index("rail")], frame["rail"].to_physical().to_numpy())
    assert np.array_equal(table["attempts_day"].to_numpy(), arrays.x[:, AT["attempts_day"]])


def test_features_of_life_in_its_middle(kept: Kept) -> None:
    """Known merchants, payees, devices and countries do not begin as new with the export."""
    data, _ = kept
    frame = finsim.training_frame(data, young="mark").with_columns(half=pl.col("timestamp").dt.day() <= 4)
    for name, limit in (("new_merchant", 0.5), ("new_device", 0.2), ("new_country", 0.05)):
        early, late = (frame.filter(pl.col("half") == half)[name].drop_nans() for half in (True, False))
        spread = 5 * np.sqrt(0.25 / len(early) + 0.25 / len(late))
        assert early.mean() < limit, name
        assert abs(early.mean() - late.mean()) < spread + 0.02, name


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"format": "polar"}, "did you mean 'polars'"),
        ({"young": "keep"}, "drop, mark"),
        ({"window": "2025"}, "number of days"),
        ({"as_of": "soon"}, "is no date"),
    ],
)
def test_wrong_arguments_are_refused(kept: Kept, arguments: dict[str, str], words: str) -> None:
    with pytest.raises((TrainingError, finsim.FinsimError), match=words):
        finsim.training_frame(kept[0], **arguments)


def test_a_damaged_file_of_features_is_noticed(kept: Kept, tmp_path: Path) -> None:
    data = finsim.open_dataset(kept[0].path)
    file = data.path / data.manifest["features"]["file"]
    content = file.read_bytes()
    try:
        file.write_bytes(content[:-1])
        with pytest.raises(DatasetError, match="not the file"):
            finsim.training_frame(data)
        report = finsim.check(data.path)
        assert not report.ok
    finally:
        file.write_bytes(content)
