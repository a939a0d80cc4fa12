"""The command: what is asked is checked before anything is; exit codes; no other command knows a network."""

import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

import feeds.fetch.run
from cli import app
from feeds.fetch.finra import FinraShort
from feeds.fetch.sec import SecIndex

from .conftest import Reply
from .test_sources import INDEX, SHORT


@pytest.fixture
def command(server, tmp_path, monkeypatch):
    known = {"finra_short": FinraShort(server.base), "sec_index": SecIndex(server.base)}
    monkeypatch.setattr(feeds.fetch.run, "sources", lambda: known)
    monkeypatch.delenv(feeds.fetch.run.AGENT, raising=False)

    def run(*arguments: object):
        return CliRunner().invoke(app, ["fetch", *map(str, arguments), "--to", str(tmp_path / "got")])

    return run


def short(server, day: str, body: bytes = SHORT) -> None:
    server.on(f"/equity/regsho/daily/CNMSshvol{day}.txt", Reply(body))


def test_what_came_is_said_file_by_file_and_summed(server, command, tmp_path):
    short(server, "20251107")
    result = command("finra_short", "--start", "2025-11-07", "--end", "2025-11-08")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        f"CNMSshvol20251107.txt: fetched: {len(SHORT)} bytes",
        "2025-11-08: not published: a weekend",
        "1 fetched, 1 not published",
    ]
    assert (tmp_path / "got" / "CNMSshvol20251107.txt").read_bytes() == SHORT
    again = command("finra_short", "--start", "2025-11-07", "--end", "2025-11-07")
    assert (again.exit_code, again.stdout.splitlines()[-1]) == (0, "1 already there")
    assert len(server.seen) == 1


def test_nothing_published_is_one_and_a_failure_two(server, command):
    assert command("finra_short", "--start", "2025-11-08", "--end", "2025-11-09").exit_code == 1
    short(server, "20251106", b"<html>")
    short(server, "20251107")
    result = command("finra_short", "--start", "2025-11-06", "--end", "2025-11-07")
    assert result.exit_code == 2
    assert "an HTML page" in result.stderr
    assert "1 fetched, 1 failed" in result.stdout  # the one that failed stopped no other


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("finra_shrt",), "did you mean finra_short?"),
        (("finra_short", "--start", "2025-11-31"), "`--start`"),
        (("finra_short", "--start", "2025-11-07", "--end", "2025-11-06"), "`--start`"),
        (("finra_short", "--start", "2999-01-01"), "`--start`"),
        (("sec_index", "--start", "2025-11-03"), "BULLBEAR_USER_AGENT"),
    ],
)
def test_what_cannot_be_asked_is_one_line_and_asks_nobody(server, command, arguments, said):
    result = command(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert server.seen == []


def test_the_agent_comes_from_the_option_or_the_environment(server, command, monkeypatch):
    server.on("/Archives/edgar/full-index/2025/QTR2/form.idx", Reply(INDEX.encode()))
    span = ("--start", "2025-05-01", "--end", "2025-05-02")
    assert command("sec_index", *span, "--agent", "Jane Doe jane@example.org").exit_code == 0
    assert server.seen[-1].headers["User-Agent"] == "Jane Doe jane@example.org"
    monkeypatch.setenv(feeds.fetch.run.AGENT, "J jd@example.org")
    server.on("/Archives/edgar/full-index/2025/QTR1/form.idx", Reply(INDEX.encode()))
    assert command("sec_index", "--start", "2025-02-01", "--end", "2025-02-02").exit_code == 0
    assert server.seen[-1].headers["User-Agent"] == "J jd@example.org"


def test_the_usual_span_is_the_last_thirty_days(command, monkeypatch):
    question = {}
    monkeypatch.setattr(feeds.fetch.run, "fetched", lambda source, asked, *_: question.update(asked=asked) or [])
    assert command("finra_short", "--end", "2025-11-07").exit_code == 1
    assert (question["asked"].start, question["asked"].end) == (date(2025, 10, 8), date(2025, 11, 7))


def test_a_source_may_be_pointed_elsewhere():
    assert replace(FinraShort(), base="http://127.0.0.1:1").base == "http://127.0.0.1:1"


def test_no_other_command_loads_a_client():
    code = (
        "import sys, cli, feeds.ingest, indicators.engine.run, indicators.views.report;"
        "print([name for name in ('httpx', 'stamina', 'akshare', 'feeds.fetch') if name in sys.modules])"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
