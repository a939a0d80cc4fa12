"""What is stored is not computed again, what changed is, and nothing else."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from feeds.query import query
from feeds.store import Store
from feeds.synthetic import Market, market
from indicators.engine import recipe
from indicators.engine.day import day_of
from indicators.engine.recipe import recipe_of
from indicators.engine.run import Kept, chosen, readings_of
from indicators.engine.scope import scope, tables_of
from indicators.views import published as published_module
from indicators.views import report as report_module
from indicators.views.published import Published, keep, published
from indicators.views.report import report_of
from tests.storing import add, put

DAYS = 6


@pytest.fixture(scope="module")
def made() -> Market:
    return market(seed=5, sessions=DAYS, symbols=10)


@pytest.fixture
def db(tmp_path: Path, made: Market) -> Path:
    """A store with every session but the last, its report published and kept."""
    path = tmp_path / "market.duckdb"
    with Store.open(path) as store:
        for table, frame in made.tables().items():
            put(store, table, frame, table)
        for day in made.sessions.dates[:-1]:
            add(store, made, day)
    publish(path)
    return path


def publish(path: Path, day: date | None = None) -> tuple[Published, dict[date, int]]:
    """Publish and keep; the report, and the rows of tapes read for it by session."""
    with Store.open(path, read_only=True) as store:
        found = published(store, session=day)
        scanned = {session: rows for session, rows in store.scanned.items() if rows}
    keep(str(path), found)
    return found, scanned


@pytest.fixture
def anew(tmp_path: Path, made: Market) -> Iterator[Store]:
    """The whole market in a store that kept nothing."""
    with Store.open(tmp_path / "anew.duckdb") as store:
        for table, frame in made.tables().items():
            put(store, table, frame, table)
        for day in made.sessions.dates:
            add(store, made, day)
        yield store


def test_the_same_report_is_found_not_made(db):
    first, scanned = publish(db)
    again, nothing = publish(db)
    assert (first.kept, again.kept, scanned, nothing) == (None, None, {}, {})
    assert again.report.to_json() == first.report.to_json()


def test_a_report_of_another_version_is_made_anew_though_no_code_differs(db, monkeypatch):
    publish(db)
    monkeypatch.setattr(published_module, "package_version", lambda: "9.9.9")
    monkeypatch.setattr(report_module, "package_version", lambda: "9.9.9")
    found, _ = publish(db)
    assert found.report.version == "9.9.9"


def test_a_report_names_the_hash_of_all_its_input(db):
    found, _ = publish(db)
    with Store.open(db, read_only=True) as store:
        last = found.report.session
        expected = {name: store.partition_hash(tables_of(name), last) for name in ("us", "china")}
        assert day_of(store).input_hash == found.report.input_hash == expected["us"]
    assert expected["us"] != expected["china"]


def test_a_kept_report_is_the_one_that_was_made(db):
    with Store.open(db, read_only=True) as store:
        fresh = published(store, as_of=None).report
        made_again = day_of(store)
    assert fresh.session == made_again.session
    newest = {name: readings[-1].value for name, readings in made_again.readings.items() if readings}
    assert {line.name: line.value for line in (*fresh.indicators, *fresh.beside)} == newest


def test_a_new_session_reads_no_older_one(db, made, anew):
    last = made.sessions.dates[-1]
    with Store.open(db) as store:
        add(store, made, last)
    found, scanned = publish(db)
    assert set(scanned) == {last}
    assert found.report.session == last
    # the order of the files differs, so the input's hash does; every number is the same
    whole = published(anew).report
    assert found.report.model_dump(exclude={"input_hash"}) == whole.model_dump(exclude={"input_hash"})


@pytest.mark.parametrize("step", ["forget_measured", "keep_readings", "keep_report"])
def test_a_full_disk_keeps_nothing_and_costs_no_report(db, made, monkeypatch, step):
    with Store.open(db) as store:
        add(store, made, made.sessions.dates[-1])
    plain = Store._kept

    def full(self: Store, name: str, *given: object, **values: object) -> list[object]:
        if name == step:
            raise duckdb.IOException("no space left on device")
        return plain(self, name, *given, **values)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(Store, "_kept", full)
        found, _ = publish(db)
    assert found.kept is not None
    again, _ = publish(db)
    assert again.report.to_json() == found.report.to_json()


def test_a_report_names_no_table_as_missing_that_holds_later_sessions_alone(tmp_path, made):
    path, *days = tmp_path / "market.duckdb", *made.sessions.dates
    with Store.open(path) as store:
        put(store, "index_levels", made.tables()["index_levels"], "index_levels")
        add(store, made, days[0])
    first, _ = publish(path, days[0])
    with Store.open(path) as store:
        bars = made.tables()["daily_bars"]
        put(store, "daily_bars", bars.filter(pl.col("date") > days[0]), "daily_bars")
    found, _ = publish(path, days[0])
    with Store.open(path, read_only=True) as store:
        anew = report_of(day_of(store, session=days[0]), store)
    assert found.report.notices == anew.notices != first.report.notices


def test_every_query_behind_a_report_is_code_that_its_hash_covers(small_store, monkeypatch):
    covered: list[str] = []
    asked: list[str] = []
    plain = Path.read_text

    def read(path: Path, *given: str, **how: str) -> str:
        asked.append(str(path))
        return plain(path, *given, **how)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(recipe, "_add", lambda digest, parts: covered.extend(str(part) for part in parts))
        recipe.code_hash.cache_clear()
        recipe.code_hash()
    recipe.code_hash.cache_clear()
    query.cache_clear()
    monkeypatch.setattr(Path, "read_text", read)
    published(small_store)
    behind = {path for path in asked if path.endswith(".sql")}
    assert behind
    assert behind <= set(covered)


def test_a_corrected_session_is_measured_again_and_its_old_reading_kept(db, made):
    day = made.sessions.dates[2]
    tape = made.tape(day)["option_trades"]
    with Store.open(db, read_only=True) as store:
        before = {r.session: r for r in day_of(store).readings["directional_premium"]}
    with Store.open(db) as store:
        put(store, "option_trades", tape.head(tape.height // 2), f"{day}/option_trades")
    _, scanned = publish(db)
    assert set(scanned) == {day}
    with Store.open(db, read_only=True) as store:
        after = {r.session: r for r in day_of(store).readings["directional_premium"]}
        superseded = store.superseded_readings("directional_premium")
    assert [session for session, _ in superseded] == [day]
    assert superseded[0][1] == before[day].model_dump_json()
    assert after[day] != before[day]
    assert {s: r for s, r in after.items() if s != day} == {s: r for s, r in before.items() if s != day}


def test_rows_held_under_a_wrong_hash_would_be_seen(db, made, monkeypatch):
    """The planted fault: were rows held by session alone, a correction would leave the old reading in place."""
    day = made.sessions.dates[2]
    with Store.open(db) as store:
        put(store, "option_trades", made.tape(day)["option_trades"].head(50), f"{day}/option_trades")
        held = store.measured("directional_premium", recipe_of(chosen("directional_premium")))
        right = day_of(store).readings["directional_premium"]
        monkeypatch.setattr(store, "tape_hashes", lambda *_: held)
        assert day_of(store).readings["directional_premium"] != right


def test_other_parameters_hold_other_rows(db):
    asked = chosen("directional_premium", ["institutional_floor=5000"])
    assert recipe_of(asked) != recipe_of(chosen("directional_premium"))
    with Store.open(db, read_only=True) as store:
        covered = scope(store, ["option_trades"])
        assert readings_of(store, asked, covered) != readings_of(store, chosen("directional_premium"), covered)


def test_as_of_reads_the_tape_cut(db, made):
    noon = made.sessions.opens[2] + 2 * 3_600_000_000_000
    with Store.open(db, read_only=True) as store:
        from feeds.schema import utc

        day = day_of(store, as_of=utc(int(noon)), kept=Kept())
    assert day.session == made.sessions.dates[1]


def test_a_store_that_somebody_holds_is_left_alone(db, made):
    with Store.open(db) as store:
        add(store, made, made.sessions.dates[-1])
    with Store.open(db, read_only=True) as store:
        found = published(store)
        keep(str(db), found)  # this process reads it: DuckDB will not also let it write
    _, scanned = publish(db)
    assert scanned
