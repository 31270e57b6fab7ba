"""The auditor accepts what is right, and names exactly the invariant that broke in what is not."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from dataset_builder import LONG_AGO, Row, at, number
from dataset_story import ANNA, BEN, CARD_CAMPAIGN, DORA, SHOP, Story, checking, credit, receivable
from hypothesis import given, settings
from hypothesis import strategies as st

import finsim
from finsim.dataset.check import check
from finsim.dataset.check_contract import TABLES, VALUES

Change = Callable[[Story], object]


def find(story: Story, table: str, **values: object) -> Row:
    return next(row for row in story.tables[table] if all(row.get(name) == value for name, value in values.items()))


def account(story: Story, key: int) -> Row:
    return story.accounts[key]


def movements(story: Story, key: int) -> list[tuple[Row, str]]:
    """Return the rows of an account that give its balance, in the order of its chain."""
    rows = []
    for row in story.tables["transactions"]:
        for side in ("payer", "payee"):
            if row[f"{side}_account_id"] == key:
                approved = row["decision"] == "approved"
                credited = side == "payee" and approved
                time = row["posted_at"] if credited else row["timestamp"]
                rows.append((time, not credited, row["transaction_id"], row, side))
    return [(row, f"{side}_balance_after") for *_, row, side in sorted(rows, key=lambda x: x[:3])]


def shift(row: Row, column: str, by: float) -> None:
    row[column] = round(row[column] + by, 2)


def shift_balance(story: Story, key: int, position: int) -> None:
    row, column = movements(story, key)[position]
    shift(row, column, 1.0)


def swap(story: Story) -> None:
    rows = story.tables["transactions"]
    rows[3], rows[4] = rows[4], rows[3]


def change_release(story: Story) -> None:
    """Let a refused release name another payee: nothing moves, so only the reference is wrong."""
    row = story.row("release broker")
    row["payee_account_id"], row["payee_institution_id"] = 905, 101


def double(story: Story, table: str) -> None:
    story.tables[table].append(dict(story.tables[table][0]))


def money_from_nowhere(story: Story) -> None:
    """Raise opening and closing balance of a shop alike, which no chain of balances shows."""
    shift(account(story, receivable(SHOP)), "closing_balance", 1.0)


BROKEN: dict[str, tuple[Change, set[str]]] = {
    "a balance in the middle": (lambda s: shift_balance(s, checking(ANNA), 7), {"1"}),
    "the first balance": (lambda s: shift_balance(s, checking(ANNA), 0), {"1"}),
    "the last balance": (lambda s: shift_balance(s, checking(ANNA), -1), {"1"}),
    "an amount": (lambda s: shift(s.row("gift"), "amount", 1.0), {"1", "2"}),
    "an opening balance": (lambda s: shift(account(s, checking(BEN)), "opening_balance", 1.0), {"2", "3"}),
    "a closing balance": (lambda s: shift(account(s, checking(BEN)), "closing_balance", 1.0), {"2", "3"}),
    "money from nowhere": (money_from_nowhere, {"2", "3"}),
    "a lower limit": (lambda s: account(s, credit(ANNA)).update(credit_limit=100.0), {"4"}),
    "a declined row that moves the balance": (
        lambda s: shift(s.row("too much"), "payer_balance_after", -9000.0),
        {"5"},
    ),
    "a held row that moves the balance": (lambda s: shift(s.row("builder"), "payer_balance_after", -300.0), {"5"}),
    "a declined row whose payee is credited": (lambda s: shift(s.row("too much"), "payee_balance_after", 9e3), {"5"}),
    "attempts": (lambda s: s.tables["campaigns"][0].update(attempts=4), {"6"}),
    "gross loss": (lambda s: s.tables["campaigns"][0].update(gross_loss=1.0), {"6"}),
    "victims": (lambda s: s.tables["campaigns"][1].update(victims=2), {"6"}),
    "recovered": (lambda s: s.tables["campaigns"][1].update(recovered=0.0), {"6"}),
    "the issuer's part": (lambda s: s.tables["campaigns"][0].update(loss_issuer=49.0), {"6"}),
    "another typology than the campaign": (lambda s: s.tables["truth"][0].update(typology="skimming"), {"6"}),
    "a row of truth left out": (lambda s: s.tables["truth"].pop(0), {"6"}),
    "a chargeback of another row": (
        lambda s: find(s, "settlements", kind="chargeback").update(related_transaction_id=None),
        {"6"},
    ),
    "a negative amount": (lambda s: s.row("mistyped").update(amount=-10.0), {"values"}),
    "a declined amount of 0": (lambda s: s.row("mistyped").update(amount=0.0), {"values"}),
    "half a cent": (lambda s: s.row("mistyped").update(amount=10.005), {"values"}),
    "a score above 1": (lambda s: s.row("mistyped").update(score=1.5), {"values"}),
    "an unknown typology": (lambda s: [r.update(typology="theft") for r in s.tables["truth"][:3]], {"values", "6"}),
    "truth of nothing": (lambda s: s.tables["truth"][-1].update(is_laundering=False), {"values"}),
    "a posting of nothing": (
        lambda s: find(s, "settlements", kind="write_off").update(amount=0.0),
        {"values", "2", "6"},
    ),
    "rows out of order": (swap, {"order"}),
    "posted before it was asked for": (lambda s: s.row("verify").update(posted_at=at(0, "01:00")), {"order"}),
    "a label from before": (lambda s: s.tables["label_events"][0].update(event_at=LONG_AGO), {"order"}),
    "an alert from before": (lambda s: s.tables["alerts"][0].update(raised_at=LONG_AGO), {"order"}),
    "a transaction twice": (lambda s: double(s, "transactions"), {"unique", "order", "1", "2"}),
    "an alert twice": (lambda s: double(s, "alerts"), {"unique"}),
    "a customer twice": (lambda s: double(s, "customers"), {"unique"}),
    "a posting with a transaction's id": (
        lambda s: find(s, "settlements", kind="merchant_fee").update(posting_id=number("gift")),
        {"unique"},
    ),
    "declined for no reason": (lambda s: s.row("mistyped").update(decline_reason=None), {"nulls"}),
    "approved for a reason": (lambda s: s.row("gift").update(decline_reason="rule"), {"nulls"}),
    "declined and posted": (lambda s: s.row("mistyped").update(posted_at=at(1, "14:00")), {"nulls"}),
    "approved and not posted": (lambda s: s.row("verify").update(posted_at=None), {"nulls"}),
    "no balance for a customer": (lambda s: s.row("gift").update(payee_balance_after=None), {"nulls"}),
    "a balance for a shop": (lambda s: s.row("verify").update(payee_balance_after=3.0), {"nulls"}),
    "half of what was paid abroad": (lambda s: s.row("abroad").update(original_currency=None), {"nulls"}),
    "no country": (lambda s: s.row("verify").update(country=None), {"nulls"}),
    "an unworked alert with a date": (lambda s: s.tables["alerts"][0].update(decision="unworked"), {"nulls"}),
    "a card of nobody": (lambda s: s.row("verify").update(card_id=7), {"references"}),
    "somebody else's card": (lambda s: s.row("verify").update(card_id=number(f"debit {BEN}", 4)), {"references"}),
    "a device of nobody": (lambda s: s.row("gift").update(device_id=7), {"references"}),
    "a merchant of nobody": (lambda s: s.row("verify").update(merchant_id=7), {"references"}),
    "another merchant": (lambda s: s.row("verify").update(merchant_id=SHOP, mcc=5411), {"references"}),
    "another MCC": (lambda s: s.row("verify").update(mcc=1), {"references"}),
    "another customer": (lambda s: s.row("gift").update(customer_id=BEN), {"references"}),
    "another bank": (lambda s: s.row("gift").update(payee_institution_id=9), {"references"}),
    "an account of nobody": (lambda s: s.row("cash").update(payee_account_id=7), {"references", "2"}),
    "truth without a transaction": (lambda s: s.tables["truth"][3].update(transaction_id=7), {"references", "6"}),
    "a label without a transaction": (lambda s: s.tables["label_events"][0].update(transaction_id=7), {"references"}),
    "an alert without a transaction": (lambda s: s.tables["alerts"][0].update(transaction_id=7), {"references"}),
    "a refund of nothing": (lambda s: s.row("refund").update(related_transaction_id=7), {"references"}),
    "a release of what was not held": (
        lambda s: s.row("release broker").update(related_transaction_id=number("gift")),
        {"references"},
    ),
    "a release to somebody else": (change_release, {"references"}),
    "a second release": (
        lambda s: s.row("release broker").update(related_transaction_id=number("builder")),
        {"references"},
    ),
    "truth without a campaign": (lambda s: s.tables["truth"][-1].update(campaign_id=7), {"references"}),
    "a ring of nobody": (lambda s: s.tables["truth"][0].update(ring_id=7), {"references"}),
    "an event of nobody": (lambda s: s.tables["events"][0].update(customer_id=7), {"references"}),
    "a posting to a customer": (
        lambda s: find(s, "settlements", kind="merchant_fee").update(payee_account_id=checking(ANNA)),
        {"references", "2"},
    ),
    "a card used before it was issued": (
        lambda s: find(s, "cards", card_id=number(f"debit {DORA}", 4)).update(issued_at=at(1, "13:00")),
        {"lifetimes"},
    ),
    "a blocked card that pays": (
        lambda s: find(s, "cards", card_id=number(f"debit {ANNA}", 4)).update(blocked_at=at(1, "00:00")),
        {"lifetimes"},
    ),
    "an expired card that pays": (
        lambda s: find(s, "cards", card_id=number(f"debit {ANNA}", 4)).update(expires_at=at(1, "00:00")),
        {"lifetimes"},
    ),
    "a closed account that pays": (
        lambda s: account(s, checking(DORA)).update(closed_at=at(1, "00:00")),
        {"lifetimes"},
    ),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("fraud", [True, False])
def test_what_is_right_is_accepted(seed: int, fraud: bool, tmp_path: Path) -> None:
    report = check(Story(fraud=fraud, seed=seed).write(tmp_path / "run"))
    assert report.ok, str(report)
    assert "all 15 invariants hold" in str(report)


@pytest.mark.parametrize("name", BROKEN)
def test_the_invariant_that_broke_is_named(name: str, tmp_path: Path) -> None:
    change, broken = BROKEN[name]
    story = Story()
    change(story)
    report = check(story.write(tmp_path / "run"))
    assert report.broken == broken, str(report)


def test_a_finding_says_where(tmp_path: Path) -> None:
    story = Story()
    shift(story.row("gift"), "payee_balance_after", 1.0)
    story.tables["campaigns"][0]["attempts"] = 9
    report = check(story.write(tmp_path / "run"))
    chain, campaign = report.findings
    assert (chain.invariant, chain.count) == ("1", 1)
    assert chain.where == {"account_id": [checking(BEN)], "transaction_id": [number("gift")]}
    assert campaign.where == {"campaign_id": [CARD_CAMPAIGN], "given": [9], "counted": [3]}
    told = json.loads(json.dumps(report.to_dict()))
    assert [finding["invariant"] for finding in told["findings"]] == ["1", "6"]
    assert not told["ok"]
    assert str(number("gift")) in str(report)


@given(position=st.integers(0, 10_000), cents=st.integers(-5000, 5000).filter(bool))
@settings(max_examples=15, deadline=None)
def test_no_changed_amount_goes_unnoticed(tmp_path_factory: pytest.TempPathFactory, position: int, cents: int) -> None:
    story = Story(shoppers=20)
    approved = [r for r in story.tables["transactions"] if r["decision"] == "approved" and r["kind"] != "verification"]
    shift(approved[position % len(approved)], "amount", cents / 100)
    report = check(story.write(tmp_path_factory.mktemp("amount") / "run"))
    assert "2" in report.broken


def test_the_auditor_shares_nothing_with_the_engine() -> None:
    folder = Path(finsim.__file__).parent / "dataset"
    for file in folder.glob("check*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                if name and name.startswith("finsim"):
                    assert name == "finsim.errors" or name.startswith("finsim.dataset.check"), f"{file.name}: {name}"


def test_the_auditors_contract_is_the_writers() -> None:
    from finsim.dataset import tables

    for name, table in tables.TABLES.items():
        declared = {column.name: column for column in table.columns}
        for column in TABLES[name]:
            assert column.name in declared, f"{name}.{column.name}"
            assert declared[column.name].null == column.null, f"{name}.{column.name}"
            allowed = VALUES.get(f"{name}.{column.name}")
            if declared[column.name].values and allowed:
                assert set(declared[column.name].values) == set(allowed)


def test_the_buckets_of_the_ledger_do_not_matter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from finsim.dataset import check_ledger

    story = Story()
    shift(story.row("gift"), "payee_balance_after", 1.0)
    run = story.write(tmp_path / "run")
    whole = check(run)
    monkeypatch.setattr(check_ledger, "BUCKET_ROWS", 30)
    assert check(run).findings == whole.findings
