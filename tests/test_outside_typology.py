"""A typology from outside the project, as docs/typology.md writes it: found by its entry point, acting, labelled."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import finsim
from finsim.agents.fraud import registry

PAGE = Path(__file__).parents[1] / "docs" / "typology.md"


class _Point:
    """An entry point that another distribution would bring."""

    def __init__(self, name: str, thing: Any) -> None:
        self.name = name
        self._thing = thing

    def load(self) -> Any:
        """Return what it names."""
        return self._thing


@pytest.fixture
def tax_scam(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    assert len(code.splitlines()) < 60, "the page promises few lines"
    names: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), names)
    module = __import__("finsim.agents.fraud.registry", fromlist=["registry"])
    monkeypatch.setattr(module, "entry_points", lambda group: [_Point("tax_scam", names["TaxScam"]())])
    registry.cache_clear()
    yield "tax_scam"
    monkeypatch.undo()
    registry.cache_clear()


def test_the_typology_of_the_page_acts_like_the_projects_own(tax_scam: str, tmp_path: Path) -> None:
    assert tax_scam in registry()
    data = finsim.run(
        "tiny", out=tmp_path / "run", seed=3, overrides={"fraud.intensity": 20, "population.customers": 900}
    )
    truth = data.truth.filter(pl.col("typology") == tax_scam).collect()
    mine = truth.filter("is_fraud").join(data.transactions.collect(), on="transaction_id")
    assert len(mine) >= 3
    assert set(mine["stage"]) <= {"debt", "penalty"}
    assert set(mine["kind"]) == {"transfer"}
    campaigns = data.campaigns.filter(pl.col("typology") == tax_scam).collect()
    approved = mine.filter(pl.col("decision") == "approved")
    assert campaigns["attempts"].sum() == len(mine)
    assert campaigns["gross_loss"].sum() == pytest.approx(approved["amount"].sum())
    assert finsim.check(data.path).ok
