"""Scenarios: what loads, what is refused and how, what counts for the hash, and that every parameter has a source."""

from __future__ import annotations

import json
import pickle
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from finsim.calibration.figures import cited
from finsim.errors import ScenarioError
from finsim.parameters.fields import Model, param, parse_source
from finsim.parameters.tree import shape
from finsim.scenario import LIBRARY, Scenario, library, parse_settings

NAMES = ("baseline", "data_breach", "high_fraud", "holiday_peak", "no_fraud", "tiny")


def write(folder: Path, text: str | bytes, name: str = "mine.yaml") -> Path:
    """Write a scenario file and return its path."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refusal(load: Callable[[], object]) -> str:
    """Return the message of a refusal; it must be one line."""
    with pytest.raises(ScenarioError) as caught:
        load()
    message = str(caught.value)
    assert "\n" not in message
    assert "pydantic" not in message
    return message


# -- what loads -----------------------------------------------------------------------------------------------


def test_library_has_the_promised_scenarios_and_says_what_each_asks() -> None:
    entries = library()
    assert set(NAMES) <= set(entries)
    assert next(iter(entries)) == "baseline"
    assert all("?" in asks for asks in entries.values())


@pytest.mark.parametrize("name", NAMES)
def test_library_scenarios_load_and_differ_from_their_parent(name: str) -> None:
    scenario = Scenario.load(name)
    assert scenario.name == name
    assert (scenario.extends is None) == (name == "baseline")
    assert bool(scenario.differences()) == (name != "baseline")


def test_shortcuts_lead_to_the_sections() -> None:
    scenario = Scenario.load("tiny", seed=5)
    assert scenario.run is scenario.parameters.run
    assert scenario.population.customers == 500
    assert scenario.run.days == 20
    assert {scenario.seed, scenario.run.seed} == {5}
    assert scenario.behaviour.categories["grocery"].mcc == 5411
    assert scenario.market.breaches == []
    assert len(scenario.banks.institutions) >= 3
    assert scenario.fraud.intensity > 0


def test_scenario_is_immutable_hashable_and_can_be_sent_to_a_worker() -> None:
    scenario = Scenario.load("tiny")
    with pytest.raises(AttributeError):
        scenario.name = "other"  # type: ignore[misc]
    with pytest.raises(ValueError, match="frozen"):
        scenario.run.days = 3
    again = pickle.loads(pickle.dumps(scenario))
    assert again == scenario
    assert len({again, scenario}) == 1


def test_file_extends_a_library_scenario_and_says_only_what_differs(tmp_path: Path) -> None:
    path = write(
        tmp_path, "extends: tiny\nrun: {days: 30}\nbehaviour:\n  categories:\n    grocery: {refund_rate: 1e-2}\n"
    )
    scenario = Scenario.load(path)
    assert scenario.name == "mine"
    assert scenario.differences() == [
        ("run.days", 20, 30),
        ("behaviour.categories.grocery.refund_rate", 0.004, 0.01),
    ]
    assert scenario.population.customers == 500


def test_file_extends_a_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    write(tmp_path / "base", "extends: tiny\nrun: {days: 10}\n", "parent.yaml")
    path = write(tmp_path, "extends: base/parent.yaml\npopulation: {customers: 60}\n")
    scenario = Scenario.load(str(path))
    assert (scenario.run.days, scenario.population.customers) == (10, 60)
    assert scenario.differences() == [("population.customers", 500, 60)]


def test_file_may_add_a_category(tmp_path: Path) -> None:
    fuel = Scenario.load("baseline").to_dict()["behaviour"]["categories"]["fuel"]
    path = write(
        tmp_path, json.dumps({"extends": "tiny", "behaviour": {"categories": {"tea": {**fuel, "share": 0.01}}}})
    )
    scenario = Scenario.load(path)
    assert list(scenario.behaviour.categories)[-1] == "tea"
    assert ("behaviour.categories.tea.share", None, 0.01) in scenario.differences()


def test_overrides_reach_tables_and_lists() -> None:
    keys = {
        "behaviour.categories.fuel.share": 0.05,
        "banks.institutions.1.share": np.float64(0.5),
        "market.month_factors.0": 1,
        "population.customers": np.int64(70),
        "run.start": "2025-03-01",
        "run.days": 1e1,
    }
    scenario = Scenario.load("tiny", keys)
    assert scenario.behaviour.categories["fuel"].share == 0.05
    assert scenario.banks.institutions[1].share == 0.5
    assert scenario.market.month_factors[0] == 1.0
    assert scenario.population.customers == 70
    assert (str(scenario.run.start), scenario.run.days) == ("2025-03-01", 10)
    assert {key for key, _, _ in scenario.differences()} >= {"run.start", "banks.institutions.1.share"}


def test_replace_gives_the_same_as_loading_with_overrides() -> None:
    loaded = Scenario.load("tiny", {"run.days": 3, "fraud.intensity": 0}, seed=9)
    assert Scenario.load("tiny").replace({"run.days": 3, "fraud.intensity": 0}, seed=9) == loaded


def test_settings_are_read_as_yaml() -> None:
    settings = ["run.days=30", "fraud.intensity = 1e-3", "run.start=2025-02-01", "market.breaches=[]"]
    values = parse_settings(settings)
    assert [type(value).__name__ for value in values.values()] == ["int", "float", "date", "list"]
    assert Scenario.load("tiny", values).fraud.intensity == 0.001


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1_000.5", 1000.5),
        (".5", 0.5),
        ("010", 10),
        ("1:30", "1:30"),
        ("yes", "yes"),
        ("0x10", "0x10"),
    ],
)
def test_plain_scalars_are_read_as_a_reader_takes_them(text: str, value: object) -> None:
    read = parse_settings([f"key={text}"])["key"]
    assert (read, type(read)) == (value, type(value))


def test_to_dict_is_plain_data_and_loads_again(tmp_path: Path) -> None:
    scenario = Scenario.load("tiny")
    path = write(tmp_path, json.dumps({"extends": "baseline", **scenario.to_dict()}))
    assert Scenario.load(path).hash == scenario.hash


# -- what is refused: in a file ---------------------------------------------------------------------------------

BAD_FILES: dict[str, tuple[str | bytes, tuple[str, ...]]] = {
    "empty": ("", ("empty", "extends: baseline")),
    "only a comment": ("# nothing\n", ("empty",)),
    "no mapping": ("- run\n- days\n", ("keys and values",)),
    "a word": ("tiny", ("keys and values", "tiny")),
    "syntax": ("extends: tiny\nrun: {days: 3\n", ("line 3", "expected")),
    "tabs": ("extends: tiny\nrun:\n\tdays: 3\n", ("line 3",)),
    "duplicate key": ("extends: tiny\nrun:\n  days: 3\n  days: 4\n", ("line 4", "'days'", "twice")),
    "two documents": ("extends: tiny\n---\nextends: tiny\n", ("document",)),
    "alias": ("extends: tiny\nrun: &a {days: 3}\npopulation: *a\n", ("aliases",)),
    "endless alias": ("extends: tiny\nrun: &a [*a]\n", ("aliases",)),
    "python object": ("extends: !!python/object/apply:os.getcwd []\n", ("line 1",)),
    "not text": (b"\xff\xfe\x00extends", ("UTF-8",)),
    "control characters": (b"extends: tiny\nrun: \x07\n", ("mine.yaml",)),
    "too deep": ("extends: tiny\nrun: " + "[" * 300_000, ("line 2", "nested deeper")),
    "no extends": ("run: {days: 3}\n", ("extends is missing", "extends: baseline")),
    "extends a number": ("extends: 3\n", ("extends = 3",)),
    "extends the unknown": ("extends: tinny\n", ("'tinny'", "did you mean 'tiny'")),
    "extends a missing file": ("extends: other.yaml\n", ("other.yaml", "does not exist")),
    "extends itself": ("extends: mine.yaml\n", ("circle", "mine.yaml -> mine.yaml")),
    "unknown section": ("extends: tiny\npopulatoin: {customers: 70}\n", ("'populatoin'", "did you mean 'population'")),
    "unknown key": ("extends: tiny\nrun: {dayz: 3}\n", ("run.dayz", "did you mean 'run.days'")),
    "unknown key below": ("extends: tiny\nfraud: {mules: {lif_days: 3}}\n", ("'fraud.mules.life_days'",)),
    "unknown key in a list": ("extends: tiny\nbanks: {institutions: [{shar: 1}]}\n", ("banks.institutions.0.share",)),
    "key that is a number": ("extends: tiny\n3: 4\n", ("'3'", "allowed: ")),
    "section as value": ("extends: tiny\nrun: 3\n", ("run must be a section", "3")),
    "empty section": ("extends: tiny\nrun:\n", ("run must be a section", "nothing")),
    "value as section": ("extends: tiny\nrun: {days: {of: 3}}\n", ("run.days must be a value",)),
    "list as value": ("extends: tiny\nrun: {days: [3]}\n", ("run.days = [3]", "whole number")),
    "value as list": ("extends: tiny\nmarket: {month_factors: 1}\n", ("market.month_factors = 1", "list")),
    "text as number": ("extends: tiny\nrun: {days: many}\n", ("run.days = 'many'", "whole number", "1 to 3650")),
    "quoted number": ("extends: tiny\nrun: {days: '3'}\n", ("run.days = '3'", "whole number")),
    "fraction": ("extends: tiny\nrun: {days: 2.5}\n", ("run.days = 2.5", "whole number")),
    "truth as number": ("extends: tiny\nfraud: {intensity: true}\n", ("fraud.intensity = True", "number")),
    "null": ("extends: tiny\nrun: {days: null}\n", ("run.days = nothing",)),
    "NaN": ("extends: tiny\nfraud: {intensity: .nan}\n", ("fraud.intensity = nan", "finite")),
    "infinite": ("extends: tiny\nfraud: {intensity: .inf}\n", ("fraud.intensity = inf", "finite")),
    "too small": ("extends: tiny\nrun: {days: 0}\n", ("run.days = 0", "1 to 3650 (day)")),
    "too large": ("extends: tiny\npopulation: {customers: 5000000}\n", ("population.customers", "50 to 4000000")),
    "too many digits": ("extends: tiny\nrun: {seed: " + "9" * 5000 + "}\n", ("mine.yaml",)),
    "no such date": ("extends: tiny\nrun: {start: 2025-02-30}\n", ("line 2", "2025-02-30")),
    "date as text": ("extends: tiny\nrun: {start: next year}\n", ("run.start = 'next year'", "date such as")),
    "date as number": ("extends: tiny\nrun: {start: 20250101}\n", ("run.start = 20250101", "date such as")),
    "date out of range": ("extends: tiny\nrun: {start: 1999-01-01}\n", ("run.start = 1999-01-01", "2011-01-01")),
    "tick": ("extends: tiny\nrun: {tick_minutes: 7}\n", ("run.tick_minutes", "7", "1440")),
    "end of time": ("extends: tiny\nrun: {start: 2042-01-01, days: 3650}\n", ("run.days", "2043")),
    "choice": (
        "extends: tiny\nbehaviour: {categories: {fuel: {price_ending: whol}}}\n",
        ("behaviour.categories.fuel.price_ending = 'whol'", "did you mean 'whole'"),
    ),
    "incomplete category": ("extends: tiny\nbehaviour: {categories: {feul: {mcc: 5541}}}\n", ("feul.share", "missing")),
    "category without sources": (
        "extends: tiny\nbehaviour: {categories: {fuel: {sources: ''}}}\n",
        ("behaviour.categories.fuel.sources", "missing"),
    ),
    "shares above 1": (
        "extends: tiny\nbehaviour: {categories: {fuel: {cash: 0.9}}}\n",
        ("behaviour.categories.fuel", "add up"),
    ),
    "length of a profile": ("extends: tiny\nmarket: {month_factors: [1, 1]}\n", ("month_factors", "2", "12")),
    "no institutions": ("extends: tiny\nbanks: {institutions: []}\n", ("banks.institutions", "1 to")),
    "breach after the end": (
        "extends: tiny\nmarket: {breaches: [{day: 90, window_days: 3, merchants: 1}]}\n",
        ("market.breaches.0.day", "90", "20 days"),
    ),
    "width of ids": (
        "extends: tiny\npopulation: {customers: 4000000, merchants_per_1000_customers: 1000}\n",
        ("merchants_per_1000_customers", "4000000"),
    ),
    "width of campaigns' numbers": (
        "extends: tiny\npopulation: {customers: 1000000}\nfraud: {intensity: 20}\n",
        ("fraud.intensity", "480 rings", "127"),
    ),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_bad_file_is_refused_in_one_sentence(kind: str, tmp_path: Path) -> None:
    text, says = BAD_FILES[kind]
    path = write(tmp_path, text)
    message = refusal(lambda: Scenario.load(path))
    assert "mine.yaml" in message
    for part in says:
        assert part in message, message
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_with_the_mistake_is_named_not_the_one_that_extends_it(tmp_path: Path) -> None:
    write(tmp_path, "extends: tiny\nrun: {days: 0}\n", "parent.yaml")
    path = write(tmp_path, "extends: parent.yaml\nfraud: {intensity: 0}\n")
    message = refusal(lambda: Scenario.load(path))
    assert "parent.yaml: run.days = 0" in message


def test_longer_circle_is_refused(tmp_path: Path) -> None:
    first = write(tmp_path, "extends: b.yaml\n", "a.yaml")
    write(tmp_path, "extends: c.yaml\n", "b.yaml")
    write(tmp_path, "extends: b.yaml\n", "c.yaml")
    assert "b.yaml -> c.yaml -> b.yaml" in refusal(lambda: Scenario.load(first))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("tinny", "did you mean 'tiny'"),
        ("", "no name"),
        ("a\0b", "no name"),
        ("nowhere/mine.yaml", "does not exist"),
        ("mine.yaml", "does not exist"),
        (".", "is a directory"),
        ("/dev/null", "no regular file"),
        ("x" * 5000, "scenario"),
    ],
)
def test_bad_path_is_refused(name: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert says in refusal(lambda: Scenario.load(name))


# -- what is refused: in a setting ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("run.dayz", 3, "did you mean 'run.days'"),
        ("days", 3, "did you mean 'run.days'"),
        ("custmers", 70, "did you mean 'population.customers'"),
        ("", 3, "unknown key"),
        ("run.", 3, "unknown key"),
        ("run", 3, "run is a section; set one of its keys, for example run.start"),
        ("run", {"days": 3}, "run is a section"),
        ("behaviour.categories", {}, "is a section"),
        ("behaviour.categories.grocery", 1, "is a section"),
        ("behaviour.categories.grocry.share", 0.1, "did you mean 'behaviour.categories.grocery'"),
        ("run.days.first", 3, "run.days is a single value"),
        ("run.days", {"of": 3}, "is a value, not a section"),
        ("banks.institutions.9.share", 0.1, "a list of 5"),
        ("banks.institutions.first.share", 0.1, "position from 0"),
        ("banks.institutions", 3, "must be a list"),
        ("banks.institutions", [{"shar": 1}], "did you mean 'share'"),
        ("run.days", 0, "run.days = 0 is out of range; allowed are 1 to 3650 (day)"),
        ("run.days", float("nan"), "whole number"),
        ("run.start", "tomorrow", "date such as"),
        ("behaviour.rent_share", 0.9, "behaviour.mortgage_share"),
        (3, 3, "unknown key '3'"),
    ],
)
def test_bad_setting_is_refused(key: Any, value: Any, says: str) -> None:
    message = refusal(lambda: Scenario.load("tiny", {key: value}))
    assert message.startswith("setting")
    assert str(key) in message
    assert says in message


@pytest.mark.parametrize("seed", [-1, 2**63, 1.5, "one", True])
def test_bad_seed_is_refused(seed: Any) -> None:
    assert "run.seed" in refusal(lambda: Scenario.load("tiny", seed=seed))


@pytest.mark.parametrize(
    "settings",
    [["run.days"], ["=3"], ["run.days="], ["run.days=[3"], ["run.days=3", "run.days=4"], ["run.start=2025-13-01"]],
)
def test_bad_form_of_a_setting_is_refused(settings: list[str]) -> None:
    assert "setting" in refusal(lambda: parse_settings(settings))


def test_overrides_must_be_a_mapping() -> None:
    assert "overrides" in refusal(lambda: Scenario.load("tiny", ["run.days=3"]))  # type: ignore[arg-type]


# -- the hash ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["run.threads", "run.partitions", "run.checkpoint_seconds", "run.part_rows"])
def test_hash_leaves_out_how_a_run_is_carried_out(key: str) -> None:
    assert Scenario.load("tiny", {key: 2000 if key == "run.part_rows" else 2}).hash == Scenario.load("tiny").hash


def test_hash_leaves_out_name_order_comments_and_sources(tmp_path: Path) -> None:
    text = "# why\nextends: tiny\nrun: {days: 20}\nbehaviour: {categories: {fuel: {sources: design, derived: so}}}\n"
    assert Scenario.load(write(tmp_path, text)).hash == Scenario.load("tiny").hash


def test_hash_does_not_change_with_the_way_a_number_is_written() -> None:
    assert Scenario.load("tiny", {"fraud.intensity": 3}).hash == Scenario.load("tiny", {"fraud.intensity": 3.0}).hash


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("run.seed", 2),
        ("run.days", 21),
        ("run.start", "2025-01-02"),
        ("fraud.intensity", 3.0000001),
        ("behaviour.categories.fuel.share", 0.1),
        ("banks.institutions.0.share", 0.3),
        ("market.hour_factors.5", 0.5),
    ],
)
def test_hash_changes_with_every_value_that_matters(key: str, value: Any) -> None:
    assert Scenario.load("tiny", {key: value}).hash != Scenario.load("tiny").hash


def test_hash_is_the_same_in_another_process(python: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    code = "from finsim.scenario import Scenario; print(Scenario.load('tiny').hash)"
    hashes = {python("-c", code, PYTHONHASHSEED=seed).stdout.strip() for seed in ("1", "2")}
    assert hashes == {Scenario.load("tiny").hash}


# -- metadata ---------------------------------------------------------------------------------------------------


def test_every_parameter_has_a_meaning_and_a_source() -> None:
    rows = Scenario.load("data_breach").describe()
    assert len({row["key"] for row in rows}) == len(rows) > 200
    for row in rows:
        assert row["doc"], row
        parse_source(row["source"])


@pytest.mark.parametrize("name", NAMES)
def test_every_source_that_a_scenario_names_is_a_figure_or_a_source(name: str) -> None:
    for source in {row["source"] for row in Scenario.load(name).describe()}:
        assert bool(cited(source)) == bool(parse_source(source))


def test_every_default_lies_within_its_bounds() -> None:
    for row in Scenario.load("baseline").describe():
        if row["value"] is None:
            continue  # an optional value that is not given
        low, high = row["bounds"]
        assert low is None or row["value"] >= low, row
        assert high is None or row["value"] <= high, row


def test_every_number_has_bounds() -> None:
    for row in Scenario.load("data_breach").describe():
        if isinstance(row["value"], (int, float)) and not isinstance(row["value"], bool):
            assert None not in row["bounds"], row


def test_assumptions_give_reasons_and_follow_the_values_used() -> None:
    rows = Scenario.load("baseline").assumptions()
    assert len(rows) > 50
    assert all(len(row["reason"]) > 3 for row in rows)
    keys = [row["key"] for row in rows]
    assert "behaviour.price_level" in keys
    assert "behaviour.categories.convenience" in keys
    assert "population.pay_weekly" not in keys


@pytest.mark.parametrize("source", ["", "  ", "assumption:", "assumption", "two words", "a,,b"])
def test_parameter_without_a_source_fails_where_it_is_declared(source: str) -> None:
    with pytest.raises(ValueError, match="parameter 'number of things'"):
        param(1, unit="thing", doc="number of things", source=source)


def test_every_field_of_every_section_is_declared_with_its_metadata() -> None:
    def visit(model: type[Model]) -> None:
        for field in model.model_fields.values():
            assert isinstance(field.json_schema_extra, dict)
            assert "parameter" in field.json_schema_extra
            inner = shape(field.annotation)[1]
            if inner is not None:
                visit(inner)

    visit(type(Scenario.load("tiny").parameters))


# -- the library's files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(LIBRARY.glob("*.yaml")), ids=lambda path: path.stem)
def test_library_files_are_diffs_with_a_comment(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# ")
    data = yaml.safe_load(text)
    assert ("extends" in data) == (path.stem != "baseline")
    scenario = Scenario.load(path.stem)
    given = {key for key, _, _ in scenario.differences()}
    for section, values in data.items():
        if path.stem != "baseline" and section not in ("extends", "calibration"):  # the latter decides nothing
            for name in values:
                assert any(key.startswith(f"{section}.{name}") for key in given), f"{section}.{name} changes nothing"


def test_loading_and_refusing_import_nothing_heavy(python: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    code = (
        "import sys\n"
        "from finsim.scenario import Scenario\n"
        "from finsim.errors import ScenarioError\n"
        "try:\n    Scenario.load('tiny', {'run.days': 0})\nexcept ScenarioError:\n    pass\n"
        "Scenario.load('tiny').describe()\n"
        "print({'numpy', 'mesa', 'numba', 'polars', 'pyarrow', 'pandas', 'scipy'} & set(sys.modules))\n"
    )
    result = python("-c", code)
    assert result.stdout.strip() == "set()", result.stderr


def test_one_key_of_a_section_leaves_its_other_keys_as_they_are(tmp_path: Path) -> None:
    baseline = Scenario.load("baseline").parameters.fraud.fan_in
    changed = Scenario.load(write(tmp_path, "extends: baseline\nfraud:\n  fan_in:\n    rate: 8\n")).parameters.fraud
    assert changed.fan_in == baseline.model_copy(update={"rate": 8.0})
    assert changed.fan_in.extra != type(baseline)().extra, "the section's default is its own, not its model's"
