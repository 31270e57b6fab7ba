"""The package as such: what it lists, exports and imports, and in which order its parts lean on each other."""

from __future__ import annotations

import ast
import importlib
import os
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

import finsim

HEAVY = {"mesa", "numba", "polars", "pyarrow", "pandas", "scipy"}

PUBLIC = {
    "DatasetError",
    "Economy",
    "FinsimError",
    "OutputError",
    "ResumeError",
    "Scenario",
    "ScenarioError",
    "__version__",
    "calibrate",
    "check",
    "diff",
    "evaluate",
    "info",
    "open_dataset",
    "run",
    "training_frame",
}

AGENTS = {"Bank", "Customer", "Employer", "Fraudster", "Merchant", "Mule"}


@pytest.fixture(scope="module")
def project(repository: Path) -> dict[str, Any]:
    return tomllib.loads((repository / "pyproject.toml").read_text())


def folders_of_package(repository: Path) -> Iterator[str]:
    """Yield the dotted name of every folder of the package that holds Python or YAML files."""
    for home, name in [("finsim", "finsim")] + [(n, f"finsim.{n}") for n in ("agents", "calibration", "scenarios")]:
        for folder, _, files in os.walk(repository / home):  # does not follow links
            if any(file.endswith((".py", ".yaml")) for file in files):
                yield ".".join((name, *Path(folder).relative_to(repository / home).parts))


def modules(repository: Path) -> dict[str, Path]:
    """Return the path of every module of the package by its dotted name."""
    found = {}
    for package in folders_of_package(repository):
        for path in sorted((repository / package.replace(".", "/")).glob("*.py")):
            found[package if path.stem == "__init__" else f"{package}.{path.stem}"] = path
    return found


def imports_of(path: Path, known: set[str]) -> set[str]:
    """Return the modules of the package that a file imports when it is loaded itself."""
    pending: list[ast.AST] = list(ast.parse(path.read_text()).body)
    found: set[str] = set()
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue  # imported when called
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            pending.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found.update(names & known)
            if not names <= known:
                found.add(node.module)
        pending.extend(ast.iter_child_nodes(node))
    return found & known


def test_the_explicit_package_list_equals_the_folders(repository: Path, project: dict[str, Any]) -> None:
    assert sorted(project["tool"]["setuptools"]["packages"]) == sorted(folders_of_package(repository))


def test_every_folder_with_modules_is_a_package(repository: Path) -> None:
    missing = [str(p.parent) for p in modules(repository).values() if not (p.parent / "__init__.py").is_file()]
    assert missing == []


@pytest.mark.parametrize("name", ["agents", "calibration", "scenarios"])
def test_top_level_folders_are_linked_into_the_package(repository: Path, name: str) -> None:
    link = repository / "finsim" / name
    assert link.is_symlink()
    assert link.readlink() == Path("..") / name, "the link is relative, so that a checkout can be moved"


def test_exported_names() -> None:
    assert set(finsim.__all__) == PUBLIC
    assert finsim.__all__ == sorted(finsim.__all__)
    assert set(dir(finsim)) == PUBLIC


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_exported_name_exists_and_is_documented(name: str) -> None:
    value = getattr(finsim, name)
    assert name == "__version__" or (value.__doc__ and value.__name__ == name)


def test_agents_are_exported() -> None:
    agents = importlib.import_module("finsim.agents")
    assert set(agents.__all__) == AGENTS
    for name in AGENTS:
        assert getattr(agents, name).__name__ == name


@pytest.mark.parametrize("package", ["finsim", "finsim.agents"])
def test_an_unknown_name_is_an_attribute_error(package: str) -> None:
    module = importlib.import_module(package)
    with pytest.raises(AttributeError, match="no attribute 'runn'"):
        module.runn  # noqa: B018


def test_every_benchmark_imports(python: Any, repository: Path) -> None:
    names = sorted(path.stem for path in (repository / "benchmarks").glob("*.py"))
    assert "throughput" in names
    paths = os.pathsep.join([str(repository), str(repository / "benchmarks")])
    done = python("-c", f"import {', '.join(names)}", PYTHONPATH=paths)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["agents", "calibration"])
def test_bare_names_are_refused(python: Any, repository: Path, name: str) -> None:
    done = python("-c", f"import {name}", cwd=repository, PYTHONPATH=str(repository))
    assert done.returncode != 0
    assert f"ImportError: this folder is the package finsim.{name}; import that instead of '{name}'" in done.stderr


@pytest.mark.parametrize(
    "statement",
    [
        "import finsim",
        "import finsim, finsim.cli, finsim.errors, finsim.scenario, finsim.running",
        "import finsim.agents, finsim.calibration, finsim.dataset, finsim.evaluation",
        "import finsim; finsim.Scenario.load('baseline')",
        "from finsim import FinsimError, Scenario, run",
    ],
)
def test_light_imports(python: Any, statement: str, tmp_path: Path) -> None:
    done = python("-c", f"{statement}\nimport sys\nprint(*sys.modules)", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {name.partition(".")[0] for name in done.stdout.split()} & (HEAVY | {"rich"}) == set()


def test_no_circle_of_imports(repository: Path) -> None:
    found = modules(repository)
    TopologicalSorter({name: imports_of(path, set(found)) - {name} for name, path in found.items()}).prepare()


def test_agents_know_neither_economy_nor_data_set(repository: Path) -> None:
    found = modules(repository)
    for name, path in found.items():
        if name.startswith("finsim.agents"):
            above = {m for m in imports_of(path, set(found)) if m.startswith(("finsim.economy", "finsim.dataset"))}
            assert not above, f"{name} imports {above}"


def test_the_version_is_written_once(project: dict[str, Any]) -> None:
    assert project["project"]["dynamic"] == ["version"]
    assert finsim.__version__.count(".") == 2


def test_the_change_log_names_the_version(repository: Path) -> None:
    assert finsim.__version__ in (repository / "CHANGELOG.md").read_text()


def test_nothing_is_published_that_only_tests_need(project: dict[str, Any]) -> None:
    needed = {requirement.split(">")[0].split("<")[0] for requirement in project["project"]["dependencies"]}
    assert needed >= HEAVY
    assert not needed & {"pytest", "hypothesis", "matplotlib", "scikit-learn", "ruff", "mypy"}


@pytest.mark.parametrize("folder", ["finsim", "agents", "calibration"])
def test_every_module_says_what_it_is(repository: Path, folder: str) -> None:
    for path in (repository / folder).rglob("*.py"):
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree), f"{path.relative_to(repository)} has no docstring"
