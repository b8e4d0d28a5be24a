"""Examples → rows of tokens → batches. Which examples a batch holds is a pure function of (seed, epoch, lengths)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from yeonma.encoders import Encoder
from yeonma.errors import ConfigError
from yeonma.records import Batch, Example, Progress, Tokens, silent
from yeonma.tasks import IGNORED, Task

Column = Tensor | Sequence[np.ndarray]
"""A target of every row: a number each, or an array (T,) each."""


@dataclass(frozen=True)
class Prepared:
    """Tokenized examples, N of them in R rows.

    windows  the rows; those of an example stand one after another
    items    (R,) which example each row came from
    starts   (N + 1,) the rows of example i are starts[i] … starts[i+1] − 1
    lengths  (R,) tokens                     longest  (N,) tokens of each example's longest row
    targets  by name, of every row           truncated  how many examples were longer than the model reads
    """

    windows: Sequence[Tokens]
    items: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    longest: np.ndarray
    targets: Mapping[str, Column]
    truncated: int

    def __len__(self) -> int:
        """How many examples."""
        return len(self.starts) - 1

    def rows_of(self, chosen: np.ndarray) -> np.ndarray:
        """The rows of the chosen examples."""
        counts = self.starts[chosen + 1] - self.starts[chosen]
        first = np.repeat(self.starts[chosen] - np.cumsum(counts) + counts, counts)
        rows: np.ndarray = first + np.arange(len(first))
        return rows


def prepare(
    encoder: Encoder,
    task: Task,
    examples: Sequence[Example],
    max_length: int,
    stride: int | None = None,
    progress: Progress = silent,
    cache: bool = True,
) -> Prepared:
    """Tokenize all examples once; `cache` keeps the tokens on disk for the next time.

    stride  tokens that windows over a long text share; None: a quarter of `max_length` for the tasks that read in
            windows, and for the others what is too long is cut off
    Raises: ConfigError for a stride above half of `max_length`, or where a row cannot be read in windows.
    """
    if stride is not None and task.windows is None:
        raise ConfigError(f"data.stride: the task {task.kind!r} reads each of its rows whole. Leave it out.")
    if stride is not None and 2 * stride > max_length:
        raise ConfigError(f"data.stride must be at most half of data.max_length, {max_length}; got {stride}.")
    rows = [(number, row) for number, example in enumerate(examples) for row in task.inputs(example)]
    overlap = max_length // 4 if stride is None and task.windows else stride
    windows = encoder.tokenize([row for _, row in rows], max_length, overlap, progress, cache)
    items = np.array([rows[window.row][0] for window in windows], np.int64)
    starts = np.searchsorted(items, np.arange(len(examples) + 1))
    lengths = np.array([len(window.ids) for window in windows], np.int64)
    longest = np.maximum.reduceat(lengths, starts[:-1]) if len(examples) else lengths
    bounds = zip(examples, starts.tolist(), starts[1:].tolist(), strict=False)
    golds = [gold for example, start, end in bounds for gold in task.targets(example, windows[start:end])]
    targets = {name: _column([gold[name] for gold in golds]) for name in (golds[0] if golds else ())}
    truncated = len({rows[window.row][0] for window in windows if window.cut})
    return Prepared(windows, items, starts, lengths, longest, targets, truncated)


def _column(values: Sequence[float | np.ndarray]) -> Column:
    return torch.tensor(values) if not isinstance(values[0], np.ndarray) else values  # type: ignore[return-value]


def collate(encoder: Encoder, prepared: Prepared, rows: np.ndarray, length: int | None = None) -> Batch:
    """Rows as tensors, padded to the longest of them, or to `length`."""
    windows, length = [prepared.windows[i] for i in rows], length or int(prepared.lengths[rows].max())
    part = padded([window.part for window in windows], length, np.int8(-1))
    mask = torch.from_numpy(np.arange(length) < prepared.lengths[rows][:, None])
    targets = {name: _chosen(column, rows, length) for name, column in prepared.targets.items()}
    return Batch(encoder.collate(windows, length), mask, part, targets, torch.from_numpy(prepared.items[rows]))


def padded(columns: Sequence[np.ndarray], length: int, filling: np.generic) -> Tensor:
    """Arrays (T, …) of like dtypes as one tensor (rows, length, …)."""
    table = np.full((len(columns), length, *columns[0].shape[1:]), filling)
    for line, column in zip(table, columns, strict=True):
        line[: len(column)] = column
    return torch.from_numpy(table)


def _chosen(column: Column, rows: np.ndarray, length: int) -> Tensor:
    if isinstance(column, Tensor):
        return column[torch.from_numpy(rows)]
    return padded([column[i] for i in rows], length, np.int64(IGNORED))


def plan(prepared: Prepared, size: int, tokens: int | None, bucket: bool, seed: int, epoch: int) -> list[np.ndarray]:
    """The batches of an epoch, as arrays of numbers of examples.

    With `bucket`, examples are sorted by their longest row and their number of rows, equal ones shuffled among
    themselves, cut, and the batches shuffled: so hardly any padding is left. The number of batches is the same in every
    epoch.
    """
    random = np.random.default_rng([seed, epoch])
    noise, rows = random.random(len(prepared)), np.diff(prepared.starts)
    order = np.lexsort((noise, rows, prepared.longest)) if bucket else np.argsort(noise, kind="stable")
    batches = (
        _cut_by_tokens(order, prepared.longest, rows, tokens)
        if tokens
        else [order[i : i + size] for i in range(0, len(order), size)]
    )
    return [batches[i] for i in random.permutation(len(batches))] if bucket else batches


def split(prepared: Prepared, examples: np.ndarray, tokens: int) -> list[np.ndarray]:
    """A batch in parts of at most so many tokens, padding counted, where an example of more stands alone."""
    lengths, rows = prepared.longest[examples], prepared.starts[examples + 1] - prepared.starts[examples]
    if lengths.max() * rows.sum() <= tokens:
        return [examples]
    return [examples[part] for part in _cut_by_tokens(np.argsort(lengths, kind="stable"), lengths, rows, tokens)]


def _cut_by_tokens(order: np.ndarray, lengths: np.ndarray, rows: np.ndarray, tokens: int) -> list[np.ndarray]:
    batches, start, longest, held = [], 0, 0, 0
    for i, item in enumerate(order):
        longest, held = max(longest, int(lengths[item])), held + int(rows[item])
        if i > start and longest * held > tokens:
            batches.append(order[start:i])
            start, longest, held = i, int(lengths[item]), int(rows[item])
    return [*batches, order[start:]]


def steps_per_epoch(prepared: Prepared, size: int, tokens: int | None, bucket: bool) -> int:
    """How many batches `plan` gives."""
    return len(plan(prepared, size, tokens, bucket, 0, 0))


def in_order(lengths: np.ndarray, tokens: int) -> Iterator[np.ndarray]:
    """Batches of rows for prediction: sorted by length under a token budget; the caller puts the answers in place."""
    if len(lengths):
        yield from _cut_by_tokens(np.argsort(lengths, kind="stable"), lengths, np.ones_like(lengths), tokens)
