"""The screen of unusual orders against plain definitions, and its outcomes against the synthetic market's truth."""

import doctest
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from feeds.demo import fill
from feeds.errors import BadValue, UnknownName
from feeds.ingest import ingest
from feeds.store import Store
from feeds.synthetic import Market, market
from indicators.engine import precision
from indicators.engine import unusual as module
from indicators.engine.precision import precision_of, wilson
from indicators.engine.run import chosen, rows_of
from indicators.engine.scope import scope
from indicators.engine.splits import asked_split
from indicators.engine.unusual import SORTS, Screen, asked_screen, asked_unusual, screened
from indicators.views.unusual import BARS, unusual_text

WIDE = Screen(min_premium=Decimal(20_000), max_dte=400, otm=False)


@pytest.fixture
def everything(small_store) -> pl.DataFrame:
    """Every order of the small market from $20,000 on, screened by nothing else."""
    asked = chosen("directional_premium", ["order_floor=20000"])
    orders = rows_of(small_store, asked, scope(small_store, ["option_trades"]))["orders"]
    return screened(small_store, orders, WIDE, small_store.sessions(), None)


def test_columns_equal_their_plain_definitions(small_store, everything):
    """Every order, one by one, against the stored tables read whole."""
    told = small_store._frame(
        'select date, underlying, expiry, strike, "right", open_interest, volume from main.open_interest'
    )
    held = {row[:-2]: row[-2] for row in told.iter_rows()}
    traded = {row[:-2]: row[-1] for row in told.iter_rows()}
    bars = {
        row[:2]: row[2] for row in small_store._frame("select date, symbol, close from main.daily_bars").iter_rows()
    }
    levels = small_store._frame('select date, "index", close from main.index_levels')
    bars = {row[:2]: row[2] for row in levels.iter_rows()} | bars
    days = small_store.sessions().dates
    assert everything.height > 100
    seen = set()
    for o in everything.iter_rows(named=True):
        before = days[days.index(o["session"]) - 1]
        contract = o["underlying"], o["expiry"], o["strike"], o["right"]
        assert o["days"] == (o["expiry"] - o["session"]).days
        spot, where = o["underlying_price"], "trade"
        if spot is None:
            close = bars.get((before, o["underlying"]))
            spot, where = (None, None) if close is None else (round(close * 1_000_000), "previous close")
        assert (o["spot"], o["spot_from"]) == (spot, where)
        away = 0 if spot is None else (o["strike"] - spot) * (1 if o["right"] == "C" else -1)
        named = "out of the money" if away > 0 else "in the money" if away < 0 else "at the money"
        assert o["moneyness"] == ("unknown moneyness" if spot is None else named)
        open_, after = held.get((before, *contract)), held.get((o["session"], *contract))
        assert o["open_interest"] == open_
        assert (o["volume"], o["volume_from"]) == (traded[o["session"], *contract], "published")
        rest = o["volume"] - o["size"]
        opening = None
        if open_ is not None:
            opening = "certain" if o["size"] > open_ + rest else "likely" if o["size"] > open_ - rest else None
            assert (opening is not None) == (o["volume"] > open_)
        assert o["opening"] == opening
        outcome = None
        if open_ is not None and after is not None and o["expiry"] > o["session"]:
            change = after - open_
            outcome = "opened" if change > rest else "closed" if -change > rest else "undecided"
        assert o["outcome"] == outcome
        seen |= {where, named, outcome, opening}
    assert {"trade", "previous close", "opened", "closed", "undecided", None} <= seen


def test_a_decided_outcome_is_the_truth(small_market, everything):
    """Open interest moves by at most each order's size: a label that was given is never wrong."""
    opening = pl.concat([small_market.truth(day)["option_trades"] for day in small_market.sessions.dates])["opening"]
    decided = everything.filter(pl.col("outcome").is_in(["opened", "closed"]))
    truth = opening.gather(decided["record"] - 1)
    assert decided.height > 50
    assert set(decided["outcome"]) == {"opened", "closed"}
    assert ((decided["outcome"] == "opened") == truth).all()
    certain = everything.filter((pl.col("opening") == "certain") & pl.col("outcome").is_in(["opened", "closed"]))
    assert certain.height
    assert (certain["outcome"] == "opened").all()


