"""The rows nearest to a vector by their cosine, found in pieces of a table."""

from __future__ import annotations

import numpy as np

ROWS = 8192
"""Rows at a time."""


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """The rows at length 1; a row of zeros stays."""
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    unit: np.ndarray = rows / np.where(lengths == 0, 1, lengths)
    return unit


def nearest_rows(
    matrix: np.ndarray, targets: np.ndarray, left_out: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """For each target (n, dim) the k rows of the greatest cosine (n, k), the first of equal ones first, and products.

    left_out (n, m) rows that are no answer; −1 is none. Missing answers are −1. The matrix is read in pieces.
    """
    places = np.full((len(targets), k), -1)
    products = np.full((len(targets), k), -np.inf, np.float32)
    for begin in range(0, len(matrix), ROWS):
        found = targets @ unit_rows(matrix[begin : begin + ROWS]).T
        owner, column = np.nonzero((left_out >= begin) & (left_out < begin + found.shape[1]))
        found[owner, left_out[owner, column] - begin] = -np.inf
        both = np.hstack([products, found])
        order = np.argsort(-both, axis=1, kind="stable")[:, :k] if k > 1 else both.argmax(axis=1)[:, None]
        kept = np.take_along_axis(places, np.minimum(order, k - 1), 1)
        products, places = np.take_along_axis(both, order, 1), np.where(order < k, kept, begin + order - k)
    places[np.isneginf(products)] = -1
    return places, products
