"""Reading a data set: Polars lazy frames with the contract's columns, and the manifest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from finsim.dataset import manifest
from finsim.dataset.tables import TABLES
from finsim.errors import DatasetError

if TYPE_CHECKING:
    import polars as pl

    from finsim.dataset import labels
    from finsim.dataset.view import InstitutionView


class Dataset:
    """A complete data set. Each table is a `polars.LazyFrame` with exactly the columns of the contract.

    Polars is loaded when the first table is asked for: a run that only writes needs none.

    Attributes:
        path: where it lies.
        manifest: what manifest.json says.
        transactions: every movement or attempt that touches a customer's account, in time order.
        settlements: movements that touch no customer's account.
        truth: what is not genuine.
        label_events: what became known, and when.
        campaigns: runs of a typology.
        alerts: alerts of controls.
        events: what happens without money.
        accounts: accounts; so customers, cards, devices, merchants.
        rings: rings; so customers_hidden, labels_hidden and cash_hidden, which only the simulation knows.
    """

    transactions: pl.LazyFrame
    settlements: pl.LazyFrame
    truth: pl.LazyFrame
    label_events: pl.LazyFrame
    campaigns: pl.LazyFrame
    alerts: pl.LazyFrame
    events: pl.LazyFrame
    accounts: pl.LazyFrame
    customers: pl.LazyFrame
    cards: pl.LazyFrame
    devices: pl.LazyFrame
    merchants: pl.LazyFrame
    rings: pl.LazyFrame
    customers_hidden: pl.LazyFrame
    labels_hidden: pl.LazyFrame
    cash_hidden: pl.LazyFrame

    def __init__(self, path: Path, facts: dict[str, Any]) -> None:
        self.path = path
        self.manifest = facts
        self._files = files = {name: list[Path]() for name in TABLES}
        for part in facts["parts"]:
            file = path / part["path"]
            if not file.is_file():
                raise DatasetError(f"{path} is not complete: {part['path']}, which its manifest lists, is missing")
            files.setdefault(part["path"].split("/", 1)[0], []).append(file)

    def __getattr__(self, name: str) -> pl.LazyFrame:
        """Open a table when it is first asked for."""
        if name not in TABLES:
            raise AttributeError(f"a data set has no attribute {name!r}")
        frame = _scan(name, sorted(self._files[name]))
        setattr(self, name, frame)
        return frame

    @property
    def scenario(self) -> dict[str, Any]:
        """The scenario of the run, plain values by section."""
        scenario: dict[str, Any] = self.manifest.get("scenario", {})
        return scenario

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return int(self.manifest["seed"])

    def labels_as_of(self, date: labels.Date) -> pl.LazyFrame:
        """Return the label of each transaction that had one at 00:00 of a date; the latest event wins.

        Raises:
            DateError: the date cannot be read.
        """
        from finsim.dataset import labels

        return labels.labels_as_of(self.label_events, date)

    def attempts_labelled_as_of(self, date: labels.Date) -> pl.LazyFrame:
        """Return `labels_as_of` by attempt: what was said about a release counts for the held payment that it let go.

        Raises:
            DateError: the date cannot be read.
        """
        from finsim.dataset import labels

        return labels.attempts_labelled_as_of(self.label_events, self.transactions, date)

    def entities_as_of(self, date: labels.Date) -> labels.Entities:
        """Return accounts, cards, devices and customers as they stood at 00:00 of a date.

        Raises:
            DateError: the date cannot be read.
        """
        from finsim.dataset import labels

        return labels.entities_as_of(self.accounts, self.cards, self.devices, self.customers, self.events, date)

    def view(self, *, institution: int) -> InstitutionView:
        """Return what one institution sees.

        Args:
            institution: its institution_id.

        Raises:
            DatasetError: no account is kept by that institution.
        """
        import polars as pl

        from finsim.dataset.view import view

        known = self.accounts.select(pl.col("institution_id").unique().sort()).collect()["institution_id"].to_list()
        if institution not in known:
            raise DatasetError(f"{self.path} has no institution {institution!r}; it has {known}")
        return view(self, institution)

    def __repr__(self) -> str:
        rows = self.manifest["rows"]
        days = f"{self.manifest.get('first_day')} to {self.manifest.get('last_day')}"
        return (
            f"<finsim data set {self.manifest.get('scenario_name', '')!r}, seed {self.seed}: "
            f"{rows.get('transactions', 0):,} transactions of {rows.get('customers', 0):,} customers, {days}; "
            f"{self.path}>"
        )


def open_dataset(path: str | Path) -> Dataset:
    """Open a data set that a run has left.

    Args:
        path: its directory.

    Raises:
        DatasetError: the directory is no data set, has another format, or lacks a part.
    """
    directory = Path(path)
    return Dataset(directory, manifest.read(directory))


def _scan(name: str, files: list[Path]) -> pl.LazyFrame:
    """Return a table's files as one lazy frame, an empty one where there are none."""
    import polars as pl

    if not files:
        empty = pl.from_arrow(TABLES[name].schema.empty_table())
        assert isinstance(empty, pl.DataFrame)
        return empty.lazy()
    return pl.scan_parquet(files, hive_partitioning=False)
