"""Banks: dated rules, queues of alerts, challenges by who is asked, rests, recalls, friction, foreign controls."""

from __future__ import annotations

import heapq
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from small_economy import customer_with, finish, found, recorded

import finsim
from finsim import control_registry
from finsim import payments as pay
from finsim.agents.alert_queue import Alert, AlertQueue
from finsim.agents.cards import CREDIT, DEBIT
from finsim.controls import MODEL
from finsim.economy import Economy
from finsim.errors import FinsimError
from finsim.follow_ups import undo_decision
from finsim.ids import NO_CODE

pytestmark = pytest.mark.behaviour

ONE: dict[str, Any] = {
    "population.customers": 400,
    "run.days": 12,
    "run.warm_up_days": 2,
    "fraud.intensity": 0,
}
DAY = 86_400_000_000
HOUR = 3_600_000_000


def bank(**rules: Any) -> dict[str, Any]:
    """Return the parameters of an economy with one bank that has these rules."""
    return {**ONE, "banks.institutions": [{"share": 1.0, **rules}]}


def frames(*names: str, **overrides: Any) -> list[pl.DataFrame]:
    """Run a small economy and return tables."""
    economy, recorder = recorded(**overrides)
    finish(economy)
    return [recorder.frame(name) for name in names]


# -- rules with dates -----------------------------------------------------------------------------------------


def test_a_rule_changes_on_its_day() -> None:
    changes = [
        {"day": 6, "rule": "remote_amount_limit", "value": 1.0},
        {"day": 9, "rule": "remote_amount_limit", "value": 1e6},
    ]
    (rows,) = frames("transactions", **{**bank(), "population.customers": 2400, "banks.rule_changes": changes})
    start = rows["timestamp"].min()
    asked = rows.filter(pl.col("challenge").is_not_null(), pl.col("rail") == "card").with_columns(
        day=(pl.col("timestamp") - pl.lit(start).dt.truncate("1d")).dt.total_days()
    )
    count = np.bincount(asked["day"].to_numpy(), minlength=12)
    assert count[6:9].min() > 10 * count[:6].max(), "only from the day on"
    assert count[9:].sum() < count[6], "until the next change"


def test_changes_concern_the_institutions_that_they_name() -> None:
    economy = found(**{
        "banks.rule_changes": [
            {"day": 3, "institution": 1, "rule": "velocity_limit", "value": 2},
            {"day": 1, "rule": "velocity_limit", "value": 5},
        ]
    })  # fmt: skip
    banks = economy.config.parameters.banks
    first = [b.velocity_limit for b in banks.institutions]
    assert [b.velocity_limit for b in banks.institutions_on(0)] == first
    assert {b.velocity_limit for b in banks.institutions_on(2)} == {5}
    assert [b.velocity_limit for b in banks.institutions_on(3)] == [5, 2, 5, 5, 5]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"day": 1, "rule": "velocity_limt", "value": 5}, "did you mean 'velocity_limit'"),
        ({"day": 1, "rule": "share", "value": 0.5}, "no rule"),
        ({"day": 1, "rule": "velocity_limit", "value": 1}, "between 2 and 1000"),
        ({"day": 1, "rule": "velocity_limit", "value": 3.5}, "whole number"),
        ({"day": 99, "rule": "velocity_limit", "value": 3}, "days (run.days)"),
        ({"day": 1, "institution": 7, "rule": "velocity_limit", "value": 3}, "only 5"),
    ],
)
def test_an_impossible_change_is_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(FinsimError) as caught:
        found(**{"banks.rule_changes": [change]})
    assert says in str(caught.value)


# -- analysts -------------------------------------------------------------------------------------------------


def test_without_analysts_alerts_expire_and_held_payments_are_carried_out() -> None:
    rules = bank(review_capacity=0.0, alert_amount=150.0, new_payee_hold=300.0)
    alerts, rows = frames("alerts", "transactions", **rules, **{"banks.alert_expiry_hours": 48.0})
    assert len(alerts) > 20
    assert set(alerts["decision"]) == {"unworked"}
    held = rows.filter(pl.col("decision") == "held")
    releases = rows.filter(pl.col("related_transaction_id").is_in(held["transaction_id"].implode()))
    assert len(releases) > 3
    assert set(releases["decision"]) == {"approved"}
    both = releases.join(held, left_on="related_transaction_id", right_on="transaction_id", suffix="_held")
    waited = (both["timestamp"] - both["timestamp_held"]).dt.total_hours()
    assert waited.min() >= 47  # type: ignore[operator]


