"""The `bullbear` command: parse, one library call, print. Everything is imported at the moment of use."""

from pathlib import Path
from typing import Annotated

import typer

from indicators.views.command import (
    DRAWN, PAGES, Accuracy, Agent, AsOf, Audit, CostBps, Day, Db, Demo, End, Format, Index, Jobs, Lang, Market, MaxDte,
    MinPremium, Name, Otm, Out, Parameters, Period, Rounds, Scale, Side, Sort, Split, Start, Sweep, Symbols, To, Top,
    Weights, Whose, a_day, a_session, a_time, mended, one_of, opened, say,
)  # fmt: skip

app = typer.Typer(
    name="bullbear",
    help="A daily bull/bear gauge from trade tapes and public series: with its coverage, its error and its formulas.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
)


@app.command()
def report(
    day: Day = None, market: Market = "us", db: Db = None, demo: Demo = False, as_of: AsOf = None,
    format_: Format = "text", out: Out = None, lang: Lang = "en",
) -> None:  # fmt: skip
    """The report, daily or of the A-share week: gauge, indicators with coverage and error, rankings, notices."""
    with mended():
        kind = one_of(format_, "text", "json", "html", out=out, drawn=PAGES)
        from indicators.views.language import language
        from indicators.views.picture import paged, show_report
        from indicators.views.progress import waiting
        from indicators.views.published import keep, published

        spoken, page = language(lang), paged(kind, out)
        with opened(db, demo) as store, waiting() as step:
            found = published(store, market, a_day(day, "--date"), a_time(as_of), step)
        keep(store.path, found)
        show_report(found.report, "html" if page else kind, out, spoken)
        raise typer.Exit(0 if found.report.gauge.level is not None else 1)


@app.command()
def ingest(
    paths: Annotated[list[str] | None, typer.Argument(help="Files, folders or globs")] = None,
    table: Annotated[str | None, typer.Option("--table", help="The canonical table that the files fill")] = None,
    source: Annotated[str | None, typer.Option("--source", help="The vendor's layout, instead of sniffing it")] = None,
    mapping: Annotated[Path | None, typer.Option("--mapping", help="A TOML file that maps columns")] = None,
    most_rejected: Annotated[float, typer.Option("--max-rejected", help="Share of bad rows that fails a file")] = 0.01,
    listing: Annotated[bool, typer.Option("--list", help="List the sources and the tables they fill")] = False,
    db: Db = None,
) -> None:
    """Read files into the store: every row is stored, a duplicate, or rejected with its reason."""
    with mended():
        from feeds.errors import BadValue
        from feeds.ingest import ingest as run
        from indicators.views.ingest import outcome_line, outcomes_line, sources_text
        from indicators.views.progress import counting

        if listing:
            typer.echo(sources_text())
            return
        if not paths:
            raise BadValue("PATH", "", "expected at least one file, folder or glob")
        every = []
        with opened(db, demo=False, read_only=False) as store, counting() as count:
            for outcome in run(store, paths, table, source, mapping, most_rejected, progress=count):
                every.append(outcome)
                typer.secho(outcome_line(outcome), fg=outcome.error and typer.colors.RED, err=bool(outcome.error))
        if len(every) > 1:
            typer.echo(outcomes_line(every))
        raise typer.Exit(2 if any(outcome.error for outcome in every) else 0)


@app.command()
def status(db: Db = None, demo: Demo = False, as_of: AsOf = None, format_: Format = "text", out: Out = None) -> None:
    """What is stored: sessions, gaps, rejects by reason, freshness."""
    with mended():
        kind = one_of(format_, "text", "json", out=out)
        with opened(db, demo) as store:
            from feeds.status import status as run
            from indicators.views.status import status_text

            found = run(store, a_time(as_of))
            say(found.model_dump_json(indent=2) if kind == "json" else status_text(found), out)


