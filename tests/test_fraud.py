"""Fraud in the loop: campaigns, truth, labels, claims, mules, and what a smaller intensity leaves of it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from small_economy import SMALL, days, finish, found, recorded

import finsim
from finsim import payments as pay
from finsim.agents.fraud import registry
from finsim.agents.fraud.campaign import Campaign
from finsim.agents.fraud.laundering import LAUNDERING
from finsim.agents.register import FOUND_CARD
from finsim.agents.underworld import OPPORTUNIST
from finsim.dataset.memory import MemoryRecorder
from finsim.economy import Economy
from finsim.parameters.numbering import BUSY, CampaignNumbers

pytestmark = pytest.mark.behaviour

MUCH = {
    "fraud.intensity": 8,
    "fraud.card_testing.rate": 7.0,
    "fraud.skimming.rate": 8.0,
    "fraud.sim_swap.rate": 8.0,
    "fraud.identities.per_1000_customers": 100.0,
    "fraud.application_fraud.rate": 8.0,
    "fraud.synthetic_identity.rate": 6.0,
    "fraud.synthetic_identity.build_days": 40.0,
    "fraud.merchant_collusion.rate": 4.0,
    "fraud.agent_fraud.rate": 6.0,
    "fraud.purchase_scam.rate": 25.0,
    "fraud.investment_scam.rate": 12.0,
    "fraud.romance_scam.rate": 4.0,
    "fraud.advance_fee_scam.rate": 6.0,
    "fraud.invoice_redirection.rate": 10.0,
    "fraud.impersonation_scam.rate": 12.0,
    "run.days": 40,
    "run.warm_up_days": 5,
    "population.customers": 500,
    **{f"fraud.{name}.rate": 16.0 for name in LAUNDERING},
}
DAY = 86_400_000_000


@pytest.fixture(scope="module")
def run() -> tuple[Economy, MemoryRecorder]:
    economy, recorder = recorded(**MUCH)
    finish(economy)
    return economy, recorder


@pytest.fixture(scope="module")
def rows(run: tuple[Economy, MemoryRecorder]) -> NDArray[np.void]:
    return run[1].records


@pytest.fixture(scope="module")
def tables(run: tuple[Economy, MemoryRecorder]) -> dict[str, pl.DataFrame]:
    return {
        name: run[1].frame(name)
        for name in ("transactions", "truth", "label_events", "alerts", "campaigns", "events", "cards", "rings")
    }


# -- truth ----------------------------------------------------------------------------------------------------


def test_truth_is_exactly_the_rows_of_campaigns(rows: NDArray[np.void], tables: dict[str, pl.DataFrame]) -> None:
    assert ((rows["truth"] > 0) == (rows["campaign"] >= 0)).all()
    truth = tables["truth"]
    assert set(truth["transaction_id"]) == set(rows["transaction_id"][rows["truth"] > 0].tolist())
    assert truth["transaction_id"].is_unique().all()
    assert (truth["is_fraud"] ^ truth["is_laundering"]).all()
    assert set(truth["campaign_id"]) == set(tables["campaigns"]["campaign_id"]) | set(
        truth.filter(pl.col("is_laundering"))["campaign_id"]
    )
    alone = set(truth.filter(pl.col("ring_id").is_null())["typology"])
    assert alone == {name for name, typology in registry().items() if getattr(typology, "by_customers", False)}
    assert set(truth["ring_id"].drop_nulls()) <= set(tables["rings"]["ring_id"])


def test_every_typology_happens(tables: dict[str, pl.DataFrame]) -> None:
    found_names = set(tables["truth"]["typology"])
    assert found_names == set(registry())


def test_stages_are_those_of_the_typology(tables: dict[str, pl.DataFrame]) -> None:
    for typology, stage in tables["truth"].select("typology", "stage").unique().rows():
        assert stage in registry()[typology].stages


def test_fraud_meets_the_same_authorisation(rows: NDArray[np.void]) -> None:
    fraud = rows[rows["truth"] == pay.IS_FRAUD]
    assert {pay.APPROVED, pay.DECLINED} <= set(fraud["decision"].tolist())
    assert len(set(fraud["decline_reason"][fraud["decision"] == pay.DECLINED].tolist())) >= 3
    forced = fraud[(fraud["flags"] & pay.FORCED > 0) & (fraud["flags"] & pay.RELEASE == 0)]
    assert set(forced["kind"].tolist()) <= {pay.REFUND, pay.FEE, pay.DEPOSIT}, "what a merchant or an agent books"


def test_mules_pass_stolen_money_on(rows: NDArray[np.void], tables: dict[str, pl.DataFrame]) -> None:
    ids = tables["truth"].filter(~pl.col("typology").is_in(LAUNDERING))["transaction_id"]
    laundering = rows[(rows["truth"] == pay.IS_LAUNDERING) & np.isin(rows["transaction_id"], ids.to_numpy())]
    assert len(laundering) > 3
    stolen = rows[(rows["truth"] == pay.IS_FRAUD) & (rows["decision"] == pay.APPROVED) & (rows["rail"] != pay.CARD)]
    into: dict[int, int] = {}
    for row in stolen:
        into[int(row["campaign"])] = min(into.get(int(row["campaign"]), 2**62), int(row["timestamp"]))
    warm_up = {int(number) for number in laundering["campaign"]} - set(into)
    assert len(warm_up) <= 0.3 * len(set(laundering["campaign"].tolist()))
    begun = tables["campaigns"].filter(pl.col("started_at") >= tables["transactions"]["timestamp"].min())["campaign_id"]
    times = (
        tables["truth"]
        .filter(pl.col("campaign_id").is_in(begun.implode()) & ~pl.col("typology").is_in(LAUNDERING))
        .join(tables["transactions"], on="transaction_id")
        .group_by("campaign_id")
        .agg(pl.col("timestamp").filter("is_fraud").min(), passed=pl.col("timestamp").filter("is_laundering").min())
        .drop_nulls()
    )
    assert len(times) > 1
    assert (times["passed"] > times["timestamp"]).all()
    passed_on = tables["truth"].filter(pl.col("is_laundering") & ~pl.col("typology").is_in(LAUNDERING))
    assert set(passed_on["stage"]) <= {"layering", "cash_out", "payout"}


def test_no_fraud_leaves_no_truth() -> None:
    economy, recorder = recorded(**{**MUCH, "run.days": 8, "fraud.intensity": 0})
    finish(economy)
    assert {name: recorder.rows[name] for name in ("truth", "campaigns", "rings")} == {
        "truth": 0,
        "campaigns": 0,
        "rings": 0,
    }
    assert (recorder.records["campaign"] == -1).all()
    labels = recorder.frame("label_events")
    assert "police" not in labels["source"].to_list()


# -- labels and alerts ----------------------------------------------------------------------------------------


def test_labels_come_after_what_they_label(tables: dict[str, pl.DataFrame]) -> None:
    events = tables["label_events"].join(
        tables["transactions"].select("transaction_id", "timestamp"), on="transaction_id", how="left"
    )
    assert events["timestamp"].null_count() == 0, "only exported transactions are labelled"
    assert (events["event_at"] > events["timestamp"]).all()
    assert len(events) > 20
    assert set(events["label"]) <= {"fraud", "laundering", "genuine"}
    assert set(events["source"]) <= {"customer", "chargeback", "analyst", "scheme", "police"}


def test_most_fraud_that_paid_becomes_known_and_some_never_does(tables: dict[str, pl.DataFrame]) -> None:
    paid = (
        tables["truth"]
        .filter(pl.col("is_fraud"))
        .join(tables["transactions"].filter(pl.col("decision") == "approved"), on="transaction_id")
    )
    labelled = tables["label_events"].filter(pl.col("label") == "fraud")["transaction_id"]
    known = pl.col("transaction_id").is_in(labelled.implode()).mean()
    suffered, own = (
        paid.filter(wanted).select(known).item()
        for wanted in (pl.col("victim_customer_id").is_not_null(), pl.col("victim_customer_id").is_null())
    )
    assert 0.6 < suffered < 1.0
    assert own < 0.3, "where no customer is the victim nobody complains, and a bank sees a bad debt, months later"


def test_a_victim_notices_all_payments_of_a_case_alike() -> None:
    late = {"fraud.reporting.never_noticed": 0, "fraud.reporting.same_day": 0}
    economy, _ = recorded(**{**MUCH, **late, "run.days": 12, "fraud.card_not_present.rate": 100.0})
    days(economy, 12)
    delays = []
    for bank in economy.banks:
        due: dict[tuple[int, int], list[int]] = {}
        for at, _, task, details in bank.queue:
            if task == "report":
                due.setdefault((details[0], details[1]), []).append(at)
        for key, case in bank.claims.cases.items():
            same = economy.underworld.typology_of(key[0]) == "card_not_present" and not case.reported
            if same and len(case.losses) > 1:
                waits = np.array(sorted(due[key])) - np.array(sorted(loss.at for loss in case.losses))
                assert np.ptp(waits) <= 1_000_000
                delays.append(int(waits[0]))
    assert len(set(delays)) == len(delays) >= 5, "and each victim looks at a time of their own"


def test_alerts_are_decided_after_they_were_raised(tables: dict[str, pl.DataFrame]) -> None:
    alerts = tables["alerts"]
    assert len(alerts) > 3
    assert alerts["alert_id"].is_unique().all()
    worked = alerts.filter(pl.col("decision") != "unworked")
    assert (worked["decided_at"] > worked["raised_at"]).all()
    assert alerts.filter(pl.col("decision") == "unworked")["decided_at"].null_count() == len(alerts) - len(worked)
    assert alerts["transaction_id"].is_in(tables["transactions"]["transaction_id"].implode()).all()


def test_victims_get_new_cards(run: tuple[Economy, MemoryRecorder], tables: dict[str, pl.DataFrame]) -> None:
    events, cards = tables["events"], tables["cards"]
    blocked = cards.filter(pl.col("blocked_at").is_not_null())
    assert len(blocked) > 5
    assert (blocked["blocked_at"] > blocked["issued_at"]).all()
    exported = blocked.filter(pl.col("blocked_at").dt.epoch("us") >= run[0].export_start)
    assert len(events.filter(pl.col("kind") == "card_blocked")) == len(exported)
    assert len(events.filter(pl.col("kind") == "card_issued")) > 0
    # Nothing is approved on a card while it is blocked.
    used = tables["transactions"].filter(
        pl.col("card_id").is_not_null()
        & (pl.col("decision") == "approved")
        & pl.col("kind").is_in(["purchase", "withdrawal", "bill"])
    )
    late = used.join(blocked.select("card_id", "blocked_at"), on="card_id").filter(
        pl.col("timestamp") > pl.col("blocked_at") + pl.duration(minutes=30)
    )
    assert len(late) == 0


def test_reimbursements_come_from_the_bank_s_losses(
    run: tuple[Economy, MemoryRecorder], rows: NDArray[np.void]
) -> None:
    paid = rows[rows["kind"] == pay.REIMBURSEMENT]
    assert len(paid) > 3
    assert np.isin(paid["payer"], run[0].ledger.loss_accounts).all()
    by_id = {int(row["transaction_id"]): row for row in rows}
    for row in paid[paid["related_id"] > 0]:
        lost = by_id[int(row["related_id"])]
        assert lost["truth"] == pay.IS_FRAUD
        assert (lost["decision"], lost["payer"]) == (pay.APPROVED, row["payee"])
        assert row["amount"] <= lost["amount"]
    assert len(set(paid["related_id"][paid["related_id"] > 0].tolist())) == (paid["related_id"] > 0).sum(), "paid once"


def test_campaigns_add_up(tmp_path: Path) -> None:
    """Invariant 6 and all the others, from the files alone, in a run with much fraud."""
    finsim.run("tiny", out=tmp_path / "run", overrides={**MUCH, "run.days": 25})
    report = finsim.check(tmp_path / "run")
    assert report.ok, str(report)


# -- nesting --------------------------------------------------------------------------------------------------


def underworld_of(**overrides: Any) -> Economy:
    economy = found(
        **{
            **SMALL,
            "population.customers": 1000,
            "fraud.lost_stolen.rate": 1000,
            "fraud.card_not_present.rate": 1000,
            "fraud.phishing_rate": 1000,
            "fraud.breach_rate": 80,
            **overrides,
        }
    )
    days(economy, 6)
    return economy


def test_smaller_intensities_are_subsets() -> None:
    half, whole = underworld_of(**{"fraud.intensity": 2}), underworld_of(**{"fraud.intensity": 4})
    rings = [[(ring.row, ring.started_at) for ring in economy.underworld.rings] for economy in (half, whole)]
    assert rings[1][: len(rings[0])] == rings[0]
    assert len(rings[1]) == 2 * len(rings[0])
    lost = [
        {(c.victim, c.started) for c in economy.underworld.campaigns.values() if c.typology == "lost_stolen"}
        for economy in (half, whole)
    ]
    assert lost[0] < lost[1]
    breached = [
        {(leak[0], leak[2]) for leak in economy.underworld.theft.leaks if leak[1] < 0} for economy in (half, whole)
    ]
    assert breached[0] <= breached[1]


def campaigns_of(economy: Economy) -> dict[int, tuple[str, int, int]]:
    """Return what each ring's campaign is, by number."""
    living = economy.underworld.campaigns.values()
    return {c.number: (c.typology, c.ring, c.started) for c in living if c.ring != OPPORTUNIST}


