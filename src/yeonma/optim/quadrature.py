"""Gauss quadrature of a sum of many terms: a few nodes that give Σ aⱼ f(bⱼ x) for every x, as exact as asked for.

The sum is the integral of the smooth function f(· x) against the discrete measure of weight aⱼ at bⱼ > 0, which does
not depend on x. Lanczos' process on the atoms gives the Jacobi matrix of that measure, and its eigenvalues and first
components the nodes and weights (Golub & Welsch 1969, Calculation of Gauss Quadrature Rules).

How many nodes? For f(y) = 1/(y + c) and 1/√(y² + c) with c ≥ 0 the quadrature is worst at c = 0, where the pole is
nearest, and f(b x) = 1/(b x): there the exact sum is Σ aⱼ/bⱼ, and that of n nodes is Σa · (T⁻¹)₁₁, which the LDLᵀ
pivots of the Jacobi matrix T give with no eigenvalue. It grows towards the sum from below. Nodes are added until it is
there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import njit

from yeonma.optim.memory import Floats, Ints

F = TypeVar("F", bound=Callable[..., Any])

MOST = 16  # nodes; a measure that wants more is summed term by term

# Sums may be taken in any order, nothing more: a NaN must stay one.
FREE = {"contract", "reassoc", "nsz"}


def _compiled(function: F) -> F:
    compiled: F = njit(cache=True, nogil=True, error_model="numpy", fastmath=FREE)(function)
    return compiled


@_compiled
def dot(x: Floats, y: Floats) -> float:
    """Σ x y, without an array in between."""
    total = 0.0
    for i in range(x.size):
        total += x[i] * y[i]
    return total


@_compiled
def orthogonalize(u: Floats, basis: Floats, n: int) -> None:
    """Take from u what it shares with the first n rows of an orthonormal basis, in place."""
    for _ in range(2):  # twice is enough (Kahan, Parlett)
        for k in range(n):
            shared = dot(u, basis[k])
            for j in range(u.size):
                u[j] -= shared * basis[k, j]


@_compiled
def jacobi(a: Floats, b: Floats, tolerance: float, diagonal: Floats, beside: Floats) -> int:
    """Lanczos' process on the atoms (a, b), until the quadrature of 1/b is within `tolerance` of the sum.

    a, b          (K,) float64, weights ≥ 0 with a sum above 0, and places > 0
    diagonal      (MOST,) float64, filled            beside   (MOST,) float64, filled: what stands beside the diagonal
    Returns the number of nodes; 0 where MOST of them or one for each atom would not do.
    """
    total, exact = a.sum(), (a / b).sum()
    basis = np.empty((MOST + 1, a.size))
    basis[0] = np.sqrt(a / total)
    reached, pivot, z = 0.0, 0.0, 1.0
    for n in range(min(MOST, a.size - 1)):
        u = basis[n + 1]
        for j in range(a.size):
            u[j] = b[j] * basis[n, j]
        diagonal[n] = dot(u, basis[n])
        pivot = diagonal[n] - (beside[n - 1] ** 2 / pivot if n else 0.0)
        reached += z * z / pivot
        if abs(exact - total * reached) <= tolerance * exact:
            return n + 1
        orthogonalize(u, basis, n + 1)
        beside[n] = np.sqrt(dot(u, u))
        if not beside[n] > 0:
            return 0
        z *= -beside[n] / pivot
        for j in range(a.size):
            u[j] /= beside[n]
    return 0


@_compiled
def eigen(diagonal: Floats, beside: Floats, n: int, first: Floats) -> None:
    """Eigenvalues of the symmetric tridiagonal matrix into `diagonal[:n]`, by QR steps with Wilkinson's shift.

    `first` becomes the first component of each eigenvector. `beside` is used up.
    """
    first[:n] = 0.0
    first[0] = 1.0
    end = n - 1
    for _ in range(60 * n):
        while end > 0 and abs(beside[end - 1]) <= 1e-17 * (abs(diagonal[end - 1]) + abs(diagonal[end])):
            end -= 1
        if end == 0:
            return
        half = (diagonal[end - 1] - diagonal[end]) / 2
        off = beside[end - 1]
        shift = diagonal[end] - off * off / (half + np.copysign(np.sqrt(half * half + off * off), half))
        x, z = diagonal[0] - shift, beside[0]
        for k in range(end):  # chase the bulge down the matrix
            r = np.sqrt(x * x + z * z)
            c, s = (1.0, 0.0) if r == 0 else (x / r, z / r)
            if k:
                beside[k - 1] = r
            p, q, o = diagonal[k], diagonal[k + 1], beside[k]
            diagonal[k] = c * c * p + 2 * c * s * o + s * s * q
            diagonal[k + 1] = s * s * p - 2 * c * s * o + c * c * q
            beside[k] = c * s * (q - p) + (c * c - s * s) * o
            first[k], first[k + 1] = c * first[k] + s * first[k + 1], c * first[k + 1] - s * first[k]
            if k + 1 < end:
                x, z = beside[k], s * beside[k + 1]
                beside[k + 1] *= c


@_compiled
def gauss(a: Floats, b: Floats, tolerance: float, nodes: Floats, weights: Floats) -> int:
    """Nodes and weights of the measure of weight a[j] at b[j] into `nodes` and `weights`; returns how many.

    a, b             (K,) float64, a ≥ 0 and b > 0
    tolerance        relative, of Σ aⱼ f(bⱼ x) for all x at once
    nodes, weights   (≥ K and ≥ MOST,) float64, filled from the left; the atoms themselves where nodes do not help
    """
    total = a.sum()
    if not total > 0:  # asleep at learning rate 0
        return 0
    diagonal, beside, first = np.empty(MOST), np.empty(MOST), np.empty(MOST)
    count = jacobi(a, b, tolerance, diagonal, beside)
    if count == 0:
        nodes[: a.size] = b
        weights[: a.size] = a
        return a.size
    eigen(diagonal, beside, count, first)
    nodes[:count] = diagonal[:count]
    weights[:count] = total * first[:count] ** 2
    return count


@_compiled
def fill(
    lines: Floats,
    starts: Ints,
    ends: Ints,
    book: Ints,
    nodes: Floats,
    weights: Floats,
    done: int,
    used: int,
    tolerance: float,
    stamp: int,
) -> tuple[int, int]:
    """Make the quadratures of sleeps from `starts` to `ends`, and note in `book` where they stand in the lists.

    lines            (steps + 1, 9) the history of a `rooted.Rooted`: a, u, β₁, √β₂, shrink, …
    book             (≥ steps + 1, 3) int64, of each start: where its nodes stand, how many, and their stamp
    nodes, weights   (room,) float64, filled from `used` on
    stamp            what those that are made get; those that have it already are left as they are
    Returns (how many starts are done, the entries used); fewer done than asked for: there was no room left.
    """
    for i in range(done, starts.size):
        s = starts[i]
        k = ends[i] - s
        if book[s, 2] == stamp or k == 0:
            continue
        if used + max(k, MOST) > nodes.size:
            return i, used
        a, b = np.empty(k), np.empty(k)
        fade, root, kept = 1.0, 1.0, 1.0
        for j in range(k):
            line = lines[s + 1 + j]
            a[j], b[j] = line[0] * fade, line[1] * root
            fade *= line[2]
            root *= line[3]
        for j in range(k - 1, -1, -1):  # what an early step moved has decayed since
            a[j] *= kept
            kept *= lines[s + 1 + j, 4]
        count = gauss(a, b, tolerance, nodes[used:], weights[used:])
        book[s] = used, count, stamp
        used += count
    return starts.size, used
