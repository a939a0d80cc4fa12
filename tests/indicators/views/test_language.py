"""Every page in every language: catalogues that are whole, and sentences that lose nothing when they are said again."""

import ast
import gettext
import io
import re
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from feeds.errors import UnknownName
from feeds.store import Store
from indicators.engine.run import registry, rows_of
from indicators.engine.scope import Scope, scope
from indicators.views.language import ENGLISH, LANGUAGES, Language, language, shape_of
from indicators.views.sentences import COUNTED, SENTENCES
from seeds.shenwan import industries

VIEWS = Path(__file__).parents[3] / "indicators" / "views"
CODES = sorted(code for code, folder in LANGUAGES.items() if folder)


def catalogue(code: str) -> Path:
    return VIEWS / "locale" / LANGUAGES[code] / "LC_MESSAGES" / "bullbear.po"


def blanks(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def said_by_pages() -> set[str]:
    names = ("page.py", "dial.py", "printed.py", "tear_sheet.py")
    pages = [ast.parse((VIEWS / name).read_text()) for name in names]
    calls = [n for page in pages for n in ast.walk(page) if isinstance(n, ast.Call)]
    return {
        call.args[0].value
        for call in calls
        if getattr(call.func, "attr", getattr(call.func, "id", "")) == "say"
        and call.args
        and isinstance(call.args[0], ast.Constant)
    }


@pytest.mark.parametrize("code", CODES)
def test_every_message_is_translated_with_the_same_blanks(code):
    messages = {m.id: m.string for m in read_po(io.BytesIO(catalogue(code).read_bytes())) if m.id}
    assert set(messages) == set(SENTENCES) | set(COUNTED) | said_by_pages()
    for template, said in messages.items():
        many, forms = (template[1], said) if isinstance(template, tuple) else (template, (said,))
        for form in forms:
            assert form, template
            assert blanks(form) == blanks(many), template


@pytest.mark.parametrize("code", CODES)
def test_what_is_read_is_what_was_translated(code):
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(catalogue(code).read_bytes()), locale=LANGUAGES[code]))
    assert catalogue(code).with_suffix(".mo").read_bytes() == compiled.getvalue()


def test_traditional_is_not_simplified():
    simplified = set("数断额跌涨业资长场务买卖权热发现关点两强义价开门东军银轻医钢饮设备术报误差续债")
    simplified -= set("跌差")  # written alike in both
    messages = [m.string for m in read_po(io.BytesIO(catalogue("zh-Hant").read_bytes())) if m.id]
    said = [form for string in messages for form in (string if isinstance(string, tuple) else (string,))]
    assert {c: t for t in said for c in t if c in simplified} == {}


def test_unknown_languages_are_refused():
    with pytest.raises(UnknownName, match="zh-Hant"):
        language("de")


def test_english_stays_as_it_is():
    assert language("en") is ENGLISH
    assert ENGLISH.sentence("3 of 31 rose.") == "3 of 31 rose."
    assert ENGLISH.heading("Margin flow", "杠杆资金") == "Margin flow 杠杆资金"


def test_a_sentence_keeps_its_numbers_and_translates_its_words():
    zh = language("zh")
    said = zh.sentence("Turnover rose in 6 of 31 industries, most in Coal 煤炭, Banks 银行.")
    assert said == "31个行业中6个换手率上升，升幅居前：煤炭、银行。"
    assert zh.sentence("6 of 9 parts; missing: margin_flow (no reading yet); size_style (the reading is null)") == (
        "9项中有6项；缺失：杠杆资金（尚无读数）；小盘/微盘（读数为空）"
    )
    assert zh.sentence("something that nobody foresaw {x} %") == "something that nobody foresaw {x} %"
    assert zh.heading("Margin flow", "杠杆资金") == "杠杆资金"
    assert language("zh-Hant").heading("Margin flow", "杠杆资金") == "槓桿資金"


def test_what_is_counted_takes_the_form_of_its_number():
    one = "Insiders bought $2.06 for every $100 they sold in 2025-12 (1 buyer, 12 sellers)."
    assert language("zh").sentence(one) == "2025-12，内部人每卖出$100买入$2.06（买方1人，卖方12人）。"
    assert language("zh-Hant").sentence("1 industry makes losses") == "1個行業虧損"
    assert language("zh").sentence("many buyers") == "many buyers"

    class Two(gettext.NullTranslations):
        """A language with a form of its own for one, as English has."""

        def ngettext(self, one: str, many: str, n: int) -> str:
            return one.upper().replace("{N}", "{n}") if n == 1 else many

    two = Language("zh", Two())
    assert (two.sentence("1 buyer"), two.sentence("0 buyers")) == ("1 BUYER", "0 buyers")


def test_braces_of_a_foreign_name_are_no_blanks():
    assert "{0.__class__}" in language("zh").sentence("no amount of {0.__class__} so far")
    hostile = language("zh").sentence("The hottest themes of the week: {x.y}, {0}.")
    assert hostile == "本周最热主题：{x.y}、{0}。"


def test_shapes_take_a_text_apart_whole():
    found = shape_of("{n} of {all} rose.").fullmatch("3 of 31 rose.")
    assert found
    assert found.groupdict() == {"n": "3", "all": "31"}
    assert shape_of("{n} of {all} rose.").fullmatch("3 of 31 fell.") is None


NAMED = re.compile(
    r"cn_\w+|bullbear|FINRA|Cboe|EPS|ETF|PE|PB|MA|SPX|CSI|class:\w+|[A-Z]{4}\b|Communication Services"
    r"|Consumer \w+|Energy"
    r"|Financials|Health Care|Industrials|Information Technology|Materials|Real Estate|Utilities"
)


@pytest.mark.parametrize("name", sorted(registry()))
def test_what_indicators_say_is_said_in_chinese(name, small_db):
    indicator, zh = registry()[name](), language("zh")
    with Store.open(small_db, read_only=True) as store:
        covered = scope(store, [n.table for n in indicator.inputs if not n.optional], indicator.market).sessions
        readings = indicator.value(rows_of(store, indicator, Scope(covered, covered, None)), covered)
    texts = {indicator.meaning(r) for r in readings} | {note for r in readings for note in r.notes}
    texts |= {indicator.title, indicator.unit} | {
        f for r in readings if r.value is not None and (f := indicator.flag(r))
    }
    if indicator.market == "china":
        texts |= {text for r in readings for text in r.reasons.values()} | {indicator.verdict}
    english = {t: zh.sentence(t) for t in texts if re.search(r"[A-Za-z]{3}", NAMED.sub("", zh.sentence(t)))}
    assert english == {}


def test_every_industry_has_its_name():
    zh = language("zh")
    assert [zh.sentence(f"{i.english} {i.chinese}") for i in industries().values()] == [
        i.chinese for i in industries().values()
    ]