def test_one_campaign_more_renumbers_no_other() -> None:
    few, many = (
        campaigns_of(underworld_of(**{"fraud.adaptation": 0, "fraud.card_testing.rate": rate})) for rate in (7, 28)
    )
    assert few.items() <= many.items()
    assert {typology for number, (typology, *_) in many.items() if number not in few} == {"card_testing"}
    assert len(many) > len(few) > 10


def test_campaigns_keep_their_numbers_at_another_intensity() -> None:
    half, whole = (campaigns_of(underworld_of(**{"fraud.intensity": intensity})) for intensity in (2, 4))
    both = half.keys() & whole.keys()
    assert len(both) > 0.9 * len(half) > 10
    assert all(half[number][:2] == whole[number][:2] for number in both)


def test_a_campaign_that_no_plan_made_gets_a_free_number() -> None:
    economy = underworld_of()
    world, ring = economy.underworld, economy.underworld.rings[0]
    taken: set[int] = set()
    for k in range(world.numbers.most):
        number = world.free_number(ring.row, "skimming", victim=k % 3)
        assert number is not None
        assert number not in taken
        taken.add(number)
        world.campaigns[number] = Campaign(number, "skimming", ring.row, economy.now)
    assert world.free_number(ring.row, "skimming", victim=0) is None
    assert ring.launch("skimming", economy.now) is None


