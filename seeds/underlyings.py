"""What kind of underlying an option's root names, where the root is known; the rest stays unknown."""

import csv
from functools import lru_cache
from importlib.resources import files


@lru_cache(maxsize=1)
def asset_classes() -> dict[str, str]:
    """Root of an index's or a large fund's options with its asset class, "index" or "etf".

    >>> asset_classes()["SPXW"], asset_classes().get("AAPL")
    ('index', None)
    """
    with files("seeds").joinpath("underlyings.csv").open(encoding="utf-8") as lines:
        return {row["root"]: row["asset_class"] for row in csv.DictReader(lines)}
