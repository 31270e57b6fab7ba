"""What banks bear and customers avoid: the receiver's part of a scam, a credit card that is used up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from small_economy import found

import finsim
from finsim import payments as pay
from finsim.dataset.reader import Dataset
from finsim.ledger import CREDIT_CARD, SLOTS

pytestmark = pytest.mark.behaviour

RUN: dict[str, Any] = {
    "population.customers": 1000, "run.days": 40, "run.warm_up_days": 4, "banks.scam_reimbursed": 1.0,
    "fraud.impersonation_scam.rate": 200.0, "fraud.purchase_scam.rate": 100.0,
}  # fmt: skip


def between_banks(data: Dataset) -> pl.DataFrame:
    """Return the postings that belong to a transaction and move money from one institution to another."""
    kinds = data.settlements.with_columns(pl.col("kind").cast(pl.String)).collect()
    return kinds.filter((pl.col("kind") == "settlement") & pl.col("related_transaction_id").is_not_null())


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_the_receiver_pays_its_part(share: float, tmp_path: Path) -> None:
    data = finsim.run("baseline", out=tmp_path / "run", overrides=RUN | {"banks.scam_receiver_share": share})
    assert finsim.check(data.path).ok
    postings = between_banks(data)
    text = pl.col("kind", "rail").cast(pl.String)
    rows = data.transactions.with_columns(text).collect()
    scams = data.truth.filter(pl.col("typology").cast(pl.String).str.ends_with("_scam") & pl.col("is_fraud")).collect()
    accounts = data.accounts.filter(pl.col("owner_kind").cast(pl.String) == "customer").collect()
    paid = rows.filter(pl.col("transaction_id").is_in(scams["transaction_id"].implode()) & (pl.col("rail") != "card"))
    paid = paid.filter(
        (pl.col("payer_institution_id") != pl.col("payee_institution_id"))
        & pl.col("payee_account_id").is_in(accounts["account_id"].implode())
    ).select("transaction_id", bank="payer_institution_id", receiver="payee_institution_id")
    repaid = rows.filter(pl.col("kind") == "reimbursement").select("related_transaction_id", repaid="amount")
    expected = repaid.join(paid, left_on="related_transaction_id", right_on="transaction_id")
    assert len(expected) > 5
    if share == 0:
        assert postings.is_empty()
        return
    assert sorted(postings["related_transaction_id"]) == sorted(expected["related_transaction_id"])
    both = postings.join(expected, on="related_transaction_id")
    assert ((both["repaid"] * share - both["amount"]).abs() < 0.011).all()
    whose = dict(data.accounts.select("account_id", "institution_id").collect().rows())
    assert [whose[account] for account in both["payer_account_id"]] == both["receiver"].to_list()
    assert [whose[account] for account in both["payee_account_id"]] == both["bank"].to_list()


def test_who_has_a_used_up_card_only_mostly_does_without() -> None:
    economy = found(**{"population.customers": 800, "run.days": 30, "fraud.intensity": 0})
    data, accounts = economy.world.customers.data, economy.ledger.accounts
    only_credit = np.flatnonzero((data["cards"] & 5 == 4) & (data["since_day"] < economy.day) & (data["reserved"] == 0))
    used_up, others = only_credit[::2], only_credit[1::2]
    assert len(used_up) > 10
    rows = []
    for _ in range(8 * economy.clock.ticks_per_day):
        credit = used_up * SLOTS + CREDIT_CARD
        accounts["balance"][credit] = np.minimum(accounts["balance"][credit], -accounts["limit"][credit])
        economy.step()
        rows.append(economy.decided.copy())
    tried = np.concatenate(rows)
    tried = tried[(tried["kind"] == pay.PURCHASE) & (tried["slot"] == 2) & (tried["entry_mode"] != pay.CARD_ON_FILE)]
    each = np.bincount(tried["owner"], minlength=len(data))
    assert each[others].mean() > 2.0
    assert 0 < each[used_up].mean() < 0.35 * each[others].mean()
    declined = tried[np.isin(tried["owner"], used_up)]
    assert (declined["decline_reason"] == pay.LIMIT).mean() > 0.8
