"""The A-share tables of the synthetic market, on Shanghai's own sessions and with a hidden state of their own.

state      two-state Markov chain, as in the US market; `Links.drift` drives prices, `Links.china` everything else
industries beta·market + leader factor (AR(1)) + noise; the four industries of 2021 begin on 2021-12-13
stocks     industry + own noise; some are suspended for weeks, some change their industry
PE         price over earnings that are reported four times a year, so that it jumps; one industry makes losses
flows      margin, breadth, new funds, turnover and northbound lean with the state
ETFs       share counts that walk, and one 1:2 split
bonds      a falling ten-year yield, with make-up days on which the stock market is closed
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from feeds.calendar import exchange_sessions
from feeds.schema import Sessions
from feeds.synthetic_daily import F64, I8, Links, hidden_state, leader_factor, stream, text
from seeds.shenwan import industries

_STREAM = 30
_PER_INDUSTRY = 3
_LOSS_MAKER = "801230"
_NET_BUY_ENDS = date(2024, 8, 16)
_INDICES = {
    "000985": (4300.0, 1.00, 0.0), "000300": (3600.0, 0.95, 0.0), "000905": (5300.0, 1.05, 0.002),
    "000852": (5700.0, 1.10, 0.003), "932000": (2500.0, 1.15, 0.004),
}  # fmt: skip
"""Index → first level, beta, and daily volatility of its own beside the market's."""

_CONCEPTS = (
    *("人工智能", "机器人", "低空经济", "固态电池", "创新药", "光伏", "半导体设备", "数据要素", "军工信息化", "白酒"),
    *("稀土永磁", "跨境电商"),
)
_ETFS = ("510050", "510300", "510310", "510330", "159919", "588000")


@dataclass(frozen=True)
class China:
    """What happens on Shanghai's sessions; shapes (sessions,) and (sessions, industries) or (sessions, stocks).

    `lean` is the state (±1) times `Links.china`; `level` are industries' index closes, `stock` back-adjusted closes.
    """

    sessions: Sessions
    lean: F64
    market: F64
    codes: tuple[str, ...]
    level: F64
    symbols: tuple[str, ...]
    stock: F64
    seed: int

    @property
    def days(self) -> pl.Series:
        """The sessions as a date column."""
        return pl.Series("date", list(self.sessions.dates), dtype=pl.Date)

    def random(self, purpose: int) -> np.random.Generator:
        """The random numbers of one table."""
        return stream(self.seed, _STREAM, purpose)


def simulate_china(seed: int, history: int, end: date, links: Links) -> China:
    """Everything daily, from the first session of the history to the last on or before `end`."""
    calendar = exchange_sessions("XSHG", end - timedelta(days=int(history * 1.56) + 60), end)
    sessions = calendar.window(calendar.dates[-history], None)
    random = stream(seed, _STREAM)
    state: I8 = hidden_state(random, history)
    volatility = np.where(state > 0, 0.009, 0.014)
    market = 0.0001 + links.drift * state + volatility * random.standard_normal(history)
    codes = tuple(industries())
    count = len(codes)
    leaders = leader_factor(random, history, count, 0.7 * links.leaders)
    beta = 0.8 + 0.4 * random.random(count)
    moves = beta * market[:, None] + leaders + 0.009 * random.standard_normal((history, count))
    stocks = np.repeat(moves, _PER_INDUSTRY, axis=1)
    spread = 0.010 + 0.015 * random.random(stocks.shape[1])
    stocks = stocks + spread * random.standard_normal(stocks.shape)
    price: F64 = np.exp(random.normal(2.5, 0.7, stocks.shape[1]) + np.cumsum(stocks, axis=0))
    return China(
        sessions=sessions,
        lean=links.china * state.astype(np.float64),
        market=market,
        codes=codes,
        level=np.round(1000 * np.exp(random.normal(0.8, 0.4, count) + np.cumsum(moves, axis=0)), 2),
        symbols=tuple(f"99{i // _PER_INDUSTRY + 1:02d}{i % _PER_INDUSTRY + 1:02d}" for i in range(stocks.shape[1])),
        stock=np.round(price, 4),
        seed=seed,
    )