def test_volume_counts_what_has_no_direction_but_was_traded(small_store, everything):
    tape = small_store._frame(
        """SELECT session, underlying, expiry, strike, "right", sum(size)::BIGINT AS traded,
                  count(*) FILTER (conditions = 'multi_leg') AS legs
           FROM main.option_trades WHERE NOT cancelled GROUP BY ALL"""
    )
    keys = ["session", "underlying", "expiry", "strike", "right"]
    joined = everything.join(tape, on=keys)
    assert joined.height == everything.height
    assert (joined["volume"] == joined["traded"]).all()
    assert (joined["legs"] > 0).any()


def test_each_parameter_screens(small_store, everything):
    session = small_store.held_sessions("option_trades")[-1][0]
    day = everything.filter(pl.col("session") == session)

    def found(**given):
        screen = Screen(**{"min_premium": Decimal(20_000), "max_dte": 400, "otm": False} | given)
        return asked_unusual(small_store, screen).rows

    assert len(found()) == day.height > 5
    assert (
        len(found(min_premium=Decimal(60_000))) == day.filter(pl.col("premium") >= 60_000_000_000).height < day.height
    )
    assert len(found(max_dte=7)) == day.filter(pl.col("days") <= 7).height < day.height
    out = day.filter(pl.col("moneyness").is_in(["out of the money", "unknown moneyness"]))
    assert len(found(otm=True)) == out.height < day.height
    symbol = day["underlying"][0]
    assert {row["underlying"] for row in found(symbol=symbol)} == {symbol}
    assert found(symbol="NOSUCH") == []


@pytest.mark.parametrize("sort", SORTS)
def test_every_sort_orders(small_store, sort):
    rows = asked_unusual(small_store, WIDE, sort=sort).rows
    cells = [row[sort] for row in rows if row[sort] is not None]
    assert len(cells) > 5
    assert cells == sorted(cells, reverse=sort in ("premium", "size", "volume_open_interest"))
    assert [row[sort] for row in rows][: len(cells)] == cells, "nulls come last"


def test_sides_filter_and_directions_follow(small_store):
    every = asked_unusual(small_store, WIDE).rows
    for side in ("buy", "sell", "unknown"):
        rows = asked_unusual(small_store, WIDE, side=side).rows
        assert rows == [row for row in every if row["side"] == side]
    assert {row["side"] for row in every} >= {"buy", "sell"}
    for row in every:
        shares = row["size"] * (10 if row["strike"] % 1 == Decimal("0.37") else 100)
        assert row["vwap"] * shares == pytest.approx(float(row["premium"]))
        bull = {("buy", "C"): "bull", ("sell", "P"): "bull", ("buy", "P"): "bear", ("sell", "C"): "bear"}
        assert row["direction"] == bull.get((row["side"], row["right"]), "unknown")
    with pytest.raises(UnknownName, match="buy"):
        asked_unusual(small_store, WIDE, side="bought")
    with pytest.raises(UnknownName, match="premium"):
        asked_unusual(small_store, WIDE, sort="nothing")


def test_rings_are_sums_over_the_rows_and_over_all(small_store):
    found = asked_unusual(small_store, WIDE)
    market, *symbols = found.rings
    assert {ring["symbol"] for ring in symbols} == {row["underlying"] for row in found.rows}
    for ring in found.rings:
        rows = [row for row in found.rows if ring["symbol"] in ("market", row["underlying"])]
        assert ring["orders"] == len(rows)
        call_put = sum((row["premium"] if row["right"] == "C" else -row["premium"]) for row in rows)
        assert ring["screened_call_put"] == call_put
    assert sum(ring["screened_bull_bear"] for ring in symbols) == market["screened_bull_bear"]
    one_sided = [row for row in found.rows if row["prints"] == 1]
    assert len(one_sided) > 5
    asked = chosen("directional_premium")
    covered = scope(small_store, ["option_trades"])
    reading = asked.value(rows_of(small_store, asked, covered), covered.sessions)[-1]
    assert market["all_bull_bear"] == reading.components["net"]
    assert market["institutional_call_put"] == reading.components["institutional"]["call_put_net"]
    assert (market["all_low"], market["all_high"]) == (reading.low, reading.high)


