"""FINRA: a daily short volume file a session and facility, and the weekly summaries as one JSON."""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl

from feeds.schema import CONSOLIDATED

_FILES = {"Q": "FNSQ", "N": "FNYX", "B": "FNQC", "D": "FNRA", "O": "FORF", CONSOLIDATED: "CNMS"}
_HEADER = "Date|Symbol|ShortVolume|ShortExemptVolume|TotalVolume|Market"


def said(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Short volume and weekly summaries, whole."""
    return {name: frame for name, frame in tables.items() if name in ("short_volume", "ats_weekly")}


def write(tables: Mapping[str, pl.DataFrame], session: date | None, folder: Path) -> list[Path]:
    """Files named and laid out as FINRA's; see `feeds.writers`."""
    if session is not None:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    if "short_volume" in tables:
        ordered = tables["short_volume"].sort("date", "facility", "symbol")
        for (day, facility), part in ordered.group_by("date", "facility", maintain_order=True):
            written.append(folder / f"{_FILES[str(facility)]}shvol{day:%Y%m%d}.txt")
            _daily(written[-1], part)
    if "ats_weekly" in tables and tables["ats_weekly"].height:
        written.append(folder / "weeklySummary.json")
        records = [_summary(row) for row in tables["ats_weekly"].iter_rows(named=True)]
        written[-1].write_text(json.dumps(records, indent=1), encoding="utf-8")
    return written


def _daily(path: Path, part: pl.DataFrame) -> None:
    """Rows, and a last line that counts them; lines end as on Windows."""
    volumes = [_volume(name) for name in ("short_volume", "short_exempt_volume", "total_volume")]
    market = pl.when(pl.col("facility") == CONSOLIDATED).then(pl.lit("B,Q,N")).otherwise("facility")
    lines = part.select(pl.concat_str(pl.col("date").dt.strftime("%Y%m%d"), "symbol", *volumes, market, separator="|"))
    path.write_bytes("\r\n".join([_HEADER, *lines.to_series(), str(part.height), ""]).encode())


def _volume(name: str) -> pl.Expr:
    """Whole shares without a point, fractions with six places."""
    value = pl.col(name).fill_null(0.0)
    whole = value.cast(pl.Int64, strict=False)
    return pl.when(value == whole).then(whole.cast(pl.String)).otherwise(value.round(6).cast(pl.String))


def _summary(row: Mapping[str, object]) -> dict[str, object]:
    venue = row["venue"]
    return {
        "totalWeeklyShareQuantity": _whole(row["shares"]),
        "issueSymbolIdentifier": row["symbol"],
        "issueName": f"{row['symbol']} Inc",
        "lastUpdateDate": str(row["published"]),
        "tierDescription": "NMS Tier 1",
        "initialPublishedDate": str(row["published"]),
        "tierIdentifier": "T1",
        "summaryTypeCode": "ATS_W_SMBL" if venue is None else "ATS_W_SMBL_FIRM",
        "totalWeeklyTradeCount": _whole(row["trades"]),
        "weekStartDate": str(row["week_start"]),
        "MPID": venue,
        "marketParticipantName": None if venue is None else f"{venue} ATS",
    }


def _whole(value: object) -> int | float:
    number = float(str(value))
    return int(number) if number.is_integer() else number
