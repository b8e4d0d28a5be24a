"""Scores of predicted numbers against gold ones: correlations, errors, and F1 above a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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


def _f1_above(gold: np.ndarray, predicted: np.ndarray, threshold: float) -> float:
    wanted, said = gold >= threshold, predicted >= threshold
    return float(2 * (wanted & said).sum() / max(1, wanted.sum() + said.sum()))


def regression(gold: Sequence[float], predicted: Sequence[float], threshold: float | None = None) -> dict[str, Any]:
    """Pearson's and Spearman's correlations (−1 … 1), mean squared error and mean absolute error in the data's unit.

    Spearman's ρ is Pearson's r of the ranks, ties ranked at their mean (Spearman 1904; Kendall 1948, ch. 3). A
    correlation with a constant is not defined and stands as 0. With a threshold also "f1", a share of 1: F1 of "the
    number is at least the threshold" (KLUE-STS: 3.0; Park et al. 2021, arXiv 2105.09680). "mean" is the best constant
    prediction and its error: what a model must beat.
    """
    g, p = np.asarray(gold, np.float64), np.asarray(predicted, np.float64)
    wrong = p - g if len(g) else np.zeros(1)
    mean = float(g.mean()) if len(g) else 0.0
    return {
        "n": len(g),
        "pearson": pearson(g, p),
        "spearman": pearson(ranks(g), ranks(p)),
        "mse": float((wrong**2).mean()),
        "mae": float(np.abs(wrong).mean()),
        **({} if threshold is None else {"f1": _f1_above(g, p, threshold)}),
        "mean": {"value": mean, "mse": float(g.var()) if len(g) else 0.0},
    }
