"""Insider filings made countable: which lines stand, what they are worth, whose they are (INDICATORS 2).

Every step looks at earlier filings only, by their own `known_at`: a later filing never changes what an earlier one
said at the time. Frames are Polars; a *line* is one transaction of one filing, numbered `id` in order of knowledge.
"""

from collections import defaultdict
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import polars as pl

from feeds.schema import MICRO

CHAIN_DAYS = 5
PLAN_FLAG_SINCE = pl.date(2023, 4, 1)
GRID_BARS = 5
CENT_NOISE = 0.005
PRICE_CEILING = 1_000_000
DAY_NS = 86_400_000_000_000
INT64_MAX = 2**63 - 1

Columns = dict[str, pl.DataType | type[pl.DataType]]

LINE: Columns = {
    "session": pl.Date,
    "known_at": pl.Int64,
    "accession": pl.String,
    "line": pl.Int64,
    "filing_date": pl.Date,
    "transaction_date": pl.Date,
    "symbol": pl.String,
    "issuer_cik": pl.String,
    "owner_cik": pl.String,
    "owner": pl.String,
    "officer": pl.Boolean,
    "director": pl.Boolean,
    "ten_percent_owner": pl.Boolean,
    "code": pl.String,
    "acquired_disposed": pl.String,
    "security_title": pl.String,
    "direct_indirect": pl.String,
    "shares": pl.Int64,
    "price": pl.Int64,
    "shares_after": pl.Int64,
    "form": pl.String,
    "original_filing_date": pl.Date,
    "plan_10b5_1": pl.Boolean,
    "file": pl.Int32,
    "record": pl.Int64,
    "assumed": pl.String,
}
"""The columns of `insider_trades` that are read, as `feeds.schema.Part` brings them."""

BAR: Columns = {
    "session": pl.Date,
    "date": pl.Date,
    "symbol": pl.String,
    "open": pl.Float64,
    "high": pl.Float64,
    "low": pl.Float64,
    "close": pl.Float64,
    "adj_close": pl.Float64,
    "assumed": pl.String,
}
SECTOR: Columns = {
    "scheme": pl.String,
    "group": pl.String,
    "symbol": pl.String,
    "from_date": pl.Date,
    "to_date": pl.Date,
    "assumed": pl.String,
}

_KEY = ("issuer", "transaction_date", "code")


def columns(frame: pl.DataFrame | None, wanted: Columns) -> pl.DataFrame:
    """The wanted columns with their dtypes; an absent column or table is null or empty."""
    if frame is None:
        return pl.DataFrame(schema=wanted)
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in wanted.items()
    )