def test_analysts_do_so_much_a_day_and_in_their_shifts() -> None:
    rules = bank(review_capacity=5.0, alert_amount=60.0)
    (alerts,) = frames("alerts", **rules, **{"banks.review_hours": 1.0})
    worked = alerts.filter(pl.col("decision") != "unworked")
    by_day = worked.group_by(pl.col("decided_at").dt.date()).len()["len"]
    assert len(alerts) > 2 * len(worked), "there is more than they can do"
    assert 2 <= by_day.max() <= 1 + 5.0 * ONE["population.customers"] / 1000  # type: ignore[operator]
    hour = worked["decided_at"].dt.hour()
    assert hour.min() >= 6  # type: ignore[operator]
    assert hour.max() <= 22  # type: ignore[operator]


def test_a_bank_without_backlog_works_on_every_alert() -> None:
    rules = bank(review_capacity=1000.0, alert_amount=400.0)
    (alerts,) = frames("alerts", **rules, **{"banks.review_hours": 1.0})
    old = alerts.filter(pl.col("raised_at") < alerts["raised_at"].max() - pl.duration(days=4))
    assert len(old) > 10
    assert "unworked" not in set(old["decision"])


# -- challenges and rests -------------------------------------------------------------------------------------


def test_the_old_fail_challenges_oftener() -> None:
    (rows, customers) = frames(
        "transactions",
        "customers",
        **{
            **bank(remote_amount_limit=1.0),
            "banks.challenge_pass_owner": 0.7,
            "banks.challenge_elder_factor": 3.0,
            "population.customers": 800,
        },
    )
    asked = rows.filter(pl.col("challenge").is_not_null()).join(customers, on="customer_id")
    old = asked.filter(pl.col("birth_year") <= 1955, pl.col("segment") != "business")["challenge"] != "passed"
    young = asked.filter(pl.col("birth_year") > 1955)["challenge"] != "passed"
    assert len(old) > 20
    assert old.mean() > 0.7  # type: ignore[operator]
    assert young.mean() == pytest.approx(0.3, abs=5 * (0.21 / len(young)) ** 0.5)


def test_a_new_payee_is_paid_after_a_rest() -> None:
    (rows, alerts) = frames("transactions", "alerts", **bank(cooling_off_amount=50.0, cooling_off_hours=10.0))
    assert "cooling_off" in set(alerts["control"])
    rested = alerts.filter(pl.col("control") == "cooling_off", pl.col("decision") == "genuine")
    both = rested.join(rows, left_on="transaction_id", right_on="related_transaction_id")
    assert len(both) > 10
    assert set(both["decision_right"]) == {"approved"}
    waited = (both["timestamp"] - both["raised_at"]).dt.total_minutes() / 60.0
    assert waited.min() >= 10  # type: ignore[operator]
    assert waited.max() < 11.5  # type: ignore[operator]


def test_a_failed_challenge_ends_a_rest_before_it_begins() -> None:
    rules = bank(cooling_off_amount=500.0, new_device_limit=100.0, cooling_off_hours=2.0) | {"run.warm_up_days": 0}
    asked = {"banks.challenge_pass_owner": 0.0, "banks.challenge_abandon": 0.0}
    economy, recorder = recorded(**rules, **asked)
    payer = customer_with(economy)
    number = economy.submit(
        payer=payer,
        payee=int(economy.ledger.person_base + 1),
        amount=600.0,
        time=economy.now + 60_000_000,
        device=(payer + 1) << 7,
    )
    finish(economy)
    told = recorder.frame("alerts").filter(pl.col("transaction_id") == number)
    assert told["control"].cast(pl.String).to_list() == ["new_device"], "who asked has stopped it"


def test_better_accounts_have_larger_limits_of_a_day() -> None:
    rules = {**bank(transfer_day_limit=400.0), "banks.wealthy_limits": 100.0, "population.customers": 1200}
    rows, customers = frames("transactions", "customers", **rules)
    sent = rows.filter(pl.col("kind") == "transfer").join(customers, on="customer_id")
    refused = sent.filter(pl.col("decline_reason") == "limit", pl.col("segment") != "business")
    wealthy = pl.col("income_band") == "100000-inf"
    assert len(refused.filter(~wealthy)) > 10
    assert not len(refused.filter(wealthy))
    assert len(sent.filter(wealthy, pl.col("amount") > 400, pl.col("decision") == "approved"))


