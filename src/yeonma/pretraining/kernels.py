"""What the kernels of negative sampling share, compiled: random numbers, rows in and out, a row against six others.

What makes them fast, each measured:
- the rows of a stretch of text are fetched into a buffer, learn there, and what they learned is added to the table:
  several threads write into one table without locks (Recht et al. 2011, "Hogwild!"), and seldom;
- rows in a buffer stand at one constant distance, so that the compiler sees they do not overlap; it is no power of two,
  which would put them all into the same cache lines;
- a row, or two, goes with six others through ONE loop over the dimension, whose length is a multiple of 16;
- σ is a table: exp would cost a quarter of the time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import njit

from yeonma.optim.machine_code import stamp, stamped

SIX = 6
LARGEST_DIM = 1024
DISTANCE = LARGEST_DIM + 176
_LANES = 16
_COPIES = 2
_REACH, _STEPS = 8, 64  # the table of σ: |z| < 8, 64 entries for each 1
_SIGMOID = (1 / (1 + np.exp(-np.arange(-_REACH * _STEPS, _REACH * _STEPS + 1) / _STEPS))).astype(np.float32)

u64, f32 = np.uint64, np.float32
F = TypeVar("F", bound=Callable[..., Any])
_STAMP = stamp(__file__)


def compiled(function: F) -> F:
    """Machine code, kept on disk until its file or this one changes, that runs without the interpreter's lock."""
    made: F = njit(nogil=True, cache=True, fastmath=True, error_model="numpy")(function)
    return stamped(made, _STAMP)


def inlined(function: F) -> F:
    """The same as a part of what calls it."""
    made: F = njit(nogil=True, inline="always", fastmath=True, error_model="numpy")(function)
    return made


