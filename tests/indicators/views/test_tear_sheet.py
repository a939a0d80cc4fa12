"""The backtest's page: its figures are the backtest's own numbers, and nothing in a name acts on its reader."""

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feeds.store import Store
from indicators.engine.backtest import asked_backtest
from indicators.engine.findings import Backtest, Curve
from indicators.views.language import language
from indicators.views.tear_sheet import tear_sheet
from tests.indicators.views.conftest import HOSTILE
from tests.indicators.views.test_in_browser import Seen

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def found(small_db: Path) -> Backtest:
    """The A-share backtest with two indices and one gap in a score."""
    with Store.open(small_db, read_only=True) as store:
        whole = asked_backtest(store, "china")
    curve = whole.curves["000985"]["gauge"]
    score = tuple(None if 300 <= i < 320 else s for i, s in enumerate(curve.score))
    curves = {**whole.curves, "000985": whole.curves["000985"] | {"gauge": curve.model_copy(update={"score": score})}}
    return whole.model_copy(update={"curves": curves})


@pytest.fixture(scope="module")
def page(found: Backtest) -> str:
    return tear_sheet(found)


def figures_in(page: str) -> dict[str, Any]:
    held = json.loads(re.search(r'<script type="application/json" id="figures">(.*?)</script>', page, re.DOTALL)[1])
    for figure in held["figures"].values():
        for trace in figure["data"]:
            for axis in ("x", "y"):
                trace[axis] = numbers(trace.get(axis), held["sessions"])
    return held["figures"]


def numbers(column: Any, sessions: list[list[str]]) -> Any:
    if isinstance(column, dict) and "of" in column:
        return sessions[column["of"]][column["from"] :]
    if isinstance(column, dict):
        return np.frombuffer(base64.b64decode(column["bdata"]), column["dtype"]).tolist()
    return column


def same(drawn: Any, told: Any) -> None:
    np.testing.assert_array_equal(np.array(drawn, dtype=float), np.array(told, dtype=float))


def test_figures_are_the_backtests_numbers(found, page):
    figures = figures_in(page)
    for index, curves in found.curves.items():
        for name, curve in curves.items():
            of = f"at-{index}-{name}"
            hold, mine, hold_fall, fall = figures[f"{of}-wealth"]["data"]
            assert mine["x"] == hold["x"] == [str(day) for day in curve.sessions]
            gone = [s is None for s in curve.score]
            same(hold["y"], curve.hold_equity)
            same(hold_fall["y"], curve.hold_drawdown)
            same(mine["y"], np.where(gone, np.nan, curve.equity))
            same(fall["y"], np.where(gone, np.nan, curve.drawdown))
            rows = [row for row in found.series if (row.index, row.name) == (index, name)]
            for row, bars in zip(rows, figures[f"{of}-quintiles"]["data"], strict=True):
                assert bars["x"] == [part.fifth for part in row.quintiles]
                same(bars["y"], [part.mean_return for part in row.quintiles])
                reach = bars["error_y"]
                same(np.add(bars["y"], reach["array"]).round(12), [round(p.bootstrap.high, 12) for p in row.quintiles])
                same(
                    np.subtract(bars["y"], reach["arrayminus"]).round(12),
                    [round(p.bootstrap.low, 12) for p in row.quintiles],
                )
            for event, line in zip(curve.events, figures[f"{of}-events"]["data"], strict=True):
                assert line["x"] == list(event.offsets)
                same(line["y"], event.path)
            for told, line in zip(curve.rolling_ic.values(), figures[f"{of}-rolling"]["data"], strict=True):
                assert line["x"] == [str(day) for day, _ in told]
                same(line["y"], [v for _, v in told])


def test_a_missing_score_is_a_gap_and_is_told(page):
    wealth = figures_in(page)["at-000985-gauge-wealth"]["data"][1]["y"]
    assert [i for i, v in enumerate(wealth) if np.isnan(v)] == list(range(300, 320))
    assert "20 sessions without a score in 1 gaps" in page


def test_verdicts_come_first_with_their_numbers(found, page):
    for verdict in found.verdicts:
        at = page.index(f'id="at-{verdict.index}-{verdict.name}"')
        head = verdict.words.partition(": ")[0]
        assert at < page.index(head[:1].upper() + head[1:], at) < at + 700
    for row in found.series:
        if row.information_coefficient is not None:
            assert f"{row.information_coefficient:+.3f}" in page
    assert "Dividends are not included" in page
    assert "Cost 1 bp" in page
    assert "next session&#39;s close" in page