def test_limits_of_transfers_hold_each_day() -> None:
    (rows,) = frames("transactions", **bank(transfer_day_limit=400.0))
    sent = rows.filter(
        pl.col("kind") == "transfer", pl.col("decision") == "approved", pl.col("rail") != "wallet",
        pl.col("channel").is_in(["app", "online"]),
    )  # fmt: skip
    assert sent.group_by("payer_account_id", pl.col("timestamp").dt.date()).agg(pl.col("amount").max())["amount"].len()
    refused = rows.filter(pl.col("kind") == "transfer", pl.col("decline_reason") == "limit")
    assert len(refused) > 0


# -- friction -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def annoyed(tmp_path_factory: pytest.TempPathFactory) -> finsim.Dataset:
    """Return a run of a bank that stops much and whose customers mind."""
    path = tmp_path_factory.mktemp("annoyed") / "run"
    rules = bank(remote_amount_limit=1.0)
    # Who may not try again at the same shop goes to another one or gives up.
    more = {
        "banks.challenge_pass_owner": 0.5,
        "banks.friction_leave": 0.05,
        "run.days": 25,
        "behaviour.retry_rate": 0.0,
    }
    finsim.run("tiny", out=path, overrides={**rules, **more})
    return finsim.open_dataset(path)


def test_customers_who_were_stopped_buy_elsewhere(annoyed: finsim.Dataset) -> None:
    rows = annoyed.transactions.collect()
    stopped = rows.filter(pl.col("challenge").is_in(["failed", "abandoned"]))
    assert len(stopped) > 100
    again = stopped.join(rows, on=["customer_id", "amount", "mcc"], suffix="_later").filter(
        (pl.col("timestamp_later") - pl.col("timestamp")).dt.total_seconds().is_between(80, 1700)
    )
    assert 0.1 < len(again) / len(stopped) < 0.7
    changed = (again["merchant_id"] != again["merchant_id_later"]) | (again["card_id"] != again["card_id_later"])
    assert changed.mean() > 0.9  # type: ignore[operator]


def test_customers_who_leave_close_their_accounts_and_pay_no_more(annoyed: finsim.Dataset) -> None:
    report = finsim.check(annoyed.path)
    assert report.ok, str(report)
    accounts = annoyed.accounts.filter(pl.col("kind") == "checking", pl.col("closed_at").is_not_null()).collect()
    assert len(accounts) >= 3
    rows = annoyed.transactions.collect()
    gone = rows.join(accounts, left_on="customer_id", right_on="owner_id")
    late = gone.filter(pl.col("timestamp") > pl.col("closed_at") - pl.duration(days=8), pl.col("channel") != "batch")
    own = late.filter(pl.col("payer_account_id") == pl.col("account_id"), pl.col("decision") == "approved")
    assert len(own) == 0
    closed = annoyed.events.filter(pl.col("kind") == "account_closed").collect()
    ended = annoyed.transactions.select(pl.col("timestamp").max()).collect().item()
    known = accounts.filter(pl.col("closed_at") < ended)
    assert set(known["account_id"]) <= set(closed["account_id"])


# -- recalls --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("paid", [0.0, 1.0])
def test_what_a_thief_has_left_goes_to_who_bears_the_loss(paid: float) -> None:
    (rows, truth) = frames(
        "transactions",
        "truth",
        **{
            "population.customers": 400,
            "run.days": 40,
            "fraud.intensity": 8,
            "fraud.account_takeover.rate": 60.0,
            "fraud.mules.dwell_minutes": 4000.0,
            "banks.recall_answered": 1.0,
            "banks.recall_hours": 6.0,
            "banks.transfer_claims_paid": paid,
            "banks.scam_reimbursed": 0.0,
        },
    )
    stolen = rows.join(truth.filter(pl.col("typology") == "account_takeover"), on="transaction_id", how="semi")
    recovered = rows.filter(pl.col("kind") == "recovery").join(
        stolen.select("transaction_id", victim="payer_account_id"), left_on="related_transaction_id",
        right_on="transaction_id",
    )  # fmt: skip
    assert len(recovered) > 2
    assert ((recovered["payee_account_id"] == recovered["victim"]) == (paid == 0.0)).all()


