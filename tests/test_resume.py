"""Killed at any moment and resumed: the same data. And what cannot be resumed is refused."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mesa
import numpy as np
import pytest
from interruption import interrupt
from small_economy import SMALL, TICKS, days, finish, found, recorded

import finsim
from finsim import checkpoint
from finsim.agents import Customer
from finsim.economy import Economy
from finsim.errors import ResumeError

OFTEN = {**SMALL, "run.checkpoint_seconds": 0}
"""A checkpoint each day, so that every kill finds another one."""

PROGRAM = """
import json, os, signal, sys
import finsim
out, overrides, kill_at = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])

def prepare(economy):
    collect = economy.underworld.theft.collect
    def collect_and_die(rows):
        if economy.tick == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        collect(rows)
    economy.underworld.theft.collect = collect_and_die

finsim.run("tiny", out=out, overrides=overrides, resume=True, prepare=prepare)
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the manifest of the run that nothing interrupts."""
    return finsim.run("tiny", out=tmp_path_factory.mktemp("whole") / "run", overrides=OFTEN).manifest


def stopped(out: Path, day: int, **more: Any) -> None:
    """Leave a run that was interrupted after some days."""
    interrupt("tiny", day, out=out, overrides=OFTEN, **more)


@pytest.mark.slow
def test_killed_again_and_again(whole: dict[str, Any], tmp_path: Path, python: Callable[..., Any]) -> None:
    out = tmp_path / "run"
    moments = sorted({0, TICKS - 1, *random.Random(20).sample(range(7 * TICKS), 3)})
    for tick in moments:
        done = python("-c", PROGRAM, str(out), json.dumps(OFTEN), str(tick))
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert not out.exists()
    done = python("-c", PROGRAM, str(out), json.dumps(OFTEN), "-1")
    assert done.returncode == 0, done.stderr
    data = finsim.open_dataset(out)
    assert data.manifest["content_hash"] == whole["content_hash"]
    assert data.manifest["rows"] == whole["rows"]
    assert data.manifest["summary"] == whole["summary"]
    assert finsim.check(out).ok
    assert not Path(f"{out}.partial").exists()


@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_killed_from_outside(whole: dict[str, Any], tmp_path: Path, share: float) -> None:
    """The clock decides: at the very beginning, while a table or a checkpoint is written, or in a thread."""
    out = tmp_path / "run"
    words = [sys.executable, "-m", "finsim", "run", "tiny", "--out", str(out), "--resume"]
    for key, value in OFTEN.items():
        words += ["--set", f"{key}={value}"]
    process = subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=Path(finsim.__file__).resolve().parent.parent
    )
    deadline = time.monotonic() + 60
    while not Path(f"{out}.partial").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(share)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, cwd=Path(finsim.__file__).resolve().parent.parent
    )
    assert done.returncode == 0, done.stderr
    assert finsim.open_dataset(out).manifest["content_hash"] == whole["content_hash"]


def test_a_complete_run_is_left_alone(tmp_path: Path, command: Callable[..., Any]) -> None:
    out = tmp_path / "run"
    overrides = {**SMALL, "run.days": 1, "run.warm_up_days": 0}
    first = finsim.run("tiny", out=out, overrides=overrides)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    words = ["run", "tiny", "--out", str(out), "--resume"]
    for key, value in overrides.items():
        words += ["--set", f"{key}={value}"]
    done = command(*words)
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    assert finsim.run("tiny", out=out, overrides=overrides, threads=2, resume=True).manifest == first.manifest
    refused = command(*words, "--seed", "2")
    assert refused.returncode == 2
    with pytest.raises(ResumeError, match="another scenario"):
        finsim.run("tiny", out=out, overrides={**overrides, "fraud.intensity": 1}, resume=True)


def test_other_runs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: dict[str, Any]) -> None:
    out = tmp_path / "run"
    stopped(out, 3)
    for change in ({"seed": 2}, {"overrides": {**OFTEN, "fraud.intensity": 1}}):
        with pytest.raises(ResumeError, match=r"seed|scenario"):
            finsim.run("tiny", **{"out": out, "overrides": OFTEN, "resume": True, **change})
    with monkeypatch.context() as patch:
        patch.setattr(finsim, "__version__", "0.0.0")
        with pytest.raises(ResumeError, match="version"):
            finsim.run("tiny", out=out, overrides=OFTEN, resume=True)
    # Refusal has touched nothing: the run itself goes on, with other threads.
    assert finsim.run("tiny", out=out, overrides=OFTEN, threads=2, resume=True).manifest["content"] == whole["content"]


def test_a_broken_checkpoint_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "run"
    stopped(out, 3)
    file = Path(f"{out}.partial") / checkpoint.VALUES
    file.write_text(file.read_text()[:-100])
    with pytest.raises(ResumeError, match="cannot be read"):
        finsim.run("tiny", out=out, overrides=OFTEN, resume=True)


def test_a_plain_run_starts_afresh(tmp_path: Path, whole: dict[str, Any]) -> None:
    out = tmp_path / "run"
    stopped(out, 4)
    assert finsim.run("tiny", out=out, overrides=OFTEN).manifest["content"] == whole["content"]


def test_checkpoints_hold_no_pickle(tmp_path: Path) -> None:
    out = tmp_path / "run"
    stopped(out, 3)
    arrays = list(Path(f"{out}.partial").glob(f"*-{checkpoint.ARRAYS}"))
    assert len(arrays) == 1, "the checkpoint before is deleted"
    with np.load(arrays[0], allow_pickle=False) as stored:
        assert all(stored[name].dtype != object for name in stored.files)


# -- the state itself -----------------------------------------------------------------------------------------


def stored(values: dict[str, Any], arrays: checkpoint.Arrays) -> tuple[dict[str, Any], checkpoint.Arrays]:
    """Return what comes back from a file."""
    return json.loads(json.dumps(values)), {name: np.ascontiguousarray(array).copy() for name, array in arrays.items()}


@pytest.mark.parametrize("day", [1, 4])
def test_a_reinstated_economy_is_the_same(day: int) -> None:
    first, recorder = recorded()
    days(first, day)
    values, arrays = stored(*checkpoint.capture(first))
    told, kept = recorder.state()
    second, other = recorded()
    other.restore(told, {name: array.copy() for name, array in kept.items()})
    checkpoint.reinstate(second, values, arrays)
    again, same = stored(*checkpoint.capture(second))
    assert again == values
    assert set(same) == set(arrays)
    for one in (arrays, same):  # requests of one day may wait in any order
        one["outbox/requests"] = np.sort(one["outbox/requests"], order="transaction_id")
    for name, array in arrays.items():
        for field in array.dtype.names or (...,):  # the padding between fields may be anything
            assert array[field].tobytes() == same[name][field].tobytes(), (name, field)
    finish(first)
    finish(second)
    assert other.content == recorder.content


class Counter(mesa.Agent):
    """A user's agent with declared state: pays a friend now and then and remembers what it learned."""

    def __init__(self, model: Economy) -> None:
        super().__init__(model)
        self.learned: list[int] = []
        self.steps = 0

    def step(self) -> None:
        self.steps += 1
        u = self.model.random.random()  # Mesa's generators are part of a checkpoint
        self.model.submit(payer=self.steps % 5, payee=40, amount=1 + round(u, 2), agent=self)
        self.model.agenda.wake("counter", self.model.now + 5 * 3_600_000_000)

    def observe(self, rows: np.ndarray) -> None:
        self.learned += rows["amount"].tolist()

    def state(self) -> dict[str, Any]:
        return {"learned": self.learned, "steps": self.steps}

    def restore(self, state: dict[str, Any]) -> None:
        self.learned, self.steps = state["learned"], state["steps"]


