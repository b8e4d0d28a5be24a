"""Clipping by global norm that counts the touched rows of a RowTable too."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from yeonma.optim.lazy import coalesced


@torch.no_grad()
def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> Tensor:
    """Scale all gradients in place so that their norm, taken together, is at most `max_norm`; returns the norm before.

    As torch.nn.utils.clip_grad_norm_, which raises on the sparse gradients of a RowTable: rows met twice are added up
    before they are squared. `max_norm` may be inf: nothing is scaled.
    Raises: RuntimeError when the norm is not finite and `error_if_nonfinite`.
    """
    weights = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    values = [numbers(weight) for weight in weights if weight.grad is not None]
    norm = torch.nn.utils.get_total_norm(values, norm_type, error_if_nonfinite)
    if max_norm == math.inf:
        return norm
    scale = (max_norm / (norm + 1e-6)).clamp(max=1.0)
    for value in values:
        value.mul_(scale.to(value.device))
    return norm


def grad_norm(weight: Tensor) -> Tensor:
    """The norm (1,) float32 of one weight's gradient."""
    norm: Tensor = torch.linalg.vector_norm(numbers(weight))
    return norm.reshape(1).float()


def numbers(weight: Tensor) -> Tensor:
    """The numbers of a gradient as a strided tensor that shares its memory, those of a row met twice added up."""
    assert weight.grad is not None
    if not weight.grad.is_sparse:
        return weight.grad
    weight.grad = coalesced(weight.grad)
    return weight.grad._values()
