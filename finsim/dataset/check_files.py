"""The files of a data set against its manifest and the contract: presence, rows, hashes, columns, values, order."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from finsim.dataset.check_contract import KEYS, TABLES, VALUES
from finsim.dataset.check_report import SHOWN, Finding, apply_rules, rules
from finsim.dataset.check_source import Source, collect

READ_ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)
"""What Polars raises for a file that is cut off, damaged or no Parquet."""


def check_parts(source: Source) -> list[Finding]:
    """Compare the parts that the manifest lists with the files that are there: names, rows, bytes."""
    parts: dict[str, dict[str, Any]] = {str(part["path"]): part for part in source.manifest["parts"]}
    found = {file.relative_to(source.path).as_posix() for file in source.path.rglob("*.parquet")}
    findings = [
        _finding("the manifest lists a file that is not there", sorted(set(parts) - found)),
        _finding("a file is not listed in the manifest", sorted(found - set(parts))),
    ]
    rows: dict[str, int] = {}
    wrong_rows, wrong_hash, unreadable = [], [], []
    for name in sorted(set(parts) & found):
        file, part = source.path / name, parts[name]
        count = _count(file)
        if count is None:
            unreadable.append(name)
            continue
        table = name.partition("/")[0]
        rows[table] = rows.get(table, 0) + count
        if count != part.get("rows"):
            wrong_rows.append(name)
        if not _has_hash(file, part):
            wrong_hash.append(name)
    findings += [
        _finding("a file cannot be read", unreadable),
        _finding("a file has another number of rows than the manifest says", wrong_rows),
        _finding("a file's bytes are not those that were written", wrong_hash),
    ]
    features = source.manifest.get("features")
    if features and not _is_features(source.path / features["file"], features["sha256"]):
        findings.append(_finding("the file of running features is not the one that was written", [features["file"]]))
    tables = set(source.manifest["rows"]) | set(rows)
    wrong = sorted(table for table in tables if rows.get(table, 0) != source.rows(table))
    findings.append(_finding("a table has another number of rows than the manifest says", wrong, "table"))
    return [finding for finding in findings if finding.count]


def check_manifest(source: Source) -> list[Finding]:
    """Add up the content hashes of parts again: to those of tables, and those to the hash of the data set."""
    manifest, digest, wrong = source.manifest, hashlib.blake2b(digest_size=16), []
    content = manifest.get("content", {})
    for table in sorted(content):
        parts = [part for part in manifest["parts"] if part["path"].partition("/")[0] == table]
        total = sum(int(str(part.get("content", "0")), 16) for part in parts) % 2**64
        if f"{total:016x}" != content[table]:
            wrong.append(table)
        digest.update(f"{table}:{source.rows(table)}:{content[table]}\n".encode())
    findings = [_finding("a table's content hash is not the sum of its parts'", wrong, "table")]
    if digest.hexdigest() != manifest.get("content_hash"):
        given = str(manifest.get("content_hash"))
        findings.append(_finding("content_hash is not the hash of the tables' content hashes", [given], "hash"))
    return [finding for finding in findings if finding.count]


def check_schema(source: Source) -> list[Finding]:
    """Compare the columns and types of every file with the contract."""
    missing: list[str] = []
    wrong: list[str] = []
    for table, columns in TABLES.items():
        for file in source.files[table]:
            schema = pl.read_parquet_schema(file)
            missing += [f"{table}.{c.name}" for c in columns if c.name not in schema]
            wrong += [
                f"{table}.{c.name} is {schema[c.name]}, not {c.type}"
                for c in columns
                if c.name in schema and not c.accepts(schema[c.name])
            ]
    findings = [
        _finding("a column is missing", sorted(set(missing)), "column", "schema"),
        _finding("a column has another type", sorted(set(wrong)), "column", "schema"),
    ]
    return [finding for finding in findings if finding.count]


def check_values(source: Source) -> list[Finding]:
    """Look for values outside the closed lists, and for nulls where none may be."""
    findings: list[Finding] = []
    for table, columns in TABLES.items():
        if not source.files[table]:
            continue
        frame = source.plain(table)
        where = (KEYS.get(table, columns[0].name),)
        for column in columns:
            allowed = VALUES.get(f"{table}.{column.name}")
            if allowed is None:
                continue
            found = collect(frame.select(pl.col(column.name).cast(pl.String).unique())).to_series()
            odd = sorted(set(found.drop_nulls()) - set(allowed) - _more_values(source, column.name))
            what = f"{table}.{column.name} has a value that the contract does not know"
            findings.append(_finding(what, odd, "value", "values"))
        nulls = {
            f"{table}.{column.name} is null": pl.col(column.name).is_null() for column in columns if not column.null
        }
        findings += apply_rules(frame, rules("nulls", where, nulls))
    return [finding for finding in findings if finding.count]


def check_order(source: Source) -> list[Finding]:
    """Look for transactions before an earlier one, within a file and across, of another month or outside the run."""
    unordered, strangers, outside = [], [], []
    last = np.int64(-(2**63))
    days = str(source.manifest.get("first_day", "")), str(source.manifest.get("last_day", "9999"))
    for file in source.files["transactions"]:
        times = pl.read_parquet(file, columns=["timestamp"], hive_partitioning=False)["timestamp"]
        name = file.relative_to(source.path).as_posix()
        micros = times.to_physical().to_numpy()
        if len(micros) and (micros[0] < last or (micros[1:] < micros[:-1]).any()):
            unordered.append(name)
        span = [str(times.min())[:10], str(times.max())[:10]] if len(micros) else []
        if span and not days[0] <= span[0] <= span[1] <= days[1]:
            outside.append(name)
        folder = file.parent.name
        if folder.startswith("month=") and {f"month={day[:7]}" for day in span} - {folder}:
            strangers.append(name)
        last = max(last, micros[-1]) if len(micros) else last
    findings = [
        _finding("a file has transactions that are not in time order", unordered, "file", "order"),
        _finding("a file has transactions of another month than its folder's", strangers, "file", "order"),
        _finding("a file has transactions outside the days that the manifest gives", outside, "file", "order"),
    ]
    return [finding for finding in findings if finding.count]


def check_unique(source: Source) -> list[Finding]:
    """Look for ids that stand twice; postings share the number space of transactions."""
    findings = []
    for table, key in KEYS.items():
        if table == "settlements" or not source.files[table]:
            continue
        ids = _ids(source, table, key)
        if table == "transactions" and source.files["settlements"]:
            ids = np.concatenate([ids, _ids(source, "settlements", "posting_id")])
        ids.sort()
        twice = np.unique(ids[1:][ids[1:] == ids[:-1]])
        where = {key: twice[:SHOWN].tolist()}
        findings.append(Finding("unique", f"{table}.{key} stands more than once", len(twice), where))
    return [finding for finding in findings if finding.count]


def _ids(source: Source, table: str, key: str) -> np.ndarray[Any, Any]:
    column = collect(source.plain(table).select(pl.col(key).drop_nulls())).to_series()
    return column.to_numpy().copy()


def _finding(what: str, places: list[str], column: str = "file", invariant: str = "files") -> Finding:
    return Finding(invariant, what, len(places), {column: list(places[:SHOWN])})


def _count(file: Path) -> int | None:
    try:
        return int(pl.scan_parquet(file, hive_partitioning=False).select(pl.len()).collect().item())
    except READ_ERRORS:
        return None


def _is_features(file: Path, digest: str) -> bool:
    """Return whether the file of running features is there and has the hash that the manifest says."""
    return file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == digest


def _has_hash(file: Path, part: dict[str, Any]) -> bool:
    """Return whether a file has the hash that the manifest gives for it; a part without one has none."""
    for name in ("sha256", "blake2b"):
        if name in part:
            with file.open("rb") as stream:
                return bool(hashlib.file_digest(stream, name).hexdigest() == part[name])
    return False


def _more_values(source: Source, column: str) -> set[str]:
    """Return typologies that the run knew beyond the contract's; a package from outside may add some."""
    known = source.manifest.get("typologies", [])
    return {str(name) for name in known} if column == "typology" and isinstance(known, list) else set()
