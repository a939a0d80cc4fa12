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


@lru_cache(maxsize=16)
def words_of(codes: str) -> dict[str, str]:
    """A code list's codes with the words of the store for each, `;`-separated ("" for a code that changes nothing).

    Parameters
    ----------
    codes : name of a file in seeds/conditions, without `.csv`: columns code, words, meaning, source
    """
    with files("seeds").joinpath("conditions", f"{codes}.csv").open(encoding="utf-8") as lines:
        return {row["code"]: row["words"] for row in csv.DictReader(lines)}
