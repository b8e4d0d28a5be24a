"""The skip-gram kernel: stochastic gradient steps over a stretch of a corpus, compiled.

Mikolov et al. 2013, "Distributed Representations of Words and Phrases and their Compositionality": an input word i and
an output word o cost −log σ(i·o) − Σ log σ(−i·n) over words n drawn from unigram^¾. Here those are drawn once for each
centre word and shared by all words of its window: a window is a small matrix product, not many scattered dot products.

What makes it fast, each measured:
- two words of a window and six output rows (the centre word and five others) go through ONE loop over the dimension;
- fetched rows and their gradients stand in one buffer at a constant distance, so that the compiler sees they do not
  overlap; the distance is no power of two, which would put them all into the same cache lines;
- σ is a table: exp would cost a quarter of the time;
- the words for a whole text are drawn before its windows, so that the waits for memory overlap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import njit

SIX = 6
LARGEST_DIM = 1024
_DISTANCE = LARGEST_DIM + 176
_REACH, _STEPS = 8, 64  # the table of σ: |z| < 8, 64 entries for each 1
_SIGMOID = (1 / (1 + np.exp(-np.arange(-_REACH * _STEPS, _REACH * _STEPS + 1) / _STEPS))).astype(np.float32)

u64, f32 = np.uint64, np.float32
F = TypeVar("F", bound=Callable[..., Any])


def _compiled(function: F) -> F:
    compiled: F = njit(nogil=True, cache=True, fastmath=True, error_model="numpy")(function)
    return compiled


def _inlined(function: F) -> F:
    inlined: F = njit(nogil=True, inline="always", fastmath=True, error_model="numpy")(function)
    return inlined


@_compiled
def _random(state: np.ndarray) -> np.uint64:
    """xorshift64 (Marsaglia 2003); `state` holds one number, never 0."""
    x: np.uint64 = state[0]
    x ^= x << u64(13)
    x ^= x >> u64(7)
    x ^= x << u64(17)
    state[0] = x
    return x


@_compiled
def _below(limit: int, state: np.ndarray) -> np.int64:
    """A whole number from 0 to limit−1, from the upper half of a random one (Lemire 2019, without the rejection)."""
    return np.int64(((_random(state) >> u64(32)) * u64(limit)) >> u64(32))


@_inlined
def _sigmoid(z: np.float32) -> np.float32:
    z = min(max(z, f32(-_REACH)), f32(_REACH))
    nearest: np.float32 = _SIGMOID[np.int64(z * f32(_STEPS) + f32(_REACH * _STEPS + 0.5))]
    return nearest


@_compiled
def _subsample(text: np.ndarray, keep: np.ndarray, kept: np.ndarray, state: np.ndarray) -> int:
    """Copy each token with the probability of its word; returns how many."""
    n = 0
    for token in text:
        if (_random(state) >> u64(40)) * f32(2**-24) < keep[token]:
            kept[n] = token
            n += 1
    return n


@_compiled
def _draw(drawn: np.ndarray, negatives: np.ndarray, state: np.ndarray) -> None:
    for k in range(drawn.shape[0]):
        for n in range(drawn.shape[1]):
            drawn[k, n] = negatives[_below(len(negatives), state)]


@_inlined
def _fetch(row: np.ndarray, out: np.ndarray, grad: np.ndarray) -> None:
    for j in range(len(row)):
        out[j] = row[j]
        grad[j] = f32(0)


@_inlined
def _add(row: np.ndarray, grad: np.ndarray) -> None:
    for j in range(len(row)):
        row[j] += grad[j]


@_compiled
def _twins(
    one: np.ndarray, two: np.ndarray, work: np.ndarray, rates: np.ndarray, label: np.float32, live: np.float32
) -> None:
    """Two input rows against six output rows: g = rate · (label − σ(z)), z = row · out; only out 0 has the label.

    The output rows stay as they are and their gradients add up, so this equals one row after the other; it waits
    half as often. `live` is 0 where there is no second row. Not inlined: inside a loop over groups the compiler then
    fails to prove that rows do not overlap, and the code is four times slower.
    work  six output rows, then their gradients, each `_DISTANCE` after the other
    """
    y0 = y1 = y2 = y3 = y4 = y5 = f32(0)
    z0 = z1 = z2 = z3 = z4 = z5 = f32(0)
    for j in range(len(one)):
        v, w = one[j], two[j]
        y0 += v * work[j]
        z0 += w * work[j]
        y1 += v * work[_DISTANCE + j]
        z1 += w * work[_DISTANCE + j]
        y2 += v * work[2 * _DISTANCE + j]
        z2 += w * work[2 * _DISTANCE + j]
        y3 += v * work[3 * _DISTANCE + j]
        z3 += w * work[3 * _DISTANCE + j]
        y4 += v * work[4 * _DISTANCE + j]
        z4 += w * work[4 * _DISTANCE + j]
        y5 += v * work[5 * _DISTANCE + j]
        z5 += w * work[5 * _DISTANCE + j]
    g0, h0 = rates[0] * (label - _sigmoid(y0)), live * rates[0] * (label - _sigmoid(z0))
    g1, h1 = rates[1] * -_sigmoid(y1), live * rates[1] * -_sigmoid(z1)
    g2, h2 = rates[2] * -_sigmoid(y2), live * rates[2] * -_sigmoid(z2)
    g3, h3 = rates[3] * -_sigmoid(y3), live * rates[3] * -_sigmoid(z3)
    g4, h4 = rates[4] * -_sigmoid(y4), live * rates[4] * -_sigmoid(z4)
    g5, h5 = rates[5] * -_sigmoid(y5), live * rates[5] * -_sigmoid(z5)
    for j in range(len(one)):
        v, w = one[j], two[j]
        work[6 * _DISTANCE + j] += g0 * v + h0 * w
        work[7 * _DISTANCE + j] += g1 * v + h1 * w
        work[8 * _DISTANCE + j] += g2 * v + h2 * w
        work[9 * _DISTANCE + j] += g3 * v + h3 * w
        work[10 * _DISTANCE + j] += g4 * v + h4 * w
        work[11 * _DISTANCE + j] += g5 * v + h5 * w
        one[j] = (
            v
            + g0 * work[j]
            + g1 * work[_DISTANCE + j]
            + g2 * work[2 * _DISTANCE + j]
            + g3 * work[3 * _DISTANCE + j]
            + g4 * work[4 * _DISTANCE + j]
            + g5 * work[5 * _DISTANCE + j]
        )
        two[j] = (
            w
            + h0 * work[j]
            + h1 * work[_DISTANCE + j]
            + h2 * work[2 * _DISTANCE + j]
            + h3 * work[3 * _DISTANCE + j]
            + h4 * work[4 * _DISTANCE + j]
            + h5 * work[5 * _DISTANCE + j]
        )


@_inlined
def _window(
    context: np.ndarray,
    centre: int,
    drawn: np.ndarray,
    inputs: np.ndarray,
    outputs: np.ndarray,
    rate: np.float32,
    work: np.ndarray,
    rates: np.ndarray,
    nobody: np.ndarray,
) -> None:
    """The words of a context learn to tell the centre word (output row 0) from the words drawn for it.

    A drawn word that is the centre word has rate 0, and so have the rows of the last six that are not in use.
    """
    _fetch(outputs[centre], work[0], work[0, SIX * _DISTANCE :])
    rates[0] = rate
    for n in range(1, len(drawn) + 1):
        group, at = n // SIX, n % SIX * _DISTANCE
        _fetch(outputs[drawn[n - 1]], work[group, at:], work[group, SIX * _DISTANCE + at :])
        rates[n] = rate if drawn[n - 1] != centre else f32(0)
    k = 0
    while k < len(context):
        twin = k + 1 < len(context) and context[k] != context[k + 1]
        one, two = inputs[context[k]], inputs[context[k + 1]] if twin else nobody
        for group in range(len(work)):
            _twins(one, two, work[group], rates[group * SIX :], f32(group == 0), f32(twin))
        k += 2 if twin else 1
    _add(outputs[centre], work[0, SIX * _DISTANCE :])
    for n in range(1, len(drawn) + 1):
        _add(outputs[drawn[n - 1]], work[n // SIX, (SIX + n % SIX) * _DISTANCE :])


@_inlined
def _context(words: np.ndarray, place: int, reach: np.int64, context: np.ndarray) -> int:
    """Copy the words within reach of a place, but not the one there; returns how many."""
    n = 0
    first, end = max(0, place - int(reach)), min(len(words), place + int(reach) + 1)
    for p in range(first, end):
        if p != place:
            context[n] = words[p]
            n += 1
    return n


@_compiled
def skipgram(
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
    """Train `inputs` and `outputs` (V, dim) float32 in place on the texts between `bounds`.

    tokens     (N,) int32 rows of the tables
    bounds     (texts + 1,) int64; a window stays inside tokens[bounds[i]:bounds[i+1]]
    keep       (V,) float32 probability of keeping a token of each word
    negatives  (any,) int32 rows; a uniform draw from it is a negative
    window     the reach is uniform in 1 … window, drawn for each centre word
    rate       learning rate; falls linearly to `last_rate` at the last token
    state      (1,) uint64 of the random numbers, carried on
    """
    longest = 0
    for i in range(len(bounds) - 1):
        longest = max(longest, bounds[i + 1] - bounds[i])
    kept, drawn = np.empty(longest, np.int32), np.empty((longest, negative), np.int32)
    context, nobody = np.empty(2 * window, np.int32), np.zeros(inputs.shape[1], np.float32)
    groups = negative // SIX + 1
    work, rates = np.zeros((groups, 2 * SIX * _DISTANCE), np.float32), np.zeros(groups * SIX, np.float32)
    for i in range(len(bounds) - 1):
        n = _subsample(tokens[bounds[i] : bounds[i + 1]], keep, kept, state)
        if n < 2:
            continue
        _draw(drawn[:n], negatives, state)
        now = f32(rate + (last_rate - rate) * (bounds[i] - bounds[0]) / (bounds[-1] - bounds[0]))
        for k in range(n):
            m = _context(kept[:n], k, 1 + _below(window, state), context)
            _window(context[:m], kept[k], drawn[k], inputs, outputs, now, work, rates, nobody)
