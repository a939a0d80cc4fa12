"""Option exchanges under the names that sources give them."""

import csv
from functools import lru_cache
from importlib.resources import files


@lru_cache(maxsize=4)
def opra_letters(known_as: str) -> dict[str, str]:
    """Another code of each option exchange → its OPRA participant letter.

    Parameters
    ----------
    known_as : "mic", or "cboe" or "thetadata" for the numbers of Cboe DataShop and of ThetaData: the same for most

    >>> opra_letters("cboe")["71"], opra_letters("thetadata")["46"], opra_letters("mic")["EMLD"]
    ('D', 'D', 'D')
    """
    with files("seeds").joinpath("option_venues.csv").open(encoding="utf-8") as lines:
        return {row[known_as]: row["opra"] for row in csv.DictReader(lines) if row[known_as]}