class Saver(Customer):
    """A promoted customer with state of its own."""

    notices = 0

    def observe(self, rows: np.ndarray) -> None:
        self.notices += len(rows)

    def state(self) -> dict[str, Any]:
        return {"notices": self.notices}

    def restore(self, state: dict[str, Any]) -> None:
        self.notices = state["notices"]


class Cast:
    """Enlists the agents of a test and keeps them."""

    def __call__(self, economy: Economy) -> None:
        self.counter = Counter(economy)
        economy.enlist("counter", self.counter)
        economy.agenda.wake("counter", economy.now)
        (self.saver,) = economy.promote([7], Saver)


def test_agents_with_declared_state_go_on(tmp_path: Path) -> None:
    cast, again = Cast(), Cast()
    expected = finsim.run("tiny", out=tmp_path / "whole", overrides=OFTEN, prepare=cast)
    out = tmp_path / "run"
    stopped(out, 4, prepare=Cast())
    shutil.copytree(f"{out}.partial", tmp_path / "copy.partial", ignore=shutil.ignore_patterns(".*"))
    with pytest.raises(ResumeError, match="counter"):
        finsim.run("tiny", out=tmp_path / "copy", overrides=OFTEN, resume=True)
    data = finsim.run("tiny", out=out, overrides=OFTEN, prepare=again, resume=True)
    assert data.manifest["content"] == expected.manifest["content"]
    assert again.counter.learned == cast.counter.learned
    assert (again.counter.steps, again.saver.notices) == (cast.counter.steps, cast.saver.notices)
    assert len(cast.counter.learned) > 10
    assert cast.saver.notices > 0


def test_a_run_says_when_it_cannot_be_resumed(tmp_path: Path) -> None:
    messages = []

    def prepare(economy: Economy) -> None:
        economy.enlist("forgetful", mesa.Agent(economy))

    overrides = {**OFTEN, "run.days": 2}
    finsim.run(
        "tiny",
        out=tmp_path / "run",
        overrides=overrides,
        prepare=prepare,
        progress=lambda *words: messages.append(words[2]),
    )
    assert any("cannot be resumed" in text and "forgetful" in text for text in messages)


def test_undeclared_state_is_refused_by_name() -> None:
    economy = found()
    agent = Counter(economy)
    agent.learned = [object()]  # type: ignore[list-item]
    economy.enlist("counter", agent)
    with pytest.raises(TypeError, match=r"counter.*learned"):
        checkpoint.capture(economy)
