"""Checkpoints: the whole state of a run as plain arrays and JSON, so that it can go on after any interruption."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finsim.errors import ResumeError
from finsim.state import decode, encode

if TYPE_CHECKING:
    from finsim.economy import Economy

ARRAYS, VALUES = "checkpoint.npz", "checkpoint.json"
Arrays = dict[str, NDArray[Any]]


def capture(economy: Economy) -> tuple[dict[str, Any], Arrays]:
    """Return the state of an economy between two ticks: plain values and arrays.

    Raises:
        TypeError: a user's agent has state that is not declared; see `undeclared`.
    """
    world = economy.world
    outbox_values, outbox_arrays = economy.outbox.state()
    log_values, log_arrays = economy.log.state()
    life_values, life_arrays = economy.life.state()
    under_values, under_arrays = economy.underworld.state()
    arrays: Arrays = {
        "customers": world.customers.data,
        "merchants": world.merchants.data,
        "favourites": world.people.favourites,
        "payees": world.people.payees,
        "accounts": economy.ledger.accounts,
        "opening": economy.opening,
        "tests": world.books.tests,
        "sales": economy.settlement.sales,
    }
    for prefix, part in (
        ("journal", economy.journal.state()),
        ("outbox", outbox_arrays),
        ("log", log_arrays),
        ("life", life_arrays),
        ("under", under_arrays),
        ("features", economy.scoring.state() if economy.scoring is not None else {}),
    ):
        arrays |= {f"{prefix}/{name}": array for name, array in part.items()}
    values = {
        "tick": economy.tick,
        "outbox": outbox_values,
        "log": log_values,
        "life": life_values,
        "underworld": under_values,
        "agenda": economy.agenda.state(),
        "banks": [bank.state() for bank in economy.banks],
        "waiting": economy.submission.waiting,
        "ordinals": economy.submission.ordinals,
        "ordinal_day": economy.submission.ordinal_day,
        "agents": {key: agent.state() for key, agent in _users(economy).items()},
        "controls": [control.state() if hasattr(control, "state") else None for control in economy.controls],
        "random": economy.random.getstate(),
        "rng": economy.rng.bit_generator.state,
    }
    return {name: encode(value, name) for name, value in values.items()}, arrays


def reinstate(economy: Economy, values: Mapping[str, Any], arrays: Arrays) -> None:
    """Give a freshly founded economy the state that `capture` returned.

    Raises:
        ResumeError: other agents are enlisted than there were.
    """
    known = {name: decode(value) for name, value in values.items()}
    agents = _users(economy)
    if set(agents) != set(known["agents"]):
        raise ResumeError(
            f"the run had the agents {sorted(known['agents'])}, not {sorted(agents)}: "
            "enlist and promote the same ones before it goes on"
        )
    world = economy.world
    for target, name in (
        (world.customers.data, "customers"),
        (world.merchants.data, "merchants"),
        (world.people.favourites, "favourites"),
        (world.people.payees, "payees"),
        (economy.ledger.accounts, "accounts"),
        (world.books.tests, "tests"),
        (economy.settlement.sales, "sales"),
    ):
        target[...] = arrays[name].view(target.dtype).reshape(target.shape)
    for population in (world.customers, world.merchants):
        population.removals += 1  # sets of agents look at the tombstones again
    economy.opening = arrays["opening"].copy()
    economy.tick = known["tick"]

    def part(prefix: str) -> Arrays:
        return {name.split("/", 1)[1]: array for name, array in arrays.items() if name.startswith(prefix + "/")}

    economy.journal.restore(part("journal"))
    economy.outbox.restore(known["outbox"], part("outbox"), economy.tick)
    economy.log.restore(known["log"], part("log"))
    economy.life.restore(known["life"], part("life"))
    for bank, state in zip(economy.banks, known["banks"], strict=True):
        bank.restore(state)
    economy.underworld.restore(known["underworld"], part("under"))
    if economy.scoring is not None:
        economy.scoring.restore(part("features"))
    economy.agenda.restore(known["agenda"])
    economy.submission.waiting = known["waiting"]
    economy.submission.ordinals, economy.submission.ordinal_day = known["ordinals"], known["ordinal_day"]
    for key, agent in agents.items():
        agent.restore(known["agents"][key])
    for control, state in zip(economy.controls, known["controls"], strict=False):
        if hasattr(control, "restore"):
            control.restore(state)
    economy.random.setstate(known["random"])
    economy.rng.bit_generator.state = known["rng"]


def write(directory: Path, economy: Economy, recorder: Any, about: Mapping[str, Any]) -> None:
    """Write a checkpoint beside the parts of a run; the one before is replaced only when this one is complete.

    Args:
        directory: the directory of the run in progress.
        economy: the economy, between two ticks.
        recorder: a recorder with `state()`.
        about: what has to match on resume: scenario hash, seed, version.
    """
    recorded_values, recorded_arrays = recorder.state()
    values, arrays = capture(economy)
    arrays |= {f"recorder/{name}": array for name, array in recorded_arrays.items()}
    number = int(values["tick"])
    raw = {name: _raw(array) for name, array in arrays.items()}
    path = directory / f"{number:09d}-{ARRAYS}"
    with open(path, "wb") as file:
        np.savez(file, **raw)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    content = {"about": dict(about), "arrays": path.name, "values": values, "recorder": recorded_values}
    partial = directory / (VALUES + ".tmp")
    with open(partial, "w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, directory / VALUES)
    for old in directory.glob(f"*-{ARRAYS}"):
        if old.name != path.name:
            old.unlink()


def read(directory: Path, about: Mapping[str, Any]) -> tuple[dict[str, Any], Arrays] | None:
    """Return (content, arrays) of the checkpoint in a directory, or None where there is none.

    Raises:
        ResumeError: it belongs to another scenario, seed or version, or cannot be read.
    """
    path = directory / VALUES
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        with np.load(directory / content["arrays"], allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, KeyError) as error:
        raise ResumeError(f"the checkpoint in {directory} cannot be read: {error}") from error
    for key, value in about.items():
        if content["about"].get(key) != value:
            raise ResumeError(
                f"{directory} holds a run with {key} {content['about'].get(key)}, not {value}; "
                "run without --resume to start afresh"
            )
    return content, arrays


def _raw(array: NDArray[Any]) -> NDArray[Any]:
    """Return a contiguous array that numpy stores without pickling; records as bytes, `reinstate` knows their type."""
    array = np.ascontiguousarray(array)
    return array.view(np.uint8).reshape(-1) if array.dtype.names else array


def _users(economy: Economy) -> dict[str, Any]:
    """Return the enlisted agents that are not the economy's own, by key."""
    return {key: agent for key, agent in economy.python_agents.items() if key not in economy.own_agents}


def undeclared(economy: Economy) -> list[str]:
    """Return the keys of enlisted agents that cannot be checkpointed because they declare no state."""
    return [
        key
        for key, agent in economy.python_agents.items()
        if not (hasattr(agent, "state") and hasattr(agent, "restore"))
    ]