def test_the_page_asks_for_nothing(page):
    written = re.sub(r'<script type="text/plain" id="plotly">.*?</script>', "", page, flags=re.DOTALL)
    assert not re.search(r"(src|href|action)=[\"'](?!#|data:)", written)
    assert "http://" not in written
    assert "https://" not in written
    assert "default-src 'none'" in page


@pytest.fixture(scope="module")
def hostile(found: Backtest) -> str:
    """Hostile texts wherever a name can get to."""
    curve: Curve = found.curves["000985"]["gauge"]
    row = next(r for r in found.series if (r.index, r.name) == ("000985", "gauge"))
    verdict = next(v for v in found.verdicts if (v.index, v.name) == ("000985", "gauge"))
    history = found.indices[0]
    return tear_sheet(
        found.model_copy(
            update={
                "indices": tuple(history.model_copy(update={"name": text}) for text in HOSTILE),
                "series": tuple(row.model_copy(update={"name": text, "index": text}) for text in HOSTILE),
                "verdicts": tuple(
                    verdict.model_copy(update={"name": t, "index": t, "words": f"{t}: {t}"}) for t in HOSTILE
                ),
                "curves": {text: {text: curve} for text in HOSTILE},
                "not_stored": HOSTILE,
                "weights": HOSTILE[0],
                "input_hash": HOSTILE[1],
            }
        )
    )


def test_hostile_names_stay_text(hostile):
    assert HOSTILE[0] not in hostile
    assert "<b>bold" not in hostile
    assert "<img src=x" not in hostile
    assert "\u202e" not in hostile
    idents = re.findall(r'<article id="([^"]*)"', hostile)
    assert len(set(idents)) == len(idents) == len(HOSTILE)
    assert {f"{ident}-wealth" for ident in idents} <= set(figures_in(hostile))


@pytest.fixture(scope="module")
def shown(page: str, hostile: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tear")
    for name, text in (("page", page), ("hostile", hostile)):
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return folder / "page.html", folder / "hostile.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1100, 360])
def test_figures_draw_when_they_are_reached(browser: Any, shown: tuple[Path, Path], scheme: str, width: int):
    seen = Seen(browser, shown[0], viewport={"width": width, "height": 800}, color_scheme=scheme)
    assert seen.page.locator(".plot[data-drawn]").count() < 8  # those below wait
    plot = seen.page.locator("#at-000300-gauge .plot").first
    plot.scroll_into_view_if_needed()
    plot.locator(".main-svg").first.wait_for(state="visible")
    assert (seen.errors, seen.asked) == ([], [])
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    assert plot.evaluate("plot => plot.querySelector('.main-svg').getBoundingClientRect().width") <= width
    ink = plot.locator(".ytick text").first.evaluate("text => getComputedStyle(text).fill")
    assert ink == ("rgb(26, 26, 26)" if scheme == "light" else "rgb(236, 236, 236)")


def test_hostile_names_draw_quietly(browser: Any, shown: tuple[Path, Path]):
    seen = Seen(browser, shown[1])
    seen.page.locator(".plot").last.scroll_into_view_if_needed()
    seen.page.locator(".plot").last.locator(".main-svg").first.wait_for(state="visible")
    assert (seen.errors, seen.asked) == ([], [])
    assert seen.page.title().startswith("Backtest")
    assert seen.page.locator("main b b, main img").count() == 0


@pytest.mark.parametrize("code", ["zh", "zh-Hant"])
def test_the_page_speaks_chinese(found, code):
    page = tear_sheet(found, language(code))
    page = page.partition("<footer")[0]
    words = re.sub(r"<(script|style)[^>]*>.*?</\1>", "", page, flags=re.DOTALL)
    words = re.sub(r"<[^>]+>", " ", words)
    left = set(re.findall(r"[A-Za-z]{2,}", words)) - {
        "IC",
        "BH",
        "BY",
        "Benjamini",
        "Hochberg",
        "Yekutieli",
        "bullbear",
    }
    assert left <= {"input", "JavaScript"}, left