def china_tables(china: China) -> dict[str, pl.DataFrame]:
    """Every A-share table by canonical name."""
    amount = _amount(china)
    return {
        "cn_industry_bars": _industry_bars(china, amount),
        "cn_index_bars": _index_bars(china, amount),
        "cn_stock_bars": _stock_bars(china),
        "cn_concept_bars": _concept_bars(china),
        "cn_members": _members(china),
        "cn_breadth": _breadth(china),
        "cn_bond_yields": _bond_yields(china),
        "cn_margin": _margin(china, amount),
        "cn_etf_shares": _etf_shares(china),
        "cn_new_funds": _new_funds(china),
        "cn_northbound": _northbound(china, amount),
    }


def _walk(random: np.random.Generator, shape: tuple[int, ...], phi: float, size: float) -> F64:
    """AR(1) along the first axis, standard deviation `size`."""
    shocks = random.standard_normal(shape) * np.sqrt(1 - phi * phi)
    out = np.empty(shape)
    level = random.standard_normal(shape[1:])
    for i in range(shape[0]):
        level = phi * level + shocks[i]
        out[i] = level
    return out * size


def _amount(china: China) -> F64:
    """Yuan traded in all A shares."""
    random = china.random(1)
    n = len(china.market)
    busy = _walk(random, (n,), 0.97, 0.25) + 0.08 * random.standard_normal(n) + 8 * np.abs(china.market)
    amount: F64 = np.round(8.5e11 * np.exp(busy + 0.12 * np.cumsum(china.lean) / np.sqrt(n)), 2)
    return amount


def _long(china: China, names: tuple[str, ...], by: str, keep: np.ndarray, columns: dict[str, F64]) -> pl.DataFrame:
    """Matrices (sessions, names) as rows by date and name, where `keep`; NaN becomes null."""
    day, at = np.nonzero(keep)
    return pl.DataFrame(
        {
            "date": china.days.gather(day),
            by: text(names, at),
            **{name: pl.Series(values[day, at]).fill_nan(None) for name, values in columns.items()},
        }
    )


