"""Compiled loops over n-grams: squeeze, hash, drop repeats, count, renumber, and the logits of a linear model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from yeonma.optim.machine_code import stamped
from yeonma.optim.prefetch import STAMP, ahead

Array = Any

BLANK = 32
SPACES = np.array([chr(code).isspace() for code in range(0x3001)])
START, TURN = np.uint64(14695981039346656037), np.uint64(0x9E3779B97F4A7C15)
WORD_START, WORD_TURN = np.uint64(1099511628211), np.uint64(0xD6E8FEB86659FD93)
U29, U32 = np.uint64(29), np.uint64(32)
WORD, LENGTH, PLACE = 4, 16, 1 << 28  # a spot: place · 2²⁸ + length · 16 + (4 for a word n-gram) + what it is part of
SHARED = 2  # the part of what two texts have in common

SOON = 8  # slots ahead that memory is asked for, besides the two of `ahead`

Kernel = Callable[..., Any]


def compiled(function: Kernel) -> Kernel:
    """Machine code without the interpreter's lock, kept on disk until its file or that of `ahead` changes."""
    made: Kernel = stamped(njit(cache=True, nogil=True, error_model="numpy")(function), STAMP)
    return made


@compiled
def squeeze(codes: Array, bounds: Array, lines: Array, ends: Array) -> int:
    """Each text as a line: a blank, its words with one blank between, a blank; a blank text is an empty line.

    codes, bounds  code points of all texts, and where each begins      lines, ends  the same of the lines; filled
    Returns how much of `lines` is filled.
    """
    p = 0
    ends[0] = 0
    for text in range(bounds.size - 1):
        start = p
        lines[p] = BLANK
        p += 1
        for k in range(bounds[text], bounds[text + 1]):
            code = codes[k]
            if code < SPACES.size and SPACES[code]:
                if lines[p - 1] != BLANK:
                    lines[p] = BLANK
                    p += 1
            else:
                lines[p] = code
                p += 1
        if p == start + 1:
            p = start
        elif lines[p - 1] != BLANK:
            lines[p] = BLANK
            p += 1
        ends[text + 1] = p
    return p


@compiled
def characters(lines: Array, start: int, end: int, longest: int, hashes: Array, spots: Array, p: int) -> int:
    """Append the hashes and spots of the n-grams of 1 to `longest` characters; a hash runs on to the next longer."""
    for i in range(start, end):
        h = START
        for n in range(min(longest, end - i)):
            code = lines[i + n]
            h = (h ^ np.uint64(code)) * TURN
            h ^= h >> U29
            if n > 0 or code != BLANK:  # a lone blank says nothing
                hashes[p] = h
                spots[p] = i * PLACE + (n + 1) * LENGTH
                p += 1
    return p


