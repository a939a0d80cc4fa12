import csv
import io
import json
import math
import os
import subprocess
import sys
import unicodedata
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from feeds.errors import BadValue
from feeds.schema import Part, Sessions
from indicators.engine.gauge import GaugeReading, fuse
from indicators.engine.indicator import Indicator, Reading, Rows
from indicators.views.printed import print_report, render_text, report_text
from indicators.views.report import CAVEATS, Ranking, Report, build_report
from indicators.views.table import (
    clean,
    csv_text,
    gauge_text,
    json_text,
    number,
    plain,
    plain_text,
    print_rows,
    readings_text,
    rows_text,
)

ROOT = Path(__file__).parents[3]
NAMES = ("alpha", "beta", "delta", "gamma", "omega")
HOSTILE = "[red]GILD[/red]\x1b[31m\r\n\x9b2J\u202e=HYPERLINK()" + "X" * 10_000
DAYS = tuple(date(2025, 11, 3) + timedelta(days=i) for i in range(4))
CLOSES = np.array([int(datetime(d.year, d.month, d.day, 21, tzinfo=UTC).timestamp()) * 10**9 for d in DAYS], np.int64)
SESSIONS = Sessions(DAYS, CLOSES - 1, CLOSES)


class Given(Indicator):
    """Ranks nothing: each reading brings its score, so that a report can be built from a few sessions."""

    title: ClassVar[str] = "A title that is far too long for the column it has to stand in"
    unit: ClassVar[str] = "imbalance"
    inputs: ClassVar[tuple[Any, ...]] = ()
    keys: ClassVar[dict[str, tuple[str, ...]]] = {}

    def measure(self, part: Part) -> Rows:
        return {}

    def value(self, *args: Any, **kwargs: Any) -> list[Reading]:
        return []

    def score(self, readings: Sequence[Reading], sessions: Sessions) -> list[float | None]:
        return [None if r.value is None else 50 + 100 * r.value for r in readings]

    def meaning(self, reading: Reading) -> str:
        return f"Meaning of {reading.value}."


def named(name: str) -> Indicator:
    return type(name, (Given,), {"name": name})()


INDICATORS = {name: named(name) for name in NAMES}


def parts(*, last: dict[str, float | None] | None = None, **more: Any) -> dict[str, list[Reading]]:
    found: dict[str, list[Reading]] = {}
    for name in NAMES:
        values = [0.10, None, 0.15, (last or {}).get(name, 0.05)]
        found[name] = [
            Reading(session=d, value=v, reason=None if v is not None else "the tape is missing", **more)
            for d, v in zip(DAYS, values, strict=True)
        ]
    return found


def made(readings: dict[str, list[Reading]] | None = None, session: date = DAYS[-1], **more: Any) -> Report:
    readings = parts() if readings is None else readings
    fused = fuse(readings, INDICATORS, SESSIONS)
    known: dict[str, Any] = {"version": "0.1.0", "input_hash": "abc"} | more
    return build_report("us", session, SESSIONS, INDICATORS, readings, fused, **known)


def document(report: Report) -> Any:
    def refuse(constant: str) -> Any:
        raise AssertionError(f"{constant} is no JSON number")

    return json.loads(report.to_json(), parse_constant=refuse)


# --- the document --------------------------------------------------------------------------------------------------


def test_the_document_has_the_keys_of_the_interface() -> None:
    found = document(made())
    assert {"market", "session", "as_of", "gauge", "regime", "indicators", "notices", "version", "input_hash"} <= set(
        found
    )
    assert {"level", "zone", "confidence", "parts_present", "parts_total", "reason", "contributions"} <= set(
        found["gauge"]
    )
    assert {"bull_probability", "state", "since"} <= set(found["regime"])
    assert found["regime"]["bull_probability"] is None
    assert found["regime"]["reason"]
    assert [line["name"] for line in found["indicators"]] == list(NAMES)
    assert {
        *("name", "title", "value", "unit", "score", "change", "coverage", "low", "high", "reason", "reasons"),
        *("known_at", "age_sessions", "components"),
    } <= set(found["indicators"][0])
    assert (found["session"], found["as_of"]) == ("2025-11-06", "2025-11-06T21:00:00+00:00")
    assert found["caveats"] == list(CAVEATS)


def test_gauge_and_contributions_survive_json_exactly() -> None:
    report = made(parts(last={"alpha": 0.123456789, "beta": -0.31}))
    gauge = json.loads(report.to_json(), parse_float=Decimal)["gauge"]
    assert sum(gauge["contributions"].values()) + 50 == gauge["level"]
    assert gauge["level"] != 50


