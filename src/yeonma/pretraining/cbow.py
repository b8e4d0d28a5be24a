"""The CBOW kernel: the mean of the words around a place learns to tell the word there from words drawn at random.

Mikolov et al. 2013, "Efficient Estimation of Word Representations in Vector Space", §3.1, with negative sampling: with
h = the mean of the n input rows of a window, the cost is −log σ(h·o) − Σ log σ(−h·d) over `negative` words d drawn
from unigram^¾. Each of the n rows gets all of the gradient of h, as in word2vec.c and gensim, not its own 1/n of it: so
h itself moves by that gradient. (With 1/n, at the same rate, a classifier on NSMC loses a percentage point.)

Up to 32 places of a text learn at once: their means come from running sums, so that a window of any width costs two
rows, and go back the same way; they share the drawn words as in the skip-gram kernel: a pool of P, about twice
`negative`, at negative/P times the rate.
"""

from __future__ import annotations

import numpy as np

from yeonma.pretraining.kernels import (
    DISTANCE,
    apart,
    below,
    buffer,
    compiled,
    draw,
    f32,
    fetch,
    give_back,
    inlined,
    longest_text,
    pool_size,
    sigmoid,
    subsample,
    whole,
)

_BLOCK = 32  # places that learn at once
_TIMES = 2  # with 1 the vectors are worse by half a point under a classifier, in 4/5 of the time


@compiled
def _means(
    around: np.ndarray, rows: int, spans: np.ndarray, sums: np.ndarray, mean: np.ndarray, was: np.ndarray, width: int
) -> None:
    """The means of windows, twice; spans (places, 3): the first row, the one behind the last, the own one left out.

    sums  (rows + 1) rows of a buffer, overwritten by running sums
    """
    width = whole(width)
    sums[0] = 0
    for n in range(rows):
        row, total, further = around[n], sums[n], sums[n + 1]
        for j in range(width):
            further[j] = total[j] + row[j]
    for n in range(len(spans)):
        low, high, own = spans[n]
        share = f32(1 / (high - low - 1))
        left, right, self = sums[low], sums[high], around[own]
        new, old = mean[n], was[n]
        for j in range(width):
            new[j] = share * (right[j] - left[j] - self[j])
        for j in range(width):
            old[j] = new[j]


@inlined
def _add(row: np.ndarray, other: np.ndarray, sign: np.float32, width: int) -> None:
    for j in range(width):
        row[j] += sign * other[j]


@compiled
def _share_out(
    around: np.ndarray, rows: int, spans: np.ndarray, sums: np.ndarray, mean: np.ndarray, was: np.ndarray, width: int
) -> None:
    """Add to each row what each mean learned: +δ where a window begins, −δ behind its end, summed up."""
    width = whole(width)
    sums[: rows + 1] = 0
    for n in range(len(spans)):
        low, high, own = spans[n]
        left, right, self = sums[low], sums[high], around[own]
        new, old = mean[n], was[n]
        for j in range(width):
            old[j] = new[j] - old[j]
        _add(left, old, f32(1), width)
        _add(right, old, f32(-1), width)
        _add(self, old, f32(-1), width)
    for n in range(rows):
        row, total, further = around[n], sums[n], sums[n + 1]
        _add(row, total, f32(1), width)
        _add(further, total, f32(1), width)


@compiled
def _expect(mean: np.ndarray, centres: np.ndarray, places: int, rate: np.float32, width: int) -> None:
    """Each mean learns to expect the word of its place, and that word's output row the mean."""
    width = whole(width)
    for n in range(places):
        h, o = mean[n], centres[n]
        z = f32(0)
        for j in range(width):
            z += h[j] * o[j]
        g = rate * (f32(1) - sigmoid(z))
        for j in range(width):
            v, w = h[j], o[j]
            h[j] = v + g * w
            o[j] = w + g * v


@compiled
def cbow(
    tokens: np.ndarray,
    bounds: np.ndarray,
    keep: np.ndarray,
    negatives: np.ndarray,
    inputs: np.ndarray,
    outputs: np.ndarray,
    window: int,
    negative: int,
    rate: float,
    last_rate: float,
    state: np.ndarray,
) -> None:
    """Train `inputs` and `outputs` (V, width) in place; both as `kernels.table` makes them.

    tokens       (N,) int32 words
    bounds       (texts + 1,) int64; a window stays inside tokens[bounds[i]:bounds[i+1]]
    keep         (V,) float32 probability of keeping a token of each word
    negatives    (any,) int32 words; a uniform draw from it is a negative
    window       the reach is uniform in 1 … window, drawn for each place
    rate         learning rate; falls linearly to `last_rate` at the last token
    state        (1,) uint64 of the random numbers, carried on
    """
    longest, width = longest_text(bounds), inputs.shape[1]
    size = pool_size(negative, _TIMES, outputs.shape[0])
    kept, drawn = np.empty(longest, np.int32), np.empty(size, np.int32)
    rows = _BLOCK + 2 * window
    around, was_around, sums = buffer(rows, width), buffer(rows, width), buffer(rows + 1, width)
    mean, was_mean = buffer(_BLOCK + 1, width), buffer(_BLOCK, width)
    centres, was_centres = buffer(_BLOCK, width), buffer(_BLOCK, width)
    pool, was_pool = buffer(size, DISTANCE), buffer(size, width)
    spans, rates = np.empty((_BLOCK, 3), np.int64), np.zeros(_BLOCK + 1, np.float32)
    for i in range(len(bounds) - 1):
        n = subsample(tokens[bounds[i] : bounds[i + 1]], keep, kept, state)
        now = f32(rate + (last_rate - rate) * (bounds[i] - bounds[0]) / (bounds[-1] - bounds[0]))
        for start in range(0, n if n > 1 else 0, _BLOCK):
            stop = min(n, start + _BLOCK)
            first, end, places = max(0, start - window), min(n, stop + window), stop - start
            for place in range(start, stop):
                reach = int(below(window, state)) + 1
                spans[place - start] = max(0, place - reach) - first, min(n, place + reach + 1) - first, place - first
            draw(drawn, negatives, state)
            fetch(inputs, kept[first:end], around, was_around)
            fetch(outputs, kept[start:stop], centres, was_centres)
            fetch(outputs, drawn, pool, was_pool)
            _means(around, end - first, spans[:places], sums, mean, was_mean, width)
            _expect(mean, centres, places, now, width)
            rates[:places] = now * f32(negative / size)
            apart(mean, pool, rates, places)
            _share_out(around, end - first, spans[:places], sums, mean, was_mean, width)
            give_back(outputs, drawn, pool, was_pool)
            give_back(outputs, kept[start:stop], centres, was_centres)
            give_back(inputs, kept[first:end], around, was_around)
