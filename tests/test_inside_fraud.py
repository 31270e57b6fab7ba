"""Fraud from inside the accounts, told from exported tables alone: what each typology leaves, and what looks alike."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from interruption import interrupt
from small_economy import found

import finsim
from finsim import payments as pay
from finsim.dataset.reader import Dataset

pytestmark = pytest.mark.behaviour

RAISED: dict[str, Any] = {
    "population.customers": 1000,
    "run.days": 60,
    "run.warm_up_days": 10,
    "fraud.intensity": 2,
    "fraud.identities.per_1000_customers": 140.0,
    "fraud.identities.charge_off_days": 25.0,
    "fraud.sim_swap.rate": 40.0,
    "fraud.application_fraud.rate": 25.0,
    "fraud.application_fraud.use_days": 3.0,
    "fraud.synthetic_identity.rate": 110.0,
    "fraud.synthetic_identity.build_days": 60.0,
    "fraud.synthetic_identity.raise_days": 20.0,
    "fraud.synthetic_identity.bust_days": 5.0,
    "fraud.synthetic_identity.limit_start": 2000.0,
    "fraud.synthetic_identity.limit_raise": 1.3,
    "fraud.friendly_fraud.rate": 120.0,
    "banks.chargeback_days": 8.0,
    "fraud.friendly_fraud.represented": 0.9,
    "fraud.friendly_fraud.merchant_wins": 0.8,
    "fraud.friendly_fraud.delay_days": 12.0,
    "fraud.refund_abuse.rate": 150.0,
    "fraud.merchant_collusion.rate": 25.0,
    "fraud.merchant_collusion.fronts": 0.3,
    "fraud.merchant_collusion.cover_days": 6.0,
    "fraud.merchant_collusion.sales": 25.0,
    "fraud.merchant_collusion.sales_days": 8.0,
    "fraud.merchant_collusion.review_weeks": 2.0,
    "fraud.agent_fraud.rate": 30.0,
    "behaviour.wallet_cash_in_per_month": 0.8,
    "behaviour.wallet_cash_out_per_month": 0.8,
    "behaviour.disputes_per_1000_customers": 150.0,
}
OWN = {
    "sim_swap", "application_fraud", "synthetic_identity", "friendly_fraud", "refund_abuse", "merchant_collusion",
    "agent_fraud",
}  # fmt: skip


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the data sets of twins: with fraud and without."""
    folder = tmp_path_factory.mktemp("inside")
    for name, intensity in (("with", RAISED["fraud.intensity"]), ("without", 0)):
        finsim.run("tiny", out=folder / name, seed=3, overrides={**RAISED, "fraud.intensity": intensity})
    return {name: folder / name for name in ("with", "without")}


@pytest.fixture(scope="module")
def data(paths: dict[str, Path]) -> Dataset:
    return finsim.open_dataset(paths["with"])


@pytest.fixture(scope="module")
def rows(data: Dataset) -> pl.DataFrame:
    """Return all transactions with what truth says of them, in time order."""
    return data.transactions.join(data.truth, on="transaction_id", how="left").collect().sort("timestamp")


@pytest.fixture(scope="module")
def events(data: Dataset) -> pl.DataFrame:
    return data.events.with_columns(pl.col("kind").cast(pl.String)).collect().sort("event_at")


def of(rows: pl.DataFrame, typology: str) -> pl.DataFrame:
    return rows.filter((pl.col("typology") == typology) & pl.col("is_fraud"))


def campaigns(rows: pl.DataFrame, typology: str) -> Iterator[pl.DataFrame]:
    """Yield the rows of each campaign of a typology."""
    yield from of(rows, typology).partition_by("campaign_id")


def holders(data: Dataset, identity: str) -> set[int]:
    """Return the customers that only the simulation knows to be of a kind."""
    hidden = data.customers_hidden.filter(pl.col("identity").cast(pl.String) == identity)
    return set(hidden.collect()["customer_id"])


# -- twins ----------------------------------------------------------------------------------------------------


