"""The report page: complete, escaped, linked, and nothing on it that loads or runs but its own."""

import base64
import hashlib
import inspect
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from feeds.store import Store
from indicators.engine.run import registry
from indicators.views.explained import explanation, unbroken
from indicators.views.language import language
from indicators.views.page import page_text
from indicators.views.published import published
from indicators.views.report import Gauge, Report
from indicators.views.table import clean
from tests.indicators.views.conftest import HOSTILE

ROOT = Path(__file__).parents[3]


class Read(HTMLParser):
    """Tags with attributes, and the text outside style and script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.own: dict[str, str] = {}
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in ("style", "script"):
            self.own[self._inside] = data
        else:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def attributes(self, name: str) -> list[str]:
        return [value for _, attrs in self.tags if (value := attrs.get(name)) is not None]


@pytest.fixture(scope="module")
def page(levelled: Report) -> Read:
    return Read(page_text(levelled))


@pytest.fixture(scope="module")
def weekly(small_db: Path) -> Read:
    """The A-share page, in Chinese."""
    with Store.open(small_db, read_only=True) as store:
        return Read(page_text(published(store, "china").report, language("zh")))


def test_the_weekly_page_speaks_chinese(weekly: Read):
    assert weekly.tags[0] == ("html", {"lang": "zh-Hans"})
    before, _, after = weekly.text.rpartition("计算方法")
    for word in ("估值", "指标", "评分", "股债收益差", "综合表"):
        assert word in before
    assert "Formula" in after
    assert not re.findall(r"Indicator|Gauge|Coverage|Known at|explained|Regime", before)


@pytest.mark.parametrize("which", ["page", "weekly"])
def test_every_link_leads_somewhere_and_every_place_is_one(which: str, request: pytest.FixtureRequest):
    page = request.getfixturevalue(which)
    ids, links = page.attributes("id"), [link for link in page.attributes("href") if link.startswith("#")]
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in links} <= set(ids)
    assert len(links) > 100


def test_nothing_is_loaded(page: Read):
    assert [link for link in page.attributes("href") if not link.startswith("#")] == ["data:,"]
    assert not {"src", "srcset", "action", "style", "onclick", "onload"} & {n for _, attrs in page.tags for n in attrs}
    assert "http" not in page.own["style"] + page.own["script"]
    assert {"link", "iframe", "object", "base"} & {tag for tag, _ in page.tags} == {"link"}


def test_the_policy_names_the_style_and_the_script(page: Read):
    policy = next(attrs["content"] for tag, attrs in page.tags if tag == "meta" and "http-equiv" in attrs)
    assert policy is not None
    assert "default-src 'none'" in policy
    for kind in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(page.own[kind].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_the_page_says_what_the_report_says(page: Read, levelled: Report):
    assert "63.5 of 100 · bull" in page.text
    assert "+12.25" in page.text
    assert "-3.50" in page.text
    for line in levelled.indicators:
        assert line.title in page.text
        assert " ".join(line.meaning.split()) in page.text
        if line.coverage is not None:
            assert f"{100 * line.coverage:.0f} %" in page.text
    for caveat in levelled.caveats:
        assert caveat in page.text
    assert levelled.input_hash in page.text


def test_a_gauge_without_a_level_shows_none(report: Report):
    found = Read(page_text(report.model_copy(update={"gauge": Gauge(reason="too few")})))
    assert "Gauge: insufficient" in found.text
    assert "too few" in found.text
    assert "needle" not in found.attributes("class")
    assert "of 100" not in found.text.split("Regime")[0]


@pytest.mark.parametrize("name", sorted(registry()))
def test_every_number_is_explained_from_the_docstring(page: Read, weekly: Read, name: str):
    explained = explanation(inspect.getdoc(registry()[name]))
    headings = [heading for heading, _ in explained.parts]
    assert headings[0] == "Formula"
    assert "=" in explained.parts[0][1]
    whole = explained.summary + " ".join(f"{heading} {text}" for heading, text in explained.parts)
    assert "Source" in whole
    assert "nits" in whole or "unit" in whole
    ids = set((page if registry()[name].market == "us" else weekly).attributes("id"))
    assert {f"why-{name}-{fact}" for fact in ("value", "change", "coverage", "band", "known")} <= ids


def test_every_null_keeps_its_reason(page: Read, levelled: Report):
    reasons = {why for line in levelled.indicators for c, why in line.reasons.items() if c in ("low", "score", "value")}
    assert reasons
    for why in reasons:
        assert " ".join(why.split()) in page.text


def test_headings_descend_one_by_one(page: Read):
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))


def test_pictures_are_told_in_words_and_inputs_are_labelled(page: Read):
    ids = set(page.attributes("id"))
    drawings = [attrs for tag, attrs in page.tags if tag == "svg"]
    assert drawings
    assert all(a.get("aria-label") or a.get("aria-labelledby") in ids for a in drawings)
    labelled = set(page.attributes("for"))
    assert {attrs["id"] for tag, attrs in page.tags if tag == "input"} <= labelled


def test_hostile_texts_are_shown_and_change_nothing(hostile: Report, levelled: Report):
    found, harmless = Read(page_text(hostile)), Read(page_text(levelled))
    assert {tag for tag, _ in found.tags} <= {tag for tag, _ in harmless.tags}
    names = {name for _, attrs in found.tags for name in attrs}
    assert names <= {name for _, attrs in harmless.tags for name in attrs}
    assert all(link.startswith("#") or link == "data:," for link in found.attributes("href"))
    assert found.own == harmless.own
    for text in HOSTILE[:6]:
        assert " ".join(clean(text).split()) in found.text
    whole = page_text(hostile)
    assert "{{ 7 * 7 }}" in found.text
    assert not set(whole) & {"\u202e", "\x1b", "\x00"}
    assert "X" * 1001 not in whole


def test_a_warm_report_as_text_needs_neither_plotly_nor_jinja(small_db: Path):
    code = (
        "import sys\nfrom cli import app\n"
        f"app(['report', '--db', {str(small_db)!r}], standalone_mode=False)\n"
        "print(sorted({'plotly', 'jinja2', 'kaleido', 'playwright'} & set(sys.modules)))\n"
    )
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", env=env, check=False)
    assert ran.stdout.splitlines()[-1] == "[]", ran.stderr


def test_explanations_leave_the_breaking_of_lines_to_the_page():
    """What the source's width broke goes on in the same line; what was meant to end ends."""
    (_, formula) = explanation(inspect.getdoc(registry()["insider_ratio"])).parts[0]
    assert "by the session that first closed with the filing public:\n" in formula
    assert "\n    value = P / S\n    net_purchase_ratio = (P − S)/(P + S)\n" in formula
    assert unbroken("wide " * 20 + "enough\nto go on") == "wide " * 20 + "enough to go on"
    assert unbroken("short\nend") == "short\nend"
    assert unbroken("wide " * 21 + "wide\n- a list") == "wide " * 21 + "wide\n- a list"
