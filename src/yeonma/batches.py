"""Examples → rows of tokens → batches. Which rows a batch holds is a pure function of (seed, epoch, lengths)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from yeonma.encoders import Encoder
from yeonma.records import Batch, Example, Progress, Tokens, silent
from yeonma.tasks import Task


@dataclass(frozen=True)
class Prepared:
    """Tokenized examples: windows, the example each came from, their lengths, and their targets by name."""

    windows: Sequence[Tokens]
    items: np.ndarray
    lengths: np.ndarray
    targets: dict[str, Tensor]
    truncated: int

    def __len__(self) -> int:
        return len(self.windows)


def prepare(
    encoder: Encoder,
    task: Task,
    examples: Sequence[Example],
    max_length: int,
    progress: Progress = silent,
    cache: bool = True,
) -> Prepared:
    """Tokenize all examples once; `cache` keeps the tokens on disk for the next time."""
    rows = [(number, row) for number, example in enumerate(examples) for row in task.inputs(example)]
    windows = encoder.tokenize([row for _, row in rows], max_length, progress, cache)
    items = np.array([rows[window.row][0] for window in windows], np.int64)
    golds = [task.targets(examples[item], window) for item, window in zip(items, windows, strict=True)]
    targets = {name: torch.tensor([gold[name] for gold in golds]) for name in (golds[0] if golds else ())}
    lengths = np.array([len(window.ids) for window in windows], np.int64)
    return Prepared(windows, items, lengths, targets, sum(window.cut > 0 for window in windows))


def collate(encoder: Encoder, prepared: Prepared, chosen: np.ndarray, length: int | None = None) -> Batch:
    """The chosen rows as tensors, padded to the longest of them, or to `length`."""
    windows, length = [prepared.windows[i] for i in chosen], length or int(prepared.lengths[chosen].max())
    part = np.full((len(chosen), length), -1, np.int8)
    for line, window in zip(part, windows, strict=True):
        line[: len(window.part)] = window.part
    mask = torch.from_numpy(np.arange(length) < prepared.lengths[chosen][:, None])
    index = torch.from_numpy(chosen)
    targets = {name: values[index] for name, values in prepared.targets.items()}
    inputs = encoder.collate(windows, length)
    return Batch(inputs, mask, torch.from_numpy(part), targets, torch.from_numpy(prepared.items[chosen]))


def plan(lengths: np.ndarray, size: int, tokens: int | None, bucket: bool, seed: int, epoch: int) -> list[np.ndarray]:
    """The batches of an epoch, as arrays of row numbers.

    With `bucket`, rows are sorted by length, equal lengths shuffled among themselves, cut, and the batches shuffled: so
    hardly any padding is left. The number of batches is the same in every epoch.
    """
    random = np.random.default_rng([seed, epoch])
    noise = random.random(len(lengths))
    order = np.argsort(lengths + noise if bucket else noise, kind="stable")
    batches = (
        _cut_by_tokens(order, lengths, tokens) if tokens else [order[i : i + size] for i in range(0, len(order), size)]
    )
    return [batches[i] for i in random.permutation(len(batches))] if bucket else batches


def _cut_by_tokens(order: np.ndarray, lengths: np.ndarray, tokens: int) -> list[np.ndarray]:
    batches, start, longest = [], 0, 0
    for i, row in enumerate(order):
        longest = max(longest, int(lengths[row]))
        if i > start and longest * (i - start + 1) > tokens:
            batches.append(order[start:i])
            start, longest = i, int(lengths[row])
    return [*batches, order[start:]]


def steps_per_epoch(lengths: np.ndarray, size: int, tokens: int | None, bucket: bool) -> int:
    """How many batches `plan` gives."""
    return len(plan(lengths, size, tokens, bucket, 0, 0))


def in_order(lengths: np.ndarray, tokens: int = 8192) -> Iterator[np.ndarray]:
    """Batches for prediction: sorted by length under a token budget; the caller puts the answers back in place."""
    yield from _cut_by_tokens(np.argsort(lengths, kind="stable"), lengths, tokens) if len(lengths) else ()
