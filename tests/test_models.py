"""Fitted models from files in the loop: what they score, what their scores do, and how they are refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import numpy as np
import polars as pl
import pytest
import skops.io
from conftest import Command
from feature_run import SMALL, Keeper
from interruption import interrupt
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import finsim
from finsim import models
from finsim.dataset.reader import Dataset
from finsim.errors import ScenarioError
from finsim.features import INPUTS
from finsim.parameters.banks import ModelFile
from finsim.seats import ControlError
from finsim.trees import parse

NAMES = ("amount", "merchant_attempts_day", "new_merchant", "new_payee", "seconds_since_credited", "mcc", "channel")
"""Some of the parts of the features, own and shared ones, so that a run does not count all of them."""
RUN = SMALL | {"population.customers": 800, "run.days": 5, "run.checkpoint_seconds": 0.0}
THRESHOLDS = {"banks.model.decline": 0.6, "banks.model.hold": 0.4, "banks.model.challenge": 0.3}


def sample(count: int = 4000, holes: bool = True) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    rng = np.random.default_rng(5)
    x = rng.lognormal(1, 2, (count, len(NAMES))).astype(np.float32)
    x[:, 2:4] = rng.integers(0, 2, (count, 2))
    x[rng.random(x.shape) < 0.05] = 0
    y = ((x[:, 0] > 30) & (x[:, 2] > 0)).astype(int) ^ (rng.random(count) < 0.05)
    if holes:
        x[rng.random(x.shape) < 0.1] = np.nan
    return x, y


def boosted(**settings: Any) -> lightgbm.Booster:
    x, y = sample()
    rows = lightgbm.Dataset(x, y, feature_name=list(NAMES), categorical_feature=settings.pop("categories", []))
    settings = {"objective": "binary", "num_leaves": 15, "verbose": -1, "num_threads": 1, **settings}
    return lightgbm.train(settings, rows, 20)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.txt"
    boosted().save_model(path)
    return path


@pytest.fixture(scope="module")
def data(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Return a run with a model that declines, holds and challenges."""
    out = tmp_path_factory.mktemp("loop") / "run"
    return finsim.run("baseline", out=out, overrides=RUN | THRESHOLDS | {"banks.model.path": str(model)})


# -- trees ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [{}, {"zero_as_missing": True}, {"use_missing": False}, {"num_leaves": 2}, {"objective": "cross_entropy"}],
)
def test_compiled_trees_give_the_librarys_number(settings: dict[str, Any]) -> None:
    booster = boosted(**settings)
    trees = parse(booster.model_to_string())
    assert trees is not None
    assert trees.names == NAMES
    x, _ = sample()
    assert np.allclose(trees.predict(x), booster.predict(x), rtol=0, atol=1e-7)
    assert trees.predict(x).std() > 0.01


def test_what_the_kernel_does_not_know_is_left_to_the_library(tmp_path: Path) -> None:
    booster = boosted(categories=["mcc"], min_data_per_group=5, cat_smooth=0.1)
    booster.save_model(tmp_path / "model.txt")
    assert parse(booster.model_to_string()) is None
    loaded = models.load("banks.model", ModelFile(path=str(tmp_path / "model.txt")))
    x, _ = sample()
    assert np.allclose(loaded.score(x), booster.predict(x), atol=1e-7)


def test_other_files_are_read_as_they_were_saved(tmp_path: Path) -> None:
    from skl2onnx import to_onnx

    x, y = sample(holes=False)
    frame = pl.DataFrame({name: x[:, k] for k, name in enumerate(NAMES)}).to_pandas()
    linear = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, y)
    trees = HistGradientBoostingClassifier(max_iter=10).fit(frame, y)
    skops.io.dump(linear, tmp_path / "linear.skops")
    skops.io.dump(trees, tmp_path / "trees.skops")
    joblib.dump(trees, tmp_path / "trees.pkl")
    onnx = to_onnx(make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y), x[:1], options={"zipmap": False})
    (tmp_path / "linear.onnx").write_bytes(onnx.SerializeToString())
    cases = [
        ("linear.skops", {}, linear),
        ("trees.skops", {}, trees),
        ("trees.pkl", {"allow_pickle": True}, trees),
        ("linear.onnx", {"features": list(NAMES)}, linear),
    ]
    for name, more, fitted in cases:
        loaded = models.load("banks.model", ModelFile(path=str(tmp_path / name), **more))
        assert loaded.features == NAMES
        assert np.allclose(loaded.score(x), fitted.predict_proba(frame)[:, 1], atol=1e-5), name