@app.command()
def indicator(
    name: Name, start: Start = None, end: End = None, by: Period = "session", split: Split = None,
    symbol: Whose = None, parameters: Parameters = None, db: Db = None, demo: Demo = False, as_of: AsOf = None,
    format_: Format = "text", out: Out = None,
) -> None:  # fmt: skip
    """One indicator's readings with components, coverage and error; option premium also split or by minute."""
    with mended():
        kind = one_of(format_, "text", "json", "csv", out=out, drawn=DRAWN)
        from indicators.engine.run import asked_readings, chosen
        from indicators.views.picture import drew_indicator, drew_split, pictured
        from indicators.views.progress import waiting
        from indicators.views.table import readings_text, split_text

        asked, when, picture = chosen(name, parameters or []), a_time(as_of), pictured(kind, out)
        if split is not None or by == "minute":
            from indicators.engine.splits import asked_split, split_of

            into = split_of(split, by)
            with opened(db, demo) as store:
                buckets = asked_split(store, asked, into, a_day(start, "--start"), a_day(end, "--end"), when, symbol)
            if not drew_split(asked, into, buckets, symbol, picture):
                say(split_text(asked, into, buckets, kind), out)
            return
        with opened(db, demo) as store, waiting() as step:
            step(name)
            found = asked_readings(store, asked, a_day(start, "--start"), a_day(end, "--end"), when, symbol, by)
            drawn = drew_indicator(store, asked, found, symbol, when, picture)
        if not drawn:
            say(readings_text(asked, found, kind), out)
        raise typer.Exit(0 if any(reading.value is not None for reading, _ in found) else 1)


@app.command()
def rank(
    name: Name,
    by: Annotated[str, typer.Option("--by", help="What to rank by")],
    day: Day = None, top: Top = 20,
    floor: Annotated[str, typer.Option("--floor", help="Least premium or notional, dollars")] = "100000",
    parameters: Parameters = None, db: Db = None, demo: Demo = False, as_of: AsOf = None,
    format_: Format = "text", out: Out = None,
) -> None:  # fmt: skip
    """A session's rankings by symbol or group."""
    with mended():
        kind = one_of(format_, "text", "json", "csv", out=out)
        from indicators.engine.run import asked_ranking, chosen
        from indicators.views.table import ranking_text

        asked = chosen(name, parameters or [])
        with opened(db, demo) as store:
            session, columns, rows = asked_ranking(store, asked, by, a_day(day, "--date"), a_time(as_of), top, floor)
        say(ranking_text(asked, by, session, floor, columns, rows, kind), out)
        raise typer.Exit(0 if rows else 1)


@app.command()
def unusual(
    day: Day = None, symbol: Whose = None, min_premium: MinPremium = "1000000", max_dte: MaxDte = 30, otm: Otm = True,
    side: Side = None, sort: Sort = "premium", db: Db = None, demo: Demo = False, as_of: AsOf = None,
    format_: Format = "text", out: Out = None,
) -> None:  # fmt: skip
    """Unusual option orders: large, soon to expire, out of the money; and how often the screen was right."""
    with mended():
        kind = one_of(format_, "text", "json", "csv", out=out)
        from indicators.engine.unusual import asked_screen, asked_unusual
        from indicators.views.progress import waiting
        from indicators.views.published import keep_measured
        from indicators.views.unusual import unusual_text

        screen = asked_screen(min_premium, max_dte, otm, symbol)
        with opened(db, demo) as store, waiting() as step:
            step("unusual orders")
            found = asked_unusual(store, screen, a_day(day, "--date"), a_time(as_of), sort, side)
        keep_measured(store.path, found.kept)
        say(unusual_text(found, kind), out)
        raise typer.Exit(0 if found.rows else 1)


@app.command()
def explain(
    day: Annotated[str, typer.Argument(help="A session, YYYY-MM-DD")],
    name: Annotated[str | None, typer.Argument(help="An indicator's name [default: the gauge]")] = None,
    symbol: Annotated[str | None, typer.Argument(help="One underlying, symbol or group of it")] = None,
    top: Top = 20, market: Market = "us", parameters: Parameters = None, db: Db = None, demo: Demo = False,
    as_of: AsOf = None, format_: Format = "text", out: Out = None,
) -> None:  # fmt: skip
    """A number walked down: gauge, indicator, underlying, parent order, print, file and line."""
    with mended():
        kind = one_of(format_, "text", "json", "csv", out=out)
        from indicators.engine.explain import explain as run
        from indicators.views.explain import explained_text
        from indicators.views.progress import waiting
        from indicators.views.published import keep_measured

        session = a_session(day)
        with opened(db, demo) as store, waiting() as step:
            step(name or "gauge")
            found = run(store, session, name, symbol, parameters or [], market, a_time(as_of), top)
        keep_measured(store.path, found.kept)
        say(explained_text(found.rows, kind), out)


