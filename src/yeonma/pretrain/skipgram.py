"""The skip-gram kernel: stochastic gradient steps over a stretch of a corpus, compiled.

Mikolov et al. 2013, "Distributed representations of words and phrases": the loss of an input word i and an output
word o is −log σ(iₒ·o) − Σ log σ(−i·n) over `negative` words n drawn from unigram^¾. Here the negatives are drawn once
for each centre word and shared by all the words of its window: their rows are fetched once, and a window is a small
matrix product instead of many scattered dot products.

What makes it fast, each measured:
- the dot products of six output rows (a word and five negatives) run in ONE loop over the dimension;
- fetched rows and their gradients stand in one buffer at a constant distance, so that the compiler sees they do not
  overlap; the distance is not a power of two, which would put them all into the same cache lines;
- σ is a table; exp would take a quarter of the time;
- the negatives of a text are drawn before its windows, so that the waits for memory overlap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import njit

SIX = 6
LARGEST_DIM = 1024
_DISTANCE = LARGEST_DIM + 16
_REACH, _STEPS = 8, 64  # the table of σ: |z| < 8, 64 entries for each 1
_SIGMOID = (1 / (1 + np.exp(-np.arange(-_REACH * _STEPS, _REACH * _STEPS + 1) / _STEPS))).astype(np.float32)

u64, f32 = np.uint64, np.float32
F = TypeVar("F", bound=Callable[..., Any])


def _compiled(function: F) -> F:
    compiled: F = njit(nogil=True, cache=True, fastmath=True, error_model="numpy")(function)
    return compiled


@_compiled
def _random(state: np.ndarray) -> np.uint64:
    """xorshift64 (Marsaglia 2003); `state` holds one number, never 0."""
    x = state[0]
    x ^= x << u64(13)
    x ^= x >> u64(7)
    x ^= x << u64(17)
    state[0] = x
    return x


@_compiled
def _below(limit: int, state: np.ndarray) -> int:
    """A whole number from 0 to limit−1, from the upper half of a random one (Lemire 2019, without the rejection)."""
    return np.int64(((_random(state) >> u64(32)) * u64(limit)) >> u64(32))


@_compiled
def _sigmoid(z: np.float32) -> np.float32:
    z = min(max(z, f32(-_REACH)), f32(_REACH))
    return _SIGMOID[np.int64(z * f32(_STEPS) + f32(_REACH * _STEPS + 0.5))]


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
def _fetch(row: np.ndarray, out: np.ndarray, grad: np.ndarray) -> None:
    for j in range(len(row)):
        out[j] = row[j]
        grad[j] = f32(0)


@_compiled
def _add(row: np.ndarray, grad: np.ndarray) -> None:
    for j in range(len(row)):
        row[j] += grad[j]


@_compiled
def _pair(row: np.ndarray, work: np.ndarray, rates: np.ndarray, label: np.float32) -> None:
    """One input row against six output rows: g = rate · (label − σ(z)), z = row · out; only the first has the label.

    work  six output rows, then their gradients, each `_DISTANCE` after the other
    """
    z0 = z1 = z2 = z3 = z4 = z5 = f32(0)
    for j in range(len(row)):
        v = row[j]
        z0 += v * work[j]
        z1 += v * work[_DISTANCE + j]
        z2 += v * work[2 * _DISTANCE + j]
        z3 += v * work[3 * _DISTANCE + j]
        z4 += v * work[4 * _DISTANCE + j]
        z5 += v * work[5 * _DISTANCE + j]
    g0 = rates[0] * (label - _sigmoid(z0))
    g1 = -rates[1] * _sigmoid(z1)
    g2 = -rates[2] * _sigmoid(z2)
    g3 = -rates[3] * _sigmoid(z3)
    g4 = -rates[4] * _sigmoid(z4)
    g5 = -rates[5] * _sigmoid(z5)
    for j in range(len(row)):
        v = row[j]
        work[6 * _DISTANCE + j] += g0 * v
        work[7 * _DISTANCE + j] += g1 * v
        work[8 * _DISTANCE + j] += g2 * v
        work[9 * _DISTANCE + j] += g3 * v
        work[10 * _DISTANCE + j] += g4 * v
        work[11 * _DISTANCE + j] += g5 * v
        row[j] = (
            v
            + g0 * work[j]
            + g1 * work[_DISTANCE + j]
            + g2 * work[2 * _DISTANCE + j]
            + g3 * work[3 * _DISTANCE + j]
            + g4 * work[4 * _DISTANCE + j]
            + g5 * work[5 * _DISTANCE + j]
        )


@_compiled
def _window(
    words: np.ndarray,
    place: int,
    reach: int,
    drawn: np.ndarray,
    inputs: np.ndarray,
    outputs: np.ndarray,
    rate: np.float32,
    work: np.ndarray,
    rates: np.ndarray,
) -> None:
    """The words around words[place] learn to tell it (output row 0) from the negatives drawn for it.

    Unused rows of the last six have rate 0. A negative that is the word itself has rate 0 too.
    """
    centre = words[place]
    _fetch(outputs[centre], work[0], work[0, SIX * _DISTANCE :])
    rates[0] = rate
    for n in range(1, len(drawn) + 1):
        group, at = n // SIX, n % SIX * _DISTANCE
        _fetch(outputs[drawn[n - 1]], work[group, at:], work[group, SIX * _DISTANCE + at :])
        rates[n] = rate if drawn[n - 1] != centre else f32(0)
    for p in range(max(0, place - reach), min(len(words), place + reach + 1)):
        if p != place:
            for group in range(len(work)):
                _pair(inputs[words[p]], work[group], rates[group * SIX :], f32(group == 0))
    _add(outputs[centre], work[0, SIX * _DISTANCE :])
    for n in range(1, len(drawn) + 1):
        _add(outputs[drawn[n - 1]], work[n // SIX, (SIX + n % SIX) * _DISTANCE :])


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
    kept, reaches = np.empty(longest, np.int32), np.empty(longest, np.int32)
    drawn = np.empty((longest, negative), np.int32)
    groups = negative // SIX + 1
    work, rates = np.zeros((groups, 2 * SIX * _DISTANCE), np.float32), np.zeros(groups * SIX, np.float32)
    for i in range(len(bounds) - 1):
        done = (bounds[i] - bounds[0]) / (bounds[-1] - bounds[0])
        n = _subsample(tokens[bounds[i] : bounds[i + 1]], keep, kept, state)
        for k in range(n):
            reaches[k] = 1 + _below(window, state)
            for m in range(negative):
                drawn[k, m] = negatives[_below(len(negatives), state)]
        for k in range(n if n > 1 else 0):
            now = f32(rate + (last_rate - rate) * done)
            _window(kept[:n], k, reaches[k], drawn[k], inputs, outputs, now, work, rates)
