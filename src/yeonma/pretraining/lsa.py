"""LSA: latent semantic analysis, a truncated singular value decomposition of the positive mutual information."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from yeonma.pretraining.cooccurrence import Cooccurrences, CountBased
from yeonma.pretraining.corpus import Corpus
from yeonma.pretraining.method import descend, setting
from yeonma.pretraining.work import Work
from yeonma.records import Progress, silent
from yeonma.vectors import Vectors

_BLOCK = 1 << 20  # pairs read at a time
_PARTS = 64  # stretches of rows that threads take
_SPARE = 10  # directions beyond those asked for (Halko et al. 2011, section 4.2)


@dataclass(frozen=True, kw_only=True)
class LSA(CountBased):
    """M ≈ U Σ Vᵀ, M_ij = max(0, log x_ij − log x_i* − log(x_*j^α / Σ_k x_*k^α)); a word's vector is its row of U Σ^p.

    Deerwester et al. 1990 take the singular vectors of a matrix of terms by documents: words are alike that stand in
    the same documents. Here the documents are the words of the window, and counts are weighed by positive pointwise
    mutual information with a smoothed context distribution (Levy, Goldberg and Dagan 2015, sections 3.2 and 3.3: α
    ¾, p ½). The decomposition is the randomised one of Halko, Martinsson and Tropp 2011 (algorithms 4.4 and 5.1).
    Beside the counting it needs 16 bytes for each different pair in memory, and 16 bytes a word and number. The same
    seed gives the same bits, on any number of threads.
    """

    name = "lsa"
    smoothing: float = setting(0.75, 0.0, 1.0, "power of the context distribution: below 1 rare contexts weigh less")
    power: float = setting(0.5, 0.0, 2.0, "power of the singular values in the vectors")
    iterations: int = setting(4, 0, 100, "subspace iterations: more are nearer to the exact decomposition")

    def train(self, corpus: Corpus, work: Work, progress: Progress = silent) -> Vectors:
        """The rows of U Σ^p; numbers past the rank of M are 0. `config` holds the number of pairs and the speed.

        Raises: DataError when no two words stand together; DiskError.
        """
        begin = time.perf_counter()
        counts = self.count(corpus, work, progress)
        matrix = MutualInformation.of(counts, self.smoothing)
        with ThreadPoolExecutor(self.threads) as pool:
            u, sigma = self._decompose(matrix, pool, work, progress)
        vectors = np.zeros((len(corpus.words), self.dim), np.float32)
        vectors[:, : len(sigma)] = u * sigma**self.power
        speed = round(len(corpus.tokens) / (time.perf_counter() - begin))
        return Vectors(corpus.words, vectors, corpus.counts, {"pairs": counts.size, "tokens_per_second": speed})

    def _decompose(
        self, matrix: MutualInformation, pool: ThreadPoolExecutor, work: Work, progress: Progress
    ) -> tuple[np.ndarray, np.ndarray]:
        """U (V, k) and Σ (k,), k ≤ dim; the largest number of each column of U is positive."""
        words = len(matrix.row_logs)
        rng, shape = np.random.default_rng(self.seed), (words, min(words, self.dim + _SPARE))
        basis = rng.standard_normal(shape, np.float32)

        def step(number: int) -> None:
            before = np.linalg.qr(matrix.transposed().times(basis, pool))[0] if number else basis
            basis[...] = np.linalg.qr(matrix.times(before, pool))[0]

        descend(work, {"basis": basis}, 1 + self.iterations, step, progress, 1 + self.iterations, "products")
        triangle = np.linalg.qr(matrix.transposed().times(basis, pool))[1]
        left, sigma, _ = np.linalg.svd(triangle.T)
        u = basis @ left
        u *= np.sign(np.take_along_axis(u, np.abs(u).argmax(axis=0)[None], axis=0))
        return u[:, : self.dim], sigma[: self.dim]


@dataclass(frozen=True, eq=False)
class MutualInformation:
    """A sparse matrix M_ij = max(0, log x_ij − row_logs_i − column_logs_j), whose pattern is symmetric.

    starts   (V + 1,) int64, columns (entries,) int32: row i has the columns[starts[i]:starts[i+1]]
    logs     (entries,) float32 log x_ij
    """

    starts: np.ndarray
    columns: np.ndarray
    logs: np.ndarray
    row_logs: np.ndarray
    column_logs: np.ndarray

    @classmethod
    def of(cls, counts: Cooccurrences, smoothing: float) -> MutualInformation:
        """The positive mutual information of counts, with contexts as frequent as (their sum)^smoothing says.

        The pairs are read twice, and only those are held that are positive in one of the directions.
        """
        from yeonma.pretraining.lsa_kernel import fill

        row_logs, column_logs = _logs(counts.sums, smoothing)
        entries = np.zeros(len(row_logs), np.int64)
        for rows, columns, _ in _positive(counts, row_logs, column_logs):
            entries += np.bincount(rows, minlength=len(entries))
            entries += np.bincount(columns[rows != columns], minlength=len(entries))
        starts = np.concatenate([[0], np.cumsum(entries)])
        matrix = cls(starts, np.empty(starts[-1], np.int32), np.empty(starts[-1], np.float32), row_logs, column_logs)
        ends = starts[:-1].copy()
        for rows, columns, logs in _positive(counts, row_logs, column_logs):
            fill(rows, columns, logs, ends, matrix.columns, matrix.logs)
        return matrix

    def transposed(self) -> MutualInformation:
        """Mᵀ, on the same arrays."""
        return replace(self, row_logs=self.column_logs, column_logs=self.row_logs)

    def times(self, dense: np.ndarray, pool: ThreadPoolExecutor) -> np.ndarray:
        """M · dense, (V, n) float32; every stretch of rows is one thread's, so that their number changes no bit."""
        from yeonma.pretraining.lsa_kernel import product

        result = np.empty(dense.shape, np.float32)
        arrays = self.starts, self.columns, self.logs, self.row_logs, self.column_logs, np.ascontiguousarray(dense)
        cuts = np.searchsorted(self.starts, np.linspace(0, self.starts[-1], _PARTS + 1)[1:-1])
        cuts = np.concatenate([[0], cuts, [len(result)]])
        for _ in pool.map(lambda first, last: product(*arrays, result, first, last), cuts[:-1], cuts[1:]):
            pass  # raises what a thread raised
        return result


def _logs(sums: np.ndarray, smoothing: float) -> tuple[np.ndarray, np.ndarray]:
    """(V,) float32 log x_i* and log(x_*j^α / Σ x_*k^α); a word without neighbours counts as met once."""
    row_logs = np.log(np.where(sums > 0, sums, 1))
    column_logs = smoothing * row_logs - np.log(np.exp(smoothing * row_logs)[sums > 0].sum())
    return row_logs.astype(np.float32), column_logs.astype(np.float32)


def _positive(
    counts: Cooccurrences, row_logs: np.ndarray, column_logs: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Rows, columns and log x of the pairs whose mutual information is positive in one direction or the other."""
    for block in counts.blocks(_BLOCK):
        rows, columns, logs = block["row"], block["column"], np.log(block["value"])
        least = np.minimum(row_logs[rows] + column_logs[columns], row_logs[columns] + column_logs[rows])
        kept = logs > least
        yield rows[kept], columns[kept], logs[kept]
