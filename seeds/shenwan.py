"""The 31 Shenwan level-1 industries of the 2021 classification: codes, names, and since when each has an index.

Source: Shenwan Hongyuan Research, industry classification standard 2021 (index codes 801010 … 801980; `prefix` is the
first two digits of a stock's six-digit industry code). The English names are ours. Facts; no licence attached.
"""

import csv
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files


@dataclass(frozen=True)
class Industry:
    """A level-1 industry; `since` is the day from which its index was published (2021-12-13 for the four new ones)."""

    code: str
    prefix: str
    chinese: str
    english: str
    since: date


@lru_cache(maxsize=1)
def industries() -> dict[str, Industry]:
    """Every level-1 industry by index code.

    >>> industries()["801780"].chinese
    '银行'
    """
    with files("seeds").joinpath("shenwan.csv").open(encoding="utf-8") as lines:
        return {
            row["code"]: Industry(
                row["code"], row["prefix"], row["chinese"], row["english"], date.fromisoformat(row["since"])
            )
            for row in csv.DictReader(lines)
        }
