"""The auditor on files and manifests that are damaged, foreign or missing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from dataset_story import Story

from finsim.dataset.check import check
from finsim.errors import DatasetError


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Story().write(tmp_path_factory.mktemp("valid") / "run")


def copied(valid: Path, tmp_path: Path) -> Path:
    shutil.copytree(valid, tmp_path / "run")
    return tmp_path / "run"


def test_a_changed_byte_is_noticed(valid: Path, tmp_path: Path) -> None:
    run = copied(valid, tmp_path)
    file = next((run / "customers").glob("*.parquet"))
    bytes_ = bytearray(file.read_bytes())
    bytes_[-20] ^= 1  # in the footer's text, which names the writer
    file.write_bytes(bytes(bytes_))
    assert "files" in check(run).broken


@pytest.mark.parametrize("keep", [0, 100])
def test_a_file_that_is_cut_off_is_a_finding(keep: int, valid: Path, tmp_path: Path) -> None:
    run = copied(valid, tmp_path)
    file = next((run / "transactions").rglob("*.parquet"))
    file.write_bytes(file.read_bytes()[:keep])
    report = check(run)
    assert report.broken == {"files"}
    assert report.unchecked


def test_a_missing_and_a_foreign_file_are_findings(valid: Path, tmp_path: Path) -> None:
    run = copied(valid, tmp_path)
    file = next((run / "cash_hidden").glob("*.parquet"))
    file.rename(file.with_name("part-00001.parquet"))
    assert check(run).broken == {"files"}


@pytest.mark.parametrize("key", ["rows", "content", "content_hash"])
def test_a_manifest_that_contradicts_itself_is_a_finding(key: str, valid: Path, tmp_path: Path) -> None:
    run = copied(valid, tmp_path)
    manifest = json.loads((run / "manifest.json").read_text())
    changed: dict[str, object] = {
        "rows": {**manifest["rows"], "truth": 1},
        "content": {"truth": "0" * 16},
        "content_hash": "0",
    }
    (run / "manifest.json").write_text(json.dumps({**manifest, key: changed[key]}))
    assert check(run).broken == {"files"}


def test_days_outside_the_run_are_a_finding(valid: Path, tmp_path: Path) -> None:
    run = copied(valid, tmp_path)
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps({**manifest, "last_day": "2025-02-01"}))
    assert check(run).broken == {"order"}


@pytest.mark.parametrize(("column", "other"), [("amount", "float32"), ("mcc", None)])
def test_a_column_of_another_type_is_a_finding(column: str, other: str | None, tmp_path: Path) -> None:
    run = Story().write(tmp_path / "run")
    for file in (run / "transactions").rglob("*.parquet"):
        frame = pl.read_parquet(file, hive_partitioning=False)
        frame = frame.drop(column) if other is None else frame.with_columns(pl.col(column).cast(pl.Float32))
        frame.write_parquet(file)
    report = check(run)
    assert "schema" in report.broken
    assert report.unchecked


def test_a_value_outside_the_contract_is_a_finding(tmp_path: Path) -> None:
    story = Story()
    run = story.write(tmp_path / "run")
    for file in (run / "transactions").rglob("*.parquet"):
        frame = pl.read_parquet(file, hive_partitioning=False)
        column = pl.col("channel").cast(pl.String).replace("pos", "till").cast(pl.Categorical)
        frame.with_columns(column).write_parquet(file)
    assert {"values"} == check(run).broken - {"files"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("no directory", "there is no such directory"),
        ("no manifest", "no manifest.json"),
        ("no json", "cannot be read"),
        ("a list", "no manifest of a data set"),
        ("another format", "format 99"),
    ],
)
def test_what_is_no_data_set_is_refused(name: str, text: str, valid: Path, tmp_path: Path) -> None:
    run = copied(valid, tmp_path)
    manifest = run / "manifest.json"
    if name == "no directory":
        run = tmp_path / "elsewhere"
    elif name == "no manifest":
        manifest.unlink()
    else:
        other = {**json.loads(manifest.read_text()), "format": 99}
        manifest.write_text({"no json": "{", "a list": "[]", "another format": json.dumps(other)}[name])
    with pytest.raises(DatasetError, match=text):
        check(run)
