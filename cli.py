"""The `bullbear` command: parse, one library call, print. Everything is imported at the moment of use."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from feeds.store import Store

app = typer.Typer(
    name="bullbear",
    help="A daily bull/bear gauge from trade tapes and public series: with its coverage, its error and its formulas.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
)

Db = Annotated[
    Path | None, typer.Option("--db", help="The store [default: $BULLBEAR_DB, else the user data directory]")
]
Demo = Annotated[bool, typer.Option("--demo", help="Use the built-in synthetic market: needs no files")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="Use nothing learned later: ISO time with offset or Z")]
Format = Annotated[str, typer.Option("--format", help="text, json or csv")]
Out = Annotated[Path | None, typer.Option("--out", help="Write there instead of to the terminal")]
Day = Annotated[str | None, typer.Option("--date", help="A session, YYYY-MM-DD [default: the latest]")]
Start = Annotated[str | None, typer.Option("--start", help="First session, YYYY-MM-DD")]
End = Annotated[str | None, typer.Option("--end", help="Last session, YYYY-MM-DD")]
Market = Annotated[str, typer.Option("--market", help="us or china")]
Lang = Annotated[str, typer.Option("--lang", help="Language of the printed page: en, zh or zh-Hant")]
Parameters = Annotated[list[str] | None, typer.Option("-p", help="A parameter as key=value; may be repeated")]


@contextmanager
def _mended() -> Iterator[None]:
    """An error that the user can mend is one red line on standard error and an exit code, never a traceback."""
    from feeds.errors import BullbearError

    try:
        yield
    except BullbearError as error:
        typer.secho(" ".join(str(error).split("\n")), fg=typer.colors.RED, err=True)
        raise typer.Exit(error.exit_code) from None
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone: nobody is left to tell
        raise typer.Exit(0) from None


@contextmanager
def _store(db: Path | None, demo: bool, read_only: bool = True) -> Iterator["Store"]:
    if demo:
        from indicators.engine.warm import demo_ready
        from indicators.views.progress import stepwise

        with stepwise() as step, demo_ready(step) as store:
            yield store
    else:
        from feeds.store import Store, default_path

        with Store.open(db or default_path(), read_only) as store:
            yield store


def _day(text: str | None, parameter: str) -> date | None:
    from feeds.errors import BadValue

    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadValue(parameter, text, "expected a date YYYY-MM-DD") from None


def _time(text: str | None) -> datetime | None:
    from feeds.errors import BadValue

    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadValue("--as-of", text, "expected an ISO time with offset or Z, like 2025-11-05T16:00:00-05:00")
    return moment


def _one_of(format_: str, *allowed: str) -> str:
    from feeds.errors import UnknownName

    if format_ not in allowed:
        raise UnknownName("--format", format_, allowed)
    return format_


def _say(text: str, out: Path | None) -> None:
    from feeds.errors import BadValue

    if out is None:
        typer.echo(text)
        return
    try:
        out.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise BadValue("--out", out, f"cannot be written: {error.strerror}") from None


@app.command()
def report(
    day: Day = None, market: Market = "us", db: Db = None, demo: Demo = False, as_of: AsOf = None,
    format_: Format = "text", out: Out = None, lang: Lang = "en",
) -> None:  # fmt: skip
    """The report, daily or of the A-share week: gauge, indicators with coverage and error, rankings, notices."""
    with _mended():
        kind = _one_of(format_, "text", "json")
        from indicators.views.language import language
        from indicators.views.progress import waiting
        from indicators.views.published import keep, published
        from indicators.views.report import print_report

        spoken = language(lang)

        with _store(db, demo) as store, waiting() as step:
            found = published(store, market, _day(day, "--date"), _time(as_of), step)
        keep(store.path, found)
        _say(found.report.to_json(), out) if kind == "json" else print_report(found.report, out, spoken)
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
    with _mended():
        from feeds.errors import BadValue
        from feeds.ingest import ingest as run
        from indicators.views.ingest import outcome_line, sources_text
        from indicators.views.progress import counting

        if listing:
            typer.echo(sources_text())
            return
        if not paths:
            raise BadValue("PATH", "", "expected at least one file, folder or glob")
        failed = False
        with _store(db, demo=False, read_only=False) as store, counting() as count:
            for outcome in run(store, paths, table, source, mapping, most_rejected, progress=count):
                if outcome.error is None:
                    typer.echo(outcome_line(outcome))
                else:
                    failed = True
                    typer.secho(outcome_line(outcome), fg=typer.colors.RED, err=True)
        raise typer.Exit(2 if failed else 0)


@app.command()
def status(db: Db = None, demo: Demo = False, format_: Format = "text", out: Out = None) -> None:
    """What is stored: sessions, gaps, rejects by reason."""
    with _mended():
        kind = _one_of(format_, "text", "json")
        with _store(db, demo) as store:
            from feeds.status import status as run
            from indicators.views.status import status_text

            found = run(store)
            _say(found.model_dump_json(indent=2) if kind == "json" else status_text(found), out)


@app.command()
def indicator(
    name: Annotated[str, typer.Argument(help="An indicator's name")],
    start: Start = None, end: End = None,
    by: Annotated[str, typer.Option("--by", help="session or month")] = "session",
    symbol: Annotated[str | None, typer.Option("--symbol", help="One symbol, underlying or group")] = None,
    parameters: Parameters = None, db: Db = None, demo: Demo = False, as_of: AsOf = None,
    format_: Format = "text", out: Out = None,
) -> None:  # fmt: skip
    """One indicator's readings with components, coverage and error."""
    with _mended():
        kind = _one_of(format_, "text", "json", "csv")
        from indicators.engine.run import asked_readings, chosen
        from indicators.views.progress import waiting
        from indicators.views.table import readings_text

        asked = chosen(name, parameters or [])
        with _store(db, demo) as store, waiting() as step:
            step(name)
            found = asked_readings(store, asked, _day(start, "--start"), _day(end, "--end"), _time(as_of), symbol, by)
        _say(readings_text(asked, found, kind), out)
        raise typer.Exit(0 if any(reading.value is not None for reading, _ in found) else 1)


