"""Ingest of one vendor's file: checked, sorted, stored, rejects kept, beside a database's own reader (P3).

python -m indicators.engine.bench.intake ours|duckdb FILE STORE
"""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import polars as pl

from feeds.ingest import ingest
from feeds.store import Store
from indicators.engine.bench.clock import OURS, DifferentAnswer, JobResult, Target, held_to
from indicators.engine.bench.scale import GB, resident_bytes
from indicators.engine.bench.tape import Tapes, make_options

ROWS = 5_000_000
MOST_RESIDENT = 1.0e9
"""Bytes."""


def p3(tapes: Tapes) -> JobResult:
    """One csv.gz of option prints with NBBO into an empty store, in a process of its own each time."""
    path = _vendor_file(tapes)
    taken: dict[str, list[float]] = {OURS: [], "duckdb": []}
    resident: dict[str, float] = {}
    answers: dict[str, Any] = {}
    for n in range(1 + tapes.rounds):
        tapes.progress("ingesting", n, 1 + tapes.rounds)
        for name in taken:
            found = _in_its_own_process(name, path, tapes.folder / "intake.duckdb")
            answers[name] = found["answer"]
            resident[name] = max(resident.get(name, 0), found["resident"])
            taken[name].append(found["seconds"])
    if answers[OURS] != answers["duckdb"]:
        raise DifferentAnswer(f"duckdb and ours differ: {answers['duckdb']} against {answers[OURS]}")
    rows, size = answers[OURS]["rows"] + answers[OURS]["rejected"], path.stat().st_size
    path.unlink()
    held = held_to(
        f"{rows:,} option prints of a csv.gz checked, sorted, stored, rejects kept; the peer is CREATE TABLE AS"
        " SELECT … read_csv with typed columns … ORDER BY",
        {name: median(measured) for name, (_, *measured) in taken.items()},
        Target("≤ 1.5× its time; ≤ 1 GB resident", {"duckdb": 1 / 1.5}),
    )
    figures = {
        "rows_a_second": round(rows / held.seconds),
        "rejected": answers[OURS]["rejected"],
        "file_mb": round(size / 1e6, 1),
        "resident_gb": round(resident[OURS] / GB, 3),
        "resident_gb_of_duckdb": round(resident["duckdb"] / GB, 3),
    }
    return held.model_copy(update={"met": bool(held.met) and resident[OURS] <= MOST_RESIDENT, "figures": figures})


def _vendor_file(tapes: Tapes) -> Path:
    """A session of seeded prints as a vendor packs them."""
    made = tapes.folder / "vendor.duckdb"
    make_options(made, 1, tapes.rows(ROWS), (), tapes.progress)
    path = tapes.folder / "option_trades.csv.gz"
    with Store.open(made, read_only=True) as store, gzip.open(path, "wb", compresslevel=6) as packed:
        for n, batch in enumerate(store.scan("bench/vendor_rows")):
            packed.write(pl.DataFrame(pl.from_arrow(batch)).write_csv(include_header=n == 0).encode())
    made.unlink()
    return path


def _in_its_own_process(name: str, path: Path, store: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", __name__, name, str(path), str(store)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    for left in (store, Path(f"{store}.wal")):
        left.unlink(missing_ok=True)
    if done.returncode:
        raise RuntimeError(f"{name} on {path.name} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _measured(name: str, path: str, db: str) -> str:
    with Store.open(db) as store:
        store.calendar()
        started = perf_counter()
        if name == OURS:
            (outcome,) = ingest(store, [path], table="option_trades")
            if outcome.error is not None:
                raise RuntimeError(outcome.error)
        else:
            store.run_sql("bench/intake_peer", {"path": path})
        seconds = perf_counter() - started
        resident = resident_bytes()
        answer = store.answer(f"bench/intake_{'ours' if name == OURS else 'theirs'}")
    return json.dumps({"seconds": seconds, "resident": resident, "answer": answer.row(0, named=True)})


if __name__ == "__main__":
    sys.stdout.write(_measured(*sys.argv[1:]))
