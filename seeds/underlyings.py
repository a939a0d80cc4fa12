"""Option roots whose kind of underlying is published: index options and the funds with the most option trading."""

import csv
from functools import lru_cache
from importlib.resources import files


@lru_cache(maxsize=1)
def asset_classes() -> dict[str, str]:
    """Option root → "etf" or "index"; a root that is not here is of unknown kind, not an equity.

    >>> asset_classes()["SPXW"]
    'index'
    """
    return {row["root"]: row["asset_class"] for row in _rows()}


@lru_cache(maxsize=1)
def underlyings() -> dict[str, str]:
    """Option root → what it is written on, where that has another symbol or the same one.

    >>> underlyings()["SPXW"]
    'SPX'
    """
    return {row["root"]: row["underlying"] for row in _rows()}


def _rows() -> list[dict[str, str]]:
    with files("seeds").joinpath("underlyings.csv").open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))