# -- in the loop ------------------------------------------------------------------------------------------------------


def test_scores_are_the_models_on_the_training_frame(data: Dataset, model: Path) -> None:
    arrays = finsim.training_frame(data, young="mark", format="numpy")
    columns = arrays.x[:, [INPUTS.index(name) for name in NAMES]]
    expected = pl.DataFrame(
        {"transaction_id": arrays.transaction_id, "expected": lightgbm.Booster(model_file=model).predict(columns)}
    )
    rows = (
        data.transactions.select("transaction_id", "score").drop_nulls().collect().join(expected, on="transaction_id")
    )
    assert len(rows) == len(expected)
    assert (rows["score"] - rows["expected"]).abs().max() < 1e-6
    assert rows["score"].std() > 0.01


def test_thresholds_decline_hold_and_challenge(data: Dataset) -> None:
    rows = data.transactions.filter(pl.col("score").is_not_null()).collect()
    rows = rows.with_columns(pl.col("rail", "decision", "decline_reason").cast(pl.String))
    by_model = rows.filter(pl.col("decline_reason") == "model")
    assert len(by_model) > 20
    assert by_model["score"].min() >= np.float32(0.6)
    held = rows.filter((pl.col("decision") == "held") & (pl.col("score") < 0.6) & (pl.col("score") >= 0.4))
    assert len(held) > 3
    assert "card" not in held["rail"]
    assert rows.filter(pl.col("challenge").is_not_null() & (pl.col("score") >= 0.3))["score"].max() < 0.6
    approved = rows.filter((pl.col("decision") == "approved") & (pl.col("score") >= 0.6))
    assert approved["rail"].is_in(["direct_debit", "card", "instant", "ach", "check"]).all()
    alerts = data.alerts.filter(pl.col("control") == "model").collect()
    assert set(by_model["transaction_id"]) <= set(alerts["transaction_id"])
    assert finsim.check(data.path).ok


def test_a_release_has_no_score(data: Dataset) -> None:
    releases = data.transactions.filter(
        pl.col("related_transaction_id").is_not_null() & pl.col("kind").cast(pl.String).is_in(["transfer", "bill"])
    ).collect()
    assert len(releases) > 3
    assert releases["score"].null_count() == len(releases)


def test_an_institution_has_a_model_and_thresholds_of_its_own(model: Path, tmp_path: Path) -> None:
    own = {"banks.institutions.1.model.path": str(model), "banks.institutions.1.model.decline": 0.5}
    run = finsim.run("baseline", out=tmp_path / "run", overrides=RUN | own)
    rows = run.transactions.filter(pl.col("score").is_not_null()).collect()
    assert rows["payer_institution_id"].unique().to_list() == [2]
    lowest = rows.filter(pl.col("decline_reason").cast(pl.String) == "model")["score"].min()
    assert 0.5 <= lowest < run.scenario["banks"]["model_decline"]
    assert [(entry["institution_id"], entry["kind"]) for entry in run.manifest["models"]] == [(2, "lightgbm")]


def test_the_control_group_is_spared_and_nests(model: Path, tmp_path: Path) -> None:
    groups = []
    for share in (0.1, 0.4):
        out = tmp_path / str(share)
        more = {"banks.model.path": str(model), "banks.control_group_share": share, "run.days": 2}
        rows = finsim.run("baseline", out=out, overrides=RUN | THRESHOLDS | more).transactions.collect()
        group = rows.filter("control_group")
        assert "model" not in group["decline_reason"].cast(pl.String).to_list()
        asked = rows.filter(pl.col("score").is_not_null())["transaction_id"]
        groups.append((set(group["transaction_id"]), set(asked)))
    (small, first), (large, second) = groups
    both = first & second
    assert small & both <= large
    assert len(small) < len(large)


@pytest.mark.parametrize("way", [{"partitions": 3}, {"threads": 2, "partitions": 5}])
def test_partitions_and_threads_do_not_matter(data: Dataset, model: Path, tmp_path: Path, way: dict[str, int]) -> None:
    overrides = RUN | THRESHOLDS | {"banks.model.path": str(model)}
    again = finsim.run("baseline", out=tmp_path / "run", overrides=overrides, **way)
    assert again.manifest["content_hash"] == data.manifest["content_hash"]
    scores = [run.transactions.select("transaction_id", "score").collect() for run in (data, again)]
    assert scores[0].equals(scores[1])


