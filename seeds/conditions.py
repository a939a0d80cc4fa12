"""The vocabulary of print conditions, and what each word does to a print."""

import csv
from functools import lru_cache
from importlib.resources import files


@lru_cache(maxsize=1)
def condition_flags() -> dict[str, str]:
    """Each known condition word with the name of its flag ("" for a word that changes nothing).

    >>> condition_flags()["average_price"]
    'AVERAGE_PRICE'
    """
    with files("seeds").joinpath("print_conditions.csv").open(encoding="utf-8") as lines:
        return {row["word"]: row["flag"] for row in csv.DictReader(lines)}
