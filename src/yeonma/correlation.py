"""Correlations of two rows of numbers."""

from __future__ import annotations

import numpy as np


def ranks(values: np.ndarray) -> np.ndarray:
    """(n,) ranks counted from 1; equal values share the mean of the ranks they take together."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    shared: np.ndarray = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return shared


def pearson(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's r = Σ (x−x̄)(y−ȳ) / √(Σ (x−x̄)² · Σ (y−ȳ)²); 0 where it is not defined: fewer than two, or constant."""
    # A constant is looked for before the mean is taken off: rounding would leave a small, wild remainder.
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    x, y = x - x.mean(), y - y.mean()
    below = np.linalg.norm(x) * np.linalg.norm(y)
    return float(np.clip(x @ y / below, -1, 1)) if below > 0 else 0.0


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's ρ: Pearson's r of the ranks, ties ranked at their mean (Spearman 1904; Kendall 1948, ch. 3)."""
    return pearson(ranks(x), ranks(y))
