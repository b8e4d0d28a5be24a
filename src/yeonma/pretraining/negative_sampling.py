"""Negative sampling: the settings, the noise and the one training loop of all methods that learn from windows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from yeonma.errors import Diverged
from yeonma.pretraining.corpus import Corpus
from yeonma.pretraining.method import Method, descend, setting
from yeonma.pretraining.work import Work
from yeonma.records import Progress

_LAST_RATE = 1e-4  # of the first
_NEGATIVES = 2_000_000
_CHUNK = 200_000  # tokens a thread takes at a time: a tenth of a second

Kernel = Callable[[np.ndarray, np.ndarray, float, float, np.ndarray], None]
"""tokens, bounds, rate, last rate, random state: one stretch of a corpus, learned."""


@dataclass(frozen=True, kw_only=True)
class NegativeSampling(Method):
    """What words of a window, and words drawn at random, are told apart by.

    The same seed gives the same bits with one thread. Several threads write into one table without locks (Recht et
    al. 2011, "Hogwild!"), so that no two runs are equal.
    """

    dim: int = setting(100, 1, 1024, "numbers a word has")
    window: int = setting(5, 1, 1000, "how far a word of the context may be")
    negative: int = setting(5, 1, 100, "words drawn at random for each word to be told")
    epochs: int = setting(5, 1, 10_000, "passes over the corpus")
    lr: float = setting(0.05, 1e-6, 1.0, "learning rate; falls linearly to 1/10,000 of it")
    sample: float = setting(1e-3, 0.0, 1.0, "words more frequent than this share are thinned out; 0 keeps all")

    def _tables(self, inputs: int, outputs: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Rows to begin with: inputs uniform in ±½/dim, outputs 0; numbers behind `dim` are 0 and stay so."""
        from yeonma.pretraining.kernels import table

        rows = table(inputs, self.dim)
        rows[:, : self.dim] = (rng.random((inputs, self.dim), np.float32) - np.float32(0.5)) / np.float32(self.dim)
        return rows, table(outputs, self.dim)

    def _noise(self, corpus: Corpus) -> tuple[np.ndarray, np.ndarray]:
        """What a kernel draws from: the probability of keeping each word, and the table of negatives."""
        return keep_probabilities(corpus.counts, self.sample), negative_table(corpus.counts)

    def _descend(
        self,
        corpus: Corpus,
        work: Work,
        kernel: Kernel,
        tables: dict[str, np.ndarray],
        rng: np.random.Generator,
        progress: Progress,
    ) -> float:
        """Train the tables in place; returns tokens a second, compiling not counted.

        In a step every thread takes a chunk of the corpus.
        Raises: Diverged, DiskError.
        """
        cuts = corpus.cuts(min(_CHUNK, max(1, len(corpus.tokens) // self.threads)))
        per_epoch = -(-(len(cuts) - 1) // self.threads)
        steps = self.epochs * per_epoch
        states = rng.integers(1, 2**64, self.threads, np.uint64)

        def take(thread: int, step: int) -> None:
            chunk = step % per_epoch * self.threads + thread
            if chunk < len(cuts) - 1:
                texts = corpus.stretch(cuts[chunk], cuts[chunk + 1])
                kernel(*texts, self._rate(step / steps), self._rate((step + 1) / steps), states[thread : thread + 1])

        kernel(np.zeros(0, np.int32), np.zeros(1, np.int64), 0.0, 0.0, states[:1].copy())  # compiles, or loads
        with ThreadPoolExecutor(self.threads) as pool:
            seconds = descend(
                work, tables | {"random": states}, steps,
                lambda step: _all(pool.map(take, range(self.threads), repeat(step))),
                progress, self.epochs * len(corpus.tokens), "tokens",
            )  # fmt: skip
        if not all(np.isfinite(rows).all() for rows in tables.values()):
            raise Diverged(f"The vectors are not finite after training with lr={self.lr}. Lower it and train again.")
        return self.epochs * len(corpus.tokens) / seconds

    def _rate(self, done: float) -> float:
        """The learning rate when a share of the training is done."""
        return self.lr * (1 - (1 - _LAST_RATE) * done)


def _all(done: Iterable[None]) -> None:
    """Wait for all, and raise what one raised."""
    for _ in done:
        pass


def keep_probabilities(counts: np.ndarray, sample: float) -> np.ndarray:
    """(V,) float32: √(t/f) + t/f, at most 1, where f is a word's share of all tokens and t the sample (word2vec.c)."""
    if sample == 0:
        return np.ones(len(counts), np.float32)
    share = sample * counts.sum() / counts
    keep: np.ndarray = np.minimum(1, np.sqrt(share) + share).astype(np.float32)
    return keep


def negative_table(counts: np.ndarray) -> np.ndarray:
    """Rows of words, each as often as its count^¾ asks (at least once): a uniform draw is a negative."""
    power = counts**0.75
    times = np.maximum(1, power / power.sum() * _NEGATIVES).astype(np.int64)
    return np.repeat(np.arange(len(counts), dtype=np.int32), times)