def test_precision_counts_every_flagged_order_of_the_history(everything):
    held = precision_of(everything, 24)
    assert held["flagged"] == everything.height
    assert held["opened"] + held["closed"] + held["undecided"] + held["unknown"] == everything.height
    assert held["precision"] == held["opened"] / (held["opened"] + held["closed"])
    assert held["low"] < held["precision"] < held["high"]
    assert (held["sessions"], held["first"]) == (24, everything["session"].min())
    nothing = precision_of(everything.clear(), 24)
    assert nothing["precision"] is None
    assert "decided" in nothing["reason"]


def test_nothing_published_later_is_used(small_store, small_market):
    """At the session's own end its outcome is not known; a session later it is; nothing else changes."""
    days = small_market.sessions.dates
    day = days[-4]
    evening = datetime(day.year, day.month, day.day, 23, tzinfo=UTC) + timedelta(hours=3)
    now = asked_unusual(small_store, WIDE, day, as_of=evening)
    later = asked_unusual(small_store, WIDE, day, as_of=evening + timedelta(days=5))
    unbounded = asked_unusual(small_store, WIDE, day)
    assert now.rows
    assert {row["outcome"] for row in now.rows} == {None}
    assert any(row["outcome"] for row in later.rows)
    assert later == unbounded
    # on this market the volume published later is the tape's own, and only where it is from differs
    assert {row["volume_from"] for row in now.rows} == {"tape"}
    assert {row["volume_from"] for row in later.rows} == {"published"}
    judged = ("outcome", "next_open_interest", "outcome_known_at", "reason", "volume_from")

    def seen(found):
        return [{name: cell for name, cell in row.items() if name not in judged} for row in found.rows]

    assert seen(now) == seen(unbounded)
    assert now.rings == unbounded.rings
    assert all(row["outcome_known_at"] > evening for row in later.rows if row["outcome"])
    close = datetime(day.year, day.month, day.day, 21, tzinfo=UTC)
    at_close = asked_unusual(small_store, WIDE, day, close).rows
    assert at_close == [row for row in now.rows if datetime.fromisoformat(row["last_time"]) <= close]


HEADER = (
    "ts,sequence,underlying,asset_class,expiry,strike,right,price,size,exchange,conditions,bid,ask,bid_size,ask_size,"
    "delta,open_interest"
)
CONTRACT = "MRK,equity,2025-12-19,100,C"


@pytest.fixture
def with_greeks(tmp_path):
    """One $1.2M sweep of two prints on 2025-12-10, floor-traded; the next morning's first print says 2,500 are open."""
    lines = [
        f"2025-12-10T15:54:00Z,1,{CONTRACT},6.00,1500,C,sweep,5.00,6.00,10,20,0.40,300",
        f"2025-12-10T15:54:00.05Z,2,{CONTRACT},6.00,500,I,floor,5.00,6.00,10,20,0.40,300",
        f"2025-12-10T16:00:00Z,3,{CONTRACT},5.00,50,C,,5.00,6.00,10,20,,300",
        f"2025-12-11T15:00:00Z,1,{CONTRACT},6.00,1,C,,5.00,6.00,10,20,0.40,2300",
    ]
    path = tmp_path / "trades.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    with Store.open(tmp_path / "m.duckdb") as store:
        (outcome,) = ingest(store, [str(path)], "option_trades")
        assert outcome.error is None
        yield store


