"""The synthetic market: reproducible, of the canonical shape, and as hard to sign as the literature says."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from feeds import synthetic_sides
from feeds.calendar import exchange_sessions, session_of
from feeds.check import check
from feeds.errors import BadValue
from feeds.schema import TABLES
from feeds.synthetic import Links, Market, canonical, market
from feeds.synthetic_sides import CELLS, MATCHED, MID, PUBLISHED, cell_odds, right_by_cell
from indicators.kernels.side import RULES, sign_prints

EXCLUDED = "late|average_price|prior_reference|contingent|multi_leg|cancelled"
VENUE = {"ise": "I", "cboe": "C"}
CONTRACT = ["underlying", "expiry", "strike", "right"]
RULES_MEASURED = ("quote", "lr", "emo", "clnv", "tick", "gsu")
TAPES = ("option_trades", "option_quotes", "stock_trades", "stock_quotes")
HALF_DAY = date(2025, 12, 24)


@pytest.fixture(scope="module")
def demo() -> Market:
    return market()


@pytest.fixture(scope="module")
def small() -> Market:
    return market(seed=3, sessions=6, symbols=12, history=400)


@pytest.fixture(scope="module")
def tables(demo: Market) -> dict[str, pl.DataFrame]:
    return demo.tables()


def with_quotes(
    trades: pl.DataFrame, quotes: pl.DataFrame, instrument: list[str], at_once: bool = False
) -> pl.DataFrame:
    """Prints by (instrument, ts, sequence) with their own quote, else the last one before; -1 where there is none.

    `own` says which; `row` is the place in the tape. `at_once` plants a look-ahead: quotes of the same time count.
    """
    named = [name for name in ("bid", "ask", "bid_size", "ask_size") if name in trades.columns]
    trades = trades.with_row_index("row").with_columns(own=pl.col("bid").is_not_null())
    quotes = quotes.sort("ts", "sequence").select("ts", *instrument, *(pl.col(c).alias(f"{c}_q") for c in named))
    joined = trades.sort("ts", "sequence").join_asof(
        quotes, on="ts", by=instrument, allow_exact_matches=at_once, check_sortedness=False
    )
    return joined.with_columns(pl.when("own").then(c).otherwise(f"{c}_q").fill_null(-1).alias(c) for c in named).sort(
        *instrument, "ts", "sequence"
    )


def sides(frame: pl.DataFrame, instrument: list[str], rule: str, floor: int, percent: int) -> np.ndarray:
    """Side by a rule, in the frame's row order, all of whose prints are eligible."""
    n = len(frame)
    quoted = [
        frame[name].to_numpy() if name in frame.columns else np.full(n, -1)
        for name in ("bid", "ask", "bid_size", "ask_size")
    ]
    code = frame.select(pl.struct(instrument).rle_id()).to_series().to_numpy().astype(np.int32)
    layers, nobody = np.array(RULES[rule], np.int8), np.zeros(n, np.int8)
    price, size = frame["price"].to_numpy(), frame["size"].to_numpy()
    return sign_prints(layers, code, price, size, *quoted, nobody, np.ones(n, bool), floor, percent)[0]


