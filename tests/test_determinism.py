"""One result, however it is run: threads, partitions, hash seeds, idle agents, by hand or by command."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mesa
import numpy as np
import pytest
from small_economy import SMALL, finish, recorded

import finsim
import finsim.economy

TABLES = ("transactions", "settlements", "truth", "label_events", "alerts", "events", "cash_hidden", "accounts")


def content(**overrides: Any) -> dict[str, str]:
    economy, recorder = recorded(**overrides)
    finish(economy)
    return recorder.content


@pytest.fixture(scope="module")
def once() -> dict[str, str]:
    return content()


def test_there_is_something_to_compare() -> None:
    economy, recorder = recorded()
    finish(economy)
    assert all(recorder.rows[name] > 0 for name in TABLES), recorder.rows


@pytest.mark.parametrize(
    "execution",
    [{}, {"run.partitions": 2}, {"run.partitions": 7}, {"run.threads": 2}, {"run.threads": 2, "run.partitions": 5}],
    ids=["again", "2 partitions", "7 partitions", "2 threads", "2 threads on 5 partitions"],
)
def test_the_data_do_not_depend_on_the_execution(once: dict[str, str], execution: dict[str, int]) -> None:
    assert content(**execution) == once


def test_another_seed_is_another_world(once: dict[str, str]) -> None:
    other = content(seed=2)
    assert all(other[name] != once[name] for name in ("transactions", "events", "customers", "accounts"))


def test_run_gives_what_stepping_gives(once: dict[str, str], tmp_path: Path) -> None:
    data = finsim.run("tiny", out=tmp_path / "run", overrides=SMALL, threads=2)
    assert data.manifest["content"] == once


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_hash_seeds_change_nothing(
    once: dict[str, str], python: Callable[..., Any], repository: Path, hash_seed: str
) -> None:
    program = (
        "import json, sys; sys.path.insert(0, sys.argv[1])\n"
        "from small_economy import finish, recorded\n"
        "economy, recorder = recorded(); finish(economy); print(json.dumps(recorder.content))"
    )
    done = python("-c", program, str(repository / "tests"), PYTHONHASHSEED=hash_seed)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == once


def test_idle_agents_registered_first_change_nothing(once: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    real = finsim.economy.found

    def crowded(model: Any, *arguments: Any) -> Any:
        for _ in range(100):
            mesa.Agent(model)
        return real(model, *arguments)

    monkeypatch.setattr(finsim.economy, "found", crowded)
    economy, recorder = recorded()
    assert len(economy.agents) >= 100
    finish(economy)
    assert recorder.content == once


def test_agents_that_only_look_change_nothing(once: dict[str, str]) -> None:
    economy, recorder = recorded()

    class Watcher(mesa.Agent):
        seen = 0

        def step(self) -> None:
            self.seen += 1
            assert economy.random.random() >= 0.0  # users' code may draw from Mesa's generators
            economy.agenda.wake("watcher", economy.tick_end)

    watcher = Watcher(economy)
    economy.enlist("watcher", watcher)
    economy.agenda.wake("watcher", economy.now)
    finish(economy)
    assert watcher.seen == economy.tick
    assert recorder.content == once


def test_nothing_draws_from_a_global_state_or_reads_the_time(
    once: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    economy, recorder = recorded()

    def forbidden(*_: Any, **__: Any) -> Any:
        raise AssertionError("the engine asked for a global generator or the time of day")

    with monkeypatch.context() as patch:
        for name in ("seed", "random", "randint", "choice", "shuffle"):
            patch.setattr(random, name, forbidden)
        for name in ("seed", "random", "rand", "randint", "normal", "default_rng", "shuffle"):
            patch.setattr(np.random, name, forbidden)
        for name in ("time", "time_ns", "localtime"):
            patch.setattr(time, name, forbidden)
        finish(economy)
    assert recorder.content == once
