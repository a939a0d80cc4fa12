"""`bullbear bench`: every job ends, and says what INTERFACE promises."""

import json
from importlib.util import find_spec

import pytest
from typer.testing import CliRunner

from cli import app
from indicators.engine.bench.jobs import JOBS, Bench, Machine, run_jobs
from indicators.engine.bench.scale import resident_bytes
from indicators.views.bench import bench_text

PEERS = {
    "P0": set(),
    "P1": {"scan", "duckdb", "polars", "duckdb_usual", "polars_usual"},
    "P1b": {"scan", "duckdb", "polars"},
    "P2": {"scan", "duckdb", "polars", "duckdb_usual", "polars_usual"},
    "P3": {"duckdb"},
    "P4": {"empty_store"},
    "P5": set(),
    "P6": {"one_thread"},
    "P8": {"imports"},
    "P8b": {"imports"},
    "P9": {"vectorbt"} if find_spec("vectorbt") else set(),
    "P9b": set(),
}


@pytest.fixture(scope="module")
def bench() -> Bench:
    return run_jobs([], scale=0.0005, rounds=1)


@pytest.mark.parametrize("name", JOBS)
def test_every_job_ends_with_its_peers(name, bench):
    job = bench.jobs[name]
    assert set(job.peers) == PEERS[name]
    assert job.seconds > 0
    assert job.target
    assert (job.met is None) == (name in ("P0", "P9b") or (name == "P9" and not job.peers))
    assert all(peer.ratio == peer.seconds / job.seconds for peer in job.peers.values())


def test_a_new_session_counts_the_older_rows_that_it_reads(bench):
    assert bench.jobs["P4"].figures["rows_of_older_sessions_scanned"] >= 0


def test_an_ingest_keeps_its_rejects_and_says_what_it_holds_in_memory(bench):
    figures = bench.jobs["P3"].figures
    assert figures["rows_a_second"] > 0
    assert 0 < figures["resident_gb"] < 2


def test_memory_is_measured():
    assert 10e6 < resident_bytes() < 1e12


def test_json_holds_what_the_interface_promises(bench):
    found = json.loads(bench_text(bench, "json"))
    p1 = found["jobs"]["P1"]
    assert set(p1) >= {"seconds", "peers", "target", "met"}
    assert set(p1["peers"]["scan"]) == {"seconds", "ratio"}


@pytest.mark.parametrize("kind", ["text", "markdown"])
def test_a_table_names_every_job_and_the_machine_by_cores_and_memory(kind, bench):
    text = bench_text(bench.model_copy(update={"machine": Machine(cores=2, memory_gb=24)}), kind)
    assert "2 cores, 24 GB" in text
    assert [name for name in JOBS if name not in text] == []


def test_the_command_runs_the_jobs_asked_for():
    result = CliRunner().invoke(app, ["bench", "p0", "--scale", "0.0005", "--rounds", "1", "--format", "json"])
    assert result.exit_code == 0, result.output
    assert set(json.loads(result.stdout)["jobs"]) == {"P0"}


@pytest.mark.parametrize(
    ("arguments", "said"), [(("P99",), "P1b"), (("P0", "--scale", "0"), "--scale"), (("--format", "xml"), "markdown")]
)
def test_bad_input_is_one_clear_line(arguments, said):
    result = CliRunner().invoke(app, ["bench", *arguments])
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
