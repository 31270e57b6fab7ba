"""`finsim evaluate`: measures agree with others', splits know no future, planted leaks are found, noise is not."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from dataset_story import Story
from polars.testing import assert_frame_equal
from sklearn.metrics import average_precision_score, roc_auc_score

import finsim
from finsim.cli import main
from finsim.dataset.labels import releases
from finsim.dataset.reader import Dataset
from finsim.evaluation import bands, metrics
from finsim.evaluation.composition import composition
from finsim.evaluation.detectability import Bench
from finsim.evaluation.exclusive import exclusive
from finsim.evaluation.history import WINDOWS, history
from finsim.evaluation.leak_ids import id_patterns
from finsim.evaluation.leaks import Audit, audit
from finsim.evaluation.rows import DAY, FEATURES, IDS, OUTCOMES, attempts, microseconds
from finsim.evaluation.separation import Contrast, both, cut
from finsim.evaluation.split import EvaluationError, split

SIGMAS = 4.9
"""Standard errors that chance passes once in a million."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    overrides = {"population.customers": 1200, "run.days": 28, "fraud.intensity": 8, "fraud.difficulty": 0.3}
    return finsim.run("tiny", out=tmp_path_factory.mktemp("evaluate") / "run", seed=3, overrides=overrides)


@pytest.fixture(scope="module")
def rows(data: Dataset) -> pl.DataFrame:
    return attempts(data)


def planted(data: Dataset, **columns: pl.Expr) -> Dataset:
    """Return the data set with columns of its transactions replaced; `truth.is_fraud` may be used."""
    out = copy(data)
    truth = data.truth.select("transaction_id", "is_fraud")
    joined = data.transactions.join(truth, on="transaction_id", how="left", maintain_order="left")
    out.transactions = joined.with_columns(pl.col("is_fraud").fill_null(False)).with_columns(**columns).drop("is_fraud")
    return out


# -- measures ------------------------------------------------------------------------------------------------------


def random_scores(number: int, levels: int) -> tuple[Any, Any]:
    draws = np.random.Generator(np.random.Philox(7))
    label = draws.random(number) < 0.05
    score = np.round(draws.normal(size=number) + label, 3) if levels == 0 else draws.integers(0, levels, number) + label
    return score.astype(float), label


@pytest.mark.parametrize("levels", [0, 4, 50])
def test_measures_agree_with_scikit_learn_with_and_without_ties(levels: int) -> None:
    score, label = random_scores(4000, levels)
    ranking = metrics.rank(score[label], score[~label], np.arange(label.sum()))
    ones = np.ones(ranking.positives)
    assert metrics.roc_auc(ranking, ones) == pytest.approx(roc_auc_score(label, score), abs=1e-12)
    assert metrics.average_precision(ranking, ones) == pytest.approx(average_precision_score(label, score), abs=1e-12)


def test_weights_stand_for_repeated_positives() -> None:
    score, label = random_scores(500, 20)
    times = np.arange(label.sum()) % 3
    repeated = np.concatenate([np.repeat(score[label], times), score[~label]])
    labels = np.arange(len(repeated)) < times.sum()
    ranking = metrics.rank(score[label], score[~label], np.arange(label.sum()))
    weight = times[ranking.chosen].astype(float)
    assert metrics.average_precision(ranking, weight) == pytest.approx(average_precision_score(labels, repeated))
    assert metrics.roc_auc(ranking, weight) == pytest.approx(roc_auc_score(labels, repeated))


def test_recall_counts_positives_above_the_threshold_only() -> None:
    ranking = metrics.rank(np.array([9.0, 5.0, 1.0]), np.arange(8.0), np.arange(3))
    assert metrics.recall_at(0.0)(ranking, np.ones(3)) == pytest.approx(1 / 3)
    assert metrics.recall_at(0.5)(ranking, np.ones(3)) == pytest.approx(2 / 3)


def test_a_campaign_is_resampled_as_a_whole() -> None:
    score, label = random_scores(3000, 0)
    positive = score[label]
    once = metrics.measure(metrics.rank(positive, score[~label], np.arange(len(positive))))["roc_auc"]
    ten = np.repeat(positive, 10)
    same = metrics.measure(metrics.rank(ten, score[~label], np.repeat(np.arange(len(positive)), 10)))["roc_auc"]
    assert same.value == pytest.approx(once.value)
    assert same.high - same.low == pytest.approx(once.high - once.low, rel=0.15)