def test_change_is_against_the_previous_non_null_reading() -> None:
    line = document(made())["indicators"][0]
    assert line["change"] == pytest.approx(0.05 - 0.15, abs=1e-15)
    third = document(made(session=DAYS[2]))["indicators"][0]
    assert third["change"] == pytest.approx(0.15 - 0.10, abs=1e-15)
    first = document(made(session=DAYS[0]))["indicators"][0]
    assert (first["change"], first["reasons"]["change"]) == (None, "no earlier value")


def test_a_null_reading_stays_null_and_says_why() -> None:
    line = document(made(session=DAYS[1]))["indicators"][0]
    assert (line["value"], line["score"], line["change"]) == (None, None, None)
    assert line["reason"] == "the tape is missing"
    assert line["reasons"]["score"] == "the tape is missing"
    assert line["age_sessions"] == 0
    gauge = document(made(session=DAYS[1]))["gauge"]
    assert (gauge["level"], gauge["zone"], gauge["confidence"]) == (None, "insufficient", None)


def test_every_null_has_a_reason() -> None:
    nothing = document(made(parts() | {"omega": []}))["indicators"]
    assert nothing[4]["reason"] == "no reading yet"
    for line in nothing[:4]:
        for column in ("coverage", "low", "high"):
            assert line[column] is None
            assert line["reasons"][column]


def test_an_old_reading_shows_its_age_and_has_no_score_when_stale() -> None:
    readings = parts()
    readings["gamma"] = readings["gamma"][:1]
    line = document(made(readings))["indicators"][3]
    assert (line["value"], line["age_sessions"], line["score"]) == (None, 3, None)
    assert line["components"] == {}
    assert line["reason"] == "stale: the last reading is of 2025-11-03, 3 sessions back"
    assert "3 back" in report_text(made(readings))


def test_later_readings_are_not_looked_at() -> None:
    readings = parts()
    cut = Sessions(DAYS[:3], CLOSES[:3] - 1, CLOSES[:3])
    early = {name: found[:3] for name, found in readings.items()}
    alone = build_report(
        *("us", DAYS[2], cut, INDICATORS, early, fuse(early, INDICATORS, cut)), version="0.1.0", input_hash="abc"
    )
    assert alone == made(readings, session=DAYS[2])


def test_a_session_before_any_reading_is_insufficient() -> None:
    report = build_report("us", DAYS[0], SESSIONS, INDICATORS, {}, [], version="0", input_hash="")
    assert report.gauge.level is None
    assert report.gauge.reason == "no reading of any part yet"
    assert "insufficient" in report_text(report)


MONEY = [
    Decimal("1E+7"),
    Decimal("-0.000000"),
    Decimal("0.000001"),
    Decimal("92233720368547.758071"),
    Decimal("-28842000.1"),
]


def test_money_is_text_exact_without_exponent() -> None:
    components = {"net": MONEY[0], "institutional": {"net": MONEY[4]}, "groups": [{"net": MONEY[3]}]}
    line = document(made(parts(components=components)))["indicators"][0]["components"]
    assert line == {
        "net": "10000000.00",
        "institutional": {"net": "-28842000.10"},
        "groups": [{"net": "92233720368547.758071"}],
    }


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**18), max_value=10**18))
def test_money_keeps_its_amount(amount: Decimal) -> None:
    text = plain(amount)
    assert Decimal(text) == amount
    assert not set(text) - set("-0123456789.")
    assert not (amount == 0 and text.startswith("-"))


def test_no_nan_and_no_negative_zero() -> None:
    bad = {
        "ratio": math.inf,
        "list": [math.nan, -0.0],
        "np": np.float64("nan"),
        "n": np.int64(3),
        "zero": np.float64(-0.0),
    }
    report = made(parts(last={"alpha": -0.0}, components=bad, coverage=math.nan))
    line = document(report)["indicators"][0]
    assert line["components"] == {"ratio": None, "list": [None, 0.0], "np": None, "n": 3, "zero": 0.0}
    assert line["coverage"] is None
    assert "-0.0," not in report.to_json()
    assert "-0 " not in report_text(report)
    assert [number(v) for v in (-0.0, -1e-9, 0.0)] == ["0", "-1.0e-09", "0"]


def test_a_stored_report_reads_back_and_renders_the_same() -> None:
    rows = [{"rank": 1, "symbol": "MRK", "call_put": 1510.0, "premium": Decimal("28842000.1"), "reason": None}]
    report = made(
        parts(components={"net": MONEY[3]}),
        rankings=[Ranking(name="directional_premium", by="call_put", rows=rows)],
        notices=["one"],
    )
    back = Report.model_validate_json(report.to_json())
    assert back == report
    assert report_text(back) == report_text(report)


# --- the text ------------------------------------------------------------------------------------------------------