def _earnings(random: np.random.Generator, level: F64, yielding: F64 | float) -> F64:
    """Earnings of each column: reported every 60 sessions, a share `yielding` of the first price."""
    n, k = level.shape
    quarters = n // 60 + 1
    growth = np.cumsum(random.normal(0.012, 0.05, (quarters, k)), axis=0)
    earned: F64 = level[0] * yielding * np.exp(growth[np.arange(n) // 60])
    return earned


def _industry_bars(china: China, amount: F64) -> pl.DataFrame:
    random = china.random(2)
    n, k = china.level.shape
    share = np.exp(_walk(random, (n, k), 0.97, 0.35) + random.normal(0.0, 0.6, k))
    share /= share.sum(axis=1, keepdims=True)
    pe = china.level / _earnings(random, china.level, 0.025 + 0.05 * random.random(k))
    losing = (np.arange(n) // 60) % 7 == 3
    pe[losing, china.codes.index(_LOSS_MAKER)] *= -1
    busy = np.log(amount / amount.mean())[:, None] + _walk(random, (n, k), 0.9, 0.25)
    since = np.array([industries()[code].since for code in china.codes], dtype="datetime64[D]")
    kept = china.sessions.days[:, None] >= since
    columns = {
        "close": china.level,
        "amount": np.round(amount[:, None] * share, 2),
        "turnover_rate": np.round(1.4 * np.exp(busy), 4),
        "pe_ttm": np.round(pe, 2),
        "pb": np.round(china.level / china.level[0] * (1.0 + 2.5 * random.random(k)), 2),
        "float_cap": np.round(china.level * np.exp(random.normal(21.0, 0.7, k)), 0),
    }
    return _long(china, china.codes, "industry", kept, columns)


def _index_bars(china: China, amount: F64) -> pl.DataFrame:
    """Five broad indices, and all A shares without banks and oil, of which only the PE is published."""
    random = china.random(3)
    n = len(china.market)
    names = (*_INDICES, "all_a_ex_fin_petro")
    own = np.array([size for _, _, size in _INDICES.values()])
    beta = np.array([b for _, b, _ in _INDICES.values()])
    moves = beta * china.market[:, None] + own * random.standard_normal((n, len(_INDICES)))
    close = np.round(np.array([first for first, _, _ in _INDICES.values()]) * np.exp(np.cumsum(moves, axis=0)), 2)
    priced = np.column_stack([close, close[:, 0]])
    pe = np.round(priced / _earnings(random, priced, np.array([0.055, 0.08, 0.045, 0.035, 0.03, 0.034])), 4)
    share = np.array([1.0, 0.25, 0.15, 0.2, 0.22])
    nothing = np.full((n, 1), np.nan)
    columns = {
        "close": np.hstack([close, nothing]),
        "amount": np.hstack([np.round(amount[:, None] * share, 2), nothing]),
        "pe_ttm": pe,
        "dividend_yield": np.hstack([np.round(35.0 / pe[:, :5], 2), nothing]),
    }
    return _long(china, names, "index", np.ones((n, len(names)), bool), columns)


def _stock_bars(china: China) -> pl.DataFrame:
    random = china.random(4)
    n, k = china.stock.shape
    kept = np.ones((n, k), bool)
    for start, which in zip(random.integers(0, n, n // 30), random.integers(0, k, n // 30), strict=True):
        kept[start : start + int(random.integers(3, 30)), which] = False
    return _long(china, china.symbols, "symbol", kept, {"adj_close": china.stock})


def _concept_bars(china: China) -> pl.DataFrame:
    random = china.random(5)
    n, k = len(china.market), len(_CONCEPTS)
    moves = 1.1 * china.market[:, None] + _walk(random, (n, k), 0.9, 0.004) + 0.012 * random.standard_normal((n, k))
    close = np.round(1000 * np.exp(np.cumsum(moves, axis=0)), 2)
    return _long(china, _CONCEPTS, "concept", np.ones((n, k), bool), {"close": close})


def _members(china: China) -> pl.DataFrame:
    """Each stock's industry; those of the industries of 2021 came from the one listed before."""
    first = china.sessions.dates[0]
    rows: list[tuple[str, str, date, date | None]] = []
    for i, symbol in enumerate(china.symbols):
        at = i // _PER_INDUSTRY
        since = industries()[china.codes[at]].since
        if since > first:
            rows.append((china.codes[at - 4], symbol, first, since - timedelta(days=1)))
            rows.append((china.codes[at], symbol, since, None))
        else:
            rows.append((china.codes[at], symbol, first, None))
    names = {"industry": pl.String, "symbol": pl.String, "from_date": pl.Date, "to_date": pl.Date}
    return pl.DataFrame(rows, schema=names, orient="row")


def _breadth(china: China) -> pl.DataFrame:
    random = china.random(6)
    n = len(china.market)
    up = 1 / (1 + np.exp(-(120 * china.market + 0.15 * china.lean + 0.4 * random.standard_normal(n))))
    listed = np.rint(np.linspace(3800, 5400, n))
    highs = 0.02 * np.exp(_walk(random, (n,), 0.9, 0.6) + 0.25 * china.lean + 15 * china.market)
    return pl.DataFrame(
        {
            "date": china.days,
            "advancers": np.rint(listed * up),
            "decliners": np.rint(listed * (1 - up) * 0.97),
            "new_highs": np.rint(listed * np.minimum(highs, 0.6)),
            "new_lows": np.rint(listed * np.minimum(0.0004 / highs, 0.6)),
        }
    )


def _bond_yields(china: China) -> pl.DataFrame:
    random = china.random(7)
    n = len(china.market)
    ten = 3.2 - 1.5 * np.arange(n) / 1500 + _walk(random, (n,), 0.995, 0.12)
    days, values = list(china.sessions.dates), ten.tolist()
    for at in range(1, n):
        # a make-up Saturday after a week that ended early: bonds trade, stocks do not
        gap = (china.sessions.dates[at] - china.sessions.dates[at - 1]).days
        saturday = china.sessions.dates[at] - timedelta(days=china.sessions.dates[at].weekday() + 2)
        if gap > 5 and saturday > china.sessions.dates[at - 1]:
            days.append(saturday)
            values.append(float(ten[at - 1]) + 0.01)
    frame = pl.DataFrame({"date": days, "level": values}, schema={"date": pl.Date, "level": pl.Float64}).sort("date")
    tenors = ((1.0, -0.55), (5.0, -0.2), (10.0, 0.0), (30.0, 0.4))
    return pl.concat(
        frame.select(
            "date", tenor_years=pl.lit(tenor), **{"yield": (pl.col("level") + premium).clip(0.2).round(4)}
        )
        for tenor, premium in tenors
    ).sort("date", "tenor_years")  # fmt: skip


def _margin(china: China, amount: F64) -> pl.DataFrame:
    random = china.random(8)
    n = len(china.market)
    buy = np.round(amount * (0.08 + 0.008 * china.lean + _walk(random, (n,), 0.95, 0.008)), 2)
    repay = np.round(buy * np.exp(-0.012 * china.lean - 0.6 * china.market + 0.03 * random.standard_normal(n)), 2)
    return pl.DataFrame(
        {
            "date": china.days,
            "symbol": pl.Series([None] * n, dtype=pl.String),
            "balance": 1.5e12 + np.cumsum(buy - repay) - (np.cumsum(buy - repay)).min(),
            "buy": buy,
            "repay": repay,
        }
    )


def _etf_shares(china: China) -> pl.DataFrame:
    random = china.random(9)
    n, k = len(china.market), len(_ETFS)
    flows = 0.004 * random.standard_normal((n, k)) - 0.05 * china.market[:, None]
    shares = np.exp(random.normal(24.0, 0.6, k) + np.cumsum(flows - flows.mean(axis=0), axis=0))
    shares[2 * n // 3 :, 1] *= 2
    return _long(china, _ETFS, "code", np.ones((n, k), bool), {"shares": np.rint(shares / 100) * 100})


def _new_funds(china: China) -> pl.DataFrame:
    random = china.random(10)
    kinds = ("混合型-偏股", "股票型", "指数型-股票", "债券型-长债", "货币型-普通货币")
    founded = random.poisson(1.6, len(china.market))
    day = np.repeat(np.arange(len(founded)), founded)
    kind = random.integers(0, len(kinds), len(day))
    units = np.exp(random.normal(1.3, 0.9, len(day)) + 0.3 * china.lean[day])
    return pl.DataFrame(
        {
            "date": china.days.gather(day),
            "fund": pl.Series([f"9{i:05d}" for i in range(len(day))], dtype=pl.String),
            "kind": text(kinds, kind),
            "units": np.round(units, 2),
        }
    )


def _northbound(china: China, amount: F64) -> pl.DataFrame:
    """Days on which Hong Kong trades too: every fortieth is a holiday there."""
    random = china.random(11)
    n = len(china.market)
    turnover = np.round(0.13 * amount * np.exp(0.1 * random.standard_normal(n)), 2)
    net = np.round(turnover * (0.04 * china.lean + 0.1 * random.standard_normal(n)), 2)
    told = china.sessions.days <= np.datetime64(_NET_BUY_ENDS)
    frame = pl.DataFrame(
        {
            "date": china.days,
            "turnover": turnover,
            "trades": np.rint(turnover / 25_000),
            "net_buy": pl.Series(np.where(told, net, np.nan)).fill_nan(None),
        }
    )
    return frame.filter(pl.Series(np.arange(n) % 40 != 17))