@app.command()
def gauge(
    start: Start = None, end: End = None, market: Market = "us", weights: Weights = "equal", db: Db = None,
    demo: Demo = False, as_of: AsOf = None, format_: Format = "text", out: Out = None,
) -> None:  # fmt: skip
    """The gauge's history; a picture where --out ends in .html, .png or .svg."""
    with mended():
        kind = one_of(format_, "text", "json", "csv", out=out, drawn=DRAWN)
        from indicators.engine.day import asked_gauge
        from indicators.views.picture import draw_gauge, pictured
        from indicators.views.progress import waiting
        from indicators.views.table import gauge_text

        asked, picture = (market, a_day(start, "--start"), a_day(end, "--end"), a_time(as_of)), pictured(kind, out)
        with opened(db, demo) as store, waiting() as step:
            drawn = draw_gauge(store, *asked, step, picture, weights) if picture else None
            found = asked_gauge(store, *asked, step, weights) if drawn is None else drawn
        if drawn is None:
            say(gauge_text(found, kind), out)
        raise typer.Exit(0 if any(reading.level is not None for reading in found) else 1)


@app.command()
def backtest(
    start: Start = None, end: End = None, market: Market = "us", index: Index = None, cost_bps: CostBps = 1.0,
    weights: Weights = "equal", audit: Audit = False, sweep: Sweep = False, db: Db = None, demo: Demo = False,
    as_of: AsOf = None, format_: Format = "text", out: Out = None, lang: Lang = "en",
) -> None:  # fmt: skip
    """What readings knew of what followed; --audit: whether any looked ahead; --sweep: ten thousand rules."""
    with mended():
        from indicators.views.backtest import Asked, asked_for, tested
        from indicators.views.progress import waiting

        days = a_day(start, "--start"), a_day(end, "--end"), a_time(as_of)
        asked = asked_for(Asked(market, *days, cost_bps, weights, tuple(index or ())), format_, out, lang, audit, sweep)
        with opened(db, demo) as store, waiting() as step:
            text, code = tested(store, asked, step)
        say(text, out)
        raise typer.Exit(code)


@app.command()
def demo(
    out: Annotated[Path | None, typer.Option("--out", help="The folder to write")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 7,
    sessions: Annotated[int, typer.Option("--sessions", min=5, max=1500)] = 260,
    source: Annotated[str, typer.Option("--source", help="The vendor's layout to write")] = "canonical",
    accuracy: Accuracy = False,
) -> None:
    """Write the synthetic market as files that `ingest` reads, the truth apart in DIR/truth; or measure against it."""
    with mended():
        from feeds.demo import write_files
        from feeds.errors import BadValue
        from feeds.synthetic import market as make
        from indicators.views.progress import stepwise
        from indicators.views.table import rows_text

        if accuracy:
            from indicators.engine.accuracy import demo_accuracy

            with opened(None, demo=True) as store:
                say(rows_text(demo_accuracy(store), "text"), None)
            return
        if out is None:
            raise BadValue("--out", "", "expected a folder to write, or --accuracy")
        with stepwise() as step:
            written = write_files(make(seed=seed, sessions=sessions), out, source, step)
        typer.echo(f"{len(written)} files in {out}; read them with: bullbear ingest {out}")


@app.command()
def fetch(
    source: Annotated[str, typer.Argument(help="sec_insider, sec_index, sec_form4, finra_short, finra_ats, cboe, …")],
    start: Start = None, end: End = None, to: To = None, symbols: Symbols = None, agent: Agent = None,
) -> None:  # fmt: skip
    """Download free public files, politely, for `ingest` to read. The only command that touches the network."""
    with mended():
        from feeds.fetch.run import fetch as run
        from indicators.views.fetch import fetched_line, fetched_summary

        every = []
        for found in run(source, a_day(start, "--start"), a_day(end, "--end"), to, symbols or [], agent):
            every.append(found)
            typer.secho(fetched_line(found), fg=typer.colors.RED if found.failed else None, err=found.failed)
        typer.echo(fetched_summary(every))
        states = {found.state for found in every}
        raise typer.Exit(2 if "failed" in states else 0 if states & {"fetched", "present"} else 1)


@app.command()
def bench(
    jobs: Jobs = None, scale: Scale = 1.0, rounds: Rounds = 5, format_: Format = "text", out: Out = None,
) -> None:  # fmt: skip
    """What the product costs on this machine beside DuckDB's and Polars' best plans."""
    with mended():
        kind = one_of(format_, "text", "markdown", "json", out=out)
        from indicators.engine.bench.jobs import run_jobs
        from indicators.views.bench import bench_text
        from indicators.views.progress import stepwise

        with stepwise() as step:
            found = run_jobs(jobs or [], scale, rounds, step)
        say(bench_text(found, kind), out)


if __name__ == "__main__":
    app()