def test_open_interest_that_prints_carry_is_used(with_greeks):
    day = date(2025, 12, 10)
    (row,) = asked_unusual(with_greeks, Screen(otm=False), day).rows
    assert (row["premium"], row["size"], row["vwap"], row["venues"], row["prints"]) == (1_200_000, 2000, 6.0, 2, 2)
    assert (row["open_interest"], row["volume"], row["next_open_interest"]) == (300, 2050, 2300)
    assert row["volume_open_interest"] == pytest.approx(2050 / 300)
    assert (row["opening"], row["outcome"]) == ("certain", "opened")
    assert (row["kind"], row["sweep"], row["floor"], row["cross"]) == ("sweep", True, True, False)
    assert (row["time"], row["last_time"]) == ("2025-12-10T10:54:00.000-05:00", "2025-12-10T10:54:00.050-05:00")
    assert row["contract"] == "MRK 2025-12-19 100 C"
    assert (row["moneyness"], row["underlying_price"], row["underlying_price_from"]) == (
        "unknown moneyness",
        None,
        None,
    )
    assert "no underlying price" in row["reason"]
    kept = asked_unusual(with_greeks, Screen(), day).rows
    assert kept == [row], "unknown moneyness is kept and said"
    evening = datetime(2025, 12, 11, 2, tzinfo=UTC)
    (then,) = asked_unusual(with_greeks, Screen(), day, evening).rows
    assert (then["open_interest"], then["next_open_interest"], then["outcome"]) == (300, None, None)


@pytest.mark.parametrize(
    ("told", "volume", "counted", "opening", "outcome"),
    [
        ("", 2050, "tape", "certain", "opened"),
        ("2050", 2050, "published", "certain", "opened"),
        ("2051", 2051, "published", "certain", "opened"),
        ("3699", 3699, "published", "certain", "opened"),  # 2000 > 300 + 1699
        ("3700", 3700, "published", "likely", "opened"),
        ("3999", 3999, "published", "likely", "opened"),  # 2300 - 300 > 1999
        ("4000", 4000, "published", "likely", "undecided"),
        ("2049", 2050, "tape", "certain", "opened"),  # less than was printed contradicts the prints
        ("0", 2050, "tape", "certain", "opened"),
    ],
)
def test_volume_is_what_was_published_where_prints_do_not_contradict_it(
    with_greeks, tmp_path, told, volume, counted, opening, outcome
):
    day = date(2025, 12, 10)
    path = tmp_path / "open_interest.csv"
    rows = [("2025-12-09", 300, ""), ("2025-12-10", 2300, told)]
    lines = [f"{when},MRK,2025-12-19,100,C,{held},{traded}" for when, held, traded in rows]
    path.write_text("\n".join(["date,underlying,expiry,strike,right,open_interest,volume", *lines]) + "\n")
    assert [found.error for found in ingest(with_greeks, [str(path)])] == [None]
    found = asked_unusual(with_greeks, Screen(), day)
    (row,) = found.rows
    assert (row["volume"], row["volume_from"]) == (volume, counted)
    assert row["volume_open_interest"] == pytest.approx(volume / 300)
    assert (row["opening"], row["outcome"]) == (opening, outcome)
    assert list(row)[list(row).index("volume") + 1] == "volume_from"
    (shown,) = json.loads(unusual_text(found, "json"))["rows"]
    assert (shown["volume"], shown["volume_from"]) == (volume, counted)
    head, line = unusual_text(found, "text").splitlines()[1:3]
    at = head.index("volume")
    assert head[at:].split()[:3] == ["volume", "vol", "from"]
    assert line[at - 1 :].split()[:2] == [f"{volume:,}", counted]
    opens = datetime(2025, 12, 11, 14, 30, tzinfo=UTC)  # when the morning's figures are known
    for moment in (datetime(2025, 12, 10, 21, tzinfo=UTC), opens - timedelta(seconds=1)):
        (then,) = asked_unusual(with_greeks, Screen(), day, moment).rows
        assert (then["volume"], then["volume_from"], then["opening"]) == (2050, "tape", "certain")
    (then,) = asked_unusual(with_greeks, Screen(), day, opens).rows
    assert then == row


