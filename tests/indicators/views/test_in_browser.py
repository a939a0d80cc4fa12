"""The page and the figures in a real browser: no error, no request, tables that sort and filter."""

from pathlib import Path
from typing import Any

import pytest

from indicators.views.page import page_text
from indicators.views.plot import save
from indicators.views.report import Report
from tests.indicators.views.conftest import HOSTILE
from tests.indicators.views.test_plot import figure_of_gauge

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


class Seen:
    """A page with what went wrong on it, and what it asked of a network."""

    def __init__(self, browser: Any, path: Path, **context: Any) -> None:
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page = browser.new_context(**context).new_page()
        self.page.on("console", lambda said: self.errors.append(said.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())
        self.asked = [url for url in self.requests if not url.startswith(("data:", "blob:")) and url != path.as_uri()]


@pytest.fixture(scope="module")
def path(hostile: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("page") / "report.html"
    out.write_text(page_text(hostile), encoding="utf-8")
    return out


def column(seen: Seen, table: str, index: int) -> list[str]:
    cells = f"#{table} tbody tr:not([hidden]) > :nth-child({index})"
    return [text.strip() for text in seen.page.locator(cells).all_inner_texts()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1100, 360])
def test_the_page_loads_quietly_and_fits(browser: Any, path: Path, scheme: str, width: int):
    seen = Seen(browser, path, viewport={"width": width, "height": 800}, color_scheme=scheme)
    assert (seen.errors, seen.asked) == ([], [])
    assert seen.page.title().startswith("Bull/bear report")
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    assert seen.page.locator("main b b, main img, main script").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser: Any, path: Path, scheme: str):
    seen = Seen(browser, path, color_scheme=scheme)

    def luminance(colour: str) -> float:
        parts = [int(n) / 255 for n in colour.removeprefix("rgb(").removesuffix(")").split(", ")]
        r, g, b = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    def colour(selector: str, name: str) -> float:
        script = f"getComputedStyle(document.querySelector({selector!r})).{name}"
        return luminance(seen.page.evaluate(script))

    ground = colour("body", "backgroundColor")
    for selector in ("p", ".quiet", "nav a", "dl.facts dt", "caption"):
        ink = colour(selector, "color")
        ratio = (max(ink, ground) + 0.05) / (min(ink, ground) + 0.05)
        assert ratio >= 4.5, (selector, scheme, ratio)  # WCAG 2.2, 1.4.3


def test_a_table_sorts_by_numbers_and_by_words_with_nulls_last(browser: Any, path: Path):
    seen = Seen(browser, path)
    table, heads = "rank-insider_ratio", "#rank-insider_ratio th button"
    names = [text.split()[0] for text in seen.page.locator(heads).all_inner_texts()[:4]]
    assert names == ["rank", "symbol", "net", "share"]
    button = seen.page.locator(heads).nth(2)
    button.click()
    assert seen.page.locator(f"#{table} th").nth(2).get_attribute("aria-sort") == "descending"
    assert column(seen, table, 1) == ["3", "8", "7", "6", "1", "5", "4", "2"]  # by dollars, not by digits
    button.click()
    assert column(seen, table, 1) == ["2", "4", "5", "1", "6", "7", "8", "3"]
    share = seen.page.locator(heads).nth(3)
    share.click()
    assert column(seen, table, 1) == ["4", "6", "7", "1", "5", "8", "3", "2"]
    share.click()
    assert column(seen, table, 1) == ["3", "8", "5", "1", "7", "6", "4", "2"]
    seen.page.locator(heads).nth(1).click()
    texts = column(seen, table, 2)
    assert len(texts) == len(HOSTILE)
    assert texts == seen.page.evaluate("words => [...words].sort((a, b) => a.localeCompare(b))", texts)
    assert seen.errors == []


def test_a_table_filters_by_any_cell_whatever_its_capitals(browser: Any, path: Path):
    seen = Seen(browser, path)
    box = seen.page.locator("#filter-rank-insider_ratio")
    said = seen.page.locator("output[for='filter-rank-insider_ratio']")
    for text in ("=CMD|", "=cmd|", "=CmD|"):
        box.fill(text)
        assert column(seen, "rank-insider_ratio", 1) == ["4"], text
        assert said.inner_text() == "1 / 8"
    for text in ("xxxxxxxxxx", "XXXXXXXXXX"):  # capitals in the table
        box.fill(text)
        assert column(seen, "rank-insider_ratio", 1) == ["8"], text
    box.fill("<script>")
    assert column(seen, "rank-insider_ratio", 1) == ["1"]
    box.fill("4=cmd")  # the end of one cell and the beginning of the next
    assert column(seen, "rank-insider_ratio", 1) == []
    box.fill("  ")
    assert len(column(seen, "rank-insider_ratio", 1)) == 8
    assert seen.page.title().startswith("Bull/bear report")
    assert (seen.errors, seen.asked) == ([], [])


def test_a_sorted_table_stays_filtered_and_numbers_do_not_sort_as_words(browser: Any, path: Path):
    seen = Seen(browser, path)
    table, heads = "rank-insider_ratio", seen.page.locator("#rank-insider_ratio th button")
    heads.nth(0).click()  # 1 … 8: as words they would sort alike
    assert column(seen, table, 1) == ["8", "7", "6", "5", "4", "3", "2", "1"]
    heads.nth(2).click()
    money = column(seen, table, 3)
    amounts = [float(text.replace("$", "").replace(",", "")) for text in money]
    assert amounts == sorted(amounts, reverse=True)
    assert amounts != sorted(amounts, key=str, reverse=True)  # "9.00" is the largest word
    seen.page.locator(f"#filter-{table}").fill("b")
    kept = column(seen, table, 1)
    heads.nth(0).click()
    assert sorted(column(seen, table, 1)) == sorted(kept)
    assert 0 < len(kept) < 8
    assert seen.errors == []


def test_paper_has_the_components_and_nothing_to_click(browser: Any, path: Path):
    seen = Seen(browser, path)
    seen.page.emulate_media(media="print")
    seen.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    shown = "selector => [...document.querySelectorAll(selector)].filter((part) => part.checkVisibility()).length"
    assert seen.page.evaluate(shown, "details tbody tr") > 0
    assert seen.page.evaluate(shown, "nav, .filter, input") == 0
    avoided = seen.page.evaluate(
        "[...document.querySelectorAll('section, article, details')]"
        ".filter((part) => getComputedStyle(part).breakInside !== 'auto').length"
    )
    assert avoided == 0  # what is taller than a page would leave one empty before it


def test_numbers_lead_to_their_explanation(browser: Any, path: Path):
    seen = Seen(browser, path)
    seen.page.locator("#dark_pool_imbalance dl.facts a").first.click()
    assert seen.page.url.endswith("#why-dark_pool_imbalance-value")
    assert seen.page.evaluate("document.querySelector(':target').getBoundingClientRect().top") < 800


def test_a_figure_draws_without_a_network(browser: Any, tmp_path: Path):
    out = tmp_path / "gauge.html"
    save(figure_of_gauge([70.0, None, 60.0, 55.0, 63.5, 71.25]), out)
    seen = Seen(browser, out)
    seen.page.wait_for_selector(".main-svg")
    assert (seen.errors, seen.asked) == ([], [])
    assert seen.page.title() == "Bull/bear gauge, US, 2025-11-10: 71.2 of 100, bull"
    assert "<script>" in seen.page.locator("main").inner_text() or seen.page.locator("main b b, main img").count() == 0
