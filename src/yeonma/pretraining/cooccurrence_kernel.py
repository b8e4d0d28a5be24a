"""Counting which words stand near each other, compiled: into a table where it pays, else into a buffer of keys.

A pair of words is counted once, the more frequent one first: its row `a` ≤ `b`. A key holds a, b and the distance of
the two words in its 64 bits, so that a buffer of pairs is one array that numpy sorts in place.
"""

from __future__ import annotations

import numpy as np

from yeonma.pretraining.kernels import compiled

WORD_BITS, DISTANCE_BITS = 28, 8

i64, u64 = np.int64, np.uint64


@compiled
def count_pairs(
    tokens: np.ndarray,
    bounds: np.ndarray,
    window: int,
    weights: np.ndarray,
    table: np.ndarray,
    offsets: np.ndarray,
    limits: np.ndarray,
    keys: np.ndarray,
    cursor: np.ndarray,
) -> bool:
    """Count the pairs of the texts between `bounds`; False when `keys` is full: empty it and call again.

    weights  (window + 1,) float64 what a pair counts at each distance
    table    cells of float64; the pair (a, b) with b < limits[a] is counted in table[offsets[a] + b]
    keys     (any,) uint64; every other pair becomes a key here
    cursor   (3,) int64, changed in place: the text and the place to go on from, how many keys are in use
    """
    first, start, filled = cursor
    for text in range(first, len(bounds) - 1):
        for place in range(max(bounds[text], start), bounds[text + 1]):
            if filled + window > len(keys):
                cursor[0], cursor[1], cursor[2] = text, place, filled
                return False
            here = i64(tokens[place])
            for before in range(max(bounds[text], place - window), place):
                there = i64(tokens[before])
                a, b = min(here, there), max(here, there)
                if b < limits[a]:
                    table[offsets[a] + b] += weights[place - before]
                else:
                    keys[filled] = (
                        (u64(a) << u64(WORD_BITS + DISTANCE_BITS))
                        | (u64(b) << u64(DISTANCE_BITS))
                        | u64(place - before)
                    )
                    filled += 1
    cursor[0], cursor[1], cursor[2] = 0, 0, filled
    return True


@compiled
def add_up(keys: np.ndarray, start: int, weights: np.ndarray, pairs: np.ndarray, values: np.ndarray) -> tuple[int, int]:
    """Sum sorted keys of one pair to one value, from key `start` on until `pairs` is full or the keys are used up.

    Returns how many pairs there are, and the key to go on from.
    """
    n = 0
    while start < len(keys) and n < len(pairs):
        pair, value = keys[start] >> u64(DISTANCE_BITS), 0.0
        while start < len(keys) and keys[start] >> u64(DISTANCE_BITS) == pair:
            value += weights[i64(keys[start] & u64((1 << DISTANCE_BITS) - 1))]
            start += 1
        pairs[n], values[n] = pair, value
        n += 1
    return n, start