def test_recalls_take_time_and_bring_back_what_is_left() -> None:
    (labels, rows) = frames(
        "label_events",
        "transactions",
        **{
            "population.customers": 400,
            "run.days": 40,
            "fraud.intensity": 8,
            "fraud.impersonation_scam.rate": 60.0,
            "fraud.mules.dwell_minutes": 4000.0,
            "banks.recall_answered": 1.0,
            "banks.recall_hours": 6.0,
        },
    )
    recalled = labels.filter(pl.col("source") == "scheme")
    assert len(recalled) > 2
    assert recalled["amount_recovered"].min() > 0  # type: ignore[operator]
    told = labels.filter(pl.col("source").is_in(["customer", "analyst"]), pl.col("label") == "fraud")
    told = told.group_by("transaction_id").agg(pl.col("event_at").min())
    both = recalled.join(told, on="transaction_id", suffix="_told")
    assert len(both) > 2
    assert (both["event_at"] > both["event_at_told"]).all()
    lost = recalled.join(rows, on="transaction_id")
    assert (lost["amount_recovered"] <= lost["amount"]).all()
    paid = rows.filter(pl.col("kind") == "recovery")["amount"].sum()
    assert paid >= recalled["amount_recovered"].sum() - 1e-6


# -- controls from outside ------------------------------------------------------------------------------------


class Suspicious:
    """Declines whatever costs more than 500."""

    features = ("amount",)

    def score(self, batch: pl.DataFrame) -> NDArray[np.float32]:
        """Return 1 for large amounts."""
        return np.where(batch["amount"].to_numpy() > 500, 1.0, 0.0).astype(np.float32)


def test_a_control_of_another_distribution_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, Suspicious)
    (rows, alerts) = frames("transactions", "alerts", **{**ONE, "run.days": 4, "banks.controls": ["suspicious"]})
    declined = rows.filter(pl.col("decline_reason") == "model")
    assert len(declined) > 3
    assert declined["amount"].min() > 500  # type: ignore[operator]
    assert "model" in set(alerts["control"])
    with pytest.raises(FinsimError, match=r"suspicius.*did you mean 'suspicious'"):
        found(**{"banks.controls": ["suspicius"]})


class Undecided(Suspicious):
    """Asks for what does not exist."""

    features = ("amuont",)


class Silent:
    """Has no score."""


def offer(monkeypatch: pytest.MonkeyPatch, kind: type) -> None:
    """Let an installed distribution offer a control, `suspicious`."""
    point = EntryPoint("suspicious", f"{__name__}:{kind.__name__}", control_registry.GROUP)

    def points(*, group: str, name: str | None = None) -> list[EntryPoint]:
        return [point] if group == point.group and name in (None, point.name) else []

    monkeypatch.setattr(control_registry, "entry_points", points)


