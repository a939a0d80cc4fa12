"""Option symbols as the OCC writes them: root, expiry YYMMDD, C or P, strike in thousandths as eight digits.

Contracts are kept under their root: SPX and SPXW list the same expiry and strike and are two contracts. A digit in the
root says that the terms are not the standard ones: at its end after a corporate action (or for a mini of 10 shares), at
its start for a FLEX contract. How many dollars a point of premium is then worth, the symbol does not say.

Source: OCC, Options Symbology Initiative (21-character symbols); OCC, "Adjusted option symbols" and FLEX symbols.
"""

import re

import polars as pl

from seeds.underlyings import asset_classes

_SYMBOL = r"(.*\S)\s*(\d{6})([CP])(\d{8})$"
_STANDARD = re.compile(r"^[^\W\d](.*[^\s\d])?\s*\d{6}[CP]\d{8}$")
_THOUSANDTH = 1_000  # micro-dollars


def is_standard(symbol: str) -> bool:
    """Whether a symbol is an option's and its root speaks of the usual terms.

    >>> is_standard("AAPL  250221C00200000"), is_standard("AAPL1 250221C00200000"), is_standard("AAPL.OPT")
    (True, False, False)
    """
    return _STANDARD.match(symbol) is not None


def contracts_of(symbols: pl.Series, prefix: str = "") -> pl.DataFrame:
    """The contract that each symbol names.

    Parameters
    ----------
    symbols : String, with or without spaces between root and expiry
    prefix : what the vendor writes before each symbol

    Returns
    -------
    DataFrame, one row a symbol, in order: underlying (String: the root), asset_class (String, null where the root is
    not a known one), expiry (String YYYY-MM-DD; the symbol itself where it is no option symbol, which no check lets
    pass), strike (Int64 micro-dollars), right (String), terms (String: `adjusted_contract`, `flex_contract` or null)

    Examples
    --------
    >>> contracts_of(pl.Series(["SPXW  250221C05000500"])).rows()
    [('SPXW', 'index', '2025-02-21', 5000500000, 'C', None)]
    >>> contracts_of(pl.Series(["AAPL1250221P00002500"])).select("underlying", "terms").rows()
    [('AAPL1', 'adjusted_contract')]
    """
    known = asset_classes()
    groups = (
        pl.col("symbol")
        .str.extract_groups(f"^{prefix}{_SYMBOL}")
        .struct.rename_fields(["root", "day", "right", "strike"])
    )
    parts = pl.DataFrame({"symbol": symbols.cast(pl.String)}).with_columns(groups.struct.unnest())
    day, root = pl.col("day"), pl.col("root")
    written = pl.concat_str(
        pl.lit("20"), day.str.slice(0, 2), pl.lit("-"), day.str.slice(2, 2), pl.lit("-"), day.str.slice(4)
    )
    plain = root.str.strip_chars("0123456789")
    return parts.select(
        underlying=pl.coalesce(root, "symbol"),
        asset_class=plain.replace_strict(known, default=None, return_dtype=pl.String),
        expiry=pl.when(day.is_null()).then("symbol").otherwise(written),
        strike=pl.col("strike").cast(pl.Int64, strict=False) * _THOUSANDTH,
        right="right",
        terms=pl.when(root.str.contains(r"^\d"))
        .then(pl.lit("flex_contract"))
        .when(root.str.contains(r"\d$"))
        .then(pl.lit("adjusted_contract")),
    )
