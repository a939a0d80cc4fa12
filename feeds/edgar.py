"""What the sources of insider filings share: issuers, owners and tickers as filers write them."""

import polars as pl

_UNLISTED = ("", "NONE", "N/A", "[NONE]", "(NONE)")
_TICKER = r"[A-Za-z0-9.\-/]{1,10}"


def central_index_key(name: str) -> pl.Expr:
    """A CIK without the zeros that EDGAR pads it with to ten digits; blank becomes null."""
    bare = pl.col(name).str.strip_chars().str.strip_chars_start("0")
    return pl.when(bare != "").then(bare)


def ticker(symbol: str, issuer_cik: str) -> pl.Expr:
    """The symbol under which an issuer's filings stand.

    A filer writes the ticker by hand: several classes in a list, or none. Of a list of tickers the first stands for the
    issuer, in capitals; an issuer without one is `CIK` and its number, so that those who write NONE are not taken for
    one company. What looks like neither stays as it is.

    Parameters
    ----------
    symbol, issuer_cik : names of text columns; the CIK as `central_index_key` gives it

    Examples
    --------
    >>> written = pl.DataFrame({"s": ["WLY, WLYB", "none", "agx", "x y"], "c": ["1", "2", "3", "4"]})
    >>> written.select(ticker("s", "c")).to_series().to_list()
    ['WLY', 'CIK2', 'AGX', 'x y']
    """
    text = pl.col(symbol).fill_null("").str.strip_chars()
    listed = text.str.contains(rf"^{_TICKER}(\s*[,;]\s*{_TICKER})*$")
    first = text.str.extract(rf"^({_TICKER})").str.to_uppercase()
    unlisted = text.str.to_uppercase().is_in(_UNLISTED)
    return pl.when(unlisted).then(pl.lit("CIK") + pl.col(issuer_cik)).when(listed).then(first).otherwise(text)
