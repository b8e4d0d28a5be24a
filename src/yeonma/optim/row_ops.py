"""Rows of a table in place, by torch operations: every dtype and device that the kernels do not take."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from yeonma.optim import torch_ops
from yeonma.optim.memory import Floats
from yeonma.optim.registry import Form
from yeonma.optim.settings import Settings
from yeonma.optim.sleep import Root, Wake


@torch.no_grad()
def wake(weight: Tensor, slots: Mapping[str, Tensor], rows: Tensor, by: Wake) -> None:
    """Bring rows (U,) of the weight (V, d) and of its slots to the present, in place, in the precision of the slots."""
    dtype = next((slot.dtype for slot in slots.values()), weight.dtype)
    w = weight[rows].to(dtype)
    old = {name: slot[rows] for name, slot in slots.items()}
    if by.root is not None:
        weight[rows] = (w * _column(by.scale, w) - old["m"] * _far(old["v"], by.root)).to(weight.dtype)
    elif by.couple is not None:
        ((name, v),) = old.items()
        a, b, c, d = (_column(factor, w) for factor in by.couple.T)
        weight[rows] = (a * w + b * v).to(weight.dtype)
        slots[name][rows] = c * w + d * v
    elif by.scale is not None:
        weight[rows] = (w * _column(by.scale, w)).to(weight.dtype)
    for name, factor in by.fade.items():
        slots[name][rows] = old[name] * _column(factor, w)


def step(
    form: Form, weight: Tensor, rows: Tensor, values: Tensor, state: Mapping[str, Tensor], t: int, settings: Settings
) -> None:
    """Make step `t` on rows (U,) with gradients `values` (U, d): on copies, which are put back."""
    touched = {name: state[name][rows] for name in form.elements}
    copies = weight.detach()[rows]
    torch_ops.step(form, copies, values, {**state, **touched}, t, settings)
    weight.detach()[rows] = copies
    for name, slot in touched.items():
        state[name][rows] = slot


def _far(v: Tensor, root: Root) -> Tensor:
    """Σ weights f(nodes √v) for each element (U, d)."""
    total, x = torch.zeros_like(v), v.sqrt()
    for n in range(int(root.counts.max(initial=0))):
        there = n < root.counts
        at = np.where(there, root.first + n, 0)
        a = _column(np.where(there, root.weights[at] * root.tail, 0.0), v)
        y = x * _column(np.where(there, root.nodes[at], 1.0), v)
        total += a / ((y * y + root.eps).sqrt() if root.inside else y + root.eps)
    return total


def _column(factors: Floats | None, like: Tensor) -> Tensor:
    """Factors (U,) as a column (U, 1) of a tensor's dtype and device."""
    return torch.as_tensor(factors).to(like.device, like.dtype).unsqueeze(1)
