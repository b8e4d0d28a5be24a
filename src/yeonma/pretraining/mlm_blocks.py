"""A corpus packed into blocks of tokens without padding, and the masks on them: whole words, new ones at each step."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np

from yeonma.errors import ConfigError, DataError
from yeonma.records import Progress, silent
from yeonma.text.pretrained import Pretrained

SPECIAL = -1
_CHUNK = 1024
_EOJEOL = re.compile(r"\S+")
_FEWEST = 16  # blocks held out, where they are no more than a tenth
_MASKED, _RANDOM = 0.8, 0.9  # of the chosen tokens 80 % are masked, 10 % replaced, 10 % left


@dataclass(frozen=True, eq=False)
class Blocks:
    """B blocks of exactly T tokens.

    ids    (B, T) int32, special tokens at both ends and between documents
    words  (B, T) int32 the number of the eojeol (a word between blanks) that a token belongs to; −1: a special token
    texts  documents read           left_over  tokens at the end of the corpus that fill no block
    """

    ids: np.ndarray
    words: np.ndarray
    texts: int
    left_over: int


class Masked(NamedTuple):
    """What the model reads and what it is asked.

    ids     (B, T) int64, masked
    places  (M,) int64 the chosen tokens, as numbers of the flattened ids
    labels  (M,) int64 what stood there
    """

    ids: np.ndarray
    places: np.ndarray
    labels: np.ndarray


def pack(texts: Iterable[str], reader: Pretrained, length: int, progress: Progress = silent) -> Blocks:
    """Lay documents one behind the other, what the tokenizer puts behind a text between them, and cut into blocks.

    Blank texts are left out; a block may begin and end inside a document, and its documents see each other ("full
    sentences" of Liu et al. 2019). Memory: eight bytes a token and as much again while cutting, never the texts.
    Raises: ConfigError for blocks too short; DataError when the text fills fewer than two.
    """
    frame = reader.frame(1)
    room = length - len(frame)
    if room < 1:
        raise ConfigError(
            f"corpus.max_length must be more than {len(frame)}, the special tokens of a block; got {length}."
        )
    ids, words, documents, first = array("i"), array("i"), 0, 0
    for rows, numbers in _tokenized(texts, reader):
        if not len(rows):
            continue
        ids.extend(rows)
        words.extend(first + number for number in numbers)
        ids.extend(frame.behind)
        words.extend([SPECIAL] * len(frame.behind))
        documents, first = documents + 1, words[-1 - len(frame.behind)] + 1
        if documents % _CHUNK == 0:
            progress("tokenize", documents, None, "texts")
    progress("tokenize", documents, documents, "texts")
    if not documents:
        raise DataError("The corpus holds no word: all its texts are blank. Check the files and the column.")
    count = len(ids) // room
    if count < 2:
        raise DataError(
            f"The corpus must fill two blocks, one to train on and one to score; it has {len(ids)} tokens, and a block "
            f"takes {room}. Give more text, or lower corpus.max_length."
        )
    return Blocks(
        _framed(ids, count, room, frame.before, frame.behind),
        _framed(words, count, room, (SPECIAL,) * len(frame.before), (SPECIAL,) * len(frame.behind)),
        documents,
        len(ids) - count * room,
    )


def _tokenized(texts: Iterable[str], reader: Pretrained) -> Iterator[tuple[list[int], list[int]]]:
    """For each text that is not blank the ids of its tokens, and the number of the eojeol of each, from 0."""
    rest = (text for text in texts if text.strip())
    while chunk := list(islice(rest, _CHUNK)):
        for text, pieces in zip(chunk, reader.batch(chunk), strict=True):
            begins = [match.start() for match in _EOJEOL.finditer(text)]
            numbers = np.searchsorted(begins, [piece.start for piece in pieces], side="right") - 1
            yield [int(piece.form) for piece in pieces], numbers.tolist()


def _framed(values: array[int], count: int, room: int, before: tuple[int, ...], behind: tuple[int, ...]) -> np.ndarray:
    inner = np.frombuffer(values, np.int32)[: count * room].reshape(count, room)
    ends = (np.broadcast_to(np.array(end, np.int32), (count, len(end))) for end in (before, behind))
    return np.concatenate([next(ends), inner, next(ends)], axis=1)


def held_out(count: int, share: float, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of the blocks to train on, and of those to score: the share of them, but 16 or a tenth at least."""
    many = max(round(share * count), min(_FEWEST, count // 10), 1)
    order = random.permutation(count)
    return np.sort(order[many:]), np.sort(order[:many])


def mask(
    ids: np.ndarray, words: np.ndarray, share: float, mask_id: int, ordinary: np.ndarray, random: np.random.Generator
) -> Masked:
    """Choose words with probability `share` each (one at least) and hide their tokens; all draws come from `random`.

    Of the chosen tokens 80 % become the mask, 10 % one of the `ordinary` pieces, 10 % stay (Devlin et al. 2019); that
    is drawn token by token, as in the whole-word masking that BERT's authors released.
    """
    numbers, word = np.unique(words, return_inverse=True)
    draws = random.random(len(numbers))
    draws[numbers == SPECIAL] = np.inf
    places = np.flatnonzero(draws[word.ravel()] < max(share, np.nextafter(draws.min(), 1)))
    hidden = ids.astype(np.int64)
    labels = hidden.ravel()[places]
    fate = random.random(len(places))
    anything = ordinary[random.integers(0, len(ordinary), len(places))]
    hidden.ravel()[places] = np.where(fate < _MASKED, mask_id, np.where(fate < _RANDOM, anything, labels))
    return Masked(hidden, places, labels)
