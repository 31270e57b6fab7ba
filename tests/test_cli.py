"""The command line: what it refuses and how, what it prints, and that it stays quick."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest
import yaml

from finsim.cli import main
from finsim.terminal import Progress, complain, emit, emit_table

Command = Callable[..., subprocess.CompletedProcess[str]]

HEAVY = {"mesa", "numba", "polars", "pyarrow", "pandas", "scipy"}
COMMANDS = ("run", "check", "diff", "info", "evaluate", "calibrate", "import-month", "scenarios", "explain")


class Refusal(NamedTuple):
    """A command that is refused.

    Attributes:
        words: the words after `finsim`.
        says: what the message has to contain, in any case of letters.
        files: text of the files that exist before, by name; a name that ends in a slash is a folder.
    """

    words: str
    says: tuple[str, ...]
    files: Mapping[str, str | bytes] = MappingProxyType({})


TINY = "extends: tiny\n"

REFUSALS = {
    # commands and flags
    "unknown command": Refusal("rnu tiny", ("unknown command 'rnu'", "'run'")),
    "unknown flag": Refusal("run tiny --thread 2", ("--thread", "--threads")),
    "flag without its value": Refusal("run tiny --seed", ("--seed", "argument")),
    "no scenario": Refusal("run", ("SCENARIO",)),
    "two scenarios": Refusal("run tiny baseline", ("unexpected", "baseline")),
    "seed is no number": Refusal("run tiny --seed abc", ("--seed", "abc")),
    "seed below zero": Refusal("run tiny --seed -1", ("--seed", "-1")),
    "seed too large": Refusal(f"run tiny --seed {2**63}", ("--seed", str(2**63))),
    "no thread": Refusal("run tiny --threads 0", ("--threads", "0")),
    "half a thread": Refusal("run tiny --threads 1.5", ("--threads", "1.5")),
    "resume and overwrite": Refusal("run tiny --resume --overwrite", ("--resume", "--overwrite")),
    # calibrate
    "no targets": Refusal("calibrate", ("TARGETS",)),
    "unknown targets": Refusal("calibrate uss", ("uss", "'us'")),
    "no worker": Refusal("calibrate us --workers 0", ("--workers", "0")),
    "no budget": Refusal("calibrate us --budget none", ("--budget", "none")),
    "calibration for an unknown scenario": Refusal("calibrate us --scenario basline", ("basline", "baseline")),
    "calibration over something else": Refusal(
        "calibrate us --out kept --overwrite", ("kept", "no calibration"), {"kept/": ""}
    ),
    "calibration over a result": Refusal("calibrate us --out kept", ("kept", "--overwrite"), {"kept/": ""}),
    # import-month
    "month of nothing": Refusal("import-month mine.csv --unit 1 --per-wallet 10", ("mine.csv", "no such file")),
    "month without its unit": Refusal("import-month mine.csv --per-wallet 10", ("--unit",)),
    "month in a unit of nothing": Refusal("import-month mine.csv --unit 0 --per-wallet 10", ("unit", "above 0")),
    "month over a scenario": Refusal(
        "import-month mine.csv --unit 1 --per-wallet 10", ("mine.yaml", "already"), {"mine.yaml": TINY}
    ),
    "month where no wallet is used": Refusal(
        "import-month mine.csv --unit 1 --per-wallet 10 --scenario baseline", ("active_share",)
    ),
    # --set
    "set without a value": Refusal("run tiny --set fraud.intensity", ("fraud.intensity", "KEY=VALUE")),
    "set without a key": Refusal("run tiny --set =3", ("KEY=VALUE",)),
    "set of an unknown key": Refusal("run tiny --set fraud.intensty=1", ("fraud.intensty", "intensity")),
    "set of an unknown section": Refusal("run tiny --set frud.intensity=1", ("frud", "fraud")),
    "set of a section": Refusal("run tiny --set fraud=1", ("fraud",)),
    "set out of bounds": Refusal("run tiny --set fraud.intensity=-1", ("fraud.intensity", "-1", "0")),
    "set to a wrong type": Refusal("run tiny --set population.customers=many", ("population.customers", "many")),
    "set to half a customer": Refusal("run tiny --set population.customers=100.5", ("population.customers", "100.5")),
    "set to nothing": Refusal("run tiny --set run.days=", ("run.days",)),
    "set to no number": Refusal("run tiny --set fraud.intensity=.nan", ("fraud.intensity", "nan")),
    "set to broken YAML": Refusal("run tiny --set run.days=[1,", ("run.days",)),
    "set twice": Refusal("run tiny --set run.days=3 --set run.days=4", ("run.days", "twice")),
    "set to no date": Refusal("run tiny --set run.start=2025-02-30", ("run.start", "2025-02-30")),
    "tick that divides no day": Refusal("run tiny --set run.tick_minutes=7", ("tick_minutes", "7")),
    "more customers than ids": Refusal("run tiny --set population.customers=9e9", ("population.customers",)),
    # scenarios
    "unknown scenario": Refusal("run basline", ("basline", "'baseline'")),
    "missing file": Refusal("run ./mine.yaml", ("mine.yaml",)),
    "folder as a scenario": Refusal("run ./mine.yaml", ("mine.yaml",), {"mine.yaml/": ""}),
    "empty file": Refusal("run ./mine.yaml", ("mine.yaml", "empty"), {"mine.yaml": ""}),
    "broken YAML": Refusal("run ./mine.yaml", ("mine.yaml", "line"), {"mine.yaml": TINY + "run: [1, 2\nx: }"}),
    "a list": Refusal("run ./mine.yaml", ("mine.yaml",), {"mine.yaml": "- 1\n- 2\n"}),
    "no text": Refusal("run ./mine.yaml", ("mine.yaml",), {"mine.yaml": b"\xff\xfe\x00\x80"}),
    "key twice": Refusal("run ./mine.yaml", ("mine.yaml", "days"), {"mine.yaml": TINY + "run: {days: 3, days: 4}"}),
    "no parent": Refusal("run ./mine.yaml", ("mine.yaml", "extends"), {"mine.yaml": "run: {days: 3}"}),
    "unknown parent": Refusal("run ./mine.yaml", ("mine.yaml", "tny"), {"mine.yaml": "extends: tny"}),
    "circle of parents": Refusal(
        "run ./mine.yaml", ("yours.yaml",), {"mine.yaml": "extends: ./yours.yaml", "yours.yaml": "extends: ./mine.yaml"}
    ),
    "unknown key": Refusal(
        "run ./mine.yaml", ("mine.yaml", "run.dayz", "run.days"), {"mine.yaml": TINY + "run: {dayz: 3}"}
    ),
    "wrong type": Refusal(
        "run ./mine.yaml", ("mine.yaml", "run.days", "soon"), {"mine.yaml": TINY + "run: {days: soon}"}
    ),
    "out of bounds": Refusal("run ./mine.yaml", ("mine.yaml", "run.days", "0"), {"mine.yaml": TINY + "run: {days: 0}"}),
    "section that is a value": Refusal("run ./mine.yaml", ("mine.yaml", "run"), {"mine.yaml": TINY + "run: 3"}),
    "Python object": Refusal(
        "run ./mine.yaml", ("mine.yaml",), {"mine.yaml": TINY + "run: {days: !!python/object/apply:os.getcwd []}"}
    ),
    # places
    "output exists": Refusal("run tiny --out here", ("here", "--overwrite"), {"here/manifest.json": "{}"}),
    "output is a file": Refusal("run tiny --out here", ("here",), {"here": ""}),
    "output in a file": Refusal("run tiny --out here/there", ("here",), {"here": ""}),
    "overwrite what is no data set": Refusal(
        "run tiny --out here --overwrite", ("here",), {"here/thesis.txt": "years of work"}
    ),
    # data sets
    "check without a directory": Refusal("check", ("DIRECTORY",)),
    "check of nothing": Refusal("check nowhere", ("nowhere",)),
    "check of an empty folder": Refusal("check here", ("here", "manifest.json"), {"here/": ""}),
    "check of a file": Refusal("check here", ("here", "manifest.json"), {"here": ""}),
    "check of an unfinished run": Refusal("check a.partial", ("a.partial",), {"a.partial/transactions/": ""}),
    "manifest that is no JSON": Refusal("check here", ("manifest.json",), {"here/manifest.json": "{"}),
    "manifest of something else": Refusal("check here", ("manifest.json",), {"here/manifest.json": '{"name": "app"}'}),
    "diff with one directory": Refusal("diff nowhere", ("nowhere",)),
    "diff with nothing": Refusal("diff here nowhere", ("here",), {"here/": ""}),
    "info of nothing": Refusal("info nowhere", ("nowhere",)),
    "explain an unknown scenario": Refusal("explain basline", ("basline", "'baseline'")),
    "scenarios of what": Refusal("scenarios tiny", ("unexpected", "tiny")),
}


def heavy_imports(standard_error: str) -> tuple[set[str], str]:
    """Split what `python -X importtime` wrote into the heavy libraries it names and the rest."""
    lines = standard_error.splitlines()
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines if line.startswith("import time:")}
    return imported & HEAVY, "\n".join(line for line in lines if not line.startswith("import time:"))


def tree(folder: Path) -> dict[str, bytes | None]:
    """Return everything below a folder: the bytes of files by path, None for folders."""
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


@pytest.mark.parametrize("kind", REFUSALS)
def test_what_is_refused_gives_one_line_and_exit_code_2(kind: str, python: Command, tmp_path: Path) -> None:
    words, says, files = REFUSALS[kind]
    for name, text in files.items():
        path = tmp_path / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
    before = tree(tmp_path)
    arguments = ("-X", "importtime", "-m", "finsim", *words.split())

    done = python(*arguments, cwd=tmp_path, FINSIM_CACHE_DIR=str(tmp_path / "cache"))

    heavy, message = heavy_imports(done.stderr)
    assert done.returncode == 2, message
    assert message.startswith("finsim: error: ")
    assert message.count("\n") == 0, "one line"
    for part in says:
        assert part.lower() in message.lower()
    assert done.stdout == ""
    assert tree(tmp_path) == before, "nothing is written"
    assert heavy == set()


def test_the_list_of_refusals_is_long_enough() -> None:
    assert len(REFUSALS) >= 20


@pytest.mark.parametrize("words", ["", "--help", "-h", "--version", *(f"{name} --help" for name in COMMANDS)])
def test_help_loads_nothing_heavy(words: str, python: Command, tmp_path: Path) -> None:
    done = python("-X", "importtime", "-m", "finsim", *words.split(), cwd=tmp_path)
    heavy, message = heavy_imports(done.stderr)
    assert (done.returncode, heavy, message) == (0, set(), "")
    assert "finsim" in done.stdout


def test_help_names_every_command_in_full(command: Command, tmp_path: Path) -> None:
    text = command("--help", cwd=tmp_path, COLUMNS="80").stdout.partition("Commands:")[2]
    assert sorted(line.split()[0] for line in text.strip().splitlines()) == sorted(COMMANDS)
    assert "..." not in text, "no sentence is cut"


def test_scenarios_lists_the_library(command: Command, tmp_path: Path) -> None:
    done = command("scenarios", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert {"baseline", "no_fraud", "high_fraud", "holiday_peak", "data_breach", "tiny"} <= set(names)
    listed = json.loads(command("scenarios", "--json", cwd=tmp_path).stdout)
    assert [entry["name"] for entry in listed] == names
    assert all(entry["asks"] for entry in listed)


def test_explain_shows_phases_parameters_and_differences(command: Command, tmp_path: Path) -> None:
    done = command("explain", "tiny", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.index("Phases") < done.stdout.index("Parameters") < done.stdout.index("differs")
    plan = json.loads(command("explain", "tiny", "--json", cwd=tmp_path).stdout)
    assert all(phase["name"] and phase["does"] for phase in plan["phases"])
    assert all(parameter["source"] for parameter in plan["parameters"])
    customers = next(one for one in plan["differences"] if one["key"] == "population.customers")
    assert customers["parent"] > customers["value"]


def test_explain_takes_a_file(command: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"extends": "tiny", "run": {"days": 3}}))
    plan = json.loads(command("explain", "./mine.yaml", "--json", cwd=tmp_path).stdout)
    assert [one["key"] for one in plan["differences"]] == ["run.days"]


RUN = ("run", "tiny", "--seed", "7", "--set", "run.days=6", "--set", "run.warm_up_days=1")


@pytest.fixture(scope="module")
def runs(command: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two twins, `a` and `b`, and what they printed: `a.txt` and, as JSON, `b.json`."""
    folder = tmp_path_factory.mktemp("runs")
    first = command(*RUN, "--out", "a", "--set", "fraud.intensity=20", cwd=folder)
    assert first.returncode == 0, first.stderr
    (folder / "a.txt").write_text(first.stdout)
    second = command(*RUN, "--out", "b", "--set", "fraud.intensity=0", "--json", cwd=folder)
    assert second.returncode == 0, second.stderr
    (folder / "b.json").write_text(second.stdout)
    return folder