def test_all_are_there_and_the_data_set_is_sound(paths: dict[str, Path], rows: pl.DataFrame) -> None:
    counts = rows.drop_nulls("typology").group_by("typology").agg(pl.col("campaign_id").n_unique())
    found_names = {name: number for name, number in counts.iter_rows() if name in OWN}
    assert set(found_names) == OWN
    assert min(found_names.values()) >= 3, found_names
    for path in paths.values():
        report = finsim.check(path)
        assert report.ok, str(report)


def test_twins_explain_themselves(paths: dict[str, Path]) -> None:
    report = finsim.diff(paths["without"], paths["with"])
    assert report.unexplained == 0
    genuine = report.genuine
    without = genuine["identical"].rows + genuine["changed"].rows + genuine["only_a"].rows
    assert genuine["identical"].rows > 0.97 * without


def test_nobody_is_made_up_without_fraud(paths: dict[str, Path], data: Dataset) -> None:
    without = finsim.open_dataset(paths["without"])
    assert set(without.customers_hidden.collect()["identity"].unique()) == {"genuine"}
    people = [set(d.customers.collect()["customer_id"]) for d in (without, data)]
    assert people[1] - people[0] == holders(data, "stolen") | holders(data, "synthetic")
    assert not people[0] - people[1]


def test_resumed_it_is_the_same(tmp_path: Path) -> None:
    overrides = {**RAISED, "run.days": 20, "population.customers": 400, "run.checkpoint_seconds": 0}
    whole = finsim.run("tiny", out=tmp_path / "whole", overrides=overrides)
    interrupt("tiny", 17, out=tmp_path / "run", overrides=overrides)
    again = finsim.run("tiny", out=tmp_path / "run", overrides=overrides, resume=True)
    assert again.manifest["content_hash"] == whole.manifest["content_hash"]


def test_claims_nest(paths: dict[str, Path]) -> None:
    """Who claims at a smaller intensity has the same chance, or a larger one, at a larger intensity."""
    half, whole = (found(**{"fraud.intensity": k, "fraud.friendly_fraud.rate": 50.0}) for k in (1, 2))
    for name in ("friendly", "bogus"):
        small, large = (getattr(economy.underworld.first_party.chances, name) for economy in (half, whole))
        assert ((small > 0) == (large > 0)).all()
        assert (small <= large).all()
        assert 0 < (small > 0).mean() < 0.5


# -- SIM swap -------------------------------------------------------------------------------------------------


def test_a_new_sim_comes_before_the_money_and_each_trace_in_a_part_of_the_campaigns(
    rows: pl.DataFrame, events: pl.DataFrame, data: Dataset
) -> None:
    begin = data.manifest["first_day"]
    seen, traces = 0, {"sim_changed": 0, "password_reset": 0, "device_added": 0}
    for campaign in campaigns(rows, "sim_swap"):
        victim, first = campaign["customer_id"][0], campaign["timestamp"].min()
        assert campaign["customer_id"].n_unique() == 1
        assert campaign["device_id"].n_unique() == 1
        if (first.date() - dt.date.fromisoformat(str(begin))).days < 3:
            continue
        before = events.filter(pl.col("customer_id") == victim, pl.col("event_at") <= first)
        sim = before.filter(kind="sim_changed").filter(pl.col("event_at") > first - pl.duration(hours=36))
        own = before.filter(device_id=campaign["device_id"][0])
        lately = own.filter(kind="password_reset").filter(pl.col("event_at") > first - pl.duration(hours=36))
        reset = lately["event_at"].max()
        if len(sim) and reset is not None:
            assert sim["event_at"].max() < reset < first
        traces["sim_changed"] += bool(len(sim))
        for kind in ("password_reset", "device_added"):
            traces[kind] += bool(len(own.filter(kind=kind)))
        seen += 1
    assert seen >= 5
    assert all(0 < count < seen for count in traces.values()), traces