@pytest.mark.parametrize(("kind", "said"), [(Undecided, "did you mean 'amount'"), (Silent, "no method score")])
def test_a_control_that_cannot_work_is_refused_before_anything_is_written(
    kind: type, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    offer(monkeypatch, kind)
    with pytest.raises(FinsimError, match=said):
        finsim.run("tiny", out=tmp_path / "run", overrides={**ONE, "banks.controls": ["suspicious"]})
    assert list(tmp_path.iterdir()) == []


def alert(number: int, cents: int, score: float | None, *, held: bool = False, group: bool = False) -> Alert:
    return Alert(number, 0, 0, score, 0, cents, 0, -1, False, True, NO_CODE, [] if held else None, group)


def test_the_queue_has_held_payments_first_then_scores_then_amounts() -> None:
    queue = AlertQueue()
    for one in (
        alert(1, 500, None),
        alert(2, 900_000, 0.0),
        alert(3, 700, 0.0),
        alert(4, 10, 0.2),
        alert(5, 20, 0.9),
        alert(6, 10**14, 0.2),
        alert(7, 1, None, held=True),
        alert(8, 800_000, None),
        alert(9, 850_000, 0.99, group=True),
    ):
        queue.take(one)
    order = [heapq.heappop(queue.urgent)[-1] for _ in range(9)]
    assert order == [7, 5, 6, 4, 2, 9, 8, 3, 1], "no score is a score of 0, and one of the control group does not count"


@pytest.mark.parametrize(
    ("truth", "thief", "by_card", "locked"),
    [
        (pay.IS_FRAUD, True, False, True),
        (pay.IS_FRAUD, False, False, False),  # the owner was deceived, and stays who he is
        (pay.IS_FRAUD, True, True, False),  # the card is replaced instead
    ],
)
def test_who_is_found_by_a_model_is_locked_out(truth: int, thief: bool, by_card: bool, locked: bool) -> None:
    economy = found(**bank(), **{"banks.review_miss": 0.0, "banks.review_miss_scam": 0.0})
    customer = customer_with(economy)
    card = economy.life.cards.code(customer, 0) if by_card else NO_CODE
    raised = Alert(1, economy.now, MODEL, 0.95, customer, 100_000, truth, -1, thief, True, card, None)
    economy.banks[0].analysts._decide(raised, economy.now + HOUR)
    assert bool(economy.world.customers.data["frozen"][customer]) == locked


def test_a_claim_replaces_the_card_that_was_misused_and_no_other() -> None:
    economy = found(**bank())
    customer, now = customer_with(economy), economy.now
    cards, claims, data = economy.life.cards, economy.banks[0].claims, economy.world.customers.data
    old = cards.code(customer, DEBIT)
    claims.replace_card(old, now)
    assert data["debit_blocked"][customer]
    cards.reissue(customer, DEBIT, now)
    claims.replace_card(old, now)
    claims.miss(old, now)
    assert not data["debit_blocked"][customer]
    claims.miss(cards.code(customer, DEBIT), now)
    assert data["debit_blocked"][customer]


def test_a_lost_card_is_out_of_hand_until_a_new_one_comes() -> None:
    economy = found(**bank())
    customer, now = customer_with(economy), economy.now
    cards = economy.life.cards
    assert cards.lose(customer, DEBIT, now + HOUR)
    assert [cards.at_hand(customer, DEBIT, at) for at in (now, now + HOUR)] == [True, False]
    assert cards.at_hand(customer, CREDIT, now + HOUR)
    assert not cards.lose(customer, CREDIT, now + 2 * HOUR), "one at a time"
    assert cards.block(cards.code(customer, DEBIT), now)
    assert not cards.at_hand(customer, DEBIT, now)
    cards.reissue(customer, DEBIT, now)
    assert cards.at_hand(customer, DEBIT, now + HOUR)


def test_no_card_is_sent_to_who_has_left() -> None:
    economy = found(**bank())
    customer, now = customer_with(economy), economy.now
    cards = economy.life.cards
    cards.block(cards.code(customer, DEBIT), now)
    economy.world.customers.remove(np.array([customer]))
    cards.reissue(customer, DEBIT, now)
    assert cards.ordinal(customer, DEBIT) == 0


def test_a_second_attempt_is_not_yet_scored() -> None:
    row = pay.blank(1)
    row["flags"], row["score"], row["decision"] = pay.SCORED | pay.CONTROL_GROUP | pay.THIEF, 0.4, pay.DECLINED
    undo_decision(row[0])
    assert row["flags"][0] == pay.THIEF
    assert np.isnan(row["score"][0])
    assert row["decision"][0] == pay.UNDECIDED


# -- chargebacks ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_some_merchants_win_chargebacks_back(tmp_path: Path) -> None:
    overrides = {
        "population.customers": 400,
        "run.days": 60,
        "fraud.intensity": 10,
        "banks.chargeback_days": 5.0,
        "banks.representment_contested": 1.0,
        "banks.representment_win_remote": 0.5,
    }
    data = finsim.run("tiny", out=tmp_path / "run", overrides=overrides)
    settlements = data.settlements.collect()
    charged = settlements.filter(pl.col("kind") == "chargeback")
    won = settlements.filter(pl.col("kind") == "representment")
    assert len(charged) > 30
    assert 0.2 * len(charged) < len(won) < 0.8 * len(charged)
    both = won.drop_nulls("related_transaction_id").join(charged, on="related_transaction_id", suffix="_charged")
    assert (both["amount"] == both["amount_charged"]).all()
    assert (both["posted_at"] > both["posted_at_charged"]).all()
    assert (both["payer_account_id"] == both["payee_account_id_charged"]).all()
    reasons = data.label_events.filter(pl.col("source") == "chargeback").collect()["reason_code"]
    assert {"10.4"} <= set(reasons) <= {"10.4", "10.1", "13.1", "13.3", "13.7"}
    assert finsim.check(tmp_path / "run").ok


def test_the_economy_of_these_tests_is_small() -> None:
    assert isinstance(found(), Economy)
