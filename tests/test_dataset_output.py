"""The output directory: what is refused, the lock, what becomes of an abandoned run, and the manifest."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from finsim.dataset import manifest, output
from finsim.dataset.lock import Lock, process_start
from finsim.dataset.output import OutputDirectory
from finsim.errors import DatasetError, OutputError

FACTS = manifest.RunFacts(
    scenario={"run": {"start": dt.date(2025, 1, 1)}},
    scenario_name="tiny",
    scenario_hash="abc",
    seed=7,
    first_day=dt.date(2025, 1, 1),
    last_day=dt.date(2025, 1, 20),
    summary={"rows": np.int64(3), "share": np.float64("nan")},
)


def made(parts=(), **changes):
    listed = [{"path": path} for path in parts]
    return manifest.build(FACTS, rows={"truth": 3}, content={"truth": "00"}, parts=listed) | changes


def finished(path):
    """Leave a minimal data set at a path."""
    target = OutputDirectory(path)
    target.open()
    (target.partial / "truth").mkdir()
    (target.partial / "truth" / "part-00000.parquet").write_bytes(b"old")
    target.finalise(made(["truth/part-00000.parquet"]))
    return path


def test_a_run_leaves_only_the_data_set(tmp_path):
    target = OutputDirectory(tmp_path / "deep" / "out")
    assert target.open() is False
    assert target.partial == tmp_path / "deep" / "out.partial"
    (target.partial / "checkpoint").mkdir()
    (target.partial / "truth").mkdir()
    assert target.finalise(made(["truth/part-00000.parquet"])) == tmp_path / "deep" / "out"
    assert sorted(path.name for path in target.final.iterdir()) == ["manifest.json", "truth"]
    assert os.listdir(tmp_path / "deep") == ["out"]
    read = manifest.read(target.final)
    assert read["scenario"]["run"]["start"] == "2025-01-01"
    assert read["summary"] == {"rows": 3, "share": None}
    assert set(read["versions"]) == {"finsim", "python", "numpy", "numba", "mesa", "polars", "pyarrow"}
    assert target.completed() == read


def test_what_exists_is_refused(tmp_path):
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    finished(tmp_path / "set")
    before = sorted(tmp_path.rglob("*"))
    for name in ("directory", "file", "link", "set"):
        with pytest.raises(OutputError, match=f"{name} exists"):
            OutputDirectory(tmp_path / name).open()
    for name in ("directory", "file", "link"):
        for resume in (True, False):
            with pytest.raises(OutputError, match="no data set"):
                OutputDirectory(tmp_path / name, overwrite=True).open(resume=resume)
        with pytest.raises(OutputError, match="exists"):
            OutputDirectory(tmp_path / name).check(resume=True)
    OutputDirectory(tmp_path / "set").check(resume=True)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["", "/", "file/out", "file/deep/out"])
def test_impossible_places_are_refused(tmp_path, name):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError):
        OutputDirectory(name if name in ("", "/") else tmp_path / name).open()
    assert os.listdir(tmp_path) == ["file"]


def test_a_parent_that_cannot_be_written_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(output.os, "access", lambda path, mode: False)  # the tests may run as root
    with pytest.raises(OutputError, match="not writable"):
        OutputDirectory(tmp_path / "new" / "out").open()
    assert not (tmp_path / "new").exists()


def test_a_file_in_the_way_of_the_partial_directory_is_refused(tmp_path):
    (tmp_path / "out.partial").write_text("x")
    with pytest.raises(OutputError, match="not a directory"):
        OutputDirectory(tmp_path / "out").open()


def test_overwrite_replaces_a_data_set_at_the_end(tmp_path):
    finished(tmp_path / "out")
    target = OutputDirectory(tmp_path / "out", overwrite=True)
    target.open()
    (target.partial / "truth").mkdir()
    (target.partial / "truth" / "part-00000.parquet").write_bytes(b"new")
    assert (target.final / "truth" / "part-00000.parquet").read_bytes() == b"old"
    target.finalise(made(["truth/part-00000.parquet"], seed=8))
    assert (target.final / "truth" / "part-00000.parquet").read_bytes() == b"new"
    assert manifest.read(target.final)["seed"] == 8
    assert os.listdir(tmp_path) == ["out"]


def test_what_appears_meanwhile_is_not_replaced(tmp_path):
    target = OutputDirectory(tmp_path / "out")
    target.open()
    (tmp_path / "out").mkdir()
    with pytest.raises(OutputError, match="exists"):
        target.finalise(made())
    assert target.partial.is_dir()


def test_an_abandoned_run_is_replaced_or_resumed(tmp_path):
    target = OutputDirectory(tmp_path / "out")
    target.open()
    for name in (
        "truth/part-00000.parquet",
        "truth/part-00001.parquet",
        "transactions/month=2025-01/part-00000.parquet.tmp",
    ):
        file = target.partial / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    target.release()
    again = OutputDirectory(tmp_path / "out")
    assert again.open(resume=True) is True
    again.keep_only(["truth/part-00000.parquet"])
    left = [file.relative_to(again.partial).as_posix() for file in again.partial.rglob("*") if file.is_file()]
    assert sorted(left) == ["lock", "truth/part-00000.parquet"]
    again.release()
    assert OutputDirectory(tmp_path / "out").open() is False
    assert os.listdir(tmp_path / "out.partial") == ["lock"]
    assert OutputDirectory(tmp_path / "other").open(resume=True) is False


HOLD = """
import sys, time
from finsim.dataset.output import OutputDirectory
OutputDirectory(sys.argv[1]).open()
print("held", flush=True)
time.sleep(60)
"""


def test_a_living_run_is_left_alone_and_a_killed_one_is_not(tmp_path, repository):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "out")], cwd=repository, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "held\n"
        for resume in (False, True):
            with pytest.raises(OutputError, match=f"being written by process {process.pid}"):
                OutputDirectory(tmp_path / "out").open(resume=resume)
    finally:
        process.kill()
    for _ in range(200):  # it is a zombie until somebody waits for it, and a zombie writes nothing
        if not process_start(process.pid):
            break
        threading.Event().wait(0.01)
    OutputDirectory(tmp_path / "out").open()
    process.wait()
    process.stdout.close()


def test_a_lock_tells_processes_of_one_id_apart(tmp_path):
    lock = Lock(tmp_path / "lock")
    lock.take()
    assert f"process {os.getpid()}" in lock.holder()
    held = json.loads(lock.path.read_text())
    for change in ({"started": "another"}, {"pid": 2**22 + 1}, {"pid": "x"}):
        lock.path.write_text(json.dumps(held | change))
        assert not lock.holder()
    lock.path.write_text(json.dumps(held | {"host": "elsewhere"}))
    assert "delete" in lock.holder()
    lock.path.write_text("")
    assert not lock.holder()
    lock.release()
    assert not lock.path.exists()


def test_content_hash_knows_tables_and_rows_only():
    one = manifest.content_hash({"a": 1, "b": 2}, {"a": "00", "b": "01"})
    assert one == manifest.content_hash({"b": 2, "a": 1}, {"b": "01", "a": "00"})
    assert one != manifest.content_hash({"a": 1, "b": 2}, {"a": "01", "b": "00"})
    assert one != manifest.content_hash({"a": 2, "b": 2}, {"a": "00", "b": "01"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no data set"),
        ("", "no JSON"),
        ("[]", "no finsim manifest"),
        ('{"format": 1}', "no 'rows'"),
        ('{"format": 99, "rows": {}, "parts": [], "seed": 1}', "format 99"),
    ],
)
def test_a_manifest_that_is_none_is_refused(tmp_path, text, message):
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(DatasetError, match=message):
        manifest.read(tmp_path)


def test_an_unfinished_run_is_pointed_out(tmp_path):
    OutputDirectory(tmp_path / "out").open()
    for name in ("out", "out.partial"):
        with pytest.raises(DatasetError, match=r"unfinished|not finished"):
            manifest.read(tmp_path / name)


def test_refusals_load_no_heavy_library(python, tmp_path):
    code = (
        "import sys; from finsim.dataset import output, manifest, lock; output.OutputDirectory(sys.argv[1]).check()\n"
        "print([m for m in ('numpy', 'mesa', 'numba', 'polars', 'pyarrow', 'pandas', 'scipy') if m in sys.modules])"
    )
    done = python("-c", code, str(tmp_path / "out"))
    assert done.stdout.strip() == "[]", done.stderr
