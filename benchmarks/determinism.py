"""One result, however it is run: the content hash of the same scenario and seed, run in many ways.

    python benchmarks/determinism.py
    python benchmarks/determinism.py --scenario baseline --customers 2000 --days 20 --kills 10

Each way is a process of its own: twice, two threads, 2 and 7 partitions, another PYTHONHASHSEED, 100 idle agents
registered first, and killed with SIGKILL at moments drawn over the length of the run, the very beginning among them,
then continued with resume (a checkpoint after each day). The hash covers ids, cents, microseconds and codes of all
tables.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from printing import show

IDLE_AGENTS = 100


def simulate(args: argparse.Namespace) -> None:
    """Be one of the processes: run the scenario the given way and print the content hash."""
    import mesa

    import finsim

    def add_idle(economy: finsim.Economy) -> None:
        for number in range(args.idle):
            economy.enlist(f"idle:{number}", mesa.Agent(economy))

    data = finsim.run(
        args.scenario, out=args.child, overrides=overrides(args), threads=args.threads, partitions=args.partitions,
        resume=args.resume, prepare=add_idle if args.idle else None,
    )  # fmt: skip
    print(data.manifest["content_hash"])


def overrides(args: argparse.Namespace) -> dict[str, Any]:
    """Return the parameters of the run."""
    chosen = {"population.customers": args.customers, "run.days": args.days, "run.checkpoint_seconds": 0}
    return {key: value for key, value in chosen.items() if value is not None}


def command(args: argparse.Namespace, out: Path, *options: str) -> list[str]:
    """Return the command of one process."""
    line = [sys.executable, str(Path(__file__).resolve()), "--child", str(out), "--scenario", args.scenario]
    for name in ("customers", "days"):
        if getattr(args, name) is not None:
            line += [f"--{name}", str(getattr(args, name))]
    return [*line, *options]


def content(args: argparse.Namespace, out: Path, *options: str, hash_seed: str = "0") -> str:
    """Return the content hash of a run in a process of its own, and delete the run."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    line = command(args, out, *options)
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"failed: {done.stderr.strip().splitlines()[-1]}"
    shutil.rmtree(out)
    return done.stdout.strip()


def killed(args: argparse.Namespace, out: Path, after: float) -> tuple[str, str]:
    """Start a run, kill it after some seconds, continue it; return when it was killed, and the content hash."""
    with subprocess.Popen(command(args, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(after)
        ended = process.poll() is not None
        if not ended:
            process.send_signal(signal.SIGKILL)
    partial = out.with_name(out.name + ".partial")
    state = "had ended" if ended else "nothing written" if not partial.exists() else "in progress"
    return state, content(args, out, "--resume")


def main() -> None:
    """Run every way and compare, or be one of the processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="tiny")
    parser.add_argument("--customers", type=int, help="[the scenario's]")
    parser.add_argument("--days", type=int, help="[the scenario's]")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1, help="of the moments at which runs are killed")
    parser.add_argument("--json", action="store_true")
    for name, value in (("threads", 1), ("partitions", 1), ("idle", 0)):
        parser.add_argument(f"--{name}", type=int, default=value, help=argparse.SUPPRESS)
    parser.add_argument("--resume", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child is not None:
        simulate(args)
        return
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        content(args, out)  # compiles kernels where that is still to be done
        begun = time.perf_counter()
        first = content(args, out)
        seconds = time.perf_counter() - begun
        found = [("first run", first), ("again", content(args, out))]
        found += [(f"{n} threads", content(args, out, "--threads", str(n))) for n in (2,)]
        found += [(f"{n} partitions", content(args, out, "--partitions", str(n))) for n in (2, 7)]
        found += [("PYTHONHASHSEED=12345", content(args, out, hash_seed="12345"))]
        found += [(f"{IDLE_AGENTS} idle agents first", content(args, out, "--idle", str(IDLE_AGENTS)))]
        moments = random.Random(args.seed)
        for number in range(args.kills):
            after = 0.0 if number == 0 else moments.uniform(0.0, seconds)
            state, value = killed(args, out, after)
            found.append((f"killed after {after:.2f} of {seconds:.2f} s ({state}), resumed", value))
    rows = [{"way": way, "content hash": value, "same": value == first} for way, value in found]
    show(f"{args.scenario}: one result, however it is run", rows, as_json=args.json)
    if any(not row["same"] for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