def test_a_new_phone_or_password_is_often_for_a_payment(paths: dict[str, Path]) -> None:
    twin = finsim.open_dataset(paths["without"])
    changes = twin.events.filter(pl.col("kind").cast(pl.String).is_in(["device_added", "password_reset"]))
    sent = twin.transactions.filter(pl.col("kind").cast(pl.String) == "transfer", pl.col("device_id").is_not_null())
    both = changes.select("customer_id", "event_at", "event_id").join(
        sent.select("customer_id", "timestamp"), on="customer_id"
    )  # fmt: skip
    hours = (pl.col("timestamp") - pl.col("event_at")).dt.total_minutes() / 60
    near = both.filter(hours.abs() < 3).select("event_id", after=hours > 0).unique().collect()
    after, total = int(near["after"].sum()), changes.select(pl.len()).collect().item()
    assert total > 60
    assert after > 0.12 * total, "a payment follows on many"
    assert len(near) - after < 0.3 * after, "few come before"


def test_some_pay_on_a_phone_that_a_bank_lists_under_somebody_else(paths: dict[str, Path]) -> None:
    twin = finsim.open_dataset(paths["without"])
    sent = twin.transactions.filter(pl.col("kind").cast(pl.String) == "transfer").select("customer_id", "device_id")
    keepers = twin.devices.select("device_id", keeper="customer_id", listed=True)
    shown = sent.drop_nulls("device_id").join(keepers, on="device_id", how="left").collect()
    assert shown["listed"].all()
    borrowed = shown.filter(pl.col("keeper") != pl.col("customer_id"))
    assert 2 <= len(borrowed) < 0.02 * len(shown)


def test_some_payments_are_made_in_parts_within_days(paths: dict[str, Path]) -> None:
    twin = finsim.open_dataset(paths["without"])
    pair = ["payer_account_id", "payee_account_id"]
    sent = twin.transactions.filter(pl.col("kind").cast(pl.String) == "transfer").select(*pair, "timestamp")
    dealings = sent.group_by(pair).agg(rows=pl.len(), span=pl.col("timestamp").max() - pl.col("timestamp").min())
    short = dealings.filter(pl.col("rows") > 1, pl.col("span") < pl.duration(days=3)).select(pl.len()).collect().item()
    customers = twin.customers.select(pl.len()).collect().item()
    assert short > 0.2 * customers, "a third of the transfers, by two and three, over 60 days"


def test_others_change_their_sim_too(rows: pl.DataFrame, events: pl.DataFrame) -> None:
    victims = set(of(rows, "sim_swap")["customer_id"])
    changed = events.filter(pl.col("kind") == "sim_changed")
    others = changed.filter(~pl.col("customer_id").is_in(list(victims)))
    assert len(others) > len(changed) / 3
    with_device = others.join(events.filter(pl.col("kind") == "device_added"), on="customer_id")
    near = with_device.filter((pl.col("event_at_right") - pl.col("event_at")).dt.total_hours().is_between(0, 6))
    assert len(near) > 5


def test_a_thief_with_the_number_passes_challenges(rows: pl.DataFrame) -> None:
    asked = of(rows, "sim_swap").drop_nulls("challenge")
    assert len(asked) >= 5
    assert (asked["challenge"] == "passed").mean() > 0.5


# -- first party ----------------------------------------------------------------------------------------------


def test_the_purchase_is_genuine_and_the_claim_comes_later(
    paths: dict[str, Path], rows: pl.DataFrame, data: Dataset
) -> None:
    bought = of(rows, "friendly_fraud")
    assert set(bought["kind"]) == {"purchase"}
    assert set(bought["decision"]) == {"approved"}
    assert bought["victim_customer_id"].null_count() == len(bought)
    columns = ("transaction_id", "timestamp", "amount", "merchant_id", "device_id", "ip_id", "country")
    twin = finsim.open_dataset(paths["without"]).transactions.select(columns).collect()
    reached = bought.select(columns).join(twin, on="transaction_id")
    assert len(reached) > 0.9 * len(bought)
    for name in columns[1:]:
        assert reached[name].eq_missing(reached[f"{name}_right"]).mean() > 0.95, name
    claims = data.label_events.filter(pl.col("source") == "customer").collect()
    claims = bought.join(claims, on="transaction_id")
    assert claims["transaction_id"].n_unique() == len(bought)
    days = (claims["event_at"] - claims["timestamp"]).dt.total_hours() / 24
    assert days.min() >= 0.9
    assert days.max() <= 120
    assert {"10.4"} < set(claims["reason_code"]) <= {"10.4", "13.1", "13.3", "13.7"}
    assert (claims["label"] == "fraud").eq(claims["reason_code"] == "10.4").all()