def open_market_lines(trades: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Open-market purchases and sales, each (accession, line) once, its owners a set.

    Parameters
    ----------
    trades : columns LINE

    Returns
    -------
    lines : LINE and `id` (UInt32, ascending with known_at), `issuer`, `filed` (Date), `owners` (List[String], sorted
        CIKs without leading zeros), `side` (Int8, +1 purchase, −1 sale)
    refused : session, known_at, symbol, accession, line, reason ("acquired_disposed": a P disposed or an S acquired;
        "incomplete": no date, symbol or shares)

    Notes
    -----
    A join of filings with owners repeats a line once per owner: such rows are one line with the union of the owners.
    Rows of a line that became known later than its first are ignored. A row without `known_at` or `session` is not yet
    known to anyone and is left out, as are other codes than P and S.
    """
    lines = trades.filter(
        pl.col("code").is_in(["P", "S"]), pl.col("known_at").is_not_null(), pl.col("session").is_not_null()
    )
    line = ["accession", "line"]
    lines = lines.sort("known_at", "accession", "line", "file", "record", "owner_cik", nulls_last=True).filter(
        pl.col("known_at") == pl.col("known_at").min().over(line)
    )
    owners = (
        lines.select(*line, owners=pl.coalesce("owner_cik", "owner").str.split(";"))
        .explode("owners")
        .with_columns(pl.col("owners").str.strip_chars().str.strip_chars_start("0"))
        .filter(pl.col("owners") != "")
        .group_by(line)
        .agg(pl.col("owners").unique().sort())
    )
    roles = [pl.col(role).max().over(line) for role in ("officer", "director", "ten_percent_owner")]
    lines = lines.with_columns(roles).unique(line, keep="first", maintain_order=True)
    lines = lines.join(owners, on=line, how="left", nulls_equal=True, maintain_order="left").with_columns(
        pl.col("owners").fill_null([]),
        issuer=pl.coalesce(pl.col("issuer_cik").str.strip_chars_start("0"), "symbol"),
        filed=pl.coalesce("filing_date", new_york("known_at").dt.date()),
        side=pl.when(pl.col("code") == "P").then(1).otherwise(-1).cast(pl.Int8),
    )
    incomplete = pl.any_horizontal(pl.col("transaction_date", "symbol", "shares", "accession", "line").is_null())
    crossed = (pl.col("code") == "P") != (pl.col("acquired_disposed") == "A")
    reason = (
        pl.when(incomplete).then(pl.lit("incomplete")).when(crossed.fill_null(True)).then(pl.lit("acquired_disposed"))
    )
    lines = lines.with_columns(reason=reason)
    refused = lines.filter(pl.col("reason").is_not_null()).select(
        "session", "known_at", "symbol", "accession", "line", "reason"
    )
    return lines.filter(pl.col("reason").is_null()).drop("reason").with_row_index("id"), refused


def new_york(column: str) -> pl.Expr:
    """Int64 nanoseconds UTC as the clock hangs in New York."""
    utc = pl.from_epoch(column, time_unit="ns").dt.replace_time_zone("UTC")
    return utc.dt.convert_time_zone("America/New_York")


@dataclass
class _Standing:
    """The version of a line now in force, the filing date of its original, and whose it is."""

    id: int
    accession: str
    filed: object
    owners: frozenset[str]
    shares: int


def replaced_lines(lines: pl.DataFrame) -> pl.DataFrame:
    """Which standing line each line of an amendment replaces.

    Returns
    -------
    id, replaces (both UInt32): one row per matched line of a 4/A.

    Notes
    -----
    A 4/A amends the filings of the same issuer made on its `original_filing_date`, with an owner in common. Each of
    its lines replaces the standing line with the same date, code (hence A/D), security and direct/indirect mark
    nearest in shares, each line once; the nearest pairs are taken first, ties by order. A second amendment of the same
    original meets the first one's version. A line without a match is an addition. Lines of an original that the
    amendment does not repeat stay.
    """
    key = [*_KEY, "title", "direct_indirect"]
    lines = lines.with_columns(title=pl.col("security_title").str.strip_chars().str.to_lowercase())
    amended = lines.filter(pl.col("form") == "4/A").select(key).unique()
    touched = lines.join(amended, on=key, how="semi", nulls_equal=True).sort("id")
    book: dict[tuple[object, ...], list[_Standing]] = defaultdict(list)
    found: list[tuple[int, int]] = []
    for _, filing in groupby(touched.iter_rows(named=True), key=lambda row: row["accession"]):
        rows = {row["id"]: row for row in filing}
        matched: dict[int, _Standing] = {}
        taken: set[int] = set()
        for _, new, standing_id, standing in sorted(_pairs(rows, book, key), key=lambda pair: pair[:3]):
            if new not in matched and standing_id not in taken:
                matched[new] = standing
                taken.add(standing_id)
        for new, row in rows.items():
            owners = frozenset(row["owners"])
            if (old := matched.get(new)) is not None:
                found.append((new, old.id))
                old.id, old.accession, old.shares, old.owners = new, row["accession"], row["shares"], owners
            else:
                filed = row["original_filing_date"] if row["form"] == "4/A" else row["filed"]
                place = tuple(row[name] for name in key)
                book[place].append(_Standing(new, row["accession"], filed, owners, row["shares"]))
    return pl.DataFrame(found, schema={"id": pl.UInt32, "replaces": pl.UInt32}, orient="row")


def _pairs(
    rows: dict[int, dict[str, Any]], book: dict[tuple[object, ...], list[_Standing]], key: list[str]
) -> list[tuple[int, int, int, _Standing]]:
    """Every (distance in shares, new line, standing line) that an amendment's lines may form."""
    return [
        (abs(row["shares"] - standing.shares), new, standing.id, standing)
        for new, row in rows.items()
        if row["form"] == "4/A" and row["original_filing_date"] is not None
        for standing in book.get(tuple(row[name] for name in key), ())
        if standing.accession != row["accession"]
        and standing.filed == row["original_filing_date"]
        and not standing.owners.isdisjoint(row["owners"])
    ]


def chain_copies(lines: pl.DataFrame) -> pl.DataFrame:
    """Lines that repeat a line of another filing: a chain of owners each reporting the same trade.

    Returns
    -------
    id (UInt32) of the copies.

    Notes
    -----
    Same issuer, date, code, shares, price and shares_after, other accession, known at most 5 days after the repetition
    before it. Without shares_after a line is no copy: two insiders may buy the same round lot. The k-th equal line of
    one filing is set against the k-th of the other. A replacement of a copy is a copy.
    """
    same = [*_KEY, "shares", "price", "shares_after"]
    first = lines.filter(pl.col("replaces").is_null(), pl.col("shares_after").is_not_null()).sort("id")
    first = first.with_columns(nth=pl.int_range(pl.len()).over([*same, "accession"]))
    gap = pl.col("known_at") - pl.col("known_at").shift(1).over([*same, "nth"])
    copies = set(first.filter(gap <= CHAIN_DAYS * DAY_NS)["id"])
    replacements = lines.filter(pl.col("replaces").is_not_null()).sort("id").select("id", "replaces")
    for new, old in replacements.iter_rows():
        if old in copies:
            copies.add(new)
    return pl.DataFrame({"id": sorted(copies)}, schema={"id": pl.UInt32})


def dollars() -> pl.Expr:
    """shares × price in Int64 micro-dollars, rounded half up from twelve decimals; beyond Int64 it saturates.

    Null where the price is null or zero: an open-market trade has one, so it was not reported.
    """
    exact = pl.col("shares").cast(pl.Int128) * pl.col("price").cast(pl.Int128)
    micros = (exact + MICRO // 2) // MICRO
    return pl.when(pl.col("price") > 0).then(
        pl.min_horizontal(micros, pl.lit(INT64_MAX, dtype=pl.Int128)).cast(pl.Int64)
    )


def price_states(lines: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """Judge each reported price against the as-traded range of its day.

    Returns
    -------
    `lines` with price_state ("plausible", "implausible", "unknown", "unpriced") and `assumed` widened by the columns of
    the bar that a mapping assumed, as "daily_bars.high".

    Notes
    -----
    Plausible: low ≤ price ≤ high, to half a cent (reports round weighted averages). Unknown: no bar for the symbol and
    day known by the line's own session, or a bar that was not traded so. Implausible whatever the day: dollars that
    fill an Int64, and, where no bar judges, a million dollars a share, which no listed share has cost (filers put the
    whole amount in the price: a fund's 1,460,000 shares at $1,460,000 would outweigh all else bought in a decade).

    A bar counts as traded so when its prices and those of the symbol's four bars before stand on the exchange's grid
    (a cent, below one dollar a hundredth of one), and its adj_close is null or equals its close. Prices divided for a
    later split leave the grid: of daily bars 2018-2022 adjusted for splits, none before the splits of AMZN, GOOGL,
    TSLA, AAPL and NVDA passes, and 95-99 % of those after.
    """
    prices = ("open", "high", "low", "close")
    # single-precision feeds carry 67.42 as 67.419998
    on_grid = [
        (pl.col(p) - pl.when(pl.col(p) < 1).then(pl.col(p).round(4)).otherwise(pl.col(p).round(2))).abs()
        <= pl.max_horizontal(pl.lit(1e-6), pl.col(p) * 1.2e-7)
        for p in prices
    ]
    as_traded = (
        pl.all_horizontal(test.fill_null(True) for test in on_grid)
        .cast(pl.Int8)
        .rolling_min(GRID_BARS, min_samples=1)
        .over("symbol", order_by="date")
        .cast(pl.Boolean)
    )
    unadjusted = pl.col("adj_close").is_null() | ((pl.col("adj_close") - pl.col("close")).abs() <= CENT_NOISE)
    ranges = (
        bars.filter(pl.col("date").is_not_null(), pl.col("symbol").is_not_null())
        .unique(["symbol", "date"], keep="first", maintain_order=True)
        .sort("symbol", "date")
        .with_columns(traded=as_traded & unadjusted)
        .filter(pl.col("traded"), pl.col("high").is_not_null(), pl.col("low").is_not_null())
        .select("symbol", "low", "high", bar_session="session", bar_assumed="assumed", transaction_date="date")
    )
    known = pl.col("bar_session") <= pl.col("session")
    price = pl.col("price") / MICRO
    within = price.is_between(pl.col("low") - CENT_NOISE, pl.col("high") + CENT_NOISE)
    state = (
        pl.when(pl.col("dollars").is_null())
        .then(pl.lit("unpriced"))
        .when(pl.col("dollars") == INT64_MAX)
        .then(pl.lit("implausible"))
        .when(known.fill_null(False))
        .then(pl.when(within).then(pl.lit("plausible")).otherwise(pl.lit("implausible")))
        .when(pl.col("price") >= PRICE_CEILING * MICRO)
        .then(pl.lit("implausible"))
        .otherwise(pl.lit("unknown"))
    )
    judged = lines.join(ranges, on=["symbol", "transaction_date"], how="left", maintain_order="left")
    judged = judged.with_columns(price_state=state)
    built_on = known.fill_null(False) & pl.col("price_state").is_in(["plausible", "implausible"])
    return judged.with_columns(
        assumed=_together(pl.col("assumed"), pl.when(built_on).then(_of_table("daily_bars", "bar_assumed")))
    ).drop("low", "high", "bar_session", "bar_assumed")


def routine_labels(lines: pl.DataFrame) -> pl.DataFrame:
    """Routine and opportunistic insiders, labelled each 1 January from the trades then known.

    Parameters
    ----------
    lines : id, issuer, owners, transaction_date, known_at, and replaced_at (Int64 ns, null while the line stands)

    Returns
    -------
    id, style: "routine" if an owner traded the issuer in the same calendar month in each of the three years before the
    trade's year, "opportunistic" if one traded in each of those years in no common month, else "unclassified".

    Notes
    -----
    A year's label rests on trades known before that year began in New York, and holds all year. Insiders are labelled
    issuer by issuer. Cohen, Malloy & Pomorski (2012), Decoding inside information, J. Finance 67(3), section II.
    """
    owned = lines.explode("owners").filter(pl.col("owners").is_not_null())
    who = ["owners", "issuer"]
    when = {"year": pl.col("transaction_date").dt.year(), "month": pl.col("transaction_date").dt.month()}
    known = owned.select(*who, **when, learned=new_york("known_at").dt.year(), weight=pl.lit(1))
    undone = owned.filter(pl.col("replaced_at").is_not_null()).select(
        *who, **when, learned=new_york("replaced_at").dt.year(), weight=pl.lit(-1)
    )
    trades = pl.concat([known, undone]).group_by(*who, "year", "month", "learned").agg(pl.col("weight").sum())
    labelled = owned.select(*who, label=when["year"]).unique()
    past = (
        pl.concat([trades.with_columns(label=pl.col("year") + k) for k in (1, 2, 3)])
        .filter(pl.col("learned") < pl.col("label"))
        .join(labelled, on=[*who, "label"], how="semi")
        .group_by(*who, "label", "year", "month")
        .agg(pl.col("weight").sum())
        .filter(pl.col("weight") > 0)
    )
    years = past.group_by(*who, "label").agg(active=pl.col("year").n_unique()).filter(pl.col("active") == 3)
    months = past.group_by(*who, "label", "month").agg(pl.len()).filter(pl.col("len") == 3)
    routine = months.select(*who, "label", same_month=True).unique()
    classified = years.join(routine, on=[*who, "label"], how="left").select(
        *who, "label", routine=pl.col("same_month").fill_null(False)
    )
    styles = (
        owned.select("id", *who, label=when["year"])
        .join(classified, on=[*who, "label"])
        .group_by("id")
        .agg(pl.col("routine").any())
        .select("id", style=pl.when("routine").then(pl.lit("routine")).otherwise(pl.lit("opportunistic")))
    )
    return lines.select("id").join(styles, on="id", how="left").with_columns(pl.col("style").fill_null("unclassified"))


def insiders(lines: pl.DataFrame) -> pl.DataFrame:
    """One name for each group of joint filers, as far as earlier filings and this one tell.

    Returns
    -------
    id, insider (String): the first known CIK of the group that the line's owners belong to within the issuer.

    Notes
    -----
    A fund, its general partner and its manager file as several persons about one decision; they are one insider where
    insiders are counted for a cluster. Groups grow as filings come in; a line keeps the name it got.
    """
    joint = lines.filter(pl.col("owners").list.len() > 1).select("issuer").unique()
    alone = lines.join(joint, on="issuer", how="anti", nulls_equal=True)
    names = [alone.select("id", insider=pl.coalesce(pl.col("owners").list.first(), "accession"))]
    grouped = lines.join(joint, on="issuer", how="semi", nulls_equal=True).sort("id")
    parent: dict[tuple[str, str], tuple[int, str]] = {}
    named: list[tuple[int, str]] = []
    for line, issuer, owners, accession in grouped.select("id", "issuer", "owners", "accession").iter_rows():
        roots = [_root(parent, issuer, owner, line) for owner in owners]
        eldest = min(roots, default=(line, accession))
        for _, root in roots:
            parent[issuer, root] = eldest
        named.append((line, eldest[1]))
    names.append(pl.DataFrame(named, schema={"id": pl.UInt32, "insider": pl.String}, orient="row"))
    return pl.concat(names)


def _root(parent: dict[tuple[str, str], tuple[int, str]], issuer: str, owner: str, line: int) -> tuple[int, str]:
    """(line of first appearance, CIK) of the group's eldest member."""
    root = parent.setdefault((issuer, owner), (line, owner))
    while root[1] != owner:
        owner = root[1]
        root = parent[issuer, owner]
    return root


def sector_of(lines: pl.DataFrame, sectors: pl.DataFrame, scheme: str) -> pl.DataFrame:
    """`lines` with `group` (String, null where unknown): the symbol's group in the scheme on the line's session."""
    asked = lines.select("symbol", "session").unique()
    dated = (
        asked.join(sectors.filter(pl.col("scheme") == scheme), on="symbol")
        .filter(
            pl.col("from_date") <= pl.col("session"),
            pl.col("to_date").is_null() | (pl.col("session") <= pl.col("to_date")),
        )
        .sort("symbol", "session", "from_date", "group")
        .unique(["symbol", "session"], keep="last", maintain_order=True)
        .select("symbol", "session", "group", sector_assumed="assumed")
    )
    return (
        lines.join(dated, on=["symbol", "session"], how="left", maintain_order="left")
        .with_columns(assumed=_together(pl.col("assumed"), _of_table("sectors", "sector_assumed")))
        .drop("sector_assumed")
    )


LEDGER: Columns = {
    "session": pl.Date,
    "symbol": pl.String,
    "event_month": pl.Date,
    "accession": pl.String,
    "line": pl.Int64,
    "entry": pl.Int8,
    "known_at": pl.Int64,
    "side": pl.Int8,
    "weight": pl.Int8,
    "shares": pl.Int64,
    "dollars": pl.Int64,
    "price_state": pl.String,
    "plan": pl.Boolean,
    "style": pl.String,
    "role": pl.String,
    "group": pl.String,
    "owners": pl.List(pl.String),
    "insider": pl.String,
    "addition": pl.Boolean,
    "assumed": pl.String,
}
"""One row per entry: 0 a line as filed, 1 the version an amendment takes away (weight −1), 2 the version it sets."""

REFUSED: Columns = {
    "session": pl.Date,
    "known_at": pl.Int64,
    "symbol": pl.String,
    "accession": pl.String,
    "line": pl.Int64,
    "reason": pl.String,
}


def ledger(
    trades: pl.DataFrame, bars: pl.DataFrame, sectors: pl.DataFrame, scheme: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Open-market entries by session of knowledge, and the lines that are no entry.

    Returns
    -------
    entries (columns LEDGER) and refused (columns REFUSED; reason "acquired_disposed", "incomplete" or "chain_copy").

    Notes
    -----
    An entry taken away carries every attribute of the entry that it undoes, so that the two cancel in any cut. The
    10b5-1 mark is null for filings before 2023-04-01, when the form had no box for it.
    """
    lines, refused = open_market_lines(trades)
    lines = lines.join(replaced_lines(lines), on="id", how="left", maintain_order="left")
    copies = chain_copies(lines)
    copied = lines.join(copies, on="id", how="semi").select(*list(REFUSED)[:-1], reason=pl.lit("chain_copy"))
    lines = price_states(
        lines.join(copies, on="id", how="anti", maintain_order="left").with_columns(dollars=dollars()), bars
    )
    undone = lines.filter(pl.col("replaces").is_not_null()).select(
        id="replaces",
        by_session="session",
        replaced_at="known_at",
        by_accession="accession",
        by_line="line",
        by_assumed="assumed",
    )
    lines = lines.join(undone, on="id", how="left", maintain_order="left")
    lines = lines.join(routine_labels(lines), on="id").join(insiders(lines), on="id")
    lines = sector_of(lines, sectors, scheme).with_columns(
        event_month=pl.col("transaction_date").dt.truncate("1mo"),
        entry=pl.when(pl.col("replaces").is_null()).then(0).otherwise(2),
        weight=1,
        plan=pl.when(pl.col("filed") >= PLAN_FLAG_SINCE).then(pl.col("plan_10b5_1")),
        role=_role(),
        addition=(pl.col("form") == "4/A") & pl.col("replaces").is_null(),
    )
    away = lines.filter(pl.col("replaced_at").is_not_null()).with_columns(
        session="by_session",
        known_at="replaced_at",
        accession="by_accession",
        line="by_line",
        assumed=_together(pl.col("assumed"), pl.col("by_assumed")),
        entry=1,
        weight=-1,
    )
    entries = pl.concat([columns(lines, LEDGER), columns(away, LEDGER)])
    return entries, pl.concat([columns(refused, REFUSED), columns(copied, REFUSED)])


def _role() -> pl.Expr:
    """The most telling of the owners' roles; "unknown" where the filing names none."""
    named = pl.coalesce("officer", "director", "ten_percent_owner").is_not_null()
    return (
        pl.when("officer")
        .then(pl.lit("officer"))
        .when("director")
        .then(pl.lit("director"))
        .when("ten_percent_owner")
        .then(pl.lit("ten_percent_owner"))
        .when(named)
        .then(pl.lit("other"))
        .otherwise(pl.lit("unknown"))
    )


def _of_table(table: str, column: str) -> pl.Expr:
    """ "high,low" → "daily_bars.high,daily_bars.low"."""
    return pl.col(column).str.split(",").list.eval(f"{table}." + pl.element().str.strip_chars()).list.join(",")


def _together(*lists: pl.Expr) -> pl.Expr:
    """Comma-separated lists as one, null where all are null."""
    joined = pl.concat_str(*lists, separator=",", ignore_nulls=True)
    return pl.when(joined != "").then(joined)


def crossings(changes: pl.DataFrame, by: list[str], least: int) -> pl.DataFrame:
    """When a running sum reaches `least`, and when it falls below again.

    Parameters
    ----------
    changes : columns `by`, n (position, integer), amount (integer): what is added to the sum of `by` at position n
    by : who has a sum of its own
    least : the level that counts

    Returns
    -------
    `by`, n, amount (+1 reaches, −1 leaves).
    """
    levels = (
        changes.group_by(*by, "n")
        .agg(pl.col("amount").cast(pl.Int128).sum())
        .sort(*by, "n")
        .with_columns(on=(pl.col("amount").cum_sum().over(by) >= least).cast(pl.Int8))
    )
    flips = levels.with_columns(amount=pl.col("on") - pl.col("on").shift(1).over(by).fill_null(0))
    return flips.filter(pl.col("amount") != 0).select(*by, "n", "amount")
