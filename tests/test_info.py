"""What `info` says of a data set is what its rows say, counted by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from dataset_builder import Row
from dataset_story import Story

from finsim.dataset.info import Info, info
from finsim.errors import DatasetError


@pytest.fixture(scope="module")
def story() -> Story:
    return Story()


@pytest.fixture(scope="module")
def summary(story: Story, tmp_path_factory: pytest.TempPathFactory) -> Info:
    return info(story.write(tmp_path_factory.mktemp("info") / "run"))


def rows(story: Story, **values: object) -> list[Row]:
    return [row for row in story.tables["transactions"] if all(row[name] == value for name, value in values.items())]


def test_rows_and_decisions_are_counted(summary: Info, story: Story) -> None:
    assert summary["rows"] == {name: len(table) for name, table in story.tables.items()}
    for decision in ("approved", "declined", "held"):
        assert summary[decision] == len(rows(story, decision=decision))
    assert summary["value"] == round(sum(row["amount"] for row in rows(story, decision="approved")), 2)
    assert (summary["fraud"], summary["laundering"], summary["customers"]) == (6, 1, 5)
    assert summary["files"] == 15 + 4
    assert summary["bytes"] > 0


@pytest.mark.parametrize(("column", "key"), [("kind", "by_kind"), ("rail", "by_rail")])
def test_money_is_added_up(column: str, key: str, summary: Info, story: Story) -> None:
    assert set(summary[key]) == {row[column] for row in story.tables["transactions"]}
    for name, one in summary[key].items():
        approved = rows(story, **{column: name, "decision": "approved"})
        value = round(sum(row["amount"] for row in approved), 2)
        assert one == {"rows": len(rows(story, **{column: name})), "approved": len(approved), "value": value}


def test_a_release_is_no_attempt(summary: Info, story: Story) -> None:
    kinds = ("purchase", "withdrawal", "transfer", "bill")
    paid = sum(row["amount"] for row in rows(story, decision="approved") if row["kind"] in kinds)
    scam = {"attempts": 2, "approved": 2, "value": 1300.0, "basis_points": round(1300 / paid * 10_000, 4)}
    assert summary["fraud_by_typology"]["impersonation_scam"] == scam
    assert summary["fraud_by_typology"]["card_not_present"]["attempts"] == 3


def test_reasons_labels_and_alerts_are_counted(summary: Info, story: Story) -> None:
    assert sum(summary["declined_by_reason"].values()) == summary["declined"]
    assert summary["labels"] == {"fraud": 2}
    assert summary["alerts"] == {"genuine": 3}


def test_it_is_json_and_a_page(summary: Info) -> None:
    assert json.loads(json.dumps(summary)) == summary
    for text in ("hand-made", "impersonation_scam", "insufficient_funds", "Money by rail", "basis points"):
        assert text in str(summary)


def test_without_fraud_there_is_no_table_of_it(tmp_path: Path) -> None:
    summary = info(Story(fraud=False).write(tmp_path / "run"))
    assert summary["fraud_by_typology"] == {}
    assert "typology" not in str(summary)


def test_what_is_no_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError):
        info(tmp_path)
    run = Story(shoppers=5).write(tmp_path / "run")
    next((run / "truth").glob("*.parquet")).write_bytes(b"PAR1")
    with pytest.raises(DatasetError, match="cannot be read"):
        info(run)
