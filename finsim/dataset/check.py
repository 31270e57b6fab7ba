"""The auditor: every invariant of a data set, computed from its Parquet files alone.

It shares no code with the engine or the writer. What it believes stands in `check_contract` and in the modules
`check_*`, each of which looks at one side: files, rows, references, the ledger, campaigns.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from finsim.dataset.check_campaigns import check_campaigns
from finsim.dataset.check_contract import TABLES
from finsim.dataset.check_files import (
    READ_ERRORS,
    check_manifest,
    check_order,
    check_parts,
    check_schema,
    check_unique,
    check_values,
)
from finsim.dataset.check_labels import check_labels
from finsim.dataset.check_ledger import check_ledger
from finsim.dataset.check_references import check_references, cited_rows
from finsim.dataset.check_report import CheckReport, Finding
from finsim.dataset.check_rows import check_rows
from finsim.dataset.check_source import Source

__all__ = ["CheckReport", "Finding", "check"]

LOOKS: tuple[Callable[[Source], list[Finding]], ...] = (
    check_values,
    check_order,
    check_unique,
    check_rows,
    check_ledger,
    check_labels,
)
"""What is looked at once the files and their columns are in order."""


def check(path: str | Path) -> CheckReport:
    """Check every invariant of a data set.

    Args:
        path: the directory of a finished run.

    Returns:
        what broke and where; `report.ok` says whether everything holds.

    Raises:
        DatasetError: the directory is no data set: it is missing, or has no readable manifest.
    """
    source = Source(path)
    findings: list[Finding] = []
    rows = {table: source.rows(table) for table in TABLES}
    unchecked = ""
    try:
        for look in (check_parts, check_manifest, check_schema):
            findings += look(source)
        if any(finding.invariant == "schema" for finding in findings):
            unchecked = "The rows were not looked at: their columns are not those of the contract."
        else:
            findings += _check_content(source)
    except READ_ERRORS as error:
        if not findings:
            findings.append(Finding("files", f"a file cannot be read ({error})".splitlines()[0], 1, {}))
        unchecked = "Not everything was looked at: a file cannot be read."
    return CheckReport(str(source.path), rows, tuple(findings), unchecked)


def _check_content(source: Source) -> list[Finding]:
    findings = [finding for look in LOOKS for finding in look(source)]
    cited = cited_rows(source)
    return [*findings, *check_references(source, cited), *check_campaigns(source, cited)]