@compiled
def words(lines: Array, start: int, end: int, longest: int, hashes: Array, spots: Array, p: int) -> int:
    """Append the hashes and spots of the n-grams of 1 to `longest` words between blanks."""
    for i in range(start, end):
        if lines[i] != BLANK or i + 1 >= end:
            continue
        h, k, n = WORD_START, i + 1, 0
        while n < longest and k < end:
            while lines[k] != BLANK:
                h = (h ^ np.uint64(lines[k])) * WORD_TURN
                h ^= h >> U32
                k += 1
            h = (h ^ np.uint64(BLANK)) * WORD_TURN
            hashes[p] = h ^ (h >> U29)
            spots[p] = (i + 1) * PLACE + min(k - i - 1, PLACE // LENGTH - 1) * LENGTH + WORD
            p, n, k = p + 1, n + 1, k + 1
    return p


@compiled
def slot_of(h: int, part: int, shift: int) -> int:
    """The slot of an n-gram of a part: the highest bits of a product (Fibonacci hashing)."""
    slot: int = np.int64(((h ^ (np.uint64(part) * WORD_TURN)) * TURN) >> np.uint64(shift))  # type: ignore[assignment]
    return slot


@compiled
def once(slot: int, spot: int, row: int, last: Array, found: Array, at: Array, p: int) -> int:
    """Append a slot, and its spot where there is room, unless the row has met it."""
    if last[slot] == row:
        return p
    last[slot] = row
    found[p] = slot
    if p < at.size:
        at[p] = spot
    return p + 1


@compiled
def own(places: Array, spots: Array, part: int, row: int, last: Array, found: Array, at: Array, p: int) -> int:
    """Append the slots of a text that its row has not met in this part."""
    for k in range(places.size):
        ahead(last, places, k + SOON)
        p = once(places[k], spots[k] + part, row, last, found, at, p)
    return p


@compiled
def common(places: Array, spots: Array, row: int, seen: Array, found: Array, at: Array, p: int) -> int:
    """Append the slots of a second text that the first has too."""
    for k in range(places.size):
        if seen[1, places[k]] == row:
            p = once(places[k], spots[k] + SHARED, row, seen[0], found, at, p)
    return p


@compiled
def longest_of(ends: Array) -> int:
    """The characters of the longest line."""
    most = 0
    for text in range(ends.size - 1):
        most = max(most, ends[text + 1] - ends[text])
    return most


@compiled
def slots(
    lines: Array, ends: Array, word_ends: Array, parts: int, shape: Array, seen: Array, found: Array, at: Array,
    bounds: Array,
) -> int:  # fmt: skip
    """The slots of each row of `parts` texts, each once: presence, not counts; before them −1, room for the bias.

    ends, word_ends  where the line of a text ends, of characters and of words      shape  longest of both, 64 − bits
    seen   (2, slots) int32 zeros: the row that met a slot last: in its part (line 0), in its first text (line 1)
    found, at  filled: slots, and the spots of the first of them      bounds  filled: where the slots of each row begin
    """
    longest, many, shift = shape[0], shape[1], shape[2]
    most = longest_of(ends) * longest + longest_of(word_ends) * many
    hashes, spots, places = np.empty(most, np.uint64), np.empty(most, np.int64), np.empty(most, np.int64)
    p = 0
    bounds[0] = 0
    for row in range((ends.size - 1) // parts):
        found[p] = -1
        if p < at.size:
            at[p] = -1
        p += 1
        for part in range(parts):
            text = row * parts + part
            count = characters(lines, ends[text], ends[text + 1], longest, hashes, spots, 0)
            count = words(lines, word_ends[text], word_ends[text + 1], many, hashes, spots, count)
            for k in range(count):
                places[k] = slot_of(hashes[k], part, shift)
            p = own(places[:count], spots, part, row + 1, seen[0], found, at, p)
            if parts == 1:
                continue
            for k in range(count):
                places[k] = slot_of(hashes[k], SHARED, shift)
                if part == 0:
                    seen[1, places[k]] = row + 1
            if part == 1:
                p = common(places[:count], spots, row + 1, seen, found, at, p)
        bounds[row + 1] = p
    return p


@compiled
def count(found: Array, counts: Array) -> None:
    """How many rows have each slot."""
    for k in range(found.size):
        ahead(counts, found, k + SOON)
        if found[k] >= 0:
            counts[found[k]] += 1


@compiled
def first_spots(found: Array, at: Array, table: Array, spots: Array) -> None:
    """The first spot of each of the first rows of the table, as many as `spots` is long; row 0 has none."""
    left = spots.size - 1
    for k in range(at.size):
        row = 0 if found[k] < 0 else table[found[k]]
        if 0 < row < spots.size and spots[row] < 0:
            spots[row] = at[k]
            left -= 1
            if left == 0:
                return


@compiled
def renumber(found: Array, bounds: Array, table: Array, starts: Array) -> int:
    """Put rows of the table in place of slots, row 0 (the bias) for −1; slots that have no row are dropped.

    starts  filled: where each row begins now      Returns how much of `found` is left.
    """
    p = 0
    starts[0] = 0
    for row in range(bounds.size - 1):
        found[p] = 0
        p += 1
        for k in range(bounds[row] + 1, bounds[row + 1]):
            ahead(table, found, k + SOON)
            found[p] = table[found[k]]
            p += found[p] > 0
        starts[row + 1] = p
    return p


@compiled
def by_class(ids: Array, starts: Array, golds: Array, counts: Array) -> None:
    """Add up how many rows of each class have each feature: counts (classes, features)."""
    for row in range(starts.size - 1):
        for k in range(starts[row], starts[row + 1]):
            counts[golds[row], ids[k]] += 1


@compiled
def logits(ids: Array, starts: Array, weight: Array, scores: Array) -> None:
    """Fill scores (R, outputs) ← w₀ + Σ w / √n: the first id is the bias, n counts the others."""
    for row in range(starts.size - 1):
        value = np.float32(1 / np.sqrt(max(starts[row + 1] - starts[row] - 1, 1)))
        for o in range(weight.shape[1]):
            z = np.float32(0)
            for k in range(starts[row] + 1, starts[row + 1]):
                z += weight[ids[k], o]
            scores[row, o] = weight[0, o] + value * z
