"""The languages of the printed pages: gettext catalogues under locale/, and sentences known by their shape.

What a page itself says is marked where it is said (`say`). What indicators and the gauge say reaches a page as finished
sentences, in stored reports too: `sentence` finds the template of `sentences.SENTENCES` that a text was made from, and
says it again in the page's language, the words that fill it included. A text that no template fits stays as it is.
"""

import gettext
import re
from functools import cached_property, lru_cache
from importlib.resources import files
from itertools import chain

from feeds.errors import UnknownName

LANGUAGES = {"en": "", "zh": "zh_Hans", "zh-Hant": "zh_Hant"}
"""Languages by what `--lang` calls them, with the folder of each one's catalogue."""

LONG = 8
"""Letters of its own that tell a template from a list of anything: shorter ones are tried on single pieces alone."""

_BLANK = re.compile(r"\{(\w+)\}")


class Language:
    """One language of the pages; see the module."""

    def __init__(self, code: str, catalogue: gettext.NullTranslations) -> None:
        self.code = code
        self._catalogue = catalogue

    def say(self, template: str, **words: str) -> str:
        """A page's own words: the template's translation, filled with words that are translated where they are known.

        >>> ENGLISH.say("{n} back", n="3")
        '3 back'
        """
        return self._catalogue.gettext(template).format(**{name: self.sentence(word) for name, word in words.items()})

    def heading(self, title: str, chinese: str = "") -> str:
        """A title, with its Chinese name beside it on an English page."""
        said = self.sentence(title)
        return f"{said} {chinese}" if chinese and said == title else said

    def sentence(self, text: str) -> str:
        """A finished text in this language, as far as its templates are known."""
        if not LANGUAGES[self.code] or not text:
            return text
        if (whole := self._known(text, LONG)) is not None:
            return whole
        # a list: its separators are messages of their own, and a short template may hold a comma but no semicolon
        for separator in (r"(; | · |(?<=\.) )", r"(, )"):
            if len(pieces := [piece for piece in re.split(separator, text) if piece]) > 1:
                return "".join(self.sentence(piece) for piece in pieces)
            if (whole := self._known(text, 0)) is not None:
                return whole
        return text

    def _known(self, text: str, least: int) -> str | None:
        """A message, or a sentence made from a template with at least so many letters of its own; None for others."""
        said = self._catalogue.gettext(text)
        if said != text:
            return said
        for own, shape, template in self._shapes:
            if own >= least and (found := shape.fullmatch(text)):
                words = {name: self.sentence(word) for name, word in found.groupdict().items()}
                if (form := self._said(template, words.get("n", ""))) is not None:
                    return form.format(**words)
        return None

    def _said(self, template: str, n: str) -> str | None:
        """A template's translation; of one that counts, in the form for its number, None without a number."""
        from indicators.views.sentences import COUNTED

        counted = next((forms for forms in COUNTED if template in forms), None)
        if counted is None:
            return self._catalogue.gettext(template)
        return self._catalogue.ngettext(*counted, int(n)) if n.isdecimal() else None

    @cached_property
    def _shapes(self) -> list[tuple[int, re.Pattern[str], str]]:
        """Templates as patterns with their number of letters, those with the most first."""
        from indicators.views.sentences import COUNTED, SENTENCES

        blank = [template for template in (*SENTENCES, *chain.from_iterable(COUNTED)) if _BLANK.search(template)]
        sized = [(len(_BLANK.sub("", template).replace(" ", "")), shape_of(template), template) for template in blank]
        return sorted(sized, key=lambda one: -one[0])


def shape_of(template: str) -> re.Pattern[str]:
    """The pattern of every text that a template can become.

    >>> shape_of("{n} of {all} rose.").fullmatch("3 of 31 rose.").groupdict()
    {'n': '3', 'all': '31'}
    """
    parts = _BLANK.split(template)
    named = [re.escape(part) if i % 2 == 0 else f"(?P<{part}>.*?)" for i, part in enumerate(parts)]
    return re.compile("".join(named), re.DOTALL)


@lru_cache(maxsize=8)
def language(code: str) -> Language:
    """A language by its code.

    Raises
    ------
    UnknownName : there is no catalogue of it
    """
    if code not in LANGUAGES:
        raise UnknownName("--lang", code, LANGUAGES)
    if not LANGUAGES[code]:
        return ENGLISH
    place = files("indicators.views").joinpath("locale", LANGUAGES[code], "LC_MESSAGES", "bullbear.mo")
    with place.open("rb") as stream:
        return Language(code, gettext.GNUTranslations(stream))


ENGLISH = Language("en", gettext.NullTranslations())
