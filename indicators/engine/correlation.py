"""How the scores of a gauge's parts went together in the past: Spearman's ρ of every pair, sliding. INDICATORS 6."""

import numpy as np

LOOKBACK = 504
COMMON = 60
"""Scores are correlated over the 504 sessions before today; a pair with fewer than 60 in common counts as unrelated."""


def past_spearman(scores: np.ndarray, begin: int = 0) -> np.ndarray:
    """Correlate the scores of every pair of parts over the past, at each session from `begin` on.

    Parameters
    ----------
    scores : float64 (T, p), one row per consecutive session, NaN where a part is absent

    Returns
    -------
    float64 (T − begin, p, p) : [t − begin, i, j] = Spearman's ρ (ties at average ranks) over the sessions t−504 … t−1
        at which both parts have a score; 0 with fewer than 60 of them or a constant side; 1 on the diagonal

    Notes
    -----
    The centred rank of x_i among x_1 … x_n is ½·Σ_j sign(x_i − x_j), ties included, so that a window slides by one
    sign per member, in integers: the result does not depend on where the history starts.
    """
    length, p = scores.shape
    rows, cols = np.triu_indices(p, k=1)
    out = np.broadcast_to(np.eye(p), (length - begin, p, p)).copy()
    pairs = np.stack([scores[:, rows], scores[:, cols]], axis=1)  # (T, 2, pairs)
    pairs = np.where(np.isnan(pairs).any(axis=1, keepdims=True), np.nan, pairs)
    held = np.full((2, len(rows), LOOKBACK), np.nan)
    before = np.arange(max(0, begin - LOOKBACK), begin)
    held[:, :, before % LOOKBACK] = np.moveaxis(pairs[before], 0, 2)
    ranks = _centred_ranks(held)
    for t in range(begin, length):
        rho = _ratio(ranks, np.count_nonzero(~np.isnan(held[0]), axis=1))
        out[t - begin, rows, cols] = out[t - begin, cols, rows] = rho
        slot = t % LOOKBACK
        ranks -= _sign_against(held, held[:, :, slot].copy())
        held[:, :, slot] = np.nan
        signs = _sign_against(held, pairs[t])
        ranks += signs
        held[:, :, slot] = pairs[t]
        ranks[:, :, slot] = -signs.sum(axis=2)
    return out


def _centred_ranks(held: np.ndarray) -> np.ndarray:
    """Σ_j sign(x_i − x_j) over the last axis, int32; NaN counts for nothing and has 0."""
    ranks = np.zeros(held.shape, dtype=np.int32)
    for at in np.ndindex(held.shape[:-1]):
        members = np.flatnonzero(~np.isnan(held[at]))
        values = held[at][members]
        ordered = np.sort(values)
        less, upto = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
        ranks[(*at, members)] = less - (len(ordered) - upto)
    return ranks


def _sign_against(held: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Sign of each member minus a number, int8; 0 where either is NaN."""
    beside = number[:, :, None]
    return (held > beside).view(np.int8) - (held < beside).view(np.int8)


def _ratio(ranks: np.ndarray, common: np.ndarray) -> np.ndarray:
    """Pearson's ratio of centred integer ranks (2, pairs, window); 0 where undefined."""
    wide = ranks.astype(np.int64)
    products = (wide[0] * wide[1]).sum(axis=1)
    norms = np.sqrt((wide[0] ** 2).sum(axis=1) * (wide[1] ** 2).sum(axis=1))
    usable = (common >= COMMON) & (norms > 0)
    return np.where(usable, products / np.where(usable, norms, 1.0), 0.0)