def test_card_precision_looks_at_distinct_cards_of_each_day() -> None:
    card = np.array([1, 1, 2, 3, 1, 2, 3])
    day = np.array([0, 0, 0, 0, 1, 1, 1])
    score = np.array([0.9, 0.8, 0.7, 0.1, 0.2, 0.9, 0.3])
    fraud = np.array([False, True, False, True, True, False, False])
    found, compromised = metrics.card_precision(score, fraud, card, day, 1)
    assert found.value == pytest.approx(0.5)  # card 1 on the first day, not card 2 on the second
    assert compromised == pytest.approx(1.5)


# -- what may be known -----------------------------------------------------------------------------------------------


def test_features_hold_no_ids_outcomes_balances_or_times() -> None:
    assert not set(FEATURES) & {*IDS, *OUTCOMES, "posted_at", "timestamp", "related_transaction_id"}
    assert not any("balance" in name for name in FEATURES)


def test_releases_are_no_attempts(tmp_path: Path) -> None:
    story = finsim.open_dataset(Story().write(tmp_path / "story"))
    rows = attempts(story)
    held = rows.filter(pl.col("decision").cast(pl.String) == "held")["transaction_id"]
    releases = story.transactions.filter(pl.col("related_transaction_id").is_in(held.implode())).collect()
    assert len(releases) > 0
    assert not rows["transaction_id"].is_in(releases["transaction_id"].implode()).any()


def test_labels_after_the_split_are_not_trained_on(data: Dataset, rows: pl.DataFrame) -> None:
    before = split(data, rows)
    start = dt.datetime.combine(before.test_from, dt.time(), dt.UTC)
    assert before.known[before.train].sum() >= 10
    late = copy(data)
    # The very same labels, but each of them becomes known at the moment when the test begins.
    moved = pl.lit(start).cast(data.label_events.collect_schema()["event_at"])
    late.label_events = data.label_events.with_columns(event_at=pl.max_horizontal("event_at", moved))
    assert not split(late, rows).known.any()


def test_known_labels_are_labels_as_of_the_first_day_of_the_test(data: Dataset, rows: pl.DataFrame) -> None:
    done = split(data, rows)
    labels = data.labels_as_of(done.test_from).filter(pl.col("label").cast(pl.String) == "fraud").collect()
    # A payment that was held stands for its release, of which the label speaks.
    held = releases(data.transactions).collect().join(labels, on="transaction_id", how="semi")["attempt"]
    named = set(labels["transaction_id"]) | set(held)
    assert set(rows["transaction_id"].to_numpy()[done.known]) == named & set(rows["transaction_id"])


def test_training_and_test_lie_a_delay_apart(data: Dataset, rows: pl.DataFrame) -> None:
    done = split(data, rows, delay_days=9)
    time = microseconds(rows["timestamp"])
    assert time[done.test].min() // DAY - time[done.train].max() // DAY == 10


def test_cards_known_to_be_compromised_are_not_tested(data: Dataset, rows: pl.DataFrame) -> None:
    done = split(data, rows)
    events = data.label_events.filter(pl.col("label").cast(pl.String) == "fraud").collect()
    first = events.join(rows, on="transaction_id").group_by("card_id").agg(known=pl.col("event_at").min()).drop_nulls()
    tested = rows.filter(done.test).join(first, on="card_id")
    assert done.removed > 0
    assert tested.filter(pl.col("known") < pl.col("timestamp").dt.truncate("1d")).is_empty()


def test_a_data_set_too_short_for_a_delay_is_refused(data: Dataset, rows: pl.DataFrame) -> None:
    with pytest.raises(EvaluationError, match="28 days, too few"):
        split(data, rows, delay_days=25)


# -- history ---------------------------------------------------------------------------------------------------------