def test_some_claim_again(rows: pl.DataFrame) -> None:
    """Were all claimants alike, a customer with two claims would be rare: serial ones make them."""
    per_customer = of(rows, "friendly_fraud")["customer_id"].value_counts()["count"]
    customers = RAISED["population.customers"]
    pairs_expected = per_customer.sum() ** 2 / (2 * customers)
    assert (per_customer * (per_customer - 1) / 2).sum() > 2 * pairs_expected


def test_what_the_merchant_wins_is_taken_back(rows: pl.DataFrame, data: Dataset) -> None:
    claimed = of(rows, "friendly_fraud").select("transaction_id", paid="amount")
    won = data.settlements.filter(pl.col("kind").cast(pl.String) == "representment").collect()
    won = won.join(claimed, left_on="related_transaction_id", right_on="transaction_id")
    taken = rows.filter(pl.col("kind") == "reversal").join(
        claimed, left_on="related_transaction_id", right_on="transaction_id"
    )
    assert len(taken) >= 1
    assert set(taken["related_transaction_id"]) <= set(won["related_transaction_id"])
    assert (taken["amount"] == taken["paid"]).all()


def test_honest_people_dispute_too(rows: pl.DataFrame, data: Dataset) -> None:
    charged = data.settlements.filter(pl.col("kind").cast(pl.String) == "chargeback").collect()
    genuine = rows.filter(pl.col("typology").is_null()).select("transaction_id")
    honest = charged.join(genuine, left_on="related_transaction_id", right_on="transaction_id")
    assert len(honest) >= 3


def test_bogus_refunds_look_like_refunds(rows: pl.DataFrame, data: Dataset) -> None:
    bogus = of(rows, "refund_abuse")
    assert set(bogus["kind"]) == {"refund"}
    parents = rows.select(
        "transaction_id", bought="timestamp", price="amount", shop="merchant_id", buyer="customer_id", what="kind"
    )
    both = bogus.join(parents, left_on="related_transaction_id", right_on="transaction_id")
    assert len(both) == bogus["related_transaction_id"].is_not_null().sum() > 10
    assert (both["what"] == "purchase").all()
    assert (both["shop"] == both["merchant_id"]).all()
    assert (both["buyer"] == both["customer_id"]).all()
    assert (both["amount"] <= both["price"]).all()
    gap = (both["timestamp"] - both["bought"]).dt.total_days()
    assert gap.min() >= 0
    assert gap.max() <= 14
    lost = data.campaigns.filter(pl.col("typology").cast(pl.String) == "refund_abuse").collect()
    assert (lost["loss_merchant"] == lost["gross_loss"]).all()
    genuine = rows.filter((pl.col("kind") == "refund") & pl.col("typology").is_null())
    for name in ("rail", "channel", "entry_mode", "authentication", "mcc"):
        assert set(bogus[name]) <= set(genuine[name]), name


def test_made_up_names_pay_in_no_cash_and_pass_nothing_on() -> None:
    often = {f"behaviour.pooling.{name}_per_year": 12.0 for name in ("deposits", "forwards", "large_credits")}
    economy = found(
        **often, **{"population.customers": 400, "run.days": 30, "fraud.identities.per_1000_customers": 100.0}
    )
    data = economy.world.customers.data
    made_up = np.flatnonzero(data["reserved"] > 0)
    data["since_day"][made_up] = economy.day - 100
    rows = []
    for _ in range(20 * economy.clock.ticks_per_day):
        economy.step()
        rows.append(economy.decided.copy())
    all_rows = np.concatenate(rows)
    kinds = [pay.KINDS.index(name) for name in ("deposit", "transfer")]
    moved = all_rows[np.isin(all_rows["kind"], kinds) & (all_rows["truth"] == 0)]
    each = np.bincount(moved["owner"], minlength=len(data))
    people = np.flatnonzero((data["reserved"] == 0) & (data["since_day"] < economy.day - 20) & (data["sex"] != 2))
    assert len(made_up) > 20
    deposits = np.bincount(moved["owner"][moved["kind"] == kinds[0]], minlength=len(data))
    assert deposits[people].mean() > 0.3  # 20 days of 12 a year
    assert deposits[made_up].sum() == 0
    assert each[made_up].mean() < 0.7 * each[people].mean()


