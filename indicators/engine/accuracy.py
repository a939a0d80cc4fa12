"""How often each trade-side rule finds the true initiator, measured where the truth is known: the synthetic market."""

from collections.abc import Iterable

import numpy as np
import polars as pl

from feeds.demo import SEED, SESSIONS, true_sides
from feeds.schema import ABSENT, EXCLUDED, Part, PrintFlag
from feeds.store import Store
from feeds.synthetic import market
from indicators.kernels.quotes import quotes_in_force
from indicators.kernels.side import RULES, sign_prints
from seeds.side_accuracy import PROFILES, published_option_accuracy, venue_profiles

MEASURED = ("quote", "lr", "emo", "clnv", "tick", "gsu")
"""The rules with a published accuracy at both exchanges (INDICATORS 0)."""

_FLOOR, _PERCENT = 5_000_000, 25
_QUOTE = ("bid", "ask", "bid_size", "ask_size")


def rule_accuracy(parts: Iterable[Part], truth: np.ndarray) -> list[dict[str, object]]:
    """Measured against published accuracy of option prints, by rule and venue profile.

    Parameters
    ----------
    parts : tape parts with option_trades and option_quotes
    truth : int8, the true side of the print with record r at r − 1; 0 where nobody started it

    Returns
    -------
    rows with rule, profile, prints, signed (share), accuracy (share right, an unsigned print counting one half) and
    published. Excluded prints and auctions are left out.
    """
    right: dict[tuple[str, str], np.ndarray] = {}
    profile_of = venue_profiles()
    for part in parts:
        tape = _with_quote_in_force(part)
        flags = tape["flags"].to_numpy()
        true = truth[tape["record"].to_numpy() - 1]
        eligible = (flags & int(EXCLUDED | PrintFlag.AUCTION)) == 0
        venues = dict(part.tables["venues"].iter_rows())
        profile = np.array([profile_of.get(venues[v], 0) for v in tape["venue"].to_list()])
        contract, price, size, bid, ask, bid_size, ask_size, aggressor = (
            tape[name].to_numpy() for name in ("contract", "price", "size", *_QUOTE, "aggressor")
        )
        for rule in MEASURED:
            layers = np.array(RULES[rule], np.int8)
            side, _ = sign_prints(
                layers, contract, price, size, bid, ask, bid_size, ask_size, aggressor, eligible, _FLOOR, _PERCENT
            )
            for code, name in enumerate(PROFILES):
                mine = eligible & (profile == code) & (true != 0)
                counts = np.array([mine.sum(), (mine & (side != 0)).sum(), (mine & (side == true)).sum()])
                right[rule, name] = right.get((rule, name), np.zeros(3, np.int64)) + counts
    rows: list[dict[str, object]] = []
    for (rule, name), (prints, signed, hits) in sorted(right.items()):
        published = published_option_accuracy(name, rule)
        if published is not None and prints:
            accuracy = float(hits + 0.5 * (prints - signed)) / float(prints)
            rows.append(
                {"rule": rule, "profile": name, "prints": int(prints), "signed": float(signed) / float(prints),
                 "accuracy": accuracy, "published": published}
            )  # fmt: skip
    return rows


def _with_quote_in_force(part: Part) -> pl.DataFrame:
    """The prints with their own NBBO where they carry one, else the last quote before them."""
    trades, quotes = part.tables["option_trades"], part.tables["option_quotes"]
    at = quotes_in_force(
        *(trades[name].to_numpy() for name in ("contract", "ts")),
        *(quotes[name].to_numpy() for name in ("contract", "ts")),
    )
    own = trades["bid"].to_numpy() != ABSENT
    filled = {}
    for name in _QUOTE:
        matched = np.where(at >= 0, quotes[name].to_numpy()[at] if len(quotes) else ABSENT, ABSENT)
        filled[name] = pl.Series(np.where(own, trades[name].to_numpy(), matched))
    return trades.with_columns(**filled)


def demo_accuracy(store: Store) -> list[dict[str, object]]:
    """`rule_accuracy` over the whole demo store."""
    tapes = {"option_trades": "session", "option_quotes": "session"}
    made = market(seed=SEED, sessions=SESSIONS)
    days = made.sessions.dates
    return rule_accuracy(store.parts(tapes, store.sessions().window(days[0], days[-1])), true_sides(made))
