"""Long documents in bounded memory: a few windows at a time go through the encoder, and again on the way back."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch.utils.checkpoint import checkpoint

from yeonma.records import Batch, Encoded


def recomputed(encode: Callable[[Batch], Encoded], batch: Batch, tokens: int) -> Encoded:
    """What `encode` makes of a batch, with what the layers made of only so many tokens in memory.

    The rows are encoded a few at a time; what their layers gave is forgotten, and computed again when their gradient is
    wanted (Chen et al. 2016, arXiv 1604.06174). Every input of the batch has a line for each row.
    """
    found = [checkpoint(encode, part, use_reentrant=False) for part in _parts(batch, tokens)]
    return Encoded(torch.cat([each.tokens for each in found]), torch.cat([each.pooled for each in found]))


def _parts(batch: Batch, tokens: int) -> Iterator[Batch]:
    size = max(1, tokens // batch.mask.shape[1])
    for first in range(0, len(batch.mask), size):
        yield _rows(batch, slice(first, first + size))


def _rows(batch: Batch, rows: slice) -> Batch:
    inputs, targets = ({name: x[rows] for name, x in columns.items()} for columns in (batch.inputs, batch.targets))
    return Batch(inputs, batch.mask[rows], batch.part[rows], targets, batch.items[rows])
