"""fastText: skip-gram over words and their n-grams, so that words nobody has seen have vectors (Bojanowski 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yeonma.errors import ConfigError
from yeonma.pretraining.corpus import Corpus
from yeonma.pretraining.method import choice, setting
from yeonma.pretraining.negative_sampling import Kernel, NegativeSampling
from yeonma.pretraining.work import Work
from yeonma.records import Progress, silent
from yeonma.subwords import UNITS, Ngrams, Subwords
from yeonma.vectors import Vectors


@dataclass(frozen=True, kw_only=True)
class FastText(NegativeSampling):
    """The vector of a word is the mean of its own row and of the rows of its n-grams' buckets.

    Only buckets that a word of the vocabulary falls into have a row; the others of the hash space were never trained.
    Bojanowski et al. 2017, "Enriching Word Vectors with Subword Information", §3.2; the mean is that of their code.
    """

    name = "fasttext"
    minn: int = setting(3, 1, 100, "units of the shortest n-gram")
    maxn: int = setting(6, 1, 100, "units of the longest n-gram")
    units: str = choice("characters", UNITS, "what n-grams are made of")
    buckets: int = setting(2_000_000, 1, 2**31 - 1, "how many buckets n-grams are hashed into")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.minn > self.maxn:
            raise ConfigError(f"minn must be at most maxn, but minn={self.minn} and maxn={self.maxn} came.")

    def train(self, corpus: Corpus, work: Work, progress: Progress = silent) -> Vectors:
        """The means of the words' rows, and as subwords the buckets; `config` holds the speed in tokens a second.

        Raises: Diverged when a number is not finite any more; DiskError.
        """
        ngrams = Ngrams(minn=self.minn, maxn=self.maxn, units=self.units, buckets=self.buckets)
        words, rng = len(corpus.words), np.random.default_rng(self.seed)
        ids, parts, ends = word_parts(corpus.words, ngrams)
        inputs, outputs = self._tables(words + len(ids), words, rng)
        kernel = self._kernel(corpus, parts, ends, inputs, outputs)
        speed = self._descend(corpus, work, kernel, {"inputs": inputs, "outputs": outputs}, rng, progress)
        rows = np.ascontiguousarray(inputs[:, : self.dim])
        subwords = Subwords(ngrams, ids, rows[words:])
        config = {"tokens_per_second": round(speed), "trained_buckets": len(ids)}
        return Vectors(corpus.words, means(rows, parts, ends), corpus.counts, config, subwords=subwords)

    def _kernel(
        self, corpus: Corpus, parts: np.ndarray, ends: np.ndarray, inputs: np.ndarray, outputs: np.ndarray
    ) -> Kernel:
        from yeonma.pretraining.skipgram import skipgram

        keep, negatives = self._noise(corpus)
        return lambda tokens, bounds, *rest: skipgram(
            tokens, bounds, keep, negatives, parts, ends, inputs, outputs, self.window, self.negative, *rest
        )


def word_parts(words: list[str], ngrams: Ngrams) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which rows each word is the mean of.

    Returns (B,) the buckets that have a row, rising: bucket ids[b] is row V + b; (N,) rows; (V + 1,) int64 bounds: the
    rows of word i are parts[bounds[i]:bounds[i+1]], its own, i, the first.
    """
    hashed, bounds = ngrams.hashed(words)
    ids, place = np.unique(hashed, return_inverse=True)
    parts = np.insert(place + len(words), bounds[:-1], np.arange(len(words)))
    return ids, parts, bounds + np.arange(len(bounds))


def means(rows: np.ndarray, parts: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """(V, dim) float32: the mean of the rows of each word's parts; no word is without one."""
    sums = np.zeros((len(bounds) - 1, rows.shape[1]), np.float32)
    for first in range(0, len(sums), 4096):  # so that not all parts' rows stand in memory at once
        cut = bounds[first : first + 4097]
        sums[first : first + 4096] = np.add.reduceat(rows[parts[cut[0] : cut[-1]]], cut[:-1] - cut[0], axis=0)
    return sums / np.diff(bounds)[:, None].astype(np.float32)
