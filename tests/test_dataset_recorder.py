"""Recorders: parts by rows and month, the same files however rows arrive, and a checkpoint at any moment."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import threading

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from dataset_rows import FIRST_DAY, context, postings, transactions

from finsim import payments as pay
from finsim.clock import DAY
from finsim.dataset import open_part
from finsim.dataset.memory import MemoryRecorder
from finsim.dataset.parts import Part
from finsim.dataset.recorder import NullRecorder, ParquetRecorder
from finsim.dataset.tables import TABLES
from finsim.dataset.writer import Writer
from finsim.errors import OutputError

ROWS = transactions(3_000)
EVENTS = {
    "event_id": np.arange(500, dtype=np.uint64),
    "event_at": FIRST_DAY * DAY + np.arange(500),
    "customer_id": np.arange(500, dtype=np.uint32),
    "account_id": [None if i % 3 else i for i in range(500)],
    "kind": ["login", "card_blocked"] * 250,
}


@pytest.fixture(autouse=True)
def small_groups(monkeypatch):
    """Row groups of 700 rows, so that parts have several of them."""
    monkeypatch.setattr(open_part, "GROUP", 700)


def recorder(path, part_rows=1_000):
    made = ParquetRecorder(path, part_rows=part_rows)
    made.bind(context())
    return made


def feed(target, rows, cuts):
    """Hand rows over in pieces that end at the cuts."""
    for piece in np.split(rows, cuts):
        target.transactions(piece.copy())


def finish(target, rows):
    feed(target, rows, range(0, len(rows), 100))
    target.close()


def files(path):
    """Return a hash of every file below a directory."""
    return {
        file.relative_to(path).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(path.rglob("*"))
        if file.is_file()
    }


def test_what_is_written_is_what_was_given(tmp_path):
    written, kept = recorder(tmp_path), MemoryRecorder()
    kept.bind(context())
    for target in (written, kept):
        feed(target, ROWS, [5, 999, 2_000])
        target.table("settlements", {"rows": postings(30)})
        target.table("events", EVENTS)
        target.close()
    assert written.content == kept.content
    assert (
        written.rows
        == kept.rows
        == dict.fromkeys(TABLES, 0) | {"transactions": 3_000, "settlements": 30, "events": 500}
    )
    for name in ("transactions", "settlements", "events", "truth"):
        frame = pl.read_parquet(tmp_path / name / "**/*.parquet", hive_partitioning=False)
        assert frame.schema == kept.frame(name).schema
        assert frame.equals(kept.frame(name))
        assert pl.concat(
            [pl.read_parquet(tmp_path / p.path, hive_partitioning=False) for p in written.parts if p.table == name]
        ).equals(frame)


def test_parts_close_by_rows_and_month(tmp_path):
    made = recorder(tmp_path)
    feed(made, ROWS, [])
    made.close()
    parts = [part for part in made.parts if part.table == "transactions"]
    january = int((ROWS["timestamp"] < (FIRST_DAY + 4) * DAY).sum())
    assert january > 1_000
    assert [part.rows for part in parts] == [1_000, january - 1_000, 1_000, 2_000 - january]
    assert [part.path for part in parts] == [
        "transactions/month=2025-01/part-00000.parquet",
        "transactions/month=2025-01/part-00001.parquet",
        "transactions/month=2025-02/part-00002.parquet",
        "transactions/month=2025-02/part-00003.parquet",
    ]
    for part in made.parts:
        file = tmp_path / part.path
        assert (part.bytes, part.sha256) == (file.stat().st_size, hashlib.sha256(file.read_bytes()).hexdigest())
        assert pq.read_metadata(file).num_rows == part.rows
    schema = pq.read_schema(tmp_path / parts[0].path)
    assert schema.equals(TABLES["transactions"].schema, check_metadata=False)
    assert schema.field("amount").metadata[b"unit"] == b"currency unit"
    group = pq.read_metadata(tmp_path / parts[0].path).row_group(0)
    assert {group.column(i).compression for i in range(group.num_columns)} == {"ZSTD"}


def test_every_table_has_a_file_even_without_rows(tmp_path):
    made = recorder(tmp_path)
    made.close()
    assert {part.table for part in made.parts} == set(TABLES) - {"transactions"}
    assert all(part.rows == 0 for part in made.parts)


@pytest.mark.parametrize("seed", range(3))
def test_files_do_not_depend_on_how_rows_arrive(tmp_path, seed):
    rng = np.random.default_rng(seed)
    for name, cuts in (("a", [1_500]), ("b", np.sort(rng.integers(0, 3_001, 40)))):
        made = recorder(tmp_path / name)
        feed(made, ROWS, cuts)
        step = 500 if name == "a" else 77
        for first in range(0, 500, step):
            made.table("events", {column: values[first : first + step] for column, values in EVENTS.items()})
        made.close()
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_content_does_not_depend_on_the_size_of_parts(tmp_path):
    contents = []
    for part_rows in (400, 10_000):
        made = recorder(tmp_path / str(part_rows), part_rows)
        feed(made, ROWS, [])
        made.close()
        contents.append(made.content)
    assert contents[0] == contents[1]


@pytest.mark.parametrize("cut", [0, 1, 999, 1_000, 1_001, 2_500, 3_000])
def test_a_checkpoint_continues_to_the_same_bytes(tmp_path, cut):
    straight = recorder(tmp_path / "a")
    feed(straight, ROWS, [])
    straight.table("events", EVENTS)
    straight.close()

    first = recorder(tmp_path / "b")
    feed(first, ROWS[:cut], [])
    first.table("events", {column: values[:123] for column, values in EVENTS.items()})
    state, arrays = first.state()
    assert all((tmp_path / "b" / part["path"]).is_file() for part in state["parts"])
    first.stop()
    stored = io.BytesIO()
    np.savez(stored, **arrays)
    stored.seek(0)

    second = recorder(tmp_path / "b", part_rows=77)
    with np.load(stored, allow_pickle=False) as loaded:
        second.restore(json.loads(json.dumps(state)), dict(loaded))
    feed(second, ROWS[cut:], [])
    second.table("events", {column: values[123:] for column, values in EVENTS.items()})
    second.close()
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert second.parts == straight.parts
    assert (second.content, second.rows) == (straight.content, straight.rows)
    assert second.totals.summary() == straight.totals.summary()


def test_memory_and_null_recorders_continue_too():
    for made in (MemoryRecorder, NullRecorder):
        whole, first, second = made(), made(), made()
        for each in (whole, first, second):
            each.bind(context())
        feed(whole, ROWS, [])
        whole.table("events", EVENTS)
        feed(first, ROWS[:700], [])
        first.table("events", EVENTS)
        second.restore(*first.state())
        feed(second, ROWS[700:], [])
        assert second.rows == whole.rows
        assert second.totals.summary() == whole.totals.summary()
        whole.close()
    assert whole.rows["events"] == 500


def test_totals_are_those_of_the_rows():
    made = NullRecorder()
    feed(made, ROWS, [10, 500])
    summary = made.totals.summary()
    approved = ROWS["decision"] == pay.APPROVED
    assert summary["rows"] == len(ROWS)
    assert summary["approved"] == approved.sum()
    assert summary["value"] == ROWS["amount"][approved].sum() / 100
    assert (
        sum(summary["declined_by_reason"].values()) == summary["declined"] == (ROWS["decision"] == pay.DECLINED).sum()
    )
    assert sum(row["rows"] for row in summary["by_kind"]) == len(ROWS)
    json.dumps(summary)


def test_rows_before_the_last_ones_are_refused(tmp_path):
    made = recorder(tmp_path)
    made.transactions(ROWS[100:200])
    with pytest.raises(ValueError, match="earlier"):
        made.transactions(ROWS[:100])
    made.stop()


def test_an_error_of_the_thread_comes_up(tmp_path):
    (tmp_path / "transactions").write_text("in the way")
    made = recorder(tmp_path)
    with pytest.raises(OutputError, match="cannot write"):
        finish(made, ROWS)
    with pytest.raises(OutputError, match="cannot write"):
        made.state()
    made.stop()


@pytest.mark.parametrize(("name", "value", "message"), [("challenge", 9, "challenge=9"), ("decision", 4, "decision=4")])
def test_a_bad_row_comes_up_from_the_thread(tmp_path, name, value, message):
    rows = ROWS.copy()
    rows[name][1_234] = value
    with pytest.raises(ValueError, match="decision") if name == "decision" else contextlib.nullcontext():
        NullRecorder().transactions(rows)
    made = recorder(tmp_path)
    with pytest.raises(ValueError, match=message):
        finish(made, rows)
    made.stop()


def test_the_writer_waits_when_two_parts_are_under_way():
    gate, started = threading.Event(), []
    writer = Writer(None, depth=2)

    def job(_):
        started.append(1)
        gate.wait(10)
        return Part("p", "t", 0, 0, "", "0")

    writer.submit(job)
    writer.submit(job)
    third = threading.Thread(target=writer.submit, args=(job,))
    third.start()
    third.join(0.1)
    assert third.is_alive()
    gate.set()
    third.join(10)
    writer.close()
    assert len(writer.done) == len(started) == 3


def test_a_recorder_without_context_says_so(tmp_path):
    with pytest.raises(RuntimeError, match="bind"):
        ParquetRecorder(tmp_path).close()
