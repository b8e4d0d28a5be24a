"""GloVe: global vectors, a weighted least-squares fit of the logarithms of the counts (Pennington et al. 2014)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from yeonma.errors import Diverged
from yeonma.pretraining.cooccurrence import PAIR, Cooccurrences, CountBased
from yeonma.pretraining.corpus import Corpus
from yeonma.pretraining.method import descend, setting
from yeonma.pretraining.work import Work
from yeonma.records import Progress, silent
from yeonma.vectors import Vectors

_RUN = 4096  # pairs that stand together on disk and are read together
_BLOCK = 512  # such runs, from all over the file, that are mixed in memory: 25 MB, and 70 for their order


@dataclass(frozen=True, kw_only=True)
class GloVe(CountBased):
    """J = Σ f(X_ij) (w_i · w̃_j + b_i + b̃_j − log X_ij)², f(x) = min(1, (x / x_max)^α) (equations 8 and 9).

    The pairs met are taken in random order, a pair in both directions; the step is AdaGrad's as in the authors'
    program (half the cost, sums of squares from 1, of gradients times the rate). A word's vector is w + w̃ (4.2).
    Beside the counting it needs 16 bytes a word and number, and 120 MB for the pairs at hand. With one thread the
    same seed gives the same bits; several write into one table without locks.
    """

    name = "glove"
    epochs: int = setting(25, 1, 10_000, "passes over the counts")
    lr: float = setting(0.05, 1e-6, 1.0, "learning rate of AdaGrad")
    x_max: float = setting(10.0, 1e-3, 1e12, "pairs that count as much have the full weight")
    alpha: float = setting(0.75, 0.0, 10.0, "power of the weight of rarer pairs")

    def train(self, corpus: Corpus, work: Work, progress: Progress = silent) -> Vectors:
        """The sums of the word and context rows; `config` holds the number of pairs and tokens a second, all epochs.

        Raises: DataError when no two words stand together; Diverged when a number is not finite any more; DiskError.
        """
        counts = self.count(corpus, work, progress)
        state = self.begin(len(corpus.words))
        runs = -(-counts.size // _RUN)
        blocks = -(-runs // _BLOCK)
        with ThreadPoolExecutor(self.threads) as pool:
            step = self._step(counts, state, runs, blocks, pool)
            seconds = descend(work, state, self.epochs * blocks, step, progress, self.epochs * counts.size, "pairs")
        matrix = state["rows"][:, :, 0].sum(axis=0)
        if not np.isfinite(matrix).all():
            raise Diverged(f"The vectors are not finite after training with lr={self.lr}. Lower it and train again.")
        speed = round(self.epochs * len(corpus.tokens) / seconds)
        return Vectors(corpus.words, matrix, corpus.counts, {"pairs": counts.size, "tokens_per_second": speed})

    def begin(self, words: int) -> dict[str, np.ndarray]:
        """What training changes, as it is before the first step: rows uniform ±½/dim, sums of squares 1."""
        rng = np.random.default_rng(self.seed)
        rows, biases = np.ones((2, words, 2, self.dim), np.float32), np.ones((2, words, 2), np.float32)
        for start in (rows[:, :, 0], biases[:, :, 0]):
            start[...] = (rng.random(start.shape, np.float32) - np.float32(0.5)) / np.float32(self.dim)
        return {"rows": rows, "biases": biases}

    def _step(
        self, counts: Cooccurrences, state: dict[str, np.ndarray], runs: int, blocks: int, pool: ThreadPoolExecutor
    ) -> Callable[[int], None]:
        """Step n takes one block of the pairs; which and in what order follows from the seed and n alone."""
        from yeonma.pretraining.glove_kernel import glove, tiled

        settings = state["rows"], state["biases"], self.x_max, self.alpha, self.lr
        glove(np.zeros(0, PAIR), np.zeros(0, np.int64), *settings)  # no pair: compiles, or loads the compiled

        def step(number: int) -> None:
            epoch, block = divmod(number, blocks)
            mixed = np.random.default_rng([self.seed, epoch]).permutation(runs)
            pairs = _read(counts, mixed[block::blocks])
            order = tiled(pairs, np.random.default_rng([self.seed, epoch, block]))
            parts = np.array_split(order, self.threads)
            for _ in pool.map(lambda part: glove(pairs, part, *settings), parts):
                pass  # raises what a thread raised

        return step


def _read(counts: Cooccurrences, runs: np.ndarray) -> np.ndarray:
    """The pairs of some runs of the file."""
    with counts.path.open("rb", buffering=0) as stream:
        parts = []
        for run in np.sort(runs).tolist():
            stream.seek(run * _RUN * PAIR.itemsize)
            parts.append(np.frombuffer(stream.read(_RUN * PAIR.itemsize), PAIR))
    return np.concatenate(parts)
