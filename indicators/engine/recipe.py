"""What a stored result depends on beside its input: the code that made it and its parameters.

Imports no kernel, so that a stored report can be looked up without compiling or loading anything.
"""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indicators.engine.indicator import Indicator

_COMPUTED_WITH = ("duckdb", "numba", "numpy", "polars")
"""Packages that may add in another order in another version."""

_COMPUTING = ("indicator", "contributions", "filings", "history", "money", "prints", "spans", "weeks")
"""Modules of the engine whose code enters an indicator's rows and readings."""

_FUSING = ("correlation", "gauge", "walk_forward", "zones")
"""Modules of the engine whose code enters the gauge beside its parts."""


def recipe_of(indicator: "Indicator") -> str:
    """Sha256 over an indicator's parameters and all code that its rows and readings come from."""
    digest = hashlib.sha256(f"{indicator.name} {indicator.model_dump_json()}".encode())
    module = type(indicator).__module__.split(".")
    own = files(module[0]).joinpath(*module[1:-1], f"{module[-1]}.py")
    engine = (files("indicators").joinpath("engine", f"{name}.py") for name in _COMPUTING)
    read = (files("feeds").joinpath(f"{name}.py") for name in ("arrow", "schema", "tape"))
    _add(digest, [own, *engine, *_under("indicators", "kernels"), *_under("seeds"), *read])
    _add(digest, _under("feeds", "sql", "tape"))
    return digest.hexdigest()


def recipe_of_gauge(indicators: "Iterable[Indicator]") -> str:
    """Sha256 over all code and parameters that a gauge of some indicators comes from."""
    digest = hashlib.sha256(" ".join(sorted(recipe_of(indicator) for indicator in indicators)).encode())
    _add(digest, (files("indicators").joinpath("engine", f"{name}.py") for name in _FUSING))
    return digest.hexdigest()


@lru_cache(maxsize=1)
def code_hash() -> str:
    """Sha256 over the whole package, and over the versions of what it computes with.

    A report of another version is never taken for one of this.
    """
    digest = hashlib.sha256(" ".join(f"{name} {version(name)}" for name in _COMPUTED_WITH).encode())
    parts = [*_under("feeds"), *_under("seeds")]
    for folder in ("", "kept", "ledger", "lookup", "tape"):
        parts += _under("feeds", "sql", folder)
    for folder in ("us", "china", "kernels", "engine", "views"):
        parts += _under("indicators", folder)
    _add(digest, parts)
    return digest.hexdigest()


def _under(package: str, *folders: str) -> list[Traversable]:
    """A folder's own files of code and reference data."""
    place = files(package).joinpath(*folders)
    kept = (entry for entry in place.iterdir() if Path(entry.name).suffix in (".py", ".sql", ".toml", ".csv"))
    return sorted(kept, key=lambda entry: entry.name)


def _add(digest: "hashlib._Hash", parts: Iterable[Traversable]) -> None:
    for part in parts:
        digest.update(part.name.encode())
        digest.update(part.read_bytes())
