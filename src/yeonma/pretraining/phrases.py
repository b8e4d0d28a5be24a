"""Phrases: two words that stand together far more often than chance would have it become one word, a_b."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from yeonma.pretraining.corpus import Corpus, Counted, remove, written
from yeonma.records import Progress, silent
from yeonma.text.phrases import joined_form

CAP = 4_000_000
"""Pairs counted at a time; counting takes up to about 200 MB."""
_BLOCK = 1 << 19


def joined(raw: Corpus, threshold: float, discount: int, folder: Path, progress: Progress = silent) -> Corpus:
    """A corpus whose phrases are words of their own, its tokens written into `folder`.

    Mikolov et al. 2013, "Distributed Representations of Words and Phrases", equation 6, times the number of tokens N
    as word2phrase does: two words of a text, one behind the other, are a phrase where
        (count(ab) − δ) / (count(a) · count(b)) · N > threshold
    with δ = `discount`; words met less than δ times are in no phrase. A text is joined from its start to its end: of
    a b c, where a b and b c are phrases, a_b and c are left.
    """
    pairs = scored(raw, *pair_counts(raw, discount, progress), threshold, discount)
    if not len(pairs):
        return raw
    forms = [(raw.words[a], raw.words[b]) for a, b in zip(*divmod(pairs, len(raw.words)), strict=True)]
    counted = Counted(raw.words)
    names = counted.rows([joined_form(*form) for form in forms])
    tokens, bounds = written(folder, "joined-", _rewritten(raw, pairs, names, counted, progress))
    remove(folder, "joined-")
    return Corpus(list(counted.index), counted.counts, tokens, bounds, pairs=forms)


def pair_counts(raw: Corpus, least: int, progress: Progress = silent) -> tuple[np.ndarray, np.ndarray]:
    """(P,) int64 pairs a · V + b in rising order, and (P,) int64 how often b stands behind a in a text.

    Only words met `least` times. When there are more than `CAP` pairs the rarest are forgotten until half are left
    (as word2phrase does), so that memory stays bounded; a pair that was forgotten counts from 0 when it comes again.
    """
    pairs, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
    frequent, done = raw.counts >= least, 0
    for tokens, bounds in _blocks(raw):
        behind = _inside(bounds, len(tokens)) & frequent[tokens[:-1]] & frequent[tokens[1:]]
        new = tokens[:-1][behind].astype(np.int64) * len(raw.words) + tokens[1:][behind]
        pairs, counts = _sum(pairs, counts, *np.unique(new, return_counts=True))
        floor = _floor(counts)
        pairs, counts = pairs[counts > floor], counts[counts > floor]
        done += len(tokens)
        progress("count pairs", done, len(raw.tokens), "words")
    return pairs, counts


def _floor(counts: np.ndarray) -> int:
    """The least count up to which pairs are forgotten; 0 where all have room."""
    floor = 0
    while (counts > floor).sum() > (CAP // 2 if floor else CAP):
        floor += 1
    return floor


def scored(raw: Corpus, pairs: np.ndarray, counts: np.ndarray, threshold: float, discount: int) -> np.ndarray:
    """Those pairs that are phrases, in rising order."""
    a, b = np.divmod(pairs, len(raw.words))
    chance = raw.counts[a].astype(float) * raw.counts[b]
    found: np.ndarray = pairs[(counts - discount) * float(len(raw.tokens)) > threshold * chance]
    return found


def _blocks(raw: Corpus) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Tokens and bounds of some texts after the other, about `_BLOCK` tokens each."""
    for first, last in pairwise(raw.cuts(_BLOCK).tolist()):
        yield raw.texts(first, last)


def _inside(bounds: np.ndarray, n: int) -> np.ndarray:
    """(n − 1,) bool whether a token and the next one stand in one text."""
    inside = np.ones(n + 1, bool)
    inside[bounds] = False
    return inside[1:n]


def _sum(pairs: np.ndarray, counts: np.ndarray, more: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two sorted tables of counts as one."""
    places = np.searchsorted(pairs, more)
    known = places < len(pairs)
    known[known] = pairs[places[known]] == more[known]
    counts[places[known]] += times[known]
    new = ~known
    return np.insert(pairs, places[new], more[new]), np.insert(counts, places[new], times[new])


def _rewritten(
    raw: Corpus, pairs: np.ndarray, names: np.ndarray, counted: Counted, progress: Progress
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Blocks of tokens whose phrases have the numbers `names`, and the new lengths of their texts."""
    done = 0
    for tokens, bounds in _blocks(raw):
        first = _firsts(tokens, bounds, pairs, len(raw.words))
        after = tokens.copy()
        places = np.flatnonzero(first)
        after[places] = names[np.searchsorted(pairs, _keys(tokens, len(raw.words))[places])]
        left = np.ones(len(tokens), bool)
        left[places + 1] = False
        counted.count(after[left])
        done += len(tokens)
        progress("join phrases", done, len(raw.tokens), "words")
        yield after[left], np.diff(np.concatenate([[0], np.cumsum(left)])[bounds])


def _keys(tokens: np.ndarray, words: int) -> np.ndarray:
    keys: np.ndarray = tokens[:-1].astype(np.int64) * words + tokens[1:]
    return keys


def _firsts(tokens: np.ndarray, bounds: np.ndarray, pairs: np.ndarray, words: int) -> np.ndarray:
    """(n − 1,) bool which tokens begin a phrase, no token being in two: in a run of them every second one does."""
    keys = _keys(tokens, words)
    places = np.minimum(np.searchsorted(pairs, keys), len(pairs) - 1)
    may = (pairs[places] == keys) & _inside(bounds, len(tokens))
    places = np.arange(len(may))
    run = np.maximum.accumulate(np.where(may, 0, places + 1))  # where the run of candidates that a place is in begins
    firsts: np.ndarray = may & ((places - run) % 2 == 0)
    return firsts
