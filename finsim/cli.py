"""The command line: each command is a few lines over the Python API.

Exit codes: 0 done, 1 `check` found something that broke or `evaluate` a leak, 2 the input was refused, 130 interrupted.
"""

from __future__ import annotations

import gc
import inspect
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

import finsim
from finsim.errors import FinsimError, OutputError, did_you_mean
from finsim.terminal import Progress, complain, emit, emit_json, emit_table

F = TypeVar("F", bound=Callable[..., Any])

OK, BROKEN, REFUSED, INTERRUPTED = 0, 1, 2, 130


class Commands(click.Group):
    """The group of commands; an unknown one names the nearest."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments begin with."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            raise click.UsageError(f"unknown command {args[0]!r}{did_you_mean(args[0], self.commands)}", ctx)
        return super().resolve_command(ctx, args)


def _data_set(ctx: click.Context, param: click.Parameter, path: Path) -> Path:
    """Refuse a directory that holds no data set, before a library is loaded to read its tables."""
    from finsim.dataset.manifest import read

    read(path)
    return path


def _overrides(ctx: click.Context, param: click.Parameter, settings: Sequence[str]) -> dict[str, Any]:
    """Turn texts such as `run.days=30` into a mapping; values are YAML, as in a scenario file."""
    if not settings:
        return {}
    from finsim.scenario import parse_settings

    return parse_settings(settings)


def data_set(name: str) -> Callable[[F], F]:
    """Declare an argument that is the directory of a data set."""
    return click.argument(name, type=click.Path(path_type=Path), callback=_data_set)


as_json = click.option("--json", "as_json", is_flag=True, help="Write JSON instead of text.")


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(finsim.__version__, prog_name="finsim", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Simulate a payment economy with fraud in the loop."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@cli.command()
@click.argument("scenario")
@click.option("--out", type=click.Path(path_type=Path), help="Where the data set goes [runs/<scenario>-seed<seed>].")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Seed of every random draw [the scenario's].")
@click.option(
    "--set", "overrides", metavar="KEY=VALUE", multiple=True, callback=_overrides, help="Change a parameter; repeat."
)
@click.option("--threads", type=click.IntRange(1, 256), help="Threads; the data are the same for any number.")
@click.option("--resume", is_flag=True, help="Continue a run that was interrupted.")
@click.option("--overwrite", is_flag=True, help="Replace a data set that is already there.")
@as_json
def run(scenario: str, as_json: bool, **options: Any) -> int:
    """Simulate a scenario and leave a data set.

    SCENARIO is a name from the library (`finsim scenarios`) or the path of a YAML file.
    """
    if options["resume"] and options["overwrite"]:
        raise OutputError("--resume and --overwrite exclude each other: one keeps what is there, the other deletes it")
    given = {name: value for name, value in options.items() if value is not None}
    try:
        with Progress(scenario) as progress:
            data = finsim.run(scenario, progress=progress, **given)
    except KeyboardInterrupt:
        complain("interrupted; the same command with --resume continues the run")
        return INTERRUPTED
    summary = {"path": str(data.path), "seed": data.seed, **data.manifest["summary"], **data.manifest["timings"]}
    if as_json:
        emit_json(summary)
    else:
        _show_summary(Path(scenario).stem, summary)
    gc.freeze()  # the process ends: looking through what the run left for garbage takes a third of a second
    return OK


@cli.command()
@data_set("directory")
@as_json
def check(directory: Path, as_json: bool) -> int:
    """Check every invariant of a data set.

    Exit code 0: all hold. 1: something broke; what and where is printed. 2: DIRECTORY is no data set.
    """
    report = finsim.check(directory)
    if as_json:
        emit_json(report.to_dict())
    else:
        emit(str(report))
    return OK if report.ok else BROKEN


@cli.command()
@data_set("directory_a")
@data_set("directory_b")
@as_json
def diff(directory_a: Path, directory_b: Path, as_json: bool) -> int:
    """Show what differs between two runs.

    Rows, money and causes: which campaign or parameter reached the owner of a row that differs.
    """
    report = finsim.diff(directory_a, directory_b)
    if as_json:
        emit_json(report.to_dict())
    else:
        emit(str(report))
    return OK


@cli.command()
@data_set("directory")
@as_json
def info(directory: Path, as_json: bool) -> int:
    """Show what a data set holds."""
    report = finsim.info(directory)
    if as_json:
        emit_json(report)
    else:
        emit(str(report))
    return OK


def _file(ctx: click.Context, param: click.Parameter, path: Path | None) -> Path | None:
    """Refuse a file that cannot be written, before the work."""
    if path is not None and (path.is_dir() or not path.resolve().parent.is_dir()):
        why = "is a directory" if path.is_dir() else f"lies in {path.parent}, which does not exist"
        raise OutputError(f"{param.opts[0]} {path} cannot be written: it {why}")
    return path


def _parts(ctx: click.Context, param: click.Parameter, text: str | None) -> list[str] | None:
    """Split a list of parts at its commas."""
    return [part.strip() for part in text.split(",")] if text is not None else None


@cli.command()
@data_set("directory")
@click.option(
    "--only", "parts", metavar="PART,...", callback=_parts, help="Of detectability, leaks, composition, fidelity [all]."
)
@click.option("--delay-days", type=click.IntRange(0, 365), help="Days before the test in which labels are awaited [7].")
@click.option("--targets", metavar="SET", help="Set of targets for fidelity, a name or a path [the scenario's].")
@click.option("--json", "json_path", type=click.Path(path_type=Path), callback=_file, help="Write all of it as JSON.")
@click.option("--html", "html_path", type=click.Path(path_type=Path), callback=_file, help="Write it as one HTML page.")
def evaluate(directory: Path, json_path: Path | None, html_path: Path | None, **options: Any) -> int:
    """Judge how hard fraud is to find, its cost, and fidelity.

    Fidelity is how near the run comes to published figures.

    Exit code 0: nothing leaks. 1: something gives fraud away; it is printed. 2: DIRECTORY is no data set.
    """
    say = complain if sys.stderr.isatty() else None
    report = finsim.evaluate(
        directory, say=say, **{name: value for name, value in options.items() if value is not None}
    )
    from finsim.evaluation.report import as_html, blocks, headline

    if json_path is not None:
        json_path.write_text(json.dumps(report.to_dict(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if html_path is not None:
        html_path.write_text(as_html(report), encoding="utf-8")
    emit("\n".join((headline(report), *report.notes)))
    for block in blocks(report):
        emit_table(f"\n{block.title}", block.columns, block.rows, numbers=block.numbers)
    return OK if report.ok else BROKEN


@cli.command()
@click.argument("targets")
@click.option("--scenario", help="Scenario whose parameters are fitted [the one that the targets name].")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Where the result goes [runs/calibrate-<targets>-seed<seed>]."
)
@click.option("--budget", type=click.IntRange(1), help="Simulations, about [as many as the parameters ask for].")
@click.option(
    "--workers", type=click.IntRange(1, 256), help="Processes; the result is the same for any number [cores]."
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="First seed of the simulations [the targets'].")
@click.option("--period", help="Period of a table to take, where it has several.")
@click.option("--free", metavar="KEY", multiple=True, help="Parameter that may move, not those of the set; repeat.")
@click.option("--bayes", is_flag=True, help="Draw a sample of the posterior too.")
@click.option("--what-if", metavar="TARGET=+20%", multiple=True, help="Fit again with a figure changed; repeat.")
@click.option("--into", metavar="FILE", type=click.Path(path_type=Path), help="Scenario file that takes the estimates.")
@click.option("--overwrite", is_flag=True, help="Replace a calibration that is already there.")
@as_json
def calibrate(targets: str, as_json: bool, **options: Any) -> int:
    """Fit a scenario to published figures, with error bars.

    TARGETS is a set of the library, or the path of a YAML file or of a table of your own aggregates. Leaves a scenario,
    calibrated.yaml, and a report. An interrupted calibration goes on when the same command is given again.
    """
    try:
        with Progress(f"{Path(targets).stem}", "simulations") as progress:

            def told(stage: str, done: int, total: int, best: float | None) -> None:
                progress.label = f"{stage} stage" + ("" if best is None else f", objective {best:.4g}")
                progress(done, total)

            found = finsim.calibrate(targets, told=told, **options)
    except KeyboardInterrupt:
        complain("interrupted; the same command continues the calibration")
        return INTERRUPTED
    if as_json:
        emit_json({"path": str(found.path), **found.report.to_dict()})
        return OK
    emit("\n".join(found.report.lines()))
    for table in found.report.tables():
        emit_table(f"\n{table.title}", *table.without("source", "told by"))
        if table.note:
            emit(table.note)
    emit(f"\n{found.scenario}\n{found.path / 'report.html'}")
    return OK


@cli.command("import-month")
@click.argument("table", type=click.Path(path_type=Path))
@click.option("--unit", type=float, required=True, help="Units of the table's currency for one of the scenario's.")
@click.option("--per-wallet", type=float, required=True, help="Payments a month of a wallet in use, all types.")
@click.option("--scenario", default="mobile_money", show_default=True, help="Scenario that the month extends.")
@click.option("--out", type=click.Path(path_type=Path), help="Scenario file to write [<table>.yaml].")
@click.option("--separable", is_flag=True, help="A factor a day and one an hour of the day, not one an hour.")
@click.option("--targets", type=click.Path(path_type=Path), help="Set of targets to write too, for finsim calibrate.")
@click.option("--citation", help="Whose figures these are; needed with --targets, as the next two.")
@click.option("--year", help="Time that they are of.")
@click.option("--geography", help="Place that they are of.")
@as_json
def import_month(table: Path, unit: float, per_wallet: float, as_json: bool, **options: Any) -> int:
    """Turn an operator's month by hours into a scenario.

    TABLE is CSV or Parquet with the columns action, day, hour, count, avg, std, one row for each hour and type, as
    PaySim's aggregatedTransactions. Leaves a scenario that lives through the month, for `finsim run`, and with
    --targets a set of its mix, means and spreads to which `finsim calibrate` fits --scenario.
    """
    from finsim.calibration.month_import import import_month as carry_over
    from finsim.calibration.month_import import month_summary

    out = options["out"] or Path(f"{table.stem}.yaml")
    read = carry_over(
        table,
        out,
        unit=unit,
        per_wallet=per_wallet,
        extends=options["scenario"],
        separable=options["separable"],
        targets=options["targets"],
        origin={name: options[name] or "" for name in ("citation", "year", "geography")},
    )
    summary = month_summary(read)
    if as_json:
        targets = None if options["targets"] is None else str(options["targets"])
        emit_json({"path": str(out), "targets": targets, "days": read.days, "types": summary})
        return OK
    rows = [(one["type"], f"{one['count']:,}", f"{one['mean']:,.2f}", f"{one['hours']:,}") for one in summary]
    columns = ("type", "payments", "mean amount", "hours with any")
    emit_table(f"{read.days} days of {table.name}", columns, rows, numbers=(1, 2, 3))
    emit(f"\n{out}")
    if options["targets"]:
        emit(f"{options['targets']}")
    return OK


@cli.command()
@as_json
def scenarios(as_json: bool) -> int:
    """List the library of scenarios, a line each."""
    from finsim.scenario import library

    entries = library()
    if as_json:
        emit_json([{"name": name, "asks": asks} for name, asks in entries.items()])
    else:
        width = max(map(len, entries))
        emit("\n".join(f"{name:{width}}  {asks}" for name, asks in entries.items()))
    return OK


@cli.command()
@click.argument("scenario")
@as_json
def explain(scenario: str, as_json: bool) -> int:
    """Show what a scenario does, and why.

    The phases of a tick, the parameters with their sources, and what differs from the parent.
    """
    loaded = finsim.Scenario.load(scenario)
    phases = [(name, (inspect.getdoc(phase) or "").partition("\n")[0]) for name, phase in finsim.Economy.PHASES]
    parameters, differences = loaded.describe(), loaded.differences()
    if as_json:
        emit_json(
            {
                "phases": [{"name": name, "does": does} for name, does in phases],
                "parameters": parameters,
                "differences": [{"key": key, "parent": old, "value": new} for key, old, new in differences],
            }
        )
        return OK
    emit_table("Phases of a tick", ("", ""), phases)
    rows = [(p["key"], _short(p["value"]), p["unit"], p["source"]) for p in parameters]
    emit_table(f"\nParameters of {loaded.name}", ("parameter", "value", "unit", "source"), rows)
    if differences:
        changes = [(key, _short(old), _short(new)) for key, old, new in differences]
        emit_table("\nWhat differs from the parent", ("parameter", "parent", "value"), changes)
    else:
        emit("\nNothing differs from the parent.")
    return OK


def _short(value: Any) -> str:
    """Write a parameter's value on one line, as in a scenario file."""
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def _show_summary(name: str, summary: dict[str, Any]) -> None:
    """Print the closing tables of a run: what was made, where it is, and the fraud in it."""
    declined = {reason: count for reason, count in summary["declined_by_reason"].items() if count}
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(declined.items(), key=lambda x: -x[1]))
    lines = [
        ("rows", f"{summary['rows']:,}"),
        ("money moved", f"{summary['value']:,.2f} in {summary['approved']:,} approved rows"),
        ("declined", f"{sum(declined.values()):,}" + (f" ({reasons})" if reasons else "")),
        ("held", f"{summary['held']:,}"),
        ("speed", f"{summary['rows_per_second']:,.0f} rows per second, {summary['seconds']:,.1f} s"),
        ("data set", summary["path"]),
    ]
    title = f"{name}, seed {summary['seed']}: {summary['customers']:,} customers, {summary['days']} days"
    emit_table(title, ("", ""), lines)
    fraud = [
        (typology, f"{one['rows']:,}", f"{one['approved']:,}", f"{one['value']:,.2f}", f"{one['basis_points']:.3f}")
        for typology, one in summary["fraud_by_typology"].items()
    ]
    if fraud:
        columns = ("typology", "attempts", "approved", "value", "basis points")
        emit_table("\nFraud by typology", columns, fraud, numbers=(1, 2, 3, 4))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; what is refused gives one line on standard error.

    Args:
        arguments: words after `finsim`; those of the process if None.
    """
    try:
        code = cli.main(arguments, prog_name="finsim", standalone_mode=False)
    except FinsimError as error:
        complain(f"error: {error}")
        return REFUSED
    except click.ClickException as error:
        complain(f"error: {error.format_message()}")
        return REFUSED
    except OSError as error:  # a full disk, a missing permission: the system's message says what and where
        complain(f"error: {error}")
        return REFUSED
    except (KeyboardInterrupt, click.Abort):
        complain("interrupted")
        return INTERRUPTED
    return code if isinstance(code, int) else OK
