"""Waking rows of a table in place, on the CPU, by compiled loops over the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.graph import increment_version

from yeonma.optim.machine_code import stamped
from yeonma.optim.memory import Floats, Ints
from yeonma.optim.prefetch import STAMP, ahead
from yeonma.optim.sleep import Root, Wake

Array = NDArray[Any]  # float32 or float64
LEAST = {"float32": np.float32(1e-36), "float64": np.float64(1e-300)}
F = TypeVar("F", bound=Callable[..., Any])


def _inlined(function: F) -> F:
    inlined: F = njit(nogil=True, inline="always", error_model="numpy")(function)
    return inlined


def _compiled(function: F) -> F:
    made: F = njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})(function)
    return stamped(made, STAMP)


@_inlined
def faded(x: Any, factor: Any, limit: Any) -> Any:
    """The product, or 0 for a number so small that the product would be subnormal: those are a hundred times slower."""
    kept = x if abs(x) >= limit else x - x
    return kept * factor


@_inlined
def limit_of(factor: Any, least: Any) -> Any:
    """The smallest number of which the product with the factor is `least`."""
    return least / factor if factor > 0 else least


@_compiled
def scale(x: Array, rows: Ints, factor: Array, least: Any) -> None:
    """x[rows[i]] *= factor[i]; products below `least` are 0."""
    for i in range(rows.size):
        ahead(x, rows, i)
        row, f = x[rows[i]], factor[i]
        limit = limit_of(f, least)
        for q in range(row.size):
            row[q] = faded(row[q], f, limit)


@_compiled
def couple(w: Array, v: Array, rows: Ints, matrix: Array) -> None:
    """[w, v] ← [[a, b], [c, d]] [w, v], by one matrix a row."""
    for i in range(rows.size):
        ahead(w, rows, i)
        ahead(v, rows, i)
        weight, slot = w[rows[i]], v[rows[i]]
        a, b, c, d = matrix[i]
        for q in range(weight.size):
            x, y = weight[q], slot[q]
            weight[q] = a * x + b * y
            slot[q] = c * x + d * y


@_compiled
def sink_inside(
    w: Array,
    m: Array,
    v: Array,
    rows: Ints,
    first: Ints,
    count: Ints,
    tail: Floats,
    nodes: Floats,
    weights: Floats,
    shrink: Array,
    fade1: Array,
    fade2: Array,
    eps: Any,
    least: Any,
) -> None:
    """ε inside: w ← shrink w − m Σ a / √(b² v + ε); m and v fade."""
    far, number = np.empty(w.shape[1], w.dtype), w.dtype.type
    for i in range(rows.size):
        ahead(v, rows, i)
        ahead(m, rows, i)
        ahead(w, rows, i)
        weight, mean, square = w[rows[i]], m[rows[i]], v[rows[i]]
        far[:] = 0
        for n in range(first[i], first[i] + count[i]):
            a, b = number(weights[n] * tail[i]), number(nodes[n] * nodes[n])
            for q in range(far.size):
                far[q] += a / np.sqrt(b * square[q] + eps)
        limit1, limit2 = limit_of(fade1[i], least), limit_of(fade2[i], least)
        for q in range(far.size):
            weight[q] = shrink[i] * weight[q] - mean[q] * far[q]
            mean[q] = faded(mean[q], fade1[i], limit1)
            square[q] = faded(square[q], fade2[i], limit2)


@_compiled
def sink_outside(
    w: Array,
    m: Array,
    v: Array,
    rows: Ints,
    first: Ints,
    count: Ints,
    tail: Floats,
    nodes: Floats,
    weights: Floats,
    shrink: Array,
    fade1: Array,
    fade2: Array,
    eps: Any,
    least: Any,
) -> None:
    """ε outside: w ← shrink w − m Σ a / (b √v + ε); m and v fade."""
    far, root, number = np.empty(w.shape[1], w.dtype), np.empty(w.shape[1], w.dtype), w.dtype.type
    for i in range(rows.size):
        ahead(v, rows, i)
        ahead(m, rows, i)
        ahead(w, rows, i)
        weight, mean, square = w[rows[i]], m[rows[i]], v[rows[i]]
        far[:] = 0
        for q in range(far.size):
            root[q] = np.sqrt(square[q])
        for n in range(first[i], first[i] + count[i]):
            a, b = number(weights[n] * tail[i]), number(nodes[n])
            for q in range(far.size):
                far[q] += a / (b * root[q] + eps)
        limit1, limit2 = limit_of(fade1[i], least), limit_of(fade2[i], least)
        for q in range(far.size):
            weight[q] = shrink[i] * weight[q] - mean[q] * far[q]
            mean[q] = faded(mean[q], fade1[i], limit1)
            square[q] = faded(square[q], fade2[i], limit2)


def wake(weight: Tensor, slots: Mapping[str, Tensor], rows: Tensor, by: Wake) -> None:
    """Bring rows (U,) of the weight (V, d) and of its slots to the present, in place. float32 or float64, CPU."""
    w, number, at = weight.detach().numpy(), weight.detach().numpy().dtype, rows.numpy()
    arrays = {name: slot.detach().numpy() for name, slot in slots.items()}
    if by.root is not None:
        _sink(w, arrays["m"], arrays["v"], at, by, by.root)
    elif by.couple is not None:
        (slot,) = arrays.values()
        couple(w, slot, at, by.couple.astype(number))
    else:
        for x, factor in ((w, by.scale), *((arrays[name], factor) for name, factor in by.fade.items())):
            if factor is not None:
                scale(x, at, factor.astype(number), LEAST[number.name])
    for changed in (weight, *slots.values()):
        if not changed.is_inference():
            increment_version(changed)  # autograd cannot see what is written through numpy


def _sink(w: Floats, m: Floats, v: Floats, at: Ints, by: Wake, root: Root) -> None:
    number = w.dtype.type
    shrink, fade1, fade2 = (np.asarray(x, number) for x in (by.scale, by.fade["m"], by.fade["v"]))
    sink = sink_inside if root.inside else sink_outside
    lists = root.first, root.counts, root.tail, root.nodes, root.weights
    sink(w, m, v, at, *lists, shrink, fade1, fade2, number(root.eps), LEAST[w.dtype.name])