def with_everything(name: str = "MRK") -> Report:
    rows = [
        {
            "rank": 1,
            "underlying": name,
            "call_put": 1510.0,
            "imbalance": 0.5,
            "premium": Decimal("28842000.1"),
            "reason": None,
        },
        {"rank": 2, "underlying": "GILD", "call_put": None, "imbalance": 0.5, "premium": Decimal(5), "reason": name},
    ]
    readings = parts(last={"alpha": 0.4, "omega": None}, low=-0.1, high=0.3, coverage=0.91, notes=(name,))
    return made(
        readings, rankings=[Ranking(name="directional_premium", by="call_put", rows=rows)], notices=[f"{name} is late"]
    )


def test_the_text_shows_what_the_document_holds() -> None:
    text = report_text(with_everything())
    for part in (
        *("4 of 5 parts", "neutral", "confidence", "omega (the tape is missing)", "Meaning of 0.4."),
        *("0.4000 imbalance", "+0.2500", "90.0 ▲", "91 %", "-0.100 to 0.300", "today", "1,510", "$28,842,000"),
        *("! MRK is late", "relative to the last year", "Regime: not available"),
    ):
        assert part in text, part
    assert "sign of a level is no evidence" in " ".join(text.split())


@pytest.mark.parametrize(("level", "column"), [(0.0, 0), (50.0, 30), (63.0, 38), (100.0, 60)])
def test_the_marker_stands_at_the_level(level: float, column: int) -> None:
    report = made()
    moved = report.model_copy(update={"gauge": report.gauge.model_copy(update={"level": level})})
    lines = report_text(moved).splitlines()
    marker = next(line for line in lines if "▼" in line)
    ruler = lines[lines.index(marker) + 1]
    assert marker.index("▼") - ruler.index("|") == column
    assert len(ruler.strip()) == 61


@pytest.mark.parametrize("width", [20, 40, 80, 100, 160])
def test_no_line_is_wider_than_asked(width: int) -> None:
    from rich.cells import cell_len

    for name in ("MRK", HOSTILE, "行业轮动强度" * 40):
        text = report_text(with_everything(name), width)
        assert max(cell_len(line) for line in text.splitlines()) <= width
        assert text == report_text(with_everything(name), width)


def test_hostile_text_is_shown_not_obeyed() -> None:
    text = report_text(with_everything(HOSTILE))
    assert "[red]GILD" in text
    assert len(text) < 12_000
    assert all(c == "\n" or unicodedata.category(c)[0] != "C" for c in text)
    assert f"! {clean(HOSTILE, 30)[:20]}" in text
    raw = with_everything(HOSTILE).to_json()
    assert all(c == "\n" or unicodedata.category(c)[0] != "C" for c in raw)
    assert json.loads(raw)["notices"] == [f"{HOSTILE} is late"]


def test_a_terminal_gets_colour_a_pipe_the_same_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    report = with_everything()
    out = io.StringIO()
    render_text(
        report, Console(file=out, width=100, force_terminal=True, color_system="truecolor", legacy_windows=False)
    )
    assert "\x1b[" in out.getvalue()
    assert "\x1b" not in report_text(report)
    bare = Console(file=io.StringIO(), width=100, no_color=True, color_system=None)
    render_text(report, bare)
    assert isinstance(bare.file, io.StringIO)
    assert [line.rstrip() for line in bare.file.getvalue().splitlines()] == report_text(report).splitlines()


def test_an_encoding_without_the_signs_gets_plain_ones() -> None:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    render_text(with_everything("行业"), Console(file=file, width=100, color_system=None))
    assert b"v\n" in raw.getvalue()
    assert b"90.0 +" in raw.getvalue()


def test_the_report_goes_to_a_file_or_the_error_names_it(tmp_path: Path) -> None:
    print_report(made(), tmp_path / "report.txt")
    assert (tmp_path / "report.txt").read_text(encoding="utf-8") == report_text(made()) + "\n"
    with pytest.raises(BadValue, match="`--out`"):
        print_report(made(), tmp_path / "nowhere" / "report.txt")


def test_a_stored_report_needs_pydantic_and_rich_alone() -> None:
    code = (
        "import sys\n"
        "from indicators.views.printed import report_text\n"
        "from indicators.views.report import Report\n"
        "text = report_text(Report.model_validate_json(sys.stdin.read()))\n"
        "assert 'Meaning' in text\n"
        "heavy = {'numba', 'numpy', 'polars', 'duckdb', 'plotly', 'scipy', 'statsmodels', 'exchange_calendars'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    ran = subprocess.run(
        [sys.executable, "-c", code],
        input=made().to_json(),
        capture_output=True,
        encoding="utf-8",
        env=env,
        check=False,
    )
    assert (ran.stdout.strip(), ran.stderr) == ("[]", "")


def test_a_broken_stored_report_is_refused() -> None:
    found = document(made())
    for gauge in ({"level": 1e9}, {"level": -1}):
        with pytest.raises(ValueError, match="level"):
            Report.model_validate_json(json.dumps(found | {"gauge": found["gauge"] | gauge}))


