"""Word2Vec: skip-gram with negative sampling (Mikolov et al. 2013)."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from yeonma.errors import Diverged
from yeonma.pretraining.corpus import Corpus
from yeonma.pretraining.method import Method, setting
from yeonma.records import Progress, silent
from yeonma.vectors import Vectors

_LAST_RATE = 1e-4  # of the first
_NEGATIVES = 2_000_000
_CHUNK = 100_000  # tokens a thread takes at a time: a tenth of a second
_LONGEST = 10_000  # tokens of a text handled at a time; only a window across such a border is cut


@dataclass(frozen=True, kw_only=True)
class Word2Vec(Method):
    """Skip-gram: the words of a window learn to tell its centre word from words drawn at random.

    The same seed gives the same bits with one thread. Several threads write into one table without locks (Recht et
    al. 2011, "Hogwild!"), so that no two runs are equal.
    """

    name = "word2vec"
    dim: int = setting(100, 1, 1024, "numbers a word has")
    window: int = setting(5, 1, 1000, "how far a word of the context may be")
    negative: int = setting(5, 1, 100, "words drawn at random for each window")
    epochs: int = setting(5, 1, 10_000, "passes over the corpus")
    lr: float = setting(0.05, 1e-6, 1.0, "learning rate; falls linearly to 1/10,000 of it")
    sample: float = setting(1e-3, 0.0, 1.0, "words more frequent than this share are thinned out; 0 keeps all")
    threads: int = setting(1, 1, 1024, "threads; more than one cannot be reproduced bit for bit")

    def train(self, corpus: Corpus, progress: Progress = silent) -> Vectors:
        """The input rows of the words; `config` holds the speed: tokens a second, all epochs together.

        Raises: Diverged when a number is not finite any more.
        """
        rng = np.random.default_rng(self.seed)
        inputs = (rng.random((len(corpus.words), self.dim), np.float32) - np.float32(0.5)) / np.float32(self.dim)
        seconds = self._descend(corpus, inputs, rng, progress)
        if not np.isfinite(inputs).all():
            raise Diverged(f"The vectors are not finite after training with lr={self.lr}. Lower it and train again.")
        speed = round(self.epochs * len(corpus.tokens) / seconds)
        return Vectors(corpus.words, inputs, corpus.counts, {"tokens_per_second": speed})

    def _descend(self, corpus: Corpus, inputs: np.ndarray, rng: np.random.Generator, progress: Progress) -> float:
        """Train the input rows in place; returns the seconds it took, compiling not counted.

        Every thread has a stretch of the corpus. In a step each of them takes the next chunk of its own.
        """
        from yeonma.pretraining.skipgram import skipgram

        outputs = np.zeros_like(inputs)
        keep, negatives = keep_probabilities(corpus.counts, self.sample), negative_table(corpus.counts)
        bounds = _short_texts(corpus.bounds)
        per_epoch = -(-len(corpus.tokens) // (_CHUNK * self.threads))
        cuts = np.searchsorted(bounds, np.linspace(0, bounds[-1], self.threads * per_epoch + 1))
        states = rng.integers(1, 2**64, self.threads, np.uint64)
        settings = keep, negatives, inputs, outputs, self.window, self.negative
        steps, total = self.epochs * per_epoch, self.epochs * len(corpus.tokens)

        def take(thread: int, step: int) -> None:
            chunk = thread * per_epoch + step % per_epoch
            rates = self._rate(step / steps), self._rate((step + 1) / steps)
            texts = bounds[cuts[chunk] : cuts[chunk + 1] + 1]
            skipgram(corpus.tokens, texts, *settings, *rates, states[thread : thread + 1])

        skipgram(corpus.tokens, bounds[:1], *settings, 0.0, 0.0, states[:1])  # no text: compiles, or loads the compiled
        begin = time.perf_counter()
        with ThreadPoolExecutor(self.threads) as pool:
            for step in range(steps):
                list(pool.map(take, range(self.threads), repeat(step)))
                progress("train", total * (step + 1) // steps, total, "tokens")
        return time.perf_counter() - begin

    def _rate(self, done: float) -> float:
        """The learning rate when a share of the training is done."""
        return self.lr * (1 - (1 - _LAST_RATE) * done)


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


def _short_texts(bounds: np.ndarray) -> np.ndarray:
    """Bounds of texts none of which is longer than `_LONGEST`."""
    long = np.flatnonzero(np.diff(bounds) > _LONGEST).tolist()
    return np.unique(np.concatenate([bounds, *(np.arange(bounds[i], bounds[i + 1], _LONGEST) for i in long)]))
