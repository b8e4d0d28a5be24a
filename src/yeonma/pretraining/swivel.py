"""Swivel: submatrix-wise vector embedding learner, a fit of all pairs, those never met too (Shazeer et al. 2016)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from yeonma.errors import Diverged
from yeonma.pretraining.cooccurrence import Cooccurrences, CountBased
from yeonma.pretraining.corpus import Corpus
from yeonma.pretraining.method import descend, setting
from yeonma.pretraining.shards import Shards, write_shards
from yeonma.pretraining.work import Work
from yeonma.records import Progress, silent
from yeonma.vectors import Vectors

_FIRST_SQUARES = 0.1  # where the sums of squares of Adagrad begin


@dataclass(frozen=True, kw_only=True)
class Swivel(CountBased):
    """The words w_i and contexts w̃_j are fitted to the pointwise mutual information, shard by shard.

    With pmi_ij = log x_ij + log |D| − log x_i* − log x_*j a pair that was met costs ½ f(x_ij) (w_i·w̃_j − pmi_ij)²,
    f(x) = base + scale · x^exponent; one never met costs log(1 + exp(w_i·w̃_j − pmi*_ij)), where pmi* takes it as met
    once: the vectors must not say more (sections 2.2 and 2.3). A shard is a dense matrix product, its step is
    Adagrad's on the sum of its costs divided by its number of columns. A word's vector is (w + w̃) / 2.
    An epoch costs V² · dim products, whatever the corpus. Beside the counting it needs 16 bytes a word and number,
    and 12 bytes a cell of one shard. The same seed gives the same bits on the same number of threads.
    """

    name = "swivel"
    epochs: int = setting(10, 1, 10_000, "passes over the matrix of all pairs of words")
    lr: float = setting(1.0, 1e-6, 100.0, "learning rate of Adagrad")
    shard: int = setting(512, 32, 16_384, "words on a side of a shard")
    base: float = setting(0.1, 0.0, 1e6, "weight of a pair, whatever its count")
    scale: float = setting(0.25, 0.0, 1e6, "weight of a pair counted once, beside the base")
    exponent: float = setting(0.5, 0.0, 10.0, "power of a count in that weight")

    def train(self, corpus: Corpus, work: Work, progress: Progress = silent) -> Vectors:
        """The means of word and context rows; `config` holds the number of pairs and tokens a second, all epochs.

        Raises: DataError when no two words stand together; Diverged when a number is not finite any more; DiskError.
        """
        counts = self.count(corpus, work, progress)
        shards = write_shards(counts, work.folder, self.shard)
        state, logs = self.begin(len(corpus.words)), log_sums(counts)
        steps = self.epochs * shards.parts**2

        @lru_cache(1)
        def order(epoch: int) -> np.ndarray:
            return np.random.default_rng([self.seed, epoch]).permutation(shards.parts**2)

        def step(number: int) -> None:
            epoch, place = divmod(number, shards.parts**2)
            self._fit(shards, *divmod(int(order(epoch)[place]), shards.parts), logs, state)

        with _torch_threads(self.threads):
            seconds = descend(work, state, steps, step, progress, steps, "shards")
        matrix = (state["words"] + state["contexts"]) / np.float32(2)
        if not np.isfinite(matrix).all():
            raise Diverged(f"The vectors are not finite after training with lr={self.lr}. Lower it and train again.")
        speed = round(self.epochs * len(corpus.tokens) / seconds)
        return Vectors(corpus.words, matrix, corpus.counts, {"pairs": counts.size, "tokens_per_second": speed})

    def begin(self, words: int) -> dict[str, np.ndarray]:
        """What training changes, as it is before the first step: rows normal, of variance 1 / dim."""
        rng, shape = np.random.default_rng(self.seed), (words, self.dim)
        start = {name: rng.standard_normal(shape, np.float32) for name in ("words", "contexts")}
        rows = {name: array / np.float32(self.dim**0.5) for name, array in start.items()}
        return rows | {f"{name}_squares": np.full(shape, _FIRST_SQUARES, np.float32) for name in start}

    def _fit(self, shards: Shards, row: int, column: int, logs: np.ndarray, state: dict[str, np.ndarray]) -> None:
        """One step on one shard."""
        import torch

        here, there = slice(row, None, shards.parts), slice(column, None, shards.parts)
        w, v = torch.from_numpy(state["words"][here].copy()), torch.from_numpy(state["contexts"][there].copy())
        cells, x = shards.cells(row, column)
        z = (w @ v.T).add_(torch.from_numpy(logs[here, None] + logs[there]))
        gradient = self.errors(z, torch.from_numpy(cells), torch.from_numpy(x)).div_(len(v))
        for rows, part, by in (("words", here, gradient @ v), ("contexts", there, gradient.T @ w)):
            g = by.numpy()
            state[f"{rows}_squares"][part] += g * g
            state[rows][part] -= np.float32(self.lr) * g / np.sqrt(state[f"{rows}_squares"][part])

    def errors(self, z: Any, cells: Any, x: Any) -> Any:
        """The gradient of the costs of a shard to its products w_i·w̃_j, in place of z.

        z      (rows, columns) float32 w_i·w̃_j − pmi*_ij
        cells  (n,) int64 row · columns + column of the pairs that were met; x (n,) float32 how often
        """
        met = (self.base + self.scale * x**self.exponent) * (z.view(-1)[cells] - x.log())
        z.sigmoid_().view(-1)[cells] = met
        return z


def log_sums(counts: Cooccurrences) -> np.ndarray:
    """(V,) float32 log x_i* − ½ log |D|, so that that of i and that of j make −pmi*_ij; a sum of 0 is taken as 1."""
    sums = np.where(counts.sums > 0, counts.sums, 1)
    logs: np.ndarray = (np.log(sums) - 0.5 * np.log(counts.sums.sum())).astype(np.float32)
    return logs


@contextmanager
def _torch_threads(threads: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