# --- tables --------------------------------------------------------------------------------------------------------


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


@pytest.mark.parametrize("name", ["=1+1", "+A1", "-A1", "@SUM(A1)", "\t=1", "\n=1", " =1", "\x00=1", "＝1"])
def test_csv_guards_formulas(name: str) -> None:
    found = cells(csv_text([{"symbol": name, name: 1}]))
    assert found[1][0][0] == "'" or "�" in found[1][0][:1]
    assert not found[0][1].lstrip().startswith(("=", "+", "-", "@", "＝"))


def test_csv_leaves_numbers_alone() -> None:
    row = {
        "a": -1.5,
        "b": -3,
        "c": Decimal("-28842000.1"),
        "d": None,
        "e": "-12.50",
        "f": True,
        "g": -0.0,
        "h": math.nan,
    }
    assert cells(csv_text([row]))[1] == ["-1.5", "-3", "-28842000.10", "", "-12.50", "true", "0.0", ""]


def test_csv_flattens_and_fills_columns() -> None:
    rows = [{"a": {"b": 1, "c": {"d": 2}}, "l": ["x", 1]}, {"e": 5}]
    assert cells(csv_text(rows)) == [["a.b", "a.c.d", "l", "e"], ["1", "2", '["x", 1]', ""], ["", "", "", "5"]]


def test_rows_in_every_kind() -> None:
    rows = [{"rank": 1, "symbol": "MRK", "net": Decimal("-5"), "nested": {"x": 1}}]
    assert json.loads(rows_text(rows, "json")) == {
        "rows": [{"rank": 1, "symbol": "MRK", "net": "-5.00", "nested": {"x": 1}}]
    }
    assert cells(rows_text(rows, "csv")) == [["rank", "symbol", "net", "nested.x"], ["1", "MRK", "-5.00", "1"]]
    text = rows_text(rows, "text")
    assert "-$5.00" in text
    assert "nested" not in text
    assert rows_text([], "text") == "no rows"
    assert json.loads(rows_text([], "json")) == {"rows": []}


def test_a_code_of_digits_is_no_number() -> None:
    text = plain_text(lambda console: print_rows([{"index": "000985", "n": 1234}], console), 60)
    assert "000985" in text
    assert "1,234" in text


def test_readings_follow_the_interface() -> None:
    indicator = INDICATORS["alpha"]
    readings = [
        Reading(session=DAYS[0], value=None, reason="empty", components={"net": Decimal("1E+3"), "ratio": None}),
        Reading(session=DAYS[1], month="2025-11", value=0.5, notes=("month-to-date",)),
    ]
    found = json.loads(readings_text(indicator, list(zip(readings, (None, 61.0), strict=True)), "json"))
    assert (found["indicator"], found["unit"], found["params"]) == ("alpha", "imbalance", {})
    first, second = found["readings"]
    assert {k: first[k] for k in ("session", "value", "score", "coverage", "low", "high", "reason")} == {
        **dict.fromkeys(("value", "score", "coverage", "low", "high")),
        **{"session": "2025-11-03", "reason": "empty"},
    }
    assert first["components"] == {"net": "1000.00", "ratio": None}
    assert (second["month"], second["score"]) == ("2025-11", 61.0)
    assert "session" not in second
    pairs = [(readings[0], None)]
    assert cells(readings_text(indicator, pairs, "csv"))[0][-2:] == ["components.net", "components.ratio"]
    assert "2025-11-03" in readings_text(indicator, pairs, "text")


def test_the_gauge_history_in_every_kind() -> None:
    fused: list[GaugeReading] = fuse(parts(), INDICATORS, SESSIONS)
    found = json.loads(gauge_text(fused, "json"))["readings"]
    assert [g["session"] for g in found] == [d.isoformat() for d in DAYS]
    assert found[1]["level"] is None
    assert found[0]["level"] == 70.0
    assert len(cells(gauge_text(fused, "csv"))) == 5
    assert "insufficient" in gauge_text(fused, "text")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.decimals(),
        lambda c: st.lists(c) | st.dictionaries(st.text(), c),
        max_leaves=8,
    )
)
def test_json_text_is_always_json(thing: Any) -> None:
    text = json_text(thing)
    assert json.loads(text) == plain(thing)
    assert all(c == "\n" or unicodedata.category(c)[0] != "C" for c in text)


@given(st.text(), st.integers(1, 30))
def test_clean_text_is_one_short_line(text: str, limit: int) -> None:
    cleaned = clean(text, limit)
    assert len(cleaned) <= limit
    assert all(unicodedata.category(c)[0] != "C" for c in cleaned)
    assert cleaned.splitlines() in ([cleaned], [])