@pytest.mark.parametrize("day", [1, 5])
def test_a_run_that_was_stopped_goes_on(data: Dataset, model: Path, tmp_path: Path, day: int) -> None:
    """Stopped in the warm-up, before the features are written, and after the export began."""

    overrides = RUN | THRESHOLDS | {"banks.model.path": str(model)}
    interrupt("baseline", day, out=tmp_path / "run", overrides=overrides)
    again = finsim.run("baseline", out=tmp_path / "run", overrides=overrides, resume=True)
    assert again.manifest["content_hash"] == data.manifest["content_hash"]
    assert again.manifest["features"] == data.manifest["features"]


def test_a_run_that_was_stopped_refuses_controls_that_need_what_it_did_not_count(tmp_path: Path) -> None:
    def about(*features: str) -> dict[str, Any]:
        return {"out": tmp_path / "run", "overrides": RUN, "prepare": lambda e: e.add_control(Keeper(*features))}

    interrupt("baseline", 5, **about("attempts_day"))
    with pytest.raises(ControlError, match="not counted before the run was stopped"):
        finsim.run("baseline", resume=True, **about("attempts_day", "device_age"))
    assert finsim.run("baseline", resume=True, **about("attempts_week")).manifest["features"] is not None


# -- scenario ---------------------------------------------------------------------------------------------------------


def test_the_hash_follows_the_content_and_not_the_path(model: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.txt").write_bytes(model.read_bytes())
    (tmp_path / "overlay.yaml").write_text("extends: baseline\nbanks:\n  model: {path: copy.txt}\n", encoding="utf-8")
    named = finsim.Scenario.load("baseline", {"banks.model.path": str(model)})
    beside = finsim.Scenario.load(tmp_path / "overlay.yaml")
    assert named.hash == beside.hash != finsim.Scenario.load("baseline").hash
    boosted(num_leaves=3).save_model(tmp_path / "copy.txt")
    assert beside.hash != named.hash


def test_refusals_name_the_key_and_the_reason(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = sample(holes=False)
    joblib.dump(LogisticRegression().fit(x, y), tmp_path / "model.pkl")
    skops.io.dump(LogisticRegression().fit(x, y), tmp_path / "bare.skops")
    (tmp_path / "model.onnx").write_bytes(b"nothing")
    (tmp_path / "odd.txt").write_text(model.read_text().replace("new_payee", "new_payees"), encoding="utf-8")
    (tmp_path / "cut.txt").write_text(model.read_text()[:900], encoding="utf-8")
    (tmp_path / "model.bin").write_bytes(b"")
    cases = {
        "model.pkl": "allow_pickle: true",
        "bare.skops": "names of its features",
        "odd.txt": "did you mean 'new_payee'",
        "cut.txt": "no complete text model",
        "model.bin": "ends in one of",
    }
    for name, words in cases.items():
        with pytest.raises(ScenarioError, match=words) as refused:
            models.controls_of(finsim.Scenario.load("baseline", {"banks.model.path": str(tmp_path / name)}))
        assert "banks.model.path" in str(refused.value)
        assert "\n" not in str(refused.value)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ScenarioError, match=r"onnxruntime.*pip install 'finsim\[onnx\]'"):
        models.controls_of(finsim.Scenario.load("baseline", {"banks.model.path": str(tmp_path / "model.onnx")}))


@pytest.mark.parametrize(("name", "words"), [("none.txt", "no such file"), ("odd.txt", "no feature of finsim")])
def test_the_command_line_refuses_before_it_writes(
    command: Command, model: Path, tmp_path: Path, name: str, words: str
) -> None:
    (tmp_path / "odd.txt").write_text(model.read_text().replace("new_payee", "colour"), encoding="utf-8")
    done = command("run", "tiny", "--set", f"banks.model.path={name}", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["odd.txt"]


def test_the_manifest_says_what_was_in_the_loop(data: Dataset, model: Path) -> None:
    entries = json.loads((data.path / "manifest.json").read_text(encoding="utf-8"))["models"]
    assert len(entries) == 5
    assert {entry["sha256"] for entry in entries} == {ModelFile(path=str(model)).digest()}
    assert not any(entry["allow_pickle"] for entry in entries)