@pytest.mark.parametrize(("volume", "outcome"), [(3999, "closed"), (4000, "undecided")])
def test_a_position_is_closed_only_where_the_rest_cannot_have_closed_it(with_greeks, tmp_path, volume, outcome):
    """2,000 contracts less: of the order where the others are 1,999, of anyone where they are 2,000."""
    path = tmp_path / "open_interest.csv"
    rows = [("2025-12-09", 3000, ""), ("2025-12-10", 1000, volume)]
    lines = [f"{when},MRK,2025-12-19,100,C,{held},{traded}" for when, held, traded in rows]
    path.write_text("\n".join(["date,underlying,expiry,strike,right,open_interest,volume", *lines]) + "\n")
    assert [found.error for found in ingest(with_greeks, [str(path)])] == [None]
    (row,) = asked_unusual(with_greeks, Screen(), date(2025, 12, 10)).rows
    assert (row["next_open_interest"], row["outcome"]) == (1000, outcome)


class Thinned:
    """A market of whose option prints three in five are held, as a tape that leaves prints out holds them."""

    def __init__(self, made: Market, published: bool) -> None:
        self.made, self.published, self.sessions = made, published, made.sessions

    def tables(self) -> dict[str, pl.DataFrame]:
        tables = self.made.tables()
        return tables if self.published else tables | {"open_interest": tables["open_interest"].drop("volume")}

    def tape(self, day: date) -> dict[str, pl.DataFrame]:
        tapes = self.made.tape(day)
        return {"option_trades": thinned(tapes["option_trades"])}


