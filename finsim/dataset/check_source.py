"""A data set as the auditor reads it: the manifest, the files that lie there, and lazy frames over them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from finsim.dataset.check_contract import TABLES, TYPES, VALUES
from finsim.errors import DatasetError

MANIFEST = "manifest.json"
FORMAT = 1


class Source:
    """What lies in a directory, without any belief about who wrote it.

    Args:
        path: the directory.

    Attributes:
        path: the directory.
        manifest: the parsed `manifest.json`.
        files: Parquet files of each table, in the order of their names.

    Raises:
        DatasetError: there is no such directory, or it has no readable manifest.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.manifest = _read_manifest(self.path)
        self.files: dict[str, list[Path]] = {
            table: sorted((self.path / table).rglob("*.parquet")) if (self.path / table).is_dir() else []
            for table in TABLES
        }
        self._frames: dict[str, pl.LazyFrame] = {}

    def rows(self, table: str) -> int:
        """Return the number of rows that the manifest gives for a table, 0 where it names none."""
        count = self.manifest["rows"].get(table, 0)
        return count if isinstance(count, int) else 0

    def scan(self, table: str, files: list[Path] | None = None) -> pl.LazyFrame:
        """Return a table's columns of the contract; codes are enumerations, an unknown value among them is null.

        Args:
            table: its name.
            files: some of its files; all if None.
        """
        if not self.files[table]:
            return empty(table)
        columns = [
            _as_enum(c.name, VALUES[f"{table}.{c.name}"]) if _is_closed(table, c.name) else pl.col(c.name)
            for c in TABLES[table]
        ]
        return pl.scan_parquet(files or self.files[table], hive_partitioning=False).select(columns)

    def frame(self, table: str) -> pl.LazyFrame:
        """Return a small table, read once and kept; everything but transactions, settlements and cash_hidden."""
        if table not in self._frames:
            self._frames[table] = collect(self.scan(table)).lazy()
        return self._frames[table]

    def plain(self, table: str) -> pl.LazyFrame:
        """Return a table's files as they are, whatever columns they have."""
        return pl.scan_parquet(self.files[table], hive_partitioning=False)


def _read_manifest(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        raise DatasetError(f"{path}: there is no such directory")
    file = path / MANIFEST
    if not file.is_file():
        raise DatasetError(f"{path} is no data set: it has no {MANIFEST}, which a finished run writes last")
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{file} cannot be read: {error}") from error
    for key, kind in (("rows", dict), ("parts", list)):
        if not isinstance(manifest, dict) or not isinstance(manifest.get(key), kind):
            raise DatasetError(f"{file} is no manifest of a data set: {key!r} is missing or no {kind.__name__}")
    if manifest.get("format") != FORMAT:
        raise DatasetError(f"{file} has format {manifest.get('format')!r}; what is known here is format {FORMAT}")
    if not all(isinstance(part, dict) and isinstance(part.get("path"), str) for part in manifest["parts"]):
        raise DatasetError(f"{file} is no manifest of a data set: a part has no path")
    return dict(manifest)


def _is_closed(table: str, column: str) -> bool:
    return f"{table}.{column}" in VALUES and column != "typology"


def _as_enum(column: str, values: tuple[str, ...]) -> pl.Expr:
    return pl.col(column).cast(pl.Enum(values), strict=False)


def empty(table: str) -> pl.LazyFrame:
    """Return a table of the contract without rows."""
    schema: dict[str, Any] = {}
    for column in TABLES[table]:
        name = f"{table}.{column.name}"
        if column.type in ("code", "text"):
            schema[column.name] = pl.Enum(VALUES[name]) if _is_closed(table, column.name) else pl.String
        else:
            schema[column.name] = TYPES[column.type][0]
    return pl.LazyFrame(schema=schema)


def collect(frame: pl.LazyFrame) -> pl.DataFrame:
    """Run a query in batches, so that memory follows the result and not the files."""
    return frame.collect(engine="streaming")


def cents(column: str) -> pl.Expr:
    """Return money of a float column as int64 cents."""
    return (pl.col(column) * 100).round().cast(pl.Int64)