def table(rows: int, dim: int) -> np.ndarray:
    """(rows, width) float32 zeros; width is `dim` rounded up to whole vectors, and every row begins a cache line."""
    width = -(-dim // _LANES) * _LANES
    flat = np.zeros(rows * width + _LANES, np.float32)
    start = -flat.ctypes.data % (4 * _LANES) // 4
    return flat[start : start + rows * width].reshape(rows, width)


@compiled
def buffer(rows: int, width: int) -> np.ndarray:
    """(rows, width) zeros that begin a cache line."""
    flat = np.zeros(rows * width + _LANES, np.float32)
    start = -flat.ctypes.data % (4 * _LANES) // 4
    return flat[start : start + rows * width].reshape(rows, width)


@compiled
def random(state: np.ndarray) -> np.uint64:
    """xorshift64 (Marsaglia 2003); `state` holds one number, never 0."""
    x: np.uint64 = state[0]
    x ^= x << u64(13)
    x ^= x >> u64(7)
    x ^= x << u64(17)
    state[0] = x
    return x


@compiled
def below(limit: int, state: np.ndarray) -> np.int64:
    """A whole number from 0 to limit−1, from the upper half of a random one (Lemire 2019, without the rejection)."""
    return np.int64(((random(state) >> u64(32)) * u64(limit)) >> u64(32))


@inlined
def sigmoid(z: np.float32) -> np.float32:
    """σ to within 0.002; 0 and 1 are never reached."""
    z = min(max(z, f32(-_REACH)), f32(_REACH))
    nearest: np.float32 = _SIGMOID[np.int64(z * f32(_STEPS) + f32(_REACH * _STEPS + 0.5))]
    return nearest


@compiled
def longest_text(bounds: np.ndarray) -> int:
    """How many tokens the longest text has; 0 where there is none."""
    longest = 0
    for i in range(len(bounds) - 1):
        longest = max(longest, int(bounds[i + 1] - bounds[i]))
    return longest


@compiled
def subsample(text: np.ndarray, keep: np.ndarray, kept: np.ndarray, state: np.ndarray) -> int:
    """Copy each token with the probability of its word; returns how many."""
    n = 0
    for token in text:
        if (random(state) >> u64(40)) * f32(2**-24) < keep[token]:
            kept[n] = token
            n += 1
    return n


@compiled
def pool_size(negative: int, times: int, words: int) -> int:
    """How many of so many words are drawn at a time: so many times `negative`, in sixes; half where words are few.

    Of few words the same ones are drawn again and again, and the steps of copies do not see each other.
    """
    most = times * negative
    return -(-min(most, max(-(-most // 2), words // 8)) // SIX) * SIX


@compiled
def draw(ids: np.ndarray, negatives: np.ndarray, state: np.ndarray) -> None:
    """Words from unigram^¾, one for each place."""
    for n in range(len(ids)):
        ids[n] = negatives[below(len(negatives), state)]


@inlined
def whole(width: int) -> int:
    """The width, in a form that tells the compiler it is a multiple of 16."""
    return width // _LANES * _LANES


@compiled
def fetch(rows: np.ndarray, ids: np.ndarray, buffer: np.ndarray, old: np.ndarray) -> None:
    """Copy rows of a table into a buffer, and once more into `old`."""
    width = whole(rows.shape[1])
    for n in range(len(ids)):
        row, new, before = rows[ids[n]], buffer[n], old[n]
        for j in range(width):
            value = row[j]
            new[j] = value
            before[j] = value


@compiled
def damping(ids: np.ndarray, place: int) -> np.float32:
    """How much of what a copy of a row learned counts: all of it for two copies in a buffer, 2/n of it for n.

    The copies do not see each other. Where one word fills a text their sum would overshoot, and diverge.
    """
    copies = 0
    for n in range(len(ids)):
        copies += ids[n] == ids[place]
    return min(f32(1), f32(_COPIES) / f32(copies))


@compiled
def give_back(rows: np.ndarray, ids: np.ndarray, buffer: np.ndarray, old: np.ndarray) -> None:
    """Add to rows of a table what they learned in a buffer."""
    width = whole(rows.shape[1])
    for n in range(len(ids)):
        row, new, before, share = rows[ids[n]], buffer[n], old[n], damping(ids, n)
        for j in range(width):
            row[j] += share * (new[j] - before[j])


@compiled
def against_six(x: np.ndarray, rows: np.ndarray, rates: np.ndarray, first: float, others: float, width: int) -> None:
    """A row x learns from six rows of a buffer, and they from it: g = rate · (label − σ(z)), z = row · x.

    first, others  the label of the first row and that of the other five: 1 it belongs to x, 0 it was drawn
    """
    width = whole(width)
    z0 = z1 = z2 = z3 = z4 = z5 = f32(0)
    for j in range(width):
        v = x[j]
        z0 += v * rows[j]
        z1 += v * rows[DISTANCE + j]
        z2 += v * rows[2 * DISTANCE + j]
        z3 += v * rows[3 * DISTANCE + j]
        z4 += v * rows[4 * DISTANCE + j]
        z5 += v * rows[5 * DISTANCE + j]
    other = f32(others)
    g0, g1, g2 = (
        rates[0] * (f32(first) - sigmoid(z0)),
        rates[1] * (other - sigmoid(z1)),
        rates[2] * (other - sigmoid(z2)),
    )
    g3, g4, g5 = rates[3] * (other - sigmoid(z3)), rates[4] * (other - sigmoid(z4)), rates[5] * (other - sigmoid(z5))
    for j in range(width):
        v = x[j]
        a, b, c = rows[j], rows[DISTANCE + j], rows[2 * DISTANCE + j]
        d, e, f = rows[3 * DISTANCE + j], rows[4 * DISTANCE + j], rows[5 * DISTANCE + j]
        rows[j] = a + g0 * v
        rows[DISTANCE + j] = b + g1 * v
        rows[2 * DISTANCE + j] = c + g2 * v
        rows[3 * DISTANCE + j] = d + g3 * v
        rows[4 * DISTANCE + j] = e + g4 * v
        rows[5 * DISTANCE + j] = f + g5 * v
        x[j] = v + g0 * a + g1 * b + g2 * c + g3 * d + g4 * e + g5 * f


@compiled
def two_against_six(x: np.ndarray, y: np.ndarray, rows: np.ndarray, rate: float, rate_y: float, width: int) -> None:
    """Two rows against six drawn ones (label 0), each with its rate: half as many loads as one after the other."""
    width = whole(width)
    z0 = z1 = z2 = z3 = z4 = z5 = f32(0)
    y0 = y1 = y2 = y3 = y4 = y5 = f32(0)
    for j in range(width):
        v, w = x[j], y[j]
        z0 += v * rows[j]
        y0 += w * rows[j]
        z1 += v * rows[DISTANCE + j]
        y1 += w * rows[DISTANCE + j]
        z2 += v * rows[2 * DISTANCE + j]
        y2 += w * rows[2 * DISTANCE + j]
        z3 += v * rows[3 * DISTANCE + j]
        y3 += w * rows[3 * DISTANCE + j]
        z4 += v * rows[4 * DISTANCE + j]
        y4 += w * rows[4 * DISTANCE + j]
        z5 += v * rows[5 * DISTANCE + j]
        y5 += w * rows[5 * DISTANCE + j]
    p, q = f32(-rate), f32(-rate_y)
    g0, g1, g2, g3, g4, g5 = (
        p * sigmoid(z0), p * sigmoid(z1), p * sigmoid(z2), p * sigmoid(z3), p * sigmoid(z4), p * sigmoid(z5)
    )  # fmt: skip
    h0, h1, h2, h3, h4, h5 = (
        q * sigmoid(y0), q * sigmoid(y1), q * sigmoid(y2), q * sigmoid(y3), q * sigmoid(y4), q * sigmoid(y5)
    )  # fmt: skip
    for j in range(width):
        v, w = x[j], y[j]
        a, b, c = rows[j], rows[DISTANCE + j], rows[2 * DISTANCE + j]
        d, e, f = rows[3 * DISTANCE + j], rows[4 * DISTANCE + j], rows[5 * DISTANCE + j]
        rows[j] = a + g0 * v + h0 * w
        rows[DISTANCE + j] = b + g1 * v + h1 * w
        rows[2 * DISTANCE + j] = c + g2 * v + h2 * w
        rows[3 * DISTANCE + j] = d + g3 * v + h3 * w
        rows[4 * DISTANCE + j] = e + g4 * v + h4 * w
        rows[5 * DISTANCE + j] = f + g5 * v + h5 * w
        x[j] = v + g0 * a + g1 * b + g2 * c + g3 * d + g4 * e + g5 * f
        y[j] = w + h0 * a + h1 * b + h2 * c + h3 * d + h4 * e + h5 * f


@compiled
def apart(hidden: np.ndarray, pool: np.ndarray, rates: np.ndarray, size: int) -> None:
    """Rows learn to be told from the words of a pool, two at a time; behind the last one stands a row of rate 0."""
    rates[size] = 0
    flat, width = pool.reshape(-1), hidden.shape[1]
    for place in range(0, size, 2):
        for n in range(0, len(pool), SIX):
            rows = flat[n * DISTANCE :]
            two_against_six(hidden[place], hidden[place + 1], rows, rates[place], rates[place + 1], width)
