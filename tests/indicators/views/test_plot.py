"""Figures: gaps where there is nothing, bands where there are bounds, blue and orange, and no text that acts."""

import colorsys
import importlib.util
import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import plotly.graph_objects as go
import polars as pl
import pytest

from feeds.errors import BadValue
from feeds.schema import Part
from feeds.store import Store
from indicators.engine.gauge import GaugeReading
from indicators.engine.indicator import Indicator, Input, Reading, Rows
from indicators.engine.regime import RegimeReading
from indicators.engine.run import asked_readings, chosen, closes_of, registry
from indicators.engine.scope import scope, tables_of
from indicators.views.plot import gauge_figure, indicator_figure, page_of, save
from indicators.views.plot.axes import log_ticks
from tests.indicators.views.conftest import HOSTILE

DAYS = [date(2025, 11, d) for d in (3, 4, 5, 6, 7, 10)]
CLOSES = pl.DataFrame(
    {"date": DAYS, "close": [6800.0, 6810.0, 6790.0, 6820.0, 6850.0, 6840.0], "source": "index_levels"}
)


class Bare(Indicator):
    """An indicator that says nothing: figures go by its name."""

    title: ClassVar[str] = "Bare"
    unit: ClassVar[str] = "units"
    inputs: ClassVar[tuple[Input, ...]] = (Input("daily_bars", "history"),)
    keys: ClassVar[dict[str, tuple[str, ...]]] = {}

    def measure(self, part: Part) -> Rows:
        return {}

    def value(self, *args: Any, **kwargs: Any) -> list[Reading]:
        return []


def bare(name: str) -> Indicator:
    return type(name, (Bare,), {"name": name, "__annotations__": {"name": ClassVar[str]}})()


def gauge_reading(session: date, level: float | None) -> GaugeReading:
    pulls = {} if level is None else {"insider_ratio": level - 50, "clip": 0.0}
    return GaugeReading(
        session=session, level=level, zone="insufficient" if level is None else "bull", confidence=None,
        parts_present=3, parts_total=5, reason="two are missing", missing={"sector_rotation": HOSTILE[0]},
        contributions=pulls, scores={}, weights={}, kappa=None, width=None if level is None else 30.0, ages={},
        notes=(HOSTILE[1],), known_at=None,
    )  # fmt: skip


def figure_of_gauge(levels: list[float | None]) -> go.Figure:
    gauge = [gauge_reading(day, level) for day, level in zip(DAYS, levels, strict=True)]
    states: list[Any] = ["bull", "bull", "bear", "bear", None, "bull"]
    regime = [RegimeReading(session=day, state=state) for day, state in zip(DAYS, states, strict=True)]
    return gauge_figure("us", gauge, regime, "SPX", CLOSES)


def reading(session: date, value: float | None, **more: Any) -> Reading:
    return Reading(session=session, value=value, reason=None if value is not None else "missing", **more)


def figure_of(name: str, values: list[float | None], **components: Any) -> go.Figure:
    found = [
        (reading(day, v, low=None if v is None else v - 1, high=None if v is None else v + 1, components=components), v)
        for day, v in zip(DAYS, values, strict=True)
    ]
    return indicator_figure(bare(name), found, "SPX", CLOSES)


def traces(figure: go.Figure, name: str) -> list[Any]:
    return [trace for trace in figure.data if trace.name == name]


@pytest.fixture(scope="module")
def figures(small_db: Path) -> dict[str, go.Figure]:
    """Every indicator of the small market, the figure of the gauge among them."""
    made = {"gauge": figure_of_gauge([70.0, None, 60.0, 55.0, 63.5, 71.25])}
    with Store.open(small_db, read_only=True) as store:
        covered = scope(store, tables_of("us"))
        for name in registry():
            indicator = chosen(name)
            made[name] = indicator_figure(indicator, asked_readings(store, indicator), *closes_of(store, "us", covered))
    return made


def test_a_null_is_a_gap_in_line_and_band():
    figure = figure_of("short_share", [1.0, 2.0, None, 4.0, 5.0, 6.0])
    (line,) = traces(figure, "value")
    assert list(line.y) == [1.0, 2.0, None, 4.0, 5.0, 6.0]
    assert line.connectgaps is False
    (band,) = traces(figure, "95 % band of the true value")
    assert list(band.x) == [DAYS[0], DAYS[1], DAYS[1], DAYS[0], None, *DAYS[3:], *reversed(DAYS[3:])]
    assert list(band.y) == [0.0, 1.0, 3.0, 2.0, None, 3.0, 4.0, 5.0, 7.0, 6.0, 5.0]


