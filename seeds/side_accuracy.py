"""How often trade-side rules are right, by asset class, venue profile and rule: published figures and assumptions."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

LEAST_ERROR = 0.02
"""The smallest standard error of an accuracy (INDICATORS 0)."""

PROFILES = ("other", "ise", "cboe")
"""Venue profiles by code: a venue that was not measured is 0."""


@dataclass(frozen=True)
class Accuracy:
    """Accuracy of the prints that a rule signs, its standard error, and what was assumed for it ("" if nothing)."""

    p: float
    se: float
    assumption: str = ""


@lru_cache(maxsize=1)
def _figures() -> dict[str, Any]:
    with files("seeds").joinpath("side_accuracy.toml").open("rb") as document:
        return tomllib.load(document)


def given_signed(accuracy: float, coverage: float = 1.0) -> float:
    """Accuracy of the signed prints alone, p = (a − ½(1−c))/c, where unsigned ones were counted as coin flips.

    >>> round(given_signed(0.637, 0.917), 3)
    0.649
    """
    return (accuracy - 0.5 * (1.0 - coverage)) / coverage


@lru_cache(maxsize=1)
def venue_profiles() -> dict[str, int]:
    """Venue code → position in PROFILES; codes that are not listed are 0, "other".

    >>> PROFILES[venue_profiles()["XISX"]]
    'ise'
    """
    return {code: PROFILES.index(name) for name, codes in _figures()["profiles"].items() for code in codes}


def _accuracy(figure: dict[str, float], se: float, assumptions: list[str]) -> Accuracy:
    p = given_signed(figure["accuracy"], figure.get("coverage", 1.0))
    return Accuracy(p, max(LEAST_ERROR, se, figure.get("se", 0.0)), "; ".join(a for a in assumptions if a))


def published_option_accuracy(profile: str, rule: str) -> float | None:
    """The published accuracy of a rule over all equity option prints, unsigned ones counted one half; None if none is.

    >>> published_option_accuracy("cboe", "gsu")
    0.72
    """
    figure = _figures()["options"].get(rule, {}).get(profile)
    return None if figure is None else float(figure["accuracy"])


@lru_cache(maxsize=256)
def option_accuracy(asset_class: str, profile: str, rule: str) -> Accuracy:
    """Accuracy of option prints signed by a rule.

    Parameters
    ----------
    asset_class : "equity", "etf", "index" or "unknown"
    profile : one of PROFILES
    rule : "aggressor", "gsu", "quote", "lr", "quote_rev_tick", "emo", "clnv", "tick" or "rev_tick"

    Examples
    --------
    >>> option_accuracy("equity", "ise", "gsu")
    Accuracy(p=0.75, se=0.02, assumption='')
    >>> option_accuracy("equity", "other", "gsu").p
    0.72
    """
    figures = _figures()
    by_rule = figures["options"][rule]
    assumptions = [by_rule.get("assumption", "")]
    se = 0.0
    if profile == "other":
        se = figures["other"]["se"]
        assumptions.append(figures["other"]["assumption"])
    if asset_class == "index":
        index = figures["index_options"]
        figure = {"accuracy": index[rule], "se": by_rule["cboe"].get("se", 0.0)}
        return _accuracy(figure, se, [*assumptions, index["assumption"]])
    if asset_class == "unknown":
        se = max(se, figures["unknown_class"]["se"])
        assumptions.append(figures["unknown_class"]["assumption"])
    if profile != "other":
        return _accuracy(by_rule[profile], se, assumptions)
    lower = min((by_rule["ise"], by_rule["cboe"]), key=lambda f: given_signed(f["accuracy"], f.get("coverage", 1.0)))
    return _accuracy(lower, se, assumptions)


@lru_cache(maxsize=2)
def equity_accuracy(kind: str) -> Accuracy:
    """Accuracy of signed "off_exchange" or "block" prints of stocks: a labelled assumption.

    >>> equity_accuracy("block").p, equity_accuracy("block").se
    (0.65, 0.08)
    """
    equity = _figures()["equity"]
    return _accuracy(equity[kind], 0.0, [equity["assumption"]])
