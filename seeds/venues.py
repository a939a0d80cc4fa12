"""Vendors' codes of trading venues, and the short names that the store keeps."""

import csv
from functools import lru_cache
from importlib.resources import files


@lru_cache(maxsize=16)
def venues_of(codes: str) -> dict[str, str]:
    """A vendor's codes with the venue of each: SIP participant letter or market identifier code.

    Parameters
    ----------
    codes : name of a file in seeds/venues, without `.csv`: columns code, venue, name, source

    Examples
    --------
    >>> venues_of("massive_options")["308"], venues_of("databento")["17"]
    ('I', 'FINN')
    """
    with files("seeds").joinpath("venues", f"{codes}.csv").open(encoding="utf-8") as lines:
        return {row["code"]: row["venue"] for row in csv.DictReader(lines)}


def publishers_of(dataset: str) -> dict[str, int]:
    """The venues of a Databento data set with the number of each as its publisher.

    >>> publishers_of("OPRA.PILLAR")["XCBO"]
    22
    """
    with files("seeds").joinpath("venues", "databento.csv").open(encoding="utf-8") as lines:
        return {row["venue"]: int(row["code"]) for row in csv.DictReader(lines) if row["dataset"] == dataset}