@app.command()
def rank(
    name: Annotated[str, typer.Argument(help="An indicator's name")],
    by: Annotated[str, typer.Option("--by", help="What to rank by")],
    day: Day = None,
    top: Annotated[int, typer.Option("--top", min=1, help="Rows to show")] = 20,
    floor: Annotated[str, typer.Option("--floor", help="Least premium or notional, dollars")] = "100000",
    parameters: Parameters = None, db: Db = None, demo: Demo = False, as_of: AsOf = None,
    format_: Format = "text", out: Out = None,
) -> None:  # fmt: skip
    """A session's rankings by symbol or group."""
    with _mended():
        kind = _one_of(format_, "text", "json", "csv")
        from indicators.engine.run import asked_ranking, chosen
        from indicators.views.table import rows_text

        asked = chosen(name, parameters or [])
        with _store(db, demo) as store:
            rows: list[dict[str, Any]] = asked_ranking(store, asked, by, _day(day, "--date"), _time(as_of), top, floor)
        _say(rows_text(rows, kind), out)
        raise typer.Exit(0 if rows else 1)


@app.command()
def gauge(
    start: Start = None, end: End = None, market: Market = "us", db: Db = None, demo: Demo = False, as_of: AsOf = None,
    format_: Format = "text", out: Out = None,
) -> None:  # fmt: skip
    """The gauge's history."""
    with _mended():
        kind = _one_of(format_, "text", "json", "csv")
        from indicators.engine.run import asked_gauge
        from indicators.views.progress import waiting
        from indicators.views.table import gauge_text

        with _store(db, demo) as store, waiting() as step:
            found = asked_gauge(store, market, _day(start, "--start"), _day(end, "--end"), _time(as_of), step)
        _say(gauge_text(found, kind), out)
        raise typer.Exit(0 if any(reading.level is not None for reading in found) else 1)


@app.command()
def demo(
    out: Annotated[Path | None, typer.Option("--out", help="The folder to write")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 7,
    sessions: Annotated[int, typer.Option("--sessions", min=5, max=1500)] = 260,
    source: Annotated[str, typer.Option("--source", help="The vendor's layout to write")] = "canonical",
    accuracy: Annotated[
        bool, typer.Option("--accuracy", help="Measure the trade-side rules against the truth")
    ] = False,
) -> None:
    """Write the synthetic market as files that `ingest` reads, the truth apart in DIR/truth; or measure against it."""
    with _mended():
        from feeds.demo import write_files
        from feeds.errors import BadValue
        from feeds.synthetic import market as make
        from indicators.views.progress import stepwise
        from indicators.views.table import rows_text

        if accuracy:
            from indicators.engine.accuracy import demo_accuracy

            with _store(None, demo=True) as store:
                _say(rows_text(demo_accuracy(store), "text"), None)
            return
        if out is None:
            raise BadValue("--out", "", "expected a folder to write, or --accuracy")
        with stepwise() as step:
            written = write_files(make(seed=seed, sessions=sessions), out, source, step)
        typer.echo(f"{len(written)} files in {out}; read them with: bullbear ingest {out}")


@app.command()
def bench(
    jobs: Annotated[list[str] | None, typer.Argument(help="P0, P1, P1b, … [default: all]")] = None,
    scale: Annotated[float, typer.Option("--scale", help="Rows, as a multiple of the standard sizes")] = 1.0,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Measured runs of each contender")] = 5,
    format_: Format = "text", out: Out = None,
) -> None:  # fmt: skip
    """What the product costs on this machine beside DuckDB's and Polars' best plans."""
    with _mended():
        kind = _one_of(format_, "text", "markdown", "json")
        from indicators.engine.bench.jobs import run_jobs
        from indicators.views.bench import bench_text
        from indicators.views.progress import stepwise

        with stepwise() as step:
            found = run_jobs(jobs or [], scale, rounds, step)
        _say(bench_text(found, kind), out)


if __name__ == "__main__":
    app()
