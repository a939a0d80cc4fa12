"""Whether time and memory keep pace with the tape: P1 on 2 M, 20 M and 200 M prints, each in a process of its own (P5).

python -m indicators.engine.bench.scale STORE SESSIONS ROUNDS
"""

import json
import subprocess
import sys
from collections import deque
from pathlib import Path

from feeds.schema import Sessions
from feeds.store import Store
from indicators.engine.bench.clock import Figure, JobResult, interleaved
from indicators.engine.bench.premium import ours_p1
from indicators.engine.bench.tape import OPTION_PRINTS, Tapes, bench_sessions, make_options
from indicators.engine.premium import COLUMNS

LENGTHS = (2, 20, 200)
"""Sessions of a million prints each, at scale 1."""

MOST_ROUNDS_OF_THE_LONGEST = 3
DRIFT = 1.15
"""Dearest print against the cheapest, and the longest tape's memory against the middle one's."""

MOST_RESIDENT = 1.5e9
"""Bytes."""

GB = 1e9


def p5(tapes: Tapes) -> JobResult:
    """Time per print and resident memory over a hundredfold range of tapes."""
    path = tapes.folder / "long.duckdb"
    rows = tapes.rows(OPTION_PRINTS)
    make_options(path, LENGTHS[-1], rows, (), tapes.progress)
    taken: dict[int, float] = {}
    reading: dict[int, float] = {}
    resident: dict[int, int] = {}
    for sessions in LENGTHS:
        rounds = min(tapes.rounds, MOST_ROUNDS_OF_THE_LONGEST) if sessions == LENGTHS[-1] else tapes.rounds
        taken[sessions], reading[sessions], resident[sessions] = _in_its_own_process(path, sessions, rounds)
    path.unlink()
    each = {sessions: seconds / (sessions * rows) for sessions, seconds in taken.items()}
    figures: dict[str, Figure] = {}
    for sessions in LENGTHS:
        figures |= {
            f"seconds_of_{sessions * rows}": round(taken[sessions], 6),
            f"nanoseconds_a_print_of_{sessions * rows}": round(1e9 * each[sessions], 2),
            f"of_them_reading_of_{sessions * rows}": round(1e9 * reading[sessions] / (sessions * rows), 2),
            f"resident_gb_of_{sessions * rows}": round(resident[sessions] / GB, 3),
        }
    flat = resident[LENGTHS[-1]] <= DRIFT * resident[LENGTHS[1]] and max(resident.values()) <= MOST_RESIDENT
    return JobResult(
        title=f"P1 on {', '.join(f'{n * rows:,}' for n in LENGTHS)} prints; seconds are of the middle one",
        seconds=taken[LENGTHS[1]],
        target="time per print within 15 %; resident flat, ≤ 1.5 GB",
        met=max(each.values()) <= DRIFT * min(each.values()) and flat,
        figures=figures,
        notes=("DuckDB may keep 256 MB of the pages it has read; without a limit it keeps them while memory lasts",),
    )


def _in_its_own_process(path: Path, sessions: int, rounds: int) -> tuple[float, float, int]:
    """Median seconds, those of reading the same columns and no more, and the greatest resident memory, bytes."""
    command = [sys.executable, "-m", __name__, str(path), str(sessions), str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"P1 on {sessions} sessions ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    found = json.loads(done.stdout)
    return float(found["seconds"]), float(found["reading"]), int(found["resident"])


def resident_bytes() -> int:
    """The most memory that this process ever held.

    Linux's `ru_maxrss` starts with what the parent held when it spawned us; `VmHWM` is this program's own.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _measured(path: str, sessions: int, rounds: int) -> str:
    with Store.open(path, read_only=True) as store:
        days = bench_sessions(store, sessions)
        store.run_sql("bench/small_cache")
        ours_p1(store, days)
        seconds = interleaved({"ours": lambda: ours_p1(store, days), "reading": lambda: _read(store, days)}, rounds)
    return json.dumps({"seconds": seconds["ours"], "reading": seconds["reading"], "resident": resident_bytes()})


def _read(store: Store, days: Sessions) -> None:
    deque(store.batches("option_trades", days, COLUMNS), maxlen=0)


if __name__ == "__main__":
    sys.stdout.write(_measured(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
