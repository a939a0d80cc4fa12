"""A backtest as one HTML page: verdicts in words first, the numbers beside them, and figures drawn from those numbers.

It holds plotly.js and everything it draws, loads nothing, and follows light and dark as the report's page does; what a
file may have brought is cleaned and escaped in the same way.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any

from markupsafe import Markup

from indicators.engine.evidence import HORIZONS
from indicators.engine.findings import Backtest, Curve, IndexHistory, SeriesBacktest, SeriesVerdict
from indicators.views.language import ENGLISH, Language
from indicators.views.page import Cell, Column, filled
from indicators.views.plot import tear
from indicators.views.report import package_version

Say = Callable[..., str]

MARKS = {"evidence": "evidence", "weak evidence": "weak", "none": "none", "too short": "short"}
"""Verdicts, best first, with the style that marks each."""

DASH = "–"


def tear_sheet(found: Backtest, language: Language = ENGLISH) -> str:
    """The page.

    Parameters
    ----------
    found : a backtest with its curves
    language : of the words and sentences
    """
    from indicators.engine.run import of_market

    say = language.say
    titles = {name: language.heading(kind.title, kind.chinese) for name, kind in of_market(found.market).items()}
    titles |= {"gauge": say("Gauge"), "regime": say("Regime")}
    said = _figure_words(say)
    figures: dict[str, Any] = {}
    indices = []
    idents: set[str] = set()
    for index in found.indices:
        verdicts = sorted((v for v in found.verdicts if v.index == index.name), key=lambda v: v.name != "gauge")
        series = []
        for verdict in verdicts:
            rows = [row for row in found.series if (row.index, row.name) == (index.name, verdict.name)]
            curve = found.curves.get(index.name, {}).get(verdict.name)
            ident = _ident(f"at-{index.name}-{verdict.name}", idents)
            if curve is not None:
                figures |= figures_of(ident, curve, rows, said)
            series.append(_series(ident, titles.get(verdict.name, verdict.name), verdict, rows, curve, language))
        indices.append(_index(index, verdicts, series, found, language))
    plotly = Markup(tear.script())  # noqa: S704
    return filled(
        "tear.html",
        language,
        ("report.css", "tear.css"),
        ("report.js", "tear.js"),
        others=(plotly,),
        head=_head(found, say),
        rests=_rests(found, say),
        words=_page_words(say),
        how=_how(found, say),
        indices=indices,
        figures=_embedded(figures),
        plotly=plotly,
        version=package_version(),
        input_hash=found.input_hash,
    )


def figures_of(ident: str, curve: Curve, rows: Sequence[SeriesBacktest], said: Mapping[str, str]) -> dict[str, Any]:
    """A series' figures by the name that the page calls each."""
    return {
        f"{ident}-wealth": tear.drawn(tear.wealth_figure(curve, said)),
        f"{ident}-quintiles": tear.drawn(tear.quintile_figure(rows, said)),
        f"{ident}-events": tear.drawn(tear.event_figure(curve, said)),
        f"{ident}-rolling": tear.drawn(tear.rolling_figure(curve, said)),
    }


def _ident(name: str, taken: set[str]) -> str:
    """What a part of the page is called: letters, digits and hyphens, short, and no two alike."""
    ident = re.sub(r"\W+", "-", name)[:60]
    while ident in taken:
        ident += "-"
    taken.add(ident)
    return ident


