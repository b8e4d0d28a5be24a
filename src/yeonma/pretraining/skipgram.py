"""The skip-gram kernel: stochastic gradient steps over a stretch of a corpus, words alone or with their subwords.

Mikolov et al. 2013, "Distributed Representations of Words and Phrases and their Compositionality", eq. 4: an input row
x and the output row o of a word in its window cost −log σ(x·o) − Σ log σ(−x·n) over words n drawn from unigram^¾. A
word with k parts (its own row and those of its n-grams, Bojanowski et al. 2017) has x = their mean.

`negative` is the expected number of drawn words for each pair, not how many are drawn. A pool of about four times as
many, and of more where `window` is above 20, serves 32 places of the text: a place with m words in its window meets
each of the P words of the pool once, at m · negative/P times the rate. The expected gradient is the same (a drawn word
that stands in the window counts as any other, as in Levy & Goldberg 2014, eq. 2), and a place costs m + P products,
not m · (1 + negative).
"""

from __future__ import annotations

import numpy as np

from yeonma.pretraining.kernels import (
    DISTANCE,
    SIX,
    against_six,
    apart,
    below,
    buffer,
    compiled,
    damping,
    draw,
    f32,
    fetch,
    give_back,
    longest_text,
    pool_size,
    subsample,
    whole,
)

_BLOCK = 16  # places whose rows are in the buffers at a time
_SERVED = 32  # places that a pool serves, at least
_PAIRS = 5  # of a place's window to one drawn word at most: then the steps on it stay small in wide windows, too
_TIMES = 4  # with 2 the vectors are worse by a quarter of a point under a classifier, in 3/4 of the time


@compiled
def _compose(
    inputs: np.ndarray, parts: np.ndarray, bounds: np.ndarray, words: np.ndarray, new: np.ndarray, old: np.ndarray
) -> None:
    """Copy the mean of the parts of each word into a buffer, and once more into `old`."""
    width = whole(inputs.shape[1])
    for n in range(len(words)):
        first, end = bounds[words[n]], bounds[words[n] + 1]
        mean, before = new[n], old[n]
        row, share = inputs[parts[first]], f32(1 / (end - first))
        for j in range(width):
            mean[j] = share * row[j]
        for k in range(first + 1, end):
            row = inputs[parts[k]]
            for j in range(width):
                mean[j] += share * row[j]
        for j in range(width):
            before[j] = mean[j]


@compiled
def _spread(
    inputs: np.ndarray, parts: np.ndarray, bounds: np.ndarray, words: np.ndarray, new: np.ndarray, old: np.ndarray
) -> None:
    """Add what a mean learned to each of its parts, all of it, as fastText does: the mean moves by that much."""
    width = whole(inputs.shape[1])
    for n in range(len(words)):
        mean, before, share = new[n], old[n], damping(words, n)
        for k in range(bounds[words[n]], bounds[words[n] + 1]):
            row = inputs[parts[k]]
            for j in range(width):
                row[j] += share * (mean[j] - before[j])


@compiled
def _window(
    x: np.ndarray, around: np.ndarray, size: int, own: int, rate: np.float32, rates: np.ndarray, width: int
) -> None:
    """A row learns to expect the words around it: `size` output rows of a buffer, but not its own."""
    for n in range(0, size, SIX):
        for k in range(SIX):
            rates[k] = rate if n + k < size and n + k != own else f32(0)
        against_six(x, around[n * DISTANCE :], rates, 1.0, 1.0, width)


@compiled
def skipgram(
    tokens: np.ndarray,
    bounds: np.ndarray,
    keep: np.ndarray,
    negatives: np.ndarray,
    parts: np.ndarray,
    part_bounds: np.ndarray,
    inputs: np.ndarray,
    outputs: np.ndarray,
    window: int,
    negative: int,
    rate: float,
    last_rate: float,
    state: np.ndarray,
) -> None:
    """Train `inputs` (rows, width) and `outputs` (V, width) in place; both as `kernels.table` makes them.

    tokens       (N,) int32 words
    bounds       (texts + 1,) int64; a window stays inside tokens[bounds[i]:bounds[i+1]]
    keep         (V,) float32 probability of keeping a token of each word
    negatives    (any,) int32 words; a uniform draw from it is a negative
    parts        (any,) int64 input rows; those of word i are parts[part_bounds[i]:part_bounds[i+1]]
    window       the reach is uniform in 1 … window, drawn for each input word
    rate         learning rate; falls linearly to `last_rate` at the last token
    state        (1,) uint64 of the random numbers, carried on
    """
    longest, width = longest_text(bounds), inputs.shape[1]
    size = pool_size(negative, max(_TIMES, window // _PAIRS), outputs.shape[0])
    kept, drawn = np.empty(longest, np.int32), np.empty(size, np.int32)
    hidden, was_hidden, was_pool = buffer(_BLOCK + 1, width), buffer(_BLOCK, width), buffer(size, width)
    around, pool = buffer(_BLOCK + 2 * window + SIX, DISTANCE), buffer(size, DISTANCE)
    was_around, flat = buffer(_BLOCK + 2 * window, width), around.reshape(-1)
    rates, weights = np.zeros(SIX, np.float32), np.zeros(_BLOCK + 1, np.float32)
    draw(drawn, negatives, state)
    fetch(outputs, drawn, pool, was_pool)
    served = 0
    for i in range(len(bounds) - 1):
        n = subsample(tokens[bounds[i] : bounds[i + 1]], keep, kept, state)
        now = f32(rate + (last_rate - rate) * (bounds[i] - bounds[0]) / (bounds[-1] - bounds[0]))
        for start in range(0, n if n > 1 else 0, _BLOCK):
            stop = min(n, start + _BLOCK)
            first, end = max(0, start - window), min(n, stop + window)
            fetch(outputs, kept[first:end], around, was_around)
            _compose(inputs, parts, part_bounds, kept[start:stop], hidden, was_hidden)
            for place in range(start, stop):
                reach = int(below(window, state)) + 1
                low, high = max(0, place - reach), min(n, place + reach + 1)
                expected = flat[(low - first) * DISTANCE :]
                _window(hidden[place - start], expected, high - low, place - low, now, rates, width)
                weights[place - start] = now * f32(high - low - 1) * f32(negative / size)
            apart(hidden, pool, weights, stop - start)
            _spread(inputs, parts, part_bounds, kept[start:stop], hidden, was_hidden)
            give_back(outputs, kept[first:end], around, was_around)
            served += stop - start
            if served >= _SERVED:
                give_back(outputs, drawn, pool, was_pool)
                draw(drawn, negatives, state)
                fetch(outputs, drawn, pool, was_pool)
                served = 0
    give_back(outputs, drawn, pool, was_pool)