def eligible(trades: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """Prints that may be signed, with the true side and the order beside."""
    conditions = pl.col("conditions").fill_null("")
    return trades.with_columns(truth["parent"], true=truth["side"]).filter(
        ~pl.col("cancelled") & ~conditions.str.contains(EXCLUDED + "|auction")
    )


def accuracy(side: np.ndarray, true: np.ndarray) -> float:
    """Share right, unsigned prints as coin flips."""
    return float(np.mean(np.where(side == 0, 0.5, side == true)))


def signed_options(of: Market, days: list[date], at_once: bool = False) -> pl.DataFrame:
    """All eligible option prints of some sessions with a column per rule."""
    found = []
    for day in days:
        tape = of.tape(day)
        trades = eligible(tape["option_trades"], of.truth(day)["option_trades"])
        frame = with_quotes(trades, tape["option_quotes"], CONTRACT, at_once)
        found.append(
            frame.with_columns(pl.Series(rule, sides(frame, CONTRACT, rule, 5_000_000, 25)) for rule in RULES_MEASURED)
        )
    return pl.concat(found)


@pytest.fixture(scope="module")
def options(demo: Market) -> pl.DataFrame:
    return signed_options(demo, list(demo.sessions.dates[-60:]))


# --- reproducible


def test_the_same_arguments_give_the_same_bytes_in_any_order(small: Market) -> None:
    again = market(seed=3, sessions=6, symbols=12, history=400)
    days = small.sessions.dates
    backwards = {day: again.tape(day) for day in reversed(days)}
    for day in days:
        for name, frame in small.tape(day).items():
            assert frame.equals(backwards[day][name], null_equal=True)
    for name, frame in small.tables().items():
        assert frame.equals(again.tables()[name], null_equal=True)


def test_a_session_does_not_depend_on_how_many_others_have_a_tape(small: Market) -> None:
    alone = market(seed=3, sessions=1, symbols=12, history=400)
    day = alone.sessions.dates[0]
    assert alone.tape(day)["option_trades"].equals(small.tape(day)["option_trades"], null_equal=True)


def test_another_seed_and_another_session_give_other_prints(small: Market) -> None:
    first, second = small.sessions.dates[-2:]
    prices = small.tape(second)["stock_trades"]["price"].head(50).to_list()
    assert (
        prices
        != market(seed=4, sessions=6, symbols=12, history=400).tape(second)["stock_trades"]["price"].head(50).to_list()
    )
    assert prices != small.tape(first)["stock_trades"]["price"].head(50).to_list()


# --- of the canonical shape


def kinds(table: str, canonical_frame: bool) -> dict[str, pl.DataType]:
    exact = pl.Decimal(18, 6) if canonical_frame else pl.Int64()
    by_kind = {
        "ts": pl.Datetime("ns", "UTC"),
        "date": pl.Date(),
        "text": pl.String(),
        "price": exact,
        "decimal": exact,
        "double": pl.Float64(),
        "int": pl.Int64(),
        "bool": pl.Boolean(),
        "tristate": pl.Boolean(),
    }
    columns = TABLES[table].columns
    if table == "option_trades":  # this market computes no greeks, and prints do not repeat the open_interest table
        columns = tuple(column for column in columns if column.name not in ("delta", "open_interest"))
    return {column.name: by_kind[column.kind] for column in columns}


def test_every_table_has_the_canonical_columns_and_no_truth(demo: Market, tables: dict[str, pl.DataFrame]) -> None:
    frames = tables | demo.tape(demo.sessions.dates[-1])
    assert set(TAPES) < set(frames)
    for name, frame in frames.items():
        assert dict(frame.schema) == kinds(name, False), name
        assert dict(canonical(frame, name).schema) == kinds(name, True), name


def test_no_row_is_refused_and_no_key_stands_twice(demo: Market, tables: dict[str, pl.DataFrame]) -> None:
    frames = tables | demo.tape(demo.sessions.dates[0])
    # filings of the last evening enter the session after
    calendars = {
        name: exchange_sessions(name, min(demo.history.dates[0], demo.china.sessions.dates[0]), date(2026, 1, 31))
        for name in ("XNYS", "XSHG")
    }
    for name, frame in frames.items():
        calendar = calendars[TABLES[name].exchange]
        numbered = frame.with_columns(record=pl.int_range(1, 1 + frame.height, dtype=pl.Int64))
        assert check(numbered, TABLES[name], calendar, scaled=True).rejects.rows() == [], name
        if TABLES[name].key:
            assert frame.select(TABLES[name].key).is_duplicated().sum() == 0, name


def test_canonical_is_exact(small: Market) -> None:
    frame = small.tape(small.sessions.dates[0])["option_trades"]
    exact = canonical(frame, "option_trades")
    for name in ("strike", "price", "bid", "underlying_price"):
        assert exact[name].null_count() == frame[name].null_count()
        for micro, dollars in zip(frame[name].head(200), exact[name].head(200), strict=True):
            assert micro is None or dollars * 1_000_000 == micro
    assert exact[3:9]["bid"].to_list() == canonical(frame[3:9], "option_trades")["bid"].to_list()


def test_histories_reach_back_and_end_with_the_last_tape(demo: Market, tables: dict[str, pl.DataFrame]) -> None:
    last = demo.sessions.dates[-1]
    assert last == date(2025, 12, 31)
    assert len(demo.sessions) == 260
    for name in ("index_levels", "daily_bars", "index_members", "cn_industry_bars", "cn_index_bars", "cn_margin"):
        assert tables[name]["date"].n_unique() == 1500
        assert tables[name]["date"].max() == last
    for name, column in (("insider_trades", "filing_date"), ("forward_eps", "published")):
        assert tables[name][column].n_unique() >= 150
        assert tables[name][column].min() <= demo.history.dates[20]
        assert last - timedelta(days=20) <= tables[name][column].max() <= last
    assert set(tables["open_interest"]["date"]) == {*demo.sessions.dates, demo.history.dates[1500 - 261]}


def test_the_size_is_the_demos(demo: Market) -> None:
    rows = [sum(frame.height for frame in demo.tape(day).values()) for day in demo.sessions.dates[::40]]
    assert 10_500 < np.mean(rows) < 12_500
    fat = market(sessions=1, history=60, scale=3.0)
    assert 31_000 < sum(frame.height for frame in fat.tape(fat.sessions.dates[0]).values()) < 38_000


@pytest.mark.parametrize("count", [1, 2, 3, 4, 60])
def test_any_number_of_symbols_will_do(count: int) -> None:
    made = market(sessions=2, symbols=count, history=40)
    assert len(set(made.daily.symbols)) == count
    assert all(frame.height for frame in made.tables().values())
    assert all(frame.height for frame in made.tape(made.sessions.dates[0]).values())


@pytest.mark.parametrize(
    "wrong", [{"symbols": 0}, {"history": 5}, {"sessions": 400, "history": 400}, {"sessions": 0}, {"scale": 0.0}]
)
def test_counts_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(BadValue, match=next(iter(wrong))):
        market(**wrong)


def test_a_day_without_a_tape_is_refused(small: Market) -> None:
    with pytest.raises(KeyError):
        small.tape(date(2025, 12, 25))
    with pytest.raises(KeyError):
        small.tape(small.history.dates[0])


# --- in its time


def test_no_print_or_quote_stands_outside_its_session(demo: Market) -> None:
    for day in (*demo.sessions.dates[-12:], demo.sessions.dates[60], demo.sessions.dates[110]):
        at = demo.sessions.position(day)
        opens, closes = int(demo.sessions.opens[at]), int(demo.sessions.closes[at])
        for name, frame in demo.tape(day).items():
            ts = frame["ts"].cast(pl.Int64)
            assert session_of(ts, demo.history).unique().to_list() == [day], name
            if name.startswith("option"):
                assert ts.min() >= opens, name
                assert ts.max() <= closes, name
            else:
                regular = frame.filter(~pl.Series((ts < opens - 10**9) | (ts > closes + 10**9)))
                # 04:00 to the open, and three hours after the close
                assert ts.min() >= opens - 330 * 60 * 10**9
                assert ts.max() <= closes + 181 * 60 * 10**9
                assert regular.height > 0.97 * frame.height


def test_a_half_day_ends_at_one(demo: Market) -> None:
    last = demo.tape(HALF_DAY)["option_trades"]["ts"].max()
    assert datetime(2025, 12, 24, 17, 55, tzinfo=UTC) < last < datetime(2025, 12, 24, 18, 0, tzinfo=UTC)


def test_prints_outside_regular_hours_say_so(demo: Market) -> None:
    day = demo.sessions.dates[-1]
    frame = demo.tape(day)["stock_trades"]
    ts = frame["ts"].cast(pl.Int64)
    outside = (ts < demo.sessions.opens[-1]) | (ts > demo.sessions.closes[-1] + 10**9)
    assert 5 <= outside.sum() <= 60
    assert frame.filter(outside)["conditions"].str.contains("form_t").all()
    assert not frame.filter(~outside)["conditions"].fill_null("").str.contains("form_t").any()


def test_activity_is_u_shaped(demo: Market) -> None:
    hours = pl.concat(demo.tape(day)["stock_trades"] for day in demo.sessions.dates[:10])["ts"].dt.hour()
    count = hours.value_counts().sort("ts")
    by_hour = dict(count.iter_rows())
    assert by_hour[20] > 1.5 * by_hour[17]
    assert by_hour[15] > 1.2 * by_hour[17]


def test_late_prints_are_out_of_order(demo: Market) -> None:
    frame = pl.concat(demo.tape(day)["option_trades"] for day in demo.sessions.dates[:10])
    behind = frame["ts"].diff() < timedelta(seconds=-1)
    late = frame["conditions"].fill_null("").str.contains("late")
    assert late.sum() > 50
    assert (behind & late).sum() > 0.9 * late.sum()
    assert not (behind & ~late & ~late.shift(-1).fill_null(False)).filter(behind)[1:].all()


# --- what the tape holds


def test_shares_of_the_tape(demo: Market, options: pl.DataFrame) -> None:
    stocks = pl.concat(demo.tape(day)["stock_trades"] for day in demo.sessions.dates[-60:])
    assert stocks["off_exchange"].mean() == pytest.approx(0.40, abs=0.02)
    assert ((stocks["exchange"] == "D") == stocks["off_exchange"]).all()
    usable = options.filter((pl.col("bid") > 0) & (pl.col("bid") < pl.col("ask")))
    assert (2 * usable["price"] == usable["bid"] + usable["ask"]).mean() == pytest.approx(0.08, abs=0.01)
    matched = (options["size"] == options["bid_size"]) != (options["size"] == options["ask_size"])
    assert 0.16 <= matched.mean() <= 0.21
    unusable = (options["bid"] == 0) | (options["bid"] >= options["ask"])
    assert 0.008 <= unusable.mean() <= 0.02
    assert options["own"].mean() == pytest.approx(0.5, abs=0.05)


def test_about_one_order_in_thousands_is_institutional(demo: Market) -> None:
    large = orders = 0
    for day in demo.sessions.dates[:40]:
        trades = demo.tape(day)["option_trades"].with_columns(demo.truth(day)["option_trades"]["parent"])
        premium = pl.col("price") * pl.col("size") * pl.col("multiplier") // 1_000_000
        totals = trades.filter(~pl.col("cancelled")).group_by("parent").agg(premium.sum())
        orders += totals.height
        large += (totals["price"] >= 100_000).sum()
    assert 0.001 < large / orders < 0.006


def test_every_oddity_occurs(demo: Market) -> None:
    days = demo.sessions.dates[::13]
    options = pl.concat(demo.tape(day)["option_trades"] for day in days)
    stocks = pl.concat(demo.tape(day)["stock_trades"] for day in days)
    vocabulary = {
        *("sweep", "auction_open", "auction_close", "late", "average_price", "prior_reference", "contingent"),
        *("multi_leg", "cancelled", "form_t", "extended_hours", "floor", "cross"),
    }
    seen = {
        word
        for frame in (options, stocks)
        for text in frame["conditions"].unique().drop_nulls()
        for word in text.split(";")
    }
    assert seen == vocabulary
    for frame in (options, stocks):
        assert (frame["cancelled"] == frame["conditions"].fill_null("").str.contains("cancelled")).all()
        assert 0.002 < frame["cancelled"].mean() < 0.007
    assert set(options["asset_class"]) == {"equity", "etf", "index"}
    assert options.group_by(CONTRACT).agg(pl.col("multiplier").n_unique())["multiplier"].max() == 1
    assert 0.0 < (options["multiplier"] == 10).mean() < 0.02
    assert 0.01 < (options["expiry"] == options["ts"].dt.date()).mean() < 0.3
    assert (options["expiry"] >= options["ts"].dt.date()).all()
    assert 0.05 < options["underlying_price"].is_null().mean() < 0.15
    assert (stocks["size"] % 1_000_000 > 0).any()
    notional = stocks.filter(~pl.col("conditions").fill_null("").str.contains("auction")).select(
        pl.col("price") / 1e6 * pl.col("size") / 1e6
    )["price"]
    assert 0.01 < (notional >= 200_000).mean() < 0.04
    assert 0.0002 < (notional >= 1_000_000).mean() < 0.005
    assert notional.max() > 5_000_000


@pytest.mark.parametrize(("name", "instrument"), [("option_quotes", CONTRACT), ("stock_quotes", ["symbol"])])
def test_quotes_are_on_the_grid_and_sometimes_odd(demo: Market, name: str, instrument: list[str]) -> None:
    quotes = pl.concat(demo.tape(day)[name] for day in demo.sessions.dates[:20])
    assert (quotes["ask"] > 0).all()
    for odd in (quotes["bid"] == quotes["ask"], quotes["bid"] > quotes["ask"], quotes["bid"] == 0):
        assert 0.002 < odd.mean() < 0.02
    assert quotes["bid_size"].min() == 0
    assert quotes["ask_size"].min() > 0
    off_grid = quotes.select((pl.col("bid") % 10_000 != 0) | (pl.col("ask") % 10_000 != 0)).to_series()
    # a quote locked at a midpoint print stands on the half-penny
    assert off_grid.mean() < 0.01


def test_an_order_is_one_contract_within_a_tenth_of_a_second(demo: Market) -> None:
    day = demo.sessions.dates[5]
    truth = demo.truth(day)["option_trades"]
    orders = (
        demo.tape(day)["option_trades"]
        .with_columns(truth["parent"], true=truth["side"])
        .group_by("parent")
        .agg(
            pl.struct(CONTRACT).n_unique().alias("contracts"),
            (pl.col("ts").max() - pl.col("ts").min()).alias("span"),
            pl.col("true").n_unique(),
            pl.col("exchange").n_unique(),
            pl.col("conditions").first(),
            pl.len(),
        )
    )
    assert orders["contracts"].max() == 1
    assert orders["true"].max() == 1
    assert timedelta(milliseconds=50) < orders["span"].max() <= timedelta(milliseconds=100)
    sweeps = orders.filter(pl.col("conditions") == "sweep", pl.col("len") > 1)
    assert sweeps.height > 100
    assert (sweeps["exchange"] >= 2).mean() > 0.95
    assert (orders["len"] > 5).sum() > 10


def test_errors_are_shared_inside_an_order(demo: Market) -> None:
    signed = signed_options(demo, [demo.sessions.dates[-1]])
    right = (pl.col("quote") == pl.col("true")).n_unique()
    orders = signed.filter(pl.col("quote") != 0).group_by("parent").agg(right.alias("kinds"), pl.len())
    several = orders.filter(pl.col("len") > 1)
    assert several.height > 200
    assert (several["kinds"] == 1).mean() > 0.95


# --- as hard to sign as the literature says


@pytest.mark.parametrize("profile", sorted(PUBLISHED))
def test_odds_of_the_cells_give_the_published_figures_together(profile: str) -> None:
    odds = cell_odds(profile)
    assert odds.min() > 0
    assert odds.sum() == pytest.approx(1.0, abs=1e-12)
    assert odds[CELLS[:, 0] == MID].sum() == pytest.approx(0.08, abs=1e-6)
    assert MATCHED[0] - 1e-6 <= odds[CELLS[:, 2] > 0].sum() <= MATCHED[1] + 1e-6
    usable = 1 - synthetic_sides.UNUSABLE
    for rule, figure in PUBLISHED[profile].items():
        expected = usable * odds @ right_by_cell(rule, 0.5) + (1 - usable) / 2
        assert expected == pytest.approx(figure, abs=0.0101), rule


def test_figures_that_cannot_hold_together_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    impossible = PUBLISHED["ise"] | {"emo": 0.90, "quote": 0.52, "lr": 0.52}
    monkeypatch.setitem(PUBLISHED, "ise", impossible)
    with pytest.raises(ValueError, match="ise"):
        cell_odds.__wrapped__("ise")


@pytest.mark.parametrize("profile", sorted(PUBLISHED))
@pytest.mark.parametrize("rule", RULES_MEASURED)
def test_a_rules_accuracy_is_the_published_one(options: pl.DataFrame, profile: str, rule: str) -> None:
    prints = options.filter(pl.col("exchange") == VENUE[profile])
    assert prints.height > 50_000
    measured = accuracy(prints[rule].to_numpy(), prints["true"].to_numpy())
    assert measured == pytest.approx(PUBLISHED[profile][rule], abs=0.015)


def test_coverage_and_matched_prints_are_the_published_ones(options: pl.DataFrame) -> None:
    assert (options["quote"] != 0).mean() == pytest.approx(0.917, abs=0.015)
    matched = options.filter((pl.col("size") == pl.col("bid_size")) != (pl.col("size") == pl.col("ask_size")))
    assert accuracy(matched["quote"].to_numpy(), matched["true"].to_numpy()) == pytest.approx(0.19, abs=0.03)


def test_buys_and_sells_are_signed_equally_well(options: pl.DataFrame) -> None:
    by_side = [
        accuracy(part["gsu"].to_numpy(), part["true"].to_numpy())
        for part in (options.filter(pl.col("true") > 0), options.filter(pl.col("true") < 0))
    ]
    assert abs(by_side[0] - by_side[1]) < 0.012


def test_a_quote_of_the_prints_own_time_misleads(demo: Market) -> None:
    days = list(demo.sessions.dates[-12:])
    honest, ahead = signed_options(demo, days), signed_options(demo, days, at_once=True)
    by_match = [
        accuracy(f.filter(~pl.col("own"))["gsu"].to_numpy(), f.filter(~pl.col("own"))["true"].to_numpy())
        for f in (honest, ahead)
    ]
    assert by_match[0] - by_match[1] > 0.004


@pytest.mark.parametrize(("dark", "rule"), [(True, "quote"), (False, "lr")])
def test_stock_prints_are_signed_as_assumed(demo: Market, dark: bool, rule: str) -> None:
    right = given = total = 0
    for day in demo.sessions.dates[-60:]:
        tape = demo.tape(day)
        trades = eligible(tape["stock_trades"], demo.truth(day)["stock_trades"])
        frame = with_quotes(trades, tape["stock_quotes"], ["symbol"])
        side = sides(frame, ["symbol"], rule, 5_000_000, 0)
        keep = (frame["off_exchange"] == dark).to_numpy() & (side != 0)
        right += int((side == frame["true"].to_numpy())[keep].sum())
        given += int(keep.sum())
        total += int((frame["off_exchange"] == dark).sum())
    assert given / total > 0.8
    assert right / given == pytest.approx(0.65, abs=0.03)


def test_nobody_starts_an_auction(demo: Market) -> None:
    day = demo.sessions.dates[3]
    for name in ("option_trades", "stock_trades"):
        frame = demo.tape(day)[name].with_columns(true=demo.truth(day)[name]["side"])
        auction = frame["conditions"].fill_null("").str.contains("auction")
        assert auction.sum() > 0
        assert ((frame["true"] == 0) == auction).all()


# --- what the state drives


def flows(of: Market, days: list[date]) -> pl.DataFrame:
    """Per session the state, and the true direction of orders: share bullish and dark or block share bought."""
    rows = []
    for day in days:
        tape, truth = of.tape(day), of.truth(day)
        bullish = truth["option_trades"].with_columns(tape["option_trades"]["right"]).filter(pl.col("side") != 0)
        bullish = bullish.unique("parent", maintain_order=True)
        stocks = tape["stock_trades"].with_columns(true=truth["stock_trades"]["side"]).filter(pl.col("true") != 0)
        block = pl.col("price") / 1e6 * pl.col("size") / 1e6 >= 200_000
        large = stocks.filter(pl.col("off_exchange") | block)
        rows.append(
            (
                truth["state"]["state"][0],
                ((bullish["side"] > 0) == (bullish["right"] == "C")).mean(),
                (large["true"] > 0).mean(),
            )
        )
    return pl.DataFrame(rows, schema=["state", "options", "stocks"], orient="row")


def gap(frame: pl.DataFrame, column: str) -> tuple[float, float]:
    """Bull mean less bear mean, and its standard error."""
    bull, bear = (frame.filter(pl.col("state") == s)[column].to_numpy() for s in (1, -1))
    return bull.mean() - bear.mean(), float(np.hypot(bull.std() / len(bull) ** 0.5, bear.std() / len(bear) ** 0.5))


@pytest.mark.parametrize("column", ["options", "stocks"])
def test_flow_follows_the_state_only_where_it_is_linked(demo: Market, column: str) -> None:
    days = list(demo.sessions.dates[::3])
    linked, by = gap(flows(demo, days), column)
    assert linked > 10 * by
    blind = market(links=Links.none())
    assert blind.daily.state.tolist() == demo.daily.state.tolist()
    unlinked, by = gap(flows(blind, days), column)
    assert abs(unlinked) < 3 * by


def test_both_states_occur_on_the_tape(demo: Market) -> None:
    state = [demo.state(day) for day in demo.sessions.dates]
    assert 0.15 < state.count(-1) / len(state) < 0.85
    assert 4 <= sum(a != b for a, b in pairwise(state)) <= 40


def buy_share(of: Market) -> tuple[float, float]:
    """Share of purchases among insiders' purchases and sales in bull and in bear sessions."""
    trades = of.tables()["insider_trades"].filter(pl.col("code").is_in(["P", "S"]))
    state = trades["transaction_date"].map_elements(of.state, return_dtype=pl.Int64)
    return tuple((trades.filter(state == s)["code"] == "P").mean() for s in (1, -1))


def test_insiders_lean_against_the_market() -> None:
    leaning, blind = market(sessions=1), market(sessions=1, links=Links.none())
    bull, bear = buy_share(leaning)
    assert bear - bull > 0.15
    bull, bear = buy_share(blind)
    assert abs(bear - bull) < 0.04


def test_estimates_are_revised_towards_the_state(demo: Market) -> None:
    def revisions(of: Market) -> tuple[float, float]:
        """Mean log revision of next year's quarter from one vintage to the next, by the share of bull sessions."""
        eps = of.tables()["forward_eps"].sort("quarter_end", "published")
        state = pl.DataFrame({"published": of.history.dates, "bull": np.cumsum(of.daily.state)})
        eps = eps.join(state, on="published").filter(pl.col("quarter_end") > pl.col("published"))
        moved = eps.with_columns(
            pl.col("eps").log().diff().over("quarter_end").alias("moved"),
            pl.col("bull").diff().over("quarter_end").alias("net"),
        ).drop_nulls()
        return (
            moved.filter(pl.col("net") > 4)["moved"].mean(),
            moved.filter(pl.col("net") < -4)["moved"].mean(),
        )

    up, down = revisions(demo)
    assert up > 0.001 > -0.001 > down
    up, down = revisions(market(sessions=1, links=Links.none()))
    # noise of a vintage, and what lies nearer is revised less: nothing that the state moves
    assert abs(up - down) < 0.0008


def test_sector_leaders_persist(demo: Market, tables: dict[str, pl.DataFrame]) -> None:
    def persistence(of: Market) -> float:
        """Mean over sectors of the correlation of one month's return against the market with the next month's."""
        at, sector = of.daily.equities, of.daily.sector
        returns = np.diff(np.log(of.daily.close[:, at]), axis=0)
        groups = np.column_stack([returns[:, sector[at] == k].mean(axis=1) for k in range(11)])
        groups = groups - groups.mean(axis=1, keepdims=True)
        months = groups[: len(groups) // 21 * 21].reshape(-1, 21, 11).sum(axis=1)
        return float(np.mean([np.corrcoef(months[:-1, k], months[1:, k])[0, 1] for k in range(11)]))

    assert persistence(demo) > 0.15
    assert abs(persistence(market(sessions=1, links=Links.none()))) < 0.1


# --- the daily tables


def test_bars_hold_their_open_and_close(tables: dict[str, pl.DataFrame]) -> None:
    for name in ("daily_bars", "index_levels"):
        frame = tables[name]
        assert (frame["low"] <= pl.Series(np.minimum(frame["open"], frame["close"]))).all()
        assert (frame["high"] >= pl.Series(np.maximum(frame["open"], frame["close"]))).all()
        assert (frame["low"] > 0).all()


def test_prints_stand_near_the_days_bar(demo: Market, tables: dict[str, pl.DataFrame]) -> None:
    day = demo.sessions.dates[-7]
    bars = tables["daily_bars"].filter(pl.col("date") == day)
    trades = demo.tape(day)["stock_trades"].filter(~pl.col("cancelled")).join(bars, on="symbol")
    dollars = trades["price"] / 1e6
    # a quote wanders a few cents around the path
    assert (dollars > trades["low"] - 0.20).all()
    assert (dollars < trades["high"] + 0.20).all()
    crosses = trades.filter(pl.col("conditions") == "auction_close")
    assert (crosses["price"] / 1e6).to_list() == pytest.approx(crosses["close"].to_list())


def test_the_index_is_its_members(tables: dict[str, pl.DataFrame]) -> None:
    members = tables["index_members"].join(tables["daily_bars"], on=["date", "symbol"]).sort("symbol", "date")
    assert members.group_by("date").agg(pl.col("weight").sum())["weight"].to_numpy() == pytest.approx(1.0)
    contributions = (
        members.with_columns(
            part=pl.col("weight").shift(1).over("symbol")
            * (pl.col("close") / pl.col("close").shift(1).over("symbol") - 1)
        )
        .group_by("date")
        .agg(pl.col("part").sum())
        .sort("date")
    )
    level = tables["index_levels"]["close"]
    assert contributions["part"].to_numpy()[1:] == pytest.approx((level / level.shift(1) - 1).to_numpy()[1:], abs=1e-5)


def test_groups_change_over_time(tables: dict[str, pl.DataFrame]) -> None:
    sectors = tables["sectors"]
    gics = sectors.filter(pl.col("scheme") == "gics")
    assert gics["group"].n_unique() == 11
    assert gics["symbol"].n_unique() == gics.height == 35
    themes = sectors.filter(pl.col("scheme") == "theme")
    assert themes["from_date"].n_unique() > 1
    assert 0 < themes["to_date"].null_count() < themes.height


def test_every_vintage_has_what_a_blend_needs(demo: Market, tables: dict[str, pl.DataFrame]) -> None:
    eps = tables["forward_eps"]
    ahead = eps.filter(pl.col("quarter_end") >= pl.col("published")).group_by("published").len()
    assert ahead["len"].min() >= 6
    gaps = eps["published"].unique().sort().diff().drop_nulls()
    assert timedelta(days=10) <= gaps.min() <= gaps.max() <= timedelta(days=20)
    reported = eps.filter(pl.col("published") > pl.col("quarter_end") + timedelta(days=60))
    spread = reported.group_by("quarter_end").agg(pl.col("eps").n_unique())
    assert spread["eps"].max() == 1
    assert spread.height > 20


def test_open_interest_moves_by_opening_and_closing_orders(demo: Market, tables: dict[str, pl.DataFrame]) -> None:
    interest = tables["open_interest"]
    assert (interest["open_interest"] >= 0).all()
    for at in (-1, -100):
        day = demo.sessions.dates[at]
        before = demo.history.dates[demo.history.position(day) - 1]
        trades = demo.tape(day)["option_trades"].with_columns(demo.truth(day)["option_trades"]["opening"])
        change = (
            trades.filter(~pl.col("cancelled"))
            .group_by(CONTRACT)
            .agg(pl.when("opening").then("size").otherwise(-pl.col("size")).sum().alias("change"))
        )
        level = [interest.filter(pl.col("date") == d).drop("date") for d in (before, day)]
        joined = change.join(level[0], on=CONTRACT).join(level[1], on=CONTRACT, suffix="_after")
        assert joined.height == change.height
        assert (joined["open_interest"] + joined["change"] == joined["open_interest_after"]).all()


def test_the_volume_beside_open_interest_is_what_the_tape_holds(demo: Market, tables: dict[str, pl.DataFrame]) -> None:
    interest = tables["open_interest"]
    for day in (demo.sessions.dates[-1], demo.sessions.dates[-100]):
        trades = demo.tape(day)["option_trades"].filter(~pl.col("cancelled"))
        told = interest.filter(pl.col("date") == day)
        joined = told.join(trades.group_by(CONTRACT).agg(traded=pl.col("size").sum()), on=CONTRACT, how="full")
        assert told["volume"].null_count() == 0
        assert (joined["volume"] == joined["traded"].fill_null(0)).all()
        assert told["volume"].sum() == trades["size"].sum()
    assert interest.filter(pl.col("volume").is_null())["date"].unique().to_list() == [demo.history.dates[1500 - 261]]


# --- filings


@pytest.fixture(scope="module")
def filings(tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    return tables["insider_trades"]


def test_filings_are_possible(filings: pl.DataFrame) -> None:
    assert filings["accession"].str.contains(r"^0001234567-\d{2}-\d{6}$").all()
    assert (filings["accession"].str.slice(11, 2) == filings["filing_date"].dt.strftime("%y")).all()
    assert (filings.filter(pl.col("code") == "P")["acquired_disposed"] == "A").all()
    assert (filings.filter(pl.col("code") == "S")["acquired_disposed"] == "D").all()
    assert (filings["filing_date"] >= filings["transaction_date"]).all()
    clock = filings["known_at"].dt.convert_time_zone("America/New_York")
    assert (clock.dt.date() == filings["filing_date"]).all()
    assert clock.dt.hour().min() == 8
    assert clock.dt.hour().max() == 21
    evening = clock.dt.hour() >= 16
    assert 0.5 < evening.mean() < 0.9
    assert evening.filter(filings["filing_date"] == filings["transaction_date"]).all()


def test_plans_are_unknown_before_the_form_asked(filings: pl.DataFrame) -> None:
    assert (filings["plan_10b5_1"].is_null() == (filings["filing_date"] < date(2023, 4, 1))).all()
    known = filings.filter(pl.col("code") == "S").drop_nulls("plan_10b5_1")
    assert 0.25 < known["plan_10b5_1"].mean() < 0.45


def test_amendments_name_an_original(filings: pl.DataFrame) -> None:
    amended = filings.filter(pl.col("form") == "4/A")
    assert amended.height > 80
    assert (filings["original_filing_date"].is_not_null() == (filings["form"] == "4/A")).all()
    assert (amended["filing_date"] > amended["original_filing_date"]).all()
    key = ["symbol", "owner_cik", "transaction_date", "code", "direct_indirect", "line"]
    originals = filings.filter(pl.col("form") == "4").select(*key, pl.col("filing_date").alias("original_filing_date"))
    assert amended.join(originals, on=[*key, "original_filing_date"], how="anti").height == 0
    assert not set(amended["accession"]) & set(filings.filter(pl.col("form") == "4")["accession"])


def test_joint_filers_chain_copies_and_implausible_prices_occur(
    filings: pl.DataFrame, tables: dict[str, pl.DataFrame]
) -> None:
    assert 0.015 < filings["owner_cik"].str.contains(";").mean() < 0.05
    same = ["symbol", "transaction_date", "code", "shares", "price", "shares_after", "line"]
    first = filings.filter(pl.col("form") == "4")
    copied = first.group_by(same).agg(pl.col("accession").n_unique(), pl.col("owner_cik").n_unique())
    copied = copied.filter(pl.col("accession") > 1)
    assert copied.height > 50
    assert copied["owner_cik"].min() > 1
    bars = tables["daily_bars"].select("symbol", "low", "high", transaction_date="date")
    priced = first.filter(pl.col("code").is_in(["P", "S"])).join(bars, on=["symbol", "transaction_date"])
    odd = (priced["price"] / 1e6 > priced["high"] + 1e-9) | (priced["price"] / 1e6 < priced["low"] - 1e-9)
    assert 0.001 < odd.mean() < 0.01


def test_some_insiders_trade_in_the_same_month_every_year(filings: pl.DataFrame) -> None:
    owners = (
        filings.filter(pl.col("form") == "4", pl.col("ten_percent_owner"), pl.col("direct_indirect") == "D")
        .group_by("owner_cik")
        .agg(
            pl.col("transaction_date").dt.month().n_unique().alias("months"),
            pl.col("transaction_date").dt.year().n_unique().alias("years"),
        )
    )
    routine = owners.filter(pl.col("months") == 1, pl.col("years") >= 4)
    assert routine.height > 10


def test_a_share_tables_bring_what_real_ones_bring(demo: Market, tables: dict[str, pl.DataFrame]) -> None:
    switch = date(2021, 12, 13)
    bars = tables["cn_industry_bars"]
    assert bars.filter(pl.col("date") < switch)["industry"].n_unique() == 27
    assert bars.filter(pl.col("date") >= switch)["industry"].n_unique() == 31
    assert 0 < bars.filter(pl.col("pe_ttm") <= 0).height < 0.03 * bars.height
    assert set(tables["cn_bond_yields"]["date"]) - set(demo.china.sessions.dates), "no make-up day"
    assert tables["cn_stock_bars"].height < len(demo.china.symbols) * 1500, "no stock was ever suspended"
    jumps = tables["cn_etf_shares"].with_columns(ratio=pl.col("shares") / pl.col("shares").shift(1).over("code"))
    assert jumps.filter(pl.col("ratio") > 1.5)["code"].to_list() == ["510300"]
    told = tables["cn_northbound"].filter(pl.col("net_buy").is_not_null())["date"]
    assert told.max() == date(2024, 8, 16)


def test_a_share_flows_are_blind_without_links() -> None:
    leaning, blind = market(sessions=1), market(sessions=1, links=Links.none())
    assert np.abs(leaning.china.lean).max() == 1.0
    assert not blind.china.lean.any()
    for made, least in ((leaning, 0.15), (blind, -1.0)):
        margin = made.tables()["cn_margin"]
        lean = np.sign(leaning.china.lean)
        rho = np.corrcoef(lean, np.log(margin["buy"] / margin["repay"]))[0, 1]
        assert rho > least
    assert abs(rho) < 0.1