def _embedded(figures: dict[str, Any]) -> Markup:
    """Figures as JSON that no text in them can leave; the sessions of all are held once.

    A trace along the last sessions of a longer one says where it begins, instead of repeating them.
    """
    whole: list[list[str]] = []
    for figure in figures.values():
        for trace in figure["data"]:
            days = trace.get("x")
            if not isinstance(days, list) or len(days) < 100 or not isinstance(days[0], str):
                continue
            of = next((n for n, held in enumerate(whole) if held[-len(days) :] == days), None)
            if of is None:
                of = len(whole)
                whole.append(days)
            trace["x"] = {"of": of, "from": len(whole[of]) - len(days)}
    held = {"figures": figures, "sessions": whole, "dark": tear.DARK}
    return Markup(json.dumps(held, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c"))  # noqa: S704


def _index(
    index: IndexHistory,
    verdicts: Sequence[SeriesVerdict],
    series: Sequence[Mapping[str, Any]],
    found: Backtest,
    language: Language,
) -> dict[str, Any]:
    """One index: what was found on it in a line, and every series with its best horizon."""
    say = language.say
    columns = [
        *(Column(say(name), False) for name in ("series", "verdict")),
        *(Column(say(name), True) for name in ("best at, sessions", "IC", "p", "p after all tests", "Sharpe",
          "Sharpe of holding", "max drawdown", "max drawdown of holding", "sessions with a score")),
    ]  # fmt: skip
    lines = []
    for verdict, told in zip(verdicts, series, strict=True):
        rows = [row for row in found.series if (row.index, row.name) == (index.name, verdict.name)]
        best = _best(rows, verdict)
        hold = best.hold
        lines.append(
            [
                Cell(told["title"], sorts=told["id"]),
                Cell(language.sentence(_word(verdict) if best.sessions else "no score")),
                _whole(best.horizon if best.p_value is not None else None),
                _cell(best.information_coefficient, "+.3f"),
                _cell(best.p_value, ".3f"),
                _cell(best.p_by, ".3f"),
                _cell(best.sharpe, ".2f"),
                _cell(hold.sharpe if hold else None, ".2f"),
                _cell(best.max_drawdown, ".1%"),
                _cell(hold.max_drawdown if hold else None, ".1%"),
                _whole(told["scored"]),
            ]
        )
    return {
        "id": str([one.name for one in found.indices].index(index.name)), "name": index.name, "series": series,
        "columns": columns, "lines": lines,
        "head": say("Held against {index}, {first} to {last}", index=index.name, first=str(index.first),
                    last=str(index.last)),
        "summary": _summary(verdicts, language), "mark": MARKS[_strongest(verdicts)],
        "fills": _fills(index, say),
        "caption": say("Every series at its best-supported horizon; all horizons stand below"),
    }  # fmt: skip


def _summary(verdicts: Sequence[SeriesVerdict], language: Language) -> str:
    """How many series have which verdict, the best first."""
    told = []
    for word in MARKS:
        count = sum(verdict.verdict == word for verdict in verdicts)
        if count:
            shown = "no evidence" if word == "none" else word
            told.append(language.say("{word}: {n}", word=shown, n=str(count)))
    return language.say("Of {n} series: {told}", n=str(len(verdicts)), told=" · ".join(told))


def _strongest(verdicts: Sequence[SeriesVerdict]) -> str:
    order = list(MARKS)
    return min((verdict.verdict for verdict in verdicts), key=order.index, default="too short")


def _word(verdict: SeriesVerdict) -> str:
    """A verdict as it is printed: "none" alone would not say what there is none of."""
    return "no evidence" if verdict.verdict == "none" else verdict.verdict


def _best(rows: Sequence[SeriesBacktest], verdict: SeriesVerdict) -> SeriesBacktest:
    """The row that the verdict is of; the first where none was tested."""
    same = [row for row in rows if row.verdict == verdict.verdict and row.p_value is not None]
    return min(same, key=lambda row: row.p_value or 0.0) if same else rows[0]


def _series(
    ident: str,
    title: str,
    verdict: SeriesVerdict,
    rows: Sequence[SeriesBacktest],
    curve: Curve | None,
    language: Language,
) -> dict[str, Any]:
    """One series' card."""
    say = language.say
    head, _, rest = verdict.words.partition(": ")
    told = language.sentence(head)
    card: dict[str, Any] = {
        "id": ident, "title": title, "mark": MARKS[verdict.verdict], "verdict": _opened(told),
        "words": [_opened(language.sentence(rest))] if rest else [], "facts": [], "scored": None,
    }  # fmt: skip
    if curve is None:
        return card
    scored = sum(score is not None for score in curve.score)
    return card | {
        "scored": scored,
        "facts": _facts(rows[0], curve, scored, say),
        "gaps": _gaps(curve, say),
        "caption": say("{title}, by horizon", title=title),
        "columns": [Column(say(name), name not in ("IC 95 %", "Sharpe 95 %", "verdict")) for name in HEADS],
        "lines": [_line(row, language) for row in rows],
        "said": _captions(rows, curve, say),
    }


def _opened(sentence: str) -> str:
    """A sentence with a capital at its beginning."""
    return sentence[:1].upper() + sentence[1:]


def _facts(first: SeriesBacktest, curve: Curve, scored: int, say: Say) -> list[tuple[str, str]]:
    """Figures of following the series for one session at a time, each beside holding the index."""
    hold = first.hold

    def beside(name: str, form: str) -> str:
        theirs = None if hold is None else getattr(hold, name)
        return say("{mine} against {theirs}", mine=_told(getattr(first, name), form), theirs=_told(theirs, form))

    return [
        (say("Sample"), f"{curve.sessions[0]} – {curve.sessions[-1]}"),
        (say("Sessions with a score"), f"{scored:,} / {len(curve.sessions):,} ({scored / len(curve.sessions):.0%})"),
        (say("Return a year, against holding"), beside("cagr", ".1%")),
        (say("Volatility, against holding"), beside("volatility", ".1%")),
        (say("Sharpe, against holding"), beside("sharpe", ".2f")),
        (say("Deepest fall, against holding"), beside("max_drawdown", ".1%")),
        (say("Turnover a year"), _told(first.turnover, ".1f") + "×"),
        (say("Time in the market"), _told(first.time_in_market, ".0%")),
    ]


def _gaps(curve: Curve, say: Say) -> str:
    """Where scores are missing, in words; "" where none is."""
    runs = [list(run) for gone, run in groupby(range(len(curve.score)), lambda i: curve.score[i] is None) if gone]
    if not runs:
        return ""
    longest = max(runs, key=len)
    return say(
        "{n} sessions without a score in {runs} gaps, the longest {first} to {last}: out of the market, and a gap in"
        " the line of the strategy.",
        n=f"{sum(map(len, runs)):,}", runs=str(len(runs)), first=str(curve.sessions[longest[0]]),
        last=str(curve.sessions[longest[-1]]),
    )  # fmt: skip


HEADS = (
    "sessions held", "readings", "IC", "IC 95 %", "p", "p (BH)", "p (BY)", "IC, scaled by volatility", "hits", "rose",
    "return a year", "volatility", "Sharpe", "Sharpe 95 %", "deflated Sharpe", "Sortino", "Calmar", "max drawdown",
    "turnover a year", "in the market", "verdict",
)  # fmt: skip


def _line(row: SeriesBacktest, language: Language) -> list[Cell]:
    """A horizon's numbers, in the order of `HEADS`."""
    bounds = [
        Cell(DASH if at is None else f"{at.low:{form}} … {at.high:{form}}")
        for at, form in ((row.bootstrap, "+.3f"), (row.sharpe_interval, ".2f"))
    ]
    verdict = "no evidence" if row.verdict == "none" else row.verdict
    return [
        _whole(row.horizon), _whole(row.readings), _cell(row.information_coefficient, "+.3f"), bounds[0],
        _cell(row.p_value, ".3f"), _cell(row.p_bh, ".3f"), _cell(row.p_by, ".3f"),
        _cell(row.scaled_information_coefficient, "+.3f"), _cell(row.hit_rate, ".0%"), _cell(row.base_rate, ".0%"),
        _cell(row.cagr, ".1%"), _cell(row.volatility, ".1%"), _cell(row.sharpe, ".2f"), bounds[1],
        _cell(row.deflated_sharpe, ".2f"), _cell(row.sortino, ".2f"), _cell(row.calmar, ".2f"),
        _cell(row.max_drawdown, ".1%"), _cell(row.turnover, ".1f"), _cell(row.time_in_market, ".0%"),
        Cell(language.sentence(verdict)),
    ]  # fmt: skip


def _captions(rows: Sequence[SeriesBacktest], curve: Curve, say: Say) -> dict[str, str]:
    """Each figure in a sentence with its numbers: its caption, and what a screen reader says."""
    tested = [row for row in rows if row.quintiles]
    spread = [
        say("{n}: lowest fifth {low}, highest {high}", n=_sessions(row.horizon, say),
            low=f"{row.quintiles[0].mean_return:+.2%}", high=f"{row.quintiles[-1].mean_return:+.2%}")
        for row in tested
    ]  # fmt: skip
    newest = [
        say(
            "{n}: {ic}",
            n=_sessions(horizon, say),
            ic=next((f"{v:+.2f}" for _, v in reversed(found) if v is not None), DASH),
        )
        for horizon, found in curve.rolling_ic.items()
    ]
    return {
        "wealth": say(
            "1 at the start became {mine} after cost, holding {theirs}; deepest fall {fall} against {held}.",
            mine=f"{curve.equity[-1]:.2f}", theirs=f"{curve.hold_equity[-1]:.2f}", fall=f"{min(curve.drawdown):.1%}",
            held=f"{min(curve.hold_drawdown):.1%}",
        ),
        "quintiles": say("Mean return after each fifth of the readings, 1 the lowest, with 95 % bootstrap bands.") + " "
        + ("; ".join(spread) or say("No horizon is long enough.")),
        "events": say("Mean path of the index around each kind of event, 0 at the price acted on; events may overlap,"
                      " so that this describes and tests nothing."),
        "rolling": say("Rank correlation over the last 252 readings; newest value, {values}.",
                       values="; ".join(newest)),
    }  # fmt: skip


def _head(found: Backtest, say: Say) -> str:
    days: list[date] = [day for index in found.indices for day in (index.first, index.last)]
    return say(
        "Backtest · {market} · {indices} · {first} to {last}",
        market=found.market, indices=", ".join(index.name for index in found.indices), first=str(min(days)),
        last=str(max(days)),
    )  # fmt: skip


def _fills(index: IndexHistory, say: Say) -> str:
    sessions = say("{n} closes.", n=f"{index.sessions:,}")
    if index.opens_believed == 0:
        return (
            sessions + " " + say("A reading at a close is acted on at the next session's close: no opens are stored.")
        )
    return sessions + " " + say(
        "A reading at a close is acted on at the next session's open; at its close on the {share} of sessions whose"
        " open is no price of its own.",
        share=f"{1 - index.opens_believed:.1%}",
    )  # fmt: skip


def _rests(found: Backtest, say: Say) -> list[str]:
    """What everything on the page rests on."""
    told = [
        say(
            "Cost {bps} bp of what is traded; gauge weights {weights}.",
            bps=f"{found.cost_bps:g}",
            weights=found.weights,
        ),
        say("Dividends are not included: holding earned more than is shown, by its dividends."),
    ]
    if found.cadence == "week":
        told.append(say("Readings are weekly: each is in force, and counted, at every session until the next."))
    told += [say("Not tested: {index}, no closes of it are stored.", index=name) for name in found.not_stored]
    return told


def _how(found: Backtest, say: Say) -> list[str]:
    """How the numbers are to be read."""
    return [
        say("IC is Spearman's rank correlation of a reading with the return of the index over the sessions that follow"
            " its fill."),
        say("p: {shifts} circular shifts of the reading against the returns, two-sided. BH and BY adjust it after"
            " Benjamini and Hochberg and after Benjamini and Yekutieli over all {family} tests on one index.",
            shifts=f"{found.shifts:,}", family=str(found.family)),
        say("Evidence: a positive correlation with p (BY) below 5 %. Weak evidence: p (BH) below 10 %. A negative"
            " correlation is no evidence for a reading, however small its p."),
        say("Bands: the middle 95 % of {draws} stationary bootstrap draws.", draws=f"{found.draws:,}"),
        say("The strategy is in the index where the score is 50 or more, else out, without a riskless rate; held for"
            " several sessions, each reading moves its equal slice. Figures and curves are after cost."),
        say("Deflated Sharpe: the chance that the true ratio is above the best that {trials} worthless strategies would"
            " show.", trials=str(found.trials)),
        say("Series that prices enter pass a p of 5 % up to 12 % of the time when worthless; their verdicts say so."),
    ]  # fmt: skip


def _page_words(say: Say) -> dict[str, str]:
    return {
        "parts": say("Parts of this page"), "how": say("How to read it"),
        "wealth_head": say("Wealth after cost, and drawdown"), "quintile_head": say("What followed each fifth"),
        "event_head": say("Around extremes and changes of zone"), "rolling_head": say("Rolling rank correlation"),
        "noscript": say("Figures need JavaScript; every number stands in the tables."),
    }  # fmt: skip


def _figure_words(say: Say) -> dict[str, str]:
    """What the figures say, by what `plot.tear` calls it."""
    return {
        "hold": say("holding the index"), "strategy": say("following the score"), "wealth": say("wealth (log scale)"),
        "drawdown": say("drawdown"), "too_short": say("too short"),
        "no_rolling": say("no 252 readings in a row"), "path": say("mean log return"),
        "around": say("sessions from the fill"), "rolling": say("rank correlation"),
        "rises to 90": say("rises to 90"), "falls to 10": say("falls to 10"), "zone up": say("zone up"),
        "zone down": say("zone down"), **{f"ahead {n}": _sessions(n, say) for n in HORIZONS},
    }  # fmt: skip


def _sessions(n: int, say: Say) -> str:
    return say("1 session") if n == 1 else say("{n} sessions", n=str(n))


def _cell(number: float | None, form: str) -> Cell:
    return Cell(_told(number, form), True, "" if number is None else repr(number))


def _whole(number: int | None) -> Cell:
    return _cell(number, ",")


def _told(number: float | None, form: str) -> str:
    return DASH if number is None else format(number, form)