def test_history_equals_a_plain_count_of_what_was_before(data: Dataset, rows: pl.DataFrame) -> None:
    past = history(data, rows)
    assert past.height == rows.height
    table = rows.with_columns(us=pl.col("timestamp").dt.epoch("us")).with_row_index()
    for place in range(500, rows.height, rows.height // 40):
        row, got = table.row(place, named=True), past.row(place, named=True)
        before = table.filter((pl.col("us") < row["us"]) & (pl.col("customer_id") == row["customer_id"]))
        for label, window in WINDOWS.items():
            inside = before.filter(pl.col("us") >= row["us"] - window)
            assert got[f"customer_count_{label}"] == inside.height
            assert got[f"customer_sum_{label}"] == pytest.approx(inside["amount"].sum(), abs=0.05)
        if row["merchant_id"] is not None:
            assert got["seen_merchant"] == before.filter(pl.col("merchant_id") == row["merchant_id"]).height
            at = table.filter((pl.col("us") < row["us"]) & (pl.col("merchant_id") == row["merchant_id"]))
            assert got["merchant_count_1d"] == at.filter(pl.col("us") >= row["us"] - DAY).height


def test_history_knows_nothing_of_later_rows(data: Dataset, rows: pl.DataFrame) -> None:
    half = rows.height // 2
    late = "payee_account_fraud_known_30d"  # a victim may report before the last payment
    # Sums run over all rows, so that their last bits depend on how many there are.
    assert_frame_equal(history(data, rows.head(half)).drop(late), history(data, rows).head(half).drop(late))


# -- separation ------------------------------------------------------------------------------------------------------


def noise(positives: int, negatives: int, columns: int, seed: int = 1) -> Contrast:
    draws = np.random.Generator(np.random.Philox(seed))
    positive = np.arange(positives + negatives) < positives
    values = draws.random((len(positive), columns))
    half = draws.random(len(positive)) < 0.5
    cells = [cut(values[:, k], positive, half) for k in range(columns)]
    names = [f"c{k}" for k in range(columns)]
    return Contrast("noise", names, cells, positive, half, np.arange(len(positive)), np.ones(len(positive)))


def test_shuffled_labels_give_half_within_chance() -> None:
    findings = list(noise(800, 30_000, 12).columns())
    spread = SIGMAS * math.sqrt(1 / (12 * 800))
    assert all(abs(one.roc_auc - 0.5) < spread for one in findings)
    # The halves repel each other a little: what is rare in one is frequent in the other. The mean shows no bias up.
    assert np.mean([one.roc_auc for one in findings]) < 0.5 + spread / math.sqrt(12)


def test_pairs_of_noise_tell_nothing() -> None:
    findings = list(noise(300, 20_000, 8).pairs())
    assert len(findings) == 28
    assert max(one.roc_auc for one in findings) < 0.5 + SIGMAS * math.sqrt(1 / (12 * 300))
    assert all(one.verdict == "ok" for one in findings)


def test_a_pair_is_found_of_which_neither_column_tells() -> None:
    draws = np.random.Generator(np.random.Philox(2))
    positive = np.arange(20_400) < 400
    a, b = draws.integers(0, 2, (2, len(positive)))
    b[positive] = a[positive]
    keep = positive | (a != b)
    cells = [both(one[keep].astype(np.int16)) for one in (a, b)]
    half = draws.random(keep.sum()) < 0.5
    contrast = Contrast("xor", ["a", "b"], cells, positive[keep], half, np.arange(keep.sum()), np.ones(keep.sum()))
    assert [one.verdict for one in contrast.columns()] == ["ok", "ok"]
    assert [one.verdict for one in contrast.pairs()] == ["leak"]


@pytest.mark.parametrize(("campaigns", "verdict"), [(4, "suspect"), (60, "leak")])
def test_few_campaigns_do_not_cry_wolf(campaigns: int, verdict: str) -> None:
    positive = np.arange(10_000 + 5 * campaigns) < 5 * campaigns
    cluster = np.arange(len(positive)) // 5
    contrast = Contrast("t", ["c"], [both(positive.astype(np.int16))], positive, cluster % 2 == 0, cluster,
                        np.ones(len(positive)))  # fmt: skip
    (found,) = contrast.columns()
    assert found.roc_auc > 0.99
    assert found.verdict == verdict


def test_a_narrow_range_of_fraud_gets_a_narrow_bin() -> None:
    draws = np.random.Generator(np.random.Philox(3))
    values = draws.random(50_200)
    positive = np.arange(len(values)) < 200
    values[positive] = 0.123
    for cells in cut(values, positive, draws.random(len(values)) < 0.5):
        assert (cells == cells[0]).sum() == 200


def test_values_that_each_campaign_has_to_itself_tell_nothing() -> None:
    """The day on which a merchant opened names the merchant; that must not look as if it named fraud."""
    draws = np.random.Generator(np.random.Philox(4))
    owner = np.concatenate([np.repeat(np.arange(12), 30), draws.integers(12, 3_000, 40_000)])
    positive = np.arange(len(owner)) < 360
    values = draws.random(3_000)[owner]
    half = owner % 2 == 0
    contrast = Contrast("t", ["c"], [cut(values, positive, half)], positive, half, owner, np.ones(len(owner)))
    (found,) = contrast.columns()
    assert abs(found.roc_auc - 0.5) < SIGMAS * math.sqrt(1 / (12 * 12))
    assert found.verdict == "ok"


# -- the audit -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sound(data: Dataset) -> Audit:
    return audit(data)


def found_in(report: Audit, group: str, column: str) -> bool:
    return any(one.verdict == "leak" and column in one.columns for one in report.findings[group])


def test_a_planted_column_and_value_are_found(data: Dataset, sound: Audit) -> None:
    marked = pl.col("is_fraud") & (pl.col("transaction_id") % 10 < 8)
    second = pl.when(marked).then(pl.col("timestamp").dt.truncate("1m") + pl.duration(seconds=7)).otherwise("timestamp")
    leaky = planted(data, timestamp=second, mcc=pl.when(marked).then(pl.lit(1234, pl.UInt16)).otherwise("mcc"))
    report = audit(leaky)
    assert found_in(report, "columns", "mcc")
    assert found_in(report, "columns", "microsecond")
    assert any("1234" in line for line in report.leaks)
    assert not found_in(sound, "columns", "mcc")
    assert not found_in(sound, "columns", "microsecond")


def test_every_group_is_tried(sound: Audit) -> None:
    assert {"columns", "pairs", "outcomes", "events", "ids", "accounts", "memory"} <= set(sound.tested)
    assert sound.tested["pairs"] > 500
    assert len(sound.turns) > 5


def test_ids_of_a_run_tell_nothing_and_a_planted_pattern_is_found(rows: pl.DataFrame) -> None:
    assert all(one.verdict == "ok" for one in id_patterns(rows))
    even = rows.with_columns(
        transaction_id=pl.when("is_fraud").then(pl.col("transaction_id") // 64 * 64).otherwise("transaction_id")
    )
    leaks = {one.columns for one in id_patterns(even) if one.verdict == "leak"}
    assert "transaction_id low 7 bits" in leaks
    assert all(name.startswith("transaction_id") for name in leaks)


def test_outcome_columns_fail_nothing(data: Dataset) -> None:
    report = audit(planted(data, score=pl.when("is_fraud").then(0.9).otherwise(0.1).cast(pl.Float32)))
    assert found_in(report, "outcomes", "score")
    assert not any("score" in line for line in report.leaks)


def test_values_of_one_campaign_are_no_leak(data: Dataset, sound: Audit) -> None:
    table = pl.DataFrame({
        "rail": ["card"] * 30 + ["wire"] * 20, "is_fraud": [False] * 30 + [True] * 20, "is_laundering": [False] * 50,
        "campaign_id": [None] * 30 + [1] * 20, "kind": ["purchase"] * 50, "channel": ["pos"] * 50,
    })  # fmt: skip
    found = [one for one in _only(data, table) if one["values"].startswith("wire")]
    assert found
    assert all(one["verdict"] == "suspect" for one in found)


def _only(data: Dataset, table: pl.DataFrame) -> list[dict[str, Any]]:
    words = "entry_mode authentication decline_reason device_owner card_owner card_kind payer_kind payee_kind"
    missing = {name: pl.lit("x") for name in words.split()}
    flags = {f"has_{name}": pl.lit(True) for name in ("merchant", "terminal", "card", "device", "ip")}
    return exclusive(data, table.with_columns(**missing, **flags))


# -- the models ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def report(data: Dataset) -> Any:
    return finsim.evaluate(data, parts=("detectability", "composition"), repeats=20)


@pytest.mark.slow
def test_models_are_measured_with_bands(report: Any) -> None:
    judged = report.detectability["remote"] or report.detectability
    assert set(report.detectability["figures"]) == {*bands.ORDER, bands.HISTORY}
    figures = judged["figures"]
    assert set(figures) == {*bands.ORDER, bands.HISTORY}
    assert all(0 <= one["average_precision"]["value"] <= 1 for one in figures.values())
    verdicts = {row["figure"]: row for row in report.detectability["bands"]}
    for band in bands.BANDS:
        row = verdicts[band.figure]
        assert row["kept"] == band.kept(row["value"])
        assert row["value"] == figures[band.model][band.measure]["value"]
    assert figures[bands.HISTORY]["roc_auc"]["value"] > 0.7


def test_a_model_that_learns_nothing_scores_half(data: Dataset) -> None:
    bench = Bench(data, repeats=0)
    score = np.random.Generator(np.random.Philox(5)).random(len(bench.test))
    found, _ = bench.judge(score)
    positives = bench.fraud[bench.test].sum()
    assert abs(found["roc_auc"].value - 0.5) < SIGMAS * math.sqrt(1 / (12 * positives))


@pytest.mark.slow
def test_the_report_is_json(report: Any) -> None:
    text = json.dumps(report.to_dict(), allow_nan=False)
    assert json.loads(text)["scenario"] == "tiny"
    assert "boosting with history" in str(report)


# -- composition -----------------------------------------------------------------------------------------------------


def test_composition_of_a_story_is_what_a_hand_counts(tmp_path: Path) -> None:
    story = finsim.open_dataset(Story().write(tmp_path / "story"))
    table = {(row["section"], row["measure"]): row["simulated"] for row in composition(story)}
    names = story.campaigns.select("typology", "gross_loss", "victims").collect()
    for name, loss, victims in names.iter_rows():
        assert table[name.replace("_", " "), "mean loss of a case, USD"] == pytest.approx(loss / victims)
    stolen = names["gross_loss"].sum()
    paid = story.transactions.filter(
        (pl.col("decision").cast(pl.String) == "approved")
        & pl.col("kind").cast(pl.String).is_in(["purchase", "bill", "transfer", "withdrawal"])
    ).select(pl.col("amount").sum()).collect().item()  # fmt: skip
    assert table["rate by rail", "all rails, bp of value"] == pytest.approx(1e4 * stolen / paid)


@pytest.mark.slow
def test_ratios_are_of_one_unit(report: Any) -> None:
    for row in report.composition:
        if row["published"] and row["simulated"] is not None:
            assert row["ratio"] == pytest.approx(row["simulated"] / row["published"])
            assert row["within"] == (1 / 1.5 <= row["ratio"] <= 1.5)


# -- the command -----------------------------------------------------------------------------------------------------


def test_the_command_writes_json_and_a_page(data: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, values = tmp_path / "page.html", tmp_path / "values.json"
    code = main(["evaluate", str(data.path), "--only", "composition", "--html", str(page), "--json", str(values)])
    assert code == 0
    assert "Composition beside published figures" in capsys.readouterr().out
    assert json.loads(values.read_text())["composition"]
    text = page.read_text()
    assert "<table>" in text
    assert "src=" not in text
    assert "href=" not in text


def test_a_leak_is_exit_code_one(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    report = finsim.evaluate(data, parts=["composition"])
    for leaks, code in (([], 0), (["columns: mcc gives fraud away"], 1)):
        report.leaks = leaks
        monkeypatch.setattr(finsim, "evaluate", lambda *_, **__: report)
        assert main(["evaluate", str(data.path)]) == code


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--only", "detectabilty"], "did you mean 'detectability'"),
        (["--json", "no/such/folder/x.json"], "does not exist"),
        (["--html", "."], "is a directory"),
        (["--delay-days", "-1"], "--delay-days"),
        (["--only", "detectability", "--delay-days", "300"], "too few for models"),
    ],
)
def test_bad_flags_are_refused(
    data: Dataset,
    words: list[str],
    says: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", str(data.path), *words]) == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert captured.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_no_data_set_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(tmp_path)]) == 2
    assert "manifest.json" in capsys.readouterr().err


def test_a_run_without_fraud_is_judged_by_its_composition(tmp_path: Path) -> None:
    report = finsim.evaluate(Story(fraud=False).write(tmp_path / "quiet"))
    assert report.ok
    assert report.detectability is None
    assert "no fraud" in report.notes[0]


def test_without_scikit_learn_the_command_says_what_to_install(data: Dataset, python: Callable[..., Any]) -> None:
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "from finsim.cli import main\n"
        f"words = ['evaluate', {str(data.path)!r}]\n"
        "print(main(words), main([*words, '--only', 'composition']))"
    )
    done = python("-c", code)
    assert done.stdout.splitlines()[-1] == "2 0"
    assert "pip install 'finsim[evaluate]'" in done.stderr


def test_scikit_learn_is_imported_for_models_only(data: Dataset, python: Callable[..., Any]) -> None:
    code = (
        "import sys, finsim\n"
        f"finsim.evaluate({str(data.path)!r}, parts=['leaks', 'composition'])\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'sklearn', 'lightgbm', 'mesa', 'numba'}))"
    )
    assert python("-c", code).stdout.strip() == "[]"
