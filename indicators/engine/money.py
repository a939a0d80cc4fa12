"""Micro-dollars made readable: exact decimals for components, rounded words for sentences."""

from decimal import Decimal


def dollars(micros: int) -> Decimal:
    """Exact dollars.

    >>> dollars(1_500_000)
    Decimal('1.500000')
    """
    return Decimal(micros).scaleb(-6)


def spoken(amount: Decimal) -> str:
    """An amount as a trader says it, three figures.

    >>> spoken(Decimal("-28123456.5")), spoken(Decimal(950))
    ('-$28.1M', '$950')
    """
    sign = "-" if amount < 0 else ""
    size = abs(float(amount))
    for scale, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")):
        if size >= 0.9995 * scale:
            return (
                f"{sign}${size / scale:.3g}{letter}" if size < 999.5 * scale else f"{sign}${size / scale:,.0f}{letter}"
            )
    return f"{sign}${size:.3g}"
