"""Word2Vec: skip-gram and CBOW with negative sampling (Mikolov et al. 2013)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yeonma.pretraining.corpus import Corpus
from yeonma.pretraining.method import choice
from yeonma.pretraining.negative_sampling import Kernel, NegativeSampling
from yeonma.pretraining.work import Work
from yeonma.records import Progress, silent
from yeonma.vectors import Vectors


@dataclass(frozen=True, kw_only=True)
class Word2Vec(NegativeSampling):
    """Skip-gram: a word learns to expect each word of its window. CBOW: their mean learns to expect the word."""

    name = "word2vec"
    model: str = choice("skipgram", ("skipgram", "cbow"), "what is learned from a window")

    def train(self, corpus: Corpus, work: Work, progress: Progress = silent) -> Vectors:
        """The input rows of the words; `config` holds the speed: tokens a second, all epochs together.

        Raises: Diverged when a number is not finite any more; DiskError.
        """
        rng = np.random.default_rng(self.seed)
        inputs, outputs = self._tables(len(corpus.words), len(corpus.words), rng)
        kernel = self._kernel(corpus, inputs, outputs)
        speed = self._descend(corpus, work, kernel, {"inputs": inputs, "outputs": outputs}, rng, progress)
        matrix = np.ascontiguousarray(inputs[:, : self.dim])
        return Vectors(corpus.words, matrix, corpus.counts, {"tokens_per_second": round(speed)})

    def _kernel(self, corpus: Corpus, inputs: np.ndarray, outputs: np.ndarray) -> Kernel:
        keep, negatives = self._noise(corpus)
        if self.model == "cbow":
            from yeonma.pretraining.cbow import cbow

            return lambda tokens, bounds, *rest: cbow(
                tokens, bounds, keep, negatives, inputs, outputs, self.window, self.negative, *rest
            )
        from yeonma.pretraining.skipgram import skipgram

        ends = np.arange(len(corpus.words) + 1)  # a word has one part, itself
        return lambda tokens, bounds, *rest: skipgram(
            tokens, bounds, keep, negatives, ends[:-1], ends, inputs, outputs, self.window, self.negative, *rest
        )
