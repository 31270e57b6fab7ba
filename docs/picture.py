"""Draw docs/picture.png from a run: when people pay, how much, what fraud costs, and one campaign on a time line.

finsim run baseline --out runs/baseline
python docs/picture.py runs/baseline
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import polars as pl
from matplotlib.axes import Axes

import finsim
from finsim.dataset.reader import Dataset

INK, GREY, RED, BLUE, SAND = "#22313f", "#9aa5b1", "#c0392b", "#2e6f95", "#d9a441"
STYLE = {
    "font.family": "DejaVu Sans", "font.size": 9, "axes.titlesize": 10, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "axes.edgecolor": GREY, "axes.labelcolor": INK, "text.color": INK,
    "xtick.color": INK, "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False,
    "xtick.major.width": 0.6, "ytick.major.width": 0.6, "axes.linewidth": 0.6,
}  # fmt: skip
PAYING = ["purchase", "bill", "transfer", "withdrawal"]
LABELS = {"card": "cards", "instant": "instant", "direct_debit": "direct debit"}


def paid_rows(data: Dataset) -> pl.DataFrame:
    """Return approved payments, with typology and stage where truth names them."""
    words = [pl.col(name).cast(pl.String) for name in ("rail", "kind", "channel", "decision")]
    return (
        data.transactions.select("transaction_id", "timestamp", "amount", "customer_id", *words)
        .join(data.truth.drop("victim_customer_id"), on="transaction_id", how="left")
        .filter(pl.col("kind").is_in([*PAYING, "verification"]))
        .collect()
    )


def spend_by_hour(axes: Axes, rows: pl.DataFrame, data: Dataset) -> None:
    """Draw purchases and spend by weekday and hour as a heat map."""
    bought = rows.filter(
        (pl.col("kind") == "purchase") & pl.col("typology").is_null() & (pl.col("decision") == "approved")
    )
    time = bought["timestamp"].dt
    hour, weekday = time.hour().to_numpy().astype(int), time.weekday().to_numpy().astype(int) - 1
    spend = np.bincount(weekday * 24 + hour, weights=bought["amount"].to_numpy(), minlength=168).reshape(7, 24)
    first, last = (np.datetime64(data.manifest[key], "D") for key in ("first_day", "last_day"))
    days = np.bincount((np.arange(first, last + 1).astype(int) + 3) % 7, minlength=7)
    each = spend / np.maximum(days, 1)[:, None] / data.manifest["rows"]["customers"]
    image = axes.imshow(each, aspect="auto", cmap="YlGnBu", interpolation="nearest")
    axes.set_yticks(range(7), ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"])
    axes.set_xticks(range(0, 24, 4), [f"{hour:02d}:00" for hour in range(0, 24, 4)])
    axes.set_title("Genuine purchases by weekday and hour")
    bar = axes.figure.colorbar(image, ax=axes, pad=0.02, aspect=12)
    bar.set_label("USD per customer and hour")
    bar.outline.set_linewidth(0)


def amounts(axes: Axes, rows: pl.DataFrame) -> None:
    """Draw the amounts of some rails and of fraud, on a logarithmic axis."""
    bins = np.logspace(-0.3, 4, 60)
    paid = rows.filter((pl.col("decision") == "approved") & (pl.col("amount") > 0))
    groups = [(LABELS[rail], paid.filter((pl.col("rail") == rail) & pl.col("typology").is_null()), colour)
              for rail, colour in (("card", BLUE), ("instant", SAND), ("direct_debit", GREY))]  # fmt: skip
    for name, part, colour in groups:
        share = np.histogram(part["amount"].to_numpy(), bins)[0] / max(len(part), 1)
        axes.stairs(share, bins, color=colour, lw=1.3, label=name)
    stolen = paid.filter(pl.col("is_fraud").fill_null(False))
    coarse = bins[::3]
    share = np.histogram(stolen["amount"].to_numpy(), coarse)[0] / max(len(stolen), 1) / 3
    axes.stairs(share, coarse, color=RED, lw=1.3, label="fraud", fill=False)
    axes.set_xscale("log")
    axes.set_xticks([1, 10, 100, 1000, 10_000], ["1", "10", "100", "1,000", "10,000"])
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("amount, USD")
    axes.set_title("Amounts, approved payments")
    axes.legend(frameon=False, fontsize=8, loc="upper right", handlelength=1.2)


def fraud_by_typology(axes: Axes, rows: pl.DataFrame) -> None:
    """Draw attempted and approved fraud, basis points of the value of all approved payments."""
    value = float(rows.filter(pl.col("decision") == "approved")["amount"].sum())
    kinds = (
        rows.filter(pl.col("is_fraud").fill_null(False))
        .group_by("typology")
        .agg(tried=pl.col("amount").sum(), got=pl.col("amount").filter(pl.col("decision") == "approved").sum())
        .sort("got")
    )
    at = np.arange(len(kinds))
    tried, got = (1e4 * kinds[name].to_numpy() / value for name in ("tried", "got"))
    axes.barh(at, tried, color=RED, alpha=0.25, height=0.62)
    axes.barh(at, got, color=RED, height=0.62)
    axes.set_yticks(at, [name.replace("_", " ") for name in kinds["typology"]])
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("basis points of all value paid; pale: attempted, not approved")
    axes.set_title("Fraud by typology")


def campaign(axes: Axes, rows: pl.DataFrame, data: Dataset) -> None:
    """Draw the attempts of one campaign with several stages and victims, and the reports of its victims."""
    mine = rows.filter(pl.col("campaign_id").is_not_null())
    sizes = mine.group_by("campaign_id").agg(pl.len(), pl.col("stage").n_unique().alias("stages"))
    chosen = sizes.sort("stages", "len", "campaign_id", descending=True)["campaign_id"][0]
    part = mine.filter(pl.col("campaign_id") == chosen).sort("timestamp")
    victims = {row: i for i, row in enumerate(part["customer_id"].unique(maintain_order=True))}
    reports = (
        data.label_events.filter(pl.col("source").cast(pl.String) == "customer")
        .join(part.lazy().select("transaction_id", "customer_id"), on="transaction_id")
        .group_by("customer_id").agg(pl.col("event_at").min()).collect()
    )  # fmt: skip
    told = dict(reports.iter_rows())
    colours = dict(zip(part["stage"].unique(maintain_order=True), (SAND, RED, BLUE, GREY), strict=False))
    first, last = part["timestamp"][0], part["timestamp"][-1]
    for customer, line in victims.items():
        if customer in told and told[customer] <= last + (last - first) * 0.5:
            axes.plot(told[customer], line, marker="|", ms=9, mew=1.6, color=INK, ls="", zorder=2)
    for stage, colour in colours.items():
        for decision in ("approved", "declined", "held"):
            dots = part.filter((pl.col("stage") == stage) & (pl.col("decision") == decision))
            face = colour if decision == "approved" else "none"
            lines = [victims[row] for row in dots["customer_id"]]
            size = 10 + 9 * np.log1p(dots["amount"].to_numpy())
            axes.scatter(dots["timestamp"].to_list(), lines, s=size, facecolor=face, edgecolor=colour, lw=1.0, zorder=3)
        axes.scatter([], [], s=30, color=colour, label=stage.replace("_", " "))
    axes.scatter([], [], s=30, facecolor="none", edgecolor=GREY, label="declined or held")
    axes.plot([], [], marker="|", ms=9, mew=1.6, color=INK, ls="", label="victim reports")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.invert_yaxis()
    axes.xaxis.set_major_locator(mdates.AutoDateLocator(minticks=4, maxticks=8))
    axes.xaxis.set_major_formatter(mdates.DateFormatter("%d %b"))
    typology = part["typology"][0].replace("_", " ")
    axes.set_title(f"One campaign ({typology}): a line a victim, larger dots are larger amounts")
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0), handletextpad=0.4)


def draw(data: Dataset, out: Path) -> None:
    """Draw all four panels and write the file."""
    rows = paid_rows(data)
    with plt.rc_context(STYLE):
        figure = plt.figure(figsize=(11, 6.6), layout="constrained")
        grid = figure.add_gridspec(2, 6)
        spend_by_hour(figure.add_subplot(grid[0, :3]), rows, data)
        amounts(figure.add_subplot(grid[0, 3:]), rows)
        fraud_by_typology(figure.add_subplot(grid[1, :2]), rows)
        campaign(figure.add_subplot(grid[1, 2:]), rows, data)
        facts = data.manifest
        line = (
            f"finsim run {facts['scenario_name']}, seed {facts['seed']}: {facts['summary']['customers']:,} customers, "
            f"{facts['summary']['days']} days, {facts['rows']['transactions']:,} transactions"
        )
        figure.suptitle(line, x=0.008, ha="left", fontsize=9, color=GREY)
        figure.savefig(out, dpi=130, metadata={"Software": None})
        plt.close(figure)


def main() -> None:
    """Draw the picture of a data set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help="data set")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "picture.png")
    args = parser.parse_args()
    draw(finsim.open_dataset(args.path), args.out)


if __name__ == "__main__":
    main()
