"""A word table whose gradient is added up in one buffer that stays, instead of a new dense tensor for every batch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


class _Rows(torch.autograd.Function):
    """Look rows up; the backward pass adds into `weight.grad` itself."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, ids: Tensor, padding: int | None) -> Tensor:
        ctx.weight, ctx.padding = weight, padding
        ctx.save_for_backward(ids)
        return F.embedding(ids, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[None, None, None]:
        (ids,), weight = ctx.saved_tensors, ctx.weight
        if weight.grad is None:
            weight.grad = torch.zeros_like(weight)
        rows, values = ids.reshape(-1), grads[0].reshape(-1, weight.shape[1])
        if ctx.padding is not None:
            values = values * (rows != ctx.padding).unsqueeze(1)
        weight.grad.index_add_(0, rows, values.to(weight.dtype))
        return None, None, None


class WordTable(nn.Embedding):
    """nn.Embedding with a cheaper backward pass: of a large table a batch touches little.

    nn.Embedding gives autograd a fresh zero tensor of the table's size for every batch, most of the cost of a step of a
    small network. Here the touched rows are added into `weight.grad`; `zero_grad(set_to_none=False)` keeps the buffer.
    Only a first-order `.backward()` fills it: `torch.autograd.grad` with respect to the table is not supported, and
    hooks on the table's gradient, DistributedDataParallel's among them, are not called.
    """

    def forward(self, ids: Tensor) -> Tensor:
        """Ids of any shape → rows (…, dim)."""
        if not (self.weight.requires_grad and torch.is_grad_enabled()):
            return F.embedding(ids, self.weight)
        rows: Tensor = _Rows.apply(self.weight, ids, self.padding_idx)  # type: ignore[no-untyped-call]
        return rows
