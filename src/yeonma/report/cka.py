"""How alike two sets of states of the same texts are, and two word tables: linear CKA and the overlap of subspaces."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from yeonma.run import Run

if TYPE_CHECKING:
    import polars as pl

_ROWS = 8192  # of a table read at once
_FLAT = 1e-12  # of a matrix' size: what float64 leaves of zero


def linear_cka(x: np.ndarray, y: np.ndarray) -> float | None:
    """Linear centred kernel alignment of states (n, p) and (n, q) of the same n texts, at most 1.

    CKA = HSIC(K, L) / √(HSIC(K, K) · HSIC(L, L)) with K = XXᵀ, L = YYᵀ (Kornblith et al. 2019, arXiv 1905.00414), by
    the unbiased estimator of HSIC (Song et al. 2012; for CKA Nguyen et al. 2021, arXiv 2010.15327): with as few texts
    as here the plain one says that any two wide layers are alike. Unrelated states come out near 0, on either side.
    It does not change with rotations, shifts and one factor for all of a layer's states.
    Returns: None where one of the two does not vary from text to text, is not finite, or there are fewer than 4 texts.
    """
    k, l = _centred_kernel(x), _centred_kernel(y)  # noqa: E741
    if k is None or l is None or len(k) != len(l):
        return None
    return float(np.clip((k * l).sum() / np.sqrt((k * k).sum() * (l * l).sum()), -1, 1))


def _centred_kernel(states: np.ndarray) -> np.ndarray | None:
    """XXᵀ without its diagonal, U-centred: n(n−3) · HSIC₁(K, L) = Σ KᵢⱼLᵢⱼ of two such (Székely & Rizzo 2014).

    None where nothing is left of it.
    """
    x, n = np.asarray(states, np.float64), len(states)
    if n < 4 or not np.isfinite(x).all():
        return None
    x = x - x.mean(axis=0)  # changes nothing but the rounding
    kernel = x @ x.T
    size = np.linalg.norm(kernel)
    np.fill_diagonal(kernel, 0)
    sums = kernel.sum(axis=0)
    kernel += sums.sum() / ((n - 1) * (n - 2)) - (sums[:, None] + sums) / (n - 2)
    np.fill_diagonal(kernel, 0)
    constant = not np.ptp(states, axis=0).any()
    return None if constant or np.linalg.norm(kernel) <= _FLAT * size else kernel


def depth(layer: str) -> tuple[int, int, str]:
    """The place of a layer's name from the bottom up, to sort by: embeddings, layer 1, layer 2 …, pooled, head."""
    number = re.fullmatch(r"layer (\d+)", layer)
    floor = {"embeddings": 0, "pooled": 3, "head": 4}.get(layer, 1 if number else 2)
    return floor, int(number[1]) if number else 0, layer


def layers(run: Run) -> pl.DataFrame:
    """The CKA of each layer with itself at step 0: layer, step, cka; layers from the bottom up, each by step.

    cka is null where the states do not vary (see `linear_cka`). Read are the probes that hold states; without any at
    step 0 the frame is empty.
    Raises: RunError for a broken file.
    """
    import polars as pl

    first: dict[str, np.ndarray] = {}
    found: list[tuple[str, int, float | None]] = []
    for step, tensors in run.probes():
        states = {name.removeprefix("states."): x for name, x in tensors.items() if name.startswith("states.")}
        if step == 0:
            first = states
        found += [(layer, step, linear_cka(first[layer], states[layer])) for layer in first if layer in states]
    found.sort(key=lambda row: (depth(row[0]), row[1]))
    schema: dict[str, Any] = {"layer": pl.String(), "step": pl.Int64(), "cka": pl.Float64()}
    return pl.DataFrame(found, schema=schema, orient="row")


def texts(run: Run) -> int:
    """How many texts the states of `layers` are of; 0 where there are none.

    Raises: RunError for a broken file.
    """
    firsts = (states for _, tensors in run.probes() for name, states in tensors.items() if name.startswith("states."))
    return next(map(len, firsts), 0)


def subspace_overlap(before: np.ndarray, after: np.ndarray, k: int = 10) -> float | None:
    """How much of the table's k main directions stayed: ‖VₖᵀWₖ‖²_F / k, from 0 to 1.

    That is the mean of the squared cosines of the principal angles between the spaces of the k greatest right singular
    vectors of both tables (V, width), not centred. Two random spaces have k / width.
    Returns: None where a table has no k directions and one more, or is not finite: there is nothing to tell then.
    """
    first, last = _main_directions(before, k), _main_directions(after, k)
    return None if first is None or last is None else float(((first.T @ last) ** 2).sum() / k)


def _main_directions(table: np.ndarray, k: int) -> np.ndarray | None:
    """(width, k) by the eigenvectors of the Gram matrix (width, width), in float64."""
    width = table.shape[1]
    gram = np.zeros((width, width))
    with np.errstate(invalid="ignore"):  # a table that is not finite is told by its sums
        for begin in range(0, len(table), _ROWS):
            rows = table[begin : begin + _ROWS].astype(np.float64)
            gram += rows.T @ rows
    if k >= width or not np.isfinite(gram).all():
        return None
    values, vectors = np.linalg.eigh(gram)
    main: np.ndarray = vectors[:, -k:]
    return main if values[-k] > _FLAT * values[-1] else None