def test_a_campaign_is_kept_while_a_request_of_its_waits() -> None:
    """One that began long ago may ask for something in the evening that is due after midnight."""
    economy = underworld_of()
    world, ring = economy.underworld, economy.underworld.rings[0]
    waiting, over = (
        Campaign(world.number(ring.row, "romance_scam", k), "romance_scam", ring.row, economy.now - 300 * DAY)
        for k in range(2)
    )
    world.campaigns |= {campaign.number: campaign for campaign in (waiting, over)}
    world.request(waiting, 0, 0, 4, 100_00, economy.now + DAY // 8, 0)
    world.register.retire(economy.now - 70 * DAY)
    assert waiting.number in world.campaigns
    assert over.number not in world.campaigns


@pytest.mark.parametrize(
    ("customers", "rings", "days"),
    [(50, 1, 1), (10_000, 24, 104), (1_000_000, 24, 379), (4_000_000, 190, 1000), (20_000, 24, 3600)],
)
def test_campaigns_are_told_apart(customers: int, rings: int, days: int) -> None:
    numbers = CampaignNumbers(customers, rings, days)
    assert numbers.ring_rows > rings
    assert numbers.most > 4 * BUSY / 1000 / 365 * customers / rings
    corners = [
        numbers.number(ring, day, typology, k)
        for ring in (0, numbers.ring_rows - 1)
        for day in (0, days - 1)
        for typology in (0, numbers.typologies - 1)
        for k in (0, numbers.most - 1)
    ]
    assert max(corners) < FOUND_CARD // 2
    assert len(set(corners)) == 16 - 8 * (days == 1)
    with pytest.raises(OverflowError, match="count"):
        numbers.number(0, 0, 0, numbers.most)


def test_a_lost_card_has_the_same_draws_at_every_intensity() -> None:
    plans = []
    for intensity in (2, 4):
        economy = underworld_of(**{"fraud.intensity": intensity})
        found_cards = {}
        for campaign in economy.underworld.campaigns.values():
            if campaign.typology == "lost_stolen":
                found_cards[campaign.victim, campaign.started] = (campaign.number, campaign.facts["pin"])
        plans.append(found_cards)
    both = plans[0].keys() & plans[1].keys()
    assert len(both) > 2
    assert all(plans[0][key] == plans[1][key] for key in both)


# -- learning -------------------------------------------------------------------------------------------------


def test_rings_try_less_what_was_declined() -> None:
    economy = found()
    ring, other = economy.underworld.rings[:2]
    assert ring.belief("typology", "skimming") == pytest.approx(1.0)
    row = pay.blank(1)
    row["amount"], row["category"] = 10_000, 3
    for decision, name in ((pay.DECLINED, "skimming"), (pay.APPROVED, "card_testing")):
        row["decision"] = decision
        for number in range(10):
            ring.learn(Campaign(number, name, ring.row, 0), row[0], 10_000)
    assert ring.belief("typology", "skimming") < 0.5
    assert ring.belief("typology", "card_testing") > 1.0
    assert ring.belief("typology", "skimming") < other.belief("typology", "skimming") < 1.0, "others hear of it"
    for _ in range(120):
        for experience in (ring.experience, economy.underworld.rumours):
            experience.fade()
    assert ring.belief("typology", "skimming") > 0.9, "what was given up long ago is tried again"
    still = found(**{"fraud.adaptation": 0}).underworld.rings[0]
    for number in range(10):
        still.learn(Campaign(number, "skimming", still.row, 0), row[0], 10_000)
    assert still.belief("typology", "skimming") == 1.0


@pytest.mark.parametrize("names", [*([name] for name in sorted(set(registry()) - LAUNDERING)), sorted(LAUNDERING)])
def test_a_typology_can_be_switched_off(names: list[str]) -> None:
    off = {f"fraud.{name}.rate": 0 for name in names}
    economy, recorder = recorded(**{**MUCH, "run.days": 15, **off})
    finish(economy)
    truth = recorder.frame("truth")
    assert not set(names) & set(truth["typology"])
    assert len(truth) > 0


@pytest.mark.parametrize("name", sorted(registry()))
def test_a_typology_says_what_it_is(name: str) -> None:
    typology = registry()[name]
    assert typology.name == name
    assert typology.stages
    assert len(set(typology.stages)) == len(typology.stages)
    assert (type(typology).__doc__ or "").strip()
    told = (sys.modules[type(typology).__module__].__doc__ or "").lower()
    for word in ("actors", "stage", "transactions", "events"):
        assert re.search(rf"\b{word}", told), f"who acts in which order, and which traces are left: {word}"
    assert re.search(r"\b(confounder|genuine\s+look-alikes):", told), "which genuine behaviour looks like it"