def thinned(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.gather([n for n in range(rows.height) if n % 5 < 3])


@pytest.mark.parametrize("published", [True, False])
def test_labels_are_the_truth_of_a_tape_with_holes_only_by_the_published_volume(tmp_path, published):
    made = market(seed=3, sessions=12, symbols=8, history=80)
    opening = pl.concat([thinned(made.truth(day)["option_trades"]) for day in made.sessions.dates])["opening"]
    with Store.open(tmp_path / "m.duckdb") as store:
        fill(store, Thinned(made, published))
        asked = chosen("directional_premium", ["order_floor=5000"])
        orders = rows_of(store, asked, scope(store, ["option_trades"]))["orders"]
        found = screened(store, orders, WIDE.model_copy(update={"min_premium": Decimal(5_000)}), store.sessions(), None)
    assert set(found["volume_from"]) == {"published" if published else "tape"}
    decided = found.filter(pl.col("outcome").is_in(["opened", "closed"]))
    right = (decided["outcome"] == "opened") == opening.gather(decided["record"] - 1)
    assert decided.height > 20
    assert right.all() == published, "the tape's own sum decides what it cannot"


def order(clock: str, what: str, price: str, size: int, bid: str = "1.00", spot: str = "") -> str:
    """A print as a line of option_trades, its ask at its price and no sizes quoted; 100 shares a contract."""
    return f"{clock},{what},{price},{size},{bid},{price},{spot}"


@pytest.fixture
def published(tmp_path):
    """The article's cases: PDD's calls of two August sessions, and MRK's of an afternoon in November."""
    pdd, later, mrk = "PDD,equity,2025-09-26,140,C", "PDD,equity,2025-09-19,145,C", "MRK,equity,2025-11-28,100,C"
    lines = [
        order("2025-08-21T15:00:00Z", pdd, "4.90", 20_000, spot="127"),  # $9.8M, the largest
        *(order(f"2025-08-21T15:0{n}:00Z", pdd, "4.00", 19_000, spot="127") for n in (1, 2)),  # $7.6M each: $25.0M
        order("2025-08-22T15:00:00Z", later, "5.00", 35_180, spot="130"),  # $17.59M, the largest
        *(order(f"2025-08-22T15:0{n}:00Z", later, "4.60", 20_000, spot="130") for n in range(1, 5)),  # $9.2M each
        order("2025-08-22T15:09:00Z", later, "4.00", 17_025, spot="130"),  # $6.81M: $61.2M in all
        # half an hour before: another strike at the mid, with no other price to compare it with
        *(f"2025-11-20T20:24:00.0{n}Z,MRK,equity,2025-11-28,101,C,2.00,5000,1.00,3.00,96" for n in (1, 2)),
        order("2025-11-20T20:54:00Z", mrk, "3.50", 80_000, spot="96"),  # $28M at 15:54 in New York
        order("2025-11-20T20:55:00Z", "GILD,equity,2025-11-28,130,C", "1.50", 9_000, spot="126"),
    ]
    path = tmp_path / "cases.csv"
    header = "ts,underlying,asset_class,expiry,strike,right,price,size,bid,ask,underlying_price"
    path.write_text("\n".join([header, *lines]) + "\n")
    with Store.open(tmp_path / "m.duckdb") as store:
        assert [outcome.error for outcome in ingest(store, [str(path)], "option_trades")] == [None]
        yield store


def test_pdd_is_outside_the_default_screen_and_inside_45_days(published):
    day = date(2025, 8, 21)
    assert asked_unusual(published, Screen(symbol="PDD"), day).rows == []
    rows = asked_unusual(published, Screen(symbol="PDD", max_dte=45), day).rows
    assert [row["premium"] for row in rows] == [9_800_000, 7_600_000, 7_600_000]
    assert {row["days"] for row in rows} == {36}


def test_pdds_next_session_is_seen_by_default(published):
    found = asked_unusual(published, Screen(), date(2025, 8, 22))
    assert sum(row["premium"] for row in found.rows) == 61_200_000
    assert found.rows[0]["premium"] == 17_590_000
    assert sum(row["premium"] > 9_000_000 for row in found.rows) == 5
    assert {row["direction"] for row in found.rows} == {"bull"}
    assert found.rings[0]["screened_call_put"] == 61_200_000


def test_mrks_28_million_stand_first_and_what_hides_at_the_mid_stays_unknown(published):
    rows = asked_unusual(published, Screen(), date(2025, 11, 20)).rows
    first = rows[0]
    assert first["underlying"] == "MRK"
    assert (first["premium"], first["side"], first["direction"]) == (28_000_000, "buy", "bull")
    assert first["time"] == "2025-11-20T15:54:00.000-05:00"
    hidden = [row for row in rows if row["time"].startswith("2025-11-20T15:24")]
    assert hidden
    assert {(row["side"], row["direction"]) for row in hidden} == {("unknown", "unknown")}


EDGES = {
    "30 days, $1,000,000": "MRK,equity,2025-12-20,110,C,1.00,10000,0.80,1.00,100,C,",
    "31 days": "MRK,equity,2025-12-21,110,C,1.00,10000,0.80,1.00,100,C,",
    "expires today": "MRK,equity,2025-11-20,90,P,2.00,10000,1.80,2.00,100,C,",
    "at the money": "MRK,equity,2025-11-28,100,C,5.00,10000,4.80,5.00,100,C,",
    "a put at the money": "MRK,equity,2025-11-28,100,P,5.00,10000,4.80,5.00,100,C,",
    "$999,900": "MRK,equity,2025-11-28,110,C,0.9999,10000,0.80,0.9999,100,C,",
    "a put sold": "MRK,equity,2025-11-28,95,P,3.00,10000,3.00,3.20,100,C,",
    "bought on one venue": "GILD,equity,2025-11-28,130,C,2.00,5000,1.80,2.00,126,C,",
    "sold on another": "GILD,equity,2025-11-28,130,C,1.00,5000,1.00,1.20,126,I,",
    "small": "MRK,equity,2025-11-28,120,C,0.90,5,0.80,0.90,100,C,",
    "a leg": "GILD,equity,2025-11-28,131,C,9.00,50000,8.80,9.00,126,C,multi_leg",
}


def test_the_screens_edges_and_the_rings_to_the_dollar(tmp_path):
    """Screened, bull - bear = 1 - 2 + 3 + (1 - 0.5) = $2.5M and call - put = 1 - 2 - 3 + 1.5 = -$2.5M."""
    path = tmp_path / "edges.csv"
    header = "ts,underlying,asset_class,expiry,strike,right,price,size,bid,ask,underlying_price,exchange,conditions"
    lines = [f"2025-11-20T15:00:00.0{n:02}Z,{what}" for n, what in enumerate(EDGES.values())]
    path.write_text("\n".join([header, *lines]) + "\n")
    with Store.open(tmp_path / "m.duckdb") as store:
        assert [outcome.error for outcome in ingest(store, [str(path)], "option_trades")] == [None]
        found = asked_unusual(store, Screen())
        every = asked_unusual(store, Screen(otm=False))
    told = [(row["contract"], row["side"], row["premium"], row["days"]) for row in found.rows]
    assert told == [
        ("MRK 2025-11-28 95 P", "sell", 3_000_000, 8),
        ("MRK 2025-11-20 90 P", "buy", 2_000_000, 0),
        ("GILD 2025-11-28 130 C", "unknown", 1_500_000, 8),
        ("MRK 2025-12-20 110 C", "buy", 1_000_000, 30),
    ]
    rings = {ring["symbol"]: (ring["screened_bull_bear"], ring["screened_call_put"]) for ring in found.rings}
    assert rings == {
        "market": (2_500_000, -2_500_000),
        "GILD": (500_000, 1_500_000),
        "MRK": (2_000_000, -4_000_000),
    }
    assert {row["contract"] for row in every.rows if row["moneyness"] == "at the money"} == {
        "MRK 2025-11-28 100 C",
        "MRK 2025-11-28 100 P",
    }
    # beside the screened ones: $1M of 31 days, $5M each way at the money, $999,900, and $450 that no institution paid
    market = every.rings[0]
    assert (market["screened_bull_bear"], market["screened_call_put"]) == (2_500_000, -2_500_000)
    assert (market["institutional_bull_bear"], market["institutional_call_put"]) == (4_499_900, -500_100)
    assert (market["all_bull_bear"], market["all_call_put"]) == (4_500_350, -499_650)


def test_where_the_underlyings_price_comes_from_is_shown(with_greeks):
    text = unusual_text(asked_unusual(with_greeks, Screen(), date(2025, 12, 10)), "text")
    head, row = text.splitlines()[1:3]
    assert head[head.index("moneyness") :].split()[:3] == ["moneyness", "underlying", "from"]
    assert row[head.index("moneyness") :].split()[:3] == ["unknown", "–", "–"]


def test_bars_are_no_orders_and_only_sessions_with_prints_are_counted(tmp_path):
    """Two sessions of minute bars, a week apart: the screen says that it had nothing to look at."""
    path = tmp_path / "bars.csv"
    lines = [f"2025-12-{day}T15:54:00Z,1,{CONTRACT},6.00,9000,,bar,,,,,," for day in ("03", "10")]
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    with Store.open(tmp_path / "m.duckdb") as store:
        assert [outcome.error for outcome in ingest(store, [str(path)], "option_trades")] == [None]
        found = asked_unusual(store, Screen())
    assert (found.session, found.rows, found.only_bars) == (date(2025, 12, 10), [], True)
    assert found.precision["sessions"] == 2
    assert BARS in unusual_text(found, "text")
    assert json.loads(unusual_text(found, "json"))["notes"] == [BARS]


def test_premium_is_weighted_by_delta_where_the_feed_has_it(with_greeks):
    """$1.2M bought at 0.40 is $480,000; $25,000 sold without a delta is left out, and the coverage says so."""
    (bucket,) = asked_split(with_greeks, chosen("directional_premium"), "asset_class", end=date(2025, 12, 10))
    c = bucket.components
    assert (c["delta_bull"], c["delta_bear"], c["delta_imbalance"]) == (Decimal(480_000), Decimal(0), 1.0)
    assert c["delta_coverage"] == pytest.approx(1_200_000 / 1_225_000)


def test_what_was_typed_is_checked():
    assert asked_screen("1000000", 30, True, None) == Screen()
    for wrong in ("a million", "0", "-5", "NaN", "Infinity"):
        with pytest.raises(BadValue, match="--min-premium"):
            asked_screen(wrong, 30, True, None)


def test_the_interval_is_wilsons():
    """Brown, Cai & DasGupta 2001: the interval of 0 of 10 starts at zero and is not empty."""
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)


def test_examples_run():
    found = [doctest.testmod(each) for each in (module, precision)]
    assert sum(result.attempted for result in found) >= 4
    assert sum(result.failed for result in found) == 0
