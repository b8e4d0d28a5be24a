"""Scores of predicted numbers against gold ones: correlations, errors, and F1 above a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from yeonma.correlation import pearson, spearman


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
        "spearman": spearman(g, p),
        "mse": float((wrong**2).mean()),
        "mae": float(np.abs(wrong).mean()),
        **({} if threshold is None else {"f1": _f1_above(g, p, threshold)}),
        "mean": {"value": mean, "mse": float(g.var()) if len(g) else 0.0},
    }