def test_run_prints_a_summary(runs: Path) -> None:
    text = (runs / "a.txt").read_text()
    for part in ("tiny, seed 7", "6 days", "rows per second", "declined", "basis points"):
        assert part in text
    assert "data set" in text
    assert (runs / "a" / "manifest.json").is_file()
    assert sorted(p.name for p in runs.iterdir()) == ["a", "a.txt", "b", "b.json"], "no partial run is left behind"


def test_run_as_json(runs: Path) -> None:
    summary = json.loads((runs / "b.json").read_text())
    assert Path(summary["path"]) == runs / "b"
    assert summary["rows"] > 0
    assert summary["days"] == 6
    assert summary["fraud_by_typology"] == {}


def test_run_names_its_default_place(command: Command, tmp_path: Path) -> None:
    done = command("run", "tiny", "--seed", "3", "--set", "run.days=1", "--set", "run.warm_up_days=0", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "runs/tiny-seed3" in done.stdout
    assert (tmp_path / "runs" / "tiny-seed3" / "manifest.json").is_file()


def test_run_is_silent_on_a_pipe_when_kernels_are_compiled(command: Command, runs: Path, tmp_path: Path) -> None:
    assert runs.is_dir()  # has compiled them
    done = command("run", "tiny", "--out", "x", "--set", "run.days=1", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_resume_of_a_complete_run_is_done_at_once(command: Command, runs: Path) -> None:
    same = (*RUN, "--out", "a", "--set", "fraud.intensity=20", "--resume")
    assert command(*same, cwd=runs).returncode == 0
    other = command(*same, "--threads", "1", "--set", "run.tick_minutes=60", cwd=runs)
    assert other.returncode == 2
    assert other.stderr.startswith("finsim: error: ")


def test_check_accepts_a_run(command: Command, runs: Path) -> None:
    done = command("check", "a", cwd=runs)
    assert done.returncode == 0, done.stdout
    assert json.loads(command("check", "a", "--json", cwd=runs).stdout)["ok"] is True


def test_check_finds_a_changed_file(command: Command, runs: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    for path in (runs / "a").rglob("*"):
        if path.is_file():
            target = copy / path.relative_to(runs / "a")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    victim = next((copy / "customers").glob("*.parquet"))
    victim.write_bytes(victim.read_bytes() + b"x")
    done = command("check", str(copy))
    assert done.returncode == 1
    assert "customers" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", ["diff a b", "info a"])
def test_reports_as_text_and_json(command: Command, runs: Path, words: str) -> None:
    done = command(*words.split(), cwd=runs)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert json.loads(command(*words.split(), "--json", cwd=runs).stdout)


def test_interrupted_run_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("finsim.run", interrupted)
    assert main(["run", "tiny"]) == 130
    assert "--resume" in capsys.readouterr().err


def test_a_full_disk_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "runs/a.partial/x")

    monkeypatch.setattr("finsim.run", full)
    assert main(["run", "tiny"]) == 2
    assert capsys.readouterr().err == "finsim: error: [Errno 28] No space left on device: 'runs/a.partial/x'\n"


def test_a_reader_that_goes_away_is_no_error(python: Command, tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\n"
        "p = subprocess.Popen([sys.executable, '-m', 'finsim', 'scenarios'], stdout=subprocess.PIPE)\n"
        "p.stdout.close()\n"
        "sys.exit(p.wait())\n"
    )
    done = python("-c", code, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_complaints_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    complain("error: first\n  second")
    assert capsys.readouterr() == ("", "finsim: error: first second\n")


def test_tables_keep_brackets_and_line_ends(capsys: pytest.CaptureFixture[str]) -> None:
    emit_table("Title", ("key", "value"), [("a", "[red]1[/red]"), ("b", "22")], numbers=(1,))
    emit("end")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Title"
    assert lines[-1] == "end"
    assert any("[red]1[/red]" in line for line in lines)
    assert all(line == line.rstrip() for line in lines)


def test_progress_writes_notices_once_and_no_bar_on_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("tiny") as progress:
        progress(0, 3, "compiling kernels, once per machine ...")
        progress(1, 3, "compiling kernels, once per machine ...")
        progress(2, 3)
    assert capsys.readouterr() == ("", "finsim: compiling kernels, once per machine ...\n")
