"""The kernels of LSA: a sparse matrix of logarithms of counts, filled and multiplied, compiled."""

from __future__ import annotations

import numpy as np

from yeonma.pretraining.kernels import compiled

f32 = np.float32


@compiled
def fill(
    rows: np.ndarray, others: np.ndarray, logs: np.ndarray, ends: np.ndarray, columns: np.ndarray, values: np.ndarray
) -> None:
    """Put pairs, in the order of rows and columns, into both their rows; `ends` (V,) int64 moves on in place."""
    for k in range(len(rows)):
        i, j = rows[k], others[k]
        columns[ends[i]], values[ends[i]] = j, logs[k]
        ends[i] += 1
        if i != j:
            columns[ends[j]], values[ends[j]] = i, logs[k]
            ends[j] += 1


@compiled
def _add(sums: np.ndarray, value: np.float32, row: np.ndarray) -> None:
    for k in range(len(sums)):
        sums[k] += value * row[k]


@compiled
def product(
    starts: np.ndarray,
    columns: np.ndarray,
    logs: np.ndarray,
    row_logs: np.ndarray,
    column_logs: np.ndarray,
    dense: np.ndarray,
    result: np.ndarray,
    first: int,
    last: int,
) -> None:
    """Rows first … last−1 of M · dense, where M_ij = max(0, log x_ij − row_logs_i − column_logs_j) for pairs met.

    starts   (V + 1,) int64; row i has the entries starts[i] … starts[i+1]−1
    columns  (entries,) int32; logs (entries,) float32 log x_ij
    dense    (V, n) float32; result alike
    """
    sums = np.empty(dense.shape[1], np.float32)
    for i in range(first, last):
        sums[:] = f32(0)
        for k in range(starts[i], starts[i + 1]):
            value = logs[k] - row_logs[i] - column_logs[columns[k]]
            if value > f32(0):
                _add(sums, value, dense[columns[k]])
        result[i] = sums
