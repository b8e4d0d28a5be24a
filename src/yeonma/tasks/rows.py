"""From the rows of a batch to its examples: rows of one example stand one after another."""

from __future__ import annotations

import torch
from torch import Tensor


def places(items: Tensor) -> tuple[Tensor, Tensor]:
    """Which example of the batch each row (B,) belongs to, counted from 0, and which of its rows it is."""
    examples, counts = torch.unique_consecutive(items, return_counts=True)
    example = torch.repeat_interleave(torch.arange(len(examples), device=items.device), counts)
    first = torch.repeat_interleave(counts.cumsum(0) - counts, counts)
    return example, torch.arange(len(items), device=items.device) - first


def beside(scores: Tensor, items: Tensor) -> Tensor:
    """Scores of rows (B,) as (examples, most rows), −inf where an example has no further row."""
    example, row = places(items)
    shape = int(example[-1]) + 1, int(row.max()) + 1
    return scores.new_full(shape, float("-inf")).index_put((example, row), scores)


def mean(scores: Tensor, items: Tensor) -> Tensor:
    """The mean over the rows of each example: (B, outputs) → (examples, outputs)."""
    example, _ = places(items)
    total = scores.new_zeros(int(example[-1]) + 1, scores.shape[1]).index_add(0, example, scores)
    return total / torch.bincount(example).unsqueeze(1)


def first(values: Tensor, items: Tensor) -> Tensor:
    """The value (B,) of each example's first row."""
    return values[places(items)[1] == 0]