# -- identities -----------------------------------------------------------------------------------------------


def draws_of(data: Dataset, rows: pl.DataFrame, typology: str) -> Iterator[tuple[int, pl.DataFrame, float]]:
    """Yield (customer, approved draws, credit limit) of each campaign that used an identity."""
    limits = data.accounts.filter(pl.col("kind").cast(pl.String) == "credit_card").collect()
    limit = dict(zip(limits["owner_id"], limits["credit_limit"], strict=True))
    for campaign in campaigns(rows, typology):
        assert campaign["customer_id"].n_unique() == 1
        customer = campaign["customer_id"][0]
        yield customer, campaign.filter(pl.col("decision") == "approved"), limit[customer]


def test_a_stolen_name_opens_draws_and_is_gone(rows: pl.DataFrame, events: pl.DataFrame, data: Dataset) -> None:
    stolen, used = holders(data, "stolen"), []
    for customer, draws, limit in draws_of(data, rows, "application_fraud"):
        assert customer in stolen
        opened = events.filter(pl.col("customer_id") == customer, pl.col("kind") == "account_opened")
        if len(opened):
            assert opened["event_at"].max() < draws["timestamp"].min()
        own = rows.filter(pl.col("customer_id") == customer)
        assert set(own.filter(pl.col("typology").is_null())["kind"]) & {"income", "bill"} == set()
        assert own.filter(pl.col("kind") == "repayment", pl.col("decision") == "approved").is_empty()
        used.append(-draws["payer_balance_after"].min() / limit)
    assert sorted(used)[len(used) // 2] > 0.8, "most use nearly all of the limit"


def test_a_synthetic_identity_builds_credit_before_it_goes(
    rows: pl.DataFrame, events: pl.DataFrame, data: Dataset
) -> None:
    made_up, built, used, raised = holders(data, "synthetic"), 0, [], 0
    for customer, draws, limit in draws_of(data, rows, "synthetic_identity"):
        assert customer in made_up
        own = rows.filter(pl.col("customer_id") == customer)
        before = own.filter(pl.col("timestamp") < draws["timestamp"].min())
        after = own.filter(pl.col("timestamp") > draws["timestamp"].max())
        assert not before.filter(decision="approved")["typology"].is_in(list(OWN)).any(), (
            "nothing that it does is fraud before the bust-out"
        )
        if (draws["timestamp"].min() - before["timestamp"].min()).days < 30 if len(before) else True:
            continue
        assert len(before.filter(pl.col("kind") == "purchase")) >= 8
        built += len(before.filter(pl.col("kind") == "repayment", pl.col("decision") == "approved"))
        assert after.filter(pl.col("kind") == "repayment", pl.col("decision") == "approved").is_empty()
        used.append(-draws["payer_balance_after"].min() / limit)
        changes = events.filter(pl.col("customer_id") == customer, pl.col("kind") == "limit_changed")
        raised += len(changes.filter(pl.col("event_at") < draws["timestamp"].max()))
    assert len(used) >= 3
    assert built >= 3
    assert raised >= 3
    assert sorted(used)[len(used) // 2] > 0.7


def test_identities_of_a_ring_share_addresses(rows: pl.DataFrame, data: Dataset) -> None:
    identities = holders(data, "synthetic") | holders(data, "stolen")
    online = rows.drop_nulls("ip_id").select("customer_id", "ip_id", "ring_id").unique()
    own = online.filter(pl.col("customer_id").is_in(list(identities)))
    shared = own.group_by("ip_id").agg(pl.col("customer_id").n_unique()).filter(pl.col("customer_id") > 1)
    assert len(shared) >= 3
    others = online.filter(~pl.col("customer_id").is_in(list(identities)))
    homes = others.group_by("ip_id").agg(pl.col("customer_id").n_unique()).filter(pl.col("customer_id") == 2)
    assert len(homes) >= 3, "families share an address too"


def test_debts_are_charged_off_and_mostly_they_are_nobody_s_fraud(rows: pl.DataFrame, data: Dataset) -> None:
    off = rows.filter(pl.col("kind") == "write_off")
    owners = set(off["customer_id"])
    genuine = holders(data, "genuine")
    assert owners & (holders(data, "stolen") | holders(data, "synthetic"))
    assert owners & genuine
    closed = data.accounts.filter(pl.col("closed_at").is_not_null()).collect()
    assert set(off["payee_account_id"]) <= set(closed["account_id"])
    lost = data.campaigns.filter(pl.col("typology").cast(pl.String) == "application_fraud").collect()
    paid = lost.filter(pl.col("loss_issuer") > 0)
    assert len(paid) >= 3
    assert (paid["loss_customer"].abs() < 0.005).all(), "what was drawn is the issuer's loss in the end"


# -- merchants and agents -------------------------------------------------------------------------------------


def test_a_colluding_merchant_sells_what_never_was(rows: pl.DataFrame, data: Dataset) -> None:
    order = {"cover": 0, "sale": 1, "laundered_sale": 1, "refund": 2}
    for campaign in campaigns(rows, "merchant_collusion"):
        assert campaign["merchant_id"].n_unique() == 1
        stages = campaign["stage"].replace_strict(order, return_dtype=pl.Int8)
        assert stages.is_sorted()
        wronged = campaign.filter(pl.col("stage") != "sale")
        assert wronged["victim_customer_id"].null_count() == len(wronged), "who lets a card be used is no victim"
    by_scheme = data.label_events.filter(pl.col("source") == "scheme").collect()
    recalled = by_scheme.filter(pl.col("amount_recovered") > 0).join(rows, on="transaction_id")
    assert set(recalled["kind"]) <= {"transfer"}, "a scheme also says what a recall of a transfer brought back"
    told = by_scheme.filter(pl.col("amount_recovered") == 0)
    assert set(told["transaction_id"]) <= set(of(rows, "merchant_collusion")["transaction_id"])
    assert len(told) >= 5
    assert set(of(rows, "merchant_collusion")["stage"]) >= {"cover", "sale", "laundered_sale"}


def test_agents_cheat_in_three_ways(rows: pl.DataFrame) -> None:
    cheats = of(rows, "agent_fraud")
    assert set(cheats["rail"]) == {"wallet"}
    assert set(cheats["stage"]) == {"split", "phantom", "overcharge"}
    parts = cheats.filter(pl.col("stage") == "split")
    assert set(parts["kind"]) == {"deposit"}
    gap = parts.select(pl.col("timestamp").diff().over("payee_account_id", "merchant_id").dt.total_hours())
    assert (gap["timestamp"].drop_nulls() == 0).sum() >= len(parts) / 3, "parts of one deposit follow within the hour"
    assert parts["amount"].is_in([50.0, 100.0, 200.0]).mean() < 0.05
    assert (parts["amount"] < 200).all()
    fees = cheats.filter(pl.col("stage") == "overcharge")
    assert set(fees["kind"]) == {"fee"}
    paid = rows.filter((pl.col("kind") == "withdrawal") & (pl.col("rail") == "wallet"))
    paid = paid.select("timestamp", "payer_account_id", cash="amount")
    both = fees.join_asof(paid, on="timestamp", by="payer_account_id")
    assert (both["amount"] >= 1.25 * (0.015 * both["cash"]).clip(0.5)).mean() > 0.8


def test_honest_agents_have_the_same_rows(rows: pl.DataFrame) -> None:
    at_agents = (pl.col("rail") == "wallet") & pl.col("merchant_id").is_not_null()
    genuine = rows.filter(pl.col("typology").is_null() & at_agents)
    cheats = of(rows, "agent_fraud")
    columns = ["rail", "kind", "channel", "entry_mode", "authentication", "country"]
    assert cheats.join(genuine, on=columns, how="anti", nulls_equal=True).is_empty()
    deposits = genuine.filter(pl.col("kind") == "deposit").sort("timestamp")
    gap = deposits.select(pl.col("timestamp").diff().over("payee_account_id", "merchant_id").dt.total_minutes())
    assert (gap["timestamp"].drop_nulls() <= 30).sum() >= 3, "honest deposits are split too"