def test_a_lone_value_between_nulls_is_a_dot():
    (line,) = traces(figure_of("short_share", [2.0, None, None, 4.0, 5.0, None]), "value")
    assert list(line.marker.size) == [5, 0, 0, 0, 0, 0]


def test_a_figure_begins_with_the_first_value_and_keeps_the_newest_null():
    figure = figure_of("short_share", [None, None, 2.0, 3.0, 4.0, None])
    for name in ("value", "SPX"):
        assert traces(figure, name)[0].x[0] == DAYS[2], name
    assert list(traces(figure, "value")[0].y) == [2.0, 3.0, 4.0, None]
    gauge = figure_of_gauge([None, None, 60.0, 55.0, None, 71.25])
    for name in ("gauge", "SPX"):
        assert traces(gauge, name)[0].x[0] == DAYS[2], name
    assert list(traces(figure_of("short_share", [None] * 6), "value")[0].y) == [None] * 6


def test_a_few_sessions_have_a_tick_each_and_ticks_of_logarithms_keep_apart(figures: dict[str, go.Figure]):
    week = figure_of("short_share", [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    assert {axis.dtick for axis in week.select_xaxes()} == {24 * 60 * 60 * 1000}
    assert {axis.dtick for axis in figures["insider_ratio"].select_xaxes()} == {None}
    for low, high in ((0.15, 40.0), (260.0, 4700.0), (3.0, 1e9), (0.9, 4.0)):
        ticks = log_ticks(low, high)
        assert 2 <= len(ticks) <= 7
        assert low <= ticks[0] < ticks[-1] <= high


def test_the_gauge_has_a_gap_no_needle_without_a_level_and_its_missing_parts():
    figure = figure_of_gauge([70.0, None, 60.0, 55.0, 63.5, 71.25])
    (line,) = traces(figure, "gauge")
    assert list(line.y) == [70.0, None, 60.0, 55.0, 63.5, 71.25]
    dial = next(trace for trace in figure.data if trace.type == "indicator")
    assert (dial.value, dial.gauge.threshold.value) == (71.25, 71.25)
    bars = [trace for trace in figure.data if trace.type == "bar"]
    assert {name: text for bar in bars for name, text in zip(bar.y, bar.text, strict=True)} == {
        "sector_rotation": "missing", "clip": "+0.00", "insider_ratio": "+21.25",
    }  # fmt: skip
    none = figure_of_gauge([70.0, None, 60.0, 55.0, 63.5, None])
    dial = next(trace for trace in none.data if trace.type == "indicator")
    assert (dial.mode, dial.value, dial.gauge.threshold.value) == ("gauge", None, None)
    assert any("insufficient" in note.text for note in none.layout.annotations)


def test_the_band_of_the_gauge_stays_on_its_scale():
    (band,) = traces(
        figure_of_gauge([95.0, 5.0, 50.0, 50.0, 50.0, 50.0]), "width of the parts' error bands, laid around the level"
    )
    assert (band.y[0], band.y[1], max(band.y), min(band.y)) == (80.0, 0.0, 100.0, 0.0)


def test_the_regime_shades_the_sessions_of_each_state():
    shapes = [s for s in figure_of_gauge([50.0] * 6).layout.shapes if s.yref.endswith("domain")]
    assert [(s.x0, s.x1) for s in shapes] == [(DAYS[0], DAYS[2]), (DAYS[2], DAYS[4]), (DAYS[5], DAYS[5])]
    assert len({s.fillcolor for s in shapes}) == 2


def test_bars_start_at_one_and_sides_have_signs():
    ratio = figure_of("directional_premium", [0.2] * 6, ratio=1.5, bull=Decimal(3), bear=Decimal(2))
    above, below = traces(ratio, "more premium for a rise")[0], traces(ratio, "more for a fall")[0]
    assert (above.base, list(above.y), list(below.y)) == (1.0, [0.5] * 6, [None] * 6)
    flow = figure_of("dark_pool_imbalance", [0.2] * 6, dark_buy=Decimal("2.5"), dark_sell=Decimal(4), block_buy=None)
    assert list(traces(flow, "dark bought")[0].y) == [2.5] * 6
    assert list(traces(flow, "dark sold")[0].y) == [-4.0] * 6
    assert list(traces(flow, "block bought")[0].y) == [None] * 6


def test_the_rings_hold_the_premium_and_leave_out_what_is_missing():
    figure = figure_of(
        "directional_premium", [0.2] * 6, bull=Decimal(3), bear=Decimal(2), call=Decimal("4.5"), net=Decimal(1),
        unknown=Decimal(0),
    )  # fmt: skip
    first, second = (trace for trace in figure.data if trace.type == "pie")
    assert (list(first.labels), list(first.values)) == (["bull", "bear"], [3.0, 2.0])
    assert (list(second.labels), list(second.values)) == (["calls"], [4.5])


def test_distribution_is_marked_at_the_price_of_a_symbol():
    found = [(reading(day, 0.2, components={"distribution_at_highs": "confirmed"}), None) for day in DAYS]
    figure = indicator_figure(bare("dark_pool_imbalance"), found, "ABC", CLOSES, "ABC")
    (marks,) = traces(figure, "distribution at highs: confirmed")
    assert list(marks.x) == DAYS
    assert traces(figure, "distribution at highs: watch") == []


def test_distribution_over_the_market_is_a_count_of_symbols():
    listed: list[Any] = [{"confirmed": ["A", "B"], "watch": ["C"]}, {"confirmed": [], "watch": []}, None]
    states = ["confirmed", "none", None]
    found = [
        (reading(day, 0.2, components={"distribution_at_highs": state, "distribution_symbols": symbols}), None)
        for day, state, symbols in zip(DAYS, states, listed, strict=False)
    ]
    figure = indicator_figure(bare("dark_pool_imbalance"), found, "SPX", CLOSES)
    assert list(traces(figure, "confirmed")[0].y) == [2, 0, None]
    assert list(traces(figure, "watch")[0].y) == [1, 0, None]
    assert traces(figure, "distribution at highs: confirmed") == []


def test_the_spread_stands_in_its_bands_and_rotation_under_its_warning():
    spread = figure_of("equity_bond_spread", [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], mean=2.0, sigma=0.5)
    for times in (1, 2):
        (area,) = traces(spread, f"mean ± {times} σ")
        assert (min(area.y), max(area.y)) == (2.0 - 0.5 * times, 2.0 + 0.5 * times)
        assert area.fill == "toself"
    assert list(traces(spread, "mean")[0].y) == [2.0] * 6
    unknown = figure_of("equity_bond_spread", [1.0] * 6, mean=None, sigma=None)
    assert traces(unknown, "mean ± 1 σ") == []
    level = chosen("rotation_strength").model_copy(update={"level": 38.5})
    found = [(reading(day, 31.0, components={"raw": 33.0, "ma5": 31.0, "warning": False}), None) for day in DAYS]
    rotation = indicator_figure(level, found, "000985", CLOSES)
    assert list(traces(rotation, "warning above 38.5")[0].y) == [38.5] * 6
    assert list(traces(rotation, "mean of 5 weeks")[0].y) == [31.0] * 6


def test_only_a_null_breaks_a_line(figures: dict[str, go.Figure]):
    for name, figure in figures.items():
        dashed = [t.name for t in figure.data if t.type == "scatter" and t.line.dash not in (None, "solid")]
        assert dashed == [], name  # a dash would look like a gap


def test_grey_print_tells_the_regimes_apart():
    shapes = [s for s in figure_of_gauge([50.0] * 6).layout.shapes if s.yref.endswith("domain")]

    def grey(fill: str) -> float:
        r, g, b, alpha = (float(n) for n in fill.removeprefix("rgba(").removesuffix(")").split(","))
        return sum(w * (255 - alpha * (255 - c)) for w, c in ((0.299, r), (0.587, g), (0.114, b)))

    bull, bear, *_ = (grey(shape.fillcolor) for shape in shapes)
    assert bull - bear > 20


def test_names_on_the_rotation_graph_keep_apart():
    groups = [
        {"group": name, "state": "neutral", "rs_ratio": 100.0 + 0.02 * i, "rs_momentum": 100.0 + 0.02 * i}
        for i, name in enumerate(("Communication Services", "Utilities", "Energy", "Health Care"))
    ]
    figure = figure_of("sector_rotation", [0.1] * 6, groups=groups)
    dots = [trace for trace in figure.data if getattr(trace, "mode", None) == "lines+markers+text"]
    assert len({trace.textposition for trace in dots}) == 4


def test_index_and_earnings_start_from_a_hundred():
    figure = figure_of(
        "eps_divergence", [0.1] * 6, forward_eps=220.0, price_slope=0.2, eps_slope=0.3, state="healthy advance"
    )
    index, slope = traces(figure, "SPX")
    assert (index.y[0], round(index.y[1], 6)) == (100.0, round(100 * 6810 / 6800, 6))
    assert list(slope.y) == [0.2] * 6
    assert list(traces(figure, "healthy advance")[0].y) == ["healthy advance"] * 6


def test_groups_stand_at_their_coordinates():
    group = {"group": HOSTILE[0], "state": "up-trend", "strength": 80.0, "rs_ratio": 101.5, "rs_momentum": 99.0}
    figure = figure_of("sector_rotation", [0.1] * 6, groups=[group, {**group, "group": "B", "rs_ratio": None}])
    (table,) = (trace for trace in figure.data if trace.type == "table")
    assert table.cells["values"][1] == ["up-trend", "up-trend"]
    (dots,) = (trace for trace in figure.data if getattr(trace, "mode", None) == "lines+markers+text")
    assert (list(dots.x), list(dots.y)) == ([101.5, 101.5], [99.0, 99.0])  # two readings, five sessions apart


def test_every_axis_says_what_it_measures_and_every_figure_its_source(figures: dict[str, go.Figure]):
    for name, figure in figures.items():
        axes = [figure.layout[key] for key in figure.layout if re.fullmatch(r"yaxis\d*", key)]
        assert axes, name
        assert all(axis.title.text for axis in axes), name
        drawn = [axis.title.text for axis in axes if name != "gauge" or axis.title.text != "part of the gauge"]
        assert all(">from " in title for title in drawn), name  # its tables
        assert any("Source: " in note.text for note in figure.layout.annotations), name
        assert any(a.title.text and "Session" in a.title.text for a in figure.select_xaxes()), name


def test_colours_are_blue_orange_and_grey(figures: dict[str, go.Figure]):
    for name, figure in figures.items():
        for text in set(re.findall(r"#[0-9a-fA-F]{6}\b", figure.to_json())):
            r, g, b = (int(text[i : i + 2], 16) / 255 for i in (1, 3, 5))
            hue, _, saturation = colorsys.rgb_to_hls(r, g, b)
            blue, orange = 0.52 < hue < 0.66, 0.04 < hue < 0.12
            assert saturation < 0.1 or blue or orange, (name, text)


def test_dated_panels_share_one_axis(figures: dict[str, go.Figure]):
    axes = [axis for axis in figures["short_share"].select_xaxes() if axis.type == "date"]
    assert len(axes) >= 2
    assert all(axis.matches for axis in axes[1:])


def test_hostile_names_are_shown_not_obeyed():
    found = [
        (reading(day, 0.5, components={"groups": [{"group": h, "state": h} for h in HOSTILE]}), None) for day in DAYS
    ]
    for key in HOSTILE:
        figure = indicator_figure(bare("sector_rotation"), found, key, CLOSES, key)
        texts = [note.text for note in figure.layout.annotations] + [trace.name or "" for trace in figure.data]
        for text in texts:
            rest = re.sub(r"</?(b|span|br)( style=\"[^\"<>]*\")?>", "", text)
            assert "<" not in rest, text
        page = page_of(figure)
        head, body = page.split("</head>")
        assert re.fullmatch(r"[^<]*", re.search(r"<title>(.*?)</title>", head, re.S)[1])  # type: ignore[index]
        assert "<img" not in body.split("Plotly.newPlot")[-1]
        assert "document.title='run'</script>" not in body


def test_a_page_holds_plotly_and_loads_nothing(tmp_path: Path):
    out = tmp_path / "gauge.html"
    save(figure_of_gauge([50.0] * 6), out)
    page = out.read_text(encoding="utf-8")
    assert len(page) > 1_000_000
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", page)


def test_an_image_is_what_its_ending_says(tmp_path: Path, chromium: str):
    figure = figure_of("short_share", [1.0, 2.0, None, 4.0, 5.0, 6.0])
    save(figure, tmp_path / "a.png")
    save(figure, tmp_path / "a.svg")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert b"<svg" in (tmp_path / "a.svg").read_bytes()[:200]


def test_without_a_browser_an_image_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("kaleido")
    for named in (tmp_path / "no-such-browser", tmp_path):
        monkeypatch.setenv("BROWSER_PATH", str(named))
        with pytest.raises(BadValue, match="needs a Chromium or Chrome that starts") as told:
            save(figure_of_gauge([50.0] * 6), tmp_path / "a.png")
        assert "\n" not in str(told.value)
        assert f"`$BROWSER_PATH` is {named}," in str(told.value)
    assert not (tmp_path / "a.png").exists()


def test_without_the_extra_an_image_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BadValue, match=r"bullbear\[pictures\]"):
        save(figure_of_gauge([50.0] * 6), tmp_path / "a.svg")


def test_an_unwritable_place_is_named(tmp_path: Path):
    with pytest.raises(BadValue, match="cannot be written"):
        save(figure_of_gauge([50.0] * 6), tmp_path / "nowhere" / "a.html")


def test_figures_are_the_same_twice(figures: dict[str, go.Figure]):
    again = figure_of_gauge([70.0, None, 60.0, 55.0, 63.5, 71.25])
    assert json.loads(again.to_json()) == json.loads(figures["gauge"].to_json())
