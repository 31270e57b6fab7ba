"""What `fraud.difficulty` changes: how thieves behave, seen in exported tables alone; labels and numbers stay."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import finsim
from finsim.agents.fraud.care import Care
from finsim.dataset.reader import Dataset

pytestmark = [pytest.mark.slow, pytest.mark.behaviour]

SELL_AGAIN = (4511, 5262, 5651, 5732, 5818)
"""Airlines, marketplaces, clothing, electronics and digital goods."""
OVERRIDES = {
    "population.customers": 1200,
    "run.days": 45,
    "run.warm_up_days": 4,
    "fraud.intensity": 12,
    "fraud.adaptation": 0,
}


@pytest.fixture(scope="module")
def levels(tmp_path_factory: pytest.TempPathFactory) -> dict[float, Dataset]:
    folder: Path = tmp_path_factory.mktemp("levels")
    return {
        level: finsim.run(
            "baseline", out=folder / f"{level}", seed=5, overrides={**OVERRIDES, "fraud.difficulty": level}
        )
        for level in (0.0, 1.0)
    }


def stolen(data: Dataset) -> pl.DataFrame:
    """Return remote purchases with stolen details, with whose device they show."""
    return (
        data.transactions.join(data.truth, on="transaction_id")
        .filter(pl.col("typology").cast(pl.String) == "card_not_present")
        .join(data.devices.select("device_id", keeper="customer_id"), on="device_id", how="left")
        .sort("timestamp")
        .collect()
    )


def test_a_way_is_careless_usual_or_careful() -> None:
    assert [Care(level).between(8.0, 2.0, 1.0) for level in (0.0, 0.25, 0.5, 0.75, 1.0)] == [8.0, 5.0, 2.0, 1.5, 1.0]
    assert Care(-0.3).between(8.0, 2.0, 1.0) == 8.0
    assert Care(1.3).between(8.0, 2.0, 1.0) == 1.0


def test_careful_thieves_show_the_victims_device_and_take_their_time(levels: dict[float, Dataset]) -> None:
    own, pause = {}, {}
    for level, data in levels.items():
        rows = stolen(data)
        assert len(rows) > 100
        own[level] = rows.select((pl.col("keeper") == pl.col("customer_id")).fill_null(False).mean()).item()
        gaps = rows.select(pl.col("timestamp").diff().over("campaign_id").dt.total_minutes()).to_series().drop_nulls()
        pause[level] = (gaps > 120).mean()
    assert own[1.0] > own[0.0] + 0.15
    assert pause[1.0] > pause[0.0] + 0.1, "more of them pause for hours"


def test_thieves_in_a_hurry_buy_what_sells_again(levels: dict[float, Dataset]) -> None:
    share = {
        level: stolen(data).select(pl.col("mcc").is_in(SELL_AGAIN).mean()).item() for level, data in levels.items()
    }
    assert share[0.0] > share[1.0] + 0.15


def test_labels_stay_what_they_are(levels: dict[float, Dataset]) -> None:
    """Care is no noise on labels: whoever noticed called fraud what is fraud, and few called so what is not."""
    wrong = {}
    for level, data in levels.items():
        known = data.label_events.filter(
            pl.col("label").cast(pl.String) == "fraud", pl.col("source").cast(pl.String) == "customer"
        ).join(data.truth, on="transaction_id", how="left")
        wrong[level] = known.select(pl.col("typology").is_null().mean()).collect().item()
    assert max(wrong.values()) < 0.05
    campaigns = {level: data.campaigns.select(pl.len()).collect().item() for level, data in levels.items()}
    assert campaigns[1.0] == pytest.approx(campaigns[0.0], rel=0.25)
